"""Rule 3 alone: what the protocol sends is delivered by the Q-link, or teleported, or told to be missing."""

from __future__ import annotations

from keytwin.design.draft import Draft
from keytwin.design.model import Action, ElementId, Flow, JointState
from keytwin.design.refinement import (
    REFINEMENT,
    inserted,
    is_served,
    joint_state,
    ordered,
    reaches,
    refining,
)
from tests.design.drafts import (
    ALICE,
    BOB,
    LINK,
    MIDDLE,
    OUTCOME,
    QUBIT,
    REPEATER,
    SHARE,
    TALK,
    draft,
    flow,
    message,
    pair,
    part,
    send,
    step,
)

ASKED = (send(), step("measure", BOB), flow("send", "measure", QUBIT))
PAIRED = (REPEATER, message(1, MIDDLE, ALICE, SHARE), message(2, MIDDLE, BOB, SHARE), pair(ALICE, BOB))


def mended(subject: Draft) -> Draft:
    assert REFINEMENT.mend
    return REFINEMENT.mend(subject)


def told(subject: Draft) -> list[tuple[str, str, str | None]]:
    return [(each.source, each.target, each.item) for each in subject.messages(LINK)]


# --- what reaches whom ----------------------------------------------------------------------------------------------


def test_an_item_reaches_whoever_it_is_handed_on_to() -> None:
    way = [message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, QUBIT)]
    assert reaches(way, ALICE, BOB, QUBIT)
    assert not reaches(way, ALICE, BOB, TALK)
    assert not reaches(way, BOB, ALICE, QUBIT)
    assert not reaches(way, ALICE, ALICE, QUBIT)


def test_what_has_not_arrived_cannot_be_handed_on() -> None:
    assert not reaches([message(1, MIDDLE, BOB, QUBIT), message(2, ALICE, MIDDLE, QUBIT)], ALICE, BOB, QUBIT)


def test_what_reaches_a_station_under_another_name_does_not_arrive() -> None:
    assert not reaches([message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, TALK)], ALICE, BOB, QUBIT)


def test_a_transmission_is_refined_by_its_own_link_or_by_one_that_is_left() -> None:
    assert [each.id for each in refining(draft(send()), send())] == [LINK]
    assert [each.id for each in refining(draft(send(LINK)), send(LINK))] == [LINK]
    other = step("again", BOB, detail=draft().roles.link)
    assert refining(draft(send(LINK), other), other) == ()


def test_whoever_gives_out_shares_is_of_no_account_to_the_taker() -> None:
    hop_of = draft(send(), step("measure", BOB), flow("send", "measure", SHARE), *PAIRED)
    (hop,), (link,) = hop_of.hops(), hop_of.links()
    assert is_served(hop_of, hop, link)
    assert joint_state(hop_of, hop, link) is None


# --- rule 3 ---------------------------------------------------------------------------------------------------------


def test_without_a_transmission_there_is_nothing_to_refine() -> None:
    assert list(REFINEMENT.check(draft(message(1, ALICE, BOB, QUBIT)))) == []


def test_a_transmission_that_fits_is_only_bound() -> None:
    subject = draft(*ASKED, message(1, ALICE, BOB, QUBIT))
    assert [each.what for each in REFINEMENT.check(subject)] == ["'send' is not refined by the Q-link"]
    found = mended(subject)
    assert found.model.get(send().id, Action).refined_by == LINK
    assert found.messages(LINK) == subject.messages(LINK)
    assert list(REFINEMENT.check(found)) == []


def test_what_is_not_delivered_is_named_with_both_ends() -> None:
    found = REFINEMENT.check(draft(*ASKED, message(1, ALICE, MIDDLE, QUBIT), REPEATER))
    assert "'Q' does not deliver qubit from alice to bob" in [each.what for each in found]


def test_a_link_without_any_message_is_given_one() -> None:
    found = mended(draft(*ASKED))
    assert told(found) == [(ALICE, BOB, QUBIT)]
    assert list(REFINEMENT.check(found)) == []


def test_a_state_crosses_a_joint_state_by_teleportation() -> None:
    found = mended(draft(*ASKED, *PAIRED, message(3, ALICE, BOB, TALK)))
    assert told(found) == [
        (MIDDLE, ALICE, SHARE),
        (MIDDLE, BOB, SHARE),
        (ALICE, ALICE, None),
        (ALICE, BOB, OUTCOME),
        (BOB, BOB, None),
        (ALICE, BOB, TALK),
    ]
    assert list(REFINEMENT.check(found)) == []


def test_a_teleported_state_ends_in_one_measurement_and_uses_its_pair_up() -> None:
    found = mended(draft(*ASKED, *PAIRED))
    steps = {(each.source, each.target, each.item) for each in found.model.all(Flow)}
    assert ("act.send", "act.measure", QUBIT) not in steps
    assert ("act.send.bell-measurement", "act.send.correction", OUTCOME) in steps
    used = found.model.get(ElementId("pair"), JointState).used_by
    assert [each.rpartition(".")[2] for each in used] == ["bell-measurement", "correction"]


def test_a_pattern_from_end_to_end_is_told_for_each_hop() -> None:
    """The protocol hands on by a centre: the Q-link through a repeater is needed twice, with a repeater each."""
    centre = part("centre", "node")
    onward = step("onward", centre.id, detail=draft().roles.link, refined_by=LINK)
    hops = (send(LINK), onward, flow("send", "onward", QUBIT), flow("onward", "measure", QUBIT))
    pattern = (REPEATER, message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, QUBIT))
    found = mended(draft(centre, step("measure", BOB), *hops, *pattern))
    second = ElementId("system.middle-2")
    assert told(found) == [
        (ALICE, MIDDLE, QUBIT),
        (MIDDLE, centre.id, QUBIT),
        (centre.id, second, QUBIT),
        (second, BOB, QUBIT),
    ]
    assert second in found.model


# --- the order of messages ------------------------------------------------------------------------------------------


def test_messages_are_numbered_as_they_are_given() -> None:
    subject = draft(message(5, ALICE, BOB, QUBIT), message(9, BOB, ALICE, TALK))
    found = ordered(subject, reversed(subject.messages(LINK)))
    assert [(each.id, each.order) for each in found.messages(LINK)] == [("link.m9", 1), ("link.m5", 2)]


def test_what_is_inserted_comes_before_the_last_discussion_and_behind_the_light() -> None:
    early, light, late = message(1, ALICE, BOB, TALK), message(2, ALICE, BOB, QUBIT), message(3, BOB, ALICE, TALK)
    subject = draft(early, light, late)
    found = inserted(subject, subject.links()[0], [message(7, BOB, BOB)])
    assert [each.id for each in found.messages(LINK)] == ["link.m1", "link.m2", "link.m7", "link.m3"]


def test_without_any_discussion_it_comes_last() -> None:
    subject = draft(message(1, ALICE, BOB, QUBIT))
    found = inserted(subject, subject.links()[0], [message(7, BOB, BOB)])
    assert [each.order for each in found.messages(LINK)] == [1, 2]
    assert found.messages(LINK)[-1].id == "link.m7"
