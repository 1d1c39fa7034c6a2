"""BBM92 with a continuously pumped source: Neumann et al., PRA 104 022406. Rates per second.

Nothing marks when a pair was born, so two clicks within a window count as one; clicks that belong to different pairs,
or to none, then pass for pairs too: S_A S_B t_CC of them. All arguments broadcast.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import erf
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy

DETECTORS: Final = 4  # at each end, behind a passive choice of basis


@dataclass(frozen=True, slots=True)
class ContinuousPairs:
    """Channels and detectors in seconds and per second; a field may be an array."""

    first: npt.ArrayLike
    """eta_A: from the source to a click at the first end."""
    second: npt.ArrayLike
    """eta_B: the same at the second end."""
    first_dark: npt.ArrayLike
    """Dark counts per second and detector at the first end."""
    second_dark: npt.ArrayLike
    """The same at the second end."""
    dead_time: npt.ArrayLike
    """Seconds during which a detector is blind after a click."""
    window: npt.ArrayLike
    """t_CC: seconds within which two clicks count as one pair."""
    jitter: npt.ArrayLike
    """t_Delta: full width at half maximum, in seconds, by which the two clicks of a pair differ."""
    misalignment: npt.ArrayLike
    """e_pol."""

    def singles(self, pair_rate: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return S_A and S_B, the clicks per second at the two ends."""
        seen = self._seen(pair_rate)
        first, second = (each * self._live(each) for each in seen)
        return first, second

    def coincidences(self, pair_rate: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return, per second, the pairs that are found together and the accidentals among the coincidences."""
        first, second = self.singles(pair_rate)
        near, far = (self._live(each) for each in self._seen(pair_rate))
        together = np.asarray(pair_rate) * np.asarray(self.first) * np.asarray(self.second) * near * far
        return np.asarray(together * self.within_window()), np.asarray(first * second * np.asarray(self.window))

    def within_window(self) -> Reals:
        """Return the share of the pairs whose clicks differ by less than the window: erf(sqrt(ln 2) t_CC / t_Delta).

        That is a Gaussian of full width t_Delta, cut at plus and minus half the window.
        """
        jitter = np.asarray(self.jitter, dtype=np.float64)
        with np.errstate(divide="ignore", over="ignore"):  # no jitter: all pairs are within
            widths = np.sqrt(np.log(2.0)) * np.asarray(self.window) / jitter
        return np.asarray(np.vectorize(erf, otypes=[np.float64])(widths))

    def error_rate(self, pair_rate: npt.ArrayLike) -> Reals:
        """Return E, the quantum bit error rate; one half when nothing is detected at all."""
        true, accidental = self.coincidences(pair_rate)
        whole = true + accidental
        wrong = np.asarray(self.misalignment) * true + COIN * accidental
        return np.where(whole > 0, wrong / np.where(whole > 0, whole, 1.0), COIN)

    def rate(self, pair_rate: npt.ArrayLike, reconciliation: float = 1.0, sifting: float = COIN) -> Reals:
        """Return R = q CC (1 - f h(E) - h(E)) in bit/s for endless keys; 0 where it is negative."""
        true, accidental = self.coincidences(pair_rate)
        noise = entropy(self.error_rate(pair_rate))
        return np.asarray(sifting * (true + accidental) * np.maximum(0.0, 1.0 - (1.0 + reconciliation) * noise))

    def _seen(self, pair_rate: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return the clicks per second that there would be without dead time."""
        ends = ((self.first, self.first_dark), (self.second, self.second_dark))
        first, second = (
            np.asarray(np.asarray(pair_rate) * np.asarray(share) + DETECTORS * np.asarray(dark)) for share, dark in ends
        )
        return first, second

    def _live(self, clicks: Reals) -> Reals:
        """Return the share of the time in which a detector can click: non-paralysable dead time."""
        return np.asarray(1.0 / (1.0 + clicks * np.asarray(self.dead_time) / DETECTORS))
