"""Valid configurations drawn at random: point by point, and again where a dependency is broken.

This is no solver, and is not meant to be uniform: it is how a test gets many different valid choices without one.
"""

from __future__ import annotations

from random import Random

from keytwin.design.variability import Bond, Configuration, Ovm
from keytwin.vocabulary.identity import VariantId, VariationPointId

TRIES = 10_000


def chosen(ovm: Ovm, *names: str) -> Configuration:
    return Configuration(ovm.name, tuple(sorted(VariantId(each) for each in names)))


def drawn(ovm: Ovm, chance: Random, optional: float = 0.5) -> Configuration:
    """Draw a valid configuration; optional variation points are decided with the given probability."""
    for _ in range(TRIES):
        found = sorted(_drawn(ovm, chance, None, optional))
        configuration = Configuration(ovm.name, tuple(found))
        if is_valid(ovm, configuration):
            return configuration
    raise AssertionError("no valid configuration was drawn")


def _drawn(ovm: Ovm, chance: Random, parent: VariantId | None, optional: float) -> set[VariantId]:
    found: set[VariantId] = set()
    for point in ovm.opened_by(parent):
        if not point.is_mandatory and chance.random() > optional:
            continue
        variants = [each.id for each in ovm.variants_of(point.id)]
        number = chance.randint(point.least, min(point.most, len(variants)))
        for each in chance.sample(variants, number):
            found |= {each} | _drawn(ovm, chance, each, optional)
    return found


def is_valid(ovm: Ovm, configuration: Configuration) -> bool:
    """Whether a configuration keeps to all dependencies; that it keeps to the hierarchy is taken for granted."""
    points = {ovm.variants[each].point for each in configuration.chosen}
    held: set[VariantId | VariationPointId] = {*configuration.chosen, *points}
    for each in ovm.dependencies:
        if each.source in held:
            met = [target in held for target in each.targets]
            if any(met) if each.bond is Bond.EXCLUDES else not any(met):
                return False
    return True
