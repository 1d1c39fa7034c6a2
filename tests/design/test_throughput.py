"""The key that a network sustains for all demands at once, against what is known by hand and by another solver."""

from __future__ import annotations

from math import inf

import networkx as nx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.throughput import Demand, Overhead, Span, bottleneck, sustained
from keytwin.vocabulary.identity import LinkId, NodeId
from keytwin.vocabulary.units import Bits

A, B, C, D = (NodeId(name) for name in "abcd")
FREE = Overhead(Bits(10**12), 1)
"""Relaying with a tag that costs nothing to speak of."""


def span(first: NodeId, second: NodeId, capacity: float, name: str = "") -> Span:
    return Span(LinkId(f"{first}--{second}{name}"), (first, second), capacity)


RING = (span(A, B, 10.0), span(B, C, 10.0), span(C, D, 10.0), span(A, D, 10.0))
EVERYBODY = frozenset((A, B, C, D))


def test_neighbours_use_the_quantum_key_itself() -> None:
    found = sustained([span(A, B, 10.0)], [Demand((A, B), 4.0)], frozenset())
    assert found.share == pytest.approx(2.5)
    assert found.headroom == pytest.approx(1.5)
    assert found.load == {"a--b": pytest.approx(10.0)}
    assert found.priced == ("a--b",)


def test_a_relayed_key_costs_every_hop_its_part_of_the_tag() -> None:
    chain = [span(A, B, 10.0), span(B, C, 20.0)]
    found = sustained(chain, [Demand((A, C), 1.0)], frozenset({B}), Overhead(Bits(256), 4))
    assert found.share == pytest.approx(10.0 / 1.25)  # (4 x 256 + 256) / (4 x 256)
    assert found.load[LinkId("b--c")] == pytest.approx(10.0)
    assert bottleneck(chain, [Demand((A, C), 1.0)], frozenset({B})) == ("a--b",)


def test_links_that_limit_alike_are_all_named() -> None:
    star = [span(A, B, 1.0), span(A, C, 1.0), span(A, D, 5.0)]
    demands = [Demand((A, B), 1.0), Demand((A, C), 1.0), Demand((A, D), 1.0)]
    assert bottleneck(star, demands, EVERYBODY) == ("a--b", "a--c")
    assert bottleneck(star[:2], demands, EVERYBODY) == ()


def test_both_ways_round_a_ring_are_used_together() -> None:
    assert sustained(RING, [Demand((A, C), 1.0)], EVERYBODY, FREE).share == pytest.approx(20.0)
    both = [Demand((A, C), 1.0), Demand((B, D), 1.0)]  # four hop-lengths each of forty: by hand 10 each
    assert sustained(RING, both, EVERYBODY, FREE).share == pytest.approx(10.0)


def test_parallel_links_add_up() -> None:
    pair = [span(A, B, 3.0), span(A, B, 4.0, "/second")]
    assert sustained(pair, [Demand((B, A), 1.0)], frozenset()).share == pytest.approx(7.0)


def test_only_relays_pass_key_on() -> None:
    found = sustained(RING, [Demand((A, C), 1.0)], frozenset({B}), FREE)
    assert found.share == pytest.approx(10.0)
    assert found.load[LinkId("c--d")] == 0.0
    demand = Demand((A, C), 1.0)
    nowhere = sustained(RING, [demand, Demand((A, B), 1.0)], frozenset())
    assert (nowhere.share, nowhere.stranded, nowhere.headroom) == (0.0, (demand,), -1.0)
    assert set(nowhere.load.values()) == {0.0}


def test_a_link_that_is_down_carries_nothing() -> None:
    cut = [each._replace(capacity=0.0) if each.id == "a--b" else each for each in RING]
    found = sustained(cut, [Demand((A, C), 1.0)], EVERYBODY, FREE)
    assert found.share == pytest.approx(10.0)
    assert found.load[LinkId("a--b")] == 0.0
    dark = [each._replace(capacity=0.0) for each in RING]
    assert sustained(dark, [Demand((A, C), 1.0)], EVERYBODY).stranded


def test_shares_are_fair_whatever_the_size_of_a_demand() -> None:
    found = sustained([span(A, B, 9.0)], [Demand((A, B), 1.0), Demand((B, A), 2.0)], frozenset())
    assert found.share == pytest.approx(3.0)


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_units_do_not_matter(scale: float) -> None:
    spans = [each._replace(capacity=each.capacity * scale) for each in RING]
    assert sustained(spans, [Demand((A, C), scale)], EVERYBODY, FREE).share == pytest.approx(20.0)


NODES = [NodeId(f"n{index}") for index in range(6)]
PAIRS = st.tuples(st.sampled_from(NODES), st.sampled_from(NODES)).filter(lambda pair: pair[0] != pair[1])


