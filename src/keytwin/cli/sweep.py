"""`keytwin sweep`: routing metrics compared over loads and seeds."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from shlex import quote
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, TypeVar

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json, suggest
from keytwin.cli.values import Number
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.timeline import Scenario

if TYPE_CHECKING:
    from keytwin.report.sweep_statistics import Summary
    from keytwin.scenario.sweep import Plan, Row
    from keytwin.scenario.sweep_traffic import Habits

T = TypeVar("T")

LOADS: Final = "0.025,0.05,0.075,0.1,0.125"
MOST_SEEDS: Final = 10_000
TOLD: Final = MappingProxyType(
    {
        "refused in %": ("blocking", 100.0),
        "hops": ("hops", 1.0),
        "wait in ms": ("wait_mean_s", 1000.0),
        "link key spent": ("spent", 1.0),
        "fairness": ("fairness", 1.0),
    }
)
"""Columns of the terminal's table: the measure, and how many of the column's unit its own is."""
MOST_TOLD: Final = 10  # failures on the screen


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """What is compared with what."""

    metrics: Annotated[
        str | None, Parameter(help="Names of routing metrics, with commas between; without it all that are known.")
    ] = None
    loads: Annotated[
        str, Parameter(help="Offered loads, with commas between: 1 would reserve as much as all links make.")
    ] = LOADS
    seeds: Annotated[Number, Parameter(help="How many runs of each metric at each load: seeds 1, 2, 3 ...")] = 10

    def plan(self, network: str, habits: Habits) -> Plan:
        """Return the plan for a network of a file or of the library; Mistake when it can't be run."""
        from keytwin.scenario.load import known_with, load
        from keytwin.scenario.sweep import plan_of
        from keytwin.scenario.sweep_traffic import traffic_of
        from keytwin.vocabulary.units import parse_number

        loaded = load(network)
        if isinstance(loaded, Scenario):
            raise Mistake(f"{network} is a scenario, with sessions of its own: name a network")
        if not 1 <= self.seeds <= MOST_SEEDS:
            raise Mistake(
                f"--seeds {self.seeds}: how many runs shall there be? Write a number from 1 to {MOST_SEEDS:,}"
            )
        wanted = known_with().metrics if self.metrics is None else _listed(self.metrics)
        offered = [_read("--loads", parse_number, each) for each in _listed(self.loads)]
        return plan_of(traffic_of(loaded, habits), wanted, offered, range(1, self.seeds + 1))


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Offered:
    """What sessions come, and what they do."""

    duration: Annotated[str, Parameter(help="How long sessions come in each run.")] = "10 min"
    holding: Annotated[str, Parameter(help="How long a session lasts, on average.")] = "3 min"
    rate: Annotated[
        str | None,
        Parameter(
            help="What each session reserves, such as '50 kbit/s'; without it a tenth of what the median link makes "
            "each way."
        ),
    ] = None
    every: Annotated[str, Parameter(help="How often a session asks for a key.")] = "30 s"
    as_is: Annotated[
        bool,
        Parameter(
            help="Keep blocks, probes, pools and stores as the network's file has them: a run takes several times as "
            "long."
        ),
    ] = False

    def habits(self) -> Habits:
        """Return what was written as times and rates; Mistake when it is none."""
        from keytwin.scenario.sweep_traffic import Habits
        from keytwin.vocabulary.units import parse_duration, parse_rate

        return Habits(
            duration=_read("--duration", parse_duration, self.duration),
            holding=_read("--holding", parse_duration, self.holding),
            every=_read("--every", parse_duration, self.every),
            rate=None if self.rate is None else _read("--rate", parse_rate, self.rate),
            is_eased=not self.as_is,
        )


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What is made of the runs."""

    output: Annotated[
        Path | None, Parameter(name=["--output", "-o"], help="Folder for the tables, the summary and the figure.")
    ] = None
    measure: Annotated[str, Parameter(help="What the figure shows.")] = "blocking"
    parquet: Annotated[
        bool,
        Parameter(help="Write the table of runs as Parquet too: needs the extra, pip install 'keytwin[tables]'."),
    ] = False

    def prepare(self) -> None:
        """Mistake or Refusal when the results could not be written: asked before the runs."""
        from keytwin.files.page import nearest
        from keytwin.report.sweep_files import prepare
        from keytwin.scenario.sweep import MEASURES

        if self.measure not in MEASURES:
            near = nearest(self.measure, MEASURES)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(MEASURES)}"
            raise Mistake(f"--measure: no measure is called {self.measure!r} ({hint})")
        if self.parquet and self.output is None:
            raise Mistake("--parquet writes a file: say with -o into which folder")
        if self.output:
            prepare(self.output, self.measure, parquet=self.parquet)

    def write(self, plan: Plan, rows: Sequence[Row], summaries: Sequence[Summary]) -> list[Path]:
        """Write what is wanted and return the paths."""
        from keytwin.report.sweep_files import write_sweep

        if not self.output:
            return []
        return write_sweep(self.output, plan, rows, summaries, self.measure, parquet=self.parquet)


def sweep(
    network: str,
    /,
    *,
    compared: Compared = Compared(),
    offered: Offered = Offered(),
    results: Results = Results(),
    jobs: Number | None = None,
    json: bool = False,
) -> int:
    """Compare routing metrics: random sessions at each load, with each seed, on any network, in virtual time.

    Parameters
    ----------
    network
        The path of a network file, or the name of an example.
    jobs
        Processes; without it as many as there are cores. The results are the same.
    json
        Print plan, runs and summary as JSON, and nothing else.
    """
    from keytwin.report.sweep_files import show_traffic
    from keytwin.report.sweep_statistics import summarised

    workers = processes(jobs)
    plan = compared.plan(network, offered.habits())
    results.prepare()
    if not json:
        show(f"{network}  {counted(len(plan.cells), 'run')}", show_traffic(plan))
    rows = list(_watched(plan, workers))
    summaries = summarised(plan, rows)
    written = results.write(plan, rows, summaries)
    if json:
        show_json(as_json(plan, rows, summaries))
    else:
        show(table_of(plan, summaries), *(f"wrote {path}" for path in written))
        if not written:
            suggest((f"keytwin sweep {quote(network)} -o sweep", "with tables and a figure"))
    return _blame(rows)


def processes(jobs: int | None) -> int:
    """Return how many processes to use; Mistake when it is none."""
    if jobs is not None and not jobs:
        raise Mistake("--jobs 0: somebody must do it; write 1 or more, or leave it out for all cores")
    # Where the system can tell, the cores that this process may use.
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(os.cpu_count() or 1)
    return jobs or len(allowed)


def table_of(plan: Plan, summaries: Sequence[Summary]) -> Table:
    """Return the summary for a terminal: a line for each metric and load; the files have more."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for place, title in enumerate(("metric", "load", *TOLD)):
        table.add_column(title, justify="right" if place else "left", no_wrap=True)
    cells = {(each.metric, each.load, each.measure): each for each in summaries}
    for metric in plan.metrics:
        for load in plan.loads:
            told = (_cell(cells[metric, load, measure], scale) for measure, scale in TOLD.values())
            table.add_row(metric, f"{load:g}", *told)
    return table


