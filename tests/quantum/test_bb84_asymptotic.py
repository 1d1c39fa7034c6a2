"""BB84 with endless blocks and threshold detectors: a public package's figures, slopes, limits, and what must hold."""

from __future__ import annotations

from itertools import product

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.bb84_asymptotic import Bb84
from keytwin.quantum.channel import plob_bound, transmittance
from keytwin.quantum.decoy_asymptotic import Asymptotic
from tests.marks import invariant

INTENSITIES = np.geomspace(1e-6, 1.0, 400)

links = st.builds(
    Bb84,
    transmittance=st.floats(1e-9, 1),
    dark_count=st.floats(0, 0.5),
    misalignment=st.floats(0, 0.5),
    reconciliation=st.floats(1, 2),
    sifting=st.just(1.0),
)


def clean(loss: object) -> Bb84:
    """Return a link without dark counts."""
    return Bb84(transmittance(np.asarray(loss, dtype=float)), dark_count=0.0, misalignment=0.01, reconciliation=1.16)


def rates(link: Bb84, intensity: object) -> list[np.ndarray]:
    return [link.single_photon_rate(), link.decoy_rate(intensity), link.no_decoy_rate(intensity)]  # type: ignore[arg-type]  # floats or arrays


def slope(rate: np.ndarray, decibels: float) -> float:
    return float(np.log10(rate[1] / rate[0]) / decibels)


@invariant("V3")
@pytest.mark.parametrize(
    ("loss", "gain", "error_rate", "rate"),
    [(0.0, 9.5180679e-2, 1.5109001e-2, 4.30813576e-2), (20.0, 1.0194801e-3, 2.4509853e-2, 3.69470386e-4)],
)
def test_v3_gain_error_rate_and_rate_of_a_public_package(
    loss: float, gain: float, error_rate: float, rate: float
) -> None:
    """tno-quantum-communication-qkd-key-rate 2.0.4, BB84 with endless decoys."""
    link = Bb84(0.2 * transmittance(loss), dark_count=1e-5, misalignment=0.015, sifting=1.0)
    assert float(link.gain(0.5)) == pytest.approx(gain, rel=1e-6)
    assert float(link.error_rate(0.5)) == pytest.approx(error_rate, rel=1e-6)
    assert float(link.decoy_rate(0.5)) == pytest.approx(rate, rel=1e-6)


@invariant("V10")
@pytest.mark.parametrize("loss", [20.0, 40.0, 60.0])
def test_v10_rate_falls_with_the_transmittance(loss: float) -> None:
    link = clean([loss, loss + 10])
    assert slope(link.single_photon_rate(), 10) == pytest.approx(-0.1, rel=0.02)
    assert slope(link.decoy_rate(0.5), 10) == pytest.approx(-0.1, rel=0.02)


@invariant("V10")
@pytest.mark.parametrize("loss", [20.0, 40.0])
def test_v10_without_decoy_the_rate_falls_twice_as_fast(loss: float) -> None:
    best = [clean(each).no_decoy_rate(INTENSITIES).max() for each in (loss, loss + 10)]
    assert slope(np.array(best), 10) == pytest.approx(-0.2, rel=0.02)


def test_without_decoy_the_best_intensity_is_near_the_transmittance() -> None:
    """Where nothing errs, (Q - p) = eta mu - mu^2 / 2 is largest at mu = eta."""
    rate = Bb84(1e-3, dark_count=0.0, misalignment=0.0).no_decoy_rate(INTENSITIES)
    assert INTENSITIES[np.argmax(rate)] == pytest.approx(1e-3, rel=0.04)
    assert rate.max() == pytest.approx(0.5 * 1e-6 / 2, rel=0.01)


def test_single_photons_by_hand() -> None:
    """All that can happen to one photon and two dark counts."""
    eta, dark, turned = 0.3, 0.05, 0.1
    gain = wrong = 0.0
    for place, first, second in product(("right", "wrong", "lost"), (False, True), (False, True)):
        chance = {"right": eta * (1 - turned), "wrong": eta * turned, "lost": 1 - eta}[place]
        chance *= (dark if first else 1 - dark) * (dark if second else 1 - dark)
        right_clicks, wrong_clicks = first or place == "right", second or place == "wrong"
        gain += chance * (right_clicks or wrong_clicks)
        wrong += chance * wrong_clicks * (0.5 if right_clicks else 1.0)
    link = Bb84(eta, dark, turned)
    assert float(link.photon_gain()) == pytest.approx(gain)
    assert float(link.photon_error_rate()) == pytest.approx(wrong / gain)


