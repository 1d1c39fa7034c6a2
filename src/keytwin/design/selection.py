"""Choosing variants click by click: paper A, step 4, with what each click makes certain or impossible at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.design.clauses import compiled
from keytwin.design.features import FeatureModel
from keytwin.design.oracle import Oracle
from keytwin.vocabulary.errors import Mistake

MOST_SETTLED: Final = 1_000
"""Features up to which a click finds out about all; above, what does not follow at once is looked at when asked."""
MOST_WEIGHED: Final = 2_000
"""Features up to which each is looked at whether it can be left out; above, most are left out all the same."""


class State(StrEnum):
    """What is known of a feature under the clicks so far."""

    CHOSEN = "chosen"
    """By a click."""
    REFUSED = "refused"
    """By a click."""
    FORCED = "forced"
    """Every configuration that is left has it."""
    DEAD = "dead"
    """No configuration that is left has it."""
    FREE = "free"


@dataclass(frozen=True, slots=True)
class Change:
    """What a click decided besides itself."""

    forced: tuple[str, ...]
    dead: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Step:
    literal: int
    """The click, as the number of its variable; 0 for the step before any click."""
    decided: tuple[int, int]
    is_settled: bool
    """Whether all that is decided is known, not only what follows step by step."""


class Selection:
    """Clicks on the features of a model, together always possible: a click that is not is refused."""

    def __init__(self, model: FeatureModel, oracle: Oracle | None = None) -> None:
        self.model = model
        self.oracle = Oracle(compiled(model)) if oracle is None else oracle
        self._is_thorough = self.oracle.features <= MOST_SETTLED
        first = self.oracle.decided((), all_of_them=self._is_thorough)
        self.is_void = first is None
        """Whether the model has no configuration at all."""
        self._steps = [_Step(0, first or (0, self.oracle.everything), self._is_thorough or self.is_void)]

    # --- clicks ---

    def click(self, feature: str, *, wanted: bool = True) -> Change | None:
        """Choose or refuse a feature; None, and nothing changed, when no configuration would be left."""
        literal = self.number(feature) if wanted else -self.number(feature)
        before = self._steps[-1].decided
        after = None if self.is_void else self._after(literal, before)
        if after is None:
            return None
        self._steps.append(_Step(literal, after, self._is_thorough))
        own = ~(1 << abs(literal))
        names = self.oracle.names
        return Change(names(after[0] & ~before[0] & own), names(after[1] & ~before[1] & own))

    def undo(self) -> None:
        """Take the last click back; nothing when there is none."""
        if len(self._steps) > 1:
            self._steps.pop()

    def drop(self, feature: str) -> None:
        """Take any click on a feature back, and keep the others."""
        kept = [literal for literal in self.literals if abs(literal) != self.number(feature)]
        del self._steps[1:]
        for literal in kept:
            # What a later click made certain may be open again, so each step is found anew.
            decided = self._after(literal, self._steps[-1].decided)
            assert decided is not None, "fewer clicks leave more configurations"
            self._steps.append(_Step(literal, decided, self._is_thorough))

    def _after(self, literal: int, before: tuple[int, int]) -> tuple[int, int] | None:
        agreeing, opposite = before if literal > 0 else (before[1], before[0])
        if opposite >> abs(literal) & 1:
            return None
        if agreeing >> abs(literal) & 1:  # it was certain already
            return before
        return self.oracle.decided([*self.literals, literal], before, all_of_them=self._is_thorough)

    # --- what is known ---

    @property
    def literals(self) -> list[int]:
        """The clicks, as numbers of variables."""
        return [step.literal for step in self._steps[1:]]

    @property
    def clicks(self) -> tuple[tuple[str, bool], ...]:
        """The clicks, with whether each chose or refused."""
        names = self.oracle.clauses.names
        return tuple((names[abs(each) - 1], each > 0) for each in self.literals)

    def state(self, feature: str) -> State:
        """Return what is known of a feature."""
        number = self.number(feature)
        if any(abs(each) == number for each in self.literals):
            return State.CHOSEN if number in self.literals else State.REFUSED
        last = self._steps[-1]
        chosen, refused = last.decided
        if not last.is_settled and not (chosen | refused) >> number & 1:
            chosen, refused = self.oracle.looked_at(number, self.literals)
        if chosen >> number & 1:
            return State.FORCED
        return State.DEAD if refused >> number & 1 else State.FREE

    def states(self) -> dict[str, State]:
        """Return what is known of all features."""
        self._settled()
        return {name: self.state(name) for name in self.model.features}

    @property
    def forced(self) -> tuple[str, ...]:
        """Features that every configuration that is left has, clicked ones included; without clicks, the core."""
        return self.oracle.names(self._settled()[0])

    @property
    def dead(self) -> tuple[str, ...]:
        """Features that no configuration that is left has."""
        return self.oracle.names(self._settled()[1])

    @property
    def is_complete(self) -> bool:
        """Whether exactly one configuration is left."""
        chosen, refused = self._settled()
        return chosen | refused == self.oracle.everything

    def _settled(self) -> tuple[int, int]:
        """Return what is decided by the clicks so far, of all features."""
        last = self._steps[-1]
        if not last.is_settled:
            decided = self.oracle.decided(self.literals, last.decided)
            assert decided is not None, "the clicks are possible together"
            last = self._steps[-1] = _Step(last.literal, decided, is_settled=True)
        return last.decided

    def number(self, feature: str) -> int:
        """Return the variable of a feature; Mistake when there is none such."""
        numbers = self.oracle.clauses.numbers
        if feature not in numbers:
            raise Mistake(f"{self.model.name} has no {feature!r}")
        return numbers[feature]


def completed(selection: Selection) -> frozenset[str]:
    """Return a configuration that agrees with all clicks and has no feature without need.

    Of features that may stand for one another the one that comes first in the model is kept.
    """
    oracle, fixed = selection.oracle, selection.literals
    oracle.prefer(range(-1, -oracle.features - 1, -1))
    found = oracle.solution(fixed)
    assert found is not None, "the clicks are possible together"
    if oracle.features <= MOST_WEIGHED:
        # From the last feature to the first: each that can be spared, given what was kept after it, is left out.
        for number in range(oracle.features, 0, -1):
            if found >> number & 1 and (leaner := oracle.solution([*fixed, -number])) is not None:
                found = leaner
            fixed.append(number if found >> number & 1 else -number)
    return frozenset(oracle.names(found))


def selected(model: FeatureModel, wishes: Iterable[tuple[str, bool]]) -> Selection | None:
    """Return a selection in which all wishes are clicked; None when they are not possible together."""
    selection = Selection(model)
    done = all(selection.click(feature, wanted=wanted) is not None for feature, wanted in wishes)
    return selection if done and not selection.is_void else None


def literals_of(selection: Selection, wishes: Sequence[tuple[str, bool]]) -> Iterator[int]:
    """Give the numbers of wishes."""
    return (selection.number(feature) * (1 if wanted else -1) for feature, wanted in wishes)
