"""How much of a block of entangled pairs is secret, from what the two ends have counted."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import log, log2, sqrt
from typing import Final

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.e91 import CLASSICAL, QUANTUM
from keytwin.quantum.finite_key import binary_entropy

COMPLEMENTARY: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)
DEVICE_INDEPENDENT: Final = 0.0715  # where 1 - h(e) - h((1 + sqrt((S/2)^2 - 1)) / 2) = 0 for white noise
_SMOOTHING: Final = 7.0  # 2 dim + 3 for bits: Scarani, Renner, PRL 100 200501 (recalled)
_PARTS: Final = 2.0  # the key of each basis gets half of the secrecy
_PARTS_COST: Final = 4.0 * log2(_PARTS)  # and the halving counts twice in each of the two overheads


@dataclass(frozen=True, slots=True)
class TwoBases:
    """BBM92: the errors of each basis bound the phase errors of the other. Finite keys, general attacks.

    Counts are right and wrong in the first basis, then in the second. Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3
    634, eqs. (1) and (2) (the deviation is recalled), for each basis with half of the secrecy. Detectors are trusted to
    work alike in both bases, and a double click counts as a random outcome.
    """

    promises: Promises
    qber_limit: float = COMPLEMENTARY

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return sum_b n_b (1 - h(e_other + mu)) - f n h(E) - overhead, where n is all of both bases."""
        right, wrong, other_right, other_wrong = counts
        first, second = right + wrong, other_right + other_wrong
        sifted = first + second
        overhead = self.promises.overhead + _PARTS_COST - 2.0 * log2(self.promises.secrecy)
        if min(first, second) < 1:
            return -overhead
        private = self._private(first, other_wrong, second) + self._private(second, wrong, first)
        revealed = self.promises.reconciliation * binary_entropy((wrong + other_wrong) / sifted) * sifted
        return private - revealed - overhead

    def _private(self, size: float, errors: float, tested: float) -> float:
        """Return what is unknown to an eavesdropper of `size` bits, after `errors` in `tested` of the other basis."""
        logarithm = log(4.0 * _PARTS / self.promises.secrecy)
        deviation = sqrt((size + tested) * (tested + 1.0) / (size * tested * tested) * logarithm)
        return size * (1.0 - binary_entropy(errors / tested + deviation))


@dataclass(frozen=True, slots=True)
class BellTested:
    """E91 with trusted measurements: the Bell test bounds the phase errors, and no violation is an alarm.

    Counts are right and wrong in the key, then won and lost in the Bell test. Pairs are taken as independent of one
    another (collective attacks): Hoeffding's inequality for the test, the smoothing term of Scarani and Renner, PRL 100
    200501, for the key.
    """

    promises: Promises
    qber_limit: float = COMPLEMENTARY

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - h(e_phase) - f h(E)) - smoothing - overhead."""
        right, wrong, won, lost = counts
        sifted = right + wrong
        if min(sifted, won + lost) < 1:
            return -self.promises.overhead
        chsh = least_chsh(won, lost, self.promises.secrecy)
        error = wrong / sifted
        # A lower error rate of the key leaves more of what is missing from S to the other basis.
        least_error = max(0.0, error - _deviation(sifted, self.promises.secrecy))
        phase = 1.0 - chsh / QUANTUM - least_error
        known = binary_entropy(max(0.0, phase)) if chsh > CLASSICAL else 1.0
        return _collective(sifted, error, known, self.promises)


@dataclass(frozen=True, slots=True)
class DeviceIndependent:
    """E91 with untrusted devices: only the Bell test counts. Acin et al., PRL 98 230501; collective attacks.

    Counts are right and wrong in the key, then won and lost in the Bell test; statistics as in `BellTested`.
    """

    promises: Promises
    qber_limit: float = DEVICE_INDEPENDENT

    def signed_length(self, counts: Sequence[float]) -> float:
        """Return n (1 - h((1 + sqrt((S/2)^2 - 1)) / 2) - f h(E)) - smoothing - overhead."""
        right, wrong, won, lost = counts
        sifted = right + wrong
        if min(sifted, won + lost) < 1:
            return -self.promises.overhead
        chsh = min(QUANTUM, max(CLASSICAL, least_chsh(won, lost, self.promises.secrecy)))
        certainty = min(1.0, sqrt(max(0.0, (chsh / 2.0) ** 2 - 1.0)))
        return _collective(sifted, wrong / sifted, binary_entropy((1.0 - certainty) / 2.0), self.promises)


def least_chsh(won: float, lost: float, risk: float) -> float:
    """Return the CHSH value that the rounds of a Bell test prove, but for a probability of `risk`."""
    rounds = won + lost
    return 8.0 * (won / rounds - _deviation(rounds, risk) - 0.5)


def _deviation(rounds: float, risk: float) -> float:
    return sqrt(-log(risk) / (2.0 * rounds))


def _collective(sifted: float, error: float, known: float, promises: Promises) -> float:
    smoothing = _SMOOTHING * sqrt(sifted * log2(2.0 / promises.secrecy))
    secret = 1.0 - known - promises.reconciliation * binary_entropy(error)
    return sifted * secret - smoothing - promises.overhead
