"""Means, errors, quantiles: held against numpy and Python's own."""

from __future__ import annotations

from statistics import mean, stdev

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error, quantile, smoothed

measurements = st.floats(-1e6, 1e6)


@given(st.lists(measurements, min_size=2, max_size=20))
def test_mean_and_standard_error(values: list[float]) -> None:
    found, error = mean_and_error(values)
    assert found == pytest.approx(mean(values), abs=1e-6)
    assert error == pytest.approx(stdev(values) / len(values) ** 0.5, abs=1e-6)


@given(st.lists(measurements, min_size=1, max_size=20), st.floats(0, 1))
def test_quantile(values: list[float], share: float) -> None:
    assert quantile(values, share) == pytest.approx(float(np.quantile(values, share)), abs=1e-6)


def test_quantile_does_not_touch_what_it_is_given() -> None:
    values = [3.0, 1.0, 2.0]
    assert quantile(values, 0.5) == 2.0
    assert values == [3.0, 1.0, 2.0]


def test_a_smoothed_mean_starts_at_the_first_value_and_follows() -> None:
    average = smoothed(None, 10.0, 0.25)
    assert average == 10.0
    assert smoothed(average, 18.0, 0.25) == 12.0
