"""From a GG02 device and a channel to the model of a link, or to the physical reason why there is none."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Final

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels, best_settings
from keytwin.quantum.channel import Channel, Reals, transmittance
from keytwin.quantum.counted_link import MOST_PULSES
from keytwin.quantum.gg02 import Detection, GaussianLink
from keytwin.quantum.gg02_estimator import INTERCEPTED, NOTHING, Gg02Estimator, Receiver
from keytwin.quantum.gg02_link import Gg02Link
from keytwin.quantum.reach import best_setting, link_within_reach, refuse_broken
from keytwin.quantum.traits import Proof, Threat, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_continuous import Gg02Device
from keytwin.vocabulary.units import Decibels, in_seconds

_USUAL: Final = 4.0  # where no modulation gives key
_MODULATION: Final = (0.05, 100.0)  # units of shot noise; beyond, no modulator is linear

GG02_TRAITS: Final = Traits(
    proof=Proof.COLLECTIVE,
    trl=7,
    threats=(Threat.PHOTON_SPLITTING,),
    sources=MappingProxyType(
        {
            "proof": "Garcia-Patron, Cerf, PRL 97 190503; Navascues, Grosshans, Acin, PRL 97 190502 (2006)",
            "trl": "Fossier et al., New J. Phys. 11 045023 (2009): a field test in the SECOQC network",
        }
    ),
)
NO_FADING: Final = MappingProxyType(
    {
        "satellite": "the loss of a pass changes from moment to moment, and what changes within a block counts as "
        "excess noise, of which continuous variables bear hardly any; use a protocol that counts photons",
    }
)
"""Media over which the model, and any system of its kind, finds no steady transmittance."""


def gg02_homodyne_link(device: Device, channel: Channel) -> Gg02Link:
    """Return the model of a link that measures one quadrature; Mistake when impossible or out of reach.

    Light that is not the sender's is no matter: only what lies in the mode of the local oscillator is measured.
    """
    return _link(device, channel, Detection.HOMODYNE)


def gg02_heterodyne_link(device: Device, channel: Channel) -> Gg02Link:
    """Return the model of a link that measures both quadratures; otherwise as above."""
    return _link(device, channel, Detection.HETERODYNE)


def _link(device: Device, channel: Channel, detection: Detection) -> Gg02Link:
    assert isinstance(device, Gg02Device)
    _check(device)
    return link_within_reach(device, channel, partial(_link_at, device, detection), _why_no_key)


def _link_at(device: Gg02Device, detection: Detection, loss: Decibels) -> Gg02Link:
    def link_with(modulation: float) -> Gg02Link:
        estimator = _estimator(device, detection, modulation)
        return Gg02Link(float(transmittance(loss)), device.excess_noise, estimator, device.block_time)

    def length(modulation: float) -> float:
        return link_with(modulation).outlook()[0]

    return link_with(device.modulation_variance or best_setting(length, *_MODULATION))


def gg02_homodyne_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give per symbol, disclosed ones counted; Mistake when impossible."""
    return _rates(device, channels, Detection.HOMODYNE)


def gg02_heterodyne_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return the same where both quadratures are measured."""
    return _rates(device, channels, Detection.HETERODYNE)


def _rates(device: Device, channels: Channels, detection: Detection) -> AnalyticRate:
    assert isinstance(device, Gg02Device)
    _check(device)

    def rate(modulation: Reals) -> Reals:
        receiver = (device.detection_efficiency, device.electronic_noise, detection)
        link = GaussianLink(channels.transmittance, device.excess_noise, modulation, *receiver)
        return (1.0 - device.estimation_share) * link.rate(device.efficiency_of_reconciliation)

    if device.modulation_variance is None:
        found = rate(best_settings(rate, *_MODULATION, _USUAL))
    else:
        found = rate(np.full_like(channels.loss, device.modulation_variance))
    error = np.full_like(channels.loss, min(NOTHING, device.excess_noise / INTERCEPTED))
    return AnalyticRate(None, error, found, found * device.clock)


def _estimator(device: Gg02Device, detection: Detection, modulation: float) -> Gg02Estimator:
    symbols = device.clock * in_seconds(device.block_time)
    return Gg02Estimator(
        receiver=Receiver(device.detection_efficiency, device.electronic_noise, detection),
        modulation=modulation,
        reconciliation=device.efficiency_of_reconciliation,
        key_symbols=symbols * (1.0 - device.estimation_share),
        disclosed=symbols * device.estimation_share,
        secrecy=device.secrecy,
        correctness=device.correctness,
    )


def _check(device: Gg02Device) -> None:
    """Refuse what no hardware can be."""
    symbols = device.clock * in_seconds(device.block_time)
    variance = device.modulation_variance
    rules = (
        (100 <= symbols <= MOST_PULSES, f"clock x block_time = {symbols:.3g} symbols: give 100 to {MOST_PULSES:.0e}"),
        (device.detection_efficiency > 0, "detection_efficiency must be above 0"),
        (0 < device.efficiency_of_reconciliation < 1, "efficiency_of_reconciliation must be above 0 and below 1"),
        (
            0 < device.estimation_share < 1,
            "estimation_share must be above 0 and below 1: it finds the eavesdropper",
        ),
        (0 < device.secrecy < 1, "secrecy must be above 0 and below 1"),
        (0 < device.correctness < 1, "correctness must be above 0 and below 1"),
        (variance is None or variance > 0, "modulation_variance must be above 0"),
    )
    refuse_broken(device, rules)


def _why_no_key(link: Gg02Link) -> str:
    estimator = link.estimator
    receiver = estimator.receiver
    gaussian = GaussianLink(
        link.transmittance,
        link.excess_noise,
        estimator.modulation,
        receiver.efficiency,
        receiver.electronic_noise,
        receiver.detection,
    )
    shared, known = estimator.reconciliation * float(gaussian.mutual_information()), float(gaussian.holevo())
    if shared <= known:
        return (
            f"with an excess noise of {link.excess_noise:g} an eavesdropper may know {known:.2g} bit a symbol, and "
            f"reconciliation leaves the two ends only {shared:.2g} in common"
        )
    return (
        f"{estimator.disclosed:.2g} disclosed symbols fix transmittance and excess noise too loosely: the "
        f"{shared - known:.2g} bit a symbol that endless blocks would give are within the uncertainty"
    )
