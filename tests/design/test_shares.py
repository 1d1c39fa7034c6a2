"""Keys in shares: the weaker of two routes decides, and a failure that takes one of them takes the key."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.design.measures import find_out
from keytwin.design.need import Condition, Failure
from keytwin.design.shares import disjoint_ways, sustained_in_shares
from keytwin.design.throughput import Demand, Overhead, Span, sustained
from keytwin.vocabulary.identity import LinkId, NodeId, link_ends
from tests.design.cases import need
from tests.design.plans import plan

PLAIN = Overhead(batch=10**12)
"""Without what tags cost."""


def span(name: str, capacity: float) -> Span:
    first, second = link_ends(LinkId(name))
    return Span(LinkId(name), (first, second), capacity)


def pair(name: str) -> tuple[NodeId, NodeId]:
    return link_ends(LinkId(name))


def relays(letters: str) -> frozenset[NodeId]:
    return frozenset(map(NodeId, letters))


SQUARE = (span("a--r", 10.0), span("r--b", 8.0), span("a--s", 4.0), span("s--b", 6.0))


def test_the_weaker_route_decides_and_both_are_spent_alike() -> None:
    found = sustained_in_shares(SQUARE, [Demand(pair("a--b"), 2.0)], relays("rs"), 2, PLAIN)
    assert found.share == pytest.approx(2.0)  # 4 bit/s over s, of 2 that are asked for
    assert found.priced == ("a--s",)
    assert dict(found.load) == pytest.approx({"a--r": 4.0, "r--b": 4.0, "a--s": 4.0, "s--b": 4.0})


def test_whole_keys_may_use_both_routes_and_so_get_more() -> None:
    whole = sustained(SQUARE, [Demand(pair("a--b"), 2.0)], relays("rs"), PLAIN)
    assert whole.share == pytest.approx((8.0 + 4.0) / 2.0)


def test_demands_that_meet_on_a_link_share_it() -> None:
    spans = (*SQUARE, span("c--r", 100.0), span("c--s", 100.0))
    asked = [Demand(pair("a--b"), 1.0), Demand(pair("c--b"), 1.0)]
    found = sustained_in_shares(spans, asked, relays("rs"), 2, PLAIN)
    assert found.share == pytest.approx(3.0)  # s -- b carries both: 6 bit/s
    assert found.priced == ("s--b",)


def test_a_pair_with_fewer_routes_is_stranded() -> None:
    asked = Demand(pair("a--b"), 1.0)
    found = sustained_in_shares(SQUARE[:2], [asked], relays("rs"), 2, PLAIN)
    assert (found.share, found.stranded) == (0.0, (asked,))
    dark = (*SQUARE[:3], SQUARE[3]._replace(capacity=0.0))
    assert sustained_in_shares(dark, [asked], relays("rs"), 2, PLAIN).stranded == (asked,)


def test_relaying_costs_its_part_of_a_tag_and_neighbours_pay_none() -> None:
    spans = (span("a--b", 5.0), span("a--r", 5.0), span("r--b", 5.0))
    found = sustained_in_shares(spans, [Demand(pair("a--b"), 1.0)], relays("r"), 2, Overhead(batch=1))
    assert found.share == pytest.approx(2.5)  # a tag key of 256 bit for each key of 256 bit
    assert found.load[LinkId("a--b")] == pytest.approx(2.5)


def test_a_node_that_may_not_relay_is_on_no_route() -> None:
    assert len(disjoint_ways(SQUARE, pair("a--b"), relays("r"), 2)) == 1
    assert len(disjoint_ways(SQUARE, pair("a--b"), relays("rs"), 2)) == 2


@given(st.lists(st.floats(1.0, 1e6), min_size=4, max_size=4), st.floats(0.1, 1e3))
def test_shares_never_get_more_than_whole_keys(capacities: list[float], rate: float) -> None:
    spans = [each._replace(capacity=capacity) for each, capacity in zip(SQUARE, capacities, strict=True)]
    asked = [Demand(pair("a--b"), rate)]
    in_shares = sustained_in_shares(spans, asked, relays("rs"), 2)
    assert in_shares.share * rate == pytest.approx(min(capacities) / Overhead().factor)
    assert in_shares.share <= sustained(spans, asked, relays("rs")).share * (1 + 1e-9)


def test_the_measures_of_a_plan_go_by_its_shares() -> None:
    whole = plan({"a--r": 10.0, "r--b": 8.0, "a--s": 4.0, "s--b": 6.0}, {"a--b": 2.0}, relays="rs", store=1_000)
    shared = replace(whole, routes=2)
    asked = need("key-rate", 2.0, "a--b")
    for subject, least, most in ((whole, 11.0, 12.0), (shared, 3.9, 4.0)):
        found = find_out(subject, asked, (pair("a--b"),))
        assert found is not None
        assert least < found.value <= most
    cut = replace(asked, under=Condition(Failure.CUT))
    kept, lost = (find_out(each, cut, (pair("a--b"),)) for each in (whole, shared))
    assert kept is not None
    assert lost is not None
    # Whole keys go another way; of two shares both are needed.
    assert kept.value > 3.9
    assert (lost.value, lost.remark) == (0.0, "no way is left for a -- b")
    autonomy = find_out(shared, need("autonomy", 1.0), (pair("a--b"),))
    assert autonomy is not None
    assert autonomy.value == pytest.approx(1e9 * 1_000 / 2.0, rel=0.02)
