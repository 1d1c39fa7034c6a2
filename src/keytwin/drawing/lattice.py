"""Ways of wires between nodes that lie in a grid: which corridors each wire takes, before anything has a place.

Between the rows of a grid lie level channels, between its columns upright ones. Corridors are counted through: even
numbers are channels, odd ones rows or columns of nodes. A wire may use every channel, and a row or column where its
cells are empty; so no wire ever runs through a node. Each way is the cheapest by length, bends and crowding.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from types import MappingProxyType
from typing import Final, NamedTuple

from keytwin.drawing.geometry import Side
from keytwin.drawing.scene import Figure

# A bend is as dear as two steps: a wire goes a whole cell further rather than turn twice more.
BEND: Final = 3.0
CROWD: Final = 0.6  # for each wire that is already there
CROSS: Final = 1.5  # for each wire that is already there across
STEP: Final = 1.5  # from one corridor to the next
TAKEN: Final = 2.5  # for each wire that leaves a round or pointed node at the same side


def any_side() -> Mapping[Side, float]:
    """Return the sides of a wire that may use them all alike."""
    return dict.fromkeys(Side, 0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """A node of a grid. The four extents are measured from where its row and its column meet."""

    key: str
    row: int
    column: int
    left: float
    right: float
    up: float
    down: float
    figure: Figure = Figure.BOX
    head: float = 0.0
    """Height of text at the top, below which the wires at its left and right sides arrive."""
    span: int = 0
    """How many columns on either side it may reach over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """A wire that is wanted. Sides that are missing may not be used; a number is what it costs to use one."""

    key: str
    source: str
    target: str
    leaves: Mapping[Side, float] = field(default_factory=any_side)
    enters: Mapping[Side, float] = field(default_factory=any_side)
    source_port: str = ""
    target_port: str = ""
    bundle: str = ""
    label: tuple[float, float] = (0.0, 0.0)
    """Width and height of the text beside it; nothing by default."""


class Spot(NamedTuple):
    """Where two corridors meet: number of the level one, number of the upright one."""

    level: int
    upright: int


STEPS: Final = MappingProxyType({Side.TOP: (-1, 0), Side.BOTTOM: (1, 0), Side.LEFT: (0, -1), Side.RIGHT: (0, 1)})
OPPOSITE: Final = MappingProxyType(
    {Side.TOP: Side.BOTTOM, Side.BOTTOM: Side.TOP, Side.LEFT: Side.RIGHT, Side.RIGHT: Side.LEFT}
)


