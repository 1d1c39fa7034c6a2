"""The behaviour of a model in SysML v2: activities, interactions, and state machines from their own tables.

Successions are named and say both their ends, since `then` depends on the order of the text. A guard is a condition
in words: it becomes a Boolean attribute of that name, which is true or not when the action is performed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby, pairwise
from typing import Final

from keytwin.design.model import (
    Action,
    ActionKind,
    Activity,
    ElementId,
    Flow,
    Fragment,
    Interaction,
    Message,
    Model,
    Part,
    StateMachine,
)
from keytwin.design.sysml_names import Names
from keytwin.design.sysml_text import Lines, block, camel, metadata, quoted, string, strings
from keytwin.design.sysml_trace import trace
from keytwin.vocabulary.machine import TableView, Transition

_CONTROL: Final = frozenset({ActionKind.FORK, ActionKind.JOIN, ActionKind.DECIDE, ActionKind.MERGE})
_OTHERWISE: Final = "else"
SIGNAL: Final = "Received"
"""What the definition of a message that a machine takes ends in, so that it hides nothing of the same name."""


# --- activities -----------------------------------------------------------------------------------------------------


def activity_lines(names: Names, activity: Activity) -> Lines:
    """Write an action definition with its steps and the flows between them."""
    model = names.model
    actions = [each for each in model.all(Action) if each.activity == activity.id]
    flows = [each for each in model.all(Flow) if each.activity == activity.id]
    body = [
        *trace(activity),
        *_guards(each.guard for each in flows),
        *(line for each in actions for line in _action(names, each, flows)),
        *_edges(names, actions),
        *(line for each in flows for line in _flow(names, each, flows)),
    ]
    return block(f"action def {names.short(activity.id)}", body)


def _guards(guards: Iterable[str]) -> Iterator[str]:
    for guard in dict.fromkeys(guards):
        if guard and guard != _OTHERWISE:
            yield f"attribute {quoted(_condition(guard))} : Boolean;"


def _condition(guard: str) -> str:
    """Return a guard as a name: what it says, with a question mark, so that it hides no other name."""
    return f"{' '.join(guard.split())}?"


def _action(names: Names, each: Action, flows: list[Flow]) -> Lines:
    node = _node(each)
    if each.kind in _CONTROL:
        return block(f"{each.kind.value} {names.short(each.id)}", [*trace(each), *node])
    handing = [flow for flow in flows if _hands(names.model, flow)]
    given = {flow.item for flow in handing if flow.source == each.id and flow.item}
    taken = {flow.item for flow in handing if flow.target == each.id and flow.item}
    items = [
        *(f"in item {_parameter(names, item, 'in')} : {names.short(item)};" for item in sorted(taken)),
        *(f"out item {_parameter(names, item, 'out')} : {names.short(item)};" for item in sorted(given)),
    ]
    return block(f"action {names.short(each.id)}", [*trace(each), *node, *items])


def _node(each: Action) -> Lines:
    """Say what a step is besides an action, and at which variation point it varies how it is done."""
    kind = string(each.kind.value) if each.kind is not ActionKind.ACTION else ""
    detail = string(each.detail) if each.detail is not None else ""
    return metadata("Node", kind=kind, detail=detail) if kind or detail else []


def _parameter(names: Names, item: ElementId, way: str) -> str:
    return quoted(f"{camel(names.of[item])}{way.capitalize()}")


def _hands(model: Model, flow: Flow) -> bool:
    """Tell whether a flow hands an item from one step to another: nodes that only steer have nothing to hand."""
    ends = (model.get(flow.source, Action), model.get(flow.target, Action))
    steering = {*_CONTROL, ActionKind.START, ActionKind.DONE}
    return flow.item is not None and all(end.kind not in steering for end in ends)


def _flow(names: Names, flow: Flow, flows: list[Flow]) -> Lines:
    source, target = names.short(flow.source), names.short(flow.target)
    # Past a node that only steers, the item cannot be the payload of a flow: it is noted, so that it is not lost.
    carried = metadata("Hands", carried=string(flow.item)) if flow.item else []
    if flow.item is not None and _hands(names.model, flow) and not flow.guard:
        ends = (f"{source}.{_parameter(names, flow.item, 'out')}", f"{target}.{_parameter(names, flow.item, 'in')}")
        head = f"succession flow {names.short(flow.id)} of {names.short(flow.item)} from {ends[0]} to {ends[1]}"
        return block(head, trace(flow))
    if not flow.guard:
        return block(f"succession {names.short(flow.id)} first {source} then {target}", [*trace(flow), *carried])
    guard = _guard(flow, flows)
    words = metadata("Guard", words=string(flow.guard))
    return block(
        f"succession {names.short(flow.id)} first {source} if {guard} then {target}", [*trace(flow), *words, *carried]
    )


def _guard(flow: Flow, flows: list[Flow]) -> str:
    if flow.guard != _OTHERWISE:
        return quoted(_condition(flow.guard))
    others = [each.guard for each in flows if each.source == flow.source and each.guard not in {"", _OTHERWISE}]
    return f"not ({' or '.join(quoted(_condition(other)) for other in others)})" if others else "true"


def _edges(names: Names, actions: list[Action]) -> Lines:
    """Say of the start and end nodes that they are the start and the end of the whole."""
    bound = {ActionKind.START: "first start then {};", ActionKind.DONE: "first {} then done;"}
    return [f"succession {bound[each.kind].format(names.short(each.id))}" for each in actions if each.kind in bound]


def refinements(names: Names, activity: Activity) -> Lines:
    """Say which interactions tell how steps are done."""
    return [
        f"#refinement dependency from {names.qualified(each.refined_by)} to {names.qualified(each.id)};"
        for each in names.model.all(Action)
        if each.activity == activity.id and each.refined_by is not None
    ]


# --- interactions ---------------------------------------------------------------------------------------------------


def interaction_lines(names: Names, interaction: Interaction) -> Lines:
    """Write an occurrence definition with its lifelines and the messages between them, in order."""
    model = names.model
    messages = sorted(
        (each for each in model.all(Message) if each.interaction == interaction.id), key=lambda each: each.order
    )
    fragments = [each for each in model.all(Fragment) if each.interaction == interaction.id]
    parts = dict.fromkeys(end for each in messages for end in (each.source, each.target))
    lifelines = _lifelines(names, list(parts))
    passes = metadata("Passes", channel=string(interaction.through)) if interaction.through is not None else []
    body = [
        *trace(interaction),
        *passes,
        *(line for part in parts for line in _lifeline(names, part, lifelines[part], messages)),
        *_content(names, None, messages, fragments, lifelines),
    ]
    return block(f"occurrence def {names.short(interaction.id)}", body)


def _lifelines(names: Names, parts: list[ElementId]) -> dict[ElementId, str]:
    """Name the lifelines; parts of different owners that are called the same are told apart by their owner."""
    shorts = [names.of[part] for part in parts]
    return {part: quoted(names.of[part] if shorts.count(names.of[part]) == 1 else camel(part)) for part in parts}


def _lifeline(names: Names, part: ElementId, lifeline: str, messages: list[Message]) -> Lines:
    events = [
        f"event {_place(names, each)}.{end};"
        for each in messages
        for end, holder in (("sourceEvent", each.source), ("targetEvent", each.target))
        if holder == part
    ]
    ordered = [events[0], *(f"then {event}" for event in events[1:])]
    meant = metadata("Meant", element=string(part))
    return block(f"ref part {lifeline} : {names.short(names.model.get(part, Part).block)}", [*meant, *ordered])


def _place(names: Names, message: Message) -> str:
    """Return how a message is named from the interaction itself, through the fragments that hold it."""
    within: list[str] = [names.short(message.id)]
    each = message.within
    while each is not None:
        within.append(names.short(each))
        each = names.model.get(each, Fragment).within
    return ".".join(reversed(within))


def _content(
    names: Names,
    within: ElementId | None,
    messages: list[Message],
    fragments: list[Fragment],
    lifelines: dict[ElementId, str],
) -> Iterator[str]:
    """Write messages and frames at one level, in the order of their first message, and what follows what."""
    # A frame stands where its first message does: the model numbers messages only.
    inner: list[Message | Fragment] = [each for each in messages if each.within == within]
    inner += [each for each in fragments if each.within == within]
    inner.sort(key=lambda each: each.order if isinstance(each, Message) else _first(each, messages, fragments))
    for each in inner:
        if isinstance(each, Message):
            yield from _message(names, each, lifelines)
        else:
            frame = metadata(
                "CombinedFragment", operator=string(each.operator.value), guard=string(each.guard) if each.guard else ""
            )
            content = _content(names, each.id, messages, fragments, lifelines)
            yield from block(f"occurrence {names.short(each.id)}", [*trace(each), *frame, *content])
    for earlier, later in pairwise(inner):
        yield f"succession first {names.short(earlier.id)} then {names.short(later.id)};"


def _first(fragment: Fragment, messages: list[Message], fragments: list[Fragment]) -> int:
    own = [each.order for each in messages if each.within == fragment.id]
    nested = [_first(each, messages, fragments) for each in fragments if each.within == fragment.id]
    return min([*own, *nested], default=len(messages) + 1)


def _message(names: Names, each: Message, lifelines: dict[ElementId, str]) -> Lines:
    payload = f" of {names.short(each.item)}" if each.item else ""
    ends = f"from {lifelines[each.source]} to {lifelines[each.target]}"
    return block(f"message {names.short(each.id)}{payload} {ends}", trace(each))


# --- states ---------------------------------------------------------------------------------------------------------


def machine_lines(names: Names, machine: StateMachine) -> Lines:
    """Write a state definition: the rows of the very table that drives the running machine."""
    table = machine.table
    body = [
        *trace(machine),
        *metadata("Table", called=string(table.name)),
        *_guards(each.guard for each in table.transitions),
        f"entry; then {_state(table.initial)};",
        *(f"state {_state(state)};" for state in table.states),
        *(line for number, each in enumerate(table.transitions, 1) for line in _transition(number, each)),
        *(f"succession first {_state(state)} then done;" for state in table.final),
        *_without_effect(table),
    ]
    return block(f"state def {names.short(machine.id)}", body)


def signal_name(message: str) -> str:
    """Return the definition of a message that a machine takes."""
    return f"{message}{SIGNAL}"


def signals_of(model: Model) -> tuple[str, ...]:
    """List the messages that any machine of a model takes, each once."""
    return tuple(dict.fromkeys(each.message for one in model.all(StateMachine) for each in one.table.transitions))


def _state(name: str) -> str:
    return quoted(f"{name} state" if name in {"start", "done", "self"} else name)


def _without_effect(table: TableView) -> Iterator[str]:
    """Say which messages are ignored and which refused, in the order of the table."""
    for state, rows in groupby(table.ignored, key=lambda row: row[0]):
        yield from metadata("Ignored", inState=string(state), messages=strings(message for _, message in rows))
    for state, message, reason in table.refused:
        yield from metadata("Refused", inState=string(state), received=string(message), reason=string(reason))


def _transition(number: int, each: Transition) -> Lines:
    guard = f" if {quoted(_condition(each.guard))}" if each.guard else ""
    taken = f"accept {quoted(signal_name(each.message))}{guard}"
    head = f"transition t{number} first {_state(each.source)} {taken} then {_state(each.target)}"
    return block(head, metadata("Guard", words=string(each.guard)) if each.guard else [])
