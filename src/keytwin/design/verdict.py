"""Whether a need is met: what was found against the threshold, with margin, method and what holds it down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from math import floor, inf, isinf, log10
from types import MappingProxyType
from typing import Final

from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import MEASURES, Measure, Need, Priority, Security, Sense


class Outcome(StrEnum):
    """What became of a need."""

    MET = "met"
    MISSED = "not met"
    OPEN = "open"
    """What is known is a range, and the threshold lies in it."""
    UNRUN = "needs a run"
    """Only a run of the network can tell, and there was none."""
    UNVERIFIABLE = "unverifiable"
    """Nobody has said how it would be measured, or there is nothing here by which it could be."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """On one need."""

    need: Need
    outcome: Outcome
    found: Found | None = None
    margin: float | None = None
    """By how much of the threshold it is met, negative where it is missed; None where there is nothing to compare."""

    @property
    def measure(self) -> Measure:
        """What was compared; KeyError where the need has none."""
        return MEASURES[self.need.measure]

    @property
    def value(self) -> str:
        """What was found, for people; nothing when nothing was."""
        return "" if self.found is None else show_value(self.measure, self.found.value)

    @property
    def rejects(self) -> bool:
        """Whether it makes the design unacceptable."""
        return self.need.priority is Priority.MUST and self.outcome is Outcome.MISSED


def judge(need: Need, found: Found | None) -> Verdict:
    """Compare what was found with what is needed."""
    if not need.measure:
        return Verdict(need, Outcome.UNVERIFIABLE)
    measure = MEASURES[need.measure]
    if found is None:
        # What no run could tell either would wait for one for ever.
        return Verdict(need, Outcome.UNRUN if Method.TEST in measure.methods else Outcome.UNVERIFIABLE)
    # Of a range the bad end has to meet the need; that only the good end does leaves it open.
    best = found.value if found.best is None else found.best
    is_met, may_be_met = (_reaches(measure, value, need.threshold) for value in (found.value, best))
    outcome = Outcome.MET if is_met else Outcome.OPEN if may_be_met else Outcome.MISSED
    return Verdict(need, outcome, found, _margin(measure, found.value, need.threshold))


def _reaches(measure: Measure, value: float, threshold: float) -> bool:
    # Equal up to what floats lose on the way: a demand that is planned for exactly is met.
    slack = SLACK * max(abs(value), abs(threshold)) if not isinf(value) else 0.0
    return value >= threshold - slack if measure.sense is Sense.AT_LEAST else value <= threshold + slack


def _margin(measure: Measure, value: float, threshold: float) -> float | None:
    if isinf(value):
        return inf if _reaches(measure, value, threshold) else -inf
    # An order has no distances, and of nothing there is no share.
    if measure.quantity == "level" or not threshold:
        return None
    gained = value - threshold if measure.sense is Sense.AT_LEAST else threshold - value
    return gained / threshold


SLACK: Final = 1e-9


# --- for people -----------------------------------------------------------------------------------------------------


def show_value(measure: Measure, value: float) -> str:
    """Write a value of a measure to three digits, with a unit that suits it."""
    if isinf(value):
        # An endless wait is no generous one.
        return "never" if measure.quantity == "duration" and measure.sense is Sense.AT_MOST else "without limit"
    return _SHOWN[measure.quantity](value)


def _scaled(units: tuple[tuple[float, str], ...]) -> Callable[[float], str]:
    """Return what writes a number with the largest of some units that leaves one digit before the point."""

    def show(value: float) -> str:
        # The last unit is taken for what is smaller than one of it, nought included.
        scale, unit = next(((scale, unit) for scale, unit in units if abs(value) >= scale), units[-1])
        number = value / scale
        text = f"{number:,.0f}" if abs(number) >= 1_000 else f"{number:.3g}"
        return f"{text} {unit}"

    return show


def _share(value: float) -> str:
    """Write a share with two digits of what is missing where it is nearly all: 99.95 %, not 100 %."""
    missing = 100.0 * (1.0 - value)
    if not 0 < missing < 1:
        return f"{100.0 * value:.3g} %"
    return f"{100.0 * value:.{1 - floor(log10(missing))}f}".rstrip("0") + " %"


_SHOWN: Final[Mapping[str, Callable[[float], str]]] = MappingProxyType(
    {
        "rate": _scaled(((1e9, "Gbit/s"), (1e6, "Mbit/s"), (1e3, "kbit/s"), (1.0, "bit/s"))),
        "duration": _scaled(((86_400e9, "d"), (3_600e9, "h"), (60e9, "min"), (1e9, "s"), (1e6, "ms"), (1e3, "us"))),
        "money": _scaled(((1e6, "MEUR"), (1e3, "kEUR"), (1.0, "EUR"))),
        "length": _scaled(((1.0, "km"), (1e-3, "m"))),
        "share": _share,
        "count": lambda value: f"{value:g}",
        "level": lambda value: str(Security.at(value)),
    }
)
