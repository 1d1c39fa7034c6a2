"""The schematic: what is meant by which words, callouts in rows, and what a configuration brings out."""

from __future__ import annotations

import itertools

import pytest

from keytwin.design.variability import Configuration, Ovm, Variant, VariationPoint, ovm_of
from keytwin.design.views import ViewKind
from keytwin.drawing.geometry import Point
from keytwin.drawing.pictograms import station
from keytwin.drawing.scene import Figure, Node, Role, Scene, Stroke
from keytwin.drawing.schematic import SPOTS, schematic_scene, spot_of
from keytwin.vocabulary.identity import VariantId, VariationPointId
from tests.drawing.geometry import faults


def ovm(*abstracts: str, variants: tuple[str, ...] = ("one", "two")) -> Ovm:
    """Return an OVM with a variation point for each thing that is stood for, each with the same variants."""
    points = tuple(
        VariationPoint(id=VariationPointId(f"p{n}"), name=f"Point {n}", view=ViewKind.BLOCK, abstracts=words)
        for n, words in enumerate(abstracts)
    )
    each = tuple(
        Variant(id=VariantId(f"{point.id}.{name}"), name=name, point=point.id) for point in points for name in variants
    )
    return ovm_of("small", "", points, each)


def chosen(*names: str) -> Configuration:
    return Configuration("small", tuple(VariantId(each) for each in sorted(names)))


def node(scene: Scene, name: str) -> Node:
    return next(each for each in scene.nodes if each.id == name)


def said(scene: Scene, name: str) -> list[str]:
    return [text.words for text in node(scene, name).texts]


@pytest.mark.parametrize("spot", SPOTS, ids=lambda spot: spot.words[0])
def test_each_place_of_the_picture_can_be_meant(spot: object) -> None:
    assert any(spot_of(words) is spot for words in getattr(spot, "words", ()))


@pytest.mark.parametrize(
    ("words", "meant"),
    [
        ("The SATELLITE above the sites", "satellite"),
        ("the beam of the satellite", "beam"),
        ("a second way beside the cable", "second way"),
        ("other light in the cable", "other light"),
    ],
)
def test_of_several_words_the_more_special_one_counts(words: str, meant: str) -> None:
    spot = spot_of(words)
    assert spot is not None
    assert meant in spot.words


def test_unknown_words_mean_no_place() -> None:
    assert spot_of("a jug") is None
    assert spot_of("") is None


def test_an_ovm_that_stands_for_nothing_has_an_empty_picture() -> None:
    scene = schematic_scene(ovm(""))
    assert [each.id for each in scene.nodes] == ["frame"]
    assert scene.wires == ()


def test_what_no_picture_is_known_for_becomes_a_box_of_its_own() -> None:
    scene = schematic_scene(ovm("a jug"))
    assert said(scene, "thing:p0") == ["a jug"]
    assert node(scene, "p0").box.y > node(scene, "thing:p0").box.bottom
    assert faults(scene) == []


def test_a_callout_says_how_much_there_is_to_choose_from() -> None:
    assert said(schematic_scene(ovm("the satellite")), "p0") == ["Point 0", "2 variants"]
    assert said(schematic_scene(ovm("the satellite", variants=("one",))), "p0") == ["Point 0", "1 variant"]


def test_a_callout_says_what_is_chosen_and_what_is_left_open() -> None:
    scene = schematic_scene(ovm("the satellite", "the cable"), chosen("p0.one", "p0.two"))
    assert said(scene, "p0") == ["Point 0", "✓ one", "✓ two"]
    assert said(scene, "p1") == ["Point 1", "left open"]
    assert (node(scene, "p0").role, node(scene, "p1").role) == (Role.CHOSEN, Role.FADED)


def test_several_that_mean_one_place_share_a_dot_that_is_brought_out_by_any() -> None:
    model = ovm("the satellite", "a satellite")
    dots = [each for each in schematic_scene(model).nodes if each.figure is Figure.DISC]
    assert len(dots) == 1
    for name in ("p0.one", "p1.one"):
        (dot,) = [each for each in schematic_scene(model, chosen(name)).nodes if each.figure is Figure.DISC]
        assert dot.role is Role.CHOSEN


def test_a_dot_that_is_shared_is_where_every_leader_ends() -> None:
    model = ovm("the satellite", "a satellite")
    for configuration in (None, chosen("p0.one"), chosen("p1.one")):
        scene = schematic_scene(model, configuration)
        assert {wire.target for wire in scene.wires} <= {each.id for each in scene.nodes}
        assert len(scene.wires) == 2


def test_a_second_way_is_a_dotted_arch() -> None:
    with_one = [mark for mark in schematic_scene(ovm("a second way")).marks if mark.stroke is Stroke.DOTTED]
    without = [mark for mark in schematic_scene(ovm("the cable")).marks if mark.stroke is Stroke.DOTTED]
    assert (len(with_one), len(without)) == (1, 0)


def test_a_station_stands_on_the_line_where_the_chosen_line_has_one() -> None:
    model = ovm("the line between the sites", variants=("direct", "repeater"))
    count = len(schematic_scene(model, chosen("p0.direct")).marks)
    extra = len(station(Point(0, 0), Role.PLAIN))
    assert len(schematic_scene(model, chosen("p0.repeater")).marks) == count + extra
    assert len(schematic_scene(model).marks) == count + extra


@pytest.mark.parametrize("count", [6, 12])
def test_many_callouts_stand_in_a_row_without_touching(count: int) -> None:
    scene = schematic_scene(ovm(*["the satellite"] * count))
    boxes = sorted((each.box for each in scene.nodes if each.id.startswith("p")), key=lambda box: box.x)
    assert len(boxes) == count
    assert all(left.right < right.x for left, right in itertools.pairwise(boxes))
    assert node(scene, "frame").box.holds(boxes[-1])
