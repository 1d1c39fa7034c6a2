"""The interface definition: an internal block view with typed ports and flows. Paper A, Fig. 8.

It is derived from what the synchronised views say: what must not be copied goes from neighbour to neighbour through a
span of the channel; whatever else two parts tell one another takes the same way, past those in between.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Final

from keytwin.design.draft import INTERFACE_VIEW, Draft, connectors, holder, in_line, short
from keytwin.design.model import (
    Block,
    Carried,
    Connector,
    Direction,
    ElementId,
    End,
    Interaction,
    Message,
    Part,
    Port,
    PortKind,
    RuleId,
)
from keytwin.design.ports import fresh_port, suits
from keytwin.design.references import taken_along
from keytwin.design.views import View, ViewKind

INTERFACE: Final = RuleId("interface")
STRUCTURE_VIEW: Final = "view.structure"


def with_interface(draft: Draft) -> Draft:
    """Return a draft with connectors, and with the views of the whole: its parts, and how they are joined."""
    # Defined once: a second pass would lay every connector again, beside the first.
    if draft.is_settled():
        return draft
    # Links first: what else parts tell one another goes along their spans where it can.
    joints = _Joints(draft)
    for link in draft.links():
        joints.join_link(link)
    others = {each.id for each in draft.model.all(Interaction)} - {each.id for each in draft.links()}
    for message in draft.model.all(Message):
        # An act of one's own, and a message without an item, cross no border and need no connector.
        if message.interaction in others and message.item and message.source != message.target:
            joints.join(message.source, message.target, message.item)
    return _with_views(joints.joined())


def _with_views(draft: Draft) -> Draft:
    whole = draft.roles.whole
    # Variants that bring no part of the system leave nothing whose interfaces could be defined.
    if whole not in draft.model:
        return draft
    parts = in_line(draft, (each.id for each in draft.parts()))
    blocks = dict.fromkeys(draft.model.get(each, Part).block for each in parts)
    # One level down is enough for a reader; a memory in a repeater is of interest, its screws are not.
    inside = [each.id for each in draft.model.all(Part) if each.owner in blocks]
    joined = [each.id for each in connectors(draft)]
    name = draft.model.get(whole, Block).name
    structure = View(
        id=STRUCTURE_VIEW,
        kind=ViewKind.BLOCK,
        title=f"{name}: its parts",
        subject=whole,
        shown=(whole, *blocks, *parts, *inside),
    )
    interface = View(
        id=INTERFACE_VIEW,
        kind=ViewKind.INTERNAL,
        title=f"{name}: interface definition",
        subject=whole,
        shown=(*parts, *joined),
    )
    # The blocks of parts inside blocks are drawn too, where they are known.
    further = [draft.model.get(each, Part).block for each in inside]
    structure = replace(structure, shown=tuple(dict.fromkeys((*structure.shown, *further))))
    return replace(draft, views=(*draft.views, structure, interface))


@dataclass(slots=True)
class _Joint:
    """A connector while flows are gathered."""

    source: End
    target: End
    flows: dict[ElementId, Direction] = field(default_factory=dict)

    def carry(self, item: ElementId, direction: Direction) -> None:
        """Let an item pass one way; both ways when it passes the other way already."""
        known = self.flows.get(item, direction)
        self.flows[item] = direction if known is direction else Direction.BOTH


class _Joints:
    """The connectors of a draft while they are laid."""

    def __init__(self, draft: Draft) -> None:
        self._draft = draft
        self._laid: dict[tuple[ElementId, ElementId, ElementId], _Joint] = {}
        # Fragments may bring connectors of their own: their ports are taken before the first one is laid here.
        self._taken = {end for each in connectors(draft) for end in (each.source, each.target)}
        self._spans: dict[ElementId, int] = {}
        self._ways: dict[tuple[ElementId, ElementId], ElementId] = {}
        self._existing = {(each.source.part, each.target.part): each for each in connectors(draft)}

    def joined(self) -> Draft:
        """Return the draft with all connectors."""
        whole = self._draft.roles.whole
        made = []
        for (source, target, kind), joint in self._laid.items():
            name = ElementId(f"joint.{short(source)}-{short(target)}-{kind.removesuffix('-port')}")
            flows = tuple(Carried(item, item, direction) for item, direction in joint.flows.items())
            made.append(Connector(id=name, name="", owner=whole, source=joint.source, target=joint.target, flows=flows))
        return self._draft.changed(*made) if made else self._draft

    def join_link(self, link: Interaction) -> None:
        """Lay the spans of a channel for what must not be copied, and lead all the rest along them."""
        channel = self._draft.channel_of(link)
        messages = [each for each in self._draft.messages(link.id) if each.item and each.source != each.target]
        spans: dict[tuple[ElementId, ElementId], ElementId] = {}
        for each in messages:
            # Light lays the spans, talk then goes along them: in the other order talk would find no way and be given
            # cables of its own.
            if self._draft.is_delicate(each.item):
                self._send(each, channel, spans)
        for each in messages:
            if each.item and not self._draft.is_delicate(each.item):
                self._tell(each.source, each.target, each.item, spans)
        # Where two channels join the same two sites, what is not of a Q-link keeps to the first, as it was told for.
        self._ways = {**spans, **self._ways}

    def join(self, source: ElementId, target: ElementId, item: ElementId) -> None:
        """Join two parts directly, or let what joins them carry one more item."""
        existing = self._existing
        # A connector that a variant drew is what its author wants between the two: a second one would contradict it.
        if (source, target) in existing or (target, source) in existing:
            return
        kind = self._kind_of(source, target, item)
        # Only plain talk rides on the channel: keys and orders have ports of their own kind, which no span has.
        if kind == self._draft.roles.plain_port and self._way(source, target, self._ways):
            self._tell(source, target, item, self._ways)
        else:
            self._lay(source, target, item, kind)

    # --- how ---

    def _send(
        self, message: Message, channel: Part | None, spans: dict[tuple[ElementId, ElementId], ElementId]
    ) -> None:
        item, kind = message.item, self._draft.roles.delicate_port
        assert item
        # A memory stands beside its owner, so that light between the two passes no fibre that somebody could tap.
        is_local = self._site(message.source) == self._site(message.target)
        # Within one site, from a memory to its owner, there is no channel to cross.
        if channel is None or is_local:
            self._lay(message.source, message.target, item, kind)
            return
        pair, back = (message.source, message.target), (message.target, message.source)
        # Two neighbours have one span, whatever, however often and whichever way something is sent between them.
        if pair not in spans:
            spans[pair] = spans[back] if back in spans else self._span(channel)
        self._lay(message.source, spans[pair], item, kind)
        self._lay(spans[pair], message.target, item, kind)

    def _tell(
        self,
        source: ElementId,
        target: ElementId,
        item: ElementId,
        spans: dict[tuple[ElementId, ElementId], ElementId],
    ) -> None:
        # The ports of a span for talk are of this kind, whatever the item: with its own kind it would fit no span.
        kind = self._draft.roles.plain_port
        way = self._way(source, target, spans)
        if not way:
            self._lay(source, target, item, self._kind_of(source, target, item))
        for here, span, there in way:
            self._lay(here, span, item, kind)
            self._lay(span, there, item, kind)

    def _way(
        self, source: ElementId, target: ElementId, spans: dict[tuple[ElementId, ElementId], ElementId]
    ) -> list[tuple[ElementId, ElementId, ElementId]]:
        """Return the spans from one part to another, each with the sites at its ends; the fewest there are."""
        # Breadth first, so that the way with the fewest spans is found; there are never more than some ten.
        start, goal = self._site(source), self._site(target)
        came: dict[ElementId, tuple[ElementId, ElementId, ElementId]] = {}
        waiting = deque([start])
        while waiting:
            here = waiting.popleft()
            for (one, other), span in spans.items():
                ends = self._site(one), self._site(other)
                if here in ends:
                    there = ends[1] if ends[0] == here else ends[0]
                    # The first way to a site is a shortest one; a later one would only make a loop.
                    if there != start and there not in came:
                        came[there] = (here, span, there)
                        waiting.append(there)
        way: list[tuple[ElementId, ElementId, ElementId]] = []
        while goal != start:
            if goal not in came:
                return []
            way.insert(0, came[goal])
            goal = came[goal][0]
        return way

    def _site(self, part: ElementId) -> ElementId:
        return holder(self._draft, part)

    def _span(self, channel: Part) -> ElementId:
        """Return the channel itself for its first span, and a further part of its kind for each other."""
        number = self._spans[channel.id] = self._spans.get(channel.id, 0) + 1
        # The channel that the medium brought is the first span itself, so that it keeps its reasons and its place in
        # the views.
        if number == 1:
            return channel.id
        further = ElementId(f"{channel.id}-{number}")
        made = replace(channel, id=further, name=f"{channel.name}, span {number}", because=(), rules=())
        self._draft = self._draft.changed(made)
        return further

    def _lay(self, source: ElementId, target: ElementId, item: ElementId, kind: ElementId) -> None:
        """Let an item pass from one part to another, through a connector of its own kind."""
        way = (source, target, kind)
        back = (target, source, kind)
        described = self._kind(kind)
        # One cable for talk in both directions; what must not be copied has a connector for each.
        if back in self._laid and not described.is_exclusive:
            self._laid[back].carry(item, Direction.IN)
            return
        if way not in self._laid:
            one = self._port(source, described, self._is_conjugated(described, item, Direction.OUT))
            other = self._port(target, described, self._is_conjugated(described, item, Direction.IN))
            self._laid[way] = _Joint(End(source, one.name), End(target, other.name))
        self._laid[way].carry(item, Direction.OUT)

    @staticmethod
    def _is_conjugated(kind: PortKind, item: ElementId, wanted: Direction) -> bool:
        """Whether the port through which an item passes so has the directions of its kind turned round."""
        plain = next((each.direction for each in kind.carried if each.item == item), wanted)
        return wanted is Direction.IN if plain is Direction.BOTH else plain is not wanted

    def _port(self, part: ElementId, kind: PortKind, is_conjugated: bool) -> Port:  # noqa: FBT001  # named at the calls
        # The two ends of a channel are two ports, whatever passes them.
        block = self._draft.model.get(part, Part).block
        # Not even talk may share a channel's port: then one end of a fibre would be at two sites.
        is_sole = kind.is_exclusive or self._draft.is_a(block, self._draft.roles.channel)
        for each in self._draft.ports(part):
            is_free = not is_sole or End(part, each.name) not in self._taken
            if suits(each, kind, is_conjugated=is_conjugated) and is_free:
                self._taken.add(End(part, each.name))
                return each
        self._draft, made = fresh_port(self._draft, part, kind.id, is_conjugated=is_conjugated)
        self._taken.add(End(part, made.name))
        return made

    def _kind(self, kind: ElementId) -> PortKind:
        if kind not in self._draft.model:
            self._draft = self._draft.changed(*_with_kind(self._draft, kind))
        return self._draft.model.get(kind, PortKind)

    def _kind_of(self, source: ElementId, target: ElementId, item: ElementId) -> ElementId:
        """Return the kind of port through which an item passes, at best one that both parts have."""
        known = [*self._draft.model.all(PortKind), *self._draft.library.shared.all(PortKind)]
        # Kinds of the model come first, so that a kind nobody has chosen is not brought in without need.
        able = [each.id for each in known if item in {one.item for one in each.carried}]
        there = {each.kind for part in (source, target) for each in self._draft.ports(part)}
        return next((each for each in able if each in there), able[0] if able else self._draft.roles.plain_port)


def _with_kind(draft: Draft, kind: ElementId) -> Iterable[PortKind]:
    found = taken_along([draft.library.shared.get(kind, PortKind)], draft.library.shared)
    return [each for each in found if isinstance(each, PortKind)]
