"""What admission knows of one session, and the steps it is handled by. Paper B, 3.2 and Fig. 2b.

Which message leads to which step is in `admission_session.py`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from keytwin.algorithms.marks import node_mark
from keytwin.control.admission_records import AdmissionKept, HeldRoute, Registration
from keytwin.control.admission_table import AdmissionState
from keytwin.control.configuration import configure, delete, renew
from keytwin.control.epochs import Epochs
from keytwin.control.office import RENEWALS_A_LEASE, Office
from keytwin.control.profiles import NEVER, Grant
from keytwin.vocabulary.events import SessionAdmitted, SessionRejected, SessionReleased
from keytwin.vocabulary.identity import AppId, Ksid, LinkId, NodeId, UserId, link_ends
from keytwin.vocabulary.machine import Effect, Publish, Save, Send
from keytwin.vocabulary.reservation_messages import ReleaseLinks, ReserveLinks
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    EndConfiguration,
    FindRoute,
    Reason,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import START, Duration, Instant, after, milliseconds, seconds

ROUTING_PATIENCE: Final = seconds(20)  # longer than a change of the topology may stay unnoticed by routing
CONFIGURING_PATIENCE: Final = seconds(30)  # a dozen repeats to a key manager that may be restarting
RETRY: Final = milliseconds(500)  # above a round trip with a durable write at the far end; doubled each time
LONGEST_QUESTION_RETRY: Final = seconds(1)  # to routing, which may stay silent until it knows better
LONGEST_RETRY: Final = seconds(4)
LONGEST_DELETION_RETRY: Final = seconds(32)  # to a key manager that may be gone for good
UNTIL_REPLACED: Final = Instant(2**62)  # later than any deadline

_S = AdmissionState
_UNCONFIGURED: Final = (_S.ACCEPTED, _S.ROUTING)
_CARRIED: Final = (_S.CONFIGURING, _S.ACTIVE)
_LONGEST: Final[dict[StrEnum, Duration]] = {
    _S.ROUTING: LONGEST_QUESTION_RETRY,
    _S.REROUTING: LONGEST_QUESTION_RETRY,
    _S.ACTIVE: LONGEST_DELETION_RETRY,
    _S.TERMINATING: LONGEST_DELETION_RETRY,
}


@dataclass(slots=True)
class AdmissionCase:
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
    excluded: dict[LinkId, None] = field(default_factory=dict)  # found full in this search for a route
    question: FindRoute | None = None  # the one whose answer counts
    questions: int = 0
    asked_before: int = 0  # in searches on stock that are over, so that no question has the name of an older one
    is_routing_heard: bool = False  # in this search
    cause: str = ""  # why it was routed anew
    reason: Reason = Reason.CLOSED
    retry_after: Duration = NEVER
    attempts: int = 0  # repeats in the present state
    timeout_at: Instant = UNTIL_REPLACED
    repeat_at: Instant = UNTIL_REPLACED
    idle_at: Instant = START  # when it counts as inactive; START = it has not been active yet
    renewed_at: Instant = START  # when every key manager of the route was last told to keep it
    over_at: Instant | None = None
    dark_until: Instant | None = None  # how long it may live on stock; None = it does not
    is_barred: bool = False  # from the key of its route, which is in doubt
    dry_until: Instant | None = None  # how long the keys that lie ready may last, the stock being used up
    pending: Route | None = None  # of which not all nodes have promised theirs
    pending_epoch: int = 0
    awaited: dict[NodeId, None] = field(default_factory=dict)  # the nodes that have not

    @property
    def due(self) -> Instant:
        """When something is to be done without being asked."""
        return min(self.timeout_at, self.repeat_at)

    @property
    def end_nodes(self) -> tuple[NodeId, ...]:
        """The nodes of the ends that have registered."""
        return (self.first.node,) if self.second is None else (self.first.node, self.second.node)

    def uses(self, link: LinkId) -> bool:
        """Whether the session is carried, or about to be, by a route over this link."""
        route = self.epochs.route
        return self.state in _CARRIED and route is not None and link in route.all_links

    def passes(self, node: NodeId) -> bool:
        """Whether the session is carried, or about to be, by a route through this node."""
        route = self.epochs.route
        return self.state in _CARRIED and route is not None and node in route.all_nodes


# --- what is reserved, where each node keeps its own ----------------------------------------------------------------


def held_links(session: AdmissionCase) -> tuple[LinkId, ...]:
    """Return the links on which the session holds something, by whichever of its routes."""
    if session.office.seat.is_central:
        return session.office.ledger.held(session.ksid)
    return tuple(dict.fromkeys(link for route in session.epochs.routes.values() for link in route.all_links))


def ask_nodes(session: AdmissionCase, route: Route, nodes: Iterable[NodeId], *, is_held: bool = False) -> list[Effect]:
    """Ask the admissions of some nodes of a route to reserve what leads away from them, or to go on reserving it."""
    office = session.office
    hold = office.hold(session.grant, route)
    epoch = session.epochs.newest if is_held else session.pending_epoch
    effects: list[Effect] = []
    for node in nodes:
        links = tuple(link for link in hold.links if node in link_ends(link))
        asked = ReserveLinks(
            session.ksid, epoch, office.seat.admission, node, links, hold.cost, session.grant.priority, is_held
        )
        effects.append(Send(office.seat.at(node).admission, asked))
    return effects


def drop_pending(session: AdmissionCase) -> list[Effect]:
    """Give back what was promised of a route that is not taken; its epoch is never used again."""
    route, session.pending = session.pending, None
    if route is None:
        return []
    session.epochs.floor = max(session.epochs.floor, session.pending_epoch)
    session.awaited.clear()
    return _release(session, session.pending_epoch, route)


def free(session: AdmissionCase, routes: Mapping[int, Route]) -> list[Effect]:
    """Give back what routes held, by epoch."""
    effects: list[Effect] = []
    for epoch, route in routes.items():
        if session.office.seat.is_central:
            session.office.ledger.free(session.ksid, epoch)
        else:
            effects += _release(session, epoch, route)
    return effects


def _release(session: AdmissionCase, epoch: int, route: Route) -> list[Effect]:
    seat = session.office.seat
    return [Send(seat.at(node).admission, ReleaseLinks(session.ksid, epoch)) for node in route.all_nodes]


# --- steps ----------------------------------------------------------------------------------------------------------


def ask(session: AdmissionCase) -> Effect:
    """Ask routing for candidates; the question stands until it is replaced."""
    assert session.second
    session.questions += 1
    grant = session.grant
    session.question = FindRoute(
        request_id=f"{session.ksid}/{session.epochs.next_number}/{session.asked_before + session.questions}",
        reply_to=session.office.seat.admission,
        ksid=session.ksid,
        source=session.first.node,
        target=session.second.node,
        rate=grant.link_rate,
        key_size=grant.key_size,
        batch=grant.batch,
        held=held_links(session),
        excluded=tuple(session.excluded),
        shares=grant.routes,
        tags=grant.tags,
    )
    return Send(session.office.seat.routing, session.question)


def move(session: AdmissionCase, route: Route, now: Instant) -> list[Effect]:
    """Use a route that has just been reserved; what only the old one passes is deleted there."""
    epochs = session.epochs
    epochs.adopt(route, session.office.surely_gone(now))  # from now on nothing renews the old route
    session.renewed_at = now
    session.cause, session.asked_before = "", 0
    session.dark_until = session.dry_until = None
    session.is_barred = False
    enter(session, _S.CONFIGURING, now)
    grant = session.grant
    admitted = SessionAdmitted(session.ksid, session.app, epochs.newest, route, grant.rate, grant.mode.value)
    return [
        save(session),
        Publish(admitted),
        *configure_hops(session, route.all_nodes),
        *delete_leavers(session),
    ]


def finish(
    session: AdmissionCase, reason: Reason, now: Instant, explanation: str = "", retry_after: Duration = NEVER
) -> list[Effect]:
    """End it: at once where no key manager holds anything of it, else when they have deleted it."""
    session.reason, session.retry_after = reason, retry_after
    dropped = drop_pending(session)
    if session.state in _UNCONFIGURED:
        # No key manager has an entry to delete: its answer to the registration is all that it waits for.
        told = _refusals(session)
        ending = bury(session, now)
    else:
        enter(session, _S.TERMINATING, now)
        told = delete(session.ksid, session.epochs.newest, reason, session.epochs.holding())
        ending = [save(session)]
    rejected = SessionRejected(session.app, session.first.sae, reason.value, explanation)
    return [*ending, *told, *dropped, *([Publish(rejected)] if explanation else [])]


def bury(session: AdmissionCase, now: Instant) -> list[Effect]:
    """Give everything back: nothing of the session is left anywhere."""
    was_admitted = session.epochs.newest > 0  # else it never held anything, and was refused instead
    freed = free(session, dict(session.epochs.routes))
    session.epochs.release_all()
    session.over_at = now
    enter(session, _S.TERMINATED, now)
    released = SessionReleased(session.ksid, session.app, session.reason.value)
    return [save(session), *freed, *([Publish(released)] if was_admitted else [])]


def give_back(session: AdmissionCase) -> list[Effect]:
    """Give back what retired routes held of which nothing is left; saved, so that a restart doesn't take it again."""
    routes = dict(session.epochs.routes)
    gone = session.epochs.release()
    freed = free(session, {epoch: routes[epoch] for epoch in gone})
    return [save(session), *freed] if gone else []


