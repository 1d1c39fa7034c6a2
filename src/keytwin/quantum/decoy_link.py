"""A Q-link of two-decoy BB84: one multinomial draw stands for all the pulses of a block."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from keytwin.quantum.decoy_bb84 import Optics, error_share
from keytwin.quantum.finite_key import Counts, Estimator
from keytwin.quantum.link import DistilledBlock, ExpectedRate, rectified
from keytwin.quantum.outlook import outlook
from keytwin.vocabulary.units import Bits, Duration, in_seconds


@dataclass(frozen=True, slots=True)
class DecoyLink:
    """One link: `optics` is what nature does, `estimator` what the two ends make of it."""

    optics: Optics
    estimator: Estimator
    pulses: int
    """Per block."""
    block_time: Duration
    _cells: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)  # and the rest: no sifted detection

    def __post_init__(self) -> None:
        cells = self.optics.cells(self.estimator.settings)
        rest = np.array([*cells, max(0.0, 1.0 - sum(cells))])
        object.__setattr__(self, "_cells", rest)

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; the estimation sees the counts and nothing else."""
        drawn: list[int] = generator.multinomial(self.pulses, self._cells).tolist()
        counts = Counts.of(drawn[:-1])
        secret, qber, _ = self.estimator.estimate(counts)
        return DistilledBlock(self.block_time, secret, qber, Bits(int(sum(counts.key))))

    def rate(self) -> ExpectedRate:
        """Return the mean finite-key rate of blocks of this size."""
        mean, deviation = self.outlook()
        qber = error_share(self.optics.cells(self.estimator.settings))
        return ExpectedRate(rectified(mean, deviation) / in_seconds(self.block_time), qber)

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        expected = [self.pulses * cell for cell in self.optics.cells(self.estimator.settings)]
        return outlook(self._length, expected)

    def _length(self, cells: list[float]) -> float:
        return self.estimator.signed_length(Counts.of(cells))[0]
