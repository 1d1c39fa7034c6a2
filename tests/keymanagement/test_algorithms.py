"""When keys are made: ahead of demand in whole batches, or only when asked for."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.algorithms import ALGORITHMS, PoolLevel, on_demand, pool

LEVELS = st.builds(
    PoolLevel,
    ready=st.integers(0, 500),
    coming=st.integers(0, 500),
    waiting=st.integers(0, 500),
    depth=st.integers(1, 500),
    batch=st.integers(1, 64),
)


@given(LEVELS)
def test_a_pool_covers_what_waits_in_whole_batches_and_never_much_more_than_its_depth(level: PoolLevel) -> None:
    number = max(0, pool(level))
    assert number % level.batch == 0
    assert level.ready + level.coming + number >= level.waiting
    if number:
        assert level.ready + level.coming + number < level.depth + level.waiting + level.batch


@given(LEVELS)
def test_on_demand_makes_what_waits_and_no_more(level: PoolLevel) -> None:
    number = on_demand(level)
    assert number == max(0, level.waiting - level.ready - level.coming)


@pytest.mark.parametrize("name", ALGORITHMS)
@given(level=LEVELS)
def test_what_is_satisfied_stays_so(name: str, level: PoolLevel) -> None:
    """Asked again when its keys are coming, an algorithm wants no more."""
    algorithm = ALGORITHMS[name]
    number = max(0, algorithm(level))
    again = PoolLevel(level.ready, level.coming + number, level.waiting, level.depth, level.batch)
    assert algorithm(again) <= 0


def test_a_pool_is_filled_to_its_depth_ahead_of_demand() -> None:
    assert pool(PoolLevel(ready=3, coming=0, waiting=0, depth=24, batch=8)) == 16
