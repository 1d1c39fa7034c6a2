"""BBM92 with a pulsed source: Ma, Fung, Lo, PRA 76 012307."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.bbm92 import PulsedPairs
from keytwin.quantum.channel import plob_bound
from tests.marks import invariant

BACKGROUND = 6.02e-6
MISALIGNMENT = 0.015
EFFICIENCY = 0.145
RECONCILIATION = 1.22


def pairs(loss: float, position: float = 0.5, efficiency: float = EFFICIENCY) -> PulsedPairs:
    """Return the paper's link; the source is at `position` of the loss."""
    first, second = (efficiency * 10 ** (-loss * part / 10) for part in (position, 1 - position))
    return PulsedPairs(first, second, BACKGROUND, BACKGROUND, MISALIGNMENT)


def textbook_gain(link: PulsedPairs, lam: float) -> float:
    """Return eq. (9) as it is printed, good where nothing cancels."""
    first, second = float(np.asarray(link.first)), float(np.asarray(link.second))
    none_first = (1 - BACKGROUND) / (1 + first * lam) ** 2
    none_second = (1 - BACKGROUND) / (1 + second * lam) ** 2
    none = (1 - BACKGROUND) ** 2 / (1 + first * lam + second * lam - first * second * lam) ** 2
    return 1 - none_first - none_second + none


@invariant("V11")
@pytest.mark.parametrize(
    ("loss", "rate", "error"), [(0.0, 4.0357457e-4, 5.179156e-2), (20.0, 3.6188145e-6, 5.693353e-2)]
)
def test_v11_rate_and_error_of_the_reference(loss: float, rate: float, error: float) -> None:
    """The public package `qkd` 0.2.0 gives these figures for lambda = 0.05."""
    assert pairs(loss).rate(0.05, RECONCILIATION) == pytest.approx(rate, rel=1e-6)
    assert pairs(loss).error_rate(0.05) == pytest.approx(error, rel=1e-6)


@pytest.mark.parametrize("loss", [0.0, 10.0])
@pytest.mark.parametrize("lam", [0.01, 0.1, 1.0])
def test_the_gain_is_that_of_the_paper(loss: float, lam: float) -> None:
    assert pairs(loss).gain(lam) == pytest.approx(textbook_gain(pairs(loss), lam), rel=1e-8)


@pytest.mark.parametrize("lam", [0.02, 0.3])
def test_gain_and_errors_are_the_sum_over_pair_numbers(lam: float) -> None:
    """Sum P(n) Y_n without the closed form: eqs. (3), (5) and (6) of the paper, dark counts left out."""
    first, second = 0.3, 0.2
    link = PulsedPairs(first, second, 0.0, 0.0, 0.0)
    numbers = np.arange(0, 200)
    shares = (numbers + 1) * lam**numbers / (1 + lam) ** (numbers + 2.0)
    yields = (1 - (1 - first) ** numbers) * (1 - (1 - second) ** numbers)
    assert link.gain(lam) == pytest.approx(float(np.sum(shares * yields)), rel=1e-9)


def test_nothing_cancels_at_high_loss() -> None:
    """At 160 dB the gain is that of two independent dark counts, plus a trace of pairs: nothing below it."""
    far = pairs(160.0)
    assert far.gain(0.05) == pytest.approx(BACKGROUND**2, rel=1e-2)
    assert far.error_rate(0.05) == pytest.approx(0.5, abs=1e-3)
    dark = PulsedPairs(1e-9, 1e-9, 0.0, 0.0, 0.0)
    assert dark.gain(0.05) == pytest.approx(1e-18 * 2 * 0.05 * (1 + 3 * 0.05), rel=1e-6)


def test_blind_ends_see_coin_tosses() -> None:
    blind = PulsedPairs(0.0, 0.0, 0.0, 0.0, 0.0)
    assert blind.gain(0.1) == 0
    assert blind.error_rate(0.1) == 0.5
    assert blind.rate(0.1) == 0


def test_many_pairs_are_errors() -> None:
    errors = pairs(0.0).error_rate(np.array([0.01, 0.1, 1.0, 10.0]))
    assert np.all(np.diff(errors) > 0)
    assert pairs(0.0).rate(1.0, RECONCILIATION) == 0


def test_arrays_broadcast() -> None:
    losses = np.array([[0.0], [10.0], [20.0]])
    share = EFFICIENCY * 10 ** (-losses / 20)
    rates = PulsedPairs(share, share, BACKGROUND, BACKGROUND, MISALIGNMENT).rate(np.array([0.02, 0.05]), RECONCILIATION)
    assert rates.shape == (3, 2)
    assert rates[2, 1] == pytest.approx(3.6188145e-6, rel=1e-6)


def test_a_source_in_the_middle_reaches_farther_than_one_at_an_end() -> None:
    lam = np.geomspace(1e-4, 0.2, 60)
    middle, end = (pairs(35.0, position).rate(lam, RECONCILIATION).max() for position in (0.5, 0.0))
    assert middle > end > 0
    assert pairs(45.0, 0.0).rate(lam, RECONCILIATION).max() == 0 < pairs(45.0, 0.5).rate(lam, RECONCILIATION).max()


def test_one_way_post_processing_ends_before_the_seventy_decibels_of_two_way() -> None:
    """The abstract of the paper reaches 70 dB with two-way communication; one-way must stay below it."""
    assert pairs(70.0).rate(np.geomspace(1e-4, 0.2, 60), RECONCILIATION).max() == 0


@invariant("V9")
@given(
    loss=st.floats(0, 80),
    position=st.floats(0, 1),
    efficiency=st.floats(0.01, 1),
    lam=st.floats(1e-4, 5),
)
def test_v9_rate_stays_below_plob_and_never_below_zero(
    loss: float, position: float, efficiency: float, lam: float
) -> None:
    rate = float(pairs(loss, position, efficiency).rate(lam, 1.0, 1.0))
    assert 0 <= rate <= plob_bound(10 ** (-loss / 10))


@given(loss=st.floats(0, 60), more=st.floats(0.01, 20), position=st.floats(0, 1), lam=st.floats(1e-4, 1))
def test_rate_falls_with_loss(loss: float, more: float, position: float, lam: float) -> None:
    near, far = (float(pairs(each, position).rate(lam, 1.16)) for each in (loss, loss + more))
    assert far <= near * (1 + 1e-9)
