"""Device files of entanglement-based protocols: a source of photon pairs between two receivers, or at one of them."""

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
class PairDevice(Device):
    """What all devices have in common that distil key from entangled pairs."""

    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of pairs that are distilled together."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PulsedPairDevice(PairDevice):
    """A pulsed parametric down-conversion source and two receivers, after Ma, Fung, Lo, PRA 76 012307."""

    clock: Hertz = field(metadata=_FREQUENCY)
    """Pump pulses per second."""
    source_position: float = field(metadata=_SHARE)
    """Where the source is, as the share of the loss on the first end's side: 0 = at that end, 50 % = in the middle."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of each receiver: optics and detectors."""
    dark_count: float = field(metadata=_SHARE)
    """Probability per gate and detector; each end has two."""
    misalignment: float = field(metadata=_SHARE)
    """Probability that a photon pair is found in the wrong two detectors."""
    pair_number: float | None = field(default=None, metadata=_NUMBER)
    """Mean pairs per pulse, 2 lambda of the paper; left out, each link gets the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bbm92Device(PulsedPairDevice):
    """BBM92 with a pulsed source: both ends choose between two bases."""

    key_basis_share: float = field(metadata=_SHARE)
    """Probability with which each end chooses the first of the two bases; both make key."""


@dataclass(frozen=True, slots=True, kw_only=True)
class E91Device(PulsedPairDevice):
    """E91 with a pulsed source and the three settings of each end in Ekert, PRL 67 661, all equally likely."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bbm92CwDevice(PairDevice):
    """BBM92 with a continuously pumped source and a coincidence window, after Neumann et al., PRA 104 022406.

    Each end has four detectors behind a passive choice of basis.
    """

    source_position: float = field(metadata=_SHARE)
    """Where the source is, as the share of the loss on the first end's side: 0 = at that end, 50 % = in the middle."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of each receiver: optics and detectors."""
    dark_count_rate: Hertz = field(metadata=_FREQUENCY)
    """Dark counts per second and detector."""
    dead_time: Duration = field(metadata=_TIME)
    """Nanoseconds during which a detector is blind after a click."""
    coincidence_window_ps: float = field(metadata=_NUMBER)
    """Picoseconds within which two clicks count as one pair."""
    jitter_ps: float = field(metadata=_NUMBER)
    """Picoseconds of full width at half maximum by which the two clicks of a pair differ."""
    misalignment: float = field(metadata=_SHARE)
    """Probability that a photon pair is found in the wrong two detectors."""
    key_basis_share: float = field(metadata=_SHARE)
    """Share of the photons that the beam splitter of each end sends to the first of the two bases; both make key."""
    pair_rate: Hertz | None = field(default=None, metadata=_FREQUENCY)
    """Pairs per second that the source emits; left out, each link gets the best."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeviceIndependentDevice(PairDevice):
    """Device-independent E91 on heralded pairs, after Acin et al., PRL 98 230501.

    A station in the middle announces which attempts left the two ends entangled, so that the loss of the channel costs
    rate and opens no detection loophole.
    """

    attempt_rate: Hertz = field(metadata=_FREQUENCY)
    """Attempts per second."""
    herald_efficiency: float = field(metadata=_SHARE)
    """Probability that an attempt is announced as a success when the channel loses nothing."""
    visibility: float = field(metadata=_SHARE)
    """Of the announced pairs."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Probability that an end gets an outcome; where it gets none it takes a fixed one, as the proof demands."""
    test_share: float = field(metadata=_SHARE)
    """Share of the pairs that are used up in the Bell test."""
