"""From a device for differential phase shift or coherent one-way to the model of a link, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final

from keytwin.quantum.background import clicks
from keytwin.quantum.channel import Channel, transmittance
from keytwin.quantum.counted_link import CountedLink, Promises
from keytwin.quantum.cow import CowEstimator, OneWayTrain
from keytwin.quantum.dps import DpsEstimator, PhaseTrain
from keytwin.quantum.reach import best_setting, link_within_reach, refuse_broken
from keytwin.quantum.traits import Proof, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_phase_reference import CowDevice, DpsDevice, PhaseReferenceDevice
from keytwin.vocabulary.units import Decibels, in_seconds, show_duration

MOST_PULSES: Final = 10**15  # a block of 11 days at 1 GHz; counts stay exact as floats
_INTENSITY: Final = (1e-3, 0.499)  # mean photons per pulse: DPS gives nothing from one half on
_SLOT: Final = 2  # pulses per bit of COW

DPS_TRAITS: Final = Traits(
    proof=Proof.INDIVIDUAL,
    trl=6,
    threats=("photon-number splitting",),
    sources=MappingProxyType(
        {
            "proof": "Waks, Takesue, Yamamoto, PRA 73 012344 (2006)",
            "trl": "Sasaki et al., Opt. Express 19 10387 (2011): a link of the Tokyo network",
        }
    ),
)
COW_TRAITS: Final = Traits(
    proof=Proof.NONE,
    trl=8,
    sources=MappingProxyType(
        {
            "proof": "None: zero-error attacks, Gonzalez-Payo, Trenyi, Wang, Curty, PRL 125 260510 (2020)",
            "trl": "Korzh et al., Nat. Photon. 9 163 (2015); sold, and kept here for networks that were built with it",
        }
    ),
)


def dps_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with differential phase shift; Mistake when impossible or out of reach."""
    assert isinstance(device, DpsDevice)
    _check(device)
    pulses = round(device.clock * in_seconds(device.block_time))
    promises = Promises(device.reconciliation, device.correctness)

    def link_at(loss: Decibels) -> CountedLink:
        train = PhaseTrain(_transmittance(device, loss), _noise(device, channel), device.misalignment)

        def link_with(intensity: float) -> CountedLink:
            gain, error = float(train.gain(intensity)), float(train.error_rate(intensity))
            cells = _live((gain * (1.0 - error), gain * error), device.clock, device)
            return CountedLink(cells, 2, DpsEstimator(promises, intensity), pulses, device.block_time)

        return link_with(device.intensity or _best(link_with))

    return link_within_reach(device, channel, link_at, _why_no_key)


def cow_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with coherent one-way; Mistake when impossible or out of reach."""
    assert isinstance(device, CowDevice)
    _check(device)
    _check_monitor(device)
    slots = round(device.clock * in_seconds(device.block_time) / _SLOT)
    promises = Promises(device.reconciliation, device.correctness)

    def link_at(loss: Decibels) -> CountedLink:
        train = OneWayTrain(
            _transmittance(device, loss),
            _noise(device, channel),
            device.misalignment,
            device.decoy_share,
            device.monitor_share,
            device.visibility,
        )

        def link_with(intensity: float) -> CountedLink:
            cells = _live(tuple(float(cell) for cell in train.cells(intensity)), device.clock / _SLOT, device)
            return CountedLink(cells, 2, CowEstimator(promises, intensity), slots, device.block_time)

        return link_with(device.intensity or _best(link_with))

    return link_within_reach(device, channel, link_at, _why_no_key)


def _best(link_with: Callable[[float], CountedLink]) -> float:
    def length(intensity: float) -> float:
        link = link_with(intensity)
        return link.estimator.signed_length([link.pulses * cell for cell in link.cells])

    return best_setting(length, *_INTENSITY)


def _transmittance(device: PhaseReferenceDevice, loss: Decibels) -> float:
    return device.detection_efficiency * float(transmittance(loss))


def _noise(device: PhaseReferenceDevice, channel: Channel) -> float:
    """Return the clicks per pulse and detector that no photon of the sender causes."""
    return min(0.5, device.dark_count + clicks(channel.background, device.clock, device.detection_efficiency))


def _live(cells: tuple[float, ...], chances: float, device: PhaseReferenceDevice) -> tuple[float, ...]:
    """Return the cells less what falls into the non-paralysable dead time; `chances` per second."""
    blind = chances * in_seconds(device.dead_time) * sum(cells)
    return tuple(cell / (1.0 + blind) for cell in cells)


def _check(device: PhaseReferenceDevice) -> None:
    """Refuse what no hardware can be."""
    pulses = device.clock * in_seconds(device.block_time)
    intensity = device.intensity
    rules = (
        (_SLOT <= pulses <= MOST_PULSES, f"clock x block_time = {pulses:.3g} pulses: give 2 to {MOST_PULSES:.0e}"),
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (max(device.dark_count, device.misalignment) <= 0.5, "dark_count and misalignment must not exceed 0.5"),
        (device.reconciliation >= 1, "reconciliation below 1 would beat Shannon's limit; 1.05 to 1.3 are usual"),
        (0 < device.correctness < 1, "correctness must be above 0 and below 1"),
        (intensity is None or 0 < intensity < 1, "intensity must be above 0 and below 1"),
    )
    refuse_broken(device, rules)


def _check_monitor(device: CowDevice) -> None:
    rules = (
        (0 < device.decoy_share < 1, "decoy_share must be above 0 and below 1: decoys show the eavesdropper"),
        (0 < device.monitor_share < 1, "monitor_share must be above 0 and below 1: the monitor and the key need light"),
    )
    refuse_broken(device, rules)


def _why_no_key(link: CountedLink) -> str:
    qber, limit = link.rate().qber, link.estimator.qber_limit
    if qber > limit:
        return f"{qber:.1%} of what is detected would be wrong, and above {limit:.1%} there is no key"
    sifted = float(f"{link.pulses * sum(link.cells[: link.key_cells]):.2g}")
    return (
        f"the {sifted:,.0f} sifted bits of a block of {show_duration(link.block_time)} would all go to error "
        "correction and to what an eavesdropper may know"
    )
