"""Backbone structures compared by stated principles: paper A, step 3. What is better, people decide; this measures."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Final

from keytwin.design.variability import Choice, Ovm
from keytwin.vocabulary.identity import VariantId, VariationPointId

Bound = Mapping[VariantId, Collection[str]]
"""The views that each variant is bound to."""


@dataclass(frozen=True, slots=True)
class Principle:
    """Something that a good backbone has much or little of."""

    name: str
    meaning: str
    unit: str = ""


@dataclass(frozen=True, slots=True)
class Measure:
    """What one OVM has of it; None when that cannot be measured here."""

    principle: Principle
    value: float | None


def measures(ovm: Ovm, bound: Bound | None = None) -> tuple[Measure, ...]:
    """Measure an OVM by all principles; without its views, how variants are bound to them stays open."""
    found = [Measure(principle, measure(ovm)) for principle, measure in _PRINCIPLES]
    return (*found, Measure(ONE_TO_ONE, None if bound is None else one_to_one(ovm, bound)))


def one_to_one(ovm: Ovm, bound: Bound) -> float:
    """Return the share of variants that have exactly one view, which no other variant has."""
    owners: dict[str, int] = {}
    for view in (view for each in ovm.variants for view in bound.get(each, ())):
        owners[view] = owners.get(view, 0) + 1
    single = (each for each in ovm.variants if [owners[view] for view in bound.get(each, ())] == [1])
    return sum(1 for _ in single) / len(ovm.variants)


def depth(ovm: Ovm) -> int:
    """Return how many variation points lie one below the other at most."""
    deep: dict[VariationPointId, int] = {}
    for point in ovm.points.values():  # each comes after what opens it
        deep[point.id] = 1 + (deep[ovm.variants[point.parent].point] if point.parent else 0)
    return max(deep.values())


def _point_of(ovm: Ovm, choice: Choice) -> VariationPointId:
    found = ovm.variants.get(VariantId(choice))
    return found.point if found else VariationPointId(choice)


def _coupled(ovm: Ovm) -> set[frozenset[VariationPointId]]:
    pairs = (
        frozenset((_point_of(ovm, each.source), _point_of(ovm, target)))
        for each in ovm.dependencies
        for target in each.targets
    )
    return {pair for pair in pairs if len(pair) == 2}


def _crossing(ovm: Ovm) -> int:
    return sum(
        any(_point_of(ovm, each.source) != _point_of(ovm, target) for target in each.targets)
        for each in ovm.dependencies
    )


def _sizes(ovm: Ovm) -> list[int]:
    return [len(ovm.variants_of(point)) for point in ovm.points]


ONE_TO_ONE: Final = Principle(
    "one-to-one share", "variants with exactly one view of their own: what is chosen is what is drawn", "share"
)
_PRINCIPLES: Final[tuple[tuple[Principle, Callable[[Ovm], float]], ...]] = (
    (
        Principle("variation points", "decisions there are: too few hide what differs, too many tire"),
        lambda ovm: len(ovm.points),
    ),
    (Principle("variants", "ways of deciding them, in all"), lambda ovm: len(ovm.variants)),
    (Principle("depth", "decisions one below the other: each level has to be known before the next is seen"), depth),
    (
        Principle("largest variation point", "variants to compare at once: people keep about seven in mind"),
        lambda ovm: max(_sizes(ovm)),
    ),
    (
        Principle("smallest variation point", "with one variant there is nothing to choose yet"),
        lambda ovm: min(_sizes(ovm)),
    ),
    (
        Principle("mandatory share", "variation points that every architecture has to decide", "share"),
        lambda ovm: sum(each.is_mandatory for each in ovm.points.values()) / len(ovm.points),
    ),
    (
        Principle(
            "domain-specific share",
            "variation points of the domain's own technology; the others any network has",
            "share",
        ),
        lambda ovm: sum(each.is_domain_specific for each in ovm.points.values()) / len(ovm.points),
    ),
    (
        Principle("kinds of view", "different kinds that variants are bound to: one for each variation point"),
        lambda ovm: len({each.view for each in ovm.points.values()}),
    ),
    (Principle("dependencies", "what goes with what, and what does not"), lambda ovm: len(ovm.dependencies)),
    (
        Principle("dependencies across", "those between variation points: few mean that these can be decided apart"),
        _crossing,
    ),
    (
        Principle("coupled pairs", "pairs of variation points that a dependency joins"),
        lambda ovm: len(_coupled(ovm)),
    ),
    (
        Principle("sourced share", "variants with a source or a sourced figure", "share"),
        lambda ovm: sum(bool(each.sources or each.attributes) for each in ovm.variants.values()) / len(ovm.variants),
    ),
)


def compare(
    first: Ovm, second: Ovm, bounds: tuple[Bound | None, Bound | None] = (None, None)
) -> tuple[tuple[Measure, Measure], ...]:
    """Measure two OVMs by the same principles, side by side; `bounds` are the views of each, where there are any."""
    sides = (measures(ovm, bound) for ovm, bound in zip((first, second), bounds, strict=True))
    return tuple(zip(*sides, strict=True))
