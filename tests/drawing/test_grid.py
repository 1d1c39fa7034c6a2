"""The grid: nodes, wires and labels with as much room as they need, and no more than that."""

from __future__ import annotations

from itertools import combinations, pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.geometry import Box, Point, Side, stretch
from keytwin.drawing.grid import UPRIGHT, Laid, Spacing, lay
from keytwin.drawing.lattice import Cell, Link
from keytwin.drawing.scene import Figure

QUICK = settings(max_examples=30, deadline=None)


def cell(key: str, row: int = 0, column: int = 0, figure: Figure = Figure.BOX, half: float = 30.0) -> Cell:
    return Cell(key=key, row=row, column=column, left=half, right=half, up=15, down=15, figure=figure)


def link(key: str, source: str, target: str, label: tuple[float, float] = (0.0, 0.0)) -> Link:
    return Link(key=key, source=source, target=target, leaves={Side.RIGHT: 0.0}, enters={Side.LEFT: 0.0}, label=label)


def test_nothing_takes_next_to_no_room() -> None:
    laid = lay([], [])
    assert laid.boxes == {}
    assert laid.levels[-1][1] <= 8


def test_a_single_node_begins_in_the_corner() -> None:
    assert lay([cell("a")], []).boxes == {"a": Box(0, 0, 60, 30)}


def test_nodes_without_wires_are_as_far_apart_as_is_asked() -> None:
    laid = lay([cell("a"), cell("b", column=1), cell("c", row=1)], [], Spacing(free=40.0, free_level=11.0))
    assert laid.boxes["b"].x - laid.boxes["a"].right == 40.0
    assert laid.boxes["c"].y - laid.boxes["a"].bottom == 11.0


def test_a_wire_between_neighbours_is_straight_and_ends_at_both() -> None:
    laid = lay([cell("a"), cell("b", column=1)], [link("w", "a", "b")])
    assert laid.points["w"] == (Point(60, 15), Point(laid.boxes["b"].x, 15))


def test_a_wire_ends_in_the_slope_of_a_diamond_and_on_the_rim_of_a_disc() -> None:
    for figure in (Figure.DIAMOND, Figure.DISC):
        laid = lay([cell("a", figure=figure, half=15.0), cell("b", column=1)], [link("w", "a", "b")])
        assert laid.points["w"][0] == Point(laid.boxes["a"].right, laid.boxes["a"].middle.y)


def test_a_label_widens_the_corridor_in_which_it_lies() -> None:
    plain = lay([cell("a"), cell("b", column=1)], [link("w", "a", "b")])
    laid = lay([cell("a"), cell("b", column=1)], [link("w", "a", "b", label=(120.0, 14.0))])
    assert laid.boxes["b"].x > plain.boxes["b"].x
    assert laid.boxes["a"].right <= laid.labels["w"].x
    assert laid.labels["w"].right <= laid.boxes["b"].x


@pytest.mark.parametrize("count", [5, 20])
def test_a_node_grows_with_the_wires_at_its_side(count: int) -> None:
    cells = [cell("a"), *(cell(f"t{n}", row=n, column=1) for n in range(count))]
    laid = lay(cells, [link(f"w{n}", "a", f"t{n}") for n in range(count)])
    ends = sorted(way[0].y for way in laid.points.values())
    box = laid.boxes["a"]
    assert box.y < ends[0]
    assert ends[-1] < box.bottom
    assert all(low + 10 < high for low, high in pairwise(ends))


def test_columns_have_together_the_width_that_is_demanded() -> None:
    laid = lay([cell("a"), cell("b", column=1)], [], Spacing(least=((0, 1, 400.0),)))
    assert laid.uprights[3][1] - laid.uprights[0][0] >= 400.0
    assert laid.boxes["a"].width == 60.0


def test_a_lead_keeps_room_at_the_beginning_of_a_channel() -> None:
    plain, led = (
        lay([cell("a"), cell("b", column=1)], [], Spacing(leads=leads)) for leads in ({}, {(UPRIGHT, 2): 25.0})
    )
    assert led.boxes["b"].x - plain.boxes["b"].x == 25.0


def test_the_frame_holds_everything() -> None:
    laid = lay([cell("a")], [Link(key="w", source="a", target="a", label=(80.0, 14.0))])
    assert laid.frame.holds(laid.boxes["a"])
    assert laid.frame.holds(laid.labels["w"])
    assert laid.frame.right > laid.boxes["a"].right


def wires_of(laid: Laid) -> list[tuple[str, Box]]:
    return [(key, stretch(*pair)) for key, way in laid.points.items() for pair in pairwise(way)]


@QUICK
@given(st.lists(st.tuples(st.integers(0, 5), st.integers(0, 5), st.integers(0, 90)), max_size=7))
def test_nothing_lies_upon_anything(pairs: list[tuple[int, int, int]]) -> None:
    cells = [cell(str(n), row=n // 3, column=n % 3) for n in range(6)]
    links = [
        Link(key=f"w{n}", source=str(a), target=str(b), label=(float(wide), 14.0 if wide else 0.0))
        for n, (a, b, wide) in enumerate(pairs)
    ]
    laid = lay(cells, links)
    assert not any(one.meets(other) for one, other in combinations(laid.boxes.values(), 2))
    assert not any(label.meets(box) for label in laid.labels.values() for box in laid.boxes.values())
    assert not any(one.meets(other) for one, other in combinations(laid.labels.values(), 2))
    assert set(laid.labels) == {each.key for each in links if each.label[0]}
    for _, piece in wires_of(laid):
        assert piece.width == 0 or piece.height == 0
        assert not any(piece.meets(box, slack=0.01) for box in laid.boxes.values())
