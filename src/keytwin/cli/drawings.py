"""What `keytwin views` draws: each view, the sheets before and after, the OVM, and the picture above it."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from keytwin.design.composition import Architecture, Composition
    from keytwin.design.variability import Configuration, Ovm


class Form(StrEnum):
    """Of a drawing's file."""

    SVG = "svg"
    PNG = "png"
    PDF = "pdf"


def draw_architecture(found: Architecture, ovm: Ovm, folder: Path, form: Form) -> int:
    """Draw an architecture and what it was chosen from, and return the number of files; Mistake without the extra."""
    from keytwin.drawing.svg import draw_composition

    drawings = dict(_variability(ovm, found.configuration))
    # Paper A, Figs. 7a and 7b: all views of a selection side by side, as they came and as they fit.
    for name, composition in (("before", found.before), ("after", found.after)):
        drawings[name] = draw_composition(composition.model, composition.views, f"{ovm.name}: {name}")
        drawings |= dict(_views(composition, f"{name}/"))
    return _written(drawings, folder, form)


def draw_library(family: Composition, ovm: Ovm, folder: Path, form: Form) -> int:
    """Draw the views of all variants, the OVM and the picture above it, and return the number of files."""
    return _written({**dict(_variability(ovm, None)), **dict(_views(family, ""))}, folder, form)


def _variability(ovm: Ovm, configuration: Configuration | None) -> Iterator[tuple[str, str]]:
    from keytwin.drawing.svg import draw_ovm, draw_schematic

    yield "ovm", draw_ovm(ovm, configuration)
    yield "schematic", draw_schematic(ovm, configuration)


def _views(composition: Composition, prefix: str) -> Iterator[tuple[str, str]]:
    from keytwin.drawing.svg import draw_view

    for each in composition.views:
        yield f"{prefix}{each.id.removeprefix('view.')}", draw_view(composition.model, each)


def _written(drawings: dict[str, str], folder: Path, form: Form) -> int:
    # Everything is made before anything is written: without the extra no half of it stays behind.
    files = {f"{name}.{form}": _as(form, drawing) for name, drawing in drawings.items()}
    for name, octets in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(octets)
    return len(files)


def _as(form: Form, drawing: str) -> bytes:
    if form is Form.SVG:
        return drawing.encode()
    from keytwin.drawing.raster import as_pdf, as_png

    return as_png(drawing) if form is Form.PNG else as_pdf(drawing)
