"""Twin-field QKD without phase slices, with finite blocks: what the two ends make of the counts.

Two decoys and darkness bound each yield from above, by series whose terms are all positive (in the spirit of Grasselli,
Curty, NJP 21 073001); means are bounded from counts by Chernoff's inequality. Against collective attacks; tighter
bounds, with a composable proof, are those of Curras-Lorenzo et al., npj Quantum Inf. 7 22.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, sqrt
from typing import Final, NamedTuple

import numpy as np

from keytwin.quantum.coherent_twin import LEVELS, CoherentTwin
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_asymptotic import COIN
from keytwin.quantum.deviation import Confidence, least, most
from keytwin.quantum.finite_key import binary_entropy

_BOUNDS: Final = 14  # seven counts, each from both sides
_PLACES: Final = LEVELS // 2  # photon numbers of one parity
_GENTLE: Final = 1.4  # mean photons below which c_n c_m falls faster with n + m than its bound: sqrt(2)
_NEGLIGIBLE: Final = 1e-17
_ALL: Final = 40  # terms of a coherent state: those beyond are below 1e-16 for a mean of 1
Two = tuple[float, float]
Three = tuple[float, float, float]
Six = tuple[float, float, float, float, float, float]
Seven = tuple[float, float, float, float, float, float, float]
"""Of weak-weak, weak-dark, dark-weak, strong-strong, strong-dark, dark-strong, dark-dark."""


@dataclass(frozen=True, slots=True)
class CoherentTwinSettings:
    """What the two ends choose at random per pulse: public."""

    signal: float
    """alpha^2: mean photons of one end's key pulse."""
    strong: float
    """Mean photons of one end's strong decoy."""
    weak: float
    shares: tuple[float, float, float]
    """Probability of key, strong and weak decoy; what is left is darkness."""

    def __post_init__(self) -> None:
        assert 0 < self.weak < self.strong
        assert self.signal > 0
        assert min(*self.shares, self.darkness) > 0

    @property
    def darkness(self) -> float:
        """Share of pulses that are not sent."""
        return 1.0 - sum(self.shares)

    def cells(self, optics: CoherentTwin) -> tuple[float, ...]:
        """Return the probability per pulse pair of what is counted: key right, wrong, then the pairs of decoys.

        These are weak-weak, weak-dark, dark-weak, strong-strong, strong-dark, dark-strong, dark-dark.
        """
        key = self.shares[0] ** 2
        gain, wrong = (float(each) for each in optics.key(self.signal))
        weak, strong = self.weak, self.strong
        near = np.array([weak, weak, 0.0, strong, strong, 0.0, 0.0])
        far = np.array([weak, 0.0, weak, strong, 0.0, strong, 0.0])
        seen = optics.decoys(near, far).tolist()
        return (key * (gain - wrong), key * wrong, *(a * b for a, b in zip(self.chosen(), seen, strict=True)))

    def chosen(self) -> tuple[float, ...]:
        """Return the probability of each pair of decoys."""
        _, strong, weak = self.shares
        dark = self.darkness
        return (weak * weak, weak * dark, dark * weak, strong * strong, strong * dark, dark * strong, dark * dark)


class CoherentTwinCosts(NamedTuple):
    """What the post-processing costs a block."""

    exponent: float
    """Of the failure of one bound."""
    overhead: float
    reconciliation: float

    @classmethod
    def of(cls, promises: Promises) -> CoherentTwinCosts:
        """Share the secrecy among the bounds."""
        exponent = Confidence.failing(promises.secrecy, _BOUNDS).exponent
        return cls(exponent, promises.overhead, promises.reconciliation)


class CoherentTwinPlan(NamedTuple):
    """What follows from public settings alone."""

    signal: float
    strong: float
    weak: float
    sent: Seven
    """Pulse pairs of a block, in the order of the counts."""
    pairs: float
    """Pulse pairs of a block that are for the key."""
    costs: CoherentTwinCosts


class Series(NamedTuple):
    """What the counts of one decoy allow: e^(a+b) Q_ab and the like, in which each term is below the whole."""

    mean: float
    both: float
    near: float
    far: float


