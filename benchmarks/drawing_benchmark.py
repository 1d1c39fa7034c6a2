"""Drawings: milliseconds for one of each kind, from a model to the text of an SVG file."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.table import Row, best_rate
from keytwin.drawing.svg import draw_ovm, draw_schematic, draw_view
from keytwin.files.ovm import library_ovm
from tests.drawing.samples import SAMPLES


def rows() -> Iterator[Row]:
    """Measure each kind on its sample, and the OVM of the library."""
    for sample in SAMPLES:
        model, view = sample()
        yield _row(f"draw {view.kind}, {len(view.shown)} elements", lambda m=model, v=view: draw_view(m, v))
    ovm = library_ovm("qkd")
    yield _row(f"draw OVM of {len(ovm.variants)} variants", lambda: draw_ovm(ovm))
    yield _row("draw schematic", lambda: draw_schematic(ovm))


def _row(name: str, draw: Callable[[], str]) -> Row:
    return Row(name, 1000 / best_rate(lambda: float(bool(draw()))), "ms", is_cost=True, aim=200.0)
