"""From pieces and strands to a scene: what the layouts on a grid have in common."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.model import Carried, Element, Item, Model
from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.grid import Laid, Spacing, lay
from keytwin.drawing.lattice import Cell, Link, any_side
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.scene import Anchor, Figure, Label, Node, Role, Scene, Text, Tip, Wire, moved_texts, text_block

SIZE: Final = 12.0
SMALL: Final = 11.0
PAD: Final = 12.0
LABEL_WIDTH: Final = 150.0
NATURES: Final = (Role.NATURE_1, Role.NATURE_2, Role.NATURE_3, Role.NATURE_4, Role.NATURE_5)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a node's text, before it has a place."""

    words: str
    size: float = SIZE
    bold: bool = False
    role: Role = Role.PLAIN

    @property
    def width(self) -> float:
        """By the shipped metrics."""
        return width_of(self.words, self.size, bold=self.bold)


@dataclass(frozen=True, slots=True)
class Piece:
    """A node and the room that it wants; the places of its text are measured from its anchor."""

    cell: Cell
    node: Node
    hangs: bool = False
    """Whether its text is measured from the top of its box instead: x from the left, the middle or the right by its
    anchor."""


@dataclass(frozen=True, slots=True)
class Strand:
    """A wire that is wanted, how it looks, and the text beside it."""

    link: Link
    wire: Wire
    lines: tuple[str, ...] = ()


def told(element: Element) -> str:
    """Return what a thing says of itself when it is pointed at: its name, what it is, and who asked for it."""
    reasons = ", ".join((*element.because, *element.rules))
    return element.name + (f": {element.about}" if element.about else "") + (f" (by {reasons})" if reasons else "")


def nature_roles(model: Model) -> Mapping[str, Role]:
    """Give each nature of the model a colour, in the order in which they come."""
    # More natures than colours share them: what flows also stands beside each wire in words.
    natures = dict.fromkeys(item.nature for item in model.all(Item))
    return {nature: NATURES[index % len(NATURES)] for index, nature in enumerate(natures)}


def role_of_items(model: Model, carried: Sequence[Carried]) -> Role:
    """Return the colour of what flows; the plain one for nothing."""
    roles = nature_roles(model)
    found = [roles[model.get(each.item, Item).nature] for each in carried if each.item in model]
    # A wire has one colour; where it carries several things, the first of them gives it.
    return found[0] if found else Role.PLAIN


def name_of(model: Model, wanted: str) -> str:
    """Return the name of an element; one that is not there is called by its identifier."""
    found = next((each for each in model if each.id == wanted), None)
    return found.name if found else wanted


def centred(lines: Sequence[Line], middle: Point = Point(0, 0)) -> tuple[Text, ...]:  # noqa: B008  # a tuple
    """Return lines one below the other, centred about a point."""
    heights = [line.size * LINE for line in lines]
    top = middle.y - sum(heights) / 2
    placed = []
    for line, height in zip(lines, heights, strict=True):
        # Half of ascent less descent, both of `metrics`: so far below the middle of a line lies its base.
        base = top + height / 2 + 0.26 * line.size
        placed.append(Text(line.words, Point(middle.x, base), line.size, Anchor.MIDDLE, line.bold, line.role))
        top += height
    return tuple(placed)


def box_piece(
    element: Element,
    lines: Sequence[Line],
    *,
    at: tuple[int, int],
    figure: Figure = Figure.ROUND,
    least: tuple[float, float] = (96.0, 36.0),
    key: str = "",
) -> Piece:
    """Return a box around centred lines, in a row and a column."""
    # Points and notches take from the room for text.
    slant = {Figure.SEND: 14.0, Figure.ACCEPT: 14.0}.get(figure, 0.0)
    width = max(least[0], max(line.width for line in lines) + 2 * PAD + 2 * slant)
    height = max(least[1], sum(line.size * LINE for line in lines) + PAD + 2)
    name = key or element.id
    cell = Cell(
        key=name,
        row=at[0],
        column=at[1],
        left=width / 2,
        right=width / 2,
        up=height / 2,
        down=height / 2,
        figure=figure,
    )
    node = Node(
        id=name,
        figure=figure,
        box=Box(-width / 2, -height / 2, width, height),
        title=told(element),
        element=element.id,
        texts=centred(lines),
    )
    return Piece(cell, node)


