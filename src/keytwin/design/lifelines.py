"""Rule 5: lifelines are parts. What a variant places half-way takes part in the Q-link; who holds a share keeps it.

A share of a joint state is held until the outcome is known, unless its holder measures it at once, as the protocols
that use entanglement themselves do. So a chain of repeaters below BB84 asks for memories at both ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from keytwin.design.channels import carried_by
from keytwin.design.draft import Draft, memory_of, short
from keytwin.design.model import Element, ElementId, Interaction, JointState, Message, Part, RuleId
from keytwin.design.references import renamed
from keytwin.design.refinement import ordered
from keytwin.design.synchronisation import Inconsistency, Rule

_5: Final = RuleId("sync-5")
_LEFT_OUT: Final = "what is drawn in one view and left out of another is not built, or built and not used"
_HELD: Final = "a share that is not measured at once must be kept until the outcome of the swap is known"


def _check(draft: Draft) -> list[Inconsistency]:
    found = [*_without_lifeline(draft), *_strangers(draft)]
    for link in draft.links():
        for part in _without_memory(draft, link):
            name = draft.model.get(part, Part).name
            what = f"{name} holds a share in '{link.name}', but has no memory: its lifeline and ports are missing"
            found.append(Inconsistency(_5, what, _HELD, (part, link.id)))
    return found


def _without_lifeline(draft: Draft) -> Iterator[Inconsistency]:
    links = draft.links()
    if not links:
        return
    # One interaction suffices: a station belongs to one channel, and rule 9 forbids that it stands on two.
    known = {part for each in links for part in draft.lifelines(each.id)}
    for station in draft.stations():
        if station.id not in known:
            what = f"{station.name} stands half-way, but has no lifeline in '{links[0].name}'"
            yield Inconsistency(_5, what, _LEFT_OUT, (station.id,))


def _strangers(draft: Draft) -> Iterator[Inconsistency]:
    parts = {each.id for each in draft.parts()}
    for each in draft.model.all(Message):
        for end in (each.source, each.target):
            # A part inside a block is not a part of the whole: a message to it would pass its owner's border without a
            # port.
            if end not in parts:
                yield Inconsistency(_5, f"the lifeline {end} is no part of the whole", _LEFT_OUT, (end, each.id))


def _without_memory(draft: Draft, link: Interaction) -> list[ElementId]:
    # Only who holds a share of a state that is made in this interaction: states of other channels have memories of
    # their own.
    held = {part for state in draft.joint_states(link.id) for part in state.parts}
    found = [each for each in held if not draft.is_memory(each)]
    return sorted(each for each in found if not _has_memory(draft, each) and not _measures_at_once(draft, each))


def _has_memory(draft: Draft, part: ElementId) -> bool:
    """Whether a part owns a memory, at whatever depth."""
    # At any depth, because a repeater's memories may sit in a node that sits in the station.
    blocks = [draft.model.get(part, Part).block]
    while blocks:
        block = blocks.pop()
        inside = [each for each in draft.model.all(Part) if each.owner == block]
        if any(draft.is_a(each.block, draft.roles.memory) for each in inside):
            return True
        blocks += [each.block for each in inside]
    return False


def _measures_at_once(draft: Draft, part: ElementId) -> bool:
    # Protocols on entanglement (E91, BBM92) consume each share as it comes: a memory would add loss for nothing.
    share = draft.roles.share
    return any(each.item == share and draft.performer(each.target) == part for each in draft.flows())


# --- the modification -----------------------------------------------------------------------------------------------


def _give_lifelines(draft: Draft) -> Draft:
    known = {part for each in draft.links() for part in draft.lifelines(each.id)}
    for station in draft.stations():
        if station.id not in known:
            # A station that a medium brings, such as a satellite, is a place; one of the protocol, such as a source of
            # pairs, is a role that what stands there already can play.
            draft = _placed(draft, station) if draft.medium_of(station) else _played_by_another(draft, station)
    for link in draft.links():
        for part in _without_memory(draft, link):
            draft = _with_memory(draft, link, part)
    return draft


def _placed(draft: Draft, station: Part) -> Draft:
    """Let what a medium places half-way take the place of what the Q-link needs there, or pass the light on."""
    medium = draft.medium_of(station)
    links = [each for each in draft.links() if (one := draft.channel_of(each)) and draft.medium_of(one) == medium]
    # Only the first: a medium has one channel, and a station cannot stand on two (rule 9).
    for link in links[:1]:
        needed = [each for each in draft.lifelines(link.id) if draft.is_station(each)]
        # Where the Q-link needs nothing half-way, the light still has to get past what the medium places there.
        if not needed:
            return _passing_on(draft, link, station)
        # What another medium brought is not pushed off its place: then this rule stays broken and says so.
        if not draft.medium_of(draft.model.get(needed[0], Part)):
            return _replaced(carried_by(draft, needed[0], station), needed[0], station.id)
    return draft


def _replaced(draft: Draft, old: ElementId, new: ElementId) -> Draft:
    # Everywhere, not only in this interaction: there is one part less in the whole.
    model = draft.model.without([old])
    return draft.with_model(model.replaced(renamed(each, {old: new}) for each in model))


def _passing_on(draft: Draft, link: Interaction, station: Part) -> Draft:
    told: list[Message] = []
    for each in draft.messages(link.id):
        if not draft.is_delicate(each.item):
            told.append(each)
            continue
        stem = f"{each.id}.{short(station.id)}"
        act = replace(each, id=ElementId(f"{stem}-passes"), name="Pass the light on, unmeasured", item=None, because=())
        onward = replace(each, id=ElementId(f"{stem}-onward"), source=station.id, because=())
        told += [
            replace(each, target=station.id),
            replace(act, source=station.id, target=station.id),
            onward,
        ]
    return ordered(draft, told)


def _played_by_another(draft: Draft, station: Part) -> Draft:
    """Let what the Q-link has half-way do what the protocol expects of another: a repeater is a source of pairs."""
    changed: list[Element] = []
    for link in draft.links():
        there = [each for each in draft.lifelines(link.id) if draft.is_station(each)]
        # With nothing half-way nobody can play the part, so it stays a finding for a person to decide.
        if not there:
            return draft
        for action in draft.actions():
            # Steps that no Q-link refines are done once, so on the first channel.
            is_first = link == draft.links()[0] and action.detail != draft.roles.link
            if action.performer == station.id and (action.refined_by == link.id or is_first):
                changed.append(replace(action, performer=there[0]))
    return draft.without(station.id).changed(*changed)


def _with_memory(draft: Draft, link: Interaction, part: ElementId) -> Draft:
    channel = draft.channel_of(link)
    # One memory for each channel: a share of the one must not wait for the other.
    word = short(channel.id) if channel and link != draft.links()[0] else ""
    memory = memory_of(part, word)
    name = f"memory of {draft.model.get(part, Part).name}"
    kept = Part(
        id=memory,
        name=f"{name}, {channel.name}" if word and channel else name,
        owner=draft.roles.whole,
        block=draft.roles.memory,
    )
    told = [_to_memory(draft, each, part, memory) for each in draft.messages(link.id)]
    states = [renamed_holder(each, part, memory) for each in draft.joint_states(link.id)]
    draft = draft.changed(kept, *states)
    return ordered(draft, list(_with_read_out(draft, told, part, memory)))


def _to_memory(draft: Draft, message: Message, part: ElementId, memory: ElementId) -> Message:
    # What the memory itself gives out must reach the part, or a second run of the rule would send it back for ever.
    is_share = message.item == draft.roles.share and message.target == part and message.source != memory
    return replace(message, target=memory) if is_share else message


def renamed_holder(state: JointState, part: ElementId, memory: ElementId) -> JointState:
    """Return a joint state of which a memory holds the share of a part."""
    return replace(state, parts=tuple(memory if each == part else each for each in state.parts))


def _with_read_out(draft: Draft, told: list[Message], part: ElementId, memory: ElementId) -> Iterator[Message]:
    """Give the messages with one more: the memory gives the share out, just before it is used."""
    # Given out as late as can be: every moment outside the memory costs fidelity.
    used = {name for each in draft.model.all(JointState) if memory in each.parts for name in each.used_by}
    done = False
    for each in told:
        if each.id in used and each.source == part and not done:
            done = True
            yield Message(
                id=ElementId(f"{each.interaction}.{short(memory)}-gives"),
                name="give the share out",
                interaction=each.interaction,
                order=0,
                source=memory,
                target=part,
                item=draft.roles.share,
            )
        yield each


LIFELINES: Final = Rule(
    _5,
    "what a variant places takes part: it has lane, lifeline, block and ports, and shares are kept in memories",
    _check,
    _give_lifelines,
    "gave lifelines to stations and memories",
)
