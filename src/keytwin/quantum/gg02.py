"""GG02: coherent states with Gaussian modulation, reverse reconciliation, collective attacks, a trusted receiver.

Lodewyck et al., PRA 76 042305, section III (homodyne); Fossier et al., J. Phys. B 42 114014 for the last two symplectic
eigenvalues of heterodyne detection (recalled, and tested against covariance matrices). Variances are in units of shot
noise, rates in bit a symbol; all arguments broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals


class Detection(StrEnum):
    """What the receiver measures of a symbol."""

    HOMODYNE = "homodyne"
    """One quadrature, chosen at random."""
    HETERODYNE = "heterodyne"
    """Both, each with half of the light."""


@dataclass(frozen=True, slots=True)
class GaussianLink:
    """Source, channel and receiver; a field may be an array."""

    transmittance: npt.ArrayLike
    """T, of the channel alone."""
    excess_noise: npt.ArrayLike
    """xi, referred to the input of the channel."""
    modulation: npt.ArrayLike
    """V_A: variance of each quadrature that is sent."""
    efficiency: npt.ArrayLike
    """eta, of the receiver."""
    electronic_noise: npt.ArrayLike
    """v_el, at the output of the receiver."""
    detection: Detection = Detection.HOMODYNE

    def mutual_information(self) -> Reals:
        """Return I_AB in bit: half of log2((V + chi_tot) / (1 + chi_tot)) for one quadrature, the whole for both."""
        total = self._total_noise()
        signal = np.log1p(np.asarray(self.modulation) / (1.0 + total)) / np.log(2.0)
        return np.asarray(signal / 2.0 if self.detection is Detection.HOMODYNE else signal)

    def holevo(self) -> Reals:
        """Return chi_BE in bit: what an eavesdropper may know of the receiver's result."""
        before = _entropies(*self._before())
        return np.asarray(np.maximum(0.0, before - _entropies(*self._after())))

    def rate(self, reconciliation: npt.ArrayLike = 1.0) -> Reals:
        """Return K = beta I_AB - chi_BE for endless keys; 0 where it is negative."""
        return np.asarray(np.maximum(0.0, np.asarray(reconciliation) * self.mutual_information() - self.holevo()))

    def _variance(self) -> Reals:
        return 1.0 + np.asarray(self.modulation, dtype=np.float64)

    def _line_noise(self) -> Reals:
        """Return chi_line = 1/T - 1 + xi."""
        return np.asarray(1.0 / np.asarray(self.transmittance) - 1.0 + np.asarray(self.excess_noise))

    def _receiver_noise(self) -> Reals:
        """Return chi_hom = (1 - eta + v_el) / eta, or chi_het = (2 - eta + 2 v_el) / eta."""
        efficiency, electronics = np.asarray(self.efficiency), np.asarray(self.electronic_noise)
        if self.detection is Detection.HOMODYNE:
            return np.asarray((1.0 - efficiency + electronics) / efficiency)
        return np.asarray((2.0 - efficiency + 2.0 * electronics) / efficiency)

    def _total_noise(self) -> Reals:
        return np.asarray(self._line_noise() + self._receiver_noise() / np.asarray(self.transmittance))

    def _before(self) -> tuple[Reals, Reals]:
        """Return A and B: sum and product of the squares of the two symplectic eigenvalues before the measurement."""
        share, line, variance = np.asarray(self.transmittance), self._line_noise(), self._variance()
        spread = variance**2 * (1.0 - 2.0 * share) + 2.0 * share + share**2 * (variance + line) ** 2
        return np.asarray(spread), np.asarray((share * (variance * line + 1.0)) ** 2)

    def _after(self) -> tuple[Reals, Reals]:
        """Return C and D: the same for what is left once the receiver has measured."""
        spread, product = self._before()
        root, noise, variance = np.sqrt(product), self._receiver_noise(), self._variance()
        share = np.asarray(self.transmittance)
        received = share * (variance + self._line_noise())
        whole = share * (variance + self._total_noise())
        if self.detection is Detection.HOMODYNE:
            after = (variance * root + received + spread * noise) / whole
            return np.asarray(after), np.asarray(root * (variance + root * noise) / whole)
        cross = 2.0 * noise * (variance * root + received) + 2.0 * share * (variance**2 - 1.0)
        after = (spread * noise**2 + product + 1.0 + cross) / whole**2
        return np.asarray(after), np.asarray(((variance + root * noise) / whole) ** 2)


def _entropies(spread: Reals, product: Reals) -> Reals:
    """Return G of both symplectic eigenvalues whose squares have this sum and this product."""
    root = np.sqrt(np.maximum(0.0, spread**2 - 4.0 * product))
    larger = (spread + root) / 2.0
    return _entropy_of(np.sqrt(larger)) + _entropy_of(np.sqrt(product / larger))


def _entropy_of(eigenvalue: Reals) -> Reals:
    """Return G(x) = (x+1)/2 log2((x+1)/2) - (x-1)/2 log2((x-1)/2); 0 for a pure mode, x = 1."""
    above = np.maximum(0.0, (eigenvalue - 1.0) / 2.0)
    inside = np.where(above > 0, above, 1.0)
    return np.asarray((above + 1.0) * np.log2(above + 1.0) - np.where(above > 0, above * np.log2(inside), 0.0))
