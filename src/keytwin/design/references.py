"""What an element of the model refers to: for the rule that every reference resolves, and for taking elements along."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from keytwin.design.model import (
    Action,
    Allocation,
    Block,
    Connector,
    Element,
    ElementId,
    End,
    Equation,
    Flow,
    Fragment,
    Interaction,
    JointState,
    Message,
    Model,
    Part,
    PortKind,
    Requirement,
    StateMachine,
    Verification,
)


def references(element: Element) -> tuple[ElementId, ...]:
    """Return the identifiers that an element names, each once."""
    return tuple(dict.fromkeys(each for each in _named(element) if each))


def _named(element: Element) -> Iterable[ElementId | None]:  # one line a kind of element
    match element:
        case PortKind():
            # What passes a port is referred to, so that an item which a port alone mentions is taken along.
            return [each.item for each in element.carried]
        case Block():
            return [element.general, *(each.kind for each in element.ports)]
        case Part():
            return element.owner, element.block
        case Connector():
            ends = (element.owner, element.source.part, element.target.part)
            return [*ends, *(each.item for each in element.flows)]
        case Action():
            # Its variation point is no element: the OVM is another model, and a view is bound to it by its variant.
            return element.activity, element.performer, element.refined_by
        case _:
            return _named_by_behaviour(element)


def _named_by_behaviour(element: Element) -> Iterable[ElementId | None]:
    match element:
        case Flow():
            return element.activity, element.source, element.target, element.item
        case Fragment():
            return element.interaction, element.within
        case Message():
            return element.interaction, element.source, element.target, element.item, element.within
        case Interaction():
            return (element.through,)
        case _:
            return _named_by_others(element)


def _named_by_others(element: Element) -> Iterable[ElementId | None]:
    match element:
        case StateMachine():
            return (element.exhibited_by,)
        case JointState():
            return *element.parts, element.made_by, *element.used_by
        case Requirement():
            return element.subject, *element.derived_from, *element.satisfied_by
        case Verification():
            return (element.requirement,)
        case Equation():
            return [each.block for each in element.bindings]
        case Allocation():
            return (element.source,)
        case _:
            return ()


def unresolved(model: Model) -> Iterator[tuple[Element, ElementId]]:
    """Give each reference that leads to no element of the model."""
    for element in model:
        for name in references(element):
            if name not in model:
                yield element, name


def taken_along(elements: Iterable[Element], shared: Model) -> tuple[Element, ...]:
    """Return elements with those of a shared model that they refer to, directly or not."""
    taken = {each.id: each for each in elements}
    # A block that is added to stands in both: what it refers to as a shared one is needed too.
    waiting = [*taken.values(), *(shared.elements[name] for name in taken if name in shared)]
    while waiting:
        for name in references(waiting.pop()):
            # A name that the shared model lacks is left to rule 10, which says who refers to it.
            if name not in taken and name in shared:
                taken[name] = shared.elements[name]
                waiting.append(shared.elements[name])
    return tuple(taken.values())


def renamed(element: Element, names: Mapping[ElementId, ElementId]) -> Element:
    """Return an element with identifiers, its own and those that it names, taken for others."""

    def new(name: ElementId) -> ElementId:
        return names.get(name, name)

    def maybe(name: ElementId | None) -> ElementId | None:
        return None if name is None else new(name)

    def all_of(several: tuple[ElementId, ...]) -> tuple[ElementId, ...]:
        # Each once: two parts may become one, and one part does not hold two shares of a pair.
        return tuple(dict.fromkeys(new(each) for each in several))

    # The identifier first, for all kinds alike; who forgot it in a branch would make a copy that takes the original's
    # place.
    named = replace(element, id=new(element.id))
    match named:
        case Message():
            scope, within, item = new(named.interaction), maybe(named.within), maybe(named.item)
            source, target = new(named.source), new(named.target)
            return replace(named, interaction=scope, within=within, item=item, source=source, target=target)
        case Fragment():
            return replace(named, interaction=new(named.interaction), within=maybe(named.within))
        case Interaction():
            return replace(named, through=maybe(named.through))
        case JointState():
            parts, used = all_of(named.parts), all_of(named.used_by)
            return replace(named, parts=parts, made_by=maybe(named.made_by), used_by=used)
        case Action():
            return replace(named, performer=maybe(named.performer), refined_by=maybe(named.refined_by))
        case Flow():
            return replace(named, source=new(named.source), target=new(named.target))
        case _:
            return _structure_renamed(named, names)


def _structure_renamed(named: Element, names: Mapping[ElementId, ElementId]) -> Element:
    def new(name: ElementId) -> ElementId:
        return names.get(name, name)

    def end(where: End) -> End:
        return End(new(where.part), where.port)

    match named:
        case Connector():
            return replace(named, source=end(named.source), target=end(named.target))
        case Requirement():
            return replace(named, satisfied_by=tuple(dict.fromkeys(new(each) for each in named.satisfied_by)))
        case StateMachine():
            return replace(named, exhibited_by=new(named.exhibited_by))
        case _:
            return named
