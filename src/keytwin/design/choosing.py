"""From what a stakeholder chose to a valid configuration: what the choice forces is added, the rest is left out."""

from __future__ import annotations

from collections.abc import Mapping

from keytwin.design.clauses import compiled
from keytwin.design.explanation import Reasons
from keytwin.design.features import FeatureModel
from keytwin.design.ovm_features import configuration_of, features_of
from keytwin.design.selection import Selection, State, completed, selected
from keytwin.design.variability import Configuration, Ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId

Chosen = Mapping[VariationPointId, tuple[VariantId, ...]]
"""By variation point, the variants that are wanted: just these."""


def configured(ovm: Ovm, chosen: Chosen) -> Configuration:
    """Return the leanest configuration with just the chosen variants at the variation points that are named.

    Mistake, in the words of the domain, when there is none.
    """
    model = features_of(ovm)
    # What is named is meant to be all: a variant that is not among those of its variation point is not wanted.
    wishes = [(str(variant), True) for variants in chosen.values() for variant in variants]
    wishes += [
        (each.id, False)
        for point, variants in chosen.items()
        for each in ovm.variants_of(point)
        if each.id not in variants
    ]
    found = selected(model, wishes)
    if found is None:
        raise Mistake(_refusal(ovm, model, wishes))
    configuration = configuration_of(ovm, completed(found))
    _refuse_guesses(ovm, configuration, chosen, found)
    return configuration


def _refusal(ovm: Ovm, model: FeatureModel, wishes: list[tuple[str, bool]]) -> str:
    explanation = Reasons(model, compiled(model)).contradiction(wishes)
    assert explanation, "what cannot be selected is contradictory"
    said = ", ".join(name if wanted else f"without {name}" for name, wanted in explanation.wishes)
    return f"this selection of {ovm.name} is not possible: {said}: {'; '.join(explanation.reasons)}"


def _refuse_guesses(ovm: Ovm, configuration: Configuration, chosen: Chosen, found: Selection) -> None:
    """Refuse to decide for the stakeholder: what is open and could be one of several must be said."""
    for variant in configuration.chosen:
        point = ovm.variants[variant].point
        # An optional variation point is left empty where nobody asks for it: that is no guess.
        if point in chosen or not ovm.points[point].is_mandatory:
            continue
        others = [each.id for each in ovm.variants_of(point)]
        if len(others) > 1 and found.state(variant) is not State.FORCED:
            known = ", ".join(each.rpartition(".")[2] for each in others)
            raise Mistake(f"{ovm.points[point].name} is not decided: add '{point}' to the selection (known: {known})")


def replaced(ovm: Ovm, configuration: Configuration, point: VariationPointId, variant: VariantId) -> Configuration:
    """Return a configuration with another variant at one variation point, and all else as it was.

    What the old variant opened is gone; Mistake when the new one opens something that must be decided.
    """
    if point not in ovm.points:
        raise Mistake(f"{ovm.name} has no variation point {point!r}")
    if variant not in {each.id for each in ovm.variants_of(point)}:
        known = ", ".join(each.id.rpartition(".")[2] for each in ovm.variants_of(point))
        raise Mistake(f"{point} has no variant {variant.rpartition('.')[2]!r} (known: {known})")
    kept: dict[VariationPointId, tuple[VariantId, ...]] = {}
    for each in configuration.chosen:
        at = ovm.variants[each].point
        if at != point and _is_reached(ovm, at, configuration, point, variant):
            kept[at] = (*kept.get(at, ()), each)
    return configured(ovm, {**kept, point: (variant,)})


def _is_reached(
    ovm: Ovm, at: VariationPointId, configuration: Configuration, point: VariationPointId, variant: VariantId
) -> bool:
    """Whether a variation point is still open when another variant stands at one of them."""
    opener = ovm.points[at].parent
    if opener is None:
        return True
    above = ovm.variants[opener].point
    # The variant that goes closes what it opened: a choice below it would contradict the new one.
    if above == point:
        return opener == variant
    return opener in configuration and _is_reached(ovm, above, configuration, point, variant)
