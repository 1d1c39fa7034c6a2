"""Twin-field QKD without phase slices, with endless decoys: Curty, Azuma, Lo, npj Quantum Information 5 64.

The key is in the sign of equally bright coherent pulses that interfere at a relay in the middle of the channel; pulses
of random phase bound the yields of photon numbers, and these the phase errors. The bound is recalled, the yields are
derived here: a relay's detector stays dark with the permanent of the map that attenuates its mode.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from math import comb, factorial, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy
from keytwin.quantum.mdi import bessel_excess

LEVELS: Final = 12  # photon numbers from each end whose yield is looked at; beyond, all is lost to an eavesdropper
_ALL: Final = 40  # terms of a coherent state: those beyond are below 1e-16 for a mean of 1


@dataclass(frozen=True, slots=True)
class CoherentTwin:
    """Two equal arms that meet at a relay; a field may be an array. Intensities are those of one end.

    Detections of either detector alone count, both together: the two patterns are alike, and the bound on the phase
    errors of both follows from the sum of their yields by Minkowski's inequality.
    """

    transmittance: npt.ArrayLike
    """sqrt(eta): of one arm, detector included."""
    dark_count: npt.ArrayLike
    """p_d, per gate and detector."""
    misalignment: npt.ArrayLike = 0.0
    """Share of the light at the wrong detector: (1 - Omega) / 2."""

    def key(self, intensity: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return gain 2 p_XX and wrong part of pulses of alpha^2 mean photons."""
        arriving = np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64)
        dark, turned = np.asarray(self.dark_count), np.asarray(self.misalignment)
        lit = 1.0 - dark
        strong, weak = 2.0 * arriving * (1.0 - turned), 2.0 * arriving * turned
        # One detector is dark and the other is not.
        right = lit * np.exp(-weak) * (dark - lit * np.expm1(-strong))
        wrong = lit * np.exp(-strong) * (dark - lit * np.expm1(-weak))
        return right + wrong, wrong

    def decoys(self, near: npt.ArrayLike, far: npt.ArrayLike) -> Reals:
        """Return the gain of pulses with random phases of `near` and `far` mean photons."""
        one = np.asarray(self.transmittance) * np.asarray(near, dtype=np.float64)
        other = np.asarray(self.transmittance) * np.asarray(far, dtype=np.float64)
        lit = 1.0 - np.asarray(self.dark_count)
        half = (one + other) / 2.0
        dark = bessel_excess(np.sqrt(one * other)) - np.expm1(np.log(lit) - half)
        return np.asarray(2.0 * lit * np.exp(-half) * dark)

    def yields(self) -> Reals:
        """Return the yield of n and m photons from the two ends, along two new last axes."""
        arm, dark = (
            np.asarray(each, dtype=np.float64)[..., None, None] for each in (self.transmittance, self.dark_count)
        )
        near, far = np.ogrid[:LEVELS, :LEVELS]
        missed = np.power(1.0 - arm, near + far)
        unseen = np.zeros_like(missed)
        for crossed in range(LEVELS):
            ways = _ways(crossed)
            stay = np.power(1.0 - arm / 2.0, np.maximum(near + far - 2 * crossed, 0))
            unseen = unseen + ways * stay * np.power(arm / 2.0, 2 * crossed)
        lit = 1.0 - dark
        return np.asarray(np.clip(2.0 * lit * (unseen - missed + dark * missed), 0.0, 1.0))

    def phase_error(self, intensity: npt.ArrayLike, yields: Reals | None = None) -> Reals:
        """Return the bound on e_ZZ: sum over parities of [sum c_n c_m sqrt(Y_nm)]^2, over the gain; at most 1.

        Who asks for many intensities gives the `yields`, which take longest.
        """
        gain, _ = self.key(intensity)
        roots = np.sqrt(self.yields() if yields is None else yields)
        wrong = erroneous(np.asarray(intensity, dtype=np.float64), roots)
        return np.minimum(1.0, np.divide(wrong, gain, out=np.ones(np.broadcast(wrong, gain).shape), where=gain > 0))

    def rate(self, intensity: npt.ArrayLike, reconciliation: float = 1.0, yields: Reals | None = None) -> Reals:
        """Return R = 2 p_XX [1 - f h(e_XX) - h(e_ZZ)] in bit a pulse pair; 0 where it is negative."""
        gain, wrong = self.key(intensity)
        bit_error = np.divide(wrong, gain, out=np.full_like(gain, COIN), where=gain > 0)
        fraction = 1.0 - reconciliation * entropy(bit_error) - entropy(self.phase_error(intensity, yields))
        return gain * np.maximum(0.0, fraction)


def erroneous(intensity: Reals, roots: Reals) -> Reals:
    """Return the sum over parities of [sum c_n c_m sqrt(Y_nm)]^2 for `roots` of the yields; 1 where not given."""
    total = np.zeros(np.broadcast_shapes(intensity.shape, roots.shape[:-2]))
    for parity in (0, 1):
        amplitudes = _amplitudes(intensity, parity)
        known = amplitudes[..., : LEVELS // 2]
        inside = np.einsum("...n,...nm,...m->...", known, roots[..., parity::2, parity::2], known)
        beyond = np.square(amplitudes.sum(axis=-1)) - np.square(known.sum(axis=-1))
        total = total + np.square(inside + np.maximum(beyond, 0.0))
    return total


def _amplitudes(intensity: Reals, parity: int) -> Reals:
    """Return c_n of a coherent state for even or odd n, along a new last axis."""
    numbers = np.arange(parity, _ALL, 2)
    roots = np.array([sqrt(factorial(number)) for number in numbers])
    return np.asarray(np.exp(-intensity / 2.0)[..., None] * np.power(np.sqrt(intensity)[..., None], numbers) / roots)


@cache
def _ways(crossed: int) -> Reals:
    """Return C(n, k) C(m, k) for k = `crossed` photons that change sides."""
    chosen = np.array([comb(number, crossed) for number in range(LEVELS)], dtype=np.float64)
    return np.outer(chosen, chosen)
