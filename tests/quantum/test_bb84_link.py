"""Links with one decoy, none, or single photons: draws agree with the expected rate, which no bound forbids."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.bb84_asymptotic import Bb84
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.channel import plob_bound, transmittance
from keytwin.quantum.link import DistilledBlock
from keytwin.quantum.protocols import link_model
from keytwin.vocabulary.units import Bits, Hertz, in_seconds, seconds
from tests.marks import invariant
from tests.quantum.family import NAMES, SETTINGS, device, link
from tests.quantum.shipped import chance, lossy, shipped

BLOCKS = 2_000


def drawn(model: Bb84Link, blocks: int = BLOCKS, seed: int = 1) -> list[DistilledBlock]:
    generator = chance(seed)
    return [model.draw_block(generator) for _ in range(blocks)]


@invariant("V18")
@pytest.mark.parametrize(
    ("name", "loss"),
    [
        *(("generic-no-decoy-bb84", loss) for loss in (0.0, 4.0, 8.0, 9.0)),
        *(("generic-one-decoy-bb84", loss) for loss in (0.0, 20.0, 35.0, 35.7)),
        *(("generic-single-photon-bb84", loss) for loss in (0.0, 10.0, 18.0, 20.5)),
    ],
)
def test_v18_the_mean_of_the_draws_is_the_expected_rate(name: str, loss: float) -> None:
    """From no loss to where some blocks give no key at all."""
    model = link(name, loss)
    blocks = drawn(model)
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


@invariant("V18")
@pytest.mark.parametrize("name", NAMES)
def test_v18_the_spread_of_the_draws_is_the_expected_one(name: str) -> None:
    """Where few pulses are detected, so that the counts are Poisson."""
    model = link(name, 8.0)
    lengths = [block.secret for block in drawn(model)]
    assert np.std(lengths) == pytest.approx(model.outlook()[1], rel=0.08)  # 4 sigma of a deviation of 2,000 values


@pytest.mark.parametrize("name", NAMES)
def test_the_same_generator_state_gives_the_same_blocks(name: str) -> None:
    assert drawn(link(name), 20) == drawn(link(name), 20)
    assert drawn(link(name), 20) != drawn(link(name), 20, seed=2)


@pytest.mark.parametrize("name", NAMES)
def test_a_block_is_made_of_whole_bits_within_what_was_sifted(name: str) -> None:
    model = link(name)
    for block in drawn(model, 50):
        assert isinstance(block.secret, int)
        assert isinstance(block.sifted, int)
        assert 0 < block.secret < block.sifted
        assert 0 < block.qber < 0.11
        assert block.duration == model.block_time


@pytest.mark.parametrize("name", NAMES)
def test_a_cut_fibre_gives_errors_and_no_key(name: str) -> None:
    """A change in the world is another model of the same link: the two ends keep their settings and see coin tosses."""
    model = link(name)
    cut = replace(model, optics=replace(model.optics, transmittance=0.0, dark_count=1e-5))
    assert cut.rate().secret == pytest.approx(0, abs=1e-9)
    for block in drawn(cut, 50):
        assert block.secret == 0
        assert block.qber == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("name", NAMES)
def test_blind_detectors_give_empty_blocks(name: str) -> None:
    model = link(name)
    blind = replace(model, optics=replace(model.optics, transmittance=0.0, dark_count=0.0))
    assert drawn(blind, 1) == [DistilledBlock(model.block_time, secret=Bits(0), qber=0.5, sifted=Bits(0))]
    assert blind.rate().secret == 0


@pytest.mark.parametrize("name", NAMES)
def test_an_intercepting_eavesdropper_shows_in_the_errors(name: str) -> None:
    """Intercept and resend of a share p moves the error rate by p / 4; the two ends are told nothing else."""
    model = link(name)
    tapped = replace(model, optics=replace(model.optics, misalignment=model.optics.misalignment + 0.25 * 0.4))
    assert drawn(tapped, 1)[0].qber == pytest.approx(drawn(model, 1)[0].qber + 0.1, abs=0.012)
    assert drawn(tapped, 1)[0].secret == 0


@invariant("V9")
@pytest.mark.parametrize("name", NAMES)
@given(loss=st.floats(0, 3), clock=st.sampled_from([1e8, 1e9]), minutes=st.sampled_from([1, 60]))
def test_v9_rate_stays_below_plob(name: str, loss: float, clock: float, minutes: int) -> None:
    model = link(name, loss, clock=Hertz(clock), block_time=seconds(60 * minutes), **SETTINGS[name])
    assert 0 < model.rate().secret <= clock * plob_bound(transmittance(loss))


@invariant("V9")
@pytest.mark.parametrize("loss", [0.0, 5.0, 8.0])
def test_v9_finite_blocks_stay_below_endless_ones(loss: float) -> None:
    """With the same optics, perfect reconciliation and all pulses sent for the key."""
    for name in NAMES:
        made = device(name, dead_time=seconds(0), afterpulse=0.0)
        eta = made.detection_efficiency * transmittance(loss)
        endless = Bb84(eta, made.dark_count, made.misalignment, sifting=1.0)
        mu = np.geomspace(1e-3, 1.0, 100)
        most = {
            NAMES[0]: endless.no_decoy_rate(mu).max(),
            NAMES[1]: endless.decoy_rate(mu).max(),
            NAMES[2]: float(endless.single_photon_rate()),
        }
        model = link(name, loss, dead_time=seconds(0), afterpulse=0.0)
        assert 0 < model.rate().secret < made.clock * most[name]


@pytest.mark.parametrize(("name", "step"), [*zip(NAMES, (1.0, 4.0, 2.0), strict=True)])
def test_rate_falls_with_loss_and_never_below_zero(name: str, step: float) -> None:
    rates = [link(name, step * count).rate().secret for count in range(9)]
    assert rates == sorted(rates, reverse=True)
    assert rates[-1] > 0


@pytest.mark.parametrize(("name", "far"), [*zip(NAMES, (8.0, 20.0, 18.0), strict=True)])
def test_best_settings_beat_those_of_another_distance(name: str, far: float) -> None:
    near, best = link(name, 0.0), link(name, far)
    misfit = replace(best, estimator=near.estimator)
    assert misfit.rate().secret < best.rate().secret


def test_without_decoys_the_same_hardware_gives_less() -> None:
    decoy = link_model(shipped("generic-decoy-bb84"), lossy(4.0))
    assert link("generic-no-decoy-bb84").rate().secret < decoy.rate().secret / 10
