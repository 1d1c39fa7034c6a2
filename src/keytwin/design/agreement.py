"""Rules 6, 7, 8 and 10: ports fit, elements have reasons, requirements are looked after, views agree with the model."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from keytwin.design.draft import Draft
from keytwin.design.model import (
    Block,
    Connector,
    Direction,
    ElementId,
    End,
    Part,
    Port,
    PortKind,
    Requirement,
    RuleId,
    Verification,
)
from keytwin.design.ports import fresh_port, is_symmetrical
from keytwin.design.references import unresolved
from keytwin.design.synchronisation import Inconsistency, Rule
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import QUANTITIES

# --- rule 6 ---------------------------------------------------------------------------------------------------------

_6: Final = RuleId("sync-6")


def _check_ports(draft: Draft) -> list[Inconsistency]:
    found = []
    for each in draft.model.all(Connector):
        # An end without a port is the part itself, as before the interfaces are defined: that is allowed.
        one, other = _port(draft, each.source), _port(draft, each.target)
        for end, port in ((each.source, one), (each.target, other)):
            if end.port and port is None:
                what = f"{each.id} ends at the port {end.port} of {end.part}, which has none such"
                found.append(Inconsistency(_6, what, "a connector ends where something can pass", (each.id,)))
        if one and other:
            found += _misfits(draft, each, one, other)
    found += _crowded(draft)
    return found


def _port(draft: Draft, end: End) -> Port | None:
    return next((each for each in draft.ports(end.part) if each.name == end.port), None) if end.port else None


def _misfits(draft: Draft, connector: Connector, one: Port, other: Port) -> Iterator[Inconsistency]:
    first, second = (draft.model.get(each.kind, PortKind) for each in (one, other))
    if first.nature != second.nature:
        what = f"{connector.id} joins a {first.nature} port to a {second.nature} one"
        yield Inconsistency(_6, what, "what is of different natures does not pass the same port", (connector.id,))
    # One nature is not enough: two kinds of port of the same nature may carry different items.
    elif first != second:
        what = f"{connector.id} joins a {first.name} to a {second.name}"
        yield Inconsistency(_6, what, "ports that are joined are of one kind", (connector.id,))
    # UML conjugation (`~`): what one end sends the other takes. A kind that goes both ways is its own conjugate.
    elif one.is_conjugated == other.is_conjugated and not is_symmetrical(first):
        what = f"{connector.id} joins two ports that both send, or both take"
        yield Inconsistency(_6, what, "what leaves one port must be able to enter the other", (connector.id,))
    for flow in connector.flows:
        # The source's port is enough: the far one is of the same kind, turned round, by the lines above.
        if not _lets_pass(one, first, flow.item, flow.direction):
            what = f"{flow.item} cannot pass the port {one.name} of {connector.source.part} this way"
            yield Inconsistency(_6, what, "a port takes the items of its kind, its way", (connector.id,))


def _lets_pass(port: Port, kind: PortKind, item: ElementId, direction: Direction) -> bool:
    for each in kind.carried:
        if each.item == item:
            # Directions of a kind are those of its plain end: the other end sees each of them turned round.
            allowed = each.direction.reversed if port.is_conjugated else each.direction
            return allowed in {Direction.BOTH, direction}
    return False


def _crowded(draft: Draft) -> Iterator[Inconsistency]:
    for end, ends in _ends(draft).items():
        port = _port(draft, end)
        # A single photon cannot be shared out: no-cloning forbids what any socket for talk may do.
        if port and draft.model.get(port.kind, PortKind).is_exclusive and ends > 1:
            what = f"{ends} connectors share the port {end.port} of {end.part}"
            yield Inconsistency(_6, what, "a quantum of light cannot go two ways", (end.part,))


def _ends(draft: Draft) -> Counter[End]:
    return Counter(end for each in draft.model.all(Connector) for end in (each.source, each.target))


def _spread(draft: Draft) -> Draft:
    """Give connectors that share a port which takes only one a port each."""
    # By name, and looked up anew each time: moving one connector frees the port for the last that shares it.
    for name in [each.id for each in draft.model.all(Connector)]:
        for is_source in (True, False):
            connector = draft.model.get(name, Connector)
            end = connector.source if is_source else connector.target
            port = _port(draft, end)
            if port is None or _ends(draft)[end] < 2 or not draft.model.get(port.kind, PortKind).is_exclusive:
                continue
            draft, made = fresh_port(draft, end.part, port.kind, is_conjugated=port.is_conjugated)
            moved = End(end.part, made.name)
            draft = draft.changed(replace(connector, source=moved) if is_source else replace(connector, target=moved))
    return draft


PORTS: Final = Rule(
    _6,
    "ports that are joined fit: one kind, opposite directions, one connector to a quantum port",
    _check_ports,
    _spread,
    "gave each connector a port of its own",
)

# --- rule 7 ---------------------------------------------------------------------------------------------------------

_7: Final = RuleId("sync-7")


def _check_traces(draft: Draft) -> list[Inconsistency]:
    found = []
    for each in draft.model:
        # Either is enough: what a rule added was asked for by no variant, and needs no other excuse.
        if not each.because and not each.rules:
            why = "what nobody asked for cannot be judged, and should not be built"
            found.append(Inconsistency(_7, f"{each.id} has no reason", why, (each.id,)))
    traced = {variant for each in draft.model for variant in each.because}
    seen = Counter(each.variant for each in draft.views if each.variant)
    for variant in draft.configuration.chosen:
        # Paper A, section III, binds variant and view one to one: two views of one variant could say different things.
        if variant not in traced or seen[variant] != 1:
            what = f"{variant} is chosen, but has {'no element' if variant not in traced else f'{seen[variant]} views'}"
            found.append(Inconsistency(_7, what, "a choice that leaves no trace changes nothing", ()))
    return found


TRACES: Final = Rule(
    _7, "every element has a reason, and every chosen variant has elements and one view", _check_traces
)

# --- rule 8 ---------------------------------------------------------------------------------------------------------

_8: Final = RuleId("sync-8")


def _check_requirements(draft: Draft) -> list[Inconsistency]:
    found = []
    # A verification without a measure says how it would be done and not what would count as a failure.
    verified = {each.requirement for each in draft.model.all(Verification) if each.measures}
    for each in draft.model.all(Requirement):
        if not each.satisfied_by:
            what = f"no part sees to '{each.name}'"
            found.append(Inconsistency(_8, what, "what nothing satisfies is a wish", (each.id,)))
        if each.id not in verified:
            what = f"'{each.name}' is not verified by a measure"
            why = "a requirement that no run can fail is not a requirement"
            found.append(Inconsistency(_8, what, why, (each.id,)))
    return found


REQUIREMENTS: Final = Rule(
    _8, "every requirement is satisfied by a part and verified by a measure", _check_requirements
)

# --- rule 10 --------------------------------------------------------------------------------------------------------

_10: Final = RuleId("sync-10")
_ONE_MODEL: Final = "views are projections of one model: what is drawn is there, and is called the same everywhere"


def _check_agreement(draft: Draft) -> list[Inconsistency]:
    found = []
    for element, name in unresolved(draft.model):
        what = f"{element.id} refers to {name}, which is not there"
        found.append(Inconsistency(_10, what, _ONE_MODEL, (element.id,)))
    for view in draft.views:
        gone = [name for name in (view.subject, *view.shown) if name not in draft.model]
        found += [
            Inconsistency(_10, f"the view '{view.title}' shows {name}, which is not there", _ONE_MODEL) for name in gone
        ]
    found += _double_names(draft)
    found += _wrong_units(draft)
    return found


def _double_names(draft: Draft) -> Iterator[Inconsistency]:
    by_name: dict[tuple[ElementId, str], list[ElementId]] = {}
    for each in draft.model.all(Part):
        # Names need to differ within their owner only: `memory` may be found in Alice and in Bob.
        by_name.setdefault((each.owner, each.name), []).append(each.id)
    for (owner, name), parts in by_name.items():
        if len(parts) > 1:
            yield Inconsistency(_10, f"{len(parts)} parts of {owner} are called '{name}'", _ONE_MODEL, tuple(parts))


def _wrong_units(draft: Draft) -> Iterator[Inconsistency]:
    quantities: dict[str, str] = {}
    for block in draft.model.all(Block):
        for each in block.properties:
            # By name across all blocks: whoever sees two of them side by side would compare decibels with kilometres.
            known = quantities.setdefault(each.name, each.quantity)
            if known != each.quantity:
                what = f"'{each.name}' is a {each.quantity} in {block.id}, and a {known} elsewhere"
                yield Inconsistency(_10, what, _ONE_MODEL, (block.id,))
            if each.value and each.quantity != "text" and not _is_of(each.quantity, each.value):
                what = f"'{each.name}' of {block.id} is {each.value}, which is no {each.quantity}"
                yield Inconsistency(_10, what, _ONE_MODEL, (block.id,))


def _is_of(quantity: str, value: str) -> bool:
    try:
        QUANTITIES[quantity](value)
    except Mistake:
        return False
    return True


def _drop_undrawn(draft: Draft) -> Draft:
    # Views follow the model and never the other way: what is gone from it is no longer drawn.
    kept = [replace(each, shown=tuple(one for one in each.shown if one in draft.model)) for each in draft.views]
    return replace(draft, views=tuple(kept))


AGREEMENT: Final = Rule(
    _10,
    "names, types and units agree across views, and nothing is drawn that is not in the model",
    _check_agreement,
    _drop_undrawn,
    "took out of views what is no longer there",
)
