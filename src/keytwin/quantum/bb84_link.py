"""A Q-link of the BB84 family: optics that nature plays on, public settings, and an estimator that sees counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.decoy_bb84 import Cells, Optics
from keytwin.quantum.link import DistilledBlock, ExpectedRate, PerPulse
from keytwin.vocabulary.units import Duration


class Sending(Protocol):
    """What the sender does: public, as opposed to what becomes of it."""

    def cells(self, optics: Optics) -> Cells:
        """Return the probability per pulse of each cell in which a sifted detection can fall."""
        ...

    def gain(self, optics: Optics) -> float:
        """Return the probability that a signal pulse is detected."""
        ...


class BlockEstimator(Protocol):
    """What the two ends make of the counts of a block, and of nothing else."""

    @property
    def settings(self) -> Sending:
        """The settings that both ends know."""
        ...

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        ...

    def signed_length(self, cells: Sequence[float], /) -> float:
        """Return the secret bits of a block before rounding, negative by as much as is lacking."""
        ...


@dataclass(frozen=True, slots=True)
class Bb84Link:
    """One link: `optics` is what nature does, `estimator` what the two ends make of it."""

    optics: Optics
    estimator: BlockEstimator
    pulses: int
    """Per block."""
    block_time: Duration
    counted: CountedLink = field(init=False, repr=False, compare=False)
    """The same link as its ends see it. Basis X makes the key: it has the first half of the cells."""

    def __post_init__(self) -> None:
        settings = self.estimator.settings
        cells, gain = settings.cells(self.optics), settings.gain(self.optics)
        counted = CountedLink(cells, len(cells) // 2, self.estimator, self.pulses, self.block_time, gain)
        object.__setattr__(self, "counted", counted)

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; the estimation sees the counts and nothing else."""
        return self.counted.draw_block(generator)

    def rate(self) -> ExpectedRate:
        """Return the mean finite-key rate of blocks of this size."""
        return self.counted.rate()

    def per_pulse(self) -> PerPulse:
        """Return what the counts of a block are counts of."""
        return self.counted.per_pulse()

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        return self.counted.outlook()
