"""Text is as wide as the table says, and the table says what the font says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.drawing import letters
from keytwin.drawing.metrics import UNKNOWN, shorten, width_of, wrap
from tests.architecture.source import PACKAGE
from tests.drawing.font_widths import CHARACTERS, FACES, module, widths


def test_the_table_is_what_the_font_file_says() -> None:
    assert (PACKAGE / "drawing/letters.py").read_text(encoding="utf-8") == module()


@pytest.mark.parametrize("face", FACES)
def test_the_table_has_every_character_once(face: str) -> None:
    listed = "".join(row[1] for row in getattr(letters, face))
    assert len(listed) == len(set(listed))
    assert set(listed) == set("".join(widths(face).values()))
    assert set(map(chr, range(0x20, 0x7F))) <= set(listed) <= set(CHARACTERS)


def test_width_grows_with_size_and_boldness() -> None:
    assert width_of("key", 20) == pytest.approx(2 * width_of("key", 10))
    assert width_of("key", 10, bold=True) > width_of("key", 10)


def test_an_unknown_letter_counts_as_wider_than_any_known() -> None:
    assert width_of("漢", 10) == UNKNOWN / 100
    widest = max(width for width, _ in (*letters.REGULAR, *letters.BOLD))
    assert widest <= UNKNOWN


TEXT = st.text(st.sampled_from("abcdefg ijkWM-._/漢é"), max_size=60)


@given(TEXT, st.floats(20, 200))
def test_no_wrapped_line_is_too_wide(words: str, most: float) -> None:
    assert all(width_of(line, 12) <= most or len(line) == 1 for line in wrap(words, 12, most, lines=100))


@given(TEXT, st.floats(20, 200))
def test_wrapping_loses_nothing(words: str, most: float) -> None:
    assert "".join(wrap(words, 12, most, lines=100)).replace(" ", "") == words.replace(" ", "")


def test_what_is_over_the_lines_ends_in_an_ellipsis() -> None:
    lines = wrap("one two three four five six", 12, 40, lines=2)
    assert len(lines) == 2
    assert lines[-1].endswith("…")


def test_a_long_word_breaks_after_a_hyphen() -> None:
    assert wrap("entanglement-swapping", 12, 100)[0] == "entanglement-"


def test_shortening_keeps_what_fits() -> None:
    assert shorten("short", 12, 100) == "short"
    assert shorten("rather a long line of text", 12, 60).endswith("…")
    assert width_of(shorten("rather a long line of text", 12, 60), 12) <= 60
