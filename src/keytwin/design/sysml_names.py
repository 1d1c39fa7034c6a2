"""What the elements of a model are called in SysML v2, and how one names another.

An element's identifier gives its name: `bb84.prepare` is Bb84::prepare. Two that would be called the same are told
apart by a number. What is defined lives in one package; what is part of something, below its owner.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from keytwin.design.model import (
    Action,
    ActionKind,
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
    Port,
    PortKind,
    Property,
    Requirement,
    StateMachine,
    Verification,
)
from keytwin.design.sysml_text import camel, pascal, quoted
from keytwin.design.sysml_units import OWN_UNITS, VALUE_TYPES

DEFINED: Final = (
    Item, PortKind, Block, Activity, Interaction, StateMachine, JointState, Equation, Verification,
)  # fmt: skip
"""Kinds of element that become definitions of the library package."""

# A part called `m` would turn `20 [m]` inside its owner into an index by that part.
_LIBRARY_WORDS: Final = """
    start done self that this sourceEvent targetEvent Anything Part Item Port Action State Trace Nature Node Origin
    Guard CombinedFragment Ignored Refused VariationPoint Realises Configured Boolean Integer Natural RunningElement
    m km cm mm nm s min h d W Hz rad bit B one SI ISQ sqrt max abs
"""
_TAKEN: Final = frozenset({*_LIBRARY_WORDS.split(), *(unit.symbol for unit in OWN_UNITS), *VALUE_TYPES.values()})
"""What an element may not be called: it would hide a name that is used inside it."""


@dataclass(slots=True)
class _Scope:
    """The names that are used up in a namespace."""

    used: set[str] = field(default_factory=set)

    def take(self, wanted: str) -> str:
        """Return the wanted name, or with the first number that makes it new."""
        name, number = wanted, 2
        # The plain name stays with whoever comes first, so adding an element last renames nothing before it.
        while name in self.used or name in _TAKEN:
            name, number = f"{wanted}{number}", number + 1
        self.used.add(name)
        return name


@dataclass(frozen=True, slots=True)
class Names:
    """The names of a model's elements."""

    model: Model
    of: dict[ElementId, str]
    """The last part of the name, unquoted."""
    used_as: dict[tuple[ElementId, ElementId], str]
    """What a definition (second) is called as a usage inside a block (first)."""
    features: dict[tuple[ElementId, str], str]
    """Properties and ports of blocks, by their own names."""
    roots: dict[ElementId, str]
    """The usages of the blocks that nothing else holds: the whole systems."""

    def short(self, element: ElementId) -> str:
        """Return the last part of a name, as it is written."""
        return quoted(self.of[element])

    def feature(self, block: ElementId, name: str) -> str:
        """Return the name of a property or port, as it is written; of one inherited, its first owner's."""
        for each in lineage(self.model, block):
            if (each, name) in self.features:
                return quoted(self.features[each, name])
        # References are checked before anything is written, so this is a fault of the program and not of a model.
        raise KeyError(name)

    def usage(self, block: ElementId, definition: ElementId) -> str:
        """Return what an activity or joint state is called where a block holds it."""
        return quoted(self.used_as[block, definition])

    def qualified(self, element: ElementId) -> str:
        """Return a name as it is found from any package that imports the library."""
        owner = owner_of(self.model.elements[element])
        return f"{self.qualified(owner)}::{self.short(element)}" if owner else self.short(element)

    def path(self, part: ElementId, start: ElementId | None = None) -> str | None:
        """Return the chain of features to a part: from inside a block, or from the whole; None = none leads there."""
        owner = self.model.get(part, Part).owner
        if owner == start:
            return self.short(part)
        above = self.usage_path(owner, start)
        return f"{above}.{self.short(part)}" if above else None

    def usage_path(self, block: ElementId, start: ElementId | None = None) -> str | None:
        """Return the chain of features that leads to the first part of a kind, as `path` does."""
        # A whole system is nobody's part: the path to it begins at the usage that stands for it.
        if start is None and block in self.roots:
            return quoted(self.roots[block])
        return self._search(block, start, frozenset())

    def _search(self, block: ElementId, start: ElementId | None, seen: frozenset[ElementId]) -> str | None:
        for part in self.model.all(Part):
            # Blocks may hold one another in a circle, and such a way would never reach the whole.
            if part.block != block or part.owner in seen:
                continue
            if part.owner == start:
                return self.short(part.id)
            if start is None and part.owner in self.roots:
                return f"{quoted(self.roots[part.owner])}.{self.short(part.id)}"
            above = self._search(part.owner, start, seen | {block})
            if above:
                return f"{above}.{self.short(part.id)}"
        return None


