"""Decoy-state BB84 as nature plays it: what is sent, what the detectors answer. Lim et al., PRA 89 022307, section III.

Three intensities k1 > k2 > k3; basis X makes the key, basis Z tests it. What the two ends make of the answers is in
`finite_key.py`, the limit of endless blocks in `decoy_asymptotic.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, expm1
from typing import Final, NamedTuple, Protocol

QBER_LIMIT: Final = 0.11  # where 1 - 2 h(e) = 0 (Shor, Preskill, PRL 85 441)
Three = tuple[float, float, float]
"""One value per intensity: signal, decoy, vacuum."""
Cells = tuple[float, ...]
"""For X, then Z, and per intensity in each: detections without error, detections with error: twelve values.

A protocol with another number of intensities has four values for each of them.
"""


class Answer(NamedTuple):
    """What a pulse causes in the detectors, per live gate."""

    click: float
    """Probability of a click, R_k."""
    wrong: float
    """Probability of a click in the wrong detector, e_k."""


class Choices(Protocol):
    """What a sender chooses at random per pulse, whatever the number of intensities."""

    @property
    def intensities(self) -> Sequence[float]:
        """Mean photons per pulse."""
        ...

    @property
    def shares(self) -> Sequence[float]:
        """Probability of each intensity."""
        ...

    @property
    def key_basis(self) -> float:
        """Probability with which each end chooses the basis that makes the key."""
        ...


@dataclass(frozen=True, slots=True)
class Settings:
    """What the sender chooses at random per pulse, and how often: the two ends know it, so does the eavesdropper."""

    intensities: Three
    """Mean photons per pulse."""
    shares: Three
    """Probability of each intensity."""
    key_basis: float
    """Probability with which each end chooses the basis X."""

    def __post_init__(self) -> None:
        signal, decoy, vacuum = self.intensities
        assert 0 <= vacuum < decoy
        assert decoy + vacuum < signal, "the bound on single photons needs k1 > k2 + k3"
        assert all(share > 0 for share in self.shares)
        assert abs(sum(self.shares) - 1) < 1e-9
        assert 0 < self.key_basis < 1

    def cells(self, optics: Optics) -> Cells:
        """Return the probability per pulse of each of the twelve cells in which a sifted detection can fall."""
        return optics.cells(self)

    def gain(self, optics: Optics) -> float:
        """Return the probability that a signal pulse is detected."""
        return optics.answer(self.intensities[0]).click


@dataclass(frozen=True, slots=True)
class Optics:
    """What is true of a link and hidden from its two ends: hardware, channel, and whoever tampers with it."""

    transmittance: float
    """From the sender's output to a click: channel, receiver optics and detector efficiency."""
    dark_count: float
    """Probability per gate and detector."""
    afterpulse: float
    """Probability that a click causes a further one."""
    misalignment: float
    """Probability that a photon reaches the wrong detector."""
    dead_gates: float = 0.0
    """Gates during which both detectors are blind after a click."""
    flipped: float = 0.0
    """Probability that somebody who tampers with the light turns a sifted bit over."""

    def answer(self, intensity: float) -> Answer:
        """Return what a coherent pulse of `intensity` mean photons causes.

        Eve's transmittance stands for eta_sys of the paper in the misalignment term too.
        """
        missed = exp(-self.transmittance * intensity)
        return self.answer_to(-expm1(-self.transmittance * intensity), missed)  # 1 - missed without cancellation

    def answer_to(self, seen: float, missed: float) -> Answer:
        """Return what a pulse causes that is seen with probability `seen`, missed with `missed` = 1 - seen."""
        detected = seen + 2.0 * self.dark_count * missed
        click = detected * (1.0 + self.afterpulse)
        wrong = self.dark_count + self.misalignment * seen + self.afterpulse * detected / 2.0
        if click > 1.0:  # each gate clicks, and what clicks is wrong as often as before
            click, wrong = 1.0, wrong / click
        wrong = min(wrong, click)
        return Answer(click, wrong + self.flipped * (click - 2.0 * wrong))

    def cells(self, choices: Choices) -> Cells:
        """Return the probability per pulse of each cell in which a sifted detection can fall."""
        answers = [self.answer(intensity) for intensity in choices.intensities]
        return self.cells_of(answers, choices.shares, choices.key_basis)

    def cells_of(self, answers: Sequence[Answer], shares: Sequence[float], key_basis: float) -> Cells:
        """Return the same for pulses that cause `answers` and are sent with the probabilities `shares`."""
        clicks = sum(share * click for share, (click, _) in zip(shares, answers, strict=True))
        live = 1.0 / (1.0 + self.dead_gates * clicks)  # non-paralysable dead time
        key, test = key_basis**2 * live, (1.0 - key_basis) ** 2 * live
        return tuple(
            basis * share * part
            for basis in (key, test)
            for share, (click, wrong) in zip(shares, answers, strict=True)
            for part in (click - wrong, wrong)
        )


def sifted_share(cells: Cells) -> float:
    """Return the share of the pulses that become sifted key (the first basis)."""
    return sum(cells[: len(cells) // 2])


def error_share(cells: Cells) -> float:
    """Return the expected quantum bit error rate of the key basis; one half when nothing is detected at all."""
    sifted = sifted_share(cells)
    return sum(cells[1 : len(cells) // 2 : 2]) / sifted if sifted > 0 else 0.5
