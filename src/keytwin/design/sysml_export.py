"""An architecture as SysML v2 text: paper A, step 4, in the notation of OMG SysML v2.

Several files, each a package: units, metadata, library, family, requirements, architecture, views, and a file for each
configuration. Equal models give equal texts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from keytwin.design.model import (
    Activity,
    Allocation,
    Block,
    Equation,
    Interaction,
    Item,
    JointState,
    Model,
    Part,
    PortKind,
    Requirement,
    StateMachine,
    Verification,
)
from keytwin.design.sysml_behaviour import (
    activity_lines,
    interaction_lines,
    machine_lines,
    refinements,
    signal_name,
    signals_of,
)
from keytwin.design.sysml_family import configuration_lines, family_lines
from keytwin.design.sysml_names import Names, lineage, names_of
from keytwin.design.sysml_requirements import (
    allocation_lines,
    derivation_lines,
    equation_lines,
    equation_usage,
    requirement_lines,
    satisfaction_lines,
    verification_lines,
)
from keytwin.design.sysml_structure import (
    Interfaces,
    block_lines,
    item_lines,
    joint_dependencies,
    joint_lines,
    port_lines,
)
from keytwin.design.sysml_text import Lines, block, doc, pascal, quoted
from keytwin.design.sysml_trace import PACKAGE as TRACE
from keytwin.design.sysml_trace import trace_package
from keytwin.design.sysml_units import PACKAGE as UNITS
from keytwin.design.sysml_units import units_package, value_expression
from keytwin.design.sysml_views import view_lines
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.views import View

NOTE: Final = "// Written by keytwin. Choices and values in the configuration may be edited and read back.\n\n"
_QUANTITIES: Final = ("ScalarValues", "ISQ", "SI", UNITS)


def sysml_export(
    ovm: Ovm, configurations: Sequence[Configuration], model: Model, views: Sequence[View]
) -> dict[str, str]:
    """Return the text of each file by its name.

    `model` holds what the views are projections of; configurations are numbered when there are several. Mistake when
    the model cannot be said in SysML: a connector ends outside its owner, or an item flows through a port that does
    not carry it.
    """
    names = names_of(model)
    prefix = pascal(ovm.name)
    return {
        name: NOTE + "\n".join(lines) + "\n"
        for name, lines in (
            ("units.sysml", units_package()),
            ("trace.sysml", trace_package()),
            ("library.sysml", _library(names, prefix)),
            ("family.sysml", _family(names, prefix, ovm, views)),
            ("architecture.sysml", _architecture(names, prefix)),
            ("requirements.sysml", _requirements(names, prefix)),
            ("views.sysml", _views(names, prefix, views)),
            *_configurations(names, prefix, ovm, configurations),
        )
    }


def _imports(*packages: str) -> Lines:
    return [f"private import {quoted(package)}::*;" for package in packages]


def _library(names: Names, prefix: str) -> Lines:
    body = [
        *doc("What the systems of this family are made of, and how their parts behave."),
        *_imports(*_QUANTITIES, TRACE, "NumericalFunctions", "RealFunctions", "VerificationCases"),
        *_made_of(names),
        *_behaving(names),
        *(line for each in names.model.all(Equation) for line in equation_lines(names, each)),
    ]
    return block(f"library package {quoted(f'{prefix}Library')}", body)


def _made_of(names: Names) -> Iterator[str]:
    model, interfaces = names.model, Interfaces(names)
    # Written first, since the connectors in the blocks say which interfaces are needed.
    blocks = [line for each in _generals_first(model) for line in block_lines(names, interfaces, each)]
    for item in model.all(Item):
        yield from item_lines(names, item)
    for kind in model.all(PortKind):
        yield from port_lines(names, kind)
    yield from interfaces.written()
    yield from blocks
    for state in model.all(JointState):
        yield from joint_lines(names, state)


def _behaving(names: Names) -> Iterator[str]:
    model = names.model
    for activity in model.all(Activity):
        yield from activity_lines(names, activity)
    for interaction in model.all(Interaction):
        yield from interaction_lines(names, interaction)
    yield from (f"attribute def {quoted(signal_name(each))};" for each in signals_of(model))
    for machine in model.all(StateMachine):
        yield from machine_lines(names, machine)


def _generals_first(model: Model) -> Iterable[Block]:
    """Put each block after what it is a special case of: the text then reads downwards."""
    return sorted(model.all(Block), key=lambda each: len(list(lineage(model, each.id))))


def _family(names: Names, prefix: str, ovm: Ovm, views: Sequence[View]) -> Lines:
    imported = (f"{prefix}Library", f"{prefix}Requirements", *_QUANTITIES, TRACE, "SequenceFunctions")
    body = [*_imports(*imported), *family_lines(ovm, names, views)]
    return block(f"package {quoted(f'{prefix}Family')}", body)


def _architecture(names: Names, prefix: str) -> Lines:
    model = names.model
    body = [
        *doc("The composed system, its equations, and what of the running network realises its elements."),
        *_imports(f"{prefix}Library", *_QUANTITIES, TRACE, "ModelingMetadata"),
        *(f"part {quoted(usage)} : {names.short(root)};" for root, usage in names.roots.items()),
        *(line for each in model.all(Activity) for line in refinements(names, each)),
        *(line for each in model.all(JointState) for line in joint_dependencies(names, each)),
        *(line for each in model.all(Equation) for line in equation_usage(names, each)),
        *(allocation_lines(names, model.all(Allocation)) if model.all(Allocation) else []),
    ]
    return block(f"package {quoted(f'{prefix}Architecture')}", body)


def _requirements(names: Names, prefix: str) -> Lines:
    model = names.model
    imported = (
        f"{prefix}Library",
        f"{prefix}Architecture",
        TRACE,
        "ScalarValues",
        "VerificationCases",
        "RequirementDerivation",
    )
    body = [
        *doc("What must hold, what satisfies it, and how that is found out."),
        *_imports(*imported),
        *(line for each in model.all(Requirement) for line in requirement_lines(names, each)),
        *(line for each in model.all(Requirement) for line in derivation_lines(names, each)),
        *(line for each in model.all(Requirement) for line in satisfaction_lines(names, each)),
        *(line for each in model.all(Verification) for line in verification_lines(names, each)),
    ]
    return block(f"package {quoted(f'{prefix}Requirements')}", body)


def _views(names: Names, prefix: str, views: Sequence[View]) -> Lines:
    packages = {"library": quoted(f"{prefix}Library"), "requirements": quoted(f"{prefix}Requirements")}
    body = [*_imports(TRACE), *(line for each in views for line in view_lines(names, each, packages))]
    return block(f"package {quoted(f'{prefix}Views')}", body)


def _configurations(
    names: Names, prefix: str, ovm: Ovm, configurations: Sequence[Configuration]
) -> list[tuple[str, Lines]]:
    suffixes = [""] if len(configurations) == 1 else [str(number) for number in range(1, len(configurations) + 1)]
    return [
        (f"configuration{suffix}.sysml", _configuration(names, prefix, ovm, suffix, each))
        for suffix, each in zip(suffixes, configurations, strict=True)
    ]


def _configuration(names: Names, prefix: str, ovm: Ovm, suffix: str, configuration: Configuration) -> Lines:
    imported = (f"{prefix}Family", f"{prefix}Library", f"{prefix}Architecture", *_QUANTITIES, TRACE)
    body = [
        *_imports(*imported),
        *configuration_lines(ovm, "configuration", configuration),
        *(line for root, usage in names.roots.items() for line in _configured(names, root, usage)),
    ]
    return block(f"package {quoted(f'{prefix}Configuration{suffix}')}", body)


def _configured(names: Names, root: str, usage: str) -> Lines:
    """Write the whole with the values of its parts, where an editor can say others."""
    parts = [each for each in names.model.all(Part) if each.owner == root]
    body = [line for part in parts for line in _values(names, part)]
    return block(f"part {quoted(f'{usage} as configured')} :> {quoted(usage)}", body)


def _values(names: Names, part: Part) -> Lines:
    held = {
        one.name: one for each in lineage(names.model, part.block) for one in names.model.get(each, Block).properties
    }
    values = [
        f"attribute :>> {names.feature(part.block, each.name)} = {value_expression(each.quantity, each.value)};"
        for each in held.values()
        if each.value
    ]
    return block(f"part :>> {names.short(part.id)}", values) if values else []
