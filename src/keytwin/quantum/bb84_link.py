"""A Q-link of the BB84 family without two decoys: one multinomial draw stands for all the pulses of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from keytwin.quantum.decoy_bb84 import Cells, Optics, error_share, sifted_share
from keytwin.quantum.link import DistilledBlock, ExpectedRate, rectified
from keytwin.quantum.outlook import outlook
from keytwin.vocabulary.units import Bits, Duration, in_seconds


class Sending(Protocol):
    """What the sender does: public, as opposed to what becomes of it."""

    def cells(self, optics: Optics) -> Cells:
        """Return the probability per pulse of each cell in which a sifted detection can fall."""
        ...


class BlockEstimator(Protocol):
    """What the two ends make of the counts of a block, and of nothing else."""

    @property
    def settings(self) -> Sending:
        """The settings that both ends know."""
        ...

    def signed_length(self, cells: Sequence[float]) -> float:
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
    _cells: npt.NDArray[np.float64] = field(init=False, repr=False, compare=False)  # and the rest: no sifted detection

    def __post_init__(self) -> None:
        cells = self.estimator.settings.cells(self.optics)
        object.__setattr__(self, "_cells", np.array([*cells, max(0.0, 1.0 - sum(cells))]))

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; the estimation sees the counts and nothing else."""
        drawn: list[int] = generator.multinomial(self.pulses, self._cells).tolist()
        cells = tuple(drawn[:-1])
        secret = Bits(max(0, int(self.estimator.signed_length(cells))))
        return DistilledBlock(self.block_time, secret, error_share(cells), Bits(int(sifted_share(cells))))

    def rate(self) -> ExpectedRate:
        """Return the mean finite-key rate of blocks of this size."""
        mean, deviation = self.outlook()
        qber = error_share(self.estimator.settings.cells(self.optics))
        return ExpectedRate(rectified(mean, deviation) / in_seconds(self.block_time), qber)

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        expected = [self.pulses * cell for cell in self.estimator.settings.cells(self.optics)]
        return outlook(self.estimator.signed_length, expected)
