"""Attacked links under load: no key from the first block that shows it, sessions move, healed links serve again."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.events import (
    AlarmRaised,
    BlockDistilled,
    BlockPlaced,
    LinkStatusChanged,
    SessionAdmitted,
    SessionRejected,
)
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.identity import AppId, ElementName, LinkId, NodeId, SaeId, UserId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import (
    Action,
    AskKeys,
    AttackLink,
    CloseApp,
    CutLink,
    HealLink,
    OpenApp,
    Scenario,
    Step,
)
from keytwin.vocabulary.units import Instant, milliseconds, minutes, seconds
from tests.marks import invariant

LINK = LinkId("km0--km4")
Seen = list[tuple[Instant, Event]]


@pytest.fixture(scope="module")
def star() -> Blueprint:
    """Return the star with one more app of bob, 0-4."""
    blueprint = read_network("star6")
    ends = (Endpoint(SaeId("app04-a"), NodeId("km0")), Endpoint(SaeId("app04-b"), NodeId("km4")))
    return msgspec.structs.replace(blueprint, apps=(*blueprint.apps, App(AppId("app04"), UserId("bob"), ends)))


def ran(blueprint: Blueprint, *extra: tuple[float, Action], seed: int = 7) -> tuple[Evidence, Seen]:
    """Run all apps for 40 s with what else happens; close them at 45 s."""
    steps = [Step(Instant(seconds(at)), action) for at, action in extra]
    for app in blueprint.apps:
        asks = AskKeys(app.id, times=140, every=milliseconds(260))
        steps += [Step(Instant(0), OpenApp(app.id)), Step(Instant(0), asks)]
        steps.append(Step(Instant(seconds(45)), CloseApp(app.id)))
    return played(Scenario("attack", blueprint, seconds(60), steps=tuple(steps)), seed)


def played(scenario: Scenario, seed: int = 7) -> tuple[Evidence, Seen]:
    seen: Seen = []

    def listen(at: Instant, element: ElementName, event: Event) -> None:
        del element
        seen.append((at, event))

    return play(scenario, simulate(scenario.blueprint, seed), [listen]), seen


def of(evidence: Evidence, app: str) -> AppEvidence:
    return next(each for each in evidence.apps if each.app == app)


def spoilt(seen: Seen, link: LinkId, since: float, until: float) -> list[int]:
    """Return the numbers of the blocks that were distilled under the attack, the first one in part."""
    return [
        event.number
        for at, event in seen
        if isinstance(event, BlockDistilled) and event.link == link and seconds(since) < at <= seconds(until)
    ]


@invariant("Q1")
@pytest.mark.parametrize("seed", range(3))
def test_sessions_leave_an_attacked_link_and_none_of_its_blocks_is_used(star: Blueprint, seed: int) -> None:
    evidence, seen = ran(star, (10, AttackLink(LINK, 0.2)), (25, HealLink(LINK)), seed=seed)
    assert not evidence.failures
    bad = spoilt(seen, LINK, 10, 25)
    assert len(bad) > 5
    sizes = {event.number: event.size for _, event in seen if isinstance(event, BlockDistilled) and event.link == LINK}
    assert {sizes[number] for number in bad} == {0}
    placed = {event.number for _, event in seen if isinstance(event, BlockPlaced) and event.link == LINK}
    assert placed
    assert placed.isdisjoint(bad)
    # The estimator finds no key, monitoring says so, the controller takes the link out, admission moves the session.
    first = next(
        at for at, event in seen if isinstance(event, BlockDistilled) and event.link == LINK and not event.size
    )
    alarms = [
        (at, event.is_on) for at, event in seen if isinstance(event, AlarmRaised) and event.cause.startswith("QBER")
    ]
    assert [is_on for _, is_on in alarms] == [True, False]
    assert alarms[0][0] - first < milliseconds(100)
    assert alarms[1][0] > seconds(25)
    told = [event.cause for _, event in seen if isinstance(event, LinkStatusChanged) and event.link == LINK]
    assert "qber alarm" in told
    assert "qber alarm over" in told
    admitted = [(at, e.route.links) for at, e in seen if isinstance(e, SessionAdmitted) and e.app == "app04"]
    assert [LINK in links for _, links in admitted] == [True, False]
    assert admitted[1][0] - alarms[0][0] < milliseconds(500)
    assert of(evidence, "app04").pairs == of(evidence, "app04").equal == of(evidence, "app04").asked == 140


def test_a_node_with_no_other_link_gets_no_key_under_attack_and_the_operator_hears_why(star: Blueprint) -> None:
    attack, heal = (10, AttackLink(LinkId("km0--km2"), 0.2)), (20, HealLink(LinkId("km0--km2")))
    again = (30, OpenApp(AppId("app23"))), (31, AskKeys(AppId("app23"), times=5))
    evidence, seen = ran(star, attack, heal, *again)
    assert not evidence.failures
    rejected = [event for _, event in seen if isinstance(event, SessionRejected) and event.app == "app23"]
    assert "km2 has no other link" in rejected[0].explanation
    app = of(evidence, "app23")
    assert app.pairs == app.equal
    assert (app.last_answer or 0) > seconds(31)


def test_a_faint_attack_costs_key_and_raises_no_alarm(star: Blueprint) -> None:
    evidence, seen = ran(star, (10, AttackLink(LINK, 0.005)))
    assert not evidence.failures
    assert not [event for _, event in seen if isinstance(event, AlarmRaised) and event.cause.startswith("QBER")]
    rates = {True: [], False: []}  # type: dict[bool, list[float]]
    for at, event in seen:
        if isinstance(event, BlockDistilled) and event.link == LINK:
            rates[at > seconds(12)].append(event.size)
    assert 0 < sum(rates[True]) / len(rates[True]) < sum(rates[False]) / len(rates[False])


def test_an_attack_and_a_cut_of_the_same_link_are_healed_together(star: Blueprint) -> None:
    evidence, seen = ran(star, (10, AttackLink(LINK, 0.2)), (14, CutLink(LINK)), (20, HealLink(LINK)))
    assert not evidence.failures
    assert seen[-1][0] > seconds(20)
    assert any(isinstance(event, BlockPlaced) and event.link == LINK and at > seconds(20) for at, event in seen)


def test_an_attacked_satellite_gives_nothing_until_a_pass_is_clean() -> None:
    blueprint = read_network("micius")
    (link,) = [link.id for link in blueprint.topology.links][:1]
    steps = (Step(Instant(0), AttackLink(link, 0.2)), Step(Instant(minutes(150)), HealLink(link)))
    _, seen = played(Scenario("sky", blueprint, minutes(26 * 60), steps=steps))
    blocks = [(at, e.size) for at, e in seen if isinstance(e, BlockDistilled) and e.link == link]
    assert [size for at, size in blocks if at <= minutes(150)]
    assert {size for at, size in blocks if at <= minutes(150)} == {0}
    assert any(size for at, size in blocks if at > minutes(150))
