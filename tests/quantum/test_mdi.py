"""Measurement-device-independent QKD with endless decoys, held against the literature and against itself."""

from __future__ import annotations

from math import exp

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import i0

from keytwin.quantum.channel import plob_bound, transmittance
from keytwin.quantum.mdi import RelayOptics, bessel_excess
from tests.marks import invariant

INTENSITIES = np.linspace(0.02, 1.0, 400)


def lo_curty_qi(kilometres: float) -> RelayOptics:
    """Return the parameters of Lo, Curty, Qi, Fig. 2, with the relay in the middle of fibre at 0.2 dB/km."""
    arm = 0.145 * float(transmittance(0.2 * kilometres / 2))
    return RelayOptics(arm, arm, 6.02e-6, 0.015)


def best(optics: RelayOptics, reconciliation: float = 1.16) -> float:
    return float(optics.rate(INTENSITIES, INTENSITIES, reconciliation).max())


@invariant("V8")
@pytest.mark.parametrize(("kilometres", "rate"), [(0.0, 5.715e-4), (50.0, 5.182e-5)])
def test_v8_rates_of_lo_curty_qi(kilometres: float, rate: float) -> None:
    assert best(lo_curty_qi(kilometres)) == pytest.approx(rate, rel=1e-3)


@invariant("V8")
def test_v8_reach_of_lo_curty_qi() -> None:
    assert best(lo_curty_qi(190.0)) > 0
    assert best(lo_curty_qi(230.0)) == 0


@invariant("V10")
def test_v10_the_rate_falls_by_a_decade_in_ten_decibels() -> None:
    rates = [best(RelayOptics(arm, arm, 0.0, 0.015)) for arm in (1e-2, 1e-3)]  # 20 dB of the whole channel apart
    assert np.log10(rates[1] / rates[0]) / 20 == pytest.approx(-0.1, rel=0.02)


@invariant("V9")
@given(loss=st.floats(0, 60), position=st.floats(0, 1), mu=st.floats(1e-3, 2), dark=st.floats(0, 1e-3))
def test_v9_stays_below_plob(loss: float, position: float, mu: float, dark: float) -> None:
    near, far = float(transmittance(loss * position)), float(transmittance(loss * (1 - position)))
    rate = RelayOptics(near, far, dark, 0.0).rate(mu, mu)
    assert 0 <= rate <= plob_bound(transmittance(loss))


@given(
    near=st.floats(1e-6, 1), far=st.floats(1e-6, 1), dark=st.floats(0, 0.1), wrong=st.floats(0, 0.5), mu=st.floats(0, 2)
)
def test_gains_are_probabilities_and_errors_part_of_them(
    near: float, far: float, dark: float, wrong: float, mu: float
) -> None:
    optics = RelayOptics(near, far, dark, wrong)
    for gain, erroneous in (optics.rectilinear(mu, mu), optics.diagonal(mu, mu), optics.single()):
        assert -1e-15 <= erroneous <= gain * (1 + 1e-9) + 1e-15
        assert gain <= 1


@given(mu=st.floats(0.01, 1), arm=st.floats(0.01, 0.9))
def test_formulae_are_those_of_the_paper(mu: float, arm: float) -> None:
    """Where nothing cancels, the paper's own form of the diagonal gain gives the same."""
    dark, turned = 1e-4, 0.02
    gain, wrong = RelayOptics(arm, arm / 2, dark, turned).diagonal(mu, mu)
    one, other = arm * mu, arm * mu / 2
    x, y = np.sqrt(one * other) / 2, (1 - dark) * exp(-(one + other) / 4)
    paper = 2 * y * y * (1 + 2 * y * y - 4 * y * i0(x) + i0(2 * x))
    assert gain == pytest.approx(paper, rel=1e-6, abs=1e-13)
    assert wrong == pytest.approx(0.5 * paper - 2 * (0.5 - turned) * y * y * (i0(2 * x) - 1), rel=1e-6, abs=1e-13)


def test_faint_pulses_show_their_single_photons() -> None:
    """To lowest order in the intensity, coherent pulses less their empty parts are single photons in either basis."""
    optics = RelayOptics(0.1, 0.3, 1e-5, 0.02)
    seen, erroneous = optics.single()
    near, far = np.array([1e-4, 1e-4, 0.0, 0.0]), np.array([1e-4, 0.0, 1e-4, 0.0])
    for gains in (optics.rectilinear(near, far), optics.diagonal(near, far)):
        both, first, second, none = gains[0] * np.exp(near + far)
        assert both - first - second + none == pytest.approx(1e-8 * float(seen), rel=2e-3)
    wrongs = optics.diagonal(near, far)[1] * np.exp(near + far)
    assert wrongs[0] - wrongs[1] - wrongs[2] + wrongs[3] == pytest.approx(1e-8 * float(erroneous), rel=1e-2)


def test_series_of_the_bessel_function() -> None:
    arguments = np.array([0.5, 2.0, 10.0])
    assert bessel_excess(arguments) == pytest.approx(i0(arguments) - 1, rel=1e-12)
    assert bessel_excess(np.array(1e-9)) == pytest.approx(0.25e-18, rel=1e-12)


def test_rate_falls_with_loss_and_error_and_never_below_zero() -> None:
    rates = [best(lo_curty_qi(float(length))) for length in range(0, 300, 20)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] == 0
    assert RelayOptics(0.1, 0.1, 1e-6, 0.12).rate(0.3, 0.3) == 0


def test_arrays_broadcast() -> None:
    optics = RelayOptics(np.array([0.1, 0.2])[:, None], 0.1, 1e-6, np.array([0.01, 0.02, 0.03]))
    assert optics.rate(0.5, 0.4).shape == (2, 3)
