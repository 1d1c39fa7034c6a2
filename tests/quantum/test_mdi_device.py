"""From a device with a measuring relay to a link: best settings, draws, reach."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.channel import plob_bound, transmittance
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_device import MDI_TRAITS, mdi_link
from keytwin.quantum.mdi_estimator import MdiEstimator
from keytwin.quantum.mdi_optimum import best_mdi_settings
from keytwin.quantum.protocols import PROTOCOLS
from keytwin.quantum.relay_link import arms, promised, pulse_pairs
from keytwin.quantum.traits import Threat
from keytwin.vocabulary.device_relay import MdiDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels, in_seconds, minutes
from tests.marks import invariant
from tests.quantum.shipped import chance, lossy, shipped

BLOCKS = 500


def device(**changes: object) -> MdiDevice:
    found = shipped("generic-mdi")
    assert isinstance(found, MdiDevice)
    return replace(found, **changes)  # type: ignore[arg-type]  # any field may be changed


def link(loss: float, **changes: object) -> CountedLink:
    return mdi_link(device(**changes), lossy(loss))


def optics(loss: float) -> RelayOptics:
    near, far = arms(device(), Decibels(loss))
    return RelayOptics(near, far, device().dark_count, device().misalignment)


def estimator(model: CountedLink) -> MdiEstimator:
    assert isinstance(model.estimator, MdiEstimator)
    return model.estimator


@invariant("V18")
@pytest.mark.parametrize("loss", [4.0, 20.0, 25.0])
def test_v18_the_mean_of_the_draws_is_the_expected_rate(loss: float) -> None:
    model, generator = link(loss), chance()
    blocks = [model.draw_block(generator) for _ in range(BLOCKS)]
    mean, error = mean_and_error([block.secret / in_seconds(block.duration) for block in blocks])
    assert abs(mean - model.rate().secret) < 4 * error
    mean, error = mean_and_error([block.qber for block in blocks])
    assert abs(mean - model.rate().qber) < 4 * error


@invariant("V9")
def test_v9_stays_below_plob_and_falls_with_loss() -> None:
    rates = [link(float(loss)).rate().secret for loss in (1, 4, 8, 16, 24)]
    assert rates == sorted(rates, reverse=True)
    bounds = [device().clock * float(plob_bound(transmittance(loss))) for loss in (1, 4, 8, 16, 24)]
    assert all(0 < rate < bound for rate, bound in zip(rates, bounds, strict=True))


def test_best_settings_beat_those_of_another_distance() -> None:
    far = link(24.0)
    settings = estimator(link(4.0)).settings
    near = replace(estimator(far), settings=settings)
    misfit = replace(far, estimator=near, cells=settings.cells(optics(24.0)))
    assert misfit.rate().secret < far.rate().secret


def test_a_relay_off_the_middle_costs_key_and_decoys_make_up_for_some() -> None:
    middle, aside = link(16.0), link(16.0, relay_position=0.25)
    assert 0 < aside.rate().secret < middle.rate().secret
    assert aside.rate().secret == pytest.approx(link(16.0, relay_position=0.75).rate().secret, rel=0.02)
    settings = best_mdi_settings(optics(16.0), promised(device()), pulse_pairs(device()))
    assert settings.tilt == 1
    near, far = estimator(aside).settings.pair(0.1)
    assert far / near == pytest.approx(10**0.8), "the nearer end sends fainter decoys: all arrive alike"


@pytest.mark.slow
def test_too_much_loss_names_the_detections_and_the_reach() -> None:
    with pytest.raises(Mistake) as caught:
        link(32.0)
    assert "device generic-mdi gives no key at 32.0 dB: a block of 1 min would hold about" in str(caught.value)
    assert "it reaches 26." in str(caught.value)
    assert link(32.0, block_time=minutes(600)).rate().secret > 0


def test_noise_is_named_where_it_is_the_cause() -> None:
    with pytest.raises(Mistake, match=r"of what is detected would be wrong, and above 11.0% there is no key; not even"):
        link(4.0, misalignment=0.2)


def test_a_cut_fibre_gives_errors_and_no_key() -> None:
    """The two ends keep their settings and see nothing but coincidences of dark counts."""
    model = link(4.0)
    settings = estimator(model).settings
    dark = replace(model, cells=settings.cells(replace(optics(4.0), near=0.0, far=0.0, dark_count=1e-4)))
    block = dark.draw_block(chance())
    assert block.secret == 0
    assert block.qber == pytest.approx(0.5, abs=0.1)
    assert dark.rate().secret == pytest.approx(0, abs=1e-9)


def test_the_registry_knows_it() -> None:
    assert PROTOCOLS["mdi"].traits is MDI_TRAITS
    assert MDI_TRAITS.is_repeaterless, "its rate stays below that of a direct link"
    assert Threat.BLINDING in MDI_TRAITS.threats
