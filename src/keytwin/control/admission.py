"""Admission control: grants sessions against the service level, pairs their ends, reserves routes. Paper B, Fig. 2b.

The element owns every session, the profiles and the ledger of reservations, and is their only writer. Key managers hold
what it configured by a lease, so sessions go on while it is down (invariant C2); it finds them again in its records.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from keytwin.algorithms.identifiers import uuids
from keytwin.control.admission_records import AdmissionKept, registration_of
from keytwin.control.admission_session import AdmissionSession, begin, restored
from keytwin.control.admission_table import AdmissionState, RouteBroken, SessionRepeatDue, SessionTimedOut
from keytwin.control.agenda import Agenda
from keytwin.control.capacity import Ledger, LinkRates
from keytwin.control.configuration import delete
from keytwin.control.disturbance import Disturbance, by_distrust, by_shortage, over_link
from keytwin.control.keeper import Keeper
from keytwin.control.office import LATEST_DELIVERY, Office
from keytwin.control.profiles import AdmissionSetup, Denial, Grant, Profiles
from keytwin.control.reception import Reception
from keytwin.control.registry import Registry
from keytwin.control.subscription import Subscription
from keytwin.control.switchboard import Switchboard, owner_of
from keytwin.control.topology_view import TopologyMessage, TopologyView
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import SessionRejected
from keytwin.vocabulary.identity import MONITORING, ROUTING, ElementName, Ksid, LinkId, link_ends
from keytwin.vocabulary.link_messages import LinkPerformance
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Send
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.reservation_messages import (
    LinksRefused,
    LinksReserved,
    LinksShort,
    ReleaseLinks,
    ReserveLinks,
)
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    NoRoute,
    Reason,
    RouteFound,
    SessionClosing,
    SessionDeleted,
)
from keytwin.vocabulary.topology_messages import (
    LinkChanged,
    LinkReserved,
    NodeChanged,
    ReservationsRequested,
    TopologySnapshot,
)
from keytwin.vocabulary.units import BitsPerSecond, Duration, Instant, after

ANY_EPOCH: Final = 2**31 - 1  # of a session that admission doesn't know: everything of it is to go
KSID_OCTETS: Final = 16

_TOPOLOGY: Final = "topology"
_PERFORMANCE: Final = "performance"
_PROMISES: Final = "promises"
LOOKS_A_LEASE: Final = 8  # at promises that nobody has renewed
NOTHING: Final = BitsPerSecond(0)

SessionMessage = (
    RouteFound
    | NoRoute
    | LinksReserved
    | LinksRefused
    | HopConfigured
    | HopMissing
    | KeyRequested
    | SessionClosing
    | SessionDeleted
)


class AdmissionSweep(Message, frozen=True, gc=False):
    """To oneself: something is due."""


class Admission:
    """Admits sessions and reserves for them: one for all, or at each node for those that are its own."""

    def __init__(self, setup: AdmissionSetup, entropy: Entropy, seat: Seat = CENTRAL) -> None:
        self._entropy: Final = entropy
        self._seat: Final = seat
        self._view: Final = TopologyView(seat.admission, seat.controller)
        self._subscription: Final = Subscription(seat.admission, seat.everywhere(MONITORING))
        self._rates: Final = LinkRates()
        self.ledger: Final = Ledger(self._rates, setup.settings.margin, setup.key_management.split)
        made = setup.key_management
        self._office: Final = Office(setup.settings, made.algorithm, self.ledger, self._view, seat, made.pool_depth)
        self._registry: Final = Registry(self._office)
        self._reception: Final = Reception(Profiles(setup), self._registry, self._office)
        self._agenda: Final = Agenda("sweep", AdmissionSweep())
        self.keeper: Final = Keeper(self.ledger, Duration(self._office.lease + LATEST_DELIVERY))
        self._switchboard: Final = Switchboard(seat, {app.id: owner_of(app, seat) for app in setup.apps}, self.keeper)
        self._sequence = 0

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Take up all sessions and say again whatever may not have been heard."""
        records = list(records)
        self.keeper.restore(records, now)
        # A dict keeps the place of the first record of a session, so the order of registration survives too.
        latest = {record.ksid: record for record in records if isinstance(record, AdmissionKept)}
        for kept in sorted(latest.values(), key=lambda kept: kept.over_at or 0):
            session = restored(kept, self._office, self._registry.next_serial(), now)
            self._registry.add(session)
            self._agenda.put(session.ksid, session.due)
        for name in (_TOPOLOGY, _PERFORMANCE, *([_PROMISES] if self.keeper.kept else [])):
            self._agenda.put(name, now)
        return self._completed(self._sweep(now), now)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        passed_on = self._switchboard.pass_on(message, lambda ksid: self._registry.session(ksid) is not None)
        if passed_on is not None:
            return self._completed(passed_on, now)
        match message:
            case ConfigureSession():
                effects = self._register(message, now)
            case ReserveLinks() | ReleaseLinks() | LinksShort():
                effects = self._on_promise(message, now)
            case RouteFound() | NoRoute() | HopConfigured() | HopMissing() | KeyRequested():
                effects = self._to_session(message, now)
            case SessionClosing() | SessionDeleted() | LinksReserved() | LinksRefused():
                effects = self._to_session(message, now)
            case TopologySnapshot() | LinkChanged() | NodeChanged():
                effects = self._follow_topology(message, now)
            case LinkPerformance():
                effects = self._follow_performance(message, now)
            case ReservationsRequested():
                effects = self._reservations(message.reply_to, self._rates.links(), now)
            case AdmissionSweep():
                effects = self._sweep(now)
            case _:
                raise UnexpectedMessage(f"admission does not take {type(message).__name__}")
        return self._completed(effects, now)

    # --- sessions ---------------------------------------------------------------------------------------------------

    def _register(self, request: ConfigureSession, now: Instant) -> list[Effect]:
        verdict = self._reception.judge(request, now)
        match verdict:
            case AdmissionSession():
                return self._feed(verdict, request, now)
            case Denial():
                rejected = SessionRejected(request.app, request.sae, verdict.reason.value, verdict.explanation)
                refusal = ConfigurationRefused(request.open_id, verdict.reason, verdict.retry_after)
                return [Publish(rejected), Send(request.reply_to, refusal)]
            case Grant():
                return self._begin(request, verdict, now)

    def _begin(self, request: ConfigureSession, grant: Grant, now: Instant) -> list[Effect]:
        ksid = request.ksid or Ksid(uuids(self._entropy.bytes(KSID_OCTETS))[0])
        serial = self._registry.next_serial()
        first = registration_of(request)
        session = AdmissionSession(ksid, request.app, request.user, first, grant, self._office, serial)
        effects = begin(session, now)
        self._registry.add(session)
        self._agenda.put(ksid, session.due)
        return effects

    def _to_session(self, message: SessionMessage, now: Instant) -> list[Effect]:
        session = self._registry.session(message.ksid)
        if session is None:
            return _unknown(message)
        if isinstance(message, KeyRequested | SessionClosing) and message.node not in session.end_nodes:
            raise UnexpectedMessage(f"{message.node} is no end of {message.ksid}")
        return self._feed(session, message, now)

    def _feed(self, session: AdmissionSession, message: Message, now: Instant) -> list[Effect]:
        before = session.state
        effects = session.receive(message, now)
        self._registry.moved(session, before)
        if session.state is AdmissionState.TERMINATED:
            self._agenda.drop(session.ksid)
        else:
            self._agenda.put(session.ksid, session.due)
        return effects

    # --- the network ------------------------------------------------------------------------------------------------

    def _follow_topology(self, message: TopologyMessage, now: Instant) -> list[Effect]:
        changes = self._view.take(message, now)
        self._agenda.put(_TOPOLOGY, self._view.request_at)
        effects: list[Effect] = []
        for state in changes.links:
            # No session is sent away for a lower registered rate: after a restart, the measured one is not known yet.
            self._rates.register(state.link, state.rate)
            if not self._view.is_working(state.link):
                effects += self._disturb(over_link(state.link, self._registry, self.ledger), now)
        for node in changes.nodes:
            if not node.trusted:
                effects += self._disturb(by_distrust(node.node, self._registry), now)
        return effects

    def _follow_performance(self, seen: LinkPerformance, now: Instant) -> list[Effect]:
        if seen.link not in self._view.links:
            return []
        self._office.note_stocks(seen.link, seen.stocks)
        if seen.rate is None:
            return []
        self._rates.measure(seen.link, seen.rate, seen.at)
        if not self._seat.is_central:
            return self.keeper.short(seen.link, now) if self._seat.node in link_ends(seen.link) else []
        return self._disturb(by_shortage(seen.link, self._registry, self.ledger, now), now)

    def _on_promise(self, message: ReserveLinks | ReleaseLinks | LinksShort, now: Instant) -> list[Effect]:
        """Keep a promise or give it back; a session of one's own leaves a link whose keeper says so."""
        match message:
            case ReserveLinks():
                if not self.keeper.kept:
                    self._agenda.put(_PROMISES, after(now, self._office.lease // LOOKS_A_LEASE))
                return self.keeper.reserve(message, now)
            case ReleaseLinks():
                return self.keeper.release(message)
            case LinksShort():
                session = self._registry.session(message.ksid)
                if session is None or session.epochs.newest != message.epoch or not session.uses(message.link):
                    return []
                return self._feed(session, RouteBroken(message.ksid, message.cause, (message.link,)), now)

    def _disturb(self, disturbances: Iterable[Disturbance], now: Instant) -> list[Effect]:
        return [effect for session, message in disturbances for effect in self._feed(session, message, now)]

    def _reservations(self, reply_to: ElementName, links: Iterable[LinkId], now: Instant) -> list[Effect]:
        self._sequence = max(self._sequence + 1, now)  # goes on growing after a restart
        node, sender = self._seat.node, self._seat.admission
        effects: list[Effect] = []
        for link in links:
            first, second = link_ends(link)
            if node in (None, first, second):
                rate, number = self.ledger.reserved(link), len(self.ledger.costs(link))
                out, back = (rate if node in (None, end) else NOTHING for end in (first, second))
                effects.append(Send(reply_to, LinkReserved(link, self._sequence, out, back, number, sender)))
        return effects

    # --- time -------------------------------------------------------------------------------------------------------

    def _sweep(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for name in self._agenda.take_due(now):
            effects += self._do(name, now)
        self._registry.purge(now)
        return effects

    def _do(self, name: str, now: Instant) -> list[Effect]:
        if name == _TOPOLOGY:
            effects = self._view.request(now)
            self._agenda.put(_TOPOLOGY, self._view.request_at)
            return effects
        if name == _PROMISES:
            effects = self.keeper.expire(now)
            if self.keeper.kept:
                self._agenda.put(_PROMISES, after(now, self._office.lease // LOOKS_A_LEASE))
            return effects
        if name == _PERFORMANCE:
            effects = self._subscription.request(now)
            self._agenda.put(_PERFORMANCE, self._subscription.request_at)
            return effects
        session = self._registry.session(Ksid(name))
        assert session
        is_late = session.timeout_at <= now
        return self._feed(session, SessionTimedOut(session.ksid) if is_late else SessionRepeatDue(session.ksid), now)

    def _completed(self, effects: list[Effect], now: Instant) -> list[Effect]:
        """Add what every step ends with: routing hears what is reserved, the timer runs."""
        changed = self.ledger.take_changed()
        told = []
        for routing in self._seat.everywhere(ROUTING) if changed else ():
            told += self._reservations(routing, changed, now)
        return [*effects, *told, *self._agenda.arm(now)]


def _unknown(message: SessionMessage) -> list[Effect]:
    """Have a key manager forget what admission has never had, or forgotten long after every lease."""
    if isinstance(message, HopConfigured | KeyRequested | SessionClosing):
        return delete(message.ksid, ANY_EPOCH, Reason.SESSION_UNKNOWN, [message.node])
    return []
