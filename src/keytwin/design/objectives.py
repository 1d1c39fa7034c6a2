"""What alternatives are compared by: three to five figures, each with a sense of its own, and never a sum of them.

They are those of the needs. Where needs name fewer than three, cost, readiness, security and relays of others fill them
up, so that there is always something to choose between.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from math import inf, isfinite
from typing import Final, NamedTuple

from keytwin.design.measures import Found
from keytwin.design.model import Method
from keytwin.design.need import ASKING, MEASURES, Case, Condition, Measure, Need, NeedId, Priority, Sense
from keytwin.design.proposals import Judging, Proposal
from keytwin.design.verdict import show_value

FEWEST: Final = 3
MOST: Final = 5  # beyond it nearly nothing beats anything, and a front says nothing
DIGITS: Final = 9  # in which values are compared
FILLERS: Final = ("cost", "readiness", "security", "third-party-relays")
_SUPPLY: Final = "supply"
_SLOW: Final = frozenset({"consistency"})
"""Measures that take a second for each architecture: found out for the front alone."""


@dataclass(frozen=True, slots=True)
class Objective:
    """One figure that alternatives are compared by."""

    need: Need
    """Whose measure, condition and pairs it has."""
    is_asked: bool = True
    """Whether it is a need of the stakeholder; else it fills up."""

    @property
    def measure(self) -> Measure:
        """What is found out."""
        return MEASURES[self.need.measure]

    @property
    def name(self) -> str:
        """How it is called: `key-rate under cut(1 link)`, with its pairs where it is about some only."""
        pairs = ", ".join(" -- ".join(pair) for pair in self.need.between)
        under = f" under {self.need.under}" if self.need.under else ""
        return f"{self.need.measure}{under}{f' of {pairs}' if pairs else ''}"

    def shown(self, value: float | None) -> str:
        """Write a value, for people."""
        return "not known" if value is None else show_value(self.measure, value)

    def score(self, value: float | None) -> float:
        """Return a number of which more is better; what is not known is worst, so that it makes nothing look good."""
        if value is None:
            return -inf
        # What a solver leaves of nothing must not make one alternative better than another.
        rounded = float(f"{value:.{DIGITS}g}")
        return rounded if self.measure.sense is Sense.AT_LEAST else -rounded

    def gap(self, better: float | None, worse: float | None) -> float | None:
        """Return how far one value lies behind a better one, as a share of the better one.

        None where there is no such share: of levels, which are an order, of nothing, and of what is not known.
        """
        if self.measure.quantity == "level" or better is None or worse is None or not better:
            return None
        return abs(better - worse) / abs(better) if isfinite(better) and isfinite(worse) else None


def objectives_of(case: Case) -> tuple[tuple[Objective, ...], tuple[str, ...]]:
    """Return what alternatives of a case are compared by, and the names of the needs' figures that are not among it.

    Needs that must be met come first, and at most `MOST` are taken. Left out are also those that only a run can tell.
    """
    asked: dict[_Question, Objective] = {}
    unfit: dict[str, None] = {}
    for need in sorted(case.needs, key=lambda need: list(Priority).index(need.priority)):
        if not need.measure:
            continue
        each = Objective(need)
        if _is_static(each.measure):
            asked.setdefault(_question(need), each)
        else:
            unfit[each.name] = None
    found = [*asked.values()]
    left_out = [each.name for each in found[MOST:]]
    return (*found[:MOST], *_fillers(found)), (*left_out, *unfit)


def values_of(judging: Judging, proposal: Proposal, objectives: tuple[Objective, ...]) -> tuple[float | None, ...]:
    """Return what a proposal with a plan comes to in each objective; None = nobody can tell without a run."""
    assert proposal.plan is not None
    found = {verdict.need.id: verdict.found for verdict in proposal.verdicts}
    values = []
    for each in objectives:
        known = found[each.need.id] if each.is_asked else judging.verdict(proposal.plan, each.need).found
        values.append(None if known is None else known.value)
    return tuple(values)


class _Question(NamedTuple):
    """What makes two needs one objective."""

    measure: str
    under: Condition | None
    between: tuple[tuple[str, str], ...]


def _question(need: Need) -> _Question:
    # All demands are served in the same proportion, so needs for key and headroom order alternatives alike.
    if need.measure in ASKING or need.measure == "headroom":
        return _Question(_SUPPLY, need.under, ())
    return _Question(need.measure, need.under, need.between)


def _is_static(measure: Measure) -> bool:
    return measure.name not in _SLOW and any(method is not Method.TEST for method in measure.methods)


def _fillers(found: list[Objective]) -> Iterator[Objective]:
    known = {each.need.measure for each in found}
    missing = [name for name in FILLERS if name not in known]
    for name in missing[: max(0, FEWEST - len(found))]:
        yield Objective(
            Need(id=NeedId(f"objective:{name}"), text="", priority=Priority.COULD, measure=name), is_asked=False
        )


# --- demands that come out otherwise --------------------------------------------------------------------------------

SCALES: Final = (0.5, 1.0, 1.5)
"""Of all demands: half as much, as planned, half as much again."""


def served(proposal: Proposal, scale: float) -> float | None:
    """Return the share of its needs for key that a plan as it stands meets when all demands are scaled; None = no need.

    Of each need for a rate its value over its threshold, of one for headroom the key that there is over the key that
    there should be; the least of them, divided by the scale, and at most 1. All demands share a network in the same
    proportion, so a plan gives the scaled demands just its share divided by the scale: no new programme is needed.
    """
    shares = [share for verdict in proposal.verdicts if (share := _share(verdict.need, verdict.found)) is not None]
    return min(1.0, min(shares) / scale) if shares else None


def _share(need: Need, found: Found | None) -> float | None:
    if found is None:
        return None
    if need.demand > 0:
        return found.value / need.threshold
    return (1.0 + found.value) / (1.0 + need.threshold) if need.measure == "headroom" else None
