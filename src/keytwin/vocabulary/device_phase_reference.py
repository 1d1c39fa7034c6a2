"""Device files of distributed-phase-reference protocols: trains of weak pulses, each the reference of the next."""

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
class PhaseReferenceDevice(Device):
    """What differential phase shift and coherent one-way have in common."""

    clock: Hertz = field(metadata=_FREQUENCY)
    """Pulses, empty ones included, per second."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of pulses that are distilled together."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of the whole receiver: optics and detectors."""
    dark_count: float = field(metadata=_SHARE)
    """Probability per pulse and detector."""
    dead_time: Duration = field(metadata=_TIME)
    """Nanoseconds during which the detectors are blind after a click."""
    misalignment: float = field(metadata=_SHARE)
    """Probability that a photon is detected as the wrong bit."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""
    intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons of a pulse that is not empty; left out, each link gets the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DpsDevice(PhaseReferenceDevice):
    """Differential phase shift with two detectors behind an interferometer: Waks, Takesue, Yamamoto, PRA 73 012344."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CowDevice(PhaseReferenceDevice):
    """Coherent one-way with one data detector and two monitor detectors: Stucki et al., APL 87 194108."""

    decoy_share: float = field(metadata=_SHARE)
    """Share of the bits that are replaced by two full pulses."""
    monitor_share: float = field(metadata=_SHARE)
    """Share of the light that the receiver sends to the interferometer of its monitor."""
    visibility: float = field(metadata=_SHARE)
    """Of that interferometer."""
