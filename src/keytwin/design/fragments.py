"""A fragment is what one variant brings: elements, and its one view. Paper A III binds variant and view one to one.

A library holds the fragments of an OVM and the elements that several of them share. Every fragment takes along the
shared elements that it refers to, so that each element of a composition names all the variants that asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType

from keytwin.design.model import Block, Element, ElementId, Model
from keytwin.design.references import taken_along
from keytwin.design.views import View
from keytwin.vocabulary.identity import VariantId, VariationPointId


@dataclass(frozen=True, slots=True, kw_only=True)
class Roles:
    """What the rules of synchronisation must know of the domain; they know nothing of it by themselves."""

    whole: ElementId
    """The block of the whole system."""
    ends: tuple[ElementId, ElementId]
    """The parts between which things are sent."""
    protocol: VariationPointId
    """Whose variants say what the parties do."""
    link: VariationPointId
    """Whose variants say how what they send gets across."""
    medium: VariationPointId
    """Whose variants say through what it passes."""
    channel: ElementId
    """The block of which every channel is a special case."""
    station: ElementId
    """The block of which everything that a medium places half-way is a special case."""
    memory: ElementId
    """The block that keeps a share of a joint state."""
    state: ElementId
    """The item that a joint state can stand in for: it is sent by teleportation then."""
    share: ElementId
    """The item that is a share of a joint state."""
    outcome: ElementId
    """The item that tells the result of a joint measurement."""
    delicate_port: ElementId
    """The kind of port for what must not be copied."""
    plain_port: ElementId
    """The kind of port for all the rest that passes a channel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment:
    """What a variant brings."""

    variant: VariantId
    elements: tuple[Element, ...]
    """Its own and, of the shared ones, those that it refers to; each with the variant as its reason."""
    view: View
    sources: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Library:
    """All fragments of an OVM."""

    ovm: str
    roles: Roles
    shared: Model
    fragments: Mapping[VariantId, Fragment]


def fragment_of(elements: Iterable[Element], shared: Model, view: View, sources: tuple[str, ...]) -> Fragment:
    """Return the fragment of a view's variant from the variant's own elements."""
    # A view of the whole belongs to no variant, and is made by the interface definition.
    assert view.variant
    own = tuple(elements)
    # A block that the variant adds to appears twice, once as it is shared and once with the additions: they are joined.
    added_to = [shared.elements[each.id] for each in own if each.id in shared]
    joined = Model.of([*added_to, *own])
    reasoned = [because_of(each, view.variant) for each in taken_along(joined, shared)]
    return Fragment(variant=view.variant, elements=tuple(reasoned), view=view, sources=sources)


def library_of(ovm: str, roles: Roles, shared: Model, fragments: Iterable[Fragment]) -> Library:
    """Return a library of its parts."""
    return Library(
        ovm=ovm, roles=roles, shared=shared, fragments=MappingProxyType({each.variant: each for each in fragments})
    )


def because_of(element: Element, variant: VariantId) -> Element:
    """Return an element, its ports and its properties with one variant as their reason."""
    if isinstance(element, Block):
        ports = tuple(replace(each, because=(variant,)) for each in element.ports)
        properties = tuple(replace(each, because=(variant,)) for each in element.properties)
        element = replace(element, ports=ports, properties=properties)
    return replace(element, because=(variant,))
