"""Devices that join segments of a link by entanglement swapping."""

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
class RepeaterDevice(Device):
    """A chain of untrusted quantum repeaters between two ends that measure in two bases (BBM92)."""

    segments: float = field(metadata=_NUMBER)
    """Equal parts of the link, with a repeater between each two: a whole number."""
    clock: Hertz = field(metadata=_FREQUENCY)
    """Attempts per second of a segment without length; over a distance, the signal's way is added to each."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of pairs that are distilled together."""
    pair_probability: float = field(metadata=_SHARE)
    """Probability that an attempt leaves a pair in the memories of a segment that loses no light."""
    elementary_fidelity: float = field(metadata=_SHARE)
    """Of a fresh pair of one segment."""
    swap_probability: float = field(metadata=_SHARE)
    """Probability that the Bell measurement of a repeater succeeds; at most 1/2 with linear optics."""
    memory_time: Duration = field(metadata=_TIME)
    """Nanoseconds after which a stored pair has kept 1 / e of its weight, the rest being noise."""
    key_basis_share: float = field(metadata=_SHARE)
    """Probability with which each end chooses the first of the two bases; both make key."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""
    cut_off: Duration | None = field(default=None, metadata=_TIME)
    """Nanoseconds between the first and the last pair of a round, after which all are thrown away."""
    purification_rounds: float = field(default=0.0, metadata=_NUMBER)
    """Rounds of purification in each segment before swapping: a whole number; each doubles the pairs needed."""
