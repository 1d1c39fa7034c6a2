"""The search for the best settings, on hills whose top is known."""

from __future__ import annotations

from math import log

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.search import TRIES, Point, Space, four_digits, logistic

Pair = tuple[float, float]


def pair(point: Point) -> Pair:
    return point[0], point[1]


def rounded(found: Pair) -> Pair:
    return four_digits(found[0]), four_digits(found[1])


def space(*starts: Pair) -> Space[Pair]:
    return Space(pair, rounded, starts, ((-5.0, 5.0), (-5.0, 5.0)))


def hill(at: Pair) -> float:
    return 10 - (at[0] - 1.25) ** 2 - (at[1] + 0.5) ** 2 + 0.5 * (at[0] - 1.25) * (at[1] + 0.5)


def test_the_top_of_a_hill_is_found() -> None:
    assert space((0.0, 0.0)).best(hill) == pytest.approx((1.25, -0.5), abs=1e-2)


def test_what_is_found_is_rounded_and_within_bounds() -> None:
    found = space((0.0, 0.0)).best(lambda at: at[0] + at[1] / 3)
    assert found == pytest.approx((5.0, 5.0), abs=1e-2)
    assert found == rounded(found)


@pytest.mark.parametrize(("top", "climbs"), [(5.0, 1), (-5.0, TRIES)])
def test_below_zero_it_climbs_again_from_elsewhere(top: float, climbs: int) -> None:
    """From the best starts only: a climb whose end gives key is enough."""
    ends: list[Pair] = []

    def noted(found: Pair) -> Pair:
        ends.append(found)
        return found

    starts = [(float(place), 0.0) for place in range(-4, 5, 2)]
    best = Space(pair, noted, starts, ((-5.0, 5.0), (-5.0, 5.0))).best(lambda at: top - at[0] ** 2 - at[1] ** 2)
    assert len(ends) == climbs < len(starts)
    assert best in ends


@given(st.floats(1e-6, 1 - 1e-6))
def test_logistic_undoes_the_logit(share: float) -> None:
    assert logistic(log(share / (1 - share))) == pytest.approx(share)


def test_four_digits() -> None:
    assert four_digits(0.123456) == 0.1235
    assert four_digits(123456.0) == 123500.0
