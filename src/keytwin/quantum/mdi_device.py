"""From a device with a measuring relay and a channel to the model of a link of measurement-device-independent QKD."""

from __future__ import annotations

from functools import partial
from types import MappingProxyType
from typing import Final

from keytwin.quantum.channel import Channel
from keytwin.quantum.counted_link import CountedLink, why_no_key
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiEstimator
from keytwin.quantum.mdi_optimum import best_mdi_settings
from keytwin.quantum.reach import link_within_reach
from keytwin.quantum.relay_link import RELAY_THREATS, arms, check_relay, dark_count, promised, pulse_pairs
from keytwin.quantum.traits import Proof, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_relay import MdiDevice
from keytwin.vocabulary.units import Decibels

MDI_TRAITS: Final = Traits(
    Proof.COLLECTIVE,
    trl=6,
    threats=RELAY_THREATS,
    sources=MappingProxyType(
        {
            "proof": "Lo, Curty, Qi, PRL 108 130503; counts by Chernoff bounds",
            "threats": "Lo, Curty, Qi, PRL 108 130503: no assumption about the detectors; sources must be trusted",
            "trl": "Chosen: field networks were shown (Tang et al., PRX 6 011024), products are rare",
        }
    ),
)
"""The relay is untrusted, yet the rate falls as fast as that of a direct link, so it stays below the same bound."""


def mdi_link(device: Device, channel: Channel) -> CountedLink:
    """Return the model of a link; Mistake when the device is impossible or the loss too large."""
    assert isinstance(device, MdiDevice)
    check_relay(device)
    return link_within_reach(device, channel, partial(_link_at, device, dark_count(device, channel)), why_no_key)


def _link_at(device: MdiDevice, dark: float, loss: Decibels) -> CountedLink:
    near, far = arms(device, loss)
    optics = RelayOptics(near, far, dark, device.misalignment)
    promises, pulses = promised(device), pulse_pairs(device)
    settings = best_mdi_settings(optics, promises, pulses)
    estimator = MdiEstimator(settings, promises, pulses)
    cells = settings.cells(optics)
    return CountedLink(cells, 2, estimator, pulses, device.block_time, sum(cells[:2]) / settings.shares[0] ** 2)
