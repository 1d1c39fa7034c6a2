"""Variability stated once, in the requirements, and followed through the views: named as future work by paper A.

A requirement says which variants satisfy it. What of the model varies with it follows from the reasons that elements
carry, and from the variants that those variants force; each step of the way is told.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from keytwin.design.explanation import Reasons, why
from keytwin.design.model import (
    Action,
    Activity,
    Allocation,
    Block,
    Connector,
    Element,
    ElementId,
    Equation,
    Flow,
    Fragment,
    Interaction,
    Item,
    JointState,
    Message,
    Model,
    Part,
    PortKind,
    Requirement,
    StateMachine,
    Verification,
)
from keytwin.design.ovm_features import features_of
from keytwin.design.selection import Selection
from keytwin.design.variability import Ovm
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId


class Layer(StrEnum):
    """Where in a model something stands, from what is wanted to what it is worth."""

    REQUIREMENT = "requirement"
    FUNCTIONAL = "functional"
    """What is done."""
    LOGICAL = "logical"
    """What does it, and who is joined to whom."""
    PHYSICAL = "physical"
    """What it is made of, and what of the running network it is."""
    PARAMETRIC = "parametric"
    """What follows for the figures."""


LAYERS: Final[Mapping[type[Element], Layer]] = MappingProxyType(
    {
        **dict.fromkeys((Requirement, Verification), Layer.REQUIREMENT),
        **dict.fromkeys((Activity, Action, Flow, Interaction, Fragment, Message, StateMachine), Layer.FUNCTIONAL),
        **dict.fromkeys((Part, Connector, Item, JointState), Layer.LOGICAL),
        **dict.fromkeys((Block, PortKind, Allocation), Layer.PHYSICAL),
        **dict.fromkeys((Equation,), Layer.PARAMETRIC),
    }
)


@dataclass(frozen=True, slots=True)
class Consequence:
    """A variant that varies with a requirement, and why."""

    variant: VariantId
    satisfies: bool
    """Whether it satisfies the requirement itself; else variants that do force it."""
    forced_by: VariantId | None = None
    reasons: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Trace:
    """An element that varies with a requirement, by way of some of its variants."""

    element: ElementId
    layer: Layer
    through: tuple[VariantId, ...]
    is_only_reason: bool
    """Whether all that asks for it varies with this requirement: without them it would not be there."""


@dataclass(frozen=True, slots=True)
class Propagation:
    """All that varies with one requirement."""

    requirement: ElementId
    consequences: tuple[Consequence, ...]
    traces: tuple[Trace, ...]

    def of(self, layer: Layer) -> tuple[Trace, ...]:
        """Return what varies in one layer."""
        return tuple(each for each in self.traces if each.layer is layer)


def propagate(ovm: Ovm, model: Model, satisfied_by: Mapping[ElementId, Iterable[VariantId]]) -> tuple[Propagation, ...]:
    """Follow requirements through a model; Mistake when one, or a variant that is to satisfy it, is unknown."""
    features = features_of(ovm)
    selection = Selection(features)
    reasons = Reasons(features, selection.oracle.clauses)
    return tuple(
        _propagated(requirement, tuple(_consequences(ovm, variants, selection, reasons)), model)
        for requirement, variants in satisfied_by.items()
    )


def _consequences(
    ovm: Ovm, variants: Iterable[VariantId], selection: Selection, reasons: Reasons
) -> Iterator[Consequence]:
    """Give the variants that satisfy a requirement, then what they force."""
    listed = tuple(variants)
    for variant in listed:
        if variant not in ovm.variants:
            raise Mistake(f"{ovm.name} has no variant {variant!r} that could satisfy a requirement")
        yield Consequence(variant, satisfies=True)
    # What satisfies the requirement itself is no consequence of it, even where another such variant forces it.
    told = set(listed)
    for variant in listed:
        # Alone, not beside the others that satisfy it: each of them is one way of meeting the requirement.
        change = selection.click(variant)
        if change is None:
            raise Mistake(f"{variant!r} satisfies nothing: no configuration of {ovm.name} has it")
        for forced in (VariantId(each) for each in change.forced if each in ovm.variants and each not in told):
            told.add(forced)
            found = why(selection, forced, reasons)
            yield Consequence(forced, satisfies=False, forced_by=variant, reasons=found.reasons if found else ())
        # The next variant is looked at as if this one had never been chosen.
        selection.undo()


def _propagated(requirement: ElementId, consequences: tuple[Consequence, ...], model: Model) -> Propagation:
    if requirement not in model or not isinstance(model.elements[requirement], Requirement):
        raise Mistake(f"the model has no requirement {requirement!r}")
    varying = {each.variant for each in consequences}
    traces = (
        # An element without any reason is there in every configuration, so it varies with no requirement.
        Trace(each.id, LAYERS[type(each)], tuple(v for v in each.because if v in varying), varying >= set(each.because))
        for each in model
        if varying & set(each.because)
    )
    order = list(Layer)
    return Propagation(requirement, consequences, tuple(sorted(traces, key=lambda each: order.index(each.layer))))
