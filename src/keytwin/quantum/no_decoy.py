"""BB84 with one kind of pulse: single photons, or weak coherent pulses without decoy. Finite keys, general attacks.

The bound is that of Tomamichel, Lim, Gisin, Renner, Nat. Commun. 3 634, eqs. (1) and (2), for the detections that
surely come of pulses with at most one photon. An eavesdropper may know all of the others, as Gottesman, Lo,
Luetkenhaus, Preskill (Quantum Inf. Comput. 4 325) tag them: she blocks single photons and lets no pulse with several be
lost. How many pulses had several is known up to chance; that is bounded by Chernoff's inequality, and costs half of the
secrecy. The equations were recalled, not read in the originals.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, expm1, log, log2, sqrt
from typing import Final, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

from keytwin.quantum.decoy_bb84 import QBER_LIMIT, Answer, Cells, Optics
from keytwin.quantum.finite_key import NO_INFORMATION, Distillation, binary_entropy

_SMALL: Final = 1e-4  # below it the series of a Poisson tail is exact to 1e-12
X = TypeVar("X", float, npt.NDArray[np.float64])


class Source(Protocol):
    """What makes the pulses."""

    @property
    def several(self) -> float:
        """Probability of more than one photon in a pulse, or an upper bound on it."""
        ...

    def answer(self, optics: Optics) -> Answer:
        """Return what a pulse causes in the detectors."""
        ...


@dataclass(frozen=True, slots=True)
class CoherentSource:
    """An attenuated laser with randomised phase."""

    intensity: float
    """Mean photons per pulse."""

    @property
    def several(self) -> float:
        """Probability of more than one photon: 1 - (1 + mu) exp(-mu)."""
        mu = self.intensity
        return mu * mu * (0.5 - mu / 3.0) if mu < _SMALL else -expm1(-mu) - mu * exp(-mu)

    def answer(self, optics: Optics) -> Answer:
        """Return what a pulse causes in the detectors."""
        return optics.answer(self.intensity)


@dataclass(frozen=True, slots=True)
class PhotonSource:
    """A source of single photons that fails now and then."""

    brightness: float
    """Mean photons per pulse that leave the sender: at most 1."""
    bunching: float = 0.0
    """g2(0), measured; 0 = never more than one photon."""

    @property
    def several(self) -> float:
        """Return g2 n^2 / 2, which no source exceeds: Waks, Santori, Yamamoto, PRA 66 042315."""
        return self.bunching * self.brightness**2 / 2.0

    def answer(self, optics: Optics) -> Answer:
        """Return what a pulse causes in the detectors when no pulse has more than two photons."""
        seen = self.seen(optics.transmittance)
        return optics.answer_to(seen, 1.0 - seen)

    def seen(self, transmittance: X) -> X:
        """Return the probability that something of a pulse arrives."""
        return transmittance * (self.brightness - self.several * transmittance)


@dataclass(frozen=True, slots=True)
class NoDecoySettings:
    """What both ends know of the sender."""

    source: Source
    key_basis: float
    """Probability with which each end chooses the basis that makes the key."""

    def __post_init__(self) -> None:
        assert 0 < self.key_basis < 1

    def cells(self, optics: Optics) -> Cells:
        """Return the probability per pulse of each of the four cells in which a sifted detection can fall."""
        return optics.cells_of([self.source.answer(optics)], [1.0], self.key_basis)

    def gain(self, optics: Optics) -> float:
        """Return the probability that a pulse is detected."""
        return self.source.answer(optics).click


@dataclass(frozen=True, slots=True)
class NoDecoyEstimator:
    """The two ends' parameter estimation: made once from what is public, then fed with counts only."""

    settings: NoDecoySettings
    distillation: Distillation
    pulses: int
    """Per block: each that held several photons may have been let through."""
    _tagged: tuple[float, float] = field(init=False, repr=False, compare=False)  # at most: in key basis, in test basis
    _logarithm: float = field(init=False, repr=False, compare=False)  # ln(4 / eps)
    _overhead: float = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        several, basis = self.settings.source.several, self.settings.key_basis
        sampled = self.distillation.secrecy / (2.0 if several > 0 else 1.0)
        shares = (basis**2, (1.0 - basis) ** 2)
        most = [_most(self.pulses * share * several, self.distillation.secrecy / 4.0) for share in shares]
        object.__setattr__(self, "_tagged", (most[0], most[1]))
        object.__setattr__(self, "_logarithm", log(4.0 / sampled))
        object.__setattr__(self, "_overhead", log2(2.0 / self.distillation.correctness) - 2.0 * log2(sampled))

    @property
    def qber_limit(self) -> float:
        """The error rate above which not even an endless block holds key."""
        return QBER_LIMIT

    def signed_length(self, cells: Sequence[float]) -> float:
        """Return l before rounding, negative by as much as is lacking.

        `cells`: detections without and with error in the key basis, then in the test basis. Q_tol of the paper is the
        error rate that was observed.
        """
        right, wrong, test_right, test_wrong = cells
        sifted, tested = right + wrong, test_right + test_wrong
        if sifted <= 0:
            return -self._overhead
        untagged, untagged_tested = sifted - self._tagged[0], tested - self._tagged[1]
        single, single_tested = max(1.0, untagged), max(1.0, untagged_tested)
        phase_error = test_wrong / single_tested + self._deviation(single, single_tested)
        revealed = self.distillation.reconciliation * binary_entropy(wrong / sifted) * sifted
        lacking = max(0.0, -untagged) + max(0.0, -untagged_tested) + single * max(0.0, phase_error - NO_INFORMATION)
        return single * (1.0 - binary_entropy(phase_error)) - revealed - self._overhead - lacking

    def _deviation(self, single: float, tested: float) -> float:
        """Return mu of eq. (2): how far the error rate of a sample may lie from that of the rest (Serfling)."""
        return sqrt((single + tested) / (single * tested) * (tested + 1.0) / tested * self._logarithm)


def _most(mean: float, failure: float) -> float:
    """Return what a binomial count of this mean exceeds with a probability of at most `failure` (Chernoff)."""
    logarithm = log(1.0 / failure)
    return mean + (logarithm + sqrt(logarithm * (logarithm + 8.0 * mean))) / 2.0 if mean > 0 else 0.0
