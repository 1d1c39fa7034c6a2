"""Twin-field QKD by phase matching: the formulae, and what finite counts leave of them."""

from __future__ import annotations

from dataclasses import replace
from math import exp, factorial, pi, sin

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import plob_bound, single_repeater_bound, transmittance
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.phase_matching import PhaseMatching, PhaseMatchingEstimator, PhaseMatchingSettings
from tests.marks import invariant

INTENSITIES = np.geomspace(1e-3, 1.0, 300)
OPTICS = PhaseMatching(0.01, 1e-8, 16.0, 0.02)
SETTINGS = PhaseMatchingSettings(0.12, 0.03, (0.8, 0.15))
PROMISES = Promises(1.15, 1e-15, 1e-10)
ENDLESS = 10**18


def ma_zeng_zhou(loss: float) -> PhaseMatching:
    """Return the parameters of the paper's simulation, with `loss` decibels between the two ends."""
    return PhaseMatching(0.145 * float(transmittance(loss / 2)), 8e-8)


def best(optics: PhaseMatching) -> float:
    return float(optics.rate(INTENSITIES, 1.15).max())


def length(optics: PhaseMatching, pulses: int) -> float:
    estimator = PhaseMatchingEstimator(SETTINGS, PROMISES, pulses, 16.0)
    return estimator.signed_length([pulses * cell for cell in SETTINGS.cells(optics)])


@invariant("V10")
def test_v10_the_rate_falls_by_half_a_decade_in_ten_decibels() -> None:
    rates = [best(PhaseMatching(arm, 0.0)) for arm in (1e-2, 1e-4)]  # 40 dB of the whole channel apart
    assert np.log10(rates[1] / rates[0]) / 40 == pytest.approx(-0.05, rel=0.02)


@invariant("V9")
@given(loss=st.floats(0.1, 100), mu=st.floats(1e-3, 2), slices=st.sampled_from([4, 8, 16, 64]), dark=st.floats(0, 1e-4))
def test_v9_stays_below_the_bound_of_a_single_repeater(loss: float, mu: float, slices: int, dark: float) -> None:
    rate = PhaseMatching(float(transmittance(loss / 2)), dark, slices).rate(mu)
    assert 0 <= rate <= single_repeater_bound(transmittance(loss))


def test_the_paper_passes_the_bound_without_repeaters_between_250_and_350_kilometres() -> None:
    assert best(ma_zeng_zhou(0.2 * 250)) < plob_bound(transmittance(0.2 * 250))
    assert best(ma_zeng_zhou(0.2 * 350)) > plob_bound(transmittance(0.2 * 350))


@given(arm=st.floats(1e-6, 0.5), mu=st.floats(1e-3, 1), dark=st.floats(0, 1e-3))
def test_pulses_are_mixtures_of_photon_numbers(arm: float, mu: float, dark: float) -> None:
    optics = PhaseMatching(arm, dark, 16, 0.01)
    parts = [optics.photons(count) for count in range(25)]
    chances = [exp(-mu) * mu**count / factorial(count) for count in range(25)]
    gain, wrong = optics.pulses(mu)
    assert sum(chance * float(seen) for chance, (seen, _) in zip(chances, parts, strict=True)) == pytest.approx(gain)
    assert sum(chance * float(bad) for chance, (_, bad) in zip(chances, parts, strict=True)) == pytest.approx(wrong)


def test_slices_make_errors_of_their_own() -> None:
    slice_width = pi / 16
    assert PhaseMatching(0.1, 0.0, 16).turned() == pytest.approx(slice_width - sin(slice_width) ** 3 / slice_width**2)
    assert PhaseMatching(0.1, 0.0, 1024).turned() < 1e-5
    assert PhaseMatching(0.1, 0.0, 1024, 0.03).turned() == pytest.approx(0.03, abs=1e-5)


def test_rate_falls_with_loss_and_never_below_zero() -> None:
    rates = [best(ma_zeng_zhou(float(loss))) for loss in range(0, 110, 10)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0


def test_endless_blocks_stay_below_endless_decoys_and_come_near() -> None:
    kept = 0.8**2 * float(OPTICS.rate(0.12, 1.15))
    assert 0.7 * kept < length(OPTICS, ENDLESS) / ENDLESS < kept


def test_a_larger_block_gives_more_of_its_pulses() -> None:
    shares = [length(OPTICS, size) / size for size in (10**10, 10**11, 10**12, 10**14)]
    assert shares == sorted(shares)


def test_cells_are_sorted_by_what_was_sent() -> None:
    cells = SETTINGS.cells(OPTICS)
    gain, wrong = OPTICS.pulses(0.03)
    assert cells[2] + cells[3] == pytest.approx(0.15**2 / 8 * float(gain))
    assert cells[3] == pytest.approx(0.15**2 / 8 * float(wrong))
    assert cells[4] == pytest.approx(0.05**2 * 2e-8)


@invariant("V22")
def test_v22_no_key_above_the_error_limit_and_none_of_nothing() -> None:
    assert length(replace(OPTICS, misalignment=0.12), ENDLESS) < 0
    assert PhaseMatchingEstimator(SETTINGS, PROMISES, 10**9, 16.0).signed_length([0] * 5) == -PROMISES.overhead


@invariant("V22")
@given(st.lists(st.integers(0, 10**9), min_size=5, max_size=5))
def test_v22_never_more_than_what_was_sifted(counts: list[int]) -> None:
    found = PhaseMatchingEstimator(SETTINGS, PROMISES, 10**12, 16.0).signed_length(counts)
    assert found <= counts[0] + counts[1] - PROMISES.overhead


@pytest.mark.parametrize("changes", [{"decoy": 0.12}, {"decoy": 0.0}, {"shares": (0.8, 0.2)}, {"shares": (0.0, 0.2)}])
def test_settings_that_the_proof_does_not_cover_are_our_bug(changes: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]  # any field may be changed
