"""A time axis for bursts: stretches of activity side by side, each on a scale of its own, without the quiet between.

Paper B's experiment is some milliseconds of signalling, a minute of waiting, and some milliseconds of answers: on one
linear scale each burst would be a single spot.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from keytwin.vocabulary.units import Duration, Instant, in_seconds

MOST_STRETCHES: Final = 4
QUIET_SHARE: Final = 0.4  # of a stretch: a pause longer than this is cut out
SHORTEST: Final = 1e-3  # of the whole time: a shorter stretch is one burst, never divided

NEXT_UNIT: Final = 1_000
_UNITS: Final = ((10**9, "s"), (10**6, "ms"), (10**3, "us"), (1, "ns"))
_TICK_STEPS: Final = (1, 2, 5)


@dataclass(frozen=True, slots=True)
class Stretch:
    """A time of activity, shown on one linear scale."""

    start: Instant
    end: Instant
    instants: tuple[Instant, ...]

    @property
    def length(self) -> Duration:
        """From its first to its last event."""
        return Duration(self.end - self.start)


def stretches(instants: Sequence[Instant], most: int = MOST_STRETCHES) -> tuple[Stretch, ...]:
    """Divide the instants of a run where nothing happens for long; in order of time, none of them empty."""
    times = sorted(set(instants))
    if not times:
        return ()
    whole = times[-1] - times[0]
    parts = [times]
    while len(parts) < most:
        cuts = [(gap, index) for index, part in enumerate(parts) if (gap := _pause(part, whole))]
        if not cuts:
            break
        # The longest pause of all first: with few cuts it is the one that hides most.
        (pause, position), index = max(cuts)
        assert pause
        parts[index : index + 1] = [parts[index][:position], parts[index][position:]]
    return tuple(Stretch(part[0], part[-1], tuple(part)) for part in parts)


def _pause(times: Sequence[Instant], whole: int) -> tuple[int, int] | None:
    """Return the longest pause of a stretch and the index after it; None when it needs no cut."""
    span = times[-1] - times[0]
    if span <= SHORTEST * whole:
        return None
    pause, index = max((after - before, at) for at, (before, after) in enumerate(pairwise(times), 1))
    return (pause, index) if pause > QUIET_SHARE * span else None


def show_instant(at: Instant, finest: int = 0) -> str:
    """Write an instant for people, rounded to what distinguishes it at a scale of `finest` nanoseconds."""
    digits = 0 if finest >= 10**9 else 1 if finest >= 10**8 else 2 if finest >= 10**7 else 3
    return f"{in_seconds(at):.{digits}f} s" if at else "0 s"


def show_span(span: int) -> str:
    """Write a duration for people, with three significant digits: "58.3 s", "2.4 ms"."""
    if not span:
        return "0 s"
    scale, unit = round_unit(span)
    if round(span / scale) >= NEXT_UNIT and unit != _UNITS[0][1]:
        scale, unit = round_unit(scale * NEXT_UNIT)
    number = span / scale
    return f"{number:.3g} {unit}" if number < NEXT_UNIT else f"{number:,.0f} {unit}"


def round_unit(span: int) -> tuple[int, str]:
    """Return the scale and name of the unit in which a duration is written."""
    return next((each for each in _UNITS if span >= each[0]), _UNITS[-1])


def ticks(length: int, most: int = 4) -> list[Duration]:
    """Return up to `most` round offsets from the start of a stretch, without 0."""
    if length <= 0:
        return []
    step = 1
    while length // step > most:
        step = next_round(step)
    return [Duration(offset) for offset in range(step, length + 1, step)]


def next_round(step: int) -> int:
    """Return the next of 1, 2, 5, 10, 20, 50 ..."""
    magnitude = int("1" + "0" * (len(str(step)) - 1))
    leading = step // magnitude
    following = [each for each in _TICK_STEPS if each > leading]
    return following[0] * magnitude if following else 10 * magnitude
