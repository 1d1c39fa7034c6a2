"""What no drawing may have: functions from a scene to faults, such as "node a lies upon node b"."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import combinations, pairwise

from keytwin.drawing.frame import mark_box
from keytwin.drawing.geometry import Box, Point, Side, hull, stretch
from keytwin.drawing.scene import Figure, Node, Scene, Wire

TOUCH = 1.0  # px that two borders may share
NEAR = 1.0


def faults(scene: Scene) -> list[str]:
    """List all faults of a scene."""
    return [
        *overlapping_nodes(scene),
        *overlapping_labels(scene),
        *wires_through_nodes(scene),
        *merging_wires(scene),
        *loose_wires(scene),
        *loose_sockets(scene),
        *text_outside(scene),
        *outside_frame(scene),
    ]


def ancestors(scene: Scene, node: str) -> set[str]:
    by_id = {each.id: each for each in scene.nodes}
    found: set[str] = set()
    while node in by_id and by_id[node].within:
        node = by_id[node].within
        found.add(node)
    return found


def overlapping_nodes(scene: Scene) -> Iterator[str]:
    around = {node.id: ancestors(scene, node.id) for node in scene.nodes}
    for one, other in combinations(scene.nodes, 2):
        if one.id in around[other.id]:
            inner, outer = other, one
        elif other.id in around[one.id]:
            inner, outer = one, other
        elif one.box.meets(other.box, TOUCH):
            yield f"node {one.id} lies upon node {other.id}"
            continue
        else:
            continue
        if inner.figure is not Figure.DISC and not outer.box.holds(inner.box, TOUCH):
            yield f"node {inner.id} sticks out of {outer.id}"


def overlapping_labels(scene: Scene) -> Iterator[str]:
    solid = [node for node in scene.nodes if node.figure is not Figure.FRAME]
    bundle = {wire.id: wire.bundle or wire.id for wire in scene.wires}
    for one, other in combinations(scene.labels, 2):
        if one.box.meets(other.box, TOUCH):
            yield f"label {said(one.lines)} lies upon label {said(other.lines)}"
    for label in scene.labels:
        for node in solid:
            if label.box.meets(node.box, TOUCH):
                yield f"label {said(label.lines)} lies upon node {node.id}"
        for socket in scene.sockets:
            if label.box.meets(socket.box, TOUCH):
                yield f"label {said(label.lines)} lies upon port {socket.id}"
        for wire in scene.wires:
            if label.wire and bundle[wire.id] == bundle[label.wire]:
                continue
            if any(crosses(*pair, label.box.grown(-TOUCH)) for pair in pairwise(wire.points)):
                yield f"label {said(label.lines)} lies upon wire {wire.id}"


def said(lines: object) -> str:
    assert isinstance(lines, tuple)
    return repr(" ".join(line.words for line in lines))


def wires_through_nodes(scene: Scene) -> Iterator[str]:
    for wire in scene.wires:
        free = {wire.source, wire.target} | ancestors(scene, wire.source) | ancestors(scene, wire.target)
        for node in scene.nodes:
            if node.id in free or node.figure is Figure.FRAME:
                continue
            if any(crosses(*pair, node.box.grown(-NEAR)) for pair in pairwise(wire.points)):
                yield f"wire {wire.id} runs through node {node.id}"
        for end in (wire.source, wire.target):
            inside = next((node.box.grown(-3 - NEAR) for node in scene.nodes if node.id == end), None)
            middle = list(pairwise(wire.points))[1:-1]
            if inside and any(crosses(*pair, inside) for pair in middle) and not is_life(end):
                yield f"wire {wire.id} runs through its own end {end}"


def is_life(node: str) -> bool:
    return node.rpartition("/")[2].startswith("life:")


def merging_wires(scene: Scene) -> Iterator[str]:
    """Two level or two upright pieces that share a stretch of one line."""
    for one, other in combinations(scene.wires, 2):
        if one.bundle and one.bundle == other.bundle:
            continue
        if any(shares(first, second) for first in pairwise(one.points) for second in pairwise(other.points)):
            yield f"wires {one.id} and {other.id} share a stretch"


def shares(first: tuple[Point, Point], second: tuple[Point, Point]) -> bool:
    for level in (True, False):
        spans = []
        for start, end in (first, second):
            across, along = ((start.y, end.y), (start.x, end.x)) if level else ((start.x, end.x), (start.y, end.y))
            if abs(across[0] - across[1]) > 0.01:
                break
            spans.append((across[0], min(along), max(along)))
        if len(spans) == 2 and abs(spans[0][0] - spans[1][0]) < 2.0:
            low, high = max(spans[0][1], spans[1][1]), min(spans[0][2], spans[1][2])
            if high - low > 2.0:
                return True
    return False


def loose_wires(scene: Scene) -> Iterator[str]:
    """Ends that do not touch their node; lifelines and what is drawn as a frame are met where their line is."""
    nodes = {node.id: node for node in scene.nodes}
    for wire in scene.wires:
        for end, point in ((wire.source, wire.points[0]), (wire.target, wire.points[-1])):
            if is_life(end):
                box = nodes[end].box
                if abs(point.x - box.middle.x) > 0.6 or point.y < box.bottom:
                    yield f"wire {wire.id} misses the lifeline {end}"
            elif end.startswith("spot:") or "/spot:" in end:
                if not nodes[end].box.grown(NEAR).holds(Box(*point, 0, 0)):
                    yield f"wire {wire.id} misses {end}"
            elif not touches(point, nodes[end]):
                yield f"wire {wire.id} does not end at {end}"


def touches(point: Point, node: Node) -> bool:
    box, slack = node.box, 8.0  # half a port
    if node.figure in {Figure.DISC, Figure.BULLSEYE}:
        away = ((point.x - box.middle.x) ** 2 + (point.y - box.middle.y) ** 2) ** 0.5
        return bool(abs(away - box.width / 2) < NEAR)
    if node.figure is Figure.DIAMOND:
        share = abs(point.x - box.middle.x) / (box.width / 2) + abs(point.y - box.middle.y) / (box.height / 2)
        return abs(share - 1) < 0.1
    if not box.grown(slack).holds(Box(*point, 0, 0)):
        return False
    edge = min(abs(point.x - box.x), abs(point.x - box.right), abs(point.y - box.y), abs(point.y - box.bottom))
    return edge <= (13.0 if node.figure in {Figure.SEND, Figure.ACCEPT} else slack)


def loose_sockets(scene: Scene) -> Iterator[str]:
    nodes = {node.id: node for node in scene.nodes}
    for socket in scene.sockets:
        box, middle = nodes[socket.owner].box, socket.box.middle
        away = {
            Side.TOP: middle.y - box.y,
            Side.BOTTOM: middle.y - box.bottom,
            Side.LEFT: middle.x - box.x,
            Side.RIGHT: middle.x - box.right,
        }[socket.side]
        if abs(away) > NEAR:
            yield f"port {socket.id} is {away:.1f} off its border"
        span = (socket.box.x, socket.box.right, box.x, box.right)
        if socket.side in {Side.LEFT, Side.RIGHT}:
            span = (socket.box.y, socket.box.bottom, box.y, box.bottom)
        if span[0] < span[2] - NEAR or span[1] > span[3] + NEAR:
            yield f"port {socket.id} reaches over a corner"
    for one, other in combinations(scene.sockets, 2):
        if one.box.meets(other.box, TOUCH):
            yield f"port {one.id} lies upon port {other.id}"


def text_outside(scene: Scene) -> Iterator[str]:
    for node in scene.nodes:
        for text in node.texts:
            if not node.box.holds(text.box, 1.0):
                yield f"text {text.words!r} sticks out of node {node.id}"
        for one, other in combinations(node.texts, 2):
            if one.box.meets(other.box, 3.5):  # the line boxes of two lines may touch, their letters not
                yield f"texts {one.words!r} and {other.words!r} of node {node.id} lie upon one another"
    for label in scene.labels:
        for text in label.lines:
            if not label.box.grown(2.5).holds(text.box):
                yield f"label {text.words!r} sticks out of its room"


def outside_frame(scene: Scene) -> Iterator[str]:
    page = Box(0, 0, scene.width, scene.height)
    things = [(node.id, node.box) for node in scene.nodes] + [(socket.id, socket.box) for socket in scene.sockets]
    things += [(text.words, text.box) for text in scene.texts]
    things += [(said(label.lines), label.box) for label in scene.labels]
    things += [(wire.id, hull(stretch(*pair) for pair in pairwise(wire.points))) for wire in scene.wires]
    things += [("a mark", mark_box(mark)) for mark in scene.marks]
    yield from (f"{name} sticks out of the page" for name, box in things if not page.holds(box))


def crosses(start: Point, end: Point, box: Box) -> bool:
    """Whether a straight line goes through the inside of a box (Liang and Barsky)."""
    if box.width <= 0 or box.height <= 0:
        return False
    first, last = 0.0, 1.0
    dx, dy = end.x - start.x, end.y - start.y
    for step, room in (
        (-dx, start.x - box.x),
        (dx, box.right - start.x),
        (-dy, start.y - box.y),
        (dy, box.bottom - start.y),
    ):
        if step == 0:
            if room <= 0:
                return False
        elif step < 0:
            first = max(first, room / step)
        else:
            last = min(last, room / step)
    return first < last


def bends(wire: Wire) -> int:
    """Count the corners of a wire."""
    return max(0, len(wire.points) - 2)
