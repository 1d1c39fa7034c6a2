"""Where the places of a network lie on paper: by their coordinates, or on a ring in an order with short ways.

Nothing is left to springs or chance: equal networks give equal drawings. What joins two lines and does nothing else, a
relay on the way, is no place of its own here but part of a chain.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import combinations, pairwise, permutations
from math import cos, pi, radians, sin
from typing import Final

from keytwin.drawing.geometry import Box, Point, hull

FEW: Final = 7  # anchors of which every order on the ring is tried: 720 of them
ROUNDS: Final = 12  # of exchanging two anchors, with more of them
PUSHES: Final = 400  # until boxes that lie upon one another are apart, or stay
APART: Final = 26.0  # between two boxes


class PlaceKind(StrEnum):
    """What a place is to the network."""

    SITE = "site"
    RELAY = "relay"
    SATELLITE = "satellite"


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the network; an `owner` of "" is whoever the network is for."""

    id: str
    kind: PlaceKind
    owner: str = ""
    position: tuple[float, float] | None = None
    """Degrees north and east."""


@dataclass(frozen=True, slots=True)
class Line:
    """A link of the network; `rate` in bits of key a second, `length` in kilometres, 0 where there is none."""

    id: str
    ends: tuple[str, str]
    medium: str
    length: float
    rate: float


@dataclass(frozen=True, slots=True)
class Chain:
    """Links one after the other from anchor to anchor, with the relays between them: often none."""

    ends: tuple[str, str]
    inner: tuple[str, ...]
    lines: tuple[Line, ...]

    @property
    def hops(self) -> tuple[tuple[str, str], ...]:
        """Its places two by two, in the order of its lines."""
        return tuple(pairwise((self.ends[0], *self.inner, self.ends[1])))


