"""Blueprint -> machines on a runtime: which elements a network consists of, and what each is made with.

This is the only place that knows all planes. Extension points are resolved here: what the caller brings in `Plugins`
comes first, then what installed packages register under the entry-point groups, then what keytwin brings.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from operator import index
from typing import Any, Final, Protocol, SupportsIndex

import numpy as np

from keytwin.control.access import Access
from keytwin.control.admission import Admission
from keytwin.control.controller import Controller
from keytwin.control.metrics import LinkView, MetricFailed, checked
from keytwin.control.monitoring import Monitoring
from keytwin.control.office import tombstone_lifetime
from keytwin.control.profiles import AdmissionSetup
from keytwin.control.routing import METRICS, Routing, RoutingMetric
from keytwin.control.snapshot import shorten_admission, shorten_topology
from keytwin.keymanagement.algorithms import ALGORITHMS, KeyManagementAlgorithm, PoolLevel
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.keymanagement.selfpair import SelfPair
from keytwin.keymanagement.snapshot import shorten as shorten_key_manager
from keytwin.keymanagement.xor_point import XorPoint
from keytwin.quantum.channel import channel_of
from keytwin.quantum.link import LinkModel, QkdProtocol
from keytwin.quantum.protocols import PROTOCOLS, link_model
from keytwin.quantum.twin import Twin, TwinSetup
from keytwin.runtime.crash import contain
from keytwin.runtime.simulation import Simulation
from keytwin.service.application import Application
from keytwin.service.encoding import SALT_OCTETS
from keytwin.service.outside import Outside
from keytwin.service.stream_qos import Level
from keytwin.service.streams import Partner
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake, OutOfReach
from keytwin.vocabulary.identity import (
    ACCESS,
    XOR_POINT,
    AppId,
    ElementName,
    LinkId,
    NodeId,
    SaeId,
    km_of,
    sae_element,
    twin_of,
)
from keytwin.vocabulary.machine import Machine, Record, RecordsLost
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Duration, Instant, microseconds, minutes, nanoseconds

LIGHT_IN_FIBRE_NS_PER_KM: Final = 5_000  # group index of silica about 1.5
LOCAL: Final = microseconds(20)  # between an SAE or a device and the key manager of the same site
BUS: Final = microseconds(300)  # of control traffic, wherever the elements run
STREAM: Final = microseconds(100)  # what two key managers' network stacks add to the light's travel
PATIENCE_MARGIN: Final = minutes(1)  # a key manager waits longer for admission than admission does for the peer

METRIC_GROUP: Final = "keytwin.routing_metrics"
ALGORITHM_GROUP: Final = "keytwin.key_management_algorithms"
PROTOCOL_GROUP: Final = "keytwin.protocols"

SAMPLE_LEVELS: Final = (PoolLevel(0, 0, 0, 64, 64), PoolLevel(0, 64, 3, 0, 1), PoolLevel(64, 0, 0, 64, 64))
"""What an algorithm from outside is tried on before anything runs: an empty pool, one in demand, a full one."""


class Runtime(Protocol):
    """What elements run on, as far as they are made with something of it."""

    def entropy(self, element: ElementName) -> Entropy:
        """Return the element's source of whatever becomes key or identifier."""

    def generator(self, element: ElementName) -> np.random.Generator:
        """Return the element's generator of physics draws."""


Make = Callable[[], Machine]
Customers = Callable[[Blueprint, Runtime], dict[ElementName, Make]]
"""Makes the elements `sae/<id>`: emulated applications, or the standing sessions of real ones."""


@dataclass(frozen=True, slots=True)
class Plugins:
    """What a caller adds at the extension points, by name."""

    metrics: Mapping[str, RoutingMetric] = field(default_factory=dict)
    algorithms: Mapping[str, KeyManagementAlgorithm] = field(default_factory=dict)
    protocols: Mapping[str, QkdProtocol] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for kind in ("metrics", "algorithms", "protocols"):
            if not isinstance(getattr(self, kind), Mapping):
                raise Mistake(f"{kind} are given by name, as in {kind}={{'mine': ...}}: not {getattr(self, kind)!r}")


def simulate(
    blueprint: Blueprint, seed: int, plugins: Plugins | None = None, *, keep_records: bool = False
) -> Simulation:
    """Put a network on a simulation that has not started yet; Mistake when the blueprint names what is not there.

    `keep_records` is needed when an element is to be restarted; it costs memory and time.
    """
    simulation = Simulation(seed, latency_of(blueprint), keep_records=keep_records)
    for name, make in elements(blueprint, simulation, plugins or Plugins()).items():
        simulation.add(name, make)
    return simulation


