"""The interface definition: spans of channels, ports that fit, and what else is told along the same way."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

import pytest

from keytwin.design.draft import holder, in_line, memory_of
from keytwin.design.interface import with_interface
from keytwin.design.model import Connector, Direction, ElementId, Part
from keytwin.design.ports import delicate_ports, fresh_port
from tests.design.shipped import ONE_MEDIUM, PAPER_A, composed, draft_of

DIRECT = ("protocol.bb84", "q-link.direct", "medium.terrestrial", "terrestrial.fibre")
ALICE, BOB = ElementId("system.alice"), ElementId("system.bob")
FLOWING = tuple[str, str, str]


def flowing(*names: str) -> set[FLOWING]:
    """Give what flows from which part to which, whichever way connectors are written."""
    found: set[FLOWING] = set()
    for each in composed(*names).after.model.all(Connector):
        for flow in each.flows:
            if flow.direction is not Direction.IN:
                found.add((each.source.part, flow.item, each.target.part))
            if flow.direction is not Direction.OUT:
                found.add((each.target.part, flow.item, each.source.part))
    return found


def test_a_direct_link_is_one_span_with_light_one_way_and_talk_both_ways() -> None:
    assert flowing(*DIRECT) == {
        ("system.alice", "qubit", "system.fibre"),
        ("system.fibre", "qubit", "system.bob"),
        ("system.alice", "sync-pulse", "system.fibre"),
        ("system.fibre", "sync-pulse", "system.bob"),
        ("system.alice", "announcement", "system.fibre"),
        ("system.fibre", "announcement", "system.bob"),
        ("system.bob", "announcement", "system.fibre"),
        ("system.fibre", "announcement", "system.alice"),
    }


def test_a_repeater_stands_between_two_spans() -> None:
    told = flowing(*ONE_MEDIUM)
    assert ("system.repeater", "bell-pair", "system.fibre") in told
    assert ("system.repeater", "bell-pair", "system.fibre-2") in told
    assert ("system.alice-memory", "bell-pair", "system.alice") in told
    assert not [each for each in told if each[0] == "system.alice" and each[2] == "system.bob"]


def test_what_the_ends_discuss_passes_the_repeater() -> None:
    told = {each for each in flowing(*ONE_MEDIUM) if each[1] == "announcement"}
    way = ["system.alice", "system.fibre", "system.repeater", "system.fibre-2", "system.bob"]
    for one, two in pairwise(way):
        assert (one, "announcement", two) in told
        assert (two, "announcement", one) in told


def test_authentication_goes_along_the_channel_and_not_past_it() -> None:
    assert flowing(*DIRECT, "authentication.pre-shared") == flowing(*DIRECT)


def test_applications_and_key_managers_are_joined_directly() -> None:
    told = flowing(*DIRECT, "key-api.etsi-014", "control.sdn-015")
    assert ("system.manager-a", "secret-key", "system.application-a") in told
    assert ("system.application-a", "key-request", "system.manager-a") in told
    assert ("system.alice", "secret-key", "system.manager-a") in told
    assert ("system.controller", "session-order", "system.manager-b") in told


@pytest.mark.parametrize("names", [DIRECT, ONE_MEDIUM, PAPER_A])
def test_no_quantum_port_is_shared_and_the_ends_of_a_channel_are_two(names: tuple[str, ...]) -> None:
    draft = draft_of(composed(*names))
    ends = Counter(end for each in draft.model.all(Connector) for end in (each.source, each.target))
    for end, number in ends.items():
        port = next(each for each in draft.ports(end.part) if each.name == end.port)
        is_channel = draft.is_a(draft.model.get(end.part, Part).block, ElementId("channel"))
        assert number == 1 or not (port.kind == "quantum-port" or is_channel)


def test_defining_the_interfaces_twice_changes_nothing() -> None:
    draft = draft_of(composed(*DIRECT))
    assert with_interface(draft) is draft


def test_a_fresh_port_gets_a_name_that_is_free() -> None:
    draft = draft_of(composed(*DIRECT))
    assert {key: [each.name for each in ports] for key, ports in delicate_ports(draft, ALICE).items()} == {
        False: ["quantum-out"]
    }
    more, second = fresh_port(draft, ALICE, ElementId("quantum-port"), is_conjugated=False)
    more, third = fresh_port(more, ALICE, ElementId("quantum-port"), is_conjugated=False)
    _, taking = fresh_port(more, ALICE, ElementId("quantum-port"), is_conjugated=True)
    _, plain = fresh_port(more, ALICE, ElementId("classical-port"), is_conjugated=True)
    assert [each.name for each in (second, third, taking, plain)] == [
        "quantum-out-2",
        "quantum-out-3",
        "quantum-in",
        "classical-2",
    ]


def test_a_memory_belongs_to_its_holder_and_stands_beside_it() -> None:
    draft = draft_of(composed(*PAPER_A))
    memory = memory_of(ALICE)
    assert holder(draft, memory) == ALICE
    assert holder(draft, memory_of(ALICE, "satellite-channel")) == ALICE
    assert holder(draft, BOB) == BOB
    placed = in_line(draft, [BOB, memory_of(BOB), ElementId("system.repeater"), memory, ALICE])
    assert placed == [ALICE, memory, ElementId("system.repeater"), memory_of(BOB), BOB]


def test_a_draft_knows_what_was_chosen_and_what_stands_where() -> None:
    draft = draft_of(composed(*PAPER_A))
    assert [each.id for each in draft.channels()] == ["system.fibre", "system.satellite-channel"]
    stations = {each.id: draft.station_of(each) for each in draft.channels()}
    satellite = stations[ElementId("system.satellite-channel")]
    assert stations[ElementId("system.fibre")] is None
    assert satellite
    assert satellite.id == "system.satellite"
    assert draft.is_a(ElementId("fibre"), ElementId("channel"))
    assert not draft.is_a(ElementId("channel"), ElementId("fibre"))
    assert draft.is_delicate(ElementId("qubit"))
    assert not draft.is_delicate(ElementId("announcement"))
    assert draft.hops() == (), "every state is teleported"
    assert len(draft_of(composed(*DIRECT)).hops()) == 1
