"""Rows of the benchmark table, and how they are measured, shown and kept.

A module `benchmarks/<area>_benchmark.py` has a function `rows() -> Iterable[Row]`; `python -m benchmarks <area>` runs
it. What is compared with others is wall-clock time, unless a row says CPU; the calibration row says how fast the
machine was at that moment.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import msgspec

RESULTS: Final = Path(__file__).parent / "results"
REPETITIONS: Final = 3  # the best counts: what else runs on the machine only ever slows down
CALIBRATION_STEPS: Final = 2_000_000


class Row(msgspec.Struct, frozen=True):
    """One figure. `must` is the least that is good enough, `aim` what we want; None = only measured.

    `reference` says what to compare with: another tool's figure and its source, or a paper's.
    """

    name: str
    value: float
    unit: str
    reference: str = ""
    must: float | None = None
    aim: float | None = None
    is_cost: bool = False  # less is better

    @property
    def verdict(self) -> str:
        """How the value stands to `must` and `aim`."""
        if self.must is None and self.aim is None:
            return ""
        if self.must is not None and not self._reaches(self.must):
            return "MISSED"
        return "aim" if self.aim is not None and self._reaches(self.aim) else "must"

    def _reaches(self, mark: float) -> bool:
        return self.value <= mark if self.is_cost else self.value >= mark


class Results(msgspec.Struct, frozen=True):
    """What is kept of a day's runs on one machine."""

    machine: str
    rows: dict[str, Row]


def best_rate(
    work: Callable[[], float], repetitions: int = REPETITIONS, clock: Callable[[], float] = time.perf_counter
) -> float:
    """Run `work` some times; it returns how much it has done. Give the best amount a second.

    By wall-clock time, unless another clock is given: a row that says CPU takes `time.process_time`.
    """
    rates = []
    for _ in range(repetitions):
        began = clock()
        done = work()
        rates.append(done / (clock() - began))
    return max(rates)


def calibration() -> Row:
    """Measure a fixed loop of plain Python: a figure of two machines, or two hours, compares by its ratio to this."""
    return Row("calibration: plain loop", best_rate(_plain_loop), "steps/s", "the same loop elsewhere")


def _plain_loop() -> int:
    total = 0
    for step in range(CALIBRATION_STEPS):
        total += step & 3
    assert total
    return CALIBRATION_STEPS


def machine_line() -> str:
    """Describe the machine, without its name: processor, cores, load, system, Python."""
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return f"{_processor()}, {os.cpu_count()} cores{load}, {platform.system()}, {python}"


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    models = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return models[0] if models else platform.machine()


def show(rows: Iterable[Row]) -> str:
    """Lay rows out as a table of text."""
    head = ("figure", "value", "unit", "must", "aim", "", "reference")
    cells = [head, *(_cells(row) for row in rows)]
    widths = [max(len(line[column]) for line in cells) for column in range(len(head))]
    right = {1, 3, 4}
    return "\n".join(
        "  ".join(
            cell.rjust(width) if column in right else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=True))
        ).rstrip()
        for line in cells
    )


def _cells(row: Row) -> tuple[str, ...]:
    marks = (_number(row.must), _number(row.aim))
    return (row.name, _number(row.value), row.unit, *marks, row.verdict, row.reference)


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def keep(rows: Iterable[Row], machine: str) -> Path:
    """Add rows to the file of today and this kind of machine; a row of the same name is replaced."""
    kind = f"{platform.system()}-{platform.machine()}-python{platform.python_version()}".lower()
    path = RESULTS / f"{time.strftime('%Y-%m-%d')}-{kind}.json"
    earlier = msgspec.json.decode(path.read_bytes(), type=Results).rows if path.exists() else {}
    results = Results(machine, {**earlier, **{row.name: row for row in rows}})
    RESULTS.mkdir(exist_ok=True)
    path.write_bytes(msgspec.json.format(msgspec.json.encode(results), indent=2) + b"\n")
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path
