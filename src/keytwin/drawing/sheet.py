"""Several drawings on one sheet: the views of a composition side by side, as paper A shows them in Figs. 7a and 7b."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import chain
from typing import Final, TypeVar

from keytwin.drawing.geometry import Point
from keytwin.drawing.metrics import width_of
from keytwin.drawing.scene import Scene, Text, moved

T = TypeVar("T")

GAP: Final = 14.0
HEAD: Final = 40.0
SIZE: Final = 16.0
MARGIN: Final = 10.0
PROPORTION: Final = 1.45  # of the width of a sheet to its height


def sheet(scenes: Sequence[Scene], title: str, about: str = "", name: str = "sheet") -> Scene:
    """Put drawings in rows, in their order, on a sheet that is somewhat wider than high."""
    placed, reached, bottom = _placed(_rows(scenes), HEAD if title else 0.0)
    reached = max(reached, width_of(title, SIZE, bold=True) + 4 * MARGIN)
    heading = (Text(title, Point(2 * MARGIN, 28), SIZE, bold=True),) if title else ()
    return Scene(
        id=name,
        title=title or "Sheet",
        about=about or ", ".join(scene.title for scene in scenes),
        width=reached,
        height=max(bottom, HEAD),
        nodes=_joined(scene.nodes for scene in placed),
        sockets=_joined(scene.sockets for scene in placed),
        wires=_joined(scene.wires for scene in placed),
        labels=_joined(scene.labels for scene in placed),
        marks=_joined(scene.marks for scene in placed),
        texts=(*heading, *_joined(scene.texts for scene in placed)),
    )


def _placed(rows: Sequence[Sequence[Scene]], top: float) -> tuple[list[Scene], float, float]:
    """Return drawings at their places, and how far to the right and down they reach."""
    placed: list[Scene] = []
    y, reached = top, 0.0
    for row in rows:
        x = 0.0
        for scene in row:
            # Two drawings may show the same element: the prefix keeps their identifiers apart in one file.
            placed.append(moved(scene, x, y, f"{scene.id}/"))
            x += scene.width + GAP
        # The gap after the last drawing of a row is no part of the sheet.
        reached = max(reached, x - GAP)
        y += max(scene.height for scene in row) + GAP
    return placed, reached, y - GAP


def _rows(scenes: Sequence[Scene]) -> list[list[Scene]]:
    """Break drawings into rows for a sheet of the usual proportion."""
    # With their gaps: without them small drawings would all come one below the other, on a sheet higher than wide.
    area = sum((scene.width + GAP) * (scene.height + GAP) for scene in scenes)
    # Never narrower than the widest drawing, which has to fit into some row.
    width = max([*(scene.width for scene in scenes), (PROPORTION * area) ** 0.5])
    rows: list[list[Scene]] = []
    for scene in scenes:
        if rows and sum(each.width + GAP for each in rows[-1]) + scene.width <= width:
            rows[-1].append(scene)
        else:
            rows.append([scene])
    return rows


def _joined(groups: Iterable[tuple[T, ...]]) -> tuple[T, ...]:
    return tuple(chain.from_iterable(groups))
