"""The SDN controller: owns the topology, registers links, tells changes. Paper B, 3.2; ETSI GS QKD 015 V2.1.1.

Everything it tells carries a version that grows by one and is durable before it is told, so that subscribers see what
they have missed. It has nothing to wait for: subscribers ask, links repeat what has not been acknowledged.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from msgspec.structs import replace

from keytwin.control.alarms import DISABLING
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import LinkStatusChanged
from keytwin.vocabulary.identity import CONTROLLER, ElementName, LinkId, NodeId, link_ends
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, RecordsLost, Save, Send, StartTimer
from keytwin.vocabulary.operator_messages import SetNodeTrust
from keytwin.vocabulary.placement import CENTRAL, Seat
from keytwin.vocabulary.topology_messages import (
    AlarmNoted,
    LinkChanged,
    LinkRegistered,
    LinkState,
    LinkStatus,
    LinkStatusNoted,
    NodeChanged,
    NodeState,
    RaiseAlarm,
    RegisterLink,
    ReportLinkStatus,
    RequestTopology,
    TopologyShared,
    TopologySnapshot,
)
from keytwin.vocabulary.units import Instant, seconds

SHARE_PERIOD: Final = seconds(10)  # how long a lost change of another node's part may stay unnoticed


class ShareDue(Message, frozen=True, gc=False):
    """To oneself: tell the other controllers the own part again."""


class LinkKept(Record, frozen=True, gc=False):
    """A link as it stands at `version`: `reported` by its device, and the alarms of each cause by sequence number."""

    version: int
    state: LinkState
    reported: LinkStatus
    sequence: int
    alarms: dict[str, tuple[int, bool]]


class NodeKept(Record, frozen=True, gc=False):
    """A node as it stands at `version`."""

    version: int
    state: NodeState


@dataclass(slots=True)
class _Link:
    state: LinkState
    reported: LinkStatus = LinkStatus.PENDING
    sequence: int = 0  # of the newest report
    alarms: dict[str, tuple[int, bool]] = field(default_factory=dict)  # cause -> newest sequence, whether it is on

    @property
    def status(self) -> LinkStatus:
        """What the device reports, but for an alarm that makes its key doubtful or unreachable."""
        return LinkStatus.PASSIVE if self._is_doubtful and self.reported is LinkStatus.ACTIVE else self.reported

    @property
    def is_stocked(self) -> bool:
        """Whether the device makes no key for now, but what is in stock can be relied on."""
        return self.reported is LinkStatus.PASSIVE and not self._is_doubtful

    @property
    def is_dark(self) -> bool:
        """Whether the device has lost its signal, but what was made before can be relied on."""
        return self.reported is LinkStatus.OFF and not self._is_doubtful

    @property
    def _is_doubtful(self) -> bool:
        return any(is_on and cause in DISABLING for cause, (_, is_on) in self.alarms.items())


class Controller:
    """Owns the topology; `nodes` are those of the network's blueprint.

    Where control is per node, each controller owns its node and the links that begin there; it is told the rest by the
    others, and has versions of its own.
    """

    def __init__(self, nodes: tuple[NodeId, ...], seat: Seat = CENTRAL) -> None:
        self._seat: Final = seat
        # Routing hears first: when admission asks it for another route, it should know why.
        self._subscribers: Final = (seat.routing, seat.monitoring, seat.admission)
        self._peers: Final = seat.others(CONTROLLER)
        self._heard: Final[dict[NodeId, int]] = {}  # from the other controllers
        self._version = 0
        self._nodes: Final = {node: NodeState(node) for node in nodes}
        self._links: Final[dict[LinkId, _Link]] = {}
        self._snapshot: TopologySnapshot | None = None

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        for record in records:
            match record:
                case LinkKept():
                    link = _Link(record.state, record.reported, record.sequence, dict(record.alarms))
                    self._links[record.state.link] = link
                    self._version = max(self._version, record.version)
                case NodeKept():
                    self._nodes[record.state.node] = record.state
                    self._version = max(self._version, record.version)
                case RecordsLost():
                    self._version = record.beyond
                case _:
                    raise AssertionError(f"the controller never saved a {type(record).__name__}")
        known = [LinkStatusChanged(name, link.status.value, "taken up again") for name, link in self._links.items()]
        told = [Send(subscriber, self._topology()) for subscriber in self._subscribers]
        return [*map(Publish, known), *told, *self._share(is_new=True), *_share_timer(self._peers)]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case RegisterLink():
                return self._register(message)
            case ReportLinkStatus():
                return self._report(message)
            case RaiseAlarm():
                return self._alarm(message)
            case SetNodeTrust():
                return self._trust(message)
            case TopologyShared():
                return self._take_over(message)
            case ShareDue():
                return [*self._share(), *_share_timer(self._peers)]
            case RequestTopology():
                return [Send(message.reply_to, self._topology())]
            case _:
                raise UnexpectedMessage(f"the controller does not take {type(message).__name__}")

    def _register(self, wanted: RegisterLink) -> list[Effect]:
        strangers = [node for node in link_ends(wanted.link) if node not in self._nodes]
        if strangers:
            raise UnexpectedMessage(f"{wanted.link} ends at {' and '.join(strangers)}, which the network does not have")
        link = self._links.get(wanted.link)
        status = LinkStatus.PENDING if link is None else link.status
        is_stocked, is_dark = (False, False) if link is None else (link.is_stocked, link.is_dark)
        state = LinkState(wanted.link, status, wanted.rate, wanted.qber, wanted.device, is_stocked, is_dark)
        registered = Send(wanted.reply_to, LinkRegistered(wanted.link))
        if link is not None and link.state == state:
            return [registered]
        self._links[wanted.link] = link = link or _Link(state)
        return [*self._change(link, state), *self._share(), registered]

    def _report(self, report: ReportLinkStatus) -> list[Effect]:
        link = self._links.get(report.link)
        if link is None:
            return []  # its registration was lost; both are repeated
        if report.sequence <= link.sequence:
            return [Send(report.reply_to, LinkStatusNoted(report.link, link.sequence))]
        link.reported, link.sequence = report.status, report.sequence
        noted = Send(report.reply_to, LinkStatusNoted(report.link, report.sequence))
        return [*self._status_changed(link, report.cause), noted]

    def _alarm(self, alarm: RaiseAlarm) -> list[Effect]:
        link = self._links.get(alarm.link)
        if link is None:
            return []
        # By cause: what one incarnation of monitoring raised, the next may take back, in any order of arrival.
        newest, _ = link.alarms.get(alarm.cause, (0, False))
        if alarm.sequence <= newest:
            return [Send(self._seat.monitoring, AlarmNoted(alarm.link, alarm.cause, newest))]
        link.alarms[alarm.cause] = (alarm.sequence, alarm.is_on)
        noted = Send(self._seat.monitoring, AlarmNoted(alarm.link, alarm.cause, alarm.sequence))
        cause = f"{alarm.cause} alarm" if alarm.is_on else f"{alarm.cause} alarm over"
        return [*self._status_changed(link, cause), noted]

    def _trust(self, order: SetNodeTrust) -> list[Effect]:
        if order.node not in self._nodes:
            raise UnexpectedMessage(f"there is no node {order.node}")
        state = NodeState(order.node, order.trusted)
        if self._nodes[order.node] == state:
            return []
        self._nodes[order.node] = state
        return [*self._tell_node(state), *self._share()]

    def _tell_node(self, state: NodeState) -> list[Effect]:
        version = self._next_version()
        told = [Send(subscriber, NodeChanged(version, state)) for subscriber in self._subscribers]
        return [Save(NodeKept(version, state)), *told]

    def _status_changed(self, link: _Link, cause: str) -> list[Effect]:
        state = replace(link.state, status=link.status, is_stocked=link.is_stocked, is_dark=link.is_dark)
        if state == link.state:
            return [Save(self._kept(link))]
        changed = Publish(LinkStatusChanged(state.link, state.status.value, cause))
        return [*self._change(link, state), *self._share(), changed]

    def _change(self, link: _Link, state: LinkState) -> list[Effect]:
        link.state = state
        version = self._next_version()
        told = [Send(subscriber, LinkChanged(version, state)) for subscriber in self._subscribers]
        return [Save(self._kept(link)), *told]

    # --- the other controllers --------------------------------------------------------------------------------------

    def _share(self, *, is_new: bool = False) -> list[Effect]:
        """Tell the others the own part, whole: whatever they have missed, this makes good."""
        own = self._seat.node
        if own is None or not self._peers:
            return []
        links = tuple(link.state for name, link in self._links.items() if link_ends(name)[0] == own)
        shared = TopologyShared(own, self._version, self._nodes[own], links, is_new)
        return [Send(peer, shared) for peer in self._peers]

    def _take_over(self, shared: TopologyShared) -> list[Effect]:
        """Believe another controller about its own part, unless something newer was heard."""
        effects = self._share() if shared.is_new else []
        if shared.sequence < self._heard.get(shared.origin, 0):
            return effects
        self._heard[shared.origin] = shared.sequence
        if self._nodes.get(shared.origin, shared.node) != shared.node:
            self._nodes[shared.origin] = shared.node
            effects += self._tell_node(shared.node)
        for state in shared.links:
            known = self._links.get(state.link)
            if link_ends(state.link)[0] != shared.origin or (known is not None and known.state == state):
                continue
            link = self._links.setdefault(state.link, known or _Link(state))
            link.reported = state.status
            effects += self._change(link, state)
        return effects

    def _kept(self, link: _Link) -> LinkKept:
        return LinkKept(self._version, link.state, link.reported, link.sequence, dict(link.alarms))

    def _next_version(self) -> int:
        self._version += 1
        self._snapshot = None
        return self._version

    def _topology(self) -> TopologySnapshot:
        if self._snapshot is None:
            links = tuple(link.state for link in self._links.values())
            self._snapshot = TopologySnapshot(self._version, tuple(self._nodes.values()), links)
        return self._snapshot


def _share_timer(peers: tuple[ElementName, ...]) -> list[Effect]:
    return [StartTimer("share", SHARE_PERIOD, ShareDue())] if peers else []
