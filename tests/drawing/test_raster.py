"""PNG and PDF of drawings, and what is said where the extra is missing."""

from __future__ import annotations

import re
import sys
import zlib

import pytest

from keytwin.drawing.raster import as_pdf, as_png, settled
from keytwin.drawing.svg import draw_view
from keytwin.drawing.theme import DARK, LIGHT, Theme
from keytwin.vocabulary.errors import Mistake
from tests.drawing.samples import needs

DRAWN = draw_view(*needs())


def size_of(png: bytes) -> tuple[int, int]:
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    return int.from_bytes(png[16:20], "big"), int.from_bytes(png[20:24], "big")


def test_a_png_has_the_size_of_its_drawing_times_the_zoom() -> None:
    pytest.importorskip("resvg_py")
    small, large = size_of(as_png(DRAWN, zoom=1)), size_of(as_png(DRAWN, zoom=2))
    assert large == pytest.approx((2 * small[0], 2 * small[1]), abs=2)
    wanted = re.search(r'width="([0-9.]+)" height="([0-9.]+)" role', DRAWN)
    assert wanted
    assert small == pytest.approx((float(wanted[1]), float(wanted[2])), abs=1)


def test_a_png_is_the_same_each_time_and_other_in_the_dark() -> None:
    pytest.importorskip("resvg_py")
    assert as_png(DRAWN) == as_png(DRAWN)
    assert as_png(DRAWN) != as_png(DRAWN, Theme.DARK)


def test_a_pdf_is_a_page_with_the_letters_of_the_drawing() -> None:
    pytest.importorskip("svglib")
    pdf = as_pdf(DRAWN)
    assert pdf.startswith(b"%PDF-")
    assert b"DejaVuSans" in pdf
    assert pdf == as_pdf(DRAWN)


def test_colours_are_settled_by_the_theme() -> None:
    assert LIGHT["ink"] in settled(DRAWN, Theme.LIGHT)
    assert DARK["ink"] in settled(DRAWN, Theme.DARK)
    assert "var(" not in settled(DRAWN, Theme.DARK)
    assert "<style>" not in settled(DRAWN, Theme.DARK)
    assert zlib.crc32(settled(DRAWN, Theme.DARK).encode()) != zlib.crc32(settled(DRAWN, Theme.LIGHT).encode())


@pytest.mark.parametrize(("library", "draw"), [("resvg_py", as_png), ("svglib.svglib", as_pdf)])
def test_a_missing_extra_is_named(library: str, draw: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, library, None)
    assert callable(draw)
    with pytest.raises(Mistake, match=r'pip install "keytwin\[draw\]"'):
        draw(DRAWN)
