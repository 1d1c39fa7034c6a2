"""`keytwin explore`: all alternatives of a need side by side, and why most of them are none."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import counted, first_clause, show, show_json, suggest
from keytwin.cli.values import Number

if TYPE_CHECKING:
    from keytwin.assessment.exploring import Explored
    from keytwin.report.exploration import ExplorationRecord

TABLE_FILE: Final = "front.csv"
FIGURE_FILE: Final = "front.svg"
RECORD_FILE: Final = "exploration.json"
_WIDEST_VARIANT: Final = 15  # characters of most of their names
MOST_NEIGHBOURS: Final = 8  # of a point, on the screen


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Workers:
    """Who works at it."""

    jobs: Annotated[
        Number | None,
        Parameter(help="Processes that share the work; 1 for none. Without it: all cores, once it takes long."),
    ] = None
    scheduler: Annotated[
        str, Parameter(help="Address of a Dask scheduler that shares the work, such as tcp://10.0.0.1:8786.")
    ] = ""


ALL_CORES: Final = Workers()


@Parameter(name="*")
@dataclass(frozen=True, slots=True)
class Scope:
    """How far it goes."""

    free: Annotated[bool, Parameter(help="Look beyond what the need chooses, at all that it leaves without.")] = False
    run: Annotated[
        bool, Parameter(help="Run each point of the front on the twin, under the failures that the needs name.")
    ] = False


AS_CHOSEN: Final = Scope()


def explore(
    need: str,
    /,
    *,
    scope: Scope = AS_CHOSEN,
    costs: str | None = None,
    workers: Workers = ALL_CORES,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    json: bool = False,
) -> int:
    """Compare all alternatives of a need: those that nothing beats, what they miss, and why others are not among them.

    Parameters
    ----------
    need
        The path of a need file, or the name of an example, such as bank-ring.
    costs
        The path of a cost book, instead of the assumed prices of the library.
    output
        Folder into which the front is written as table, figure and record.
    json
        Print all that was found as JSON, and nothing else.
    """
    from dataclasses import replace
    from types import MappingProxyType

    from keytwin.assessment.assess import usual_costs
    from keytwin.assessment.exploring import Crew, explore_case
    from keytwin.assessment.front_runs import run_front
    from keytwin.files.cost_book import cost_book_from
    from keytwin.files.library import cost_book_source, need_source
    from keytwin.files.need import check_need
    from keytwin.report.exploration import exploration_record, with_runs

    case = check_need(need_source(need)).value
    wanted = replace(case, choose=MappingProxyType({})) if scope.free else case
    book = cost_book_from(cost_book_source(costs)) if costs else usual_costs()
    explored = explore_case(wanted, book, Crew(workers.jobs, workers.scheduler))
    record = exploration_record(explored)
    if scope.run:
        record = with_runs(record, run_front(explored))
    if output:
        _write(explored, record, output)
    if json:
        show_json(record)
    else:
        show(*_for_people(record))
        _suggest(need, record, output, is_narrowed=bool(wanted.choose))
    return Exit.OK if record.is_met else Exit.FAILED


def _write(explored: Explored, record: ExplorationRecord, folder: Path) -> None:
    import msgspec

    from keytwin.report.exploration import front_as_csv
    from keytwin.report.exploration_svg import exploration_as_svg

    folder.mkdir(parents=True, exist_ok=True)
    (folder / TABLE_FILE).write_text(front_as_csv(record), encoding="utf-8")
    (folder / FIGURE_FILE).write_bytes(exploration_as_svg(explored.found, f"{record.name}: alternatives"))
    (folder / RECORD_FILE).write_bytes(msgspec.json.format(msgspec.json.encode(record), indent=2) + b"\n")


# --- on the screen --------------------------------------------------------------------------------------------------


def _for_people(record: ExplorationRecord) -> Iterator[str | Table]:
    from keytwin.report.exploration import lines_of

    yield f"{record.name}: {counted(record.configurations, 'configuration')}, compared by"
    yield "  " + ", ".join(each.name for each in record.objectives)
    if record.not_compared:
        yield f"  not compared: {', '.join(record.not_compared)}"
    if not record.is_met:
        yield "nothing meets all that must be met; of what can be built, nothing beats these:"
    if record.front:
        yield front_table(record)
    yield from _runs(record)
    yield from map(first_clause, lines_of(record))
    yield from _neighbours(record)


def _runs(record: ExplorationRecord) -> Iterator[str]:
    for point in record.front:
        if point.runs:
            missed = f"misses {', '.join(point.missed_in_runs)}" if point.missed_in_runs else "misses nothing"
            yield f"{point.number} on the twin ({', '.join(each.id for each in point.runs)}): {missed}"


def _neighbours(record: ExplorationRecord) -> Iterator[str]:
    for point in record.front:
        if point.neighbours:
            yield ""
            yield f"next to {point.number}:"
        for each in point.neighbours[:MOST_NEIGHBOURS]:
            instead = ", ".join(variant.partition(".")[2] for variant in each.instead) or "none"
            yield f"  {each.point} {instead}: {first_clause(each.why)}"
        if len(point.neighbours) > MOST_NEIGHBOURS:
            yield f"  and {len(point.neighbours) - MOST_NEIGHBOURS} more: --json shows all"


def front_table(record: ExplorationRecord) -> Table:
    """Return the points of the front, with the variants in which they differ."""
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("", "variants", *(each.name for each in record.objectives), "misses", "regret"):
        table.add_column(title, overflow="fold", min_width=_WIDEST_VARIANT if title == "variants" else None)
    common = set.intersection(*(set(point.variants[0]) for point in record.front)) if len(record.front) > 1 else set()
    for point in record.front:
        own = [variant.partition(".")[2] for variant in point.variants[0] if variant not in common]
        # A line each: there are many columns, and broken names are hard to read.
        more = [f"and {counted(len(point.variants) - 1, 'other')}"] if len(point.variants) > 1 else []
        regret = "" if point.regret is None else f"{point.regret:.0%}"
        shown = (each.shown for each in point.values)
        misses = ", ".join(point.misses) or "nothing"
        table.add_row(str(point.number), "\n".join([*own, *more]), *shown, misses, regret)
    return table


def _suggest(need: str, record: ExplorationRecord, output: Path | None, *, is_narrowed: bool) -> None:
    commands = [(f"keytwin design {quote(need)} -o out", "design one of them, and run it")]
    if is_narrowed:
        commands.append((f"keytwin explore {quote(need)} --free", "look beyond what the need chooses"))
    if output is not None:
        show(f"written to {output}: {TABLE_FILE}, {FIGURE_FILE}, {RECORD_FILE}")
    elif record.front:
        commands.append((f"keytwin explore {quote(need)} -o out", "write table and figure"))
    suggest(*commands)