# --- time -----------------------------------------------------------------------------------------------------------


def enter(session: AdmissionCase, state: AdmissionState, now: Instant) -> None:
    """Go to a state, which has a longest stay."""
    settings = session.office.settings
    session.state, session.attempts = state, 0
    # A question belongs to one search; links without room for it may have room for the next.
    if state not in (_S.ROUTING, _S.REROUTING):
        session.question, session.questions, session.is_routing_heard = None, 0, False
        session.excluded.clear()
    match state:
        case _S.ACCEPTED:
            session.timeout_at = after(now, settings.peer_timeout)
        case _S.ROUTING | _S.REROUTING:
            session.timeout_at = after(now, ROUTING_PATIENCE)
        case _S.CONFIGURING:
            session.timeout_at = after(now, CONFIGURING_PATIENCE)
        case _S.ACTIVE:
            session.timeout_at = session.idle_at
        case _S.TERMINATING:
            session.timeout_at = session.office.surely_gone(now)
        case _S.TERMINATED:
            session.timeout_at = UNTIL_REPLACED
    pace(session, now)


def pace(session: AdmissionCase, now: Instant) -> None:
    """Set when to repeat: soon while something is unanswered, else when the leases are due."""
    again = after(now, min(RETRY << session.attempts, _LONGEST.get(session.state, LONGEST_RETRY)))
    renewal = after(session.renewed_at, session.office.lease // RENEWALS_A_LEASE)
    match session.state:
        case _S.ACCEPTED | _S.TERMINATED:
            session.repeat_at = UNTIL_REPLACED
        case _S.ROUTING | _S.TERMINATING:
            session.repeat_at = again
        case _S.ACTIVE if not session.epochs.retired and not session.epochs.unconfirmed():
            session.repeat_at = renewal
        case _:
            session.repeat_at = min(again, renewal)


def renew_leases(session: AdmissionCase, now: Instant) -> list[Effect]:
    """Renew the leases of the newest route, when it is time."""
    route = session.epochs.route
    if route is None or now < session.renewed_at + session.office.lease // RENEWALS_A_LEASE:
        return []
    session.renewed_at = now
    held = [] if session.office.seat.is_central else ask_nodes(session, route, route.all_nodes, is_held=True)
    return [*renew(session.ksid, session.epochs.newest, route.all_nodes), *held]


# --- what is said ---------------------------------------------------------------------------------------------------


def configure_hops(session: AdmissionCase, nodes: Iterable[NodeId]) -> list[Effect]:
    """Configure the newest route at some of its key managers."""
    route, second = session.epochs.route, session.second
    assert route
    assert second
    grant, office = session.grant, session.office
    common = ConfigureHop(session.ksid, session.epochs.newest, grant.priority, office.lease, grant.batch)
    first_end, second_end = (
        EndConfiguration(
            open_id=own.open_id,
            is_first=own is session.first,
            app=session.app,
            sae=own.sae,
            peer=other.sae,
            hops=route.hops,
            rate=grant.rate,
            burst=grant.burst,
            key_size=grant.key_size,
            algorithm=office.algorithm,
            mode=grant.mode,
            fallback=grant.fallback,
            is_barred=session.is_barred,
            peer_mark=node_mark(session.ksid, other.node),
        )
        for own, other in ((session.first, second), (second, session.first))
    )
    return configure(common, route, (first_end, second_end), nodes)


def delete_leavers(session: AdmissionCase) -> list[Effect]:
    """Have older routes deleted where the newest doesn't pass."""
    leavers = session.epochs.leavers()
    return [effect for node, epoch in leavers for effect in delete(session.ksid, epoch, Reason.UNAVAILABLE, [node])]


def tell_over(session: AdmissionCase, node: NodeId) -> list[Effect]:
    """Tell a key manager that still knows the session that it is over."""
    return delete(session.ksid, session.epochs.newest, session.reason, [node])


def _refusals(session: AdmissionCase) -> list[Effect]:
    ends = filter(None, (session.first, session.second))
    return [Send(e.reply_to, ConfigurationRefused(e.open_id, session.reason, session.retry_after)) for e in ends]


def is_known(session: AdmissionCase, request: ConfigureSession) -> bool:
    """Tell whether the request repeats the registration of one of the ends."""
    return any(end is not None and end.is_of(request) for end in (session.first, session.second))


def save(session: AdmissionCase) -> Effect:
    """Make the session as it stands durable."""
    routes = tuple(HeldRoute(epoch, route) for epoch, route in sorted(session.epochs.routes.items()))
    return Save(
        AdmissionKept(
            ksid=session.ksid,
            app=session.app,
            user=session.user,
            first=session.first,
            second=session.second,
            grant=session.grant,
            state=session.state.value,
            epoch=session.epochs.newest,
            routes=routes,
            reason=session.reason,
            retry_after=session.retry_after,
            over_at=session.over_at,
            dark_until=session.dark_until,
            is_barred=session.is_barred,
        )
    )
