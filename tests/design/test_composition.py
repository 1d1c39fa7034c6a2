"""Paper A's step 4 without hands: views side by side, what does not fit, what is changed, and the interfaces."""

from __future__ import annotations

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.design.composition import RULES, compose
from keytwin.design.draft import INTERFACE_VIEW
from keytwin.design.fragments import library_of
from keytwin.design.interface import STRUCTURE_VIEW
from keytwin.design.model import (
    Action,
    Block,
    Connector,
    ElementId,
    Flow,
    Interaction,
    JointState,
    Message,
    Part,
    RuleId,
)
from keytwin.design.references import unresolved
from keytwin.design.synchronisation import findings, synchronise
from keytwin.design.views import ViewKind
from keytwin.vocabulary.errors import Mistake
from tests.design.configurations import chosen, drawn
from tests.design.shipped import ONE_MEDIUM, PAPER_A, composed, draft_of, library, ovm, rules_of

# --- the case study -------------------------------------------------------------------------------------------------


def test_before_synchronisation_the_case_study_breaks_the_rules_of_lane_refinement_lifeline_and_two_media() -> None:
    assert rules_of(composed(*PAPER_A).before.findings) == {"sync-1", "sync-3", "sync-4", "sync-5", "sync-9"}


def test_with_one_medium_only_lane_refinement_and_lifeline_are_broken() -> None:
    assert rules_of(composed(*ONE_MEDIUM).before.findings) == {"sync-1", "sync-3", "sync-5"}


def test_what_is_broken_is_the_repeater_chain() -> None:
    named = {name for each in composed(*ONE_MEDIUM).before.findings for name in each.elements}
    assert named == {"system.repeater", "bb84.send", "swapping", "system.alice", "system.bob"}


@pytest.mark.parametrize("names", [PAPER_A, ONE_MEDIUM])
def test_after_synchronisation_no_rule_is_broken(names: tuple[str, ...]) -> None:
    assert composed(*names).after.findings == ()


def test_before_is_kept_as_the_variants_brought_it() -> None:
    before = composed(*PAPER_A).before
    assert [each.variant for each in before.views] == [
        "protocol.bb84",
        "q-link.repeater",
        "medium.terrestrial",
        "medium.satellite",
        "terrestrial.fibre",
        "free-space.single",
    ]
    assert not before.model.all(Connector)
    assert all(each.because and not each.rules for each in before.model)


def test_the_interface_shows_both_media_one_satellite_fibre_and_repeater() -> None:
    found = composed(*PAPER_A)
    view = found.after.view(found.interface)
    parts = [each for each in view.shown if isinstance(found.after.model.elements[each], Part)]
    blocks = [found.after.model.get(each, Part).block for each in parts]
    assert view.kind is ViewKind.INTERNAL
    assert blocks.count(ElementId("satellite")) == 1
    assert blocks.count(ElementId("repeater")) == 1
    assert ElementId("fibre") in blocks
    assert ElementId("satellite-channel") in blocks
    joined = {end.part for each in found.after.model.all(Connector) for end in (each.source, each.target)}
    assert joined == set(parts)


def test_every_connector_of_the_interface_has_ports_and_flows() -> None:
    for each in composed(*PAPER_A).after.model.all(Connector):
        assert each.source.port
        assert each.target.port
        assert each.flows


# --- T1: states of BB84 over a chain of repeaters -------------------------------------------------------------------


def test_bb84_over_a_repeater_is_allowed_and_says_what_needs_no_teleportation() -> None:
    offered = [one for each in composed(*ONE_MEDIUM).before.findings for one in each.alternatives]
    assert [each.partition(",")[0] for each in offered] == [
        "protocol.e91",
        "protocol.bbm92",
        "q-link.direct",
        "q-link.trusted-relay",
    ]


def test_the_missing_elements_are_added_bell_measurement_corrections_and_memories() -> None:
    model = composed(*ONE_MEDIUM).after.model
    measure = model.get(ElementId("bb84.send.bell-measurement"), Action)
    correct = model.get(ElementId("bb84.send.correction"), Action)
    assert (measure.performer, correct.performer) == ("system.alice", "system.bob")
    memories = [each.id for each in model.all(Part) if each.block == "memory" and each.owner == "qkd-system"]
    assert memories == ["system.alice-memory", "system.bob-memory"]
    pair = model.get(ElementId("swapping.end-to-end"), JointState)
    assert set(pair.parts) == {*memories}
    assert pair.made_by == "swapping.swap"
    assert len(pair.used_by) == 2


def test_the_state_reaches_bob_by_the_correction_and_not_by_a_flow_from_alice() -> None:
    model = composed(*ONE_MEDIUM).after.model
    assert ElementId("bb84.send-to-measure") not in model
    to_bob = [each for each in model.all(Flow) if each.target == "bb84.measure"]
    assert [(each.source, each.item) for each in to_bob] == [("bb84.send.correction", "qubit")]


