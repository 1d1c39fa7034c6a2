"""What an element of the control plane knows of the topology: paper B, 3.2; ETSI GS QKD 015 V2.1.1.

Changes carry the version they make. Whoever misses one, has just started or has heard nothing for a while asks the
controller for a snapshot, so that a lost message costs time but never the truth.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from msgspec.structs import replace

from keytwin.vocabulary.identity import CONTROLLER, ElementName, LinkId, NodeId
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.topology_messages import (
    LinkChanged,
    LinkState,
    LinkStatus,
    NodeChanged,
    NodeState,
    RequestTopology,
    TopologySnapshot,
)
from keytwin.vocabulary.units import START, Instant, after, in_seconds, seconds

TOPOLOGY_PERIOD: Final = seconds(10)  # how long a lost change may stay unnoticed
TOPOLOGY_RETRY: Final = seconds(1)
TOPOLOGY_LIFETIME: Final = seconds(
    60
)  # several lost answers; older than this, nothing is admitted on it (invariant C3)

TopologyMessage = TopologySnapshot | LinkChanged | NodeChanged
WORKING: Final = frozenset({LinkStatus.ACTIVE, LinkStatus.PENDING})
"""A link that is registered but has no block yet counts with its registered rate."""
_UNKNOWN: Final = -1


class Changes(NamedTuple):
    """What is different after a message."""

    links: tuple[LinkState, ...] = ()
    nodes: tuple[NodeState, ...] = ()


NOTHING: Final = Changes()


@dataclass(slots=True)
class TopologyView:
    """The topology at the newest version that `owner` has heard of in full."""

    owner: ElementName
    controller: ElementName = CONTROLLER
    nodes: dict[NodeId, NodeState] = field(default_factory=dict)
    links: dict[LinkId, LinkState] = field(default_factory=dict)
    version: int = _UNKNOWN
    heard_at: Instant = START
    request_at: Instant = START
    """When to ask the controller next."""
    _asked_at: Instant | None = None

    @property
    def is_known(self) -> bool:
        """Whether the controller has been heard at all."""
        return self.version != _UNKNOWN

    def is_stale(self, now: Instant) -> bool:
        """Whether it is known, but too old to admit anything on (invariant C3)."""
        return self.is_known and now - self.heard_at > TOPOLOGY_LIFETIME

    def age(self, now: Instant) -> str:
        """Say for an operator how old it is."""
        return f"the topology is {in_seconds(now - self.heard_at):.0f} s old: the controller does not answer"

    def take(self, message: TopologyMessage, now: Instant) -> Changes:
        """Take up what is new; duplicates, late messages and those after a gap change nothing."""
        match message:
            case TopologySnapshot():
                return self._take_snapshot(message, now)
            case LinkChanged() if self._follows(message.version, now):
                self.links[message.state.link] = message.state
                return Changes(links=(message.state,))
            case NodeChanged() if self._follows(message.version, now):
                self.nodes[message.state.node] = message.state
                return Changes(nodes=(message.state,))
            case _:
                return NOTHING

    def request(self, now: Instant) -> list[Effect]:
        """Ask the controller, when it is time."""
        if now < self.request_at:
            return []
        self._asked_at = now
        self.request_at = after(now, TOPOLOGY_RETRY)
        return [Send(self.controller, RequestTopology(self.owner))]

    def is_working(self, link: LinkId) -> bool:
        """Whether the link makes key, is about to, or lives on its stock until it does again."""
        state = self.links.get(link)
        return state is not None and (state.status in WORKING or state.is_stocked)

    def is_dark(self, link: LinkId) -> bool:
        """Whether the link has lost its signal and nothing else, so that what is in stock of it is good."""
        state = self.links.get(link)
        return state is not None and state.is_dark

    def is_trusted(self, node: NodeId) -> bool:
        """Whether the node may relay and serve."""
        state = self.nodes.get(node)
        return state is not None and state.trusted

    def _follows(self, version: int, now: Instant) -> bool:
        if self.is_known and version == self.version + 1:
            self.version, self.heard_at = version, now
            return True
        if version > self.version:  # a gap: ask at once, but not once for each change after it
            soon = now if self._asked_at is None else max(now, after(self._asked_at, TOPOLOGY_RETRY))
            self.request_at = min(self.request_at, Instant(soon))
        return False

    def _take_snapshot(self, snapshot: TopologySnapshot, now: Instant) -> Changes:
        if snapshot.version < self.version:
            return NOTHING
        self.heard_at, self.request_at = now, after(now, TOPOLOGY_PERIOD)
        if snapshot.version == self.version:
            return NOTHING
        links = {state.link: state for state in snapshot.links}
        nodes = {state.node: state for state in snapshot.nodes}
        # A controller does not forget links; should one be missing, its sessions must leave it all the same.
        lost = tuple(
            replace(state, status=LinkStatus.OFF, is_stocked=False, is_dark=False)
            for link, state in self.links.items()
            if link not in links
        )
        changed = tuple(state for link, state in links.items() if self.links.get(link) != state)
        moved = tuple(state for node, state in nodes.items() if self.nodes.get(node) != state)
        self.version, self.links, self.nodes = snapshot.version, links, nodes
        return Changes((*changed, *lost), moved)
