"""Sequences: lifelines from left to right, time downwards. Paper A, Fig. 5; SysML v2 8.2.3.9, UML 2.5 clause 17.

A joint state, which several lifelines hold together, is a bracket across them from when it is made to when it is used.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from keytwin.design.model import ElementId, Fragment, Item, JointState, Message, Model, Operator, Part
from keytwin.design.views import View
from keytwin.drawing.frame import framed
from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.metrics import LINE, width_of, wrap
from keytwin.drawing.pieces import SMALL, label_lines, label_size, name_lines, nature_roles, told
from keytwin.drawing.scene import Anchor, Figure, Label, Mark, Node, Role, Scene, Stroke, Text, Tip, Wire, text_block

HEAD_GAP: Final = 22.0  # below the heads, and below the last message
ROW: Final = 16.0  # from a message to the text of the next
LOOP: Final = 34.0  # width of a message to oneself
LOOP_DROP: Final = 16.0
SIDE: Final = 26.0  # between a text and the next lifeline
FRAGMENT_SIDE: Final = 18.0  # from a lifeline to the frame around it
NESTING: Final = 9.0
TAB: Final = 20.0
SELF_WIDTH: Final = 150.0
STATE_HALF: Final = 4.0


@dataclass(slots=True)
class _Frame:
    """A combined fragment while it is drawn: its operands, in order, and where they begin."""

    operands: list[Fragment]
    depth: int = 0
    tops: list[float] = field(default_factory=list)
    bottom: float = 0.0
    lines: set[int] = field(default_factory=set)
    """Lifelines that its messages touch."""


@dataclass(slots=True)
class _Drawing:
    model: Model
    parts: Sequence[Part]
    messages: Sequence[Message]
    fragments: Mapping[ElementId, Fragment]
    frames: dict[ElementId, _Frame] = field(default_factory=dict)
    """The frame of each fragment: operands of one alternative share theirs."""
    x: list[float] = field(default_factory=list)
    y: dict[str, float] = field(default_factory=dict)
    """Where each message goes out; where each joint state is named."""
    nodes: list[Node] = field(default_factory=list)
    wires: list[Wire] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    texts: list[Text] = field(default_factory=list)

    def line_of(self, part: ElementId) -> int:
        """Return which lifeline a part has."""
        return next(index for index, each in enumerate(self.parts) if each.id == part)


def sequence(model: Model, view: View) -> Scene:
    """Draw an interaction."""
    shown = [model.elements[each] for each in view.shown if each in model]
    parts = [each for each in shown if isinstance(each, Part)]
    known = {part.id for part in parts}
    messages = [each for each in shown if isinstance(each, Message) and {each.source, each.target} <= known]
    messages.sort(key=lambda each: each.order)
    fragments = {each.id: each for each in shown if isinstance(each, Fragment)}
    states = [each for each in model.all(JointState) if set(each.parts) & known and _is_of(each, messages)]
    drawing = _Drawing(model, parts, messages, fragments)
    _gather_frames(drawing)
    _set_columns(drawing, states)
    heads = _draw_heads(drawing)
    bottom = _draw_rows(drawing, states, heads)
    _draw_states(drawing, states, bottom)
    _draw_frames(drawing)
    _draw_lifelines(drawing, heads, bottom)
    scene = Scene(
        id="",
        title="",
        about="",
        width=0,
        height=0,
        nodes=tuple(drawing.nodes),
        wires=tuple(drawing.wires),
        labels=tuple(drawing.labels),
        marks=tuple(drawing.marks),
        texts=tuple(drawing.texts),
    )
    about = f"Interaction of {', '.join(part.name for part in parts)} in {len(messages)} messages"
    return framed(scene, kind="sd", name=view.id, title=view.title, about=about)


def _is_of(state: JointState, messages: Sequence[Message]) -> bool:
    return state.made_by in {message.id for message in messages}


# --- fragments ------------------------------------------------------------------------------------------------------


def _gather_frames(drawing: _Drawing) -> None:
    """Give each fragment its frame; those of one alternative that follow one another are operands of one."""
    order = {each: index for index, each in enumerate(drawing.fragments)}
    first: dict[ElementId, int] = {}
    for message in drawing.messages:
        for fragment in _around(drawing, message.within):
            first.setdefault(fragment.id, message.order)
    held = sorted(
        (each for each in drawing.fragments.values() if each.id in first),
        key=lambda each: (first[each.id], order[each.id]),
    )
    previous: dict[ElementId | None, Fragment] = {}
    for each in held:
        last = previous.get(each.within)
        is_next = last is not None and not _between(drawing, last, each)
        if (
            last
            and is_next
            and last.operator is each.operator
            and each.operator in {Operator.ALTERNATIVE, Operator.PARALLEL}
        ):
            drawing.frames[each.id] = drawing.frames[last.id]
            drawing.frames[each.id].operands.append(each)
        else:
            drawing.frames[each.id] = _Frame([each], depth=len(_around(drawing, each.within)))
        previous[each.within] = each
    for message in drawing.messages:
        lines = {drawing.line_of(message.source), drawing.line_of(message.target)}
        for fragment in _around(drawing, message.within):
            drawing.frames[fragment.id].lines |= lines


def _around(drawing: _Drawing, inner: ElementId | None) -> list[Fragment]:
    """Return the fragments around something, from the outermost on."""
    found: list[Fragment] = []
    while inner in drawing.fragments and drawing.fragments[inner] not in found:
        found.insert(0, drawing.fragments[inner])
        inner = drawing.fragments[inner].within
    return found


def _between(drawing: _Drawing, first: Fragment, second: Fragment) -> bool:
    """Whether a message outside both stands between two fragments."""
    inside = [[m.order for m in drawing.messages if each in _around(drawing, m.within)] for each in (first, second)]
    low, high = max(inside[0]), min(inside[1])
    return any(low < message.order < high for message in drawing.messages)


# --- columns --------------------------------------------------------------------------------------------------------


def _set_columns(drawing: _Drawing, states: Sequence[JointState]) -> None:
    """Put lifelines as far apart as their heads and the texts between them ask for."""
    halves = [max(line.width for line in name_lines(part.name)) / 2 + 16 for part in drawing.parts]
    gaps = [max(110.0, left + right + 20) for left, right in pairwise(halves)]
    wants: list[tuple[int, int, float]] = []
    after_last = 0.0
    for message in drawing.messages:
        source, target = drawing.line_of(message.source), drawing.line_of(message.target)
        width = label_size(_message_lines(drawing, message))[0]
        nesting = FRAGMENT_SIDE + NESTING if message.within else 0.0
        if source != target:
            wants.append((min(source, target), max(source, target), width + SIDE))
        elif source + 1 < len(drawing.parts):
            wants.append((source, source + 1, width + LOOP + SIDE + nesting))
        else:
            after_last = max(after_last, width + LOOP)
    for state in states:
        lines = sorted(drawing.line_of(part) for part in state.parts if part in {p.id for p in drawing.parts})
        width = max(width_of(line, SMALL) for line in _state_lines(state)) + 40
        if len(lines) > 1:
            wants.append((lines[0], lines[-1], width))
    for low, high, width in sorted(wants, key=lambda want: want[1] - want[0]):
        lack = width - sum(gaps[low:high])
        for index in range(low, high):
            gaps[index] += max(0.0, lack) / (high - low)
    depth = max((frame.depth for frame in drawing.frames.values()), default=-1) + 1
    drawing.x = [halves[0] if halves else 0.0]
    drawing.x[0] = max(drawing.x[0], FRAGMENT_SIDE + NESTING * depth)
    for gap in gaps:
        drawing.x.append(drawing.x[-1] + gap)


def _message_lines(drawing: _Drawing, message: Message) -> tuple[str, ...]:
    """Return what is written at a message: its name, and what it carries where the name does not say so."""
    item = drawing.model.get(message.item, Item).name if message.item and message.item in drawing.model else ""
    words = message.name if not item or item.lower() in message.name.lower() else f"{message.name}: {item}"
    return label_lines(words, SELF_WIDTH if message.source == message.target else 190.0)


def _state_lines(state: JointState) -> list[str]:
    values = ", ".join(f"{each.name} {each.value}".strip() for each in state.properties)
    return wrap(f"«joint» {state.name}" + (f" ({values})" if values else ""), SMALL, 240)


# --- rows -----------------------------------------------------------------------------------------------------------


def _draw_heads(drawing: _Drawing) -> float:
    names = [name_lines(part.name, bold=True) for part in drawing.parts]
    height = max((len(lines) for lines in names), default=1) * 15 + 16.0
    for part, lines, x in zip(drawing.parts, names, drawing.x, strict=True):
        width = max(76.0, max(line.width for line in lines) + 28)
        box = Box(x - width / 2, 0, width, height)
        texts = text_block([line.words for line in lines], box.middle, 12, bold=True)
        drawing.nodes.append(
            Node(id=f"life:{part.id}", figure=Figure.ROUND, box=box, title=told(part), element=part.id, texts=texts)
        )
    return height


def _draw_rows(drawing: _Drawing, states: Sequence[JointState], top: float) -> float:
    """Go down message by message, opening and closing fragments; return where the lifelines end."""
    y = top + HEAD_GAP
    open_now: list[Fragment] = []
    for message in drawing.messages:
        around = _around(drawing, message.within)
        while open_now and open_now[-1] not in around:
            y = _close(drawing, open_now.pop(), around, y)
        for fragment in around[len(open_now) :]:
            y = _open(drawing, fragment, y)
            open_now.append(fragment)
        lines = _message_lines(drawing, message)
        y += label_size(lines)[1] + 4 if message.source != message.target else 4
        drawing.y[message.id] = y
        y = _draw_message(drawing, message, lines, y) + ROW
        for state in states:
            if state.made_by == message.id:
                height = len(_state_lines(state)) * SMALL * LINE + 8
                drawing.y[state.id] = y + height / 2
                y += height + ROW - 4
    while open_now:
        y = _close(drawing, open_now.pop(), [], y)
    return y + HEAD_GAP - ROW


def _open(drawing: _Drawing, fragment: Fragment, y: float) -> float:
    frame = drawing.frames[fragment.id]
    frame.tops.append(y)
    return y + TAB + 10 if len(frame.tops) == 1 or fragment.guard else y + 8


def _close(drawing: _Drawing, fragment: Fragment, around: Sequence[Fragment], y: float) -> float:
    """End a fragment; where the next one is an operand of the same frame, only a line parts them."""
    frame = drawing.frames[fragment.id]
    if any(other in frame.operands for other in around):
        return y - 4
    frame.bottom = y - 2
    return y + 12


def _draw_message(drawing: _Drawing, message: Message, lines: tuple[str, ...], y: float) -> float:
    """Draw a message and return how far down it reaches."""
    source, target = drawing.line_of(message.source), drawing.line_of(message.target)
    start, end = drawing.x[source], drawing.x[target]
    item = drawing.model.get(message.item, Item) if message.item and message.item in drawing.model else None
    role = nature_roles(drawing.model)[item.nature] if item else Role.PLAIN
    width, height = label_size(lines)
    if source == target:
        low = y + max(LOOP_DROP, height - 6)
        points = (Point(start, y), Point(start + LOOP, y), Point(start + LOOP, low), Point(start, low))
        box = Box(start + LOOP + 5, (y + low - height) / 2, width, height)
        lowest = low
    else:
        points = (Point(start, y), Point(end, y))
        middle = _clear_middle(drawing, source, target, width)
        box = Box(middle - width / 2, y - 3 - height, width, height)
        lowest = y
    drawing.y[message.id] = points[0].y
    drawing.wires.append(
        Wire(
            id=message.id,
            points=points,
            source=f"life:{message.source}",
            target=f"life:{message.target}",
            title=told(message),
            element=message.id,
            role=role,
            tip=Tip.FILLED,
        )
    )
    texts = tuple(
        replace(text, role=role if item else Role.QUIET) for text in text_block(list(lines), box.middle, SMALL)
    )
    drawing.labels.append(Label(wire=message.id, lines=texts, box=box))
    return lowest


def _clear_middle(drawing: _Drawing, source: int, target: int, width: float) -> float:
    """Return where a text lies between two lifelines; best where no third one passes through it."""
    low, high = min(source, target), max(source, target)
    middle = (drawing.x[low] + drawing.x[high]) / 2
    gaps = [(left, right) for left, right in pairwise(drawing.x[low : high + 1]) if right - left >= width + 12]
    near = sorted(gaps, key=lambda gap: abs((gap[0] + gap[1]) / 2 - middle))
    return (near[0][0] + near[0][1]) / 2 if near else middle


# --- what lies across -----------------------------------------------------------------------------------------------


def _draw_frames(drawing: _Drawing) -> None:
    done: list[_Frame] = []
    for fragment, frame in drawing.frames.items():
        if frame in done:
            continue
        done.append(frame)
        parent = drawing.frames.get(drawing.fragments[fragment].within or ElementId(""))
        inner = max((each.depth for each in drawing.frames.values() if each.lines <= frame.lines), default=frame.depth)
        side = FRAGMENT_SIDE + NESTING * (inner - frame.depth)
        left, right = drawing.x[min(frame.lines)] - side, _right_end(drawing, frame) + side
        tab = width_of(frame.operands[0].operator, 11, bold=True) + 22
        guards = [f"[{each.guard}]" if each.guard else "" for each in frame.operands]
        right = max(right, left + tab + max(width_of(guard, SMALL) for guard in guards) + 24)
        box = Box(left, frame.tops[0], right - left, frame.bottom - frame.tops[0])
        drawing.texts.append(Text(frame.operands[0].operator, Point(left + 9, box.y + 14), 11, bold=True))
        for guard, top in zip(guards, frame.tops, strict=True):
            if guard:
                text = Text(guard, Point(left + tab + 8, top + 14), SMALL, Anchor.START, role=Role.QUIET)
                drawing.labels.append(Label(wire="", lines=(text,), box=text.box.grown(1)))
        drawing.nodes.append(
            Node(
                id=fragment,
                figure=Figure.FRAME,
                box=box,
                title=told(frame.operands[0]),
                element=fragment,
                within=parent.operands[0].id if parent else "",
                role=Role.OUTLINE,
            )
        )
        corner = (
            "M",
            left,
            box.y + TAB,
            "L",
            left + tab - 7,
            box.y + TAB,
            "L",
            left + tab,
            box.y + TAB - 7,
            "L",
            left + tab,
            box.y,
            "L",
            left,
            box.y,
            "Z",
        )
        drawing.marks.append(Mark(path=corner, role=Role.PLAIN, is_filled=True))
        for top in frame.tops[1:]:
            drawing.marks.append(Mark(path=("M", left, top, "L", right, top), role=Role.PLAIN, stroke=Stroke.DASHED))


def _right_end(drawing: _Drawing, frame: _Frame) -> float:
    """Return how far to the right a fragment reaches: the text of a message to oneself stands beside its lifeline."""
    ids = {m.id for m in drawing.messages if any(each in frame.operands for each in _around(drawing, m.within))}
    loops = [label.box.right - FRAGMENT_SIDE + 6 for label in drawing.labels if label.wire in ids]
    return max([drawing.x[max(frame.lines)], *loops])


def _draw_states(drawing: _Drawing, states: Sequence[JointState], bottom: float) -> None:
    """Draw each joint state as a bracket across the lifelines that hold it, from its making to its last use."""
    for index, state in enumerate(states):
        y = drawing.y[state.id]
        lines = sorted(drawing.line_of(part) for part in state.parts if part in {p.id for p in drawing.parts})
        uses = [drawing.y[user] for user in state.used_by if user in drawing.y]
        end = max(uses) if uses else bottom - 6
        shift = (index % 3 - 1) * 5.0 if len(states) > 1 else 0.0
        left, right = drawing.x[lines[0]], drawing.x[lines[-1]]
        drawing.marks.append(Mark(path=("M", left + shift, y, "L", right + shift, y), role=Role.JOINT, weight=1.6))
        for line in lines:
            x = drawing.x[line] + shift
            drawing.marks.append(Mark(path=("M", x, y, "L", x, end), role=Role.JOINT, weight=3.5))
            drawing.marks.append(Mark(path=_dot(x, y), role=Role.JOINT, is_filled=True, is_above=True))
        words = _state_lines(state)
        width = max(width_of(line, SMALL) for line in words) + 20
        height = len(words) * SMALL * LINE + 8
        middle = (left + right) / 2 if len(lines) > 1 else left + width / 2 + 12
        box = Box(middle - width / 2, y - height / 2, width, height)
        drawing.nodes.append(
            Node(
                id=state.id,
                figure=Figure.PILL,
                box=box,
                title=told(state),
                element=state.id,
                role=Role.JOINT,
                texts=text_block(words, box.middle, SMALL),
            )
        )


def _dot(x: float, y: float) -> tuple[str | float, ...]:
    h = STATE_HALF
    return ("M", x - h, y, "L", x, y - h, "L", x + h, y, "L", x, y + h, "Z")


def _draw_lifelines(drawing: _Drawing, top: float, bottom: float) -> None:
    lines = [Mark(path=("M", x, top, "L", x, bottom), role=Role.LIFELINE, stroke=Stroke.DASHED) for x in drawing.x]
    drawing.marks[:0] = lines[: len(drawing.parts)]
