"""The files of views: one view for each variant, of the kind of its variation point; strict, with places and names."""

from __future__ import annotations

import shutil
from functools import cache
from importlib import resources
from pathlib import Path

import pytest

from keytwin.assessment.tables import tables
from keytwin.design.model import (
    Action,
    ActionKind,
    Block,
    Element,
    ElementId,
    Flow,
    JointState,
    Message,
    Model,
    Part,
    Property,
    StateMachine,
)
from keytwin.design.references import unresolved
from keytwin.files.library import Source, view_sources
from keytwin.files.ovm import library_ovm
from keytwin.files.view_library import Shared, read_library, read_shared, read_view
from keytwin.vocabulary.errors import FileMistake, Mistake
from keytwin.vocabulary.identity import VariantId
from tests.design.shipped import library, ovm

VARIANTS = tuple(ovm().variants)
SHARED = next(each for each in view_sources("qkd") if each.file.endswith("/shared.yaml"))


@cache
def shared() -> Shared:
    return read_shared(SHARED)


def text_of(variant: str) -> str:
    return next(each for each in view_sources("qkd") if each.file.endswith(f"/{variant}.yaml")).octets.decode()


def mistakes(text: str, variant: str = "protocol.bb84") -> list[str]:
    with pytest.raises(FileMistake) as told:
        read_view(Source(f"{variant}.yaml", text.encode()), shared(), tables(), ovm())
    return [str(each).removeprefix(f"{variant}.yaml:") for each in told.value.findings]


# --- what is shipped ------------------------------------------------------------------------------------------------


def test_there_is_one_view_for_each_variant() -> None:
    assert set(library().fragments) == set(VARIANTS)
    assert [each.view.variant for each in library().fragments.values()] == list(library().fragments)


@pytest.mark.parametrize("variant", VARIANTS)
def test_the_view_of_a_variant_is_of_the_kind_of_its_variation_point(variant: VariantId) -> None:
    view = library().fragments[variant].view
    assert view.kind is ovm().points[ovm().variants[variant].point].view


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_reference_of_a_view_leads_somewhere(variant: VariantId) -> None:
    fragment = library().fragments[variant]
    model = Model.of(fragment.elements)
    assert not list(unresolved(model))
    assert {fragment.view.subject, *fragment.view.shown} <= model.elements.keys()
    assert all(each.because == (variant,) for each in fragment.elements)


@pytest.mark.parametrize("variant", VARIANTS)
def test_every_view_has_a_source_and_every_value_too(variant: VariantId) -> None:
    fragment = library().fragments[variant]
    assert fragment.sources
    for block in Model.of(fragment.elements).all(Block):
        assert all(each.source for each in block.properties if each.value), block.id


@pytest.mark.parametrize("variant", [each for each in VARIANTS if each.startswith("protocol.")])
def test_an_activity_runs_from_its_start_through_every_step_to_an_end(variant: VariantId) -> None:
    model = Model.of(library().fragments[variant].elements)
    flows = model.all(Flow)
    starts = [each for each in model.all(Action) if each.kind is ActionKind.START]
    reached = {each.id for each in starts}
    for _ in model:
        reached |= {each.target for each in flows if each.source in reached}
    assert len(starts) == 1
    assert reached == {each.id for each in model.all(Action)}
    ends = {each.id for each in model.all(Action) if each.kind is ActionKind.DONE}
    assert {each.id for each in model.all(Action)} - {each.source for each in flows} == ends


def test_each_protocol_has_lanes_for_its_parties_and_a_step_that_the_q_link_refines() -> None:
    for variant in [each for each in VARIANTS if each.startswith("protocol.")]:
        model = Model.of(library().fragments[variant].elements)
        lanes = {each.performer for each in model.all(Action) if each.performer}
        assert {"system.alice", "system.bob"} <= lanes
        assert [each for each in model.all(Action) if each.detail == "q-link"]


def test_the_views_of_key_management_are_of_the_very_tables_that_drive_the_machines() -> None:
    for variant, table in (
        ("key-management.central", "session at admission"),
        ("key-management.distributed", "session at the key manager"),
    ):
        machines = Model.of(library().fragments[VariantId(variant)].elements).all(StateMachine)
        assert [each.table for each in machines] == [tables()[table]]


