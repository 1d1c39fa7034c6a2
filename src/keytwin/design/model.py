"""The one model that all views of an architecture are projections of: paper A, III and IV-B (step 4).

An element is immutable and has an identifier of its own, by which the others refer to it; nothing is said twice.
`because` and `rules` say why it is there: the variants that asked for it, and the rules of synchronisation that added
or changed it. Nothing here knows of quantum keys: what flows has a `nature`, a word of the domain.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import StrEnum
from types import MappingProxyType
from typing import Final, NewType, TypeVar, cast

from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import VariantId, VariationPointId
from keytwin.vocabulary.machine import TableView

ElementId = NewType("ElementId", str)
"""Dotted words, unique in a model: `bb84.prepare`, `transmitter`, `system.alice`."""
RuleId = NewType("RuleId", str)
"""A rule of synchronisation or of generation: `sync-3`."""


class Direction(StrEnum):
    """Of what flows, as the owner sees it."""

    IN = "in"
    OUT = "out"
    BOTH = "inout"

    @property
    def reversed(self) -> Direction:
        """The same flow as the other end sees it."""
        return _REVERSED[self]


_REVERSED: Final = MappingProxyType(
    {Direction.IN: Direction.OUT, Direction.OUT: Direction.IN, Direction.BOTH: Direction.BOTH}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Element:
    """What all elements have."""

    id: ElementId
    name: str
    """For people; need not be unique."""
    about: str = ""
    because: tuple[VariantId, ...] = ()
    """The variants that ask for it, sorted; none only for what every configuration has."""
    rules: tuple[RuleId, ...] = ()
    """The rules that added or changed it, in the order they did."""


# --- structure ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Property:
    """A value of a block or the parameter of an equation."""

    name: str
    quantity: str
    """A key of `units.QUANTITIES`, or "text"."""
    value: str = ""
    """With its unit; empty = to be found."""
    source: str = ""
    because: tuple[VariantId, ...] = ()
    """The variants that ask for it, where it belongs to a block that others have too."""


@dataclass(frozen=True, slots=True)
class Carried:
    """What flows through a port or along a connector."""

    name: str
    item: ElementId
    direction: Direction
    """For a connector: OUT = from its source to its target."""


@dataclass(frozen=True, slots=True)
class Port:
    """A place on the border of a block."""

    name: str
    kind: ElementId
    is_conjugated: bool = False
    """Whether the directions of its kind are turned round."""
    because: tuple[VariantId, ...] = ()
    """The variants that ask for it, where it belongs to a block that others have too."""
    rules: tuple[RuleId, ...] = ()
    """The rules that added it."""


@dataclass(frozen=True, slots=True)
class End:
    """One end of a connector: a port of a part; without a port the part itself."""

    part: ElementId
    port: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Item(Element):
    """Something that flows: a qubit, an announcement, a key, water."""

    nature: str
    """A word of the domain: what is of different natures never flows through the same port."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PortKind(Element):
    """What may be joined to what."""

    nature: str
    carried: tuple[Carried, ...]
    is_exclusive: bool = False
    """Whether a port of this kind takes one connector only: a photon cannot go two ways."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Block(Element):
    """A kind of part: a transmitter, a fibre, the whole system."""

    general: ElementId | None = None
    """The block that this one is a special case of."""
    properties: tuple[Property, ...] = ()
    ports: tuple[Port, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Part(Element):
    """A part of a block. Parts of the system are the lanes, lifelines and boxes of the behavioural views."""

    owner: ElementId
    """The block that it is a part of."""
    block: ElementId
    """Its kind."""
    least: int = 1
    most: int | None = 1
    """None = any number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connector(Element):
    """Two parts joined, inside the block that owns them."""

    owner: ElementId
    source: End
    target: End
    flows: tuple[Carried, ...] = ()


# --- behaviour ------------------------------------------------------------------------------------------------------


class ActionKind(StrEnum):
    """The nodes of an activity."""

    ACTION = "action"
    SEND = "send"
    ACCEPT = "accept"
    START = "start"
    DONE = "done"
    FORK = "fork"
    JOIN = "join"
    DECIDE = "decide"
    MERGE = "merge"


@dataclass(frozen=True, slots=True, kw_only=True)
class Activity(Element):
    """What parties do, step by step: paper A, Fig. 4."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Action(Element):
    """One step, or one node that steers the flow."""

    activity: ElementId
    kind: ActionKind = ActionKind.ACTION
    performer: ElementId | None = None
    """The part in whose lane it lies."""
    detail: VariationPointId | None = None
    """The variation point whose variants say how it is done."""
    refined_by: ElementId | None = None
    """The interaction that says how it is done."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Flow(Element):
    """From one action to the next; with an item, what the one hands to the other."""

    activity: ElementId
    source: ElementId
    target: ElementId
    guard: str = ""
    item: ElementId | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction(Element):
    """Who tells whom what, in order: paper A, Fig. 5."""

    through: ElementId | None = None
    """The channel, a part, that what is sent passes; None while it is not settled."""


