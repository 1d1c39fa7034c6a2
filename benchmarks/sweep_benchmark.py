"""A whole sweep as a study of routing runs it: 3 metrics x 5 loads x 30 seeds of 600 virtual seconds on nsf14."""

from __future__ import annotations

import os
import resource
import time
from collections.abc import Iterable
from typing import Final

from benchmarks.table import Row
from keytwin.files.network import read_network
from keytwin.scenario.sweep import Plan, plan_of, run_cell, run_sweep
from keytwin.scenario.sweep_traffic import Habits, traffic_of
from keytwin.vocabulary.units import minutes

METRICS: Final = ("hops", "key-aware", "residual")
LOADS: Final = (0.025, 0.05, 0.075, 0.1, 0.125)  # from hardly any session refused to a fifth of them
SEEDS: Final = 30
CORES: Final = 2
ELSEWHERE: Final = "450 runs on 2 cores; not possible elsewhere with keys that are made"


def rows() -> Iterable[Row]:
    """Measure the whole of it, nothing scaled, and what one process needs for one run."""
    whole = plan(SEEDS)
    began, used = time.perf_counter(), _cpu_of_processes()
    found = list(run_sweep(whole, CORES))
    taken, used = time.perf_counter() - began, _cpu_of_processes() - used
    assert len(found) == len(METRICS) * len(LOADS) * SEEDS
    assert not any(row.failures for row in found)
    blocking = [sum(row.blocked for row in found if row.load == load) for load in LOADS]
    assert blocking == sorted(blocking), "a sweep in which load makes no difference is fast for nothing"
    yield Row(f"sweep 3 x 5 x 30 of 600 s, nsf14, {_cores()}", taken, "s", ELSEWHERE, 300, 60, is_cost=True)
    # On a machine that others use too, this says what two cores of one's own would take: half of it.
    yield Row("CPU of that sweep, all processes", used, "CPU s", "two cores: half of it", 600, 120, is_cost=True)
    yield Row("sweep: CPU of one run, one process", _cpu_of_a_run(), "CPU s", is_cost=True)


def plan(seeds: int) -> Plan:
    """Return the plan with so many seeds."""
    traffic = traffic_of(read_network("nsf14"), Habits(duration=minutes(10)))
    return plan_of(traffic, METRICS, LOADS, range(1, seeds + 1))


def _cpu_of_processes() -> float:
    """Return the CPU time of all processes of ours that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


def _cpu_of_a_run() -> float:
    once = plan(1)
    began = time.process_time()
    for cell in once.cells:
        run_cell(once.traffic, None, cell)
    return (time.process_time() - began) / len(once.cells)


def _cores() -> str:
    return f"{min(CORES, os.cpu_count() or 1)} cores"
