"""What links with entangled pairs would give in endless blocks: from a device to rates, by the array."""

from __future__ import annotations

from typing import Final

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.channel import Reals
from keytwin.quantum.e91 import device_independent_fraction, with_fixed_outcomes
from keytwin.quantum.pair_device import (
    BRIGHTNESS,
    KEY_SETTINGS,
    PICOSECOND,
    SLOWEST,
    alike,
    check_bases,
    check_heralded,
    check_pairs,
    check_pulsed,
    continuous_pairs,
    pulsed_pairs,
    windows_of,
)
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_pairs import (
    Bbm92CwDevice,
    Bbm92Device,
    DeviceIndependentDevice,
    E91Device,
    PulsedPairDevice,
)

_USUAL: Final = 0.05  # pairs per pulse or window, where no brightness gives key


def bbm92_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, Bbm92Device)
    check_pulsed(device)
    check_bases(device, device.key_basis_share)
    return _pulsed(device, channels, alike(device.key_basis_share))


def e91_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return the same for trusted measurements at Ekert's angles.

    There the Bell test finds the error rate of the key in the other basis too.
    """
    assert isinstance(device, E91Device)
    check_pulsed(device)
    return _pulsed(device, channels, KEY_SETTINGS)


def bbm92_cw_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give, a window counting as a pulse; Mistake when the device is impossible."""
    assert isinstance(device, Bbm92CwDevice)
    check_pairs(device)
    check_bases(device, device.key_basis_share)
    windows_of(device)
    pairs, sifting = continuous_pairs(device, channels.loss, channels.background), alike(device.key_basis_share)
    window = device.coincidence_window_ps * PICOSECOND

    def rate(pair_rate: Reals) -> Reals:
        return pairs.rate(pair_rate, device.reconciliation, sifting)

    if device.pair_rate is None:
        best = best_settings(rate, SLOWEST, BRIGHTNESS[1] / window, _USUAL / window)
    else:
        best = np.full_like(channels.loss, device.pair_rate)
    true, accidental = pairs.coincidences(best)
    found = rate(best)
    return AnalyticRate((true + accidental) * window, pairs.error_rate(best), found * window, found)


def device_independent_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give per attempt; Mistake when the device is impossible."""
    assert isinstance(device, DeviceIndependentDevice)
    check_heralded(device)
    chsh, error = with_fixed_outcomes(device.visibility, device.detection_efficiency)
    heralded = device.herald_efficiency * channels.transmittance
    fraction = (1.0 - device.test_share) * device_independent_fraction(chsh, error, device.reconciliation)
    rate = heralded * fraction
    return AnalyticRate(heralded, np.full_like(heralded, error), rate, rate * device.attempt_rate)


def _pulsed(device: PulsedPairDevice, channels: Channels, sifting: float) -> AnalyticRate:
    pairs = pulsed_pairs(device, channels.loss, channels.background)

    def rate(mean: Reals) -> Reals:
        return pairs.rate(mean / 2.0, device.reconciliation, sifting)

    if device.pair_number is None:
        best = best_settings(rate, *BRIGHTNESS, _USUAL)
    else:
        best = np.full_like(channels.loss, device.pair_number)
    found = rate(best)
    return AnalyticRate(pairs.gain(best / 2.0), pairs.error_rate(best / 2.0), found, found * device.clock)
