"""Measurement-device-independent QKD with finite blocks: four intensities, and what the two ends make of the counts.

The signal serves the key basis alone, a strong and a weak decoy and darkness the test basis alone (Zhou, Yu, Wang,
PRA 93 042324, recalled). Means are bounded from counts by Chernoff's inequality, so a block's key holds against
collective attacks except with the stated probability; a composable proof is Curty et al., Nat. Commun. 5 3732.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp
from typing import Final, NamedTuple

import numpy as np

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN
from keytwin.quantum.deviation import Confidence, least, most
from keytwin.quantum.finite_key import binary_entropy
from keytwin.quantum.mdi import RelayOptics

_BOUNDS: Final = 12  # counts whose mean is bounded, each from one side or both
Two = tuple[float, float]
Three = tuple[float, float, float]
COMPLEMENTARY: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)


@dataclass(frozen=True, slots=True)
class MdiSettings:
    """What the two ends choose at random per pulse: public."""

    signal: float
    """Mean photons per pulse of either end, in the key basis."""
    strong: float
    """Mean photons of the strong decoy: the geometric mean of the two ends'."""
    weak: float
    """Of the weak decoy."""
    shares: tuple[float, float, float]
    """Probability of signal, strong and weak decoy; what is left is darkness."""
    tilt: float = 1.0
    """The second end's decoys are this times as bright as the mean, the first end's are as much darker."""

    def __post_init__(self) -> None:
        assert 0 < self.weak < self.strong
        assert self.signal > 0
        assert min(self.shares) > 0
        assert self.darkness > 0

    @property
    def darkness(self) -> float:
        """Share of pulses that are not sent."""
        return 1.0 - sum(self.shares)

    def pair(self, intensity: float) -> tuple[float, float]:
        """Return the mean photons of the two ends for a decoy."""
        return intensity / self.tilt, intensity * self.tilt

    def cells(self, optics: RelayOptics) -> tuple[float, ...]:
        """Return the probability per pulse pair of what is counted.

        Key right, wrong; then right, wrong for weak-weak, weak-dark, dark-weak, dark-dark; then all for strong-strong,
        strong-dark, dark-strong.
        """
        signal, strong, weak = self.shares
        dark = self.darkness
        gain, wrong = optics.rectilinear(self.signal, self.signal)
        (one, other), (bright, brighter) = self.pair(self.weak), self.pair(self.strong)
        near = np.array([one, one, 0.0, 0.0, bright, bright, 0.0])
        far = np.array([other, 0.0, other, 0.0, brighter, 0.0, brighter])
        chosen = np.array([weak * weak, weak * dark, dark * weak, dark * dark, strong**2, strong * dark, dark * strong])
        gains, wrongs = optics.diagonal(near, far)
        seen, erroneous = chosen * gains, chosen * wrongs
        tested = np.stack([seen - erroneous, erroneous], axis=-1)[:4].ravel()
        key = (signal * signal * float(gain - wrong), signal * signal * float(wrong))
        return (*key, *tested.tolist(), *seen[4:].tolist())


class MdiCosts(NamedTuple):
    """What the post-processing costs a block."""

    exponent: float
    """Of the failure of one bound."""
    overhead: float
    reconciliation: float

    @classmethod
    def of(cls, promises: Promises, bounds: int = _BOUNDS) -> MdiCosts:
        """Share the secrecy among a number of bounds."""
        exponent = Confidence.failing(promises.secrecy, bounds).exponent
        return cls(exponent, promises.overhead, promises.reconciliation)


class MdiPlan(NamedTuple):
    """What follows from public settings alone: from counts to their parts of the series, e^(a + b) / N_ab."""

    weak: float
    weak_dark: float
    dark_weak: float
    dark: float
    strong: float
    strong_dark: float
    dark_strong: float
    area: float
    """Of weak^2."""
    ratio: float
    """Strong / weak."""
    pairs: float
    """Pulse pairs of a block that are signals with one photon from each end."""
    costs: MdiCosts


