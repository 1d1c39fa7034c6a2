"""The one interface behind which every Q-link lies, whatever its protocol.

A link model is immutable. A change in the world (a cut fibre, a tap, dusk) is another model of the same link.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import erfc, exp, pi, sqrt
from types import MappingProxyType
from typing import NamedTuple, Protocol

import numpy as np

from keytwin.quantum.analytic import AnalyticRate, Channels
from keytwin.quantum.channel import Channel
from keytwin.quantum.traits import UNKNOWN, Traits
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.units import Bits, Duration


class ExpectedRate(NamedTuple):
    """What a link is expected to give, before any block has been measured."""

    secret: float
    """Mean bit/s of secret key in blocks of the link's own size, failed blocks counted as nothing."""
    qber: float


class DistilledBlock(NamedTuple):
    """One distilled block, as the two ends see it."""

    duration: Duration
    secret: Bits
    """0 when the block is discarded."""
    qber: float
    """Observed; one half when nothing was detected."""
    sifted: Bits
    """Detections in the key basis before distillation; 0 when the device does not tell."""


class PerPulse(NamedTuple):
    """What a model tells of its pulses; None = not told."""

    pulses: float | None = None
    """Pulses, pulse pairs, symbols or attempts of a block: uses of the channel, to be held against its bounds."""
    sifted: float | None = None
    """Sifted bits of each of them, all settings of the sender together."""
    gain: float | None = None
    """Detections per signal pulse, Q of the papers."""


class LinkModel(Protocol):
    """A Q-link at the level of block counts; its analytic rate is the protocol's, finer levels will be methods here."""

    @property
    def block_time(self) -> Duration:
        """Nanoseconds from the start of a block to its key."""
        ...

    def rate(self) -> ExpectedRate:
        """Return the mean that the draws have."""
        ...

    def per_pulse(self) -> PerPulse:
        """Return what it tells of the pulses of a block, while light passes."""
        ...

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; blocks are independent of one another."""
        ...


@dataclass(frozen=True, slots=True)
class QkdProtocol:
    """What a plug-in of the extension point `keytwin.protocols` brings: its device file and the physics behind it."""

    name: str
    device: type[Device]
    """What a device file of this protocol is read into."""
    link: Callable[[Device, Channel], LinkModel]
    """Makes the model of one link; Mistake, with the physical reason, when it would never give key."""
    traits: Traits = UNKNOWN
    unfit: Mapping[str, str] = field(default_factory=lambda: MappingProxyType({}), hash=False)
    """Media over which it cannot work, each with the physical reason."""
    analytic: Callable[[Device, Channels], AnalyticRate] | None = None
    """Gives what endless blocks would give over channels of one dimension; Mistake when the device is impossible.

    None = nothing but what was measured is known.
    """


def rectified(mean: float, deviation: float) -> float:
    """Return the mean of a normal variable of which negative values count as 0: a block without key is discarded."""
    if deviation <= 0:
        return max(0.0, mean)
    height = mean / deviation
    return mean * erfc(-height / sqrt(2.0)) / 2.0 + deviation * exp(-height * height / 2.0) / sqrt(2.0 * pi)
