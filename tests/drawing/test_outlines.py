"""Outlines: where a wire that comes straight at a figure meets it."""

from __future__ import annotations

import re
from math import isclose

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.drawing.geometry import Box, Side
from keytwin.drawing.outlines import NOTCH, inset, of, ways
from keytwin.drawing.scene import Figure, Socket

BOX = Box(10, 20, 80, 40)
OFFSETS = st.floats(-20, 20)


def numbers(path: str) -> list[float]:
    return [float(each) for each in re.findall(r"-?\d+\.?\d*", path)]


def socket(side: Side, *, inward: bool = False, outward: bool = False) -> Socket:
    return Socket(id="p", owner="a", side=side, box=Box(0, 0, 12, 12), title="p", inward=inward, outward=outward)


@pytest.mark.parametrize("figure", [Figure.DIAMOND, Figure.SEND, Figure.ACCEPT, Figure.TRIANGLE, Figure.BOX])
def test_an_outline_is_closed_and_fills_its_box(figure: Figure) -> None:
    path = of(figure, BOX)
    assert path.startswith("M")
    assert path.endswith("Z")
    found = numbers(path)
    assert (min(found[::2]), max(found[::2])) == (BOX.x, BOX.right)
    assert (min(found[1::2]), max(found[1::2])) == (BOX.y, BOX.bottom)


def test_a_box_is_its_four_corners() -> None:
    assert of(Figure.BOX, BOX) == "M10 20L90 20L90 60L10 60Z"


def test_a_pill_has_half_circles_for_ends() -> None:
    assert of(Figure.PILL, BOX).count("A20 20 0 0 1 ") == 4


def test_a_low_box_has_small_corners() -> None:
    assert "A3 3 " in of(Figure.ROUND, Box(0, 0, 80, 6))
    assert "A8 8 " in of(Figure.ROUND, BOX)


@pytest.mark.parametrize("side", list(Side))
def test_a_box_and_the_middle_of_a_diamond_are_met_at_the_border(side: Side) -> None:
    assert inset(Figure.BOX, BOX, side, 15) == 0.0
    assert inset(Figure.DIAMOND, BOX, side, 0) == 0.0
    assert inset(Figure.DISC, Box(0, 0, 40, 40), side, 0) == 0.0


def test_a_diamond_is_met_half_way_in_at_half_its_side() -> None:
    assert inset(Figure.DIAMOND, BOX, Side.TOP, 20) == 10.0
    assert inset(Figure.DIAMOND, BOX, Side.LEFT, -10) == 20.0


def test_sender_and_receiver_have_their_notch_at_one_side_only() -> None:
    assert inset(Figure.SEND, BOX, Side.RIGHT, 0) == 0.0
    assert inset(Figure.SEND, BOX, Side.RIGHT, 20) == NOTCH
    assert inset(Figure.ACCEPT, BOX, Side.LEFT, 0) == NOTCH
    assert inset(Figure.ACCEPT, BOX, Side.LEFT, -20) == 0.0
    assert inset(Figure.SEND, BOX, Side.LEFT, 20) == inset(Figure.ACCEPT, BOX, Side.RIGHT, 0) == 0.0


@given(OFFSETS)
def test_a_disc_is_met_on_its_circle(offset: float) -> None:
    depth = inset(Figure.DISC, Box(0, 0, 40, 40), Side.TOP, offset)
    assert isclose((20 - depth) ** 2 + offset**2, 400, abs_tol=1e-6)


@given(st.sampled_from(Figure), st.sampled_from(Side), st.floats(-60, 60))
def test_no_figure_is_met_beyond_its_middle(figure: Figure, side: Side, offset: float) -> None:
    box = Box(0, 0, 40, 40)
    depth = inset(figure, box, side, offset)
    assert 0 <= depth <= 20
    assert isclose(depth, inset(figure, box, side, -offset))


@pytest.mark.parametrize("side", list(Side))
def test_the_arrow_of_a_port_has_a_shaft_and_two_barbs_for_each_way(side: Side) -> None:
    assert ways(socket(side)) == []
    assert len(ways(socket(side, inward=True))) == len(ways(socket(side, outward=True))) == 3
    assert len(ways(socket(side, inward=True, outward=True))) == 5


@pytest.mark.parametrize(("side", "axis", "sign"), [(Side.LEFT, 0, 1), (Side.RIGHT, 0, -1), (Side.TOP, 1, 1)])
def test_inward_points_into_the_owner(side: Side, axis: int, sign: int) -> None:
    for is_in in (True, False):
        barb = numbers(ways(socket(side, inward=is_in, outward=not is_in))[1])
        tip, tail = barb[2:], barb[:2]
        assert (tip[axis] - tail[axis]) * sign * (1 if is_in else -1) > 0
