"""Chernoff bounds on the mean of a count: never broken more often than promised, and tight for many counts."""

from __future__ import annotations

from math import exp, sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import poisson

from keytwin.quantum.deviation import Confidence

counts = st.integers(0, 10**12)
exponents = st.floats(0.1, 60.0)


@given(counts, exponents)
def test_the_count_lies_between_its_bounds(count: int, exponent: float) -> None:
    sure = Confidence(exponent)
    assert 0 <= sure.least(count) <= count < sure.most(count)


@given(counts, exponents)
def test_bounds_are_the_means_at_which_the_inequalities_are_just_met(count: int, exponent: float) -> None:
    sure = Confidence(exponent)
    most, least = sure.most(count), sure.least(count)
    assert (most - count) ** 2 / (2 * most) == pytest.approx(exponent, rel=1e-3, abs=1e-3)
    if least > 1:
        assert (count - least) ** 2 / (count + least) == pytest.approx(exponent, rel=1e-3, abs=1e-3)


@pytest.mark.parametrize("mean", [0.3, 5.0, 80.0, 4000.0])
@pytest.mark.parametrize("exponent", [1.0, 7.0, 23.0])
def test_bounds_fail_no_more_often_than_promised(mean: float, exponent: float) -> None:
    """The chance of each count for which a bound on its mean would be wrong, summed up."""
    sure = Confidence(exponent)
    span = range(int(mean + 40 * sqrt(mean) + 200))
    chances = poisson.pmf(list(span), mean)
    too_low = sum(chance for count, chance in zip(span, chances, strict=True) if sure.most(count) < mean)
    too_high = sum(chance for count, chance in zip(span, chances, strict=True) if sure.least(count) > mean)
    assert too_low <= exp(-exponent)
    assert too_high <= exp(-exponent)


def test_nothing_seen_still_leaves_room() -> None:
    sure = Confidence.failing(1e-10, 1)
    assert sure.least(0) == 0
    assert sure.most(0) == pytest.approx(2 * sure.exponent)


def test_more_bounds_share_the_same_promise() -> None:
    assert Confidence.failing(1e-10, 10).exponent == pytest.approx(Confidence.failing(1e-11, 1).exponent)
