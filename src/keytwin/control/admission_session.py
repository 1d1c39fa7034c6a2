"""One session at admission control: what it does at each step of `admission_table.py`. Paper B, 3.2 and Fig. 2b.

Everything that changes a session's state or its routes is in this file.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keytwin.control.admission_records import AdmissionKept, HeldRoute, Registration, registration_of
from keytwin.control.admission_table import (
    ADMISSION_TABLE,
    AdmissionState,
    RouteBroken,
    SessionEvicted,
    SessionRepeatDue,
    SessionTimedOut,
)
from keytwin.control.configuration import configure, delete, renew
from keytwin.control.epochs import Epochs
from keytwin.control.office import RENEWALS_A_LEASE, Office, joins
from keytwin.control.profiles import LATER, NEVER, Grant
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import ADMISSION, ROUTING, AppId, Ksid, LinkId, NodeId, UserId
from keytwin.vocabulary.machine import Effect, Message, Publish, Save, Send
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    EndConfiguration,
    FindRoute,
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
from keytwin.vocabulary.units import START, Duration, Instant, after, in_seconds, milliseconds, seconds

ROUTING_PATIENCE: Final = seconds(20)  # longer than a change of the topology may stay unnoticed by routing
CONFIGURING_PATIENCE: Final = seconds(30)  # a dozen repeats to a key manager that may be restarting
RETRY: Final = milliseconds(500)  # above a round trip with a durable write at the far end; doubled each time
LONGEST_RETRY: Final = seconds(4)
LONGEST_DELETION_RETRY: Final = seconds(32)  # to a key manager that may be gone for good
MOST_DOUBLINGS: Final = 8
MOST_RETIRED: Final = 8  # routes of one session that may linger; a session that moves faster than they go is given up
MOST_QUESTIONS: Final = 16  # to routing in one search, each with more links excluded
UNTIL_REPLACED: Final = Instant(2**62)  # later than any deadline

_S = AdmissionState
_UNCONFIGURED: Final = (_S.ACCEPTED, _S.ROUTING)
_CONFIGURED: Final = (_S.CONFIGURING, _S.ACTIVE, _S.REROUTING)


@dataclass(slots=True)
class AdmissionSession:
    """A session from the first registration until nothing of it is reserved anywhere, and as tombstone after."""

    ksid: Ksid
    app: AppId
    user: UserId
    first: Registration
    grant: Grant
    office: Office
    serial: int  # order of registration: who came last is the first to go
    second: Registration | None = None
    state: StrEnum = _S.ACCEPTED
    epochs: Epochs = field(default_factory=Epochs)
    excluded: dict[LinkId, None] = field(default_factory=dict)
    question: FindRoute | None = None
    questions: int = 0
    cause: str = ""  # why it was routed anew
    reason: Reason = Reason.CLOSED
    retry_after: Duration = NEVER
    attempts: int = 0
    timeout_at: Instant = UNTIL_REPLACED
    repeat_at: Instant = UNTIL_REPLACED
    idle_at: Instant = START
    renewed_at: Instant = START
    over_at: Instant | None = None

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the session's next step."""
        return ADMISSION_TABLE.step(self, message, now)

    @property
    def due(self) -> Instant:
        """When something is to be done without being asked."""
        return min(self.timeout_at, self.repeat_at)

    # --- registration and route -------------------------------------------------------------------------------------

    def on_configure_session(self, request: ConfigureSession, now: Instant) -> list[Effect]:
        """Take the peer's registration, or answer a repeated one as it was answered."""
        if not _is_known(self, request):
            self.second = registration_of(request)
            _enter(self, _S.ROUTING, now)
            return [_save(self), Send(request.reply_to, SessionAccepted(request.open_id, self.ksid)), _ask(self)]
        if self.state in (_S.TERMINATING, _S.TERMINATED):
            refusal = ConfigurationRefused(request.open_id, self.reason, self.retry_after)
            return [Send(request.reply_to, refusal)]
        return [Send(request.reply_to, SessionAccepted(request.open_id, self.ksid))]

    def on_route_found(self, found: RouteFound, now: Instant) -> list[Effect]:
        """Reserve the first candidate that has room and configure it; ask again without the links that have none."""
        if self.question is None or found.request_id != self.question.request_id:
            return []
        assert self.second
        routes = [route for route in found.routes if joins(route, self.first.node, self.second.node)]
        routes = [route for route in routes if self.excluded.keys().isdisjoint(route.links)]
        number = self.epochs.next_number
        choice = self.office.reserve(self.ksid, number, self.grant, routes, now)
        if choice.route is not None:
            return _move(self, choice.route, now)
        if not choice.lacking:
            return []  # routing has not heard yet that its candidates don't work: the same question will be repeated
        self.excluded |= dict.fromkeys(choice.lacking)
        if self.questions >= MOST_QUESTIONS:
            return _end(self, Reason.NO_ROUTE, now, f"no room on {', '.join(self.excluded)}", LATER)
        return [_ask(self)]

    def on_no_route(self, none: NoRoute, now: Instant) -> list[Effect]:
        """There is no route: the operator hears why, the SAE only that there is none."""
        if self.question is None or none.request_id != self.question.request_id:
            return []
        reason = Reason.NO_ROUTE if self.state is _S.ROUTING else Reason.UNAVAILABLE
        return _end(self, reason, now, none.explanation, LATER)

    def on_route_broken(self, broken: RouteBroken, now: Instant) -> list[Effect]:
        """Look for another route; the old one stays configured and reserved until the new one is."""
        self.excluded |= dict.fromkeys(broken.lacking)
        self.cause = broken.cause
        if self.state is not _S.REROUTING:
            _enter(self, _S.REROUTING, now)
        return [_ask(self)]

    # --- the key managers of the route ------------------------------------------------------------------------------

    def on_hop_configured(self, configured: HopConfigured, now: Instant) -> list[Effect]:
        """Note who has the newest route; active when all have."""
        if self.state is _S.TERMINATED:
            return self._tell_over(configured.node)
        self.epochs.confirm(configured.node, configured.epoch)
        effects = _give_back(self)
        if self.state is _S.CONFIGURING and not self.epochs.unconfirmed():
            self.idle_at = self.idle_at or after(now, self.office.settings.inactivity_timeout)
            _enter(self, _S.ACTIVE, now)
        return effects

    def on_hop_missing(self, missing: HopMissing, now: Instant) -> list[Effect]:
        """Configure a key manager again that has lost its entry."""
        self.epochs.doubt(missing.node)
        self.attempts = 0
        _pace(self, now)
        route = self.epochs.route
        is_on_route = route is not None and missing.node in route.nodes
        return _configure(self, [missing.node]) if is_on_route and self.state is not _S.REROUTING else []

    def on_session_deleted(self, deleted: SessionDeleted, now: Instant) -> list[Effect]:
        """Note what is gone; a key manager that has buried the newest epoch can only take a newer one."""
        self.epochs.clear(deleted.node, deleted.epoch)
        if self.state is _S.TERMINATING:
            return [] if self.epochs.holding() else _bury(self, now)
        effects = _give_back(self)
        if deleted.epoch >= self.epochs.newest:
            self.epochs.floor = max(self.epochs.floor, deleted.epoch)
            if self.state is not _S.REROUTING:
                broken = RouteBroken(self.ksid, f"{deleted.node} has lost the session")
                effects += self.on_route_broken(broken, now)
        return effects

    def on_key_requested(self, requested: KeyRequested, now: Instant) -> list[Effect]:
        """The key-request signal restarts the session's timer (Fig. 2b)."""
        if self.state is _S.TERMINATED:
            return self._tell_over(requested.node)
        self.idle_at = after(now, self.office.settings.inactivity_timeout)
        if self.state is _S.ACTIVE:
            self.timeout_at = self.idle_at
        return []

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_session_closing(self, closing: SessionClosing, now: Instant) -> list[Effect]:
        """One end is through with it: so is the other."""
        if self.state is _S.TERMINATED:
            return self._tell_over(closing.node)
        effects = _end(self, closing.reason, now)
        return effects if self.state is _S.TERMINATING else [*effects, *self._tell_over(closing.node)]

    def on_session_evicted(self, evicted: SessionEvicted, now: Instant) -> list[Effect]:
        """It may not go on."""
        return _end(self, evicted.reason, now, evicted.explanation)

    # --- time -------------------------------------------------------------------------------------------------------

    def on_session_timed_out(self, late: SessionTimedOut, now: Instant) -> list[Effect]:
        """Each state has a longest stay."""
        match self.state:
            case _S.ACCEPTED:
                waited = in_seconds(self.office.settings.peer_timeout)
                explanation = f"the peer of {self.first.sae} did not open within {waited:g} s"
                return _end(self, Reason.PEER_NOT_CONNECTED, now, explanation, LATER)
            case _S.ROUTING | _S.REROUTING:
                explanation = "; ".join(filter(None, (self.cause, "routing offers nothing that works")))
                return _end(self, Reason.UNAVAILABLE, now, explanation, LATER)
            case _S.CONFIGURING:
                silent = " and ".join(self.epochs.unconfirmed())
                return _end(self, Reason.UNAVAILABLE, now, f"{silent} did not confirm the configuration")
            case _S.ACTIVE:
                return _end(self, Reason.INACTIVE, now)
            case _S.TERMINATING:
                return _bury(self, now)
            case _:
                raise AssertionError("the table has no time-out here")

    def on_session_repeat_due(self, due: SessionRepeatDue, now: Instant) -> list[Effect]:
        """Repeat what is unanswered; renew the leases when it is time."""
        self.attempts = min(self.attempts + 1, MOST_DOUBLINGS)
        self.epochs.expire(now)
        effects = _give_back(self)
        match self.state:
            case _S.ROUTING | _S.REROUTING:
                effects.append(_ask(self) if self.question is None else Send(ROUTING, self.question))
            case _S.CONFIGURING | _S.ACTIVE:
                effects += _configure(self, self.epochs.unconfirmed())
            case _:
                effects += delete(self.ksid, self.epochs.newest, self.reason, self.epochs.holding())
        if self.state in _CONFIGURED:
            effects += _delete_leavers(self)
            effects += _renew(self, now)
        _pace(self, now)
        return effects
