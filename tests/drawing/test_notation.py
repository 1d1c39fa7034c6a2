"""The notation checklist of docs/reference/notation.md, point by point: a test's name is what the page ticks."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import pairwise

import pytest

from keytwin.design.model import Action, ActionKind, Direction, Flow, Model, Operator, Part
from keytwin.design.variability import Bond, Configuration
from keytwin.design.views import View
from keytwin.drawing.ovm import cardinality, ovm_scene
from keytwin.drawing.scene import Figure, Node, Role, Scene, Stroke, Tip, Wire
from keytwin.drawing.schematic import schematic_scene, spot_of
from keytwin.drawing.svg import scene_of
from keytwin.files.ovm import library_ovm
from tests.architecture.source import ROOT
from tests.drawing.samples import SAMPLES, bb84, budget, definition, interface, needs, session, swapping
from tests.drawing.test_geometry import PAPER

PAGE = ROOT / "docs/reference/notation.md"


def node(scene: Scene, name: str) -> Node:
    return next(each for each in scene.nodes if each.id == name)


def wire(scene: Scene, name: str) -> Wire:
    return next(each for each in scene.wires if each.id == name)


def words(scene: Scene, name: str) -> str:
    return " ".join(text.words for text in node(scene, name).texts)


def label(scene: Scene, name: str) -> str:
    return " ".join(text.words for each in scene.labels if each.wire == name for text in each.lines)


def test_the_page_ticks_only_tests_that_exist() -> None:
    ticked = set(re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8")))
    assert ticked == {name for name in globals() if name.startswith("test_")} - {
        "test_the_page_ticks_only_tests_that_exist"
    }


@pytest.mark.parametrize(
    ("sample", "kind"),
    list(zip(SAMPLES, ("act", "sd", "ibd", "bdd", "stm", "req", "par"), strict=True)),
)
def test_a_frame_has_its_kind_and_title_in_the_corner(sample: Callable[[], tuple[Model, View]], kind: str) -> None:
    model, view = sample()
    scene = scene_of(model, view)
    assert [text.words for text in scene.texts[:2]] == [kind, view.title]
    assert node(scene, "frame").figure is Figure.FRAME


# --- activity -------------------------------------------------------------------------------------------------------


def test_an_activity_has_the_figure_of_each_node() -> None:
    model, view = bb84()
    scene = scene_of(model, view)
    figures = {each.kind: node(scene, each.id).figure for each in model.all(Action)}
    assert figures == {
        ActionKind.ACTION: Figure.ROUND,
        ActionKind.SEND: Figure.SEND,
        ActionKind.ACCEPT: Figure.ACCEPT,
        ActionKind.START: Figure.DISC,
        ActionKind.DONE: Figure.BULLSEYE,
        ActionKind.FORK: Figure.BAR,
        ActionKind.JOIN: Figure.BAR,
        ActionKind.DECIDE: Figure.DIAMOND,
    }


def test_an_action_lies_in_the_lane_of_its_performer() -> None:
    model, view = bb84()
    scene = scene_of(model, view)
    for action in model.all(Action):
        assert node(scene, action.id).within == f"lane:{action.performer}"


def test_lanes_are_named_and_stand_side_by_side() -> None:
    scene = scene_of(*bb84())
    alice, bob = node(scene, "lane:system.alice"), node(scene, "lane:system.bob")
    assert (words(scene, alice.id), words(scene, bob.id)) == ("Alice", "Bob")
    assert alice.box.right == bob.box.x
    assert (alice.box.y, alice.box.bottom) == (bob.box.y, bob.box.bottom)


def test_successions_are_dashed_and_flows_of_items_solid() -> None:
    model, view = bb84()
    scene = scene_of(model, view)
    for flow in model.all(Flow):
        found = wire(scene, flow.id)
        assert (found.stroke, found.tip) == ((Stroke.SOLID, Tip.FILLED) if flow.item else (Stroke.DASHED, Tip.ARROW))


def test_flows_say_what_flows_and_guards_stand_in_brackets() -> None:
    scene = scene_of(*bb84())
    assert label(scene, "bb84.prepare-measure") == "qubit"
    assert label(scene, "bb84.decide-abort") == "[else]"


def test_an_item_leaves_and_enters_an_action_through_a_pin() -> None:
    scene = scene_of(*bb84())
    out, into = (next(s for s in scene.sockets if s.id == f"bb84.prepare-measure:{end}") for end in ("out", "in"))
    assert (out.owner, out.outward, out.inward) == ("bb84.prepare", True, False)
    assert (into.owner, into.outward, into.inward) == ("bb84.measure", False, True)


def test_an_action_that_is_refined_elsewhere_has_a_rake() -> None:
    scene = scene_of(*bb84())
    (rake,) = (mark for mark in scene.marks if mark.is_above)
    box = node(scene, "bb84.measure").box
    assert box.x < float(rake.path[1]) < box.right
    assert box.y < float(rake.path[2]) < box.bottom


# --- sequence -------------------------------------------------------------------------------------------------------


def test_a_lifeline_is_dashed_below_its_head() -> None:
    scene = scene_of(*swapping())
    lines = [mark for mark in scene.marks if mark.role is Role.LIFELINE]
    heads = [each for each in scene.nodes if each.id.startswith("life:")]
    assert [mark.path[1] for mark in lines] == pytest.approx([head.box.middle.x for head in heads])
    assert all(mark.stroke is Stroke.DASHED for mark in lines)


def test_messages_follow_their_order_down() -> None:
    scene = scene_of(*swapping())
    heights = [wire(scene, f"swap.m{order}").points[0].y for order in range(1, 11)]
    assert heights == sorted(set(heights))


def test_a_message_to_oneself_returns_to_its_lifeline() -> None:
    points = wire(scene_of(*swapping()), "swap.m5").points
    assert len(points) == 4
    assert points[0].x == points[-1].x < points[1].x


def test_a_fragment_frames_its_messages_with_operator_and_guard() -> None:
    scene = scene_of(*swapping())
    frame = node(scene, "swap.loop").box
    for order in range(1, 11):
        inside = all(frame.y < point.y < frame.bottom for point in wire(scene, f"swap.m{order}").points)
        assert inside is (order in {2, 3, 4})
    assert Operator.LOOP in [text.words for text in scene.texts]
    assert any(line.words == "[until both pairs are heralded]" for each in scene.labels for line in each.lines)


def test_operands_of_an_alternative_share_one_frame_and_are_parted_by_a_dashed_line() -> None:
    scene = scene_of(*swapping())
    assert [each.id for each in scene.nodes if each.id in {"swap.good", "swap.bad"}] == ["swap.good"]
    box = node(scene, "swap.good").box
    parting = [m for m in scene.marks if m.stroke is Stroke.DASHED and m.role is Role.PLAIN and m.path[1] == box.x]
    assert len(parting) == 1


def test_a_joint_state_spans_the_lifelines_that_hold_it_until_its_last_use() -> None:
    scene = scene_of(*swapping())
    pair = node(scene, "swap.pair")
    assert "«joint» Bell pair of the ends (fidelity 0.93)" in words(scene, pair.id)
    made, used = wire(scene, "swap.m7").points[0].y, wire(scene, "swap.m10").points[0].y
    assert made < pair.box.middle.y < used
    ends = [mark.path[-1] for mark in scene.marks if mark.role is Role.JOINT and mark.weight > 3]
    assert ends.count(used) == 2


# --- structure ------------------------------------------------------------------------------------------------------


def test_a_block_has_keyword_name_and_compartments() -> None:
    scene = scene_of(*definition())
    assert words(scene, "fibre").startswith("«block» Optical fibre attributes length = 80 km")
    assert "ports entry : ~Quantum port" in words(scene, "fibre")
    assert node(scene, "fibre").figure is Figure.BOX
    assert len(node(scene, "fibre").rules) == 2


def test_a_generalisation_has_a_hollow_triangle_at_the_general_block() -> None:
    found = wire(scene_of(*definition()), "fibre:>medium")
    assert (found.source, found.tail, found.tip, found.stroke) == ("medium", Tip.HOLLOW, Tip.NONE, Stroke.SOLID)


def test_a_composition_has_a_filled_diamond_at_the_whole_and_a_multiplicity_at_the_part() -> None:
    scene = scene_of(*definition())
    found = wire(scene, "qkd-system*medium")
    assert (found.source, found.tail, found.tip) == ("qkd-system", Tip.OWNS, Tip.NONE)
    assert label(scene, found.id) == "medium 1..*" or label(scene, found.id) == "1..*"


def test_parts_are_rounded_and_say_of_what_kind_they_are() -> None:
    model, view = interface()
    scene = scene_of(model, view)
    for part in model.all(Part):
        assert node(scene, part.id).figure is Figure.ROUND
    assert words(scene, "system.alice").startswith("Alice : Transmitter")


def test_ports_lie_on_borders_with_name_and_direction() -> None:
    scene = scene_of(*interface())
    sockets = {socket.id.rpartition(":")[0]: socket for socket in scene.sockets}
    assert "quantum" in words(scene, "system.alice")
    sender, receiver = sockets["system.alice:quantum"], sockets["system.bob:quantum"]
    assert (sender.outward, sender.inward) == (True, False)
    assert (receiver.outward, receiver.inward) == (False, True)  # conjugated: the same kind, turned round
    both = sockets["system.alice:classical"]
    assert (both.outward, both.inward) == (True, True)


def test_a_port_is_drawn_once() -> None:
    scene = scene_of(*interface())
    ports = [socket.id.rpartition(":")[0] for socket in scene.sockets]
    assert len(ports) == len(set(ports))


def test_connections_say_what_flows_and_point_where_it_flows() -> None:
    model, view = interface()
    scene = scene_of(model, view)
    found = wire(scene, "alice.quantum--fibre-a.entry")
    assert (label(scene, found.id), found.tip, found.tail) == ("qubit", Tip.FILLED, Tip.NONE)
    found = wire(scene, "km-a.peer--km-b.peer")
    assert (found.tip, found.tail) == (Tip.FILLED, Tip.FILLED)
    assert Direction.BOTH.reversed is Direction.BOTH


def test_all_wires_are_level_or_upright() -> None:
    for sample in SAMPLES:
        for each in scene_of(*sample()).wires:
            assert all(a.x == b.x or a.y == b.y for a, b in pairwise(each.points)), each.id


# --- states, requirements, values -----------------------------------------------------------------------------------


def test_a_state_machine_begins_at_a_disc_and_ends_at_a_bullseye() -> None:
    scene = scene_of(*session())
    assert node(scene, "(initial)").figure is Figure.DISC
    assert node(scene, "(final)").figure is Figure.BULLSEYE
    assert wire(scene, "(initial)>authenticating").tip is Tip.ARROW
    assert wire(scene, "terminated>(final)").tip is Tip.ARROW


def test_transitions_between_two_states_share_an_arrow_with_messages_and_guards() -> None:
    scene = scene_of(*session())
    ends = [(each.source, each.target) for each in scene.wires]
    assert len(ends) == len(set(ends))
    assert label(scene, "closing>closing") == "SessionOverdue [told again]"
    assert label(scene, "operative>terminated") == "DeleteSession, LeaseLost"


def test_a_requirement_has_its_text_and_what_it_is_about() -> None:
    scene = scene_of(*needs())
    assert words(scene, "r.rate") == "«requirement» Key rate At least 1 kbit/s of secret key. subject QKD system"


def test_requirements_are_joined_by_dashed_arrows_with_keywords() -> None:
    scene = scene_of(*needs())
    kinds = {(each.source, each.target): label(scene, each.id) for each in scene.wires}
    assert kinds["r.resilient", "r.secure"] == "«deriveReqt»"
    assert kinds["system.fibre", "r.resilient"] == "«satisfy»"
    assert kinds["v.cut", "r.resilient"] == "«verify»"
    assert {(each.stroke, each.tip) for each in scene.wires} == {(Stroke.DASHED, Tip.ARROW)}


def test_a_verification_says_by_what_method_it_is_made() -> None:
    assert "«verification» Cut one channel method: test measures: keys" in words(scene_of(*needs()), "v.cut")


def test_an_equation_has_its_expression_in_braces_and_its_parameters_on_the_border() -> None:
    scene = scene_of(*budget())
    assert "{loss = attenuation · length}" in words(scene, "p.loss")
    on_border = {socket.id.split(":")[1] for socket in scene.sockets if socket.owner == "p.loss"}
    assert on_border == {"loss", "attenuation", "length"}


def test_a_binding_is_a_plain_line_with_an_equals_sign() -> None:
    scene = scene_of(*budget())
    assert {(each.tip, each.tail, label(scene, each.id)) for each in scene.wires} == {(Tip.NONE, Tip.NONE, "=")}


# --- variability ----------------------------------------------------------------------------------------------------


def test_a_variation_point_has_a_triangle_and_its_numbers_where_its_variants_are_alternatives() -> None:
    ovm = library_ovm("paper-a")
    scene = ovm_scene(ovm)
    assert sum(text.words == "VP" for text in scene.texts) == len(ovm.points)
    assert sum(text.words == "[1..2]" for text in scene.texts) == 1
    assert all(cardinality(each) in {"[1..1]", "[1..2]"} for each in ovm.points.values())


def test_optional_variants_hang_on_dashed_lines_and_mandatory_ones_on_solid_ones() -> None:
    ovm = library_ovm("coffee")
    branches = [mark for mark in ovm_scene(ovm).marks if len(mark.path) == 6 and mark.path[2] == mark.path[5]]
    assert sum(mark.stroke is Stroke.DASHED for mark in branches) == sum(
        not each.is_mandatory for each in ovm.variants.values()
    )


def test_what_a_variant_opens_hangs_on_it_and_is_dashed_where_it_may_stay_open() -> None:
    ovm = library_ovm("qkd")
    scene = ovm_scene(ovm)
    for point in ovm.points.values():
        if point.parent:
            found = wire(scene, f"{point.parent}>{point.id}")
            assert found.stroke is (Stroke.SOLID if point.is_mandatory else Stroke.DASHED)


def test_few_dependencies_are_dashed_arrows_two_headed_where_they_exclude() -> None:
    ovm = library_ovm("coffee")
    scene = ovm_scene(ovm)
    for each in ovm.dependencies:
        for target in each.targets:
            found = wire(scene, f"{each.source} {each.bond} {target}")
            assert (found.stroke, found.tip) == (Stroke.DASHED, Tip.FILLED)
            assert found.tail is (Tip.FILLED if each.bond is Bond.EXCLUDES else Tip.NONE)


def test_many_dependencies_are_a_numbered_list_with_reasons() -> None:
    ovm = library_ovm("qkd")
    scene = ovm_scene(ovm)
    listed = [each for each in scene.nodes if each.id.startswith("dependency:")]
    assert [each.title for each in listed] == [each.reason for each in ovm.dependencies]
    first = ovm.dependencies[0]
    assert re.search(r"\b1\b", words(scene, first.source))


def test_chosen_variants_are_brought_out_and_ticked() -> None:
    ovm = library_ovm("paper-a")
    scene = ovm_scene(ovm, PAPER)
    for variant in ovm.variants.values():
        found = node(scene, variant.id)
        assert found.role is (Role.CHOSEN if variant.id in PAPER else Role.FADED)
        assert found.texts[0].words.startswith("✓") is (variant.id in PAPER)


def test_the_schematic_has_a_callout_for_each_variation_point_that_stands_for_something() -> None:
    for name in ("paper-a", "qkd", "coffee"):
        ovm = library_ovm(name)
        scene = schematic_scene(ovm, Configuration(name, ()))
        for point in ovm.points.values():
            assert bool(point.abstracts) is any(each.source == point.id for each in scene.wires)


def test_what_is_in_the_schematic_follows_from_what_is_said() -> None:
    assert spot_of("the satellite above the sites") is not spot_of("cables between sites on the ground")
    assert spot_of("the jug") is None
    things = {words(schematic_scene(library_ovm("coffee")), f"thing:{each}") for each in library_ovm("coffee").points}
    assert "the jug" in things
