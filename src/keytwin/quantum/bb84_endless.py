"""The BB84 family with endless blocks and endless decoys, for whole arrays, on the optics of `decoy_bb84.py`.

Afterpulses, dead time and the first order in dark counts are those of Lim et al., PRA 89 022307, so that block counts
come as close to these rates as blocks are long; `decoy_asymptotic.py` and `bb84_asymptotic.py` follow other papers to
the letter. Rates are bit a pulse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.decoy_asymptotic import COIN, entropy, ratio

_SMALL = 1e-4  # below it the series of a Poisson tail is exact to 1e-12


class Pulses(NamedTuple):
    """What one kind of pulse gives."""

    gain: Reals
    """Of a signal."""
    error_rate: Reals
    """Of the sifted key."""
    rate: Reals
    """Secret bits a pulse; 0 where there is no key."""


@dataclass(frozen=True, slots=True)
class OpticsArray:
    """The fields of `decoy_bb84.Optics`, of which each may be an array."""

    transmittance: npt.ArrayLike
    dark_count: npt.ArrayLike
    afterpulse: npt.ArrayLike = 0.0
    misalignment: npt.ArrayLike = 0.0
    dead_gates: npt.ArrayLike = 0.0

    def coherent(self, intensity: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return the probabilities of a click, and of one in the wrong detector, after a coherent pulse."""
        arriving = np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64)
        return self.answer_to(-np.expm1(-arriving), np.exp(-arriving))

    def answer_to(self, seen: npt.ArrayLike, missed: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return the same for a pulse that is seen with probability `seen`, missed with `missed` = 1 - seen."""
        click, wrong = self._yield_of(seen, missed)
        scale = np.maximum(1.0, click)  # where each gate clicks, what clicks is wrong as often as before
        return click / scale, np.minimum(wrong, click) / scale

    def _yield_of(self, seen: npt.ArrayLike, missed: npt.ArrayLike) -> tuple[Reals, Reals]:
        """Return the same to first order, so that coherent pulses are mixtures of photon numbers; it may pass 1."""
        light, dark, after = np.asarray(seen), np.asarray(self.dark_count), np.asarray(self.afterpulse)
        detected = light + 2.0 * dark * np.asarray(missed)
        return (
            np.asarray(detected * (1.0 + after)),
            np.asarray(dark + np.asarray(self.misalignment) * light + after * detected * COIN),
        )

    def live(self, clicks: Reals) -> Reals:
        """Return the share of the gates in which the detectors can click: non-paralysable dead time."""
        return np.asarray(1.0 / (1.0 + np.asarray(self.dead_gates) * clicks))

    def with_decoys(
        self, intensities: Sequence[npt.ArrayLike], shares: Sequence[float], reconciliation: float
    ) -> Pulses:
        """Return what pulses of these intensities, the signal first, give when all of them make key in one basis.

        Yields and errors of empty and one-photon pulses are taken as known: Lo, Ma, Chen, PRL 94 230504.
        """
        answers = [self.coherent(intensity) for intensity in intensities]
        means = [np.asarray(intensity, dtype=np.float64) for intensity in intensities]
        gain = sum(share * click for share, (click, _) in zip(shares, answers, strict=True))
        wrong = sum(share * amiss for share, (_, amiss) in zip(shares, answers, strict=True))
        empty = sum(share * np.exp(-mean) for share, mean in zip(shares, means, strict=True))
        single = sum(share * mean * np.exp(-mean) for share, mean in zip(shares, means, strict=True))
        eta = np.asarray(self.transmittance)
        (dark, _), (seen, amiss) = self._yield_of(0.0, 1.0), self._yield_of(eta, 1.0 - eta)
        private = np.minimum(gain, empty * dark + single * seen * (1.0 - entropy(ratio(amiss, seen))))
        error = ratio(np.asarray(wrong), np.asarray(gain))
        secret = self.live(np.asarray(gain)) * np.maximum(0.0, private - reconciliation * gain * entropy(error))
        return Pulses(answers[0][0], error, np.asarray(secret))

    def without_decoys(self, answer: tuple[Reals, Reals], several: npt.ArrayLike, reconciliation: float) -> Pulses:
        """Return what pulses that cause `answer` give when `several` of them have more than one photon.

        Each of these arrives and is known to the eavesdropper: Gottesman, Lo, Luetkenhaus, Preskill, Quantum Inf.
        Comput. 4 325.
        """
        click, amiss = answer
        live = self.live(click)
        gain, wrong = live * click, live * amiss
        untagged = np.maximum(0.0, gain - np.asarray(several))
        private = untagged * (1.0 - entropy(ratio(wrong, untagged)))
        error = ratio(wrong, gain)
        return Pulses(click, error, np.maximum(0.0, private - reconciliation * gain * entropy(error)))


def tail(intensity: npt.ArrayLike) -> Reals:
    """Return the probability that a coherent pulse has more than one photon: 1 - (1 + mu) exp(-mu)."""
    mu = np.asarray(intensity, dtype=np.float64)
    return np.where(mu < _SMALL, mu * mu * (0.5 - mu / 3.0), -np.expm1(-mu) - mu * np.exp(-mu))
