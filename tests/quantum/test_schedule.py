"""When light passes: passes in their period, clouds by their means, and the two together."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice, pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.schedule import (
    CLOUD,
    UNSEEN,
    Clouds,
    CloudyPasses,
    Passes,
    Schedule,
    Window,
    refuse_endless_clouds,
)
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import START, Duration, Instant, hours, minutes, seconds
from tests.quantum.shipped import chance

NIGHTLY = Passes(Instant(minutes(10)), hours(24), minutes(5))
SKY = Clouds(hours(6), hours(2))
MANY = 4_000


def windows(schedule: Schedule, seed: int = 1, now: Instant = START) -> Iterator[Window]:
    generator = chance(seed)
    window = schedule.first(now, generator)
    while True:
        yield window
        window = schedule.following(window, generator)


def test_a_satellite_passes_once_every_period() -> None:
    first, second = islice(windows(NIGHTLY), 2)
    assert first == Window(Instant(minutes(10)), Instant(minutes(15)), UNSEEN)
    assert second == Window(Instant(minutes(1450)), Instant(minutes(1455)), UNSEEN)
    assert NIGHTLY.ready == first.end
    assert NIGHTLY.block_time == minutes(5)


@pytest.mark.parametrize(
    ("now", "start"), [(0, 10), (10, 10), (14, 10), (15, 1450), (1000, 1450), (1452, 1450), (1455, 2890)]
)
def test_the_first_window_is_the_one_under_way_or_the_next(now: int, start: int) -> None:
    assert NIGHTLY.first(Instant(minutes(now)), chance()).start == Instant(minutes(start))


@given(st.integers(0, 10**16), st.integers(0, 10**15), st.integers(2, 10**15), st.data())
def test_no_pass_is_left_out_whenever_one_looks(now: int, start: int, period: int, data: st.DataObject) -> None:
    passes = Passes(Instant(start), Duration(period), Duration(data.draw(st.integers(1, period - 1))))
    window = passes.first(Instant(now), chance())
    assert window.end > now
    assert window.start >= start
    assert window.start == start or window.start - period + passes.length <= now


def test_passes_draw_no_chance() -> None:
    generator = chance()
    NIGHTLY.following(NIGHTLY.first(START, generator), generator)
    assert generator.random() == chance().random()


def test_clouds_leave_as_much_clear_sky_as_their_means_say() -> None:
    seen = list(islice(windows(SKY), MANY))
    light = sum(window.end - window.start for window in seen)
    assert light / (seen[-1].end - seen[0].start) == pytest.approx(SKY.share, rel=4 * MANY**-0.5)
    assert light / MANY == pytest.approx(SKY.clear, rel=4 * MANY**-0.5)
    assert {window.cause for window in seen} == {CLOUD}
    assert SKY.ready == START
    assert SKY.block_time is None


@pytest.mark.parametrize("schedule", [NIGHTLY, SKY, CloudyPasses(NIGHTLY, SKY)])
def test_windows_follow_one_another_and_equal_seeds_see_equal_skies(schedule: Schedule) -> None:
    seen = list(islice(windows(schedule), 100))
    assert all(one.start < one.end < other.start for one, other in pairwise(seen))
    assert seen == list(islice(windows(schedule), 100))


def test_the_present_sky_is_clear_as_often_as_in_the_long_run() -> None:
    generator = chance()
    clear = sum(SKY.first(START, generator).start == START for _ in range(MANY))
    assert clear / MANY == pytest.approx(SKY.share, abs=4 * (SKY.share * (1 - SKY.share) / MANY) ** 0.5)


def test_a_sky_is_remembered_for_a_while() -> None:
    assert SKY.chance_of_clear(0, was_clear=True) == 1
    assert SKY.chance_of_clear(0, was_clear=False) == 0
    assert SKY.chance_of_clear(hours(1), was_clear=True) > SKY.share > SKY.chance_of_clear(hours(1), was_clear=False)
    assert SKY.chance_of_clear(hours(1000), was_clear=False) == pytest.approx(SKY.share)


def test_a_pass_counts_under_a_clear_sky_only() -> None:
    cloudy = CloudyPasses(NIGHTLY, SKY)
    seen = list(islice(windows(cloudy), MANY))
    nights = (seen[-1].start - seen[0].start) / NIGHTLY.period + 1
    assert all((window.start - NIGHTLY.start) % NIGHTLY.period == 0 for window in seen)
    assert len(seen) / nights == pytest.approx(cloudy.share / NIGHTLY.share, rel=0.03)
    assert cloudy.share < NIGHTLY.share * SKY.share
    assert cloudy.ready == NIGHTLY.ready


def test_a_sky_that_is_hardly_ever_clear_is_a_mistake() -> None:
    refuse_endless_clouds(Duration(0), Duration(0))
    refuse_endless_clouds(hours(1), hours(90))
    with pytest.raises(Mistake, match="the sky is clear for less than 1% of the time"):
        refuse_endless_clouds(seconds(1), hours(90))
