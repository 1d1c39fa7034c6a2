"""Twin-field QKD by phase matching: the formulae for endless decoys, and the estimation from finite counts.

Ma, Zeng, Zhou, PRX 8 031043 (recalled). The key is in the phase of pulses that interfere at a relay in the middle of
the channel; announcing the slice of each random phase and keeping the matching ones costs a factor 2 / M.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, factorial, pi
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN, entropy
from keytwin.quantum.deviation import Confidence
from keytwin.quantum.finite_key import binary_entropy
from keytwin.quantum.mdi_estimator import COMPLEMENTARY

_ODD: Final = (1, 3, 5)  # photon numbers whose phase errors are known; all others count as known to an eavesdropper
_BOUNDS: Final = 5  # counts whose mean is bounded, each from one side or both


@dataclass(frozen=True, slots=True)
class PhaseMatching:
    """Two equal arms that meet at a relay; a field may be an array. Intensities are those of both ends together."""

    transmittance: npt.ArrayLike
    """eta: of one arm, detector included; it is the square root of the channel's, times the detector's."""
    dark_count: npt.ArrayLike
    """p_d, per gate and detector."""
    slices: npt.ArrayLike = 16
    """M."""
    misalignment: npt.ArrayLike = 0.0
    """What the slices don't explain: drift of phase and polarisation."""

    def turned(self) -> Reals:
        """Return the probability that a photon reaches the wrong detector: e_delta of the slices, and misalignment."""
        slices = np.asarray(self.slices, dtype=np.float64)
        mismatch = pi / slices - np.square(slices / pi) * np.sin(pi / slices) ** 3
        drift = np.asarray(self.misalignment, dtype=np.float64)
        return np.asarray(mismatch + drift - 2.0 * mismatch * drift)

    def photons(self, count: int) -> tuple[Reals, Reals]:
        """Return yield Y_k and wrong part e_k Y_k of `count` photons, such that coherent pulses are their mixture."""
        eta, dark = np.asarray(self.transmittance, dtype=np.float64), np.asarray(self.dark_count, dtype=np.float64)
        missed = np.power(1.0 - eta, count)
        seen = -np.expm1(count * np.log1p(-np.minimum(eta, 1.0 - 1e-15))) + 2.0 * dark * missed
        alone = count * eta * np.power(1.0 - eta, count - 1) if count else 0.0
        return seen, dark * missed + self.turned() * alone

    def pulses(self, intensity: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return gain Q and wrong part E_Z Q: (p_d + eta mu e_delta) exp(-eta mu)."""
        arriving = np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64)
        dark, missed = np.asarray(self.dark_count), np.exp(-arriving)
        return -np.expm1(-arriving) + 2.0 * dark * missed, (dark + arriving * self.turned()) * missed

    def phase_error(self, intensity: npt.ArrayLike) -> Reals:
        """Return the bound E_X = q_0 e_0 + sum_odd q_k e_k + 1 - q_0 - sum_odd q_k, with q_k = P(k) Y_k / Q."""
        mu = np.asarray(intensity, dtype=np.float64)
        gain, _ = self.pulses(mu)
        safe = np.zeros_like(gain)
        for count in (0, *_ODD):
            seen, wrong = self.photons(count)
            safe = safe + np.exp(-mu) * np.power(mu, count) / factorial(count) * (seen - wrong)
        return np.clip(1.0 - np.divide(safe, gain, out=np.zeros_like(safe), where=gain > 0), 0.0, 1.0)

    def rate(self, intensity: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
        """Return R = (2 / M) Q [1 - f h(E_Z) - h(E_X)] in bit a pulse pair; 0 where it is negative."""
        gain, wrong = self.pulses(intensity)
        bit_error = np.divide(wrong, gain, out=np.full_like(gain, COIN), where=gain > 0)
        fraction = 1.0 - reconciliation * entropy(bit_error) - entropy(self.phase_error(intensity))
        return 2.0 / np.asarray(self.slices) * gain * np.maximum(0.0, fraction)


@dataclass(frozen=True, slots=True)
class PhaseMatchingSettings:
    """What the two ends choose at random per pulse: public."""

    signal: float
    """Mean photons of both ends together."""
    decoy: float
    shares: tuple[float, float]
    """Probability, at each end, of signal and decoy; what is left is darkness."""

    def __post_init__(self) -> None:
        assert 0 < self.decoy < self.signal
        assert min(*self.shares, self.darkness) > 0

    @property
    def darkness(self) -> float:
        """Share of pulses that are not sent."""
        return 1.0 - sum(self.shares)

    def cells(self, optics: PhaseMatching) -> tuple[float, ...]:
        """Return the probability per pulse pair of right and wrong signals, right and wrong decoys, dark detections.

        Signals and decoys count when both ends chose the same and their phase slices match.
        """
        matched = 2.0 / float(np.asarray(optics.slices))
        gains, wrongs = optics.pulses(np.array([self.signal, self.decoy, 0.0]))
        (signal, decoy, dark), (signal_wrong, decoy_wrong, _) = gains.tolist(), wrongs.tolist()
        first, second = (share * share * matched for share in self.shares)
        return (
            first * (signal - signal_wrong),
            first * signal_wrong,
            second * (decoy - decoy_wrong),
            second * decoy_wrong,
            self.darkness**2 * dark,
        )


@dataclass(frozen=True, slots=True)
class PhaseMatchingEstimator:
    """What the two ends make of the counts of a block of `pulses` pulse pairs.

    One decoy and darkness bound the single photons (Ma, Qi, Zhao, Lo, PRA 72 012326, eqs. (34) and (37)); all that is
    neither empty nor single counts as known. Means are bounded from counts by Chernoff's inequality, against collective
    attacks.
    """

    settings: PhaseMatchingSettings
    promises: Promises
    pulses: int
    slices: float
    qber_limit: float = COMPLEMENTARY

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - h(E_X)) - f n h(E_Z) less hashing, before rounding; beyond E_X = 1/2 it goes on falling."""
        right, wrong = counts[:2]
        sifted, overhead = right + wrong, self.promises.overhead
        if sifted <= 0:
            return -overhead
        phase_error = 1.0 - min(self._safe(counts) / sifted, 1.0)
        excess = max(0.0, phase_error - COIN)
        revealed = self.promises.reconciliation * binary_entropy(wrong / sifted)
        return sifted * (1.0 - binary_entropy(phase_error) - excess - revealed) - overhead

    def _safe(self, counts: Sequence[float]) -> float:
        """Return how many of the signals are without a phase error for sure."""
        sure = Confidence.failing(self.promises.secrecy, _BOUNDS)
        mu, nu = self.settings.signal, self.settings.decoy
        signals, decoys = (self.pulses * share * share * 2.0 / self.slices for share in self.settings.shares)
        empty = self.pulses * self.settings.darkness**2
        signal = sure.most(counts[0] + counts[1]) / signals * exp(mu)
        decoy = sure.least(counts[2] + counts[3]) / decoys * exp(nu)
        wrong = sure.most(counts[3]) / decoys * exp(nu)
        darkest, brightest = sure.least(counts[4]) / empty, sure.most(counts[4]) / empty
        ratio = (nu / mu) ** 2
        single = (decoy - signal * ratio - (1.0 - ratio) * brightest) / (nu * (1.0 - nu / mu))
        erroneous = max(0.0, wrong - COIN * darkest) / nu
        return signals * exp(-mu) * (mu * (single - erroneous) + COIN * darkest)
