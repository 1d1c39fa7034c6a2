"""A Q-link whose ends see nothing but counts: one multinomial draw stands for all the pulses of a block.

The first cells of the draw are those of the key, in pairs: without error, with error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2, sqrt
from typing import Final, Protocol

import numpy as np

from keytwin.quantum.link import DistilledBlock, ExpectedRate, rectified
from keytwin.vocabulary.units import Bits, Duration, in_seconds

NO_INFORMATION: Final = 0.5  # error rate of a coin toss


class CountEstimator(Protocol):
    """What the two ends make of the counts of a block: parameter estimation, reconciliation, privacy amplification."""

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        ...

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return the secret bits before rounding, negative where none are left; never above what was sifted."""
        ...


@dataclass(frozen=True, slots=True)
class CountedLink:
    """One link: `cells` is what nature does, `estimator` what the two ends make of it."""

    cells: tuple[float, ...]
    """Probability, per pulse, of each outcome that is counted; it adds up to at most 1."""
    key_cells: int
    """How many of the cells make key: an even number."""
    estimator: CountEstimator
    pulses: int
    """Per block: chances for a detection, whatever the source."""
    block_time: Duration

    def __post_init__(self) -> None:
        assert self.key_cells % 2 == 0
        assert 2 <= self.key_cells <= len(self.cells)
        assert all(cell >= 0 for cell in self.cells)
        assert sum(self.cells) <= 1 + 1e-12

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; the estimation sees the counts and nothing else."""
        rest = max(0.0, 1.0 - sum(self.cells))
        drawn: list[int] = generator.multinomial(self.pulses, [*self.cells, rest]).tolist()
        counts = drawn[:-1]
        length = self.estimator.signed_length(counts)
        sifted = sum(counts[: self.key_cells])
        return DistilledBlock(self.block_time, Bits(max(0, int(length))), self._qber(counts), Bits(sifted))

    def rate(self) -> ExpectedRate:
        """Return the mean rate of blocks of this size."""
        mean, deviation = self.outlook()
        return ExpectedRate(rectified(mean, deviation) / in_seconds(self.block_time), self._qber(self.cells))

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded.

        To second order in the deviations of the counts, each of them binomial and nearly independent of the others.
        """
        expected = [self.pulses * cell for cell in self.cells]
        centre = self.estimator.signed_length(expected)
        mean, variance = centre - 0.5, 0.0  # rounding down takes half a bit
        for index, count in enumerate(expected):
            spread = sqrt(count * (1.0 - self.cells[index]))
            above, below = (self.estimator.signed_length(_moved(expected, index, step)) for step in (spread, -spread))
            mean += (above + below) / 2.0 - centre
            variance += ((above - below) / 2.0) ** 2
        return mean, sqrt(variance)

    def _qber(self, counts: Sequence[float]) -> float:
        key = counts[: self.key_cells]
        sifted = sum(key)
        return sum(key[1::2]) / sifted if sifted > 0 else NO_INFORMATION


@dataclass(frozen=True, slots=True)
class Promises:
    """What post-processing promises for each block, and what it costs."""

    reconciliation: float
    """Bits revealed by error correction, as a multiple f of the Shannon limit."""
    correctness: float
    """eps_cor."""
    secrecy: float = 1.0
    """eps_sec; 1 where a protocol has no proof that could promise more."""

    @property
    def overhead(self) -> float:
        """Bits spent on the check that both keys are equal, and on privacy amplification: log2(2 / (s^2 c))."""
        return 1.0 - 2.0 * log2(self.secrecy) - log2(self.correctness)


def _moved(counts: list[float], index: int, step: float) -> list[float]:
    moved = counts.copy()
    moved[index] = max(0.0, moved[index] + step)
    return moved
