"""What the controller tells the control plane, and what it is told: paper B, 3.2; ETSI GS QKD 015 V2.1.1."""

from __future__ import annotations

from enum import StrEnum

import msgspec

from keytwin.vocabulary.identity import ADMISSION, DeviceId, ElementName, LinkId, NodeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.units import Bits, BitsPerSecond


class LinkStatus(StrEnum):
    """LINK-STATUS-TYPES of ETSI GS QKD 015 V2.1.1, in its own words."""

    ACTIVE = "ACTIVE"  # generating
    PASSIVE = "PASSIVE"  # no generation, stock left
    PENDING = "PENDING"  # registered, no key yet
    OFF = "OFF"


class LinkState(msgspec.Struct, frozen=True, gc=False):
    """What the topology database holds of a link; `rate`: the registered, analytic one of both directions together.

    `is_stocked`: PASSIVE by its device's own word, with key to go on with, as between two passes of a satellite.
    `is_dark`: OFF by its device's own word, and nothing else is wrong: the key made before can be relied on.
    """

    link: LinkId
    status: LinkStatus
    rate: BitsPerSecond
    qber: float
    device: DeviceId
    is_stocked: bool = False
    is_dark: bool = False


class NodeState(msgspec.Struct, frozen=True, gc=False):
    """What the topology database holds of a node."""

    node: NodeId
    trusted: bool = True


class RegisterLink(Message, frozen=True, gc=False):
    """A Q-link is there; repeated until acknowledged."""

    link: LinkId
    reply_to: ElementName
    rate: BitsPerSecond
    qber: float
    device: DeviceId


class LinkRegistered(Message, frozen=True, gc=False):
    """The controller has the link in its topology."""

    link: LinkId


class ReportLinkStatus(Message, frozen=True, gc=False):
    """A Q-link's device tells that it makes key again, or no longer; repeated until acknowledged."""

    link: LinkId
    reply_to: ElementName
    sequence: int
    status: LinkStatus
    cause: str


class LinkStatusNoted(Message, frozen=True, gc=False):
    """The controller has noted the status of this sequence number or a later one."""

    link: LinkId
    sequence: int


class TopologySnapshot(Message, frozen=True, gc=False):
    """The whole topology at a version."""

    version: int
    nodes: tuple[NodeState, ...]
    links: tuple[LinkState, ...]


class LinkChanged(Message, frozen=True, gc=False):
    """One link changed, which makes `version` out of the version before it."""

    version: int
    state: LinkState


class NodeChanged(Message, frozen=True, gc=False):
    """One node changed, which makes `version` out of the version before it."""

    version: int
    state: NodeState


class RequestTopology(Message, frozen=True, gc=False):
    """An element has missed a version, or has just started."""

    reply_to: ElementName


class LinkReserved(Message, frozen=True, gc=False):
    """Admission tells routing what is reserved on a link: bits a second out of its first and its second node.

    Where control is per node, each `sender` tells of the direction out of its own node alone.
    """

    link: LinkId
    sequence: int
    first: BitsPerSecond
    second: BitsPerSecond
    sessions: int
    sender: ElementName = ADMISSION


class TopologyShared(Message, frozen=True, gc=False):
    """The controller of one node tells those of all others its own part of the topology, whole, now and then again.

    `is_new`: it has just started, and wants to be told theirs.
    """

    origin: NodeId
    sequence: int
    node: NodeState
    links: tuple[LinkState, ...]
    is_new: bool = False


class ReservationsRequested(Message, frozen=True, gc=False):
    """Routing has just started and asks admission for what is reserved."""

    reply_to: ElementName


class RaiseAlarm(Message, frozen=True, gc=False):
    """Monitoring warns of a failure or an attack; `is_on` False takes the warning back. Repeated until acknowledged."""

    link: LinkId
    sequence: int
    cause: str
    is_on: bool
    stock: Bits | None = None


class AlarmNoted(Message, frozen=True, gc=False):
    """The controller has noted the alarm of this sequence number, or a later one of the same link and cause."""

    link: LinkId
    cause: str
    sequence: int
