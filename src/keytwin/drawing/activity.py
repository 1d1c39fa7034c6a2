"""Activities with swimlanes: paper A, Fig. 4; SysML v2 8.2.3.17 (`perform-action-swimlanes`), UML 2.5 clause 15."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from keytwin.design.model import Action, ActionKind, ElementId, Flow, Item, JointState, Model, Part
from keytwin.design.views import View
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point, Side
from keytwin.drawing.grid import UPRIGHT, Laid, Spacing
from keytwin.drawing.layers import forward, ordered, ranks, spread
from keytwin.drawing.metrics import width_of, wrap
from keytwin.drawing.pieces import (
    Piece,
    Strand,
    box_piece,
    composed,
    dot_piece,
    label_lines,
    name_lines,
    nature_roles,
    strand,
    told,
    wire_between,
)
from keytwin.drawing.scene import Figure, Mark, Node, Role, Scene, Socket, Stroke, Tip, Wire, text_block

# To leave at the top is as dear as three bends: only what leads back goes up.
LEAVES: Final = {Side.BOTTOM: 0.0, Side.RIGHT: 1.5, Side.LEFT: 1.5, Side.TOP: 9.0}
ENTERS: Final = {Side.TOP: 0.0, Side.RIGHT: 1.5, Side.LEFT: 1.5, Side.BOTTOM: 9.0}
FROM_BAR: Final = {Side.BOTTOM: 0.0, Side.TOP: 8.0}  # a bar is met from above and below only
TO_BAR: Final = {Side.TOP: 0.0, Side.BOTTOM: 8.0}
HEAD: Final = 30.0
GUTTER: Final = 14.0  # between a lane's border and the first wire or node
PIN: Final = 9.0
FIGURES: Final = {
    ActionKind.ACTION: Figure.ROUND,
    ActionKind.SEND: Figure.SEND,
    ActionKind.ACCEPT: Figure.ACCEPT,
}
DOTS: Final = {
    ActionKind.START: (Figure.DISC, (18.0, 18.0)),
    ActionKind.DONE: (Figure.BULLSEYE, (22.0, 22.0)),
    ActionKind.FORK: (Figure.BAR, (72.0, 6.0)),
    ActionKind.JOIN: (Figure.BAR, (72.0, 6.0)),
    ActionKind.DECIDE: (Figure.DIAMOND, (34.0, 26.0)),
    ActionKind.MERGE: (Figure.DIAMOND, (34.0, 26.0)),
}


@dataclass(frozen=True, slots=True)
class _Lane:
    """A lane and the columns it takes."""

    part: Part | None
    first: int
    last: int


def activity(model: Model, view: View) -> Scene:
    """Draw an activity: lanes from left to right, what follows further down."""
    shown = [model.elements[each] for each in view.shown if each in model]
    actions = [each for each in shown if isinstance(each, Action)]
    flows = [each for each in shown if isinstance(each, Flow)]
    flows = [each for each in flows if {each.source, each.target} <= {action.id for action in actions}]
    parts = [each for each in shown if isinstance(each, Part)]
    places, lanes = _places(actions, flows, parts)
    pieces = [_piece(action, places[action.id]) for action in actions]
    strands = [*_strands(model, flows, actions), *_joint_strands(model, view, actions)]
    scene, laid = composed(pieces, strands, _spacing(lanes))
    scene = replace(scene, sockets=tuple(_pins(model, flows, actions, scene, laid)))
    scene = _with_pin_ends(replace(scene, marks=tuple(_rakes(actions, laid))))
    if parts:
        scene = _with_lanes(scene, lanes, laid)
    about = f"Activity of {len(actions)} nodes" + (f" in the lanes {', '.join(p.name for p in parts)}" if parts else "")
    return framed(scene, kind="act", name=view.id, title=view.title, about=about, flush=bool(parts))


def _places(
    actions: Sequence[Action], flows: Sequence[Flow], parts: Sequence[Part]
) -> tuple[dict[ElementId, tuple[int, int]], list[_Lane]]:
    """Give each action a row by what goes before it, and a column in its lane."""
    nodes = [action.id for action in actions]
    edges = [(flow.source, flow.target) for flow in flows]
    # Rows are found over all lanes together: what comes later lies lower, whoever does it.
    rank = ranks(nodes, edges)
    lane_of = _lanes_of(actions, edges, parts)
    rows = ordered(nodes, forward(nodes, edges), rank)
    places: dict[ElementId, tuple[int, int]] = {}
    lanes: list[_Lane] = []
    column = 0
    for lane, part in enumerate(parts or [None]):
        inside = [[node for node in row if lane_of[node] == lane] for row in rows]
        width = max(1, max((len(row) for row in inside), default=1))
        for index, row in enumerate(inside):
            for node, at in zip(row, _columns(row, width, edges, places, column), strict=True):
                places[node] = (index, column + at)
        lanes.append(_Lane(part, column, column + width - 1))
        column += width
    return places, lanes


def _columns(
    row: Sequence[ElementId],
    width: int,
    edges: Sequence[tuple[ElementId, ElementId]],
    places: Mapping[ElementId, tuple[int, int]],
    first: int,
) -> list[int]:
    """Return the columns within a lane: below what goes before where that is in the same lane, else in the middle."""
    if len(row) == width:
        return list(range(width))
    wanted = []
    for node in row:
        above = [places[source][1] - first for source, target in edges if target == node and source in places]
        # What lies in another lane has a column outside of this one and has no say.
        above = [each for each in above if 0 <= each < width]
        wanted.append(sum(above) / len(above) if above else float((width - 1) // 2))
    return spread(wanted, width)


def _lanes_of(
    actions: Sequence[Action], edges: Sequence[tuple[ElementId, ElementId]], parts: Sequence[Part]
) -> dict[ElementId, int]:
    """Return the lane of each action; one without a performer lies where its neighbours do."""
    number = {part.id: index for index, part in enumerate(parts)}
    lanes = {each.id: number[each.performer] for each in actions if each.performer in number}
    open_ends = [each.id for each in actions if each.id not in lanes]
    # A round settles at least one more, or none can be settled any more: a chain may have to be walked backwards.
    for _ in range(len(open_ends) + 1):
        for node in open_ends:
            near = [source for source, target in edges if target == node] + [t for s, t in edges if s == node]
            known = [lanes[each] for each in near if each in lanes]
            if node not in lanes and known:
                lanes[node] = known[0]
    return {each.id: lanes.get(each.id, 0) for each in actions}


def _piece(action: Action, at: tuple[int, int]) -> Piece:
    if action.kind in DOTS:
        figure, size = DOTS[action.kind]
        return dot_piece(action, figure, size, at)
    lines = name_lines(action.name, 130)
    least = (104.0, 46.0 if action.refined_by else 36.0)
    piece = box_piece(action, lines, at=at, figure=FIGURES[action.kind], least=least)
    if action.refined_by:  # room for the rake
        cell = replace(piece.cell, right=piece.cell.right + 10, left=piece.cell.left + 10)
        return replace(piece, cell=cell)
    return piece


def _strands(model: Model, flows: Sequence[Flow], actions: Sequence[Action]) -> list[Strand]:
    kinds = {action.id: action.kind for action in actions}
    bars = {ActionKind.FORK, ActionKind.JOIN}
    roles = nature_roles(model)
    found = []
    for flow in flows:
        item = model.get(flow.item, Item) if flow.item and flow.item in model else None
        words = " ".join(filter(None, (f"[{flow.guard}]" if flow.guard else "", item.name if item else "")))
        wire = wire_between(flow.id, flow.source, flow.target, told(flow), flow.id)
        role = roles[item.nature] if item else Role.PLAIN
        stroke = Stroke.SOLID if item else Stroke.DASHED
        wire = replace(wire, role=role, stroke=stroke, tip=Tip.FILLED if item else Tip.ARROW)
        leaves = FROM_BAR if kinds[flow.source] in bars else LEAVES
        enters = TO_BAR if kinds[flow.target] in bars else ENTERS
        found.append(strand(wire, leaves=leaves, enters=enters, lines=label_lines(words)))
    return found


def _joint_strands(model: Model, view: View, actions: Sequence[Action]) -> list[Strand]:
    """Lead a joint state from the action that makes it to those that use it."""
    known = {action.id for action in actions}
    found = []
    for state in model.all(JointState):
        if state.made_by not in known or not set(state.parts) <= set(view.shown):
            continue
        for user in state.used_by:
            if user in known and user != state.made_by:
                wire = wire_between(f"{state.id}>{user}", state.made_by or "", user, told(state), state.id)
                wire = replace(wire, role=Role.JOINT, stroke=Stroke.DOTTED)
                found.append(strand(wire, leaves=LEAVES, enters=ENTERS, lines=label_lines(f"«joint» {state.name}")))
    return found


def _spacing(lanes: Sequence[_Lane]) -> Spacing:
    if lanes[0].part is None:
        return Spacing()
    leads = {(UPRIGHT, 2 * lane.first): GUTTER for lane in lanes}  # each with the border of a lane before it
    least = tuple((lane.first, lane.last, _head_width(lane)) for lane in lanes if lane.part)
    return Spacing(leads=leads, least=least)


def _head_width(lane: _Lane) -> float:
    assert lane.part is not None
    return max(110.0, min(200.0, width_of(lane.part.name, 12.5, bold=True)) + 36)


def _with_lanes(scene: Scene, lanes: Sequence[_Lane], laid: Laid) -> Scene:
    """Put the lanes with their heads behind the actions."""
    bottom = max(laid.levels[-1][1], laid.frame.bottom) + GUTTER
    heads = [wrap(lane.part.name, 12.5, 200, bold=True) if lane.part else [] for lane in lanes]
    head = max(HEAD, max(len(lines) for lines in heads) * 16 + 12.0)
    nodes = list(scene.nodes)
    frames = []
    # Beyond the last column there may be wires and labels; the last lane holds them too.
    edges = [laid.uprights[2 * lane.first][0] for lane in lanes]
    edges.append(max(laid.uprights[-1][1], laid.frame.right) + GUTTER)
    for lane, lines, (left, right) in zip(lanes, heads, pairwise(edges), strict=True):
        assert lane.part is not None
        box = Box(left, -head - GUTTER, right - left, bottom + head + GUTTER)
        name = f"lane:{lane.part.id}"
        texts = text_block(lines, Point(box.middle.x, box.y + head / 2), 12.5, bold=True)
        frames.append(
            Node(
                id=name,
                figure=Figure.FRAME,
                box=box,
                title=told(lane.part),
                element=lane.part.id,
                role=Role.LANE,
                texts=texts,
                header=head,
            )
        )
        nodes = [
            replace(node, within=name) if left <= node.box.middle.x < right and not node.within else node
            for node in nodes
        ]
    return replace(scene, nodes=(*frames, *nodes))


def _pins(model: Model, flows: Sequence[Flow], actions: Sequence[Action], scene: Scene, laid: Laid) -> list[Socket]:
    """Return the parameters at both ends of what flows: small squares on the border of the actions."""
    # Control nodes have no pins: what flows only passes through them.
    plain = {action.id for action in actions if action.kind is ActionKind.ACTION}
    wires = {wire.id: wire for wire in scene.wires}
    found = []
    for flow in flows:
        if flow.item is None:
            continue
        wire = wires[flow.id]
        title = model.get(flow.item, Item).name if flow.item in model else flow.item
        for end, pin, at in zip(("out", "in"), laid.ends[flow.id], (wire.points[0], wire.points[-1]), strict=True):
            if pin.key in plain:
                box = Box(at.x - PIN / 2, at.y - PIN / 2, PIN, PIN)
                found.append(
                    Socket(
                        id=f"{flow.id}:{end}",
                        owner=pin.key,
                        side=pin.side,
                        box=box,
                        title=f"{end} {title}",
                        element=flow.item,
                        inward=end == "in",
                        outward=end == "out",
                        role=wire.role,
                    )
                )
    return found


def _with_pin_ends(scene: Scene) -> Scene:
    """Let wires end at the outer edge of their pins."""
    at_pin = {socket.id for socket in scene.sockets}
    return replace(scene, wires=tuple(_shortened(wire, at_pin) for wire in scene.wires))


def _shortened(wire: Wire, at_pin: set[str]) -> Wire:
    points = list(wire.points)
    if f"{wire.id}:out" in at_pin:
        points[0] = _nearer(points[0], points[1])
    if f"{wire.id}:in" in at_pin:
        points[-1] = _nearer(points[-1], points[-2])
    return replace(wire, points=tuple(points))


def _nearer(end: Point, towards: Point) -> Point:
    along, down = towards.x - end.x, towards.y - end.y
    return Point(end.x + _sign(along) * PIN / 2, end.y + _sign(down) * PIN / 2)


def _sign(value: float) -> int:
    return (value > 0) - (value < 0)


def _rakes(actions: Sequence[Action], laid: Laid) -> list[Mark]:
    """Return the sign of an action that is refined elsewhere: a small rake in its corner."""
    found = []
    for action in actions:
        if action.refined_by and action.kind not in DOTS:
            box = laid.boxes[action.id]
            x, y = box.right - 13, box.bottom - 12
            path = (
                "M",
                x,
                y,
                "L",
                x,
                y + 7.0,
                "M",
                x - 4.5,
                y + 7,
                "L",
                x - 4.5,
                y + 3.5,
                "L",
                x + 4.5,
                y + 3.5,
                "L",
                x + 4.5,
                y + 7.0,
            )
            found.append(Mark(path=path, role=Role.PLAIN, weight=1.2, is_above=True))
    return found
