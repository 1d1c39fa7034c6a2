"""Foreign light: Raman scattering in a shared fibre, and the sky by day and night."""

from __future__ import annotations

from math import exp, log

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.quantum.background import Span, clicks, photons, raman, sky
from keytwin.quantum.channel import Fibre
from keytwin.quantum.decoy_device import decoy_link
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.medium import Coexistence, FreeSpace, Sky
from keytwin.vocabulary.units import (
    Decibels,
    DecibelsPerKilometre,
    Kilometres,
    Metres,
    Nanometres,
    Radiance,
    Radians,
    Watts,
)
from tests.quantum.shipped import generic

ALONG = Coexistence(copropagating=1)
AGAINST = Coexistence(counterpropagating=1)
LENGTHS = st.floats(0.1, 200)
QUIET = Watts(1e-9)


def span(length: float, attenuation: float = 0.2) -> Span:
    return Span(Kilometres(length), DecibelsPerKilometre(attenuation))


def test_a_milliwatt_at_1550_nm_is_so_many_photons() -> None:
    assert photons(Watts(1e-3), Nanometres(1550.0)) == pytest.approx(7.80e15, rel=1e-3)


def test_raman_light_follows_its_two_laws() -> None:
    """P L exp(-aL) along, P (1 - exp(-2aL)) / 2a against, each times the coefficient and the width of the filter."""
    a = 0.2 * log(10) / 10
    scattered = photons(Watts(1e-3 * 2e-9 * 0.2), Nanometres(1550.0))
    assert raman(ALONG, span(50)) == pytest.approx(scattered * 50 * exp(-a * 50), rel=1e-9)
    assert raman(AGAINST, span(50)) == pytest.approx(scattered * (1 - exp(-2 * a * 50)) / (2 * a), rel=1e-9)


@given(LENGTHS)
def test_light_against_the_quantum_channel_scatters_more(length: float) -> None:
    assert raman(AGAINST, span(length)) >= raman(ALONG, span(length)) * (1 - 1e-12)


@given(LENGTHS, st.integers(0, 40), st.integers(0, 40))
def test_raman_light_of_channels_adds_up(length: float, along: int, against: int) -> None:
    both = raman(Coexistence(along, against), span(length))
    assert both == pytest.approx(along * raman(ALONG, span(length)) + against * raman(AGAINST, span(length)))


def test_a_lossless_fibre_scatters_alike_both_ways() -> None:
    assert raman(AGAINST, span(10, 0.0)) == raman(ALONG, span(10, 0.0)) > 0


def test_a_dark_fibre_has_no_background() -> None:
    assert Fibre(Kilometres(20.0), DecibelsPerKilometre(0.2)).background == 0
    assert raman(Coexistence(), span(20)) == 0


def test_a_measured_loss_counts_for_raman_light_too() -> None:
    lit = Fibre(Kilometres(20.0), DecibelsPerKilometre(0.2), Decibels(8.0), ALONG)
    assert lit.background == pytest.approx(raman(ALONG, span(20, 0.4)))
    bare = Fibre(Kilometres(0.0), DecibelsPerKilometre(0.2), Decibels(8.0), ALONG)
    assert bare.background == pytest.approx(raman(ALONG, span(40, 0.2)))


def test_the_sky_is_as_bright_as_telescope_filter_and_window_let_through() -> None:
    view = FreeSpace(
        receiver=Metres(1.0),
        field_of_view=Radians(1e-4),
        filter=Nanometres(1.0),
        optics=Decibels(0.0),
        radiance=Radiance(1e-6),
    )
    rate = sky(view)
    assert rate == pytest.approx(photons(Watts(1e-6 * 7.853981634e-9 * 0.7853981634), Nanometres(850.0)), rel=1e-9)
    assert sky(replace(view, window=0.25)) == pytest.approx(rate / 4)
    assert sky(replace(view, field_of_view=Radians(2e-4))) == pytest.approx(4 * rate)
    assert sky(replace(view, optics=Decibels(10.0))) == pytest.approx(rate / 10)


def test_the_day_is_a_hundred_thousand_times_as_bright_as_the_night() -> None:
    assert sky(FreeSpace(sky=Sky.DAY)) == pytest.approx(1e5 * sky(FreeSpace(sky=Sky.NIGHT)))


def test_background_falls_on_two_detectors_alike() -> None:
    assert clicks(2e6, 1e9, 0.1) == pytest.approx(1e-4, rel=1e-3)
    assert clicks(0.0, 1e9, 0.1) == 0
    assert clicks(1e30, 1e9, 0.1) == 1


def test_background_lowers_the_rate_and_raises_the_error_until_there_is_no_key() -> None:
    def shared(channels: int, power: Watts = QUIET) -> Fibre:
        coexistence = Coexistence(channels, power=power)
        return Fibre(Kilometres(20.0), DecibelsPerKilometre(0.2), None, coexistence)

    rates = [decoy_link(generic(), shared(channels)).rate() for channels in (0, 100, 1000)]
    assert rates[0].secret > rates[1].secret > rates[2].secret > 0
    assert rates[0].qber < rates[1].qber < rates[2].qber
    assert rates[0] == decoy_link(generic(), Fibre(Kilometres(20.0), DecibelsPerKilometre(0.2))).rate()
    with pytest.raises(Mistake, match="of what is detected would be wrong"):
        decoy_link(generic(), shared(40, Watts(1.0)))
