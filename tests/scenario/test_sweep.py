"""Sweeps: equal plans give equal rows on any number of processes, load blocks, and what a row says is true."""

from __future__ import annotations

import pickle
from dataclasses import replace
from math import inf
from typing import Final

import pytest
from msgspec import structs

from keytwin.control.metrics import LinkView
from keytwin.files.network import read_network
from keytwin.network import Plugins
from keytwin.scenario.sweep import MEASURES, MOST_RUNS, Cell, Plan, Row, jain, plan_of, run_cell, run_sweep
from keytwin.scenario.sweep_traffic import Habits, Traffic, traffic_of
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.topology import Node, Topology
from keytwin.vocabulary.units import BitsPerSecond, hours, minutes, seconds

SHORT: Final = Habits(duration=seconds(40), holding=seconds(20), every=seconds(5))


def by_delay(link: LinkView) -> float:
    """A metric of a user's own module, which other processes can import."""
    return float(link.delay or 1)


@pytest.fixture(scope="module")
def traffic() -> Traffic:
    return traffic_of(read_network("ring5"), SHORT)


@pytest.fixture(scope="module")
def calm(traffic: Traffic) -> Row:
    return run_cell(traffic, None, Cell("hops", 0.1, 1))


@pytest.fixture(scope="module")
def crowded(traffic: Traffic) -> Row:
    return run_cell(traffic, None, Cell("hops", 2.0, 1))


def test_all_metrics_at_all_loads_with_all_seeds_are_run_in_this_order(traffic: Traffic) -> None:
    plan = plan_of(traffic, ["residual", "hops"], [0.5, 0.1], [3, 1])
    assert plan.cells[:3] == (Cell("residual", 0.5, 3), Cell("residual", 0.5, 1), Cell("residual", 0.1, 3))
    assert len(plan.cells) == 8


def test_equal_cells_give_equal_rows(traffic: Traffic, calm: Row) -> None:
    assert run_cell(traffic, None, Cell("hops", 0.1, 1)) == calm
    assert run_cell(traffic, None, Cell("hops", 0.1, 2)) != calm


@pytest.mark.slow
def test_processes_change_nothing(traffic: Traffic) -> None:
    plan = plan_of(traffic, ["hops", "key-aware"], [0.3, 0.6], [1, 2])
    alone = list(run_sweep(plan, jobs=1))
    assert list(run_sweep(plan, jobs=2)) == alone
    assert [(row.metric, row.load, row.seed) for row in alone] == [
        (cell.metric, cell.load, cell.seed) for cell in plan.cells
    ]


@pytest.mark.slow
def test_plug_ins_go_along_to_other_processes(traffic: Traffic) -> None:
    plugins = Plugins(metrics={"mine": pickle.loads(pickle.dumps(by_delay))})  # noqa: S301  # our own
    plan = plan_of(traffic, ["mine"], [0.1], [1, 2], plugins)
    assert list(run_sweep(plan, 2, plugins)) == list(run_sweep(plan, 1, plugins))


def test_metrics_are_compared_on_equal_traffic(traffic: Traffic, calm: Row) -> None:
    other = run_cell(traffic, None, Cell("residual", 0.1, 1))
    assert other.sessions == calm.sessions


# --- what a row says ------------------------------------------------------------------------------------------------


def test_a_network_at_ease_carries_all_and_gives_all_keys(calm: Row) -> None:
    assert calm.sessions > 0
    assert (calm.blocked, calm.blocking, calm.answered, calm.fairness) == (0, 0.0, 1.0, 1.0)
    assert calm.keys_delivered == calm.keys_asked > 0
    assert calm.failures == ()


def test_load_blocks(calm: Row, crowded: Row) -> None:
    assert crowded.sessions > 5 * calm.sessions
    assert crowded.blocking is not None
    assert crowded.blocking == crowded.blocked / crowded.sessions > 0.3
    assert crowded.failures == ()
    assert crowded.fairness is not None
    assert 0.5 < crowded.fairness < 1.0


@pytest.mark.slow
def test_who_is_refused_does_not_try_again(traffic: Traffic, crowded: Row) -> None:
    # Those who are refused leave no queue behind them, so longer runs block no more.
    longer = replace(traffic, habits=replace(traffic.habits, duration=minutes(2)))
    later = run_cell(longer, None, Cell("hops", 2.0, 1))
    assert later.blocking == pytest.approx(crowded.blocking, abs=0.15)


def erlang_b(circuits: int, offered: float) -> float:
    """Return the share of calls lost: Erlang's first formula, by its recursion."""
    lost = 1.0
    for number in range(1, circuits + 1):
        lost = offered * lost / (number + offered * lost)
    return lost


