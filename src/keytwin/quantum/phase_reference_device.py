"""From a device for differential phase shift or coherent one-way to the model of a link, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from types import MappingProxyType
from typing import Final, TypeVar

import numpy as np
import numpy.typing as npt

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.background import clicks_over
from keytwin.quantum.channel import Channel, Reals, transmittance
from keytwin.quantum.counted_link import MOST_PULSES, CountedLink, Promises, why_no_key
from keytwin.quantum.cow import CowEstimator, OneWayTrain
from keytwin.quantum.decoy_asymptotic import ratio
from keytwin.quantum.dps import DpsEstimator, PhaseTrain
from keytwin.quantum.reach import best_setting, link_within_reach, refuse_broken
from keytwin.quantum.traits import Proof, Threat, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_phase_reference import CowDevice, DpsDevice, PhaseReferenceDevice
from keytwin.vocabulary.units import Decibels, in_seconds

_INTENSITY: Final = (1e-3, 0.499)  # mean photons per pulse: DPS gives nothing from one half on
_USUAL: Final = 0.1  # where no intensity gives key
_SLOT: Final = 2  # pulses per bit of COW
X = TypeVar("X", float, Reals)

DPS_TRAITS: Final = Traits(
    proof=Proof.INDIVIDUAL,
    trl=6,
    threats=(Threat.PHOTON_SPLITTING,),
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
        train = _phase_train(device, loss, channel.background)

        def link_with(intensity: float) -> CountedLink:
            gain, error = float(train.gain(intensity)), float(train.error_rate(intensity))
            live = _live(gain, device.clock, device)
            cells = (live * gain * (1.0 - error), live * gain * error)
            return CountedLink(cells, 2, DpsEstimator(promises, intensity), pulses, device.block_time, gain)

        return link_with(device.intensity or _best(link_with))

    return link_within_reach(device, channel, link_at, why_no_key)


def cow_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with coherent one-way; Mistake when impossible or out of reach."""
    assert isinstance(device, CowDevice)
    _check(device)
    _check_monitor(device)
    slots = round(device.clock * in_seconds(device.block_time) / _SLOT)
    promises = Promises(device.reconciliation, device.correctness)

    def link_at(loss: Decibels) -> CountedLink:
        train = _one_way_train(device, loss, channel.background)

        def link_with(intensity: float) -> CountedLink:
            seen = [float(cell) for cell in train.cells(intensity)]
            live = _live(sum(seen), device.clock / _SLOT, device)
            cells = tuple(live * cell for cell in seen)
            estimator, gain = CowEstimator(promises, intensity), sum(cells[:2]) / _SLOT
            return CountedLink(cells, 2, estimator, slots, device.block_time, gain, uses=_SLOT * slots)

        return link_with(device.intensity or _best(link_with))

    return link_within_reach(device, channel, link_at, why_no_key)


def dps_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, DpsDevice)
    _check(device)
    train = _phase_train(device, channels.loss, channels.background)

    def rate(intensity: Reals) -> Reals:
        return train.rate(intensity, device.reconciliation) * _live(train.gain(intensity), device.clock, device)

    best = _best_over(device, channels, rate)
    found = rate(best)
    return AnalyticRate(train.gain(best), train.error_rate(best), found, found * device.clock)


def cow_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give, per pulse; Mistake when the device is impossible."""
    assert isinstance(device, CowDevice)
    _check(device)
    _check_monitor(device)
    train, slots = _one_way_train(device, channels.loss, channels.background), device.clock / _SLOT

    def live(intensity: Reals) -> Reals:
        return _live(np.asarray(sum(train.cells(intensity))), slots, device)

    def rate(intensity: Reals) -> Reals:
        return train.rate(intensity, device.reconciliation) * live(intensity)

    best = _best_over(device, channels, rate)
    (right, wrong, *_), found = train.cells(best), rate(best)
    gain = (right + wrong) * live(best) / _SLOT
    return AnalyticRate(gain, ratio(wrong, right + wrong), found / _SLOT, found * slots)


def _best_over(device: PhaseReferenceDevice, channels: Channels, rate: Callable[[Reals], Reals]) -> Reals:
    if device.intensity is not None:
        return np.full_like(channels.loss, device.intensity)
    return best_settings(rate, *_INTENSITY, _USUAL)


def _best(link_with: Callable[[float], CountedLink]) -> float:
    def length(intensity: float) -> float:
        link = link_with(intensity)
        return link.estimator.signed_length([link.pulses * cell for cell in link.cells])

    return best_setting(length, *_INTENSITY)


def _phase_train(device: DpsDevice, loss: npt.ArrayLike, background: npt.ArrayLike) -> PhaseTrain:
    return PhaseTrain(_transmittance(device, loss), _noise(device, background), device.misalignment)


def _one_way_train(device: CowDevice, loss: npt.ArrayLike, background: npt.ArrayLike) -> OneWayTrain:
    return OneWayTrain(
        _transmittance(device, loss),
        _noise(device, background),
        device.misalignment,
        device.decoy_share,
        device.monitor_share,
        device.visibility,
    )


def _transmittance(device: PhaseReferenceDevice, loss: npt.ArrayLike) -> Reals:
    return device.detection_efficiency * transmittance(loss)


def _noise(device: PhaseReferenceDevice, background: npt.ArrayLike) -> Reals:
    """Return the clicks per pulse and detector that no photon of the sender causes."""
    return np.minimum(0.5, device.dark_count + clicks_over(background, device.clock, device.detection_efficiency))


def _live(clicks: X, chances: float, device: PhaseReferenceDevice) -> X:
    """Return the share of the time outside the non-paralysable dead time, for `clicks` of so many chances a second."""
    return 1.0 / (1.0 + chances * in_seconds(device.dead_time) * clicks)


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
