"""What the protocols of the BB84 family share on the way from a device and a channel to a link: optics and checks."""

from __future__ import annotations

from typing import Final, TypeAlias

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.background import clicks, clicks_over
from keytwin.quantum.bb84_endless import OpticsArray, Pulses
from keytwin.quantum.channel import Reals, transmittance
from keytwin.quantum.counted_link import MOST_PULSES
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.reach import refuse_broken
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.device_bb84 import PulsedDevice
from keytwin.vocabulary.units import Decibels, in_seconds

INTENSITIES: Final = (1e-3, 2.0)
"""Mean photons of signals with decoys: darker ones are lost among dark counts, brighter ones hold several photons."""
USUAL_INTENSITY: Final = 0.48  # best of the GYS set (Ma, Qi, Zhao, Lo, PRA 72 012326)
Pulsed: TypeAlias = PulsedDevice | DecoyBb84Device
"""A device that sends pulses to two threshold detectors."""


def pulses_of(device: Pulsed) -> int:
    """Return the pulses of a block."""
    return round(device.clock * in_seconds(device.block_time))


def optics_of(device: Pulsed, loss: Decibels, background: float) -> Optics:
    """Return what nature does on a link of this loss; `background` is foreign photons a second at the receiver."""
    return Optics(
        transmittance=device.detection_efficiency * float(transmittance(loss)),
        dark_count=device.dark_count + clicks(background, device.clock, device.detection_efficiency),
        afterpulse=device.afterpulse,
        misalignment=device.misalignment,
        dead_gates=device.clock * in_seconds(device.dead_time),
    )


def optics_over(device: Pulsed, channels: Channels) -> OpticsArray:
    """Return the same for channels by the array."""
    return OpticsArray(
        transmittance=device.detection_efficiency * channels.transmittance,
        dark_count=device.dark_count + clicks_over(channels.background, device.clock, device.detection_efficiency),
        afterpulse=device.afterpulse,
        misalignment=device.misalignment,
        dead_gates=device.clock * in_seconds(device.dead_time),
    )


def rates_of(device: Pulsed, found: Pulses, key_share: float) -> AnalyticRate:
    """Return what pulses give of which `key_share` are sent and measured for the key."""
    rate = key_share * found.rate
    return AnalyticRate(found.gain, found.error_rate, rate, rate * device.clock)


def best_signals(optics: OpticsArray, reconciliation: float) -> Pulses:
    """Return what signals of the best intensity give: in endless blocks hardly any pulse need be a decoy."""

    def found(intensity: Reals) -> Pulses:
        return optics.with_decoys([intensity], [1.0], reconciliation)

    return found(best_settings(lambda intensity: found(intensity).rate, *INTENSITIES, USUAL_INTENSITY))


# --- what is wrong with a device ------------------------------------------------------------------------------------


def refuse_impossible(device: Pulsed) -> None:
    """Refuse what no hardware can be."""
    pulses = device.clock * in_seconds(device.block_time)
    epsilons = (device.secrecy, device.correctness)
    rules = (
        (1 <= pulses <= MOST_PULSES, f"clock x block_time = {pulses:.3g} pulses: give 1 to {MOST_PULSES:.0e}"),
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (max(device.dark_count, device.misalignment) <= 0.5, "dark_count and misalignment must not exceed 0.5"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (all(0 < each < 1 for each in epsilons), "secrecy and correctness must be above 0 and below 1"),
    )
    refuse_broken(device, rules)


def all_or_none(device: Device, given: dict[str, float | None]) -> tuple[float, ...] | None:
    """Return settings that a device file gives; None when it leaves them to be computed for each link."""
    numbers = tuple(value for value in given.values() if value is not None)
    if not numbers:
        return None
    *first, last = given
    together = f"give {', '.join(first)} and {last} together, or none"
    refuse_broken(device, ((len(numbers) == len(given), together),))
    return numbers
