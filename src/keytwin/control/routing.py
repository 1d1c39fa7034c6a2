"""The routing element: candidates for a session by a metric, from topology, performance and load. Paper B, 3.2.

It proposes, admission decides: its picture of what is reserved may lag behind. It saves nothing and asks again after a
restart.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Final

from keytwin.control.agenda import Agenda
from keytwin.control.capacity import TELEMETRY_LIFETIME, hop_cost
from keytwin.control.link_book import LinkBook
from keytwin.control.metrics import LinkView, checked, hops, key_aware, residual
from keytwin.control.no_route import Explanation
from keytwin.control.subscription import Subscription
from keytwin.control.topology_view import TopologyMessage, TopologyView
from keytwin.vocabulary.blueprint import RoutingSettings
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ADMISSION, MONITORING, LinkId, link_ends
from keytwin.vocabulary.link_messages import LinkPerformance
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Send
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.session_messages import FindRoute, NoRoute, RouteFound
from keytwin.vocabulary.topology import MOST_HOPS, Route
from keytwin.vocabulary.topology_messages import (
    LinkChanged,
    LinkReserved,
    NodeChanged,
    ReservationsRequested,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, Instant, after, minutes, seconds

RoutingMetric = Callable[[LinkView], float]
METRICS: Final[Mapping[str, RoutingMetric]] = MappingProxyType(
    {"hops": hops, "key-aware": key_aware, "residual": residual}
)
"""What keytwin brings; others are handed to `Routing` in the same way."""

SETTLING: Final = seconds(5)  # after a start: a route may be missing only because its links have not registered yet
BOOKS_PERIOD: Final = minutes(5)  # all links at once: rarely
BOOKS_FRESH: Final = seconds(10)  # before saying that there is no room, reservations this new are asked for

_TOPOLOGY: Final = "topology"
_PERFORMANCE: Final = "performance"
_RESERVATIONS: Final = "reservations"


class RoutingSweep(Message, frozen=True, gc=False):
    """To oneself: something is due."""


class Routing:
    """Knows whole routes before admission does; `metric` weighs the links. One for all, or one at each node."""

    def __init__(self, settings: RoutingSettings, metric: RoutingMetric, seat: Seat = CENTRAL) -> None:
        self._settings: Final = settings
        self._seat: Final = seat
        self._view: Final = TopologyView(seat.routing, seat.controller)
        self._book: Final = LinkBook(self._view, checked(metric))
        self._subscription: Final = Subscription(seat.routing, seat.everywhere(MONITORING))
        self._agenda: Final = Agenda("sweep", RoutingSweep())
        self._started_at = START
        self._books_asked_at: Instant | None = None
        self._complained: Final[set[LinkId]] = set()

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        self._started_at = now
        for name in (_TOPOLOGY, _PERFORMANCE, _RESERVATIONS):
            self._agenda.put(name, now)
        return [*self._sweep(now), *self._agenda.arm(now)]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case FindRoute():
                effects = self._find(message, now)
            case TopologySnapshot() | LinkChanged() | NodeChanged():
                effects = self._follow(message, now)
            case LinkPerformance():
                self._book.perform(message, now)
                self._agenda.put(message.link, after(message.at, TELEMETRY_LIFETIME))
                effects = self._complain([message.link])
            case LinkReserved():
                self._book.reserve(message, now)
                effects = self._complain([message.link])
            case RoutingSweep():
                effects = self._sweep(now)
            case _:
                raise UnexpectedMessage(f"routing does not take {type(message).__name__}")
        return [*effects, *self._agenda.arm(now)]

    # --- the search -------------------------------------------------------------------------------------------------

    def _find(self, question: FindRoute, now: Instant) -> list[Effect]:
        """Answer, or stay silent where a little later there may be a better answer: admission will ask again."""
        if not self._view.is_known:
            return []
        if self._view.is_stale(now):
            return [_none(question, self._view.age(now))]
        fitting = self._fitting(question)
        routes = self._candidates(question, fitting)
        if routes:
            return [Send(question.reply_to, RouteFound(question.request_id, question.ksid, routes))]
        if now - self._started_at < SETTLING:
            return []
        if self._candidates(question, set(self._book.weights) - set(question.excluded)):
            asked = self._ask_reservations(now, BOOKS_FRESH)
            if asked:
                return asked
        return [_none(question, Explanation(question, self._book, self._view, fitting).text())]

    def _fitting(self, question: FindRoute) -> set[LinkId]:
        """Return the links with room; a link between the very ends would carry the session without relay cost."""
        need = hop_cost(question.rate, question.key_size, question.batch, hops=2, tags=question.tags)
        rooms = self._book.rooms
        fitting = {link for link, room in rooms.items() if room >= need}
        direct = self._book.between(question.source, question.target)
        fitting.update(link for link in direct if rooms[link] >= question.rate)
        fitting.update(question.held)
        # Admission's word comes last: its books are the true ones.
        return fitting.difference(question.excluded)

    def _candidates(self, question: FindRoute, fitting: set[LinkId]) -> tuple[Route, ...]:
        """Return the lightest route, then others that share neither link nor inner node with it or one another."""
        source, target = question.source, question.target
        graph, weights = self._book.graph, self._book.weights
        if source == target or not {source, target} <= self._view.nodes.keys():
            return ()
        usable = fitting & weights.keys()
        if question.shares > 1:
            ways = graph.disjoint_paths(source, target, question.shares, weights.__getitem__, usable.__contains__)
            return together([Route(way.nodes, way.edges) for way in ways], question.shares)
        best = graph.shortest_path(source, target, weights.__getitem__, usable.__contains__)
        if best is None:
            return ()
        # The disjoint ways of least total weight need not contain the lightest: it is set first, the rest avoid it.
        paths = [best]
        if self._settings.k_paths > 1:
            inner = set(best.nodes[1:-1])
            rest = {link for link in usable.difference(best.edges) if inner.isdisjoint(link_ends(link))}
            most = self._settings.k_paths - 1
            paths += graph.disjoint_paths(source, target, most, weights.__getitem__, rest.__contains__)
        return tuple(Route(path.nodes, path.edges) for path in paths if len(path.edges) <= MOST_HOPS)

    # --- what it follows --------------------------------------------------------------------------------------------

    def _follow(self, message: TopologyMessage, now: Instant) -> list[Effect]:
        changes = self._view.take(message, now)
        self._agenda.put(_TOPOLOGY, self._view.request_at)
        changed = dict.fromkeys(state.link for state in changes.links)
        if changes.nodes:
            changed |= dict.fromkeys(self._view.links)
        came_or_went = any((link in self._book.rooms) != (link in self._view.links) for link in changed)
        if changes.nodes or came_or_went:
            self._book.redraw()
        for link in changed:
            self._book.weigh(link, now)
        return self._complain(changed)

    def _complain(self, links: Iterable[LinkId]) -> list[Effect]:
        """Tell, once a link, that the metric fails on it: the link is left out, the element goes on."""
        fresh = [link for link in links if link in self._book.unfit and link not in self._complained]
        self._complained.update(fresh)
        told = [f"{link} is left out, because the metric {self._book.unfit[link]}" for link in fresh]
        return [Publish(ViolationSeen("RoutingMetric", about)) for about in told]

    def _ask_reservations(self, now: Instant, unless_since: int) -> list[Effect]:
        if self._books_asked_at is not None and now - self._books_asked_at < unless_since:
            return []
        self._books_asked_at = now
        asked = ReservationsRequested(self._seat.routing)
        return [Send(admission, asked) for admission in self._seat.everywhere(ADMISSION)]

    def _sweep(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._agenda.take_due(now):
            if name == _TOPOLOGY:
                effects += self._view.request(now)
                self._agenda.put(name, self._view.request_at)
            elif name == _PERFORMANCE:
                effects += self._subscription.request(now)
                self._agenda.put(name, self._subscription.request_at)
            elif name == _RESERVATIONS:
                effects += self._ask_reservations(now, BOOKS_FRESH)
                self._agenda.put(name, after(now, BOOKS_PERIOD))
            else:
                self._book.weigh(LinkId(name), now)  # its performance has become too old
        return effects


def together(ways: list[Route], shares: int) -> tuple[Route, ...]:
    """Return the one route that consists of so many ways; nothing when there are fewer, or one is too long."""
    if len(ways) < shares or any(len(way.links) > MOST_HOPS for way in ways):
        return ()
    first, *others = ways
    return (Route(first.nodes, first.links, tuple(others)),)


def _none(question: FindRoute, explanation: str) -> Effect:
    return Send(question.reply_to, NoRoute(question.request_id, question.ksid, explanation))
