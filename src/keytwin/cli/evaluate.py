"""`keytwin eval`: a need on a network that is there already, or a verdict made again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from cyclopts import App
from rich.box import SIMPLE_HEAD
from rich.table import Table

from keytwin.cli.design import run_table, verdict_table
from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, counted, show, show_json
from keytwin.cli.place import console, state_root
from keytwin.cli.values import Seed
from keytwin.vocabulary.errors import Mistake

if TYPE_CHECKING:
    from keytwin.design.verdict import Verdict

# A function of the command's own name would hide Python's.
evaluate = App(name="eval", help="Judge a network by a need, or make a verdict again.")


@evaluate.default
def judge_by_need(
    need: str | None = None,
    /,
    *,
    on: str | None = None,
    replay: Path | None = None,
    live: bool = False,
    seed: Seed = None,
    json: bool = False,
) -> int:
    """Judge a network by a need: one in a file, one that is live, or a verdict that is made again.

    Parameters
    ----------
    need
        The path of a need file, or the name of an example.
    on
        The network: the path of its file, or the name of an example. Its sites are those of the need, by name.
    replay
        A verdict.json: the need beside it is assessed anew, and every number has to come out equal.
    live
        The network runs (keytwin up): ask it for keys, not a twin of it. What is found so cannot be replayed.
    seed
        Of the trials on the twin; 1 if left out.
    json
        Print everything as JSON, and nothing else.
    """
    if replay is not None:
        if need is not None or on is not None or live:
            raise Mistake("--replay takes a verdict alone: it holds the need, and how it was assessed")
        return _replay(replay, json=json)
    if need is None:
        raise Mistake(
            "name a need and a network, as in keytwin eval mine.yaml --on network.yaml, or --replay a verdict"
        )
    if on is None:
        raise Mistake("name the network with --on: the path of its file, or an example")
    if live:
        return _live(need, on, json=json)
    return _on_network(need, on, seed, json=json)


def _on_network(need: str, on: str, seed: int | None, *, json: bool) -> int:
    from keytwin.assessment.assess import USUAL_SEED, Options, assess_network, usual_costs
    from keytwin.assessment.record import recorded
    from keytwin.files.library import need_source
    from keytwin.files.need import check_need
    from keytwin.files.network import read_network

    source = need_source(need)
    drawn = USUAL_SEED if seed is None else seed
    assessed = assess_network(check_need(source).value, read_network(on), Options(seed=drawn))
    answer = recorded(assessed, source.octets, usual_costs())
    if json:
        show_json(msgspec.to_builtins(answer))
    else:
        show(f"{answer.name} on {on}", "", *answer.summary, verdict_table(answer))
        if answer.runs:
            show(run_table(answer))
    return Exit.OK if answer.is_met else Exit.FAILED


def _replay(verdict: Path, *, json: bool) -> int:
    from keytwin.assessment.replay import replay
    from keytwin.runtime.trace import own_version

    done = replay(verdict)
    if json:
        show_json(msgspec.to_builtins(done))
    else:
        show(f"{counted(done.numbers, 'value')} compared, seed {done.answer.seed}, by keytwin {own_version()}")
        if done.answer.keytwin != own_version():
            show(f"the verdict was worked out by keytwin {done.answer.keytwin}")
        show("every value came out equal" if not done.differences else "")
    for each in done.differences:
        complain(f"failed: {each.where} was {each.was}, and is now {each.is_now}")
    return Exit.FAILED if done.differences else Exit.OK


def _live(need: str, on: str, *, json: bool) -> int:
    from keytwin.assessment.assess import Options, assess_network
    from keytwin.assessment.live import judge_live
    from keytwin.design.need import Priority
    from keytwin.design.verdict import Outcome
    from keytwin.files.library import need_source
    from keytwin.files.need import check_need
    from keytwin.files.network import read_network
    from keytwin.operation.whereabouts import state_of

    case = check_need(need_source(need)).value
    network = read_network(on)
    status = console(state_of(network.name, state_root(), None)).status()
    analysed = assess_network(case, network, Options(is_tried=False))
    verdicts = judge_live(case, status, {each.verdict.need.id: each.verdict for each in analysed.judged})
    if json:
        show_json([_plain(each) for each in verdicts])
    else:
        show(f"{case.name} on {status.network}, live: a demonstration cannot be replayed", _live_table(verdicts))
    missed = [each for each in verdicts if each.outcome is Outcome.MISSED and each.need.priority is Priority.MUST]
    return Exit.FAILED if missed else Exit.OK


def _live_table(verdicts: tuple[Verdict, ...]) -> Table:
    table = Table(box=SIMPLE_HEAD, header_style="bold", pad_edge=False)
    for title in ("need", "asks for", "is", "by", "verdict"):
        table.add_column(title, overflow="fold")
    for each in verdicts:
        asked = f"{each.need.measure} {each.need.written}" if each.need.measure else each.need.text
        method = each.found.method if each.found else ""
        table.add_row(f"{each.need.id} {each.need.priority}", asked, each.value, method, each.outcome)
    return table


def _plain(verdict: Verdict) -> dict[str, object]:
    from keytwin.design.model import Method

    found = verdict.found
    return {
        "need": verdict.need.id,
        "outcome": verdict.outcome,
        "shown": verdict.value,
        "value": found.value if found else None,
        "method": found.method if found else "",
        "is_replayable": found is None or found.method is not Method.DEMONSTRATION,
    }
