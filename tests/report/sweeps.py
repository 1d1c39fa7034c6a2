"""Rows of a sweep that nobody has run, for what is made of them."""

from __future__ import annotations

from functools import cache
from typing import Final

from keytwin.files.network import read_network
from keytwin.scenario.sweep import Plan, Row, plan_of
from keytwin.scenario.sweep_traffic import Habits, traffic_of

METRICS: Final = ("hops", "key-aware")
LOADS: Final = (0.1, 0.2)
SEEDS: Final = (1, 2, 3)


@cache
def plan() -> Plan:
    return plan_of(traffic_of(read_network("ring5"), Habits()), METRICS, LOADS, SEEDS)


def row(metric: str, load: float, seed: int, blocking: float | None, wait: float | None = 0.001) -> Row:
    return Row(
        metric=metric,
        load=load,
        seed=seed,
        sessions=10,
        blocked=round(10 * (blocking or 0)),
        keys_asked=20,
        keys_delivered=20,
        blocking=blocking,
        hops=1.5,
        answered=1.0,
        wait_mean_s=wait,
        wait_p99_s=wait,
        spent=1 / 3,
        fairness=1.0,
    )


@cache
def rows() -> tuple[Row, ...]:
    """Give blocking of 0.1, 0.2 and 0.6 with the seeds, and as much more at the higher load."""
    return tuple(
        row(cell.metric, cell.load, cell.seed, {1: 0.1, 2: 0.2, 3: 0.6}[cell.seed] + (cell.load - 0.1))
        for cell in plan().cells
    )
