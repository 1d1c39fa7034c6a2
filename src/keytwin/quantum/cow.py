"""Coherent one-way, kept for networks that were built with it: a rate from error rate and visibility, without a proof.

Branciard, Gisin, Scarani, New J. Phys. 10 013031, sections 3 and 4: an upper bound, reached by one collective attack
(recalled). Zero-error attacks leave no key beyond a short reach, and no visibility shows them: Gonzalez-Payo, Trenyi,
Wang, Curty, PRL 125 260510. Rates are bit a bit slot, which takes two pulses; all arguments broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1, sqrt
from typing import Final

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN, entropy
from keytwin.quantum.finite_key import binary_entropy

QBER_LIMIT: Final = 0.227  # where 1 - e - h(e) = 0: the faintest light, perfect interference
_NOTHING_SEEN: Final = 0.5  # visibility that tells nothing: both outputs alike count as one half of full contrast


@dataclass(frozen=True, slots=True)
class OneWayTrain:
    """Pairs of pulses of which one is empty, or none is; a data detector and an interferometer as monitor."""

    transmittance: npt.ArrayLike
    """eta: channel, receiver optics and detector efficiency."""
    dark_count: npt.ArrayLike
    """Per pulse and detector."""
    misalignment: npt.ArrayLike
    """Share of the photons that arrive in the pulse that should be empty."""
    decoy_share: npt.ArrayLike
    """f: share of the slots with two full pulses."""
    monitor_share: npt.ArrayLike
    """1 - t_B: share of the light that goes to the monitor."""
    visibility: npt.ArrayLike
    """Of the interferometer."""

    def cells(self, intensity: npt.ArrayLike) -> tuple[Reals, Reals, Reals, Reals]:
        """Return the probabilities per slot: right and wrong key bits, clicks of the bright and the dark monitor.

        Only the interference within the two full pulses of a decoy is counted.
        """
        light = np.asarray(self.transmittance) * np.asarray(intensity, dtype=np.float64)
        decoys, split = np.asarray(self.decoy_share), np.asarray(self.monitor_share)
        dark = np.asarray(self.dark_count)
        seen = -np.expm1(-light * (1.0 - split))
        noise = dark * (1.0 - seen)  # one detector, in each of the two pulses
        wrong = np.asarray(self.misalignment) * seen + noise
        right = (1.0 - np.asarray(self.misalignment)) * seen + noise
        contrast = np.asarray(self.visibility)
        bright, faint = (-np.expm1(-light * split * (1.0 + sign * contrast) / 2.0) + dark for sign in (1.0, -1.0))
        keys = 1.0 - decoys
        return (
            np.asarray(keys * right),
            np.asarray(keys * wrong),
            np.asarray(decoys * bright),
            np.asarray(decoys * faint),
        )

    def rate(self, intensity: npt.ArrayLike, reconciliation: float = 1.0) -> Reals:
        """Return the bits per slot for endless keys; 0 where they would be negative."""
        right, wrong, bright, faint = self.cells(intensity)
        sifted, monitored = right + wrong, bright + faint
        error = np.where(sifted > 0, wrong / np.where(sifted > 0, sifted, 1.0), COIN)
        seen = np.where(monitored > 0, (bright - faint) / np.where(monitored > 0, monitored, 1.0), 0.0)
        fraction = 1.0 - knowledge(intensity, error, seen) - reconciliation * entropy(error)
        return np.asarray(sifted * np.maximum(0.0, fraction))


def knowledge(intensity: npt.ArrayLike, error_rate: npt.ArrayLike, visibility: npt.ArrayLike) -> Reals:
    """Return I_E = Q + (1 - Q) h((1 + F) / 2), F = (2 V - 1) exp(-mu) - 2 sqrt(V (1 - V)(1 - exp(-2 mu))).

    F is taken as 0 where it is negative.
    """
    mu, seen = np.asarray(intensity, dtype=np.float64), np.clip(visibility, _NOTHING_SEEN, 1.0)
    overlap = (2.0 * seen - 1.0) * np.exp(-mu) - 2.0 * np.sqrt(seen * (1.0 - seen) * -np.expm1(-2.0 * mu))
    error = np.clip(error_rate, 0.0, COIN)
    return np.asarray(error + (1.0 - error) * entropy((1.0 - np.maximum(0.0, overlap)) / 2.0))


@dataclass(frozen=True, slots=True)
class CowEstimator:
    """The formula above on what was counted: right, wrong, bright monitor, dark monitor.

    Of the clicks in the dark monitor about one standard deviation more are reckoned with, so that chance makes blocks
    no better than endless ones in the mean; a bound would be of no use where the formula itself proves nothing.
    """

    promises: Promises
    intensity: float
    qber_limit: float = QBER_LIMIT

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - I_E - f h(Q)) - overhead."""
        right, wrong, bright, faint = counts
        sifted, monitored = right + wrong, bright + faint
        if min(sifted, monitored) <= 0:
            return -self.promises.overhead
        error = min(COIN, wrong / sifted)
        most = faint + sqrt(faint + 1.0) + 0.5
        seen = max(_NOTHING_SEEN, (monitored - 2.0 * most) / monitored)
        mu = self.intensity
        overlap = (2.0 * seen - 1.0) * exp(-mu) - 2.0 * sqrt(seen * (1.0 - seen) * -expm1(-2.0 * mu))
        known = error + (1.0 - error) * binary_entropy((1.0 - max(0.0, overlap)) / 2.0)
        secret = 1.0 - known - self.promises.reconciliation * binary_entropy(error)
        return sifted * secret - self.promises.overhead