def chains_of(
    places: Sequence[Place], lines: Sequence[Line], kept: frozenset[str] = frozenset()
) -> tuple[tuple[str, ...], tuple[Chain, ...]]:
    """Return the places that are drawn where they lie, and the chains between them; what is `kept` is in no chain."""
    while True:
        anchors, chains = _chained(places, lines, kept)
        loops = {chain.inner[len(chain.inner) // 2] for chain in chains if chain.inner and len({*chain.ends}) == 1}
        if not loops:
            return anchors, chains
        # A way that ends where it began has no length on paper: its middle gets a place of its own.
        kept |= loops


def _chained(
    places: Sequence[Place], lines: Sequence[Line], kept: frozenset[str]
) -> tuple[tuple[str, ...], tuple[Chain, ...]]:
    touching: dict[str, list[Line]] = defaultdict(list)
    for line in lines:
        for end in line.ends:
            touching[end].append(line)
    passed = {each.id for each in places if each.id not in kept and _is_passed(each, touching[each.id])}
    anchors = [each.id for each in places if each.id not in passed]
    used: set[str] = set()
    chains = _walked(anchors, touching, passed, used)
    for each in places:
        # A ring of nothing but relays has no anchor to begin at: its first place becomes one.
        if each.id in passed and not any(line.id in used for line in touching[each.id]):
            passed.discard(each.id)
            anchors.append(each.id)
            chains += _walked([each.id], touching, passed, used)
    return tuple(anchors), tuple(chains)


def _is_passed(place: Place, lines: Sequence[Line]) -> bool:
    others = {end for line in lines for end in line.ends} - {place.id}
    # Two lines to the same neighbour make no way through.
    return place.kind is PlaceKind.RELAY and place.position is None and len(lines) == len(others) == 2


def _walked(
    anchors: Iterable[str], touching: Mapping[str, Sequence[Line]], passed: set[str], used: set[str]
) -> list[Chain]:
    """Follow each unused line from each anchor to the next anchor."""
    found = []
    for start in anchors:
        for first in touching[start]:
            if first.id in used:
                continue
            at, line, way, inner = start, first, [first], []
            used.add(first.id)
            while (at := line.ends[line.ends[0] == at]) in passed:
                inner.append(at)
                line = next(each for each in touching[at] if each.id != line.id)
                way.append(line)
                used.add(line.id)
            found.append(Chain((start, at), tuple(inner), tuple(way)))
    return found


# --- where anchors lie ----------------------------------------------------------------------------------------------


def spots(
    anchors: Sequence[Place], chains: Sequence[Chain], width: float, boxes: Mapping[str, tuple[float, float]]
) -> dict[str, Point]:
    """Return the middle of each anchor on paper of some width; `boxes` are the widths and heights they need."""
    names = [each.id for each in anchors]
    known = {each.id: each.position for each in anchors if each.position is not None}
    if len(names) < 2:
        return {name: Point(width / 2, 0) for name in names}
    if len(known) == len(names) and len(set(known.values())) > 1:
        return _separated(_projected(known, width - max(each[0] for each in boxes.values())), width, boxes)
    return _separated(_on_ring(names, chains, width - max(each[0] for each in boxes.values())), width, boxes)


def _projected(known: Mapping[str, tuple[float, float]], width: float) -> dict[str, Point]:
    """Return places as on a map, equirectangular about their middle, as wide as there is room and not too high."""
    west = _west(sorted(east for _, east in known.values()))
    shrunk = cos(radians(sum(north for north, _ in known.values()) / len(known)))
    plain = {name: Point(((east - west) % 360) * shrunk, -north) for name, (north, east) in known.items()}
    box = hull(Box(*point, 0, 0) for point in plain.values())
    most = 0.4 * width
    scale = min(width / (box.width or 1e-9), most / (box.height or 1e-9))
    return {name: Point((point.x - box.middle.x) * scale + width / 2, point.y * scale) for name, point in plain.items()}


def _west(easts: Sequence[float]) -> float:
    """Return the meridian at which a map begins: after the widest stretch without a place, across 180 if need be."""
    gaps = [(after - before, after) for before, after in pairwise(easts)]
    return max([(easts[0] + 360 - easts[-1], easts[0]), *gaps])[1]


def _on_ring(names: Sequence[str], chains: Sequence[Chain], width: float) -> dict[str, Point]:
    """Return places on an ellipse; one that all others are joined to lies in the middle."""
    joined = {frozenset(chain.ends) for chain in chains}
    hubs = [hub for hub in names if all(frozenset((hub, each)) in joined for each in names if each != hub)]
    if len(names) == 2:
        return {names[0]: Point(0, 0), names[1]: Point(width, 0)}
    middle = hubs[0] if len(hubs) == 1 and len(names) > 3 else None
    around = _ordered([each for each in names if each != middle], joined)
    high = min(0.42 * width, 60.0 + 26.0 * len(around))
    found = {
        name: Point(
            width / 2 + width / 2 * sin(2 * pi * place / len(around)), -high * cos(2 * pi * place / len(around))
        )
        for place, name in enumerate(around)
    }
    return found if middle is None else {middle: Point(width / 2, 0), **found}


def _ordered(names: Sequence[str], joined: Iterable[frozenset[str]]) -> list[str]:
    """Return the order around a ring in which joined places are near one another."""
    pairs = [tuple(sorted(pair)) for pair in joined if len(pair) == 2 and pair <= set(names)]
    pairs.sort()

    def length(order: Sequence[str]) -> int:
        at = {name: place for place, name in enumerate(order)}
        steps = [abs(at[one] - at[other]) for one, other in pairs]
        return sum(min(step, len(order) - step) for step in steps)

    if len(names) <= FEW:
        return min(([names[0], *rest] for rest in permutations(names[1:])), key=length)
    order = list(names)
    for _ in range(ROUNDS):
        before = length(order)
        for one, other in combinations(range(len(order)), 2):
            changed = list(order)
            changed[one], changed[other] = changed[other], changed[one]
            if length(changed) < length(order):
                order = changed
        if length(order) == before:
            break
    return order


def _separated(
    middles: Mapping[str, Point], width: float, boxes: Mapping[str, tuple[float, float]]
) -> dict[str, Point]:
    """Push boxes that lie upon one another apart, the shorter way, and keep them between left and right."""
    margin = max(wide for wide, _ in boxes.values()) / 2
    found = {name: point.moved(margin, 0) for name, point in middles.items()}
    for _ in range(PUSHES):
        is_still = True
        for one, other in combinations(sorted(found), 2):
            across = (boxes[one][0] + boxes[other][0]) / 2 + APART - abs(found[one].x - found[other].x)
            down = (boxes[one][1] + boxes[other][1]) / 2 + APART - abs(found[one].y - found[other].y)
            if across <= 0.01 or down <= 0.01:
                continue
            is_still = False
            # Down and not across where it makes no difference: there is more room below.
            is_across = across < down
            step = Point(across / 2 + 0.1, 0) if is_across else Point(0, down / 2 + 0.1)
            way = -1 if (found[one].x > found[other].x if is_across else found[one].y > found[other].y) else 1
            for name, sign in ((one, -way), (other, way)):
                half = boxes[name][0] / 2
                x = min(width - half, max(half, found[name].x + sign * step.x))
                found[name] = Point(x, found[name].y + sign * step.y)
        if is_still:
            break
    return found
