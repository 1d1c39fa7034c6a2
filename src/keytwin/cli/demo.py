"""`keytwin demo`: paper A's case from need to verdict, then paper B's experiment, then many keys at once."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from keytwin.cli.design import Wanted, for_people
from keytwin.cli.output import show, show_json, suggest
from keytwin.cli.run import (
    as_json,
    blame,
    draw,
    evidence_for_people,
    fresh_seed,
    heading,
    timeline_of,
    watched,
)
from keytwin.cli.values import Number, Seed
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.timeline import Scenario

if TYPE_CHECKING:
    from keytwin.assessment.answer import Answer

CASE: Final = "long-range"
CASE_FOLDER: Final = Path("demo/long-range")
EXPERIMENT: Final = "star6/fig4"
NETWORK: Final = "star6"
PAIRS: Final = 1_000
FIGURE: Final = Path("demo/star6-fig4.svg")


def demo(*, seed: Seed = None, pairs: Number = PAIRS, figure: Path = FIGURE, json: bool = False) -> int:
    """Turn a published need into a network and a verdict, then run a published experiment.

    The need is the case study of Ishida et al. (2025), section IV-C; all of it is written to demo/long-range. The
    experiment is that of Lopez et al., IEEE Network (2025), Fig. 4: a six-node star, three sessions, one of them
    relayed. Then every pair of applications asks for many keys, both ends as master at once.

    Parameters
    ----------
    pairs
        Keys of each pair of applications in the second run; both ends ask for half of them.
    figure
        Where the event lanes are drawn, as SVG; its name ends in .svg.
    json
        Print the verdict and the evidence of both runs as JSON, and nothing else.
    """
    from keytwin.report.outputs import check_outputs

    if figure == FIGURE:  # the folder of our own choice; one that the user names has to be there
        figure.parent.mkdir(exist_ok=True)
    check_outputs(EXPERIMENT, None, figure)
    experiment = timeline_of(EXPERIMENT)
    many = _many_keys(pairs)
    drawn = fresh_seed(experiment, seed)
    tell = (lambda *_: None) if json else show
    answer = _designed()
    tell(*for_people(answer), f"written to {CASE_FOLDER}: begin with its report.html", "")
    tell(heading(EXPERIMENT, experiment, drawn))
    first, lanes = watched(experiment, drawn)
    draw(lanes, figure, EXPERIMENT)
    tell(*(() if json else evidence_for_people(first, lanes)), f"lanes drawn in {figure}", "")
    tell(heading(NETWORK, many, drawn))
    second, _ = watched(many, drawn)
    if json:
        show_json({"case": msgspec.to_builtins(answer), "experiment": as_json(first), "many": as_json(second)})
    else:
        show(*evidence_for_people(second))
        suggest(
            (f"keytwin trace N3 --in {CASE_FOLDER}", "why a need led to what is there"),
            (f"keytwin run {EXPERIMENT} --seed {drawn} --trace run.trace.jsonl", "again, with every event in a file"),
            (f"keytwin run {EXPERIMENT}", "with another seed"),
            ("keytwin init mine", "begin a network of your own"),
        )
    return blame(first, second)


def _designed() -> Answer:
    from keytwin.cli.design import designed

    return designed(CASE, Wanted(output=CASE_FOLDER))


def _many_keys(pairs: int) -> Scenario:
    from keytwin.scenario.load import load
    from keytwin.scenario.timeline import both_at_once

    network = load(NETWORK)
    assert isinstance(network, Blueprint)
    return both_at_once(network, pairs)
