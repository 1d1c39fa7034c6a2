"""What all sessions at admission share: terms, ledger and topology; and the choice among the offered routes.

Routing proposes, admission decides: its ledger is the only one, and it may have heard of a change before routing did.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, NamedTuple

from keytwin.control.capacity import Hold, Ledger, hop_cost
from keytwin.control.profiles import Grant
from keytwin.control.topology_view import TopologyView
from keytwin.vocabulary.blueprint import AdmissionSettings
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, link_ends
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.topology import MOST_HOPS, Route
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

LATEST_DELIVERY: Final = seconds(30)  # no message arrives later than this after it was sent; clocks differ by less
RENEWALS_A_LEASE: Final = 3  # two may be lost
TOMBSTONE_LEASES: Final = 2  # a tombstone outlives every lease, and with it every message about the session


class Choice(NamedTuple):
    """The route that was reserved, or None and the links that had no room."""

    route: Route | None
    lacking: tuple[LinkId, ...] = ()


@dataclass(slots=True)
class Office:
    """Terms, books and maps."""

    settings: AdmissionSettings
    algorithm: str
    ledger: Ledger
    view: TopologyView
    seat: Seat = CENTRAL
    pool_depth: Duration = seconds(10)
    stocks: dict[LinkId, Bits] = field(default_factory=dict)  # at the end that holds less, as last told

    def note_stocks(self, link: LinkId, stocks: Iterable[Bits | None]) -> None:
        """Note what the ends of a link hold, as far as they have said."""
        known = [stock for stock in stocks if stock is not None]
        if known:
            self.stocks[link] = min(known)

    @property
    def lease(self) -> Duration:
        """How long a key manager keeps what nothing renews: longer than admission's own timer."""
        return _lease(self.settings)

    @property
    def tombstone_lifetime(self) -> Duration:
        """How long a session that is over is remembered, so that late messages don't bring it back."""
        return tombstone_lifetime(self.settings)

    def surely_gone(self, leased_at: Instant) -> Instant:
        """Return when a lease that was last renewed at `leased_at` has run out, wherever the message lingered."""
        return Instant(leased_at + LATEST_DELIVERY + self.lease)

    def hold(self, grant: Grant, route: Route) -> Hold:
        """Return what a session takes of a route, relay cost included."""
        # Where keys go in shares each way carries one of each key, at the price of the longest of them.
        return Hold(route.all_links, hop_cost(grant.link_rate, grant.key_size, grant.batch, route.hops, grant.tags))

    def reserve(self, ksid: Ksid, epoch: int, grant: Grant, routes: Iterable[Route], now: Instant) -> Choice:
        """Reserve the first route that works, is trusted and has room; all of it or nothing (invariant A1)."""
        lacking: dict[LinkId, None] = {}
        for route in routes:
            if not self.works(route):
                continue
            short = self.ledger.reserve(ksid, epoch, self.hold(grant, route), now)
            if not short:
                return Choice(route)
            lacking.update(dict.fromkeys(short))
        return Choice(None, tuple(lacking))

    def works(self, route: Route) -> bool:
        """Tell whether all links of a route work and all its nodes are trusted."""
        return (
            1 <= route.hops <= MOST_HOPS
            and all(self.view.is_working(link) for link in route.all_links)
            and all(self.view.is_trusted(node) for node in route.all_nodes)
        )


def joins(route: Route, source: NodeId, target: NodeId) -> bool:
    """Tell whether a route leads from `source` to `target`, link by link and without a loop (invariant C4).

    Of several ways each does, and they have no node or link in common but the ends.
    """
    between = [node for way in route.ways for node in way.nodes[1:-1]]
    is_apart = len(set(between)) == len(between) and len(set(route.all_links)) == len(route.all_links)
    return is_apart and all(_leads(way, source, target) for way in route.ways)


def _leads(route: Route, source: NodeId, target: NodeId) -> bool:
    steps = pairwise(route.nodes)
    return (
        route.nodes[:1] == (source,)
        and route.nodes[-1:] == (target,)
        and len(route.nodes) == len(route.links) + 1 == len(set(route.nodes))
        and all({near, far} == set(link_ends(link)) for link, (near, far) in zip(route.links, steps, strict=True))
    )


def tombstone_lifetime(settings: AdmissionSettings) -> Duration:
    """Return how long a session that is over is remembered, so that late messages don't bring it back."""
    return Duration(_lease(settings) * TOMBSTONE_LEASES + LATEST_DELIVERY)


def _lease(settings: AdmissionSettings) -> Duration:
    return Duration(settings.inactivity_timeout * 3 // 2)
