"""SARG04 as it was measured: Scarani, Acin, Ribordy, Gisin, PRL 92 057901, of which a product is known by its rate.

A sifting of one quarter and two-photon pulses that give key too let weak coherent pulses without decoy be stronger than
in BB84: the best intensity is near 2 sqrt(eta), and the rate falls with eta^(3/2) instead of eta^2 (recalled;
Branciard, Gisin, Kraus, Scarani, PRA 72 032301). That scaling carries a measured rate to another loss; nothing else is
modelled.
"""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.channel import Channel, Reals, transmittance
from keytwin.quantum.empirical import Empirical
from keytwin.quantum.reach import refuse_broken
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.device_bb84 import Sarg04Device
from keytwin.vocabulary.errors import OutOfReach
from keytwin.vocabulary.units import in_seconds

EXPONENT: Final = 1.5
QBER_LIMIT: Final = 0.0968  # of single photons, one-way: Tamaki, Lo, PRA 73 010302 (recalled)


def sarg04_link(device: Device, channel: Channel) -> Empirical:
    """Return the model of a link; Mistake beyond the loss at which key was ever seen."""
    assert isinstance(device, Sarg04Device)
    _check(device)
    if channel.loss > device.reach:
        raise OutOfReach(
            f"device {device.name} gives no key at {channel.loss:.1f} dB: dark counts take over where so little light "
            f"arrives; it reaches {device.reach:.1f} dB: shorten the link, or take another device",
            device.reach,
        )
    block = device.rate * float(scale(channel.loss - device.measured_loss)) * in_seconds(device.block_time)
    return Empirical(block, block * device.deviation, device.qber, device.block_time)


def sarg04_rates(device: Device, channels: Channels) -> AnalyticRate:
    """Return the measured rate carried to other losses: nothing beyond the largest one at which key was seen."""
    assert isinstance(device, Sarg04Device)
    _check(device)
    rate = device.rate * scale(channels.loss - device.measured_loss)
    error = np.full_like(channels.loss, device.qber)
    return AnalyticRate(None, error, None, np.where(channels.loss <= device.reach, rate, 0.0))


def _check(device: Sarg04Device) -> None:
    rules = (
        (device.rate > 0 and device.block_time > 0, "rate and block_time must be above 0"),
        (device.measured_loss <= device.reach, "measured_loss must not exceed reach"),
        (device.qber < QBER_LIMIT, f"qber must be below {QBER_LIMIT:.2%}: above it SARG04 gives no key"),
    )
    refuse_broken(device, rules)


def scale(more_loss: npt.ArrayLike) -> Reals:
    """Return by how much the rate falls over so much more loss than was measured; less loss is no promise of more."""
    return np.minimum(1.0, transmittance(EXPONENT * np.asarray(more_loss, dtype=np.float64)))
