"""Differential phase shift: Waks, Takesue, Yamamoto, PRA 73 012344."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import brentq

from keytwin.quantum.channel import plob_bound
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.dps import QBER_LIMIT, WORST, DpsEstimator, PhaseTrain, secret_fraction
from keytwin.quantum.finite_key import binary_entropy
from tests.marks import invariant

PROMISES = Promises(1.16, 1e-15)


@invariant("V13")
def test_v13_fraction_at_an_error_rate_of_2_3_per_cent() -> None:
    """With mu = 0.2 and f = 1.16."""
    assert secret_fraction(0.2, 0.023, 1.16) == pytest.approx(0.2195, abs=1e-3 * 0.2195)


def test_without_errors_only_the_split_photons_are_known() -> None:
    """The collision probability is then one half, and 2 mu of the clicks are known to a beam splitter."""
    assert secret_fraction(0.2, 0.0) == pytest.approx(0.6)
    assert secret_fraction(0.5, 0.0) == 0
    assert secret_fraction(0.7, 0.0) == 0


def test_the_limit_is_that_of_the_faintest_light() -> None:
    assert brentq(lambda error: float(secret_fraction(0.0, error)), 0.01, 0.1) == pytest.approx(QBER_LIMIT, abs=1e-4)


def test_the_fraction_never_rises_again() -> None:
    """(1 - 6 e)^2 does beyond e = 1/6; what it stands for does not."""
    fractions = secret_fraction(0.1, np.linspace(0, 0.5, 501), 1.0)
    assert np.all(np.diff(fractions) <= 0)
    assert pytest.approx(1 - 1 / 38) == 1 - WORST**2 - (1 - 6 * WORST) ** 2 / 2


def test_clicks_and_errors_of_a_train() -> None:
    train = PhaseTrain(0.01, 1e-6, 0.02)
    seen = 1 - np.exp(-0.002)
    assert train.gain(0.2) == pytest.approx(seen + 2e-6 * (1 - seen))
    assert train.error_rate(0.2) == pytest.approx((0.02 * seen + 1e-6 * (1 - seen)) / float(train.gain(0.2)))
    assert PhaseTrain(0.0, 1e-6, 0.02).error_rate(0.2) == pytest.approx(0.5)
    assert PhaseTrain(0.0, 0.0, 0.02).error_rate(0.2) == 0.5


def test_an_estimate_is_the_formula_on_what_was_counted() -> None:
    length = DpsEstimator(PROMISES, 0.2).signed_length([97_700, 2_300])
    assert length == pytest.approx(1e5 * float(secret_fraction(0.2, 0.023, 1.16)) - 1 + log2(1e-15))


@invariant("V22")
@given(right=st.integers(0, 10**9), wrong=st.integers(0, 10**9), mu=st.floats(0.001, 0.9))
def test_v22_never_more_than_what_was_sifted_less_what_was_revealed(right: int, wrong: int, mu: float) -> None:
    length, sifted = DpsEstimator(PROMISES, mu).signed_length([right, wrong]), right + wrong
    revealed = 1.16 * sifted * binary_entropy(wrong / sifted) if sifted else 0.0
    assert length <= sifted - revealed
    if sifted and wrong / sifted > QBER_LIMIT:
        assert length < 0


def test_empty_blocks_and_tiny_ones_hold_nothing() -> None:
    assert DpsEstimator(PROMISES, 0.2).signed_length([0, 0]) < 0
    assert DpsEstimator(PROMISES, 0.2).signed_length([50, 0]) < 0


@invariant("V9")
@given(loss=st.floats(0, 80), mu=st.floats(0.001, 1), dark=st.floats(0, 1e-4), misalignment=st.floats(0, 0.1))
def test_v9_rate_stays_below_plob_and_never_below_zero(
    loss: float, mu: float, dark: float, misalignment: float
) -> None:
    share = 10 ** (-loss / 10)
    assert 0 <= PhaseTrain(share, dark, misalignment).rate(mu) <= plob_bound(share)


@given(loss=st.floats(0, 60), more=st.floats(0, 20), mu=st.floats(0.001, 0.5))
def test_rate_falls_with_loss(loss: float, more: float, mu: float) -> None:
    near, far = (float(PhaseTrain(10 ** (-each / 10), 1e-6, 0.01).rate(mu, 1.16)) for each in (loss, loss + more))
    assert far <= near * (1 + 1e-12)
