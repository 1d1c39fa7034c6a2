"""From a twin-field device and a channel to the model of a link, by phase matching or with plain coherent pulses.

Both proofs want equally bright pulses at the relay. Where it is not in the middle, the shorter arm is dimmed to the
loss of the longer one, which no eavesdropper gains by.
"""

from __future__ import annotations

from functools import lru_cache, partial
from itertools import product
from math import exp, log
from types import MappingProxyType
from typing import Final

import numpy as np

from keytwin.quantum.channel import Channel
from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator
from keytwin.quantum.coherent_twin_optimum import best_coherent_twin
from keytwin.quantum.counted_link import CountedLink, Promises, why_no_key
from keytwin.quantum.phase_matching import PhaseMatching, PhaseMatchingEstimator, PhaseMatchingSettings
from keytwin.quantum.reach import link_within_reach, refuse_broken
from keytwin.quantum.relay_link import RELAY_THREATS, arms, check_relay, dark_count, promised, pulse_pairs
from keytwin.quantum.search import Point, Space, four_digits, logistic
from keytwin.quantum.traits import Proof, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_relay import CoherentTwinDevice, PhaseMatchingDevice
from keytwin.vocabulary.units import Decibels

FARTHEST: Final = Decibels(200.0)  # beyond 1000 km of the best fibre
_RIPENESS: Final = "Chosen: several field trials (Liu et al., PRL 126 250502), no product"
PHASE_MATCHING_TRAITS: Final = Traits(
    Proof.COLLECTIVE,
    trl=5,
    threats=RELAY_THREATS,
    is_repeaterless=False,
    sources=MappingProxyType(
        {
            "proof": "Ma, Zeng, Zhou, PRX 8 031043; counts by Chernoff bounds",
            "threats": "Lucamarini et al., Nature 557 400: no assumption about the detectors; sources must be trusted",
            "trl": _RIPENESS,
        }
    ),
)
COHERENT_TWIN_TRAITS: Final = Traits(
    Proof.COLLECTIVE,
    trl=5,
    threats=RELAY_THREATS,
    is_repeaterless=False,
    sources=MappingProxyType(
        {
            "proof": "Curty, Azuma, Lo, npj Quantum Inf. 5 64; counts by Chernoff bounds",
            "threats": "Lucamarini et al., Nature 557 400: no assumption about the detectors; sources must be trusted",
            "trl": _RIPENESS,
        }
    ),
)
_CACHED: Final = 4096  # distinct links of one network
_MOST_SLICES: Final = 1024


def phase_matching_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link by phase matching; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, PhaseMatchingDevice)
    check_relay(device)
    check_slices(device)
    link_at = partial(_phase_matching_at, device, dark_count(device, channel))
    return link_within_reach(device, channel, link_at, why_no_key, FARTHEST)


def coherent_twin_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link with coherent pulses; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, CoherentTwinDevice)
    check_relay(device)
    link_at = partial(_coherent_twin_at, device, dark_count(device, channel))
    return link_within_reach(device, channel, link_at, why_no_key, FARTHEST)


def check_slices(device: PhaseMatchingDevice) -> None:
    """Refuse phases that no modulator cuts."""
    slices = device.phase_slices
    whole = slices % 2 == 0 and 4 <= slices <= _MOST_SLICES
    refuse_broken(device, ((whole, f"phase_slices must be an even number from 4 to {_MOST_SLICES}"),))


def _phase_matching_at(device: PhaseMatchingDevice, dark: float, loss: Decibels) -> CountedLink:
    arm, slices = min(arms(device, loss)), device.phase_slices
    optics = PhaseMatching(arm, dark, slices, device.misalignment)
    promises, pulses = promised(device), pulse_pairs(device)
    settings = best_phase_matching(optics, promises, pulses)
    estimator = PhaseMatchingEstimator(settings, promises, pulses, slices)
    cells, matched = settings.cells(optics), settings.shares[0] ** 2 * 2.0 / slices
    return CountedLink(cells, 2, estimator, pulses, device.block_time, sum(cells[:2]) / matched)


def _coherent_twin_at(device: CoherentTwinDevice, dark: float, loss: Decibels) -> CountedLink:
    optics = CoherentTwin(min(arms(device, loss)), dark, device.misalignment)
    promises, pulses = promised(device), pulse_pairs(device)
    settings = best_coherent_twin(optics, promises, pulses)
    estimator = CoherentTwinEstimator(settings, promises, pulses)
    cells = settings.cells(optics)
    return CountedLink(cells, 2, estimator, pulses, device.block_time, sum(cells[:2]) / settings.shares[0] ** 2)


# --- best settings --------------------------------------------------------------------------------------------------

# A point: ln of the signal, logit of decoy / signal, ln of the odds of signal and decoy against darkness.
_MATCHING_BOUNDS: Final = ((-5.0, 0.5), (-4.0, 3.0), (-2.0, 7.0), (-3.0, 5.0))
_MATCHING_STARTS: Final = tuple(product((log(0.2), log(0.1)), (-1.5, 0.0), (1.0, 3.0), (0.0, 1.5)))


@lru_cache(maxsize=_CACHED)
def best_phase_matching(optics: PhaseMatching, promises: Promises, pulses: int) -> PhaseMatchingSettings:
    """Return the settings with most key from a block of `pulses` pulse pairs."""
    slices = float(np.asarray(optics.slices))

    def length(settings: PhaseMatchingSettings) -> float:
        expected = [pulses * cell for cell in settings.cells(optics)]
        return PhaseMatchingEstimator(settings, promises, pulses, slices).signed_length(expected)

    return Space(_matching_settings, _matching_rounded, _MATCHING_STARTS, _MATCHING_BOUNDS).best(length)


def _matching_settings(point: Point) -> PhaseMatchingSettings:
    signal, dimmer, *odds = point
    first, second = (exp(each) for each in odds)
    whole = 1.0 + first + second
    return PhaseMatchingSettings(exp(signal), exp(signal) * logistic(dimmer), (first / whole, second / whole))


def _matching_rounded(settings: PhaseMatchingSettings) -> PhaseMatchingSettings:
    first, second = (four_digits(share) for share in settings.shares)
    return PhaseMatchingSettings(four_digits(settings.signal), four_digits(settings.decoy), (first, second))
