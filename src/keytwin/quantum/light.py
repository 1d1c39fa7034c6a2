"""The light of one link as its twin sees it: the present window or the next, and where in it the block under way began.

Light has its own time, which goes `speed` times as fast as the twin's.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keytwin.quantum.schedule import Schedule, Window
from keytwin.vocabulary.units import START, Duration, Instant, after


@dataclass(slots=True)
class Light:
    """Made when a twin starts or restarts: what the sky was like before, nobody knows any more."""

    schedule: Schedule
    block_time: Duration
    speed: float
    generator: np.random.Generator
    window: Window | None = None
    begun: Instant = START

    def look(self, now: Instant) -> bool:
        """Look up; whether there is light. A block would begin now, or with the next window."""
        time = self._time(now)
        window = self.window or self.schedule.first(time, self.generator)
        while window.end <= time:
            window = self.schedule.following(window, self.generator)
        self.window, self.begun = window, max(window.start, time)
        return window.start <= time

    def begin(self) -> None:
        """Begin a block with the window: light is on time, whenever the twin hears of it."""
        assert self.window is not None
        self.begun = self.window.start

    def go_on(self) -> None:
        """Begin the block after the one that is complete."""
        self.begun = after(self.begun, self.block_time)

    def leave(self) -> None:
        """Turn to the next window."""
        assert self.window is not None
        self.window = self.schedule.following(self.window, self.generator)

    @property
    def has_room(self) -> bool:
        """Whether the block under way is complete before the window ends."""
        assert self.window is not None
        return self.begun + self.block_time <= self.window.end

    @property
    def is_over(self) -> bool:
        """Whether the last block ended with the window."""
        assert self.window is not None
        return self.begun >= self.window.end

    @property
    def cause(self) -> str:
        """Why it is dark until the window begins."""
        assert self.window is not None
        return self.window.cause

    def until_start(self, now: Instant) -> Duration:
        """Return how long the twin waits for the light."""
        assert self.window is not None
        return self._wait(self.window.start, now)

    def until_change(self, now: Instant) -> Duration:
        """Return how long the twin waits for the end of the block, or of the window when that comes first."""
        assert self.window is not None
        return self._wait(after(self.begun, self.block_time) if self.has_room else self.window.end, now)

    def _time(self, now: Instant) -> Instant:
        return now if self.speed == 1 else Instant(round(now * self.speed))

    def _wait(self, until: Instant, now: Instant) -> Duration:
        wait = until - self._time(now)
        return Duration(max(1, wait if self.speed == 1 else round(wait / self.speed)))
