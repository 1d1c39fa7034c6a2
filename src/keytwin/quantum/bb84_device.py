"""From a BB84 device with one decoy, with none, or with single photons to the model of a link, or why there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from keytwin.quantum.bb84_link import Bb84Link, BlockEstimator
from keytwin.quantum.channel import Channel
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.finite_key import Distillation
from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, NoDecoySettings, PhotonSource, Source
from keytwin.quantum.no_decoy_optimum import best_basis, best_laser
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from keytwin.quantum.one_decoy_optimum import best_one_decoy
from keytwin.quantum.pulsed import all_or_none, optics_of, pulses_of, refuse_impossible, why_no_key
from keytwin.quantum.reach import link_within_reach, refuse_broken
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_bb84 import (
    NoDecoyBb84Device,
    OneDecoyBb84Device,
    PulsedDevice,
    SinglePhotonBb84Device,
)
from keytwin.vocabulary.units import Decibels

USUAL_INTENSITY: Final = 0.5  # near the best of one decoy, wherever dark counts don't matter
_TEST_NEEDED: Final = "key_basis_share must be above 0 and below 1: the other basis finds the eavesdropper"

Estimators = Callable[[Optics, int], BlockEstimator]
"""Makes the estimator of a device, by the optics and the pulses of a block."""


def one_decoy_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with one-decoy BB84; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, OneDecoyBb84Device)
    refuse_impossible(device)
    fixed, distillation = _fixed_decoy(device), _distillation(device)

    def estimator(optics: Optics, pulses: int) -> BlockEstimator:
        return OneDecoyEstimator(fixed or best_one_decoy(optics, distillation, pulses), distillation)

    signal = CoherentSource(device.signal_intensity or USUAL_INTENSITY)
    return _link(device, channel, estimator, lambda optics: why_no_key(device, signal.answer(optics)))


def no_decoy_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with weak coherent pulses alone; Mistake as above."""
    assert isinstance(device, NoDecoyBb84Device)
    refuse_impossible(device)
    fixed, distillation = _fixed_laser(device), _distillation(device)

    def estimator(optics: Optics, pulses: int) -> BlockEstimator:
        return NoDecoyEstimator(fixed or best_laser(optics, distillation, pulses), distillation, pulses)

    def why_not(optics: Optics) -> str:
        return _why_not(device, CoherentSource(device.signal_intensity or optics.transmittance), optics)

    return _link(device, channel, estimator, why_not)


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

    return _link(device, channel, estimator, lambda optics: _why_not(device, source, optics))


def _link(device: PulsedDevice, channel: Channel, estimator: Estimators, why_not: Callable[[Optics], str]) -> Bb84Link:
    def link_at(loss: Decibels) -> Bb84Link:
        optics, pulses = optics_of(device, loss, channel.background), pulses_of(device)
        return Bb84Link(optics, estimator(optics, pulses), pulses, device.block_time)

    return link_within_reach(device, channel, link_at, lambda link: why_not(link.optics))


def _why_not(device: PulsedDevice, source: Source, optics: Optics) -> str:
    """Return why pulses of one kind give no key."""
    answer = source.answer(optics)
    if source.several < answer.click:
        return why_no_key(device, answer)
    return (
        f"{source.several:.2g} of the pulses hold more than one photon, and only {answer.click:.2g} are detected: an "
        "eavesdropper could know all of these"
    )


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
