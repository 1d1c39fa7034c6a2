"""What time it is in a live network: the wall clock at the start, and from there on a clock that never goes back."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime

from keytwin.vocabulary.units import Instant


class Clock:
    """Nanoseconds since 1970. When the wall clock is set meanwhile, this one goes on as if nothing had happened."""

    def __init__(self) -> None:
        self._ahead = time.time_ns() - time.monotonic_ns()

    def now(self) -> Instant:
        """Return the present instant."""
        return time.monotonic_ns() + self._ahead  # type: ignore[return-value]  # an Instant is an `int` by another name, and to call it costs more than the rest


class TurnClock:
    """The time of day at the present turn of an event loop: read once a turn, however many ask.

    `tick` is the loop's own time. Where that goes on within a turn, so does this.
    """

    __slots__ = ("_at", "_now", "_tick")

    def __init__(self, tick: Callable[[], float]) -> None:
        self._tick = tick
        self._at, self._now = tick(), wall_clock()

    def __call__(self) -> datetime:
        """Return the time of day."""
        at = self._tick()
        if at != self._at:
            self._at, self._now = at, wall_clock()
        return self._now


def wall_clock() -> datetime:
    """Return the time of day, by which certificates are judged."""
    return datetime.now(UTC)
