"""How wide text is, from the advance widths of DejaVu Sans: the same on every machine, with or without that font.

The painter tells each renderer the measured length, so another font cannot break a layout.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keytwin.drawing.letters import BOLD, REGULAR

THOUSAND: Final = 1000
UNKNOWN: Final = 1200  # wider than any letter of the table: a letter of a script it lacks leaves slack
LINE: Final = 1.25  # line height in font sizes
ASCENT: Final = 0.76  # of capitals and ascenders above the base line, in font sizes
DESCENT: Final = 0.24
ELLIPSIS: Final = "…"


def _table(rows: Iterable[tuple[int, str]]) -> dict[str, int]:
    return {letter: width for width, letters in rows for letter in letters}


_WIDTHS: Final = {False: _table(REGULAR), True: _table(BOLD)}


def width_of(words: str, size: float, *, bold: bool = False) -> float:
    """Return the width of a line of text at a font size, in the same unit as the size."""
    table = _WIDTHS[bold]
    return sum(table.get(letter, UNKNOWN) for letter in words) * size / THOUSAND


def wrap(words: str, size: float, most: float, *, bold: bool = False, lines: int = 12) -> list[str]:
    """Break text into lines of at most `most`, at spaces where it can; what is over `lines` ends in an ellipsis."""
    found = [""]
    for word in words.split():
        longer = f"{found[-1]} {word}".strip()
        if width_of(longer, size, bold=bold) <= most:
            found[-1] = longer
            continue
        pieces = _pieces(word, size, most, bold=bold)
        found = [*found, *pieces] if found[-1] else pieces if len(found) == 1 else [*found[:-1], *pieces]
    if len(found) > lines:
        found = [*found[: lines - 1], shorten(found[lines - 1] + " " + ELLIPSIS, size, most, bold=bold)]
    return found


def shorten(words: str, size: float, most: float, *, bold: bool = False) -> str:
    """Cut a line that is too wide and mark the cut with an ellipsis."""
    if width_of(words, size, bold=bold) <= most:
        return words
    # What was cut before keeps a single ellipsis.
    kept = words.removesuffix(ELLIPSIS).rstrip()
    while kept and width_of(kept + ELLIPSIS, size, bold=bold) > most:
        kept = kept[:-1].rstrip()
    return kept + ELLIPSIS


def _pieces(word: str, size: float, most: float, *, bold: bool) -> list[str]:
    """Break a single word that is wider than a line, after a hyphen, a dot or an underscore when there is one."""
    pieces: list[str] = []
    while width_of(word, size, bold=bold) > most and len(word) > 1:
        # At least one letter comes off each time: in a line narrower than a letter this would never end otherwise.
        fitting = next((n for n in range(len(word) - 1, 1, -1) if width_of(word[:n], size, bold=bold) <= most), 1)
        # A hyphen in the first half is passed over: to break there would waste most of the line.
        soft = [n for n in range(fitting, fitting // 2, -1) if word[n - 1] in "-._/"]
        cut = soft[0] if soft else fitting
        pieces.append(word[:cut])
        word = word[cut:]
    return [*pieces, word]