def elements(
    blueprint: Blueprint, runtime: Runtime, plugins: Plugins, speed: float = 1.0, customers: Customers | None = None
) -> dict[ElementName, Make]:
    """Return every element of the network with what makes a fresh incarnation of it, in the order they start.

    `speed` is that of the twins; `customers` are emulated applications unless given.
    """
    nodes = tuple(node.id for node in blueprint.topology.nodes)
    control = blueprint.control
    metric = _guarded(_named(plugins.metrics, METRIC_GROUP, METRICS, control.routing.metric, "routing metric"))
    setup = AdmissionSetup(
        slas=blueprint.slas,
        users=blueprint.users,
        apps=blueprint.apps,
        settings=control.admission,
        key_management=blueprint.key_management,
    )
    made: dict[ElementName, Make] = {ACCESS: partial(Access, blueprint.users, blueprint.apps)}
    for seat in dict.fromkeys(blueprint.seat.at(node) for node in nodes) or (blueprint.seat,):
        made |= {
            seat.controller: partial(Controller, nodes, seat),
            seat.monitoring: partial(Monitoring, control.monitoring, seat),
            seat.routing: partial(Routing, control.routing, metric, seat),
            seat.admission: partial(Admission, setup, runtime.entropy(seat.admission), seat),
        }
    if XOR_POINT in blueprint.sole_elements:
        made[XOR_POINT] = XorPoint
    algorithm = blueprint.key_management.algorithm
    chosen = _named(plugins.algorithms, ALGORITHM_GROUP, ALGORITHMS, algorithm, "key-management algorithm")
    sound = _sound(algorithm, chosen)
    for node in nodes:
        km_setup = _km_setup(blueprint, node, {algorithm: sound})
        made[km_of(node)] = partial(KeyManager, km_setup, runtime.entropy(km_of(node)))
    for link in blueprint.topology.links:
        name = twin_of(link.id)
        seat = blueprint.seat.of_link(link.id)
        twin = TwinSetup(link.id, link.device, speed, seat.controller, seat.monitoring)
        model = model_of(blueprint, link, plugins)
        schedule = channel_of(link).schedule
        made[name] = partial(Twin, twin, model, runtime.entropy(name), runtime.generator(name), schedule)
    return made | (customers or applications)(blueprint, runtime)


def shorten(
    made: Mapping[ElementName, Make],
    blueprint: Blueprint,
    element: ElementName,
    records: Sequence[Record],
    now: Instant,
) -> Iterable[Record] | None:
    """Return few records from which an element restores the same as from all of these, whose keys are taken over.

    None = it is not known how: these are all needed.
    """
    make = made.get(element)
    machine = make() if make else None
    match machine:
        case KeyManager():
            return shorten_key_manager(machine, records)
        case Admission():
            return shorten_admission(records, now, tombstone_lifetime(blueprint.control.admission))
        case Controller():
            return shorten_topology(records)
        case Twin():
            return [record for record in records[-1:] if not isinstance(record, RecordsLost)]  # the last says all
        case _:
            return None


def applications(blueprint: Blueprint, runtime: Runtime) -> dict[ElementName, Make]:
    """Return an emulated application for each SAE; both ends of an app compare their keys under one salt."""
    salt = runtime.entropy(ElementName("salt")).bytes(SALT_OCTETS)
    made: dict[ElementName, Make] = {}
    for end, peers in _customers(blueprint):
        saes = {app: peer.sae for app, peer in peers.items()}
        made[sae_element(end.sae)] = partial(Application, end.sae, end.node, saes, salt)
    return made


def standing(blueprint: Blueprint, runtime: Runtime) -> dict[ElementName, Make]:
    """Return, for each SAE, what keeps its sessions while the SAE itself is outside and asks when it likes."""
    del runtime
    return {
        sae_element(end.sae): partial(Outside, end.sae, end.node, peers, _partners(blueprint, end.sae))
        for end, peers in _customers(blueprint)
    }


def _partners(blueprint: Blueprint, sae: SaeId) -> dict[SaeId, Partner]:
    """Return with whom an SAE may open key streams; not with itself: a stream has two ends."""
    found: dict[SaeId, Partner] = {}
    settings = blueprint.key_management
    for app in blueprint.apps:
        sla = blueprint.sla_of(app)
        level = Level(sla.rate, sla.burst, sla.priority, settings.key_size, settings.key_lifetime)
        for own, other in (app.ends, app.ends[::-1]):
            if own.sae == sae and not app.is_selfpair:
                found.setdefault(other.sae, Partner(app.id, level))
    return found


def protocol_of(device: Device, plugins: Plugins | None = None) -> QkdProtocol:
    """Return the protocol of a device: one that keytwin brings, a plug-in, or one of an installed package."""
    given = plugins.protocols if plugins else {}
    protocol: QkdProtocol = _named(given, PROTOCOL_GROUP, PROTOCOLS, device.protocol, "QKD protocol")
    return protocol


def model_of(blueprint: Blueprint, link: QLink, plugins: Plugins | None = None) -> LinkModel:
    """Return the physics of one link; Mistake, with the physical reason, when it gives no key."""
    device = blueprint.devices[link.device]
    protocol = protocol_of(device, plugins)
    try:
        return link_model(device, channel_of(link), {device.protocol: protocol})
    except OutOfReach as mistake:
        raise OutOfReach(f"link {link.id}: {mistake}", mistake.reach) from None
    except Mistake as mistake:
        raise Mistake(f"link {link.id}: {mistake}") from None


