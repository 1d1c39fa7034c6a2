"""Requirements, their verification, equations and allocations of a model in SysML v2."""

from __future__ import annotations

import re
from typing import Final

from keytwin.design.model import (
    Allocation,
    Block,
    ElementId,
    Equation,
    JointState,
    Method,
    Part,
    Property,
    Requirement,
    Verification,
)
from keytwin.design.sysml_names import Names
from keytwin.design.sysml_text import Lines, block, comment_body, doc, metadata, quoted, string
from keytwin.design.sysml_trace import trace, trace_of
from keytwin.design.sysml_units import VALUE_TYPES, value_expression

METHODS: Final = {
    Method.ANALYSIS: "analyze",
    Method.INSPECTION: "inspect",
    Method.DEMONSTRATION: "demo",
    Method.TEST: "test",
}
_FUNCTIONS: Final = frozenset({"sqrt", "min", "max", "abs"})
_TOKEN: Final = re.compile(
    r"\s*(?:(?P<name>[A-Za-z_]\w*)|(?P<number>\d+(?:\.\d+)?(?:[eE][+-]?\d+)?)|(?P<sign>\*\*|[<>=]=|[-+*/^()<>=,]))",
    flags=re.ASCII,
)


# --- requirements ---------------------------------------------------------------------------------------------------


def requirement_lines(names: Names, each: Requirement) -> Lines:
    """Write a requirement with its text and its subject."""
    reasons = trace_of(each.id, each.because, each.rules, each.name)
    about = [f"doc 'explanation' /* {comment_body(each.about)} */"] if each.about else []
    subject = f"subject 'concerned' : {names.short(each.subject)};"
    return block(
        f"requirement <{quoted(each.id)}> {names.short(each.id)}", [*doc(each.text), *about, *reasons, subject]
    )


def derivation_lines(names: Names, each: Requirement) -> Lines:
    """Say which requirements one is derived from."""
    return [
        f"#derivation connection {{ end #original ::> {names.short(above)}; end #derive ::> {names.short(each.id)}; }}"
        for above in each.derived_from
    ]


def satisfaction_lines(names: Names, each: Requirement) -> Lines:
    """Say which parts satisfy a requirement; a block that is nowhere a part gets a usage for it."""
    return [line for by in each.satisfied_by for line in _satisfied(names, each, by)]


def _satisfied(names: Names, each: Requirement, by: ElementId) -> Lines:
    path = usage_path(names, by)
    if path is None and isinstance(names.model.elements[by], Block):
        alone = quoted(f"{names.of[by]} for {names.of[each.id]}")
        return [f"part {alone} : {names.short(by)};", *block(f"satisfy {names.short(each.id)} by {alone}", _meant(by))]
    return block(f"satisfy {names.short(each.id)} by {path}", _meant(by)) if path else []


def _meant(element: ElementId) -> Lines:
    return metadata("Meant", element=string(element))


def usage_path(names: Names, element: ElementId) -> str | None:
    """Return the chain of features that leads to a part, to the first part of a block, or to a joint state."""
    match names.model.elements[element]:
        case Part():
            return names.path(element)
        case Block():
            return names.usage_path(element)
        case JointState() as state:
            owner = names.model.get(state.parts[0], Part).owner
            above = names.usage_path(owner)
            return f"{above}.{names.usage(owner, state.id)}" if above and (owner, state.id) in names.used_as else None
        case _:
            return None


def verification_lines(names: Names, each: Verification) -> Lines:
    """Write a verification case: its verdict follows from what is measured in a run."""
    subject = names.model.get(each.requirement, Requirement).subject
    measures = [f"doc 'measured' /* {comment_body(each.measures)} */"] if each.measures else []
    return block(
        f"verification def {names.short(each.id)}",
        [
            *trace(each),
            *measures,
            f"subject 'examined' : {names.short(subject)};",
            f"@VerificationMethod {{ kind = VerificationMethodKind::{METHODS[each.method]}; }}",
            f"objective {{ verify {names.short(each.requirement)}; }}",
            "action run { out holds : Boolean; }",
            "return verdict : VerdictKind = PassIf(run.holds);",
        ],
    )


