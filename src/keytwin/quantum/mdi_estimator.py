"""Measurement-device-independent QKD with finite blocks: four intensities, and what the two ends make of the counts.

The signal serves the key basis alone, a strong and a weak decoy and darkness the test basis alone (Zhou, Yu, Wang,
PRA 93 042324, recalled). Means are bounded from counts by Chernoff's inequality, so a block's key holds against
collective attacks except with the stated probability; a composable proof is Curty et al., Nat. Commun. 5 3732.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp
from typing import Final, NamedTuple

import numpy as np

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN
from keytwin.quantum.deviation import Confidence
from keytwin.quantum.finite_key import binary_entropy
from keytwin.quantum.mdi import RelayOptics

_BOUNDS: Final = 12  # counts whose mean is bounded, each from one side or both
_KEY: Final = 2  # cells of the key basis: right, wrong
COMPLEMENTARY: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)


@dataclass(frozen=True, slots=True)
class MdiSettings:
    """What the two ends choose at random per pulse: public."""

    signal: float
    """Mean photons per pulse of either end, in the key basis."""
    strong: float
    """Mean photons of the strong decoy: the geometric mean of the two ends'."""
    weak: float
    """Of the weak decoy."""
    shares: tuple[float, float, float]
    """Probability of signal, strong and weak decoy; what is left is darkness."""
    tilt: float = 1.0
    """The second end's decoys are this times as bright as the mean, the first end's are as much darker."""

    def __post_init__(self) -> None:
        assert 0 < self.weak < self.strong
        assert self.signal > 0
        assert min(self.shares) > 0
        assert self.darkness > 0

    @property
    def darkness(self) -> float:
        """Share of pulses that are not sent."""
        return 1.0 - sum(self.shares)

    def pair(self, intensity: float) -> tuple[float, float]:
        """Return the mean photons of the two ends for a decoy."""
        return intensity / self.tilt, intensity * self.tilt

    def cells(self, optics: RelayOptics) -> tuple[float, ...]:
        """Return the probability per pulse pair of what is counted.

        Key right, wrong; then right, wrong for weak-weak, weak-dark, dark-weak, dark-dark; then all for strong-strong,
        strong-dark, dark-strong.
        """
        signal, strong, weak = self.shares
        dark = self.darkness
        gain, wrong = optics.rectilinear(self.signal, self.signal)
        (one, other), (bright, brighter) = self.pair(self.weak), self.pair(self.strong)
        near = np.array([one, one, 0.0, 0.0, bright, bright, 0.0])
        far = np.array([other, 0.0, other, 0.0, brighter, 0.0, brighter])
        chosen = np.array([weak * weak, weak * dark, dark * weak, dark * dark, strong**2, strong * dark, dark * strong])
        gains, wrongs = optics.diagonal(near, far)
        seen, erroneous = chosen * gains, chosen * wrongs
        tested = np.stack([seen - erroneous, erroneous], axis=-1)[:4].ravel()
        key = (signal * signal * float(gain - wrong), signal * signal * float(wrong))
        return (*key, *tested.tolist(), *seen[4:].tolist())


class _Scales(NamedTuple):
    """e^(a + b) / N_ab: from a count to its part of the series in photon numbers."""

    weak: float
    weak_dark: float
    dark_weak: float
    dark: float
    strong: float
    strong_dark: float
    dark_strong: float


@dataclass(frozen=True, slots=True)
class MdiEstimator:
    """The two ends' estimation; `pulses` is how many pulse pairs a block has."""

    settings: MdiSettings
    promises: Promises
    pulses: int
    qber_limit: float = COMPLEMENTARY

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return the secret bits of a block before rounding: s_11 (1 - h(e_11)) - f n h(E) less hashing."""
        right, wrong = counts[:_KEY]
        sifted = right + wrong
        overhead = self.promises.overhead
        if sifted <= 0:
            return -overhead
        single, erroneous = self.single(counts)
        phase_error = erroneous / single if single > 0 else COIN
        signal = self.settings.signal
        pairs = self.pulses * self.settings.shares[0] ** 2 * signal * signal * exp(-2.0 * signal) * single
        revealed = self.promises.reconciliation * sifted * binary_entropy(wrong / sifted)
        return min(pairs * (1.0 - binary_entropy(phase_error)), sifted) - revealed - overhead

    def single(self, counts: Sequence[float]) -> tuple[float, float]:
        """Return the least Y_11 and the most e_11 Y_11 that the counts of the test basis allow.

        T(a, b) = e^(a+b) Q_ab - e^a Q_a0 - e^b Q_0b + Q_00 is the sum of Y_nm a^n b^m / n! m! over n, m >= 1. With
        k = strong / weak, k^3 T(weak) - T(strong) holds no pair above one photon each with a positive sign.
        """
        scales, sure = self._scales(), Confidence.failing(self.promises.secrecy, _BOUNDS)
        errors, rest = counts[_KEY + 1 : _KEY + 8 : 2], counts[_KEY + 8 :]
        weak, weak_dark, dark_weak, dark = (counts[_KEY + at] + counts[_KEY + at + 1] for at in (0, 2, 4, 6))
        strong, strong_dark, dark_strong = rest
        darkest, brightest = scales.dark * sure.least(dark), scales.dark * sure.most(dark)
        weak_part = scales.weak * sure.least(weak) + darkest
        weak_part -= scales.weak_dark * sure.most(weak_dark) + scales.dark_weak * sure.most(dark_weak)
        strong_part = scales.strong * sure.most(strong) + brightest
        strong_part -= scales.strong_dark * sure.least(strong_dark) + scales.dark_strong * sure.least(dark_strong)
        wrong_part = scales.weak * sure.most(errors[0]) + scales.dark * sure.most(errors[3])
        wrong_part -= scales.weak_dark * sure.least(errors[1]) + scales.dark_weak * sure.least(errors[2])
        area, ratio = self.settings.weak**2, self.settings.strong / self.settings.weak
        single = (ratio**3 * weak_part - strong_part) / ((ratio**3 - ratio**2) * area)
        return single, max(0.0, wrong_part) / area

    def _scales(self) -> _Scales:
        _, strong, weak = self.settings.shares
        dark, pulses = self.settings.darkness, self.pulses
        (one, other), (bright, brighter) = (
            self.settings.pair(each) for each in (self.settings.weak, self.settings.strong)
        )
        return _Scales(
            exp(one + other) / (pulses * weak * weak),
            exp(one) / (pulses * weak * dark),
            exp(other) / (pulses * weak * dark),
            1.0 / (pulses * dark * dark),
            exp(bright + brighter) / (pulses * strong * strong),
            exp(bright) / (pulses * strong * dark),
            exp(brighter) / (pulses * strong * dark),
        )
