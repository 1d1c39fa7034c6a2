"""Several drawings on one sheet: the views of a composition side by side, as paper A shows them in Figs. 7a and 7b."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from keytwin.drawing.geometry import Point
from keytwin.drawing.metrics import width_of
from keytwin.drawing.scene import Scene, Text, moved

GAP: Final = 14.0
HEAD: Final = 40.0
SIZE: Final = 16.0
MARGIN: Final = 10.0
PROPORTION: Final = 1.45  # of the width of a sheet to its height


def sheet(scenes: Sequence[Scene], title: str, about: str = "", name: str = "sheet") -> Scene:
    """Put drawings in rows, in their order, on a sheet that is somewhat wider than high."""
    width = max([*(scene.width for scene in scenes), (PROPORTION * sum(s.width * s.height for s in scenes)) ** 0.5])
    rows: list[list[Scene]] = []
    for scene in scenes:
        if rows and sum(each.width + GAP for each in rows[-1]) + scene.width <= width:
            rows[-1].append(scene)
        else:
            rows.append([scene])
    placed: list[Scene] = []
    y = HEAD if title else 0.0
    reached = width_of(title, SIZE, bold=True) + 4 * MARGIN
    for row in rows:
        x = 0.0
        for scene in row:
            placed.append(moved(scene, x, y, f"{scene.id}/"))
            x += scene.width + GAP
        reached = max(reached, x - GAP)
        y += max(scene.height for scene in row) + GAP
    heading = (Text(title, Point(2 * MARGIN, 28), SIZE, bold=True),) if title else ()
    return Scene(
        id=name,
        title=title or "Sheet",
        about=about or ", ".join(scene.title for scene in scenes),
        width=reached,
        height=max(y - GAP, HEAD),
        nodes=tuple(node for scene in placed for node in scene.nodes),
        sockets=tuple(socket for scene in placed for socket in scene.sockets),
        wires=tuple(wire for scene in placed for wire in scene.wires),
        labels=tuple(label for scene in placed for label in scene.labels),
        marks=tuple(mark for scene in placed for mark in scene.marks),
        texts=(*heading, *(text for scene in placed for text in scene.texts)),
    )
