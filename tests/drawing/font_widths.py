"""Advance widths of DejaVu Sans, read from the font file that matplotlib brings.

`python -m tests.drawing.font_widths > src/keytwin/drawing/letters.py` writes the table anew.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Final

import matplotlib as mpl
from matplotlib.ft2font import FT2Font, LoadFlags

FACES: Final = {"REGULAR": "DejaVuSans.ttf", "BOLD": "DejaVuSans-Bold.ttf"}
EXTRA: Final = (
    "\u2013\u2014\u2018\u2019\u201c\u201d\u201e\u2026\u2022\u2020\u2021\u2190\u2191\u2192\u2193\u2194\u21a6\u21d2\u21d4"
    "\u2264\u2265\u2260\u2248\u2261\u2218\u2297\u2295\u22a5\u2208\u2209\u2227\u2228\u2200\u2203\u2211\u220f\u221a\u221e"
    "\u2202\u2206\u2207\u2212\u210f\u27e8\u27e9\u2308\u2309\u230a\u230b\u25c6\u25c7\u25b2\u25b3\u25bc\u25bd\u25cf\u25cb"
    "\u25a0\u25a1\u2713\u2717\u0393\u0394\u0398\u039b\u039e\u03a0\u03a3\u03a6\u03a8\u03a9\u0152\u0153"
    "\u2080\u2081\u2082\u2083\u2084\u2085\u2086\u2087\u2088\u2089\u208a\u208b"
    "\u2070\u2074\u2075\u2076\u2077\u2078\u2079\u207a\u207b"
)
"""Signs of formulas, arrows, raised and lowered figures."""
GREEK: Final = map(chr, range(0x3B1, 0x3CA))
CHARACTERS: Final = "".join(
    sorted({*map(chr, range(0x20, 0x7F)), *map(chr, range(0xA0, 0x100)), *EXTRA, *GREEK} - {"\xad"})
)
ROW: Final = 14  # letters: as escapes, they fill a line
HEAD: Final = '''"""Advance widths of DejaVu Sans in thousandths of the font size: `(width, letters that have it)`.

Read from the font file that matplotlib brings by `python -m tests.drawing.font_widths`, and held to it by a test.
"""

from __future__ import annotations

from typing import Final
'''


def widths(face: str) -> dict[int, str]:
    """Group the characters of a face by their advance width; one that the face lacks is left out."""
    font = FT2Font(str(Path(mpl.get_data_path()) / "fonts/ttf" / FACES[face]))
    font.set_size(1000, 72)
    found: dict[int, str] = {}
    for letter in CHARACTERS:
        if index := font.get_char_index(ord(letter)):
            width = round(
                font.load_glyph(index, LoadFlags.NO_HINTING | LoadFlags.NO_SCALE).horiAdvance * 1000 / font.units_per_EM
            )
            found[width] = found.get(width, "") + letter
    return dict(sorted(found.items()))


def module() -> str:
    """Return the text of `keytwin.drawing.letters`, as the formatter leaves it."""
    tables = []
    for face in FACES:
        rows = "".join(
            f"    ({width}, {_quoted(letters[start : start + ROW])}),\n"
            for width, letters in widths(face).items()
            for start in range(0, len(letters), ROW)
        )
        tables.append(f"\n{face}: Final = (\n{rows})\n")
    return HEAD + "".join(tables)


def _quoted(letters: str) -> str:
    """Quote letters as the formatter does: with the quotation mark that needs no backslash, if there is one."""
    mark = "'" if '"' in letters and "'" not in letters else '"'
    plain = letters.replace("\\", "\\\\").replace(mark, "\\" + mark)
    return mark + "".join(f"\\u{ord(each):04x}" if ord(each) > 0x7E else each for each in plain) + mark


if __name__ == "__main__":
    sys.stdout.write(module())
