"""Layout on a grid: nodes in rows and columns, wires in the corridors between them, with as much room as they need.

First the ways and tracks of all wires are settled (`lattice`, `tracks`), then every corridor gets the width that its
nodes and tracks ask for, then labels look for a free place; where one finds none, its corridor grows, and the last two
steps are done again. So nodes, wires and labels never lie upon one another.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from keytwin.drawing import outlines
from keytwin.drawing.geometry import Box, Point, Side, hull
from keytwin.drawing.labels import Placing, place_labels
from keytwin.drawing.lattice import Cell, Lattice, Link
from keytwin.drawing.scene import Figure
from keytwin.drawing.tracks import Pin, Routed, Run, routed

ROUNDS: Final = 24  # of growing until all labels have a place
ASIDE: Final = 16.0  # what a corridor grows by when a label finds its place taken
PIN_MARGIN: Final = 10.0  # from the outermost wire at a side to the corner
GROUND: Final = 8.0  # least width of a row or column
LEVEL: Final = True
UPRIGHT: Final = False
Corridor = tuple[bool, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Spacing:
    """How far things are apart."""

    track: float = 12.0
    """Between two wires of a channel."""
    pin: float = 14.0
    """Between two wires at one side of a node."""
    across: float = 14.0
    """The same at the top and bottom of nodes."""
    margin: float = 16.0
    """Between a node and the first wire of a channel."""
    free: float = 28.0
    """Between nodes with no wire between them."""
    free_level: float = 28.0
    """The same between rows."""
    leads: Mapping[Corridor, float] = field(default_factory=dict)
    """Room at the beginning of a channel, where the border of a lane lies; no label is put across."""
    least: tuple[tuple[int, int, float], ...] = ()
    """Widths that some columns have together at the least: first column, last column, width."""


@dataclass(frozen=True, slots=True)
class Laid:
    """What came of it."""

    boxes: Mapping[str, Box]
    anchors: Mapping[str, Point]
    points: Mapping[str, tuple[Point, ...]]
    ends: Mapping[str, tuple[Pin, Pin]]
    labels: Mapping[str, Box]
    levels: tuple[tuple[float, float], ...]
    uprights: tuple[tuple[float, float], ...]
    """Where each corridor begins and ends."""

    @property
    def frame(self) -> Box:
        """Return the smallest box around everything."""
        dots = [Box(p.x, p.y, 0, 0) for points in self.points.values() for p in points]
        return hull([*self.boxes.values(), *self.labels.values(), *dots])


def lay(cells: Sequence[Cell], links: Sequence[Link], spacing: Spacing | None = None) -> Laid:
    """Give all nodes, wires and labels their places; the top left corner is 0, 0."""
    by_key = {cell.key: cell for cell in cells}
    lattice = Lattice(
        max((cell.row for cell in cells), default=0) + 1,
        max((cell.column + cell.span for cell in cells), default=0) + 1,
        by_key,
    )
    found = routed(lattice, _eager_first(by_key, links))
    plan = _Plan(by_key, links, found, spacing or Spacing(), lattice.rows, lattice.columns)
    for _ in range(ROUNDS):
        laid = plan.laid()
        if not plan.unplaced:
            return laid
        plan.grow(plan.unplaced)
    return plan.laid()


def _eager_first(cells: Mapping[str, Cell], links: Sequence[Link]) -> list[Link]:
    """Let near neighbours take the straight ways before others come by."""

    def distance(link: Link) -> int:
        source, target = cells[link.source], cells[link.target]
        return abs(source.row - target.row) + abs(source.column - target.column)

    return sorted(links, key=distance)


@dataclass(slots=True)
class _Plan:
    cells: Mapping[str, Cell]
    links: Sequence[Link]
    found: Routed
    spacing: Spacing
    rows: int
    columns: int
    padding: dict[Corridor, float] = field(default_factory=dict)
    pitches: dict[Corridor, float] = field(default_factory=dict)
    turns: dict[str, int] = field(default_factory=dict)
    """How often room was made for each label."""
    unplaced: tuple[Placing, ...] = ()

    def pitch(self, run: Run) -> float:
        """Return how far apart the tracks of a run's corridor are."""
        usual = self.spacing.track if run.in_channel else self.spacing.pin if run.is_level else self.spacing.across
        return max(usual, self.pitches.get((run.is_level, run.corridor), 0.0))

    def laid(self) -> Laid:
        """Give everything its place, labels as far as there is room."""
        grown = {key: self._grown(cell) for key, cell in self.cells.items()}
        levels = self._corridors(LEVEL, grown)
        uprights = self._corridors(UPRIGHT, grown)
        anchors = {
            key: Point(uprights[2 * cell.column + 1][1], levels[2 * cell.row + 1][1]) for key, cell in grown.items()
        }
        boxes = {
            key: Box(at.x - cell.left, at.y - cell.up, cell.left + cell.right, cell.up + cell.down)
            for key, cell in grown.items()
            for at in [anchors[key]]
        }
        where = _Where(self, levels, uprights)
        points = {key: self._points(key, boxes, anchors, where) for key in self.found.wires}
        borders = [
            Box(uprights[index][0] - 1, 0, 2, levels[-1][2]) for axis, index in self.spacing.leads if axis is UPRIGHT
        ]
        placed, unplaced = place_labels([*boxes.values(), *borders], self.links, points)
        self.unplaced = unplaced
        return Laid(
            boxes,
            anchors,
            points,
            self.found.ends,
            placed,
            tuple((start, end) for start, _, end in levels),
            tuple((start, end) for start, _, end in uprights),
        )

    def grow(self, missing: Sequence[Placing]) -> None:
        """Make room for labels that found none: along a piece that is too short; else beside it and along, by turns."""
        for each in missing:
            run = self._roomiest(each)
            lack = each.lack if run.is_level else each.drop
            turn = self.turns.get(each.key, 0)
            self.turns[each.key] = turn + 1
            if lack > 0:
                self._pad(not run.is_level, _inner(run), lack + 4)
            elif turn % 2:
                self._pad(not run.is_level, _inner(run), ASIDE)
            elif not run.in_channel:
                self._pad(run.is_level, run.corridor, ASIDE)
            else:
                need = (each.height if run.is_level else each.width) + 8
                is_narrow = self.pitch(run) < need
                self.pitches[run.is_level, run.corridor] = max(need, self.pitch(run))
                self._pad(run.is_level, run.corridor, 0.0 if is_narrow else ASIDE)

    def _roomiest(self, each: Placing) -> Run:
        """Return the piece of a wire that its label is to lie at: a level one in a channel if there is one."""
        runs = self.found.wires[each.key]
        if runs[-1].bundle:
            return runs[-1]
        level = [run for run in runs if run.is_level and run.high > run.low]
        between = [run for run in level if run.in_channel]
        return max(between or level or runs, key=lambda run: run.high - run.low)

    def _pad(self, axis: bool, corridor: int, amount: float) -> None:  # noqa: FBT001  # half of a key
        self.padding[axis, corridor] = self.padding.get((axis, corridor), 0.0) + amount

    def _grown(self, cell: Cell) -> Cell:
        """Make a node large enough for all the wires at its sides."""
        need = {side: 0.0 for side in Side}
        for side in Side:
            for run in self.found.at(cell.key, side):
                shift = run.offset * self.pitch(run)
                first, second = (Side.TOP, Side.BOTTOM) if run.is_level else (Side.LEFT, Side.RIGHT)
                need[first] = max(need[first], -shift + self._edge(cell) + (cell.head if run.is_level else 0.0))
                need[second] = max(need[second], shift + self._edge(cell))
        grown = replace(
            cell,
            left=max(cell.left, need[Side.LEFT]),
            right=max(cell.right, need[Side.RIGHT]),
            up=max(cell.up, need[Side.TOP]),
            down=max(cell.down, need[Side.BOTTOM]),
        )
        if cell.figure in {Figure.DISC, Figure.BULLSEYE, Figure.DIAMOND}:
            half = max(grown.left, grown.right)
            tall = max(grown.up, grown.down)
            if cell.figure is not Figure.DIAMOND:
                half = tall = max(half, tall)
            return replace(grown, left=half, right=half, up=tall, down=tall)
        if cell.figure is Figure.BAR:
            half = max(grown.left, grown.right)
            return replace(grown, left=half, right=half, up=cell.up, down=cell.down)
        return grown

    def _edge(self, cell: Cell) -> float:
        return {Figure.DISC: 1.5, Figure.BULLSEYE: 1.5, Figure.DIAMOND: 4.0, Figure.BAR: 6.0}.get(
            cell.figure, PIN_MARGIN
        )

    # --- corridors --------------------------------------------------------------------------------------------------

    def _corridors(self, axis: bool, cells: Mapping[str, Cell]) -> list[tuple[float, float, float]]:  # noqa: FBT001
        """Return where each corridor begins, has its middle (a channel: its first track), and ends."""
        runs: dict[int, list[Run]] = {}
        for run in self.found.runs:
            if run.is_level is axis:
                runs.setdefault(run.corridor, []).append(run)
        count = 2 * (self.rows if axis is LEVEL else self.columns) + 1
        extents = [self._extents(axis, index, runs.get(index, []), cells, count) for index in range(count)]
        if axis is UPRIGHT:
            self._spread(extents, cells)
        placed = []
        at = 0.0
        for before, after in extents:
            placed.append((at, at + before, at + before + after))
            at += before + after
        return placed

    def _extents(
        self, axis: bool, index: int, runs: Sequence[Run], cells: Mapping[str, Cell], count: int
    ) -> list[float]:  # noqa: FBT001
        """Return how far a corridor reaches before and after its middle, or its first track."""
        pad = self.padding.get((axis, index), 0.0)
        if index % 2:
            inside = [cell for cell in cells.values() if 2 * (cell.row if axis is LEVEL else cell.column) + 1 == index]
            inside = [cell for cell in inside if axis is LEVEL or not cell.span]
            befores = [cell.up if axis is LEVEL else cell.left for cell in inside]
            afters = [cell.down if axis is LEVEL else cell.right for cell in inside]
            shifts = [run.offset * self.pitch(run) for run in runs]
            befores += [GROUND / 2, *(GROUND / 2 - shift for shift in shifts)]
            afters += [GROUND / 2, *(GROUND / 2 + shift for shift in shifts)]
            return [max(befores) + pad / 2, max(afters) + pad / 2]
        lead = self.spacing.leads.get((axis, index), 0.0)
        at_rim = index in {0, count - 1}
        if not runs:
            return [lead, (0.0 if at_rim else self.spacing.free_level if axis is LEVEL else self.spacing.free) + pad]
        margin = self.spacing.margin
        thick = max(run.track for run in runs) * self.pitch(runs[0])
        # One half of the padding before, one after: labels lie on either side of a wire.
        return [
            lead + (margin / 2 if index == 0 else margin) + pad / 2,
            thick + (margin / 2 if index == count - 1 else margin) + pad / 2,
        ]

    def _spread(self, extents: list[list[float]], cells: Mapping[str, Cell]) -> None:
        """Widen columns where a node that reaches over its neighbours, or a demand, needs more than they have."""
        for cell in cells.values():
            if cell.span:
                middle = 2 * cell.column + 1
                left = sum(sum(extents[i]) for i in range(middle - 2 * cell.span, middle)) + extents[middle][0]
                right = sum(sum(extents[i]) for i in range(middle + 1, middle + 2 * cell.span + 1)) + extents[middle][1]
                extents[middle][0] += max(0.0, cell.left - left)
                extents[middle][1] += max(0.0, cell.right - right)
        for first, last, least in self.spacing.least:
            have = sum(sum(extents[i]) for i in range(2 * first, 2 * last + 2))
            share = max(0.0, least - have) / (last - first + 1) / 2
            for column in range(first, last + 1):
                extents[2 * column + 1][0] += share
                extents[2 * column + 1][1] += share

    # --- wires ------------------------------------------------------------------------------------------------------

    def _points(
        self, key: str, boxes: Mapping[str, Box], anchors: Mapping[str, Point], where: _Where
    ) -> tuple[Point, ...]:
        runs, (source, target) = self.found.wires[key], self.found.ends[key]
        corners = [self._corner(one, other, where) for one, other in zip(runs, runs[1:], strict=False)]
        start = self._end(runs[0], source, boxes, anchors, where)
        end = self._end(runs[-1], target, boxes, anchors, where)
        return tuple(_without_repeats([start, *corners, end]))

    def _corner(self, one: Run, other: Run, where: _Where) -> Point:
        level, upright = (one, other) if one.is_level else (other, one)
        return Point(where.of(upright), where.of(level))

    def _end(self, run: Run, pin: Pin, boxes: Mapping[str, Box], anchors: Mapping[str, Point], where: _Where) -> Point:
        """Return where a wire meets the outline of its node."""
        box, at, figure = boxes[pin.key], where.of(run), self.cells[pin.key].figure
        offset = at - (box.middle.y if run.is_level else box.middle.x)
        depth = outlines.inset(figure, box, pin.side, offset)
        match pin.side:
            case Side.TOP:
                return Point(at, box.y + depth)
            case Side.BOTTOM:
                return Point(at, box.bottom - depth)
            case Side.LEFT:
                return Point(box.x + depth, at)
            case _:
                return Point(box.right - depth, at)