@dataclass(frozen=True, slots=True)
class CoherentTwinEstimator:
    """The two ends' estimation; `pulses` is how many pulse pairs a block has."""

    settings: CoherentTwinSettings
    promises: Promises
    pulses: int
    _plan: CoherentTwinPlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        settings = self.settings
        intensities = (settings.signal, settings.strong, settings.weak)
        plan = plan_of(intensities, settings.shares, float(self.pulses), CoherentTwinCosts.of(self.promises))
        object.__setattr__(self, "_plan", plan)

    @property
    def qber_limit(self) -> float:
        """Where f h(e) = 1: the fainter the pulses, the fewer phase errors there are, however many bits are wrong."""
        return largest_error(1.0 / self.promises.reconciliation)

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - h(e_ZZ)) - f n h(e_XX) less hashing, before rounding; beyond e_ZZ = 1/2 it goes on falling."""
        right, wrong, *seen = counts
        return signed_length(self._plan, (right, wrong), _seven(seen))

    def phase_errors(self, counts: Sequence[float]) -> float:
        """Return the most phase errors per pulse pair that the counts of the decoys allow."""
        return phase_errors(self._plan, _seven(counts[2:]))


def largest_error(revealed: float) -> float:
    """Return the error rate, up to one half, whose binary entropy is `revealed`."""
    low, high = 0.0, COIN
    for _ in range(50):  # halvings: nearly the precision of a float
        middle = (low + high) / 2.0
        low, high = (middle, high) if binary_entropy(middle) < revealed else (low, middle)
    return low


def _seven(counts: Sequence[float]) -> Seven:
    weak, weak_dark, dark_weak, strong, strong_dark, dark_strong, dark = counts
    return weak, weak_dark, dark_weak, strong, strong_dark, dark_strong, dark


# --- functions of numbers alone, which a compiler can take: see `fast.py` -------------------------------------------


def plan_of(intensities: Three, shares: Three, pulses: float, costs: CoherentTwinCosts) -> CoherentTwinPlan:
    """Prepare the estimation for settings: signal, strong and weak decoy."""
    signal, strong, weak = intensities
    p1, p2, p3 = shares
    dark = 1.0 - (p1 + p2 + p3)
    lone, bright, none = pulses * p3 * dark, pulses * p2 * dark, pulses * dark * dark
    sent = (pulses * p3 * p3, lone, lone, pulses * p2 * p2, bright, bright, none)
    return CoherentTwinPlan(signal, strong, weak, sent, pulses * p1 * p1, costs)


def signed_length(plan: CoherentTwinPlan, key: Two, seen: Seven) -> float:
    """Return the secret bits of a block before rounding."""
    sifted, costs = key[0] + key[1], plan.costs
    if sifted <= 0:
        return -costs.overhead
    phase_error = min(1.0, plan.pairs * phase_errors(plan, seen) / sifted)
    excess = max(0.0, phase_error - COIN)
    revealed = costs.reconciliation * binary_entropy(key[1] / sifted)
    return sifted * (1.0 - binary_entropy(phase_error) - excess - revealed) - costs.overhead


def phase_errors(plan: CoherentTwinPlan, seen: Seven) -> float:
    """Return the sum over parities of [sum c_n c_m sqrt(Y_nm)]^2 for the most that each yield can be.

    Photon numbers from `LEVELS` on count as lost to an eavesdropper.
    """
    sure, sent = plan.costs.exponent, plan.sent
    darkest, brightest = least(sure, seen[6]) / sent[6], most(sure, seen[6]) / sent[6]
    weak = _series(plan.weak, sure, (seen[0], seen[1], seen[2]), (sent[0], sent[1]), (darkest, brightest))
    strong = _series(plan.strong, sure, (seen[3], seen[4], seen[5]), (sent[3], sent[4]), (darkest, brightest))
    near = _two_photons(plan, (seen[4], seen[1]), (darkest, brightest))
    far = _two_photons(plan, (seen[5], seen[2]), (darkest, brightest))
    even, odd = _amplitudes(plan.signal, 0), _amplitudes(plan.signal, 1)
    # Darkness at one end, or at both, has its own bounds; two photons from one end have a better one.
    alone = even[0] * even[0] * sqrt(min(1.0, brightest))
    alone += _alone(plan.signal, even, (weak.mean, weak.near), (strong.mean, strong.near), near)
    alone += _alone(plan.signal, even, (weak.mean, weak.far), (strong.mean, strong.far), far)
    first = alone + _together(plan.signal, even, weak, strong, 0) + _beyond(plan.signal, even, 0)
    second = _together(plan.signal, odd, weak, strong, 1) + _beyond(plan.signal, odd, 1)
    return first * first + second * second


def _series(mean: float, sure: float, seen: Three, sent: Two, dark: Two) -> Series:
    """Return what the counts of one decoy allow; pulses from both ends, from the near one, from the far one."""
    one, both = exp(mean), exp(2.0 * mean)
    near, far = one * (most(sure, seen[1]) / sent[1]), one * (most(sure, seen[2]) / sent[1])
    joint = both * (most(sure, seen[0]) / sent[0]) + dark[1]
    joint -= one * (least(sure, seen[1]) / sent[1]) + one * (least(sure, seen[2]) / sent[1])
    return Series(mean, max(0.0, joint), max(0.0, near - dark[0]), max(0.0, far - dark[0]))


def _two_photons(plan: CoherentTwinPlan, seen: Two, dark: Two) -> float:
    """Return the most Y_20: two decoys from one end cancel Y_10, and what is left beyond Y_20 is positive."""
    strong, weak, sure = plan.strong, plan.weak, plan.costs.exponent
    bright = exp(strong) * (most(sure, seen[0]) / plan.sent[4]) - dark[0]
    dim = exp(weak) * (least(sure, seen[1]) / plan.sent[1]) - dark[1]
    return max(0.0, 2.0 * (bright * weak - dim * strong) / (strong * weak * (strong - weak)))


def _amplitudes(signal: float, parity: int) -> Six:
    """Return c_n of a coherent state for the even or odd n below `LEVELS`."""
    a0 = exp(-signal / 2.0) * (sqrt(signal) if parity == 1 else 1.0)
    a1 = a0 * signal / sqrt((parity + 1.0) * (parity + 2.0))
    a2 = a1 * signal / sqrt((parity + 3.0) * (parity + 4.0))
    a3 = a2 * signal / sqrt((parity + 5.0) * (parity + 6.0))
    a4 = a3 * signal / sqrt((parity + 7.0) * (parity + 8.0))
    return a0, a1, a2, a3, a4, a4 * signal / sqrt((parity + 9.0) * (parity + 10.0))


def _together(signal: float, amplitudes: Six, weak: Series, strong: Series, parity: int) -> float:
    """Return the sum of c_n c_m sqrt(Y_nm) over n and m of one parity, both above 0.

    With c_n = a^n / sqrt(n!) e^(-signal / 2) and Y_nm <= J n! m! / mean^(n + m), a term is at most sqrt(J) e^-signal
    (signal / mean)^((n + m) / 2), whatever n and m are apart, and never above c_n c_m.
    """
    by_weak, by_strong = exp(-signal) * sqrt(weak.both), exp(-signal) * sqrt(strong.both)
    least_place = 1 - parity  # 0 photons from one end have their own bounds
    for _ in range(2 - parity):
        by_weak, by_strong = by_weak * (signal / weak.mean), by_strong * (signal / strong.mean)
    known = amplitudes[1] + amplitudes[2] + amplitudes[3] + amplitudes[4] + amplitudes[5]
    known += amplitudes[0] if parity == 1 else 0.0
    total, passed = 0.0, 0.0
    for places in range(2 * least_place, 2 * _PLACES - 1):
        bound, half = min(by_weak, by_strong), places // 2
        if bound >= amplitudes[half] * amplitudes[places - half] and max(weak.mean, strong.mean) < _GENTLE:
            return total + (known * known - passed)  # from here on nothing is known of the yields
        for place in range(max(least_place, places - _PLACES + 1), half + 1):
            whole = amplitudes[place] * amplitudes[places - place]
            ways = 1.0 if 2 * place == places else 2.0
            total += ways * min(bound, whole)
            passed += ways * whole
        by_weak, by_strong = by_weak * (signal / weak.mean), by_strong * (signal / strong.mean)
    return total


def _alone(signal: float, amplitudes: Six, weak: Two, strong: Two, two_photons: float) -> float:
    """Return the sum of c_0 c_m sqrt(Y_0m) over even m above 0; `weak` and `strong` are mean and series."""
    by_weak, by_strong = exp(-signal) * sqrt(weak[1]), exp(-signal) * sqrt(strong[1])
    total = 0.0
    for place in range(1, _PLACES):
        by_weak, by_strong = by_weak * (signal / weak[0]), by_strong * (signal / strong[0])
        most_of_it = amplitudes[0] * amplitudes[place]
        if place == 1:
            most_of_it *= sqrt(min(1.0, two_photons))
        total += min(most_of_it, by_weak, by_strong)
    return total


def _beyond(signal: float, amplitudes: Six, parity: int) -> float:
    """Return the sum of c_n c_m where n or m is so large that its yield is not looked at."""
    known = amplitudes[0] + amplitudes[1] + amplitudes[2] + amplitudes[3] + amplitudes[4] + amplitudes[5]
    rest, last = 0.0, amplitudes[5]
    for number in range(LEVELS + parity, _ALL, 2):
        last *= signal / sqrt((number - 1.0) * number)
        rest += last
        if last <= _NEGLIGIBLE * known:
            break
    return rest * (2.0 * known + rest)
