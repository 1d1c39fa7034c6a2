"""The picture above an OVM that shows what each variation point stands for: paper A, Fig. 3.

What is in the picture follows from what the variation points say they abstract: a word such as "satellite" or "cable"
brings its picture and its place; what no word is known for becomes a box of its own. A configuration brings out what
is chosen, and what is not there fades.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from keytwin.design.variability import Configuration, Ovm, VariationPoint
from keytwin.drawing import pictograms
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.pieces import SMALL
from keytwin.drawing.scene import Figure, Mark, Node, Role, Scene, Text, Wire, text_block
from keytwin.vocabulary.identity import VariationPointId

LEFT: Final = 150.0  # the middle of the left site; the right one lies as far from the right edge
GROUND: Final = 300.0
LEAST_WIDTH: Final = 880.0
DEPTH: Final = 96.0  # of the ground below the sites
BEAM_TOP: Final = 82.0
BEAM_SHARE: Final = 0.45  # of the way down the beam
CALLOUT_GAP: Final = 14.0
LEADER: Final = 34.0  # between a row of callouts and the picture
DOT: Final = 3.5
STATIONS: Final = ("repeater", "relay", "swapping", "centre", "center", "charlie")
"""Words in the name of a variant by which a station stands on the line."""


@dataclass(frozen=True, slots=True)
class _Spot:
    """A place of the picture: by which words it is meant, where it is, and what is drawn there.

    `share` is its x in shares of the width between the sites, from the left one, moved by `shift`.
    """

    words: tuple[str, ...]
    share: float
    shift: float
    y: float
    is_above: bool
    picture: Callable[[Point, Role], list[Mark]] | None = None

    def at(self, width: float) -> Point:
        """Return where it is in a picture of some width."""
        if "beam" in self.words:  # on the beam to the right site
            reach = width / 2 - LEFT - 116
            return Point(width / 2 + BEAM_SHARE * reach, BEAM_TOP + BEAM_SHARE * (GROUND - 30 - BEAM_TOP))
        return Point(LEFT + self.share * (width - 2 * LEFT) + self.shift, self.y)


# The first that fits counts: what is more special comes first.
SPOTS: Final = (
    _Spot(("second way", "another way", "spare"), 0.27, 0, 197.5, is_above=True),
    _Spot(("lock",), 0, -84, GROUND - 16, is_above=False, picture=pictograms.lock),
    _Spot(("name plate",), 1, 88, GROUND - 20, is_above=False, picture=pictograms.plate),
    _Spot(("beam",), 0.72, 0, 132, is_above=True),
    _Spot(("other light",), 0.24, 0, GROUND + 60, is_above=False),
    _Spot(("satellite",), 0.5, 0, 56, is_above=True, picture=pictograms.satellite),
    _Spot(("cable",), 0.74, 0, GROUND + 60, is_above=False),
    _Spot(("sky", "air"), 0.6, 0, GROUND - 50, is_above=True),
    _Spot(("light source", "sender"), 0, 62, GROUND - 40, is_above=True, picture=pictograms.lamp),
    _Spot(("eye", "receiver"), 1, -64, GROUND - 40, is_above=True, picture=pictograms.eye),
    _Spot(("key manager",), 0, 0, GROUND + 34, is_above=False, picture=pictograms.cabinet),
    _Spot(("plug", "application"), 1, 76, GROUND - 54, is_above=True, picture=pictograms.plug),
    _Spot(("control",), 0.68, 0, GROUND, is_above=False, picture=pictograms.desk),
    _Spot(("as a whole",), 0, -100, 60, is_above=True, picture=pictograms.mesh),
    _Spot(("line between",), 0.5, 0, GROUND + 66, is_above=False),
    _Spot(("ends",), 0, 0, GROUND - 88, is_above=True),
)


@dataclass(slots=True)
class _Picture:
    ovm: Ovm
    configuration: Configuration | None
    width: float = LEAST_WIDTH

    def role(self, point: VariationPoint | None) -> Role:
        """Return how what a variation point stands for is shown."""
        if point is None or self.configuration is None:
            return Role.PLAIN
        return Role.CHOSEN if self.chosen(point) else Role.FADED

    def chosen(self, point: VariationPoint) -> list[str]:
        """Return the names of its variants that are chosen."""
        if self.configuration is None:
            return []
        return [each.name for each in self.ovm.variants_of(point.id) if each.id in self.configuration]


@dataclass(frozen=True, slots=True)
class _Callout:
    """What is said of a variation point, and the node that it points at."""

    point: VariationPoint
    target: Node
    lines: tuple[Text, ...]
    width: float
    height: float


def schematic_scene(ovm: Ovm, configuration: Configuration | None = None) -> Scene:
    """Lay the picture of an OVM out."""
    picture = _Picture(ovm, configuration)
    points = [each for each in ovm.points.values() if each.abstracts]
    spots = {each.id: spot for each in points if (spot := spot_of(each.abstracts))}
    others = [each for each in points if each.id not in spots]
    picture.width = _width_of(picture, spots, others)
    scene = Scene(id="", title="", about="", width=0, height=0)
    if spots:
        scene = _with_landscape(picture, scene, spots)
    top = max((node.box.bottom + LEADER for node in scene.nodes), default=0.0)
    boxes = _boxes(picture, others, top)
    scene = replace(scene, nodes=(*scene.nodes, *boxes))
    callouts = [_callout(picture, each, box) for each, box in zip(others, boxes, strict=True)]
    edge = max((node.box.bottom for node in boxes), default=0.0) + LEADER / 2
    scene = _with_row(picture, scene, callouts, edge, is_above=False)
    about = "What the variation points stand for: " + "; ".join(f"{each.name}: {each.abstracts}" for each in points)
    return framed(scene, kind="schematic", name=f"schematic-{ovm.name}", title=ovm.name, about=about)


def _width_of(picture: _Picture, spots: Mapping[VariationPointId, _Spot], others: Sequence[VariationPoint]) -> float:
    """Return the width that the widest row of callouts asks for."""
    rows: dict[bool | None, float] = {}
    for key, spot in spots.items():
        width = _width(picture, picture.ovm.points[key]) + CALLOUT_GAP
        rows[spot.is_above] = rows.get(spot.is_above, 0.0) + width
    rows[None] = sum(max(_width(picture, each), _box_width(each)) + CALLOUT_GAP for each in others)
    return max(LEAST_WIDTH if spots else 0.0, *rows.values())


def _with_landscape(picture: _Picture, scene: Scene, spots: Mapping[VariationPointId, _Spot]) -> Scene:
    """Draw the picture with a row of callouts above it and one below."""
    known = [picture.ovm.points[each] for each in spots]
    # Of several that mean the same place, the first one gives it its look.
    marks = _landscape(picture, {spots[each.id]: each for each in known[::-1]})
    dots = _dots(picture, known, spots)
    scene = replace(scene, marks=tuple(marks), nodes=tuple(dots.values()))
    for is_above, edge in ((True, -LEADER), (False, GROUND + DEPTH + LEADER)):
        row = [each for each in known if spots[each.id].is_above is is_above]
        callouts = [_callout(picture, each, dots[spots[each.id]]) for each in row]
        scene = _with_row(picture, scene, callouts, edge, is_above=is_above)
    return scene


def _dots(
    picture: _Picture, points: Sequence[VariationPoint], spots: Mapping[VariationPointId, _Spot]
) -> dict[_Spot, Node]:
    """Return a dot at each place that is pointed at: several variation points may mean the same place."""
    found: dict[_Spot, Node] = {}
    for point in points:
        at = spots[point.id].at(picture.width)
        role = Role.STRONG if picture.configuration is None else picture.role(point)
        if spots[point.id] in found and role is not Role.CHOSEN:
            continue
        box = Box(at.x - DOT, at.y - DOT, 2 * DOT, 2 * DOT)
        found[spots[point.id]] = Node(
            id=f"spot:{point.id}", figure=Figure.DISC, box=box, title=point.abstracts, element=point.id, role=role
        )
    return found


def spot_of(abstracts: str) -> _Spot | None:
    """Return the place of the picture that some words mean; None when they mean nothing known."""
    words = abstracts.lower()
    return next((spot for spot in SPOTS if any(word in words for word in spot.words)), None)


# --- the landscape --------------------------------------------------------------------------------------------------


def _landscape(picture: _Picture, shown: Mapping[_Spot, VariationPoint]) -> list[Mark]:
    """Draw two sites on the ground, and between and above them what the variation points stand for."""
    points = {spot.words[0]: point for spot, point in shown.items()}
    left, right = Point(LEFT, GROUND), Point(picture.width - LEFT, GROUND)
    ground = pictograms.rectangle(0, GROUND, picture.width, DEPTH)
    marks = [Mark(path=ground, role=Role.GROUND, is_filled=True, weight=0.8)]
    marks += _overhead(picture, points, left, right)
    marks += _underground(picture, points, left, right)
    marks += pictograms.house(left, Role.PLAIN) + pictograms.house(right, Role.PLAIN)
    for spot, point in shown.items():
        if spot.picture is not None:
            role = picture.role(point)
            marks += spot.picture(spot.at(picture.width), role)
            if "key manager" in spot.words:
                marks += spot.picture(Point(right.x, spot.y), role)
    return marks


def _overhead(picture: _Picture, points: Mapping[str, VariationPoint], left: Point, right: Point) -> list[Mark]:
    """Draw beams from the satellite to a ground station at each site, and a second way where there may be one."""
    found: list[Mark] = []
    if "satellite" in points or "beam" in points:
        role = picture.role(points.get("satellite") or points.get("beam"))
        above = Point(picture.width / 2, BEAM_TOP)
        for site, way in ((Point(left.x + 110, GROUND), 1), (Point(right.x - 110, GROUND), -1)):
            found += pictograms.beam(above, Point(site.x + 6 * way, GROUND - 30), role) + pictograms.dish(
                site, role, way
            )
    if "second way" in points:
        role = picture.role(points["second way"])
        found += pictograms.arch(Point(left.x + 30, GROUND - 80), Point(right.x - 30, GROUND - 80), 60, role)
    return found


def _underground(picture: _Picture, points: Mapping[str, VariationPoint], left: Point, right: Point) -> list[Mark]:
    """Draw the cable from house to house, and a station on it where the chosen line has one, or may have one."""
    if not {"cable", "line between", "other light"} & set(points):
        return []
    way = points.get("cable") or points.get("line between")
    start, end = Point(left.x + 26, GROUND + 56), Point(right.x - 26, GROUND + 56)
    risers = [pictograms.line((start.x, GROUND), start), pictograms.line((end.x, GROUND), end)]
    role = picture.role(way)
    found = [Mark(path=each, role=role, weight=3.0) for each in risers] + pictograms.cable(start, end, role)
    between = points.get("line between")
    if between is not None:
        names = picture.chosen(between) or [each.name for each in picture.ovm.variants_of(between.id)]
        if any(word in name.lower() for name in names for word in STATIONS):
            found += pictograms.station(Point(picture.width / 2, GROUND + 66), picture.role(between))
    return found


def _box_width(point: VariationPoint) -> float:
    return max(width_of(line, 12) for line in wrap(point.abstracts, 12, 130)) + 28


def _boxes(picture: _Picture, points: Sequence[VariationPoint], top: float) -> list[Node]:
    """Draw what no picture is known for as boxes in a row, with what they are called."""
    widths = [_box_width(each) for each in points]
    gap = (picture.width - sum(widths)) / (len(points) + 1) if points else 0.0
    found = []
    x = gap
    for point, width in zip(points, widths, strict=True):
        lines = wrap(point.abstracts, 12, 130)
        box = Box(x, top, width, len(lines) * 15 + 22)
        found.append(
            Node(
                id=f"thing:{point.id}",
                figure=Figure.ROUND,
                box=box,
                title=point.abstracts,
                element=point.id,
                role=picture.role(point),
                texts=text_block(lines, box.middle),
            )
        )
        x += width + gap
    return found


# --- callouts -------------------------------------------------------------------------------------------------------


def _lines(picture: _Picture, point: VariationPoint) -> list[tuple[str, float, bool]]:
    """Return what a callout says: the name, then what is chosen, or how much there is to choose from."""
    lines = [(line, 12.0, True) for line in wrap(point.name, 12, 130, bold=True)]
    if picture.configuration is None:
        count = len(picture.ovm.variants_of(point.id))
        return [*lines, (f"{count} variant" + ("s" if count != 1 else ""), SMALL, False)]
    chosen = [f"✓ {name}" for name in picture.chosen(point)] or ["left open"]
    return [*lines, *((line, SMALL, False) for words in chosen for line in wrap(words, SMALL, 130))]


def _width(picture: _Picture, point: VariationPoint) -> float:
    return max(width_of(words, size, bold=bold) for words, size, bold in _lines(picture, point)) + 22


def _callout(picture: _Picture, point: VariationPoint, target: Node) -> _Callout:
    texts, y = [], 5.0
    for words, size, bold in _lines(picture, point):
        texts.append(Text(words, Point(11, y + size * 0.95), size, bold=bold))
        y += size * LINE
    return _Callout(point, target, tuple(texts), _width(picture, point), y + 6)


def _with_row(picture: _Picture, scene: Scene, callouts: Sequence[_Callout], edge: float, *, is_above: bool) -> Scene:
    """Put callouts side by side, each as near as can be to what it points at; `edge` is where their row ends."""
    ordered = sorted(callouts, key=lambda each: each.target.box.middle.x)
    nodes, wires = list(scene.nodes), list(scene.wires)
    for each, left in zip(ordered, _lefts(ordered, picture.width), strict=True):
        box = Box(left, edge - each.height if is_above else edge, each.width, each.height)
        nodes.append(_callout_node(picture, each, box))
        target = each.target.box
        end = target.middle if each.target.figure is Figure.DISC else Point(target.middle.x, target.bottom)
        wires.append(
            Wire(
                id=f"leader:{each.point.id}",
                points=(_start(box, end, scene.nodes, is_above=is_above), end),
                source=each.point.id,
                target=each.target.id,
                title=f"{each.point.name} stands for {each.point.abstracts}",
                element=each.point.id,
                role=Role.QUIET,
            )
        )
    return replace(scene, nodes=tuple(nodes), wires=tuple(wires))


def _start(box: Box, end: Point, nodes: Sequence[Node], *, is_above: bool) -> Point:
    """Return where a leader begins: in the middle of its callout unless it would pass over the dot of another."""
    others = [node.box.middle for node in nodes if node.figure is Figure.DISC and node.box.middle != end]
    y = box.bottom if is_above else box.y
    reach = box.width / 2 - 8
    tries = [Point(box.middle.x + share * reach, y) for share in (0, 0.3, -0.3, 0.6, -0.6, 1, -1)]
    return next((at for at in tries if all(_distance(other, at, end) > 2 * DOT for other in others)), tries[0])


def _distance(point: Point, start: Point, end: Point) -> float:
    """Return how far a point is from a straight line between two others."""
    dx, dy = end.x - start.x, end.y - start.y
    share = ((point.x - start.x) * dx + (point.y - start.y) * dy) / (dx * dx + dy * dy)
    share = min(1.0, max(0.0, share))
    return float(((start.x + share * dx - point.x) ** 2 + (start.y + share * dy - point.y) ** 2) ** 0.5)


def _lefts(callouts: Sequence[_Callout], width: float) -> list[float]:
    """Return where callouts begin: from left to right, then pushed back from the right edge."""
    lefts: list[float] = []
    at = 0.0
    for each in callouts:
        lefts.append(max(at, each.target.box.middle.x - each.width / 2))
        at = lefts[-1] + each.width + CALLOUT_GAP
    end = width
    for index in range(len(callouts) - 1, -1, -1):
        lefts[index] = min(lefts[index], end - callouts[index].width)
        end = lefts[index] - CALLOUT_GAP
    return lefts


def _callout_node(picture: _Picture, each: _Callout, box: Box) -> Node:
    texts = tuple(replace(text, at=text.at.moved(box.x, box.y)) for text in each.lines)
    return Node(
        id=each.point.id,
        figure=Figure.ROUND,
        box=box,
        title=f"{each.point.name} stands for {each.point.abstracts}",
        element=each.point.id,
        role=picture.role(each.point) if picture.configuration else Role.STRONG,
        texts=texts,
    )
