"""Twin-field QKD with coherent pulses: the formulae, derived yields against brute force, and finite counts."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, factorial

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import Reals, plob_bound, single_repeater_bound, transmittance
from keytwin.quantum.coherent_twin import LEVELS, CoherentTwin
from keytwin.quantum.coherent_twin import erroneous as wrong_parts
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator, CoherentTwinSettings
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.deviation import Confidence
from tests.marks import invariant

INTENSITIES = np.geomspace(1e-3, 0.3, 60)
OPTICS = CoherentTwin(0.01, 1e-8, 0.02)
SETTINGS = CoherentTwinSettings(0.02, 0.2, 0.02, (0.9, 0.04, 0.03))
PROMISES = Promises(1.15, 1e-15, 1e-10)
ENDLESS = 10**18


def best(optics: CoherentTwin) -> float:
    return float(optics.rate(INTENSITIES, 1.15).max())


def counts(optics: CoherentTwin, pulses: int) -> list[float]:
    return [pulses * cell for cell in SETTINGS.cells(optics)]


def length(optics: CoherentTwin, pulses: int) -> float:
    return CoherentTwinEstimator(SETTINGS, PROMISES, pulses).signed_length(counts(optics, pulses))


@invariant("V10")
def test_v10_the_rate_falls_by_half_a_decade_in_ten_decibels() -> None:
    rates = [best(CoherentTwin(arm, 0.0, 0.01)) for arm in (1e-2, 1e-4)]  # 40 dB of the whole channel apart
    assert np.log10(rates[1] / rates[0]) / 40 == pytest.approx(-0.05, rel=0.02)


@invariant("V9")
@given(loss=st.floats(0.1, 100), alpha=st.floats(1e-4, 0.5), dark=st.floats(0, 1e-4))
def test_v9_stays_below_the_bound_of_a_single_repeater(loss: float, alpha: float, dark: float) -> None:
    rate = CoherentTwin(float(transmittance(loss / 2)), dark, 0.0).rate(alpha)
    assert 0 <= rate <= single_repeater_bound(transmittance(loss))


def test_good_detectors_pass_the_bound_without_repeaters() -> None:
    optics = CoherentTwin(float(transmittance(30.0)), 1e-9, 0.01)
    assert best(optics) > plob_bound(transmittance(60.0))


def test_key_pulses_follow_the_paper() -> None:
    """Curty, Azuma, Lo: p_XX and e_XX for one of the two patterns."""
    arm, dark, turned, alpha = 0.05, 1e-4, 0.03, 0.2
    gamma, overlap = arm * alpha, 1 - 2 * turned
    gain, wrong = CoherentTwin(arm, dark, turned).key(alpha)
    both = (1 - dark) / 2 * (exp(-gamma * overlap) + exp(gamma * overlap)) * exp(-gamma)
    assert gain / 2 == pytest.approx(both - (1 - dark) ** 2 * exp(-2 * gamma))
    numerator = exp(-gamma * overlap) - (1 - dark) * exp(-gamma)
    share = numerator / (exp(-gamma * overlap) + exp(gamma * overlap) - 2 * (1 - dark) * exp(-gamma))
    assert wrong / gain == pytest.approx(share)


@given(arm=st.floats(1e-4, 1), near=st.floats(0, 0.5), far=st.floats(0, 0.5), dark=st.floats(0, 0.01))
def test_random_phases_are_mixtures_of_photon_numbers(arm: float, near: float, far: float, dark: float) -> None:
    optics = CoherentTwin(arm, dark)
    one, other = ([exp(-mu) * mu**n / factorial(n) for n in range(LEVELS)] for mu in (near, far))
    assert np.array(one) @ optics.yields() @ np.array(other) == pytest.approx(optics.decoys(near, far), abs=1e-9)


def test_two_photons_meet_at_a_beam_splitter_and_leave_together() -> None:
    """Hong, Ou, Mandel: without loss, one photon from each end always clicks one detector alone; so does one photon."""
    yields = CoherentTwin(1.0, 0.0).yields()
    assert yields[1, 1] == pytest.approx(1.0)
    assert yields[1, 0] == yields[0, 1] == pytest.approx(1.0)
    assert yields[2, 0] == pytest.approx(0.5)
    assert yields[0, 0] == 0


def test_darkness_gives_dark_counts() -> None:
    assert CoherentTwin(0.0, 1e-5).yields()[3, 2] == pytest.approx(2e-5 * (1 - 1e-5))


def test_rate_falls_with_loss_and_never_below_zero() -> None:
    rates = [best(CoherentTwin(float(transmittance(loss / 2)), 1e-7, 0.02)) for loss in range(0, 100, 10)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0


def test_arrays_broadcast() -> None:
    optics = CoherentTwin(np.array([[0.1], [0.01]]), 1e-8, 0.02)
    assert optics.rate(INTENSITIES).shape == (2, 60)
    assert optics.rate(INTENSITIES)[1] == pytest.approx(CoherentTwin(0.01, 1e-8, 0.02).rate(INTENSITIES))


# --- finite counts --------------------------------------------------------------------------------------------------


FACTORIALS = np.array([factorial(number) for number in range(LEVELS)], dtype=np.float64)


def most_yields(estimator: CoherentTwinEstimator, seen: Sequence[float]) -> Reals:
    """Return the most that each yield can be, one by one as the series tell: what the estimator sums up in one go."""
    settings, sure = estimator.settings, Confidence.failing(estimator.promises.secrecy, 14)
    pairs = list(zip(seen[2:], settings.chosen(), strict=True))
    least = [sure.least(count) / (estimator.pulses * share) for count, share in pairs]
    most = [sure.most(count) / (estimator.pulses * share) for count, share in pairs]
    bounds = np.ones((LEVELS, LEVELS))
    for mean, at in ((settings.weak, 0), (settings.strong, 3)):
        terms = FACTORIALS / mean ** np.arange(LEVELS)
        one = exp(mean)
        joint = one * one * most[at] - one * least[at + 1] - one * least[at + 2] + most[6]
        bounds[1:, 1:] = np.minimum(bounds[1:, 1:], np.outer(terms, terms)[1:, 1:] * max(0.0, joint))
        bounds[1:, 0] = np.minimum(bounds[1:, 0], terms[1:] * max(0.0, one * most[at + 1] - least[6]))
        bounds[0, 1:] = np.minimum(bounds[0, 1:], terms[1:] * max(0.0, one * most[at + 2] - least[6]))
    bounds[0, 0] = min(1.0, most[6])
    k, w = settings.strong, settings.weak
    for place, bright, dim in (((2, 0), most[4], least[1]), ((0, 2), most[5], least[2])):
        rest = (exp(k) * bright - least[6]) * w - (exp(w) * dim - most[6]) * k
        bounds[place] = min(bounds[place], max(0.0, 2.0 * rest / (k * w * (k - w))))
    return bounds


@given(arm=st.floats(1e-4, 0.9), dark=st.floats(0, 1e-4), strong=st.floats(0.05, 0.6), weaker=st.floats(0.05, 0.8))
def test_bounds_on_yields_hold(arm: float, dark: float, strong: float, weaker: float) -> None:
    optics = CoherentTwin(arm, dark)
    settings = CoherentTwinSettings(0.02, strong, strong * weaker, (0.5, 0.2, 0.2))
    cells = [ENDLESS * cell for cell in settings.cells(optics)]
    bounds = most_yields(CoherentTwinEstimator(settings, PROMISES, ENDLESS), cells)
    assert (bounds >= optics.yields() * (1 - 1e-6) - 1e-12).all()


@given(
    signal=st.floats(1e-3, 0.3), strong=st.floats(0.05, 1.6), weaker=st.floats(0.01, 0.8), rate=st.floats(1e-7, 0.3),
    pulses=st.sampled_from([10**8, 10**11, 10**15]), tilt=st.floats(0.8, 1.25),
)  # fmt: skip
def test_phase_errors_are_the_sum_over_the_bounds_on_yields(
    signal: float, strong: float, weaker: float, rate: float, pulses: int, tilt: float
) -> None:
    settings = CoherentTwinSettings(signal, strong, strong * weaker, (0.7, 0.15, 0.1))
    estimator = CoherentTwinEstimator(settings, PROMISES, pulses)
    seen = [pulses * cell for cell in settings.cells(CoherentTwin(rate, 1e-7))]
    seen[4] *= tilt  # dark-weak and strong-dark: the two ends need not be alike
    seen[6] /= tilt
    summed = float(wrong_parts(np.asarray(signal), np.sqrt(most_yields(estimator, seen))))
    assert estimator.phase_errors(seen) == pytest.approx(summed, rel=1e-9)


def test_endless_blocks_stay_below_endless_decoys_and_come_near() -> None:
    kept = 0.9**2 * float(OPTICS.rate(0.02, 1.15))
    assert 0.6 * kept < length(OPTICS, ENDLESS) / ENDLESS < kept


def test_a_larger_block_gives_more_of_its_pulses() -> None:
    shares = [length(OPTICS, size) / size for size in (10**10, 10**11, 10**12, 10**14)]
    assert shares == sorted(shares)


@invariant("V22")
def test_v22_no_key_above_the_error_limit_and_none_of_nothing() -> None:
    assert length(replace(OPTICS, misalignment=0.12), ENDLESS) < 0
    assert CoherentTwinEstimator(SETTINGS, PROMISES, 10**9).signed_length([0] * 9) == -PROMISES.overhead


@invariant("V22")
@given(st.lists(st.integers(0, 10**9), min_size=9, max_size=9))
def test_v22_never_more_than_what_was_sifted(found: list[int]) -> None:
    estimator = CoherentTwinEstimator(SETTINGS, PROMISES, 10**12)
    assert estimator.signed_length(found) <= found[0] + found[1] - PROMISES.overhead


@pytest.mark.parametrize("changes", [{"weak": 0.2}, {"weak": 0.0}, {"signal": 0.0}, {"shares": (0.9, 0.07, 0.03)}])
def test_settings_that_the_proof_does_not_cover_are_our_bug(changes: dict[str, object]) -> None:
    with pytest.raises(AssertionError):
        replace(SETTINGS, **changes)  # type: ignore[arg-type]  # any field may be changed
