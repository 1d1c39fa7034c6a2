"""Propositional formulas over named features: what cross-tree constraints of variability models say."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Final, TypeAlias


@dataclass(frozen=True, slots=True)
class Is:
    """A feature is chosen."""

    feature: str


@dataclass(frozen=True, slots=True)
class Not:
    """The opposite."""

    of: Formula


@dataclass(frozen=True, slots=True)
class All:
    """All hold; true when there are none."""

    of: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Any:
    """At least one holds; false when there are none."""

    of: tuple[Formula, ...]


@dataclass(frozen=True, slots=True)
class Implies:
    """Where the first holds, the second does."""

    first: Formula
    second: Formula


@dataclass(frozen=True, slots=True)
class Same:
    """Both hold, or neither."""

    first: Formula
    second: Formula


Formula: TypeAlias = Is | Not | All | Any | Implies | Same
TRUE: Final = All(())
FALSE: Final = Any(())


def holds(formula: Formula, chosen: AbstractSet[str]) -> bool:
    """Whether a formula is true of the features that are chosen."""
    match formula:
        case Is(feature):
            return feature in chosen
        case Not(inner):
            return not holds(inner, chosen)
        case All(parts):
            return all(holds(each, chosen) for each in parts)
        case Any(parts):
            return any(holds(each, chosen) for each in parts)
        case Implies(first, second):
            return not holds(first, chosen) or holds(second, chosen)
        case Same(first, second):
            return holds(first, chosen) == holds(second, chosen)


def features_in(formula: Formula) -> Iterator[str]:
    """Give the features that a formula names, as often as it names them."""
    match formula:
        case Is(feature):
            yield feature
        case Not(inner):
            yield from features_in(inner)
        case All(parts) | Any(parts):
            for each in parts:
                yield from features_in(each)
        case Implies(first, second) | Same(first, second):
            yield from features_in(first)
            yield from features_in(second)


# Strength of the operators in UVL, weakest first: <=>, =>, |, &, !
def written(formula: Formula, name: Callable[[str], str], strength: int = 0) -> str:
    """Write a formula with the operators of UVL; `name` writes a feature."""
    match formula:
        case Is(feature):
            return name(feature)
        case Not(inner):
            return f"!{written(inner, name, 5)}"
        case All((only,)) | Any((only,)):
            # Of one part there is no operator: whether it needs brackets, what stands outside decides.
            return written(only, name, strength)
        case All(parts) if parts:
            return _joined(" & ", [written(each, name, 4) for each in parts], strength > 3)
        case Any(parts) if parts:
            return _joined(" | ", [written(each, name, 3) for each in parts], strength > 2)
        case Implies(first, second):
            return _joined(" => ", [written(first, name, 2), written(second, name, 2)], strength > 1)
        case Same(first, second):
            return _joined(" <=> ", [written(first, name, 1), written(second, name, 1)], strength > 0)
        case _:
            raise AssertionError("a formula without parts has no operator to write")


def _joined(operator: str, parts: list[str], is_inner: bool) -> str:  # noqa: FBT001  # private, and clear where called
    text = operator.join(parts)
    return f"({text})" if is_inner else text
