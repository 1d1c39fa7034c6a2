"""The drawings of a design's folder: the main ones open, the others folded, and the rest named."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Final

from keytwin.report.html_elements import Markup, counted, element, folded, section
from keytwin.report.html_svg import inlined
from keytwin.report.html_wording import Names

VIEWS: Final = "views"
MAIN: Final = (
    (
        "schematic",
        "The picture behind the choices: what of a network each of them stands for, what is chosen in colour.",
    ),
    (
        "ovm",
        "All that can be chosen, as a tree: triangles are questions, boxes are answers; what is chosen stands out.",
    ),
    ("after/structure", "What the network consists of, with everything that was chosen put together."),
)
"""Shown and printed."""
MOST_DRAWINGS: Final = 60  # of views: a report of hundreds would open on no telephone


def drawings(folder: Path, names: Names) -> Markup:
    """Return the drawings that are in a folder; nothing where there are none."""
    views = folder / VIEWS
    shown = list(_main(views))
    others = [path for path in sorted(views.glob("after/*.svg")) if path.stem != "structure"]
    if not shown and not others:
        return Markup()
    return section(
        "architecture",
        "The architecture",
        *shown,
        element("h3", "One drawing for each choice") if others else "",
        *(_view(path, names) for path in others[:MOST_DRAWINGS]),
        element(
            "p",
            f"{counted(len(others), 'drawing')} of single choices are folded here and not printed. All of them, also "
            "as they were before they were fitted together, are in the folder views/ beside this report.",
            class_="soft",
        )
        if others
        else "",
    )


def _main(views: Path) -> Iterator[Markup]:
    for name, about in MAIN:
        path = views / f"{name}.svg"
        if path.is_file():
            svg = inlined(path.read_bytes(), f"{_prefix(path, views)}-", about, str(path))
            yield element("figure", svg, element("figcaption", about), class_="large")


def _view(path: Path, names: Names) -> Markup:
    title = names.of(path.stem)
    svg = inlined(path.read_bytes(), f"{_prefix(path, path.parent.parent)}-", f"Drawing of {title}", str(path))
    return folded(title, element("figure", svg, class_="large"))


def _prefix(path: Path, views: Path) -> str:
    """Return what stands before the identifiers of a drawing, so that those of two never meet."""
    return path.relative_to(views).with_suffix("").as_posix().replace("/", "-").replace(".", "-")
