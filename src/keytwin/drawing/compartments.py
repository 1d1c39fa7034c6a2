"""Boxes with a heading and compartments below it: blocks, parts, requirements, equations."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
LEAST: Final = 120.0  # width of a box
PORT_STRIP: Final = 14.0
SOCKET: Final = 12.0
PORT_SIZE: Final = 10.5


@dataclass(frozen=True, slots=True)
class Compartment:
    """Lines under a name of their own."""

    title: str
    lines: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How a box with compartments is drawn."""

    figure: Figure = Figure.BOX
    role: Role = Role.PLAIN
    room: float = 0.0
    """For ports at its left and right, as `port_room` gives it; nothing without ports."""


PLAIN: Final = Look()


def compartment_piece(
    element: Element,
    heading: Sequence[Line],
    *,
    at: tuple[int, int],
    compartments: Sequence[Compartment] = (),
    look: Look = PLAIN,
) -> Piece:
    """Return a box with a heading, compartments below it, and room for ports, if any."""
    # An empty compartment would claim that there is nothing, where the model only says nothing.
    filled = [each for each in compartments if each.lines]
    texts, y = _heading_texts(heading)
    rules: list[float] = []
    for each in filled:
        rules.append(y)
        lines, y = _compartment_texts(each, y)
        texts += lines
    widths = [line.width for line in heading] + [width_of(words, SMALL) for each in filled for words in each.lines]
    half = max(LEAST, max(widths) + 2 * INSET, look.room) / 2
    # Wires come in below the heading: the anchor of a box with ports lies in the strip that is left for them.
    up, down, head = (y + PORT_STRIP, PORT_STRIP, y - 4.0) if look.room else (y / 2, y / 2, 0.0)
    cell = Cell(
        key=element.id, row=at[0], column=at[1], left=half, right=half, up=up, down=down, head=head, figure=look.figure
    )
    node = Node(
        id=element.id,
        figure=look.figure,
        box=Box(0, 0, 2 * half, y),
        title=told(element),
        element=element.id,
        role=look.role,
        texts=tuple(texts),
        rules=tuple(rules),
    )
    return Piece(cell, node, hangs=True)


def _heading_texts(heading: Sequence[Line]) -> tuple[list[Text], float]:
    """Return the lines of a heading, and where it ends."""
    texts: list[Text] = []
    y = AIR
    for line in heading:
        base = Point(0, y + ASCENT * line.size + 1)
        texts.append(Text(line.words, base, line.size, Anchor.MIDDLE, line.bold, line.role))
        y += line.size * LINE
    return texts, y + AIR - 1


def _compartment_texts(each: Compartment, y: float) -> tuple[list[Text], float]:
    """Return the lines of a compartment that begins at a height, and where it ends."""
    texts: list[Text] = []
    if each.title:
        texts.append(Text(each.title, Point(0, y + 3 + TITLE), TITLE, Anchor.MIDDLE, role=Role.QUIET))
        y += 3 + TITLE * LINE
    y += 3
    for words in each.lines:
        texts.append(Text(words, Point(INSET, y + ASCENT * SMALL + 1), SMALL))
        y += SMALL * LINE
    return texts, y + AIR - 2


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


def with_sockets(scene: Scene, laid: Laid, strands: Sequence[Strand], gates: Mapping[tuple[str, str], Gate]) -> Scene:
    """Put the ports of all wires on the borders of their nodes, each with its name inside; wires end at them."""
    spots: dict[tuple[str, str, Side], list[Point]] = {}
    for each in strands:
        points = laid.points[each.link.key]
        for pin, at in zip(laid.ends[each.link.key], (points[0], points[-1]), strict=True):
            # Several wires may end at one port: it is drawn once, around all of their ends.
            if pin.port:
                spots.setdefault((pin.key, pin.port, pin.side), []).append(at)
    sockets, texts = [], {node.id: list(node.texts) for node in scene.nodes}
    for (owner, port, side), places in spots.items():
        gate = gates[owner, port]
        for index, group in enumerate(_together(owner, port, side, places, spots)):
            box = _socket_box(group)
            # Where another port lies between, a port is drawn in pieces, and each piece needs a name of its own.
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
    wires = tuple(_ending_outside(wire, laid) for wire in scene.wires)
    return replace(scene, nodes=nodes, sockets=(*scene.sockets, *sockets), wires=wires)


def _together(
    owner: str, port: str, side: Side, places: Sequence[Point], spots: dict[tuple[str, str, Side], list[Point]]
) -> list[list[Point]]:
    """Break the places of a port into groups that no other port of the same side parts."""
    others = [
        at for (key, name, where), ats in spots.items() if (key, where) == (owner, side) and name != port for at in ats
    ]
    groups: list[list[Point]] = []
    # At one side all places have the same x or the same y, so points sort in the order along the side.
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
    # Ports lie on the left or the right only: the layouts with ports let no wire with one use another side.
    base = box.middle.y + 0.34 * PORT_SIZE
    if side is Side.LEFT:
        return Text(label, Point(box.right + 4, base), PORT_SIZE, Anchor.START)
    return Text(label, Point(box.x - 4, base), PORT_SIZE, Anchor.END)


def _ending_outside(wire: Wire, laid: Laid) -> Wire:
    ends = laid.ends[wire.id]
    points = list(wire.points)
    for index, pin in ((0, ends[0]), (-1, ends[1])):
        if pin.port:
            out = -SOCKET / 2 if pin.side is Side.LEFT else SOCKET / 2
            points[index] = points[index].moved(out, 0)
    return replace(wire, points=tuple(points))
