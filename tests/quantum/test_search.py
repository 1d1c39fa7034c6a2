"""The search for the best settings, on hills whose top is known."""

from __future__ import annotations

from functools import partial
from math import log

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import Reals
from keytwin.quantum.search import Numbers, Point, Space, four_digits, logistic, tops

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


def test_below_zero_it_climbs_again_from_elsewhere() -> None:
    """The best start leads to a hill without key; the next best is at the foot of one with key."""

    def two_hills(at: Pair) -> float:
        return max(-1 - (at[0] - 4) ** 2, 3 - 2 * (at[0] + 4) ** 2) - at[1] ** 2

    assert two_hills((4.5, 0.0)) > two_hills((-2.0, 0.0))
    assert space((4.5, 0.0), (-2.0, 0.0)).best(two_hills) == pytest.approx((-4.0, 0.0), abs=1e-2)
    assert two_hills(space((4.5, 0.0)).best(two_hills)) == pytest.approx(-1.0)


def test_above_zero_one_climb_is_enough() -> None:
    seen: list[Pair] = []

    def noted(at: Pair) -> float:
        seen.append(at)
        return 10 - (at[0] - 4) ** 2 if at[0] > 0 else 20 - (at[0] + 4) ** 2

    assert space((4.5, 0.0), (-9.0, 0.0)).best(noted) == pytest.approx((4.0, 0.0), abs=1e-2)
    assert len(seen) < 100


def test_a_leap_finds_the_hill_beside() -> None:
    """Two bounds of which the better one counts: between them is a valley as narrow as a start is away from the top."""

    def side_by_side(at: Pair) -> float:
        return max(10 - (at[0] - 1) ** 2 - 30 * at[1] ** 2, 11 - (at[0] - 1) ** 2 - 30 * (at[1] - 0.45) ** 2)

    assert space((1.0, 0.0)).best(side_by_side) == pytest.approx((1.0, 0.45), abs=1e-2)


@given(
    top=st.tuples(st.floats(-4, 4), st.floats(-4, 4)), bend=st.floats(0.01, 100), twist=st.floats(-0.9, 0.9),
    height=st.floats(-1e6, 1e6), start=st.tuples(st.floats(-5, 5), st.floats(-5, 5)),
)  # fmt: skip
def test_any_bent_hill_is_climbed(top: Pair, bend: float, twist: float, height: float, start: Pair) -> None:
    def dome(at: Pair) -> float:
        east, north = at[0] - top[0], at[1] - top[1]
        return height - bend * (east**2 + north**2 + 2 * twist * east * north) * (1 + abs(height))

    assert space(start).best(dome) == pytest.approx(top, abs=2e-2)


def test_many_hills_at_once_are_climbed_as_each_alone() -> None:
    summits = np.array([[1.25, -0.5], [-3.0, 2.0], [5.0, 5.0], [0.0, 0.0]])

    def heights(points: Reals, numbers: Numbers) -> Reals:
        return np.asarray(7.0 - np.square(points - summits[numbers][:, None]).sum(axis=2) ** 1.5)

    def alone(number: int, points: Reals, _: Numbers) -> Reals:
        return heights(points, np.full(len(points), number))

    bounds = ((-5.0, 5.0), (-5.0, 5.0))
    starts = [[(0.0, 0.0), (3.0, 3.0)]]
    together = tops(heights, len(summits), starts, bounds)
    assert np.array(together) == pytest.approx(summits, abs=2e-2)
    for number, found in enumerate(together):
        assert tops(partial(alone, number), 1, starts, bounds) == [found]


def test_on_a_plain_it_ends() -> None:
    def plain(at: Pair) -> float:
        return -1.0 + 0.0 * at[0]

    assert space((0.5, 0.5)).best(plain) == pytest.approx((0.5, 0.5), abs=2.0)


def test_a_wall_is_followed() -> None:
    """The best is on a bound, and farther along it than the start."""

    def ramp(at: Pair) -> float:
        return 10 + at[0] - (at[1] + at[0] - 2) ** 2

    found = space((0.0, 0.0)).best(ramp)
    assert found == pytest.approx((5.0, -3.0), abs=2e-2)


@given(st.floats(1e-6, 1 - 1e-6))
def test_logistic_undoes_the_logit(share: float) -> None:
    assert logistic(log(share / (1 - share))) == pytest.approx(share)


def test_four_digits() -> None:
    assert four_digits(0.123456) == 0.1235
    assert four_digits(123456.0) == 123500.0
