"""A chain of quantum repeaters: how often it gives its two ends a pair, and how good the pair is.

Each segment makes its pairs at once (more than one where they are to be purified); when all of the chain's are there,
each segment purifies, then all stations swap. Any failure begins the round anew. Simultaneous swapping is not the
fastest order, but exact: Briegel et al., PRL 81 5932, with waiting times as in Sangouard et al., RMP 83 33. DLCZ and
BDCZ chains differ in `success` and `swap_success`: at most 1/2 for a swap with linear optics, 1 where it cannot fail.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from math import exp, inf
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from keytwin.quantum.bell import decayed, error_rates, kept_by_purification, swapped, twirled, weighted, werner_weight
from keytwin.quantum.channel import Reals, plob_bound
from keytwin.quantum.decoy_asymptotic import entropy
from keytwin.quantum.waiting import Race

MOST_PAIRS: Final = 64  # in one round: of all segments and purifications together


class Delivery(NamedTuple):
    """What a round of a chain brings."""

    slots: float
    """Mean length of a round, in slots of one attempt each."""
    success: float
    """Probability that a round ends with a pair."""
    state: Reals
    """Bell-diagonal state of such a pair."""

    @property
    def error_rates(self) -> tuple[float, float]:
        """Probabilities that measured bits differ, and that phases do."""
        bit, phase = error_rates(self.state)
        return max(0.0, float(bit)), max(0.0, float(phase))  # rounding may leave them a hair below

    def rate(self, reconciliation: float = 1.0) -> float:
        """Return the secret bits a slot in endless blocks: 1 - f h(e_bit) - h(e_phase) of each pair, never negative."""
        bit, phase = self.error_rates
        fraction = 1.0 - reconciliation * float(entropy(bit)) - float(entropy(phase))
        return self.success / self.slots * max(0.0, fraction)


@dataclass(frozen=True)
class Chain:
    """A chain of equal segments; all times are in slots, the time of one attempt."""

    segments: int
    success: float
    """Probability that an attempt leaves a pair in the memories of a segment's ends."""
    fidelity: float
    """Of a fresh pair, a Werner state."""
    swap_success: float = 1.0
    """Probability that a station's Bell measurement succeeds."""
    decay: float = 0.0
    """Inverse of the slots after which a pair's weight has fallen to 1 / e."""
    patience: float = inf
    """Slots between the first and the last pair of a round; after more, all pairs are thrown away."""
    purifications: int = 0
    """Rounds of BBPSSW in each segment; each doubles the pairs that it needs, and takes a slot for the messages."""

    def __post_init__(self) -> None:
        assert self.segments >= 1
        assert self.purifications >= 0
        assert self.pairs <= MOST_PAIRS
        assert 0 < self.success <= 1
        assert 0 < self.swap_success <= 1

    @property
    def pairs(self) -> int:
        """How many elementary pairs a round needs."""
        return self.segments << self.purifications

    @cached_property
    def delivery(self) -> Delivery:
        """What a round brings, in the mean over how long each pair waited.

        The final state is linear in each elementary pair. So it is a polynomial in the weight that pairs have kept, and
        its mean follows from the moments of that weight: with s pairs it is the mean survival of s pairs.
        """
        race = Race(self.pairs, self.success, self.patience)
        slots = race.slots()
        # White noise stands for a pair that never comes: no bit of it could pass for key.
        if slots == inf:
            return Delivery(inf, 0.0, np.full(4, 0.25))
        coefficients = self._coefficients()
        state = race.survivals(self.decay) @ coefficients
        purified = float(state.sum())
        # One swap for each inner station: N segments meet at N - 1 of them.
        whole = purified * self.swap_success ** (self.segments - 1)
        return Delivery(slots + self.purifications, whole, state / purified)

    def _coefficients(self) -> Reals:
        """Return the coefficients of the final state, from its values at the roots of unity."""
        # On the unit circle interpolation keeps all digits; real nodes would lose them to high powers.
        nodes = np.exp(2j * np.pi * np.arange(self.pairs + 1) / (self.pairs + 1))
        states = self._joined(weighted(werner_weight(self.fidelity) * nodes))
        return np.asarray(np.fft.fft(states, axis=0).real / nodes.size)

    def _joined(self, states: npt.NDArray[np.complex128]) -> npt.NDArray[np.complex128]:
        for _ in range(self.purifications):
            states = decayed(twirled(kept_by_purification(states, states)), exp(-self.decay))
        return reduce(swapped, [states] * self.segments)


def chain_bound(transmittance: npt.ArrayLike, segments: int) -> Reals:
    """Return the capacity -log2(1 - eta^(1/N)) of a channel with N - 1 repeaters at equal distances, in bit a pulse.

    Pirandola, Commun. Phys. 2 51; `transmittance` is that of the whole channel.
    """
    return plob_bound(np.power(np.asarray(transmittance, dtype=np.float64), 1.0 / segments))
