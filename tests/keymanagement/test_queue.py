"""The priority queue: higher classes first, bounded ageing, nobody starves (A4)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement import queue
from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.keymanagement.queue import AGEING_STEP, LONGEST_PASS, PriorityQueue, longest_pass, rank_of
from keytwin.vocabulary.errors import Oversize
from keytwin.vocabulary.units import Instant, milliseconds, seconds
from tests.marks import invariant

ARRIVALS = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 3_000)), min_size=1, max_size=60)


def served(arrivals: list[tuple[int, int]]) -> list[tuple[int, Instant, int]]:
    """Let entries come, each some milliseconds after the one before, and serve them all: (rank, came at, number)."""
    waiting: PriorityQueue[tuple[int, Instant, int]] = PriorityQueue()
    now = 0
    for number, (rank, later) in enumerate(arrivals):
        now += milliseconds(later)
        waiting.push((rank, Instant(now), number), rank, Instant(now))
    return [waiting.pop() for _ in range(len(arrivals))]


@invariant("A4")
@given(ARRIVALS)
def test_nothing_is_passed_for_longer_than_its_bound(arrivals: list[tuple[int, int]]) -> None:
    order = served(arrivals)
    for place, (rank, came, _) in enumerate(order):
        earlier = order[:place]
        assert all(other < came + longest_pass(rank) or other <= came for _, other, _ in earlier)


@invariant("A4")
@given(ARRIVALS)
def test_of_what_came_within_a_step_the_higher_class_goes_first(arrivals: list[tuple[int, int]]) -> None:
    """So that however much of a lower class comes at the same time, it does not delay a higher one."""
    order = served(arrivals)
    for place, (rank, came, _) in enumerate(order):
        for other, at, _ in order[:place]:
            is_lower = min(other, LONGEST_PASS // AGEING_STEP) > min(rank, LONGEST_PASS // AGEING_STEP)
            assert not (is_lower and came < at + AGEING_STEP)


@given(ARRIVALS)
def test_equals_keep_their_order(arrivals: list[tuple[int, int]]) -> None:
    for rank in range(13):
        numbers = [number for each, _, number in served(arrivals) if each == rank]
        assert numbers == sorted(numbers)


def test_even_the_lowest_class_is_served_within_the_patience_of_a_batch() -> None:
    assert longest_pass(rank_of(99, is_refill=True)) == LONGEST_PASS < CARRY_TIMEOUT


def test_a_refill_waits_behind_the_requests_of_its_class_only() -> None:
    ranks = [rank_of(0, is_refill=False), rank_of(0, is_refill=True), rank_of(1, is_refill=False)]
    assert ranks == sorted(set(ranks))


def test_a_stream_of_the_highest_class_does_not_starve_the_lowest() -> None:
    """One is served each 100 ms, and one of the highest class comes: a backlog that never shrinks."""
    waiting: PriorityQueue[str] = PriorityQueue()
    waiting.push("bronze", 7, Instant(0))
    served_at = 0
    for step in range(1, 1_000):
        waiting.push("gold", 0, Instant(step * milliseconds(100)))
        if waiting.pop() == "bronze":
            served_at = step * milliseconds(100)
            break
    assert seconds(7) <= served_at <= seconds(7.2)


def test_entries_are_removed_as_objects() -> None:
    waiting: PriorityQueue[list[int]] = PriorityQueue()
    same: list[list[int]] = [[1], [1], [2]]
    for entry in same:
        waiting.push(entry, 0, Instant(0))
    waiting.remove([same[1]])
    assert [id(waiting.pop()), id(waiting.pop())] == [id(same[0]), id(same[2])]
    assert waiting.first() is None


def test_a_full_queue_takes_nothing_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(queue, "MOST_WAITING", 2)
    waiting: PriorityQueue[int] = PriorityQueue()
    waiting.push(1, 0, Instant(0))
    assert not waiting.is_full
    waiting.push(2, 0, Instant(0))
    assert waiting.is_full
    with pytest.raises(Oversize):
        waiting.push(3, 0, Instant(0))
    assert sorted(waiting.entries()) == [1, 2]
    assert len(waiting) == 2
