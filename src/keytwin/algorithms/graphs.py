"""Multigraphs with directed and undirected edges, and the ways through them.

Every answer depends on nodes and edges only, never on the order in which they were given: among ways of equal weight
the one with fewer edges wins, then the one whose first differing node, or else edge, sorts first.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from itertools import pairwise
from typing import Final, Generic, Protocol, Self, TypeVar

from keytwin.algorithms.adjacency import Adjacency, Arc, bottleneck, cut_edges, distances_to, groups, shortest
from keytwin.algorithms.disjoint import SplitNodes, disjoint


class Name(Hashable, Protocol):
    """What identifies a node or an edge: anything hashable that sorts, such as a str or a tuple of them."""

    def __lt__(self, other: Self, /) -> bool: ...


N = TypeVar("N", bound=Name)
E = TypeVar("E", bound=Name)


@dataclass(frozen=True, slots=True)
class Edge(Generic[N, E]):
    """An edge; one that is not directed may be crossed both ways."""

    id: E
    source: N
    target: N
    directed: bool = False


@dataclass(frozen=True, slots=True)
class Path(Generic[N, E]):
    """A way without loops: `edges[i]` joins `nodes[i]` to `nodes[i + 1]`; `weight` is the sum over its edges."""

    nodes: tuple[N, ...]
    edges: tuple[E, ...]
    weight: float


def every(_: object) -> bool:
    """Let any edge be used."""
    return True


def hop(_: object) -> int:
    """Weigh all edges alike."""
    return 1


class Graph(Generic[N, E]):
    """An immutable multigraph. A query on a node that is not there raises KeyError.

    `usable` leaves out edges, `weight` prices those that are left, at 0 or more; a query calls each once per edge.
    """

    __slots__ = ("_edges", "_incoming", "_nodes", "_outgoing", "_places", "_split")

    def __init__(self, nodes: Iterable[N], edges: Iterable[Edge[N, E]]) -> None:
        self._nodes: Final = tuple(sorted(set(nodes)))
        self._edges: Final = tuple(sorted(edges, key=lambda edge: edge.id))
        assert all(one.id < other.id for one, other in pairwise(self._edges)), "each edge has an identifier of its own"
        self._places: Final = {node: place for place, node in enumerate(self._nodes)}
        self._outgoing: Final[Adjacency] = [[] for _ in self._nodes]
        self._incoming: Final[Adjacency] = [[] for _ in self._nodes]
        for index, edge in enumerate(self._edges):
            source, target = self._places[edge.source], self._places[edge.target]
            self._join(source, target, index)
            if not edge.directed:
                self._join(target, source, index)
        for arcs in (*self._outgoing, *self._incoming):
            arcs.sort()
        self._split: SplitNodes | None = None  # made when first needed, then kept

    @property
    def nodes(self) -> tuple[N, ...]:
        """All nodes, sorted."""
        return self._nodes

    @property
    def edges(self) -> tuple[Edge[N, E], ...]:
        """All edges, sorted by identifier."""
        return self._edges

    def neighbours(self, node: N, usable: Callable[[E], bool] = every) -> tuple[N, ...]:
        """Return the nodes that one edge leads to, each once, sorted."""
        arcs = self._outgoing[self._places[node]]
        return tuple(self._nodes[far] for far in sorted({far for far, edge in arcs if usable(self._edges[edge].id)}))

    def shortest_path(
        self, source: N, target: N, weight: Callable[[E], float] = hop, usable: Callable[[E], bool] = every
    ) -> Path[N, E] | None:
        """Return the way of least weight, None when there is no way (Dijkstra)."""
        costs = self._priced(weight, usable)
        arcs = shortest(self._outgoing, self._incoming, costs, self._places[source], self._places[target])
        return None if arcs is None else self._path(source, arcs, costs)

    def distances(
        self, source: N, weight: Callable[[E], float] = hop, usable: Callable[[E], bool] = every
    ) -> dict[N, float]:
        """Return the weight of the lightest way to each node that can be reached, 0 to `source` itself (Dijkstra)."""
        found = distances_to(self._outgoing, self._priced(weight, usable), self._places[source])
        return {self._nodes[place]: distance for place, distance in found.items()}

    def widest_path(
        self, source: N, target: N, capacity: Callable[[E], float], usable: Callable[[E], bool] = every
    ) -> tuple[Path[N, E], float] | None:
        """Return the way whose narrowest edge is the widest, weighed in hops, and the capacity of that edge.

        The way to oneself has no narrowest edge: its capacity is infinite.
        """
        widths = [capacity(edge.id) if usable(edge.id) else None for edge in self._edges]
        width = bottleneck(self._outgoing, widths, self._places[source], self._places[target])
        if width is None:
            return None
        costs = [None if each is None or each < width else 1.0 for each in widths]
        arcs = shortest(self._outgoing, self._incoming, costs, self._places[source], self._places[target])
        assert arcs is not None
        return self._path(source, arcs, costs), width

    def disjoint_paths(
        self,
        source: N,
        target: N,
        most: int,
        weight: Callable[[E], float] = hop,
        usable: Callable[[E], bool] = every,
    ) -> tuple[Path[N, E], ...]:
        """Return as many ways as there are, but no more than `most`, that share neither edge nor node between the ends.

        Their total weight is the least that so many ways can have, so the shortest way need not be among them. The
        lightest comes first.
        """
        assert source != target
        assert most >= 1
        if most == 1:
            path = self.shortest_path(source, target, weight, usable)
            return () if path is None else (path,)
        costs = self._priced(weight, usable)
        if self._split is None:
            self._split = SplitNodes(self._outgoing)
        found = disjoint(self._split, costs, (self._places[source], self._places[target]), most)
        paths = [self._path(source, arcs, costs) for arcs in found]
        return tuple(sorted(paths, key=lambda path: (path.weight, len(path.edges), path.nodes, path.edges)))

    def components(self, usable: Callable[[E], bool] = every) -> tuple[tuple[N, ...], ...]:
        """Return the groups of nodes that hang together, whatever the direction of the edges; each sorted."""
        found = groups(self._both_ways(), self._priced(hop, usable))
        return tuple(tuple(self._nodes[place] for place in sorted(group)) for group in found)

    def bridges(self, usable: Callable[[E], bool] = every) -> tuple[E, ...]:
        """Return the edges without which a group falls apart, whatever the direction of the edges; sorted."""
        found = cut_edges(self._both_ways(), self._priced(hop, usable))
        return tuple(self._edges[edge].id for edge in sorted(found))

    def _join(self, source: int, target: int, edge: int) -> None:
        if source != target:  # an edge from a node to itself leads nowhere
            self._outgoing[source].append((target, edge))
            self._incoming[target].append((source, edge))

    def _both_ways(self) -> Adjacency:
        return [leaving + arriving for leaving, arriving in zip(self._outgoing, self._incoming, strict=True)]

    def _priced(self, weight: Callable[[E], float], usable: Callable[[E], bool]) -> list[float | None]:
        costs = [weight(edge.id) if usable(edge.id) else None for edge in self._edges]
        assert all(cost is None or cost >= 0 for cost in costs), "a weight below 0 has no shortest way"
        return costs

    def _path(self, source: N, arcs: list[Arc], costs: list[float | None]) -> Path[N, E]:
        nodes = (source, *(self._nodes[far] for far, _ in arcs))
        edges = tuple(self._edges[edge].id for _, edge in arcs)
        return Path(nodes, edges, sum(costs[edge] or 0 for _, edge in arcs))