def lineage(model: Model, block: ElementId) -> Iterator[ElementId]:
    """Yield the blocks that one is a special case of, from the most general down to itself."""
    found: list[ElementId] = []
    each: ElementId | None = block
    # A circle of generals must come to an end here: whoever writes names is no judge of models.
    while each is not None and each not in found:
        found.append(each)
        each = model.get(each, Block).general
    yield from reversed(found)


def port_of(model: Model, block: ElementId, name: str) -> Port | None:
    """Return a port of a block, its own or the nearest inherited."""
    found = [port for each in lineage(model, block) for port in model.get(each, Block).ports if port.name == name]
    return found[-1] if found else None


def property_of(model: Model, block: ElementId, name: str) -> Property | None:
    """Return a property of a block, its own or the nearest inherited."""
    found = [each for one in lineage(model, block) for each in model.get(one, Block).properties if each.name == name]
    return found[-1] if found else None


def owner_of(element: Element) -> ElementId | None:
    """Return what an element lies in; None = the library."""
    match element:
        case Part() | Connector():
            return element.owner
        case Action() | Flow():
            return element.activity
        case Fragment() | Message():
            return element.within or element.interaction
        case _:
            return None


def names_of(model: Model) -> Names:
    """Name the elements of a model, in their order."""
    scopes: dict[ElementId | None, _Scope] = {}
    names = Names(model, {}, {}, {}, _roots(model))
    # Values and ports first: they keep their own names, which a configuration shows to whoever edits it.
    for each in model.all(Block):
        _name_features(names, scopes.setdefault(each.id, _Scope()), each)
    for element in model:
        if isinstance(element, Allocation):  # called by its identifier: nothing refers to it
            continue
        scope = scopes.setdefault(_scope_of(element), _Scope())
        names.of[element.id] = scope.take(_wanted(element))
    for block_id, definition in _uses(model):
        wanted = camel(definition)
        names.used_as[block_id, definition] = scopes.setdefault(block_id, _Scope()).take(wanted)
    return names


def _name_features(names: Names, scope: _Scope, each: Block) -> None:
    inherited = {name for one in lineage(names.model, each.id) if one != each.id for name in _own(names.model, one)}
    for name in _own(names.model, each.id):
        if name not in inherited:
            names.features[each.id, name] = scope.take(name)


def _own(model: Model, block: ElementId) -> tuple[str, ...]:
    each = model.get(block, Block)
    return (*(one.name for one in each.properties), *(one.name for one in each.ports))


def _scope_of(element: Element) -> ElementId | None:
    # Fragments lie in one another, and a name is looked for outwards: an interaction is one scope.
    return element.interaction if isinstance(element, Fragment | Message) else owner_of(element)


def _wanted(element: Element) -> str:
    if isinstance(element, DEFINED):
        return pascal(element.id)
    # Every action has a start and a done of its own already, which these nodes are tied to.
    if isinstance(element, Action) and element.kind in {ActionKind.START, ActionKind.DONE}:
        return camel(f"{element.id.rpartition('.')[2]}-node")
    # A requirement is cited by its whole identifier, so its name keeps every part of it.
    if isinstance(element, Requirement):
        return camel(element.id)
    return camel(element.id.rpartition(".")[2])


def _uses(model: Model) -> Iterator[tuple[ElementId, ElementId]]:
    """Yield which blocks hold activities, state machines and joint states."""
    # A dictionary keeps the order of the model, which a set does not: the same model gives the same text.
    found: dict[tuple[ElementId, ElementId], None] = {}
    for action in model.all(Action):
        if action.performer is not None:
            found[model.get(action.performer, Part).owner, action.activity] = None
    for state in model.all(JointState):
        owners = {model.get(part, Part).owner for part in state.parts}
        # A connection joins two ends at least, of one owner: other joint states are defined and nowhere used.
        if len(owners) == 1 and len(state.parts) > 1:
            found[owners.pop(), state.id] = None
    yield from found


def _roots(model: Model) -> dict[ElementId, str]:
    """Name the blocks that hold parts and are no part, nor the general of one, themselves."""
    # Whatever is the kind of a part has a whole above it, through which it is reached.
    kinds = {part.block for part in model.all(Part)}
    scope = _Scope()
    owners = dict.fromkeys(part.owner for part in model.all(Part))
    return {block: scope.take(camel(block)) for block in owners if block not in kinds}
