"""What the device files of the BB84 family say, beside the one with two decoys: one decoy, no decoy, single photons.

Written as `device.py` says; the settings that have a default None are given all together, or none of them: then each
link gets the best ones.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.device import Device
from keytwin.vocabulary.units import BitsPerSecond, Decibels, Duration, Hertz

_BIT_RATE: Final = MappingProxyType({"quantity": "rate"})
_FREQUENCY: Final = MappingProxyType({"quantity": "frequency"})
_LOSS: Final = MappingProxyType({"quantity": "loss"})
_NUMBER: Final = MappingProxyType({"quantity": "number"})
_SHARE: Final = MappingProxyType({"quantity": "share"})
_TIME: Final = MappingProxyType({"quantity": "duration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class PulsedDevice(Device):
    """What every sender of pulses and receiver with two threshold detectors has; no protocol of its own."""

    clock: Hertz = field(metadata=_FREQUENCY)
    """Pulses per second."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of pulses that are distilled together; the first key of a link comes after one block."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of the whole receiver: optics and detectors."""
    dark_count: float = field(metadata=_SHARE)
    """Probability per gate and detector."""
    afterpulse: float = field(metadata=_SHARE)
    """Probability that a click causes a further one."""
    dead_time: Duration = field(metadata=_TIME)
    """Nanoseconds during which both detectors are blind after a click."""
    misalignment: float = field(metadata=_SHARE)
    """Probability that a photon reaches the wrong detector."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OneDecoyBb84Device(PulsedDevice):
    """Decoy-state BB84 with two intensities and no vacuum: Rusca et al., Appl. Phys. Lett. 112 171104."""

    signal_intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons per signal pulse."""
    decoy_intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons per decoy pulse."""
    signal_share: float | None = field(default=None, metadata=_SHARE)
    """Part of the pulses that are signals; the others are decoys."""
    key_basis_share: float | None = field(default=None, metadata=_SHARE)
    """Probability with which each end chooses the basis that the key is made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NoDecoyBb84Device(PulsedDevice):
    """BB84 with weak coherent pulses of one intensity: Gottesman, Lo, Luetkenhaus, Preskill (2004)."""

    signal_intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons per pulse."""
    key_basis_share: float | None = field(default=None, metadata=_SHARE)
    """Probability with which each end chooses the basis that the key is made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SinglePhotonBb84Device(PulsedDevice):
    """BB84 with a source of single photons, such as a quantum dot."""

    brightness: float = field(metadata=_SHARE)
    """Mean photons per pulse that leave the sender."""
    bunching: float = field(default=0.0, metadata=_SHARE)
    """g2(0): 0 for a source that never emits two photons, 1 for a laser."""
    key_basis_share: float | None = field(default=None, metadata=_SHARE)
    """Probability with which each end chooses the basis that the key is made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sarg04Device(Device):
    """SARG04 with weak coherent pulses, known by what it was measured to give over one loss."""

    rate: BitsPerSecond = field(metadata=_BIT_RATE)
    """Mean rate of secret key over `measured_loss`."""
    measured_loss: Decibels = field(metadata=_LOSS)
    """Loss of the link on which rate and error rate were measured."""
    reach: Decibels = field(metadata=_LOSS)
    """Largest loss at which it was seen to give key."""
    qber: float = field(metadata=_SHARE)
    """Mean quantum bit error rate."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds from one block of key to the next."""
    deviation: float = field(default=0.0, metadata=_SHARE)
    """Standard deviation of a block's key, relative to its mean."""
