"""Devices with an untrusted relay between the two ends: measurement-device-independent and twin-field QKD."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.device import Device
from keytwin.vocabulary.units import Duration, Hertz

_FREQUENCY: Final = MappingProxyType({"quantity": "frequency"})
_NUMBER: Final = MappingProxyType({"quantity": "number"})
_SHARE: Final = MappingProxyType({"quantity": "share"})
_TIME: Final = MappingProxyType({"quantity": "duration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RelayDevice(Device):
    """Two senders and a relay that measures. Intensities and their shares are the best ones for each link."""

    clock: Hertz = field(metadata=_FREQUENCY)
    """Pulse pairs per second."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of pulses that are distilled together; the first key of a link comes after one block."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of the relay: optics and detectors."""
    dark_count: float = field(metadata=_SHARE)
    """Probability per gate and detector."""
    misalignment: float = field(metadata=_SHARE)
    """Probability that interference sends a photon to the wrong detector, discrete phases apart."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""
    relay_position: float = field(default=0.5, metadata=_SHARE)
    """Part of the link's decibels that lie between its first end and the relay."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MdiDevice(RelayDevice):
    """Measurement-device-independent QKD with four intensities: Zhou, Yu, Wang, PRA 93 042324."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhaseMatchingDevice(RelayDevice):
    """Twin-field QKD by phase matching: Ma, Zeng, Zhou, PRX 8 031043."""

    phase_slices: float = field(default=16.0, metadata=_NUMBER)
    """Slices into which the two ends sort their random phases: a whole even number."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CoherentTwinDevice(RelayDevice):
    """Twin-field QKD without phase slices: Curty, Azuma, Lo, npj Quantum Inf. 5 64."""
