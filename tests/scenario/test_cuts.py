"""Cut links under load on the six-node star: sessions move, nobody gets a wrong key, the operator is told why."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.files.network import read_network
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint
from keytwin.vocabulary.events import (
    AlarmRaised,
    FallbackBegun,
    FallbackOver,
    KeyDenied,
    KeysAnswered,
    KeysRelayed,
    SessionAdmitted,
    SessionOnStock,
    SessionOver,
    SessionRejected,
)
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.identity import AppId, ElementName, LinkId, NodeId, SaeId, UserId
from keytwin.vocabulary.key import Fallback, KeyMode
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
from keytwin.vocabulary.units import Duration, Instant, kilobits, milliseconds, minutes, seconds
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
    evidence, seen = timed(star, *extra)
    return evidence, [event for _, event in seen]


def timed(star: Blueprint, *extra: tuple[float, Action]) -> tuple[Evidence, list[tuple[Instant, Event]]]:
    """Do the same, and say when each event was."""
    steps = [Step(Instant(seconds(at)), action) for at, action in extra]
    for app in star.apps:
        asks = AskKeys(app.id, times=140, every=milliseconds(260), masters="first")
        steps += [Step(Instant(0), OpenApp(app.id)), Step(Instant(0), asks)]
        steps.append(Step(Instant(seconds(45)), CloseApp(app.id)))
    seen: list[tuple[Instant, Event]] = []
    scenario = Scenario("cut", star, seconds(60), steps=tuple(steps))

    def listen(at: Instant, element: ElementName, event: Event) -> None:
        del element
        seen.append((at, event))

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


# --- on stock -------------------------------------------------------------------------------------------------------

LONG = Duration(minutes(10))


def patient(star: Blueprint, on_stock: Duration = LONG) -> Blueprint:
    """Return the star with service levels that let sessions live on stock for so long."""
    slas = tuple(msgspec.structs.replace(sla, on_stock=on_stock) for sla in star.slas)
    return msgspec.structs.replace(star, slas=slas)


def answers(seen: list[tuple[Instant, Event]], sae: str, since: Duration, until: Duration) -> int:
    """Count the keys that a master got in a span of time."""
    mine = [(at, event) for at, event in seen if isinstance(event, KeysAnswered) and event.sae == sae]
    return sum(len(event.key_ids) for at, event in mine if since <= at < until)


def unbalanced(evidence: Evidence) -> list[object]:
    """Return the books that do not close."""
    links = [account for account in evidence.links if account.balance]
    return [*links, *(account for account in evidence.keys if account.balance)]


@invariant("K2")
@invariant("P5")
def test_a_session_whose_only_way_is_cut_goes_on_from_stock_and_moves_back_when_it_is_healed(star: Blueprint) -> None:
    evidence, seen = timed(patient(star), (10, CutLink(LinkId("km0--km2"))), (25, HealLink(LinkId("km0--km2"))))
    events = [event for _, event in seen]
    assert not evidence.failures
    told = [event for event in events if isinstance(event, SessionOnStock)]
    assert [(event.app, event.links, event.longest) for event in told] == [("app23", ("km0--km2",), LONG)]
    assert any("app23 lives on the stock of km0--km2" in notice for notice in evidence.notices)
    # Keys go on in the dark, and none is wrong.
    assert answers(seen, "app23-a", seconds(12), seconds(25)) > 20
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal == of(evidence, "app23").asked == 140
    assert of(evidence, "app23").ended == "closed"
    admitted = [event for event in events if isinstance(event, SessionAdmitted) and event.app == "app23"]
    assert [event.epoch for event in admitted] == [1, 2]
    assert not any(isinstance(event, SessionRejected) for event in events)
    assert not unbalanced(evidence)


def test_a_session_lives_on_stock_no_longer_than_its_service_level_says(star: Blueprint) -> None:
    evidence, seen = timed(patient(star, seconds(8)), (10, CutLink(LinkId("km0--km2"))))
    ends = [at for at, event in seen if isinstance(event, SessionOver) and event.node == "km2"]
    assert seconds(18) <= ends[0] <= seconds(21)
    rejected = [event.explanation for _, event in seen if isinstance(event, SessionRejected) and event.app == "app23"]
    assert "it has lived on stock for 8 s, as long as its service level says" in rejected[0]
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal < 140
    assert not unbalanced(evidence)


def test_a_session_that_has_another_way_takes_it_and_leaves_the_stock(star: Blueprint) -> None:
    evidence, seen = timed(patient(star), (10, CutLink(LinkId("km0--km4"))))
    assert not any(isinstance(event, SessionOnStock) for _, event in seen)
    assert of(evidence, "app04").pairs == 140


def test_when_the_stock_is_used_up_a_session_lives_on_its_pool_and_ends_with_that_reason(star: Blueprint) -> None:
    small = msgspec.structs.replace(patient(star).key_management, store=kilobits(24))
    scarce = msgspec.structs.replace(patient(star), key_management=small)
    evidence, seen = timed(scarce, (10, CutLink(LinkId("km0--km2"))))
    rejected = [event for _, event in seen if isinstance(event, SessionRejected) and event.app == "app23"]
    assert "the stock of km0--km2 is used up" in rejected[0].explanation
    pool_depth = star.key_management.pool_depth
    ends = [at for at, event in seen if isinstance(event, SessionOver) and event.node == "km2"]
    assert seconds(10) + pool_depth <= ends[0] <= seconds(12) + pool_depth
    assert answers(seen, "app23-a", seconds(11), Duration(seconds(10) + pool_depth)) > 20
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal < 140
    assert not unbalanced(evidence)


# --- without quantum key --------------------------------------------------------------------------------------------


def may_fall_back(star: Blueprint) -> Blueprint:
    """Return the star with hybrid keys, whose sessions may do without quantum key."""
    levels = [msgspec.structs.replace(sla, mode=KeyMode.HYBRID_CATKDF, fallback=Fallback.PQC_ONLY) for sla in star.slas]
    return msgspec.structs.replace(star, slas=tuple(levels))


@invariant("Q1")
def test_a_session_that_may_falls_back_at_once_where_its_link_is_attacked_and_takes_none_of_its_key(
    star: Blueprint,
) -> None:
    link = LinkId("km0--km2")
    evidence, seen = timed(may_fall_back(star), (8, AttackLink(link, 0.2)), (20, HealLink(link)))
    assert not evidence.failures
    begun = [(at, event.node) for at, event in seen if isinstance(event, FallbackBegun)]
    over = [(at, event.node) for at, event in seen if isinstance(event, FallbackOver)]
    assert {node for _, node in begun} == {node for _, node in over} == {"km2", "km3"}
    alarmed = next(at for at, event in seen if isinstance(event, AlarmRaised) and event.link == link)
    assert all(alarmed <= at <= alarmed + seconds(1) for at, _ in begun)
    (ksid,) = {event.ksid for _, event in seen if isinstance(event, FallbackBegun)}
    relayed = [at for at, event in seen if isinstance(event, KeysRelayed) and event.ksid == ksid]
    doubt, sure = max(at for at, _ in begun) + seconds(1), min(at for at, _ in over) - seconds(1)
    assert not any(doubt < at < sure for at in relayed)
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal == 140
    assert not any(isinstance(event, SessionRejected) for _, event in seen)
    assert not unbalanced(evidence)


@invariant("K2")
@invariant("P5")
def test_a_hybrid_session_falls_back_in_the_dark_where_it_may_and_is_hybrid_again_in_the_light(star: Blueprint) -> None:
    few = msgspec.structs.replace(star.key_management, store=kilobits(20), pool_depth=seconds(2))
    mixed = msgspec.structs.replace(may_fall_back(star), key_management=few)
    more = AskKeys(AppId("app23"), number=4, times=100, every=milliseconds(250), masters="first")
    cut, healed = (8, CutLink(LinkId("km0--km2"))), (33, HealLink(LinkId("km0--km2")))
    evidence, seen = timed(mixed, cut, (9, more), healed)
    assert not evidence.failures
    begun = [(at, event) for at, event in seen if isinstance(event, FallbackBegun)]
    over = [(at, event) for at, event in seen if isinstance(event, FallbackOver)]
    assert {event.app for _, event in begun} == {"app23"}
    assert {event.node for _, event in begun} == {event.node for _, event in over}
    assert all(at > seconds(18) for at, _ in begun)
    assert all(at > seconds(33) for at, _ in over)
    assert any("km0--km2, and after that falls back to pqc-only" in notice for notice in evidence.notices)
    assert any("app23 falls back from hybrid-catkdf to pqc-only" in notice for notice in evidence.notices)
    assert any("app23 makes keys by hybrid-catkdf again" in notice for notice in evidence.notices)
    # Keys go on in the dark, none is wrong, and the one session has served all the while.
    assert answers(seen, "app23-a", seconds(25), seconds(33)) > 20
    assert of(evidence, "app23").pairs == of(evidence, "app23").equal > 100
    assert not any(isinstance(event, SessionRejected) for _, event in seen)
    assert not unbalanced(evidence)
