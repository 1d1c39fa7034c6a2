"""Plain numbers answer as the optics do."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.pulse_kernel import Receiver, answer, live_share, receiver_of

PROBABILITY = st.floats(0, 0.5)


@given(
    transmittance=st.floats(0, 1), dark=PROBABILITY, after=PROBABILITY, turned=PROBABILITY, intensity=st.floats(0, 3)
)  # fmt: skip
def test_the_answer_is_that_of_the_optics(
    transmittance: float, dark: float, after: float, turned: float, intensity: float
) -> None:
    optics = Optics(transmittance, dark, after, turned)
    assert answer(receiver_of(optics), intensity) == tuple(optics.answer(intensity))


def test_a_receiver_has_the_numbers_of_the_optics() -> None:
    assert receiver_of(Optics(0.1, 1e-6, 0.02, 0.01, dead_gates=30.0)) == Receiver(0.1, 1e-6, 0.02, 0.01, 30.0)


@pytest.mark.parametrize(("clicks", "share"), [(0.0, 1.0), (0.01, 0.5), (0.03, 0.25)])
def test_blind_gates(clicks: float, share: float) -> None:
    assert live_share(Receiver(0.1, 0.0, 0.0, 0.0, 100.0), clicks) == pytest.approx(share)
