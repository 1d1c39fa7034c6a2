"""How long a chain of quantum memories waits until all its elementary pairs are there, and how much they decay.

All segments try at once, slot by slot, until each has a pair. Where there is a cut-off, pairs that are `patience` slots
older than the first of them are all thrown away, and everything begins anew. Exact: times are counted in slots, each
attempt succeeds with the same probability. Z_N as in Sangouard et al., RMP 83 33, and Bernardes, Praxmeyer, van Loock,
PRA 83 012323.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import comb, expm1, inf, log1p
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals

_SURE: Final = 30.0  # a wait longer than this many mean times is as rare as exp(-30)
_MOST_SLOTS: Final = 20_000  # in one sum; more are merged, which changes means by less than the share of a slot


def mean_of_slowest(count: int, success: float) -> float:
    """Return Z_N(p), the mean number of slots until `count` processes have succeeded once each.

    The usual sum over j of C(N, j) (-1)^(j + 1) / (1 - (1 - p)^j) cancels for many; here the first slot is split off.
    """
    assert count >= 1
    assert 0 < success <= 1
    failure = 1.0 - success
    means = [0.0]
    for waiting in range(1, count + 1):
        later = sum(
            comb(waiting, done) * success**done * failure ** (waiting - done) * means[waiting - done]
            for done in range(1, waiting)
        )
        # By logarithms: 1 - (1 - p)^n cancels for the small p of a long segment.
        stuck = -expm1(waiting * _log_failure(success))
        means.append((1.0 + later) / stuck)
    return means[count]


@dataclass(frozen=True, slots=True)
class Race:
    """So many processes, each of which succeeds in a slot with the same probability; they wait for the slowest."""

    count: int
    success: float
    """Per slot, above 0."""
    patience: float
    """Slots between the first success and the last one that is still of use; infinity = no cut-off."""

    def __post_init__(self) -> None:
        assert self.count >= 1
        assert 0 < self.success <= 1
        assert self.patience >= 0

    def slots(self) -> float:
        """Return the mean number of slots from the start to the time when all have succeeded."""
        if not np.isfinite(self.patience):
            return mean_of_slowest(self.count, self.success)
        merged = self._merged()
        within = merged.within()
        if within[-1] <= 0:
            # Not 0: whoever divides by it gets a rate of 0, and nobody takes it for a fast link.
            return inf  # too rare for a float
        waited = 1.0 / merged.any() + float((1.0 - within[:-1]).sum())
        return waited / float(within[-1]) * merged.slot

    def survivals(self, decay: float) -> Reals:
        """Return, for s = 0 to `count`, the mean of exp(-decay x the slots that s of the pairs waited).

        It is a mean over the rounds in which all have succeeded within patience.
        """
        return self._merged().survivals(decay)

    def _merged(self) -> _Window:
        horizon = min(self.patience, _SURE / self.success)
        # Never less than a slot: half an attempt succeeds with no probability that means anything.
        slot = max(1, int(horizon / _MOST_SLOTS))
        success = -expm1(slot * _log_failure(self.success))
        return _Window(self.count, success, int(horizon / slot), slot)


@dataclass(frozen=True, slots=True)
class _Window:
    """A race whose slots are `slot` of the true ones, looked at up to `last` of them after the first success."""

    count: int
    success: float
    last: int
    slot: int

    def any(self) -> float:
        """Return the probability that in a slot at least one of all succeeds."""
        return -expm1(self.count * _log_failure(self.success))

    def within(self) -> Reals:
        """Return, for d = 0 to `last`, the probability that the last success is at most d slots after the first."""
        done = -np.expm1(np.arange(1, self.last + 2) * _log_failure(self.success))
        everyone = np.power(done, self.count) - np.power(done - self.success, self.count)
        return np.asarray(everyone / self.any())

    def survivals(self, decay: float) -> Reals:
        """Return the means of `Race.survivals`."""
        steady, fading = self._ways(0.0), self._ways(decay * self.slot)
        moments = []
        for decaying in range(self.count + 1):
            sums = [fade**decaying * stay ** (self.count - decaying) for fade, stay in zip(fading, steady, strict=True)]
            moments.append(self.success**self.count + float((sums[0] - sums[1] - sums[2] + sums[3])[1:].sum()))
        return np.array(moments) / moments[0]

    def _ways(self, decay: float) -> tuple[Reals, Reals, Reals, Reals]:
        """Return the weight of one success in a window of d + 1 slots: anywhere, not first, not last, neither.

        A success t slots after the start of the window has the chance p (1 - p)^t and keeps exp(-decay (d - t)).
        """
        distance = np.arange(self.last + 1)
        first = self.success * np.exp(-decay * distance)
        last = self.success * np.power(1.0 - self.success, distance)
        step = decay + _log_failure(self.success)  # ln of how terms follow one another
        # Summed from the larger end, because e^(step d) would overflow where decay is the faster of the two.
        total = np.where(step > 0, last, first) * _geometric(distance + 1, -abs(step))
        return total, total - first, total - last, total - first - last


def _geometric(terms: npt.NDArray[np.int64], step: float) -> Reals:
    """Return 1 + e^step + ... of so many terms, for step <= 0."""
    return np.asarray(terms, dtype=np.float64) if step == 0 else np.expm1(terms * step) / expm1(step)


def _log_failure(success: float) -> float:
    """Return ln(1 - success)."""
    return log1p(-success) if success < 1 else -inf
