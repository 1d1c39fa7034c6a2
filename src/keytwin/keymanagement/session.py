"""One session at the key manager of one of its ends: paper B, Fig. 2a, with the exits it lacks.

The state machine only: who is asked, what is answered. How keys are made is in `workshop.py`; the route and its lease
are in `forwarding.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.keymanagement.desk import Desk, RequestOverdue, deny, open_desk
from keytwin.keymanagement.pool import Pool
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.events import SessionConfigured, SessionOver, UserAuthenticated
from keytwin.vocabulary.exchange_messages import GetKey, KeysFailed, KeysStored
from keytwin.vocabulary.identity import ACCESS, Ksid, NodeId, UserId, km_of
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Publish,
    Send,
    StartTimer,
    StateTable,
    StopTimer,
    ignored,
    refused,
    to,
)
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    CloseSession,
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    OpenId,
    OpenSession,
    Reason,
    SessionAccepted,
    SessionClosing,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
    UserAccepted,
    UserRefused,
)
from keytwin.vocabulary.units import Duration, Instant, milliseconds, seconds

ASK_AGAIN: Final = milliseconds(500)  # a question to the control plane that may have been lost
WAIT_AGAIN: Final = seconds(10)  # admission has answered and waits for the peer; it may have been restarted since
CONTROL_PATIENCE: Final = seconds(20)  # for access, and for admission's word on closing: then go on without it


class State(StrEnum):
    """Paper B, Fig. 2a; *closing* waits for admission's deletion signal."""

    AUTHENTICATING = "authenticating"
    ACCEPTED = "accepted"
    OPERATIVE = "operative"
    EXCHANGING = "key exchanging"
    CLOSING = "closing"
    TERMINATED = "terminated"


class SessionOverdue(Message, frozen=True, gc=False):
    """To oneself: what this state waits for has not come."""

    open_id: OpenId


class LeaseLost(Message, frozen=True, gc=False):
    """To oneself: nothing has renewed the session's lease."""

    ksid: Ksid


_LIVE: Final = (State.OPERATIVE, State.EXCHANGING)
_OPENING: Final = (UserAccepted, UserRefused, SessionAccepted, ConfigurationRefused, SessionOverdue)
_SERVED: Final = {"OPERATIVE": "none waits", "EXCHANGING": "some wait"}

SESSION_TABLE: Final = StateTable(
    "session at the key manager",
    State,
    {
        (State.AUTHENTICATING, UserAccepted): to(State.ACCEPTED),
        (State.AUTHENTICATING, UserRefused): to(State.TERMINATED),
        (State.AUTHENTICATING, SessionOverdue): to(
            State.AUTHENTICATING, State.TERMINATED, AUTHENTICATING="asked again", TERMINATED="access is silent"
        ),
        (State.AUTHENTICATING, CloseSession): to(State.TERMINATED),
        # Nothing of admission is due before it has been asked.
        **ignored(State.AUTHENTICATING, (SessionAccepted, ConfigurationRefused, ConfigureHop, DeleteSession)),
        **ignored(State.AUTHENTICATING, (KeysStored, KeysFailed, RequestOverdue, LeaseLost)),
        (State.ACCEPTED, SessionAccepted): to(State.ACCEPTED),
        (State.ACCEPTED, ConfigureHop): to(State.OPERATIVE),
        (State.ACCEPTED, ConfigurationRefused): to(State.TERMINATED),
        (State.ACCEPTED, SessionOverdue): to(
            State.ACCEPTED, State.TERMINATED, ACCEPTED="asked again", TERMINATED="no configuration"
        ),
        (State.ACCEPTED, CloseSession): to(
            State.CLOSING,
            State.TERMINATED,
            CLOSING="admission is to be told",
            TERMINATED="it has not answered yet",
        ),
        (State.ACCEPTED, DeleteSession): to(State.TERMINATED),
        **ignored(State.ACCEPTED, (UserAccepted, UserRefused, KeysStored, KeysFailed, RequestOverdue, LeaseLost)),
        **{
            (state, message): to(*_LIVE, **_SERVED)
            for state in _LIVE
            for message in (GetKey, KeysStored, KeysFailed, RequestOverdue, ConfigureHop)
        },
        **{(state, CloseSession): to(State.CLOSING) for state in _LIVE},
        **{(state, message): to(State.TERMINATED) for state in _LIVE for message in (DeleteSession, LeaseLost)},
        # Questions are repeated, so answers come late and twice.
        **ignored(State.OPERATIVE, _OPENING),
        **ignored(State.EXCHANGING, _OPENING),
        (State.CLOSING, DeleteSession): to(State.TERMINATED),
        (State.CLOSING, LeaseLost): to(State.TERMINATED),
        (State.CLOSING, ConfigurationRefused): to(State.TERMINATED),
        (State.CLOSING, SessionOverdue): to(
            State.CLOSING, State.TERMINATED, CLOSING="told again", TERMINATED="admission is silent"
        ),
        **ignored(State.CLOSING, (UserAccepted, UserRefused, SessionAccepted, ConfigureHop, CloseSession)),
        **ignored(State.CLOSING, (KeysStored, KeysFailed, RequestOverdue)),
        **refused(State.AUTHENTICATING, State.ACCEPTED, message=GetKey, because=Reason.PEER_NOT_CONNECTED.value),
        **refused(State.CLOSING, State.TERMINATED, message=GetKey, because=Reason.SESSION_UNKNOWN.value),
        **ignored(State.TERMINATED, (*_OPENING, ConfigureHop, CloseSession, DeleteSession)),
        **ignored(State.TERMINATED, (KeysStored, KeysFailed, RequestOverdue, LeaseLost)),
    },
)


