"""Straight lines in any direction, as the map of a network has them: where they meet boxes, what lies beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Final

from keytwin.drawing.geometry import Box, Point

SHARES: Final = (0.5, 0.38, 0.62, 0.28, 0.72, 0.2, 0.8)
"""Of a way, where something may lie beside it."""
GAP: Final = 5.0


def across(start: Point, end: Point) -> Point:
    """Return the direction at right angles to a line, of length 1; upwards for a line that runs to the right."""
    dx, dy = end.x - start.x, end.y - start.y
    length = (dx * dx + dy * dy) ** 0.5 or 1.0
    return Point(dy / length, -dx / length)


def meets(start: Point, end: Point, box: Box) -> bool:
    """Whether a straight line goes through a box (Liang and Barsky)."""
    low, high = 0.0, 1.0
    for at, way, least, most in (
        (start.x, end.x - start.x, box.x, box.right),
        (start.y, end.y - start.y, box.y, box.bottom),
    ):
        if abs(way) < 1e-9:
            if not least < at < most:
                return False
            continue
        enters, leaves = sorted(((least - at) / way, (most - at) / way))
        low, high = max(low, enters), min(high, leaves)
    return low < high


def border(box: Box, outside: Point, *, is_round: bool = False) -> Point:
    """Return where a line from the middle of a box to a point leaves the box, or the circle in it."""
    middle = box.middle
    dx, dy = outside.x - middle.x, outside.y - middle.y
    if is_round:
        share = box.width / 2 / ((dx * dx + dy * dy) ** 0.5 or 1.0)
    else:
        shares = [half / abs(way) for half, way in ((box.width / 2, dx), (box.height / 2, dy)) if abs(way) > 1e-9]
        share = min(shares, default=0.0)
    return Point(middle.x + dx * share, middle.y + dy * share)


def beside(points: Sequence[Point], width: float, height: float, clear: float = 0.0) -> Iterator[Point]:
    """Give middles for a box of some size beside a way, `clear` of what stands on it, the best place first."""
    for share in SHARES:
        at, normal = _along(points, share)
        # How far a box reaches in the direction of the normal: beside the way it must not touch it.
        reach = (abs(normal.x) * width + abs(normal.y) * height) / 2 + GAP + clear
        for away in (reach, -reach):
            yield at.moved(normal.x * away, normal.y * away)


def _along(points: Sequence[Point], share: float) -> tuple[Point, Point]:
    """Return the point at a share of a way's length, and the direction at right angles to the way there."""
    lengths = [((end.x - start.x) ** 2 + (end.y - start.y) ** 2) ** 0.5 for start, end in pairwise(points)]
    left = share * sum(lengths)
    for (start, end), length in zip(pairwise(points), lengths, strict=True):
        if left <= length and length:
            part = left / length
            return Point(start.x + (end.x - start.x) * part, start.y + (end.y - start.y) * part), across(start, end)
        left -= length
    return points[-1], across(points[0], points[-1])