def test_a_bell_measurement_comes_before_its_outcome_and_that_before_the_correction() -> None:
    messages = sorted(composed(*ONE_MEDIUM).after.model.all(Message), key=lambda each: each.order)
    places = {each.id.rpartition(".")[2]: each.order for each in messages}
    assert [each.order for each in messages] == list(range(1, len(messages) + 1))
    order = (
        "swap",
        "alice-memory-gives",
        "bell-measurement",
        "bell-outcome",
        "bob-memory-gives",
        "correction",
        "reply",
    )
    assert sorted(order, key=places.__getitem__) == list(order)


def test_protocols_that_use_pairs_need_no_memory_at_the_ends() -> None:
    found = composed("protocol.bbm92", *ONE_MEDIUM[1:])
    assert not [each for each in found.after.model.all(Part) if each.block == "memory" and each.owner == "qkd-system"]
    assert ElementId("system.pair-source") not in found.after.model, "the repeater is the source of pairs"
    assert found.after.model.get(ElementId("bbm92.emit"), Action).performer == "system.repeater"


# --- T2: two media at once ------------------------------------------------------------------------------------------


def test_two_media_are_two_channels_without_a_shared_part() -> None:
    found = composed(*PAPER_A)
    links = [each for each in found.after.model.all(Interaction) if each.through]
    assert {each.through for each in links} == {"system.fibre", "system.satellite-channel"}
    draft = draft_of(found)
    first, second = (set(draft.lifelines(each.id)) for each in links)
    assert first & second == {"system.alice", "system.bob"}


def test_on_the_satellite_channel_the_satellite_carries_the_repeater() -> None:
    aboard = composed(*PAPER_A).after.model.get(ElementId("satellite.repeater"), Part)
    assert (aboard.owner, aboard.block) == ("satellite", "repeater")
    assert aboard.rules == (RuleId("sync-9"),)


def test_a_dual_path_is_a_second_channel_with_a_station_of_its_own() -> None:
    found = composed(*ONE_MEDIUM, "redundancy.dual-path", "topology.ring")
    stations = [each.id for each in found.after.model.all(Part) if each.block == "repeater"]
    assert stations == ["system.repeater", "system.repeater-second-path"]
    assert found.after.findings == ()


# --- whatever is chosen ---------------------------------------------------------------------------------------------


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32), st.sampled_from(["qkd", "paper-a"]))
def test_whatever_is_chosen_nothing_is_broken_afterwards_and_all_has_a_trace(seed: int, name: str) -> None:
    known = ovm(name)
    found = compose(known, library(), drawn(known, Random(seed)))
    assert found.after.findings == ()
    assert not list(unresolved(found.after.model))
    for each in found.after.model:
        assert each.because or each.rules, f"{each.id} has no trace"
        for port in each.ports if isinstance(each, Block) else ():
            assert port.because or port.rules, f"{each.id} / {port.name} has no trace"
    shown = {name for view in found.after.views for name in (view.subject, *view.shown)}
    assert shown <= found.after.model.elements.keys()


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32))
def test_composing_is_idempotent(seed: int) -> None:
    configuration = drawn(ovm(), Random(seed))
    once = compose(ovm(), library(), configuration)
    assert compose(ovm(), library(), configuration) == once
    draft, changes = synchronise(draft_of(once), RULES)
    assert changes == ()
    assert (draft.model, draft.views) == (once.after.model, once.after.views)


def test_changes_name_their_rule_and_every_element_that_differs_in_the_end() -> None:
    found = composed(*PAPER_A)
    before, after = found.before.model.elements, found.after.model.elements
    touched = {name for each in found.changes for name in (*each.added, *each.changed, *each.removed)}
    assert {name for name in {*before, *after} if before.get(name) != after.get(name)} <= touched
    for change in found.changes:
        for name in (*change.added, *change.changed):
            assert name not in after or change.rule in after[name].rules


def test_the_views_of_the_whole_are_bound_to_no_variant() -> None:
    views = {each.id: each for each in composed(*PAPER_A).after.views}
    assert views[STRUCTURE_VIEW].variant is None
    assert views[INTERFACE_VIEW].variant is None


def test_a_variant_without_a_view_is_a_mistake() -> None:
    without = library_of("qkd", library().roles, library().shared, [])
    with pytest.raises(Mistake, match=r"variant protocol.bb84 of qkd has no view: add one, or choose another"):
        compose(ovm(), without, chosen(ovm(), "protocol.bb84"))


def test_there_are_ten_rules_in_the_order_of_their_numbers() -> None:
    assert [each.id for each in RULES] == [f"sync-{number}" for number in range(1, 11)]
    assert len({each.title for each in RULES}) == 10
    assert findings(draft_of(composed(*PAPER_A)), RULES) == ()
