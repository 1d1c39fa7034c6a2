"""Ways that share no inner node, of least total weight: Suurballe (Networks 4 125) as a flow of least cost.

Each node is split into an entrance and an exit with room for one way between them. Each further way is a shortest one
in what the earlier ones leave, and may push them aside. Potentials keep all prices at 0 or more, as Dijkstra needs it.
"""

from __future__ import annotations

from heapq import heappop, heappush
from math import inf

from keytwin.algorithms.adjacency import Adjacency, Arc, Costs

Steps = list[list[tuple[int, int]]]
"""Per vertex: (arc, vertex it leads to). Vertex `2 n` is the entrance of node n, `2 n + 1` its exit."""


class SplitNodes:
    """The arcs between entrances and exits, made once for a graph: arc `2 i` and its reverse `2 i + 1`."""

    __slots__ = ("edges", "steps", "tails")

    def __init__(self, outgoing: Adjacency) -> None:
        self.steps: Steps = [[] for _ in range(2 * len(outgoing))]
        self.tails: list[int] = []
        self.edges: list[int | None] = []
        """Per arc; None = from the entrance to the exit of one node."""
        for node, arcs in enumerate(outgoing):
            self._join(_entrance(node), _exit(node), None)
            for far, edge in arcs:
                self._join(_exit(node), _entrance(far), edge)

    def _join(self, tail: int, head: int, edge: int | None) -> None:
        arc = len(self.tails)
        self.steps[tail].append((arc, head))
        self.steps[head].append((arc + 1, tail))
        self.tails += (tail, head)
        self.edges += (edge, edge)


def disjoint(split: SplitNodes, costs: Costs, ends: tuple[int, int], most: int) -> list[list[Arc]]:
    """Return the arcs of up to `most` ways between the two different `ends`."""
    flow = _Flow(split, costs)
    source, target = ends
    found = 0
    while found < most and flow.augment(_exit(source), _entrance(target)):
        found += 1
    steps = flow.used_steps()
    return [_walk(steps, first, target) for first in sorted(steps.get(source, []))]


class _Flow:
    """How far the arcs are used; of an arc and its reverse at most one is open."""

    __slots__ = ("opened", "potentials", "prices", "split")

    def __init__(self, split: SplitNodes, costs: Costs) -> None:
        forward = [0 if edge is None else costs[edge] for edge in split.edges[::2]]
        self.split = split
        self.prices = [price for cost in forward for price in (cost or 0, -(cost or 0))]
        self.opened = [is_open for cost in forward for is_open in (cost is not None, False)]
        self.potentials: list[float] = [0] * len(split.steps)

    def augment(self, start: int, end: int) -> bool:
        """Send one more way through; False when there is no room for it."""
        distances, entered = self._search(start, end)
        reach = distances[end]
        if reach == inf:
            return False
        self.potentials = [own + min(far, reach) for own, far in zip(self.potentials, distances, strict=True)]
        vertex = end
        while vertex != start:
            arc = entered[vertex]
            self.opened[arc], self.opened[arc ^ 1] = False, True
            vertex = self.split.tails[arc]
        return True

    def used_steps(self) -> dict[int, list[Arc]]:
        """Return, per node, the arcs by which ways leave it: several at the source, at most one elsewhere."""
        steps: dict[int, list[Arc]] = {}
        for arc in range(0, len(self.opened), 2):
            edge = self.split.edges[arc]
            if self.opened[arc + 1] and edge is not None:
                steps.setdefault(self.split.tails[arc] // 2, []).append((self.split.tails[arc + 1] // 2, edge))
        return steps

    def _search(self, start: int, end: int) -> tuple[list[float], list[int]]:
        """Return the distances from `start` as far as `end`, and the arc by which each vertex was reached."""
        steps, opened, prices, potentials = self.split.steps, self.opened, self.prices, self.potentials
        distances: list[float] = [inf] * len(steps)
        entered = [-1] * len(steps)
        distances[start] = 0
        queue: list[tuple[float, int]] = [(0, start)]
        while queue:
            distance, vertex = heappop(queue)
            if vertex == end:
                break
            if distance > distances[vertex]:
                continue  # a better way to it has been found meanwhile
            near = distance + potentials[vertex]
            for arc, head in steps[vertex]:
                if opened[arc]:
                    # Rounding of float weights could leave a price a hair below 0.
                    offer = max(distance, near + prices[arc] - potentials[head])
                    if offer < distances[head]:
                        distances[head] = offer
                        entered[head] = arc
                        heappush(queue, (offer, head))
        return distances, entered


def _walk(steps: dict[int, list[Arc]], first: Arc, target: int) -> list[Arc]:
    arcs = [first]
    while arcs[-1][0] != target:
        arcs += steps[arcs[-1][0]]
    return arcs


def _entrance(node: int) -> int:
    return 2 * node


def _exit(node: int) -> int:
    return 2 * node + 1
