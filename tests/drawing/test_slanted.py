"""Straight lines in any direction."""

from __future__ import annotations

from math import hypot, isclose

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from keytwin.drawing.geometry import Box, Point
from keytwin.drawing.slanted import across, beside, border, meets

BOX = Box(10, 10, 20, 10)
places = st.builds(Point, st.floats(-100, 100), st.floats(-100, 100))


@pytest.mark.parametrize(
    ("start", "end", "does"),
    [
        (Point(0, 15), Point(40, 15), True),
        (Point(20, 0), Point(20, 40), True),
        (Point(0, 0), Point(40, 40), True),
        (Point(12, 12), Point(13, 13), True),
        (Point(0, 5), Point(40, 5), False),
        (Point(0, 15), Point(5, 15), False),
        (Point(0, 30), Point(8, 0), False),
        (Point(10, 0), Point(10, 40), False),
        (Point(15, 15), Point(15, 15), True),
    ],
)
def test_whether_a_line_goes_through_a_box(start: Point, end: Point, *, does: bool) -> None:
    assert meets(start, end, BOX) is does
    assert meets(end, start, BOX) is does


@given(places, places)
def test_the_direction_at_right_angles_has_length_one(start: Point, end: Point) -> None:
    assume(hypot(end.x - start.x, end.y - start.y) > 1e-3)
    normal = across(start, end)
    assert isclose(hypot(*normal), 1.0)
    assert abs(normal.x * (end.x - start.x) + normal.y * (end.y - start.y)) < 1e-6


def test_a_line_to_the_right_has_up_beside_it() -> None:
    assert across(Point(0, 0), Point(5, 0)).y < 0


@given(places)
def test_a_line_leaves_a_box_at_its_border(outside: Point) -> None:
    assume(not BOX.grown(1).holds(Box(*outside, 0, 0)))
    found = border(BOX, outside)
    assert BOX.holds(Box(*found, 0, 0), 1e-6)
    gaps = (found.x - BOX.x, BOX.right - found.x, found.y - BOX.y, BOX.bottom - found.y)
    assert min(map(abs, gaps)) < 1e-6


@given(places)
def test_a_line_leaves_a_circle_at_its_rim(outside: Point) -> None:
    circle = Box(-5, -5, 10, 10)
    assume(hypot(*outside) > 6)
    assert isclose(hypot(*border(circle, outside, is_round=True)), 5.0)


@given(places, places, st.floats(1, 80), st.floats(1, 30))
def test_what_lies_beside_a_straight_way_does_not_touch_it(
    start: Point, end: Point, width: float, height: float
) -> None:
    assume(hypot(end.x - start.x, end.y - start.y) > 1)
    found = list(beside([start, end], width, height))
    assert found
    for middle in found:
        assert not meets(start, end, Box(middle.x - width / 2, middle.y - height / 2, width, height))


def test_the_first_place_beside_a_way_is_its_middle() -> None:
    first = next(beside([Point(0, 0), Point(60, 0), Point(100, 0)], 10, 10))
    assert first.x == 50
    assert first.y < -5
