"""From a configuration and the stakeholder's sites to a plan with its blueprint: paper A's last step, made executable.

Nothing is put in silently: each node and link says which variants and which rule asked for it, and relays stand only
where the case allows any. A variant that the running half lacks is named, never replaced by another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import partial
from math import asin, ceil, cos, radians, sin, sqrt
from types import MappingProxyType
from typing import Final, NamedTuple, TypeAlias

from msgspec import structs

from keytwin.design.asking import apps_of, asked_of, demands_of, pairs_of, promises
from keytwin.design.layout import Laid, LinkRate, lay_passes, lay_spans, lay_whole
from keytwin.design.need import Case, Line, Priority, Site
from keytwin.design.plan import Plan, usable_share
from keytwin.design.secrecy import ML_KEM, mode_of
from keytwin.design.variability import Configuration, Ovm
from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    Blueprint,
    ControlSettings,
    KeyManagementSettings,
    MonitoringSettings,
    Sla,
)
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import (
    DeviceId,
    NodeId,
    VariantId,
    VariationPointId,
)
from keytwin.vocabulary.key import KeyMode
from keytwin.vocabulary.medium import SATELLITE, Direction
from keytwin.vocabulary.placement import Placement
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import Bits, BitsPerSecond, Kilometres, hours, kilobits, minutes

EARTH_RADIUS: Final = 6371.0  # km, mean (IUGG)
PAD_RATE: Final = BitsPerSecond(100_000)  # from which on key is surely no key of a cipher
BLOCKS_KEPT: Final = 2  # in store at least: one that is spent, and one that comes
PAD_PIECE: Final = Bits(8_192)

PROTOCOL: Final = VariationPointId("protocol")
DIRECT, REPEATER, RELAY, CENTRE = (
    VariantId(f"q-link.{name}") for name in ("direct", "repeater", "trusted-relay", "untrusted-centre")
)
TERRESTRIAL, SKY = VariantId("medium.terrestrial"), VariantId("medium.satellite")

CONSTELLATION: Final = VariantId("free-space.constellation")
UPLINK: Final = VariantId("satellite-path.uplink")
PEER: Final = VariantId("control.peer")
ON_GROUND: Final = tuple(VariantId(f"terrestrial.{name}") for name in ("fibre", "hollow-core"))
"""Channels that lines are; a beam through the air is no line of a case."""


@dataclass(frozen=True, slots=True)
class Shelf:
    """What networks can be built of, and the physics that says what it gives."""

    devices: tuple[Device, ...]
    """In the order of preference."""
    rate: LinkRate
    block: LinkRate | None = None
    """Mean bits of a link's block; None = not told, and no store is made larger for it."""

    def named(self, device: DeviceId) -> Device:
        """Return a device; Mistake when there is none such."""
        found = next((each for each in self.devices if each.name == device), None)
        if found is None:
            raise Mistake(f"device {device!r} is not at hand: choose one of {', '.join(d.name for d in self.devices)}")
        return found

    def running(self, protocol: str, *, is_sky: bool) -> Device | None:
        """Return the first device of a protocol, in the sky one made for satellites first; None = there is none.

        A device made for satellites stays off the ground: its figures are those of light that came through air.
        """
        fitting = [device for device in self.devices if device.protocol == protocol]
        in_orbit = next((device for device in fitting if device.name.startswith(SATELLITE)), None)
        generic = next((device for device in fitting if not device.name.startswith(SATELLITE)), None)
        return in_orbit or generic if is_sky else generic


def realise(case: Case, ovm: Ovm, configuration: Configuration, shelf: Shelf, routes: int = 1) -> Plan:
    """Lay a configuration out on the sites of a case; a line that would give no key is left out, and named.

    Mistake, with the physical reason, when a medium that it chooses gives no key anywhere there, or the case has none.
    """
    laid, left_out = _laid(case, ovm, configuration, shelf, _wanted(case))
    return _plan(case, ovm, configuration, shelf, (laid, left_out, routes))


