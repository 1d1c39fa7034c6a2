"""Device files of continuous-variable QKD: light modulated about a mean of zero and measured against a local laser."""

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
class Gg02Device(Device):
    """GG02 with Gaussian modulation, a trusted receiver and reverse reconciliation: Lodewyck et al., PRA 76 042305.

    Variances are in units of shot noise. The protocol's name says whether the receiver is homodyne or heterodyne.
    """

    clock: Hertz = field(metadata=_FREQUENCY)
    """Symbols per second."""
    block_time: Duration = field(metadata=_TIME)
    """Nanoseconds of symbols that are distilled together."""
    detection_efficiency: float = field(metadata=_SHARE)
    """Of the whole receiver, calibrated and out of the eavesdropper's reach."""
    electronic_noise: float = field(metadata=_NUMBER)
    """Variance that the receiver's electronics add at its output."""
    excess_noise: float = field(metadata=_NUMBER)
    """Variance beyond shot noise, referred to the input of the channel."""
    efficiency_of_reconciliation: float = field(metadata=_SHARE)
    """beta: share of the mutual information that becomes common bits."""
    estimation_share: float = field(metadata=_SHARE)
    """Share of the symbols that is disclosed to estimate the channel."""
    secrecy: float = field(metadata=_SHARE)
    """Probability, per block, that something of the key is known to an eavesdropper."""
    correctness: float = field(metadata=_SHARE)
    """Probability, per block, that the two ends hold different keys unnoticed."""
    modulation_variance: float | None = field(default=None, metadata=_NUMBER)
    """V_A: variance of each quadrature that is sent; left out, each link gets the best."""
