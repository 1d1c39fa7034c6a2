"""What time it is in a live network: the wall clock at the start, and from there on a clock that never goes back."""

from __future__ import annotations

import time
from datetime import UTC, datetime

from keytwin.vocabulary.units import Instant


class Clock:
    """Nanoseconds since 1970. When the wall clock is set meanwhile, this one goes on as if nothing had happened."""

    def __init__(self) -> None:
        self._ahead = time.time_ns() - time.monotonic_ns()

    def now(self) -> Instant:
        """Return the present instant."""
        return Instant(time.monotonic_ns() + self._ahead)


def wall_clock() -> datetime:
    """Return the time of day, by which certificates are judged."""
    return datetime.now(UTC)