@dataclass(frozen=True, slots=True)
class Layouts:
    """Configurations laid out on the sites of one case, each network once: many differ only in their reasons."""

    case: Case
    ovm: Ovm
    shelf: Shelf
    routes: int = 1
    _made: dict[_Fabric, tuple[Plan, tuple[Laid, ...]] | Mistake] = field(default_factory=dict)
    """Kept as long as this is: plans of one network share their blueprint, and no other plan has it."""

    def plan(self, configuration: Configuration) -> Plan:
        """Return what `realise` returns; Mistake where it has one."""
        fabric = _fabric(self.case, self.ovm, configuration, self.shelf)
        if fabric is None:
            return realise(self.case, self.ovm, configuration, self.shelf, self.routes)
        if fabric not in self._made:
            self._made[fabric] = self._making(configuration)
        made = self._made[fabric]
        if isinstance(made, Mistake):
            # Without the places where it has been raised before: they would pile up.
            raise made.with_traceback(None)
        plan, laid = made
        return plan.chosen_as(
            configuration,
            MappingProxyType(dict(_reasons(configuration, laid, plan.blueprint.slas))),
            MappingProxyType(dict(_readiness(self.ovm, configuration))),
            _not_runnable(self.case, self.ovm, configuration),
        )

    def _making(self, configuration: Configuration) -> tuple[Plan, tuple[Laid, ...]] | Mistake:
        try:
            laid, left_out = _laid(self.case, self.ovm, configuration, self.shelf, _wanted(self.case))
        except Mistake as mistake:
            return mistake
        return _plan(self.case, self.ovm, configuration, self.shelf, (laid, left_out, self.routes)), laid


class _Fabric(NamedTuple):
    """All that the network of a case hangs on."""

    ground: DeviceId | None
    is_relayed: bool
    sky: DeviceId | None
    is_constellation: bool
    is_uplink: bool
    is_peer: bool
    mode: KeyMode


def _fabric(case: Case, ovm: Ovm, chosen: Configuration, shelf: Shelf) -> _Fabric | None:
    """Return what a configuration's network hangs on; None where a device is missing."""
    try:
        ground = _device(case, ovm, chosen, shelf, is_sky=False).name if _is_on_ground(chosen) else None
        sky = _device(case, ovm, chosen, shelf, is_sky=True).name if SKY in chosen else None
    except Mistake:
        return None
    mode = mode_of(case, chosen)
    return _Fabric(ground, RELAY in chosen, sky, CONSTELLATION in chosen, UPLINK in chosen, PEER in chosen, mode)


def _wanted(case: Case) -> float:
    """Return the bit/s that a link should give at least."""
    # What all pairs ask for may meet on one link, and not all of a link's key can be promised.
    return sum(demand.rate for demand in demands_of(case)) / usable_share(KeyManagementSettings(), ControlSettings())


def _plan(
    case: Case,
    ovm: Ovm,
    configuration: Configuration,
    shelf: Shelf,
    found: tuple[tuple[Laid, ...], dict[str, str], int],
) -> Plan:
    laid, left_out, routes = found
    pairs = pairs_of(case)
    links = tuple(link for each in laid for link in each.links)
    case = replace(case, assume=replace(case.assume, store=_store(case, links, shelf)))
    sites = _sites(case, links)
    huts = [node for each in laid for node in each.relays]
    blueprint = _blueprint(case, configuration, shelf, [*(site.id for site in sites), *huts], (links, routes))
    return Plan(
        configuration=configuration,
        blueprint=blueprint,
        rates=MappingProxyType(dict(zip((link.id for link in links), _rates(laid), strict=True))),
        demands=demands_of(case),
        pairs=pairs,
        relays=frozenset((*huts, *_relaying(sites, configuration))),
        owners=MappingProxyType(dict(_owners(sites, laid))),
        risks=MappingProxyType(dict(_risks(case, sites, laid))),
        channels=MappingProxyType({each.channel: tuple(link.id for link in each.links) for each in laid}),
        distances=MappingProxyType(dict(distances(case, pairs))),
        store=case.assume.store,
        usable=usable_share(blueprint.key_management, blueprint.control),
        routes=routes,
        because=MappingProxyType(dict(_reasons(configuration, laid, blueprint.slas))),
        readiness=MappingProxyType(dict(_readiness(ovm, configuration))),
        left_out=MappingProxyType(left_out),
        not_runnable=_not_runnable(case, ovm, configuration),
    )


