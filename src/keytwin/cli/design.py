"""`keytwin design`: from a stakeholder's need to a network that runs, and the verdict whether the need is met."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Final

import msgspec
from cyclopts import Parameter
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.exits import Exit
from keytwin.cli.output import counted, first_clause, show, show_json, suggest
from keytwin.cli.report import PAGE
from keytwin.cli.values import Number, Seed

if TYPE_CHECKING:
    from keytwin.assessment.answer import Answer, ProposalLine, VerdictLine
    from keytwin.assessment.case import AssessedFile

MOST_PROPOSALS: Final = 12  # on the screen


def design(
    need: str,
    /,
    *,
    output: Annotated[Path | None, Parameter(name=["--output", "-o"])] = None,
    take: Number | None = None,
    costs: str | None = None,
    seed: Seed = None,
    json: bool = False,
) -> int:
    """Turn a need into a network, run it on the twin, and say whether the need is met.

    Parameters
    ----------
    need
        The path of a need file, or the name of an example, such as long-range.
    output
        Folder into which all is written: verdict.json, report.html, network.yaml, runs/, sysml/ and views/.
    take
        Number of the proposal that is designed, instead of the one that keytwin would take.
    costs
        The path of a cost book, instead of the assumed prices of the library.
    seed
        Of the trials on the twin; 1 if left out. Equal seeds give equal verdicts.
    json
        Print the verdict as JSON, and nothing else.
    """
    answer = designed(need, Wanted(output, take, costs, seed))
    if json:
        show_json(msgspec.to_builtins(answer))
    else:
        show(*for_people(answer))
        _suggest(need, answer, output)
    return Exit.OK if answer.is_met else Exit.FAILED


@dataclass(frozen=True, slots=True)
class Wanted:
    """How a design is made, and where it is written; what is None is as usual."""

    output: Path | None = None
    take: int | None = None
    costs: str | None = None
    seed: int | None = None


def designed(need: str, wanted: Wanted) -> Answer:
    """Assess a need and write all that came of it, where that is wanted."""
    from keytwin.assessment.case import assess_file
    from keytwin.assessment.output import check_folder

    if wanted.output:
        check_folder(wanted.output)
    made = assess_file(need, seed=wanted.seed, take=wanted.take, costs=wanted.costs)
    if wanted.output:
        _write(made, wanted.output)
    return made.answer


def _write(made: AssessedFile, folder: Path) -> None:
    from keytwin.assessment.output import files_of, write_files
    from keytwin.cli.drawings import Form, draw_architecture
    from keytwin.report.html import report_of

    costs = made.costs.octets if made.costs else None
    write_files(folder, files_of(made.assessed, made.answer, made.source.octets, costs))
    if made.assessed.architecture is not None:
        draw_architecture(made.assessed.architecture, made.assessed.ovm, folder / "views", Form.SVG)
    (folder / PAGE).write_text(report_of(made.answer, folder), encoding="utf-8")


# --- on the screen --------------------------------------------------------------------------------------------------


def for_people(answer: Answer) -> Iterator[str | Table]:
    """Give the answer, the verdicts, the runs and the proposals, to be printed one after the other."""
    yield f"{answer.name}: what {answer.stakeholder} needs"
    yield ""
    yield from answer.summary
    yield verdict_table(answer)
    if answer.runs:
        yield run_table(answer)
    if len(answer.proposals) > 1:
        yield from _proposals(answer.proposals)


def verdict_table(answer: Answer) -> Table:
    """Return the needs with what became of each."""
    table = _table("need", "asks for", "is", "by", "seen in", "verdict", "without QKD")
    without = {each.need: each.outcome for each in answer.baseline}
    for each in answer.verdicts:
        need = each.need
        under = f" under {need.under}" if need.under else ""
        asked = f"{need.measure} {need.threshold}{under}" if need.measure else need.text
        named = f"{need.id} {need.priority}"
        table.add_row(
            named,
            asked,
            _value(each),
            each.method,
            each.evidence.run if each.evidence else "",
            each.outcome,
            without[need.id],
        )
    return table


def _value(line: VerdictLine) -> str:
    margin = "" if line.margin is None else f" ({line.margin:+.0%})"
    return f"{line.shown}{margin}" if line.shown else line.reason


def run_table(answer: Answer) -> Table:
    """Return the runs under the names of ITU-T Y.3807."""
    table = _table(
        *("run", "throughput", "response delay", "delay variation", "error ratio", "loss ratio", "availability"),
        "restored in",
    )
    for each in answer.runs:
        failed = f" ({', '.join(each.failed)})" if each.failed else ""
        figures = (each.response_delay, each.delay_variation, each.error_ratio, each.loss_ratio, each.availability)
        table.add_row(f"{each.id}{failed}", each.throughput, *figures, each.restoration)
    return table


def _proposals(proposals: tuple[ProposalLine, ...]) -> Iterator[str | Table]:
    """Give those that can be built in a table, and for the others why not."""
    common = set.intersection(*(set(each.variants) for each in proposals))
    table = _table("", "proposal", "costs at most", "least ready", "misses")
    refused: dict[str, int] = {}
    for each in proposals:
        if each.why_not:
            reason = first_clause(each.why_not)
            refused[reason] = refused.get(reason, 0) + 1
        elif table.row_count < MOST_PROPOSALS or each.is_taken:
            own = ", ".join(variant for variant in each.variants if variant not in common) or "as chosen"
            mark = "taken" if each.is_taken else ""
            misses = ", ".join(each.missed) or "nothing"
            table.add_row(f"{each.number} {mark}", own, each.cost, each.readiness, misses)
    if table.row_count:
        yield table
    for reason, number in refused.items():
        yield f"{counted(number, 'proposal')} cannot be built here: {reason}"


def _table(*titles: str) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in titles:
        table.add_column(title, overflow="fold")
    return table


def _suggest(need: str, answer: Answer, output: Path | None) -> None:
    if output is None:
        suggest((f"keytwin design {quote(need)} -o out", "write network, model, views and report"))
        return
    folder = quote(str(output))
    show(f"written to {output}")
    first = answer.verdicts[0].need.id if answer.verdicts else "N1"
    commands = [(f"keytwin trace {first} --in {folder}", "why everything is there")]
    if answer.channels:
        commands.insert(0, (f"keytwin run {quote(str(output / 'network.yaml'))}", "run the network"))
    suggest(*commands, (f"keytwin eval --replay {quote(str(output / 'verdict.json'))}", "make every number again"))
