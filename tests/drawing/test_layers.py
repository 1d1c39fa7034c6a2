"""Rows and orders of small graphs: worked by hand, and held to their definitions on any graph."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.layers import MOST_LAYERS, crossings, distances, forward, ordered, ranks, spread, spread_layers

QUICK = settings(max_examples=60, deadline=None)
NODES = list(range(7))
EDGES = st.lists(st.tuples(st.integers(0, 6), st.integers(0, 6)), max_size=16)
Edges = list[tuple[int, int]]


def test_an_empty_graph_has_nothing() -> None:
    nothing: Edges = []
    assert forward(list[int](), nothing) == []
    assert ordered(list[int](), nothing, {}) == []
    assert spread_layers(list[int](), nothing) == {}


def test_a_single_node_lies_in_the_corner() -> None:
    assert spread_layers(["a"], []) == {"a": (0, 0)}
    assert spread_layers(["a"], [("a", "a")]) == {"a": (0, 0)}


def test_a_rank_is_the_length_of_the_longest_way() -> None:
    assert ranks("abcd", [("a", "b"), ("b", "c"), ("a", "c"), ("c", "d")]) == {"a": 0, "b": 1, "c": 2, "d": 3}


def test_a_circle_is_cut_where_it_closes() -> None:
    assert forward("abc", [("a", "b"), ("b", "c"), ("c", "a")]) == [("a", "b"), ("b", "c")]


def test_a_circle_is_entered_where_a_way_leads_into_it() -> None:
    # By the order of nodes alone the search would begin at a, and drop the edge from c to a.
    kept = forward("abcd", [("a", "b"), ("b", "c"), ("c", "a"), ("d", "c")])
    assert ("c", "a") in kept
    assert ("b", "c") not in kept


def test_edges_to_unknown_nodes_and_double_ones_are_passed_over() -> None:
    assert forward("ab", [("a", "b"), ("a", "b"), ("a", "z"), ("z", "b")]) == [("a", "b")]


def test_a_chain_longer_than_python_recurses_is_ranked() -> None:
    nodes = list(range(1500))
    assert len(forward(nodes, [(at, at + 1) for at in nodes[:-1]])) == 1499


def test_distances_go_both_ways_and_begin_anew_in_each_group() -> None:
    assert distances("abcxy", [("b", "a"), ("b", "c"), ("y", "x")]) == {"a": 0, "b": 1, "c": 2, "x": 0, "y": 1}


def test_a_crossing_is_counted_and_undone() -> None:
    edges = [("a", "y"), ("b", "x")]
    rank = {"a": 0, "b": 0, "x": 1, "y": 1}
    assert crossings([["a", "b"], ["x", "y"]], edges, rank) == 1
    assert crossings(ordered("abxy", edges, rank), edges, rank) == 0


def test_edges_from_one_node_or_over_two_rows_cross_nothing() -> None:
    rank = {"a": 0, "b": 0, "x": 1, "y": 1, "far": 2}
    assert crossings([["a", "b"], ["x", "y"], ["far"]], [("a", "x"), ("a", "y"), ("b", "far")], rank) == 0


def test_things_of_a_row_keep_their_order_and_their_distance() -> None:
    assert spread([0.0, 0.0, 0.0], 5) == [0, 1, 2]
    assert spread([4.0, 4.0, 4.0], 5) == [2, 3, 4]
    assert spread([1.0, 3.2], 5) == [1, 3]
    assert spread([], 3) == []


def test_a_long_chain_is_folded_when_its_ends_meet() -> None:
    nodes = list(range(2 * MOST_LAYERS))
    ring = [(at, (at + 1) % len(nodes)) for at in nodes]
    places = spread_layers(nodes, ring)
    assert max(column for _, column in places.values()) == MOST_LAYERS


def test_downwards_turns_rows_and_columns_round() -> None:
    edges = [("a", "b"), ("a", "c")]
    across, down = spread_layers("abc", edges), spread_layers("abc", edges, downwards=True)
    assert {node: (column, row) for node, (row, column) in across.items()} == down


@QUICK
@given(EDGES)
def test_what_leads_on_has_no_circle_and_loses_no_node(edges: Edges) -> None:
    rank = ranks(NODES, edges)
    kept = forward(NODES, edges)
    assert all(rank[source] < rank[target] for source, target in kept)
    assert set(kept) <= set(edges)
    arriving = {target for _, target in kept}
    assert all(rank[node] > 0 for node in arriving)
    assert all(rank[node] == 0 for node in NODES if node not in arriving)


@QUICK
@given(EDGES)
def test_ordering_never_makes_more_crossings(edges: Edges) -> None:
    rank = ranks(NODES, edges)
    plain = [[node for node in NODES if rank[node] == row] for row in range(max(rank.values()) + 1)]
    better = ordered(NODES, edges, rank)
    assert [sorted(row) for row in better] == plain
    assert crossings(better, edges, rank) <= crossings(plain, edges, rank)


@QUICK
@given(EDGES, st.booleans())
def test_no_two_nodes_lie_in_one_place(edges: Edges, downwards: bool) -> None:  # noqa: FBT001  # drawn
    places = spread_layers(NODES, edges, downwards=downwards)
    assert set(places) == set(NODES)
    assert len(set(places.values())) == len(NODES)
    assert all(row >= 0 and column >= 0 for row, column in places.values())


@QUICK
@given(st.lists(st.floats(-3, 12), max_size=8), st.integers(0, 4))
def test_what_is_spread_stays_within_its_row(wanted: list[float], spare: int) -> None:
    places = spread(wanted, len(wanted) + spare)
    assert places == sorted(set(places))
    assert all(0 <= place < len(wanted) + spare for place in places)
