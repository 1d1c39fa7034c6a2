"""Ports of parts: those that there are, inherited ones too, and a fresh one under a name of its own."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.draft import Draft
from keytwin.design.model import Block, Direction, ElementId, Port, PortKind
from keytwin.design.ports import delicate_ports, fresh_port, is_symmetrical, suits
from tests.design.drafts import ALICE, BOB, PLAIN, QUANTUM, QUBIT, SHARED, TALK, block, draft, kind_of_port

LIGHT, TALKING = SHARED.get(QUANTUM, PortKind), SHARED.get(PLAIN, PortKind)


def with_ports(*ports: Port, general: tuple[Port, ...] = ()) -> Draft:
    above = replace(block("device"), ports=general)
    return draft(above, replace(block("node", "device"), ports=ports))


def test_ports_for_light_are_told_apart_by_their_way() -> None:
    one, two, back = Port("a", QUANTUM), Port("b", QUANTUM), Port("c", QUANTUM, is_conjugated=True)
    assert delicate_ports(with_ports(one, two, back, Port("d", PLAIN)), ALICE) == {False: [one, two], True: [back]}
    assert delicate_ports(draft(), BOB) == {}


def test_inherited_ports_count() -> None:
    above = Port("a", QUANTUM)
    assert delicate_ports(with_ports(general=(above,)), ALICE) == {False: [above]}


@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        (TALKING, True),
        (LIGHT, False),
        (kind_of_port("silent", Direction.OUT), True),
        (kind_of_port("taking", Direction.IN, TALK), False),
    ],
)
def test_a_kind_is_symmetrical_when_nothing_has_a_direction(kind: PortKind, *, expected: bool) -> None:
    assert is_symmetrical(kind) is expected


@pytest.mark.parametrize(
    ("kind", "taken", "is_conjugated", "name"),
    [
        (QUANTUM, (), False, "quantum-out"),
        (QUANTUM, (), True, "quantum-in"),
        (QUANTUM, ("quantum-out",), False, "quantum-out-2"),
        (QUANTUM, ("quantum-out", "quantum-out-2"), False, "quantum-out-3"),
        (PLAIN, (), False, "plain"),
        (PLAIN, ("plain",), True, "plain-2"),
    ],
)
def test_a_fresh_port_has_a_name_that_is_free(
    kind: ElementId, taken: tuple[str, ...], name: str, *, is_conjugated: bool
) -> None:
    subject = with_ports(*(Port(each, kind) for each in taken))
    found, port = fresh_port(subject, ALICE, kind, is_conjugated=is_conjugated)
    assert (port.name, port.kind, port.is_conjugated) == (name, kind, is_conjugated)
    assert found.ports(ALICE)[-1] == port
    assert len(found.ports(BOB)) == 0


def test_a_name_that_a_more_general_block_has_given_is_taken() -> None:
    _, port = fresh_port(with_ports(general=(Port("plain", PLAIN),)), ALICE, PLAIN, is_conjugated=False)
    assert port.name == "plain-2"


def test_a_kind_that_nobody_used_so_far_comes_with_its_port() -> None:
    subject = draft().without(QUANTUM, QUBIT)
    found, _ = fresh_port(subject, ALICE, QUANTUM, is_conjugated=False)
    assert {QUANTUM, QUBIT} <= found.model.elements.keys()
    assert len(found.model.get(ElementId("node"), Block).ports) == 1


def test_a_port_suits_its_kind_its_way() -> None:
    port = Port("a", QUANTUM)
    assert suits(port, LIGHT, is_conjugated=False)
    assert not suits(port, LIGHT, is_conjugated=True)
    assert not suits(port, TALKING, is_conjugated=False)
    assert suits(Port("b", PLAIN), TALKING, is_conjugated=True)  # nothing of it has a direction
