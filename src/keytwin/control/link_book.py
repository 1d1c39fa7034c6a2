"""What routing knows of every link, and what that makes of it: a weight by the metric and room for more sessions."""

from __future__ import annotations

from collections.abc import Callable
from math import isinf
from typing import Final

from keytwin.algorithms.graphs import Edge, Graph
from keytwin.control.capacity import TELEMETRY_LIFETIME, rate_to_trust
from keytwin.control.metrics import LinkView, weigh
from keytwin.control.topology_view import TopologyView
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId, link_ends
from keytwin.vocabulary.link_messages import LinkPerformance
from keytwin.vocabulary.topology_messages import LinkReserved, LinkState
from keytwin.vocabulary.units import START, BitsPerSecond, Instant


class LinkBook:
    """Kept up to date link by link, so that a search needs no more than to look things up."""

    def __init__(self, view: TopologyView, metric: Callable[[LinkView], float]) -> None:
        self.weights: Final[dict[LinkId, float]] = {}
        """Of the links that work, end at trusted nodes and are not shut out by the metric."""
        self.rooms: Final[dict[LinkId, int]] = {}
        """Bits a second left in the fuller direction, of all registered links."""
        self.rates: Final[dict[LinkId, int]] = {}
        """Bits a second that either direction has in all, of the same links."""
        self.unfit: Final[dict[LinkId, str]] = {}
        """What the metric did instead of giving a weight."""
        self._view: Final = view
        self._metric: Final = metric
        self._performances: Final[dict[LinkId, LinkPerformance]] = {}
        self._reservations: Final[dict[LinkId, dict[ElementName, LinkReserved]]] = {}  # by who keeps them
        self._graph: Graph[NodeId, LinkId] | None = None
        self._between: Final[dict[frozenset[NodeId], list[LinkId]]] = {}  # as old as the graph

    @property
    def graph(self) -> Graph[NodeId, LinkId]:
        """All nodes and registered links, whether they work or not."""
        if self._graph is None:
            edges = [Edge(link, *link_ends(link)) for link in self._view.links]
            ends = [node for link in self._view.links for node in link_ends(link)]
            self._graph = Graph([*self._view.nodes, *ends], edges)
            self._between.clear()
            for link in self._view.links:
                self._between.setdefault(frozenset(link_ends(link)), []).append(link)
        return self._graph

    def between(self, first: NodeId, second: NodeId) -> list[LinkId]:
        """Return the parallel links between two nodes."""
        _ = self.graph
        return self._between.get(frozenset((first, second)), [])

    def redraw(self) -> None:
        """Take note that there may be other nodes and links than before."""
        self._graph = None

    def perform(self, seen: LinkPerformance, now: Instant) -> None:
        """Take monitoring's picture of a link, unless there is a newer one."""
        known = self._performances.get(seen.link)
        if known is None or seen.at >= known.at:
            self._performances[seen.link] = seen
            self.weigh(seen.link, now)

    def reserve(self, seen: LinkReserved, now: Instant) -> None:
        """Take what admission has reserved on a link, unless there is something newer."""
        of_link = self._reservations.setdefault(seen.link, {})
        known = of_link.get(seen.sender)
        if known is None or seen.sequence > known.sequence:
            of_link[seen.sender] = seen
            self.weigh(seen.link, now)

    def weigh(self, link: LinkId, now: Instant) -> None:
        """Reckon a link's weight and room anew."""
        for table in (self.weights, self.rooms, self.rates, self.unfit):
            table.pop(link, None)
        state = self._view.links.get(link)
        if state is None:
            return
        view = self._look(state, now)
        self.rates[link] = view.rate // 2
        self.rooms[link] = self.rates[link] - max(view.reserved)
        if not self._view.is_working(link) or not all(self._view.is_trusted(node) for node in view.ends):
            return
        weight = weigh(self._metric, view)
        if isinstance(weight, str):
            self.unfit[link] = weight
        elif not isinf(weight):  # infinity is the metric's way to shut a link out
            self.weights[link] = weight

    def _look(self, state: LinkState, now: Instant) -> LinkView:
        seen, reserved = self._performances.get(state.link), self._reservations.get(state.link, {}).values()
        fresh = seen if seen is not None and now - seen.at <= TELEMETRY_LIFETIME else None
        measured, at = (None, START) if seen is None else (seen.rate, seen.at)
        return LinkView(
            link=state.link,
            ends=link_ends(state.link),
            rate=rate_to_trust(state.rate, measured, at, now),
            qber=state.qber if fresh is None or fresh.qber is None else fresh.qber,
            stocks=(None, None) if fresh is None else fresh.stocks,
            reserved=(
                BitsPerSecond(sum(each.first for each in reserved)),
                BitsPerSecond(sum(each.second for each in reserved)),
            ),
            sessions=max((each.sessions for each in reserved), default=0),
            delay=None if fresh is None else fresh.delay,
            lost=0.0 if fresh is None else fresh.lost,
        )
