"""Pairs of nodes that are far from each other."""

from __future__ import annotations

import networkx as nx
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.far_pairs import far_pairs
from keytwin.algorithms.graphs import Edge, Graph


def line(count: int) -> Graph[int, int]:
    return Graph(range(count), (Edge(near, near, near + 1) for near in range(count - 1)))


@st.composite
def trees(draw: st.DrawFn) -> tuple[Graph[int, int], dict[int, int]]:
    count = draw(st.integers(2, 12))
    edges = [Edge(node, draw(st.integers(0, node - 1)), node) for node in range(1, count)]
    return Graph(range(count), edges), {edge.id: draw(st.integers(1, 5)) for edge in edges}


def test_the_ends_of_a_line_come_first_then_those_within() -> None:
    assert far_pairs(line(6), 3) == [(0, 5), (1, 4), (2, 3)]


def test_no_more_pairs_than_wanted_or_than_there_are() -> None:
    assert far_pairs(line(6), 1) == [(0, 5)]
    assert far_pairs(line(6), 0) == []
    assert len(far_pairs(line(7), 100)) == 3  # the seventh node is left over


def test_what_is_too_far_is_not_taken() -> None:
    pairs = far_pairs(line(10), 5, farthest=3)
    assert pairs
    assert all(abs(near - far) <= 3 for near, far in pairs)


def test_groups_that_do_not_hang_together_get_pairs_of_their_own() -> None:
    graph = Graph(range(5), [Edge("a", 0, 1), Edge("b", 2, 3)])
    assert far_pairs(graph, 9) == [(0, 1), (2, 3)]


@given(trees())
def test_the_first_pair_of_a_tree_is_its_diameter(drawn: tuple[Graph[int, int], dict[int, int]]) -> None:
    graph, weights = drawn
    oracle = nx.Graph()
    oracle.add_weighted_edges_from((edge.source, edge.target, weights[edge.id]) for edge in graph.edges)
    lengths = dict(nx.all_pairs_dijkstra_path_length(oracle))
    ((near, far),) = far_pairs(graph, 1, weights.__getitem__)
    assert lengths[near][far] == max(max(row.values()) for row in lengths.values())


@given(trees())
def test_no_node_is_in_two_pairs(drawn: tuple[Graph[int, int], dict[int, int]]) -> None:
    graph, weights = drawn
    ends = [end for pair in far_pairs(graph, 99, weights.__getitem__) for end in pair]
    assert len(ends) == len(set(ends)) == 2 * (len(graph.nodes) // 2)