# --- equations ------------------------------------------------------------------------------------------------------


def equation_lines(names: Names, each: Equation) -> Lines:
    """Write a constraint definition: the relation as it was given, and as an expression where it can be one."""
    # The relation as given is kept in any case: translating it may lose how it was written.
    given = [f'rep inWords language "mathematics" /* {comment_body(each.expression)} */']
    translated = expression_of(each.expression, {one.name for one in each.parameters})
    parameters = [line for one in each.parameters for line in _parameter(one)]
    return block(
        f"constraint def {names.short(each.id)}",
        [*trace(each), *given, *parameters, *([translated] if translated else [])],
    )


def _parameter(each: Property) -> Lines:
    value = f" default = {value_expression(each.quantity, each.value)}" if each.value else ""
    origin = metadata("Origin", quantity=string(each.quantity), source=string(each.source) if each.source else "")
    return block(f"in attribute {quoted(each.name)} : {VALUE_TYPES[each.quantity]}{value}", origin)


def expression_of(text: str, parameters: set[str]) -> str:
    """Return a relation as a SysML expression; nothing when it says more than arithmetic on its parameters."""
    words: list[str] = []
    at, end = 0, len(text.rstrip())
    while at < end:
        found = _TOKEN.match(text, at)
        if found is None or (found["name"] and found["name"] not in parameters | _FUNCTIONS):
            return ""
        words.append(_word(found))
        at = found.end()
    # One comparison makes a condition; two would compare a truth value.
    compared = [word for word in words if word in {"==", "<", ">", "<=", ">="}]
    is_sound = len(compared) == 1 and words.count("(") == words.count(")")
    return " ".join(words) if is_sound else ""


def _word(found: re.Match[str]) -> str:
    if found["name"]:
        return found["name"] if found["name"] in _FUNCTIONS else quoted(found["name"])
    sign = found[0].strip()
    return {"=": "==", "^": "**"}.get(sign, sign)


def equation_usage(names: Names, each: Equation) -> Lines:
    """Write the use of an equation in the whole, its parameters bound to values of parts.

    A block that is nowhere a part, as in a family of which nothing is chosen, gets a usage for it.
    """
    alone: dict[ElementId, str] = {}
    bound: Lines = []
    for binding in each.bindings:
        path = usage_path(names, binding.block)
        if path is None:
            path = alone[binding.block] = quoted(f"{names.of[binding.block]} for {names.of[each.id]}")
        feature = names.feature(binding.block, binding.property)
        bound += block(f"in attribute {quoted(binding.parameter)} = {path}.{feature}", _meant(binding.block))
    head = f"constraint {quoted(f'{names.of[each.id]} holds')} : {names.short(each.id)}"
    parts = [f"part {name} : {names.short(kind)};" for kind, name in alone.items()]
    return [*parts, *block(head, [*trace_of(each.id, each.because, each.rules), *bound])]


# --- allocations ----------------------------------------------------------------------------------------------------


def allocation_lines(names: Names, allocations: tuple[Allocation, ...]) -> Lines:
    """Allocate elements to those of the running half, each a part that is named by its pattern."""
    targets = dict.fromkeys(each.target for each in allocations)
    running = [f"part {quoted(target)} : RunningElement;" for target in targets]
    defined = block("part def RunningElement", [*doc("An element of the running network, by the pattern of its name.")])
    return [*defined, *running, *(line for each in allocations for line in _allocation(names, each))]


def _allocation(names: Names, each: Allocation) -> Lines:
    path = usage_path(names, each.source)
    head = quoted(each.id)
    if path is None:  # what is no feature of the whole, such as a step of an activity, cannot be an end
        return block(f"dependency {head} from {names.qualified(each.source)} to {quoted(each.target)}", trace(each))
    return block(f"allocation {head} allocate {path} to {quoted(each.target)}", [*trace(each), *_meant(each.source)])