def _inner(run: Run) -> int:
    """Return the channel in the middle of what a run passes; else the corridor in which it lies."""
    inside = range(run.low + 1, run.high) if run.high - run.low > 1 else range(run.low, run.high + 1)
    channels = [corridor for corridor in inside if corridor % 2 == 0] or list(inside)
    return channels[len(channels) // 2]


@dataclass(slots=True)
class _Where:
    """Where runs lie."""

    plan: _Plan
    levels: list[tuple[float, float, float]]
    uprights: list[tuple[float, float, float]]

    def of(self, run: Run) -> float:
        """Return the y of a level run, the x of an upright one."""
        corridors = self.levels if run.is_level else self.uprights
        step = run.track if run.in_channel else run.offset
        return corridors[run.corridor][1] + step * self.plan.pitch(run)


def _without_repeats(points: list[Point]) -> list[Point]:
    kept: list[Point] = []
    for point in points:
        if kept and abs(kept[-1].x - point.x) + abs(kept[-1].y - point.y) < 0.01:
            continue
        if len(kept) > 1 and _in_line(kept[-2], kept[-1], point):
            kept[-1] = point
        else:
            kept.append(point)
    return kept


def _in_line(first: Point, second: Point, third: Point) -> bool:
    return (abs(first.x - second.x) < 0.01 and abs(second.x - third.x) < 0.01) or (
        abs(first.y - second.y) < 0.01 and abs(second.y - third.y) < 0.01
    )
