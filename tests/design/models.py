"""Small random OVMs and feature models, and every configuration of them by trying all."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, product
from types import MappingProxyType

from hypothesis import strategies as st

from keytwin.design.features import Constraint, Feature, FeatureModel, Group
from keytwin.design.formula import All, Any, Formula, Implies, Is, Not, Same
from keytwin.design.ovm_features import features_of
from keytwin.design.variability import Bond, Dependency, Ovm, Variant, VariationPoint, ovm_of
from keytwin.design.views import ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

PAPER_A = (
    "free-space.single",
    "medium.satellite",
    "medium.terrestrial",
    "protocol.bb84",
    "q-link.repeater",
    "terrestrial.fibre",
)
"""What paper A's case study selects, section IV-C."""


def every(model: FeatureModel) -> list[frozenset[str]]:
    """Give all configurations, by the definition."""
    others = [name for name in model.features if name != model.root]
    tried = (
        frozenset({model.root, *(name for name, there in zip(others, chosen, strict=True) if there)})
        for chosen in product((False, True), repeat=len(others))
    )
    return [each for each in tried if model.is_valid(each)]


def every_configuration(ovm: Ovm) -> set[frozenset[str]]:
    """Give all configurations of an OVM straight from the words of its definition, without a feature model."""
    return set(_valid(ovm))


def _valid(ovm: Ovm) -> Iterator[frozenset[str]]:
    names = list(ovm.variants)
    for size in range(len(names) + 1):
        for chosen in map(frozenset, combinations(names, size)):
            if all(_point_is_fine(ovm, point, chosen) for point in ovm.points.values()) and all(
                _dependency_is_kept(ovm, each, chosen) for each in ovm.dependencies
            ):
                yield chosen


def _point_is_fine(ovm: Ovm, point: VariationPoint, chosen: frozenset[str]) -> bool:
    mine = [each for each in ovm.variants_of(point.id) if each.id in chosen]
    fixed = [each for each in ovm.variants_of(point.id) if each.is_mandatory]
    if point.parent is not None and point.parent not in chosen:
        return not mine
    if not mine and not point.is_mandatory:
        return True
    return point.least <= len(mine) <= point.most and all(each in mine for each in fixed)


def _dependency_is_kept(ovm: Ovm, each: Dependency, chosen: frozenset[str]) -> bool:
    if not _has(ovm, each.source, chosen):
        return True
    found = [_has(ovm, target, chosen) for target in each.targets]
    return any(found) if each.bond is Bond.REQUIRES else not any(found)


def _has(ovm: Ovm, choice: str, chosen: frozenset[str]) -> bool:
    if choice in ovm.variants:
        return choice in chosen
    point = ovm.points[VariationPointId(choice)]
    is_open = point.parent is None or point.parent in chosen
    return (point.is_mandatory and is_open) or any(each.id in chosen for each in ovm.variants_of(point.id))


# --- strategies -----------------------------------------------------------------------------------------------------


@st.composite
def ovms(draw: st.DrawFn) -> Ovm:
    """Draw an OVM of up to three variation points and seven variants, with some dependencies; it may be void."""
    points: list[VariationPoint] = []
    variants: list[Variant] = []
    for number in range(draw(st.integers(1, 3))):
        size = draw(st.integers(1, min(3, 6 - len(variants)) if len(variants) < 5 else 1))
        least = draw(st.integers(0, size))
        most = draw(st.integers(max(1, least), size))
        parents = [None, *(each.id for each in variants)]
        point = VariationPoint(
            id=VariationPointId(f"p{number}"),
            name=f"Point {number}",
            parent=draw(st.sampled_from(parents)),
            is_mandatory=draw(st.booleans()),
            least=least,
            most=most,
            view=ViewKind.BLOCK,
        )
        points.append(point)
        fixed = draw(st.integers(0, 5)) == 0
        variants.extend(
            Variant(
                id=VariantId(f"p{number}.v{each}"),
                name=f"V{number}{each}",
                point=point.id,
                is_mandatory=fixed and not each,
            )
            for each in range(size)
        )
    choices = [*(each.id for each in points), *(each.id for each in variants)]
    dependencies = draw(
        st.lists(
            st.builds(
                lambda bond, source, targets, number: Dependency(
                    bond=bond, source=source, targets=tuple(targets), reason=f"reason {number}"
                ),
                st.sampled_from(list(Bond)),
                st.sampled_from(choices),
                st.lists(st.sampled_from(choices), min_size=1, max_size=2, unique=True),
                st.integers(0, 99),
            ),
            max_size=4,
        )
    )
    return ovm_of("drawn", "", tuple(points), tuple(variants), tuple(dependencies))


def formulas(names: list[str]) -> st.SearchStrategy[Formula]:
    """Draw a formula over some features."""
    leaf: st.SearchStrategy[Formula] = st.sampled_from(names).map(Is)

    def larger(inner: st.SearchStrategy[Formula]) -> st.SearchStrategy[Formula]:
        several = st.lists(inner, min_size=1, max_size=3).map(tuple)
        return st.one_of(
            inner.map(Not),
            several.map(All),
            several.map(Any),
            st.builds(Implies, inner, inner),
            st.builds(Same, inner, inner),
        )

    return st.recursive(leaf, larger, max_leaves=8)


@st.composite
def feature_models(draw: st.DrawFn) -> FeatureModel:
    """Draw a feature model of up to nine features, with groups of any range and formulas; it may be void."""
    features = {"r": Feature("r")}
    groups: list[Group] = []
    for number in range(draw(st.integers(1, 4))):
        size = draw(st.integers(1, 3))
        members = tuple(f"f{number}{each}" for each in range(size)) if len(features) + size <= 9 else ()
        if members:
            parent = draw(st.sampled_from(list(features)))
            least = draw(st.integers(0, size))
            groups.append(Group(parent, members, least, draw(st.integers(max(1, least), size))))
            features |= {each: Feature(each) for each in members}
    constraints = draw(st.lists(formulas(list(features)).map(Constraint), max_size=3))
    return FeatureModel("drawn", "r", MappingProxyType(features), tuple(groups), tuple(constraints))


def any_models() -> st.SearchStrategy[FeatureModel]:
    """Draw a feature model, or that of an OVM."""
    return st.one_of(feature_models(), ovms().map(features_of))