def _store(case: Case, links: tuple[QLink, ...], shelf: Shelf) -> Bits:
    """Return the key kept of each direction: what the case says, or twice its part of the largest block.

    What arrives above the store is thrown away: a store that does not hold a block would waste most of it.
    """
    blocks = [shelf.block(link, shelf.named(link.device)) for link in links] if shelf.block else []
    split = KeyManagementSettings().split
    needed = kilobits(ceil(BLOCKS_KEPT * max(blocks, default=0.0) * max(split, 1.0 - split) / 1_000))
    return max(case.assume.store, needed)


def _sites(case: Case, links: tuple[QLink, ...]) -> list[Site]:
    """Return the sites that want keys, and others only where a link ends."""
    reached = {node for link in links for node in link.ends}
    return [site for site in case.sites if site.is_endpoint or site.id in reached]


def _rates(laid: tuple[Laid, ...]) -> Iterator[float]:
    for each in laid:
        yield from each.rates


def _relaying(sites: list[Site], chosen: Configuration) -> Iterator[NodeId]:
    """Give the sites that may relay: own ones trust their owner, those of others only where relays are chosen."""
    return (site.id for site in sites if site.is_own or RELAY in chosen)


def _owners(sites: list[Site], laid: tuple[Laid, ...]) -> Iterator[tuple[NodeId, str]]:
    for site in sites:
        if site.owner:
            yield site.id, site.owner
    for each in laid:
        if each.owner:
            yield from ((node, each.owner) for node in each.relays)


# --- channels -------------------------------------------------------------------------------------------------------


def _laid(
    case: Case, ovm: Ovm, chosen: Configuration, shelf: Shelf, wanted: float
) -> tuple[tuple[Laid, ...], dict[str, str]]:
    """Return the channels that give key, and why others do not."""
    laid: list[Laid] = []
    left_out: dict[str, str] = {}
    # Ground and sky apart: a medium that is chosen has to give key somewhere, whatever the other one does.
    for channels in (_on_ground(case, ovm, chosen, shelf, wanted), _in_sky(case, ovm, chosen, shelf)):
        before = len(laid)
        reason = ""
        for name, lay in channels:
            try:
                laid.append(lay())
            except Mistake as mistake:
                left_out[name] = reason = str(mistake)
        # The last reason stands for all: they mostly say the same of different lengths.
        if reason and len(laid) == before:
            raise Mistake(reason)
    if not laid:
        raise Mistake(f"{case.name}: the chosen media are none of those that the case has lines or satellites for")
    return tuple(laid), left_out


_Channel: TypeAlias = tuple[str, Callable[[], Laid]]


def _on_ground(case: Case, ovm: Ovm, chosen: Configuration, shelf: Shelf, wanted: float) -> Iterator[_Channel]:
    if not _is_on_ground(chosen):
        return
    device = _device(case, ovm, chosen, shelf, is_sky=False)
    for line in case.lines:
        # Relays are never put in silently: the variant must be chosen, the line must have room, and no need may forbid
        # it.
        if RELAY in chosen and line.relay_owner is not None and _may_relay(case, line):
            yield line.channel, partial(lay_spans, line, device, shelf.rate, wanted, case.assume.span)
        else:
            yield line.channel, partial(lay_whole, line, device, shelf.rate)


