"""Structure read back from SysML v2 text: items, ports, blocks, parts, connectors, joint states."""

from __future__ import annotations

from collections.abc import Iterator

from keytwin.design.model import (
    Block,
    Carried,
    Connector,
    Direction,
    Element,
    ElementId,
    End,
    Item,
    JointState,
    Part,
    Port,
    PortKind,
    Property,
)
from keytwin.design.sysml_back import plain_value
from keytwin.design.sysml_marks import Marks, shortened
from keytwin.design.sysml_rules import bounds
from keytwin.design.sysml_structure import BACK
from keytwin.design.sysml_tree import Member, Reference


def structure(marks: Marks) -> Iterator[Element]:
    """Yield the elements of structure."""
    for member in marks.of_kind("item def"):
        # What flows has a nature; an item without one is the part of a joint state that SysML calls an item.
        if marks.marks(member, "Nature"):
            yield Item(**marks.common(member), nature=marks.first(member, "Nature", "nature"))
        else:
            yield _joint_state(marks, member)
    yield from (_port_kind(marks, member) for member in marks.of_kind("port def"))
    yield from (_block(marks, member) for member in marks.of_kind("part def"))
    yield from (_part(marks, member) for member in marks.of_kind("part"))
    yield from (_connector(marks, member) for member in marks.of_kind("interface", "connection"))
    yield from (_joint_state(marks, member) for member in marks.of_kind("connection def"))


def _port_kind(marks: Marks, member: Member) -> PortKind:
    carried = tuple(
        Carried(each.name, marks.element(each.typed[0], each), Direction(each.prefixes[0]))
        for each in member.members()
        if each.kind == "item" and each.typed
    )
    return PortKind(
        **marks.common(member),
        nature=marks.first(member, "Nature", "nature"),
        carried=carried,
        is_exclusive=bool(marks.first(member, "Nature", "exclusive")),
    )


def _block(marks: Marks, member: Member) -> Block:
    return Block(
        **marks.common(member),
        general=marks.element(member.subsets[0], member) if member.subsets else None,
        properties=tuple(property_of(marks, each) for each in member.members() if each.kind == "attribute"),
        ports=tuple(_port(marks, each) for each in member.members() if each.kind == "port"),
    )


def property_of(marks: Marks, member: Member) -> Property:
    """Return an attribute as a value of a block, or of whatever holds it."""
    source = marks.scope.document_of(member).source
    return Property(
        marks.called(member),
        marks.first(member, "Origin", "quantity"),
        plain_value(source, member.value) if member.value is not None else "",
        marks.first(member, "Origin", "source"),
        marks.variants(member),
    )


def _port(marks: Marks, member: Member) -> Port:
    kind = member.typed[0]
    return Port(
        marks.called(member),
        marks.element(kind, member),
        kind.is_conjugated,
        marks.variants(member),
        marks.rules(member),
    )


def _part(marks: Marks, member: Member) -> Part:
    assert member.owner is not None
    # A multiplicity left out is one: the language says so, and editors leave it out.
    least, most = bounds(marks.scope, member) if member.multiplicity is not None else (1, 1)
    return Part(
        **marks.common(member),
        owner=marks.elements[member.owner],
        block=marks.element(member.typed[0], member),
        least=least or 0,
        most=None if most is None or most == float("inf") else int(most),
    )


def _connector(marks: Marks, member: Member) -> Connector:
    assert member.owner is not None
    source, target = marks.after(member, "connect"), marks.after(member, "to")
    definition = next((each for each in marks.scope.generals(member) if each.kind == "interface def"), None)
    # Joined by an interface the flows are the definition's; without one they are messages of the connection itself.
    if definition is not None:
        flows = _flows(marks, [each for each in definition.members() if each.kind == "flow"], "source")
    else:
        messages = [each for each in member.members() if each.kind == "message"]
        flows = _flows(marks, messages, str(source))
    return Connector(
        **marks.common(member),
        owner=marks.elements[member.owner],
        source=_end(marks, source, member),
        target=_end(marks, target, member),
        flows=flows,
    )


def _flows(marks: Marks, members: list[Member], source: str) -> tuple[Carried, ...]:
    """Read what flows; two flows of which one comes back are one that goes both ways."""
    # SysML has flows of one direction only, so what goes both ways was written as two of them.
    backs = {each.name.removesuffix(BACK) for each in members if each.name.endswith(BACK)}
    found = []
    for each in members:
        if each.name.endswith(BACK):
            continue
        start = str(marks.after(each, "from"))
        # A flow starts at an end or at something inside it; the name of one end may be the beginning of another's.
        is_out = start == source or start.startswith(f"{source}.")
        direction = Direction.BOTH if each.name in backs else Direction.OUT if is_out else Direction.IN
        found.append(Carried(each.name, marks.element(marks.after(each, "of"), each), direction))
    return tuple(found)


def _end(marks: Marks, reference: Reference | None, member: Member) -> End:
    found = marks.scope.resolve(reference, member) if reference is not None else None
    # An end that is no port is the part itself: then nothing is between the dot and the end.
    if found is not None and found.kind == "port":
        return End(marks.element(shortened(reference), member), marks.called(found))
    return End(marks.element(reference, member))


def _joint_state(marks: Marks, member: Member) -> JointState:
    made: list[ElementId] = []
    used: list[ElementId] = []
    for each in marks.all("dependency"):
        start = marks.after(each, "from")
        if start is not None and marks.scope.resolve(start, each) is member:
            by = marks.element(marks.after(each, "to"), each)
            # Dependencies have no kinds of their own; the name that was given to them tells which one it is.
            (made if " made by " in each.name else used).append(by)
    return JointState(
        **marks.common(member),
        parts=tuple(ElementId(each) for each in marks.several(member, "Shares", "parts")),
        properties=tuple(property_of(marks, each) for each in member.members() if each.kind == "attribute"),
        made_by=made[0] if made else None,
        used_by=tuple(used),
    )
