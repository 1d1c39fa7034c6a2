"""Rules 1 and 2: who acts has a lane, and what passes from lane to lane is told from lifeline to lifeline."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from keytwin.design.draft import ACTING, Draft, Hop, connectors, holder, short
from keytwin.design.model import (
    Action,
    ActionKind,
    Direction,
    Element,
    ElementId,
    Flow,
    Interaction,
    Message,
    Part,
    RuleId,
)
from keytwin.design.refinement import reaches
from keytwin.design.synchronisation import Inconsistency, Rule

# --- rule 1 ---------------------------------------------------------------------------------------------------------

_1: Final = RuleId("sync-1")


def _acts(draft: Draft, link: Interaction, part: ElementId) -> list[Message]:
    return [each for each in draft.messages(link.id) if each.source == each.target == part]


def _lacking_lanes(draft: Draft) -> list[tuple[ElementId, list[Message]]]:
    lanes = {each.performer for each in draft.actions()}
    links = draft.links()
    # A dictionary and not a set: lanes are made in this order, and the same choice must give the same drawing.
    parts = dict.fromkeys(each for link in links for each in draft.lifelines(link.id) if each not in lanes)
    found = [(part, [act for link in links for act in _acts(draft, link, part)]) for part in parts]
    # Whoever only hands on, such as a fibre, does nothing that the protocol would have to wait for.
    return [(part, acts) for part, acts in found if acts]


def _check_lanes(draft: Draft) -> list[Inconsistency]:
    found = []
    parts = {each.id for each in draft.parts()}
    # All actions and not only those of the protocol: a step of any activity that nobody performs is never done.
    for action in draft.model.all(Action):
        if action.kind in ACTING and action.performer not in parts:
            what = f"'{action.name}' is performed by {action.performer or 'nobody'}, which is no part of the whole"
            found.append(Inconsistency(_1, what, "every step is done by exactly one part", (action.id,)))
    # Without a protocol there is no activity that could leave a step out.
    if draft.activity():
        for part, acts in _lacking_lanes(draft):
            what = f"{draft.model.get(part, Part).name} acts in the Q-link ({acts[0].name}), but has no lane"
            found.append(Inconsistency(_1, what, "who acts has a lane, or the activity leaves out a step", (part,)))
    return found


def _give_lanes(draft: Draft) -> Draft:
    for part, _ in _lacking_lanes(draft):
        for link in draft.links():
            acts = _acts(draft, link, part)
            if acts:
                # One interaction after the other: a part may act on two channels, and each has a way of its own through
                # the lane.
                draft = _with_lane(draft, link, part, acts)
    return draft


def _with_lane(draft: Draft, link: Interaction, part: ElementId, acts: list[Message]) -> Draft:
    activity = draft.activity()
    assert activity
    steps = [
        Action(
            id=ElementId(f"{activity}.{short(part)}-{short(each.id)}"),
            name=each.name,
            activity=activity,
            performer=part,
        )
        for each in acts
    ]
    # Control without an item: what passes between a part's own acts stays with the part, so rule 2 asks for no message.
    chain = [flow_of(activity, one.id, other.id) for one, other in pairwise(steps)]
    hops = [each for each in draft.hops() if each.action.refined_by == link.id and _passes(draft, link, part, each)]
    if hops:
        # It stands on the way of what is sent: the flow goes through its lane instead of past it.
        draft = draft.without(*(each.flow.id for each in hops))
        onward = [flow_of(activity, each.action.id, steps[0].id, each.item) for each in hops]
        onward += [flow_of(activity, steps[-1].id, each.flow.target, each.item) for each in hops]
        return draft.changed(*steps, *chain, *onward)
    # It works beside what is sent, as a repeater does: it begins with the activity and tells others its outcome.
    draft = draft.changed(*steps, *chain, *_told(draft, link, acts[-1], steps[-1].id))
    return _begun(draft, activity, steps[0].id)


def _passes(draft: Draft, link: Interaction, part: ElementId, hop: Hop) -> bool:
    messages = [each for each in draft.messages(link.id) if each.item == hop.item]
    # Both halves are asked: who takes the light and never gives it on, as an untrusted centre does, is no relay.
    return reaches(messages, hop.source, part, hop.item) and reaches(messages, part, hop.target, hop.item)


def _told(draft: Draft, link: Interaction, act: Message, step: ElementId) -> Iterator[Flow]:
    """Give a flow from a step to whoever is told its outcome."""
    told: dict[ElementId, ElementId] = {}
    for each in draft.messages(link.id):
        if each.order > act.order and each.source == act.source and each.target != act.source and each.item:
            # The first message to a part counts; what is told to a memory is told to whoever owns it, since a memory
            # has no lane.
            told.setdefault(holder(draft, each.target), each.item)
    for part, item in told.items():
        step_of = _waiting(draft, link, part)
        if step_of:
            yield flow_of(draft.model.get(step_of, Action).activity, step, step_of, item)


def _waiting(draft: Draft, link: Interaction, part: ElementId) -> ElementId | None:
    """Return the step of a part that needs what the Q-link has told it."""
    sent = [each.id for each in draft.transmissions() if each.refined_by == link.id]
    # The sender measures right behind the transmission, the receiver corrects one step later.
    after = [each.target for each in draft.flows() if each.source in sent]
    later = [each.target for each in draft.flows() if each.source in after]
    mine = [each for each in (*after, *later) if draft.performer(each) == part]
    return mine[0] if mine else None


def _begun(draft: Draft, activity: ElementId, step: ElementId) -> Draft:
    """Let a step begin with the activity: after a fork, beside what begins already."""
    # An activity without a start begins with whatever has no flow into it, so there is nothing to hang the step on.
    start = next((each for each in draft.actions() if each.kind is ActionKind.START), None)
    if start is None:
        return draft
    fork = ElementId(f"{activity}.fork")
    # A second station joins the fork of the first: two forks in a row would say that one of them begins later.
    if fork in draft.model:
        return draft.changed(flow_of(activity, fork, step))
    first = [each for each in draft.flows() if each.source == start.id]
    moved = [flow_of(activity, fork, each.target, each.item) for each in first]
    made = Action(id=fork, name="fork", activity=activity, kind=ActionKind.FORK)
    draft = draft.without(*(each.id for each in first))
    return draft.changed(made, flow_of(activity, start.id, fork), *moved, flow_of(activity, fork, step))


def flow_of(activity: ElementId, source: ElementId, target: ElementId, item: ElementId | None = None) -> Flow:
    """Return a flow between two steps."""
    ends = f"{source.removeprefix(f'{activity}.')}-to-{target.removeprefix(f'{activity}.')}"
    return Flow(id=ElementId(f"{activity}.{ends}"), name="", activity=activity, source=source, target=target, item=item)


LANES: Final = Rule(
    _1,
    "every lane is a part of the whole, and every step is performed by exactly one part",
    _check_lanes,
    _give_lanes,
    "gave a lane to whoever acts in the Q-link",
)

# --- rule 2 ---------------------------------------------------------------------------------------------------------

_2: Final = RuleId("sync-2")


def _crossing(draft: Draft) -> Iterator[tuple[Flow, ElementId, ElementId]]:
    for flow in draft.flows():
        source, target = draft.performer(flow.source), draft.performer(flow.target)
        # A flow without an item only orders two steps: it hands nothing over that a message could carry.
        if flow.item and source and target and source != target:
            yield flow, source, target


def _untold(draft: Draft) -> list[tuple[Flow, ElementId, ElementId]]:
    told = {(m.source, m.target, m.item) for each in draft.links() for m in draft.messages(each.id)}
    # What must not be copied is the business of rule 3: others may hand it on.
    crossing = [each for each in _crossing(draft) if not draft.is_delicate(each[0].item)]
    return [each for each in crossing if (each[1], each[2], each[0].item) not in told]


def _check_flows(draft: Draft) -> list[Inconsistency]:
    # Without a Q-link there is no interaction to tell anything in, and nothing that this rule could add a message to.
    if not draft.links():
        return []
    found = []
    for flow, source, target in _untold(draft):
        what = f"{flow.item} flows from {source} to {target} in the protocol, but no message says so"
        found.append(Inconsistency(_2, what, "what a lane hands to another is sent, or it does not arrive", (flow.id,)))
    # Connectors come with the interface definition: before it every flow would seem to lack one.
    if draft.is_settled():
        found += _unconnected(draft)
    return found


def _unconnected(draft: Draft) -> Iterator[Inconsistency]:
    leaving, arriving = set(), set()
    # All connectors are gathered first: a flow may leave by one and arrive by another, past a channel and a station
    # between.
    for each in connectors(draft):
        for flow in each.flows:
            out = {(holder(draft, each.source.part), flow.item)}, {(holder(draft, each.target.part), flow.item)}
            leaving |= out[0] if flow.direction is not Direction.IN else out[1]
            arriving |= out[1] if flow.direction is not Direction.IN else out[0]
            if flow.direction is Direction.BOTH:
                leaving |= out[1]
                arriving |= out[0]
    # A memory stands for whoever it belongs to: what arrives there has arrived.
    for crossing, source, target in _crossing(draft):
        assert crossing.item
        if (source, crossing.item) not in leaving or (target, crossing.item) not in arriving:
            what = f"{crossing.item} from {source} to {target} has no connection that carries it"
            yield Inconsistency(
                _2, what, "what is sent passes a connection of the same item and direction", (crossing.id,)
            )


def _tell(draft: Draft) -> Draft:
    for flow, source, target in _untold(draft):
        link = _link_between(draft, source, target)
        name = ElementId(f"{link.id}.{short(flow.id)}")
        made: Element = Message(
            id=name,
            name=f"{draft.model.get(flow.source, Action).name}",
            interaction=link.id,
            # At the end: where exactly it belongs nobody has said, and nothing told before may come to depend on it.
            order=len(draft.messages(link.id)) + 1,
            source=source,
            target=target,
            item=flow.item,
        )
        draft = draft.changed(made)
    return draft


def _link_between(draft: Draft, source: ElementId, target: ElementId) -> Interaction:
    """Return the interaction in which both take part, or the first one."""
    links = draft.links()
    return next((each for each in links if {source, target} <= set(draft.lifelines(each.id))), links[0])


FLOWS: Final = Rule(
    _2,
    "what flows between lanes is a message of the same item and direction, and passes a connection",
    _check_flows,
    _tell,
    "told what flows between lanes",
)
