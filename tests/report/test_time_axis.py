"""Cutting out the time in which nothing happens."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.report.time_axis import (
    MOST_STRETCHES,
    next_round,
    round_unit,
    show_instant,
    show_span,
    stretches,
    ticks,
)
from keytwin.vocabulary.units import Instant, milliseconds, seconds

INSTANTS = st.lists(st.integers(0, 10**12).map(Instant), max_size=60)


@given(INSTANTS)
def test_stretches_hold_every_instant_once_and_in_order(instants: list[Instant]) -> None:
    parts = stretches(instants)
    assert [at for part in parts for at in part.instants] == sorted(set(instants))
    assert len(parts) <= MOST_STRETCHES
    assert all(part.start == part.instants[0] and part.end == part.instants[-1] for part in parts)
    assert all(before.end < after.start for before, after in itertools.pairwise(parts))


def test_a_minute_of_waiting_is_cut_out() -> None:
    burst = [Instant(milliseconds(each)) for each in (0, 3, 9)]
    answers = [Instant(at + seconds(60)) for at in burst]
    assert [part.instants for part in stretches([*burst, *answers])] == [tuple(burst), tuple(answers)]


def test_evenly_spread_events_stay_together() -> None:
    assert len(stretches([Instant(seconds(each)) for each in range(20)])) == 1


def test_a_burst_is_never_divided_however_uneven() -> None:
    burst = [Instant(milliseconds(each)) for each in (0, 1, 50)]
    assert len(stretches([*burst, Instant(seconds(100))])) == 2


@given(st.integers(1, 10**13), st.integers(1, 8))
def test_ticks_are_round_and_few(length: int, most: int) -> None:
    offsets = ticks(length, most)
    assert len(offsets) <= most
    assert all(0 < offset <= length for offset in offsets)
    assert all(offset % offsets[0] == 0 for offset in offsets)
    assert not offsets or str(offsets[0]).strip("0") in {"1", "2", "5"}


def test_round_steps_go_one_two_five() -> None:
    steps = [1]
    while len(steps) < 7:
        steps.append(next_round(steps[-1]))
    assert steps == [1, 2, 5, 10, 20, 50, 100]


def test_no_length_has_no_ticks() -> None:
    assert ticks(0) == []


@pytest.mark.parametrize(
    ("span", "shown"),
    [
        (0, "0 s"),
        (999_800_000, "1 s"),
        (7_200 * 10**9, "7,200 s"),
        (1, "1 ns"),
        (2_500, "2.5 us"),
        (9_400_000, "9.4 ms"),
        (57_193_000_000, "57.2 s"),
    ],
)
def test_spans_have_three_digits(span: int, shown: str) -> None:
    assert show_span(span) == shown


@pytest.mark.parametrize(
    ("at", "finest", "shown"),
    [(0, 1, "0 s"), (61_880_000_000, 5_700_000, "61.880 s"), (61_880_000_000, 2 * 10**9, "62 s")],
)
def test_instants_are_as_precise_as_their_stretch(at: int, finest: int, shown: str) -> None:
    assert show_instant(Instant(at), finest) == shown


def test_small_things_have_a_unit_too() -> None:
    assert round_unit(0) == (1, "ns")
