"""Endless blocks: the values of Ma, Qi, Zhao, Lo (PRA 72 012326) for the GYS experiment, and what holds everywhere."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import plob_bound, transmittance
from keytwin.quantum.decoy_asymptotic import Asymptotic, best_intensity, entropy
from tests.marks import invariant

shares = st.floats(0, 0.5)


def gys(kilometres: object) -> Asymptotic:
    eta = 0.045 * transmittance(0.21 * np.asarray(kilometres, dtype=float))
    return Asymptotic(eta, background=1.7e-6, misalignment=0.033, reconciliation=1.22)


@invariant("V1")
@pytest.mark.parametrize(("reconciliation", "intensity"), [(1.22, 0.479), (1.0, 0.544)])
def test_v1_best_intensity_of_gys(reconciliation: float, intensity: float) -> None:
    assert best_intensity(0.033, reconciliation) == pytest.approx(intensity, abs=1e-3)


@invariant("V1")
def test_v1_longest_distance_of_gys() -> None:
    kilometres = np.arange(100.0, 160.0, 0.01)
    reached = kilometres[gys(kilometres).rate(0.48) > 0]
    assert reached[-1] == pytest.approx(142.0, abs=0.1)
    assert len(reached) == np.argmax(kilometres == reached[-1]) + 1, "no key again beyond the longest distance"


@invariant("V1")
def test_v1_rates_of_gys() -> None:
    assert gys([0.0, 50.0]).rate(0.48) == pytest.approx([2.55459e-3, 2.22596e-4], rel=1e-5)


def test_gain_and_error_rate_by_hand() -> None:
    link = Asymptotic(0.1, background=1e-3, misalignment=0.02)
    seen = 1 - np.exp(-0.05)
    assert float(link.gain(0.5)) == pytest.approx(1e-3 + seen)
    assert float(link.error_rate(0.5)) == pytest.approx((0.5e-3 + 0.02 * seen) / (1e-3 + seen))


def test_nothing_detected_is_a_coin_toss() -> None:
    assert float(Asymptotic(0.0, background=0.0, misalignment=0.0).error_rate(0.5)) == 0.5


def test_best_intensity_is_best() -> None:
    """Where dark counts don't matter and the gain is small, as the equation supposes."""
    link = Asymptotic(1e-5, background=0.0, misalignment=0.02, reconciliation=1.16)
    intensities = np.linspace(0.01, 1.0, 991)
    best = intensities[np.argmax(link.rate(intensities))]
    assert best_intensity(0.02, 1.16) == pytest.approx(best, abs=2e-3)


def test_no_intensity_helps_above_the_error_limit() -> None:
    assert best_intensity(0.12, 1.0) == 0.0


@invariant("V22")
@given(eta=st.floats(1e-9, 1), error=st.floats(0.111, 0.5), intensity=st.floats(0.01, 2))
def test_v22_no_key_above_11_percent_errors(eta: float, error: float, intensity: float) -> None:
    assert float(Asymptotic(eta, background=0.0, misalignment=error).rate(intensity)) == 0


@invariant("V9")
@given(
    loss=st.floats(0, 100),
    background=st.floats(0, 1),
    misalignment=shares,
    intensity=st.floats(0, 5),
    reconciliation=st.floats(1, 2),
)
def test_v9_rate_is_never_negative_and_never_above_plob(
    loss: float, background: float, misalignment: float, intensity: float, reconciliation: float
) -> None:
    eta = transmittance(loss)
    link = Asymptotic(eta, background, misalignment, reconciliation, sifting=1.0)
    assert 0 <= link.rate(intensity) <= plob_bound(eta)


@given(background=st.floats(0, 1e-3), misalignment=st.floats(0, 0.1), intensity=st.floats(0.01, 1))
def test_rate_falls_with_loss(background: float, misalignment: float, intensity: float) -> None:
    rates = Asymptotic(transmittance(np.arange(0, 60, 0.5)), background, misalignment, 1.16).rate(intensity)
    assert np.all(np.diff(rates) <= 0)


def test_whole_arrays_give_what_single_numbers_give() -> None:
    etas, intensities = np.array([[0.1], [0.01], [1e-6]]), np.array([0.2, 0.5])
    together = Asymptotic(etas, 1e-6, 0.02, 1.16).rate(intensities)
    assert together.shape == (3, 2)
    apart = [[float(Asymptotic(eta, 1e-6, 0.02, 1.16).rate(mu)) for mu in intensities] for eta in etas[:, 0]]
    assert together == pytest.approx(np.array(apart), rel=1e-12)


@given(shares)
def test_entropy(share: float) -> None:
    assert float(entropy(1 - share)) == 1.0, "a bound beyond one half knows nothing"
    assert 2 * share <= float(entropy(share)) + 1e-12
    assert float(entropy(share)) <= 1
