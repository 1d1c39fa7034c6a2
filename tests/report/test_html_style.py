"""Colours of reports can be read by everybody, and paper stays white."""

from __future__ import annotations

import pytest

from keytwin.report.html_style import DARK, LIGHT, READ, RULES, style_sheet

ENOUGH = 4.5  # WCAG 2.2, 1.4.3


def luminance(colour: str) -> float:
    """Return the relative luminance of WCAG 2.2."""
    shares = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    red, green, blue = (each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in shares)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    dark, light = sorted((luminance(one), luminance(other)))
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("colours", [LIGHT, DARK], ids=["light", "dark"])
@pytest.mark.parametrize(("ink", "ground"), READ)
def test_text_differs_enough_from_what_it_stands_on(colours: dict[str, str], ink: str, ground: str) -> None:
    assert contrast(colours[ink], colours[ground]) >= ENOUGH


def test_both_themes_have_the_same_colours() -> None:
    assert LIGHT.keys() == DARK.keys()


def test_every_colour_that_is_used_is_there_and_every_one_is_used() -> None:
    for name in LIGHT:
        assert f"var(--{name})" in RULES
    assert RULES.count("var(--") == sum(RULES.count(f"var(--{name})") for name in LIGHT)


def test_darkness_is_for_screens() -> None:
    assert "@media screen and (prefers-color-scheme:dark)" in style_sheet()
    assert "@media (prefers-color-scheme" not in style_sheet()


def test_there_is_a_size_of_paper() -> None:
    assert "@page{size:A4" in style_sheet()
