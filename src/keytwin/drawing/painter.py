"""Scenes as SVG: equal scenes give equal bytes. No script, no marker, no font file: every renderer shows the same.

Each shape has a `<title>`, told when it is pointed at, and `data-element`, by which a page can tell what was clicked.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from html import escape
from itertools import chain
from typing import Final

from keytwin.drawing import outlines
from keytwin.drawing.geometry import Box, Point, number
from keytwin.drawing.scene import Anchor, Figure, Label, Mark, Node, Role, Scene, Socket, Stroke, Text, Tip, Wire
from keytwin.drawing.theme import INKS, Theme, colour, style_sheet

FONT: Final = "DejaVu Sans,Verdana,Geneva,sans-serif"
FORBIDDEN: Final = re.compile(r"[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
DASHES: Final = {Stroke.SOLID: "", Stroke.DASHED: "6 4", Stroke.DOTTED: "1.5 3.5"}
TIP: Final = 9.0  # length of an arrow head
TIP_HALF: Final = 4.0
HOLLOW: Final = 12.0
HOLLOW_HALF: Final = 7.0
DIAMOND: Final = 16.0
DIAMOND_HALF: Final = 5.0
BEND: Final = 5.0  # radius of a wire's corners
SPACE: Final = 16.0


def paint(scene: Scene, theme: Theme = Theme.AUTO) -> str:
    """Return a scene as the text of an SVG file."""
    return "\n".join([*_head(scene, theme), *_body(scene, theme), "</svg>", ""])


def _head(scene: Scene, theme: Theme) -> Iterator[str]:
    width, height, name = number(scene.width), number(scene.height), quoted(scene.id)
    yield (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="keytwin-drawing" viewBox="0 0 {width} {height}" '
        f'width="{width}" height="{height}" role="img" aria-labelledby="{name}-title {name}-about" '
        f'font-family="{FONT}">'
    )
    yield f'<title id="{name}-title">{quoted(scene.title)}</title>'
    yield f'<desc id="{name}-about">{quoted(scene.about)}</desc>'
    if theme is Theme.AUTO:
        yield f"<style>{style_sheet()}</style>"
    yield f'<rect width="{width}" height="{height}" fill="{colour(theme, "paper")}"/>'


def _body(scene: Scene, theme: Theme) -> Iterator[str]:
    brush = Brush(theme)
    holding = {node.within for node in scene.nodes} | {node.id for node in scene.nodes if node.figure is Figure.FRAME}
    behind = [node for node in scene.nodes if node.id in holding]
    before = [node for node in scene.nodes if node.id not in holding]
    # What holds others comes first, then lines, so that each covers only what is meant to lie behind it.
    yield from chain.from_iterable(map(brush.node, behind))
    yield from (brush.mark(mark) for mark in scene.marks if not mark.is_above)
    yield from chain.from_iterable(map(brush.wire, scene.wires))
    yield from chain.from_iterable(map(brush.node, before))
    yield from (brush.mark(mark) for mark in scene.marks if mark.is_above)
    yield from chain.from_iterable(map(brush.socket, scene.sockets))
    yield from chain.from_iterable(map(brush.label, scene.labels))
    yield from map(brush.text, scene.texts)


class Brush:
    """Paints one thing after another in one theme."""

    def __init__(self, theme: Theme) -> None:
        self.theme = theme

    def ink(self, role: Role) -> str:
        """Return the colour of text."""
        return colour(self.theme, INKS[role][0])

    def line(self, role: Role) -> str:
        """Return the colour of lines."""
        return colour(self.theme, INKS[role][1])

    def area(self, role: Role) -> str:
        """Return the colour of areas."""
        return colour(self.theme, INKS[role][2])

    def node(self, node: Node) -> Iterator[str]:
        """Paint a node with its text."""
        yield f'<g data-element="{quoted(node.element)}" data-node="{quoted(node.id)}">'
        yield f"<title>{quoted(node.title)}</title>"
        yield from self._shape(node)
        if node.header:
            yield self._header(node)
        for rule in node.rules:
            yield self._stroked(f"M{number(node.box.x)} {number(rule)}H{number(node.box.right)}", node.role)
        yield from (self.text(text, node.role) for text in node.texts)
        yield "</g>"

    def _shape(self, node: Node) -> Iterator[str]:
        box, fill, line = node.box, self.area(node.role), self.line(node.role)
        match node.figure:
            case Figure.OPEN:
                return
            case Figure.DISC:
                yield circle(box.middle, box.width / 2, f'fill="{line}"')
            case Figure.BULLSEYE:
                yield circle(
                    box.middle,
                    box.width / 2 - 0.6,
                    f'fill="{self.area(Role.QUIET)}" stroke="{line}" stroke-width="1.2"',
                )
                yield circle(box.middle, box.width / 2 - 4.5, f'fill="{line}"')
            case Figure.BAR:
                yield f'<path d="{outlines.of(node.figure, box)}" fill="{line}"/>'
            case _:
                weight = "1.8" if node.role is Role.CHOSEN else "1.2"
                dash = f' stroke-dasharray="{DASHES[node.stroke]}"' if DASHES[node.stroke] else ""
                look = f'fill="{fill}" stroke="{line}" stroke-width="{weight}"{dash} stroke-linejoin="round"'
                yield f'<path d="{outlines.of(node.figure, box)}" {look}/>'

    def _header(self, node: Node) -> str:
        box = Box(node.box.x, node.box.y, node.box.width, node.header)
        outline = outlines.of(Figure.OPEN, box)
        return f'<path d="{outline}" fill="{self.area(Role.HEADER)}" stroke="{self.line(node.role)}" stroke-width="1"/>'

    def socket(self, socket: Socket) -> Iterator[str]:
        """Paint a port with its arrow."""
        yield f'<g data-element="{quoted(socket.element)}" data-port="{quoted(socket.id)}">'
        yield f"<title>{quoted(socket.title)}</title>"
        look = f'fill="{self.area(socket.role)}" stroke="{self.line(socket.role)}" stroke-width="1.2"'
        yield rectangle(socket.box, look)
        for path in outlines.ways(socket):
            yield self._stroked(path, socket.role, 1.2)
        yield "</g>"

    def wire(self, wire: Wire) -> Iterator[str]:
        """Paint a wire and what stands at its ends."""
        yield f'<g data-element="{quoted(wire.element)}" data-wire="{quoted(wire.id)}">'
        yield f"<title>{quoted(wire.title)}</title>"
        points = list(wire.points)
        # The tips come before the line is painted although they lie over it: they shorten it, in place.
        tips = [
            self._tip(points, wire.tip, wire.role, at_end=True),
            self._tip(points, wire.tail, wire.role, at_end=False),
        ]
        yield self._stroked(rounded(points), wire.role, 1.4, wire.stroke)
        yield from (tip for tip in tips if tip)
        yield "</g>"

    def _tip(self, points: list[Point], tip: Tip, role: Role, *, at_end: bool) -> str:
        """Paint what stands at one end, and shorten the line so that it does not show through."""
        if tip is Tip.NONE:
            return ""
        end, before = (points[-1], points[-2]) if at_end else (points[0], points[1])
        away = _direction(before, end)
        line = self.line(role)
        match tip:
            case Tip.FILLED:
                shape, length, fill = head(end, away, TIP, TIP_HALF), TIP - 1, line
            case Tip.HOLLOW:
                shape, length, fill = head(end, away, HOLLOW, HOLLOW_HALF), HOLLOW, colour(self.theme, "paper")
            case Tip.OWNS:
                shape, length, fill = lozenge(end, away), DIAMOND, line
            case _:
                return self._stroked(barbs(end, away), role, 1.4)
        points[-1 if at_end else 0] = Point(end.x - away.x * length, end.y - away.y * length)
        return f'<path d="{shape}" fill="{fill}" stroke="{line}" stroke-width="1.2" stroke-linejoin="round"/>'

    def label(self, label: Label) -> Iterator[str]:
        """Paint text beside a wire, with some paper behind it."""
        backing = f'fill="{colour(self.theme, "paper")}" fill-opacity="0.88"'
        yield rectangle(label.box, backing)
        yield from (self.text(text) for text in label.lines)

    def mark(self, mark: Mark) -> str:
        """Paint a line or an area without meaning of its own."""
        path = path_of(mark.path)
        if mark.is_filled:
            look = f'fill="{self.area(mark.role)}" stroke="{self.line(mark.role)}" stroke-width="{number(mark.weight)}"'
            return f'<path d="{path}" {look} stroke-linejoin="round"/>'
        return self._stroked(path, mark.role, mark.weight, mark.stroke)

    def text(self, text: Text, inherited: Role = Role.PLAIN) -> str:
        """Paint a line of text as long as it was measured."""
        role = inherited if text.role is Role.PLAIN else text.role
        anchor = "" if text.anchor is Anchor.START else f' text-anchor="{text.anchor}"'
        weight = ' font-weight="bold"' if text.bold else ""
        fitted = f' textLength="{number(text.width)}" lengthAdjust="spacingAndGlyphs"' if len(text.words) > 1 else ""
        return (
            f'<text x="{number(text.at.x)}" y="{number(text.at.y)}" '
            f'font-size="{number(text.size)}"{weight}{anchor}{fitted} '
            f'fill="{self.ink(role)}">{quoted(text.words)}</text>'
        )

    def _stroked(self, path: str, role: Role, weight: float = 1.0, stroke: Stroke = Stroke.SOLID) -> str:
        dash = f' stroke-dasharray="{DASHES[stroke]}"' if DASHES[stroke] else ""
        cap = ' stroke-linecap="round"' if stroke is not Stroke.DASHED else ""
        return (
            f'<path d="{path}" fill="none" stroke="{self.line(role)}" stroke-width="{number(weight)}"{dash}{cap} '
            f'stroke-linejoin="round"/>'
        )


def quoted(text: str) -> str:
    """Escape text for SVG; what XML cannot hold at all becomes the sign for an unknown letter."""
    return escape(FORBIDDEN.sub("\ufffd", text), quote=True)


def path_of(parts: Iterable[str | float]) -> str:
    """Return the words and numbers of a path as SVG writes them."""
    return " ".join(part if isinstance(part, str) else number(part) for part in parts)


def rectangle(box: Box, look: str) -> str:
    """Return a rectangle."""
    place = f'x="{number(box.x)}" y="{number(box.y)}" width="{number(box.width)}" height="{number(box.height)}"'
    return f"<rect {place} {look}/>"


def circle(middle: Point, radius: float, look: str) -> str:
    """Return a circle."""
    return f'<circle cx="{number(middle.x)}" cy="{number(middle.y)}" r="{number(radius)}" {look}/>'


def rounded(points: list[Point]) -> str:
    """Return a path through points, its corners rounded."""
    words: list[str | float] = ["M", *points[0]]
    for before, corner, after in zip(points, points[1:], points[2:], strict=False):
        # Two corners share the piece between them, so each may take half of it at most.
        radius = min(BEND, _distance(before, corner) / 2, _distance(corner, after) / 2)
        start, end = _direction(corner, before), _direction(corner, after)
        words += ["L", corner.x + start.x * radius, corner.y + start.y * radius]
        words += ["Q", *corner, corner.x + end.x * radius, corner.y + end.y * radius]
    return path_of([*words, "L", *points[-1]])


def head(end: Point, away: Point, length: float, half: float) -> str:
    """Return a triangle that points `away`."""
    base, across = Point(end.x - away.x * length, end.y - away.y * length), Point(-away.y * half, away.x * half)
    return path_of(
        ["M", *end, "L", base.x + across.x, base.y + across.y, "L", base.x - across.x, base.y - across.y, "Z"]
    )


def barbs(end: Point, away: Point) -> str:
    """Return an open arrow head."""
    base, across = Point(end.x - away.x * TIP, end.y - away.y * TIP), Point(-away.y * TIP_HALF, away.x * TIP_HALF)
    return path_of(["M", base.x + across.x, base.y + across.y, "L", *end, "L", base.x - across.x, base.y - across.y])


def lozenge(end: Point, away: Point) -> str:
    """Return the diamond of a composition."""
    middle, tail = (Point(end.x - away.x * length, end.y - away.y * length) for length in (DIAMOND / 2, DIAMOND))
    across = Point(-away.y * DIAMOND_HALF, away.x * DIAMOND_HALF)
    corners: list[str | float] = [
        "L",
        middle.x + across.x,
        middle.y + across.y,
        "L",
        *tail,
        "L",
        middle.x - across.x,
        middle.y - across.y,
    ]
    return path_of(["M", *end, *corners, "Z"])


def _distance(first: Point, second: Point) -> float:
    return float(((first.x - second.x) ** 2 + (first.y - second.y) ** 2) ** 0.5)


def _direction(start: Point, end: Point) -> Point:
    length = _distance(start, end) or 1.0
    return Point((end.x - start.x) / length, (end.y - start.y) / length)
