"""Rules 6, 7, 8 and 10 alone: ports, reasons, requirements, names and units."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.design.agreement import AGREEMENT, PORTS, REQUIREMENTS, TRACES
from keytwin.design.draft import Draft
from keytwin.design.model import (
    Block,
    Carried,
    Connector,
    Direction,
    Element,
    ElementId,
    End,
    Method,
    Port,
    Property,
    Requirement,
    Verification,
)
from tests.design.drafts import (
    ALICE,
    BOB,
    BY_PROTOCOL,
    FIBRE_PART,
    PLAIN,
    QUANTUM,
    QUBIT,
    TALK,
    VIEWS,
    block,
    draft,
    part,
)

OUT, IN = Port("out", QUANTUM), Port("in", QUANTUM, is_conjugated=True)
TALKING = Port("talk", PLAIN)


def joint(
    source: str,
    target: str,
    *flows: tuple[ElementId, Direction],
    name: str = "joint",
    ends: tuple[str, str] = (ALICE, BOB),
) -> Connector:
    return Connector(
        id=ElementId(name),
        name="",
        owner=ElementId("system"),
        source=End(ElementId(ends[0]), source),
        target=End(ElementId(ends[1]), target),
        flows=tuple(Carried(item, item, way) for item, way in flows),
        because=BY_PROTOCOL,
    )


def joined(*connectors: Connector) -> Draft:
    """Return a draft in which Alice has ports out and to talk, Bob those in and to talk."""
    alice, bob = replace(block("node"), ports=(OUT, TALKING)), replace(block("other-node"), ports=(IN, TALKING))
    return draft(alice, bob, *connectors)


def told(subject: Draft) -> list[str]:
    return [each.what for each in PORTS.check(subject)]


# --- rule 6 ---------------------------------------------------------------------------------------------------------


def test_ports_of_one_kind_and_opposite_directions_fit() -> None:
    assert told(joined(joint("out", "in", (QUBIT, Direction.OUT)))) == []


def test_talk_passes_both_ways_through_one_kind_of_port() -> None:
    assert told(joined(joint("talk", "talk", (TALK, Direction.OUT), (TALK, Direction.IN)))) == []


def test_a_part_itself_may_be_an_end() -> None:
    assert told(joined(joint("", "", (QUBIT, Direction.OUT)))) == []


@pytest.mark.parametrize(
    ("connector", "what"),
    [
        (joint("gone", "in"), "joint ends at the port gone of system.alice, which has none such"),
        (joint("talk", "in"), "joint joins a plain-port port to a quantum-port one"),
        (joint("out", "in", (QUBIT, Direction.IN)), "qubit cannot pass the port out of system.alice this way"),
        (joint("out", "in", (TALK, Direction.OUT)), "talk cannot pass the port out of system.alice this way"),
        (joint("out", "out", ends=(ALICE, ALICE)), "joint joins two ports that both send, or both take"),
    ],
)
def test_what_does_not_fit_is_told(connector: Connector, what: str) -> None:
    assert what in told(joined(connector))


def test_light_cannot_go_two_ways_and_talk_can() -> None:
    light = joint("out", "in", name="one"), joint("out", "in", name="two")
    assert told(joined(*light)) == [
        "2 connectors share the port out of system.alice",
        "2 connectors share the port in of system.bob",
    ]
    talk = joint("talk", "talk", name="one"), joint("talk", "talk", name="two")
    assert told(joined(*talk)) == []


def test_crowded_ports_are_spread_until_each_connector_has_its_own() -> None:
    assert PORTS.mend
    found = PORTS.mend(joined(*(joint("out", "in", name=name) for name in ("one", "two", "three"))))
    assert told(found) == []
    assert len({each.source for each in found.model.all(Connector)}) == 3
    assert len(found.model.get(ElementId("node"), Block).ports) == 4


# --- rule 7 ---------------------------------------------------------------------------------------------------------


def traced(*elements: Element) -> Draft:
    ground = replace(VIEWS[0], id="view.ground", variant=FIBRE_PART.because[0])
    return draft(FIBRE_PART, *elements, views=(*VIEWS, ground))


def test_what_a_variant_or_a_rule_asked_for_has_a_reason() -> None:
    assert list(TRACES.check(traced())) == []
    orphan = replace(block("orphan"), because=())
    assert [each.elements for each in TRACES.check(traced(orphan))] == [("orphan",)]
    assert list(TRACES.check(traced(replace(orphan, rules=(PORTS.id,))))) == []


def test_a_choice_has_just_one_view() -> None:
    subject = traced()
    without = replace(subject, views=subject.views[:-1])
    assert [each.what for each in TRACES.check(without)] == ["medium.ground is chosen, but has 0 views"]
    twice = replace(subject, views=(*subject.views, subject.views[-1]))
    assert [each.what for each in TRACES.check(twice)] == ["medium.ground is chosen, but has 2 views"]


def test_a_choice_without_elements_is_found() -> None:
    found = traced().without(FIBRE_PART.id)
    assert [each.what for each in TRACES.check(found)] == ["medium.ground is chosen, but has no element"]


# --- rule 8 ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("satisfied", "measures", "count"), [(True, "key rate", 0), (False, "key rate", 1), (True, "", 1), (False, "", 2)]
)
def test_a_requirement_is_seen_to_and_can_fail(*, satisfied: bool, measures: str, count: int) -> None:
    wanted = Requirement(
        id=ElementId("r"), name="R", text="", subject=ElementId("system"), satisfied_by=(ALICE,) if satisfied else ()
    )
    proof = Verification(id=ElementId("v"), name="", requirement=wanted.id, method=Method.TEST, measures=measures)
    assert len(REQUIREMENTS.check(draft(wanted, proof))) == count


# --- rule 10 --------------------------------------------------------------------------------------------------------


def test_a_whole_model_agrees_with_itself() -> None:
    assert list(AGREEMENT.check(draft())) == []


def test_what_leads_nowhere_is_told_with_who_refers_to_it() -> None:
    found = AGREEMENT.check(draft(part("fibre", "hollow-core")))
    assert [each.what for each in found] == ["system.fibre refers to hollow-core, which is not there"]


def test_views_follow_the_model_and_not_the_other_way() -> None:
    assert AGREEMENT.mend
    view = replace(VIEWS[0], shown=(ALICE, ElementId("gone")))
    subject = draft(views=(view, VIEWS[1]))
    assert [each.what for each in AGREEMENT.check(subject)] == ["the view 'P' shows gone, which is not there"]
    found = AGREEMENT.mend(subject)
    assert found.views[0].shown == (ALICE,)
    assert found.model == subject.model


def test_names_differ_within_their_owner_only() -> None:
    one, other = part("memory", "memory", owner="node"), part("memory", "memory", owner="other-node")
    assert list(AGREEMENT.check(draft(one, other))) == []
    twin = replace(one, id=ElementId("node.second"))
    assert [each.elements for each in AGREEMENT.check(draft(one, twin))] == [("node.memory", "node.second")]


@pytest.mark.parametrize(
    ("one", "other", "count"),
    [
        (Property("loss", "loss", "3 dB"), Property("loss", "loss", ""), 0),
        (Property("loss", "loss", "3 dB"), Property("loss", "length", "3 km"), 1),
        (Property("loss", "loss", "3 km"), Property("loss", "loss", "3 dB"), 1),
        (Property("loss", "text", "hardly any"), Property("loss", "text", "3 dB"), 0),
    ],
)
def test_what_is_called_alike_has_one_quantity_and_values_of_it(one: Property, other: Property, count: int) -> None:
    blocks = replace(block("node"), properties=(one,)), replace(block("other-node"), properties=(other,))
    assert len(AGREEMENT.check(draft(*blocks))) == count