def as_json(plan: Plan, rows: Sequence[Row], summaries: Sequence[Summary]) -> dict[str, object]:
    """Return all of a sweep as plain values."""
    from keytwin.report.sweep_files import plan_facts

    return {
        "plan": plan_facts(plan),
        "summary": [asdict(each) for each in summaries],
        "runs": [asdict(row) for row in rows],
    }


def _read(option: str, parse: Callable[[str], T], text: str) -> T:
    try:
        return parse(text)
    except Mistake as mistake:
        raise Mistake(f"{option}: {mistake}") from None


def _listed(text: str) -> list[str]:
    return [each.strip() for each in text.split(",") if each.strip()]


def _watched(plan: Plan, jobs: int) -> Iterator[Row]:
    """Give the rows, and tell a person who waits at a terminal how far it is."""
    from keytwin.scenario.sweep import run_sweep

    total = len(plan.cells)
    is_watched = sys.stderr.isatty()
    for number, row in enumerate(run_sweep(plan, jobs), 1):
        if is_watched:
            print(f"\r{number:,} of {total:,} runs", end="" if number < total else "\n", file=sys.stderr, flush=True)
        yield row


def _cell(each: Summary, scale: float) -> str:
    if each.mean is None:
        return "-"
    mean = f"{scale * each.mean:.3g}"
    return mean if each.half is None else f"{mean} ±{scale * each.half:.1g}"


def _blame(rows: Sequence[Row]) -> Exit:
    failures = [f"{row.metric} at load {row.load:g}, seed {row.seed}: {each}" for row in rows for each in row.failures]
    for failure in failures[:MOST_TOLD]:
        complain(f"failed: {failure}")
    if len(failures) > MOST_TOLD:
        complain(f"failed: and {len(failures) - MOST_TOLD} more")
    return Exit.FAILED if failures else Exit.OK
