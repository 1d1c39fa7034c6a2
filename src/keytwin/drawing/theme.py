"""Colours of drawings, for light and for dark.

Hues after Okabe and Ito, "Color Universal Design", toned down for areas: they are told apart with every common colour
vision, and nothing is said by colour alone.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keytwin.drawing.scene import Role


class Theme(StrEnum):
    """How a drawing is coloured."""

    AUTO = "auto"
    """Light; dark where the reader's system asks for it, by CSS that other renderers pass over."""
    LIGHT = "light"
    DARK = "dark"


LIGHT: Final = MappingProxyType(
    {
        "paper": "#ffffff",
        "ink": "#1f2933",
        "soft": "#5b6774",
        "line": "#4a5763",
        "faint": "#c3cbd3",
        "rail": "#8d99a5",
        "earth": "#f0ece4",
        "fill": "#f4f7fa",
        "head": "#e6ecf2",
        "strong-ink": "#0b5c8f",
        "strong-fill": "#e3f0f9",
        "chosen-ink": "#00694f",
        "chosen-fill": "#d8f1e8",
        "faded-ink": "#75808b",
        "faded-fill": "#fafbfc",
        "faded-line": "#c3cbd3",
        "requires-ink": "#0b5c8f",
        "excludes-ink": "#b04a00",
        "joint-ink": "#8a3c70",
        "joint-fill": "#f7e8f1",
        "nature-1-ink": "#0b67a3",
        "nature-1-fill": "#d9ecf8",
        "nature-2-ink": "#4a5763",
        "nature-2-fill": "#e6ecf2",
        "nature-3-ink": "#00785a",
        "nature-3-fill": "#d8f1e8",
        "nature-4-ink": "#b04a00",
        "nature-4-fill": "#fbe6d6",
        "nature-5-ink": "#8a3c70",
        "nature-5-fill": "#f7e8f1",
    }
)
DARK: Final = MappingProxyType(
    {
        "paper": "#161b22",
        "ink": "#e6edf3",
        "soft": "#a3b0bd",
        "line": "#93a1af",
        "faint": "#3d4855",
        "rail": "#687583",
        "earth": "#24221c",
        "fill": "#212a34",
        "head": "#2c3744",
        "strong-ink": "#7cc3f0",
        "strong-fill": "#16364d",
        "chosen-ink": "#6fd6b4",
        "chosen-fill": "#123d32",
        "faded-ink": "#8c98a5",
        "faded-fill": "#1a2028",
        "faded-line": "#3d4855",
        "requires-ink": "#7cc3f0",
        "excludes-ink": "#f2a468",
        "joint-ink": "#e29ac4",
        "joint-fill": "#43263a",
        "nature-1-ink": "#7cc3f0",
        "nature-1-fill": "#16364d",
        "nature-2-ink": "#93a1af",
        "nature-2-fill": "#2c3744",
        "nature-3-ink": "#6fd6b4",
        "nature-3-fill": "#123d32",
        "nature-4-ink": "#f2a468",
        "nature-4-fill": "#4a2d14",
        "nature-5-ink": "#e29ac4",
        "nature-5-fill": "#43263a",
    }
)

INKS: Final = MappingProxyType(
    {
        Role.PLAIN: ("ink", "line", "fill"),
        Role.QUIET: ("soft", "faint", "paper"),
        Role.STRONG: ("ink", "strong-ink", "strong-fill"),
        Role.CHOSEN: ("chosen-ink", "chosen-ink", "chosen-fill"),
        Role.FADED: ("faded-ink", "faded-line", "faded-fill"),
        Role.LANE: ("ink", "faint", "paper"),
        Role.HEADER: ("ink", "faint", "head"),
        Role.REQUIRES: ("requires-ink", "requires-ink", "paper"),
        Role.EXCLUDES: ("excludes-ink", "excludes-ink", "paper"),
        Role.GROUND: ("ink", "faint", "earth"),
        Role.OUTLINE: ("ink", "line", "none"),
        Role.LIFELINE: ("soft", "rail", "none"),
        Role.JOINT: ("joint-ink", "joint-ink", "joint-fill"),
        Role.NATURE_1: ("nature-1-ink", "nature-1-ink", "nature-1-fill"),
        Role.NATURE_2: ("nature-2-ink", "nature-2-ink", "nature-2-fill"),
        Role.NATURE_3: ("nature-3-ink", "nature-3-ink", "nature-3-fill"),
        Role.NATURE_4: ("nature-4-ink", "nature-4-ink", "nature-4-fill"),
        Role.NATURE_5: ("nature-5-ink", "nature-5-ink", "nature-5-fill"),
    }
)
"""Of each role the colours of text, of lines and of areas."""


def colour(theme: Theme, name: str) -> str:
    """Return a colour as SVG takes it; what follows the reader's system is light until its style sheet says else.

    Never a CSS variable: text processors and most converters know none and would paint everything black.
    """
    if name == "none":
        return name
    return (DARK if theme is Theme.DARK else LIGHT)[name]


def darkened() -> dict[str, str]:
    """Return the dark colour for each light one."""
    # Needs every light colour to stand for one dark one, for CSS sees only colours and no names; a test holds that.
    return {LIGHT[name]: DARK[name] for name in LIGHT}


def style_sheet() -> str:
    """Return CSS that puts dark colours in the place of light ones; a rule of CSS wins over an attribute."""
    rules = "".join(
        f'.keytwin-drawing [{what}="{light}"]{{{what}:{dark}}}'
        for light, dark in darkened().items()
        for what in ("fill", "stroke")
    )
    return f"@media (prefers-color-scheme:dark){{{rules}}}"
