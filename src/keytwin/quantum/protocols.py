"""The QKD protocols that keytwin brings, and the way from a device and a channel to the model of a link."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from types import MappingProxyType
from typing import Final

from keytwin.quantum.analytic import AnalyticRate, Channels, over
from keytwin.quantum.bb84_device import (
    no_decoy_link,
    no_decoy_rates,
    one_decoy_link,
    one_decoy_rates,
    single_photon_link,
    single_photon_rates,
)
from keytwin.quantum.bb84_traits import BLACK_BOX, NO_DECOY, ONE_DECOY, SARG04, SINGLE_PHOTON, TWO_DECOYS
from keytwin.quantum.channel import Channel
from keytwin.quantum.decoy_device import decoy_link, decoy_rates
from keytwin.quantum.empirical import empirical_link
from keytwin.quantum.gg02_device import (
    GG02_TRAITS,
    NO_FADING,
    gg02_heterodyne_link,
    gg02_heterodyne_rates,
    gg02_homodyne_link,
    gg02_homodyne_rates,
)
from keytwin.quantum.link import LinkModel, QkdProtocol
from keytwin.quantum.mdi_device import MDI_TRAITS, mdi_link
from keytwin.quantum.pair_device import (
    BBM92_TRAITS,
    DEVICE_INDEPENDENT_TRAITS,
    E91_TRAITS,
    NO_HERALDS,
    bbm92_cw_link,
    bbm92_link,
    device_independent_link,
    e91_link,
)
from keytwin.quantum.pair_rates import bbm92_cw_rates, bbm92_rates, device_independent_rates, e91_rates
from keytwin.quantum.phase_reference_device import COW_TRAITS, DPS_TRAITS, cow_link, cow_rates, dps_link, dps_rates
from keytwin.quantum.relay_link import NO_RELAY_IN_THE_SKY, NO_SHARED_PHASE
from keytwin.quantum.relay_rates import coherent_twin_rates, mdi_rates, phase_matching_rates
from keytwin.quantum.repeater_device import FIBRE_ONLY, REPEATER_TRAITS, repeater_link, repeater_rates
from keytwin.quantum.sarg04 import sarg04_link, sarg04_rates
from keytwin.quantum.scheduled_link import ScheduledLink, pooled
from keytwin.quantum.twin_field_device import (
    COHERENT_TWIN_TRAITS,
    PHASE_MATCHING_TRAITS,
    coherent_twin_link,
    phase_matching_link,
)
from keytwin.vocabulary.device import DecoyBb84Device, Device, EmpiricalDevice
from keytwin.vocabulary.device_bb84 import NoDecoyBb84Device, OneDecoyBb84Device, Sarg04Device, SinglePhotonBb84Device
from keytwin.vocabulary.device_continuous import Gg02Device
from keytwin.vocabulary.device_pairs import Bbm92CwDevice, Bbm92Device, DeviceIndependentDevice, E91Device
from keytwin.vocabulary.device_phase_reference import CowDevice, DpsDevice
from keytwin.vocabulary.device_relay import CoherentTwinDevice, MdiDevice, PhaseMatchingDevice
from keytwin.vocabulary.device_repeater import RepeaterDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import FIBRE

_BROUGHT: Final = (
    QkdProtocol("decoy-bb84", DecoyBb84Device, decoy_link, TWO_DECOYS, analytic=decoy_rates),
    QkdProtocol("empirical", EmpiricalDevice, empirical_link, BLACK_BOX),
    QkdProtocol("bb84-one-decoy", OneDecoyBb84Device, one_decoy_link, ONE_DECOY, analytic=one_decoy_rates),
    QkdProtocol("bb84-no-decoy", NoDecoyBb84Device, no_decoy_link, NO_DECOY, analytic=no_decoy_rates),
    QkdProtocol(
        "bb84-single-photon",
        SinglePhotonBb84Device,
        single_photon_link,
        SINGLE_PHOTON,
        analytic=single_photon_rates,
    ),
    QkdProtocol("sarg04", Sarg04Device, sarg04_link, SARG04, analytic=sarg04_rates),
    QkdProtocol("bbm92", Bbm92Device, bbm92_link, BBM92_TRAITS, analytic=bbm92_rates),
    QkdProtocol("bbm92-cw", Bbm92CwDevice, bbm92_cw_link, BBM92_TRAITS, analytic=bbm92_cw_rates),
    QkdProtocol("e91", E91Device, e91_link, E91_TRAITS, analytic=e91_rates),
    QkdProtocol(
        "e91-device-independent",
        DeviceIndependentDevice,
        device_independent_link,
        DEVICE_INDEPENDENT_TRAITS,
        NO_HERALDS,
        analytic=device_independent_rates,
    ),
    QkdProtocol("gg02-homodyne", Gg02Device, gg02_homodyne_link, GG02_TRAITS, NO_FADING, analytic=gg02_homodyne_rates),
    QkdProtocol(
        "gg02-heterodyne",
        Gg02Device,
        gg02_heterodyne_link,
        GG02_TRAITS,
        NO_FADING,
        analytic=gg02_heterodyne_rates,
    ),
    QkdProtocol("dps", DpsDevice, dps_link, DPS_TRAITS, analytic=dps_rates),
    QkdProtocol("cow", CowDevice, cow_link, COW_TRAITS, analytic=cow_rates),
    QkdProtocol("mdi", MdiDevice, mdi_link, MDI_TRAITS, NO_RELAY_IN_THE_SKY, analytic=mdi_rates),
    QkdProtocol(
        "twin-field-pm",
        PhaseMatchingDevice,
        phase_matching_link,
        PHASE_MATCHING_TRAITS,
        NO_SHARED_PHASE,
        analytic=phase_matching_rates,
    ),
    QkdProtocol(
        "twin-field-cal",
        CoherentTwinDevice,
        coherent_twin_link,
        COHERENT_TWIN_TRAITS,
        NO_SHARED_PHASE,
        analytic=coherent_twin_rates,
    ),
    QkdProtocol("repeater-chain", RepeaterDevice, repeater_link, REPEATER_TRAITS, FIBRE_ONLY, analytic=repeater_rates),
)
PROTOCOLS: Final[Mapping[str, QkdProtocol]] = MappingProxyType({protocol.name: protocol for protocol in _BROUGHT})
"""By name; those of the extension point `keytwin.protocols` are added by the caller."""


def link_model(device: Device, channel: Channel, protocols: Mapping[str, QkdProtocol] = PROTOCOLS) -> LinkModel:
    """Return the model of a link; Mistake when the protocol is unknown or physics leaves no key."""
    protocol = _protocol_over(device, channel.medium, protocols)
    if channel.schedule is None:
        return protocol.link(device, channel)
    return ScheduledLink(protocol.link(pooled(device, channel.schedule), channel), channel.schedule.share)


def analytic_rate(
    device: Device, channels: Channels, medium: str = FIBRE, protocols: Mapping[str, QkdProtocol] = PROTOCOLS
) -> AnalyticRate:
    """Return what endless blocks would give while light passes; where there is no key, a rate is 0.

    Mistake when the protocol is unknown, unfit for the medium or known by measurement only, or the device impossible.
    """
    analytic = _protocol_over(device, medium, protocols).analytic
    if analytic is None:
        raise Mistake(f"protocol {device.protocol} has no formula: its rate was measured, and holds for that link only")
    return over(channels, partial(analytic, device))


def _protocol_over(device: Device, medium: str, protocols: Mapping[str, QkdProtocol]) -> QkdProtocol:
    if device.protocol not in protocols:
        known = ", ".join(sorted(protocols))
        raise Mistake(f"device {device.name}: protocol {device.protocol!r} is not known; choose one of {known}")
    protocol = protocols[device.protocol]
    if not isinstance(device, protocol.device):
        raise Mistake(f"device {device.name}: its parameters are not those of protocol {protocol.name!r}")
    if medium in protocol.unfit:
        raise Mistake(f"protocol {protocol.name} cannot use {medium!r}: {protocol.unfit[medium]}")
    return protocol
