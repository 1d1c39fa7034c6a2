"""An architecture while it is put together: the union of the chosen fragments, and what the rules must ask of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Final, Self

from keytwin.design.fragments import Library, Roles
from keytwin.design.model import (
    Action,
    ActionKind,
    Block,
    Connector,
    Element,
    ElementId,
    Flow,
    Fragment,
    Interaction,
    JointState,
    Message,
    Model,
    Part,
    Port,
    PortKind,
)
from keytwin.design.references import taken_along
from keytwin.design.variability import Configuration, Ovm
from keytwin.design.views import View, ViewKind
from keytwin.vocabulary.identity import VariantId, VariationPointId

ACTING = frozenset({ActionKind.ACTION, ActionKind.SEND, ActionKind.ACCEPT})
"""The nodes of an activity that somebody performs."""


@dataclass(frozen=True, slots=True)
class Hop:
    """Something that must not be copied, handed from one party to another by a step of the protocol."""

    action: Action
    flow: Flow
    source: ElementId
    target: ElementId
    item: ElementId


INTERFACE_VIEW: Final = "view.interface"
MEMORY: Final = "-memory"


@dataclass(frozen=True, slots=True)
class Selected:
    """A model with its views, and the choice of variants that they were made from."""

    ovm: Ovm
    library: Library
    configuration: Configuration
    model: Model
    views: tuple[View, ...]

    @property
    def roles(self) -> Roles:
        """What the rules must know of the domain."""
        return self.library.roles

    def chosen(self, point: VariationPointId) -> tuple[VariantId, ...]:
        """Return the chosen variants of a variation point."""
        known = self.ovm.variants
        return tuple(each for each in self.configuration.chosen if known[each].point == point)

    def view_of(self, point: VariationPointId, kind: ViewKind) -> View | None:
        """Return the first view of a chosen variant of a variation point, if it is of a kind."""
        chosen = self.chosen(point)
        # The first in the order of the views, as several variants may be chosen at one variation point.
        return next((each for each in self.views if each.variant in chosen and each.kind is kind), None)

    def medium_of(self, element: Element) -> VariantId | None:
        """Return the medium that asks for an element, itself or through what it opens."""
        for each in element.because:
            variant: VariantId | None = each
            # Up the tree of the OVM: fibre belongs to the terrestrial medium, because that opens its variation point.
            while variant:
                point = self.ovm.points[self.ovm.variants[variant].point]
                if point.id == self.roles.medium:
                    return variant
                variant = point.parent
        return None

    def is_settled(self) -> bool:
        """Whether the interfaces have been defined."""
        return any(each.id == INTERFACE_VIEW for each in self.views)

    def with_model(self, model: Model) -> Self:
        """Return the draft with another model; its views follow when they are `redrawn`."""
        return replace(self, model=model)

    def changed(self, *elements: Element) -> Self:
        """Return the draft with elements added or changed, and what they refer to of the shared ones."""
        # What is in the model already stays as it is: the shared one lacks what variants have added to it.
        new = [each for each in taken_along(elements, self.library.shared) if each.id not in self.model]
        return self.with_model(self.model.replaced([*new, *elements]))

    def without(self, *gone: ElementId) -> Self:
        """Return the draft without some elements."""
        return self.with_model(self.model.without(gone))


@dataclass(frozen=True, slots=True)
class Structured(Selected):
    """What the rules must ask of its structure."""

    def is_a(self, block: ElementId, general: ElementId) -> bool:
        """Whether a block is another one, or a special case of it."""
        found: ElementId | None = block
        while found:
            if found == general:
                return True
            found = self.model.get(found, Block).general if found in self.model else None
        return False

    def parts(self, general: ElementId | None = None) -> tuple[Part, ...]:
        """Return the parts of the whole, or those of a kind."""
        # A part inside another's block is its owner's business: it has neither lane nor lifeline.
        owned = [each for each in self.model.all(Part) if each.owner == self.roles.whole]
        return tuple(each for each in owned if general is None or self.is_a(each.block, general))

    def stations(self) -> tuple[Part, ...]:
        """Return the parts that stand half-way."""
        return self.parts(self.roles.station)

    def channels(self) -> tuple[Part, ...]:
        """Return the channels, those first whose medium places nothing half-way; further spans are left out."""
        # No variant asks for a further span: it comes from the interface definition, and is told by that.
        found = [each for each in self.parts(self.roles.channel) if each.because]
        return tuple(sorted(found, key=lambda each: self.station_of(each) is not None))

    def station_of(self, channel: Part) -> Part | None:
        """Return what the medium of a channel places half-way."""
        medium = self.medium_of(channel)
        # A channel that no medium asks for has no station, though both may lack a medium.
        mine = (each for each in self.stations() if medium and self.medium_of(each) == medium)
        return next(mine, None)

    def is_station(self, part: ElementId) -> bool:
        """Whether a part stands half-way."""
        return self.is_a(self.model.get(part, Part).block, self.roles.station)

    def is_memory(self, part: ElementId) -> bool:
        """Whether a part keeps shares of joint states."""
        return self.is_a(self.model.get(part, Part).block, self.roles.memory)

    def ports(self, part: ElementId) -> tuple[Port, ...]:
        """Return the ports of a part, those that its block has from a more general one too."""
        found: list[Port] = []
        block: ElementId | None = self.model.get(part, Part).block
        while block:
            described = self.model.get(block, Block)
            found += described.ports
            block = described.general
        return tuple(found)

    def is_delicate(self, item: ElementId | None) -> bool:
        """Whether an item must not be copied."""
        # The kind of port decides, not a name: a domain with other delicate things describes another port.
        kind = self.library.shared.get(self.roles.delicate_port, PortKind)
        return item in {each.item for each in kind.carried}


@dataclass(frozen=True, slots=True)
class Draft(Structured):
    """What they must ask of its behaviour too: of the protocol, and of the Q-link."""

    def activity(self) -> ElementId | None:
        """Return the activity of the protocol."""
        view = self.view_of(self.roles.protocol, ViewKind.ACTIVITY)
        return view.subject if view else None

    def actions(self) -> tuple[Action, ...]:
        """Return the steps of the protocol."""
        activity = self.activity()
        return tuple(each for each in self.model.all(Action) if each.activity == activity)

    def flows(self) -> tuple[Flow, ...]:
        """Return the flows of the protocol."""
        activity = self.activity()
        return tuple(each for each in self.model.all(Flow) if each.activity == activity)

    def performer(self, action: ElementId) -> ElementId | None:
        """Return who performs a step; None when nobody does, or there is no such step."""
        found = self.model.elements.get(action)
        return found.performer if isinstance(found, Action) else None

    def transmissions(self) -> tuple[Action, ...]:
        """Return the steps of the protocol of which the Q-link says how they are done."""
        return tuple(each for each in self.actions() if each.detail == self.roles.link)

    def hops(self) -> tuple[Hop, ...]:
        """Return what the transmissions hand over."""
        return tuple(
            Hop(action, flow, action.performer, target, flow.item)
            for action in self.transmissions()
            for flow in self.flows()
            if flow.source == action.id and flow.item and self.is_delicate(flow.item)
            if action.performer and (target := self.performer(flow.target)) and target != action.performer
        )

    def links(self) -> tuple[Interaction, ...]:
        """Return the interactions of the Q-link: one, or one for each channel."""
        view = self.view_of(self.roles.link, ViewKind.SEQUENCE)
        if view is None:
            return ()
        mine = (
            each for each in self.model.all(Interaction) if each.id == view.subject or _is_below(each, view.subject)
        )
        return tuple(mine)

    def messages(self, interaction: ElementId) -> tuple[Message, ...]:
        """Return the messages of an interaction in their order."""
        found = [each for each in self.model.all(Message) if each.interaction == interaction]
        return tuple(sorted(found, key=lambda each: each.order))

    def lifelines(self, interaction: ElementId) -> tuple[ElementId, ...]:
        """Return the parts between which messages of an interaction go."""
        return tuple(dict.fromkeys(p for each in self.messages(interaction) for p in (each.source, each.target)))

    def joint_states(self, interaction: ElementId) -> tuple[JointState, ...]:
        """Return the joint states that messages of an interaction make."""
        made = {each.id for each in self.messages(interaction)}
        return tuple(each for each in self.model.all(JointState) if each.made_by in made)

    def channel_of(self, link: Interaction) -> Part | None:
        """Return the channel that an interaction of the Q-link passes: the settled one, or the only one there is."""
        channels = self.channels()
        # Two channels leave it open until rule 4 has told the transmission once for each.
        if link.through:
            return self.model.get(link.through, Part)
        return channels[0] if len(channels) == 1 else None


def short(name: ElementId) -> str:
    """Return the last word of an identifier."""
    return name.rpartition(".")[2]


def memory_of(part: ElementId, word: str = "") -> ElementId:
    """Return the identifier of the memory of a part, on one of several channels."""
    return ElementId(f"{part}{MEMORY}{f'-{word}' if word else ''}")


def holder(draft: Draft, part: ElementId) -> ElementId:
    """Return the part that a memory belongs to, or the part itself."""
    if part in draft.model and draft.is_memory(part) and MEMORY in part:
        # From the right: a node that is itself called a memory may own one.
        return ElementId(part[: part.rindex(MEMORY)])
    return part


def _is_below(interaction: Interaction, subject: ElementId) -> bool:
    return interaction.id.startswith(f"{subject}.")


def redrawn(draft: Draft) -> Draft:
    """Let the views of protocol and Q-link show what the model has now."""
    activity = draft.activity()
    links = {each.id for each in draft.links()}
    views = []
    for each in draft.views:
        # Only what the rules work on: a view of a state machine or of a requirement shows what its variant gave it.
        if each.kind is ViewKind.ACTIVITY and each.subject == activity:
            views.append(replace(each, shown=tuple(_of_activity(draft))))
        elif each.kind is ViewKind.SEQUENCE and each.subject in links:
            views.append(replace(each, shown=tuple(_of_sequence(draft, each.subject))))
        else:
            views.append(each)
    return replace(draft, views=tuple(views))


def _of_activity(draft: Draft) -> Iterator[ElementId]:
    actions = draft.actions()
    yield from in_line(draft, (each.performer for each in actions if each.performer))
    yield from (each.id for each in actions)
    yield from (each.id for each in draft.flows())
    deeds = {each.id for each in actions}
    yield from (each.id for each in draft.model.all(JointState) if each.made_by in deeds)


def _of_sequence(draft: Draft, interaction: ElementId) -> Iterator[ElementId]:
    yield from in_line(draft, draft.lifelines(interaction))
    yield from (each.id for each in draft.model.all(Fragment) if each.interaction == interaction)
    yield from (each.id for each in draft.messages(interaction))
    yield from (each.id for each in draft.joint_states(interaction))


def in_line(draft: Draft, parts: Iterable[ElementId]) -> list[ElementId]:
    """Return parts as they stand from one end to the other: an end, its memories, what is half-way, the other end."""
    first, last = draft.roles.ends

    def place(part: ElementId) -> int:
        is_memory = part in draft.model and draft.is_memory(part)
        if part == first or part.startswith(f"{first}-"):
            return 1 if is_memory else 0
        if part == last or part.startswith(f"{last}-"):
            return 3 if is_memory else 4
        return 2

    return sorted(dict.fromkeys(parts), key=place)


def connectors(draft: Draft) -> tuple[Connector, ...]:
    """Return the connectors inside the whole."""
    return tuple(each for each in draft.model.all(Connector) if each.owner == draft.roles.whole)
