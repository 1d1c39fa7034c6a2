"""What a drawing consists of, before it is painted: nodes with text, ports on borders, wires, labels, plain marks.

Every layout ends in a `Scene`, so that one painter and one set of geometric tests serve all kinds of diagram.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum

from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.metrics import ASCENT, DESCENT, width_of


class Figure(StrEnum):
    """Outlines of nodes."""

    BOX = "box"
    ROUND = "round"
    PILL = "pill"
    DIAMOND = "diamond"
    BAR = "bar"
    DISC = "disc"
    BULLSEYE = "bullseye"
    SEND = "send"
    ACCEPT = "accept"
    TRIANGLE = "triangle"
    FRAME = "frame"
    OPEN = "open"
    """Text without an outline."""


class Anchor(StrEnum):
    """Which point of a line of text its place is."""

    START = "start"
    MIDDLE = "middle"
    END = "end"


class Role(StrEnum):
    """What a thing is to the reader: the theme gives each a colour."""

    PLAIN = "plain"
    QUIET = "quiet"
    STRONG = "strong"
    CHOSEN = "chosen"
    FADED = "faded"
    LANE = "lane"
    HEADER = "header"
    REQUIRES = "requires"
    EXCLUDES = "excludes"
    JOINT = "joint"
    GROUND = "ground"
    OUTLINE = "outline"
    LIFELINE = "lifeline"
    NATURE_1 = "nature-1"
    NATURE_2 = "nature-2"
    NATURE_3 = "nature-3"
    NATURE_4 = "nature-4"
    NATURE_5 = "nature-5"


class Stroke(StrEnum):
    """How a line is broken."""

    SOLID = "solid"
    DASHED = "dashed"
    DOTTED = "dotted"


class Tip(StrEnum):
    """What stands at the end of a wire."""

    NONE = "none"
    ARROW = "arrow"
    FILLED = "filled"
    HOLLOW = "hollow"
    """A triangle of generalisation."""
    OWNS = "owns"
    """A filled diamond of composition."""


@dataclass(frozen=True, slots=True)
class Text:
    """One line of text; `at` is on its base line."""

    words: str
    at: Point
    size: float = 12.0
    anchor: Anchor = Anchor.START
    bold: bool = False
    role: Role = Role.PLAIN

    @property
    def width(self) -> float:
        """By the shipped metrics."""
        return width_of(self.words, self.size, bold=self.bold)

    @property
    def box(self) -> Box:
        """What it covers on paper."""
        share = {Anchor.START: 0.0, Anchor.MIDDLE: 0.5, Anchor.END: 1.0}[self.anchor]
        left = self.at.x - share * self.width
        return Box(left, self.at.y - ASCENT * self.size, self.width, (ASCENT + DESCENT) * self.size)


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """A shape that stands for an element. Nodes overlap only when one is inside the other, by `within`."""

    id: str
    figure: Figure
    box: Box
    title: str
    """Told when pointed at, and read aloud."""
    element: str = ""
    within: str = ""
    role: Role = Role.PLAIN
    texts: tuple[Text, ...] = ()
    rules: tuple[float, ...] = ()
    """Where lines from side to side part its compartments."""
    stroke: Stroke = Stroke.SOLID
    """Of its outline: broken for what need not be decided."""
    header: float = 0.0
    """Height of the tinted strip at the top."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Socket:
    """A port: a small box on the border of its owner, with an arrow for the way in which things flow."""

    id: str
    owner: str
    side: Side
    box: Box
    title: str
    element: str = ""
    inward: bool = False
    outward: bool = False
    role: Role = Role.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Wire:
    """A line from node to node."""

    id: str
    points: tuple[Point, ...]
    source: str
    target: str
    title: str
    element: str = ""
    role: Role = Role.PLAIN
    stroke: Stroke = Stroke.SOLID
    tip: Tip = Tip.NONE
    tail: Tip = Tip.NONE
    bundle: str = ""
    """Wires of one bundle may share a trunk, as generalisations to one block do."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Text beside a wire."""

    wire: str
    lines: tuple[Text, ...]
    box: Box


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A line or an area that stands for nothing by itself: a lane's border, a lifeline, an arc, a picture's detail.

    `path` is in the words of SVG: M, L, C, Q and Z with absolute places.
    """

    path: tuple[str | float, ...]
    role: Role = Role.QUIET
    stroke: Stroke = Stroke.SOLID
    is_filled: bool = False
    weight: float = 1.0
    is_above: bool = False
    """Whether it is painted over nodes, not behind them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Scene:
    """A whole drawing."""

    id: str
    title: str
    about: str
    width: float
    height: float
    nodes: tuple[Node, ...] = ()
    sockets: tuple[Socket, ...] = ()
    wires: tuple[Wire, ...] = ()
    labels: tuple[Label, ...] = ()
    marks: tuple[Mark, ...] = ()
    texts: tuple[Text, ...] = ()
    """Headings that belong to no node."""


def moved(scene: Scene, right: float, down: float, prefix: str = "") -> Scene:
    """Return a scene shifted, with its identifiers under a prefix, to be joined with others on one sheet."""
    return replace(
        scene,
        nodes=tuple(_moved_node(each, right, down, prefix) for each in scene.nodes),
        sockets=tuple(
            replace(each, id=prefix + each.id, owner=prefix + each.owner, box=each.box.moved(right, down))
            for each in scene.sockets
        ),
        wires=tuple(
            replace(
                each,
                id=prefix + each.id,
                source=prefix + each.source,
                target=prefix + each.target,
                # An empty name means no bundle at all; a prefix alone would put all wires into one.
                bundle=each.bundle and prefix + each.bundle,
                points=tuple(point.moved(right, down) for point in each.points),
            )
            for each in scene.wires
        ),
        labels=tuple(
            replace(
                each,
                wire=each.wire and prefix + each.wire,
                lines=moved_texts(each.lines, right, down),
                box=each.box.moved(right, down),
            )
            for each in scene.labels
        ),
        marks=tuple(replace(each, path=moved_path(each.path, right, down)) for each in scene.marks),
        texts=moved_texts(scene.texts, right, down),
    )


def moved_texts(texts: tuple[Text, ...], right: float, down: float) -> tuple[Text, ...]:
    """Return lines of text shifted."""
    return tuple(replace(each, at=each.at.moved(right, down)) for each in texts)


def moved_path(path: tuple[str | float, ...], right: float, down: float) -> tuple[str | float, ...]:
    """Return a path shifted: its numbers are x and y by turns."""
    # Holds for words with absolute places in pairs only, which is why `Mark` allows no H, V or A.
    shifted: list[str | float] = []
    count = 0
    for each in path:
        if isinstance(each, str):
            shifted.append(each)
        else:
            shifted.append(each + (down if count % 2 else right))
            count += 1
    return tuple(shifted)


def _moved_node(node: Node, right: float, down: float, prefix: str) -> Node:
    return replace(
        node,
        id=prefix + node.id,
        within=node.within and prefix + node.within,
        box=node.box.moved(right, down),
        texts=moved_texts(node.texts, right, down),
        rules=tuple(rule + down for rule in node.rules),
    )


def text_block(lines: list[str], middle: Point, size: float = 12.0, *, bold: bool = False) -> tuple[Text, ...]:
    """Return lines of text centred about a point."""
    step = size * LINE_STEP
    first = middle.y - step * (len(lines) - 1) / 2 + (ASCENT - DESCENT) * size / 2
    return tuple(
        Text(words, Point(middle.x, first + step * index), size, Anchor.MIDDLE, bold)
        for index, words in enumerate(lines)
    )


LINE_STEP = 1.25
