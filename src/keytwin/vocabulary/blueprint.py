"""What design hands to the running half (`Blueprint`), and what a network file says.

The timeline of a scenario is in `timeline.py`; what a run hands back is in `evidence.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final

import msgspec

from keytwin.vocabulary.device import Device
from keytwin.vocabulary.identity import (
    ACCESS,
    XOR_POINT,
    AppId,
    DeviceId,
    ElementName,
    LinkId,
    NodeId,
    SaeId,
    SlaId,
    UserId,
)
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE, Fallback, KeyMode
from keytwin.vocabulary.placement import Placement, Seat, seat_of
from keytwin.vocabulary.topology import Topology
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, kilobits, minutes, seconds


class Sla(msgspec.Struct, frozen=True):
    """What a class of users may ask: priority 0 is served first; `rate` is a session's average, `burst` its bucket.

    With several `routes` each key is the XOR of as many shares that share no node on their way: no single node between
    the ends learns anything of it. `on_stock`: how long a session whose only way is dark may live on the key that is
    left of it; 0 = it ends at once. `mode`: what its keys are made of; `fallback`: what else they may be made of while
    the quantum layer cannot deliver, which is then told and recorded.
    """

    id: SlaId
    priority: int
    rate: BitsPerSecond
    burst: Bits
    routes: int = 1
    on_stock: Duration = Duration(0)
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE


class User(msgspec.Struct, frozen=True):
    """An owner of apps; `quota` bounds the sum of the rates of all its sessions, None = unlimited."""

    id: UserId
    sla: SlaId
    quota: BitsPerSecond | None = None


class Endpoint(msgspec.Struct, frozen=True, gc=False):
    """One SAE and the node whose key manager serves it."""

    sae: SaeId
    node: NodeId


class App(msgspec.Struct, frozen=True):
    """Two SAEs of one user that want keys in common.

    A selfpair has but one, master and slave of itself: for trying a client out. Both `ends` are this one, and its keys
    never leave its node.
    """

    id: AppId
    user: UserId
    ends: tuple[Endpoint, Endpoint]
    is_selfpair: bool = False


class RoutingSettings(msgspec.Struct, frozen=True):
    """How routes are chosen: the name of a metric, and how many node-disjoint candidates are offered to admission."""

    metric: str = "hops"
    k_paths: int = 3


class AdmissionSettings(msgspec.Struct, frozen=True):
    """The time-outs and margins of admission control (paper B, Fig. 2b, and the exits it lacks)."""

    peer_timeout: Duration = seconds(60)
    inactivity_timeout: Duration = minutes(10)
    margin: float = 0.1  # share of a link's measured rate that is never granted: rates fluctuate by some per cent
    half_open_sessions: int = 64  # a user's sessions that still wait for their peer (invariant S5)


class MonitoringSettings(msgspec.Struct, frozen=True):
    """How links are watched: period of the active test, of stock reports, and the alarm thresholds."""

    probe_period: Duration = seconds(5)
    report_period: Duration = seconds(1)
    qber_alarm: float = 0.08  # below the 11 % where BB84 yields no key
    stock_alarm: Bits = kilobits(16)
    loss_alarm: float = 0.5  # share of an end's recent probes left unanswered; three in a row are always too many


class Relay(StrEnum):
    """How end-to-end keys cross trusted nodes."""

    ONE_TIME_PAD = "one-time-pad"  # drawn by the maker, encrypted anew on every link
    XOR_ANNOUNCED = "xor-announced"  # the first link's key; nodes between announce what leads from link to link
    XOR_CENTRAL = "xor-central"  # the first link's key; a central point sums up what nodes between announce


class KeyManagementSettings(msgspec.Struct, frozen=True):
    """How keys are made and kept at the key managers."""

    algorithm: str = "pool"
    key_size: Bits = DEFAULT_KEY_SIZE
    pool_depth: Duration = seconds(10)  # seconds of the granted rate kept ready at each master end
    batch: int = 64  # most keys in one relay message
    key_lifetime: Duration = minutes(10)
    store: Bits = kilobits(16_000)  # stock kept of each link direction; what arrives above it is discarded
    split: float = 0.5  # share of each block that goes to the direction out of the link's first node
    relay: Relay = Relay.ONE_TIME_PAD
    generation: int = 4_096  # most keys that one post-quantum secret goes into


class Fidelity(StrEnum):
    """How closely a twin follows the physics."""

    COUNTS = "counts"


class TwinSettings(msgspec.Struct, frozen=True):
    """How the quantum layer is emulated."""

    physics: Fidelity = Fidelity.COUNTS


class ControlSettings(msgspec.Struct, frozen=True):
    """The settings of the control plane's elements, and where they run."""

    routing: RoutingSettings = RoutingSettings()
    admission: AdmissionSettings = AdmissionSettings()
    monitoring: MonitoringSettings = MonitoringSettings()
    placement: Placement = Placement.CENTRAL


NO_DEVICES: Final[Mapping[DeviceId, Device]] = MappingProxyType({})


class Blueprint(msgspec.Struct, frozen=True):
    """All that is needed to run a network; `devices` holds each device that a link names."""

    name: str
    topology: Topology
    about: str = ""
    slas: tuple[Sla, ...] = ()
    users: tuple[User, ...] = ()
    apps: tuple[App, ...] = ()
    control: ControlSettings = ControlSettings()
    key_management: KeyManagementSettings = KeyManagementSettings()
    twin: TwinSettings = TwinSettings()
    devices: Mapping[DeviceId, Device] = NO_DEVICES

    @property
    def seat(self) -> Seat:
        """Where the control plane runs; of one node with `at`."""
        return seat_of(self.control.placement, tuple(node.id for node in self.topology.nodes))

    @property
    def sole_elements(self) -> tuple[ElementName, ...]:
        """What there is one of, wherever the rest of the control plane runs."""
        return (ACCESS, XOR_POINT) if self.key_management.relay is Relay.XOR_CENTRAL else (ACCESS,)

    def sla_of(self, app: App) -> Sla:
        """Return the service level of the app's owner."""
        wanted = next(user.sla for user in self.users if user.id == app.user)
        return next(sla for sla in self.slas if sla.id == wanted)

    def device_of(self, link: LinkId) -> Device:
        """Return the device at the ends of a link."""
        return self.devices[self.topology.link(link).device]
