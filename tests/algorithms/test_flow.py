"""The largest flow between two nodes, against what is known by hand and against another solver."""

from __future__ import annotations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.flow import largest_flow

DIAMOND = [("s", "a"), ("s", "b"), ("a", "t"), ("b", "t"), ("a", "b")]


def test_all_ways_are_used_together() -> None:
    found = largest_flow(DIAMOND, [3.0, 2.0, 2.0, 2.0, 5.0], "s", "t", "ab")
    assert found.value == 4.0
    assert found.used[2:4] == (2.0, 2.0)
    assert found.cut == (2, 3)


def test_only_what_may_pass_is_on_the_way() -> None:
    found = largest_flow(DIAMOND, [3.0, 2.0, 2.0, 1.0, 5.0], "s", "t", "a")
    assert (found.value, found.used, found.cut) == (2.0, (2.0, 0.0, 2.0, 0.0, 0.0), (2,))
    assert largest_flow(DIAMOND, [1.0] * 5, "s", "t", "").value == 0.0


def test_ends_that_may_pass_do_not_feed_themselves() -> None:
    assert largest_flow(DIAMOND, [3.0, 2.0, 2.0, 2.0, 5.0], "s", "t", "abst").value == 4.0


def test_nothing_flows_where_there_is_no_line() -> None:
    assert largest_flow([], [], "s", "t", "").value == 0.0
    assert largest_flow([("s", "a")], [4.0], "s", "t", "a").cut == ()


NODES = "stabcd"
LINES = st.lists(
    st.tuples(st.sampled_from(NODES), st.sampled_from(NODES), st.floats(0, 100)).filter(
        lambda line: line[0] != line[1]
    ),
    max_size=14,
)


@given(LINES, st.sets(st.sampled_from(NODES)))
def test_flow_cut_and_another_solver_agree(lines: list[tuple[str, str, float]], passing: set[str]) -> None:
    ends, widths = [line[:2] for line in lines], [line[2] for line in lines]
    found = largest_flow(ends, widths, "s", "t", passing)
    graph = nx.Graph()
    graph.add_nodes_from("st")
    for first, second, width in lines:
        if {first, second} <= passing | {"s", "t"}:
            before = graph.get_edge_data(first, second, {"capacity": 0.0})["capacity"]
            graph.add_edge(first, second, capacity=before + width)
    assert found.value == pytest.approx(nx.maximum_flow_value(graph, "s", "t"), rel=1e-9, abs=1e-9)
    # The cut says the same from the other side, and no line carries more than it is wide.
    assert sum(widths[place] for place in found.cut) == pytest.approx(found.value, rel=1e-9, abs=1e-9)
    assert all(used <= width * (1 + 1e-9) for used, width in zip(found.used, widths, strict=True))
