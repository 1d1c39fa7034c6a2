"""An app with one SAE in a run: it is served as any other, though no route leads from it to itself."""

from __future__ import annotations

import pytest

from keytwin.files.network import read_network
from keytwin.scenario.run import run_scenario
from keytwin.scenario.timeline import both_at_once
from keytwin.vocabulary.events import KeysAnswered, SessionAdmitted
from keytwin.vocabulary.identity import NodeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import AskKeys, CloseApp, CutLink, OpenApp, Scenario, Step
from keytwin.vocabulary.units import START, Instant, seconds
from tests.marks import invariant

NETWORK = read_network("selfpair")
PROBE, APP01 = (app.id for app in NETWORK.apps)


@invariant("K2")
def test_every_app_of_the_example_gets_its_keys_and_every_session_ends() -> None:
    evidence = run_scenario(both_at_once(NETWORK, 20), 1)
    assert evidence.failures == ()
    assert [(app.app, app.pairs, app.equal, app.refused) for app in evidence.apps] == [
        (PROBE, 20, 20, 0),
        (APP01, 20, 20, 0),
    ]
    assert evidence.apps[0].hops == 0
    assert all(account.balance == 0 for account in evidence.keys)


@pytest.mark.parametrize("masters", ["first", "second", "both"])
def test_it_needs_no_link_and_no_admission(masters: str) -> None:
    (link,) = NETWORK.topology.links
    seen: list[Event] = []
    steps = (
        Step(START, CutLink(link.id)),
        Step(START, OpenApp(PROBE)),
        Step(Instant(seconds(1)), AskKeys(PROBE, number=2, masters=masters)),
        Step(Instant(seconds(5)), CloseApp(PROBE)),
    )
    scenario = Scenario(name="dark", blueprint=NETWORK, duration=seconds(20), steps=steps)
    evidence = run_scenario(scenario, 1, [lambda *what: seen.append(what[-1])])
    pairs = 4 if masters == "both" else 2
    assert (evidence.apps[0].pairs, evidence.apps[0].equal) == (pairs, pairs)
    assert not [event for event in seen if isinstance(event, SessionAdmitted)]
    assert {event.node for event in seen if isinstance(event, KeysAnswered)} == {NodeId("km0")}
