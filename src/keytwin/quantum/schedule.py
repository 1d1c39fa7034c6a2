"""When light passes: never-ending for a fibre, at passes of a satellite, between clouds.

Clouds are a Markov process: clear and overcast spells of exponentially distributed length, each drawn when the one
before it ends. What is drawn goes forward in time only, so that equal seeds see equal skies.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp
from typing import Final, NamedTuple, Protocol

import numpy as np

from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import START, Duration, Instant

UNSEEN: Final = "no pass"
CLOUD: Final = "cloud"
LEAST_SHARE: Final = 0.01  # of clear sky: with less, the search for a clear pass would take long


class Window(NamedTuple):
    """A spell of light, from `start` on and before `end`; `cause` tells why it is dark before it."""

    start: Instant
    end: Instant
    cause: str


class Schedule(Protocol):
    """The windows of a link, in their order."""

    @property
    def share(self) -> float:
        """The share of all time in which light passes."""
        ...

    @property
    def block_time(self) -> Duration | None:
        """The length of each window where all are alike: what they give is one block. None = the device's own."""
        ...

    @property
    def ready(self) -> Instant:
        """When the first pass is over, whatever the sky; the start where there are no passes."""
        ...

    def first(self, now: Instant, generator: np.random.Generator) -> Window:
        """Return the window that lasts at `now`, or else the next."""
        ...

    def following(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the window after this one."""
        ...


@dataclass(frozen=True, slots=True)
class Passes:
    """The passes of a satellite, each as long as the others; the first one counted begins at `start`."""

    start: Instant
    period: Duration
    length: Duration

    def __post_init__(self) -> None:
        assert 0 < self.length < self.period

    @property
    def share(self) -> float:
        """The share of a period that a pass lasts."""
        return self.length / self.period

    @property
    def block_time(self) -> Duration:
        """A pass is pooled into one block."""
        return self.length

    @property
    def ready(self) -> Instant:
        """The end of the first pass."""
        return Instant(self.start + self.length)

    def first(self, now: Instant, generator: np.random.Generator) -> Window:
        """Return the pass under way, or the next; before the first one there is none."""
        del generator
        number = max(0, (now - self.start - self.length) // self.period + 1)
        return self._window(Instant(self.start + number * self.period))

    def following(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the pass one period later."""
        del generator
        return self._window(Instant(window.start + self.period))

    def _window(self, start: Instant) -> Window:
        return Window(start, Instant(start + self.length), UNSEEN)


@dataclass(frozen=True, slots=True)
class Clouds:
    """A sky that is clear and overcast by turns; `clear` and `overcast` are the mean lengths of the spells."""

    clear: Duration
    overcast: Duration

    def __post_init__(self) -> None:
        assert self.clear > 0
        assert self.overcast > 0

    @property
    def share(self) -> float:
        """The availability of the site."""
        return self.clear / (self.clear + self.overcast)

    @property
    def block_time(self) -> None:
        """Spells differ: blocks are those of the device, and one that a cloud ends is lost."""
        return

    @property
    def ready(self) -> Instant:
        """Clouds keep no time."""
        return START

    def first(self, now: Instant, generator: np.random.Generator) -> Window:
        """Draw the present sky from what holds in the long run."""
        is_clear = generator.random() < self.share
        return self._after(now, 0 if is_clear else _spell(self.overcast, generator), generator)

    def following(self, window: Window, generator: np.random.Generator) -> Window:
        """Draw how long the cloud that ended the window stays, and the clear spell after it."""
        return self._after(window.end, _spell(self.overcast, generator), generator)

    def chance_of_clear(self, span: int, *, was_clear: bool) -> float:
        """Return the probability that the sky is clear `span` nanoseconds after it was, or was not."""
        rate = 1.0 / self.clear + 1.0 / self.overcast
        return self.share + (was_clear - self.share) * exp(-span * rate)

    def _after(self, now: Instant, wait: int, generator: np.random.Generator) -> Window:
        start = now + wait
        return Window(Instant(start), Instant(start + _spell(self.clear, generator)), CLOUD)


@dataclass(frozen=True, slots=True)
class CloudyPasses:
    """Passes over a site with clouds: one counts when the sky is clear from its beginning to its end."""

    passes: Passes
    clouds: Clouds

    @property
    def share(self) -> float:
        """The share of time in usable passes."""
        return self.passes.share * self.clouds.share * self._stays_clear

    @property
    def block_time(self) -> Duration:
        """A pass is pooled into one block."""
        return self.passes.length

    @property
    def ready(self) -> Instant:
        """The end of the first pass, clear or not."""
        return self.passes.ready

    def first(self, now: Instant, generator: np.random.Generator) -> Window:
        """Return the pass under way or the next one with a clear sky."""
        window = self.passes.first(now, generator)
        is_clear = bool(generator.random() < self.clouds.share)
        return self._clear_from(window, generator, is_clear=is_clear)

    def following(self, window: Window, generator: np.random.Generator) -> Window:
        """Return the next pass with a clear sky; it was clear at the end of this one."""
        following = self.passes.following(window, generator)
        chance = self.clouds.chance_of_clear(following.start - window.end, was_clear=True)
        return self._clear_from(following, generator, is_clear=bool(generator.random() < chance))

    @property
    def _stays_clear(self) -> float:
        return exp(-self.passes.length / self.clouds.clear)

    def _clear_from(self, window: Window, generator: np.random.Generator, *, is_clear: bool) -> Window:
        """Go on to the first clear pass; a cloud that comes during a pass is there until the end of it."""
        while not (is_clear and generator.random() < self._stays_clear):
            span = self.passes.period - (self.passes.length if is_clear else 0)
            window = self.passes.following(window, generator)
            is_clear = bool(generator.random() < self.clouds.chance_of_clear(span, was_clear=False))
        return window


def refuse_endless_clouds(clear: Duration, overcast: Duration) -> None:
    """Refuse a sky that is hardly ever clear; Mistake."""
    if overcast and clear < LEAST_SHARE * (clear + overcast):
        raise Mistake(f"clear and overcast: the sky is clear for less than {LEAST_SHARE:.0%} of the time")


def _spell(mean: Duration, generator: np.random.Generator) -> int:
    return max(1, round(generator.exponential(mean)))
