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
EXTRA: Final = "–—‘’“”„…•†‡←↑→↓↔↦⇒⇔≤≥≠≈≡±×÷·∘⊗⊕⊥∈∉∧∨¬∀∃∑∏√∞∂∆∇ℏ⟨⟩⟩⌈⌉⌊⌋◆◇▲△▼▽●○■□✓✗ΓΔΘΛΞΠΣΦΨΩαβγδεζηθικλμνξοπρσςτυφχψω₀₁₂₃₄₅₆₇₈₉₊₋⁰¹²³⁴⁵⁶⁷⁸⁹⁺⁻½¼¾Œœ"
CHARACTERS: Final = "".join(sorted({*map(chr, range(0x20, 0x7F)), *map(chr, range(0xA0, 0x100)), *EXTRA} - {"\xad"}))
ROW: Final = 14  # letters: as escapes, they fill a line
HEAD: Final = '''"""Advance widths of the letters of DejaVu Sans in thousandths of the font size: `(width, letters of that width)`.

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
    escaped = "".join(
        f"\\u{ord(each):04x}" if ord(each) > 0x7E else each
        for each in letters.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{escaped}"'


if __name__ == "__main__":
    sys.stdout.write(module())
