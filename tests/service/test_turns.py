"""Turns of requests that were put off."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.turns import Asking, Turns
from keytwin.vocabulary.units import Instant


def asking(at: int, number: int = 1) -> Asking:
    return Asking(number, None, 1, Instant(at))


@given(st.lists(st.integers(0, 20), max_size=20))
def test_the_oldest_is_asked_again_first_one_at_a_time(times: list[int]) -> None:
    turns = Turns()
    for at in times:
        turns.put_off(asking(at))
    assert turns.keys == len(times)
    for index, at in enumerate(sorted(times)):
        oldest = turns.next(f"r{index}")
        assert oldest is not None
        assert oldest.asked_at == at
        assert turns.next("other") is None
        assert not turns.end("other")
        assert turns.end(f"r{index}")
    assert not turns.is_anyone_before


def test_one_that_is_refused_again_keeps_its_place() -> None:
    turns = Turns()
    for at in (1, 2):
        turns.put_off(asking(at))
    first = turns.next("r1")
    assert first is not None
    turns.put_off(first, "r1")
    assert turns.next("r2") == first


def test_nothing_is_left_after_clearing() -> None:
    turns = Turns()
    turns.put_off(asking(1, number=5))
    turns.next("r1")
    turns.put_off(asking(2, number=5))
    assert turns.keys == 5
    turns.clear()
    assert (turns.keys, turns.is_anyone_before) == (0, False)
