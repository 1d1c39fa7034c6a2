"""Rules 1 and 2 alone: who acts has a lane, and what passes from lane to lane is told."""

from __future__ import annotations

import pytest

from keytwin.design.draft import Draft
from keytwin.design.lanes import FLOWS, LANES, flow_of
from keytwin.design.model import Action, ActionKind, ElementId, Flow, Message
from tests.design.drafts import (
    ALICE,
    BOB,
    LINK,
    MIDDLE,
    OUTCOME,
    QUBIT,
    REPEATER,
    TALK,
    draft,
    flow,
    message,
    send,
    step,
)

ACT = ElementId("act")
RELAYED = (
    REPEATER,
    send(LINK),
    step("measure", BOB),
    flow("send", "measure", QUBIT),
    message(1, ALICE, MIDDLE, QUBIT),
    message(2, MIDDLE, MIDDLE),
    message(3, MIDDLE, MIDDLE),
    message(4, MIDDLE, BOB, QUBIT),
)


def mended(subject: Draft, rule: object) -> Draft:
    assert rule in {LANES, FLOWS}
    mend = LANES.mend if rule is LANES else FLOWS.mend
    assert mend
    return mend(subject)


def ways(subject: Draft) -> set[tuple[str, str, str | None]]:
    """Give the flows of the protocol by the last words of their ends."""
    return {(each.source[4:], each.target[4:], each.item) for each in subject.model.all(Flow)}


# --- rule 1 ---------------------------------------------------------------------------------------------------------


def test_without_any_step_nothing_lacks_a_lane() -> None:
    assert list(LANES.check(draft())) == []


@pytest.mark.parametrize("performer", [None, ElementId("system.nobody")])
def test_a_step_needs_a_part_of_the_whole(performer: ElementId | None) -> None:
    found = list(LANES.check(draft(step("idle", performer))))
    assert [each.elements for each in found] == [("act.idle",)]
    assert str(performer or "nobody") in found[0].what


@pytest.mark.parametrize("kind", [ActionKind.START, ActionKind.FORK, ActionKind.JOIN, ActionKind.DONE])
def test_what_only_steers_needs_no_performer(kind: ActionKind) -> None:
    assert list(LANES.check(draft(step("steer", None, kind)))) == []


def test_who_only_hands_on_needs_no_lane_and_who_acts_does() -> None:
    handing = draft(REPEATER, message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, QUBIT))
    assert list(LANES.check(handing)) == []
    acting = handing.changed(message(3, MIDDLE, MIDDLE))
    assert [each.elements for each in LANES.check(acting)] == [(MIDDLE,)]


def test_without_a_protocol_there_is_no_lane_to_lack() -> None:
    only_link = draft(REPEATER, message(1, MIDDLE, MIDDLE), views=draft().views[1:])
    assert list(LANES.check(only_link)) == []


def test_a_lane_on_the_way_takes_the_flow_through_itself() -> None:
    found = mended(draft(*RELAYED), LANES)
    assert ways(found) == {
        ("send", "middle-m2", QUBIT),
        ("middle-m2", "middle-m3", None),
        ("middle-m3", "measure", QUBIT),
    }
    assert found.performer(ElementId("act.middle-m2")) == MIDDLE
    assert list(LANES.check(found)) == []


def test_who_takes_light_and_never_gives_it_on_is_no_relay() -> None:
    """An untrusted centre measures: the flow of the protocol does not go through it."""
    found = mended(draft(*RELAYED[:-1]), LANES)
    assert ("send", "measure", QUBIT) in ways(found)
    assert ("middle-m2", "middle-m3", None) in ways(found)


def test_a_lane_beside_the_way_tells_its_outcome_to_who_waits_for_it() -> None:
    beside = draft(*RELAYED[:-1], message(4, MIDDLE, BOB, OUTCOME))
    assert ("middle-m3", "measure", OUTCOME) in ways(mended(beside, LANES))


def test_what_is_told_before_the_act_is_not_its_outcome() -> None:
    early = draft(*RELAYED[:4], message(1, MIDDLE, BOB, OUTCOME), message(2, MIDDLE, MIDDLE))
    assert OUTCOME not in {each.item for each in mended(early, LANES).model.all(Flow)}


def test_a_lane_beside_the_way_begins_after_a_fork_that_all_share() -> None:
    start = step("start", None, ActionKind.START)
    beside = draft(*RELAYED[:-1], start, flow("start", "send"))
    found = mended(beside, LANES)
    assert {("start", "fork", None), ("fork", "send", None), ("fork", "middle-m2", None)} <= ways(found)
    assert ("start", "send", None) not in ways(found)
    other = message(5, BOB, BOB)
    without_lane = found.without(ElementId("act.measure")).changed(other)
    again = mended(without_lane, LANES)
    assert len([each for each in again.model.all(Action) if each.kind is ActionKind.FORK]) == 1
    assert ("fork", "bob-m5", None) in ways(again)


def test_a_flow_is_named_by_its_ends_within_the_activity() -> None:
    made = flow_of(ACT, ElementId("act.one"), ElementId("act.two"), TALK)
    assert (made.id, made.item, made.activity) == ("act.one-to-two", TALK, ACT)


# --- rule 2 ---------------------------------------------------------------------------------------------------------

TOLD = (step("say", ALICE), step("hear", BOB), flow("say", "hear", TALK))


def test_what_crosses_lanes_is_told_the_same_way() -> None:
    silent = draft(*TOLD)
    assert [each.elements for each in FLOWS.check(silent)] == [("act.say-to-hear",)]
    assert list(FLOWS.check(silent.changed(message(1, BOB, ALICE, TALK))))  # the wrong way
    assert list(FLOWS.check(silent.changed(message(1, ALICE, BOB, OUTCOME))))  # something else
    assert list(FLOWS.check(silent.changed(message(1, ALICE, BOB, TALK)))) == []


@pytest.mark.parametrize(
    "elements",
    [
        (step("say", ALICE), step("hear", ALICE), flow("say", "hear", TALK)),
        (step("say", ALICE), step("hear", BOB), flow("say", "hear")),
        (step("say", ALICE), step("hear", None), flow("say", "hear", TALK)),
        (step("say", ALICE), step("hear", BOB), flow("say", "hear", QUBIT)),
    ],
    ids=["one lane", "nothing handed over", "nobody there", "delicate, so left to rule 3"],
)
def test_what_hands_nothing_over_is_not_told(elements: tuple[Action | Flow, ...]) -> None:
    assert list(FLOWS.check(draft(*elements))) == []


def test_what_is_told_anew_comes_last() -> None:
    found = mended(draft(*TOLD, message(1, ALICE, BOB, QUBIT)), FLOWS)
    last = max(found.model.all(Message), key=lambda each: each.order)
    assert (last.order, last.source, last.target, last.item) == (2, ALICE, BOB, TALK)
    assert list(FLOWS.check(found)) == []
