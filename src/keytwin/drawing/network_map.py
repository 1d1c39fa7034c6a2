"""The picture of a network: its sites, the relays on the way, the satellites above, and what each line gives.

Whose a place is, is said by a letter and a broken outline, what a line is by its stroke; colour says nothing alone. A
line whose label finds no room goes without: whoever shows the map lists the lines beside it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from string import ascii_uppercase
from types import MappingProxyType
from typing import Final

from keytwin.design.need import MEASURES
from keytwin.design.verdict import show_value
from keytwin.drawing import pictograms
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point, hull, stretch
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.network_layout import Chain, Line, Place, PlaceKind, chains_of, spots
from keytwin.drawing.network_legend import SMALL, STROKES, WIDTH, legend, line_role
from keytwin.drawing.painter import paint
from keytwin.drawing.scene import Figure, Label, Mark, Node, Role, Scene, Stroke, Text, Wire, text_block
from keytwin.drawing.slanted import across, beside, border, meets
from keytwin.drawing.theme import Theme

NAME: Final = 12.0
MOST_WIDE: Final = 120.0  # of a name
RELAY: Final = 26.0  # across
SKY: Final = 150.0  # from a satellite down to the highest site
BOWS: Final = (0.0, 46.0, -46.0, 92.0, -92.0, 138.0, -138.0, 184.0, -184.0)
"""How far the middle of a chain may lie beside the straight line, in the order in which it is tried."""
_ROLES: Final = MappingProxyType(
    {PlaceKind.SITE: Role.STRONG, PlaceKind.RELAY: Role.PLAIN, PlaceKind.SATELLITE: Role.NATURE_5}
)


def draw_network(places: Sequence[Place], lines: Sequence[Line], title: str, theme: Theme = Theme.AUTO) -> str:
    """Draw the map of a network; equal networks give equal text."""
    return paint(network_map(places, lines, title), theme)


def network_map(places: Sequence[Place], lines: Sequence[Line], title: str) -> Scene:
    """Lay the map of a network out."""
    drawn = _Drawn(places, owner_letters(places))
    ground = [each for each in places if each.kind is not PlaceKind.SATELLITE]
    above = {each.id for each in places} - {each.id for each in ground}
    down = [line for line in lines if not above.isdisjoint(line.ends)]
    # A relay under a satellite is met by its beam, so it has to lie somewhere by itself.
    met = frozenset(end for line in down for end in line.ends if end not in above)
    anchors, chains = chains_of(ground, [line for line in lines if line not in down], met)
    shown = [each for each in ground if each.id in anchors]
    boxes = {each.id: drawn.room(each) for each in shown}
    for name, middle in spots(shown, chains, WIDTH, boxes).items():
        drawn.put(name, middle)
    drawn.put_satellites([each.id for each in places if each.id in above], down)
    for group in _grouped(chains):
        drawn.lay(group)
    for line in down:
        drawn.lay([Chain(line.ends, (), (line,))])
    drawn.label_all()
    return framed(drawn.scene(), kind="network", name="network-map", title=title, about=_about(places, lines))


def owner_letters(places: Sequence[Place]) -> dict[str, str]:
    """Return a letter for each owner but the one that the network is for; after Z come AA, AB ..."""
    owners = sorted({each.owner for each in places} - {""})
    count = len(ascii_uppercase)
    return {
        owner: (ascii_uppercase[at // count - 1] if at >= count else "") + ascii_uppercase[at % count]
        for at, owner in enumerate(owners)
    }


def short_name(place: str) -> str:
    """Return how a relay is called on the map: by its number on its line, where it has one."""
    _, dot, number = place.rpartition(".")
    return number if dot and number.isdigit() else place


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

    places: Sequence[Place]
    letters: Mapping[str, str]
    bunches: dict[str, tuple[str, str]] = field(default_factory=dict)
    """By the first of a chain's relays: how many they are, and the letters of their owners."""
    media: dict[str, None] = field(default_factory=dict)
    """Of the lines that are drawn, in this order."""
    nodes: dict[str, Node] = field(default_factory=dict)
    wires: list[Wire] = field(default_factory=list)
    laid: list[tuple[Chain, Sequence[Point], Sequence[Wire]]] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)

    def place(self, name: str) -> Place:
        return next(each for each in self.places if each.id == name)

    # --- places -----------------------------------------------------------------------------------------------------

    def room(self, place: Place) -> tuple[float, float]:
        """Return the width and height that a place needs."""
        if self._is_small(place):
            return RELAY, RELAY
        texts = self._lines_of(place)
        wide = max(width_of(words, size, bold=bold) for words, size, bold in texts)
        return wide + 24, sum(size * LINE for _, size, _ in texts) + 14

    def put(self, name: str, middle: Point) -> None:
        """Draw a place."""
        place = self.place(name)
        wide, high = self.room(place)
        box = Box(middle.x - wide / 2, middle.y - high / 2, wide, high)
        is_relay = place.kind is PlaceKind.RELAY
        if place.kind is PlaceKind.SATELLITE:
            self.marks += pictograms.satellite(Point(middle.x, box.y - 30), _ROLES[place.kind])
        self.nodes[name] = Node(
            id=name,
            figure=Figure.PILL if is_relay else Figure.ROUND,
            box=box,
            title=self.bunches[name][0] if name in self.bunches else _titled(place),
            element=name,
            role=_ROLES[place.kind],
            stroke=Stroke.DASHED if self.bunches.get(name, ("", place.owner))[1] else Stroke.SOLID,
            texts=self._texts(place, box),
        )

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

    def _is_small(self, place: Place) -> bool:
        return place.kind is PlaceKind.RELAY and place.id not in self.bunches and len(self._mark_of(place)) <= 4

    def _mark_of(self, place: Place) -> str:
        return f"{self.letters.get(place.owner, '')}{short_name(place.id)}"

    def _lines_of(self, place: Place) -> list[tuple[str, float, bool]]:
        if place.id in self.bunches:
            number, owners = self.bunches[place.id]
            return [(number, SMALL, True), *([(owners, SMALL, False)] if owners else [])]
        lines = [(words, NAME, True) for words in wrap(place.id, NAME, MOST_WIDE, bold=True, lines=3)]
        owner = f"{self.letters[place.owner]}: {place.owner}" if place.owner else ""
        return lines + [(words, SMALL, False) for words in wrap(owner, SMALL, MOST_WIDE, lines=2) if words]

    def _texts(self, place: Place, box: Box) -> tuple[Text, ...]:
        if self._is_small(place):
            return text_block([self._mark_of(place)], box.middle, SMALL - 1)
        texts: list[Text] = []
        y = box.y + 7
        for words, size, bold in self._lines_of(place):
            line = text_block([words], Point(box.middle.x, y + size * LINE / 2), size, bold=bold)
            texts += line
            y += size * LINE
        return tuple(texts)

    # --- lines ------------------------------------------------------------------------------------------------------

    def lay(self, group: Sequence[Chain]) -> None:
        """Draw chains between the same two anchors, each on a bow of its own."""
        free = list(BOWS) if len(group) % 2 else [*BOWS[1:], BOWS[0]]
        for chain in map(self._bunched, group):
            bow = next((each for each in free if self._is_free(self._points(chain, each))), free[0])
            if len(free) > 1:
                free.remove(bow)
            self._draw(chain, self._points(chain, bow))

    def _bunched(self, chain: Chain) -> Chain:
        """Return a chain with as many relays as find room side by side: with a bunch of them in its middle, if any."""
        start, end = self._clear(chain.ends)
        room = ((start.x - end.x) ** 2 + (start.y - end.y) ** 2) ** 0.5
        if not chain.inner or room >= (len(chain.inner) + 1) * (RELAY + 6):
            return chain
        owners = sorted({self.place(name).owner for name in chain.inner} - {""})
        self.bunches[chain.inner[0]] = f"{len(chain.inner)} relays", ", ".join(self.letters[each] for each in owners)
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
        wires = [wire for wire in self.wires if wire not in own]
        pieces = [piece for wire in wires for piece in pairwise(wire.points)]
        return (
            box.x >= 0
            and box.right <= WIDTH
            and not any(box.meets(other) for other in taken)
            and not any(meets(one, other, box) for one, other in pieces)
        )

    def scene(self) -> Scene:
        """Return everything, with the legend below."""
        boxes = [node.box for node in self.nodes.values()] + [label.box for label in self.labels]
        boxes += [stretch(*piece) for wire in self.wires for piece in pairwise(wire.points)]
        marks, texts = legend(self.places, self.media, self.letters, (hull(boxes).bottom if boxes else 0.0) + 34)
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


def _titled(place: Place) -> str:
    return f"{place.kind} {place.id}{f', of {place.owner}' if place.owner else ''}"


def _said(lines: Sequence[Line]) -> list[str]:
    """Return what is said of a chain: how long it is, and the key that its scarcest line gives."""
    rate = show_value(MEASURES["key-rate"], min(line.rate for line in lines))
    length = sum(line.length for line in lines)
    reach = [f"{length:.4g} km"] if length else []
    if len(lines) == 1:
        return [*reach, rate]
    return [f"{len(lines)} spans", *reach, f"least: {rate}"]
