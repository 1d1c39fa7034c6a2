"""A feature model as numbered clauses, each with the rule it comes from.

Whatever variable is added beside the features is defined in both directions, so that each configuration has exactly one
solution: an encoding that leaves an auxiliary variable free inflates counts by orders of magnitude.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations, product
from math import comb
from typing import Final

from keytwin.design.features import Constraint, FeatureModel, Group
from keytwin.design.formula import All, Any, Formula, Implies, Is, Not, Same

MOST_SUBSETS: Final = 64
"""Clauses that a range may take when written out; above that a counter is added."""
MOST_PRODUCTS: Final = 32
"""Clauses that a formula may become by distribution; above that its parts are named."""
ROOT: Final = -1
"""Origin of the one clause that says that the root is chosen."""

Clause = list[int]


@dataclass(slots=True)
class Clauses:
    """Clauses over variables from 1 on: the features in their order, then what was defined."""

    names: tuple[str, ...]
    numbers: dict[str, int]
    clauses: list[Clause] = field(default_factory=list)
    origins: list[int] = field(default_factory=list)
    """For each clause the index of its rule: groups first, then constraints."""
    variables: int = 0
    parents: list[int] = field(default_factory=list)
    """For each feature, by its number, that of its parent; 0 above the root."""
    _origin: int = ROOT

    def add(self, *literals: int) -> None:
        """Take a clause of the rule at hand."""
        self.clauses.append(list(literals))
        self.origins.append(self._origin)

    def new(self) -> int:
        """Return a further variable, which its definition must fix."""
        self.variables += 1
        return self.variables

    def begin(self, origin: int) -> None:
        """Take the clauses that follow for those of a rule."""
        self._origin = origin


def compiled(model: FeatureModel) -> Clauses:
    """Return the clauses of a model."""
    names = tuple(model.features)
    made = Clauses(names, {name: number for number, name in enumerate(names, start=1)}, variables=len(names))
    made.add(made.numbers[model.root])
    made.parents = [0] * (len(names) + 1)
    for index, group in enumerate(model.groups):
        made.begin(index)
        _group(group, made)
    for index, constraint in enumerate(model.constraints, start=len(model.groups)):
        made.begin(index)
        for clause in _clauses(constraint.formula, made, positive=True):
            made.add(*clause)
    return made


def rule_of(model: FeatureModel, origin: int) -> Group | Constraint:
    """Return the rule that a clause comes from."""
    there = len(model.groups)
    return model.groups[origin] if origin < there else model.constraints[origin - there]


# --- groups ---------------------------------------------------------------------------------------------------------


def _group(group: Group, made: Clauses) -> None:
    parent, members = made.numbers[group.parent], [made.numbers[each] for each in group.members]
    for member in members:
        made.parents[member] = parent
        made.add(-member, parent)
    there = len(members)
    if group.least == 1:
        made.add(-parent, *members)
    elif group.least == there:
        for member in members:
            made.add(-parent, member)
    elif group.least > there:
        made.add(-parent)
    elif group.least > 1:
        _at_least(parent, members, group.least, made)
    if group.most < there:
        _at_most(members, group.most, made)


def _at_most(members: Sequence[int], most: int, made: Clauses) -> None:
    if comb(len(members), most + 1) <= MOST_SUBSETS:
        for chosen in combinations(members, most + 1):
            made.add(*(-each for each in chosen))
    else:
        made.add(-_counted(members, most + 1, made))


def _at_least(parent: int, members: Sequence[int], least: int, made: Clauses) -> None:
    left = len(members) - least + 1
    if comb(len(members), left) <= MOST_SUBSETS:
        for chosen in combinations(members, left):
            made.add(-parent, *chosen)
    else:
        made.add(-parent, _counted(members, least, made))


def _counted(members: Sequence[int], number: int, made: Clauses) -> int:
    """Return a variable that is true exactly when at least `number` of the members are (sequential counter)."""
    row: list[int | None] = [None] * (number + 1)  # row[j]: at least j of the members so far; None = cannot be
    for member in members:
        before = list(row)
        for j in range(1, number + 1):
            grown = (
                None if j > 1 and before[j - 1] is None else (member if j == 1 else _both(member, before[j - 1], made))
            )
            row[j] = before[j] if grown is None else grown if before[j] is None else _either(before[j], grown, made)
    found = row[number]
    assert found is not None
    return found


def _both(first: int, second: int | None, made: Clauses) -> int:
    assert second is not None
    return _defined([first, second], made)


def _either(first: int | None, second: int, made: Clauses) -> int:
    assert first is not None
    return -_defined([-first, -second], made)


def _defined(literals: Sequence[int], made: Clauses) -> int:
    """Return a variable that is true exactly when all literals are."""
    fresh = made.new()
    for each in literals:
        made.add(-fresh, each)
    made.add(fresh, *(-each for each in literals))
    return fresh


# --- formulas -------------------------------------------------------------------------------------------------------


def _clauses(formula: Formula, made: Clauses, *, positive: bool) -> list[Clause]:
    """Return clauses that hold together exactly when a formula, or else its opposite, does."""
    if isinstance(formula, Not):
        return _clauses(formula.of, made, positive=not positive)
    if isinstance(formula, Is):
        number = made.numbers[formula.feature]
        return [[number if positive else -number]]
    parts, is_sum = _parts(formula, positive=positive)
    if not is_sum:
        return [clause for part, sign in parts for clause in _clauses(part, made, positive=sign)]
    return _product([_clauses(part, made, positive=sign) for part, sign in parts], made)


def _product(parts: list[list[Clause]], made: Clauses) -> list[Clause]:
    """Return clauses that hold together exactly when those of at least one part do."""
    size = 1
    for index, each in enumerate(parts):
        size *= len(each)
        if size > MOST_PRODUCTS and len(each) > 1:
            size //= len(each)
            parts[index] = [[_named(each, made)]]
    return [sorted({literal for part in chosen for literal in part}) for chosen in product(*parts)]


def _parts(formula: Formula, *, positive: bool) -> tuple[list[tuple[Formula, bool]], bool]:
    """Return the parts of a formula with their signs, and whether one of them is enough."""
    match formula:
        case All(parts):
            return [(each, positive) for each in parts], not positive
        case Any(parts):
            return [(each, positive) for each in parts], positive
        case Implies(first, second):
            return [(first, not positive), (second, positive)], positive
        case Same(first, second):
            return [(Implies(first, second), positive), (Implies(second, first), positive)], not positive
        case _:
            raise AssertionError(formula)


def _named(clauses: Sequence[Clause], made: Clauses) -> int:
    """Return a literal that is true exactly when all clauses hold."""
    return _defined(
        [clause[0] if len(clause) == 1 else -_defined([-each for each in clause], made) for clause in clauses], made
    )


def literals(made: Clauses, chosen: Sequence[str], refused: Sequence[str] = ()) -> Iterator[int]:
    """Give the literals of features that are chosen, and of others that are not."""
    yield from (made.numbers[each] for each in chosen)
    yield from (-made.numbers[each] for each in refused)
