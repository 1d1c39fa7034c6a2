"""BBM92 with a pulsed source of photon pairs: Ma, Fung, Lo, PRA 76 012307, section III. Rates in bit a pump pulse.

The source is anywhere between the ends, in nobody's trust. All arguments broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy


@dataclass(frozen=True, slots=True)
class PulsedPairs:
    """Source, channels and detectors; a field may be an array."""

    first: npt.ArrayLike
    """eta_A: from the source to a click at the first end."""
    second: npt.ArrayLike
    """eta_B: the same at the second end."""
    first_background: npt.ArrayLike
    """Y_0A per pulse: 2 p_d for two detectors."""
    second_background: npt.ArrayLike
    """Y_0B."""
    misalignment: npt.ArrayLike
    """e_d."""

    def gain(self, brightness: npt.ArrayLike) -> Reals:
        """Return Q, the probability of a coincidence per pulse, eq. (9), for a `brightness` lambda: 2 lambda pairs.

        Written as what two independent ends would see plus what the pairs add, both positive: the terms of the paper
        cancel to nothing at high loss.
        """
        blind_first, blind_second = self._blind(brightness)
        dark_first, dark_second = np.asarray(self.first_background), np.asarray(self.second_background)
        seen_first = -np.expm1(blind_first) + dark_first * np.exp(blind_first)
        seen_second = -np.expm1(blind_second) + dark_second * np.exp(blind_second)
        together = np.exp(blind_first + blind_second) * np.expm1(-2.0 * np.log1p(-self._overlap(brightness)))
        return np.asarray(seen_first * seen_second + (1.0 - dark_first) * (1.0 - dark_second) * together)

    def wrong(self, brightness: npt.ArrayLike) -> Reals:
        """Return E Q, the probability of a coincidence with an error per pulse, eq. (10)."""
        overlap = self._overlap(brightness)
        # (1 + x)(1 + y)(1 + x + y - z) of the paper is ((1 + x)(1 + y))^2 (1 - overlap).
        blind_first, blind_second = self._blind(brightness)
        correlated = overlap * np.exp((blind_first + blind_second) / 2.0) / (1.0 - overlap)
        excess = 2.0 * (COIN - np.asarray(self.misalignment)) * correlated
        return np.asarray(np.maximum(0.0, COIN * self.gain(brightness) - excess))

    def error_rate(self, brightness: npt.ArrayLike) -> Reals:
        """Return E, the quantum bit error rate; one half when nothing is detected at all."""
        gain = self.gain(brightness)
        whole = np.where(gain > 0, gain, 1.0)
        return np.where(gain > 0, self.wrong(brightness) / whole, COIN)

    def rate(self, brightness: npt.ArrayLike, reconciliation: float = 1.0, sifting: float = COIN) -> Reals:
        """Return R = q Q (1 - f h(E) - h(E)), eq. (11), for endless keys; 0 where it is negative."""
        noise = entropy(self.error_rate(brightness))
        return np.asarray(sifting * self.gain(brightness) * np.maximum(0.0, 1.0 - (1.0 + reconciliation) * noise))

    def _blind(self, brightness: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return the logarithms of the probabilities that no photon is seen at an end: -2 ln(1 + eta lambda)."""
        lam = np.asarray(brightness, dtype=np.float64)
        first = np.asarray(-2.0 * np.log1p(np.asarray(self.first) * lam))
        return first, np.asarray(-2.0 * np.log1p(np.asarray(self.second) * lam))

    def _overlap(self, brightness: npt.ArrayLike) -> Reals:
        """Return eta_A eta_B lambda (1 + lambda) / ((1 + eta_A lambda)(1 + eta_B lambda)), below 1."""
        lam = np.asarray(brightness, dtype=np.float64)
        first, second = np.asarray(self.first), np.asarray(self.second)
        return np.asarray(first * second * lam * (1.0 + lam) / ((1.0 + first * lam) * (1.0 + second * lam)))
