"""Each rule of synchronisation finds a planted fault and says why it matters; where it can mend it, it does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest

from keytwin.design.composition import RULES
from keytwin.design.draft import INTERFACE_VIEW, Draft
from keytwin.design.model import (
    Action,
    Block,
    Carried,
    Connector,
    Direction,
    ElementId,
    End,
    Flow,
    Item,
    Message,
    Part,
    Port,
    Property,
    Requirement,
    Verification,
)
from keytwin.design.synchronisation import findings, synchronise
from tests.design.shipped import PAPER_A, composed, draft_of

RESILIENT = (*PAPER_A, "redundancy.dual-medium")
Fault = Callable[[Draft], Draft]


def whole() -> Draft:
    return draft_of(composed(*RESILIENT))


def changed(draft: Draft, which: str, /, **values: object) -> Draft:
    element = draft.model.elements[ElementId(which)]
    return draft.with_model(draft.model.replaced([replace(element, **values)]))


def without(draft: Draft, *names: str) -> Draft:
    return draft.with_model(draft.model.without(ElementId(each) for each in names))


def joint(draft: Draft, one: str, other: str) -> Connector:
    return next(each for each in draft.model.all(Connector) if (each.source.part, each.target.part) == (one, other))


# --- planted faults -------------------------------------------------------------------------------------------------


def nobody_acts(draft: Draft) -> Draft:
    return changed(draft, "bb84.prepare", performer=None)


def a_lane_is_lost(draft: Draft) -> Draft:
    gone = {each.id for each in draft.actions() if each.performer == "system.repeater"}
    flows = [each.id for each in draft.flows() if {each.source, each.target} & gone]
    return without(draft, *gone, *flows)


def a_message_is_lost(draft: Draft) -> Draft:
    messages = draft.model.all(Message)
    lost = [each.id for each in messages if (each.source, each.target) == ("system.bob", "system.alice")]
    return without(draft, *lost)


def a_connection_is_lost(draft: Draft) -> Draft:
    gone = [each.id for each in draft.model.all(Connector) if "system.bob" in {each.source.part, each.target.part}]
    return without(draft, *gone)


def a_refinement_is_lost(draft: Draft) -> Draft:
    return changed(draft, "bb84.send", refined_by=None)


def a_channel_is_not_crossed(draft: Draft) -> Draft:
    mine = [each for each in draft.model.all(Connector) if "system.fibre" in {each.source.part, each.target.part}]
    return without(draft, *(each.id for each in mine))


def a_medium_has_no_channel(draft: Draft) -> Draft:
    return without(draft, "system.satellite-channel")


def a_station_is_left_out(draft: Draft) -> Draft:
    station = draft.model.get(ElementId("system.repeater"), Part)
    return draft.with_model(draft.model.merged([replace(station, id=ElementId("system.spare"), name="spare")]))


def a_stranger_speaks(draft: Draft) -> Draft:
    return changed(draft, "swapping.reply", source=ElementId("satellite.repeater"))


def two_share_a_port(draft: Draft) -> Draft:
    first = joint(draft, "system.repeater", "system.fibre")
    return changed(draft, joint(draft, "system.repeater", "system.fibre-2").id, source=first.source)


def natures_meet(draft: Draft) -> Draft:
    return changed(draft, joint(draft, "system.alice", "system.fibre").id, source=End(ElementId("system.alice"), "key"))


def both_take(draft: Draft) -> Draft:
    return changed(
        draft,
        joint(draft, "system.alice-memory", "system.alice").id,
        source=End(ElementId("system.alice"), "quantum-in"),
    )


def a_port_is_missing(draft: Draft) -> Draft:
    return changed(draft, joint(draft, "system.alice", "system.fibre").id, source=End(ElementId("system.alice"), "x"))


def flow_against_the_port(draft: Draft) -> Draft:
    turned = Carried("bell-pair", ElementId("bell-pair"), Direction.IN)
    return changed(draft, joint(draft, "system.alice-memory", "system.alice").id, flows=(turned,))


def something_without_a_reason(draft: Draft) -> Draft:
    return draft.with_model(draft.model.merged([Item(id=ElementId("idle"), name="idle", nature="classical")]))


def a_choice_without_a_view(draft: Draft) -> Draft:
    return replace(draft, views=tuple(each for each in draft.views if each.variant != "free-space.single"))


def nothing_satisfies(draft: Draft) -> Draft:
    return changed(draft, "dual-medium.resilience", satisfied_by=())


def nothing_verifies(draft: Draft) -> Draft:
    return without(draft, *(each.id for each in draft.model.all(Verification)))


def channels_share_a_station(draft: Draft) -> Draft:
    moved = [
        replace(each, source=ElementId("system.repeater"), target=ElementId("system.repeater"))
        for each in draft.model.all(Message)
        if each.id == "swapping.satellite-channel.swap"
    ]
    return draft.with_model(draft.model.replaced(moved))


def a_reference_leads_nowhere(draft: Draft) -> Draft:
    return changed(draft, "system.fibre", block=ElementId("glass")).with_model(
        draft.model.replaced([replace(draft.model.get(ElementId("bb84.send"), Action), refined_by=ElementId("gone"))])
    )


def a_view_shows_what_is_not_there(draft: Draft) -> Draft:
    views = [
        replace(each, shown=(*each.shown, ElementId("ghost"))) if each.id == INTERFACE_VIEW else each
        for each in draft.views
    ]
    return replace(draft, views=tuple(views))


def two_parts_have_one_name(draft: Draft) -> Draft:
    return changed(draft, "system.repeater", name="Alice")


def one_name_has_two_quantities(draft: Draft) -> Draft:
    block = draft.model.get(ElementId("satellite"), Block)
    return changed(draft, "satellite", properties=(*block.properties, Property("length", "duration")))


def a_value_is_of_another_quantity(draft: Draft) -> Draft:
    block = draft.model.get(ElementId("satellite"), Block)
    return changed(draft, "satellite", properties=(*block.properties, Property("speed-up", "duration", "3 km", "x")))


FAULTS = [
    (1, nobody_acts, r"performed by nobody, which is no part"),
    (1, a_lane_is_lost, r"repeater acts in the Q-link .* but has no lane"),
    (2, a_message_is_lost, r"announcement flows from system.bob to system.alice .* no message says so"),
    (2, a_connection_is_lost, r"has no connection that carries it"),
    (3, a_refinement_is_lost, r"'Send the states' is not refined by the Q-link"),
    (4, a_channel_is_not_crossed, r"nothing quantum crosses fibre"),
    (4, a_channel_is_not_crossed, r"nothing classical crosses fibre"),
    (4, a_medium_has_no_channel, r"medium.satellite is chosen, but no channel of it"),
    (5, a_station_is_left_out, r"spare stands half-way, but has no lifeline"),
    (5, a_stranger_speaks, r"the lifeline satellite.repeater is no part of the whole"),
    (6, two_share_a_port, r"2 connectors share the port quantum-out of system.repeater"),
    (6, natures_meet, r"joins a key port to a classical one"),
    (6, both_take, r"joins two ports that both send, or both take"),
    (6, a_port_is_missing, r"ends at the port x of system.alice, which has none such"),
    (6, flow_against_the_port, r"bell-pair cannot pass the port quantum-out"),
    (7, something_without_a_reason, r"idle has no reason"),
    (7, a_choice_without_a_view, r"free-space.single is chosen, but has 0 views"),
    (8, nothing_satisfies, r"no part sees to 'resilience'"),
    (8, nothing_verifies, r"'resilience' is not verified by a measure"),
    (9, channels_share_a_station, r"fibre and satellite channel share repeater"),
    (10, a_reference_leads_nowhere, r"bb84.send refers to gone, which is not there"),
    (10, a_view_shows_what_is_not_there, r"shows ghost, which is not there"),
    (10, two_parts_have_one_name, r"2 parts of qkd-system are called 'Alice'"),
    (10, one_name_has_two_quantities, r"'length' is a (duration|length) in .*, and a (duration|length) elsewhere"),
    (10, a_value_is_of_another_quantity, r"'speed-up' of satellite is 3 km, which is no duration"),
]
MENDED = [
    nobody_acts,
    a_lane_is_lost,
    a_refinement_is_lost,
    two_share_a_port,
    a_view_shows_what_is_not_there,
]


def test_the_whole_is_without_fault() -> None:
    assert findings(whole(), RULES) == ()
    assert whole().model.all(Requirement)


@pytest.mark.parametrize(("number", "fault", "told"), FAULTS, ids=[each[1].__name__ for each in FAULTS])
def test_a_rule_finds_its_fault_and_says_why_it_matters(number: int, fault: Fault, told: str) -> None:
    found = RULES[number - 1].check(fault(whole()))
    assert {each.rule for each in found} == {f"sync-{number}"}
    assert all(each.reason for each in found)
    assert any(re.search(told, each.what) for each in found), [each.what for each in found]


@pytest.mark.parametrize("fault", MENDED[1:], ids=[each.__name__ for each in MENDED[1:]])
def test_what_can_be_mended_is(fault: Fault) -> None:
    broken = fault(whole())
    mended, _ = synchronise(broken, RULES)
    assert findings(broken, RULES)
    assert findings(mended, RULES) == ()


def test_what_only_a_person_can_say_is_left_and_told() -> None:
    left, changes = synchronise(nothing_verifies(whole()), RULES)
    assert changes == ()
    assert [each.rule for each in findings(left, RULES)] == ["sync-8"]


def test_a_lost_message_is_told_again() -> None:
    draft = draft_of(composed("protocol.bb84", "q-link.direct", "medium.terrestrial", "terrestrial.fibre"))
    broken = a_message_is_lost(draft)
    mended, changes = synchronise(broken, RULES)
    assert [each.rule for each in changes] == ["sync-2"]
    assert findings(mended, RULES) == ()


def test_a_port_that_is_added_names_its_rule() -> None:
    mended, _ = synchronise(two_share_a_port(whole()), RULES)
    added = [each for each in mended.model.get(ElementId("repeater"), Block).ports if each.rules]
    assert added == [Port("quantum-out-3", ElementId("quantum-port"), rules=(RULES[5].id,))]


def test_a_flow_that_is_added_goes_where_it_is_waited_for() -> None:
    draft = whole()
    told = [each for each in draft.model.all(Flow) if each.source == "bb84.repeater-swap"]
    assert {(each.target, each.item) for each in told} == {
        ("bb84.send.bell-measurement", "announcement"),
        ("bb84.send.correction", "announcement"),
    }
