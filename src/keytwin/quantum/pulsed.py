"""What the protocols of the BB84 family share on the way from a device and a channel to a link: checks and reasons."""

from __future__ import annotations

from typing import Final, TypeAlias

from keytwin.quantum.background import clicks
from keytwin.quantum.channel import transmittance
from keytwin.quantum.decoy_bb84 import Answer, Optics
from keytwin.quantum.reach import refuse_broken
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.device_bb84 import PulsedDevice
from keytwin.vocabulary.units import Decibels, in_seconds, show_duration

MOST_PULSES: Final = 10**15  # a block of 11 days at 1 GHz; counts stay exact as floats
QBER_LIMIT: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)


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


# --- why a link gives no key ----------------------------------------------------------------------------------------


def why_no_key(device: Pulsed, answer: Answer) -> str:
    """Return the physical reason; `answer` is what the usual pulse causes in the detectors."""
    if answer.wrong > QBER_LIMIT * answer.click:
        share = answer.wrong / answer.click
        return f"{share:.0%} of what is detected would be wrong, and above {QBER_LIMIT:.0%} BB84 gives no key"
    return (
        f"a block of {show_duration(device.block_time)} would hold about "
        f"{_two_digits(pulses_of(device) * answer.click)} detections, too few to bound what an eavesdropper knows"
    )


def _two_digits(count: float) -> str:
    return f"{float(f'{count:.2g}'):,.0f}"
