"""The picture of a network: its sites, the relays on the way, the satellites above, and what each line gives.

Whose a place is, is said by a letter and a broken outline, what a line is by its stroke; colour says nothing alone. A
line whose label finds no room goes without: whoever shows the map lists the lines beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from keytwin.design.need import MEASURES
from keytwin.design.verdict import show_value
from keytwin.drawing import pictograms
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point, hull, stretch
from keytwin.drawing.metrics import LINE, width_of
from keytwin.drawing.network_layout import Chain, Line, Place, PlaceKind, chains_of, spots
from keytwin.drawing.network_legend import SMALL, STROKES, WIDTH, legend, line_role
from keytwin.drawing.network_signs import RELAY, ROLES, Signs
from keytwin.drawing.painter import paint
from keytwin.drawing.scene import Figure, Label, Mark, Node, Scene, Stroke, Wire, text_block
from keytwin.drawing.slanted import across, beside, border, meets
from keytwin.drawing.theme import Theme

OVER: Final = 1.0  # px that a label may come over the line that it stands beside
SKY: Final = 150.0  # from a satellite down to the highest site
BOWS: Final = (0.0, 46.0, -46.0, 92.0, -92.0, 138.0, -138.0, 184.0, -184.0)
"""How far the middle of a chain may lie beside the straight line, in the order in which it is tried."""
FARTHER: Final = tuple(side * 46.0 * step for step in range(5, 40) for side in (1, -1))
"""The same, where on each of these a relay would lie upon a place."""


def draw_network(places: Sequence[Place], lines: Sequence[Line], title: str, theme: Theme = Theme.AUTO) -> str:
    """Draw the map of a network; equal networks give equal text."""
    return paint(network_map(places, lines, title), theme)


def network_map(places: Sequence[Place], lines: Sequence[Line], title: str) -> Scene:
    """Lay the map of a network out."""
    drawn = _Drawn(Signs(places))
    above = {each.id for each in places if each.kind is PlaceKind.SATELLITE}
    down = [line for line in lines if not above.isdisjoint(line.ends)]
    _put_ground(drawn, [each for each in places if each.id not in above], lines, down)
    drawn.put_satellites([each.id for each in places if each.id in above], down)
    for line in down:
        drawn.lay([Chain(line.ends, (), (line,))])
    drawn.label_all()
    return framed(drawn.scene(), kind="network", name="network-map", title=title, about=_about(places, lines))


def _put_ground(drawn: _Drawn, ground: Sequence[Place], lines: Sequence[Line], down: Sequence[Line]) -> None:
    """Draw what is on the ground; `down` are the beams that come from above."""
    # A relay under a satellite is met by its beam, so it has to lie somewhere by itself.
    met = frozenset(end for line in down for end in line.ends)
    anchors, chains = chains_of(ground, [line for line in lines if line not in down], met)
    shown = [each for each in ground if each.id in anchors]
    for name, middle in spots(shown, chains, WIDTH, {each.id: drawn.signs.room(each) for each in shown}).items():
        drawn.put(name, middle)
    for group in _grouped(chains):
        drawn.lay(group)


def _about(places: Sequence[Place], lines: Sequence[Line]) -> str:
    counts = Counter(each.kind for each in places)
    told = [f"{number} {kind}{'' if number == 1 else 's'}" for kind, number in counts.items()]
    return f"{', '.join(told)}, joined by {len(lines)} links."


def _grouped(chains: Sequence[Chain]) -> Iterator[list[Chain]]:
    """Give chains between the same two anchors together, those with the fewest relays first."""
    pairs = dict.fromkeys(frozenset(each.ends) for each in chains)
    for pair in sorted(pairs, key=sorted):
        yield sorted((each for each in chains if frozenset(each.ends) == pair), key=lambda each: len(each.inner))


@dataclass(slots=True)
class _Drawn:
    """What is on paper so far."""

    signs: Signs
    media: dict[str, None] = field(default_factory=dict)
    """Of the lines that are drawn, in this order."""
    nodes: dict[str, Node] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    laid: list[tuple[Chain, Sequence[Point], Sequence[Wire]]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    # --- places -----------------------------------------------------------------------------------------------------

    def put(self, name: str, middle: Point) -> None:
        """Draw a place."""
        node = self.nodes[name] = self.signs.node(name, middle)
        if node.role is ROLES[PlaceKind.SATELLITE]:
            self.marks += pictograms.satellite(Point(middle.x, node.box.y - 30), node.role)

    def put_satellites(self, names: Sequence[str], lines: Sequence[Line]) -> None:
        """Draw satellites in a row above everything, each over the sites that it sees."""
        top = min((node.box.y for node in self.nodes.values()), default=0.0)
        seen = {
            name: [end for line in lines if name in line.ends for end in line.ends if end != name] for name in names
        }
        middles = {
            name: sum(self.nodes[end].box.middle.x for end in ends if end in self.nodes) / max(1, len(ends))
            for name, ends in seen.items()
        }
        for index, name in enumerate(sorted(names, key=lambda each: (middles[each], each))):
            self.put(name, Point(WIDTH * (index + 1) / (len(names) + 1), top - SKY))

    # --- lines ------------------------------------------------------------------------------------------------------

    def lay(self, group: Sequence[Chain]) -> None:
        """Draw chains between the same two anchors, each on a bow of its own."""
        free = list(BOWS) if len(group) % 2 else [*BOWS[1:], BOWS[0]]
        for chain in map(self._bunched, group):
            bow = self._bow(chain, free)
            if len(free) > 1 and bow in free:
                free.remove(bow)
            self._draw(chain, self._points(chain, bow))

    def _bow(self, chain: Chain, free: Sequence[float]) -> float:
        """Return the first bow on which a chain meets nothing; in a thicket its lines may, but not its relays."""
        boxes = [node.box for node in self.nodes.values()]

        def lies_apart(bow: float) -> bool:
            return _lie_apart(chain, self._points(chain, bow), boxes)

        on_nothing = (each for each in free if lies_apart(each) and self._is_free(self._points(chain, each)))
        ways = (on_nothing, filter(lies_apart, free), filter(lies_apart, FARTHER))
        return next((bow for bows in ways for bow in bows), free[0])

    def _bunched(self, chain: Chain) -> Chain:
        """Return a chain with as many relays as find room side by side: with a bunch of them in its middle, if any."""
        start, end = self._clear(chain.ends)
        room = ((start.x - end.x) ** 2 + (start.y - end.y) ** 2) ** 0.5
        if not chain.inner or room >= (len(chain.inner) + 1) * (RELAY + 6):
            return chain
        self.signs.bunch(chain.inner)
        return replace(chain, inner=chain.inner[:1])

    def _clear(self, ends: tuple[str, str]) -> tuple[Point, Point]:
        """Return where a straight line between two anchors leaves the one and reaches the other."""
        first, last = ends
        return (
            self._border(first, self.nodes[last].box.middle),
            self._border(last, self.nodes[first].box.middle),
        )

    def _points(self, chain: Chain, bow: float) -> list[Point]:
        """Return where a chain passes: its anchors, and its relays on a bow, or a point on it to bend at."""
        first, last = sorted(chain.ends)
        start, end = self._clear((first, last))
        steps = len(chain.inner) + 1 if chain.inner or not bow else 2
        normal = across(start, end)
        points = [self.nodes[first].box.middle]
        for at in range(1, steps):
            rise = bow * 4 * at * (steps - at) / steps**2
            share = at / steps
            level = Point(start.x + (end.x - start.x) * share, start.y + (end.y - start.y) * share)
            points.append(level.moved(normal.x * rise, normal.y * rise))
        points.append(self.nodes[last].box.middle)
        return points if chain.ends[0] == first else points[::-1]

    def _is_free(self, points: Sequence[Point]) -> bool:
        """Whether a chain along these points meets nothing but its ends."""
        ends = [self.nodes[name].box for name in self.nodes if self.nodes[name].box.middle in (points[0], points[-1])]
        others = [node.box.grown(6) for node in self.nodes.values() if node.box not in ends]
        return not any(meets(one, other, box) for one, other in pairwise(points) for box in others)

    def _draw(self, chain: Chain, points: Sequence[Point]) -> None:
        for name, middle in zip(chain.inner, points[1:-1], strict=False):
            self.put(name, middle)
        own = len(self.wires)
        # Of a bunch only the lines into it and out of it are drawn.
        lines = [*chain.lines[: len(chain.inner)], chain.lines[-1]]
        for (source, target), line, at in zip(chain.hops, lines, range(len(lines)), strict=True):
            way = [points[at], points[at + 1]] if chain.inner else list(points)
            self.wires.append(self._wire(line, source, target, way))
        self.laid.append((chain, points, tuple(self.wires[own:])))

    def label_all(self) -> None:
        """Say of each chain what it gives: once all lines are there, for a label may lie on none of them."""
        for chain, points, own in self.laid:
            label = self._label(chain, points, own)
            if label is not None:
                self.labels.append(label)

    def _wire(self, line: Line, source: str, target: str, way: Sequence[Point]) -> Wire:
        self.media[line.medium] = None
        start = self._border(source, way[1])
        end = self._border(target, way[-2])
        return Wire(
            id=line.id,
            points=(start, *way[1:-1], end),
            source=source,
            target=target,
            title=f"{line.id}: {line.medium}, {', '.join(_said([line]))}",
            element=line.id,
            role=line_role(line.medium),
            stroke=STROKES.get(line.medium, Stroke.DOTTED),
        )

    def _border(self, name: str, outside: Point) -> Point:
        node = self.nodes[name]
        return border(node.box, outside, is_round=node.figure is Figure.PILL and node.box.width == node.box.height)

    def _label(self, chain: Chain, points: Sequence[Point], own: Sequence[Wire]) -> Label | None:
        """Return what is said of a chain at the first place beside it where nothing lies; None without one."""
        said = _said(chain.lines)
        wide, high = max(width_of(words, SMALL) for words in said) + 6, len(said) * SMALL * LINE + 4
        for middle in beside(points, wide, high, RELAY / 2 if chain.inner else 0.0):
            box = Box(middle.x - wide / 2, middle.y - high / 2, wide, high)
            if self._has_room(box, own):
                return Label(wire=own[len(own) // 2].id, lines=text_block(said, box.middle, SMALL), box=box)
        return None

    def _has_room(self, box: Box, own: Sequence[Wire]) -> bool:
        taken = [node.box.grown(3) for node in self.nodes.values()] + [label.box.grown(2) for label in self.labels]
        # Of its own chain it may touch the line that it stands beside, but not lie on it: a chain on a bow comes back.
        pieces = [
            (*piece, box.grown(-OVER) if wire in own else box) for wire in self.wires for piece in pairwise(wire.points)
        ]
        return (
            box.x >= 0
            and box.right <= WIDTH
            and not any(box.meets(other) for other in taken)
            and not any(meets(*piece) for piece in pieces)
        )

    def scene(self) -> Scene:
        """Return everything, with the legend below."""
        boxes = [node.box for node in self.nodes.values()] + [label.box for label in self.labels]
        boxes += [stretch(*piece) for wire in self.wires for piece in pairwise(wire.points)]
        marks, texts = legend(
            self.signs.places, self.media, self.signs.letters, (hull(boxes).bottom if boxes else 0.0) + 34
        )
        return Scene(
            id="",
            title="",
            about="",
            width=0,
            height=0,
            nodes=tuple(self.nodes.values()),
            wires=tuple(self.wires),
            labels=tuple(self.labels),
            marks=(*self.marks, *marks),
            texts=texts,
        )


def _lie_apart(chain: Chain, points: Sequence[Point], boxes: Sequence[Box]) -> bool:
    """Whether the relays of a chain along these points lie upon nobody."""
    relays = [Box(at.x - RELAY / 2, at.y - RELAY / 2, RELAY, RELAY) for at in points[1:-1] if chain.inner]
    return not any(relay.meets(box) for relay in relays for box in boxes)


def _said(lines: Sequence[Line]) -> list[str]:
    """Return what is said of a chain: how long it is, and the key that its scarcest line gives."""
    rate = show_value(MEASURES["key-rate"], min(line.rate for line in lines))
    length = sum(line.length for line in lines)
    reach = [f"{length:.4g} km"] if length else []
    if len(lines) == 1:
        return [*reach, rate]
    return [f"{len(lines)} spans", *reach, f"least: {rate}"]
