"""The largest flow between two nodes over lines that serve both ways: Edmonds, Karp, J. ACM 19, 248 (recalled)."""

from __future__ import annotations

from collections import deque
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

N = TypeVar("N", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Flow:
    """A largest flow."""

    value: float
    used: tuple[float, ...]
    """By each line, whichever way."""
    cut: tuple[int, ...]
    """Places of the lines that hold it down: those between what the source still reaches and what it does not."""


def largest_flow(
    lines: Sequence[tuple[N, N]], widths: Sequence[float], source: N, target: N, passing: Collection[N]
) -> Flow:
    """Return the largest flow from source to target of which no line carries more than its width.

    Only the nodes of `passing`, and the two ends, may be on the way.
    """
    assert source != target
    assert all(width >= 0 for width in widths)
    residue = _Residue(lines, widths, {node for node in passing if node not in {source, target}} | {source})
    value = 0.0
    # By the fewest lines each time: else flows of unlike widths might be improved without end. Each time a line is used
    # up to the last bit, floats or not, so that in the end a cut is full exactly.
    while (way := residue.way(source, target)) is not None:
        gained = min(residue.left[place][way_in] for place, way_in in way)
        for place, way_in in way:
            residue.left[place][way_in] -= gained
            residue.left[place][1 - way_in] += gained
        value += gained
    reached = residue.reached(source)
    # A line has its width both ways: what the two residues differ by, halved, is what flows.
    used = tuple(abs(there - back) / 2 for there, back in residue.left)
    # Lines that may not be used at all limit nobody.
    cut = tuple(place for place, ends in enumerate(lines) if _is_between(ends, reached, residue.passing, target))
    return Flow(value, used, cut)


class _Residue(Generic[N]):
    """What may still flow through each line, either way."""

    def __init__(self, lines: Sequence[tuple[N, N]], widths: Sequence[float], passing: set[N]) -> None:
        self.left = [[width, width] for width in widths]
        self.passing = passing
        self._out: dict[N, list[tuple[N, int, int]]] = {}
        for place, (first, second) in enumerate(lines):
            self._out.setdefault(first, []).append((second, place, 0))
            self._out.setdefault(second, []).append((first, place, 1))

    def way(self, source: N, target: N) -> list[tuple[int, int]] | None:
        """Return the lines of a shortest way with room, each with the direction in which it is gone; None = no way."""
        came = self._search(source, target)
        if target not in came:
            return None
        way, node = [], target
        while node != source:
            node, place, way_in = came[node]
            way.append((place, way_in))
        return way

    def reached(self, source: N) -> set[N]:
        """Return the nodes to which more could flow."""
        return {source, *self._search(source, None)}

    def _search(self, source: N, target: N | None) -> dict[N, tuple[N, int, int]]:
        """Return how each node is come to; what is farther than the target may be missing."""
        came: dict[N, tuple[N, int, int]] = {}
        waiting = deque([source])
        while waiting and target not in came:
            node = waiting.popleft()
            for far, place, way_in in self._out.get(node, ()) if node in self.passing else ():
                if far != source and far not in came and self.left[place][way_in] > 0:
                    came[far] = (node, place, way_in)
                    waiting.append(far)
        return came


def _is_between(ends: tuple[N, N], reached: set[N], passing: set[N], target: N) -> bool:
    """Whether a line leads from what is reached, by a node that may pass on, to a node that leads on, and is not."""
    return any(
        near in reached and near in passing and far not in reached and (far in passing or far == target)
        for near, far in (ends, ends[::-1])
    )
