"""One session at admission control: what it does at each step of `admission_table.py`. Paper B, 3.2 and Fig. 2b."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.control.admission_case import (
    UNTIL_REPLACED,
    AdmissionCase,
    ask,
    ask_nodes,
    bury,
    configure_hops,
    delete_leavers,
    drop_pending,
    enter,
    finish,
    give_back,
    is_known,
    move,
    pace,
    renew_leases,
    save,
    tell_over,
)
from keytwin.control.admission_records import AdmissionKept, registration_of
from keytwin.control.admission_table import (
    ADMISSION_TABLE,
    AdmissionState,
    RouteBroken,
    SessionEvicted,
    SessionRepeatDue,
    SessionTimedOut,
)
from keytwin.control.configuration import delete
from keytwin.control.office import Office, joins
from keytwin.control.on_stock import stay_or_finish
from keytwin.control.profiles import LATER
from keytwin.vocabulary.machine import Effect, Message, Send
from keytwin.vocabulary.reservation_messages import LinksRefused, LinksReserved
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    NoRoute,
    Reason,
    RouteFound,
    SessionAccepted,
    SessionClosing,
    SessionDeleted,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Instant, after, in_seconds

MOST_DOUBLINGS: Final = 8
MOST_RETIRED: Final = 8  # routes of one session that may linger; a session that moves faster than they go is given up
MOST_QUESTIONS: Final = 16  # to routing in one search, each with more links excluded

_S = AdmissionState
_CONFIGURED: Final = (_S.CONFIGURING, _S.ACTIVE, _S.REROUTING)


@dataclass(slots=True)
class AdmissionSession(AdmissionCase):
    """A session from the first registration until nothing of it is reserved anywhere, and as tombstone after."""

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the session's next step."""
        return ADMISSION_TABLE.step(self, message, now)

    # --- registration and route -------------------------------------------------------------------------------------

    def on_configure_session(self, request: ConfigureSession, now: Instant) -> list[Effect]:
        """Take the peer's registration, or answer a repeated one as it was answered."""
        if not is_known(self, request):
            self.second = registration_of(request)
            enter(self, _S.ROUTING, now)
            return [save(self), Send(request.reply_to, SessionAccepted(request.open_id, self.ksid)), ask(self)]
        if self.state in (_S.TERMINATING, _S.TERMINATED):
            refusal = ConfigurationRefused(request.open_id, self.reason, self.retry_after)
            return [Send(request.reply_to, refusal)]
        return [Send(request.reply_to, SessionAccepted(request.open_id, self.ksid))]

    def on_route_found(self, found: RouteFound, now: Instant) -> list[Effect]:
        """Reserve the first candidate that has room and configure it; ask again without the links that have none."""
        self.is_routing_heard = True
        if self.question is None or found.request_id != self.question.request_id:
            return []
        assert self.second
        if len(self.epochs.retired) >= MOST_RETIRED:
            return finish(self, Reason.UNAVAILABLE, now, f"routed anew too often: {self.cause}", LATER)
        routes = [route for route in found.routes if joins(route, self.first.node, self.second.node)]
        routes = [route for route in routes if len(route.ways) == self.grant.routes]
        routes = [route for route in routes if self.excluded.keys().isdisjoint(route.all_links)]
        if not self.office.seat.is_central:
            return _ask_for_promises(self, routes)
        number = self.epochs.next_number
        choice = self.office.reserve(self.ksid, number, self.grant, routes, now)
        if choice.route is not None:
            return move(self, choice.route, now)
        if not choice.lacking:
            return []  # routing has not heard yet that its candidates don't work: the same question will be repeated
        self.excluded |= dict.fromkeys(choice.lacking)
        if self.questions >= MOST_QUESTIONS:
            return stay_or_finish(self, Reason.NO_ROUTE, f"no room on {', '.join(self.excluded)}", now)
        return [ask(self)]

    def on_links_reserved(self, reserved: LinksReserved, now: Instant) -> list[Effect]:
        """Take the route of which the last node has promised its part."""
        route = self.pending
        if route is None or reserved.epoch != self.pending_epoch:
            return []
        self.awaited.pop(reserved.node, None)
        if self.awaited:
            return []
        if self.pending_epoch != self.epochs.next_number:  # meanwhile a key manager has buried this epoch
            return [*drop_pending(self), ask(self)]
        self.pending = None
        return move(self, route, now)

    def on_links_refused(self, refused: LinksRefused, now: Instant) -> list[Effect]:
        """Give back what others have promised, and ask for another route without the links that have no room."""
        if self.pending is None or refused.epoch != self.pending_epoch:
            return []
        dropped = drop_pending(self)
        self.excluded |= dict.fromkeys(refused.lacking)
        if self.questions >= MOST_QUESTIONS:
            return [*dropped, *stay_or_finish(self, Reason.NO_ROUTE, f"no room on {', '.join(self.excluded)}", now)]
        return [*dropped, ask(self)]

    def on_no_route(self, none: NoRoute, now: Instant) -> list[Effect]:
        """There is no route: on stock or over; the operator hears why, the SAE only that there is none."""
        if self.question is None or none.request_id != self.question.request_id:
            return []
        reason = Reason.NO_ROUTE if self.state is _S.ROUTING else Reason.UNAVAILABLE
        return stay_or_finish(self, reason, none.explanation, now)

    def on_route_broken(self, broken: RouteBroken, now: Instant) -> list[Effect]:
        """Look for another route; the old one stays configured and reserved until the new one is."""
        dropped = drop_pending(self)
        self.excluded |= dict.fromkeys(broken.lacking)
        self.cause = broken.cause
        if self.state is not _S.REROUTING:
            enter(self, _S.REROUTING, now)
        return [*dropped, ask(self)]

    # --- the key managers of the route ------------------------------------------------------------------------------

    def on_hop_configured(self, configured: HopConfigured, now: Instant) -> list[Effect]:
        """Note who has the newest route; active when all have."""
        if self.state is _S.TERMINATED:
            return tell_over(self, configured.node)
        self.epochs.confirm(configured.node, configured.epoch)
        effects = give_back(self)
        # While another route is looked for, a late confirmation of the old one doesn't make the session active again.
        if self.state is _S.CONFIGURING and not self.epochs.unconfirmed():
            self.idle_at = self.idle_at or after(now, self.office.settings.inactivity_timeout)
            enter(self, _S.ACTIVE, now)
        return effects

    def on_hop_missing(self, missing: HopMissing, now: Instant) -> list[Effect]:
        """Configure a key manager again that has lost its entry."""
        self.epochs.doubt(missing.node)
        self.attempts = 0
        pace(self, now)
        route = self.epochs.route
        is_on_route = route is not None and missing.node in route.all_nodes
        return configure_hops(self, [missing.node]) if is_on_route and self.state is not _S.REROUTING else []

    def on_session_deleted(self, deleted: SessionDeleted, now: Instant) -> list[Effect]:
        """Note what is gone; a key manager that has buried the newest epoch can only take a newer one."""
        self.epochs.clear(deleted.node, deleted.epoch)
        if self.state is _S.TERMINATING:
            return [] if self.epochs.holding() else bury(self, now)
        effects = give_back(self)
        route = self.epochs.route
        if deleted.epoch >= self.epochs.newest and route is not None and deleted.node in route.all_nodes:
            self.epochs.floor = max(self.epochs.floor, deleted.epoch)
            if self.state is not _S.REROUTING:
                broken = RouteBroken(self.ksid, f"{deleted.node} has lost the session")
                effects += self.on_route_broken(broken, now)
        return effects

    def on_key_requested(self, requested: KeyRequested, now: Instant) -> list[Effect]:
        """The key-request signal restarts the session's timer (Fig. 2b)."""
        if self.state is _S.TERMINATED:
            return tell_over(self, requested.node)
        self.idle_at = after(now, self.office.settings.inactivity_timeout)
        if self.state is _S.ACTIVE:
            self.timeout_at = self.idle_at
        return []

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_session_closing(self, closing: SessionClosing, now: Instant) -> list[Effect]:
        """One end is through with it: so is the other."""
        if self.state is _S.TERMINATED:
            return tell_over(self, closing.node)
        effects = finish(self, closing.reason, now)
        return effects if self.state is _S.TERMINATING else [*effects, *tell_over(self, closing.node)]

    def on_session_evicted(self, evicted: SessionEvicted, now: Instant) -> list[Effect]:
        """It may not go on."""
        return finish(self, evicted.reason, now, evicted.explanation)

    # --- time -------------------------------------------------------------------------------------------------------

    def on_session_timed_out(self, late: SessionTimedOut, now: Instant) -> list[Effect]:
        """Each state has a longest stay."""
        match self.state:
            case _S.ACCEPTED:
                waited = in_seconds(self.office.settings.peer_timeout)
                explanation = f"the peer of {self.first.sae} did not open within {waited:g} s"
                return finish(self, Reason.PEER_NOT_CONNECTED, now, explanation, LATER)
            case _S.ROUTING | _S.REROUTING:
                answer = "offers nothing that works" if self.is_routing_heard else "does not answer"
                explanation = "; ".join(filter(None, (self.cause, f"routing {answer}")))
                return finish(self, Reason.UNAVAILABLE, now, explanation, LATER)
            case _S.CONFIGURING:
                silent = " and ".join(self.epochs.unconfirmed())
                return finish(self, Reason.UNAVAILABLE, now, f"{silent} did not confirm the configuration")
            case _S.ACTIVE:
                return finish(self, Reason.INACTIVE, now)
            case _S.TERMINATING:
                return bury(self, now)
            case _:
                raise AssertionError("the table has no time-out here")

    def on_session_repeat_due(self, due: SessionRepeatDue, now: Instant) -> list[Effect]:
        """Repeat what is unanswered; renew the leases when it is time."""
        self.attempts = min(self.attempts + 1, MOST_DOUBLINGS)
        self.epochs.expire(now)
        effects = give_back(self)
        match self.state:
            case _S.ROUTING | _S.REROUTING:
                effects += _question_again(self)
            case _S.CONFIGURING | _S.ACTIVE:
                effects += configure_hops(self, self.epochs.unconfirmed())
            case _:
                effects += delete(self.ksid, self.epochs.newest, self.reason, self.epochs.holding())
        if self.state in _CONFIGURED:
            effects += delete_leavers(self)
            effects += renew_leases(self, now)
        pace(self, now)
        return effects


