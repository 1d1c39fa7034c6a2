"""Boxes with a heading and compartments below it: blocks, parts, requirements, equations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.model import Element, Property
from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.grid import Laid
from keytwin.drawing.lattice import Cell
from keytwin.drawing.metrics import ASCENT, LINE, width_of, wrap
from keytwin.drawing.pieces import SMALL, Line, Piece, Strand, told
from keytwin.drawing.scene import Anchor, Figure, Node, Role, Scene, Socket, Text, Wire

INSET: Final = 10.0
AIR: Final = 7.0  # above and below the lines of a compartment
TITLE: Final = 10.0  # font size of a compartment's own name, and of keywords
SOCKET: Final = 12.0
PORT_SIZE: Final = 10.5


@dataclass(frozen=True, slots=True)
class Compartment:
    """Lines under a name of their own."""

    title: str
    lines: tuple[str, ...]


def compartment_piece(  # noqa: PLR0913  # a box has this much to it; all but the first two are named
    element: Element,
    heading: Sequence[Line],
    *,
    at: tuple[int, int],
    compartments: Sequence[Compartment] = (),
    figure: Figure = Figure.BOX,
    role: Role = Role.PLAIN,
    room: float = 0.0,
    key: str = "",
    least: float = 120.0,
) -> Piece:
    """Return a box with a heading, compartments below it, and room for ports (as `port_room` gives it), if any."""
    texts: list[Text] = []
    rules: list[float] = []
    y = AIR
    for line in heading:
        texts.append(
            Text(line.words, Point(0, y + ASCENT * line.size + 1), line.size, Anchor.MIDDLE, line.bold, line.role)
        )
        y += line.size * LINE
    y += AIR - 1
    widths = [line.width + 2 * INSET for line in heading]
    for each in (part for part in compartments if part.lines):
        rules.append(y)
        if each.title:
            y += 3
            texts.append(Text(each.title, Point(0, y + TITLE), TITLE, Anchor.MIDDLE, role=Role.QUIET))
            y += TITLE * LINE
        y += 3
        for words in each.lines:
            texts.append(Text(words, Point(INSET, y + ASCENT * SMALL + 1), SMALL))
            y += SMALL * LINE
        y += AIR - 2
        widths += [width_of(words, SMALL) + 2 * INSET for words in each.lines]
    half = max(least, max(widths), room) / 2
    name = key or element.id
    up, down, head = (y / 2, y / 2, 0.0) if not room else (y + 14.0, 14.0, y - 4.0)
    cell = Cell(key=name, row=at[0], column=at[1], left=half, right=half, up=up, down=down, head=head, figure=figure)
    node = Node(
        id=name,
        figure=figure,
        box=Box(0, 0, 2 * half, y),
        title=told(element),
        element=element.id,
        role=role,
        texts=tuple(texts),
        rules=tuple(rules),
    )
    return Piece(cell, node, hangs=True)


def port_room(labels: Sequence[str], sides: int = 2) -> float:
    """Return how wide a box must be for the names of its ports at one or at both sides; nothing without ports."""
    if not labels:
        return 0.0
    widest = max(width_of(label, PORT_SIZE) for label in labels)
    return sides * (widest + SOCKET + 8) + (16 if sides == 1 else 0)


def keyword(words: str) -> Line:
    """Return a keyword in guillemets, as it stands above a name."""
    return Line(f"«{words}»", TITLE, role=Role.QUIET)


def bold_lines(words: str, most: float = 190.0) -> list[Line]:
    """Return a name in bold lines."""
    return [Line(line, 12.0, bold=True) for line in wrap(words, 12.0, most, bold=True)]


def value_lines(properties: Sequence[Property], most: float = 230.0) -> tuple[str, ...]:
    """Return values as an attribute compartment lists them."""
    told_values = [
        f"{each.name} = {each.value}" if each.value else f"{each.name} : {each.quantity}" for each in properties
    ]
    return tuple(line for words in told_values for line in wrap(words, SMALL, most))


@dataclass(frozen=True, slots=True)
class Gate:
    """What is known of a port: what it is called, whose element it is, and what goes in and out."""

    label: str
    title: str
    element: str
    inward: bool = False
    outward: bool = False
    role: Role = Role.PLAIN


def with_sockets(scene: Scene, laid: Laid, strands: Sequence[Strand], gates: dict[tuple[str, str], Gate]) -> Scene:
    """Put the ports of all wires on the borders of their nodes, each with its name inside, and end the wires at them."""
    spots: dict[tuple[str, str, Side], list[Point]] = {}
    for each in strands:
        points = laid.points[each.link.key]
        for pin, at in zip(laid.ends[each.link.key], (points[0], points[-1]), strict=True):
            if pin.port:
                spots.setdefault((pin.key, pin.port, pin.side), []).append(at)
    sockets, texts = [], {node.id: list(node.texts) for node in scene.nodes}
    for (owner, port, side), places in spots.items():
        gate = gates[owner, port]
        for index, group in enumerate(_together(owner, port, side, places, spots)):
            box = _socket_box(group)
            name = f"{owner}:{port}:{side}" + (f":{index}" if index else "")
            sockets.append(
                Socket(
                    id=name,
                    owner=owner,
                    side=side,
                    box=box,
                    title=gate.title,
                    element=gate.element,
                    inward=gate.inward,
                    outward=gate.outward,
                    role=gate.role,
                )
            )
            texts[owner].append(_port_text(gate.label, box, side))
    nodes = tuple(replace(node, texts=tuple(texts[node.id])) for node in scene.nodes)
    wires = tuple(_ending_outside(wire, strands, laid) for wire in scene.wires)
    return replace(scene, nodes=nodes, sockets=(*scene.sockets, *sockets), wires=wires)


def _together(
    owner: str, port: str, side: Side, places: Sequence[Point], spots: dict[tuple[str, str, Side], list[Point]]
) -> list[list[Point]]:
    """Break the places of a port into groups that no other port of the same side parts."""
    others = [
        at for (key, name, where), ats in spots.items() if (key, where) == (owner, side) and name != port for at in ats
    ]
    groups: list[list[Point]] = []
    for place in sorted(places):
        is_parted = groups and any(groups[-1][-1] < other < place for other in others)
        if groups and not is_parted:
            groups[-1].append(place)
        else:
            groups.append([place])
    return groups


def _socket_box(places: Sequence[Point]) -> Box:
    left, top = min(at.x for at in places), min(at.y for at in places)
    right, bottom = max(at.x for at in places), max(at.y for at in places)
    return Box(left - SOCKET / 2, top - SOCKET / 2, right - left + SOCKET, bottom - top + SOCKET)


def _port_text(label: str, box: Box, side: Side) -> Text:
    base = box.middle.y + 0.34 * PORT_SIZE
    if side is Side.LEFT:
        return Text(label, Point(box.right + 4, base), PORT_SIZE, Anchor.START)
    return Text(label, Point(box.x - 4, base), PORT_SIZE, Anchor.END)


def _ending_outside(wire: Wire, strands: Sequence[Strand], laid: Laid) -> Wire:
    ends = laid.ends[wire.id]
    points = list(wire.points)
    for index, pin in ((0, ends[0]), (-1, ends[1])):
        if pin.port:
            out = -SOCKET / 2 if pin.side is Side.LEFT else SOCKET / 2
            points[index] = points[index].moved(out, 0)
    assert strands
    return replace(wire, points=tuple(points))
