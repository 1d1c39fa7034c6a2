"""Why something is forced or impossible: the fewest choices and rules that together leave no other way.

Each rule can be switched off, so what is left of a contradiction is a set of rules; it is shrunk until none can
be spared. Rules speak in the words of the domain, and clauses never appear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pysat.solvers import Solver

from keytwin.design.clauses import ROOT, Clauses, rule_of
from keytwin.design.features import Constraint, FeatureModel, Group, said
from keytwin.design.oracle import SOLVER
from keytwin.design.selection import Selection, State

Wish = tuple[str, bool]
"""A feature, and whether it is wanted."""


@dataclass(frozen=True, slots=True)
class Explanation:
    """Choices and rules that are contradictory together, and no longer when any one of them is left out."""

    wishes: tuple[Wish, ...]
    rules: tuple[Group | Constraint, ...]
    reasons: tuple[str, ...]
    """The rules in words, each once."""


class Reasons:
    """Finds explanations; made once for a model, when the first one is asked for."""

    def __init__(self, model: FeatureModel, clauses: Clauses) -> None:
        self._model = model
        self._clauses = clauses
        self._first = clauses.variables + 1  # the switch of rule n is this many further on
        switched = (
            clause if origin == ROOT else [*clause, -(self._first + origin)]
            for clause, origin in zip(clauses.clauses, clauses.origins, strict=True)
        )
        self._solver = Solver(SOLVER, bootstrap_with=switched)
        self._rules = range(len(model.groups) + len(model.constraints))

    def contradiction(self, wishes: Sequence[Wish], kept: Sequence[Wish] = ()) -> Explanation | None:
        """Return why wishes are not possible together with some that are not in question; None when they are."""
        literals = {self._literal(each): each for each in wishes}
        fixed = [self._literal(each) for each in kept]
        switches = [self._first + origin for origin in self._rules]
        if self._solver.solve(assumptions=[*fixed, *literals, *switches]):
            return None
        core = [each for each in self._solver.get_core() or () if each not in fixed]
        left = self._shrunk(sorted(core, key=lambda each: (each < self._first, -abs(each))), fixed)
        wanted = tuple(literals[each] for each in literals if each in left)
        origins = sorted(each - self._first for each in left if each >= self._first)
        rules = tuple(rule_of(self._model, each) for each in origins)
        # Domain reasons first: they are what a person wants to know, the tree is what they see anyway.
        ordered = sorted(rules, key=lambda rule: isinstance(rule, Group))
        return Explanation(wanted, rules, tuple(dict.fromkeys(said(self._model, rule) for rule in ordered)))

    def _shrunk(self, core: list[int], fixed: list[int]) -> set[int]:
        """Leave out what can be spared: the tree's rules are tried last to first, then the domain's, then wishes."""
        kept = list(core)
        for each in core:
            if each not in kept:
                continue
            rest = [other for other in kept if other != each]
            if not self._solver.solve(assumptions=[*fixed, *rest]):
                named = set(self._solver.get_core() or ())
                kept = [other for other in rest if other in named]
        return set(kept)

    def _literal(self, wish: Wish) -> int:
        number = self._clauses.numbers[wish[0]]
        return number if wish[1] else -number


def why(selection: Selection, feature: str, reasons: Reasons | None = None) -> Explanation | None:
    """Return why a feature is forced or dead under the clicks so far; None when it is neither."""
    state = selection.state(feature)
    if state not in {State.FORCED, State.DEAD}:
        return None
    found = Reasons(selection.model, selection.oracle.clauses) if reasons is None else reasons
    return found.contradiction(selection.clicks, ((feature, state is State.DEAD),))
