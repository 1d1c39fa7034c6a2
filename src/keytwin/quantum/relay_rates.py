"""What links over an untrusted relay would give in endless blocks: from a device to rates, by the array.

Both ends send equally bright pulses, of the intensity that is best for each channel, and all of them for the key.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.channel import Reals
from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.decoy_asymptotic import ratio
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.phase_matching import PhaseMatching
from keytwin.quantum.relay_link import arms_over, check_relay, dark_count_over
from keytwin.quantum.twin_field_device import check_slices
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_relay import CoherentTwinDevice, MdiDevice, PhaseMatchingDevice, RelayDevice

_DIM: Final = (1e-6, 0.9)  # mean photons of a pulse; half of one key bit in coherent states is known from there on
_BRIGHT: Final = (1e-4, 1.6)
_USUAL: Final = 0.1  # where no intensity gives key

Gains = Callable[[Reals], tuple[Reals, Reals]]
"""Gain and wrong part of signals, by their intensity."""


def mdi_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, MdiDevice)
    check_relay(device)
    near, far = arms_over(device, channels.loss)
    optics = RelayOptics(near, far, dark_count_over(device, channels.background), device.misalignment)

    def rate(intensity: Reals) -> Reals:
        return optics.rate(intensity, intensity, device.reconciliation)

    return _told(device, lambda mu: optics.rectilinear(mu, mu), rate, best_settings(rate, *_BRIGHT, _USUAL))


def phase_matching_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, PhaseMatchingDevice)
    check_relay(device)
    check_slices(device)
    dark = dark_count_over(device, channels.background)
    optics = PhaseMatching(_shorter(device, channels), dark, device.phase_slices, device.misalignment)

    def rate(intensity: Reals) -> Reals:
        return optics.rate(intensity, device.reconciliation)

    return _told(device, optics.pulses, rate, best_settings(rate, *_BRIGHT, _USUAL))


def coherent_twin_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, CoherentTwinDevice)
    check_relay(device)
    dark = dark_count_over(device, channels.background)
    optics = CoherentTwin(_shorter(device, channels), dark, device.misalignment)
    yields = optics.yields()

    def rate(intensity: Reals) -> Reals:
        return optics.rate(intensity, device.reconciliation, yields)

    return _told(device, optics.key, rate, best_settings(rate, *_DIM, _USUAL))


def _shorter(device: RelayDevice, channels: Channels) -> Reals:
    """Return the transmittance of the longer arm, to which the other is dimmed."""
    # Pulses must meet equally bright at the relay, or their interference errs: the nearer end can only be dimmed.
    return np.minimum(*arms_over(device, channels.loss))


def _told(device: RelayDevice, gains: Gains, rate: Callable[[Reals], Reals], intensity: Reals) -> AnalyticRate:
    gain, wrong = gains(intensity)
    found = rate(intensity)
    return AnalyticRate(gain, ratio(wrong, gain), found, found * device.clock)
