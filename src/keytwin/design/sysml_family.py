"""The variability model in SysML v2: variations with their variants, and configurations that choose among them.

A variation stands for exactly one variant, while a variation point may allow several: its cardinality is the
multiplicity of the usage, and each chosen variant becomes a usage of its own (paper A, III; OMG SysML v2, Variations).
A variation point is called by its identifier, a variant by what follows the dot in its own, so that a choice that was
edited by hand needs no table to be read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from keytwin.design.model import Activity, Block, ElementId, Equation, Interaction, Requirement, StateMachine
from keytwin.design.sysml_names import Names
from keytwin.design.sysml_text import Lines, block, doc, metadata, pascal, quoted, string
from keytwin.design.sysml_trace import trace_of
from keytwin.design.sysml_units import VALUE_TYPES, value_expression
from keytwin.design.variability import Bond, Choice, Configuration, Dependency, Ovm, Variant, VariationPoint
from keytwin.design.views import View, ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

KEYWORDS: Final = {
    ViewKind.ACTIVITY: "action",
    ViewKind.SEQUENCE: "occurrence",
    ViewKind.BLOCK: "part",
    ViewKind.INTERNAL: "part",
    ViewKind.STATE: "state",
    ViewKind.REQUIREMENT: "requirement",
    ViewKind.PARAMETRIC: "constraint",
}
"""What a choice is a choice of, by the kind of view that its variants are bound to."""

_TYPES: Final = {
    ViewKind.ACTIVITY: Activity,
    ViewKind.SEQUENCE: Interaction,
    ViewKind.BLOCK: Block,
    ViewKind.INTERNAL: Block,
    ViewKind.STATE: StateMachine,
    ViewKind.REQUIREMENT: Requirement,
    ViewKind.PARAMETRIC: Equation,
}
_SUFFIX: Final = "-choice"


def usage_of(ovm: Ovm, point: VariationPointId) -> str:
    """Return what a variation point is called: its identifier, with a suffix where a variant is called so too."""
    variants = {short_name(each) for each in ovm.variants}
    return f"{point}{_SUFFIX}" if point in variants or point.endswith(_SUFFIX) else str(point)


def point_of(usage: str) -> VariationPointId:
    """Return the variation point that a usage is called after."""
    return VariationPointId(usage.removesuffix(_SUFFIX))


def short_name(variant: VariantId) -> str:
    """Return what a variant is called inside its variation point."""
    return variant.partition(".")[2]


def definition_of(point: VariationPointId) -> str:
    """Return the name of the variation."""
    return quoted(f"{pascal(point)}Choice")


def family_name(ovm: Ovm) -> str:
    """Return the name of the definition that holds all variation points."""
    return f"{pascal(ovm.name)}Family"


# --- the family -----------------------------------------------------------------------------------------------------


def family_lines(ovm: Ovm, names: Names, views: Iterable[View]) -> Lines:
    """Write the variations, and the definition that holds one usage for each variation point."""
    subjects = {view.variant: view.subject for view in views if view.variant is not None}
    variations = [line for point in ovm.points.values() for line in _variation(ovm, names, point, subjects)]
    constraints = [
        *(line for number, each in enumerate(ovm.dependencies, 1) for line in _constraint(ovm, number, each)),
        *(line for each in ovm.variants.values() if each.is_mandatory for line in _mandatory(ovm, each)),
    ]
    body = [*doc(ovm.about), *_usages(ovm, None), *constraints]
    return [*variations, *block(f"abstract part def {quoted(family_name(ovm))}", body)]


def _variation(ovm: Ovm, names: Names, point: VariationPoint, subjects: dict[VariantId, ElementId]) -> Lines:
    about = [
        *doc(point.about),
        *metadata(
            "VariationPoint", identifier=string(point.id), title=string(point.name), kind=string(point.view.value)
        ),
    ]
    variants = [line for each in ovm.variants_of(point.id) for line in _variant(ovm, names, each, subjects)]
    return block(f"variation {KEYWORDS[point.view]} def {definition_of(point.id)}", [*about, *variants])


def _variant(ovm: Ovm, names: Names, variant: Variant, subjects: dict[VariantId, ElementId]) -> Lines:
    kind = ovm.points[variant.point].view
    subject = subjects.get(variant.id)
    body = [
        *doc(variant.about),
        *metadata("Realises", variantId=string(variant.id)),
        *(line for each in variant.attributes for line in _attribute(each.name, each.quantity, each.value)),
        *_usages(ovm, variant.id),
    ]
    return block(f"variant {KEYWORDS[kind]} {quoted(short_name(variant.id))}{_type(names, kind, subject)}", body)


def _type(names: Names, kind: ViewKind, subject: ElementId | None) -> str:
    found = names.model.elements.get(subject) if subject is not None else None
    if found is None or not isinstance(found, _TYPES[kind]):
        return ""
    # A requirement is a usage in an export: a variant of it is a subset, not an instance, of it.
    return f" {':>' if isinstance(found, Requirement) else ':'} {names.short(found.id)}"


def _attribute(name: str, quantity: str, value: str) -> Lines:
    written = f" = {value_expression(quantity, value)}" if value else ""
    return [f"attribute {quoted(name)} : {VALUE_TYPES[quantity]}{written};"]


def _usages(ovm: Ovm, opener: VariantId | None) -> Iterator[str]:
    """Write the variation points that something opens, each with its cardinality."""
    for point in ovm.opened_by(opener):
        # An optional point may be left empty whatever it demands of those who use it.
        least = point.least if point.is_mandatory else 0
        most = "" if point.most == least else f"..{point.most}"
        head = f"{KEYWORDS[point.view]} {quoted(usage_of(ovm, point.id))} : {definition_of(point.id)}[{least}{most}]"
        yield from block(head, metadata("VariationPoint", identifier=string(point.id)))


def _constraint(ovm: Ovm, number: int, each: Dependency) -> Lines:
    source = _holds(ovm, each.source)
    targets = [_holds(ovm, target) for target in each.targets]
    met = f"({' or '.join(targets)})"
    expression = f"{source} implies {met}" if each.bond is Bond.REQUIRES else f"not ({source} and {met})"
    name = quoted(f"dependency{number}")
    choices = sorted({str(each.source), *map(str, each.targets)})
    return block(
        f"assert constraint {name}",
        [*doc(each.reason), *trace_of(f"dependency-{number}", choices, ("sysml-dependency",)), expression],
    )


def _mandatory(ovm: Ovm, each: Variant) -> Lines:
    """Say that a variant is chosen wherever its variation point is open."""
    opener = ovm.points[each.point].parent
    condition = f"{_holds(ovm, opener)} implies " if opener is not None else ""
    reasons = trace_of(each.id, (each.id,), ("sysml-mandatory",))
    return block(f"assert constraint {quoted(f'{each.id} always')}", [*reasons, f"{condition}{_holds(ovm, each.id)}"])


def _holds(ovm: Ovm, choice: Choice) -> str:
    """Return the condition that a variant is chosen, or that anything is at a variation point."""
    # Not `==`: a variation point may hold several variants at once.
    variant = ovm.variants.get(VariantId(choice))
    if variant is None:
        return f"notEmpty({_reach(ovm, VariationPointId(choice))})"
    usage = _reach(ovm, variant.point)
    return f"includes({usage}, {definition_of(variant.point)}::{quoted(short_name(variant.id))})"


def _reach(ovm: Ovm, point: VariationPointId) -> str:
    """Return the usage of a variation point as it is named from the family."""
    opener = ovm.points[point].parent
    usage = quoted(usage_of(ovm, point))
    if opener is None:
        return usage
    above = ovm.variants[opener].point
    return f"{definition_of(above)}::{quoted(short_name(opener))}.{usage}"


# --- configurations -------------------------------------------------------------------------------------------------


def configuration_lines(ovm: Ovm, name: str, configuration: Configuration) -> Lines:
    """Write a configuration as a usage of the family in which each choice is made."""
    choices = [line for point in ovm.opened_by(None) for line in _choices(ovm, point, configuration)]
    about = metadata("Configured", ovm=string(configuration.ovm))
    return block(f"part {quoted(name)} : {quoted(family_name(ovm))}", [*about, *choices])


def choice_lines(ovm: Ovm, point: VariationPointId, configuration: Configuration) -> Lines:
    """Write the choices at one variation point, with what the chosen variants open."""
    return list(_choices(ovm, ovm.points[point], configuration))


def _choices(ovm: Ovm, point: VariationPoint, configuration: Configuration) -> Iterator[str]:
    chosen = [each for each in ovm.variants_of(point.id) if each.id in configuration]
    for variant in chosen:
        yield from _choice(ovm, point, variant, configuration, is_only=len(chosen) == 1)


def _choice(ovm: Ovm, point: VariationPoint, variant: Variant, configuration: Configuration, *, is_only: bool) -> Lines:
    # A usage that redefines stands for all there are; with several chosen, each is one among them (a subset).
    usage, value = quoted(usage_of(ovm, point.id)), quoted(short_name(variant.id))
    inner = [line for each in ovm.opened_by(variant.id) for line in _choices(ovm, each, configuration)]
    # What a variant opens is a feature of the variant, not of the variation: only who subsets it can decide it.
    own = f", {definition_of(point.id)}::{value}" if inner else ""
    head = f":>> {usage}" if is_only and not inner else f"{value} :> {usage}{own}"
    return block(f"{KEYWORDS[point.view]} {head} = {usage}::{value}", inner)