@dataclass(slots=True)
class Session:
    """One end of a session."""

    opened: OpenSession
    open_id: OpenId
    node: NodeId
    workshop: Workshop
    since: Instant  # when the present wait began
    patience: Duration  # how long it may wait for its configuration
    user: UserId = UserId("")
    ksid: Ksid | None = None
    state: StrEnum = State.AUTHENTICATING
    desk: Desk | None = None
    reason: Reason = Reason.CLOSED

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the session's next step."""
        return SESSION_TABLE.step(self, message, now)

    def refuse(self, ask: GetKey, because: str) -> list[Effect]:
        """Answer a request that this state does not serve."""
        return deny(self.node, ask, Reason(because), Duration(0))

    # --- opening ----------------------------------------------------------------------------------------------------

    def on_user_accepted(self, accepted: UserAccepted, now: Instant) -> list[Effect]:
        """Ask admission for the configuration."""
        self.state, self.user, self.since = State.ACCEPTED, accepted.user, now
        authenticated = UserAuthenticated(self.node, self.opened.app, self.opened.sae)
        return [Publish(authenticated), _configure(self), _timer(self, ASK_AGAIN)]

    def on_user_refused(self, refusal: UserRefused, now: Instant) -> list[Effect]:
        """Tell the SAE."""
        del now
        return _not_opened(self, refusal.reason, Duration(0))

    def on_session_accepted(self, accepted: SessionAccepted, now: Instant) -> list[Effect]:
        """Take the Ksid; the peer is not there yet."""
        del now
        is_news, self.ksid = self.ksid is None, accepted.ksid
        return [*(standing(self) if is_news else []), _timer(self, WAIT_AGAIN)]

    def on_configuration_refused(self, refusal: ConfigurationRefused, now: Instant) -> list[Effect]:
        """Tell the SAE."""
        del now
        if self.state is State.CLOSING:  # admission knows no more of it than that it is over
            return [*_free(self), *_terminate(self, self.reason)]
        self.reason = refusal.reason
        return _not_opened(self, refusal.reason, refusal.retry_after)

    def on_session_overdue(self, overdue: SessionOverdue, now: Instant) -> list[Effect]:
        """Ask or tell again, up to a limit."""
        del overdue
        waited = now - self.since
        match self.state:
            case State.AUTHENTICATING if waited < CONTROL_PATIENCE:
                return [authenticate(self), _timer(self, ASK_AGAIN)]
            case State.ACCEPTED if waited < self.patience:
                return [_configure(self), _timer(self, ASK_AGAIN if self.ksid is None else WAIT_AGAIN)]
            case State.CLOSING if waited < CONTROL_PATIENCE:
                return [_closing(self), _timer(self, ASK_AGAIN)]
            case State.CLOSING:
                return [*_free(self), *_terminate(self, self.reason)]
            case _:
                self.reason = Reason.TIMED_OUT
                return _not_opened(self, Reason.TIMED_OUT, ASK_AGAIN)

    def on_configure_hop(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Work along this route, the first or a new one."""
        end = wanted.end
        assert end
        self.ksid = wanted.ksid
        configured = Publish(SessionConfigured(self.node, wanted.ksid, wanted.epoch, end.app))
        effects: list[Effect] = [configured, *self.workshop.route(wanted, now)]
        if self.desk is None:
            self.desk = open_desk(self.node, wanted.ksid, end, self.workshop, now)
            effects += [StopTimer(f"session/{self.open_id}"), *standing(self), *self.desk.borrow()]
        self.desk.end = end  # a new route may have another number of hops
        return _settled(self, [*effects, *self.desk.replenish(now)])

    # --- keys -------------------------------------------------------------------------------------------------------

    def on_get_key(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Answer from the pool, or let the request wait."""
        return _settled(self, _desk(self).ask(ask, now))

    def on_keys_stored(self, stored: KeysStored, now: Instant) -> list[Effect]:
        """Begin what is still missing: the keys that have become available are in the pool, or answered."""
        del stored
        return _settled(self, _desk(self).replenish(now))

    def on_keys_failed(self, failed: KeysFailed, now: Instant) -> list[Effect]:
        """Begin anew what did not arrive, after a pause."""
        del failed
        return _settled(self, _desk(self).replenish(now))

    def on_request_overdue(self, overdue: RequestOverdue, now: Instant) -> list[Effect]:
        """Refuse a request that has waited long enough."""
        return _settled(self, _desk(self).give_up(overdue.request_id, now))

    # --- the end ----------------------------------------------------------------------------------------------------

    def on_close_session(self, close: CloseSession, now: Instant) -> list[Effect]:
        """Free everything here and tell admission: the SAE is through with it."""
        del close
        if self.ksid is None:
            return _not_opened(self, Reason.CLOSED, Duration(0))
        self.since, self.reason, self.state = now, Reason.CLOSED, State.CLOSING
        return [*_free(self), _closing(self), _timer(self, ASK_AGAIN)]

    def on_delete_session(self, deletion: DeleteSession, now: Instant) -> list[Effect]:
        """End it at admission's word."""
        del now
        reason = self.reason if self.state is State.CLOSING else deletion.reason
        return [*_free(self), *_terminate(self, reason)]

    def on_lease_lost(self, lost: LeaseLost, now: Instant) -> list[Effect]:
        """End it because nobody has renewed it, whether admission hears of it or not."""
        del lost, now
        self.reason = Reason.INACTIVE
        return [*_free(self), _closing(self), *_terminate(self, Reason.INACTIVE)]


def begin(session: Session) -> list[Effect]:
    """Ask access control (Fig. 2a: *authenticating*)."""
    return [authenticate(session), _timer(session, ASK_AGAIN)]


def authenticate(session: Session) -> Effect:
    """Return the question to access control."""
    asked, node = session.opened, session.node
    return Send(ACCESS, AuthenticateUser(session.open_id, node, km_of(node), asked.app, asked.sae, asked.peer))


def standing(session: Session) -> list[Effect]:
    """Tell the SAE how far its session has come: also when it asks a second time."""
    asked, ksid = session.opened, session.ksid
    if ksid is None or session.state in (State.CLOSING, State.TERMINATED):
        return []
    if session.desk is None:
        return [Send(asked.reply_to, SessionRegistered(asked.request_id, ksid))]
    end = session.desk.end
    opened = SessionOpened(asked.request_id, ksid, end.key_size, end.rate, end.burst, end.hops, end.is_first)
    return [Send(asked.reply_to, opened)]


def close_again(session: Session, now: Instant) -> list[Effect]:
    """Go on with closing after a restart."""
    session.state, session.since = State.CLOSING, now
    return [_closing(session), _timer(session, ASK_AGAIN)]


def _configure(session: Session) -> Effect:
    asked = session.opened
    return Send(
        session.workshop.forwarding.admission,
        ConfigureSession(
            open_id=session.open_id,
            node=session.node,
            reply_to=km_of(session.node),
            user=session.user,
            app=asked.app,
            sae=asked.sae,
            peer=asked.peer,
            ksid=asked.ksid,
            qos=asked.qos,
        ),
    )


def _closing(session: Session) -> Effect:
    assert session.ksid
    return Send(session.workshop.forwarding.admission, SessionClosing(session.ksid, session.node, session.reason))


def _not_opened(session: Session, reason: Reason, retry_after: Duration) -> list[Effect]:
    session.state = State.TERMINATED
    refusal = SessionRefused(session.opened.request_id, reason, retry_after)
    told = [_closing(session)] if session.ksid else []
    return [Send(session.opened.reply_to, refusal), StopTimer(f"session/{session.open_id}"), *told]


def _terminate(session: Session, reason: Reason) -> list[Effect]:
    session.state = State.TERMINATED
    assert session.ksid
    ended = Send(session.opened.reply_to, SessionEnded(session.ksid, reason))
    over = Publish(SessionOver(session.node, session.ksid, reason.value))
    return [ended, over, StopTimer(f"session/{session.open_id}")]


def _free(session: Session) -> list[Effect]:
    """Give back everything here; while closing, keys may still have come for the slave."""
    if session.desk is not None:
        return session.desk.free()
    return session.workshop.close(session.ksid, Pool()) if session.ksid else []


def _settled(session: Session, effects: list[Effect]) -> list[Effect]:
    session.state = State.EXCHANGING if _desk(session).is_waited_at else State.OPERATIVE
    return effects


def _desk(session: Session) -> Desk:
    assert session.desk
    return session.desk


def _timer(session: Session, wait: Duration) -> Effect:
    return StartTimer(f"session/{session.open_id}", wait, SessionOverdue(session.open_id))
