"""All sessions that end at one key manager, and the routes of others that pass it. Paper B, 3.1 and Fig. 2a."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.bucket import Borrower, Lender, TokenBucket
from keytwin.keymanagement.desk import Desk, deny
from keytwin.keymanagement.forwarding import Forwarding, LeaseOverdue
from keytwin.keymanagement.limits import no_pool
from keytwin.keymanagement.links import Links
from keytwin.keymanagement.pool import Pool
from keytwin.keymanagement.session import LeaseLost, Session, SessionOverdue, State, begin, close_again, standing
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import SessionConfigured, SessionOver, SessionRequested
from keytwin.vocabulary.exchange_messages import DescribePool, GetKey, PeerWord
from keytwin.vocabulary.identity import ElementName, Ksid, NodeId, km_of
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, RequestId, Save, Send
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import (
    CloseSession,
    ConfigurationRefused,
    ConfigureHop,
    DeleteSession,
    EndConfiguration,
    Lane,
    Neighbour,
    OpenId,
    OpenSession,
    Reason,
    SessionAccepted,
    SessionClosing,
    SessionRefused,
    UserAccepted,
    UserRefused,
)
from keytwin.vocabulary.stream_messages import PeerTold, TellPeer
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

MOST_SESSIONS: Final = 100_000  # ending at one key manager
TRY_LATER: Final = seconds(10)

OpeningMessage = UserAccepted | UserRefused | SessionAccepted | ConfigurationRefused | SessionOverdue


class SessionKept(Record, frozen=True, gc=False):
    """Who opened a session that is operative, or closing, so that it goes on after a restart."""

    opened: OpenSession
    open_id: OpenId
    ksid: Ksid
    is_closing: bool = False


@dataclass(slots=True)
class Sessions:
    """The sessions of one node's SAEs, by the key manager's own name for them and by Ksid."""

    node: NodeId
    links: Links
    forwarding: Forwarding
    workshop: Workshop
    entropy: Entropy
    patience: Duration
    opening: dict[OpenId, Session] = field(default_factory=dict)  # until they are terminated
    asked: dict[tuple[ElementName, RequestId], Session] = field(default_factory=dict)  # the same, by who asked for them
    known: dict[Ksid, Session] = field(default_factory=dict)
    kept: dict[Ksid, SessionKept] = field(default_factory=dict)  # read at a restart only

    def on_open_session(self, wanted: OpenSession, now: Instant) -> list[Effect]:
        """Begin a session; asked a second time, say again how far it has come."""
        known = self.asked.get((wanted.reply_to, wanted.request_id))
        if known is not None:
            return standing(known)
        requested = Publish(SessionRequested(self.node, wanted.app, wanted.sae))
        if len(self.opening) >= MOST_SESSIONS:
            refusal = SessionRefused(wanted.request_id, Reason.UNAVAILABLE, TRY_LATER)
            return [requested, Send(wanted.reply_to, refusal)]
        open_id = uuids(self.entropy.bytes(16))[0]
        session = Session(wanted, open_id, self.node, self.workshop, now, self.patience)
        self._add(session)
        return [requested, *begin(session)]

    def on_opening(self, message: OpeningMessage, now: Instant) -> list[Effect]:
        """Let a session that is being opened go on; one that is not known any more frees what admission holds."""
        session = self.opening.get(message.open_id)
        if session is not None:
            return self.step(session, message, now)
        if isinstance(message, SessionAccepted):  # else admission would wait for a peer on behalf of nobody
            return [Send(self.forwarding.admission, SessionClosing(message.ksid, self.node, Reason.CLOSED))]
        return []

    def on_configure_hop(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Take a route: of a session that ends here, or of others."""
        _check(wanted, self.links, self.workshop)
        is_new, effects = self.forwarding.on_configure_hop(wanted, now)
        if not is_new:
            return effects
        # Nothing that still waits or is repeated for an older route may cross the new one.
        self.links.drop_session(wanted.ksid, wanted.epoch - 1)
        if wanted.end is None:
            return [*effects, Publish(SessionConfigured(self.node, wanted.ksid, wanted.epoch, None))]
        session = self.known.get(wanted.ksid) or self.opening.get(wanted.end.open_id)
        if session is None:
            return [*effects, *self._abandon(wanted.ksid, wanted.epoch)]
        kept = Save(SessionKept(session.opened, session.open_id, wanted.ksid, session.state is State.CLOSING))
        return [*effects, kept, *self.step(session, wanted, now)]

    def on_delete_session(self, deletion: DeleteSession, now: Instant) -> list[Effect]:
        """Forget a session up to an epoch; one that has a newer route goes on."""
        went, effects = self.forwarding.on_delete_session(deletion)
        self.links.drop_session(deletion.ksid, deletion.epoch)
        session = self.known.get(deletion.ksid)
        if session is not None and deletion.ksid not in self.forwarding.hops:  # the confirmation comes last
            return [*self.step(session, deletion, now), *effects]
        return [*(self._over(deletion.ksid, deletion.reason) if went else []), *effects]

    def on_lease_overdue(self, overdue: LeaseOverdue, now: Instant) -> list[Effect]:
        """End what admission has not renewed."""
        hop = self.forwarding.hops.get(overdue.ksid)
        went, effects = self.forwarding.on_lease_overdue(overdue, now)
        if not went or hop is None:
            return effects
        self.links.drop_session(overdue.ksid, hop.configuration.epoch)
        session = self.known.get(overdue.ksid)
        if session is not None:
            return [*effects, *self.step(session, LeaseLost(overdue.ksid), now)]
        return [*effects, *self._over(overdue.ksid, Reason.INACTIVE)]

    def on_get_key(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Serve a master, of its own session only."""
        session = self.known.get(ask.ksid)
        if session is None:
            return deny(self.node, ask, Reason.SESSION_UNKNOWN, Duration(0))
        if session.opened.sae != ask.sae:
            return deny(self.node, ask, Reason.NOT_ALLOWED, Duration(0))
        return self.step(session, ask, now)

    def on_close_session(self, close: CloseSession, now: Instant) -> list[Effect]:
        """Close a session, at the word of its own SAE only; durably, so that a restart does not open it again."""
        session = self.known.get(close.ksid)
        if session is None or session.opened.sae != close.sae:
            return []
        kept = Save(SessionKept(session.opened, session.open_id, close.ksid, is_closing=True))
        return [kept, *self.step(session, close, now)]

    def desk(self, ksid: Ksid) -> Desk | None:
        """Return the desk of an operative session that ends here."""
        session = self.known.get(ksid)
        return session.desk if session and session.state in (State.OPERATIVE, State.EXCHANGING) else None

    def desks(self) -> list[tuple[Ksid, Desk]]:
        """Return all desks."""
        return [(ksid, session.desk) for ksid, session in self.known.items() if session.desk]

    def step(self, session: Session, message: Message, now: Instant) -> list[Effect]:
        """Let a session react, and forget it when it is over."""
        effects = session.receive(message, now)
        ksid = session.ksid
        if session.state is not State.TERMINATED:
            if ksid is not None:
                self.known[ksid] = session
            return effects
        del self.opening[session.open_id]
        self.asked.pop((session.opened.reply_to, session.opened.request_id), None)
        if ksid is None or self.known.get(ksid) is not session:
            return effects
        del self.known[ksid]
        hop = self.forwarding.hops.get(ksid)
        if hop is None:
            return effects
        # Over without admission's word: the route is of no more use here, either.
        self.links.drop_session(ksid, hop.configuration.epoch)
        return [*effects, *self.forwarding.forget(ksid, hop.configuration.epoch)]

    def resume(self, now: Instant) -> list[Effect]:
        """Take up the sessions whose routes were saved; their buckets begin empty, so nothing is granted twice."""
        effects: list[Effect] = []
        for ksid, hop in list(self.forwarding.hops.items()):
            wanted = hop.configuration
            kept = self.kept.get(ksid)
            if wanted.end is None:
                continue
            if kept is None:  # saved together with the route, but a disk may lose the last of two records
                effects += self._abandon(ksid, wanted.epoch)
                continue
            session = Session(kept.opened, kept.open_id, self.node, self.workshop, now, self.patience)
            session.ksid = ksid
            self._add(session)
            self.known[ksid] = session
            effects += close_again(session, now) if kept.is_closing else self._reopen(session, wanted, wanted.end, now)
        self.kept.clear()
        return effects

    def _reopen(self, session: Session, wanted: ConfigureHop, end: EndConfiguration, now: Instant) -> list[Effect]:
        session.state = State.OPERATIVE
        empty = Lender(TokenBucket(end.burst, end.rate, now, Bits(0)))
        tokens = empty if end.is_first else Borrower(end.burst, end.rate, is_restored=True)
        session.desk = Desk(self.node, wanted.ksid, end, self.workshop, tokens)
        return [*self.workshop.route(wanted, now), *session.desk.borrow_again()]

    def _add(self, session: Session) -> None:
        self.opening[session.open_id] = session
        self.asked[session.opened.reply_to, session.opened.request_id] = session

    def _abandon(self, ksid: Ksid, epoch: int) -> list[Effect]:
        """Give back the route of a session that no SAE here has opened, or has opened before a crash."""
        closing = Send(self.forwarding.admission, SessionClosing(ksid, self.node, Reason.CLOSED))
        return [*self.forwarding.forget(ksid, epoch), closing]

    def _over(self, ksid: Ksid, reason: Reason) -> list[Effect]:
        """Wipe what came for a session whose route is gone: of others, or over at this end already."""
        return [*self.workshop.close(ksid, Pool()), Publish(SessionOver(self.node, ksid, reason.value))]


def describe_pool(sessions: Sessions, ask: DescribePool) -> list[Effect]:
    """Tell a master what it may ask of its own session; refuse it as `on_get_key` would."""
    session = sessions.known.get(ask.ksid)
    if session is not None and session.opened.sae != ask.sae:
        return [no_pool(ask, Reason.NOT_ALLOWED)]
    desk = sessions.desk(ask.ksid)
    return desk.describe(ask) if desk else [no_pool(ask)]


def pools_of(sessions: Sessions) -> list[tuple[Ksid, Pool]]:
    """Return the pools of all desks."""
    return [(ksid, desk.pool) for ksid, desk in sessions.desks()]


def _check(wanted: ConfigureHop, links: Links, workshop: Workshop) -> None:
    """Violation when the route cannot be one through here, or keys cannot be made as it says."""
    neighbours = [each for each in (wanted.previous, wanted.next) if each is not None]
    ours = {(kmlink.neighbour, link) for link, kmlink in links.kmlinks.items()}
    if not ours.issuperset((each.node, each.link) for each in (*neighbours, *lanes_of(wanted))):
        raise Violation(f"session {wanted.ksid} is configured over a link that does not end at {links.node}")
    end = wanted.end
    towards = [] if end is None else [wanted.next if end.is_first else wanted.previous]
    is_route = (
        len(neighbours) == 2 if end is None else neighbours == towards and _are_apart(lanes_of(wanted), neighbours[0])
    )
    if not is_route or (end and end.algorithm not in workshop.algorithms):
        raise Violation(f"session {wanted.ksid} is configured in a way that makes no route")


def lanes_of(wanted: ConfigureHop) -> tuple[Lane, ...]:
    """Return the several ways of a session that ends here; none where there is but one."""
    return () if wanted.end is None else wanted.end.lanes


def _are_apart(lanes: tuple[Lane, ...], first: Neighbour) -> bool:
    """Tell whether lanes begin with the way of signals and leave by links of their own; a single way has none."""
    links = [lane.link for lane in lanes]
    return not lanes or (links[0] == first.link and len(links) == len(set(links)) > 1)


def tell_peer(sessions: Sessions, tell: TellPeer) -> list[Effect]:
    """Send what one end of a key stream has to say along its route; it says it again when that is lost."""
    session, hop = sessions.known.get(tell.ksid), sessions.forwarding.hops.get(tell.ksid)
    end = sessions.forwarding.end(tell.ksid)
    if session is None or session.opened.sae != tell.sae or hop is None or end is None:
        return []
    towards = hop.towards(onward=end.is_first)
    assert towards is not None, "an end has a neighbour"
    word = PeerWord(sessions.node, tell.ksid, hop.configuration.epoch, end.is_first, tell.word)
    return [Send(km_of(towards.node), word)]


def hear_peer(sessions: Sessions, said: PeerWord) -> list[Effect]:
    """Hand on what the other end of a key stream says."""
    session = sessions.known.get(said.ksid)
    return [Send(session.opened.reply_to, PeerTold(said.ksid, said.word))] if session else []