def test_entanglement_is_a_state_of_several_parts_with_its_fidelity() -> None:
    model = Model.of(library().fragments[VariantId("q-link.repeater")].elements)
    states = model.all(JointState)
    assert [each.parts for each in states] == [
        ("system.alice", "system.repeater"),
        ("system.repeater", "system.bob"),
        ("system.alice", "system.bob"),
    ]
    assert all(each.properties == (Property("fidelity", "share"),) for each in states)
    swap = model.get(ElementId("swapping.swap"), Message)
    assert [each.used_by for each in states[:2]] == [(swap.id,), (swap.id,)]
    assert states[2].made_by == swap.id


def test_what_one_view_adds_to_a_shared_block_others_do_not_see() -> None:
    ports = {
        name: {each.name for each in _block(name, "bob").ports}
        for name in ("protocol.bb84", "protocol.mdi", "q-link.direct")
    }
    assert ports == {"protocol.bb84": {"quantum-in"}, "protocol.mdi": {"quantum-out"}, "q-link.direct": set()}


def _block(variant: str, name: str) -> Block:
    return Model.of(library().fragments[VariantId(variant)].elements).get(ElementId(name), Block)


def test_parts_of_the_whole_bear_the_name_of_the_whole() -> None:
    parts = [each for one in library().fragments.values() for each in one.elements if isinstance(each, Part)]
    assert all(each.id.startswith("system.") == (each.owner == "qkd-system") for each in parts)
    elements: list[Element] = [each for one in library().fragments.values() for each in one.elements]
    assert all(each.name or isinstance(each, Flow) or type(each).__name__ == "Connector" for each in elements)


# --- what is wrong --------------------------------------------------------------------------------------------------

WRONG = [
    ('lane: system.bob, does: "Keep', 'lane: system.bo, does: "Keep', "unknown lane 'system.bo'"),
    ("then: prepare}", "then: prepar}", "unknown step 'prepar' (did you mean 'prepare'?)"),
    ("gives: qubit to send", "gives: qbit to send", "unknown item 'qbit' (did you mean 'qubit'?)"),
    ("gives: qubit to send", "gives: qubit", "'qubit' names no step (write it as 'qubit to measure')"),
    ("lanes: [system.alice,", "lanes: [system.alce,", "unknown part 'system.alce' (did you mean 'system.alice'?)"),
    ("detail: q-link", "detial: q-link", "unknown key 'detial' in a step of an activity (did you mean 'detail'?)"),
    ("kind: activity", "kind: sequence", "this view is of kind 'sequence'"),
    ("kind: activity", "kind: activty", "unknown kind of view 'activty' (did you mean 'activity'?)"),
    ("variant: protocol.bb84", "variant: protocol.bb48", "the OVM qkd has no variant protocol.bb48"),
    ("variant: protocol.bb84", "variant: bb84", "'bb84' is no variant: write the variation point before it"),
    ("{quantum-out: quantum-port}", "{quantum-out: quantm-port}", "unknown port kind 'quantm-port'"),
    ("  alice: {ports", "  alic: {ports", "unknown block 'alic' (did you mean 'alice'?)"),
    ("block: transmitter", "block: transmiter", "unknown block 'transmiter' (did you mean 'transmitter'?)"),
    ("    keep: {lane: system.bob, does", "    keep: {does", "nobody does the step 'keep' (name a lane)"),
    (" if it is not", "", "a way out of this decision has no guard"),
    ("format: 1", "format: 2", "unknown format '2'"),
    ("  alice.transmitter: {", "  system.bob: {", "the part 'system.bob' is shared by all views"),
]


@pytest.mark.parametrize(("old", "new", "told"), WRONG, ids=[each[1] for each in WRONG])
def test_a_mistake_is_told_with_its_place_and_the_nearest_name(old: str, new: str, told: str) -> None:
    text = text_of("protocol.bb84")
    assert old in text
    found = mistakes(text.replace(old, new, 1))
    line = text[: text.index(old)].count("\n") + 1
    assert any(told in each for each in found), found
    assert any(abs(int(each.partition(":")[0]) - line) <= 4 for each in found), found


