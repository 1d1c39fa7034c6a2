"""From a decoy BB84 device and a channel to the model of a link, or to the physical reason why there is none."""

from __future__ import annotations

from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.channel import Channel
from keytwin.quantum.counted_link import why_no_key
from keytwin.quantum.decoy_bb84 import Settings
from keytwin.quantum.decoy_optimum import best_settings
from keytwin.quantum.finite_key import Distillation
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
from keytwin.quantum.two_decoys import TwoDecoyEstimator
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.units import Decibels


def decoy_link(device: Device, channel: Channel) -> Bb84Link:
    """Return the model of a link with decoy BB84; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, DecoyBb84Device)
    refuse_impossible(device)

    here = Channels.of([channel.loss], channel.background)

    def link_at(loss: Decibels) -> Bb84Link:
        return _link_at(device, loss, channel.background)

    return link_within_reach(device, channel, link_at, lambda link: why_no_key(link.counted, decoy_rates(device, here)))


def decoy_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return what endless blocks would give; Mistake when the device is impossible."""
    assert isinstance(device, DecoyBb84Device)
    refuse_impossible(device)
    fixed, optics = _fixed_settings(device), optics_over(device, channels)
    if fixed is not None:
        found = optics.with_decoys(fixed.intensities, fixed.shares, device.reconciliation)
        return rates_of(device, found, fixed.key_basis**2)
    return rates_of(device, best_signals(optics, device.reconciliation), 1.0)


def _link_at(device: DecoyBb84Device, loss: Decibels, background: float) -> Bb84Link:
    optics, pulses = optics_of(device, loss, background), pulses_of(device)
    distillation = Distillation(device.secrecy, device.correctness, device.reconciliation)
    settings = _fixed_settings(device) or best_settings(optics, distillation, device.vacuum_intensity, pulses)
    return Bb84Link(optics, TwoDecoyEstimator(settings, distillation), pulses, device.block_time)


def _fixed_settings(device: DecoyBb84Device) -> Settings | None:
    """Return the settings that the device file gives; None when it leaves them to be computed for each link."""
    given = all_or_none(
        device,
        {
            "signal_intensity": device.signal_intensity,
            "decoy_intensity": device.decoy_intensity,
            "signal_share": device.signal_share,
            "decoy_share": device.decoy_share,
            "key_basis_share": device.key_basis_share,
        },
    )
    if given is None:
        return None
    signal, decoy, first, second, basis = given
    vacuum = device.vacuum_intensity
    rules = (
        (vacuum < decoy, "decoy_intensity must be above vacuum_intensity"),
        (decoy + vacuum < signal, "signal_intensity must be above decoy_intensity + vacuum_intensity"),
        (min(first, second, 1 - first - second) > 0, "signal_share and decoy_share must leave some for the vacuum"),
        (0 < basis < 1, "key_basis_share must be above 0 and below 1: the other basis finds the eavesdropper"),
    )
    refuse_broken(device, rules)
    return Settings((signal, decoy, vacuum), (first, second, 1 - first - second), basis)