def _ask_for_promises(session: AdmissionSession, routes: list[Route]) -> list[Effect]:
    """Ask the nodes of the first candidate that works to reserve their parts of it."""
    if session.pending is not None:
        return []  # a late answer
    session.pending = next((route for route in routes if session.office.works(route)), None)
    if session.pending is None:
        return []  # routing has not heard yet that its candidates don't work: the same question will be repeated
    session.pending_epoch, session.awaited = session.epochs.next_number, dict.fromkeys(session.pending.all_nodes)
    return ask_nodes(session, session.pending, session.awaited)


def _question_again(session: AdmissionSession) -> list[Effect]:
    """Repeat what is unanswered: the question to routing, or those to the nodes of the route that it has offered."""
    if session.pending is not None:
        return ask_nodes(session, session.pending, session.awaited)
    return [ask(session) if session.question is None else Send(session.office.seat.routing, session.question)]


def begin(session: AdmissionSession, now: Instant) -> list[Effect]:
    """Accept the first end and wait for its peer; no route is reserved before it is there (invariant S5)."""
    enter(session, _S.ACCEPTED, now)
    first = session.first
    return [save(session), Send(first.reply_to, SessionAccepted(first.open_id, session.ksid))]


def restored(kept: AdmissionKept, office: Office, serial: int, now: Instant) -> AdmissionSession:
    """Make a session as it was saved; what it had sent may have arrived or not, so it will all be sent again."""
    state = AdmissionState(kept.state)
    session = AdmissionSession(
        kept.ksid, kept.app, kept.user, kept.first, kept.grant, office, serial, kept.second, state
    )
    session.reason, session.retry_after, session.over_at = kept.reason, kept.retry_after, kept.over_at
    session.dark_until, session.is_barred = kept.dark_until, kept.is_barred
    routes = {held.epoch: held.route for held in kept.routes}
    session.epochs.restore(routes, kept.epoch, office.surely_gone(now))
    session.renewed_at, session.idle_at = now, after(now, office.settings.inactivity_timeout)
    for epoch, route in routes.items() if office.seat.is_central else ():
        office.ledger.take_over(session.ksid, epoch, office.hold(session.grant, route))
    if state is not _S.TERMINATED:
        enter(session, state, now)
        session.repeat_at = UNTIL_REPLACED if state is _S.ACCEPTED else now
    return session
