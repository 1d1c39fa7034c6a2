"""The structure of a model in SysML v2: items, ports, interfaces, blocks with parts and connectors, joint states.

A joint (entangled) state is a connection over the parts that hold a share of it: it is one thing of the whole, with
its fidelity, and no part has it alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

from keytwin.design.model import (
    Action,
    Activity,
    Block,
    Carried,
    Connector,
    Direction,
    ElementId,
    End,
    Item,
    JointState,
    Part,
    Port,
    PortKind,
    Property,
    StateMachine,
)
from keytwin.design.sysml_names import Names, port_of
from keytwin.design.sysml_text import Lines, block, metadata, quoted, string, strings
from keytwin.design.sysml_trace import trace, trace_of
from keytwin.design.sysml_units import VALUE_TYPES, value_expression
from keytwin.vocabulary.errors import Mistake

BACK = " back"
"""What the name of the second flow ends in, where something flows both ways."""


@dataclass(slots=True)
class Interfaces:
    """The interface definitions that the connectors of a model need, each once."""

    names: Names
    defined: dict[tuple[object, ...], str] = field(default_factory=dict)
    users: dict[str, list[Connector]] = field(default_factory=dict)

    def of(self, connector: Connector) -> str | None:
        """Return the definition for a connector between two ports; None for any other."""
        ports = self._ports(connector)
        if ports is None or ports[0].kind not in self.names.of or ports[1].kind not in self.names.of:
            return None
        source, target = ports
        # Two connectors are of one definition when its text would be the same, flows and their names included.
        key = (source.kind, source.is_conjugated, target.kind, target.is_conjugated, connector.flows)
        if key not in self.defined:
            self.defined[key] = self._new_name(source, target)
            self.users[self.defined[key]] = []
        name = self.defined[key]
        self.users[name].append(connector)
        return name

    def _ports(self, connector: Connector) -> tuple[Port, Port] | None:
        found = [self._port(end) for end in (connector.source, connector.target)]
        return (found[0], found[1]) if found[0] and found[1] else None

    def _port(self, end: End) -> Port | None:
        model = self.names.model
        return port_of(model, model.get(end.part, Part).block, end.port) if end.port else None

    def _new_name(self, source: Port, target: Port) -> str:
        kinds = [self.names.of[port.kind].removesuffix("Port") for port in (source, target)]
        wanted = f"{kinds[0]}Interface" if kinds[0] == kinds[1] else f"{kinds[0]}To{kinds[1]}Interface"
        # Interfaces come to be while blocks are written, when all other names are given already.
        taken = {*self.defined.values(), *self.names.of.values()}
        name, number = wanted, 2
        while name in taken:
            name, number = f"{wanted}{number}", number + 1
        return name

    def written(self) -> Iterator[str]:
        """Write the definitions that were asked for."""
        for key, name in self.defined.items():
            users = self.users[name]
            ports = self._ports(users[0])
            assert ports is not None, key
            yield from self._definition(name, ports, users)

    def _definition(self, name: str, ports: tuple[Port, Port], users: list[Connector]) -> Lines:
        # The definition is there because of every variant that uses it; only the last would take it away.
        variants = sorted({each for user in users for each in user.because})
        ends = [
            f"end port {end} : {typed(self.names, port)};"
            for end, port in zip(("source", "target"), ports, strict=True)
        ]
        flows = [line for flow in users[0].flows for line in self._flow(flow, ports)]
        return block(f"interface def {quoted(name)}", [*trace_of(name, variants, ("sysml-interface",)), *ends, *flows])

    def _flow(self, flow: Carried, ports: tuple[Port, Port]) -> Lines:
        ends = [f"{name}.{self._carried(port, flow)}" for name, port in zip(("source", "target"), ports, strict=True)]
        there = f"of {self.names.short(flow.item)} from {ends[0]} to {ends[1]};"
        back = f"of {self.names.short(flow.item)} from {ends[1]} to {ends[0]};"
        match flow.direction:
            case Direction.OUT:
                return [f"flow {quoted(flow.name)} {there}"]
            case Direction.IN:
                return [f"flow {quoted(flow.name)} {back}"]
            case Direction.BOTH:
                return [f"flow {quoted(flow.name)} {there}", f"flow {quoted(flow.name + BACK)} {back}"]

    def _carried(self, port: Port, flow: Carried) -> str:
        kind = self.names.model.get(port.kind, PortKind)
        found = next((each.name for each in kind.carried if each.item == flow.item), None)
        # A flow ends at an item of the port; without one the reference would lead nowhere.
        if found is None:
            raise Mistake(f"{flow.item} flows through a port of kind {kind.id}, which does not carry it: add it there")
        return quoted(found)


def typed(names: Names, port: Port) -> str:
    """Return the type of a port, with the sign that turns it round."""
    return f"{'~' if port.is_conjugated else ''}{names.short(port.kind)}"


def item_lines(names: Names, item: Item) -> Lines:
    """Write an item definition."""
    return block(f"item def {names.short(item.id)}", [*trace(item), *metadata("Nature", nature=string(item.nature))])


def port_lines(names: Names, kind: PortKind) -> Lines:
    """Write a port definition; what several connectors may share is said by the multiplicity of its use."""
    nature = metadata("Nature", nature=string(kind.nature), exclusive=string("yes") if kind.is_exclusive else "")
    carried = [f"{each.direction.value} item {quoted(each.name)} : {names.short(each.item)};" for each in kind.carried]
    return block(f"port def {names.short(kind.id)}", [*trace(kind), *nature, *carried])


def block_lines(names: Names, interfaces: Interfaces, each: Block) -> Lines:
    """Write a part definition with everything that lies in the block."""
    general = f" :> {names.short(each.general)}" if each.general is not None else ""
    features = [
        *(line for one in each.properties for line in _property(names, each.id, one)),
        *(line for one in each.ports for line in _port(names, each.id, one)),
    ]
    body = [*trace(each), *features, *_inside(names, interfaces, each.id)]
    return block(f"part def {names.short(each.id)}{general}", body)


def _inside(names: Names, interfaces: Interfaces, owner: ElementId) -> Iterator[str]:
    """Write what a block is made of, parts before what joins them."""
    yield from _activities(names, owner)
    for part in names.model.all(Part):
        if part.owner == owner:
            yield from _part(names, part)
    for connector in names.model.all(Connector):
        if connector.owner == owner:
            yield from _connector(names, interfaces, connector)
    for state in names.model.all(JointState):
        yield from _joint_usage(names, owner, state)


def _is_inherited(names: Names, owner: ElementId, name: str) -> bool:
    return (owner, name) not in names.features


def _property(names: Names, owner: ElementId, each: Property) -> Lines:
    written = names.feature(owner, each.name)
    redefines = ":>> " if _is_inherited(names, owner, each.name) else ""
    return attribute_lines(f"attribute {redefines}{written}", each, is_renamed=written != quoted(each.name))


def attribute_lines(head: str, each: Property, *, is_renamed: bool = False) -> Lines:
    """Write a value with its type, and where it comes from."""
    # A default, since a configuration may say another value.
    value = f" default = {value_expression(each.quantity, each.value)}" if each.value else ""
    origin = metadata("Origin", quantity=string(each.quantity), source=string(each.source) if each.source else "")
    reasons = trace_of(each.name, each.because, ()) if each.because or is_renamed else []
    return block(f"{head} : {VALUE_TYPES[each.quantity]}{value}", [*origin, *reasons])


def _port(names: Names, owner: ElementId, each: Port) -> Lines:
    redefines = ":>> " if _is_inherited(names, owner, each.name) else ""
    written = names.feature(owner, each.name)
    is_told = each.because or each.rules or written != quoted(each.name)
    reasons = trace_of(each.name, each.because, each.rules) if is_told else []
    return block(f"port {redefines}{written} : {typed(names, each)}", reasons)


def _activities(names: Names, owner: ElementId) -> Iterator[str]:
    for activity in names.model.all(Activity):
        if (owner, activity.id) in names.used_as:
            head = f"perform action {names.usage(owner, activity.id)} : {names.short(activity.id)}"
            yield from block(head, trace_of(activity.id, activity.because, activity.rules))


def multiplicity(least: int, most: int | None) -> str:
    """Return a multiplicity; of exactly one, nothing, since that is the rule for parts."""
    if least == most:
        return "" if least == 1 else f"[{least}]"
    return f"[{least}..{'*' if most is None else most}]"


def _part(names: Names, part: Part) -> Lines:
    model = names.model
    performed = [
        # The owner performs the activity once; its parts perform the actions inside, by a chain of features.
        f"perform {names.usage(part.owner, each.activity)}.{names.short(each.id)};"
        for each in model.all(Action)
        if each.performer == part.id
    ]
    exhibited = [
        line
        for each in model.all(StateMachine)
        if each.exhibited_by == part.id
        for line in block(
            f"exhibit state {quoted(_lower(names.of[each.id]))} : {names.short(each.id)}",
            trace_of(each.id, each.because, each.rules),
        )
    ]
    head = f"part {names.short(part.id)} : {names.short(part.block)}{multiplicity(part.least, part.most)}"
    return block(head, [*trace(part), *performed, *exhibited])


def _lower(name: str) -> str:
    return name[:1].lower() + name[1:]


def _connector(names: Names, interfaces: Interfaces, each: Connector) -> Lines:
    source, target = (_end(names, each.owner, end) for end in (each.source, each.target))
    # Without ports at both ends there is no interface: a connection then carries messages.
    definition = interfaces.of(each)
    kind = (
        f"interface {names.short(each.id)} : {quoted(definition)}"
        if definition
        else f"connection {names.short(each.id)}"
    )
    flows = [] if definition else [line for flow in each.flows for line in _message(names, flow, source, target)]
    return block(f"{kind} connect {source} to {target}", [*trace(each), *flows])


def _message(names: Names, flow: Carried, source: str, target: str) -> Lines:
    there = f"of {names.short(flow.item)} from {source} to {target};"
    back = f"of {names.short(flow.item)} from {target} to {source};"
    # A flow of a connection has one way only: what goes both ways is two, and the second needs its own name.
    ways = {Direction.OUT: [there], Direction.IN: [back], Direction.BOTH: [there, back]}[flow.direction]
    named = (flow.name, flow.name + BACK)
    return [f"message {quoted(name)} {way}" for name, way in zip(named, ways, strict=False)]


def _end(names: Names, owner: ElementId, end: End) -> str:
    path = names.path(end.part, owner)
    # A connector may only join what lies inside its owner, however deep, since a chain begins there.
    if path is None:
        raise Mistake(
            f"a connector of {owner} ends at {end.part}, which does not lie inside {owner}: give it another owner"
        )
    kind = names.model.get(end.part, Part).block
    return f"{path}.{names.feature(kind, end.port)}" if end.port else path


def joint_lines(names: Names, state: JointState) -> Lines:
    """Write a connection definition with an end for each share, and the values of the whole."""
    ends = [
        f"end part {quoted(f'share{number}')} : {names.short(names.model.get(part, Part).block)};"
        for number, part in enumerate(state.parts, 1)
    ]
    values = [line for each in state.properties for line in attribute_lines(f"attribute {quoted(each.name)}", each)]
    head = "connection def" if len(state.parts) > 1 else "item def"  # a connection has two ends at least
    # The ends are numbered and not named by their parts: the annotation tells which part holds which share.
    shares = metadata("Shares", parts=strings(state.parts)) if state.parts else []
    body = [*trace(state), *shares, *(ends if len(ends) > 1 else []), *values]
    return block(f"{head} {names.short(state.id)}", body)


def _joint_usage(names: Names, owner: ElementId, state: JointState) -> Lines:
    if (owner, state.id) not in names.used_as:
        return []
    parts = [names.short(part) for part in state.parts]
    # The short form joins two; more ends than that are named one by one.
    joined = f"{parts[0]} to {parts[1]}" if len(parts) == 2 else _joined(parts)
    head = f"connection {names.usage(owner, state.id)} : {names.short(state.id)} connect {joined}"
    return block(head, trace_of(state.id, state.because, state.rules))


def _joined(parts: list[str]) -> str:
    return "(" + ", ".join(f"share{number} ::> {part}" for number, part in enumerate(parts, 1)) + ")"


def joint_dependencies(names: Names, state: JointState) -> Lines:
    """Say what makes a joint state and what consumes it."""
    # A dependency, since the notation has no relation between a connection and the step that makes it.
    made = [("made by", state.made_by)] if state.made_by else []
    return [
        f"dependency {quoted(f'{names.of[state.id]} {how} {names.of[by]}')}"
        f" from {names.qualified(state.id)} to {names.qualified(by)};"
        for how, by in [*made, *(("used by", used) for used in state.used_by)]
    ]
