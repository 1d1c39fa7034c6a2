"""`keytwin demo`: paper B's experiment, then many keys at once."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from keytwin.cli.output import show, show_json, suggest
from keytwin.cli.run import (
    Seed,
    as_json,
    blame,
    draw,
    evidence_for_people,
    fresh_seed,
    heading,
    timeline_of,
    watched,
)
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.timeline import Scenario

EXPERIMENT: Final = "star6/fig4"
NETWORK: Final = "star6"
PAIRS: Final = 1_000
FIGURE: Final = Path("out/star6-fig4.svg")


def demo(*, seed: Seed = None, pairs: int = PAIRS, figure: Path = FIGURE, json: bool = False) -> int:
    """Run a published experiment: a six-node star, three sessions, one of them relayed.

    The network is that of Lopez et al., IEEE Network (2025), Fig. 4. Then every pair of applications asks for many
    keys, both ends as master at once.

    Parameters
    ----------
    pairs
        Keys of each pair of applications in the second run; both ends ask for half of them.
    figure
        Where the event lanes are drawn, as SVG.
    json
        Print the evidence of both runs as JSON, and nothing else.
    """
    experiment = timeline_of(EXPERIMENT)
    many = _many_keys(pairs)
    drawn = fresh_seed(experiment, seed)
    tell = (lambda *_: None) if json else show
    tell(heading(EXPERIMENT, experiment, drawn))
    first, lanes = watched(experiment, drawn)
    draw(lanes, figure, EXPERIMENT)
    tell(*(() if json else evidence_for_people(first, lanes)), f"lanes drawn in {figure}", "")
    tell(heading(NETWORK, many, drawn))
    second, _ = watched(many, drawn)
    if json:
        show_json({"experiment": as_json(first), "many": as_json(second)})
    else:
        show(*evidence_for_people(second))
        suggest(
            (f"keytwin run {EXPERIMENT} --seed {drawn} --trace run.trace.jsonl", "again, with every event in a file"),
            (f"keytwin run {EXPERIMENT}", "with other chance"),
            ("keytwin init mine", "begin a network of your own"),
        )
    return blame(first, second)


def _many_keys(pairs: int) -> Scenario:
    from keytwin.scenario.load import load
    from keytwin.scenario.timeline import both_at_once

    network = load(NETWORK)
    assert isinstance(network, Blueprint)
    return both_at_once(network, pairs)
