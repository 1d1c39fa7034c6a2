"""The twin's physics: draws agree with the expected rate, and nothing but chance separates two blocks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.channel import plob_bound
from keytwin.quantum.decoy_asymptotic import Asymptotic
from keytwin.quantum.decoy_bb84 import Settings
from keytwin.quantum.decoy_device import decoy_link
from keytwin.quantum.link import DistilledBlock
from keytwin.quantum.two_decoys import TwoDecoyEstimator
from keytwin.vocabulary.units import Bits, Duration, Hertz, in_seconds, seconds
from tests.marks import invariant
from tests.quantum.shipped import chance, generic, lossy, shipped

BLOCKS = 2_000


def twenty_kilometres() -> Bb84Link:
    return decoy_link(generic(), lossy(4.0))


def drawn(link: Bb84Link, blocks: int = BLOCKS, seed: int = 1) -> list[DistilledBlock]:
    generator = chance(seed)
    return [link.draw_block(generator) for _ in range(blocks)]


@invariant("V18")
@pytest.mark.parametrize("loss", [0.0, 4.0, 12.0, 18.0, 19.5, 19.9])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(loss: float) -> None:
    """From no loss to where every fourth block gives no key at all."""
    link = decoy_link(generic(), lossy(loss))
    blocks = drawn(link)
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - link.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - link.rate().qber) < 4 * error


@invariant("V18")
def test_v18_the_spread_of_the_draws_is_the_expected_one() -> None:
    link = twenty_kilometres()
    lengths = [block.secret for block in drawn(link)]
    _, deviation = link.outlook()
    assert np.std(lengths) == pytest.approx(deviation, rel=0.08)  # 4 sigma of a standard deviation of 2,000 values


def test_the_same_generator_state_gives_the_same_blocks() -> None:
    link = twenty_kilometres()
    assert drawn(link, 20) == drawn(link, 20)
    assert drawn(link, 20) != drawn(link, 20, seed=2)


def test_a_block_lasts_as_long_as_its_pulses() -> None:
    device = generic(clock=Hertz(5e8), block_time=seconds(0.5))
    link = decoy_link(device, lossy(4.0))
    assert link.pulses == 250_000_000
    assert {block.duration for block in drawn(link, 10)} == {link.block_time} == {500_000_000}


def test_a_block_is_made_of_whole_bits_within_what_was_sifted() -> None:
    for block in drawn(twenty_kilometres(), 50):
        assert isinstance(block.secret, int)
        assert isinstance(block.sifted, int)
        assert 0 < block.secret < block.sifted
        assert 0 < block.qber < 0.11


def test_a_cut_fibre_gives_errors_and_no_key() -> None:
    """A change in the world is another model of the same link: the two ends keep their settings and see coin tosses."""
    link = twenty_kilometres()
    cut = replace(link, optics=replace(link.optics, transmittance=0.0))
    assert cut.rate().secret == pytest.approx(0, abs=1e-9)
    for block in drawn(cut, 50):
        assert block.secret == 0
        assert block.qber == pytest.approx(0.5, abs=0.1)


def test_blind_detectors_give_empty_blocks() -> None:
    link = twenty_kilometres()
    blind = replace(link, optics=replace(link.optics, transmittance=0.0, dark_count=0.0))
    assert drawn(blind, 1) == [DistilledBlock(link.block_time, secret=Bits(0), qber=0.5, sifted=Bits(0))]
    assert blind.rate().secret == 0


def test_an_intercepting_eavesdropper_shows_in_the_errors() -> None:
    """Intercept and resend of a share p moves the error rate by p / 4; the two ends are told nothing else."""
    link = twenty_kilometres()
    tapped = replace(link, optics=replace(link.optics, misalignment=link.optics.misalignment + 0.25 * 0.4))
    assert drawn(tapped, 1)[0].qber == pytest.approx(drawn(link, 1)[0].qber + 0.1, abs=0.01)
    assert drawn(tapped, 1)[0].secret == 0


@invariant("V9")
@given(loss=st.floats(0, 18), clock=st.sampled_from([1e8, 1e9, 1e10]), minutes=st.sampled_from([1, 60]))
def test_v9_rate_stays_below_plob_and_below_endless_blocks(loss: float, clock: float, minutes: int) -> None:
    settings = {
        "signal_intensity": 0.46,
        "decoy_intensity": 0.22,
        "signal_share": 0.3,
        "decoy_share": 0.5,
        "key_basis_share": 0.8,
    }
    link = decoy_link(generic(clock=Hertz(clock), block_time=seconds(60 * minutes), **settings), lossy(loss))
    rate = link.rate().secret
    eta = 10 ** (-loss / 10)
    assert 0 < rate <= clock * plob_bound(eta)
    optics = link.optics
    endless = Asymptotic(optics.transmittance, 2 * optics.dark_count, optics.misalignment, 1.0, sifting=1.0)
    assert rate < clock * endless.rate(np.linspace(0.05, 1, 20)).max()


def test_rate_falls_with_loss_and_never_below_zero() -> None:
    rates = [decoy_link(generic(), lossy(float(loss))).rate().secret for loss in range(0, 20, 2)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


def test_dead_time_costs_key() -> None:
    blind = decoy_link(generic(dead_time=Duration(100)), lossy(4.0))
    assert blind.rate().secret < twenty_kilometres().rate().secret / 1.5


def test_best_settings_beat_those_of_another_distance() -> None:
    near = twenty_kilometres().estimator.settings
    device = shipped("generic-decoy-bb84")
    far = decoy_link(device, lossy(12.0))
    assert isinstance(far.estimator, TwoDecoyEstimator)
    assert isinstance(near, Settings)
    misfit = replace(far, estimator=replace(far.estimator, settings=near))
    assert misfit.rate().secret < far.rate().secret
