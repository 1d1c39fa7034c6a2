"""The search for the settings of MDI: it sees the counts that the link has, and finds what can be set."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiEstimator, MdiSettings, mdi_counts
from keytwin.quantum.mdi_optimum import BOUNDS, best_mdi_settings, case_of, chosen, expected, objective

PROMISES = Promises(1.16, 1e-15, 1e-10)
OPTICS = RelayOptics(0.1, 0.06, 1e-7, 0.015)
PULSES = 10**12


@given(
    near=st.floats(1e-5, 1), far=st.floats(1e-5, 1), dark=st.floats(1e-9, 1e-2), turned=st.floats(0, 0.4),
    strong=st.floats(0.05, 1), weaker=st.floats(0.02, 0.9),
)  # fmt: skip
def test_the_mean_counts_are_those_of_the_link(
    near: float, far: float, dark: float, turned: float, strong: float, weaker: float
) -> None:
    optics = RelayOptics(near, far, dark, turned)
    case = case_of(optics, PROMISES, PULSES)
    settings = MdiSettings(0.5, strong, strong * weaker, (0.5, 0.1, 0.3), case.tilt)
    cells = mdi_counts([PULSES * cell for cell in settings.cells(optics)])
    counts = expected(case, (settings.signal, settings.strong, settings.weak), settings.shares)
    # Arrays lose some digits where two terms of the diagonal basis nearly cancel.
    assert counts == pytest.approx(cells, rel=1e-6)


def test_the_objective_is_the_length_of_the_estimator() -> None:
    point = [(low + high) / 2 for low, high in BOUNDS]
    case = case_of(OPTICS, PROMISES, PULSES)
    (signal, strong, weak), shares = chosen(point)
    settings = MdiSettings(signal, strong, weak, shares, case.tilt)
    length = MdiEstimator(settings, PROMISES, PULSES).signed_length([PULSES * cell for cell in settings.cells(OPTICS)])
    assert objective(point, case) == pytest.approx(length, rel=1e-6)


def test_settings_are_numbers_that_can_be_set_and_the_decoys_arrive_alike() -> None:
    best = best_mdi_settings(OPTICS, PROMISES, PULSES)
    for value in (best.signal, best.strong, best.weak, *best.shares):
        assert value == float(f"{value:.4g}")
    one, other = best.pair(best.strong)
    assert one * 0.1 == pytest.approx(other * 0.06)


@pytest.mark.parametrize("optics", [replace(OPTICS, misalignment=0.3), RelayOptics(1e-9, 1e-9, 1e-6, 0.01)])
def test_where_there_is_no_key_the_search_still_ends(optics: RelayOptics) -> None:
    settings = best_mdi_settings(optics, PROMISES, PULSES)
    expectation = [PULSES * cell for cell in settings.cells(optics)]
    assert MdiEstimator(settings, PROMISES, PULSES).signed_length(expectation) <= 0


def test_an_arm_through_which_nothing_comes_is_no_fault() -> None:
    assert case_of(RelayOptics(0.1, 0.0, 1e-7, 0.01), PROMISES, PULSES).tilt == 10.0
