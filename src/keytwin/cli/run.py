"""`keytwin run`: a network or scenario in virtual time."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Final

import msgspec
from rich.console import RenderableType
from rich.text import Text

from keytwin.cli.exits import Exit
from keytwin.cli.output import complain, encoding, show, show_json, suggest, width
from keytwin.cli.values import Seed
from keytwin.vocabulary.timeline import Scenario
from keytwin.vocabulary.units import show_duration

if TYPE_CHECKING:
    from keytwin.report.lanes import Lanes
    from keytwin.scenario.run import Listener
    from keytwin.vocabulary.evidence import Evidence

SEEDS: Final = 2**32  # fresh seeds are below it, so that one can be read out and typed


def run(
    network: str,
    /,
    *,
    seed: Seed = None,
    trace: Path | None = None,
    figure: Path | None = None,
    accounts: bool = False,
    json: bool = False,
) -> int:
    """Run a network or a scenario in virtual time; in a network every app asks for a minute at its granted rate.

    Parameters
    ----------
    network
        The path of a network or scenario file, or the name of an example.
    trace
        Write every event to this file, as JSON Lines.
    figure
        Draw the event lanes into this SVG file; its name ends in .svg.
    accounts
        Show the books of every link, in octets.
    json
        Print the evidence as JSON, and nothing else.
    """
    from keytwin.report.outputs import check_outputs

    scenario = timeline_of(network)
    check_outputs(network, trace, figure)
    drawn = fresh_seed(scenario, seed)
    # Shown before the run begins: whoever interrupts a long one knows how to repeat it.
    if not json:
        show(heading(network, scenario, drawn))
    evidence, lanes = watched(scenario, drawn, trace)
    if figure:
        draw(lanes, figure, scenario.name)
    if json:
        show_json(as_json(evidence))
    else:
        show(*evidence_for_people(evidence, lanes, accounts=accounts))
        suggest(*_next(network, drawn, figure, evidence))
    return blame(evidence)


def timeline_of(where: str) -> Scenario:
    """Return the scenario to run: the one that was named, or the usual one of the network that was."""
    from keytwin.scenario.load import load
    from keytwin.scenario.timeline import bare

    loaded = load(where)
    return loaded if isinstance(loaded, Scenario) else bare(loaded)


def fresh_seed(scenario: Scenario, given: int | None) -> int:
    """Return the seed that was given, that of the scenario, or else one that nobody chose."""
    wanted = given if given is not None else scenario.seed
    return secrets.randbelow(SEEDS) if wanted is None else wanted


def watched(scenario: Scenario, seed: int, trace: Path | None = None) -> tuple[Evidence, Lanes]:
    """Run a scenario and collect its lanes, and its trace if one is wanted."""
    from keytwin.report.lanes import LaneRecorder
    from keytwin.runtime.trace import TraceWriter
    from keytwin.scenario.run import run_scenario

    # Lanes keep a handful of marks, and a trace goes straight to its file: a long run need not fit into memory.
    recorder = LaneRecorder()
    listeners: list[Listener] = [recorder.see]
    with ExitStack() as files:
        if trace:
            listeners.append(TraceWriter(files.enter_context(trace.open("wb")), scenario.name, seed))
        evidence = run_scenario(scenario, seed, listeners)
    return evidence, recorder.lanes([node.id for node in scenario.blueprint.topology.nodes])


def draw(lanes: Lanes, figure: Path, title: str) -> None:
    """Write the lanes into an SVG file."""
    from keytwin.report.lanes_svg import lanes_as_svg

    figure.write_bytes(lanes_as_svg(lanes, title))


def heading(where: str, scenario: Scenario, seed: int) -> Text:
    """Return what is run."""
    facts = f"{show_duration(scenario.duration)} of virtual time, seed {seed}"
    return Text.assemble((where, "bold"), f"  {facts}", *([f"\n{scenario.about}"] if scenario.about else []))


def evidence_for_people(
    evidence: Evidence, lanes: Lanes | None = None, *, accounts: bool = False
) -> Iterator[RenderableType]:
    """Give lanes, tables, what the operator is told, and the verdict, to be printed one after the other."""
    from keytwin.report.lanes_text import glyphs_for, lanes_as_text
    from keytwin.report.tables import app_table, link_table, verdict

    if lanes:
        yield from ("", lanes_as_text(lanes, width(), glyphs_for(encoding())), "")
    yield app_table(evidence.apps)
    if accounts:
        yield link_table(evidence.links)
    yield from (f"notice: {notice}" for notice in evidence.notices)
    yield verdict(evidence)


def as_json(evidence: Evidence) -> dict[str, object]:
    """Return evidence as plain values, with what follows from it."""
    plain: dict[str, object] = msgspec.to_builtins(evidence)
    return plain | {"pairs": evidence.pairs, "equal": evidence.equal, "as_expected": not evidence.failures}


def blame(*runs: Evidence) -> Exit:
    """Say on stderr what went wrong in some runs, and return the exit code that they earn together."""
    # On stderr, so that a script that reads the evidence from stdout still sees why the exit code is 1.
    failures = [failure for evidence in runs for failure in evidence.failures]
    for failure in failures:
        complain(f"failed: {failure}")
    return Exit.FAILED if failures else Exit.OK


def _next(network: str, seed: int, figure: Path | None, evidence: Evidence) -> Iterator[tuple[str, str]]:
    same = f"keytwin run {quote(network)} --seed {seed}"
    if evidence.failures:
        yield f"{same} --trace run.trace.jsonl", "the same run again, with every event in a file"
    elif figure:
        yield same, "the same run again"
    else:
        yield f"{same} --figure lanes.svg", "the same run again, drawn for a page"
