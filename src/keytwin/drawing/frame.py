"""The frame around a diagram, with its heading in a cut-off corner: UML 2.5, Annex A; SysML 1.7 has the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from keytwin.drawing.geometry import Box, Point, hull
from keytwin.drawing.metrics import width_of
from keytwin.drawing.scene import Figure, Mark, Node, Role, Scene, Text, moved

FRAME: Final = "frame"
MARGIN: Final = 10.0
PAD: Final = 18.0
TAB: Final = 26.0
CUT: Final = 10.0
TITLE_SIZE: Final = 12.5


def framed(content: Scene, *, kind: str, name: str, title: str, about: str, flush: bool = False) -> Scene:
    """Return a scene inside a frame; `kind` is the abbreviation before its title. Flush leaves no space around it."""
    inner = extent(content)
    pad = 0.0 if flush else PAD
    tab = heading_width(kind, title)
    # A title longer than its diagram is wide makes the frame wider; it must not stand out of it.
    width = max(inner.width + 2 * pad, tab + 2 * PAD)
    height = inner.height + 2 * pad + TAB
    left = MARGIN + (width - inner.width) / 2 - inner.x
    shifted = moved(content, left, MARGIN + TAB + pad - inner.y)
    box = Box(MARGIN, MARGIN, width, height)
    frame = Node(id=FRAME, figure=Figure.FRAME, box=box, title=title, role=Role.LANE)
    nodes = tuple(node if node.within else replace(node, within=FRAME) for node in shifted.nodes)
    corner: tuple[str | float, ...] = ("M", box.x, box.y, "L", box.x + tab, box.y, "L", box.x + tab, box.y + TAB - CUT)
    corner += ("L", box.x + tab - CUT, box.y + TAB, "L", box.x, box.y + TAB, "Z")
    return replace(
        shifted,
        id=name,
        title=title,
        about=about,
        width=width + 2 * MARGIN,
        height=height + 2 * MARGIN,
        nodes=(frame, *nodes),
        marks=(Mark(path=corner, role=Role.HEADER, is_filled=True), *shifted.marks),
        texts=(*heading(kind, title, Point(box.x + 10, box.y + 17)), *shifted.texts),
    )


def heading(kind: str, title: str, at: Point) -> tuple[Text, ...]:
    """Return the heading of a diagram: what kind it is, and of what."""
    first = Text(kind, at, TITLE_SIZE, bold=True)
    return first, Text(title, Point(at.x + first.width + 7, at.y), TITLE_SIZE)


def heading_width(kind: str, title: str) -> float:
    """Return the width of the corner that holds the heading."""
    return width_of(kind, TITLE_SIZE, bold=True) + width_of(title, TITLE_SIZE) + 34


def extent(scene: Scene) -> Box:
    """Return the smallest box around everything in a scene."""
    boxes = [node.box for node in scene.nodes] + [socket.box for socket in scene.sockets]
    boxes += [label.box for label in scene.labels] + [text.box for text in scene.texts]
    boxes += [text.box for node in scene.nodes for text in node.texts]
    boxes += [Box(*point, 0, 0) for wire in scene.wires for point in wire.points]
    boxes += [mark_box(mark) for mark in scene.marks]
    return hull(boxes or [Box(0, 0, 0, 0)])


def mark_box(mark: Mark) -> Box:
    """Return the box around the points of a mark."""
    # Control points count as if they were passed. A Bézier curve stays within the hull of its points, so the box may be
    # too large but never too small.
    numbers = [part for part in mark.path if not isinstance(part, str)]
    return hull(Box(x, y, 0, 0) for x, y in zip(numbers[::2], numbers[1::2], strict=True))
