"""From a decoy BB84 device and a channel to the model of a link, or to the physical reason why there is none."""

from __future__ import annotations

from typing import Final

from keytwin.quantum.channel import Channel
from keytwin.quantum.decoy_bb84 import Settings
from keytwin.quantum.decoy_link import DecoyLink
from keytwin.quantum.decoy_optimum import best_settings
from keytwin.quantum.finite_key import Distillation, Estimator
from keytwin.quantum.pulsed import all_or_none, optics_of, pulses_of, refuse_impossible, why_no_key
from keytwin.quantum.reach import link_within_reach, refuse_broken
from keytwin.vocabulary.device import DecoyBb84Device, Device
from keytwin.vocabulary.units import Decibels

USUAL_INTENSITY: Final = 0.48  # best of the GYS set (Ma, Qi, Zhao, Lo, PRA 72 012326)


def decoy_link(device: Device, channel: Channel) -> DecoyLink:
    """Return the model of a link with decoy BB84; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, DecoyBb84Device)
    refuse_impossible(device)

    def why_not(link: DecoyLink) -> str:
        return why_no_key(device, link.optics.answer(device.signal_intensity or USUAL_INTENSITY))

    return link_within_reach(device, channel, lambda loss: _link_at(device, loss, channel.background), why_not)


def _link_at(device: DecoyBb84Device, loss: Decibels, background: float) -> DecoyLink:
    optics, pulses = optics_of(device, loss, background), pulses_of(device)
    distillation = Distillation(device.secrecy, device.correctness, device.reconciliation)
    settings = _fixed_settings(device) or best_settings(optics, distillation, device.vacuum_intensity, pulses)
    return DecoyLink(optics, Estimator(settings, distillation), pulses, device.block_time)


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