@given(st.lists(st.tuples(PAIRS, st.integers(0, 50)), min_size=1, max_size=12), PAIRS)
def test_one_demand_gets_the_maximum_flow(
    wires: list[tuple[tuple[NodeId, NodeId], int]], ends: tuple[NodeId, NodeId]
) -> None:
    spans = [span(*pair, float(capacity), f"/l{index}") for index, (pair, capacity) in enumerate(wires)]
    graph = nx.Graph()
    graph.add_nodes_from(NODES)
    for each in spans:
        before = graph.get_edge_data(*each.ends, {"capacity": 0.0})["capacity"]
        graph.add_edge(*each.ends, capacity=before + each.capacity)
    expected = nx.maximum_flow_value(graph, *ends)
    found = sustained(spans, [Demand(ends, 1.0)], frozenset(NODES), FREE)
    assert found.share == pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert bool(found.stranded) == (expected == 0)


@given(
    st.lists(st.tuples(PAIRS, st.integers(1, 50)), min_size=3, max_size=12),
    st.lists(st.tuples(PAIRS, st.integers(1, 9)), min_size=1, max_size=4),
)
def test_no_link_spends_more_than_it_has_and_some_link_limits(
    wires: list[tuple[tuple[NodeId, NodeId], int]], wanted: list[tuple[tuple[NodeId, NodeId], int]]
) -> None:
    spans = [span(*pair, float(capacity), f"/l{index}") for index, (pair, capacity) in enumerate(wires)]
    demands = [Demand(pair, float(rate)) for pair, rate in wanted]
    found = sustained(spans, demands, frozenset(NODES))
    assert all(found.load[each.id] <= each.capacity * (1 + 1e-6) for each in spans)
    assert found.share < inf
    limits = bottleneck(spans, demands, frozenset(NODES))
    assert bool(limits) != bool(found.stranded)
    if limits:
        wider = [each._replace(capacity=each.capacity * (2 if each.id in limits else 1)) for each in spans]
        assert sustained(wider, demands, frozenset(NODES)).share > found.share * (1 + 1e-9)


@given(
    st.lists(st.tuples(PAIRS, st.just(0.0) | st.floats(0.01, 50)), min_size=1, max_size=12),
    PAIRS,
    st.sets(st.sampled_from(NODES)),
)
def test_a_demand_alone_is_served_as_the_programme_serves_its_halves(
    wires: list[tuple[tuple[NodeId, NodeId], float]], ends: tuple[NodeId, NodeId], passing: set[NodeId]
) -> None:
    spans = [span(*pair, capacity, f"/l{index}") for index, (pair, capacity) in enumerate(wires)]
    relays = frozenset(passing)
    alone = sustained(spans, [Demand(ends, 2.0)], relays)
    halves = sustained(spans, [Demand(ends, 1.0), Demand(ends, 1.0)], relays)
    assert alone.share == pytest.approx(halves.share, rel=1e-6, abs=1e-9)
    assert bool(alone.stranded) == bool(halves.stranded)
    assert all(alone.load[each.id] <= each.capacity * (1 + 1e-9) for each in spans)
    # What limits one limits the other: more of it lets both grow.
    if alone.share > 0:
        limits = bottleneck(spans, [Demand(ends, 2.0)], relays)
        wider = [each._replace(capacity=2 * each.capacity if each.id in limits else each.capacity) for each in spans]
        assert sustained(wider, [Demand(ends, 1.0), Demand(ends, 1.0)], relays).share > halves.share


def test_an_answer_that_is_known_is_the_one_that_was_found() -> None:
    demands = [Demand((A, C), 1.0), Demand((B, D), 1.0)]
    first = sustained(RING, demands, EVERYBODY)
    assert sustained(list(RING), tuple(demands), frozenset(EVERYBODY)) is first
    # Another capacity, demand or relay is another question.
    assert sustained([*RING[:3], RING[3]._replace(capacity=9.0)], demands, EVERYBODY).share != first.share
    assert sustained(RING, [demands[0], demands[1]._replace(rate=2.0)], EVERYBODY).share != first.share
    assert sustained(RING, demands, frozenset((B, D))).share != first.share


def test_a_link_that_gives_next_to_nothing_limits_all_the_same() -> None:
    spans = [span(A, B, 1e-20), span(B, C, 5.0), span(A, D, 1e9)]
    found = sustained(spans, [Demand((A, C), 1.0)], EVERYBODY, FREE)
    assert found.share == pytest.approx(1e-20)
    assert found.stranded == ()
    assert bottleneck(spans, [Demand((A, C), 1.0)], EVERYBODY, FREE) == ("a--b",)
