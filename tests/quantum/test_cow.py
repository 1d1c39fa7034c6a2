"""Coherent one-way: an empirical rate that nothing proves."""

from __future__ import annotations

from math import exp, log2, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from keytwin.quantum.channel import plob_bound
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.cow import QBER_LIMIT, CowEstimator, OneWayTrain, knowledge
from keytwin.quantum.decoy_asymptotic import entropy
from keytwin.quantum.finite_key import binary_entropy
from tests.marks import invariant

PROMISES = Promises(1.16, 1e-15)
TRAIN = OneWayTrain(0.01, 1e-7, 0.01, 0.1, 0.1, 0.98)


def test_faint_light_and_full_contrast_leave_nothing_to_know() -> None:
    assert knowledge(0.0, 0.0, 1.0) == 0


def test_a_beam_splitter_knows_by_the_overlap_of_the_pulses() -> None:
    """With V = 1 and no error: h((1 + exp(-mu)) / 2), the best that a lost pulse tells."""
    assert knowledge(0.5, 0.0, 1.0) == pytest.approx(binary_entropy((1 - exp(-0.5)) / 2))


def test_errors_are_known_for_certain() -> None:
    assert knowledge(0.0, 0.03, 1.0) == pytest.approx(0.03)


def test_lost_contrast_counts() -> None:
    overlap = 0.96 * exp(-0.1) - 2 * sqrt(0.98 * 0.02 * (1 - exp(-0.2)))
    assert knowledge(0.1, 0.0, 0.98) == pytest.approx(binary_entropy((1 - overlap) / 2))
    assert np.all(np.diff(knowledge(0.1, 0.01, np.linspace(0.5, 1.0, 51))) <= 1e-12)


@pytest.mark.parametrize("seen", [-1.0, 0.0, 0.5])
def test_without_contrast_everything_is_known(seen: float) -> None:
    assert knowledge(0.1, 0.0, seen) == 1


def test_the_limit_is_that_of_the_faintest_light() -> None:
    def margin(error: float) -> float:
        return float(1 - knowledge(0.0, error, 1.0) - entropy(error))

    assert brentq(margin, 0.01, 0.4) == pytest.approx(QBER_LIMIT, abs=1e-3)


def test_cells_share_light_between_key_and_monitor() -> None:
    right, wrong, bright, faint = (float(cell) for cell in OneWayTrain(0.01, 0.0, 0.01, 0.1, 0.2, 0.98).cells(0.3))
    assert right + wrong == pytest.approx(0.9 * (1 - exp(-0.003 * 0.8)))
    assert wrong / (right + wrong) == pytest.approx(0.01)
    assert bright + faint == pytest.approx(0.1 * 0.003 * 0.2, rel=1e-3)
    assert (bright - faint) / (bright + faint) == pytest.approx(0.98, rel=1e-3)


def test_darkness_is_a_coin_toss() -> None:
    right, wrong, bright, faint = (float(cell) for cell in OneWayTrain(0.0, 1e-6, 0.01, 0.1, 0.1, 0.98).cells(0.3))
    assert right == wrong > 0
    assert bright == faint > 0
    assert OneWayTrain(0.0, 0.0, 0.01, 0.1, 0.1, 0.98).rate(0.3) == 0


def test_an_estimate_is_the_formula_on_what_was_counted() -> None:
    length = CowEstimator(PROMISES, 0.1).signed_length([99_000, 1_000, 990, 10])
    seen = 0.98 - 2 * (sqrt(11) + 0.5) / 1_000
    fraction = 1 - float(knowledge(0.1, 0.01, seen)) - 1.16 * binary_entropy(0.01)
    assert length == pytest.approx(1e5 * fraction - 1 + log2(1e-15))


def test_an_endless_block_gives_the_rate() -> None:
    cells = [1e15 * float(cell) for cell in TRAIN.cells(0.1)]
    assert CowEstimator(PROMISES, 0.1).signed_length(cells) / 1e15 == pytest.approx(
        float(TRAIN.rate(0.1, 1.16)),
        rel=1e-4,  # visibility less a deviation of 1e-7
    )


def test_a_silent_monitor_proves_nothing() -> None:
    assert CowEstimator(PROMISES, 0.1).signed_length([99_000, 1_000, 0, 0]) < 0
    assert CowEstimator(PROMISES, 0.1).signed_length([99_000, 1_000, 500, 500]) < 0


@invariant("V22")
@given(st.integers(0, 10**9), st.integers(0, 10**9), st.integers(0, 10**6), st.integers(0, 10**6), st.floats(0.001, 1))
def test_v22_never_more_than_what_was_sifted_less_what_was_revealed(
    right: int, wrong: int, bright: int, faint: int, mu: float
) -> None:
    length, sifted = CowEstimator(PROMISES, mu).signed_length([right, wrong, bright, faint]), right + wrong
    revealed = 1.16 * sifted * binary_entropy(wrong / sifted) if sifted else 0.0
    assert length <= max(0.0, sifted - revealed)
    if sifted and wrong / sifted > QBER_LIMIT + 1e-3:
        assert length < 0


INTENSITIES = tuple(step / 100 for step in range(1, 101))


@invariant("V9")
@given(loss=st.floats(0, 60), mu=st.floats(0.001, 2), dark=st.floats(0, 1e-4), contrast=st.floats(0, 1))
def test_v9_a_slot_holds_less_than_plob(loss: float, mu: float, dark: float, contrast: float) -> None:
    share = 10 ** (-loss / 10)
    rate = float(OneWayTrain(share, dark, 0.0, 1e-3, 1e-3, contrast).rate(mu))
    assert 0 <= rate <= 2 * plob_bound(share), "a slot is two pulses"


@given(loss=st.floats(0, 50), more=st.floats(0, 20))
def test_rate_falls_with_loss(loss: float, more: float) -> None:
    """At its best intensity: a bright train that is lost a little may do better than one that saturates a detector."""
    near, far = (
        max(float(OneWayTrain(10 ** (-each / 10), 1e-6, 0.01, 0.1, 0.1, 0.98).rate(mu, 1.16)) for mu in INTENSITIES)
        for each in (loss, loss + more)
    )
    assert far <= near * (1 + 1e-12)
