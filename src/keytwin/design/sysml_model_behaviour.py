"""Behaviour read back from SysML v2 text: activities, interactions, state machines."""

from __future__ import annotations

from collections.abc import Iterator

from keytwin.design.model import (
    Action,
    ActionKind,
    Activity,
    Element,
    ElementId,
    Flow,
    Fragment,
    Interaction,
    Message,
    Operator,
    StateMachine,
)
from keytwin.design.sysml_behaviour import SIGNAL
from keytwin.design.sysml_marks import Marks, shortened
from keytwin.design.sysml_tree import Member
from keytwin.vocabulary.identity import VariationPointId
from keytwin.vocabulary.machine import TableView, Transition


def behaviour(marks: Marks) -> Iterator[Element]:
    """Yield the elements of behaviour."""
    performers = _performers(marks)
    refinements = _refinements(marks)
    yield from (Activity(**marks.common(member)) for member in marks.of_kind("action def"))
    for member in marks.of_kind("action", "fork", "join", "decide", "merge"):
        yield _action(marks, member, performers.get(member), refinements.get(member))
    yield from (_flow(marks, member) for member in marks.of_kind("succession", "succession flow"))
    for member in marks.of_kind("occurrence def"):
        through = marks.first(member, "Passes", "channel")
        yield Interaction(**marks.common(member), through=ElementId(through) if through else None)
        yield from _content(marks, member)
    yield from (_machine(marks, member) for member in marks.of_kind("state def"))


# --- activities -----------------------------------------------------------------------------------------------------


def _performers(marks: Marks) -> dict[Member, ElementId]:
    found: dict[Member, ElementId] = {}
    for each in marks.all("perform"):
        action = marks.scope.resolve(each.target, each) if each.target is not None else None
        if action is not None and each.owner is not None and each.owner in marks.elements:
            found[action] = marks.elements[each.owner]
    return found


def _refinements(marks: Marks) -> dict[Member, ElementId]:
    found: dict[Member, ElementId] = {}
    for each in marks.all("dependency"):
        end = marks.after(each, "to")
        action = marks.scope.resolve(end, each) if "#refinement" in each.prefixes and end is not None else None
        if action is not None:
            found[action] = marks.element(marks.after(each, "from"), each)
    return found


def _action(marks: Marks, member: Member, performer: ElementId | None, refined_by: ElementId | None) -> Action:
    detail = marks.first(member, "Node", "detail")
    return Action(
        **marks.common(member),
        activity=_owner(marks, member),
        kind=ActionKind(marks.first(member, "Node", "kind") or ActionKind.ACTION),
        performer=performer,
        detail=VariationPointId(detail) if detail else None,
        refined_by=refined_by,
    )


def _owner(marks: Marks, member: Member) -> ElementId:
    assert member.owner is not None
    return marks.elements[member.owner]


def _flow(marks: Marks, member: Member) -> Flow:
    is_object = member.kind == "succession flow"
    source, target = (marks.after(member, word) for word in (("from", "to") if is_object else ("first", "then")))
    if is_object:
        source, target = shortened(source), shortened(target)
    carried = marks.first(member, "Hands", "carried")
    item = marks.element(marks.after(member, "of"), member) if is_object else ElementId(carried)
    return Flow(
        **marks.common(member),
        activity=_owner(marks, member),
        source=marks.element(source, member),
        target=marks.element(target, member),
        guard=marks.first(member, "Guard", "words"),
        item=item or None,
    )


# --- interactions ---------------------------------------------------------------------------------------------------


def _content(marks: Marks, interaction: Member) -> Iterator[Element]:
    """Read frames and messages, which are numbered in the order of the text."""
    order = 0
    for member in interaction.all():
        if member not in marks.elements or member is interaction:
            continue
        within = marks.elements[member.owner] if member.owner not in {None, interaction} else None
        if member.kind == "occurrence":
            yield Fragment(
                **marks.common(member),
                interaction=marks.elements[interaction],
                operator=Operator(marks.first(member, "CombinedFragment", "operator")),
                guard=marks.first(member, "CombinedFragment", "guard"),
                within=within,
            )
        elif member.kind == "message":
            order += 1
            payload = marks.after(member, "of")
            yield Message(
                **marks.common(member),
                interaction=marks.elements[interaction],
                order=order,
                source=marks.element(marks.after(member, "from"), member),
                target=marks.element(marks.after(member, "to"), member),
                item=marks.element(payload, member) if payload is not None else None,
                within=within,
            )


# --- states ---------------------------------------------------------------------------------------------------------


def _machine(marks: Marks, member: Member) -> StateMachine:
    name = marks.elements[member]
    holders = [each for each in marks.all("exhibit state") if marks.first(each, "Trace", "element") == name]
    return StateMachine(**marks.common(member), table=_table(marks, member), exhibited_by=_owner(marks, holders[0]))


def _table(marks: Marks, member: Member) -> TableView:
    # `entry;` and `then idle;` are two members, of which the second says where the machine begins.
    initial = next(each for each in member.members() if each.prefixes == ("then",))
    assert initial.target is not None
    ends = [marks.after(each, "first") for each in member.members() if each.kind == "succession"]
    return TableView(
        name=marks.first(member, "Table", "called"),
        initial=initial.target.names[0],
        final=tuple(each.names[0] for each in ends if each is not None),
        states=tuple(each.name for each in member.members() if each.kind == "state"),
        transitions=tuple(_transition(marks, each) for each in member.members() if each.kind == "transition"),
        ignored=tuple(
            (each["inState"][0], message) for each in marks.marks(member, "Ignored") for message in each["messages"]
        ),
        refused=tuple(
            (each["inState"][0], each["received"][0], each["reason"][0]) for each in marks.marks(member, "Refused")
        ),
    )


def _transition(marks: Marks, member: Member) -> Transition:
    source, message, target = (marks.after(member, word) for word in ("first", "accept", "then"))
    assert source is not None
    assert message is not None
    assert target is not None
    received = message.names[-1].removesuffix(SIGNAL)
    return Transition(source.names[0], received, target.names[0], marks.first(member, "Guard", "words"))
