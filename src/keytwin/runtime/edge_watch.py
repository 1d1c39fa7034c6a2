"""What a connection waits for, and until when: one deadline, at the cost of one number a request."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from enum import Enum, auto
from typing import Final

_ROUNDING: Final = 0.001  # seconds: the finest step of uvloop's timers


class Phase(Enum):
    """What a connection waits for."""

    SHAKING = auto()  # the end of the handshake
    IDLE = auto()  # a request
    RECEIVING = auto()  # the rest of one
    ANSWERING = auto()  # the elements
    DRAINING = auto()  # the peer to read
    CLOSING = auto()  # its own end


class Watch:
    """Calls `time_out` when a phase lasts too long.

    The alarm goes off every `patrol` seconds at the latest and looks at the deadline: with `patrol` not longer than any
    wait but the last one, to enter a phase sets no timer.
    """

    __slots__ = ("_alarm", "_alarm_at", "_deadline", "_is_over", "_loop", "_patrol", "_time_out", "phase")

    def __init__(self, loop: asyncio.AbstractEventLoop, patrol: float, time_out: Callable[[], None]) -> None:
        self._loop = loop
        self._patrol = patrol
        self._time_out = time_out
        self._alarm: asyncio.TimerHandle | None = None
        self._deadline = self._alarm_at = 0.0
        self._is_over = False
        self.phase = Phase.SHAKING

    def enter(self, phase: Phase, seconds: float) -> None:
        """Begin to wait."""
        self.phase = phase
        self._deadline = self._loop.time() + seconds
        if not self._is_over and (self._alarm is None or self._deadline < self._alarm_at):
            self._set_alarm(seconds)

    def stop(self) -> None:
        """Wait for nothing any more, whatever is entered."""
        self.phase, self._is_over = Phase.CLOSING, True
        if self._alarm is not None:
            self._alarm.cancel()

    def _set_alarm(self, seconds: float) -> None:
        if self._alarm is not None:
            self._alarm.cancel()
        wait = min(seconds, self._patrol)
        self._alarm_at = self._loop.time() + wait
        self._alarm = self._loop.call_later(wait, self._on_alarm)

    def _on_alarm(self) -> None:
        left = self._deadline - self._loop.time()
        if left > _ROUNDING:
            self._set_alarm(left)
        else:
            self._alarm = None
            self._time_out()
