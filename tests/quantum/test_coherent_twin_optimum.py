"""The search for the settings of twin-field QKD with coherent pulses."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator, CoherentTwinSettings
from keytwin.quantum.coherent_twin_optimum import BOUNDS, best_coherent_twin, case_of, chosen, objective
from keytwin.quantum.counted_link import Promises

PROMISES = Promises(1.15, 1e-15, 1e-10)
OPTICS = CoherentTwin(0.05, 1e-8, 0.02)
PULSES = 6 * 10**10


def length(settings: CoherentTwinSettings, optics: CoherentTwin) -> float:
    expected = [PULSES * cell for cell in settings.cells(optics)]
    return CoherentTwinEstimator(settings, PROMISES, PULSES).signed_length(expected)


@given(
    place=st.tuples(*(st.floats(low, high) for low, high in BOUNDS)), arm=st.floats(1e-4, 0.9),
    dark=st.floats(1e-8, 1e-3), turned=st.floats(0, 0.2),
)  # fmt: skip
def test_the_objective_is_the_length_of_the_estimator(
    place: tuple[float, ...], arm: float, dark: float, turned: float
) -> None:
    optics = CoherentTwin(arm, dark, turned)
    (signal, strong, weak), shares = chosen(place)
    settings = CoherentTwinSettings(signal, strong, weak, shares)
    sifted = PULSES * sum(settings.cells(optics)[:2])
    found = objective(place, case_of(optics, PROMISES, PULSES))
    assert found == pytest.approx(length(settings, optics), abs=1e-6 * sifted + 1e-6)


@pytest.mark.parametrize("arm", [0.5, 0.05, 0.005, 5e-4])
def test_no_small_step_away_gives_more(arm: float) -> None:
    optics = replace(OPTICS, transmittance=arm)
    best = best_coherent_twin(optics, PROMISES, PULSES)
    most = length(best, optics)
    assert most > 0
    first, second, third = best.shares
    for step in (0.95, 1.05):
        for other in (
            replace(best, signal=best.signal * step),
            replace(best, strong=best.strong * step),
            replace(best, weak=best.weak * step),
            replace(best, shares=(1 - (1 - first) * step, second * step, third * step)),
            replace(best, shares=(first, second * step, third)),
            replace(best, shares=(first, second, third * step)),
        ):
            assert length(other, optics) <= most * (1 + 1e-4)


def test_settings_are_numbers_that_can_be_set() -> None:
    best = best_coherent_twin(OPTICS, PROMISES, PULSES)
    for value in (best.signal, best.strong, best.weak, *best.shares):
        assert value == float(f"{value:.4g}")


@pytest.mark.parametrize("optics", [replace(OPTICS, misalignment=0.4), replace(OPTICS, transmittance=1e-9)])
def test_where_there_is_no_key_the_search_still_ends(optics: CoherentTwin) -> None:
    assert length(best_coherent_twin(optics, PROMISES, PULSES), optics) <= 0
