"""Sequences: lifelines from left to right, time downwards. Paper A, Fig. 5; SysML v2 8.2.3.9, UML 2.5 clause 17.

A joint state, which several lifelines hold together, is a bracket across them from when it is made to when it is used.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from keytwin.design.model import ElementId, Fragment, Item, JointState, Message, Model, Part
from keytwin.design.views import View
from keytwin.drawing.fragments import Frame, Nesting, nesting
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
class _Drawing:
    model: Model
    parts: Sequence[Part]
    messages: Sequence[Message]
    nesting: Nesting
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
    drawing = _Drawing(model, parts, messages, nesting(messages, fragments))
    _touch_lines(drawing)
    _widen_for_states(drawing, states)
    _set_columns(drawing, states)
    heads = _draw_heads(drawing)
    bottom = _draw_rows(drawing, states, heads)
    # States before frames: a frame reaches over the states that are made in it.
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


def _touch_lines(drawing: _Drawing) -> None:
    """Let each fragment know the lifelines that its messages touch."""
    for message in drawing.messages:
        lines = {drawing.line_of(message.source), drawing.line_of(message.target)}
        for fragment in drawing.nesting.around[message.id]:
            drawing.nesting.frames[fragment.id].lines |= lines


def _widen_for_states(drawing: _Drawing, states: Sequence[JointState]) -> None:
    """Let the fragments in which a joint state is made reach over all lifelines that hold a share of it."""
    for state in states:
        for fragment in drawing.nesting.around[_maker(drawing, state).id]:
            drawing.nesting.frames[fragment.id].lines |= set(_lines_of(drawing, state))


def _maker(drawing: _Drawing, state: JointState) -> Message:
    return next(message for message in drawing.messages if message.id == state.made_by)


def _lines_of(drawing: _Drawing, state: JointState) -> list[int]:
    """Return the lifelines that hold a share of a joint state, from left to right."""
    return [index for index, part in enumerate(drawing.parts) if part.id in state.parts]


# --- columns --------------------------------------------------------------------------------------------------------


def _set_columns(drawing: _Drawing, states: Sequence[JointState]) -> None:
    """Put lifelines as far apart as their heads and the texts between them ask for."""
    halves = [max(line.width for line in name_lines(part.name, bold=True)) / 2 + 16 for part in drawing.parts]
    halves = [max(half, 40.0) for half in halves]
    gaps = [max(110.0, left + right + 20) for left, right in pairwise(halves)]
    wants = _wanted_gaps(drawing, states)
    # Neighbours first: the room that they get counts for the texts that reach further.
    for low, high, width in sorted(wants, key=lambda want: want[1] - want[0]):
        lack = width - sum(gaps[low:high])
        for index in range(low, high):
            gaps[index] += max(0.0, lack) / (high - low)
    depth = max((frame.depth for frame in drawing.nesting.frames.values()), default=-1) + 1
    drawing.x = [halves[0] if halves else 0.0]
    drawing.x[0] = max(drawing.x[0], FRAGMENT_SIDE + NESTING * depth)
    for gap in gaps:
        drawing.x.append(drawing.x[-1] + gap)


def _wanted_gaps(drawing: _Drawing, states: Sequence[JointState]) -> list[tuple[int, int, float]]:
    """Return from which lifeline to which others texts ask for what width."""
    wants: list[tuple[int, int, float]] = []
    for message in drawing.messages:
        source, target = drawing.line_of(message.source), drawing.line_of(message.target)
        width = label_size(_message_lines(drawing, message))[0]
        nesting = FRAGMENT_SIDE + NESTING if message.within else 0.0
        if source != target:
            wants.append((min(source, target), max(source, target), width + SIDE))
        elif source + 1 < len(drawing.parts):
            wants.append((source, source + 1, width + LOOP + SIDE + nesting))
    for state in states:
        lines = _lines_of(drawing, state)
        width = max(width_of(line, SMALL) for line in _state_lines(state)) + 40
        if len(lines) > 1:
            wants.append((lines[0], lines[-1], width))
    return wants


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
        around = drawing.nesting.around[message.id]
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
    frame = drawing.nesting.frames[fragment.id]
    frame.tops.append(y)
    return y + TAB + 10 if len(frame.tops) == 1 or fragment.guard else y + 8


def _close(drawing: _Drawing, fragment: Fragment, around: Sequence[Fragment], y: float) -> float:
    """End a fragment; where the next one is an operand of the same frame, only a line parts them."""
    frame = drawing.nesting.frames[fragment.id]
    if any(other in frame.operands for other in around):
        return y - 4
    frame.bottom = y - 2
    return y + 12


def _draw_message(drawing: _Drawing, message: Message, lines: tuple[str, ...], y: float) -> float:
    """Draw a message and return how far down it reaches."""
    source, target = drawing.line_of(message.source), drawing.line_of(message.target)
    start, end = drawing.x[source], drawing.x[target]
    points: tuple[Point, ...]
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
    """Draw the frames of fragments, the inner ones first: an outer one reaches over what it holds."""
    frames = {id(frame): frame for frame in drawing.nesting.frames.values()}
    for frame in sorted(frames.values(), key=lambda each: -each.depth):
        guards = [f"[{each.guard}]" if each.guard else "" for each in frame.operands]
        tab = width_of(frame.operands[0].operator, 11, bold=True) + 22
        left = min(drawing.x[min(frame.lines)] - FRAGMENT_SIDE, frame.left)
        texts = left + tab + max(width_of(guard, SMALL) for guard in guards) + 24
        right = max(_right_end(drawing, frame) + FRAGMENT_SIDE, frame.right, texts)
        box = Box(left, frame.tops[0], right - left, frame.bottom - frame.tops[0])
        if frame.parent:
            _reach_over(drawing.nesting.frames[frame.parent.id], box, NESTING)
        drawing.nodes.append(_frame_node(drawing, frame, box))
        _draw_frame_texts(drawing, frame, box, tab, guards)


def _reach_over(frame: Frame, box: Box, gap: float) -> None:
    frame.left, frame.right = min(frame.left, box.x - gap), max(frame.right, box.right + gap)


def _frame_node(drawing: _Drawing, frame: Frame, box: Box) -> Node:
    first = frame.operands[0]
    outer = drawing.nesting.frames[frame.parent.id].operands[0].id if frame.parent else ""
    return Node(
        id=first.id,
        figure=Figure.FRAME,
        box=box,
        title=told(first),
        element=first.id,
        within=outer,
        role=Role.OUTLINE,
    )


def _draw_frame_texts(drawing: _Drawing, frame: Frame, box: Box, tab: float, guards: Sequence[str]) -> None:
    """Write the operator in its corner and the guards beside it; part the operands by dashed lines."""
    x, y = box.x, box.y
    corner = ("M", x, y + TAB, "L", x + tab - 7, y + TAB, "L", x + tab, y + TAB - 7, "L", x + tab, y, "L", x, y, "Z")
    drawing.marks.append(Mark(path=corner, role=Role.PLAIN, is_filled=True))
    drawing.texts.append(Text(frame.operands[0].operator, Point(x + 9, y + 14), 11, bold=True))
    for guard, top in zip(guards, frame.tops, strict=True):
        if guard:
            text = Text(guard, Point(x + tab + 8, top + 14), SMALL, Anchor.START, role=Role.QUIET)
            drawing.labels.append(Label(wire="", lines=(text,), box=text.box.grown(1)))
    for top in frame.tops[1:]:
        parting = ("M", x, top, "L", box.right, top)
        drawing.marks.append(Mark(path=parting, role=Role.PLAIN, stroke=Stroke.DASHED))


def _right_end(drawing: _Drawing, frame: Frame) -> float:
    """Return how far to the right a fragment reaches: the text of a message to oneself stands beside its lifeline."""
    ids = {m.id for m in drawing.messages if any(each in frame.operands for each in drawing.nesting.around[m.id])}
    loops = [label.box.right - FRAGMENT_SIDE + 6 for label in drawing.labels if label.wire in ids]
    return max([drawing.x[max(frame.lines)], *loops])


def _draw_states(drawing: _Drawing, states: Sequence[JointState], bottom: float) -> None:
    """Draw each joint state as a bracket across the lifelines that hold it, from its making to its last use."""
    for index, state in enumerate(states):
        y = drawing.y[state.id]
        lines = _lines_of(drawing, state)
        uses = [drawing.y[user] for user in state.used_by if user in drawing.y]
        end = max(uses) if uses else bottom - 6
        # Several states held by the same lifelines lie beside one another, or their bars would look like one.
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
        for fragment in drawing.nesting.around[_maker(drawing, state).id]:
            _reach_over(drawing.nesting.frames[fragment.id], box, NESTING)
        drawing.nodes.append(
            Node(
                id=state.id,
                figure=Figure.PILL,
                box=box,
                within=_holder(drawing, state),
                title=told(state),
                element=state.id,
                role=Role.JOINT,
                texts=text_block(words, box.middle, SMALL),
            )
        )


def _holder(drawing: _Drawing, state: JointState) -> str:
    """Return the node of the fragment in which a joint state is made; nothing outside of all fragments."""
    around = drawing.nesting.around[_maker(drawing, state).id]
    return drawing.nesting.frames[around[-1].id].operands[0].id if around else ""


def _dot(x: float, y: float) -> tuple[str | float, ...]:
    h = STATE_HALF
    return ("M", x - h, y, "L", x, y - h, "L", x + h, y, "L", x, y + h, "Z")


def _draw_lifelines(drawing: _Drawing, top: float, bottom: float) -> None:
    lines = [Mark(path=("M", x, top, "L", x, bottom), role=Role.LIFELINE, stroke=Stroke.DASHED) for x in drawing.x]
    # In front of all other marks, so that the lifelines are painted behind them.
    drawing.marks[:0] = lines[: len(drawing.parts)]
