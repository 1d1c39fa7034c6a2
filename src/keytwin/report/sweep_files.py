"""The files of a sweep: its plan, a table with a row for each run, the summary, and the figure.

Equal plans give equal bytes, whatever the number of processes. CSV is that of RFC 4180 with line feeds, numbers
written so that they are read back to the last bit, an empty cell where there was nothing to measure.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Sequence
from dataclasses import fields
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import Final

import msgspec

from keytwin.report.sweep_statistics import Summary
from keytwin.report.sweep_svg import sweep_as_svg
from keytwin.scenario.sweep import MEASURES, Plan, Row
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.units import in_seconds, show_rate

PLAN: Final = "plan.json"
RUNS: Final = "runs.csv"
SUMMARY: Final = "summary.csv"
PARQUET: Final = "runs.parquet"
COLUMNS: Final = tuple(each.name for each in fields(Row) if each.name != "failures")
_HEAD: Final = ("metric", "load", "measure", "runs", "mean", "low", "high")
_COUNTS: Final = ("seed", "sessions", "blocked", "keys_asked", "keys_delivered")
_KINDS: Final = {"metric": "string", **dict.fromkeys(_COUNTS, "int64")}  # in Parquet; all others are double


def prepare(folder: Path, measure: str, *, parquet: bool) -> None:
    """Make the folder; Mistake or Refusal when the files could not be written: asked before hours of runs."""
    if parquet and find_spec("pyarrow") is None:
        raise Mistake("pyarrow is not installed: pip install 'keytwin[tables]', or leave --parquet out")
    inner = next((each for each in (folder, *folder.parents) if each.exists()), folder)
    if not inner.is_dir():
        raise Mistake(f"--output: '{inner}' is a file, and the results are several: name a folder")
    folder.mkdir(parents=True, exist_ok=True)
    for name in (PLAN, RUNS, SUMMARY, f"{measure}.svg", *([PARQUET] if parquet else [])):
        path = folder / name
        if path.is_dir():
            raise Mistake(
                f"--output: '{path}' is a folder, and a file of that name is to be written: name another folder"
            )
        _try_to_write(path)


def _try_to_write(path: Path) -> None:
    is_there = path.exists()
    try:
        path.open("ab").close()  # adds nothing to what is there
    except OSError as error:
        raise Refusal(f"cannot write '{path}': {(error.strerror or str(error)).lower()}") from error
    if not is_there:
        path.unlink()


def write_sweep(
    folder: Path, plan: Plan, rows: Sequence[Row], summaries: Sequence[Summary], measure: str, *, parquet: bool = False
) -> list[Path]:
    """Write all files and return their paths."""
    files = {
        PLAN: msgspec.json.format(msgspec.json.encode(plan_facts(plan)), indent=2) + b"\n",
        RUNS: runs_as_csv(rows).encode(),
        SUMMARY: summary_as_csv(summaries).encode(),
        f"{measure}.svg": sweep_as_svg(plan, summaries, measure),
    }
    for name, content in files.items():
        (folder / name).write_bytes(content)
    if parquet:
        write_parquet(folder / PARQUET, rows)
    return [folder / name for name in (*files, *([PARQUET] if parquet else []))]


def plan_facts(plan: Plan) -> dict[str, object]:
    """Return what a reader must know to repeat a sweep; times in ns, rates in bit/s."""
    traffic = plan.traffic
    return {
        "network": traffic.blueprint.name,
        "metrics": plan.metrics,
        "loads": plan.loads,
        "seeds": plan.seeds,
        "duration": traffic.habits.duration,
        "holding": traffic.habits.holding,
        "every": traffic.habits.every,
        "eased": traffic.habits.is_eased,
        "rate": traffic.rate,
        "capacity": traffic.capacity,
        "hops": traffic.hops,
        "erlang_at_load_1": traffic.full,
        "ends": traffic.ends,
        "measures": MEASURES,
    }


def runs_as_csv(rows: Iterable[Row]) -> str:
    """Return the table with a row for each run."""
    return _csv(COLUMNS, ([getattr(row, name) for name in COLUMNS] for row in rows))


def summary_as_csv(summaries: Iterable[Summary]) -> str:
    """Return the means with the ends of their confidence intervals."""
    return _csv(_HEAD, ([each.metric, each.load, each.measure, each.runs, *_ends(each)] for each in summaries))


def write_parquet(path: Path, rows: Sequence[Row]) -> None:
    """Write the table as Parquet, the format of data frames; needs the extra `tables`."""
    import pyarrow as pa  # noqa: PLC0415  # an extra, and slow to import
    from pyarrow import parquet  # noqa: PLC0415  # the same

    schema = pa.schema([(name, pa.type_for_alias(_KINDS.get(name, "float64"))) for name in COLUMNS])
    columns = {name: [getattr(row, name) for row in rows] for name in COLUMNS}
    parquet.write_table(pa.table(columns, schema=schema), path)


def show_traffic(plan: Plan) -> str:
    """Say in words what is offered: what `load` counts."""
    traffic = plan.traffic
    return (
        f"load 1 = {traffic.full:.3g} sessions at once of {show_rate(traffic.rate)}, each {traffic.hops:.3g} hops on "
        f"average and {in_seconds(traffic.habits.holding):,.3g} s long"
    )


def _ends(each: Summary) -> tuple[float | None, float | None, float | None]:
    if each.mean is None or each.half is None:
        return each.mean, None, None
    return each.mean, each.mean - each.half, each.mean + each.half


def _csv(head: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(lines)
    return text.getvalue()
