"""Choosing variants click by click: paper A, step 4, with what each click makes certain or impossible at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from keytwin.design.clauses import compiled
from keytwin.design.features import FeatureModel
from keytwin.design.oracle import Oracle, bits
from keytwin.vocabulary.errors import Mistake

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
    decided: tuple[int, int]


class Selection:
    """Clicks on the features of a model, together always possible: a click that is not is refused."""

    def __init__(self, model: FeatureModel, oracle: Oracle | None = None) -> None:
        self.model = model
        self.oracle = Oracle(compiled(model)) if oracle is None else oracle
        first = self.oracle.decided(())
        self.is_void = first is None
        """Whether the model has no configuration at all."""
        self._first = first or (0, self.oracle.everything)
        self._steps: list[_Step] = []

    # --- clicks ---

    def click(self, feature: str, *, wanted: bool = True) -> Change | None:
        """Choose or refuse a feature; None, and nothing changed, when no configuration would be left."""
        literal = self.number(feature) if wanted else -self.number(feature)
        if self.is_void:
            return None
        before = self._decided
        after = self._after(literal, before)
        if after is None:
            return None
        self._steps.append(_Step(literal, after))
        own = ~(1 << abs(literal))
        return Change(self.names(after[0] & ~before[0] & own), self.names(after[1] & ~before[1] & own))

    def undo(self) -> None:
        """Take the last click back; nothing when there is none."""
        if self._steps:
            self._steps.pop()

    def drop(self, feature: str) -> None:
        """Take any click on a feature back, and keep the others."""
        kept = [step.literal for step in self._steps if abs(step.literal) != self.number(feature)]
        self._steps.clear()
        for literal in kept:
            decided = self._after(literal, self._decided)
            assert decided is not None, "fewer clicks leave more configurations"
            self._steps.append(_Step(literal, decided))

    def _after(self, literal: int, before: tuple[int, int]) -> tuple[int, int] | None:
        bit, opposite = before if literal > 0 else (before[1], before[0])
        if opposite >> abs(literal) & 1:
            return None
        if bit >> abs(literal) & 1:  # it was certain already
            return before
        return self.oracle.decided([*self.literals, literal], before)

    # --- what is known ---

    @property
    def literals(self) -> list[int]:
        """The clicks, as numbers of variables."""
        return [step.literal for step in self._steps]

    @property
    def clicks(self) -> tuple[tuple[str, bool], ...]:
        """The clicks, with whether each chose or refused."""
        return tuple((self._name(abs(each)), each > 0) for each in self.literals)

    @property
    def _decided(self) -> tuple[int, int]:
        return self._steps[-1].decided if self._steps else self._first

    def state(self, feature: str) -> State:
        """Return what is known of a feature."""
        number = self.number(feature)
        if any(abs(each) == number for each in self.literals):
            return State.CHOSEN if number in self.literals else State.REFUSED
        chosen, refused = self._decided
        if chosen >> number & 1:
            return State.FORCED
        return State.DEAD if refused >> number & 1 else State.FREE

    def states(self) -> dict[str, State]:
        """Return what is known of all features."""
        return {name: self.state(name) for name in self.model.features}

    @property
    def forced(self) -> tuple[str, ...]:
        """Features that every configuration that is left has, clicked ones included; without clicks, the core."""
        return self.names(self._decided[0])

    @property
    def dead(self) -> tuple[str, ...]:
        """Features that no configuration that is left has."""
        return self.names(self._decided[1])

    @property
    def is_complete(self) -> bool:
        """Whether exactly one configuration is left."""
        return self._decided[0] | self._decided[1] == self.oracle.everything

    def completion(self) -> frozenset[str]:
        """Return a configuration that agrees with all clicks and has no feature without need.

        Of features that may stand for one another the one that comes first in the model is kept.
        """
        fixed = self.literals
        self.oracle.prefer(range(-1, -self.oracle.features - 1, -1))
        found = self.oracle.solution(fixed)
        assert found is not None, "the clicks are possible together"
        if self.oracle.features > MOST_WEIGHED:
            return frozenset(self.names(found))
        certain = self._decided[0]
        for number in reversed(range(1, self.oracle.features + 1)):
            if certain >> number & 1:
                continue
            if found >> number & 1 and (leaner := self.oracle.solution([*fixed, -number])) is not None:
                found = leaner
            fixed.append(number if found >> number & 1 else -number)
        return frozenset(self.names(found))

    # --- names and numbers ---

    def number(self, feature: str) -> int:
        """Return the variable of a feature; Mistake when there is none such."""
        numbers = self.oracle.clauses.numbers
        if feature not in numbers:
            raise Mistake(f"{self.model.name} has no {feature!r}")
        return numbers[feature]

    def names(self, mask: int) -> tuple[str, ...]:
        """Return the features of a set of bits, in the order of the model."""
        return tuple(self._name(number) for number in bits(mask))

    def _name(self, number: int) -> str:
        return self.oracle.clauses.names[number - 1]


def selected(model: FeatureModel, wishes: Iterable[tuple[str, bool]]) -> Selection | None:
    """Return a selection in which all wishes are clicked; None when they are not possible together."""
    selection = Selection(model)
    done = all(selection.click(feature, wanted=wanted) is not None for feature, wanted in wishes)
    return selection if done and not selection.is_void else None


def literals_of(selection: Selection, wishes: Sequence[tuple[str, bool]]) -> Iterator[int]:
    """Give the numbers of wishes."""
    return (selection.number(feature) * (1 if wanted else -1) for feature, wanted in wishes)