def _is_on_ground(chosen: Configuration) -> bool:
    return TERRESTRIAL in chosen and any(kind in chosen for kind in ON_GROUND)


def _in_sky(case: Case, ovm: Ovm, chosen: Configuration, shelf: Shelf) -> Iterator[_Channel]:
    if SKY not in chosen:
        return
    device = _device(case, ovm, chosen, shelf, is_sky=True)
    for satellite in case.satellites if CONSTELLATION in chosen else case.satellites[:1]:
        passes = structs.replace(satellite.passes, direction=Direction.UPLINK) if UPLINK in chosen else satellite.passes
        yield satellite.id, partial(lay_passes, case, replace(satellite, passes=passes), device, shelf.rate)


def _may_relay(case: Case, line: Line) -> bool:
    """Whether relays of this line's owner are let in by every need that must be met."""
    strict = [need for need in case.needs if need.measure == "third-party-relays" and need.priority is Priority.MUST]
    # Own relays are nobody else's, so a need about third parties lets them be.
    return not line.relay_owner or all(need.threshold > 0 for need in strict)


def _device(case: Case, ovm: Ovm, chosen: Configuration, shelf: Shelf, *, is_sky: bool) -> Device:
    """Return the device that stands for the chosen protocol, or for the repeater; that of the case comes first."""
    protocol = next((variant for variant in chosen.chosen if ovm.variants[variant].point == PROTOCOL), None)
    # A repeater chain is a device of its own on the ground; over a satellite the protocol goes as it is.
    deciding = REPEATER if REPEATER in chosen and not is_sky else protocol
    if deciding is None:
        raise Mistake("no QKD protocol is chosen: a link needs one")
    given = case.assume.devices.get(SKY if is_sky else deciding)
    # A device for the sky goes with the protocol that was chosen beside it; of others it would say nothing.
    if given is not None and (
        not is_sky or PROTOCOL in case.choose or shelf.named(given).protocol == ovm.variants[deciding].runs_as
    ):
        return shelf.named(given)
    found = shelf.running(ovm.variants[deciding].runs_as, is_sky=is_sky)
    if found is None:
        raise Mistake(f"no device at hand runs {ovm.variants[deciding].name}: name one under assume.devices")
    return found


# --- the blueprint --------------------------------------------------------------------------------------------------


def _blueprint(
    case: Case,
    chosen: Configuration,
    shelf: Shelf,
    nodes: Iterable[NodeId],
    laid: tuple[tuple[QLink, ...], int],
) -> Blueprint:
    links, routes = laid
    asked = asked_of(case)
    slas, users = promises((each.rate for each in asked), routes, mode_of(case, chosen))
    is_passed = any(link.medium == SATELLITE for link in links)
    fastest = max(each.rate for each in asked)
    return Blueprint(
        name=case.name,
        topology=Topology(tuple(Node(node) for node in nodes), links),
        about=case.about or f"What {case.stakeholder} needs",
        slas=slas,
        users=users,
        apps=tuple(app for each in asked for app in apps_of(each)),
        control=structs.replace(
            _PATIENT if is_passed else ControlSettings(),
            placement=Placement.PER_NODE if PEER in chosen else Placement.CENTRAL,
        ),
        key_management=_key_management(case, fastest, is_passed=is_passed),
        devices=MappingProxyType({link.device: shelf.named(link.device) for link in links}),
    )


def _key_management(case: Case, fastest: BitsPerSecond, *, is_passed: bool) -> KeyManagementSettings:
    """Keep keys of a pass until the next one, and let pads come in larger pieces than keys of a cipher."""
    # Between two passes no fresh key comes for hours; and a request for each 256 bit of a pad costs more than they do.
    kept = {"pool_depth": minutes(30), "key_lifetime": hours(24)} if is_passed else {}
    pieces = {"key_size": PAD_PIECE} if fastest >= PAD_RATE else {}
    return structs.replace(KeyManagementSettings(store=case.assume.store), **kept, **pieces)


