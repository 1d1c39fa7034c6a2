"""An OVM as a feature model: how its variation points and variants become features, and its dependencies formulas.

A variation point is a mandatory or optional child of what opens it, never a member of a group with other variation
points: that would let a configuration leave a mandatory one out, and counts would be wrong.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from keytwin.design.features import Constraint, Feature, FeatureModel, Group, range_in_words
from keytwin.design.formula import All, Any, Formula, Implies, Is, Not
from keytwin.design.variability import Bond, Choice, Configuration, Dependency, Ovm, Variant, VariationPoint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId

ROOT: Final = "architecture"
"""Name of the feature above all variation points; with underscores where a variation point is called so."""


def features_of(ovm: Ovm) -> FeatureModel:
    """Return the feature model whose configurations are those of an OVM, one for one."""
    root = ROOT
    while root in ovm.points:
        root += "_"
    features = {root: Feature(root, ovm.name, is_abstract=True)}
    features |= {each.name: each for point in ovm.opened_by(None) for each in _below(ovm, point)}
    groups = [group for point in ovm.points.values() for group in _groups(ovm, point, root)]
    rules = tuple(Constraint(_formula(each), reason_of(ovm, each)) for each in ovm.dependencies)
    return FeatureModel(ovm.name, root, MappingProxyType(features), tuple(groups), rules)


def chosen_features(ovm: Ovm, configuration: Configuration) -> frozenset[str]:
    """Return the features of a configuration: its variants, the variation points they decide, and the root."""
    root = next(iter(features_of(ovm).features))
    open_always = {point.id for point in ovm.points.values() if point.is_mandatory and _is_open(point, configuration)}
    decided = {ovm.variants[each].point for each in configuration.chosen}
    return frozenset({root, *open_always, *decided, *configuration.chosen})


def configuration_of(ovm: Ovm, features: frozenset[str] | set[str]) -> Configuration:
    """Return the variants among features."""
    return Configuration(ovm.name, tuple(sorted(each for each in ovm.variants if each in features)))


def parse_configuration(ovm: Ovm, variants: tuple[str, ...]) -> Configuration:
    """Return variants that are known as a configuration, valid or not; Mistake when one is unknown."""
    unknown = [each for each in variants if each not in ovm.variants]
    if unknown:
        raise Mistake(f"{ovm.name} has no variant {unknown[0]!r}")
    return Configuration(ovm.name, tuple(sorted({VariantId(each) for each in variants})))


def _below(ovm: Ovm, point: VariationPoint) -> Iterator[Feature]:
    """Give a variation point and all that lies below it, each variant followed by what it opens."""
    yield Feature(point.id, point.name, is_abstract=True, attributes=_point_attributes(point))
    for variant in ovm.variants_of(point.id):
        yield _variant(variant)
        for inner in ovm.opened_by(variant.id):
            yield from _below(ovm, inner)


def _is_open(point: VariationPoint, configuration: Configuration) -> bool:
    return point.parent is None or point.parent in configuration


def _point_attributes(point: VariationPoint) -> Mapping[str, str]:
    return MappingProxyType({"view": point.view.value, "domain_specific": str(point.is_domain_specific).lower()})


def _variant(variant: Variant) -> Feature:
    figures = {each.name: each.value for each in variant.attributes}
    if variant.runs_as:
        figures["runs_as"] = variant.runs_as
    return Feature(variant.id, variant.name, attributes=MappingProxyType(figures))


def _groups(ovm: Ovm, point: VariationPoint, root: str) -> Iterator[Group]:
    where = ovm.variants[point.parent].name if point.parent else ""
    opened = f"{point.name} is open only with {where}" if where else f"{point.name} must be decided"
    yield Group(
        point.parent or root,
        (point.id,),
        int(point.is_mandatory),
        1,
        opened
        if not point.is_mandatory or not where
        else f"{point.name} is open, and must be decided, exactly with {where}",
    )
    variants = ovm.variants_of(point.id)
    fixed = tuple(each.id for each in variants if each.is_mandatory)
    free = tuple(each.id for each in variants if not each.is_mandatory)
    # An optional variation point without a variant is one that is left open: the same configuration, counted once.
    least = point.least if point.is_mandatory else max(1, point.least)
    for each in fixed:
        yield Group(point.id, (each,), 1, 1, f"{point.name} always takes {ovm.variants[each].name}")
    if free:
        low, high = max(0, least - len(fixed)), min(point.most - len(fixed), len(free))
        words = range_in_words(point.least, point.most, len(variants))
        yield Group(point.id, free, low, high, f"{point.name} takes {words} of its variants")


def _formula(dependency: Dependency) -> Formula:
    source, targets = Is(dependency.source), tuple(Is(each) for each in dependency.targets)
    if dependency.bond is Bond.REQUIRES:
        return Implies(source, targets[0] if len(targets) == 1 else Any(targets))
    return Not(All((source, targets[0]))) if len(targets) == 1 else Implies(source, Not(Any(targets)))


def reason_of(ovm: Ovm, dependency: Dependency) -> str:
    """Return a dependency in words, with its reason."""
    verb = "needs" if dependency.bond is Bond.REQUIRES else "excludes"
    targets = " or ".join(name_of(ovm, each) for each in dependency.targets)
    return f"{name_of(ovm, dependency.source)} {verb} {targets}: {dependency.reason}"


def name_of(ovm: Ovm, choice: Choice) -> str:
    """Return the name of a variation point or variant for people."""
    variant = ovm.variants.get(VariantId(choice))
    return variant.name if variant else ovm.points[VariationPointId(choice)].name
