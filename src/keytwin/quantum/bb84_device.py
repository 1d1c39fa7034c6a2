"""From a BB84 device with one decoy, with none, or with single photons to the model of a link, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.bb84_endless import Pulses, tail
from keytwin.quantum.bb84_link import Bb84Link, BlockEstimator
from keytwin.quantum.channel import Channel, Reals
from keytwin.quantum.counted_link import why_no_key
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.finite_key import Distillation
from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, NoDecoySettings, PhotonSource
from keytwin.quantum.no_decoy_optimum import best_basis, best_laser
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from keytwin.quantum.one_decoy_optimum import best_one_decoy
from keytwin.quantum.pulsed import (
    all_or_none,
    best_signals,
    optics_of,
    optics_over,
    pulses_of,
    rates_of,
    refuse_impossible,
)
from keytwin.quantum.reach import link_within_reach, refuse_broken
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_bb84 import (
    NoDecoyBb84Device,
    OneDecoyBb84Device,
    PulsedDevice,
    SinglePhotonBb84Device,
)
from keytwin.vocabulary.units import Decibels

_TEST_NEEDED: Final = "key_basis_share must be above 0 and below 1: the other basis finds the eavesdropper"

Estimators = Callable[[Optics, int], BlockEstimator]
"""Makes the estimator of a device, by the optics and the pulses of a block."""
Rates = Callable[[Device, Channels], AnalyticRate]
_LASER: Final = (1e-10, 1.0)  # mean photons of a pulse without decoys: the best is near the transmittance


def one_decoy_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with one-decoy BB84; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, OneDecoyBb84Device)
    refuse_impossible(device)
    fixed, distillation = _fixed_decoy(device), _distillation(device)

    def estimator(optics: Optics, pulses: int) -> BlockEstimator:
        return OneDecoyEstimator(fixed or best_one_decoy(optics, distillation, pulses), distillation)

    return _link(device, channel, estimator, one_decoy_rates)


def no_decoy_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with weak coherent pulses alone; Mistake as above."""
    assert isinstance(device, NoDecoyBb84Device)
    refuse_impossible(device)
    fixed, distillation = _fixed_laser(device), _distillation(device)

    def estimator(optics: Optics, pulses: int) -> BlockEstimator:
        return NoDecoyEstimator(fixed or best_laser(optics, distillation, pulses), distillation, pulses)

    return _link(device, channel, estimator, no_decoy_rates)


def single_photon_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with a source of single photons; Mistake as above."""
    assert isinstance(device, SinglePhotonBb84Device)
    refuse_impossible(device)
    source, distillation, basis = (
        PhotonSource(device.brightness, device.bunching),
        _distillation(device),
        _basis(device),
    )
    refuse_broken(device, ((device.brightness > 0, "brightness must be above 0"),))

    def estimator(optics: Optics, pulses: int) -> BlockEstimator:
        fixed = None if basis is None else NoDecoySettings(source, basis)
        return NoDecoyEstimator(fixed or best_basis(source, optics, distillation, pulses), distillation, pulses)

    return _link(device, channel, estimator, single_photon_rates)


# --- endless blocks -------------------------------------------------------------------------------------------------


def one_decoy_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, OneDecoyBb84Device)
    refuse_impossible(device)
    fixed, optics = _fixed_decoy(device), optics_over(device, channels)
    if fixed is not None:
        found = optics.with_decoys(fixed.intensities, fixed.shares, device.reconciliation)
        return rates_of(device, found, fixed.key_basis**2)
    return rates_of(device, best_signals(optics, device.reconciliation), 1.0)


def no_decoy_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, NoDecoyBb84Device)
    refuse_impossible(device)
    fixed, optics = _fixed_laser(device), optics_over(device, channels)

    def found(intensity: Reals) -> Pulses:
        return optics.without_decoys(optics.coherent(intensity), tail(intensity), device.reconciliation)

    if fixed is not None:
        assert isinstance(fixed.source, CoherentSource)
        return rates_of(device, found(np.full_like(channels.loss, fixed.source.intensity)), fixed.key_basis**2)
    usual = np.asarray(optics.transmittance)
    return rates_of(device, found(best_settings(lambda mu: found(mu).rate, *_LASER, usual)), 1.0)


def single_photon_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, SinglePhotonBb84Device)
    refuse_impossible(device)
    source, basis, optics = (
        PhotonSource(device.brightness, device.bunching),
        _basis(device),
        optics_over(device, channels),
    )
    seen = source.seen(np.asarray(optics.transmittance))
    found = optics.without_decoys(optics.answer_to(seen, 1.0 - seen), source.several, device.reconciliation)
    return rates_of(device, found, 1.0 if basis is None else basis**2)


# --- one link -------------------------------------------------------------------------------------------------------


def _link(device: PulsedDevice, channel: Channel, estimator: Estimators, rates: Rates) -> Bb84Link:
    here = Channels.of([channel.loss], channel.background)

    def link_at(loss: Decibels) -> Bb84Link:
        optics, pulses = optics_of(device, loss, channel.background), pulses_of(device)
        return Bb84Link(optics, estimator(optics, pulses), pulses, device.block_time)

    return link_within_reach(device, channel, link_at, lambda link: _why_not(link, rates(device, here)))


def _why_not(link: Bb84Link, endless: AnalyticRate) -> str:
    """Return why a link gives no key; where there is no decoy, pulses with several photons may be the reason."""
    match link.estimator.settings:
        case NoDecoySettings(source=source) if source.several >= (click := source.answer(link.optics).click):
            return (
                f"{source.several:.2g} of the pulses hold more than one photon, and only {click:.2g} are detected: an "
                "eavesdropper could know all of these"
            )
        case _:
            return why_no_key(link.counted, endless)


def _distillation(device: PulsedDevice) -> Distillation:
    return Distillation(device.secrecy, device.correctness, device.reconciliation)


# --- settings that a device file fixes ------------------------------------------------------------------------------


def _fixed_decoy(device: OneDecoyBb84Device) -> OneDecoySettings | None:
    given = all_or_none(
        device,
        {
            "signal_intensity": device.signal_intensity,
            "decoy_intensity": device.decoy_intensity,
            "signal_share": device.signal_share,
            "key_basis_share": device.key_basis_share,
        },
    )
    if given is None:
        return None
    signal, decoy, share, basis = given
    rules = (
        (0 < decoy < signal, "decoy_intensity must be above 0 and below signal_intensity"),
        (0 < share < 1, "signal_share must be above 0 and leave some for the decoy"),
        (0 < basis < 1, _TEST_NEEDED),
    )
    refuse_broken(device, rules)
    return OneDecoySettings((signal, decoy), share, basis)


def _fixed_laser(device: NoDecoyBb84Device) -> NoDecoySettings | None:
    given = all_or_none(
        device,
        {"signal_intensity": device.signal_intensity, "key_basis_share": device.key_basis_share},
    )
    if given is None:
        return None
    intensity, basis = given
    rules = ((intensity > 0, "signal_intensity must be above 0"), (0 < basis < 1, _TEST_NEEDED))
    refuse_broken(device, rules)
    return NoDecoySettings(CoherentSource(intensity), basis)


def _basis(device: SinglePhotonBb84Device) -> float | None:
    basis = device.key_basis_share
    if basis is not None:
        refuse_broken(device, ((0 < basis < 1, _TEST_NEEDED),))
    return basis