_PATIENT: Final = ControlSettings(
    admission=AdmissionSettings(inactivity_timeout=hours(72)),
    monitoring=MonitoringSettings(probe_period=hours(1), report_period=minutes(1), stock_alarm=kilobits(8)),
)
"""Of a network that sees light a few minutes a day: each active test of a link costs key."""


# --- what a blueprint has no word for -------------------------------------------------------------------------------


def _risks(case: Case, sites: list[Site], laid: tuple[Laid, ...]) -> Iterator[tuple[NodeId, float]]:
    for site in sites:
        yield site.id, case.assume.risk if site.risk is None else site.risk
    for each in laid:
        for node in each.relays:
            yield node, case.assume.risk


def distances(
    case: Case, pairs: tuple[tuple[NodeId, NodeId], ...]
) -> Iterator[tuple[tuple[NodeId, NodeId], Kilometres]]:
    """Give the distance over the globe, or along the line of two sites whose places are not known."""
    for pair in pairs:
        first, second = (case.site(end).position for end in pair)
        along = [line.length for line in case.lines if set(line.ends) == set(pair)]
        if first and second:
            # The globe before the line: a need for reach speaks of places, not of cables.
            yield pair, great_circle(first, second)
        elif along:
            yield pair, min(along)


def great_circle(first: tuple[float, float], second: tuple[float, float]) -> Kilometres:
    """Return the distance of two positions in degrees north and east, along the surface of a sphere (haversine)."""
    (north, east), (far_north, far_east) = (tuple(map(radians, position)) for position in (first, second))
    # The haversine keeps its digits for near places, where the cosine rule loses them.
    chord = sin((far_north - north) / 2) ** 2 + cos(north) * cos(far_north) * sin((far_east - east) / 2) ** 2
    return Kilometres(2 * EARTH_RADIUS * asin(sqrt(min(1.0, chord))))


def _reasons(
    chosen: Configuration, laid: tuple[Laid, ...], slas: tuple[Sla, ...]
) -> Iterator[tuple[str, tuple[VariantId | str, ...]]]:
    for each in laid:
        is_sky = any(link.medium == SATELLITE for link in each.links)
        medium = SKY if is_sky else TERRESTRIAL
        # A link answers to how it is made, not to every choice of the architecture.
        kind = tuple(v for v in chosen.chosen if v == medium or v.startswith(("protocol.", "q-link.")))
        for link in each.links:
            yield link.id, (*kind, each.rule)
        for node in each.relays:
            yield node, (medium if is_sky else RELAY, each.rule)
    if ML_KEM in chosen:
        yield from ((sla.id, (ML_KEM,)) for sla in slas)


def _readiness(ovm: Ovm, chosen: Configuration) -> Iterator[tuple[VariantId, float]]:
    for variant in chosen.chosen:
        level = ovm.variants[variant].readiness
        if level is not None:
            yield variant, level


_ANALYSED_ONLY: Final = frozenset(
    {"authentication.certificates-ml-dsa", "key-management.central"}
    | {"coexistence.cwdm", "coexistence.dwdm", "satellite-path.inter-satellite"}
)
"""Variants that have no part in the running half so far."""
INTERWORKING: Final = "interworking of two operators' networks (ETSI GS QKD 020)"


def _not_runnable(case: Case, ovm: Ovm, chosen: Configuration) -> tuple[str, ...]:
    lacking = tuple(ovm.variants[variant].name for variant in chosen.chosen if variant in _ANALYSED_ONLY)
    crossing = any(is_apart(case, pair) for pair in pairs_of(case))
    return (*lacking, *([INTERWORKING] if crossing else []))


def is_apart(case: Case, pair: tuple[NodeId, NodeId]) -> bool:
    """Whether two sites belong to the networks of two operators."""
    first, second = (case.site(end).domain for end in pair)
    return bool(first and second and first != second)
