"""Rule 5 alone: stations take part, lifelines are parts, and who holds a share keeps it or measures it."""

from __future__ import annotations

from dataclasses import replace

from keytwin.design.draft import Draft
from keytwin.design.lifelines import LIFELINES, renamed_holder
from keytwin.design.model import ElementId, JointState, Part
from tests.design.drafts import (
    ALICE,
    BOB,
    FIBRE_PART,
    GROUND,
    LINK,
    MIDDLE,
    QUBIT,
    REPEATER,
    SHARE,
    TALK,
    draft,
    flow,
    message,
    pair,
    part,
    step,
)

ALICE_MEMORY = ElementId("system.alice-memory")
SATELLITE = part("satellite", "station", (GROUND,))
PAIRS = (
    REPEATER,
    message(1, MIDDLE, ALICE, SHARE),
    message(2, MIDDLE, BOB, SHARE),
    message(3, ALICE, ALICE),
    pair(ALICE, BOB),
)


def mended(subject: Draft) -> Draft:
    assert LIFELINES.mend
    return LIFELINES.mend(subject)


def told(subject: Draft) -> list[tuple[str, str, str | None]]:
    return [(each.source, each.target, each.item) for each in subject.messages(LINK)]


def test_a_station_that_takes_no_part_is_found() -> None:
    idle = draft(REPEATER, message(1, ALICE, BOB, QUBIT))
    assert [each.elements for each in LIFELINES.check(idle)] == [(MIDDLE,)]
    assert list(LIFELINES.check(idle.changed(message(2, MIDDLE, BOB, TALK)))) == []


def test_without_a_q_link_no_station_can_take_part() -> None:
    assert list(LIFELINES.check(draft(REPEATER, views=draft().views[:1]))) == []


def test_a_lifeline_is_a_part_of_the_whole() -> None:
    stranger = ElementId("system.eve")
    apart = ElementId("apart")
    found = list(LIFELINES.check(draft(message(1, ALICE, stranger, QUBIT, apart))))
    assert found[0].elements == (stranger, "apart.m1")
    inner = part("laser", "node", owner="node")
    assert "node.laser" in next(iter(LIFELINES.check(draft(inner, message(1, inner.id, BOB, QUBIT, apart))))).what


# --- memories -------------------------------------------------------------------------------------------------------


def test_each_holder_of_a_share_gets_a_memory() -> None:
    subject = draft(*PAIRS)
    assert [each.elements for each in LIFELINES.check(subject)] == [(ALICE, LINK), (BOB, LINK)]
    found = mended(subject)
    assert {each.id for each in found.parts(found.roles.memory)} == {ALICE_MEMORY, "system.bob-memory"}
    assert found.model.get(ElementId("pair"), JointState).parts == (ALICE_MEMORY, "system.bob-memory")
    assert told(found)[:2] == [(MIDDLE, ALICE_MEMORY, SHARE), (MIDDLE, "system.bob-memory", SHARE)]
    assert list(LIFELINES.check(found)) == []


def test_who_measures_a_share_at_once_needs_no_memory() -> None:
    measuring = (step("emit", None), step("measure", ALICE), flow("emit", "measure", SHARE))
    assert [each.elements[0] for each in LIFELINES.check(draft(*PAIRS, *measuring))] == [BOB]


def test_a_memory_at_any_depth_is_enough() -> None:
    rack = part("rack", "cabinet", owner="node")
    cabinet = part("cell", "memory", owner="cabinet")
    assert [each.elements[0] for each in LIFELINES.check(draft(*PAIRS, rack, cabinet))] == [BOB]


def test_a_share_is_given_out_just_before_its_first_use_and_only_once() -> None:
    used = pair(ALICE, BOB)
    both = replace(used, used_by=(ElementId("link.m4"), ElementId("link.m5")))
    subject = draft(*PAIRS[:-1], message(4, ALICE, ALICE), message(5, ALICE, ALICE), both)
    assert [each for each in told(mended(subject)) if each[0] == ALICE_MEMORY] == [(ALICE_MEMORY, ALICE, SHARE)]
    assert told(mended(subject))[3] == (ALICE_MEMORY, ALICE, SHARE)
    assert [each.order for each in mended(subject).messages(LINK)] == [1, 2, 3, 4, 5, 6]


def test_a_second_run_changes_nothing() -> None:
    once = mended(draft(*PAIRS))
    assert mended(once).model == once.model


def test_only_the_named_holder_hands_its_share_over() -> None:
    assert renamed_holder(pair(ALICE, BOB), BOB, MIDDLE).parts == (ALICE, MIDDLE)


# --- what a medium, or a protocol, places half-way ------------------------------------------------------------------


def test_a_station_of_the_medium_passes_the_light_on_unmeasured() -> None:
    subject = draft(FIBRE_PART, SATELLITE, message(1, ALICE, BOB, QUBIT), message(2, BOB, ALICE, TALK))
    assert told(mended(subject)) == [
        (ALICE, SATELLITE.id, QUBIT),
        (SATELLITE.id, SATELLITE.id, None),
        (SATELLITE.id, BOB, QUBIT),
        (BOB, ALICE, TALK),
    ]


def test_a_station_of_the_medium_takes_the_place_of_what_the_link_needs_and_carries_it() -> None:
    found = mended(draft(FIBRE_PART, SATELLITE, REPEATER, message(1, ALICE, MIDDLE, QUBIT)))
    assert told(found) == [(ALICE, SATELLITE.id, QUBIT)]
    assert MIDDLE not in found.model
    assert found.model.get(ElementId("station.middle"), Part).block == "repeater"


def test_what_stands_half_way_already_plays_a_station_of_the_protocol() -> None:
    source = part("source", "station", ())
    emit = step("emit", source.id, refined_by=LINK)
    found = mended(draft(REPEATER, source, emit, message(1, MIDDLE, ALICE, SHARE)))
    assert source.id not in found.model
    assert found.performer(emit.id) == MIDDLE


def test_with_nothing_half_way_a_station_of_the_protocol_stays_a_finding() -> None:
    subject = draft(REPEATER, message(1, ALICE, BOB, QUBIT))
    assert mended(subject).model == subject.model
    assert list(LIFELINES.check(mended(subject)))
