"""A Q-link under attack: somebody tampers with the light, the two ends see no more than what they count.

An error rate p of an attack flips each sifted bit with probability p, in every basis: e becomes e + p (1 - 2 e). An
eavesdropper causes that who measures and resends a share of 4 p of the pulses of BB84. Where no bits are flipped but
noise is added (GG02) or detections are announced (twin-field without slices), it is what shows the same error rate.
What an attack costs is not said here: the link's own estimator draws its conclusion from the counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np

from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator
from keytwin.quantum.counted_link import CountedLink, CountEstimator
from keytwin.quantum.cow import CowEstimator
from keytwin.quantum.dps import DpsEstimator
from keytwin.quantum.finite_key import binary_entropy
from keytwin.quantum.gg02_estimator import INTERCEPTED
from keytwin.quantum.gg02_link import Gg02Link
from keytwin.quantum.link import DistilledBlock, ExpectedRate, LinkModel, PerPulse
from keytwin.quantum.mdi_estimator import MdiEstimator
from keytwin.quantum.pair_estimators import BellTested, DeviceIndependent, TwoBases
from keytwin.quantum.phase_matching import PhaseMatchingEstimator
from keytwin.quantum.scheduled_link import ScheduledLink
from keytwin.vocabulary.units import Bits, Duration

# How many of an estimator's first counts are in pairs, right and wrong (won and lost, bright and faint); what follows
# are detections without a bit, which no flip changes.
_PAIRED: Final[dict[type[CountEstimator], int]] = {
    TwoBases: 4,
    BellTested: 4,
    DeviceIndependent: 4,
    CowEstimator: 4,
    DpsEstimator: 2,
    PhaseMatchingEstimator: 4,
    MdiEstimator: 10,
}


def attacked(model: LinkModel, error_rate: float) -> LinkModel:
    """Return the model of the same link under an attack; the link itself when there is none."""
    assert 0 <= error_rate <= 0.5
    # The very same object: a calm link draws the very same blocks as one that nobody ever attacked.
    if error_rate == 0:
        return model
    match model:
        case ScheduledLink():
            return replace(model, model=attacked(model.model, error_rate))
        case Bb84Link():
            return replace(model, optics=replace(model.optics, flipped=error_rate))
        case CountedLink():
            return replace(model, cells=_disturbed(model, error_rate))
        case Gg02Link():
            # No bit is flipped in a Gaussian: an intercepted share of pulses adds its share of the noise of measuring
            # all.
            noise = INTERCEPTED * _raised(model.excess_noise / INTERCEPTED, error_rate)
            return replace(model, excess_noise=max(model.excess_noise, noise))
        case _:
            return AttackedBox(model, error_rate)


@dataclass(frozen=True, slots=True)
class AttackedBox:
    """A link of which nothing is known but its blocks: a black box, or a plug-in's model.

    Its own estimator cannot be asked, so one stands in that sees the block's error rate: of the key there remains what
    1 - 2 h(e) (Shor, Preskill, PRL 85 441) leaves of it, nothing from 11 % on.
    """

    model: LinkModel
    error_rate: float

    @property
    def block_time(self) -> Duration:
        """Nanoseconds from the start of a block to its key."""
        return self.model.block_time

    def rate(self) -> ExpectedRate:
        """Return the mean under the attack."""
        calm = self.model.rate()
        qber = _raised(calm.qber, self.error_rate)
        return ExpectedRate(calm.secret * _remaining(calm.qber, qber), qber)

    def per_pulse(self) -> PerPulse:
        """Return what is known of each pulse: an attack that flips bits adds none."""
        return self.model.per_pulse()

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block, shortened by what its errors tell."""
        block = self.model.draw_block(generator)
        qber = _raised(block.qber, self.error_rate)
        # Rounded down: a bit that is secret only in part is not secret.
        return block._replace(secret=Bits(int(block.secret * _remaining(block.qber, qber))), qber=qber)


def _raised(error: float, error_rate: float) -> float:
    return error + error_rate * (1.0 - 2.0 * error)


def _remaining(before: float, now: float) -> float:
    """Return which share of its key a box keeps."""
    whole = _secret_share(before)
    # A box that has no key by its own errors cannot lose a share of it.
    return _secret_share(now) / whole if whole > 0 else 0.0


def _secret_share(error: float) -> float:
    return max(0.0, 1.0 - 2.0 * binary_entropy(min(error, 0.5)))


def _disturbed(link: CountedLink, error_rate: float) -> tuple[float, ...]:
    estimator = link.estimator
    paired = _PAIRED.get(type(estimator), link.key_cells)
    flipped = _flipped(link.cells[:paired], error_rate)
    if not isinstance(estimator, CoherentTwinEstimator):
        return (*flipped, *link.cells[paired:])
    # The relay announces a share of the detections without having looked: the same errors in the key, and as many
    # detections for whatever the ends have sent. Only from these its estimator learns of phase errors.
    share, settings = 2.0 * error_rate, estimator.settings
    announced = sum(link.cells[:paired]) / settings.shares[0] ** 2
    yields = zip(link.cells[paired:], settings.chosen(), strict=True)
    return (*flipped, *((1.0 - share) * cell + share * chosen * announced for cell, chosen in yields))


def _flipped(pairs: Sequence[float], error_rate: float) -> tuple[float, ...]:
    cells: list[float] = []
    for right, wrong in zip(pairs[::2], pairs[1::2], strict=True):
        # Flips go both ways: where right and wrong are as many, there is nothing left to spoil.
        moved = error_rate * (right - wrong)
        cells += [right - moved, wrong + moved]
    return tuple(cells)
