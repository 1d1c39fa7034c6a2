"""Places for the text beside wires: near the middle of a straight piece, upon nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from keytwin.drawing.geometry import Box, Point, stretch
from keytwin.drawing.lattice import Link

GAP: Final = 4.0  # between a wire and its text
CLEAR: Final = 2.0  # around text
FOREIGN: Final = 5.0  # from the wire of another: more than from its own, so that it is seen whose it is
PORT: Final = 8.0  # half of a port, and some air
STEP: Final = 6.0  # along a wire, from one try to the next


@dataclass(frozen=True, slots=True)
class Placing:
    """A label that found no place."""

    key: str
    width: float
    height: float
    lack: float
    """By how much its longest level piece is too short."""
    drop: float
    """By how much its longest upright piece is too short."""


def place_labels(
    boxes: Iterable[Box], links: Sequence[Link], points: Mapping[str, tuple[Point, ...]], *, anywhere: bool = False
) -> tuple[dict[str, Box], tuple[Placing, ...]]:
    """Return where labels lie, and those without room; these lie at their wires all the same if `anywhere`."""
    # Ports are drawn later, at the ends of wires; their places must be kept free from now on.
    solid = [box.grown(CLEAR) for box in boxes] + _ports(links, points)
    lines = [_Stretch(link, stretch(*pair)) for link in links for pair in pairwise(points[link.key])]
    placed: dict[str, Box] = {}
    missing = []
    # Short wires first: they have the least choice.
    wanting = sorted((link for link in links if link.label[0]), key=lambda each: (_length(points[each.key]), each.key))
    for link in wanting:
        # Made anew for each label: its own wire may be nearer than others, and each label placed is in the way of the
        # next.
        taken = [*solid, *(line.kept_from(link) for line in lines), *(box.grown(CLEAR) for box in placed.values())]
        free = _free_place(link, points[link.key], taken)
        if free is None and anywhere:
            # Text upon something else is better than no text: a drawing must not say less than its model.
            free = _free_place(link, points[link.key], ()) or _beside(link, points[link.key])
        if free is None:
            missing.append(_missing(link, points[link.key]))
        else:
            placed[link.key] = free
    return placed, tuple(missing)


@dataclass(frozen=True, slots=True)
class _Stretch:
    """A straight piece of a wire."""

    link: Link
    box: Box

    def kept_from(self, link: Link) -> Box:
        """Return what the label of a link may not lie upon: its own wire may be nearer than those of others."""
        is_own = link.key == self.link.key or (link.bundle and link.bundle == self.link.bundle)
        return self.box if is_own else self.box.grown(FOREIGN)


def _ports(links: Sequence[Link], points: Mapping[str, tuple[Point, ...]]) -> list[Box]:
    ends = [(link.source_port, points[link.key][0]) for link in links]
    ends += [(link.target_port, points[link.key][-1]) for link in links]
    return [Box(at.x, at.y, 0, 0).grown(PORT) for port, at in ends if port]


def _free_place(link: Link, points: Sequence[Point], taken: Sequence[Box]) -> Box | None:
    """Return the first free place: level pieces before upright ones, long before short, the middle before the ends."""
    own = [points[-2:]] if link.bundle else pairwise(points)  # of a bundle, what no other wire shares
    pieces = sorted(((a, b) for a, b in own), key=lambda pair: (pair[0].y != pair[1].y, -_length(pair)))
    # Only what is near this piece can be in the way of its label: this keeps large drawings quick.
    reach = max(link.label) + GAP + 2
    for piece in pieces:
        around = stretch(*piece).grown(reach)
        near = [box for box in taken if box.meets(around)]
        for box in _tries(piece, *link.label):
            if not any(box.meets(other) for other in near):
                return box
    return None


def _beside(link: Link, points: Sequence[Point]) -> Box:
    """Return a place at the beginning of a wire."""
    return Box(points[0].x + GAP, points[0].y + GAP, *link.label)


def _tries(piece: tuple[Point, Point], width: float, height: float) -> Iterable[Box]:
    start, end = piece
    length = _length(piece)
    is_level = start.y == end.y
    room = length - (width if is_level else height)
    # Only a level piece must be as long as its text; beside an upright one, text may stand out above and below.
    if is_level and room < 0:
        return
    middle = Point((start.x + end.x) / 2, (start.y + end.y) / 2)
    reach = max(0.0, room / 2 - 2)
    # From the middle outwards to both sides by turns, so that the first free place is also the one nearest to the
    # middle.
    shifts = [0.0, *(sign * step * STEP for step in range(1, int(reach / STEP) + 1) for sign in (1, -1))]
    for shift in shifts:
        if is_level:
            for top in (middle.y - GAP - height, middle.y + GAP):
                yield Box(middle.x + shift - width / 2, top, width, height)
        else:
            for left in (middle.x + GAP + 1, middle.x - GAP - 1 - width):
                yield Box(left, middle.y + shift - height / 2, width, height)


def _missing(link: Link, points: Sequence[Point]) -> Placing:
    width, height = link.label
    # The zero stands for a wire that has no piece of one kind at all: there the whole width or height is lacking.
    lengths: dict[bool, list[float]] = {True: [0.0], False: [0.0]}
    for pair in pairwise(points):
        lengths[pair[0].y == pair[1].y].append(_length(pair))
    return Placing(link.key, width, height, width + 4 - max(lengths[True]), height + 4 - max(lengths[False]))


def _length(points: Sequence[Point]) -> float:
    return sum(abs(one.x - two.x) + abs(one.y - two.y) for one, two in pairwise(points))