@dataclass(slots=True)
class Lattice:
    """The corridors of a grid and what is already in them."""

    rows: int
    columns: int
    cells: Mapping[str, Cell]
    occupied: dict[Spot, str] = field(default_factory=dict)
    used: dict[tuple[Spot, Spot], set[str]] = field(default_factory=dict)
    """What runs between two spots: a bundle counts once."""
    leaving: dict[tuple[str, Side], int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for cell in self.cells.values():
            # Channels between the columns of a wide node are closed too: it covers them, and a wire there would cross
            # its text.
            for upright in range(2 * (cell.column - cell.span) + 1, 2 * (cell.column + cell.span) + 2):
                spot = Spot(2 * cell.row + 1, upright)
                assert spot not in self.occupied, f"{cell.key} and {self.occupied[spot]} lie in one cell"
                self.occupied[spot] = cell.key

    def centre(self, key: str) -> Spot:
        """Return where a node lies."""
        return Spot(2 * self.cells[key].row + 1, 2 * self.cells[key].column + 1)

    def route(self, link: Link) -> list[Spot]:
        """Return the cheapest way of a wire as the spots it passes, both nodes included, and count it as used."""
        way = self._own_loop(link) if link.source == link.target else self._cheapest(link)
        for first, second in pairwise(way):
            pair = _ordered(first, second)
            self.used.setdefault(pair, set()).add(link.bundle or link.key)
        for key, end, neighbour in ((link.source, way[0], way[1]), (link.target, way[-1], way[-2])):
            side = side_towards(end, neighbour)
            self.leaving[key, side] = self.leaving.get((key, side), 0) + 1
        return way

    def _own_loop(self, link: Link) -> list[Spot]:
        here = self.centre(link.source)
        side = min(
            (s for s in (Side.RIGHT, Side.LEFT) if s in link.leaves),
            key=lambda s: self.leaving.get((link.source, s), 0),
            default=Side.RIGHT,
        )
        beside = Spot(here.level, here.upright + (1 if side is Side.RIGHT else -1))
        # The doubled spot is no mistake: it stands for the upright piece of the loop, and `tracks` knows it by that.
        return [here, beside, beside, here]

    def _cheapest(self, link: Link) -> list[Spot]:
        start, goal = self.centre(link.source), self.centre(link.target)
        best: dict[tuple[Spot, Side], float] = {}
        came: dict[tuple[Spot, Side], tuple[Spot, Side]] = {}
        queue: list[tuple[float, int, float, Spot, Side]] = []
        # The number after the estimate settles ties before spots and sides are compared, so that equal costs go by the
        # order of pushing and a drawing is the same each time.
        for order, (side, cost) in enumerate(link.leaves.items()):
            first = cost + self._taken(link.source, side)
            heapq.heappush(queue, (first + _least(start, goal), order, first, start, side))
        count = len(queue)
        while queue:
            _, _, cost, spot, side = heapq.heappop(queue)
            # Sound because `_least` never overstates: the first way to the goal that comes off the heap is the
            # cheapest.
            if spot == goal:
                return _way(came, spot, side, start)
            # The heap cannot lower a cost that it holds; entries that were undercut since are passed over here.
            if cost > best.get((spot, side), cost):
                continue
            ahead = self._ahead(spot, side, link)
            if ahead is None:
                continue
            spent = cost + self._length(spot, ahead, link.bundle)
            for turn, extra in self._turns(ahead, side, link, goal):
                total = spent + extra
                if total < best.get((ahead, turn), float("inf")):
                    best[ahead, turn] = total
                    came[ahead, turn] = (spot, side)
                    count += 1
                    heapq.heappush(queue, (total + _least(ahead, goal), count, total, ahead, turn))
        raise AssertionError(f"no way from {link.source} to {link.target}: channels are never closed")

    def _ahead(self, spot: Spot, side: Side, link: Link) -> Spot | None:
        """Return the next spot in a direction, unless a node or the edge is in the way."""
        level, upright = spot.level + STEPS[side][0], spot.upright + STEPS[side][1]
        if not (0 <= level <= 2 * self.rows and 0 <= upright <= 2 * self.columns):
            return None
        ahead = Spot(level, upright)
        owner = self.occupied.get(ahead)
        if owner is None:
            return ahead
        centre = self.centre(link.target)
        # A wide node covers several spots. A wire may run level through those of its own two nodes, else one that
        # begins in the middle of such a node could never leave it sideways.
        own_width = owner == link.source and spot.level == ahead.level and self.occupied.get(spot) == owner
        into = owner == link.target and (ahead == centre or side in {Side.LEFT, Side.RIGHT})
        return ahead if own_width or into else None

    def _turns(self, ahead: Spot, side: Side, link: Link, goal: Spot) -> Iterable[tuple[Side, float]]:
        if ahead == goal:
            entered = OPPOSITE[side]
            if entered in link.enters:
                yield side, link.enters[entered] + self._taken(link.target, entered)
            return
        yield side, 0.0
        # Inside its own node a wire goes straight on: a turn would bring it out at a side that it may not use.
        if ahead in self.occupied:
            return
        for turn in (Side.TOP, Side.BOTTOM, Side.LEFT, Side.RIGHT):
            if turn not in {side, OPPOSITE[side]}:
                # A turn in an empty cell costs more than one in a channel, which is made for wires.
                yield turn, BEND + (1.5 if ahead.level % 2 and ahead.upright % 2 else 0.0)

    def _length(self, spot: Spot, ahead: Spot, bundle: str) -> float:
        """Return what a step costs: more where other wires run along or across, less on the trunk of its own bundle."""
        along = self.used.get(_ordered(spot, ahead), _NOBODY)
        if bundle and bundle in along:
            # At half the price, wires of a bundle find one another. `_least` must count with this price as well.
            return STEP / 2
        across = sum(len(self.used.get(_ordered(ahead, other), _NOBODY)) for other in _beside(ahead, spot))
        # A wire that runs across passes on both sides of the spot, and so was counted twice: hence the half.
        return STEP + CROWD * len(along) + CROSS * across / 2

    def _taken(self, key: str, side: Side) -> float:
        # A disc or a diamond has one good place at each side; at a box, wires can stand side by side.
        figure = self.cells[key].figure
        crowd = self.leaving.get((key, side), 0)
        return crowd * (TAKEN if figure in {Figure.DISC, Figure.BULLSEYE, Figure.DIAMOND} else CROWD)


def side_towards(spot: Spot, neighbour: Spot) -> Side:
    """Return in which direction a neighbouring spot lies."""
    if neighbour.level != spot.level:
        return Side.BOTTOM if neighbour.level > spot.level else Side.TOP
    return Side.RIGHT if neighbour.upright > spot.upright else Side.LEFT


def _ordered(first: Spot, second: Spot) -> tuple[Spot, Spot]:
    return (first, second) if first < second else (second, first)


_NOBODY: Final[frozenset[str]] = frozenset()


def _least(spot: Spot, goal: Spot) -> float:
    """Return what a way to the goal costs at the least, so that the search looks there first."""
    return STEP / 2 * (abs(spot.level - goal.level) + abs(spot.upright - goal.upright))


def _beside(ahead: Spot, spot: Spot) -> Sequence[Spot]:
    if ahead.level == spot.level:
        return Spot(ahead.level - 1, ahead.upright), Spot(ahead.level + 1, ahead.upright)
    return Spot(ahead.level, ahead.upright - 1), Spot(ahead.level, ahead.upright + 1)


def _way(came: Mapping[tuple[Spot, Side], tuple[Spot, Side]], spot: Spot, side: Side, start: Spot) -> list[Spot]:
    way = [spot]
    state = (spot, side)
    while state in came and state[0] != start:
        state = came[state]
        way.append(state[0])
    return way[::-1]
