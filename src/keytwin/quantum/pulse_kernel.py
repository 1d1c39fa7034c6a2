"""The answer of a receiver to coherent pulses in numbers alone: the formulae of `decoy_bb84.py` for `fast.py`."""

from __future__ import annotations

from math import exp, expm1
from typing import NamedTuple

from keytwin.quantum.decoy_bb84 import Optics

Two = tuple[float, float]


class Receiver(NamedTuple):
    """The fields of `Optics` but for an attack: nobody looks for the best settings under one."""

    transmittance: float
    dark_count: float
    afterpulse: float
    misalignment: float
    dead_gates: float


def receiver_of(optics: Optics) -> Receiver:
    """Return the same as numbers."""
    return Receiver(optics.transmittance, optics.dark_count, optics.afterpulse, optics.misalignment, optics.dead_gates)


def answer(receiver: Receiver, intensity: float) -> Two:
    """Return the probabilities of a click, and of a wrong one, for a pulse of `intensity` mean photons."""
    arriving = receiver.transmittance * intensity
    seen = -expm1(-arriving)
    detected = seen + 2.0 * receiver.dark_count * exp(-arriving)
    click = detected * (1.0 + receiver.afterpulse)
    wrong = receiver.dark_count + receiver.misalignment * seen + receiver.afterpulse * detected / 2.0
    if click > 1.0:  # as in `Optics.answer_to`: each gate clicks, and what clicks is wrong as often as before
        click, wrong = 1.0, wrong / click
    return click, min(wrong, click)


def live_share(receiver: Receiver, clicks: float) -> float:
    """Return the share of the gates at which the detectors are not blind; `clicks` per live gate."""
    return 1.0 / (1.0 + receiver.dead_gates * clicks)
