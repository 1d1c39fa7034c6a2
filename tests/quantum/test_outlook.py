"""The moments of a block's length, where they are known exactly."""

from __future__ import annotations

import pytest

from keytwin.quantum.outlook import outlook


def test_of_a_sum_of_counts() -> None:
    """Poisson counts: the variances add up; rounding down takes half a bit."""
    mean, deviation = outlook(lambda cells: 2 * cells[0] - 3 * cells[1], [100.0, 400.0], [10.0, 20.0])
    assert mean == pytest.approx(200 - 1200 - 0.5)
    assert deviation == pytest.approx((4 * 100 + 9 * 400) ** 0.5)


def test_of_a_square() -> None:
    """The mean of a squared Poisson count is m^2 + m: the bend of the length is seen."""
    mean, _ = outlook(lambda cells: cells[0] ** 2, [50.0], [50.0**0.5])
    assert mean == pytest.approx(50**2 + 50 - 0.5)


def test_of_nothing() -> None:
    assert outlook(lambda cells: -7.0 - sum(cells), [0.0, 0.0], [0.0, 0.0]) == (-7.5, 0.0)
