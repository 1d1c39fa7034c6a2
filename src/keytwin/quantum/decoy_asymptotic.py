"""Decoy-state BB84 with endless blocks and endless decoys, for whole arrays at once.

Lo, Ma, Chen, PRL 94 230504; Ma, Qi, Zhao, Lo, PRA 72 012326, section II and appendix. All rates are bit a pulse; all
arguments broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals

COIN = 0.5  # error rate e_0 of a dark count


@dataclass(frozen=True, slots=True)
class Asymptotic:
    """A link as the papers describe it; a field may be an array."""

    transmittance: npt.ArrayLike
    """eta: channel, receiver optics and detector efficiency."""
    background: npt.ArrayLike
    """Y_0 per pulse: 2 p_d for two detectors."""
    misalignment: npt.ArrayLike
    """e_d."""
    reconciliation: float = 1.0
    """f, 1 or more."""
    sifting: float = 0.5
    """q: share of the pulses for which both ends choose the key basis."""

    def gain(self, intensity: npt.ArrayLike) -> Reals:
        """Return Q_mu, the probability of a click per pulse: Y_0 + 1 - exp(-eta mu)."""
        return np.asarray(self.background) - np.expm1(-self._mean(intensity))

    def error_rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return E_mu, the quantum bit error rate; one half when nothing is detected at all."""
        wrong = COIN * np.asarray(self.background) - np.asarray(self.misalignment) * np.expm1(-self._mean(intensity))
        return ratio(wrong, self.gain(intensity))

    def single_photon(self) -> tuple[Reals, Reals]:
        """Return yield Y_1 and error rate e_1 of one-photon pulses, which endless decoys reveal."""
        eta, background = np.asarray(self.transmittance), np.asarray(self.background)
        seen = background + eta
        return seen, ratio(COIN * background + np.asarray(self.misalignment) * eta, seen)

    def rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return R = q (Q_1 (1 - h(e_1)) - f Q_mu h(E_mu)), without the small vacuum term; 0 where it is negative."""
        mu = np.asarray(intensity, dtype=np.float64)
        seen, wrong = self.single_photon()
        single = seen * mu * np.exp(-mu)
        revealed = self.reconciliation * self.gain(mu) * entropy(self.error_rate(mu))
        return self.sifting * np.maximum(0.0, single * (1.0 - entropy(wrong)) - revealed)

    def _mean(self, intensity: npt.ArrayLike) -> Reals:
        return np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64)


def best_intensity(misalignment: float, reconciliation: float) -> float:
    """Return the signal intensity that is best where dark counts don't matter; 0 when none yields key.

    Solves (1 - mu) exp(-mu) = f h(e_d) / (1 - h(e_d)), whose left side falls from 1 to 0 on [0, 1].
    """
    revealed = float(entropy(misalignment))
    if revealed * (1.0 + reconciliation) >= 1.0:
        return 0.0
    wanted = reconciliation * revealed / (1.0 - revealed)
    low, high = 0.0, 1.0
    for _ in range(60):  # halvings: beyond the precision of a float
        middle = (low + high) / 2.0
        low, high = (middle, high) if (1.0 - middle) * np.exp(-middle) > wanted else (low, middle)
    return low


def entropy(share: npt.ArrayLike) -> Reals:
    """Return the binary entropy h in bits; beyond one half it stays 1, as befits a bound."""
    below = np.clip(np.asarray(share, dtype=np.float64), 0.0, COIN)
    inside = np.where(below > 0, below, COIN)
    bits = -inside * np.log2(inside) - (1.0 - inside) * np.log2(1.0 - inside)
    return np.where(below > 0, bits, 0.0)


def ratio(part: Reals, whole: Reals) -> Reals:
    """Return part / whole; one half, the error rate of a coin toss, where there is nothing."""
    return np.asarray(np.divide(part, whole, out=np.full(np.broadcast(part, whole).shape, COIN), where=whole > 0))
