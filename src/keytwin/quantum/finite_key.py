"""How much of a block is secret, from what the two ends have seen: Lim et al., PRA 89 022307, eqs. (1)-(5).

Two-decoy BB84 against general attacks with Hoeffding's inequality. Nothing here knows the channel: an eavesdropper or a
broken fibre shows only in the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log, log2, sqrt
from typing import Final, NamedTuple

from keytwin.quantum.decoy_bb84 import Settings, Three
from keytwin.vocabulary.units import Bits

NO_INFORMATION = 0.5  # error rate of a coin toss
PARTS: Final = 21.0  # eps_sec = 21 eps, section II
LN2: Final = log(2.0)
Two = tuple[float, float]


class Counts(NamedTuple):
    """Sifted detections per intensity: whole numbers of a block, or expected values."""

    key: Three
    """n_X,k: basis X at both ends."""
    key_errors: float
    """m_X: all errors that reconciliation has found in the key."""
    test: Three
    """n_Z,k: basis Z at both ends."""
    test_errors: Three
    """m_Z,k."""

    @classmethod
    def of(cls, cells: Sequence[float]) -> Counts:
        """Sort cells, in the order of `decoy_bb84.Cells`, into what the estimation needs."""
        x1, x1_wrong, x2, x2_wrong, x3, x3_wrong, z1, z1_wrong, z2, z2_wrong, z3, z3_wrong = cells
        return cls(
            (x1 + x1_wrong, x2 + x2_wrong, x3 + x3_wrong),
            x1_wrong + x2_wrong + x3_wrong,
            (z1 + z1_wrong, z2 + z2_wrong, z3 + z3_wrong),
            (z1_wrong, z2_wrong, z3_wrong),
        )


@dataclass(frozen=True, slots=True)
class Distillation:
    """What the post-processing promises and costs; the epsilons hold for each block."""

    secrecy: float
    """eps_sec."""
    correctness: float
    """eps_cor."""
    reconciliation: float
    """Bits revealed by error correction, as a multiple f of the Shannon limit."""


class Estimate(NamedTuple):
    """What the counts of a block allow."""

    secret: Bits
    """Length of the key, never negative, never above what was sifted."""
    qber: float
    """Observed in the key basis; one half when nothing was detected."""
    phase_error: float
    """Upper bound phi_X on the phase error rate of the single photons; one half = nothing is known."""


def binary_entropy(share: float) -> float:
    """Return h(share) in bits; beyond one half it stays 1, as befits a bound."""
    if share >= NO_INFORMATION:
        return 1.0
    return -share * log2(share) - (1.0 - share) * log2(1.0 - share) if share > 0 else 0.0


class Costs(NamedTuple):
    """What the post-processing costs a block, as the estimation needs it."""

    logarithm: float
    """ln(21 / eps_sec), or with another number of parts."""
    overhead: float
    """Bits."""
    reconciliation: float

    @classmethod
    def of(cls, distillation: Distillation, parts: float) -> Costs:
        """Share the secrecy among a number of parts."""
        secrecy, correctness = distillation.secrecy, distillation.correctness
        overhead = 6.0 * log2(parts / secrecy) + log2(2.0 / correctness)
        return cls(log(parts / secrecy), overhead, distillation.reconciliation)


class Plan(NamedTuple):
    """What follows from public settings alone."""

    intensities: Three
    weights: Three
    """e^k / p_k."""
    vacuum: float
    """tau_0."""
    single: float
    """tau_1."""
    costs: Costs


def plan_of(intensities: Three, shares: Three, costs: Costs) -> Plan:
    """Prepare the estimation for settings."""
    (k1, k2, k3), (p1, p2, p3) = intensities, shares
    e1, e2, e3 = exp(k1), exp(k2), exp(k3)
    vacuum = p1 / e1 + p2 / e2 + p3 / e3
    single = p1 / e1 * k1 + p2 / e2 * k2 + p3 / e3 * k3
    return Plan(intensities, (e1 / p1, e2 / p2, e3 / p3), vacuum, single, costs)


@dataclass(frozen=True, slots=True)
class Estimator:
    """The two ends' parameter estimation: made once from public settings, then fed with counts only."""

    settings: Settings
    distillation: Distillation
    _plan: Plan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        plan = plan_of(self.settings.intensities, self.settings.shares, Costs.of(self.distillation, PARTS))
        object.__setattr__(self, "_plan", plan)

    def estimate(self, counts: Counts) -> Estimate:
        """Return the secret length l of a block, eq. (1), rounded down; 0 when the block is of no use."""
        length, phase_error = signed_length(self._plan, counts)
        sifted = sum(counts.key)
        qber = counts.key_errors / sifted if sifted > 0 else NO_INFORMATION
        return Estimate(Bits(int(length) if length > 0 else 0), qber, phase_error)

    def signed_length(self, counts: Counts) -> tuple[float, float]:
        """Return l before rounding, negative by as much as is lacking, and the bound phi_X on the phase error rate."""
        return signed_length(self._plan, counts)


