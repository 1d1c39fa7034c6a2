"""What links over an untrusted relay have in common: their two arms, and what no hardware can be."""

from __future__ import annotations

from types import MappingProxyType
from typing import Final

import numpy as np

from keytwin.quantum.background import clicks_over
from keytwin.quantum.channel import Channel, Reals, transmittance
from keytwin.quantum.counted_link import MOST_PULSES, Promises
from keytwin.quantum.reach import refuse_broken
from keytwin.quantum.traits import Threat
from keytwin.vocabulary.device_relay import RelayDevice
from keytwin.vocabulary.medium import FREE_SPACE, SATELLITE
from keytwin.vocabulary.units import Decibels, in_seconds

NO_RELAY_IN_THE_SKY: Final = MappingProxyType(
    {SATELLITE: "pulses of both ends would have to meet on board in one instant, while each arm changes"}
)
"""Media over which no relay can measure."""
NO_SHARED_PHASE: Final = MappingProxyType(
    {
        **NO_RELAY_IN_THE_SKY,
        FREE_SPACE: "air turns the phase of light faster than two senders can be kept in step, and nothing interferes",
    }
)
"""Media that twin-field protocols cannot use."""


RELAY_THREATS: Final = (
    Threat.PHOTON_SPLITTING,
    Threat.UNTRUSTED_RELAY,
    Threat.BLINDING,
    Threat.TIME_SHIFT,
    Threat.EFFICIENCY_MISMATCH,
)
"""What no end suffers from that has no detectors."""


def arms(device: RelayDevice, loss: Decibels) -> tuple[float, float]:
    """Return the transmittance from each end to a click at the relay."""
    near, far = arms_over(device, np.asarray(loss, dtype=np.float64))
    return float(near), float(far)


def arms_over(device: RelayDevice, loss: Reals) -> tuple[Reals, Reals]:
    """Return the same for whole arrays."""
    near = transmittance(loss * device.relay_position)
    far = transmittance(loss * (1.0 - device.relay_position))
    return device.detection_efficiency * near, device.detection_efficiency * far


def pulse_pairs(device: RelayDevice) -> int:
    """Return the pulse pairs of a block."""
    return round(device.clock * in_seconds(device.block_time))


def dark_count(device: RelayDevice, channel: Channel) -> float:
    """Return the probability per gate and detector of a click that no pulse has caused."""
    return float(dark_count_over(device, np.asarray(channel.background)))


def dark_count_over(device: RelayDevice, background: Reals) -> Reals:
    """Return the same for whole arrays of background."""
    return np.minimum(0.5, device.dark_count + clicks_over(background, device.clock, device.detection_efficiency))


def promised(device: RelayDevice) -> Promises:
    """Return what the post-processing promises and costs."""
    return Promises(device.reconciliation, device.correctness, device.secrecy)


def check_relay(device: RelayDevice) -> None:
    """Refuse what no hardware can be."""
    count = device.clock * in_seconds(device.block_time)
    epsilons = (device.secrecy, device.correctness)
    rules = (
        (1 <= count <= MOST_PULSES, f"clock x block_time = {count:.3g} pulses: give 1 to {MOST_PULSES:.0e}"),
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (max(device.dark_count, device.misalignment) < 0.5, "dark_count and misalignment must be below 0.5"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (all(0 < each < 1 for each in epsilons), "secrecy and correctness must be above 0 and below 1"),
    )
    refuse_broken(device, rules)
