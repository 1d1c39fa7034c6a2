"""Rules 4 and 9: each chosen medium yields a channel of its own, and two channels share no part but the ends.

What the Q-link does is told once, for one channel. With several channels each gets a transmission of its own, and what
stands half-way stands on one of them only: on the other, what its medium brings (a satellite) or a further one of the
same kind takes its place. An attack on one channel then leaves the other.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Set as AbstractSet
from dataclasses import replace
from typing import Final

from keytwin.design.draft import Draft, connectors, short
from keytwin.design.model import (
    Action,
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
from keytwin.design.ports import delicate_ports, fresh_port
from keytwin.design.references import renamed
from keytwin.design.synchronisation import Inconsistency, Rule
from keytwin.design.views import ViewKind

# --- rule 4 ---------------------------------------------------------------------------------------------------------

_4: Final = RuleId("sync-4")


def _channels_without_transmission(draft: Draft) -> list[Inconsistency]:
    found = list(_media_without_channel(draft))
    channels = draft.channels()
    links = draft.links()
    # One channel needs no interaction that names it: there is no other that the light could take.
    if len(channels) > 1 and links:
        settled = {each.through for each in links}
        missing = [each for each in channels if each.id not in settled]
        if missing:
            names = ", ".join(each.name for each in channels)
            what = f"one transmission is told for several channels ({names})"
            why = "each channel is crossed by quantum and by classical light of its own, or it is no second way"
            found.append(Inconsistency(_4, what, why, tuple(each.id for each in missing)))
    # What crosses a channel is seen on its connectors, which come with the interface definition.
    if draft.is_settled():
        found += _uncrossed(draft)
    return found


def _media_without_channel(draft: Draft) -> Iterator[Inconsistency]:
    media = {draft.medium_of(each) for each in draft.channels()}
    for medium in draft.chosen(draft.roles.medium):
        if medium not in media:
            what = f"{medium} is chosen, but no channel of it is a part of the whole"
            yield Inconsistency(_4, what, "what is chosen as a medium is there to be crossed", ())


def _uncrossed(draft: Draft) -> Iterator[Inconsistency]:
    for channel in draft.channels():
        items = {
            flow.item
            for each in connectors(draft)
            # Further spans are not looked at: each of them was laid because something crosses it.
            if channel.id in {each.source.part, each.target.part}
            for flow in each.flows
        }
        for kind, is_missing in (
            # Both kinds are asked for, since QKD without an authenticated classical channel distils nothing.
            ("quantum", not any(draft.is_delicate(each) for each in items)),
            ("classical", all(draft.is_delicate(each) for each in items)),
        ):
            if is_missing:
                what = f"nothing {kind} crosses {channel.name}"
                yield Inconsistency(_4, what, "a channel carries the states and what is said about them", (channel.id,))


def _transmit_over_each(draft: Draft) -> Draft:
    channels, links = draft.channels(), draft.links()
    if not links or len(channels) < 2:
        return draft
    # What is told already is of the first channel: its medium places nothing half-way, so nothing has to give way.
    first = replace(links[0], through=channels[0].id)
    draft = draft.changed(first)
    taken = {each.through for each in draft.links()}
    for channel in channels[1:]:
        if channel.id not in taken:
            draft = _transmitted_over(draft, first, channel)
    return draft


def _transmitted_over(draft: Draft, link: Interaction, channel: Part) -> Draft:
    # A copy and not a second reference: what stands half-way, and how states get across, may differ on each channel.
    word = short(channel.id)
    copy = ElementId(f"{link.id}.{word}")
    names = {link.id: copy}
    mine = [each for each in draft.model if _belongs(each, link, draft)]
    names |= {each.id: ElementId(f"{copy}.{each.id.removeprefix(f'{link.id}.')}") for each in mine}
    copies = [renamed(each, names) for each in mine]
    whole = replace(link, id=copy, name=f"{link.name} through the {channel.name}", through=channel.id)
    # The copy needs a view of its own, or half of what the architecture does would not be drawn.
    view = next(each for each in draft.views if each.subject == link.id and each.kind is ViewKind.SEQUENCE)
    second = replace(view, id=f"{view.id}.{word}", title=f"{view.title} through the {channel.name}", subject=copy)
    draft = replace(draft, views=(*draft.views, replace(second, variant=None)))
    return draft.changed(whole, *copies, *_further_transmissions(draft, link, whole, word))


def _belongs(element: Element, link: Interaction, draft: Draft) -> bool:
    if isinstance(element, Message | Fragment):
        return element.interaction == link.id
    return isinstance(element, JointState) and element in draft.joint_states(link.id)


def _further_transmissions(draft: Draft, link: Interaction, copy: Interaction, word: str) -> Iterator[Element]:
    # Both transmissions hang between the same steps: what is prepared goes out on all channels side by side.
    mine = [each for each in draft.transmissions() if each.refined_by in {None, link.id}]
    names = {each.id: ElementId(f"{each.id}-{word}") for each in mine}
    for action in mine:
        yield replace(
            action, id=names[action.id], name=f"{action.name} through the {word.replace('-', ' ')}", refined_by=copy.id
        )
    yield from _flows_of_copies(draft, names)


def _flows_of_copies(draft: Draft, names: dict[ElementId, ElementId]) -> Iterator[Flow]:
    for flow in draft.flows():
        # Only flows at a transmission are doubled: all else of the protocol is done once, whatever the number of
        # channels.
        if flow.source in names or flow.target in names:
            yield _redirected(flow, names)


def _flow_id(activity: ElementId, source: ElementId, target: ElementId) -> ElementId:
    return ElementId(f"{activity}.{source.removeprefix(f'{activity}.')}-to-{target.removeprefix(f'{activity}.')}")


CHANNELS: Final = Rule(
    _4,
    "each medium yields a channel, and each channel is crossed by quantum and by classical flows",
    _channels_without_transmission,
    _transmit_over_each,
    "told the transmission once for each channel",
)

# --- rule 9 ---------------------------------------------------------------------------------------------------------

_9: Final = RuleId("sync-9")
_APART: Final = "an attack on one channel must leave the other: they may share nothing but the two ends"


def _shared_between_channels(draft: Draft) -> list[Inconsistency]:
    channels = draft.channels()
    # One channel stands in for nothing, so there is nothing to be kept apart.
    if len(channels) < 2 or not draft.links():
        return []
    names = " and ".join(each.name for each in channels)
    shared = sorted(_shared_stations(draft))
    found = []
    if shared:
        said = ", ".join(draft.model.get(each, Part).name for each in shared)
        found.append(Inconsistency(_9, f"{names} share {said}", _APART, tuple(shared)))
    for end in draft.roles.ends:
        # The ends themselves must be shared, as the keys are made there; their quantum ports must not: light of one
        # channel would go with the other's.
        if any(_lacking(draft, end).values()):
            what = f"{names} share the quantum port of {draft.model.get(end, Part).name}"
            found.append(Inconsistency(_9, what, _APART, (end,)))
    return found


def _shared_stations(draft: Draft) -> set[ElementId]:
    """Return what stands half-way on more than one channel, or would: so far nobody has said on which."""
    links = draft.links()
    on = [{each for each in draft.lifelines(link.id) if draft.is_station(each)} for link in links]
    # Told once for several channels, whatever stands half-way stands on all of them at once.
    if len(links) < len(draft.channels()):
        return set().union(*on)
    return {each for one in on for each in one if sum(each in other for other in on) > 1}


def _lacking(draft: Draft, end: ElementId) -> dict[bool, int]:
    """Return how many ports an end lacks to use each channel by one of its own, by whether they are conjugated."""
    links, ports = draft.links(), delicate_ports(draft, end)
    # Before each channel has its interaction the one that there is will be told for all, and each will want a port.
    as_many = len(draft.channels()) if len(links) < len(draft.channels()) else 1
    found = {}
    for conjugated in (False, True):
        using = [each for each in links if _uses(draft, each, end, is_taking=conjugated)]
        found[conjugated] = max(0, len(using) * as_many - len(ports.get(conjugated, ()))) if using else 0
    return found


def _uses(draft: Draft, link: Interaction, end: ElementId, *, is_taking: bool) -> bool:
    """Whether an end sends, or takes, light of a channel itself; shares of joint states go to a memory."""
    # Whoever holds a share takes no light himself: a memory does, as rule 5 sees to.
    holds = any(end in each.parts for each in draft.joint_states(link.id))
    messages = [each for each in draft.messages(link.id) if draft.is_delicate(each.item)]
    return not holds and any(end == (each.target if is_taking else each.source) for each in messages)


def _keep_apart(draft: Draft) -> Draft:
    links = draft.links()
    # The first channel keeps what there is: one has to, and rule 4 puts that first whose medium brings nothing.
    for link in links[1:]:
        first = {each for each in draft.lifelines(links[0].id) if draft.is_station(each)}
        shared = [each for each in draft.lifelines(link.id) if each in first]
        draft = _with_own_stations(draft, link, shared)
    return _with_own_ports(draft)


def _with_own_stations(draft: Draft, link: Interaction, shared: list[ElementId]) -> Draft:
    channel = draft.channel_of(link)
    assert channel
    free = draft.station_of(channel)
    names: dict[ElementId, ElementId] = {}
    for station in shared:
        # What the medium brings takes the place of the first; for a second one there is nothing to take its place.
        if free and free.id not in draft.lifelines(link.id):
            names[station] = free.id
            draft = carried_by(draft, station, free)
            # A medium places one station only: a second one to be replaced would stand in the same place.
            free = None
        else:
            kept = draft.model.get(station, Part)
            further = ElementId(f"{station}-{short(channel.id)}")
            names[station] = further
            name = f"{kept.name} of the {channel.name}"
            draft = draft.changed(replace(kept, id=further, name=name, because=kept.because, rules=()))
    return _moved(draft, link, names) if names else draft


def carried_by(draft: Draft, station: ElementId, carrier: Part) -> Draft:
    """Put what is needed half-way on board of what a medium places there."""
    kind = draft.model.get(station, Part)
    aboard = ElementId(f"{carrier.block}.{short(station)}")
    return draft.changed(replace(kind, id=aboard, name=f"{kind.name} on board", owner=carrier.block, rules=()))


def _moved(draft: Draft, link: Interaction, names: dict[ElementId, ElementId]) -> Draft:
    """Let other parts take the place of some on one channel: in its interaction, and in their steps of the protocol."""
    mine = [each for each in draft.model if _belongs(each, link, draft)]
    draft = draft.changed(*(renamed(each, names) for each in mine))
    theirs = [each for each in draft.actions() if each.performer in names]
    # A station without a step in the protocol only hands on, and the interaction alone says so.
    if not theirs:
        return draft
    sent = [each for each in draft.transmissions() if each.refined_by == link.id]
    return _with_own_steps(draft, sent, [each for each in theirs if each not in sent], names)


def _with_own_steps(draft: Draft, sent: list[Action], theirs: list[Action], names: dict[ElementId, ElementId]) -> Draft:
    # Transmissions have a copy for each channel already, which only changes hands; all other steps are copied here.
    moved = [_performed_by(each, names) for each in sent]
    # Transmissions of other channels are no business of this one's stations.
    others = [each for each in theirs if each.detail != draft.roles.link]
    word = short(next(iter(names.values())))
    copies = {each.id: ElementId(f"{each.id}-{word}") for each in others}
    made = [replace(_performed_by(each, names), id=copies[each.id]) for each in others]
    taken = {each.id for each in sent}
    elsewhere = {each.id for each in draft.transmissions()} - taken
    # What leads to or from another channel's transmission stays with the station of that channel.
    mine = [each for each in draft.flows() if _touches(each, copies.keys()) and not _touches(each, elsewhere)]
    # What led from this channel's transmission to the shared station leads to its own one now.
    gone = [each.id for each in mine if _touches(each, taken)]
    return draft.without(*gone).changed(*moved, *made, *(_redirected(each, copies) for each in mine))


def _performed_by(action: Action, names: dict[ElementId, ElementId]) -> Action:
    return replace(action, performer=names.get(action.performer, action.performer)) if action.performer else action


def _touches(flow: Flow, steps: AbstractSet[ElementId]) -> bool:
    return not steps.isdisjoint({flow.source, flow.target})


def _redirected(flow: Flow, names: dict[ElementId, ElementId]) -> Flow:
    source, target = names.get(flow.source, flow.source), names.get(flow.target, flow.target)
    return replace(flow, id=_flow_id(flow.activity, source, target), source=source, target=target)


def _with_own_ports(draft: Draft) -> Draft:
    for end in draft.roles.ends:
        # Sending and taking are counted apart: a port for light out is of no use to light that comes in.
        for conjugated, number in _lacking(draft, end).items():
            for _ in range(number):
                draft = fresh_port(draft, end, draft.roles.delicate_port, is_conjugated=conjugated)[0]
    return draft


REDUNDANCY: Final = Rule(
    _9,
    "channels that stand in for one another share no part but the ends",
    _shared_between_channels,
    _keep_apart,
    "gave each channel its own station and ports",
)
