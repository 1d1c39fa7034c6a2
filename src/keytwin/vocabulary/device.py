"""What a QKD device file says: pure data, read by `files`, turned into physics by `quantum`.

A field whose metadata holds `quantity` is one entry under `parameters:` of a file in `library/devices/`, under the same
name; the value of `quantity` is a key of `units.QUANTITIES` and says how its text is parsed. A field with a default may
be left out of the file. `sources` gives, per parameter, where its number comes from.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Final

from keytwin.vocabulary.identity import DeviceId
from keytwin.vocabulary.units import BitsPerSecond, Duration, Hertz

_BIT_RATE: Final = MappingProxyType({"quantity": "rate"})
_FREQUENCY: Final = MappingProxyType({"quantity": "frequency"})
_NUMBER: Final = MappingProxyType({"quantity": "number"})
_SHARE: Final = MappingProxyType({"quantity": "share"})
_TIME: Final = MappingProxyType({"quantity": "duration"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A pair of QKD modules, one at each end of a link."""

    name: DeviceId
    about: str
    protocol: str
    """Name of the QKD protocol that models the device: `decoy-bb84`, `empirical` or that of a plug-in."""
    sources: Mapping[str, str] = field(hash=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class DecoyBb84Device(Device):
    """Decoy-state BB84 with three intensities (two decoys) and two threshold detectors: Lim et al., PRA 89 022307.

    The five settings that have a default are given all together, or none of them: then each link gets the best ones.
    """

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
    vacuum_intensity: float = field(metadata=_NUMBER)
    """Mean photons per pulse of the weakest decoy: what the modulator lets through."""
    reconciliation: float = field(metadata=_NUMBER)
    """Bits that error correction reveals, as a multiple of the Shannon limit: 1 or more."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""
    signal_intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons per signal pulse."""
    decoy_intensity: float | None = field(default=None, metadata=_NUMBER)
    """Mean photons per pulse of the stronger decoy."""
    signal_share: float | None = field(default=None, metadata=_SHARE)
    """Part of the pulses that are signals."""
    decoy_share: float | None = field(default=None, metadata=_SHARE)
    """Part of the pulses that are of the stronger decoy; what is left is the weakest."""
    key_basis_share: float | None = field(default=None, metadata=_SHARE)
    """Probability with which each end chooses the basis that the key is made from."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EmpiricalDevice(Device):
    """A black box of which only the measured output is known, whatever its protocol and the loss of its link."""

    rate: BitsPerSecond = field(metadata=_BIT_RATE)
    """Mean rate of secret key."""
    qber: float = field(metadata=_SHARE)
    """Mean quantum bit error rate."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds from one block of key to the next."""
    deviation: float = field(default=0.0, metadata=_SHARE)
    """Standard deviation of a block's key, relative to its mean."""
