"""Cut links under load on the six-node star: sessions move, nobody gets a wrong key, the operator is told why."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.events import KeyDenied, SessionAdmitted, SessionOver, SessionRejected
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.identity import AppId, ElementName, LinkId, NodeId, SaeId, UserId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Action, AskKeys, CloseApp, CutLink, HealLink, OpenApp, Scenario, Step
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.marks import invariant


@pytest.fixture(scope="module")
def star() -> Blueprint:
    """Return the star with two more apps of bob, 0-4 and 1-4."""
    blueprint = read_network("star6")
    return msgspec.structs.replace(blueprint, apps=(*blueprint.apps, _app("app04", "km0"), _app("app14", "km1")))


def _app(name: str, first: str) -> App:
    ends = (Endpoint(SaeId(f"{name}-a"), NodeId(first)), Endpoint(SaeId(f"{name}-b"), NodeId("km4")))
    return App(AppId(name), UserId("bob"), ends)


def ran(star: Blueprint, *extra: tuple[float, Action]) -> tuple[Evidence, list[Event]]:
    """Run all apps for 40 s with what else happens; close them at 45 s."""
    steps = [Step(Instant(seconds(at)), action) for at, action in extra]
    for app in star.apps:
        asks = AskKeys(app.id, times=140, every=milliseconds(260), masters="first")
        steps += [Step(Instant(0), OpenApp(app.id)), Step(Instant(0), asks)]
        steps.append(Step(Instant(seconds(45)), CloseApp(app.id)))
    seen: list[Event] = []
    scenario = Scenario("cut", star, seconds(60), steps=tuple(steps))

    def listen(at: Instant, element: ElementName, event: Event) -> None:
        del at, element
        seen.append(event)

    return play(scenario, simulate(star, 7), [listen]), seen


def of(evidence: Evidence, app: str) -> AppEvidence:
    return next(each for each in evidence.apps if each.app == app)


@invariant("S6")
def test_sessions_over_a_cut_link_move_to_another_route(star: Blueprint) -> None:
    evidence, seen = ran(star, (10, CutLink(LinkId("km0--km4"))))
    assert not evidence.failures
    for app in ("app04", "app14"):
        routes = [event.route.links for event in seen if isinstance(event, SessionAdmitted) and event.app == app]
        assert any("km0--km4" in route for route in routes[:1])
        assert {"km0--km5", "km4--km5"} <= set(routes[-1])
        assert of(evidence, app).pairs == of(evidence, app).equal == of(evidence, app).asked == 140
        assert of(evidence, app).ended == "closed"


def test_the_operator_is_told_that_a_node_has_no_other_link(star: Blueprint) -> None:
    evidence, seen = ran(star, (10, CutLink(LinkId("km0--km2"))))
    rejected = [event for event in seen if isinstance(event, SessionRejected) and event.app == "app23"]
    assert rejected
    assert "km2 has no other link" in rejected[0].explanation
    assert any("km2 has no other link" in notice for notice in evidence.notices)
    # What the SAE hears tells nothing of the network's inside.
    over = [event.reason for event in seen if isinstance(event, SessionOver)]
    denied = [event.reason for event in seen if isinstance(event, KeyDenied) and event.sae == "app23-a"]
    assert all("km" not in reason for reason in (*over, *denied, of(evidence, "app23").ended))
    assert of(evidence, "app01").pairs == 140
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal < 140


def test_what_was_cut_and_healed_serves_again(star: Blueprint) -> None:
    cut, healed = (10, CutLink(LinkId("km0--km2"))), (15, HealLink(LinkId("km0--km2")))
    # An app that was told that its session has ended has to open, and to ask, again.
    again = (20, OpenApp(AppId("app23"))), (21, AskKeys(AppId("app23"), times=5))
    evidence, _ = ran(star, cut, healed, *again)
    assert not evidence.failures
    assert (of(evidence, "app23").last_answer or 0) > seconds(20)
