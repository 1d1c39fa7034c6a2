"""Ways through multigraphs, held against networkx and, on small graphs, against every way there is."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import combinations
from random import Random

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.graphs import Edge, Graph, Path

Weights = dict[str, float]
Drawn = tuple[list[Edge[int, str]], Weights]

NODES = range(7)


@st.composite
def graphs(draw: st.DrawFn, *, whole: bool = True) -> Drawn:
    """Draw up to 14 edges between seven nodes: parallel, directed, self-loops; weights from 0 on, whole or not."""
    ends = st.integers(min(NODES), max(NODES))
    edges = draw(st.lists(st.tuples(ends, ends, st.booleans()), max_size=14))
    named = [Edge(f"e{place:02}", *edge) for place, edge in enumerate(edges)]
    weight = st.integers(0, 5) if whole else st.floats(0, 5, allow_subnormal=False)
    return named, {edge.id: draw(weight) for edge in named}


def graph_of(edges: Iterable[Edge[int, str]]) -> Graph[int, str]:
    return Graph(NODES, edges)


def oracle(edges: Iterable[Edge[int, str]], weights: Weights) -> nx.MultiDiGraph:
    graph = nx.MultiDiGraph()
    graph.add_nodes_from(NODES)
    for edge in edges:
        graph.add_edge(edge.source, edge.target, key=edge.id, weight=weights[edge.id])
        if not edge.directed:
            graph.add_edge(edge.target, edge.source, key=edge.id, weight=weights[edge.id])
    return graph


def every_way(graph: nx.MultiDiGraph, source: int, target: int) -> list[tuple[tuple[int, ...], tuple[str, ...]]]:
    ways = nx.all_simple_edge_paths(graph, source, target)
    return [((source, *(step[1] for step in way)), tuple(step[2] for step in way)) for way in ways]


def assert_is_way(path: Path[int, str], edges: list[Edge[int, str]], source: int, target: int) -> None:
    known = {edge.id: edge for edge in edges}
    assert (path.nodes[0], path.nodes[-1]) == (source, target)
    assert len(path.nodes) == len(path.edges) + 1 == len(set(path.nodes))
    for start, end, edge in zip(path.nodes, path.nodes[1:], path.edges, strict=False):
        there = (known[edge].source, known[edge].target)
        assert (start, end) == there or (not known[edge].directed and (end, start) == there)


# --- shortest ---------------------------------------------------------------------------------------------------------


@given(graphs(whole=False))
def test_the_shortest_path_weighs_what_networkx_says(drawn: Drawn) -> None:
    edges, weights = drawn
    path = graph_of(edges).shortest_path(0, 1, weights.__getitem__)
    reference = oracle(edges, weights)
    if path is None:
        assert not nx.has_path(reference, 0, 1)
    else:
        assert_is_way(path, edges, 0, 1)
        assert path.weight == pytest.approx(nx.dijkstra_path_length(reference, 0, 1))


@given(graphs())
def test_among_equals_fewer_edges_win_then_sorting_order(drawn: Drawn) -> None:
    edges, weights = drawn
    path = graph_of(edges).shortest_path(0, 1, weights.__getitem__)
    ways = every_way(oracle(edges, weights), 0, 1)
    ranked = sorted(ways, key=lambda way: (sum(map(weights.__getitem__, way[1])), len(way[1]), step_by_step(*way)))
    assert (None if path is None else (path.nodes, path.edges)) == (ranked[0] if ranked else None)


def step_by_step(nodes: tuple[int, ...], edges: tuple[str, ...]) -> list[tuple[int, str]]:
    return list(zip(nodes[1:], edges, strict=True))


@given(graphs(), st.randoms())
def test_the_order_of_the_edges_does_not_matter(drawn: Drawn, shuffler: Random) -> None:
    edges, weights = drawn
    shuffled = edges.copy()
    shuffler.shuffle(shuffled)
    first, second = graph_of(edges), graph_of(shuffled)
    assert first.shortest_path(0, 1, weights.__getitem__) == second.shortest_path(0, 1, weights.__getitem__)
    assert first.disjoint_paths(0, 1, 3, weights.__getitem__) == second.disjoint_paths(0, 1, 3, weights.__getitem__)
    assert first.widest_path(0, 1, weights.__getitem__) == second.widest_path(0, 1, weights.__getitem__)


@given(graphs(whole=False))
def test_distances_are_those_of_networkx(drawn: Drawn) -> None:
    edges, weights = drawn
    found = graph_of(edges).distances(0, weights.__getitem__)
    assert found == pytest.approx(nx.single_source_dijkstra_path_length(oracle(edges, weights), 0))
    assert found[0] == 0


def test_distances_leave_out_what_may_not_be_used() -> None:
    graph = Graph("abc", [Edge("x", "a", "b"), Edge("y", "b", "c")])
    assert graph.distances("a", usable=lambda edge: edge == "x") == {"a": 0, "b": 1}


def test_a_whole_weight_stays_whole() -> None:
    path = Graph("abc", [Edge("x", "a", "b"), Edge("y", "b", "c")]).shortest_path("a", "c")
    assert path == Path(("a", "b", "c"), ("x", "y"), 2)
    assert isinstance(path.weight, int)


def test_the_way_to_oneself_is_empty() -> None:
    graph = Graph("ab", [Edge("x", "a", "b")])
    assert graph.shortest_path("a", "a") == Path(("a",), (), 0)
    widest = graph.widest_path("a", "a", lambda _: 1)
    assert widest is not None
    assert widest[0].edges == ()


def test_a_directed_edge_is_crossed_one_way_only() -> None:
    graph = Graph("ab", [Edge("x", "a", "b", directed=True)])
    assert graph.shortest_path("a", "b") is not None
    assert graph.shortest_path("b", "a") is None


def test_unusable_edges_are_neither_crossed_nor_weighed() -> None:
    graph = Graph("ab", [Edge("cut", "a", "b"), Edge("whole", "a", "b")])

    def weight(edge: str) -> int:
        assert edge == "whole"
        return 1

    path = graph.shortest_path("a", "b", weight, lambda edge: edge != "cut")
    assert path == Path(("a", "b"), ("whole",), 1)


def test_an_unknown_node_is_a_key_error() -> None:
    with pytest.raises(KeyError):
        Graph("ab", [Edge("x", "a", "b")]).shortest_path("a", "z")


# --- widest -----------------------------------------------------------------------------------------------------------


@given(graphs())
def test_the_widest_path_is_the_widest_of_all_and_then_the_shortest(drawn: Drawn) -> None:
    edges, widths = drawn
    found = graph_of(edges).widest_path(0, 1, widths.__getitem__)
    ways = every_way(oracle(edges, widths), 0, 1)
    if found is None:
        assert ways == []
        return
    path, width = found
    assert_is_way(path, edges, 0, 1)
    assert (
        width == min(widths[edge] for edge in path.edges) == max(min(map(widths.__getitem__, way[1])) for way in ways)
    )
    as_wide = [len(way[1]) for way in ways if min(map(widths.__getitem__, way[1])) == width]
    assert path.weight == len(path.edges) == min(as_wide)


# --- disjoint ---------------------------------------------------------------------------------------------------------


@given(graphs(whole=False), st.integers(1, 4))
def test_disjoint_paths_are_as_many_and_as_light_as_any_choice_of_ways(drawn: Drawn, most: int) -> None:
    edges, weights = drawn
    paths = graph_of(edges).disjoint_paths(0, 1, most, weights.__getitem__)
    for path in paths:
        assert_is_way(path, edges, 0, 1)
    assert are_disjoint([(path.nodes, path.edges) for path in paths])
    assert [path.weight for path in paths] == sorted(path.weight for path in paths)

    best = lightest_choice(every_way(oracle(edges, weights), 0, 1), weights, most)
    assert len(paths) == best[0]
    assert sum(path.weight for path in paths) == pytest.approx(best[1], abs=1e-9)


def are_disjoint(ways: Iterable[tuple[tuple[int, ...], tuple[str, ...]]]) -> bool:
    ways = list(ways)
    inner = [node for nodes, _ in ways for node in nodes[1:-1]]
    crossed = [edge for _, edges in ways for edge in edges]
    return len(inner) == len(set(inner)) and len(crossed) == len(set(crossed))


def lightest_choice(
    ways: list[tuple[tuple[int, ...], tuple[str, ...]]], weights: Weights, most: int
) -> tuple[int, float]:
    """Try every choice of ways: how many of them can be disjoint, and the least weight of so many."""
    lightest: dict[tuple[int, ...], tuple[tuple[int, ...], tuple[str, ...]]] = {}
    direct = [way for way in ways if len(way[1]) == 1]  # parallel edges between the ends are ways of their own
    for way in ways:
        kept = lightest.setdefault(way[0], way)
        lightest[way[0]] = min(kept, way, key=lambda each: sum(map(weights.__getitem__, each[1])))
    candidates = direct + [way for nodes, way in lightest.items() if len(nodes) > 2]
    for count in range(most, 0, -1):
        totals = [
            sum(weights[edge] for _, crossed in choice for edge in crossed)
            for choice in combinations(candidates, count)
            if are_disjoint(choice)
        ]
        if totals:
            return count, min(totals)
    return 0, 0.0


def test_disjoint_paths_give_up_the_shortest_way_when_it_blocks_two_others() -> None:
    """The trap graph: taking the shortest way s-a-b-t first leaves no second one."""
    edges = [
        Edge("sa", "s", "a"),
        Edge("ab", "a", "b"),
        Edge("bt", "b", "t"),
        Edge("sb", "s", "b"),
        Edge("at", "a", "t"),
    ]
    weights = {"sa": 1, "ab": 1, "bt": 1, "sb": 3, "at": 3}
    graph = Graph("sabt", edges)
    assert graph.disjoint_paths("s", "t", 1, weights.__getitem__)[0].edges == ("sa", "ab", "bt")
    assert [path.edges for path in graph.disjoint_paths("s", "t", 2, weights.__getitem__)] == [
        ("sa", "at"),
        ("sb", "bt"),
    ]


def test_parallel_links_are_disjoint_ways() -> None:
    graph = Graph("ab", [Edge("x", "a", "b"), Edge("y", "a", "b"), Edge("z", "b", "a", directed=True)])
    assert [path.edges for path in graph.disjoint_paths("a", "b", 5)] == [("x",), ("y",)]


def test_disjoint_paths_see_the_failures_of_each_query_afresh() -> None:
    graph = Graph("abc", [Edge("ab", "a", "b"), Edge("ac", "a", "c"), Edge("cb", "c", "b")])
    assert len(graph.disjoint_paths("a", "b", 3)) == 2
    assert [path.edges for path in graph.disjoint_paths("a", "b", 3, usable=lambda edge: edge != "ab")] == [
        ("ac", "cb")
    ]
    assert len(graph.disjoint_paths("a", "b", 3)) == 2


# --- what hangs together ----------------------------------------------------------------------------------------------


@given(graphs())
def test_components_and_bridges_are_those_of_networkx(drawn: Drawn) -> None:
    edges, _ = drawn
    reference = nx.MultiGraph()
    reference.add_nodes_from(NODES)
    reference.add_edges_from((edge.source, edge.target, edge.id) for edge in edges)
    graph = graph_of(edges)
    assert graph.components() == tuple(sorted(tuple(sorted(group)) for group in nx.connected_components(reference)))

    groups = len(graph.components())
    splitting = tuple(edge.id for edge in edges if len(without(graph, edge.id).components()) > groups)
    assert graph.bridges() == splitting


def without(graph: Graph[int, str], cut: str) -> Graph[int, str]:
    return Graph(graph.nodes, [edge for edge in graph.edges if edge.id != cut])


def test_bridges_of_what_is_left() -> None:
    graph = Graph("abc", [Edge("ab", "a", "b"), Edge("bc", "b", "c"), Edge("ca", "c", "a")])
    assert graph.bridges() == ()
    assert graph.bridges(lambda edge: edge != "ca") == ("ab", "bc")


def test_neighbours_are_named_once() -> None:
    edges = [Edge("1", "a", "b"), Edge("2", "b", "a"), Edge("3", "c", "a", directed=True), Edge("4", "a", "a")]
    graph = Graph("abc", edges)
    assert graph.neighbours("a") == ("b",)
    assert graph.neighbours("c") == ("a",)
    assert graph.neighbours("a", lambda edge: edge == "3") == ()


def test_graph_shows_its_nodes_and_edges_sorted() -> None:
    graph = Graph("ba", [Edge("y", "b", "a"), Edge("x", "a", "b")])
    assert graph.nodes == ("a", "b")
    assert [edge.id for edge in graph.edges] == ["x", "y"]


def test_a_repeated_identifier_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        Graph("ab", [Edge("x", "a", "b"), Edge("x", "a", "b")])


def test_a_weight_below_zero_is_our_bug() -> None:
    with pytest.raises(AssertionError):
        Graph("ab", [Edge("x", "a", "b")]).shortest_path("a", "b", lambda _: -1)
