"""The session of one app, seen from one of its SAEs: paper B, 3.1; ETSI GS QKD 004 V2.1.1 clause 6."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.vocabulary.identity import AppId, ElementName, Ksid, SaeId, sae_element
from keytwin.vocabulary.machine import Effect, Message, RequestId, Send, StartTimer, StateTable, StopTimer, ignored, to
from keytwin.vocabulary.operator_messages import StartSession, StopSession
from keytwin.vocabulary.session_messages import (
    CloseSession,
    OpenSession,
    Reason,
    SessionEnded,
    SessionOpened,
    SessionRefused,
    SessionRegistered,
)
from keytwin.vocabulary.units import Bits, Instant, seconds

OPEN_REPEAT: Final = seconds(20)  # a key manager that restarted has forgotten who was opening
MOST_OPENINGS: Final = 8  # refused with "try again" more often than this, the app gives up
UNKNOWN_SIZE: Final = Bits(0)  # until the session has been open


class Stage(StrEnum):
    """Where the session stands."""

    CLOSED = "closed"
    OPENING = "opening"
    OPEN = "open"


class OpenAgain(Message, frozen=True, gc=False):
    """Timer: the session is not open yet."""

    app: AppId


APP_TABLE: Final = StateTable(
    "session at the application",
    Stage,
    {
        (Stage.CLOSED, StartSession): to(Stage.OPENING),
        (Stage.OPENING, SessionRegistered): to(Stage.OPENING),
        (Stage.OPENING, SessionOpened): to(Stage.OPEN),
        (Stage.OPENING, SessionRefused): to(
            Stage.OPENING, Stage.CLOSED, OPENING="worth another try", CLOSED="of no use, or tried too often"
        ),
        (Stage.OPENING, OpenAgain): to(Stage.OPENING),
        (Stage.OPENING, StopSession): to(Stage.CLOSED),
        (Stage.OPENING, SessionEnded): to(Stage.CLOSED),
        (Stage.OPEN, StopSession): to(Stage.CLOSED),
        (Stage.OPEN, SessionEnded): to(Stage.CLOSED),
        # An answer that was overtaken by the app's own StopSession: what it opened is closed again.
        (Stage.CLOSED, SessionRegistered): to(Stage.CLOSED),
        (Stage.CLOSED, SessionOpened): to(Stage.CLOSED),
        **ignored(Stage.CLOSED, (StopSession, SessionRefused, SessionEnded, OpenAgain)),
        **ignored(Stage.OPENING, (StartSession,)),
        **ignored(Stage.OPEN, (StartSession, SessionRegistered, SessionOpened, SessionRefused, OpenAgain)),
    },
)


@dataclass(slots=True)
class AppSession:
    """Opens, repeats, tries again a bounded number of times, closes; remembers when and why."""

    app: AppId
    sae: SaeId
    peer: SaeId
    km: ElementName
    new_request: Callable[[], RequestId]
    state: StrEnum = Stage.CLOSED
    ksid: Ksid | None = None
    opening: RequestId = ""
    openings: int = 0
    key_size: Bits = UNKNOWN_SIZE
    hops: int = 0
    started_at: Instant | None = None
    opened_at: Instant | None = None
    ended: str = ""  # the reason last heard for not being open

    @property
    def is_open(self) -> bool:
        """Whether keys may be asked for."""
        return self.state is Stage.OPEN

    @property
    def is_closed(self) -> bool:
        """Whether nobody is trying to open it either."""
        return self.state is Stage.CLOSED

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        return APP_TABLE.step(self, message, now)

    def on_start_session(self, message: StartSession, now: Instant) -> list[Effect]:
        self.state, self.ended, self.openings = Stage.OPENING, "", 1
        self.started_at = now if self.started_at is None else self.started_at
        self.opening = self.new_request()
        return self._open()

    def on_open_again(self, message: OpenAgain, now: Instant) -> list[Effect]:
        return self._open()

    def on_session_registered(self, message: SessionRegistered, now: Instant) -> list[Effect]:
        if self.state is Stage.CLOSED:
            return [self._close(message.ksid)]
        self.ksid = message.ksid
        return []

    def on_session_opened(self, message: SessionOpened, now: Instant) -> list[Effect]:
        if self.state is Stage.CLOSED:
            return [self._close(message.ksid)]
        self.state, self.ksid, self.ended = Stage.OPEN, message.ksid, ""
        self.key_size, self.hops = message.key_size, message.hops
        self.opened_at = now if self.opened_at is None else self.opened_at
        return [StopTimer(self._timer)]

    def on_session_refused(self, message: SessionRefused, now: Instant) -> list[Effect]:
        if not message.retry_after or self.openings >= MOST_OPENINGS:
            return self._over(message.reason)
        self.openings, self.ended = self.openings + 1, message.reason.value
        self.opening = self.new_request()
        return [StartTimer(self._timer, message.retry_after, OpenAgain(self.app))]

    def on_stop_session(self, message: StopSession, now: Instant) -> list[Effect]:
        closing: list[Effect] = [self._close(self.ksid)] if self.ksid else []
        # An app that gives up says more by why it was refused all the time than by having given up.
        told = self.ended
        effects = [*closing, *self._over(Reason.CLOSED)]
        self.ended = told or self.ended
        return effects

    def on_session_ended(self, message: SessionEnded, now: Instant) -> list[Effect]:
        return self._over(message.reason)

    def _open(self) -> list[Effect]:
        request = OpenSession(self.opening, sae_element(self.sae), self.app, self.sae, self.peer)
        return [Send(self.km, request), StartTimer(self._timer, OPEN_REPEAT, OpenAgain(self.app))]

    def _close(self, ksid: Ksid) -> Effect:
        return Send(self.km, CloseSession(ksid, self.sae))

    def _over(self, reason: Reason) -> list[Effect]:
        self.state, self.ksid, self.ended = Stage.CLOSED, None, reason.value
        return [StopTimer(self._timer)]

    @property
    def _timer(self) -> str:
        return f"open/{self.app}"