@pytest.mark.parametrize(
    ("variant", "old", "new", "told"),
    [
        ("control.peer", "system.alice / key", "system.alice / keys", "alice has no port 'keys' (did you mean 'key'?)"),
        ("coexistence.dwdm", "fibre / length", "fibre / lenght", "fibre has no property 'lenght'"),
        ("coexistence.dwdm", "fibre / length", "fibre", "'fibre' names no property"),
        ("coexistence.dwdm", "      length: fibre", "      lenth: fibre", "the equation has no parameter 'lenth'"),
        ("coexistence.dwdm", "value: 1 mW", "value: 1 km", "1 km"),
        ("coexistence.dwdm", "shows: [fibre", "shows: [fibr", "unknown element 'fibr'"),
        ("detector.snspd", ', source: "Usual of products (recalled)"}', "}", "a value without a source is a guess"),
        ("key-management.central", "table: session at admission", "table: session", "unknown state table 'session'"),
        ("q-link.direct", "within: each-pulse", "within: pulse", "unknown frame 'pulse'"),
        ("q-link.direct", "operator: loop", "operator: lop", "unknown operator 'lop' (did you mean 'loop'?)"),
        ("q-link.repeater", "made_by: swap", "made_by: swop", "unknown deed 'swop' (did you mean 'swap'?)"),
        ("free-space.constellation", "most: any", "most: many", "'many' is no number of parts"),
        ("free-space.constellation", "least: 2", "least: any", "'any' is no least number"),
        ("free-space.geo", "subject: geo-satellite\n", "", "needs the keys 'subject' and 'shows'"),
        ("q-link.direct", "sequence:\n  id", "activity:\n  id", "needs the key 'sequence'"),
    ],
)
def test_mistakes_of_other_kinds_of_view(variant: str, old: str, new: str, told: str) -> None:
    text = text_of(variant)
    assert old in text
    found = mistakes(text.replace(old, new, 1), variant)
    assert any(told in each for each in found), found


def test_a_view_bears_the_name_of_its_variant() -> None:
    found = mistakes(text_of("protocol.bb84"), "protocol.cow")
    assert any("this file is not called protocol.bb84.yaml" in each for each in found)


# --- folders --------------------------------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    shipped = resources.files("keytwin").joinpath("library", "views", "qkd")
    with resources.as_file(shipped) as path:
        return Path(shutil.copytree(path, tmp_path / "views"))


def test_views_are_read_from_a_folder_of_ones_own(folder: Path) -> None:
    assert read_library(str(folder), ovm(), tables()).fragments == library().fragments


def test_a_variant_without_a_view_is_told_with_the_file_to_write(folder: Path) -> None:
    (folder / "protocol.cow.yaml").unlink()
    with pytest.raises(FileMistake, match=r"variant protocol.cow has no view \(write protocol.cow.yaml there\)"):
        read_library(str(folder), ovm(), tables())


def test_all_mistakes_of_all_files_are_told_at_once(folder: Path) -> None:
    for name in ("protocol.cow", "protocol.dps"):
        file = folder / f"{name}.yaml"
        file.write_text(file.read_text().replace("then: sample", "then: simple"))
    with pytest.raises(FileMistake) as told:
        read_library(str(folder), ovm(), tables())
    assert [each.file.rpartition("/")[2] for each in told.value.findings] == ["protocol.cow.yaml", "protocol.dps.yaml"]


def test_without_the_shared_file_nothing_can_be_read(folder: Path) -> None:
    (folder / "shared.yaml").unlink()
    with pytest.raises(Mistake, match=r"has no shared.yaml: write there what the views share, and the roles"):
        read_library(str(folder), ovm(), tables())


def test_views_that_are_not_there_are_told_with_the_nearest_name() -> None:
    with pytest.raises(Mistake, match=r"no views are called 'qkdd' \(did you mean 'qkd'\?\)"):
        read_library("qkdd", library_ovm("qkd"), tables())


def test_things_are_sent_between_two_ends() -> None:
    text = SHARED.octets.decode().replace("ends: [system.alice, system.bob]", "ends: system.alice")
    with pytest.raises(FileMistake, match="'ends' names 1 parts"):
        read_shared(Source("shared.yaml", text.encode()))


def test_a_role_that_is_missing_is_told() -> None:
    text = SHARED.octets.decode().replace("  memory: memory\n", "")
    with pytest.raises(FileMistake, match="'memory' is missing in the roles"):
        read_shared(Source("shared.yaml", text.encode()))
