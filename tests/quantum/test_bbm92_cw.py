"""BBM92 with a continuous pump and a coincidence window: Neumann et al., PRA 104 022406."""

from __future__ import annotations

from math import erf, log, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.bbm92_cw import DETECTORS, ContinuousPairs
from keytwin.quantum.channel import plob_bound
from tests.marks import invariant

WINDOW = 150e-12
JITTER = 100e-12


def pairs(loss: float = 10.0, window: float = WINDOW, dead_time: float = 0.0, dark: float = 100.0) -> ContinuousPairs:
    share = 0.3 * 10 ** (-loss / 20)
    return ContinuousPairs(share, share, dark, dark, dead_time, window, JITTER, 0.01)


def test_singles_are_pairs_and_dark_counts() -> None:
    first, second = pairs(0.0).singles(1e6)
    assert first == second == pytest.approx(0.3e6 + DETECTORS * 100)


def test_accidentals_are_singles_times_singles_times_window() -> None:
    link = pairs(10.0)
    first, second = link.singles(1e7)
    _, accidental = link.coincidences(1e7)
    assert accidental == pytest.approx(float(first) * float(second) * WINDOW, rel=1e-12)


def test_true_coincidences_are_pairs_within_the_window() -> None:
    true, _ = pairs(0.0).coincidences(1e6)
    assert true == pytest.approx(1e6 * 0.3**2 * erf(sqrt(log(2)) * WINDOW / JITTER))


def test_half_of_a_gaussian_is_within_its_half_width() -> None:
    """A window as wide as the full width at half maximum holds 76 % of a Gaussian."""
    assert pairs(window=JITTER).within_window() == pytest.approx(0.7610, abs=1e-4)
    assert pairs(window=10 * JITTER).within_window() == pytest.approx(1.0)
    without = ContinuousPairs(0.3, 0.3, 0.0, 0.0, 0.0, WINDOW, 0.0, 0.0)
    assert without.within_window() == 1


def test_each_accidental_is_half_an_error() -> None:
    link = pairs(10.0)
    true, accidental = (float(part) for part in link.coincidences(5e7))
    assert link.error_rate(5e7) == pytest.approx((0.01 * true + 0.5 * accidental) / (true + accidental))


def test_without_pairs_there_are_only_accidentals() -> None:
    dark = pairs(dark=1000.0)
    assert dark.error_rate(0.0) == 0.5
    assert dark.rate(0.0) == 0
    assert pairs(dark=0.0).error_rate(0.0) == 0.5


def test_too_bright_a_source_drowns_in_accidentals() -> None:
    rates = pairs(20.0).rate(np.geomspace(1e4, 1e11, 71))
    best = int(np.argmax(rates))
    assert 0 < best < 70
    assert rates[-1] == 0
    assert np.all(np.diff(rates[: best + 1]) > 0)


def test_too_wide_or_too_narrow_a_window_costs_key() -> None:
    windows = np.array([10e-12, 150e-12, 10e-9])
    narrow, good, wide = ContinuousPairs(0.03, 0.03, 100.0, 100.0, 0.0, windows, JITTER, 0.01).rate(1e8)
    assert good > narrow > 0
    assert good > wide


def test_dead_time_keeps_each_detector_below_its_inverse() -> None:
    first, _ = pairs(0.0, dead_time=1e-6).singles(1e12)
    assert first == pytest.approx(DETECTORS / 1e-6, rel=1e-4)
    true, _ = pairs(0.0, dead_time=50e-9).coincidences(1e7)
    assert true < pairs(0.0).coincidences(1e7)[0]


def test_ends_may_differ() -> None:
    link = ContinuousPairs(0.3, 0.003, 10.0, 1000.0, 0.0, WINDOW, JITTER, 0.01)
    first, second = link.singles(1e6)
    assert first == pytest.approx(0.3e6 + 40)
    assert second == pytest.approx(0.003e6 + 4000)


def test_arrays_broadcast() -> None:
    shares = np.array([[0.3], [0.03]])
    rates = ContinuousPairs(0.3, shares, 100.0, 100.0, 50e-9, WINDOW, JITTER, 0.01).rate(np.array([1e6, 1e7, 1e8]))
    assert rates.shape == (2, 3)
    alone = ContinuousPairs(0.3, 0.03, 100.0, 100.0, 50e-9, WINDOW, JITTER, 0.01).rate(1e7)
    assert rates[1, 1] == pytest.approx(float(alone))


@invariant("V9")
@given(loss=st.floats(0, 60), rate=st.floats(3, 9.5), window=st.sampled_from([50e-12, 150e-12, 1e-9]))
def test_v9_a_window_holds_less_than_plob(loss: float, rate: float, window: float) -> None:
    secret = float(pairs(loss, window).rate(10**rate, 1.0, 1.0))
    assert 0 <= secret * window <= plob_bound(10 ** (-loss / 10))


@given(loss=st.floats(0, 50), more=st.floats(0.01, 20), rate=st.floats(4, 8))
def test_rate_falls_with_loss(loss: float, more: float, rate: float) -> None:
    near, far = (float(pairs(each).rate(10**rate, 1.16)) for each in (loss, loss + more))
    assert far <= near * (1 + 1e-9)
