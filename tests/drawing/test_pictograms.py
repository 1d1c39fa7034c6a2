"""Pictograms: about their place, in words that a scene can move, in the role they are given."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import pytest

from keytwin.drawing import pictograms
from keytwin.drawing.frame import mark_box
from keytwin.drawing.geometry import Box, Point, hull
from keytwin.drawing.scene import Mark, Role, Stroke, moved_path

Picture = Callable[[Point, Role], list[Mark]]
PICTURES: dict[str, Picture] = {
    "house": pictograms.house,
    "satellite": pictograms.satellite,
    "dish": partial(pictograms.dish, way=1),
    "station": pictograms.station,
    "cabinet": pictograms.cabinet,
    "desk": pictograms.desk,
    "plug": pictograms.plug,
    "lock": pictograms.lock,
    "plate": pictograms.plate,
    "lamp": pictograms.lamp,
    "eye": pictograms.eye,
    "mesh": pictograms.mesh,
}
ANY = pytest.mark.parametrize("picture", PICTURES.values(), ids=PICTURES.keys())


def extent(marks: list[Mark]) -> Box:
    return hull(mark_box(mark) for mark in marks)


@ANY
def test_a_picture_lies_about_its_place_and_is_small(picture: Picture) -> None:
    box = extent(picture(Point(500, 300), Role.PLAIN))
    assert box.x <= 500 <= box.right
    assert box.y <= 300 <= box.bottom
    assert 20 <= max(box.width, box.height) <= 96


@ANY
def test_all_of_a_picture_has_its_role(picture: Picture) -> None:
    assert {mark.role for mark in picture(Point(0, 0), Role.CHOSEN)} == {Role.CHOSEN}


@ANY
def test_a_picture_elsewhere_is_the_same_one_moved(picture: Picture) -> None:
    for here, there in zip(picture(Point(0, 0), Role.PLAIN), picture(Point(70, -30), Role.PLAIN), strict=True):
        moved = moved_path(here.path, 70, -30)
        numbers = [(a, b) for a, b in zip(moved, there.path, strict=True) if not isinstance(a, str)]
        assert [each for each in moved if isinstance(each, str)] == [
            each for each in there.path if isinstance(each, str)
        ]
        assert all(a == pytest.approx(b) for a, b in numbers)


@ANY
def test_words_of_a_path_have_as_many_numbers_as_svg_asks(picture: Picture) -> None:
    asked = {"M": 2, "L": 2, "Q": 4, "C": 6, "Z": 0}
    for mark in picture(Point(0, 0), Role.PLAIN):
        counts: list[list[str | int]] = []
        for each in mark.path:
            if isinstance(each, str):
                counts.append([each, 0])
            else:
                counts[-1][1] = int(counts[-1][1]) + 1
        assert all(asked[str(word)] == count for word, count in counts)
        assert counts[0][0] == "M"


def test_a_rectangle_a_line_and_a_ring_have_the_size_they_are_given() -> None:
    assert mark_box(Mark(path=pictograms.rectangle(1, 2, 30, 40))) == Box(1, 2, 30, 40)
    assert pictograms.line((0, 0), (5, 5), (9, 0)) == ("M", 0, 0, "L", 5, 5, "L", 9, 0)
    assert mark_box(Mark(path=pictograms.ring(10, 10, 4))) == Box(6, 6, 8, 8)


def test_a_dish_is_mirrored_to_look_the_other_way() -> None:
    right, left = (extent(pictograms.dish(Point(0, 0), Role.PLAIN, way)) for way in (1, -1))
    assert (right.x, right.right) == (-left.right, -left.x)


def test_beams_are_dashed_and_second_ways_dotted_above_both_ends() -> None:
    (beam,) = pictograms.beam(Point(0, 0), Point(50, 80), Role.PLAIN)
    (arch,) = pictograms.arch(Point(0, 100), Point(200, 90), 60, Role.PLAIN)
    assert (beam.stroke, arch.stroke) == (Stroke.DASHED, Stroke.DOTTED)
    assert mark_box(arch).y == 30
    (cable,) = pictograms.cable(Point(0, 10), Point(300, 10), Role.PLAIN)
    assert mark_box(cable).bottom > 10


def test_a_lock_hides_the_ends_of_its_shackle() -> None:
    shackle, body, _ = pictograms.lock(Point(0, 0), Role.PLAIN)
    assert not shackle.is_filled
    assert body.is_filled
    assert mark_box(shackle).bottom <= mark_box(body).y
