"""BB84 with one decoy: what is sent, and how much of a block is secret. Rusca et al., Appl. Phys. Lett. 112 171104.

Two intensities k1 > k2 and no vacuum; finite keys against general attacks, with Hoeffding's inequality and the proof of
Lim et al., PRA 89 022307, in 19 parts instead of 21. Numbers of equations are those of the paper's appendix (arXiv
1801.03443), read in a transcription; where that leaves out e^k / p_k in (A18) and has 2^21 for 21^2 in (A21), Lim et
al. are followed. Wiesemann et al., arXiv 2405.16578, prove nearly the same length step by step.
What nature does is the channel of `decoy_bb84.py`: both protocols see the same hardware.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, sqrt
from typing import Final, NamedTuple

from keytwin.quantum.decoy_bb84 import QBER_LIMIT, Cells, Optics
from keytwin.quantum.finite_key import NO_INFORMATION, Costs, Distillation, binary_entropy, sampling_deviation

PARTS: Final = 19.0  # eps_sec = 19 eps, eq. (A24)
Two = tuple[float, float]
"""One value per intensity: signal, decoy."""


@dataclass(frozen=True, slots=True)
class OneDecoySettings:
    """What the sender chooses at random per pulse, and how often: public."""

    intensities: Two
    """Mean photons per pulse."""
    signal_share: float
    """Probability of the stronger intensity."""
    key_basis: float
    """Probability with which each end chooses the basis that makes the key."""

    def __post_init__(self) -> None:
        signal, decoy = self.intensities
        assert 0 < decoy < signal
        assert 0 < self.signal_share < 1
        assert 0 < self.key_basis < 1

    @property
    def shares(self) -> Two:
        """Probability of each intensity."""
        return self.signal_share, 1.0 - self.signal_share

    def cells(self, optics: Optics) -> Cells:
        """Return the probability per pulse of each of the eight cells in which a sifted detection can fall."""
        return optics.cells(self)

    def gain(self, optics: Optics) -> float:
        """Return the probability that a signal pulse is detected."""
        return optics.answer(self.intensities[0]).click


class Basis(NamedTuple):
    """What was counted in one basis, per intensity."""

    detections: Two
    errors: Two


class OneDecoyPlan(NamedTuple):
    """What follows from public settings alone."""

    intensities: Two
    weights: Two
    """e^k / p_k."""
    vacuum: float
    """tau_0."""
    single: float
    """tau_1."""
    costs: Costs


@dataclass(frozen=True, slots=True)
class OneDecoyEstimator:
    """The two ends' parameter estimation: made once from public settings, then fed with counts only."""

    settings: OneDecoySettings
    distillation: Distillation
    _plan: OneDecoyPlan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        costs = Costs.of(self.distillation, PARTS)
        object.__setattr__(self, "_plan", plan_of(self.settings.intensities, self.settings.signal_share, costs))

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        return QBER_LIMIT

    def signed_length(self, cells: Sequence[float]) -> float:
        """Return l of eq. (A25) before rounding, negative by as much as is lacking.

        `cells` holds for the key basis, then for the test basis, and for the signal, then for the decoy in each:
        detections without error, detections with error.
        """
        right, wrong, decoy_right, decoy_wrong, z_right, z_wrong, z_decoy_right, z_decoy_wrong = cells
        key = Basis((right + wrong, decoy_right + decoy_wrong), (wrong, decoy_wrong))
        test = Basis((z_right + z_wrong, z_decoy_right + z_decoy_wrong), (z_wrong, z_decoy_wrong))
        return signed_length(self._plan, key, test)


# --- functions of numbers alone, which a compiler can take: see `fast.py` -------------------------------------------


def plan_of(intensities: Two, signal_share: float, costs: Costs) -> OneDecoyPlan:
    """Prepare the estimation for settings."""
    (k1, k2), p1, p2 = intensities, signal_share, 1.0 - signal_share
    e1, e2 = exp(k1), exp(k2)
    single = p1 / e1 * k1 + p2 / e2 * k2
    return OneDecoyPlan(intensities, (e1 / p1, e2 / p2), p1 / e1 + p2 / e2, single, costs)


def signed_length(plan: OneDecoyPlan, key: Basis, test: Basis) -> float:
    """Return l of eq. (A25) before rounding."""
    costs, sifted = plan.costs, key.detections[0] + key.detections[1]
    if sifted <= 0:
        return -costs.overhead
    empty, single = empty_and_single(plan, key)
    revealed = costs.reconciliation * binary_entropy((key.errors[0] + key.errors[1]) / sifted) * sifted
    private = empty + single * (1.0 - binary_entropy(phase_error(plan, test, single)))
    return min(private, sifted) - revealed - costs.overhead


def empty_and_single(plan: OneDecoyPlan, basis: Basis) -> Two:
    """Return the lower bounds on detections of empty pulses, eq. (A19), and of one-photon pulses, eq. (A17).

    The second may be negative: by how far off it is.
    """
    (k1, k2), (w1, w2), (n1, n2), (m1, m2) = plan.intensities, plan.weights, basis.detections, basis.errors
    spread, error_spread = _spread(n1 + n2, plan.costs.logarithm), _spread(m1 + m2, plan.costs.logarithm)
    signal_most, decoy_least = w1 * (n1 + spread), w2 * (n2 - spread)
    empty = max(0.0, plan.vacuum * (k1 * decoy_least - k2 * signal_most) / (k1 - k2))
    # Half of the detections of empty pulses are errors, eq. (A16) for the decoy.
    most_empty = min(n1 + n2, 2.0 * (plan.vacuum * w2 * (m2 + error_spread) + spread)) / plan.vacuum
    ratio = k2 / k1 * (k2 / k1)
    lone = decoy_least - ratio * signal_most - (1.0 - ratio) * most_empty
    return empty, plan.single * k1 / (k2 * (k1 - k2)) * lone


def phase_error(plan: OneDecoyPlan, test: Basis, single: float) -> float:
    """Return the bound on the phase error rate of single photons, eq. (A23); one half = nothing is known."""
    _, tested = empty_and_single(plan, test)
    if single <= 0 or tested <= 0:
        return NO_INFORMATION
    (k1, k2), (w1, w2), (m1, m2) = plan.intensities, plan.weights, test.errors
    spread = _spread(m1 + m2, plan.costs.logarithm)
    wrong = plan.single * (w1 * (m1 + spread) - w2 * (m2 - spread)) / (k1 - k2)  # v_1, eq. (A22)
    share = max(wrong, 1.0) / tested  # a sample without any error proves little: assume one
    if share >= NO_INFORMATION:
        return NO_INFORMATION
    return min(NO_INFORMATION, share + sampling_deviation(share, tested, single, plan.costs.logarithm))


def _spread(count: float, logarithm: float) -> float:
    """Return delta(count, eps): how far a sum of `count` may lie from its mean, eqs. (A2) and (A4)."""
    return sqrt(count / 2.0 * logarithm)
