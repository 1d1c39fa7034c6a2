"""Drawings as PNG and PDF, for documents that take no SVG: by resvg, and by svglib with ReportLab (extra `draw`).

Both get the letters of DejaVu Sans from the font files that matplotlib brings, so that no machine needs a font.
"""

from __future__ import annotations

import re
from functools import cache
from importlib import import_module
from io import BytesIO
from pathlib import Path
from types import ModuleType
from typing import Final

import matplotlib as mpl

from keytwin.drawing.painter import FONT
from keytwin.drawing.theme import Theme, darkened
from keytwin.vocabulary.errors import Mistake

FAMILY: Final = "DejaVu Sans"
FACES: Final = (("DejaVuSans.ttf", "normal"), ("DejaVuSans-Bold.ttf", "bold"))
COLOUR: Final = re.compile(r'(fill|stroke)="(#[0-9a-f]{6})"')
STYLE: Final = re.compile(r"<style>.*?</style>", re.DOTALL)
FITTED: Final = re.compile(r' textLength="[^"]*" lengthAdjust="[^"]*"')
ZOOM: Final = 2.0  # pixels for one unit: sharp on today's screens and at a third of a page's width


def as_png(svg: str, theme: Theme = Theme.LIGHT, zoom: float = ZOOM) -> bytes:
    """Return a drawing as PNG; one that follows the reader's system gets the colours of `theme`."""
    resvg = _wanted("resvg_py")
    fonts = [str(_font(name)) for name, _ in FACES]
    png: bytes = bytes(
        resvg.svg_to_bytes(svg_string=settled(svg, theme), zoom=zoom, skip_system_fonts=True, font_files=fonts)
    )
    return png


def as_pdf(svg: str, theme: Theme = Theme.LIGHT) -> bytes:
    """Return a drawing as PDF, its lines and letters as such; equal drawings give equal bytes."""
    svglib, renderer, canvas = (
        _wanted("svglib.svglib"),
        _wanted("reportlab.graphics.renderPDF"),
        _wanted("reportlab.pdfgen.canvas"),
    )
    _register_fonts()
    # svglib knows no textLength; the letters are the same ones, so they have that length anyway.
    plain = FITTED.sub("", settled(svg, theme)).replace(FONT, FAMILY)
    drawing = svglib.svg2rlg(BytesIO(plain.encode()))
    if drawing is None:
        raise Mistake(
            "this is no SVG that can be made a PDF: draw it with `draw_view` or another function of this room"
        )
    buffer = BytesIO()
    page = canvas.Canvas(buffer, pagesize=(drawing.width, drawing.height), invariant=1)
    renderer.draw(drawing, page, 0, 0)
    page.showPage()
    page.save()
    return buffer.getvalue()


def settled(svg: str, theme: Theme) -> str:
    """Return a drawing with fixed colours and no style sheet; one that is dark already stays so."""
    assert theme is not Theme.AUTO, "a picture without CSS is light or dark"
    # Only a drawing that follows the reader's system has a style sheet; one that is dark already must not be darkened
    # again.
    plain, is_open = STYLE.subn("", svg)
    if theme is Theme.LIGHT or not is_open:
        return plain
    dark = darkened()
    return COLOUR.sub(lambda found: f'{found[1]}="{dark.get(found[2], found[2])}"', plain)


def _wanted(name: str) -> ModuleType:
    """Import a library of the extra; Mistake when it is not installed."""
    try:
        return import_module(name)
    except ModuleNotFoundError as missing:
        raise Mistake(
            f'PNG and PDF need the extra "draw", of which {missing.name} is not installed: pip install "keytwin[draw]"'
        ) from missing


@cache
def _register_fonts() -> None:
    """Make the font known to the PDF library, once a process."""
    svglib = _wanted("svglib.svglib")
    for name, weight in FACES:
        svglib.register_font(FAMILY, font_path=str(_font(name)), weight=weight)


def _font(name: str) -> Path:
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / name
