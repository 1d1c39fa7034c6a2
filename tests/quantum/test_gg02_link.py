"""Blocks of GG02: the draws agree with the expected rate, and finite blocks cost key."""

from __future__ import annotations

from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.channel import plob_bound
from keytwin.quantum.gg02 import Detection, GaussianLink
from keytwin.quantum.gg02_estimator import Fit, Gg02Estimator, Receiver
from keytwin.quantum.gg02_link import Gg02Link
from keytwin.vocabulary.units import seconds
from tests.marks import invariant
from tests.quantum.shipped import chance

BOTH = tuple(Detection)


def estimator(
    detection: Detection = Detection.HOMODYNE, symbols: float = 1e8, modulation: float = 5.0
) -> Gg02Estimator:
    receiver = Receiver(0.606, 0.041, detection)
    return Gg02Estimator(receiver, modulation, 0.95, symbols / 2, symbols / 2, 1e-10, 1e-15)


def link(detection: Detection = Detection.HOMODYNE, loss: float = 4.0, symbols: float = 1e8) -> Gg02Link:
    return Gg02Link(10 ** (-loss / 10), 0.005, estimator(detection, symbols), seconds(10))


@invariant("V18")
@pytest.mark.parametrize("detection", BOTH)
@pytest.mark.parametrize("loss", [0.5, 4.0, 10.0, 12.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(detection: Detection, loss: float) -> None:
    model, generator = link(detection, loss), chance()
    blocks = [model.draw_block(generator) for _ in range(400)]
    mean, error = mean_and_error([block.secret / 10 for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    if loss < 10:  # beyond, excess noise is often found below 0, and counts as none
        mean, error = mean_and_error([block.qber for block in blocks])
        assert abs(mean - model.rate().qber) < 4 * error


@pytest.mark.parametrize("detection", BOTH)
def test_the_fit_of_real_symbols_has_the_spread_that_is_drawn(detection: Detection) -> None:
    """Send, lose and measure each symbol, fit as the two ends do, and compare with the sufficient statistics."""
    symbols, repeats = 2_000, 300
    made = replace(estimator(detection), disclosed=float(symbols))
    model = Gg02Link(0.4, 0.05, made, seconds(10))
    truth = model._fit()
    values = symbols * made.receiver.quadratures
    generator = chance()
    sent = generator.normal(0.0, sqrt(made.modulation), (repeats, values))
    seen = truth.amplitude * sent + generator.normal(0.0, sqrt(truth.noise), (repeats, values))
    amplitude = (sent * seen).sum(axis=1) / (sent * sent).sum(axis=1)
    noise = ((seen - amplitude[:, None] * sent) ** 2).mean(axis=1)
    spread = made.spread(truth.noise)
    tolerance = 4 / sqrt(2 * repeats)
    assert np.std(amplitude) == pytest.approx(spread.amplitude, rel=tolerance)
    assert np.std(noise) == pytest.approx(spread.noise, rel=tolerance)
    assert np.mean(noise) == pytest.approx(truth.noise, abs=4 * spread.noise / sqrt(repeats) + truth.noise / values)


@pytest.mark.parametrize("detection", BOTH)
def test_a_fit_tells_the_channel(detection: Detection) -> None:
    receiver = Receiver(0.606, 0.041, detection)
    share, excess = receiver.channel(receiver.amplitude(0.3), receiver.noise(0.3, 0.02))
    assert share == pytest.approx(0.3)
    assert excess == pytest.approx(0.02)
    assert receiver.channel(-0.01, 1.0) == (0.0, 0.0)


@pytest.mark.parametrize("detection", BOTH)
def test_the_noise_of_a_fit_is_that_of_the_formula(detection: Detection) -> None:
    """The signal-to-noise ratio of a fit gives the mutual information of `gg02`."""
    receiver = Receiver(0.606, 0.041, detection)
    ratio = receiver.amplitude(0.3) ** 2 * 5.0 / receiver.noise(0.3, 0.02)
    information = receiver.quadratures * np.log2(1 + ratio) / 2
    assert information == pytest.approx(GaussianLink(0.3, 0.02, 5.0, 0.606, 0.041, detection).mutual_information())


@pytest.mark.parametrize("detection", BOTH)
def test_an_endless_block_gives_the_asymptotic_rate(detection: Detection) -> None:
    endless = link(detection, 4.0, symbols=1e15)
    asymptotic = GaussianLink(10**-0.4, 0.005, 5.0, 0.606, 0.041, detection).rate(0.95)
    assert endless.rate().secret * 10 / 5e14 == pytest.approx(float(asymptotic), rel=1e-3)


@invariant("V22")
def test_v22_no_key_when_the_finite_size_term_dominates() -> None:
    rates = [link(loss=8.0, symbols=symbols).outlook()[0] / symbols for symbols in (1e4, 1e6, 1e8, 1e10)]
    assert rates == sorted(rates)
    assert rates[0] < 0 < rates[-1]
    assert link(loss=8.0, symbols=1e4).draw_block(chance()).secret == 0


def test_worst_case_excess_noise_covers_the_truth_nearly_always() -> None:
    """Of many fits, hardly one bounds the truth from the wrong side; 6.5 deviations are far beyond this sample."""
    made = replace(estimator(), secrecy=0.02)
    model = Gg02Link(0.4, 0.05, made, seconds(10))
    truth, generator = model._fit(), chance()
    spread = made.spread(truth.noise)
    fits = generator.normal(truth.noise, spread.noise, 20_000)
    missed = np.mean(fits + made._deviations * spread.noise < truth.noise)
    assert missed == pytest.approx(0.02 / 4, abs=4 * sqrt(0.005 / 20_000))


def test_a_cut_fibre_shows_and_gives_no_key() -> None:
    cut = replace(link(), transmittance=0.0)
    assert cut.rate().secret == pytest.approx(0, abs=1e-9)
    block = cut.draw_block(chance())
    assert (block.secret, block.qber) == (0, 0.5)


def test_interception_shows_as_it_would_in_bb84() -> None:
    """Intercept and resend of all symbols adds two units of excess noise here, 25 % of errors there."""
    tapped = replace(link(), excess_noise=0.005 + 2.0)
    assert tapped.rate().qber == pytest.approx(link().rate().qber + 0.25)
    assert tapped.draw_block(chance()).secret == 0


def test_the_same_generator_state_gives_the_same_blocks() -> None:
    assert link().draw_block(chance(3)) == link().draw_block(chance(3)) != link().draw_block(chance(4))


@given(amplitude=st.floats(-1, 1), noise=st.floats(0.1, 5), detection=st.sampled_from(BOTH))
def test_any_fit_gives_a_length_and_an_error_rate(amplitude: float, noise: float, detection: Detection) -> None:
    """What the ends see may be impossible in nature; the estimation must not fall over it."""
    made = estimator(detection)
    assert made.signed_length(Fit(amplitude, noise)) < made.key_symbols * 4 * pi
    assert 0 <= made.error_rate(Fit(amplitude, noise)) <= 0.5


@invariant("V9")
@given(loss=st.floats(0.05, 14), symbols=st.sampled_from([1e7, 1e9]), detection=st.sampled_from(BOTH))
def test_v9_blocks_stay_below_plob(loss: float, symbols: float, detection: Detection) -> None:
    rate = link(detection, loss, symbols).rate().secret * 10 / symbols
    assert 0 <= rate <= plob_bound(10 ** (-loss / 10))


@given(
    share=st.floats(3e-3, 1), excess=st.floats(0, 0.2), modulation=st.floats(0.05, 100), efficiency=st.floats(0.2, 1),
    electronics=st.floats(0, 0.2), detection=st.sampled_from(BOTH),
)  # fmt: skip
def test_plain_numbers_give_what_the_arrays_give(
    share: float, excess: float, modulation: float, efficiency: float, electronics: float, detection: Detection
) -> None:
    receiver = Receiver(efficiency, electronics, detection)
    made = Gg02Estimator(receiver, modulation, 0.95, 1e8, 1e8, 1e-10, 1e-15)
    arrays = GaussianLink(share, excess, modulation, efficiency, electronics, detection)
    shared, known = made.information(share, excess)
    assert shared == pytest.approx(float(arrays.mutual_information()), abs=1e-10)
    # A pure mode costs digits in both: G rises steeply from 0.
    assert known == pytest.approx(float(arrays.holevo()), abs=1e-6)
