"""What a link is told to give: the same numbers that its model holds, and none that it does not."""

from __future__ import annotations

import math

import pytest

import keytwin
from keytwin.files.library import device_names
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.decoy_bb84 import Settings
from keytwin.report.link import LinkRate, bounds_at, link_rate, rate_of
from keytwin.report.link_subject import subjects
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels, in_seconds
from tests.marks import invariant

BLACK_BOXES = {"empirical-black-box", "generic-sarg04"}
CLOSE = {"loss": "1 dB", "length": "5 km"}


def told(device: str, **settings: str) -> LinkRate:
    (found,) = link_rate(device, settings=settings)
    return found


def test_gain_and_rates_are_those_of_the_model() -> None:
    (subject,) = subjects("star6", "km0--km1")
    model, rate = subject.model(), rate_of(subject)
    assert isinstance(model, Bb84Link)
    settings = model.estimator.settings
    assert isinstance(settings, Settings)
    assert rate.gain == model.optics.answer(settings.intensities[0]).click
    assert rate.rate_per_second == model.rate().secret
    assert rate.error_rate == model.rate().qber
    assert rate.rate_per_pulse is not None
    assert rate.rate_per_pulse * model.pulses / in_seconds(rate.block_time) == pytest.approx(rate.rate_per_second)


@pytest.mark.parametrize("device", sorted(set(device_names()) - BLACK_BOXES))
def test_fraction_of_the_sifted_bits_is_the_rate_per_pulse(device: str) -> None:
    rate = told(device, **CLOSE)
    assert rate.rate_per_pulse is not None
    assert rate.rate_per_pulse > 0
    if rate.sifted is None:  # continuous variables: symbols become bits only in reconciliation
        assert rate.secret_fraction is None
        assert rate.protocol.startswith("gg02")
    else:
        assert rate.secret_fraction is not None
        assert 0 < rate.secret_fraction < 1
        assert rate.secret_fraction * rate.sifted == pytest.approx(rate.rate_per_pulse)


@invariant("V9")
@pytest.mark.parametrize("device", sorted(set(device_names()) - BLACK_BOXES))
def test_v9_no_library_device_passes_its_bound(device: str) -> None:
    rate = told(device, **CLOSE)
    assert rate.rate_per_pulse is not None
    assert rate.rate_per_pulse <= (rate.bounds.plob if rate.is_repeaterless else rate.bounds.single_repeater)


def test_a_black_box_tells_no_more_than_its_rate() -> None:
    rate = told("empirical-black-box")
    assert (rate.gain, rate.sifted, rate.secret_fraction, rate.rate_per_pulse) == (None,) * 4
    assert (rate.rate_per_second, rate.error_rate) == (50_000, 0.03)


@pytest.mark.parametrize("device", ["generic-one-decoy-bb84", "generic-no-decoy-bb84", "generic-single-photon-bb84"])
def test_the_bb84_family_tells_the_gain_of_its_signals(device: str) -> None:
    near, far = told(device, loss="1 dB"), told(device, loss="4 dB")
    assert near.gain is not None
    assert far.gain is not None
    assert near.gain > far.gain > 0


def test_a_satellite_counts_the_dark_in_per_second_only() -> None:
    (found,) = link_rate("micius", "nanshan--micius")
    (subject,) = subjects("micius", "nanshan--micius")
    assert subject.channel.schedule is not None
    assert found.rate_per_pulse is not None
    clock = 1e8
    assert found.rate_per_pulse * clock * subject.channel.schedule.share == pytest.approx(
        found.rate_per_second, rel=0.01
    )


def test_bounds_are_in_order() -> None:
    bounds = bounds_at(Decibels(20.0))
    assert bounds.plob == pytest.approx(0.0144996, rel=1e-5)
    assert bounds.tgw == pytest.approx(0.0288549, rel=1e-5)
    assert bounds.plob < bounds.tgw < bounds.single_repeater
    assert math.isinf(bounds_at(Decibels(0.0)).plob)


def test_no_key_is_a_mistake_with_the_physical_reason() -> None:
    with pytest.raises(Mistake, match=r"alice--bob: device generic-dps gives no key at 60\.0 dB: .* it reaches"):
        told("generic-dps", loss="60 dB")


def test_the_function_is_public() -> None:
    assert keytwin.link_rate("star6", "km0--km1") == link_rate("star6", "km0--km1")
    assert {rate.rate_per_second for rate in keytwin.link_rate("star6")} == {link_rate("star6")[0].rate_per_second}
