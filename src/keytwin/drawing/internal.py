"""Internal block diagrams: parts with ports on their borders, and what flows between them.

Paper A, Fig. 8; SysML v2 8.2.3.11 to 8.2.3.16 (interconnection view).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import Final

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
    Model,
    Part,
    PortKind,
)
from keytwin.design.views import View
from keytwin.drawing.compartments import Gate, Look, bold_lines, compartment_piece, port_room, with_sockets
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Side
from keytwin.drawing.grid import Spacing
from keytwin.drawing.layers import spread_layers
from keytwin.drawing.metrics import wrap
from keytwin.drawing.pieces import (
    SMALL,
    Line,
    Piece,
    Strand,
    composed,
    label_lines,
    nature_roles,
    role_of_items,
    strand,
    told,
    wire_between,
)
from keytwin.drawing.scene import Figure, Role, Scene, Stroke, Tip

BESIDE: Final = {Side.LEFT: 0.0, Side.RIGHT: 0.0}
SPACING: Final = Spacing(pin=20.0, track=14.0, margin=20.0)


def internal(model: Model, view: View) -> Scene:
    """Draw the parts of a block, joined."""
    shown = [model.elements[each] for each in view.shown if each in model]
    parts = [each for each in shown if isinstance(each, Part)]
    known = {part.id for part in parts}
    connectors = _connectors(shown, known)
    edges = [(each.source.part, each.target.part) for each in connectors]
    places = spread_layers([part.id for part in parts], edges)
    ports = _ports(connectors)
    pieces = [_piece(model, part, places[part.id], ports.get(part.id, [])) for part in parts]
    sides = _sides(connectors, places)
    strands = [_strand(model, each, sides) for each in connectors] + _joint_strands(model, known)
    scene, laid = composed(pieces, strands, SPACING)
    gates: dict[tuple[str, str], Gate] = {
        (part, port): _gate(model, part, port) for part, names in ports.items() for port in names
    }
    scene = with_sockets(scene, laid, strands, gates)
    about = f"{len(parts)} parts and {len(connectors)} connections: {', '.join(part.name for part in parts)}"
    return framed(scene, kind="ibd", name=view.id, title=view.title, about=about)


def _connectors(shown: Sequence[Element], known: set[ElementId]) -> list[Connector]:
    """Return the connectors both of whose ends are drawn."""
    joined = [each for each in shown if isinstance(each, Connector)]
    return [each for each in joined if {each.source.part, each.target.part} <= known]


def _ports(connectors: Sequence[Connector]) -> dict[ElementId, list[str]]:
    found: dict[ElementId, list[str]] = {}
    for end in (end for each in connectors for end in (each.source, each.target)):
        if end.port and end.port not in found.setdefault(end.part, []):
            found[end.part].append(end.port)
    return found


def _sides(
    connectors: Sequence[Connector], places: Mapping[ElementId, tuple[int, int]]
) -> dict[End, Mapping[Side, float]]:
    """Give a port that has several wires one side: the one on which most of their other ends lie."""
    pulls: dict[End, list[int]] = {}
    for each in connectors:
        for end, other in ((each.source, each.target), (each.target, each.source)):
            pulls.setdefault(end, []).append(places[other.part][1] - places[end.part][1])
    return {
        end: BESIDE if len(pull) == 1 else {Side.LEFT if sum(pull) < 0 else Side.RIGHT: 0.0}
        for end, pull in pulls.items()
        if end.port
    }


def _piece(model: Model, part: Part, at: tuple[int, int], ports: Sequence[str]) -> Piece:
    block = model.elements.get(part.block)
    heading = bold_lines(part.name, 170)
    many = "" if (part.least, part.most) == (1, 1) else f" [{multiplicity(part)}]"
    if block is not None and (block.name != part.name or many):
        heading += [Line(line, SMALL, role=Role.QUIET) for line in wrap(f": {block.name}{many}", SMALL, 170)]
    return compartment_piece(part, heading, at=at, look=Look(figure=Figure.ROUND, room=port_room(ports)))


def multiplicity(part: Part) -> str:
    """Return how many of a part there are, as the notation writes it."""
    most = "*" if part.most is None else str(part.most)
    return most if str(part.least) == most else f"{part.least}..{most}"


def _strand(model: Model, each: Connector, sides: Mapping[End, Mapping[Side, float]]) -> Strand:
    ways = {flow.direction for flow in each.flows}
    names = [model.elements[flow.item].name if flow.item in model else flow.item for flow in each.flows]
    wire = wire_between(each.id, each.source.part, each.target.part, _title(model, each), each.id)
    wire = replace(
        wire,
        role=role_of_items(model, each.flows),
        tip=Tip.FILLED if ways & {Direction.OUT, Direction.BOTH} else Tip.NONE,
        tail=Tip.FILLED if ways & {Direction.IN, Direction.BOTH} else Tip.NONE,
    )
    words = ", ".join(dict.fromkeys(names))
    return strand(
        wire,
        leaves=sides.get(each.source),
        enters=sides.get(each.target),
        ports=(each.source.port, each.target.port),
        lines=label_lines(words, 130),
    )


def _title(model: Model, each: Connector) -> str:
    ends = [f"{_name(model, end)}" for end in (each.source, each.target)]
    return f"{told(each)}, {ends[0]} to {ends[1]}"


def _name(model: Model, end: End) -> str:
    return model.elements[end.part].name + (f".{end.port}" if end.port else "")


def _gate(model: Model, part: ElementId, name: str) -> Gate:
    block = model.elements.get(model.get(part, Part).block)
    port = next((each for each in _all_ports(model, block) if each[0] == name), None)
    kind = model.elements.get(port[1]) if port else None
    if port is None or not isinstance(kind, PortKind):
        return Gate(name, name, part)
    # A conjugated port is the far side of the same kind: what the kind sends, it takes in.
    ways = {carried.direction.reversed if port[2] else carried.direction for carried in kind.carried}
    both = Direction.BOTH in ways
    sign = "~" if port[2] else ""
    return Gate(
        label=name,
        title=f"{name} : {sign}{kind.name}",
        element=kind.id,
        inward=both or Direction.IN in ways,
        outward=both or Direction.OUT in ways,
        role=_role(model, kind.nature, kind.carried),
    )


def _all_ports(model: Model, block: object) -> list[tuple[str, ElementId, bool]]:
    """Return the ports of a block, those of what it is a special case of included."""
    found: list[tuple[str, ElementId, bool]] = []
    # Blocks that are special cases of one another in a circle must not hang the drawing.
    seen: set[ElementId] = set()
    while isinstance(block, Block) and block.id not in seen:
        seen.add(block.id)
        found += [(port.name, port.kind, port.is_conjugated) for port in block.ports]
        block = model.elements.get(block.general) if block.general else None
    return found


def _role(model: Model, nature: str, carried: Sequence[Carried]) -> Role:
    roles: Mapping[str, Role] = nature_roles(model)
    return roles.get(nature) or role_of_items(
        model, [each for each in carried if isinstance(model.elements.get(each.item), Item)]
    )


def _joint_strands(model: Model, known: set[ElementId]) -> list[Strand]:
    """Draw a joint state as a dotted line between the parts that hold it."""
    found = []
    for state in model.all(JointState):
        held = [part for part in state.parts if part in known]
        values = ", ".join(f"{each.name} {each.value}".strip() for each in state.properties)
        for first, second in pairwise(held):
            wire = wire_between(f"{state.id}:{first}:{second}", first, second, told(state), state.id)
            wire = replace(wire, role=Role.JOINT, stroke=Stroke.DOTTED, tip=Tip.NONE)
            words = f"«joint» {state.name}" + (f" ({values})" if values else "")
            found.append(
                strand(
                    wire,
                    leaves={Side.TOP: 0, Side.BOTTOM: 0.5},
                    enters={Side.TOP: 0, Side.BOTTOM: 0.5},
                    lines=label_lines(words, 200),
                )
            )
    return found
