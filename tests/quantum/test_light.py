"""The light of a link in the twin's own time."""

from __future__ import annotations

import pytest

from keytwin.quantum.light import Light
from keytwin.quantum.schedule import Passes
from keytwin.vocabulary.units import START, Instant, minutes, seconds
from tests.quantum.shipped import chance

PASSES = Passes(Instant(minutes(10)), minutes(90), minutes(5))


def light(speed: float = 1.0, block: int = minutes(5)) -> Light:
    return Light(PASSES, minutes(block // minutes(1)), speed, chance())


def test_before_a_pass_one_waits_for_it() -> None:
    sky = light()
    assert not sky.look(START)
    assert sky.until_start(START) == minutes(10)
    assert sky.cause == "no pass"
    sky.begin()
    assert sky.has_room
    assert sky.until_change(Instant(minutes(10))) == minutes(5)


def test_the_block_of_a_pass_ends_with_it() -> None:
    sky = light()
    sky.look(START)
    sky.begin()
    sky.go_on()
    assert sky.is_over
    sky.leave()
    assert sky.until_start(Instant(minutes(15))) == minutes(85)


def test_who_looks_up_in_the_middle_of_a_pass_has_no_room_for_its_block() -> None:
    sky = light()
    assert sky.look(Instant(minutes(12)))
    assert not sky.has_room
    assert sky.until_change(Instant(minutes(12))) == minutes(3)


def test_shorter_blocks_fill_what_is_left() -> None:
    sky = light(block=minutes(1))
    assert sky.look(Instant(minutes(12)))
    for begun in (12, 13, 14):
        assert sky.has_room
        assert sky.begun == Instant(minutes(begun))
        sky.go_on()
    assert sky.is_over


def test_a_pass_that_was_missed_is_left_out() -> None:
    sky = light()
    sky.look(START)
    assert not sky.look(Instant(minutes(50)))
    assert sky.until_start(Instant(minutes(50))) == minutes(50)


def test_a_twin_that_is_late_waits_less_and_never_backwards() -> None:
    sky = light()
    sky.look(START)
    sky.begin()
    late = Instant(minutes(10) + seconds(2))
    assert sky.until_change(late) == minutes(5) - seconds(2)
    assert sky.until_change(Instant(minutes(20))) == 1


@pytest.mark.parametrize("speed", [0.5, 10.0])
def test_at_a_higher_speed_everything_comes_sooner(speed: float) -> None:
    sky = light(speed)
    sky.look(START)
    assert sky.until_start(START) == minutes(10) / speed
    sky.begin()
    assert sky.until_change(Instant(round(minutes(10) / speed))) == minutes(5) / speed
