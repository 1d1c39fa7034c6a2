"""Measurement-device-independent QKD with endless decoys, for whole arrays at once.

Lo, Curty, Qi, PRL 108 130503, in the model of Ma, Razavi, PRA 86 062319, appendix B: two ends send phase-randomised
weak pulses in the rectilinear or diagonal basis, a relay that nobody trusts announces Bell measurements. Rates are bit
a pulse pair; all arguments broadcast. The formulae are recalled, and agree with the published reach of about 200 km.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import factorial

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy, ratio

_TERMS = 20  # of the series of I_0: full precision for arguments up to 10, far above what arrives


@dataclass(frozen=True, slots=True)
class RelayOptics:
    """Two arms that meet at a relay; a field may be an array."""

    near: npt.ArrayLike
    """eta_a: from the first end to a click, detector included."""
    far: npt.ArrayLike
    """eta_b, of the second end."""
    dark_count: npt.ArrayLike
    """p_d, per gate and detector."""
    misalignment: npt.ArrayLike
    """e_d."""

    def rectilinear(self, near: npt.ArrayLike, far: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return gain Q and wrong part E Q of the key basis, for pulses of `near` and `far` mean photons."""
        one, other, dark = self._arriving(near, far)
        live = np.square(1.0 - dark) * np.exp(-(one + other) / 2.0)
        clear = np.log1p(-dark)
        correct = 2.0 * live * np.expm1(clear - one / 2.0) * np.expm1(clear - other / 2.0)
        excess = bessel_excess(np.sqrt(one * other)) - np.expm1(clear - (one + other) / 2.0)
        erroneous = 2.0 * dark * live * excess
        turned = np.asarray(self.misalignment)
        return correct + erroneous, turned * correct + (1.0 - turned) * erroneous

    def diagonal(self, near: npt.ArrayLike, far: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return gain Q and wrong part E Q of the test basis, for pulses of `near` and `far` mean photons.

        The paper's 1 + 2 y^2 - 4 y I_0(x) + I_0(2 x), sorted into terms that don't cancel.
        """
        one, other, dark = self._arriving(near, far)
        exponent = np.log1p(-dark) - (one + other) / 4.0
        live, lost = np.exp(exponent), -np.expm1(exponent)
        root = np.sqrt(one * other) / 2.0
        bunched = 4.0 * lost * bessel_excess(root) + bessel_excess(2.0 * root) - 4.0 * bessel_excess(root)
        gain = 2.0 * np.square(live) * (2.0 * np.square(lost) + bunched)
        contrast = 2.0 * (COIN - np.asarray(self.misalignment)) * np.square(live) * bessel_excess(2.0 * root)
        return gain, COIN * gain - contrast

    def single(self) -> tuple[Reals, Reals]:
        """Return yield Y_11 and wrong part e_11 Y_11 of pulse pairs with one photon each, the same in both bases."""
        one, other, dark = (np.asarray(each, dtype=np.float64) for each in (self.near, self.far, self.dark_count))
        live = np.square(1.0 - dark)
        both = one * other / 2.0
        either = (2.0 * one + 2.0 * other - 3.0 * one * other) * dark
        neither = 4.0 * (1.0 - one) * (1.0 - other) * np.square(dark)
        seen = live * (both + either + neither)
        return seen, COIN * seen - (COIN - np.asarray(self.misalignment)) * live * both

    def rate(self, near: npt.ArrayLike, far: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
        """Return R = Q_11 (1 - h(e_11)) - f Q_rect h(E_rect); 0 where it is negative."""
        seen, wrong = self.single()
        gain, erroneous = self.rectilinear(near, far)
        one, other = np.asarray(near, dtype=np.float64), np.asarray(far, dtype=np.float64)
        single = one * other * np.exp(-one - other) * seen * (1.0 - entropy(ratio(wrong, seen)))
        return np.maximum(0.0, single - reconciliation * gain * entropy(ratio(erroneous, gain)))

    def _arriving(self, near: npt.ArrayLike, far: npt.ArrayLike) -> tuple[Reals, Reals, Reals]:
        one = np.asarray(self.near) * np.asarray(near, dtype=np.float64)
        other = np.asarray(self.far) * np.asarray(far, dtype=np.float64)
        return one, other, np.asarray(self.dark_count, dtype=np.float64)


def bessel_excess(argument: Reals) -> Reals:
    """Return I_0(argument) - 1 without cancellation, for arguments up to 10."""
    quarter = np.square(argument) / 4.0
    total = np.zeros_like(quarter)
    for order in range(_TERMS, 0, -1):
        total = quarter * (1.0 / factorial(order) ** 2 + total)
    return np.asarray(total)
