"""What the rules ask of an architecture while it is put together."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.draft import INTERFACE_VIEW, holder, in_line, memory_of, redrawn, short
from keytwin.design.model import ActionKind, ElementId, Fragment, Interaction, Operator
from keytwin.design.views import View, ViewKind
from tests.design.drafts import (
    ALICE,
    BEAM,
    BEAM_PART,
    BOB,
    BY_LINK,
    FIBRE,
    FIBRE_PART,
    GROUND,
    LINK,
    MIDDLE,
    OUTCOME,
    QUBIT,
    REPEATER,
    SHARE,
    SKY,
    TALK,
    VIEWS,
    draft,
    flow,
    message,
    pair,
    part,
    send,
    step,
)


def test_a_block_is_a_special_case_of_itself_and_of_what_is_above() -> None:
    subject = draft()
    fibre, channel = ElementId("fibre"), ElementId("channel")
    assert subject.is_a(fibre, fibre)
    assert subject.is_a(fibre, channel)
    assert not subject.is_a(channel, fibre)
    assert not subject.is_a(ElementId("unknown"), channel)


def test_parts_of_the_whole_are_those_that_it_owns_itself() -> None:
    inner = part("memory", "memory", owner="node")
    assert {each.id for each in draft(inner, FIBRE_PART).parts()} == {ALICE, BOB, FIBRE}


def test_a_channel_belongs_to_a_medium_and_a_further_span_to_none() -> None:
    span = replace(FIBRE_PART, id=ElementId("system.fibre-2"), because=())
    subject = draft(FIBRE_PART, span, BEAM_PART, chosen=(GROUND, SKY))
    assert [each.id for each in subject.channels()] == [FIBRE, BEAM]
    assert [subject.medium_of(each) for each in (FIBRE_PART, BEAM_PART, REPEATER)] == [GROUND, SKY, None]
    assert subject.chosen(subject.roles.medium) == (GROUND, SKY)


def test_a_station_belongs_to_the_channel_of_its_own_medium() -> None:
    above = part("satellite", "station", (SKY,))
    subject = draft(FIBRE_PART, BEAM_PART, REPEATER, above)
    assert subject.station_of(FIBRE_PART) is None
    assert subject.station_of(BEAM_PART) == above
    assert {each.id for each in subject.stations()} == {MIDDLE, above.id}


def test_what_must_not_be_copied_is_what_its_kind_of_port_carries() -> None:
    assert [draft().is_delicate(each) for each in (QUBIT, SHARE, OUTCOME, TALK, None)] == [True, True, *[False] * 3]


def test_a_hop_hands_something_delicate_to_another() -> None:
    taken = step("take", BOB)
    subject = draft(send(), taken, flow("send", "take", QUBIT))
    assert [(each.source, each.target, each.item) for each in subject.hops()] == [(ALICE, BOB, QUBIT)]
    for other in (flow("send", "take", TALK), flow("send", "take")):
        assert draft(send(), taken, other).hops() == ()
    assert draft(send(), step("take", ALICE), flow("send", "take", QUBIT)).hops() == ()
    assert draft(step("send", ALICE), taken, flow("send", "take", QUBIT)).hops() == ()  # no transmission


def test_links_are_the_interaction_of_the_view_and_its_copies() -> None:
    copy = Interaction(id=ElementId("link.beam"), name="", because=BY_LINK)
    other = replace(copy, id=ElementId("linkage"))
    assert [each.id for each in draft(copy, other).links()] == [LINK, "link.beam"]
    assert draft(views=VIEWS[:1]).links() == ()


def test_the_channel_of_a_link_is_the_settled_one_or_the_only_one() -> None:
    link = draft().links()[0]
    assert draft().channel_of(link) is None
    assert draft(FIBRE_PART).channel_of(link) == FIBRE_PART
    both = draft(FIBRE_PART, BEAM_PART)
    assert both.channel_of(link) is None
    assert both.channel_of(replace(link, through=BEAM)) == BEAM_PART


def test_messages_stand_in_their_order_and_lifelines_as_they_come() -> None:
    subject = draft(message(2, BOB, ALICE, TALK), message(1, MIDDLE, BOB, QUBIT), REPEATER, pair(ALICE, BOB))
    assert [each.order for each in subject.messages(LINK)] == [1, 2]
    assert subject.lifelines(LINK) == (MIDDLE, BOB, ALICE)
    assert [each.id for each in subject.joint_states(LINK)] == ["pair"]
    assert draft(pair(ALICE, BOB)).joint_states(LINK) == ()  # nothing makes it


def test_interfaces_are_settled_with_their_view() -> None:
    view = View(id=INTERFACE_VIEW, kind=ViewKind.INTERNAL, title="", subject=ElementId("system"), shown=())
    assert not draft().is_settled()
    assert draft(views=(*VIEWS, view)).is_settled()


def test_nobody_performs_a_step_that_is_not_there() -> None:
    assert draft(send()).performer(send().id) == ALICE
    assert draft().performer(send().id) is None
    assert draft().performer(ALICE) is None


# --- names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("name", "expected"), [("system.alice", "alice"), ("a.b.c", "c"), ("alice", "alice")])
def test_a_short_name_is_the_last_word(name: str, expected: str) -> None:
    assert short(ElementId(name)) == expected


@pytest.mark.parametrize("word", ["", "beam"])
def test_a_memory_knows_its_holder(word: str) -> None:
    memory = memory_of(ALICE, word)
    kept = part(short(memory), "memory")
    assert holder(draft(kept), memory) == ALICE
    assert holder(draft(), memory) == memory  # no such part
    assert holder(draft(part(short(memory), "node")), memory) == memory  # called so, but none


def test_parts_stand_from_one_end_to_the_other() -> None:
    memories = [part("alice-memory", "memory"), part("bob-memory", "memory")]
    subject = draft(*memories, REPEATER, FIBRE_PART)
    mixed = [BOB, memories[1].id, MIDDLE, FIBRE, memories[0].id, ALICE, BOB]
    assert in_line(subject, mixed) == [ALICE, memories[0].id, MIDDLE, FIBRE, memories[1].id, BOB]


# --- views ----------------------------------------------------------------------------------------------------------


def test_views_of_protocol_and_link_show_what_the_model_has_now() -> None:
    frame = Fragment(id=ElementId("link.loop"), name="", interaction=LINK, operator=Operator.LOOP)
    start = step("start", None, ActionKind.START)
    other = View(id="other", kind=ViewKind.BLOCK, title="", subject=ALICE, shown=(ALICE,))
    elements = (start, send(), step("take", BOB), flow("send", "take", QUBIT), message(1, BOB, ALICE, TALK), frame)
    found = redrawn(draft(*elements, views=(*VIEWS, other))).views
    assert found[0].shown == (ALICE, BOB, "act.start", "act.send", "act.take", "act.send-to-take")
    assert found[1].shown == (ALICE, BOB, "link.loop", "link.m1")
    assert found[2] == other