@dataclass(frozen=True, slots=True)
class MdiEstimator:
    """The two ends' estimation; `pulses` is how many pulse pairs a block has."""

    settings: MdiSettings
    promises: Promises
    pulses: int
    qber_limit: float = COMPLEMENTARY
    _plan: MdiPlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        settings = self.settings
        intensities = (settings.signal, settings.strong, settings.weak)
        plan = plan_of(intensities, settings.shares, settings.tilt, float(self.pulses), MdiCosts.of(self.promises))
        object.__setattr__(self, "_plan", plan)

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return the secret bits of a block before rounding: s_11 (1 - h(e_11)) - f n h(E) less hashing."""
        return signed_length(self._plan, mdi_counts(counts))

    def single(self, counts: Sequence[float]) -> tuple[float, float]:
        """Return the least Y_11 and the most e_11 Y_11 that the counts of the test basis allow."""
        return single(self._plan, mdi_counts(counts))


class MdiCounts(NamedTuple):
    """What was counted: right and wrong of the key, and of the test all detections, then the errors."""

    right: float
    wrong: float
    weak: float
    weak_dark: float
    dark_weak: float
    dark: float
    strong: float
    strong_dark: float
    dark_strong: float
    weak_wrong: float
    weak_dark_wrong: float
    dark_weak_wrong: float
    dark_wrong: float


def mdi_counts(cells: Sequence[float]) -> MdiCounts:
    """Sort counts in the order of `MdiSettings.cells`."""
    right, wrong, r1, w1, r2, w2, r3, w3, r4, w4, strong, strong_dark, dark_strong = cells
    tested = (r1 + w1, r2 + w2, r3 + w3, r4 + w4)
    return MdiCounts(right, wrong, *tested, strong, strong_dark, dark_strong, w1, w2, w3, w4)


# --- functions of numbers alone, which a compiler can take: see `fast.py` -------------------------------------------


def plan_of(intensities: Three, shares: Three, tilt: float, pulses: float, costs: MdiCosts) -> MdiPlan:
    """Prepare the estimation for settings."""
    (signal, strong, weak), (p1, p2, p3) = intensities, shares
    dark = 1.0 - (p1 + p2 + p3)
    one, other, bright, brighter = exp(weak / tilt), exp(weak * tilt), exp(strong / tilt), exp(strong * tilt)
    return MdiPlan(
        one * other / (pulses * p3 * p3),
        one / (pulses * p3 * dark),
        other / (pulses * p3 * dark),
        1.0 / (pulses * dark * dark),
        bright * brighter / (pulses * p2 * p2),
        bright / (pulses * p2 * dark),
        brighter / (pulses * p2 * dark),
        weak * weak,
        strong / weak,
        pulses * p1 * p1 * signal * signal * exp(-2.0 * signal),
        costs,
    )


def signed_length(plan: MdiPlan, counts: MdiCounts) -> float:
    """Return the secret bits of a block before rounding."""
    sifted, costs = counts.right + counts.wrong, plan.costs
    if sifted <= 0:
        return -costs.overhead
    seen, erroneous = single(plan, counts)
    phase_error = erroneous / seen if seen > 0 else COIN
    revealed = costs.reconciliation * sifted * binary_entropy(counts.wrong / sifted)
    return min(plan.pairs * seen * (1.0 - binary_entropy(phase_error)), sifted) - revealed - costs.overhead


def single(plan: MdiPlan, counts: MdiCounts) -> Two:
    """Return the least Y_11 and the most e_11 Y_11 that the counts of the test basis allow.

    T(a, b) = e^(a+b) Q_ab - e^a Q_a0 - e^b Q_0b + Q_00 is the sum of Y_nm a^n b^m / n! m! over n, m >= 1. With
    k = strong / weak, k^3 T(weak) - T(strong) holds no pair above one photon each with a positive sign.
    """
    sure, cube = plan.costs.exponent, plan.ratio * plan.ratio * plan.ratio
    weak_part = plan.weak * least(sure, counts.weak) + plan.dark * least(sure, counts.dark)
    weak_part -= plan.weak_dark * most(sure, counts.weak_dark) + plan.dark_weak * most(sure, counts.dark_weak)
    strong_part = plan.strong * most(sure, counts.strong) + plan.dark * most(sure, counts.dark)
    strong_part -= plan.strong_dark * least(sure, counts.strong_dark) + plan.dark_strong * least(
        sure, counts.dark_strong
    )
    wrong_part = plan.weak * most(sure, counts.weak_wrong) + plan.dark * most(sure, counts.dark_wrong)
    wrong_part -= plan.weak_dark * least(sure, counts.weak_dark_wrong) + plan.dark_weak * least(
        sure, counts.dark_weak_wrong
    )
    seen = (cube * weak_part - strong_part) / ((cube - plan.ratio * plan.ratio) * plan.area)
    return seen, max(0.0, wrong_part) / plan.area
