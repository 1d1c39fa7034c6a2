"""All sessions that end at one key manager, and the routes of others that pass it: which message goes to which."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.bucket import Borrower, Lender, TokenBucket
from keytwin.keymanagement.desk import Desk, deny
from keytwin.keymanagement.forwarding import Forwarding, LeaseOverdue
from keytwin.keymanagement.links import Links
from keytwin.keymanagement.session import LeaseLost, Session, SessionOverdue, State, begin
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.events import SessionConfigured, SessionOver, SessionRequested
from keytwin.vocabulary.exchange_messages import GetKey
from keytwin.vocabulary.identity import ADMISSION, Ksid, NodeId, uuids
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import (
    CloseSession,
    ConfigurationRefused,
    ConfigureHop,
    DeleteSession,
    OpenId,
    OpenSession,
    Reason,
    SessionAccepted,
    SessionClosing,
    SessionRefused,
    UserAccepted,
    UserRefused,
)
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

MOST_SESSIONS: Final = 100_000  # ending at one key manager
TRY_LATER: Final = seconds(10)

OpeningMessage = UserAccepted | UserRefused | SessionAccepted | ConfigurationRefused | SessionOverdue


class SessionKept(Record, frozen=True, gc=False):
    """Who opened a session that is operative, so that it goes on after a restart."""

    opened: OpenSession
    open_id: OpenId
    ksid: Ksid


@dataclass(slots=True)
class Sessions:
    """The sessions of one node's SAEs, by the key manager's own name for them and by Ksid."""

    node: NodeId
    links: Links
    forwarding: Forwarding
    workshop: Workshop
    entropy: Entropy
    patience: Duration
    opening: dict[OpenId, Session] = field(default_factory=dict)
    known: dict[Ksid, Session] = field(default_factory=dict)
    kept: dict[Ksid, SessionKept] = field(default_factory=dict)  # read at a restart only

    def on_open_session(self, wanted: OpenSession, now: Instant) -> list[Effect]:
        """Begin a session."""
        requested = Publish(SessionRequested(self.node, wanted.app, wanted.sae))
        if len(self.opening) >= MOST_SESSIONS:
            refusal = SessionRefused(wanted.request_id, Reason.UNAVAILABLE, TRY_LATER)
            return [requested, Send(wanted.reply_to, refusal)]
        open_id = uuids(self.entropy.bytes(16))[0]
        session = Session(wanted, open_id, self.node, self.workshop, now, self.patience)
        self.opening[open_id] = session
        return [requested, *begin(session)]

    def on_opening(self, message: OpeningMessage, now: Instant) -> list[Effect]:
        """Let a session that is being opened go on; one that is not known any more frees what admission holds."""
        session = self.opening.get(message.open_id)
        if session is not None:
            return self.step(session, message, now)
        if isinstance(message, SessionAccepted):
            return [Send(ADMISSION, SessionClosing(message.ksid, self.node, Reason.CLOSED))]
        return []

    def on_configure_hop(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Take a route: of a session that ends here, or of others."""
        is_new, effects = self.forwarding.on_configure_hop(wanted, now)
        if not is_new:
            return effects
        self.links.drop_session(wanted.ksid, wanted.epoch - 1)
        if wanted.end is None:
            return [*effects, Publish(SessionConfigured(self.node, wanted.ksid, wanted.epoch, None))]
        session = self.known.get(wanted.ksid) or self.opening.get(wanted.end.open_id)
        if session is None:
            closing = Send(ADMISSION, SessionClosing(wanted.ksid, self.node, Reason.CLOSED))
            return [*effects, *self.forwarding.forget(wanted.ksid, wanted.epoch), closing]
        kept = Save(SessionKept(session.opened, session.open_id, wanted.ksid))
        return [*effects, kept, *self.step(session, wanted, now)]

    def on_delete_session(self, deletion: DeleteSession, now: Instant) -> list[Effect]:
        """Forget a session up to an epoch; one that has a newer route goes on."""
        went, effects = self.forwarding.on_delete_session(deletion)
        self.links.drop_session(deletion.ksid, deletion.epoch)
        session = self.known.get(deletion.ksid)
        if session is not None and deletion.ksid not in self.forwarding.hops:
            return [*self.step(session, deletion, now), *effects]
        if went and session is None:
            over = Publish(SessionOver(self.node, deletion.ksid, deletion.reason.value))
            return [over, *effects]
        return effects

    def on_lease_overdue(self, overdue: LeaseOverdue, now: Instant) -> list[Effect]:
        """End what nothing has renewed."""
        hop = self.forwarding.hops.get(overdue.ksid)
        went, effects = self.forwarding.on_lease_overdue(overdue, now)
        if not went or hop is None:
            return effects
        self.links.drop_session(overdue.ksid, hop.configuration.epoch)
        session = self.known.get(overdue.ksid)
        if session is not None:
            return [*effects, *self.step(session, LeaseLost(overdue.ksid), now)]
        return [*effects, Publish(SessionOver(self.node, overdue.ksid, Reason.INACTIVE.value))]

    def on_get_key(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Serve a master, of its own session only."""
        session = self.known.get(ask.ksid)
        if session is None:
            return deny(self.node, ask, Reason.SESSION_UNKNOWN, Duration(0))
        if session.opened.sae != ask.sae:
            return deny(self.node, ask, Reason.NOT_ALLOWED, Duration(0))
        return self.step(session, ask, now)

    def on_close_session(self, close: CloseSession, now: Instant) -> list[Effect]:
        """Close a session, at the word of its own SAE only."""
        session = self.known.get(close.ksid)
        if session is None or session.opened.sae != close.sae:
            return []
        return self.step(session, close, now)

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
        if session.ksid is not None:
            self.known[session.ksid] = session
        if session.state is State.TERMINATED:
            self.opening.pop(session.open_id, None)
            if session.ksid is not None:
                del self.known[session.ksid]
        return effects

    def resume(self, now: Instant) -> list[Effect]:
        """Take up the sessions whose routes were saved; their buckets begin empty, so nothing is granted twice."""
        effects: list[Effect] = []
        for ksid, hop in self.forwarding.hops.items():
            end, kept = hop.configuration.end, self.kept.get(ksid)
            if end is None or kept is None:
                continue
            session = Session(kept.opened, kept.open_id, self.node, self.workshop, now, self.patience)
            session.ksid, session.state = ksid, State.OPERATIVE
            tokens = (
                Lender(TokenBucket(end.burst, end.rate, now, Bits(0)))
                if end.is_first
                else Borrower(end.burst, end.rate, is_restored=True)
            )
            session.desk = Desk(self.node, ksid, end, self.workshop, tokens)
            self.opening[kept.open_id] = self.known[ksid] = session
            effects += [*self.workshop.route(hop.configuration, now), *session.desk.borrow()]
        self.kept.clear()
        return effects
