"""Outlines of figures, and where a wire that comes straight at one meets it."""

from __future__ import annotations

from typing import Final

from keytwin.drawing.geometry import Box, Side, number
from keytwin.drawing.scene import Figure, Socket

CORNER: Final = 8.0
NOTCH: Final = 12.0  # of the shapes for sending and accepting
WAY: Final = 3.2  # half an arrow inside a port


def of(figure: Figure, box: Box) -> str:
    """Return the outline of a figure as an SVG path."""
    x, y, right, bottom = box.x, box.y, box.right, box.bottom
    middle = box.middle
    match figure:
        case Figure.ROUND:
            # A radius above half a side would make the outline double back on itself.
            return _rounded(box, min(CORNER, box.height / 2, box.width / 2))
        case Figure.PILL:
            return _rounded(box, min(box.height, box.width) / 2)
        case Figure.DIAMOND:
            return _path((middle.x, y), (right, middle.y), (middle.x, bottom), (x, middle.y))
        case Figure.SEND:
            return _path((x, y), (right - NOTCH, y), (right, middle.y), (right - NOTCH, bottom), (x, bottom))
        case Figure.ACCEPT:
            return _path((x, y), (right, y), (right, bottom), (x, bottom), (x + NOTCH, middle.y))
        case Figure.TRIANGLE:
            return _path((middle.x, y), (right, bottom), (x, bottom))
        case _:
            return _path((x, y), (right, y), (right, bottom), (x, bottom))


def inset(figure: Figure, box: Box, side: Side, offset: float) -> float:
    """Return how far inside the side of its box a figure begins, `offset` away from the side's middle."""
    half = (box.width if side in {Side.TOP, Side.BOTTOM} else box.height) / 2
    depth = (box.height if side in {Side.TOP, Side.BOTTOM} else box.width) / 2
    match figure:
        case Figure.DIAMOND:
            return depth * min(1.0, abs(offset) / half)
        case Figure.DISC | Figure.BULLSEYE:
            # A wire at the very rim may lie beyond it by rounding, and Python's root of a negative number is complex.
            return float(half - max(0.0, half**2 - offset**2) ** 0.5)
        case Figure.SEND if side is Side.RIGHT:
            return NOTCH * min(1.0, abs(offset) / half)
        case Figure.ACCEPT if side is Side.LEFT:
            # This notch points inwards, so it is deepest in the middle, where the point of a sender is not inset at
            # all.
            return NOTCH * (1 - min(1.0, abs(offset) / half))
        case _:
            return 0.0


def ways(socket: Socket) -> list[str]:
    """Return the arrow in a port: into its owner, out of it, or both."""
    if not (socket.inward or socket.outward):
        return []
    middle = socket.box.middle
    inside = {Side.LEFT: (1, 0), Side.RIGHT: (-1, 0), Side.TOP: (0, 1), Side.BOTTOM: (0, -1)}[socket.side]
    strokes = [
        _line(
            middle.x - WAY * inside[0],
            middle.y - WAY * inside[1],
            middle.x + WAY * inside[0],
            middle.y + WAY * inside[1],
        )
    ]
    for way, wanted in ((1, socket.inward), (-1, socket.outward)):
        if wanted:
            dx, dy = inside[0] * way * WAY, inside[1] * way * WAY
            tip = (middle.x + dx, middle.y + dy)
            strokes += [_line(tip[0] - dx * 0.8 - dy * 0.8, tip[1] - dy * 0.8 - dx * 0.8, *tip)]
            strokes += [_line(tip[0] - dx * 0.8 + dy * 0.8, tip[1] - dy * 0.8 + dx * 0.8, *tip)]
    return strokes


def _path(*corners: tuple[float, float]) -> str:
    return "M" + "L".join(f"{number(x)} {number(y)}" for x, y in corners) + "Z"


def _line(x: float, y: float, to_x: float, to_y: float) -> str:
    return f"M{number(x)} {number(y)}L{number(to_x)} {number(to_y)}"


def _rounded(box: Box, radius: float) -> str:
    x, y, right, bottom, r = box.x, box.y, box.right, box.bottom, radius
    arc = f"A{number(r)} {number(r)} 0 0 1 "
    stops = [
        (x + r, y, right - r, y, right, y + r),
        (right, y + r, right, bottom - r, right - r, bottom),
        (right - r, bottom, x + r, bottom, x, bottom - r),
        (x, bottom - r, x, y + r, x + r, y),
    ]
    words = [f"L{number(c)} {number(d)}{arc}{number(e)} {number(f)}" for _, _, c, d, e, f in stops]
    return f"M{number(x + r)} {number(y)}{''.join(words)}Z"
