"""Tidy trees: parents over the middle of their children, nothing upon anything."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.model import ElementId
from keytwin.drawing.tree import ABREAST, Place, tree_places

QUICK = settings(max_examples=60, deadline=None)


def placed(nodes: str, *edges: str) -> dict[str, Place]:
    found = tree_places([ElementId(each) for each in nodes], [(ElementId(e[0]), ElementId(e[1])) for e in edges])
    return {str(key): place for key, place in found.items()}


def test_nothing_has_no_places_and_one_node_the_corner() -> None:
    assert placed("") == {}
    assert placed("a") == {"a": Place(0, 0, 0)}


def test_a_parent_lies_over_the_middle_of_its_children() -> None:
    found = placed("abc", "ab", "ac")
    assert [(found[each].row, found[each].column) for each in "abc"] == [(0, 1), (1, 0), (1, 2)]


def test_trees_stand_side_by_side() -> None:
    found = placed("abcd", "ab", "cd")
    assert found["a"].row == found["c"].row == 0
    assert found["b"].column < found["d"].column


def test_one_with_two_parents_hangs_below_the_deeper_one() -> None:
    found = placed("abc", "ab", "ac", "bc")
    assert (found["a"].row, found["b"].row, found["c"].row) == (0, 1, 2)


def test_a_circle_has_a_root_all_the_same() -> None:
    assert [placed("abc", "ab", "bc", "ca")[each].row for each in "abc"] == [0, 1, 2]


@pytest.mark.parametrize(("count", "rows"), [(ABREAST, [5]), (6, [3, 3]), (7, [4, 3]), (11, [4, 4, 3])])
def test_many_leaves_stand_in_rows_of_much_the_same_length(count: int, rows: list[int]) -> None:
    leaves = "bcdefghijkl"[:count]
    found = placed("a" + leaves, *("a" + leaf for leaf in leaves))
    lengths = [sum(found[leaf].row == row for leaf in leaves) for row in range(1, len(rows) + 1)]
    assert lengths == rows


def test_the_second_row_of_leaves_is_shifted_between_the_first() -> None:
    found = placed("abcdefg", *("a" + leaf for leaf in "bcdefg"))
    assert {found[leaf].column % 2 for leaf in "bcd"} == {0}
    assert {found[leaf].column % 2 for leaf in "efg"} == {1}


def test_a_branch_beside_many_leaves_stands_clear_of_them() -> None:
    found = placed("abcdefghi", *("a" + leaf for leaf in "bcdefgh"), "hi")
    assert found["h"].column > max(found[leaf].column for leaf in "bcdefg")
    assert found["i"].row == found["h"].row + 1


@QUICK
@given(st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=14))
def test_no_two_nodes_meet_even_with_all_they_reach_over(pairs: list[tuple[int, int]]) -> None:
    nodes = [ElementId(str(index)) for index in range(9)]
    places = tree_places(nodes, [(nodes[a], nodes[b]) for a, b in pairs])
    covered = [
        (place.row, column)
        for place in places.values()
        for column in range(place.column - place.span, place.column + place.span + 1)
    ]
    assert set(places) == set(nodes)
    assert len(covered) == len(set(covered))
    assert all(column >= 0 for _, column in covered)
