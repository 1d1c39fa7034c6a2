"""The interface definition of small models: spans, cables and ports one by one."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.draft import INTERFACE_VIEW, Draft
from keytwin.design.interface import STRUCTURE_VIEW, with_interface
from keytwin.design.model import Connector, Direction, Element, ElementId, End, Interaction
from tests.design.drafts import (
    ALICE,
    BOB,
    BY_LINK,
    FIBRE,
    FIBRE_PART,
    MIDDLE,
    OUTCOME,
    PLAIN,
    QUBIT,
    REPEATER,
    SHARE,
    TALK,
    draft,
    message,
    part,
)

SPAN = ElementId("system.fibre-2")
ELSEWHERE = ElementId("elsewhere")
OTHER = Interaction(id=ELSEWHERE, name="", because=BY_LINK)
RELAYED = (FIBRE_PART, REPEATER, message(1, ALICE, MIDDLE, QUBIT), message(2, MIDDLE, BOB, QUBIT))


def settled(*elements: Element) -> Draft:
    return with_interface(draft(*elements))


def cables(subject: Draft) -> set[tuple[str, str, tuple[tuple[str, str], ...]]]:
    """Give the connectors by their parts, with what passes them which way."""
    return {
        (each.source.part, each.target.part, tuple((one.item, str(one.direction)) for one in each.flows))
        for each in subject.model.all(Connector)
    }


def test_light_passes_the_channel_and_nothing_else_is_joined() -> None:
    found = settled(FIBRE_PART, message(1, ALICE, BOB, QUBIT))
    assert cables(found) == {(ALICE, FIBRE, ((QUBIT, "out"),)), (FIBRE, BOB, ((QUBIT, "out"),))}


def test_without_a_channel_the_two_are_joined_directly() -> None:
    assert cables(settled(message(1, ALICE, BOB, QUBIT))) == {(ALICE, BOB, ((QUBIT, "out"),))}


def test_each_pair_of_neighbours_has_one_span_whatever_passes_it() -> None:
    found = settled(*RELAYED, message(3, ALICE, MIDDLE, SHARE), message(4, ALICE, MIDDLE, QUBIT))
    assert {each.id for each in found.parts(found.roles.channel)} == {FIBRE, SPAN}
    assert (ALICE, FIBRE, ((QUBIT, "out"), (SHARE, "out"))) in cables(found)


def test_a_further_span_has_no_reason_of_its_own_before_it_is_stamped() -> None:
    found = settled(*RELAYED)
    assert found.model.elements[SPAN].because == ()
    assert found.model.elements[FIBRE].because == FIBRE_PART.because


def test_talk_in_both_directions_shares_a_cable_and_light_does_not() -> None:
    told = (message(2, BOB, ALICE, TALK), message(3, ALICE, BOB, TALK), message(4, BOB, ALICE, QUBIT))
    found = cables(settled(FIBRE_PART, message(1, ALICE, BOB, QUBIT), *told))
    assert (BOB, FIBRE, ((TALK, "inout"),)) in found
    assert {(FIBRE, ALICE, ((QUBIT, "out"),)), (ALICE, FIBRE, ((QUBIT, "out"),))} <= found


def test_talk_that_comes_before_the_light_passes_the_channel_all_the_same() -> None:
    found = cables(settled(FIBRE_PART, message(1, ALICE, BOB, TALK), message(2, ALICE, BOB, QUBIT)))
    assert (ALICE, FIBRE, ((TALK, "out"),)) in found
    assert not [each for each in found if {ALICE, BOB} == {*each[:2]}]


def test_talk_from_end_to_end_passes_each_span() -> None:
    passed = {each[:2] for each in cables(settled(*RELAYED, message(3, BOB, ALICE, TALK))) if each[2][0][0] == TALK}
    assert passed == {(BOB, SPAN), (SPAN, MIDDLE), (MIDDLE, FIBRE), (FIBRE, ALICE)}


def test_light_between_a_memory_and_its_owner_passes_no_channel() -> None:
    memory = part("alice-memory", "memory")
    found = cables(settled(FIBRE_PART, memory, message(1, memory.id, ALICE, SHARE)))
    assert found == {(memory.id, ALICE, ((SHARE, "out"),))}


def test_what_others_tell_along_the_link_passes_its_spans() -> None:
    found = cables(settled(OTHER, *RELAYED, message(1, ALICE, BOB, OUTCOME, ELSEWHERE)))
    assert (ALICE, FIBRE, ((OUTCOME, "out"),)) in found
    apart = cables(settled(OTHER, FIBRE_PART, message(1, ALICE, BOB, OUTCOME, ELSEWHERE)))
    assert apart == {(ALICE, BOB, ((OUTCOME, "out"),))}  # no light has laid a span


@pytest.mark.parametrize("item", [None, TALK])
def test_what_crosses_no_border_is_not_joined(item: ElementId | None) -> None:
    assert cables(settled(OTHER, message(1, ALICE, ALICE, item, ELSEWHERE))) == set()
    assert cables(settled(OTHER, message(1, ALICE, BOB, None, ELSEWHERE))) == set()


def test_what_a_variant_has_joined_is_left_as_it_is() -> None:
    drawn = Connector(id=ElementId("drawn"), name="", owner=ElementId("system"), source=End(BOB), target=End(ALICE))
    found = settled(OTHER, drawn, message(1, ALICE, BOB, TALK, ELSEWHERE))
    assert found.model.all(Connector) == (drawn,)


def test_the_ends_of_a_connector_are_ports_that_face_one_another() -> None:
    found = settled(FIBRE_PART, message(1, ALICE, BOB, QUBIT))
    for each in found.model.all(Connector):
        source, target = (
            next(port for port in found.ports(end.part) if port.name == end.port) for end in (each.source, each.target)
        )
        assert (source.is_conjugated, target.is_conjugated) == (False, True)
        assert each.flows[0].direction is Direction.OUT


def test_the_two_ends_of_a_channel_are_two_ports_even_for_talk() -> None:
    found = settled(FIBRE_PART, message(1, ALICE, BOB, QUBIT), message(2, ALICE, BOB, TALK))
    assert len([each for each in found.ports(FIBRE) if each.kind == PLAIN]) == 2
    assert len([each for each in found.ports(ALICE) if each.kind == PLAIN]) == 1


def test_the_whole_is_seen_in_two_views_and_only_once() -> None:
    once = settled(*RELAYED)
    views = {each.id: each for each in once.views}
    assert views[INTERFACE_VIEW].shown[:4] == (ALICE, FIBRE, MIDDLE, SPAN)
    assert {"node", "other-node", "fibre", "repeater"} <= {*views[STRUCTURE_VIEW].shown}
    assert with_interface(once) == once


def test_without_a_whole_there_is_nothing_to_define() -> None:
    subject = draft()
    roles = replace(subject.roles, whole=ElementId("nothing"))
    bare = replace(subject, library=replace(subject.library, roles=roles))
    assert with_interface(bare).views == bare.views
