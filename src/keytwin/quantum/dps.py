"""Differential phase shift against individual attacks: Waks, Takesue, Yamamoto, PRA 73 012344. Rates in bit a pulse.

General attacks are not covered, and sequential ones set a limit to the reach of any proof of this kind. All arguments
broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log2
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN, entropy
from keytwin.quantum.finite_key import binary_entropy

WORST: Final = 3.0 / 19.0  # error rate with the highest collision probability: more errors, never more key
QBER_LIMIT: Final = 0.0609  # where h(e) eats up all that even the faintest light leaves


@dataclass(frozen=True, slots=True)
class PhaseTrain:
    """A train of equal pulses, an interferometer and two detectors; a field may be an array."""

    transmittance: npt.ArrayLike
    """eta: channel, receiver optics and detector efficiency."""
    dark_count: npt.ArrayLike
    """Per pulse and detector."""
    misalignment: npt.ArrayLike
    """Probability that a photon leaves the interferometer where it should not."""

    def gain(self, intensity: npt.ArrayLike) -> Reals:
        """Return the probability of a click per pulse."""
        dark = 2.0 * np.asarray(self.dark_count)
        seen = -np.expm1(-np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64))
        return np.asarray(seen + dark * (1.0 - seen))

    def error_rate(self, intensity: npt.ArrayLike) -> Reals:
        """Return e, the quantum bit error rate; one half when nothing is detected at all."""
        gain = self.gain(intensity)
        seen = -np.expm1(-np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64))
        wrong = np.asarray(self.misalignment) * seen + COIN * (gain - seen)
        return np.where(gain > 0, wrong / np.where(gain > 0, gain, 1.0), COIN)

    def rate(self, intensity: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
        """Return the secret bits per pulse for endless keys; 0 where they would be negative."""
        fraction = secret_fraction(intensity, self.error_rate(intensity), reconciliation)
        return np.asarray(self.gain(intensity) * np.maximum(0.0, fraction))


def secret_fraction(intensity: npt.ArrayLike, error_rate: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
    """Return r = -(1 - 2 mu) log2(1 - e^2 - (1 - 6 e)^2 / 2) - f h(e) in bit a click; negative where no key is left."""
    error = np.minimum(np.asarray(error_rate, dtype=np.float64), WORST)
    collision = 1.0 - error**2 - (1.0 - 6.0 * error) ** 2 / 2.0
    unsplit = np.maximum(0.0, 1.0 - 2.0 * np.asarray(intensity, dtype=np.float64))
    return np.asarray(-unsplit * np.log2(collision) - reconciliation * entropy(error_rate))


@dataclass(frozen=True, slots=True)
class DpsEstimator:
    """The formula above on the errors counted: counts are right and wrong.

    There is no finite-key proof of this kind. The standard deviation of the error rate, sqrt(e (1 - e) / n), is not
    taken off: all errors of the key itself are found, and no other sample is drawn.
    """

    promises: Promises
    intensity: float
    qber_limit: float = QBER_LIMIT

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n r - overhead."""
        right, wrong = counts
        sifted = right + wrong
        if sifted <= 0:
            return -self.promises.overhead
        error = wrong / sifted
        bounded = min(error, WORST)
        collision = 1.0 - bounded**2 - (1.0 - 6.0 * bounded) ** 2 / 2.0
        unknown = max(0.0, 1.0 - 2.0 * self.intensity) * -log2(collision)
        return sifted * (unknown - self.promises.reconciliation * binary_entropy(error)) - self.promises.overhead