@pytest.mark.slow
@pytest.mark.parametrize("offered", [2.0, 5.0])
def test_one_link_loses_what_erlang_s_formula_says(offered: float) -> None:
    ring = read_network("ring5")
    link = ring.topology.links[0]
    pair = structs.replace(ring, apps=(), topology=Topology(tuple(Node(end) for end in link.ends), (link,)))
    each_way = traffic_of(pair, Habits()).capacity / 2
    # Five sessions find room, and half of a sixth: what the link makes fluctuates, and a tenth is never granted.
    circuits, rate = 5, BitsPerSecond(int(each_way * (1 - pair.control.admission.margin) / 5.5))
    habits = Habits(duration=hours(1), holding=minutes(1), rate=rate, every=minutes(5))
    one_link = traffic_of(pair, habits)
    rows = [run_cell(one_link, None, Cell("hops", offered / one_link.full, seed)) for seed in (1, 2, 3)]
    blocked, sessions = sum(row.blocked for row in rows), sum(row.sessions for row in rows)
    assert sessions == pytest.approx(3 * 60 * offered, rel=0.15)
    assert blocked / sessions == pytest.approx(erlang_b(circuits, offered), abs=0.05)


def test_erlang_s_formula_is_that_of_the_tables() -> None:
    assert erlang_b(1, 1.0) == 0.5
    assert erlang_b(5, 2.0) == pytest.approx(0.0367, abs=1e-4)
    assert erlang_b(10, 5.0) == pytest.approx(0.0184, abs=1e-4)


def test_what_a_key_costs_are_the_hops_of_its_route(calm: Row) -> None:
    assert calm.hops is not None
    assert calm.spent is not None
    assert 1.0 <= calm.hops <= 2.0, "in a ring of five, when nothing is full"
    # Sessions of the start and pools count too, and no pad is spent twice.
    assert 1.0 <= calm.spent <= 2.0


def test_waits_are_those_of_carried_sessions(calm: Row) -> None:
    assert calm.wait_mean_s is not None
    assert calm.wait_p99_s is not None
    assert 0.0 <= calm.wait_mean_s <= calm.wait_p99_s < 1.0


def test_where_nothing_comes_nothing_is_measured(traffic: Traffic) -> None:
    row = run_cell(traffic, None, Cell("hops", 1e-9, 1))
    assert row.sessions == 0
    assert [getattr(row, name) for name in MEASURES if name != "spent"] == [None] * (len(MEASURES) - 1)


@pytest.mark.parametrize(
    ("shares", "index"),
    [([1.0, 1.0, 1.0], 1.0), ([1.0, 0.0, 0.0, 0.0], 0.25), ([2.0, 1.0], 0.9), ([0.0, 0.0], None), ([], None)],
)
def test_jains_index(shares: list[float], index: float | None) -> None:
    assert jain(shares) == (None if index is None else pytest.approx(index))


def test_a_sweep_may_use_a_metric_of_its_own(traffic: Traffic) -> None:
    plugins = Plugins(metrics={"shut": lambda _: inf})
    row = run_cell(traffic, plugins, Cell("shut", 0.1, 1))
    assert row.blocking == 1.0, "no route weighs less than infinity"


# --- what cannot be planned -----------------------------------------------------------------------------------------


def planned(traffic: Traffic, **changed: list[object]) -> Plan:
    told = {"metrics": ["hops"], "loads": [0.1], "seeds": [1]} | changed
    return plan_of(traffic, told["metrics"], told["loads"], told["seeds"])  # type: ignore[arg-type]  # wrong on purpose


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"metrics": ["hop"]}, "--metrics: no routing metric is called 'hop' .did you mean 'hops'"),
        ({"metrics": ["zzz"]}, "known: hops, key-aware, residual"),
        ({"metrics": ["hops", "hops"]}, "--metrics: metric hops is named twice"),
        ({"metrics": []}, "a sweep needs at least one metric: give it with --metrics"),
        ({"loads": [0.1, 0.0]}, "--loads: 0 is no load: write numbers above 0, such as 0.2,0.5"),
        ({"loads": [inf]}, "--loads: inf is no load"),
        ({"loads": [0.1, 0.1]}, "--loads: load 0.1 is named twice"),
        ({"loads": [1e9]}, "raise --rate or --holding, or lower --loads"),
        ({"seeds": []}, "a sweep needs at least one seed"),
        ({"seeds": list(range(MOST_RUNS + 1))}, "name fewer metrics, loads or seeds"),
    ],
)
def test_mistakes_are_told_with_the_remedy(traffic: Traffic, changed: dict[str, list[object]], said: str) -> None:
    with pytest.raises(Mistake, match=said):
        planned(traffic, **changed)
