"""How much of a block is secret, from what the two ends have seen: Lim et al., PRA 89 022307, eqs. (1)-(5).

Two-decoy BB84 against general attacks with Hoeffding's inequality. Nothing here knows the channel: an eavesdropper or a
broken fibre shows only in the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, log, log2, sqrt
from typing import NamedTuple

from keytwin.quantum.decoy_bb84 import Settings, Three
from keytwin.vocabulary.units import Bits

NO_INFORMATION = 0.5  # error rate of a coin toss


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


@dataclass(frozen=True, slots=True)
class Estimator:
    """The two ends' parameter estimation: made once from public settings, then fed with counts only."""

    settings: Settings
    distillation: Distillation
    _weights: Three = field(init=False, repr=False, compare=False)  # e^k / p_k
    _vacuum: float = field(init=False, repr=False, compare=False)  # tau_0
    _single: float = field(init=False, repr=False, compare=False)  # tau_1
    _logarithm: float = field(init=False, repr=False, compare=False)  # ln(21 / eps_sec)
    _overhead: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        signal, decoy, vacuum = self.settings.intensities
        shares = self.settings.shares
        emitted = [share * exp(-k) for share, k in zip(shares, self.settings.intensities, strict=True)]
        secrecy, correctness = self.distillation.secrecy, self.distillation.correctness
        derived = {
            "_weights": (exp(signal) / shares[0], exp(decoy) / shares[1], exp(vacuum) / shares[2]),
            "_vacuum": sum(emitted),
            "_single": emitted[0] * signal + emitted[1] * decoy + emitted[2] * vacuum,
            "_logarithm": log(21.0 / secrecy),
            "_overhead": 6.0 * log2(21.0 / secrecy) + log2(2.0 / correctness),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    def estimate(self, counts: Counts) -> Estimate:
        """Return the secret length l of a block, eq. (1), rounded down; 0 when the block is of no use."""
        length, phase_error = self.signed_length(counts)
        sifted = sum(counts.key)
        qber = counts.key_errors / sifted if sifted > 0 else NO_INFORMATION
        return Estimate(Bits(int(length) if length > 0 else 0), qber, phase_error)

    def signed_length(self, counts: Counts) -> tuple[float, float]:
        """Return l before rounding, negative by as much as is lacking, and the bound phi_X on the phase error rate."""
        sifted = sum(counts.key)
        if sifted <= 0:
            return -self._overhead, NO_INFORMATION
        vacuum, single = self._vacuum_and_single(counts.key)
        phase_error = self._phase_error(counts, single)
        revealed = self.distillation.reconciliation * binary_entropy(counts.key_errors / sifted) * sifted
        private = vacuum + single * (1.0 - binary_entropy(phase_error))
        return min(private, sifted) - revealed - self._overhead, phase_error

    def _vacuum_and_single(self, detections: Three) -> tuple[float, float]:
        """Return the lower bounds s_0 and s_1 on detections of empty and of one-photon pulses, eqs. (2) and (3).

        s_1 may be negative: that tells an optimiser how far off it is.
        """
        k1, k2, k3 = self.settings.intensities
        w1, w2, w3 = self._weights
        spread = sqrt(sum(detections) / 2.0 * self._logarithm)
        signal_most = w1 * (detections[0] + spread)
        decoy_least, decoy_most = w2 * (detections[1] - spread), w2 * (detections[1] + spread)
        vacuum_least, vacuum_most = w3 * (detections[2] - spread), w3 * (detections[2] + spread)
        empty = max(0.0, (k2 * vacuum_least - k3 * decoy_most) / (k2 - k3))  # s_0 / tau_0
        several = (k2 * k2 - k3 * k3) / (k1 * k1) * (signal_most - empty)
        single = self._single * k1 * (decoy_least - vacuum_most - several) / ((k2 - k3) * (k1 - k2 - k3))
        return self._vacuum * empty, single

    def _phase_error(self, counts: Counts, single: float) -> float:
        """Return phi_X, eq. (5): the error rate of single photons in Z, carried over to X by random sampling."""
        _, tested = self._vacuum_and_single(counts.test)
        if single <= 0 or tested <= 0:
            return NO_INFORMATION
        _, k2, k3 = self.settings.intensities
        _, w2, w3 = self._weights
        errors = counts.test_errors
        spread = sqrt(sum(errors) / 2.0 * self._logarithm)
        wrong = self._single * (w2 * (errors[1] + spread) - w3 * (errors[2] - spread)) / (k2 - k3)  # v_Z,1, eq. (4)
        share = (
            max(wrong, 1.0) / tested
        )  # gamma vanishes at 0, yet a sample without any error proves little: assume one
        if share >= NO_INFORMATION:
            return NO_INFORMATION
        return min(NO_INFORMATION, share + sampling_deviation(share, tested, single, self._logarithm))


def sampling_deviation(share: float, tested: float, single: float, logarithm: float) -> float:
    """Return gamma(a, share, tested, single), eq. (5): how far a sample may lie from the whole.

    `logarithm` is ln(c / a), where c counts the parts into which the secrecy is split: 21 for two decoys.
    """
    scale = (tested + single) / (tested * single)
    spread = share * (1.0 - share)
    doublings = log2(scale / spread) + 2.0 * logarithm / log(2.0)
    return sqrt(scale * spread / log(2.0) * doublings) if doublings > 0 else 0.0
