"""Two-decoy BB84 as its link has it: public settings, and an estimation that is fed with the cells of a block."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from keytwin.quantum.decoy_bb84 import QBER_LIMIT, Settings
from keytwin.quantum.finite_key import Counts, Distillation, Estimator


@dataclass(frozen=True, slots=True)
class TwoDecoyEstimator:
    """The two ends' parameter estimation: made once from public settings, then fed with counts only."""

    settings: Settings
    distillation: Distillation
    _estimator: Estimator = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_estimator", Estimator(self.settings, self.distillation))

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        return QBER_LIMIT

    def signed_length(self, cells: Sequence[float]) -> float:
        """Return the secret bits of a block before rounding; `cells` are in the order of `decoy_bb84.Cells`."""
        return self._estimator.signed_length(Counts.of(cells))[0]
