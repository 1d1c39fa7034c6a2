"""The machine `sae/<id>` of a live network: it keeps a standing session for each app of an SAE that runs outside.

ETSI GS QKD 014 V1.1.1 has no open: a session with the peer is asked for from the start, and asked for again whenever it
is over. Nothing is saved: an app has one request identifier for ever, by which a key manager that still has the session
says so, and one that has not opens another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.service.app_session import OPEN_REPEAT
from keytwin.service.application import MOST_APPS
from keytwin.vocabulary.blueprint import Endpoint
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.exchange_messages import (
    DescribePool,
    GetKey,
    GetPoolStatus,
    GetSharedKey,
    KeyRefused,
    PoolUnknown,
)
from keytwin.vocabulary.identity import AppId, ElementName, KmId, Ksid, NodeId, SaeId, km_of, sae_element
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Record,
    RecordsLost,
    RequestId,
    Send,
    StartTimer,
    StateTable,
    every_state_but,
    ignored,
    refused,
    to,
)
from keytwin.vocabulary.session_messages import (
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import START, Duration, Instant, after, seconds

FIRST_PAUSE: Final = seconds(1)  # after a session that did not open, or is over; doubled each time
LONGEST_PAUSE: Final = seconds(10)  # an operator who has mended something should not have to wait for longer
STEADY: Final = seconds(60)  # a session that was open for so long was no failure: the pauses begin anew
MOST_UNANSWERED: Final = 3  # questions in a row, after which the key manager counts as silent
MOST_OTHERS: Final = 16  # further slaves of one request: what the face takes
COME_AGAIN: Final = seconds(1)  # for who asks while a session is on its way


class Phase(StrEnum):
    """How far the session is."""

    WAITING = "waiting"  # for the end of a pause, or for somebody who asks for keys
    OPENING = "opening"
    REGISTERED = "registered"  # the peer is not there yet
    OPEN = "open"


class StandingDue(Message, frozen=True, gc=False):
    """Timer: ask the key manager, for the first time or again."""

    app: AppId


_NOT_OPEN: Final = Reason.UNAVAILABLE.value
_SILENT: Final = {"WAITING": "the key manager is silent"}

STANDING_TABLE: Final = StateTable(
    "standing session of an SAE",
    Phase,
    {
        (Phase.WAITING, StandingDue): to(Phase.OPENING),
        **{
            (Phase.WAITING, message): to(
                Phase.WAITING, Phase.OPENING, WAITING="it has just been tried", OPENING="somebody wants it"
            )
            for message in (GetPoolStatus, GetSharedKey)
        },
        **ignored(Phase.WAITING, (SessionRefused, SessionEnded)),
        (Phase.OPENING, StandingDue): to(Phase.OPENING, Phase.WAITING, OPENING="asked again", **_SILENT),
        (Phase.OPENING, SessionRegistered): to(Phase.REGISTERED),
        (Phase.REGISTERED, StandingDue): to(Phase.REGISTERED, Phase.WAITING, REGISTERED="asked again", **_SILENT),
        (Phase.REGISTERED, SessionRegistered): to(Phase.REGISTERED),
        (Phase.OPEN, StandingDue): to(Phase.OPEN, Phase.WAITING, OPEN="asked again", **_SILENT),
        (Phase.OPEN, GetPoolStatus): to(Phase.OPEN),
        (Phase.OPEN, GetSharedKey): to(Phase.OPEN),
        # The key manager had forgotten the session, and what was meant as a repeat has opened another.
        (Phase.OPEN, SessionRegistered): to(Phase.REGISTERED),
        # It restarted, had the session after all, and its answer comes when nobody counts on it any more.
        (Phase.WAITING, SessionRegistered): to(Phase.REGISTERED),
        **every_state_but(Phase.OPEN, (SessionOpened,), to(Phase.OPEN)),
        (Phase.OPEN, SessionOpened): to(Phase.OPEN),
        **every_state_but(Phase.WAITING, (SessionRefused, SessionEnded), to(Phase.WAITING)),
        **refused(Phase.OPENING, Phase.REGISTERED, message=GetPoolStatus, because=_NOT_OPEN),
        **refused(Phase.OPENING, Phase.REGISTERED, message=GetSharedKey, because=_NOT_OPEN),
    },
)


@dataclass(slots=True)
class StandingSession:
    """The session of one app: opened, confirmed every now and then, and opened again when it is over.

    One that admission ended because nobody used it comes back after the first pause, or at once for who asks: its pool
    is full when the next request comes. An idle network spends no more key on that than on replacing what expires.
    """

    app: AppId
    sae: SaeId
    peer: Endpoint
    km: ElementName
    state: StrEnum = Phase.WAITING
    ksid: Ksid | None = None
    opened: SessionOpened | None = None  # what was granted, while it is open
    unanswered: int = 0
    pause: Duration = FIRST_PAUSE
    opened_at: Instant = START
    others: int = 0  # further slaves that the SAE may name beside this peer
    tried_at: Instant = START  # when an attempt last came to its end
    due_at: Instant = START  # when the next one begins
    reason: Reason = Reason.UNAVAILABLE  # of the last refusal or end

    @property
    def request_id(self) -> RequestId:
        """The name of every attempt, so that one after a restart is known as the same."""
        return f"standing/{self.app}"

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        return STANDING_TABLE.step(self, message, now)

    def refuse(self, message: GetPoolStatus | GetSharedKey, because: str) -> list[Effect]:
        """Put off who asks for keys while there is no session."""
        del because
        return [Send(message.reply_to, KeyRefused(message.request_id, self.reason, COME_AGAIN))]

    def on_standing_due(self, message: StandingDue, now: Instant) -> list[Effect]:
        del message
        if self.state is Phase.WAITING:
            return self._open()
        if self.unanswered >= MOST_UNANSWERED:
            return self._over(Reason.UNAVAILABLE, Duration(0), now)
        return self._ask()

    def on_session_registered(self, message: SessionRegistered, now: Instant) -> list[Effect]:
        del now
        self.state, self.ksid, self.opened, self.unanswered = Phase.REGISTERED, message.ksid, None, 0
        return [self._timer(OPEN_REPEAT)]

    def on_session_opened(self, message: SessionOpened, now: Instant) -> list[Effect]:
        is_news = self.state is not Phase.OPEN or self.ksid != message.ksid
        self.state, self.ksid, self.opened, self.unanswered = Phase.OPEN, message.ksid, message, 0
        self.opened_at = now if is_news else self.opened_at
        return [self._timer(OPEN_REPEAT)]

    def on_session_refused(self, message: SessionRefused, now: Instant) -> list[Effect]:
        """Wait, however hopeless: an operator may trust a node again, or a service level have room."""
        return self._over(message.reason, message.retry_after, now)

    def on_session_ended(self, message: SessionEnded, now: Instant) -> list[Effect]:
        if message.reason is Reason.INACTIVE or now - self.opened_at >= STEADY:
            self.pause = FIRST_PAUSE
        return self._over(message.reason, Duration(0), now)

    def on_get_shared_key(self, message: GetSharedKey, now: Instant) -> list[Effect]:
        """Hand the request on where the key manager is sure to take it, else let the face see the limits that hold."""
        opened = self.opened
        if opened is None or not _is_usual(message, opened):
            return self.on_get_pool_status(message, now)
        asked = GetKey(
            request_id=message.request_id,
            reply_to=message.reply_to,
            ksid=opened.ksid,
            sae=self.sae,
            number=message.number,
            size=None,
            timeout=message.timeout,
        )
        return [Send(self.km, asked)]

    def on_get_pool_status(self, message: GetPoolStatus | GetSharedKey, now: Instant) -> list[Effect]:
        if self.state is Phase.OPEN:
            assert self.ksid
            target = KmId(self.peer.node)
            asked = DescribePool(message.request_id, message.reply_to, self.ksid, self.sae, target, self.others)
            return [Send(self.km, asked)]
        if now - self.tried_at >= FIRST_PAUSE:
            return [*self.refuse(message, _NOT_OPEN), *self._open()]
        wait = Duration(max(COME_AGAIN, self.due_at - now))
        return [Send(message.reply_to, KeyRefused(message.request_id, self.reason, wait))]

    def _open(self) -> list[Effect]:
        self.state, self.unanswered = Phase.OPENING, 0
        return self._ask()

    def _ask(self) -> list[Effect]:
        self.unanswered += 1
        request = OpenSession(self.request_id, sae_element(self.sae), self.app, self.sae, self.peer.sae)
        return [Send(self.km, request), self._timer(OPEN_REPEAT)]

    def _over(self, reason: Reason, retry_after: Duration, now: Instant) -> list[Effect]:
        """Wait for the next attempt, longer after each one that failed, and up to a limit as the refusal asks."""
        wait = min(max(self.pause, retry_after), LONGEST_PAUSE)
        # That nobody used it, or that it was closed, is no reason why there is none now; and what the network allows no
        # session today it may tomorrow, while a face that says "not allowed" sends the SAE away for good.
        is_passing = reason in (Reason.INACTIVE, Reason.CLOSED, Reason.NOT_ALLOWED)
        self.reason = Reason.UNAVAILABLE if is_passing else reason
        self.state, self.ksid, self.opened = Phase.WAITING, None, None
        self.tried_at, self.due_at = now, after(now, wait)
        self.pause = Duration(min(2 * self.pause, LONGEST_PAUSE))
        return [self._timer(wait)]

    def _timer(self, wait: Duration) -> Effect:
        return StartTimer(f"standing/{self.app}", wait, StandingDue(self.app))


class Standing:
    """All apps of one SAE; `peers` names, for each of them, the SAE at the other end and its node."""

    def __init__(self, sae: SaeId, node: NodeId, peers: Mapping[AppId, Endpoint]) -> None:
        assert len(peers) <= MOST_APPS
        self.sae = sae
        self.sessions = {app: StandingSession(app, sae, peer, km_of(node)) for app, peer in peers.items()}
        self._by_peer = {session.peer.sae: session for session in self.sessions.values()}
        for session in self.sessions.values():
            session.others = min(MOST_OTHERS, len(self._by_peer) - 1)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        assert all(isinstance(record, RecordsLost) for record in records), "a standing SAE saves nothing"
        return [effect for app, each in self.sessions.items() for effect in each.receive(StandingDue(app), now)]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        if isinstance(message, GetSharedKey) and message.further_slaves:
            return self._share_widely(message, now)
        session = self._concerned(message)
        if session is not None:
            return session.receive(message, now)
        if isinstance(message, GetPoolStatus | GetSharedKey):
            return [Send(message.reply_to, PoolUnknown(message.request_id))]
        return []

    def _share_widely(self, wanted: GetSharedKey, now: Instant) -> list[Effect]:
        """Hand on a request for several slaves: this SAE has an open session with each of them, or it is put off."""
        peers = (wanted.slave, *wanted.further_slaves)
        found = [session for session in map(self._by_peer.get, peers) if session is not None]
        if wanted.master != self.sae or len(found) != len(peers):
            return [Send(wanted.reply_to, PoolUnknown(wanted.request_id))]
        for session in found:
            if session.state is not Phase.OPEN:
                return session.receive(wanted, now)
        first, *further = (session.ksid for session in found if session.ksid)
        asked = GetKey(
            request_id=wanted.request_id,
            reply_to=wanted.reply_to,
            ksid=first,
            sae=self.sae,
            number=wanted.number,
            size=wanted.size,
            timeout=wanted.timeout,
            further=tuple(further),
        )
        return [Send(found[0].km, asked)]

    def _concerned(self, message: Message) -> StandingSession | None:
        """Return the session that a message is about, None when it is about none of now."""
        match message:
            case GetSharedKey() | GetPoolStatus():
                return self._by_peer.get(message.slave) if message.master == self.sae else None
            case StandingDue(app=app):
                return self.sessions[app]
            case SessionRegistered() | SessionOpened() | SessionRefused():
                asked = message.request_id
                return self._found(lambda each: each.request_id == asked)
            case SessionEnded(ksid=ksid):
                return self._found(lambda each: each.ksid == ksid)
            case _:
                raise UnexpectedMessage(f"a standing SAE does not take {type(message).__name__}")

    def _found(self, is_meant: Callable[[StandingSession], bool]) -> StandingSession | None:
        return next(filter(is_meant, self.sessions.values()), None)


def _is_usual(wanted: GetSharedKey, opened: SessionOpened) -> bool:
    """Whether keys of the session's own size are wanted, and no more than its burst allows at once."""
    return wanted.size in (None, opened.key_size) and wanted.number * opened.key_size <= opened.burst