@given(links, st.floats(1e-6, 3))
def test_a_coherent_pulse_is_a_mixture_of_photon_numbers(link: Bb84, mu: float) -> None:
    """At most one photon, or more: gain and errors of the whole lie between those of the parts."""
    empty = 1 - (1 - link.dark_count) ** 2  # type: ignore[operator]  # a number here
    least = empty * np.exp(-mu) + mu * np.exp(-mu) * float(link.photon_gain())
    assert least - 1e-12 <= float(link.gain(mu)) <= least + 1 - (1 + mu) * np.exp(-mu) + 1e-12


def test_few_dark_counts_are_those_of_the_paper() -> None:
    """The two models differ in the second order of the dark counts, and in the share of empty pulses."""
    exact = Bb84(0.01, dark_count=1e-9, misalignment=0.02, reconciliation=1.16)
    paper = Asymptotic(0.01, background=2e-9, misalignment=0.02, reconciliation=1.16)
    assert float(exact.decoy_rate(0.5)) == pytest.approx(float(paper.rate(0.5)), rel=2e-3)
    assert float(exact.gain(0.5)) == pytest.approx(float(paper.gain(0.5)), rel=1e-6)


def test_nothing_detected_is_a_coin_toss() -> None:
    dark = Bb84(0.0, dark_count=0.0, misalignment=0.0)
    assert float(dark.error_rate(0.5)) == float(dark.photon_error_rate()) == 0.5
    assert [float(rate) for rate in rates(dark, 0.5)] == [0, 0, 0]


def test_precision_at_large_loss() -> None:
    link = Bb84(1e-17, dark_count=0.0, misalignment=0.0)
    assert float(link.gain(0.5)) == pytest.approx(5e-18, rel=1e-12)
    assert float(link.single_photon_rate()) == pytest.approx(5e-18, rel=1e-12)


@invariant("V22")
@given(eta=st.floats(1e-9, 1), error=st.floats(0.111, 0.5), intensity=st.floats(1e-6, 2))
def test_v22_no_key_above_11_percent_errors(eta: float, error: float, intensity: float) -> None:
    assert [float(rate) for rate in rates(Bb84(eta, 0.0, error), intensity)] == [0, 0, 0]


@invariant("V9")
@given(link=links, intensity=st.floats(1e-6, 5))
def test_v9_rates_are_never_negative_and_never_above_plob(link: Bb84, intensity: float) -> None:
    for rate in rates(link, intensity):
        assert 0 <= rate <= plob_bound(link.transmittance)


@given(link=links, intensity=st.floats(1e-6, 3))
def test_no_decoy_never_beats_endless_decoys_nor_a_laser_a_photon(link: Bb84, intensity: float) -> None:
    single, decoy, none = (float(rate) for rate in rates(link, intensity))
    assert none <= decoy + 1e-15
    assert decoy <= single + 1e-15


@given(dark_count=st.floats(0, 1e-3), misalignment=st.floats(0, 0.1), intensity=st.floats(0.01, 1))
def test_rates_fall_with_loss(dark_count: float, misalignment: float, intensity: float) -> None:
    link = Bb84(transmittance(np.arange(0, 60, 0.5)), dark_count, misalignment, 1.16)
    for rate in rates(link, intensity):
        assert np.all(np.diff(rate) <= 0)


def test_whole_arrays_give_what_single_numbers_give() -> None:
    etas, intensities = np.array([[0.1], [0.01], [1e-6]]), np.array([0.2, 0.5])
    together = Bb84(etas, 1e-6, 0.02, 1.16).decoy_rate(intensities)
    assert together.shape == (3, 2)
    apart = [[float(Bb84(eta, 1e-6, 0.02, 1.16).decoy_rate(mu)) for mu in intensities] for eta in etas[:, 0]]
    assert together == pytest.approx(np.array(apart), rel=1e-12)