class Operator(StrEnum):
    """Of a combined fragment (UML 2.5, 17.6)."""

    LOOP = "loop"
    ALTERNATIVE = "alt"
    OPTION = "opt"
    PARALLEL = "par"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fragment(Element):
    """A frame around messages of an interaction."""

    interaction: ElementId
    operator: Operator
    guard: str = ""
    within: ElementId | None = None
    """The fragment that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Message(Element):
    """From one lifeline to another, or to itself: then it is an act of its own."""

    interaction: ElementId
    order: int
    """Place in the interaction, from 1 on."""
    source: ElementId
    target: ElementId
    item: ElementId | None = None
    within: ElementId | None = None
    """The fragment that holds it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StateMachine(Element):
    """States of a part, from the very table that drives the running machine."""

    table: TableView
    exhibited_by: ElementId
    """A part."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JointState(Element):
    """An entangled state: one state of several parts that none of them has alone. Paper A names it as open."""

    parts: tuple[ElementId, ...]
    """Who holds a share of it."""
    properties: tuple[Property, ...] = ()
    """Its fidelity, and what else belongs to the whole and not to a share."""
    made_by: ElementId | None = None
    """The action or message after which it is there."""
    used_by: tuple[ElementId, ...] = ()
    """Actions or messages that consume it."""


# --- requirements and values ----------------------------------------------------------------------------------------


class Method(StrEnum):
    """How a requirement is verified: ISO/IEC/IEEE 15288, 6.4.9."""

    ANALYSIS = "analysis"
    INSPECTION = "inspection"
    DEMONSTRATION = "demonstration"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Requirement(Element):
    """Something that must hold; `name` is its short title."""

    text: str
    subject: ElementId
    """A block."""
    derived_from: tuple[ElementId, ...] = ()
    satisfied_by: tuple[ElementId, ...] = ()
    """Parts or blocks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification(Element):
    """How it is found out whether a requirement holds."""

    requirement: ElementId
    method: Method
    measures: str = ""
    """The measure that is compared, in words."""


@dataclass(frozen=True, slots=True)
class Binding:
    """A parameter of an equation is the property of a block."""

    parameter: str
    block: ElementId
    property: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Equation(Element):
    """A relation between values: a box of a parametric view."""

    expression: str
    parameters: tuple[Property, ...]
    bindings: tuple[Binding, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Allocation(Element):
    """An element of the architecture is realised by one of the running half."""

    source: ElementId
    target: str
    """Pattern of an element's name, such as `km/<node>`."""


# --- the model ------------------------------------------------------------------------------------------------------

E = TypeVar("E", bound=Element)


@dataclass(frozen=True, slots=True)
class Model:
    """Elements by identifier, in the order in which they came."""

    elements: Mapping[ElementId, Element]
    _by_kind: dict[type[Element], tuple[Element, ...]] = field(default_factory=dict, compare=False, repr=False)
    """What `all` has found so far: elements never change."""

    @classmethod
    def of(cls, elements: Iterable[Element]) -> Model:
        """Join elements; the same one from several sides is one, with all their reasons; Mistake when they differ."""
        joined: dict[ElementId, Element] = {}
        for each in elements:
            joined[each.id] = _joined(joined[each.id], each) if each.id in joined else each
        return cls(MappingProxyType(joined))

    def __iter__(self) -> Iterator[Element]:
        return iter(self.elements.values())

    def __contains__(self, wanted: ElementId) -> bool:
        return wanted in self.elements

    def get(self, wanted: ElementId, kind: type[E]) -> E:
        """Return an element; KeyError when there is none, AssertionError when it is of another kind."""
        found = self.elements[wanted]
        assert isinstance(found, kind), f"{wanted} is a {type(found).__name__}, not a {kind.__name__}"
        return found

    def all(self, kind: type[E]) -> tuple[E, ...]:
        """Return the elements of one kind."""
        found = self._by_kind.get(kind)
        if found is None:
            found = self._by_kind[kind] = tuple(each for each in self.elements.values() if isinstance(each, kind))
        return cast(tuple[E, ...], found)

    def merged(self, others: Iterable[Element]) -> Model:
        """Return this model with further elements, joined as in `of`."""
        return Model.of([*self, *others])

    def replaced(self, changed: Iterable[Element]) -> Model:
        """Return this model with elements taken out for others of the same identifier, and new ones added."""
        return Model(MappingProxyType({**self.elements, **{each.id: each for each in changed}}))

    def without(self, dropped: Iterable[ElementId]) -> Model:
        """Return this model without some elements."""
        gone = set(dropped)
        return Model(MappingProxyType({name: each for name, each in self.elements.items() if name not in gone}))


def _joined(first: Element, second: Element) -> Element:
    reasons = tuple(sorted({*first.because, *second.because}))
    rules = tuple(dict.fromkeys((*first.rules, *second.rules)))
    one, other = (replace(each, because=reasons, rules=rules) for each in (first, second))
    if isinstance(one, Block) and isinstance(other, Block):
        # Variants may each bring ports and properties of their own to a block that they share.
        ports, properties = _ports(one, other), _properties(one, other)
        one, other = (replace(each, ports=ports, properties=properties) for each in (one, other))
    if one != other:
        raise Mistake(f"element {first.id} is described in two ways: give the two different identifiers")
    return one


def _ports(one: Block, other: Block) -> tuple[Port, ...]:
    joined: dict[str, Port] = {}
    for each in (*one.ports, *other.ports):
        known = joined.setdefault(each.name, each)
        if (known.kind, known.is_conjugated) != (each.kind, each.is_conjugated):
            raise Mistake(f"port {each.name} of {one.id} is described in two ways: give the two different names")
        reasons = tuple(sorted({*known.because, *each.because}))
        joined[each.name] = replace(known, because=reasons, rules=tuple(dict.fromkeys((*known.rules, *each.rules))))
    return tuple(joined.values())


def _properties(one: Block, other: Block) -> tuple[Property, ...]:
    joined: dict[str, Property] = {}
    for each in (*one.properties, *other.properties):
        known = joined.setdefault(each.name, each)
        if replace(known, because=()) != replace(each, because=()):
            raise Mistake(f"property {each.name} of {one.id} is described in two ways: give the two different names")
        joined[each.name] = replace(known, because=tuple(sorted({*known.because, *each.because})))
    return tuple(joined.values())
