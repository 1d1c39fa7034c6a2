"""Waiting for the slowest segment: closed forms, limits, and a race that is run."""

from __future__ import annotations

from math import comb, inf

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.waiting import Race, mean_of_slowest
from tests.marks import invariant
from tests.quantum.shipped import chance

RUNS = 40_000


@invariant("V14")
def test_v14_two_segments() -> None:
    assert mean_of_slowest(2, 0.01) == pytest.approx(149.7487, rel=1e-6)
    assert mean_of_slowest(2, 0.01) == pytest.approx((3 - 0.02) / (0.01 * 1.99), rel=1e-12)


@invariant("V14")
@given(st.integers(1, 12), st.floats(1e-6, 1))
def test_v14_the_alternating_sum_gives_the_same(count: int, success: float) -> None:
    log_failure = np.log1p(-success) if success < 1 else -inf
    terms = [comb(count, j) * (-1) ** (j + 1) / -np.expm1(j * log_failure) for j in range(1, count + 1)]
    assert mean_of_slowest(count, success) == pytest.approx(sum(terms), rel=1e-9)


def test_many_segments_wait_as_the_harmonic_numbers_say() -> None:
    harmonic = sum(1 / j for j in range(1, 65))
    assert mean_of_slowest(64, 1e-6) * 1e-6 == pytest.approx(harmonic, rel=1e-4)
    assert mean_of_slowest(64, 1.0) == 1


def run(race: Race, decay: float) -> tuple[float, float, float, float]:
    """Return slots per success and mean survival of all pairs, each with its standard error."""
    drawn = chance().geometric(race.success, (RUNS, race.count))
    first, last = drawn.min(axis=1), drawn.max(axis=1)
    in_time = last - first <= race.patience
    spent = np.where(in_time, last, first + race.patience)
    kept = np.exp(-decay * (last[:, None] - drawn).sum(axis=1))[in_time]
    share = in_time.mean()
    excess = spent - in_time * spent.mean() / share  # linearised ratio of two means
    return spent.mean() / share, excess.std() / share / np.sqrt(RUNS), kept.mean(), kept.std() / np.sqrt(kept.size)


@pytest.mark.parametrize(
    "race", [Race(2, 0.05, 10), Race(3, 0.05, 30), Race(4, 0.02, 1000), Race(2, 0.9, 0), Race(1, 0.1, 5)]
)
@pytest.mark.parametrize("decay", [0.0, 0.02])
def test_races_that_are_run_agree(race: Race, decay: float) -> None:
    slots, slots_error, kept, kept_error = run(race, decay)
    assert abs(race.slots() - slots) < 4 * slots_error
    assert abs(race.survivals(decay)[-1] - kept) <= 4 * kept_error + 1e-12


@given(st.integers(1, 6), st.floats(1e-3, 1))
def test_endless_patience_is_no_cut_off(count: int, success: float) -> None:
    assert Race(count, success, 40 / success + 1).slots() == pytest.approx(mean_of_slowest(count, success), rel=1e-6)


@given(st.integers(1, 6), st.floats(1e-3, 1), st.floats(0, 100), st.floats(1e-6, 1))
def test_survivals_fall_with_every_pair_that_decays(count: int, success: float, patience: float, decay: float) -> None:
    survivals = Race(count, success, patience).survivals(decay)
    assert survivals[0] == pytest.approx(1)
    assert (np.diff(survivals) <= 1e-9).all()
    assert survivals[-1] > 0


@given(st.integers(2, 6), st.floats(1e-2, 0.5), st.floats(0, 50))
def test_patience_saves_time_and_costs_quality(count: int, success: float, patience: float) -> None:
    hasty, patient = Race(count, success, patience), Race(count, success, patience + 20)
    assert hasty.slots() >= patient.slots() * (1 - 1e-9)
    assert hasty.survivals(0.01)[-1] >= patient.survivals(0.01)[-1] * (1 - 1e-9)


def test_merging_slots_changes_next_to_nothing() -> None:
    rare = Race(3, 1e-6, inf)  # 30 million slots, merged
    fine, coarse = Race(3, 1e-3, inf).survivals(1e-4), rare.survivals(1e-7)
    assert coarse == pytest.approx(fine, rel=1e-3)
    assert Race(3, 1e-6, 5e6).slots() == pytest.approx(Race(3, 1e-4, 5e4).slots() * 100, rel=2e-3)


def test_what_never_happens_takes_for_ever() -> None:
    assert Race(32, 1e-19, 10.0).slots() == inf


def test_a_memory_that_decays_as_fast_as_pairs_come() -> None:
    """Where both exponentials are equal the geometric sum has no closed form but the number of its terms."""
    exact = Race(2, 0.1, 50.0).survivals(-np.log1p(-0.1))
    near = Race(2, 0.1, 50.0).survivals(-np.log1p(-0.1) * (1 + 1e-7))
    assert exact == pytest.approx(near, rel=1e-6)
