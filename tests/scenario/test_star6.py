"""The star of paper B when all is well, and when a node is no longer trusted; cut links are in `test_cuts.py`."""

from __future__ import annotations

from typing import Final

import msgspec
import pytest

from keytwin.scenario.load import load
from keytwin.scenario.run import run_scenario
from keytwin.scenario.timeline import bare, both_at_once
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, UserId
from keytwin.vocabulary.timeline import AskKeys, CloseApp, DistrustNode, Expectations, OpenApp, Scenario, Step
from keytwin.vocabulary.units import START, Instant, seconds
from tests.marks import invariant

SEED: Final = 7
APP14: Final = AppId("app14")


@pytest.fixture(scope="module")
def star() -> Blueprint:
    """Return the star with one more app, which is always relayed by km0."""
    network = load("star6")
    assert isinstance(network, Blueprint)
    ends = Endpoint(SaeId("app14-a"), NodeId("km1")), Endpoint(SaeId("app14-b"), NodeId("km4"))
    return msgspec.structs.replace(network, apps=(*network.apps, App(APP14, UserId("bob"), ends)))


def assert_whole(evidence: Evidence) -> None:
    assert evidence.failures == ()
    assert {account.balance for account in evidence.links} == {0}
    assert {account.balance for account in evidence.keys} == {0}


@invariant("K2")
@invariant("P5")
def test_every_app_gets_its_rate(star: Blueprint) -> None:
    evidence = run_scenario(bare(star), SEED)
    assert_whole(evidence)
    for app in evidence.apps:
        assert app.pairs == app.equal == app.asked > 200
        assert app.ended == "closed"


@invariant("K1")
@invariant("K2")
def test_both_ends_are_masters_at_once(star: Blueprint) -> None:
    evidence = run_scenario(both_at_once(star, 100), SEED)
    assert_whole(evidence)
    assert {app.pairs for app in evidence.apps} == {100}


def test_a_node_that_is_not_trusted_any_more_relays_nothing(star: Blueprint) -> None:
    asking = AskKeys(APP14, times=2, every=seconds(10))
    steps = (
        Step(START, OpenApp(APP14)),
        Step(Instant(seconds(5)), asking),
        Step(Instant(seconds(10)), DistrustNode(NodeId("km0"))),
        Step(Instant(seconds(30)), CloseApp(APP14)),
    )
    scenario = Scenario("distrust", star, seconds(40), steps=steps, expect=Expectations(keys=1, sessions_end=True))
    evidence = run_scenario(scenario, SEED)
    assert_whole(evidence)
    assert next(app.ended for app in evidence.apps if app.app == APP14) not in {"", "closed"}