def dot_piece(element: Element, figure: Figure, size: tuple[float, float], at: tuple[int, int], key: str = "") -> Piece:
    """Return a figure without text."""
    width, height = size
    name = key or element.id
    cell = Cell(
        key=name,
        row=at[0],
        column=at[1],
        left=width / 2,
        right=width / 2,
        up=height / 2,
        down=height / 2,
        figure=figure,
    )
    node = Node(
        id=name, figure=figure, box=Box(-width / 2, -height / 2, width, height), title=told(element), element=element.id
    )
    return Piece(cell, node)


def name_lines(words: str, most: float = 140.0, *, bold: bool = False) -> list[Line]:
    """Return a name in lines."""
    return [Line(line, SIZE, bold) for line in wrap(words, SIZE, most, bold=bold)]


def label_lines(words: str, most: float = LABEL_WIDTH) -> tuple[str, ...]:
    """Return a label in lines; nothing for no words."""
    return tuple(wrap(words, SMALL, most)) if words else ()


def label_size(lines: Sequence[str]) -> tuple[float, float]:
    """Return the room that a label wants."""
    if not lines:
        return 0.0, 0.0
    return max(width_of(line, SMALL) for line in lines) + 2.0, len(lines) * SMALL * LINE


def strand(
    wire: Wire,
    *,
    leaves: Mapping[Side, float] | None = None,
    enters: Mapping[Side, float] | None = None,
    ports: tuple[str, str] = ("", ""),
    lines: tuple[str, ...] = (),
) -> Strand:
    """Return a wire that is wanted."""
    link = Link(
        key=wire.id,
        source=wire.source,
        target=wire.target,
        leaves=leaves or any_side(),
        enters=enters or any_side(),
        source_port=ports[0],
        target_port=ports[1],
        bundle=wire.bundle,
        label=label_size(lines),
    )
    return Strand(link, wire, lines)


def wire_between(key: str, source: str, target: str, title: str, element: str = "") -> Wire:
    """Return a plain wire that has no way yet."""
    return Wire(id=key, points=(), source=source, target=target, title=title, element=element, tip=Tip.ARROW)


def composed(pieces: Sequence[Piece], strands: Sequence[Strand], spacing: Spacing | None = None) -> tuple[Scene, Laid]:
    """Lay pieces and strands out and return them as a scene without title or frame."""
    laid = lay([piece.cell for piece in pieces], [each.link for each in strands], spacing)
    scene = Scene(
        id="",
        title="",
        about="",
        width=0,
        height=0,
        nodes=tuple(settled(piece, laid.boxes[piece.cell.key]) for piece in pieces),
        wires=tuple(replace(each.wire, points=laid.points[each.link.key]) for each in strands),
        labels=tuple(label_at(each, laid.labels[each.link.key]) for each in strands if each.link.key in laid.labels),
    )
    return scene, laid


def settled(piece: Piece, box: Box) -> Node:
    """Return a node at its place; one that has grown keeps its text in the middle."""
    node = piece.node
    if not piece.hangs:
        return replace(node, box=box, texts=moved_texts(node.texts, box.middle.x, box.middle.y))
    lefts = {Anchor.START: box.x, Anchor.MIDDLE: box.middle.x, Anchor.END: box.right}
    texts = tuple(replace(text, at=text.at.moved(lefts[text.anchor], box.y)) for text in node.texts)
    return replace(node, box=box, texts=texts, rules=tuple(rule + box.y for rule in node.rules))


def label_at(each: Strand, box: Box) -> Label:
    """Return the text beside a wire at its place."""
    lines = text_block(list(each.lines), box.middle, SMALL)
    coloured = each.wire.role if each.wire.role is not Role.PLAIN else Role.QUIET
    return Label(wire=each.wire.id, lines=tuple(replace(line, role=coloured) for line in lines), box=box)


Layout = Callable[..., Scene]
