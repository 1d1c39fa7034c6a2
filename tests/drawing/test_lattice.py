"""Ways through a grid: through no node, out of the sides that are allowed, apart where there is room."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.geometry import Side
from keytwin.drawing.lattice import OPPOSITE, STEPS, Cell, Lattice, Link, Spot, side_towards
from keytwin.drawing.scene import Figure

QUICK = settings(max_examples=40, deadline=None)


def cell(key: str, row: int, column: int, span: int = 0, figure: Figure = Figure.BOX) -> Cell:
    return Cell(key=key, row=row, column=column, left=20, right=20, up=10, down=10, span=span, figure=figure)


def lattice(*cells: Cell) -> Lattice:
    rows = max(each.row for each in cells) + 1
    columns = max(each.column + each.span for each in cells) + 1
    return Lattice(rows, columns, {each.key: each for each in cells})


def link(source: str, target: str, key: str = "w", *, bundle: str = "") -> Link:
    return Link(key=key, source=source, target=target, bundle=bundle)


def straight(source: str, target: str, leaves: Side, enters: Side, key: str = "w") -> Link:
    return Link(key=key, source=source, target=target, leaves={leaves: 0.0}, enters={enters: 0.0})


def test_neighbours_are_joined_by_the_straight_way() -> None:
    grid = lattice(cell("a", 0, 0), cell("b", 0, 1))
    assert grid.route(link("a", "b")) == [Spot(1, 1), Spot(1, 2), Spot(1, 3)]


def test_a_node_in_between_is_gone_around() -> None:
    grid = lattice(cell("a", 0, 0), cell("between", 0, 1), cell("b", 0, 2))
    way = grid.route(link("a", "b"))
    assert Spot(1, 3) not in way
    assert {spot.level for spot in way} & {0, 2}


def test_an_empty_cell_may_be_passed() -> None:
    grid = lattice(cell("a", 0, 0), cell("b", 0, 2))
    assert grid.route(link("a", "b")) == [Spot(1, upright) for upright in range(1, 6)]


@pytest.mark.parametrize("leaves", list(Side))
@pytest.mark.parametrize("enters", list(Side))
def test_only_sides_that_are_allowed_are_used(leaves: Side, enters: Side) -> None:
    way = lattice(cell("a", 0, 0), cell("b", 1, 1)).route(straight("a", "b", leaves, enters))
    assert side_towards(way[0], way[1]) is leaves
    assert side_towards(way[-1], way[-2]) is enters


def test_a_second_wire_to_a_disc_takes_another_side() -> None:
    grid = lattice(cell("a", 0, 0, figure=Figure.DISC), cell("b", 1, 1))
    first, second = grid.route(link("a", "b", "1")), grid.route(link("a", "b", "2"))
    assert side_towards(first[0], first[1]) is not side_towards(second[0], second[1])


def test_loops_go_to_the_right_and_the_next_one_to_the_left() -> None:
    grid = lattice(cell("a", 0, 0))
    assert grid.route(link("a", "a", "1")) == [Spot(1, 1), Spot(1, 2), Spot(1, 2), Spot(1, 1)]
    assert grid.route(link("a", "a", "2"))[1] == Spot(1, 0)


def test_a_loop_of_a_node_that_allows_neither_side_goes_right_all_the_same() -> None:
    way = lattice(cell("a", 0, 0)).route(straight("a", "a", Side.TOP, Side.TOP))
    assert way[1] == Spot(1, 2)


def test_a_wide_node_covers_the_channels_beside_its_column() -> None:
    grid = lattice(cell("wide", 0, 1, span=1))
    assert set(grid.occupied) == {Spot(1, upright) for upright in range(1, 6)}


def test_a_wire_leaves_a_wide_node_sideways() -> None:
    grid = lattice(cell("wide", 0, 1, span=1), cell("b", 0, 3))
    way = grid.route(straight("wide", "b", Side.RIGHT, Side.LEFT))
    assert way == [Spot(1, upright) for upright in range(3, 8)]


def test_two_nodes_in_one_cell_are_refused() -> None:
    with pytest.raises(AssertionError, match="b and a lie in one cell"):
        lattice(cell("a", 0, 0), cell("b", 0, 0))


def test_wires_of_a_bundle_count_once_and_others_each() -> None:
    grid = lattice(cell("a", 0, 0), cell("b", 0, 1))
    for key in ("1", "2"):
        grid.route(Link(key=key, source="a", target="b", leaves={Side.RIGHT: 0.0}, bundle="trunk"))
    assert grid.used[Spot(1, 1), Spot(1, 2)] == {"trunk"}
    grid.route(straight("a", "b", Side.RIGHT, Side.LEFT, "3"))
    assert grid.used[Spot(1, 1), Spot(1, 2)] == {"trunk", "3"}


@pytest.mark.parametrize("side", list(Side))
def test_a_side_is_where_its_step_leads(side: Side) -> None:
    here = Spot(5, 5)
    there = Spot(5 + STEPS[side][0], 5 + STEPS[side][1])
    assert side_towards(here, there) is side
    assert side_towards(there, here) is OPPOSITE[side]


@QUICK
@given(st.sets(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=2, max_size=9), st.data())
def test_no_way_runs_through_a_node_or_leaves_the_grid(spots: set[tuple[int, int]], data: st.DataObject) -> None:
    grid = lattice(*(cell(f"{row}{column}", row, column) for row, column in sorted(spots)))
    keys = st.sampled_from(sorted(grid.cells))
    for number in range(data.draw(st.integers(1, 6))):
        source, target = data.draw(keys), data.draw(keys)
        way = grid.route(link(source, target, str(number)))
        assert (way[0], way[-1]) == (grid.centre(source), grid.centre(target))
        assert not set(way[1:-1]) & set(grid.occupied)
        assert all(0 <= spot.level <= 2 * grid.rows and 0 <= spot.upright <= 2 * grid.columns for spot in way)
        if source != target:
            steps = [abs(a.level - b.level) + abs(a.upright - b.upright) for a, b in pairwise(way)]
            assert set(steps) == {1}
