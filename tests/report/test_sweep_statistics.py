"""Means and confidence intervals of a sweep, against values worked out by hand and from a table of Student's t."""

from __future__ import annotations

import numpy as np
import pytest

from keytwin.report.sweep_statistics import Summary, half_width, summarised
from keytwin.scenario.sweep import MEASURES
from tests.report.sweeps import LOADS, METRICS, plan, row, rows


def found(metric: str, load: float, measure: str) -> Summary:
    summaries = summarised(plan(), rows())
    return next(each for each in summaries if (each.metric, each.load, each.measure) == (metric, load, measure))


def test_the_interval_of_three_values_by_hand() -> None:
    # 0.1, 0.2, 0.6: mean 0.3, variance (0.04 + 0.01 + 0.09) / 2 = 0.07, error sqrt(0.07 / 3) = 0.152753;
    # t of two degrees of freedom at 97.5 % is 4.302653 in every table.
    told = found("hops", 0.1, "blocking")
    assert told.runs == 3
    assert told.mean == pytest.approx(0.3)
    assert told.half == pytest.approx(4.302653 * 0.1527525, rel=1e-6)


@pytest.mark.parametrize(("number", "t"), [(2, 12.706205), (5, 2.776445), (10, 2.262157), (30, 2.045230)])
def test_student_s_t_is_that_of_the_tables(number: int, t: float) -> None:
    values = [float(each) for each in range(number)]
    mean = sum(values) / number
    error = (sum((each - mean) ** 2 for each in values) / (number - 1) / number) ** 0.5
    assert half_width(values) == pytest.approx(t * error, rel=1e-6)


def test_an_interval_holds_the_true_mean_as_often_as_it_says() -> None:
    dice = np.random.default_rng(7)
    samples = [dice.normal(5.0, 2.0, 6).tolist() for _ in range(2000)]
    held = sum(abs(sum(each) / 6 - 5.0) <= half_width(each) for each in samples)
    assert held / 2000 == pytest.approx(0.95, abs=0.02)


def test_summaries_come_in_the_order_of_the_plan() -> None:
    told = [(each.metric, each.load, each.measure) for each in summarised(plan(), rows())]
    assert told == [(metric, load, measure) for metric in METRICS for load in LOADS for measure in MEASURES]


def test_runs_without_a_value_don_t_count() -> None:
    three = [row("hops", 0.1, seed, 0.5, wait) for seed, wait in ((1, None), (2, 0.25), (3, 0.75))]
    waits = next(each for each in summarised(plan(), three) if each.measure == "wait_mean_s")
    assert (waits.runs, waits.mean) == (2, 0.5)


def test_one_run_tells_nothing_of_spread_and_none_nothing_at_all() -> None:
    one = next(iter(summarised(plan(), [row("hops", 0.1, 1, 0.5)])))
    assert (one.runs, one.mean, one.half) == (1, 0.5, None)
    none = next(iter(summarised(plan(), [row("hops", 0.1, 1, None)])))
    assert (none.runs, none.mean, none.half) == (0, None, None)
