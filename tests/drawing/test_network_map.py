"""The map of a network: nothing lies upon anything, whatever the network, and owners are told without colour."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.network_layout import Line, Place, PlaceKind
from keytwin.drawing.network_map import draw_network, network_map
from keytwin.drawing.network_signs import owner_letters, short_name
from keytwin.drawing.scene import Figure, Node, Scene, Stroke
from tests.drawing.geometry import faults

SITE, RELAY, SATELLITE = PlaceKind


def line(one: str, other: str, medium: str = "fibre", number: int = 0) -> Line:
    return Line(f"{one}--{other}/{number}", (one, other), medium, 0.0 if medium == "satellite" else 50.0, 1_234.5)


def chain(relays: int, owner: str = "") -> tuple[list[Place], list[Line]]:
    """Return two sites with relays between them."""
    places = [Place("alpha", SITE), Place("beta", SITE)]
    places += [Place(f"alpha-beta.{number}", RELAY, owner) for number in range(1, relays + 1)]
    names = ["alpha", *(each.id for each in places[2:]), "beta"]
    return places, [line(one, other) for one, other in pairwise(names)]


def node(scene: Scene, name: str) -> Node:
    return next(each for each in scene.nodes if each.id == name)


def words(scene: Scene) -> set[str]:
    texts = [*scene.texts, *(text for label in scene.labels for text in label.lines)]
    return {text.words for text in (*texts, *(text for each in scene.nodes for text in each.texts))}


def test_no_network_is_an_empty_map() -> None:
    assert faults(network_map([], [], "none")) == []


def test_a_place_alone() -> None:
    scene = network_map([Place("here", SITE)], [], "alone")
    assert faults(scene) == []
    assert "here" in words(scene)


@pytest.mark.parametrize("relays", [0, 1, 3, 12, 40])
def test_relays_lie_between_their_ends(relays: int) -> None:
    scene = network_map(*chain(relays), "chain")
    assert faults(scene) == []
    xs = [each.box.middle.x for each in scene.nodes if "." in each.id]
    left, right = sorted(node(scene, name).box.middle.x for name in ("alpha", "beta"))
    assert all(left < x < right for x in xs)
    assert xs == sorted(xs)


def test_more_relays_than_find_room_are_a_bunch() -> None:
    scene = network_map(*chain(40, "Carrier"), "bunch")
    assert "40 relays" in words(scene)
    assert {"41 spans", "2050 km", "least: 1.23 kbit/s"} <= words(scene)
    bunch = next(each for each in scene.nodes if each.texts and each.texts[0].words == "40 relays")
    assert bunch.stroke is Stroke.DASHED


def test_two_ways_between_the_same_places_are_two_lines() -> None:
    places = [Place("a", SITE), Place("b", SITE)]
    scene = network_map(places, [line("a", "b", number=1), line("a", "b", number=2)], "two")
    assert faults(scene) == []
    first, second = (wire.points[1] for wire in scene.wires)
    assert first != second


def test_a_satellite_is_above_everything_and_its_beams_are_broken_lines() -> None:
    places, lines = chain(2)
    beams = [line("alpha", "leo", "satellite"), line("beta", "leo", "satellite")]
    scene = network_map([*places, Place("leo", SATELLITE, "Agency")], [*lines, *beams], "sky")
    assert faults(scene) == []
    assert all(
        node(scene, "leo").box.bottom < each.box.y
        for each in scene.nodes
        if each.figure is not Figure.FRAME and each.id != "leo"
    )
    assert {wire.stroke for wire in scene.wires if "leo" in wire.id} == {Stroke.DASHED}
    assert {wire.stroke for wire in scene.wires if "leo" not in wire.id} == {Stroke.SOLID}


def test_a_relay_under_a_satellite_has_a_place_of_its_own() -> None:
    places, lines = chain(3)
    beams = [line("alpha-beta.2", "leo", "satellite"), line("beta", "leo", "satellite")]
    scene = network_map([*places, Place("leo", SATELLITE)], [*lines, *beams], "met")
    assert faults(scene) == []
    assert len(scene.wires) == 6


def test_owners_are_told_by_letter_and_outline() -> None:
    places = [Place("a", SITE), Place("b", SITE, "Rail"), Place("a-b.1", RELAY, "Carrier")]
    scene = network_map(places, [line("a", "a-b.1"), line("a-b.1", "b")], "owners")
    assert node(scene, "a").stroke is Stroke.SOLID
    assert node(scene, "b").stroke is Stroke.DASHED
    assert {"A1", "B: Rail"} <= words(scene)
    assert {"broken outline, A: belongs to Carrier", "broken outline, B: belongs to Rail"} <= words(scene)


def test_letters_go_on_after_z() -> None:
    letters = owner_letters([Place(f"{number}", SITE, f"{number:03}") for number in range(60)])
    assert [letters["000"], letters["025"], letters["026"], letters["059"]] == ["A", "Z", "AA", "BH"]
    assert len(set(letters.values())) == 60
    assert owner_letters([Place("a", SITE)]) == {}


def test_a_relay_is_called_by_its_number_on_its_line() -> None:
    assert short_name("north-south-east.12") == "12"
    assert short_name("mill.old") == "mill.old"


def test_names_that_mean_harm_are_text() -> None:
    places = [Place("<script>", SITE, '"><script>'), Place("b" * 200, SITE)]
    svg = draw_network(places, [line(places[0].id, places[1].id)], "<script>")
    assert "<script" not in svg
    assert "&lt;script&gt;" in svg
    assert faults(network_map(places, [line(places[0].id, places[1].id)], "harm")) == []


def test_equal_networks_are_drawn_equally() -> None:
    assert draw_network(*chain(3), "same") == draw_network(*chain(3), "same")


def thicket(owners: Sequence[str], sites: Iterable[int], pairs: Sequence[tuple[int, int]]) -> Scene:
    places = [Place(f"n{number}", SITE if number in sites else RELAY, owner) for number, owner in enumerate(owners)]
    lines = [line(f"n{one}", f"n{other}", number=number) for number, (one, other) in enumerate(pairs)]
    return network_map(places, lines, "a thicket")


def test_a_label_lies_on_no_other_line_of_its_own_chain() -> None:
    pairs = [(2, 0), (3, 1), (6, 5), (4, 0), (2, 1), (0, 2), (6, 3), (5, 3), (1, 2), (2, 1), (3, 4), (4, 3), (5, 2)]
    scene = thicket(["Rail", "", "Rail", "", "", "Rail", "Rail"], {0, 3, 5}, pairs)
    assert [each for each in faults(scene) if each.startswith("label ")] == []


def test_a_relay_lies_on_no_place_that_its_lines_miss() -> None:
    pairs = [(5, 0), (1, 2), (6, 0), (1, 10), (6, 3), (5, 0), (3, 1), (0, 5), (2, 10), (2, 1), (5, 8), (0, 3), (8, 5)]
    owners = ["", "", "Carrier", "Rail", "Rail", "", "", "Carrier", "", "", ""]
    scene = thicket(owners, {2, 5, 6}, [*pairs, (3, 9), (0, 9)])
    assert [each for each in faults(scene) if each.startswith("node ")] == []


@st.composite
def networks(draw: st.DrawFn) -> tuple[list[Place], list[Line]]:
    """Draw a network: any places, any links, some of them known on the globe."""
    rng = random.Random(draw(st.integers(0, 10**6)))
    count, is_known = draw(st.integers(2, 12)), draw(st.booleans())
    places = [
        Place(
            f"n{number}",
            SITE if rng.random() < 0.5 else RELAY,
            rng.choice(["", "Carrier", "Rail"]),
            (rng.uniform(-60, 60), rng.uniform(-180, 180)) if is_known else None,
        )
        for number in range(count)
    ]
    pairs = [rng.sample([each.id for each in places], 2) for _ in range(draw(st.integers(0, 2 * count)))]
    return places, [line(one, other, number=number) for number, (one, other) in enumerate(pairs)]


@settings(deadline=None, max_examples=60)
@given(networks())
def test_on_no_map_anything_lies_upon_anything(network: tuple[list[Place], list[Line]]) -> None:
    scene = network_map(*network, "any")
    found = faults(scene)
    # In a thicket of lines one may have no way around a place; nothing is drawn twice and no word is covered.
    assert [each for each in found if not each.startswith("wire ") and not each.startswith("wires ")] == []
    assert {wire.source for wire in scene.wires} <= {each.id for each in scene.nodes}
