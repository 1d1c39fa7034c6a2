"""Feature models: a tree with groups, and formulas across it. What an OVM, UVL and FeatureIDE's format are alike in.

One reasoner serves all of them. A group is a range, from `least` to `most` of its members where its parent is chosen:
mandatory is 1..1 of one member, optional 0..1 of one, alternative 1..1 and or 1..n of several (Czarnecki, Helsen,
Eisenecker, SPIE 10, 2005).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final, NamedTuple

from keytwin.design.formula import Formula, holds, written

# One for all: a model of 18,000 features would otherwise hold as many empty mappings.
NO_ATTRIBUTES: Final[Mapping[str, str]] = MappingProxyType({})


class Feature(NamedTuple):
    """Something that a configuration has or has not."""

    name: str
    label: str = ""
    """For people; empty = the name."""
    is_abstract: bool = False
    """Whether it only holds others, such as a variation point."""
    attributes: Mapping[str, str] = NO_ATTRIBUTES


class Group(NamedTuple):
    """How many of some features are chosen where their parent is."""

    parent: str
    members: tuple[str, ...]
    least: int
    most: int
    reason: str = ""
    """In words; empty = what the numbers say."""


class Constraint(NamedTuple):
    """A formula that every configuration obeys."""

    formula: Formula
    reason: str = ""
    """In the words of the domain; empty = the formula itself."""


@dataclass(frozen=True, slots=True)
class FeatureModel:
    """Features by name, each parent before its children; every feature but the root is in exactly one group."""

    name: str
    root: str
    features: Mapping[str, Feature]
    groups: tuple[Group, ...]
    constraints: tuple[Constraint, ...] = ()
    left_out: tuple[str, ...] = field(default=())
    """What the file says that is not reasoned with, in words; a count is then an upper bound."""

    def label(self, feature: str) -> str:
        """Return the name of a feature for people."""
        return self.features[feature].label or feature

    def is_valid(self, chosen: AbstractSet[str]) -> bool:
        """Whether features form a configuration, by the definition itself: what the reasoners are tested against."""
        return self.root in chosen and not any(True for _ in self.broken(chosen))

    def broken(self, chosen: AbstractSet[str]) -> Iterator[Group | Constraint]:
        """Give the rules that a set of features breaks."""
        for group in self.groups:
            number = sum(member in chosen for member in group.members)
            # Without its parent no member may be chosen; the range of nothing is nought.
            allowed = range(group.least, group.most + 1) if group.parent in chosen else range(1)
            if number not in allowed:
                yield group
        for constraint in self.constraints:
            if not holds(constraint.formula, chosen):
                yield constraint


def said(model: FeatureModel, rule: Group | Constraint) -> str:
    """Return a rule in words."""
    # The domain's own words win over anything that could be said of numbers.
    if rule.reason:
        return rule.reason
    if isinstance(rule, Constraint):
        return written(rule.formula, model.label)
    parent, members = model.label(rule.parent), [model.label(each) for each in rule.members]
    if len(members) == 1:
        return f"{parent} always has {members[0]}" if rule.least else f"{members[0]} belongs to {parent}"
    shown = ", ".join(members[:LISTED]) + (f" and {len(members) - LISTED} more" if len(members) > LISTED else "")
    return f"{parent}: {range_in_words(rule.least, rule.most, len(members))} of {shown}"


LISTED: Final = 8
"""Members named in a message."""


def range_in_words(least: int, most: int, there: int) -> str:
    """Say a range for people."""
    if least == most:
        return "exactly one" if least == 1 else f"exactly {least}"
    # A limit that cannot be reached is no limit to tell of.
    if most >= there:
        return ("one or more" if least == 1 else f"at least {least}") if least else "any number"
    return f"{least} to {most}" if least else f"at most {most}"