def latency_of(blueprint: Blueprint) -> Callable[[ElementName, ElementName], Duration]:
    """Return how long a message travels: the light's time between neighbours, a fixed one elsewhere."""
    lengths: dict[frozenset[ElementName], float] = {}
    for link in blueprint.topology.links:
        pair = frozenset(km_of(node) for node in link.ends)
        lengths[pair] = min(link.length, lengths.get(pair, link.length))

    def latency(source: ElementName, target: ElementName) -> Duration:
        length = lengths.get(frozenset((source, target)))
        if length is not None:
            return nanoseconds(STREAM + round(length * LIGHT_IN_FIBRE_NS_PER_KM))
        return LOCAL if source.startswith(("sae/", "link/")) or target.startswith(("sae/", "link/")) else BUS

    return latency


def _km_setup(blueprint: Blueprint, node: NodeId, algorithms: Mapping[str, KeyManagementAlgorithm]) -> KmSetup:
    links: tuple[LinkId, ...] = tuple(link.id for link in blueprint.topology.links_of(node))
    return KmSetup(
        node=node,
        links=links,
        key_management=blueprint.key_management,
        monitoring=blueprint.control.monitoring,
        algorithms=algorithms,
        patience=Duration(blueprint.control.admission.peer_timeout + PATIENCE_MARGIN),
        selfpairs=tuple(
            _selfpair(blueprint, app) for app in blueprint.apps if app.is_selfpair and app.ends[0].node == node
        ),
        seat=blueprint.seat.at(node),
    )


def _selfpair(blueprint: Blueprint, app: App) -> SelfPair:
    assert app.ends[0] == app.ends[1]
    sla = blueprint.sla_of(app)
    return SelfPair(app.id, app.ends[0].sae, sla.rate, sla.burst, blueprint.key_management.key_size)


def _customers(blueprint: Blueprint) -> list[tuple[Endpoint, dict[AppId, Endpoint]]]:
    """Return every SAE, with the other end of each of its apps."""
    own: dict[SaeId, Endpoint] = {}
    peers: dict[SaeId, dict[AppId, Endpoint]] = {}
    for app in blueprint.apps:
        first, second = app.ends
        for end, other in ((first, second), (second, first)):
            own[end.sae] = end
            peers.setdefault(end.sae, {})[app.id] = other
    return [(end, peers[sae]) for sae, end in own.items()]


def _named(given: Mapping[str, Any], group: str, brought: Mapping[str, Any], name: str, kind: str) -> Any:  # noqa: ANN401  # an entry point is what its package made it
    """Return the member of an extension point with this name."""
    if name in given or name in brought:
        return given.get(name, brought.get(name))
    installed = {point.name: point for point in entry_points(group=group)}
    if name in installed:
        return _loaded(installed[name], kind)
    known = ", ".join(sorted({*given, *brought, *installed}))
    raise Mistake(f"{kind} {name!r} is not known: choose one of {known}")


def _loaded(point: EntryPoint, kind: str) -> Any:  # noqa: ANN401  # as above
    """Return what an entry point names; Mistake when its package cannot give it."""
    found = contain(point.load)
    if isinstance(found, Exception):
        package = point.dist.name if point.dist else "an unknown package"
        error = f"{type(found).__name__}: {found}"
        raise Mistake(
            f"{kind} {point.name!r} cannot be loaded: {package} registers {point.value!r} for it under {point.group}, "
            f"which fails with {error}"
        )
    return found


def _guarded(metric: RoutingMetric) -> RoutingMetric:
    """Return the metric; one from outside is tried, and whatever it raises later concerns the link it was asked of."""
    if metric in METRICS.values():
        return metric

    def guarded(view: LinkView) -> float:
        weight = contain(partial(metric, view))
        if isinstance(weight, Exception):
            raise MetricFailed(f"{type(weight).__name__}: {weight}")
        return weight

    guarded.__name__ = getattr(metric, "__name__", repr(metric))
    return checked(guarded)


def _sound(name: str, algorithm: KeyManagementAlgorithm) -> KeyManagementAlgorithm:
    """Return the algorithm; one from outside is tried, and later watched: Mistake when it gives no number of keys."""
    if algorithm in ALGORITHMS.values():
        return algorithm

    def watched(level: PoolLevel) -> int:
        number = contain(partial(algorithm, level))
        if isinstance(number, SupportsIndex) and index(number) >= 0:  # of numpy too
            return index(number)
        did = f"raises {type(number).__name__}: {number}" if isinstance(number, Exception) else f"gives {number!r}"
        raise Mistake(
            f"key-management algorithm {name!r}, a plug-in, {did} for {level}: return a whole number of keys from 0 up"
        )

    for level in SAMPLE_LEVELS:
        watched(level)
    return watched