# --- functions of numbers alone, which a compiler can take: see `fast.py` -------------------------------------------


def signed_length(plan: Plan, counts: Counts) -> tuple[float, float]:
    """Return l of eq. (1) before rounding, and phi_X."""
    n1, n2, n3 = counts.key
    sifted = n1 + n2 + n3
    if sifted <= 0:
        return -plan.costs.overhead, NO_INFORMATION
    vacuum, single = vacuum_and_single(plan, counts.key)
    error = phase_error(plan, counts, single)
    revealed = plan.costs.reconciliation * binary_entropy(counts.key_errors / sifted) * sifted
    private = vacuum + single * (1.0 - binary_entropy(error))
    return min(private, sifted) - revealed - plan.costs.overhead, error


def vacuum_and_single(plan: Plan, detections: Three) -> Two:
    """Return the lower bounds s_0 and s_1 on detections of empty and of one-photon pulses, eqs. (2) and (3).

    s_1 may be negative: that tells an optimiser how far off it is.
    """
    (k1, k2, k3), (w1, w2, w3), (n1, n2, n3) = plan.intensities, plan.weights, detections
    spread = sqrt((n1 + n2 + n3) / 2.0 * plan.costs.logarithm)
    empty = max(0.0, (k2 * w3 * (n3 - spread) - k3 * w2 * (n2 + spread)) / (k2 - k3))  # s_0 / tau_0
    several = (k2 * k2 - k3 * k3) / (k1 * k1) * (w1 * (n1 + spread) - empty)
    lone = w2 * (n2 - spread) - w3 * (n3 + spread) - several
    return plan.vacuum * empty, plan.single * k1 * lone / ((k2 - k3) * (k1 - k2 - k3))


def phase_error(plan: Plan, counts: Counts, single: float) -> float:
    """Return phi_X, eq. (5): the error rate of single photons in Z, carried over to X by random sampling."""
    _, tested = vacuum_and_single(plan, counts.test)
    if single <= 0 or tested <= 0:
        return NO_INFORMATION
    (_, k2, k3), (_, w2, w3), (m1, m2, m3) = plan.intensities, plan.weights, counts.test_errors
    spread = sqrt((m1 + m2 + m3) / 2.0 * plan.costs.logarithm)
    wrong = plan.single * (w2 * (m2 + spread) - w3 * (m3 - spread)) / (k2 - k3)  # v_Z,1, eq. (4)
    share = max(wrong, 1.0) / tested  # gamma vanishes at 0, yet a sample without any error proves little: assume one
    if share >= NO_INFORMATION:
        return NO_INFORMATION
    return min(NO_INFORMATION, share + sampling_deviation(share, tested, single, plan.costs.logarithm))


def sampling_deviation(share: float, tested: float, single: float, logarithm: float) -> float:
    """Return gamma(a, share, tested, single), eq. (5): how far a sample may lie from the whole.

    `logarithm` is ln(c / a), where c counts the parts into which the secrecy is split: 21 for two decoys.
    """
    scale = (tested + single) / (tested * single)
    spread = share * (1.0 - share)
    doublings = log2(scale / spread) + 2.0 * logarithm / LN2
    return sqrt(scale * spread / LN2 * doublings) if doublings > 0 else 0.0
