"""Rule 3: what the protocol sends is refined by the chosen Q-link, which then delivers just that.

Where the Q-link passes states on, it is told once for each hop of the protocol. Where it gives the two ends a joint
state instead, states are teleported: a Bell measurement at the sender, its outcome told, a correction at the receiver
(Bennett et al., PRL 70 1895, 1993). That is allowed, and has a price: the finding names what needs no teleportation.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from keytwin.design.draft import Draft, Hop, holder, short
from keytwin.design.fragments import Fragment as Brought
from keytwin.design.model import (
    Action,
    ActionKind,
    Element,
    ElementId,
    Flow,
    Fragment,
    Interaction,
    JointState,
    Message,
    Part,
    RuleId,
)
from keytwin.design.references import renamed
from keytwin.design.synchronisation import Inconsistency, Rule

_3: Final = RuleId("sync-3")
_WHY: Final = "the step of the protocol says that states are sent, the Q-link says how: without it nothing arrives"


# --- how well they fit ----------------------------------------------------------------------------------------------


def reaches(messages: Iterable[Message], source: ElementId, target: ElementId, item: ElementId) -> bool:
    """Whether messages hand an item on from one part to another, directly or by others."""
    # In one pass and in order: what is handed on must have arrived before.
    found = {source}
    for each in messages:
        if each.item == item and each.source in found:
            found.add(each.target)
    return target in found and source != target


def refining(draft: Draft, action: Action) -> tuple[Interaction, ...]:
    """Return the interaction that refines a transmission, or the one that is left to do so."""
    # What refines another transmission is not taken twice: a copy for a further channel has an interaction of its own.
    taken = {each.refined_by for each in draft.transmissions()}
    if action.refined_by:
        return tuple(each for each in draft.links() if each.id == action.refined_by)
    return tuple(each for each in draft.links() if each.id not in taken)[:1]


def is_served(draft: Draft, hop: Hop, link: Interaction) -> bool:
    """Whether an interaction delivers what a hop hands over."""
    messages = draft.messages(link.id)
    # By the item asked for: that something reaches the other end does not mean that it is what was sent.
    if reaches(messages, hop.source, hop.target, hop.item):
        return True
    # Whoever gives out shares is of no account to the one who takes his: a chain of repeaters is a source of pairs.
    takes = [each for each in messages if each.item == hop.item == draft.roles.share]
    return any(hop.target in {each.target, holder(draft, each.target)} for each in takes)


def joint_state(draft: Draft, hop: Hop, link: Interaction) -> JointState | None:
    """Return the joint state of the two ends of a hop, through which a state may be teleported."""
    # Only a state can be teleported: a share of a pair is handed out, or swapped, and needs no correction here.
    if hop.item != draft.roles.state:
        return None
    # Holders and not parts: a share that lies in the sender's memory is the sender's.
    ends = {hop.source, hop.target}
    return next((each for each in draft.joint_states(link.id) if {holder(draft, p) for p in each.parts} == ends), None)


def _check(draft: Draft) -> list[Inconsistency]:
    found = []
    for action in draft.transmissions():
        name = action.name
        if action.refined_by is None and draft.links():
            found.append(Inconsistency(_3, f"'{name}' is not refined by the Q-link", _WHY, (action.id,)))
        for link in refining(draft, action):
            hops = [each for each in draft.hops() if each.action.id == action.id]
            found += [one for hop in hops if (one := _unfit(draft, hop, link))]
    return found


def _unfit(draft: Draft, hop: Hop, link: Interaction) -> Inconsistency | None:
    if is_served(draft, hop, link):
        return None
    name = {each: draft.model.get(each, Part).name for each in (hop.source, hop.target)}
    sent = f"{hop.item} from {name[hop.source]} to {name[hop.target]}"
    # Asked before it is called undelivered: this misfit has a remedy, the other has none.
    if joint_state(draft, hop, link):
        what = f"'{hop.action.name}' hands over {sent}, but '{link.name}' gives the two a joint state instead"
        why = "a state crosses a joint state by teleportation only, which needs a Bell measurement and corrections"
        return Inconsistency(_3, what, why, (hop.action.id, link.id), alternatives(draft))
    what = f"'{link.name}' does not deliver {sent}"
    return Inconsistency(_3, what, _WHY, (hop.action.id, link.id))


def alternatives(draft: Draft) -> tuple[str, ...]:
    """Return what needs no teleportation: protocols that use joint states, Q-links that hand states on."""
    roles = draft.roles
    # A library may know more variants than this OVM has: only what can be chosen is an alternative.
    brought = [each for name, each in draft.library.fragments.items() if name in draft.ovm.variants]
    protocols = [each for each in brought if _point(draft, each) == roles.protocol and _takes_shares(each, roles.share)]
    links = [each for each in brought if _point(draft, each) == roles.link and _hands_on(each, draft)]
    return tuple(
        f"{each.variant}, which {why}"
        for group, why in ((protocols, "uses the joint state itself"), (links, "hands states on"))
        for each in group
    )


def _point(draft: Draft, fragment: Brought) -> object:
    return draft.ovm.variants[fragment.variant].point


def _takes_shares(fragment: Brought, share: ElementId) -> bool:
    return any(isinstance(each, Flow) and each.item == share for each in fragment.elements)


def _hands_on(fragment: Brought, draft: Draft) -> bool:
    messages = [each for each in fragment.elements if isinstance(each, Message)]
    first, last = draft.roles.ends
    return reaches(messages, first, last, draft.roles.state)


# --- making them fit ------------------------------------------------------------------------------------------------


def _refine(draft: Draft) -> Draft:
    for link in draft.links():
        mine = [each for each in draft.transmissions() if link in refining(draft, each)]
        draft = draft.changed(*(replace(each, refined_by=link.id) for each in mine))
        # Asked of the changed draft: the lines above have only now said which transmission is refined.
        hops = [each for each in draft.hops() if each.action.refined_by == link.id]
        # A Q-link that serves no hop as it is told is a pattern from end to end: it is told anew between each pair.
        if hops and not any(is_served(draft, each, link) or joint_state(draft, each, link) for each in hops):
            draft = _told_for_each(draft, link, hops)
        for hop in hops:
            state = joint_state(draft, hop, link)
            # Asked after the lines above: a pattern that was told anew brings its own joint states.
            if state and not is_served(draft, hop, link):
                draft = _teleported(draft, hop, link, state)
        draft = _completed(draft, link)
    return draft


def _completed(draft: Draft, link: Interaction) -> Draft:
    """Add a message for each hop that even now nothing serves."""
    for hop in draft.hops():
        if hop.action.refined_by == link.id and not is_served(draft, hop, link):
            message = Message(
                id=ElementId(f"{link.id}.{short(hop.source)}-to-{short(hop.target)}"),
                name="send the state",
                interaction=link.id,
                order=0,
                source=hop.source,
                target=hop.target,
                item=hop.item,
            )
            draft = inserted(draft, link, [message])
    return draft


def _told_for_each(draft: Draft, link: Interaction, hops: list[Hop]) -> Draft:
    """Tell a Q-link that is told from end to end once for each hop of the protocol instead."""
    # What the ends discuss afterwards is said once, however many hops the light has made.
    template = [each for each in draft.messages(link.id) if not _is_discussion(draft, each)]
    frames = [each for each in draft.model.all(Fragment) if each.interaction == link.id]
    states = draft.joint_states(link.id)
    told: list[Message] = []
    others: list[Element] = []
    for number, hop in enumerate(hops):
        # The first hop keeps the stations of the pattern, each further one gets its own.
        names = _places(draft, hop, link, number)
        names |= {each.id: ElementId(f"{each.id}-{number + 1}") for each in (*template, *frames, *states)}
        names[draft.roles.state] = hop.item  # the pattern hands on whatever the protocol sends
        told += [message for each in template if isinstance(message := renamed(each, names), Message)]
        others += [renamed(each, names) for each in (*frames, *states)]
        others += _further_stations(draft, names)
    gone = (*(each.id for each in template), *(each.id for each in frames), *(each.id for each in states))
    return inserted(draft.without(*gone).changed(*others), link, told)


def _is_discussion(draft: Draft, message: Message) -> bool:
    ends = set(draft.roles.ends)
    # A message within a frame belongs to the sending that the frame repeats, and not to what is discussed after it.
    return message.within is None and {message.source, message.target} == ends and not draft.is_delicate(message.item)


def _places(draft: Draft, hop: Hop, link: Interaction, number: int) -> dict[ElementId, ElementId]:
    first, last = draft.roles.ends
    names = {first: hop.source, last: hop.target}
    if number:
        stations = [each for each in draft.lifelines(link.id) if draft.is_station(each)]
        names |= {each: ElementId(f"{each}-{number + 1}") for each in stations}
    return names


def _further_stations(draft: Draft, names: Mapping[ElementId, ElementId]) -> Iterator[Element]:
    for old, new in names.items():
        if old in draft.model and new not in draft.model:
            part = draft.model.elements[old]
            # Messages and fragments that take a new name are told elsewhere; here only parts are missing.
            if isinstance(part, Part):
                yield replace(part, id=new, name=f"{part.name} {short(new).rpartition('-')[2]}", rules=())


def inserted(draft: Draft, link: Interaction, messages: list[Message]) -> Draft:
    """Add messages to an interaction, before what the ends discuss at last; the order is counted anew."""
    known = list(draft.messages(link.id))
    place = next((n for n, each in enumerate(known) if _is_discussion(draft, each)), len(known))
    # Synchronisation and the like may come between two ends before anything is sent: the last discussion counts.
    delicate = [n for n, each in enumerate(known) if draft.is_delicate(each.item) or each.source == each.target]
    # An own act, such as a measurement, counts as sending: discussion before it has nothing to discuss.
    if delicate and delicate[-1] >= place:
        place = next(
            (n for n, each in enumerate(known) if n > delicate[-1] and _is_discussion(draft, each)), len(known)
        )
    return ordered(draft, [*known[:place], *messages, *known[place:]])


def ordered(draft: Draft, messages: Iterable[Message]) -> Draft:
    """Number messages in the order in which they are given."""
    return draft.changed(*(replace(each, order=order) for order, each in enumerate(messages, start=1)))


# --- teleportation --------------------------------------------------------------------------------------------------


def _teleported(draft: Draft, hop: Hop, link: Interaction, state: JointState) -> Draft:
    roles, activity = draft.roles, hop.flow.activity
    stem = hop.action.id
    measure, correct = ElementId(f"{stem}.bell-measurement"), ElementId(f"{stem}.correction")
    steps = (
        Action(
            id=measure,
            name="Measure the Bell state of the state and one's share",
            activity=activity,
            kind=ActionKind.ACTION,
            performer=hop.source,
        ),
        Action(id=correct, name="Correct one's share by the outcome", activity=activity, performer=hop.target),
    )
    # The state itself never crosses: it ends in the one measurement and begins again behind the correction.
    flows = (
        _flow(activity, hop.action.id, measure, roles.state),
        _flow(activity, measure, correct, roles.outcome),
        _flow(activity, correct, hop.flow.target, roles.state),
    )
    told = _teleporting_messages(draft, hop, link)
    # The measurement and the correction use the pair up: a pair teleports one state and is gone.
    used = replace(state, used_by=(*state.used_by, told[0].id, told[2].id))
    return inserted(draft.without(hop.flow.id).changed(*steps, *flows, used), link, told)


def _flow(activity: ElementId, source: ElementId, target: ElementId, item: ElementId) -> Flow:
    ends = f"{source.removeprefix(f'{activity}.')}-to-{target.removeprefix(f'{activity}.')}"
    return Flow(id=ElementId(f"{activity}.{ends}"), name="", activity=activity, source=source, target=target, item=item)


def _teleporting_messages(draft: Draft, hop: Hop, link: Interaction) -> list[Message]:
    stem = f"{link.id}.{short(hop.source)}-to-{short(hop.target)}"

    def message(word: str, name: str, source: ElementId, target: ElementId, item: ElementId | None = None) -> Message:
        return Message(
            id=ElementId(f"{stem}.{word}"),
            name=name,
            interaction=link.id,
            order=0,
            source=source,
            target=target,
            item=item,
        )

    # In this order and no other: without the outcome the share at the far end says nothing.
    return [
        message("bell-measurement", "Measure the Bell state of the state and the share", hop.source, hop.source),
        message("bell-outcome", "outcome of the measurement", hop.source, hop.target, draft.roles.outcome),
        message("correction", "Correct the share by both outcomes", hop.target, hop.target),
    ]


REFINEMENT: Final = Rule(
    _3,
    "the transmission of the protocol is refined by the Q-link, which delivers what is sent",
    _check,
    _refine,
    "refined the transmission by the Q-link",
)
