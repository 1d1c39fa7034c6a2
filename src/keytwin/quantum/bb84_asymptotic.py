"""BB84 with endless blocks and two threshold detectors, for whole arrays: single photons, endless decoys, no decoy.

Both detectors may click at once, and such a click counts as a coin toss (Luetkenhaus, PRA 61 052304): exact where
`decoy_asymptotic.py` follows a paper to first order in the dark counts. Rates are bit a pulse; all arguments broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy, ratio


@dataclass(frozen=True, slots=True)
class Bb84:
    """A link with BB84; a field may be an array."""

    transmittance: npt.ArrayLike
    """Channel, receiver optics and detector efficiency."""
    dark_count: npt.ArrayLike
    """Probability per gate and detector."""
    misalignment: npt.ArrayLike
    """Probability that a photon reaches the wrong detector."""
    reconciliation: float = 1.0
    """f, 1 or more."""
    sifting: float = 0.5
    """q: share of the pulses for which both ends choose the key basis."""

    def gain(self, intensity: npt.ArrayLike) -> Reals:
        """Return the probability of a click when a coherent pulse of this many mean photons is sent."""
        return np.asarray(-np.expm1(2.0 * self._log_dark() - self._mean(intensity)))

    def error_rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return the error rate of coherent pulses; one half when nothing is detected at all."""
        mean, turned, dark = self._mean(intensity), np.asarray(self.misalignment), self._log_dark()
        right, wrong = -np.expm1(dark - mean * (1.0 - turned)), -np.expm1(dark - mean * turned)
        return ratio(wrong * (1.0 - right) + COIN * right * wrong, self.gain(intensity))

    def photon_gain(self) -> Reals:
        """Return Y_1, the probability of a click when exactly one photon is sent."""
        eta, dark = np.asarray(self.transmittance), np.asarray(self.dark_count)
        return np.asarray(eta + (1.0 - eta) * dark * (2.0 - dark))

    def photon_error_rate(self) -> Reals:
        """Return e_1, the error rate of single photons; one half when nothing is detected at all."""
        eta, dark, turned = (np.asarray(each) for each in (self.transmittance, self.dark_count, self.misalignment))
        # Each detector clicks by a dark count; where the photon clicks too, that is an error with probability 1/2.
        seen_wrong = COIN * (1.0 - turned) * dark + turned * (1.0 - COIN * dark)
        missed_wrong = dark * (1.0 - dark) + COIN * dark * dark
        return ratio(eta * seen_wrong + (1.0 - eta) * missed_wrong, self.photon_gain())

    def single_photon_rate(self) -> Reals:
        """Return q Y_1 (1 - h(e_1) - f h(e_1)), for a source of exactly one photon: Shor, Preskill, PRL 85 441."""
        spent = (1.0 + self.reconciliation) * entropy(self.photon_error_rate())
        return np.asarray(self.sifting * self.photon_gain() * np.maximum(0.0, 1.0 - spent))

    def decoy_rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return q (Q_0 + Q_1 (1 - h(e_1)) - f Q h(E)): Lo, Ma, Chen, PRL 94 230504, with the empty pulses' share."""
        mu = np.asarray(intensity, dtype=np.float64)
        dark = np.asarray(self.dark_count)
        empty = dark * (2.0 - dark) * np.exp(-mu)
        single = self.photon_gain() * mu * np.exp(-mu) * (1.0 - entropy(self.photon_error_rate()))
        return np.asarray(self.sifting * np.maximum(0.0, empty + single - self._revealed(mu)))

    def no_decoy_rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return q ((Q - p) (1 - h(E Q / (Q - p))) - f Q h(E)), where p = P(n > 1): it falls with the loss squared.

        Gottesman, Lo, Luetkenhaus, Preskill, Quantum Inf. Comput. 4 325: each pulse with several photons arrives, is
        known to the eavesdropper, and bears no error. The best intensity is near the transmittance.
        """
        mu = np.asarray(intensity, dtype=np.float64)
        gain = self.gain(mu)
        untagged = np.maximum(0.0, gain + np.expm1(-mu) + mu * np.exp(-mu))
        wrong = ratio(self.error_rate(mu) * gain, untagged)
        return np.asarray(self.sifting * np.maximum(0.0, untagged * (1.0 - entropy(wrong)) - self._revealed(mu)))

    def _revealed(self, intensity: npt.ArrayLike) -> Reals:
        return np.asarray(self.reconciliation * self.gain(intensity) * entropy(self.error_rate(intensity)))

    def _mean(self, intensity: npt.ArrayLike) -> Reals:
        return np.asarray(np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64))

    def _log_dark(self) -> Reals:
        return np.asarray(np.log1p(-np.asarray(self.dark_count)))
