"""Twin-field QKD without phase slices, with finite blocks: what the two ends make of the counts.

Two decoys and darkness bound each yield from above, by series whose terms are all positive (in the spirit of Grasselli,
Curty, NJP 21 073001); means are bounded from counts by Chernoff's inequality. Against collective attacks; tighter
bounds, with a composable proof, are those of Curras-Lorenzo et al., npj Quantum Inf. 7 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, factorial
from typing import Final

import numpy as np

from keytwin.quantum.channel import Reals
from keytwin.quantum.coherent_twin import LEVELS, CoherentTwin, erroneous
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN
from keytwin.quantum.deviation import Confidence
from keytwin.quantum.finite_key import binary_entropy

_BOUNDS: Final = 14  # seven counts, each from both sides
_KEY: Final = 2  # cells of the key: right, wrong
_FACTORIALS: Final = np.array([factorial(number) for number in range(LEVELS)], dtype=np.float64)


@dataclass(frozen=True, slots=True)
class CoherentTwinSettings:
    """What the two ends choose at random per pulse: public."""

    signal: float
    """alpha^2: mean photons of one end's key pulse."""
    strong: float
    """Mean photons of one end's strong decoy."""
    weak: float
    shares: tuple[float, float, float]
    """Probability of key, strong and weak decoy; what is left is darkness."""

    def __post_init__(self) -> None:
        assert 0 < self.weak < self.strong
        assert self.signal > 0
        assert min(*self.shares, self.darkness) > 0

    @property
    def darkness(self) -> float:
        """Share of pulses that are not sent."""
        return 1.0 - sum(self.shares)

    def cells(self, optics: CoherentTwin) -> tuple[float, ...]:
        """Return the probability per pulse pair of what is counted: key right, wrong, then the pairs of decoys.

        These are weak-weak, weak-dark, dark-weak, strong-strong, strong-dark, dark-strong, dark-dark.
        """
        key = self.shares[0] ** 2
        gain, wrong = (float(each) for each in optics.key(self.signal))
        weak, strong = self.weak, self.strong
        near = np.array([weak, weak, 0.0, strong, strong, 0.0, 0.0])
        far = np.array([weak, 0.0, weak, strong, 0.0, strong, 0.0])
        seen = optics.decoys(near, far).tolist()
        return (key * (gain - wrong), key * wrong, *(a * b for a, b in zip(self.chosen(), seen, strict=True)))

    def chosen(self) -> tuple[float, ...]:
        """Return the probability of each pair of decoys."""
        _, strong, weak = self.shares
        dark = self.darkness
        return (weak * weak, weak * dark, dark * weak, strong * strong, strong * dark, dark * strong, dark * dark)


@dataclass(frozen=True, slots=True)
class CoherentTwinEstimator:
    """The two ends' estimation; `pulses` is how many pulse pairs a block has."""

    settings: CoherentTwinSettings
    promises: Promises
    pulses: int

    @property
    def qber_limit(self) -> float:
        """Where f h(e) = 1: the fainter the pulses, the fewer phase errors there are, however many bits are wrong."""
        return largest_error(1.0 / self.promises.reconciliation)

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - h(e_ZZ)) - f n h(e_XX) less hashing, before rounding; beyond e_ZZ = 1/2 it goes on falling."""
        right, wrong = counts[:_KEY]
        sifted, overhead = right + wrong, self.promises.overhead
        if sifted <= 0:
            return -overhead
        pairs = self.pulses * self.settings.shares[0] ** 2
        bound = pairs * float(erroneous(np.asarray(self.settings.signal), np.sqrt(self.yields(counts))))
        phase_error = min(1.0, bound / sifted)
        excess = max(0.0, phase_error - COIN)
        revealed = self.promises.reconciliation * binary_entropy(wrong / sifted)
        return sifted * (1.0 - binary_entropy(phase_error) - excess - revealed) - overhead

    def yields(self, counts: Sequence[float]) -> Reals:
        """Return the most that the counts of the decoys allow for the yield of n and m photons."""
        weak, strong = self.settings.weak, self.settings.strong
        least, most = self._gains(counts)
        bounds = np.ones((LEVELS, LEVELS))
        for mean, first in ((weak, 0), (strong, 3)):
            terms = _FACTORIALS / mean ** np.arange(LEVELS)
            both, one, other = exp(2.0 * mean), exp(mean), exp(mean)
            joint = both * most[first] - one * least[first + 1] - other * least[first + 2] + most[6]
            bounds[1:, 1:] = np.minimum(bounds[1:, 1:], np.outer(terms, terms)[1:, 1:] * max(0.0, joint))
            bounds[1:, 0] = np.minimum(bounds[1:, 0], terms[1:] * max(0.0, one * most[first + 1] - least[6]))
            bounds[0, 1:] = np.minimum(bounds[0, 1:], terms[1:] * max(0.0, other * most[first + 2] - least[6]))
        bounds[0, 0] = min(1.0, most[6])
        bounds[2, 0] = min(bounds[2, 0], _two_photons(strong, weak, most[4], least[1], (least[6], most[6])))
        bounds[0, 2] = min(bounds[0, 2], _two_photons(strong, weak, most[5], least[2], (least[6], most[6])))
        return bounds

    def _gains(self, counts: Sequence[float]) -> tuple[list[float], list[float]]:
        """Return the least and the most gain of each pair of decoys."""
        sure = Confidence.failing(self.promises.secrecy, _BOUNDS)
        sent = [self.pulses * share for share in self.settings.chosen()]
        seen = list(zip(counts[_KEY:], sent, strict=True))
        return [sure.least(count) / tried for count, tried in seen], [sure.most(count) / tried for count, tried in seen]


def largest_error(revealed: float) -> float:
    """Return the error rate, up to one half, whose binary entropy is `revealed`."""
    low, high = 0.0, COIN
    for _ in range(50):  # halvings: nearly the precision of a float
        middle = (low + high) / 2.0
        low, high = (middle, high) if binary_entropy(middle) < revealed else (low, middle)
    return low


def _two_photons(strong: float, weak: float, most: float, least: float, dark: tuple[float, float]) -> float:
    """Return the most Y_20: two decoys from one end cancel Y_10, and what is left beyond Y_20 is positive."""
    bright, dim = exp(strong) * most - dark[0], exp(weak) * least - dark[1]
    return max(0.0, 2.0 * (bright * weak - dim * strong) / (strong * weak * (strong - weak)))
