"""A Q-link whose ends see nothing but counts: one multinomial draw stands for all the pulses of a block.

The first cells of the draw are those of the key, in pairs: without error, with error.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import log2, sqrt
from typing import Final, Protocol

import numpy as np
import numpy.typing as npt

from keytwin.quantum.analytic import AnalyticRate
from keytwin.quantum.link import DistilledBlock, ExpectedRate, PerPulse, rectified
from keytwin.quantum.outlook import outlook
from keytwin.vocabulary.units import Bits, Duration, in_seconds, show_duration

NO_INFORMATION: Final = 0.5  # error rate of a coin toss
MOST_PULSES: Final = 10**15  # a block of 11 days at 1 GHz; counts stay exact as floats


class CountEstimator(Protocol):
    """What the two ends make of the counts of a block: parameter estimation, reconciliation, privacy amplification."""

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        ...

    def signed_length(self, counts: Sequence[float], /) -> float:
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
    gain: float | None = None
    """Detections per signal pulse, where the model tells."""
    uses: float | None = None
    """Pulses per block where a chance takes more than one of them, or where it takes several attempts."""
    _outcomes: npt.NDArray[np.float64] = field(
        init=False, repr=False, compare=False
    )  # the cells, and what is not counted

    def __post_init__(self) -> None:
        assert self.key_cells % 2 == 0
        assert 2 <= self.key_cells <= len(self.cells)
        assert all(cell >= 0 for cell in self.cells)
        assert sum(self.cells) <= 1 + 1e-12
        # Made once: turning a tuple into an array takes a good part of the time of a draw.
        outcomes = np.array([*self.cells, max(0.0, 1.0 - sum(self.cells))])
        object.__setattr__(self, "_outcomes", outcomes)

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; the estimation sees the counts and nothing else."""
        drawn: list[int] = generator.multinomial(self.pulses, self._outcomes).tolist()
        counts = drawn[:-1]
        length = self.estimator.signed_length(counts)
        sifted = sum(counts[: self.key_cells])
        return DistilledBlock(self.block_time, Bits(max(0, int(length))), self._qber(counts), Bits(sifted))

    def rate(self) -> ExpectedRate:
        """Return the mean rate of blocks of this size."""
        mean, deviation = self.outlook()
        return ExpectedRate(rectified(mean, deviation) / in_seconds(self.block_time), self._qber(self.cells))

    def per_pulse(self) -> PerPulse:
        """Return what the counts of a block are counts of."""
        uses = self.uses or self.pulses
        return PerPulse(uses, self.sifted / uses if uses else 0.0, self.gain)

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        expected = [self.pulses * cell for cell in self.cells]
        spreads = [sqrt(count * (1.0 - cell)) for count, cell in zip(expected, self.cells, strict=True)]
        return outlook(self.estimator.signed_length, expected, spreads)

    @property
    def sifted(self) -> float:
        """Mean of the bits of a block before distillation."""
        return self.pulses * sum(self.cells[: self.key_cells])

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


def why_no_key(link: CountedLink, endless: AnalyticRate | None = None) -> str:
    """Say what keeps a block from holding key: errors, or that it is too small for what must be given up.

    `endless` is what endless blocks would give, of protocols whose best settings tell nothing where there is no key.
    """
    if endless is None:
        qber, is_small, held = link.rate().qber, False, f"{_rounded(link.sifted)} sifted bits"
    else:
        assert endless.gain is not None
        assert endless.error_rate is not None
        qber, is_small = float(endless.error_rate[0]), bool(endless.rate_per_second[0] > 0)
        held = f"{_rounded(link.pulses * float(endless.gain[0]))} detections"
    limit = link.estimator.qber_limit
    if qber > limit and not is_small:
        return f"{qber:.1%} of what is detected would be wrong, and above {limit:.1%} there is no key"
    return (
        f"a block of {show_duration(link.block_time)} would hold about {held}, too few for what error correction "
        "reveals and what an eavesdropper may know"
    )


def _rounded(count: float) -> str:
    return f"{float(f'{count:.2g}'):,.0f}"
