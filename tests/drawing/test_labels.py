"""Places of labels: at their own wire, upon nothing, the middle before the ends."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.drawing.geometry import Box, Point, stretch
from keytwin.drawing.labels import FOREIGN, GAP, PORT, place_labels
from keytwin.drawing.lattice import Link

QUICK = settings(max_examples=40, deadline=None)
LEVEL = (Point(0, 100), Point(200, 100))
UPRIGHT = (Point(100, 0), Point(100, 200))


def link(key: str = "w", size: tuple[float, float] = (60.0, 14.0), *, bundle: str = "", port: str = "") -> Link:
    return Link(key=key, source="a", target="b", label=size, bundle=bundle, source_port=port)


def test_a_label_lies_above_the_middle_of_a_level_wire() -> None:
    placed, missing = place_labels([], [link()], {"w": LEVEL})
    assert missing == ()
    assert placed["w"] == Box(70, 100 - GAP - 14, 60, 14)


def test_below_it_where_above_is_taken() -> None:
    placed, _ = place_labels([Box(0, 60, 200, 35)], [link()], {"w": LEVEL})
    assert placed["w"] == Box(70, 100 + GAP, 60, 14)


def test_along_it_where_the_middle_is_taken() -> None:
    placed, _ = place_labels([Box(95, 60, 10, 80)], [link()], {"w": LEVEL})
    assert abs(placed["w"].middle.x - 100) > 35
    assert 0 <= placed["w"].x <= placed["w"].right <= 200


def test_to_the_right_of_an_upright_wire() -> None:
    placed, _ = place_labels([], [link()], {"w": UPRIGHT})
    assert placed["w"].x == 100 + GAP + 1
    assert placed["w"].middle.y == 100


def test_at_a_level_piece_rather_than_at_a_longer_upright_one() -> None:
    points = (Point(0, 0), Point(0, 500), Point(80, 500))
    placed, _ = place_labels([], [link()], {"w": points})
    assert placed["w"].middle.x == 40


def test_a_wire_without_a_label_gets_none() -> None:
    assert place_labels([], [link(size=(0.0, 0.0))], {"w": LEVEL}) == ({}, ())
    assert place_labels([], [], {}) == ({}, ())


def test_a_label_without_room_says_what_is_lacking() -> None:
    short = (Point(0, 0), Point(30, 0))
    placed, (missing,) = place_labels([], [link()], {"w": short})
    assert placed == {}
    assert (missing.lack, missing.drop) == (60 + 4 - 30, 14 + 4 - 0)


def test_the_last_time_it_lies_at_its_wire_all_the_same() -> None:
    full = [Box(-500, -500, 1000, 1000)]
    placed, missing = place_labels(full, [link()], {"w": LEVEL}, anywhere=True)
    assert missing == ()
    assert placed["w"] == Box(70, 82, 60, 14)
    placed, _ = place_labels([], [link()], {"w": (Point(5, 5), Point(8, 5))}, anywhere=True)
    assert placed["w"] == Box(5 + GAP, 5 + GAP, 60, 14)


def test_of_a_bundle_only_the_last_piece_is_its_own() -> None:
    points = (Point(0, 0), Point(300, 0), Point(300, 50), Point(380, 50))
    placed, _ = place_labels([], [link(bundle="trunk")], {"w": points})
    assert placed["w"].middle.x == 340


def test_ports_are_kept_free_before_they_are_drawn() -> None:
    points = (Point(0, 0), Point(64, 0))
    free, _ = place_labels([], [link()], {"w": points})
    assert free
    placed, missing = place_labels([], [link(port="p")], {"w": points})
    port = Box(0, 0, 0, 0).grown(PORT)
    assert missing or not placed["w"].meets(port)


def test_short_wires_choose_first() -> None:
    long, short = link("long", (60, 14)), link("short", (60, 14))
    points = {"long": (Point(0, 100), Point(600, 100)), "short": (Point(265, 112), Point(335, 112))}
    placed, missing = place_labels([], [long, short], points)
    assert missing == ()
    assert placed["short"].y > 112
    assert not placed["long"].meets(placed["short"])


@pytest.mark.parametrize("count", [2, 12])
def test_labels_of_many_parallel_wires_keep_off_one_another_and_foreign_wires(count: int) -> None:
    links = [link(str(n)) for n in range(count)]
    points = {str(n): (Point(0, 40.0 * n), Point(200, 40.0 * n)) for n in range(count)}
    placed, missing = place_labels([], links, points)
    assert missing == ()
    for each in links:
        for other in links:
            if each.key != other.key:
                assert not placed[each.key].meets(placed[other.key])
                assert not placed[each.key].meets(stretch(*points[other.key]).grown(FOREIGN))


PLACES = st.tuples(st.integers(0, 300), st.integers(0, 300))


@QUICK
@given(st.lists(PLACES, max_size=6), st.lists(st.tuples(PLACES, st.integers(10, 250), st.booleans()), max_size=6))
def test_each_label_is_placed_upon_nothing_or_told_missing(
    nodes: list[tuple[int, int]], wires: list[tuple[tuple[int, int], int, bool]]
) -> None:
    boxes = [Box(x, y, 30, 20) for x, y in nodes]
    points = {
        str(n): (Point(x, y), Point(x + length, y) if level else Point(x, y + length))
        for n, ((x, y), length, level) in enumerate(wires)
    }
    links = [link(key) for key in points]
    placed, missing = place_labels(boxes, links, points)
    assert sorted([*placed, *(each.key for each in missing)]) == sorted(points)
    for key, label in placed.items():
        assert not any(label.meets(box) for box in boxes)
        assert not any(label.meets(other) for name, other in placed.items() if name != key)
        assert not any(label.meets(stretch(*way)) for way in points.values())
