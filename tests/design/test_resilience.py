"""What is left when the worst fails: against networks worked out by hand, and against trying everything."""

from __future__ import annotations

from itertools import combinations

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.resilience import (
    MOST_SETS,
    compromise,
    links_survived,
    nodes_survived,
    worst_group_failure,
    worst_link_failure,
    worst_node_failure,
)
from keytwin.design.throughput import Demand, Overhead, Span
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.units import Bits

A, B, C, D = (NodeId(name) for name in "abcd")
EVERYBODY = frozenset((A, B, C, D))
FREE = Overhead(Bits(10**12), 1)
NODES = [NodeId(f"n{index}") for index in range(5)]
PAIRS = st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda pair: pair[0] != pair[1])


def span(first: NodeId, second: NodeId, capacity: float, name: str = "") -> Span:
    return Span(LinkId(f"{first}--{second}{name}"), (first, second), capacity)


RING = (span(A, B, 10.0), span(B, C, 8.0), span(C, D, 6.0), span(A, D, 10.0))
ACROSS = [Demand((A, C), 1.0)]


def test_the_worst_cut_of_a_ring_leaves_the_weaker_way() -> None:
    worst = worst_link_failure(RING, ACROSS, EVERYBODY, overhead=FREE)
    assert worst.failed == ("a--b",)  # the first of those that leave 6
    assert worst.left.share == pytest.approx(6.0)
    two = worst_link_failure(RING, ACROSS, EVERYBODY, 2)
    assert (two.left.share, two.left.stranded) == (0.0, tuple(ACROSS))


def test_nothing_fails_when_nothing_is_to_fail() -> None:
    worst = worst_link_failure(RING, ACROSS, EVERYBODY, 0, FREE)
    assert worst.failed == ()
    assert worst.left.share == pytest.approx(14.0)


def test_links_of_one_medium_fail_together() -> None:
    spans = (span(A, C, 5.0, "/fibre"), span(A, C, 1.0, "/satellite"))
    media = {"fibre": (LinkId("a--c/fibre"),), "satellite": (LinkId("a--c/satellite"),)}
    worst = worst_group_failure(spans, ACROSS, frozenset(), media)
    assert worst.failed == ("fibre",)
    assert worst.left.share == pytest.approx(1.0)
    assert worst_group_failure(spans, ACROSS, frozenset(), media, 2).left.share == 0.0


def test_a_node_takes_its_links_along_and_ends_are_spared() -> None:
    worst = worst_node_failure(RING, ACROSS, EVERYBODY, overhead=FREE)
    assert worst.failed == (B,)
    assert worst.left.share == pytest.approx(6.0)
    neighbours = worst_node_failure(RING, [Demand((A, B), 1.0)], frozenset((A, B)), overhead=FREE)
    assert neighbours.failed == ()
    assert neighbours.left.share == pytest.approx(10.0)


def test_too_many_ways_to_fail_are_refused() -> None:
    many = [span(NodeId(f"n{index}"), NodeId(f"n{index + 1}"), 1.0) for index in range(400)]
    with pytest.raises(Mistake, match=r"ways for 2 of 400 to fail are more than 20,000: ask for fewer"):
        worst_link_failure(many, [Demand((NodeId("n0"), NodeId("n1")), 1.0)], frozenset(), 2)
    assert MOST_SETS == 20_000


@given(st.lists(PAIRS, min_size=1, max_size=8), PAIRS)
def test_as_many_links_are_survived_as_trying_all_says(
    wires: list[tuple[NodeId, NodeId]], ends: tuple[NodeId, NodeId]
) -> None:
    spans = [span(*pair, 1.0, f"/l{index}") for index, pair in enumerate(wires)]
    survived = links_survived(spans, ends, frozenset(NODES))
    assert survived == _tried(spans, ends)


def _tried(spans: list[Span], ends: tuple[NodeId, NodeId]) -> int:
    """Return the most links of which any may be taken away; -1 when not even none may."""
    for count in range(len(spans) + 1):
        for gone in combinations(spans, count):
            graph = nx.Graph([each.ends for each in spans if each not in gone])
            graph.add_nodes_from(NODES)
            if not nx.has_path(graph, *ends):
                return count - 1
    raise AssertionError("taking all links away leaves no way")


@given(st.lists(PAIRS, min_size=1, max_size=10, unique_by=frozenset), PAIRS)
def test_as_many_relays_are_survived_as_networkx_says(
    wires: list[tuple[NodeId, NodeId]], ends: tuple[NodeId, NodeId]
) -> None:
    spans = [span(*pair, 1.0) for pair in wires]
    graph = nx.Graph(wires)
    graph.add_nodes_from(NODES)
    expected = None if graph.has_edge(*ends) else nx.node_connectivity(graph, *ends) - 1
    assert nodes_survived(spans, ends, frozenset(NODES)) == expected


def test_a_dark_link_and_a_stranger_carry_nothing() -> None:
    spans = (span(A, B, 1.0), span(B, C, 1.0), span(A, C, 0.0))
    assert links_survived(spans, (A, C), frozenset({B})) == 0
    assert links_survived(spans, (A, C), frozenset()) == -1
    assert nodes_survived(spans, (A, C), frozenset({B})) == 0
    assert nodes_survived(spans, (A, C), frozenset()) == -1
    assert links_survived(spans, (A, D), EVERYBODY) == -1


def test_a_key_of_several_shares_is_known_only_to_who_has_them_all() -> None:
    risks = {A: 0.1, B: 0.1, C: 0.2}
    assert compromise([[A, B]], risks) == pytest.approx(1 - 0.9**2)
    assert compromise([[A, B], [C]], risks) == pytest.approx((1 - 0.9**2) * 0.2)
    assert compromise([[], [C]], risks) == 0.0  # a direct link has no relay
    assert compromise([[D]], risks) == 0.0
    with pytest.raises(AssertionError, match="not independent"):
        compromise([[A], [A]], risks)
