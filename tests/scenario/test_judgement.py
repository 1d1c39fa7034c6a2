"""What a run is blamed for, and what the operator hears of it."""

from __future__ import annotations

from typing import Final

import pytest

from keytwin.scenario.judgement import MOST_NOTICES, Witness, unmet
from keytwin.vocabulary.events import (
    AlarmRaised,
    KeysGone,
    LinkStatusChanged,
    SessionAdmitted,
    SessionConfigured,
    SessionOver,
    SessionRejected,
    SessionReleased,
    ViolationSeen,
)
from keytwin.vocabulary.evidence import AppEvidence
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import DistrustNode, Expectations, OpenApp, RestartElement, StopElement
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Instant

APP: Final = AppId("app01")
KSID: Final = Ksid("11111111-1111-4111-8111-111111111111")
KM: Final = ElementName("km/km0")
NODE: Final = NodeId("km0")
LINK: Final = LinkId("km0--km1")
ADMITTED: Final = SessionAdmitted(KSID, APP, 1, Route((NODE,), ()), BitsPerSecond(1))


def app(name: str = "app01", pairs: int = 3, equal: int = 3, last: int | None = 9) -> AppEvidence:
    answered = None if last is None else Instant(last)
    return AppEvidence(AppId(name), pairs, pairs, equal, 0, Bits(256), 1, None, answered, answered, None, None)


def witness(*events: Event) -> Witness:
    seen = Witness()
    for event in events:
        seen.see(START, KM, event)
    return seen


def blame(expect: Expectations, *apps: AppEvidence, seen: Witness | None = None) -> list[str]:
    return list(unmet(expect, apps, seen or witness()))


def test_equal_keys_are_expected_of_every_run() -> None:
    assert blame(Expectations(), app(equal=2)) == ["expected equal keys at both ends: 2 of 3 are"]
    assert blame(Expectations(), app()) == []


def test_an_app_without_a_key_is_no_success_where_all_are_to_have_some() -> None:
    without = app("app02", pairs=0, equal=0)
    assert blame(Expectations(keys_for_all=True), app(), without) == ["expected keys for every app: app02 got none"]
    assert blame(Expectations(), app(), without) == []


def test_counts_the_pairs_of_all_apps() -> None:
    assert blame(Expectations(keys=6), app("app01"), app("app02")) == []
    assert blame(Expectations(keys=7), app()) == ["expected 7 keys at both ends: there are 3"]


def test_knows_who_was_answered_last() -> None:
    both = app("app01", last=5), app("app02", last=7)
    assert blame(Expectations(answered_last=AppId("app02")), *both) == []
    assert blame(Expectations(answered_last=APP), *both) == ["expected app01 to be answered last: it was app02"]
    assert blame(Expectations(answered_last=APP), app(last=None)) == [
        "expected app01 to be answered last: it was nobody"
    ]


def test_a_session_has_ended_when_admission_and_every_node_have_let_it_go() -> None:
    configured = SessionConfigured(NODE, KSID, 1, APP)
    over, released = SessionOver(NODE, KSID, "closed"), SessionReleased(KSID, APP, "closed")
    expect = Expectations(sessions_end=True)
    assert blame(expect, seen=witness(ADMITTED, configured, over, released)) == []
    (failure,) = blame(expect, seen=witness(ADMITTED, configured, released))
    assert failure == f"expected every session to end: session {KSID} is still configured at km0"
    (failure,) = blame(expect, seen=witness(ADMITTED, configured, over))
    assert "still has its reservation" in failure
    assert blame(Expectations(), seen=witness(ADMITTED)) == []


@pytest.mark.parametrize(
    ("event", "notices"),
    [
        (
            SessionRejected(APP, SaeId("a"), "no route now", "km2 has no other link"),
            ["0.00 s: app01 of a was refused, no route now: km2 has no other link"],
        ),
        (LinkStatusChanged(LINK, "PASSIVE", "no light"), ["0.00 s: km0--km1 is PASSIVE: no light"]),
        (LinkStatusChanged(LINK, "ACTIVE", "first block"), []),
        (ViolationSeen("TagMismatch", "RelayKeys"), ["0.00 s: km/km0 saw a violation, TagMismatch: RelayKeys"]),
        (KeysGone(NODE, KSID, 1, "expired"), []),
    ],
)
def test_tells_the_operator_what_concerns_him(event: Event, notices: list[str]) -> None:
    assert list(witness(event).notices()) == notices


def test_tells_that_a_dark_link_is_back() -> None:
    dark, back = LinkStatusChanged(LINK, "PASSIVE", "no light"), LinkStatusChanged(LINK, "ACTIVE", "light is back")
    assert list(witness(dark, back, back).notices()) == [
        "0.00 s: km0--km1 is PASSIVE: no light",
        "0.00 s: km0--km1 is ACTIVE: light is back",
    ]


def test_joins_the_alarms_of_one_cause() -> None:
    links = [LinkId(f"km0--km{number}") for number in range(1, 9)]
    raised = [AlarmRaised(link, "stock below 16 kbit", is_on=True) for link in links]
    calmed = [AlarmRaised(link, "stock below 16 kbit", is_on=False) for link in links]
    shown = ", ".join(links[:6])
    assert list(witness(*raised, *calmed[2:]).notices()) == [
        f"0.00 s: alarm, stock below 16 kbit: {shown} and 2 more (still on at 2 of 8)"
    ]
    assert list(witness(raised[0], calmed[0]).notices()) == [
        "0.00 s: alarm, stock below 16 kbit: km0--km1 (taken back since)"
    ]


def test_says_the_same_thing_once_and_counts_it() -> None:
    violation = ViolationSeen("TagMismatch", "RelayKeys")
    seen = Witness()
    for at in (2, 5):
        seen.see(Instant(at * 10**9), KM, violation)
    assert list(seen.notices()) == ["2.00 s: km/km0 saw a violation, TagMismatch: RelayKeys (2 times, until 5.00 s)"]


def test_notices_are_bounded() -> None:
    many = witness(*(ViolationSeen("Oversize", f"number {number}") for number in range(MOST_NOTICES + 5)))
    notices = list(many.notices())
    assert len(notices) == MOST_NOTICES + 1
    assert notices[-1] == "... and 5 further notices"


def test_tells_of_the_steps_that_no_event_tells_of_in_the_order_of_time() -> None:
    seen = Witness()
    seen.step(Instant(9 * 10**9), DistrustNode(NODE))
    seen.step(Instant(3 * 10**9), StopElement(KM))
    seen.step(Instant(5 * 10**9), RestartElement(KM))
    seen.step(START, OpenApp(APP))
    assert list(seen.notices()) == [
        "3.00 s: km/km0 is stopped",
        "5.00 s: km/km0 is restarted",
        "9.00 s: km0 is not trusted any more",
    ]


def test_a_session_that_cannot_end_names_what_is_stopped() -> None:
    seen = witness(ADMITTED)
    seen.step(START, StopElement(KM))
    (failure,) = blame(Expectations(sessions_end=True), seen=seen)
    assert failure.endswith("at admission control (km/km0 stopped and not restarted)")


def test_tells_that_a_session_goes_another_way_and_remembers_its_length() -> None:
    route = Route((NODE, NodeId("km5"), NodeId("km4")), (LinkId("km0--km5"), LinkId("km4--km5")))
    seen = witness(ADMITTED, SessionAdmitted(KSID, APP, 2, route, BitsPerSecond(1)))
    assert list(seen.notices()) == ["0.00 s: app01 goes another way now: km0 - km5 - km4"]
    assert seen.hops == {APP: 2}
