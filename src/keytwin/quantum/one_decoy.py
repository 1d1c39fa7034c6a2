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
from math import exp, log, log2, sqrt
from typing import Final

from keytwin.quantum.decoy_bb84 import QBER_LIMIT, Cells, Optics
from keytwin.quantum.finite_key import NO_INFORMATION, Distillation, binary_entropy, sampling_deviation

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


@dataclass(frozen=True, slots=True)
class _Basis:
    """What was counted in one basis."""

    detections: Two
    errors: Two

    @classmethod
    def of(cls, cells: Sequence[float]) -> _Basis:
        right, wrong, decoy_right, decoy_wrong = cells
        return cls((right + wrong, decoy_right + decoy_wrong), (wrong, decoy_wrong))


@dataclass(frozen=True, slots=True)
class OneDecoyEstimator:
    """The two ends' parameter estimation: made once from public settings, then fed with counts only."""

    settings: OneDecoySettings
    distillation: Distillation
    _weights: Two = field(init=False, repr=False, compare=False)  # e^k / p_k
    _vacuum: float = field(init=False, repr=False, compare=False)  # tau_0
    _single: float = field(init=False, repr=False, compare=False)  # tau_1
    _logarithm: float = field(init=False, repr=False, compare=False)  # ln(19 / eps_sec)
    _overhead: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        (signal, decoy), (p1, p2) = self.settings.intensities, self.settings.shares
        secrecy, correctness = self.distillation.secrecy, self.distillation.correctness
        derived = {
            "_weights": (exp(signal) / p1, exp(decoy) / p2),
            "_vacuum": p1 * exp(-signal) + p2 * exp(-decoy),
            "_single": p1 * signal * exp(-signal) + p2 * decoy * exp(-decoy),
            "_logarithm": log(PARTS / secrecy),
            "_overhead": 6.0 * log2(PARTS / secrecy) + log2(2.0 / correctness),
        }
        for name, value in derived.items():
            object.__setattr__(self, name, value)

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        return QBER_LIMIT

    def signed_length(self, cells: Sequence[float]) -> float:
        """Return l of eq. (A25) before rounding, negative by as much as is lacking.

        `cells` holds for the key basis, then for the test basis, and for the signal, then for the decoy in each:
        detections without error, detections with error.
        """
        key, test = _Basis.of(cells[:4]), _Basis.of(cells[4:])
        sifted = sum(key.detections)
        if sifted <= 0:
            return -self._overhead
        single = self._singles(key)
        revealed = self.distillation.reconciliation * binary_entropy(sum(key.errors) / sifted) * sifted
        private = self._empties(key) + single * (1.0 - binary_entropy(self._phase_error(test, single)))
        return min(private, sifted) - revealed - self._overhead

    def _singles(self, basis: _Basis) -> float:
        """Return the lower bound s_1 on detections of one-photon pulses, eq. (A17); negative = how far off it is."""
        k1, k2 = self.settings.intensities
        signal_most, decoy_least = self._bounds(basis)
        ratio = (k2 / k1) ** 2
        empty = self._most_empties(basis) / self._vacuum
        return self._single * k1 / (k2 * (k1 - k2)) * (decoy_least - ratio * signal_most - (1.0 - ratio) * empty)

    def _empties(self, basis: _Basis) -> float:
        """Return the lower bound s_0 on detections of empty pulses, eq. (A19)."""
        k1, k2 = self.settings.intensities
        signal_most, decoy_least = self._bounds(basis)
        return max(0.0, self._vacuum * (k1 * decoy_least - k2 * signal_most) / (k1 - k2))

    def _most_empties(self, basis: _Basis) -> float:
        """Return an upper bound on detections of empty pulses, eq. (A16) for the decoy: half of them are errors."""
        errors = basis.errors[1] + self._spread(sum(basis.errors))
        detections = sum(basis.detections)
        return min(detections, 2.0 * (self._vacuum * self._weights[1] * errors + self._spread(detections)))

    def _phase_error(self, test: _Basis, single: float) -> float:
        """Return the bound on the phase error rate of single photons, eq. (A23); one half = nothing is known."""
        tested = self._singles(test)
        if single <= 0 or tested <= 0:
            return NO_INFORMATION
        k1, k2 = self.settings.intensities
        spread = self._spread(sum(test.errors))
        signal_most, decoy_least = (
            self._weights[0] * (test.errors[0] + spread),
            self._weights[1] * (test.errors[1] - spread),
        )
        wrong = self._single * (signal_most - decoy_least) / (k1 - k2)  # v_1, eq. (A22)
        share = max(wrong, 1.0) / tested  # a sample without any error proves little: assume one
        if share >= NO_INFORMATION:
            return NO_INFORMATION
        return min(NO_INFORMATION, share + sampling_deviation(share, tested, single, self._logarithm))

    def _bounds(self, basis: _Basis) -> Two:
        """Return n_1^+ and n_2^-, weighted with e^k / p_k."""
        spread = self._spread(sum(basis.detections))
        return self._weights[0] * (basis.detections[0] + spread), self._weights[1] * (basis.detections[1] - spread)

    def _spread(self, count: float) -> float:
        """Return delta(count, eps): how far a sum of `count` may lie from its mean, eqs. (A2) and (A4)."""
        return sqrt(count / 2.0 * self._logarithm)
