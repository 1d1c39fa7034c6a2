"""Rules 4 and 9 alone: a transmission for each channel, and channels that share nothing but the ends."""

from __future__ import annotations

from keytwin.design.channels import CHANNELS, REDUNDANCY, carried_by
from keytwin.design.draft import INTERFACE_VIEW, Draft
from keytwin.design.model import Block, Carried, Connector, Direction, ElementId, End, Interaction, Part
from keytwin.design.synchronisation import Rule
from keytwin.design.views import View, ViewKind
from tests.design.drafts import (
    ALICE,
    BEAM,
    BEAM_PART,
    BOB,
    FIBRE,
    FIBRE_PART,
    GROUND,
    LINK,
    MIDDLE,
    QUBIT,
    REPEATER,
    SKY,
    TALK,
    VIEWS,
    draft,
    flow,
    message,
    part,
    send,
    step,
)

BOTH = (GROUND, SKY)
COPY = ElementId("link.beam")
SATELLITE = part("satellite", "station", (SKY,))
SENT = (send(LINK), step("prepare", ALICE), step("measure", BOB), flow("prepare", "send"))
LED = (*SENT, flow("send", "measure", QUBIT), message(1, ALICE, BOB, QUBIT), message(2, BOB, ALICE, TALK))


def mended(rule: Rule, subject: Draft) -> Draft:
    assert rule.mend
    return rule.mend(subject)


def two(*elements: Part) -> Draft:
    """Return a draft with two channels, its transmission told for each."""
    return mended(CHANNELS, draft(FIBRE_PART, BEAM_PART, *elements, *LED, chosen=BOTH))


# --- rule 4 ---------------------------------------------------------------------------------------------------------


def test_a_chosen_medium_without_channel_is_found() -> None:
    found = CHANNELS.check(draft(FIBRE_PART, chosen=BOTH))
    assert [each.what for each in found] == ["medium.sky is chosen, but no channel of it is a part of the whole"]


def test_one_channel_needs_no_transmission_of_its_own() -> None:
    subject = draft(FIBRE_PART, *LED)
    assert list(CHANNELS.check(subject)) == []
    assert mended(CHANNELS, subject) == subject


def test_two_channels_need_two_transmissions() -> None:
    once = draft(FIBRE_PART, BEAM_PART, *LED, chosen=BOTH)
    assert [each.elements for each in CHANNELS.check(once)] == [(FIBRE, BEAM)]
    found = two()
    assert [(each.id, each.through) for each in found.links()] == [(LINK, FIBRE), (COPY, BEAM)]
    assert [each.item for each in found.messages(COPY)] == [QUBIT, TALK]
    assert not {each.id for each in found.messages(LINK)} & {each.id for each in found.messages(COPY)}
    assert list(CHANNELS.check(found)) == []
    assert mended(CHANNELS, found).model == found.model


def test_both_transmissions_hang_between_the_same_steps() -> None:
    found = {(each.source, each.target) for each in two().flows()}
    assert {("act.prepare", "act.send-beam"), ("act.send-beam", "act.measure")} <= found
    assert {("act.prepare", "act.send"), ("act.send", "act.measure")} <= found


def test_a_copy_is_drawn_in_a_view_of_no_variant() -> None:
    assert [(each.subject, each.variant) for each in two().views if each.id == "view.link.beam"] == [(COPY, None)]


def test_that_channel_is_first_whose_medium_places_nothing_half_way() -> None:
    hovering = part("balloon", "station", (GROUND,))
    assert two(hovering).model.get(LINK, Interaction).through == BEAM


def test_a_channel_is_crossed_by_both_kinds_once_interfaces_are_defined() -> None:
    view = View(id=INTERFACE_VIEW, kind=ViewKind.INTERNAL, title="", subject=ElementId("system"), shown=())
    joint = Connector(
        id=ElementId("joint"),
        name="",
        owner=ElementId("system"),
        source=End(ALICE),
        target=End(FIBRE),
        flows=(Carried(QUBIT, QUBIT, Direction.OUT),),
    )
    settled = draft(FIBRE_PART, *LED, joint, views=(*VIEWS, view))
    assert [each.what for each in CHANNELS.check(settled)] == ["nothing classical crosses fibre"]
    dark = settled.without(joint.id)
    assert [each.what.split()[1] for each in CHANNELS.check(dark)] == ["quantum", "classical"]


# --- rule 9 ---------------------------------------------------------------------------------------------------------


def over_a_station() -> Draft:
    """Return two channels that both pass the same repeater."""
    there = (REPEATER, message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, QUBIT))
    return mended(CHANNELS, draft(FIBRE_PART, BEAM_PART, *SENT, *there, chosen=BOTH))


def test_one_channel_stands_in_for_nothing() -> None:
    assert list(REDUNDANCY.check(draft(FIBRE_PART, *LED))) == []


def test_a_station_on_two_channels_is_shared() -> None:
    assert (MIDDLE,) in [each.elements for each in REDUNDANCY.check(over_a_station())]


def test_a_second_station_of_the_same_kind_takes_the_second_channel() -> None:
    found = mended(REDUNDANCY, over_a_station())
    second = ElementId("system.middle-beam")
    assert found.model.get(second, Part).block == "repeater"
    assert [(each.source, each.target) for each in found.messages(COPY)] == [(ALICE, second), (second, BOB)]
    assert [(each.source, each.target) for each in found.messages(LINK)] == [(ALICE, MIDDLE), (MIDDLE, BOB)]
    assert list(REDUNDANCY.check(found)) == []


def test_what_the_medium_brings_takes_the_place_of_a_shared_station() -> None:
    subject = over_a_station().changed(SATELLITE)
    found = mended(REDUNDANCY, subject)
    assert {each.target for each in found.messages(COPY)} == {SATELLITE.id, BOB}
    assert ElementId("system.middle-beam") not in found.model
    assert found.model.get(ElementId("station.middle"), Part).owner == "station"


def test_each_end_has_a_quantum_port_for_each_channel() -> None:
    assert {each.elements for each in REDUNDANCY.check(two())} == {(ALICE,), (BOB,)}
    found = mended(REDUNDANCY, two())
    ports = {name: found.model.get(ElementId(name), Block).ports for name in ("node", "other-node")}
    assert [(each.name, each.is_conjugated) for each in ports["node"]] == [
        ("quantum-out", False),
        ("quantum-out-2", False),
    ]
    assert [each.is_conjugated for each in ports["other-node"]] == [True, True]
    assert list(REDUNDANCY.check(found)) == []


def test_what_is_carried_is_named_after_its_carrier() -> None:
    found = carried_by(draft(REPEATER, SATELLITE), MIDDLE, SATELLITE)
    aboard = found.model.get(ElementId("station.middle"), Part)
    assert (aboard.name, aboard.owner, aboard.block) == ("middle on board", "station", "repeater")
