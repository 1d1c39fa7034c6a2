"""Traffic of a sweep: what load counts, that sessions come as Erlang's do, and what cannot be offered."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from typing import Final

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.network import model_of
from keytwin.scenario.sweep_traffic import (
    BLOCK_TIME,
    GATHERING,
    MONITORED,
    Habits,
    Traffic,
    app_of,
    check_load,
    timeline,
    traffic_of,
    visits,
)
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, NodeId
from keytwin.vocabulary.timeline import AskKeys, CloseApp, OpenApp
from keytwin.vocabulary.topology import Node, Topology
from keytwin.vocabulary.units import BitsPerSecond, Duration, after, hours, in_seconds, milliseconds, minutes, seconds

LONG: Final = Habits(duration=hours(5), holding=minutes(2), every=minutes(1))


@pytest.fixture(scope="module")
def ring() -> Blueprint:
    return read_network("ring5")


@pytest.fixture(scope="module")
def busy(ring: Blueprint) -> Traffic:
    return traffic_of(ring, LONG)


# --- what load counts -----------------------------------------------------------------------------------------------


def test_load_1_reserves_on_shortest_routes_what_all_links_make(busy: Traffic) -> None:
    links = busy.blueprint.topology.links
    made = sum(model_of(busy.blueprint, link).rate().secret for link in links)
    assert busy.capacity == pytest.approx(made, abs=1)
    assert busy.hops == 1.5, "in a ring of five two nodes are one hop away and two are two"
    reserved = busy.full * 2 * busy.rate * busy.hops  # both directions of each link of the route
    assert reserved == pytest.approx(busy.capacity)


def test_without_a_rate_ten_sessions_fill_the_median_link(busy: Traffic) -> None:
    rates = sorted(model_of(busy.blueprint, link).rate().secret for link in busy.blueprint.topology.links)
    assert busy.rate == pytest.approx(rates[len(rates) // 2] / 20, rel=0.05)
    assert float(f"{busy.rate:.1e}") == busy.rate, "two digits"


def test_a_rate_that_is_given_is_taken(ring: Blueprint) -> None:
    assert traffic_of(ring, Habits(rate=BitsPerSecond(12_345))).rate == 12_345


def test_sessions_are_wanted_between_nodes_that_have_apps(ring: Blueprint) -> None:
    served = {end.node for app in ring.apps[:1] for end in app.ends}
    one = traffic_of(msgspec.structs.replace(ring, apps=ring.apps[:1]), LONG)
    assert set(one.ends) == served
    none = traffic_of(msgspec.structs.replace(ring, apps=()), LONG)
    assert none.ends == tuple(node.id for node in ring.topology.nodes)


# --- how sessions come ----------------------------------------------------------------------------------------------


def test_as_many_sessions_come_as_the_load_says(busy: Traffic) -> None:
    offered = 0.5 * busy.full
    counted = [each for each in visits(busy, 0.5, 1) if each.is_counted]
    expected = offered * LONG.duration / LONG.holding
    assert len(counted) == pytest.approx(expected, rel=4 / expected**0.5), "Poisson: four standard deviations"


def test_gaps_and_holding_times_are_exponential(busy: Traffic) -> None:
    counted = [each for each in visits(busy, 0.5, 2) if each.is_counted]
    gaps = [in_seconds(later.opens - sooner.opens) for sooner, later in pairwise(counted)]
    # The last ones are cut off by the end.
    holdings = [in_seconds(each.closes - each.opens) for each in counted[:-200]]
    for values, mean in ((gaps, in_seconds(LONG.holding) / (0.5 * busy.full)), (holdings, in_seconds(LONG.holding))):
        assert sum(values) / len(values) == pytest.approx(mean, rel=0.08)
        spread = (sum((value - mean) ** 2 for value in values) / len(values)) ** 0.5
        assert spread == pytest.approx(mean, rel=0.1), "of an exponential time the deviation is the mean"


@pytest.mark.slow
def test_at_any_time_as_many_want_to_be_there_as_load_says_from_the_start_on(busy: Traffic) -> None:
    numbers = []
    for seed in range(20):
        wanted = visits(busy, 0.5, seed)
        assert not any(each.is_counted for each in wanted if each.opens < busy.counted_from)
        numbers.append(sum(each.opens <= busy.counted_from < each.closes for each in wanted))
    assert sum(numbers) / len(numbers) == pytest.approx(0.5 * busy.full, rel=0.15)


def test_every_pair_is_as_likely_and_never_a_node_with_itself(busy: Traffic) -> None:
    pairs: dict[tuple[NodeId, NodeId], int] = {}
    wanted = visits(busy, 0.5, 3)
    for each in wanted:
        pairs[each.ends] = pairs.get(each.ends, 0) + 1
    assert len(pairs) == 20, "five nodes, in both orders"
    assert all(first != second for first, second in pairs)
    assert max(pairs.values()) < 1.5 * len(wanted) / len(pairs)


def test_seeds_differ_and_repeat(busy: Traffic) -> None:
    assert visits(busy, 0.1, 1) == visits(busy, 0.1, 1)
    assert visits(busy, 0.1, 1) != visits(busy, 0.1, 2)


def test_the_metric_has_no_say_in_what_comes(busy: Traffic) -> None:
    other = busy.on("key-aware")
    assert other.blueprint.control.routing.metric == "key-aware"
    assert other.blueprint.control.routing.k_paths == busy.blueprint.control.routing.k_paths
    assert visits(other, 0.1, 1) == visits(busy, 0.1, 1)


# --- what they do ---------------------------------------------------------------------------------------------------


def test_a_session_opens_asks_and_closes(busy: Traffic) -> None:
    wanted = visits(busy, 0.05, 1)
    scenario = timeline(busy, wanted)
    assert [step.at for step in scenario.steps] == sorted(step.at for step in scenario.steps)
    assert len(scenario.blueprint.apps) == len(wanted)
    first = [step for step in scenario.steps if getattr(step.action, "app", None) == app_of(0)]
    opens, *asks, closes = first
    assert opens.action == OpenApp(AppId("session0"))
    assert (opens.at, closes.at, closes.action) == (wanted[0].opens, wanted[0].closes, CloseApp(AppId("session0")))
    for ask in asks:
        assert isinstance(ask.action, AskKeys)
        last = opens.at + (ask.action.times - 1) * ask.action.every
        assert last <= closes.at - seconds(1) < last + ask.action.every
    assert scenario.duration > busy.ended


def test_a_short_visit_asks_for_nothing(busy: Traffic) -> None:
    long = visits(busy, 0.05, 1)[0]
    short = replace(long, closes=after(long.opens, milliseconds(500)))
    assert not any(isinstance(step.action, AskKeys) for step in timeline(busy, [short]).steps)


def test_all_reserve_the_same_rate(busy: Traffic) -> None:
    blueprint = timeline(busy, visits(busy, 0.05, 1)).blueprint
    assert {blueprint.sla_of(app).rate for app in blueprint.apps} == {busy.rate}


# --- easing ---------------------------------------------------------------------------------------------------------


def test_an_eased_network_has_longer_blocks_and_is_looked_at_more_rarely(ring: Blueprint) -> None:
    eased = traffic_of(ring, Habits()).blueprint
    assert {model_of(eased, link).block_time for link in eased.topology.links} == {BLOCK_TIME}
    assert eased.control.monitoring.probe_period == eased.control.monitoring.report_period == MONITORED
    assert eased.key_management.store < ring.key_management.store
    assert eased.control.monitoring.qber_alarm == ring.control.monitoring.qber_alarm


def test_as_it_is_nothing_is_changed_but_who_asks(ring: Blueprint) -> None:
    left = traffic_of(ring, Habits(is_eased=False)).blueprint
    assert left == msgspec.structs.replace(ring, apps=())


def test_a_store_is_large_enough_for_those_who_ask_for_all_they_reserve(ring: Blueprint) -> None:
    size, rate = ring.key_management.key_size, BitsPerSecond(25_600)
    greedy = traffic_of(ring, Habits(rate=rate, every=Duration(10**9 * size // rate)))
    frugal = traffic_of(ring, Habits(rate=rate, every=minutes(1)))
    assert frugal.blueprint.key_management.store < greedy.blueprint.key_management.store


def test_it_begins_when_every_link_has_key(ring: Blueprint) -> None:
    traffic = traffic_of(ring, Habits())
    assert traffic.opened > BLOCK_TIME
    assert traffic.counted_from - traffic.opened == GATHERING
    assert traffic.ended - traffic.counted_from == minutes(10)


# --- what cannot be offered -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("habits", "said"),
    [
        (Habits(duration=Duration(0)), "--duration must be above 0"),
        (Habits(holding=Duration(0)), "--holding must be above 0"),
        (Habits(every=Duration(0)), "--every must be above 0"),
        (Habits(rate=BitsPerSecond(0)), "--rate must be above 0: write a rate such as"),
        (Habits(rate=BitsPerSecond(8)), "a key of 256 bit every 30 s is more than a session's rate of 8 bit/s: raise"),
        (Habits(every=Duration(1)), "would ask more than 1,000,000 times: write a longer time"),
    ],
)
def test_habits_that_cannot_be_are_told_with_the_remedy(ring: Blueprint, habits: Habits, said: str) -> None:
    with pytest.raises(Mistake, match=said):
        traffic_of(ring, habits)


def test_nodes_that_no_links_join_are_named(ring: Blueprint) -> None:
    nodes = (*ring.topology.nodes, Node(NodeId("island")))
    apart = msgspec.structs.replace(ring, topology=Topology(nodes, ring.topology.links), apps=())
    with pytest.raises(Mistake, match=r"no links join .* and island: no metric could find a route"):
        traffic_of(apart, Habits())


def test_apps_at_one_node_alone_are_no_ends() -> None:
    selfpair = read_network("selfpair")
    alone = [app for app in selfpair.apps if app.is_selfpair]
    with pytest.raises(Mistake, match="its apps are all at"):
        traffic_of(msgspec.structs.replace(selfpair, apps=tuple(alone)), Habits())


def test_more_sessions_than_can_be_run_are_refused(busy: Traffic) -> None:
    check_load(busy, 0.5)
    with pytest.raises(Mistake, match=r"load 1e\+06 means some .* sessions .* raise --rate or --holding"):
        check_load(busy, 1e6)
