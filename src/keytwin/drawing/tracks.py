"""Tracks: which of the wires in a corridor lies left or above of which, so that none share a line and few cross.

A wire is a chain of straight runs. Runs of one corridor that would overlap get tracks of their own; their order is the
one with the fewest crossings that is found by putting in one run after another.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby, pairwise
from typing import Final, NamedTuple

from keytwin.drawing.geometry import Side
from keytwin.drawing.lattice import Lattice, Link, Spot, side_towards
from keytwin.drawing.scene import Figure

MEETS: Final = 0.6  # of a crossing: two runs that end in the same corridor may cross, or not
POINTED: Final = frozenset({Figure.DISC, Figure.BULLSEYE, Figure.DIAMOND, Figure.TRIANGLE})
APART: Final = 50.0  # for coming between two wires of one port


class Pin(NamedTuple):
    """Where a run ends at a node."""

    key: str
    side: Side
    port: str


# Compared by identity: two wires may run alike and are still two, and `turns` leads in circles, which a comparison by
# value would follow without end.
@dataclass(eq=False, slots=True)
class Run:
    """A straight piece of a wire, or of a bundle of wires."""

    is_level: bool
    corridor: int
    low: int
    high: int
    bundle: str = ""
    pins: list[Pin] = field(default_factory=list)
    turns: list[tuple[int, Run]] = field(default_factory=list)
    """Runs across it, with the corridor in which they meet."""
    track: int = 0
    offset: float = 0.0
    """From the middle of its corridor; of runs in rows and columns only."""

    @property
    def in_channel(self) -> bool:
        """Whether it lies between nodes, not in a row or column of them."""
        return self.corridor % 2 == 0


@dataclass(slots=True)
class Routed:
    """All runs of a drawing, and which of them make up each wire."""

    runs: list[Run]
    wires: dict[str, list[Run]]
    ends: dict[str, tuple[Pin, Pin]]

    def at(self, key: str, side: Side) -> list[Run]:
        """Return the runs that end at one side of a node."""
        return [run for run in self.runs if any(pin.key == key and pin.side is side for pin in run.pins)]


def routed(lattice: Lattice, links: Iterable[Link]) -> Routed:
    """Find the way of each link, one after the other, and give each run its track."""
    found = Routed([], {}, {})
    for link in links:
        _add(found, link, lattice.route(link))
    # Channels first: how far a run in a row or column reaches depends on the track on which it meets a channel.
    for channels in (True, False):
        for is_level in (True, False):
            corridors: dict[int, list[Run]] = {}
            for run in found.runs:
                if run.in_channel is channels and run.is_level is is_level:
                    corridors.setdefault(run.corridor, []).append(run)
            for runs in corridors.values():
                _assign(runs, lattice)
    return found


def _add(found: Routed, link: Link, way: Sequence[Spot]) -> None:
    pieces = _straight(way)
    chain = [_placed(found, link.bundle, piece) for piece in pieces]
    for one, next_one in pairwise(chain):
        for run, across in ((one, next_one), (next_one, one)):
            # A wire that joins the trunk of its bundle may turn where another one did; the turn would count twice as a
            # crossing.
            if (across.corridor, across) not in run.turns:
                run.turns.append((across.corridor, across))
    first, last = side_towards(way[0], way[1]), side_towards(way[-1], way[-2])
    pins = Pin(link.source, first, link.source_port), Pin(link.target, last, link.target_port)
    for run, pin in ((chain[0], pins[0]), (chain[-1], pins[1])):
        # Wires of a bundle that end at the same side share one pin, all others need one each.
        if pin not in run.pins or not link.bundle:
            run.pins.append(pin)
    found.wires[link.key] = chain
    found.ends[link.key] = pins


def _straight(way: Sequence[Spot]) -> list[tuple[bool, int, int, int]]:
    """Break a way into straight pieces: level or not, corridor, and from where to where."""
    pieces: list[tuple[bool, int, int, int]] = []
    for first, second in pairwise(way):
        if first == second:  # a loop's turn: an upright run within one row
            pieces.append((False, first.upright, first.level, first.level))
            continue
        is_level = first.level == second.level
        corridor = first.level if is_level else first.upright
        start, end = (first.upright, second.upright) if is_level else (first.level, second.level)
        if pieces and pieces[-1][:2] == (is_level, corridor) and pieces[-1][3] == start:
            pieces[-1] = (is_level, corridor, pieces[-1][2], end)
        else:
            pieces.append((is_level, corridor, start, end))
    return pieces


def _placed(found: Routed, bundle: str, piece: tuple[bool, int, int, int]) -> Run:
    """Return a new run, or the one of the same bundle that it joins."""
    is_level, corridor, start, end = piece
    low, high = min(start, end), max(start, end)
    for run in found.runs:
        is_same = bundle and run.bundle == bundle and (run.is_level, run.corridor) == (is_level, corridor)
        # To touch is enough: what begins where the trunk ends makes it longer.
        if is_same and run.low <= high and low <= run.high:
            run.low, run.high = min(low, run.low), max(high, run.high)
            return run
    found.runs.append(Run(is_level, corridor, low, high, bundle))
    return found.runs[-1]


# --- order ----------------------------------------------------------------------------------------------------------

Place = tuple[int, int]
"""A corridor and a track in it."""


def _assign(runs: list[Run], lattice: Lattice) -> None:
    """Order the runs of a corridor and give each the first track after those it must not overlap."""
    ordered = _ordered(runs)
    extents = {id(run): _extent(run) for run in ordered}
    for index, run in enumerate(ordered):
        # Only runs that come before can push one on, so the tracks never turn the order round that was found.
        clashing = [other for other in ordered[:index] if _overlap(extents[id(run)], extents[id(other)])]
        run.track = max((other.track + 1 for other in clashing), default=0)
    if not ordered[0].in_channel:
        _centre(ordered, extents, lattice)


def _centre(ordered: list[Run], extents: Mapping[int, tuple[Place, Place]], lattice: Lattice) -> None:
    """Put runs that are near one another about the middle of their row or column, the straight ones nearest to it."""
    groups: list[list[Run]] = []
    for run in ordered:
        near = [group for group in groups if any(_overlap(extents[id(run)], extents[id(other)]) for other in group)]
        merged = [run, *(other for group in near for other in group)]
        groups = [*(group for group in groups if group not in near), merged]
    for group in groups:
        tracks = sorted(run.track for run in group)
        # A weighted sum of distances is least at one of the tracks. The middle of all is tried first and wins a tie, so
        # that wires of equal weight lie evenly on both sides of the middle.
        tries = [(tracks[0] + tracks[-1]) / 2, *tracks]
        weights = [_weight(run, lattice) for run in group]
        middle = min(tries, key=lambda at: sum(w * abs(r.track - at) for r, w in zip(group, weights, strict=True)))
        for run in group:
            run.offset = run.track - middle


def _weight(run: Run, lattice: Lattice) -> float:
    """Return how much a run ought to lie in the middle: at a pointed node most, between two nodes more than else."""
    # Beside the tip of a triangle or a diamond a wire would end in its slope: this outweighs several plain wires.
    pointed = any(lattice.cells[pin.key].figure in POINTED for pin in run.pins)
    return 1.0 + (2.0 if len(run.pins) == 2 else 0.0) + (9.0 if pointed else 0.0)


def _extent(run: Run) -> tuple[Place, Place]:
    """Return from where to where a run reaches, as exactly as is known yet."""
    places = [(corridor, other.track if other.in_channel else 0) for corridor, other in run.turns]
    for pin in run.pins:
        # A wire that leaves below begins after the middle of its row, one that leaves above ends before it. The two may
        # lie on one line, one at each side of the node, without meeting.
        is_after = pin.side in {Side.BOTTOM, Side.RIGHT}
        places.append((run.low, 1) if is_after else (run.high, -1))
    return min(places), max(places)


def _overlap(first: tuple[Place, Place], second: tuple[Place, Place]) -> bool:
    # Ends that only touch count as well: two wires that meet end to end would be read as one.
    return first[0] <= second[1] and second[0] <= first[1]


def _ordered(runs: list[Run]) -> list[Run]:
    """Put in run after run where it crosses the others least, the long ones last; then try each once more elsewhere."""
    ordered: list[Run] = []
    for run in sorted(runs, key=lambda each: each.high - each.low):
        ordered.insert(_best_place(run, ordered), run)
    # The first runs chose their places before the others were known.
    for run in list(ordered):
        ordered.remove(run)
        ordered.insert(_best_place(run, ordered), run)
    return ordered


def _best_place(run: Run, ordered: list[Run]) -> int:
    before = [_cost(other, run) for other in ordered]
    after = [_cost(run, other) for other in ordered]
    parting = _parting(run, ordered)
    costs = [sum(before[:place]) + sum(after[place:]) + parting[place] for place in range(len(ordered) + 1)]
    least = min(costs)
    # Sums of tenths differ in their last bits by the order of adding: equal costs are told by a small distance.
    best = [place for place, cost in enumerate(costs) if cost <= least + 1e-9]
    # The middle one of equally good places, so that what crosses nothing is not always pushed to the rim.
    return best[len(best) // 2]


def _parting(run: Run, ordered: list[Run]) -> list[float]:
    """Return for each place of a run what it costs that wires of one port are parted by those of another.

    Only the sides at which the run itself ends are looked at: the order at all others stays as it is.
    """
    costs = [0.0] * (len(ordered) + 1)
    for side in {pin[:2] for pin in run.pins if pin.port}:
        ports = [{pin.port for pin in each.pins if pin[:2] == side} for each in ordered]
        own = {pin.port for pin in run.pins if pin[:2] == side}
        for place in range(len(ordered) + 1):
            beside = [each for each in (*ports[:place], own, *ports[place:]) if each]
            # There is always a set to unite: the run itself has a port at this side.
            for port in set.union(*beside):
                blocks = sum(
                    1 for is_own, _ in groupby(beside, key=lambda each: port in each) if is_own
                )  # used at once
                costs[place] += APART * (blocks - 1)
    return costs


def _cost(first: Run, second: Run) -> float:
    """Return how many crossings there are when `first` lies before `second`: above it, or left of it."""
    # Runs that lie apart in their corridor do not cross, whichever of them comes first.
    if second.high < first.low or first.high < second.low:
        return 0.0
    return _crossings(first, second, forward=True) + _crossings(second, first, forward=False)


def _crossings(run: Run, other: Run, *, forward: bool) -> float:
    """Count the turns of a run that lead across the other one, which lies on the forward or backward side of it."""
    found = 0.0
    for corridor, across in run.turns:
        reaches = across.high > run.corridor if forward else across.low < run.corridor
        if reaches and other.low <= corridor <= other.high:
            at_end = corridor in {other.low, other.high}
            found += MEETS if at_end else 1.0
    return found
