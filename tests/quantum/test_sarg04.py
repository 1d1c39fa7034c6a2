"""SARG04: a measured rate, carried to another loss by the scaling that the protocol is known for."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.algorithms.statistics import mean_and_error
from keytwin.quantum.empirical import Empirical
from keytwin.quantum.sarg04 import sarg04_link, scale
from keytwin.vocabulary.device_bb84 import Sarg04Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId
from keytwin.vocabulary.units import BitsPerSecond, Decibels, Duration, seconds
from tests.quantum.shipped import chance, lossy

MEASURED: Final = Sarg04Device(
    name=DeviceId("old"),
    about="",
    protocol="sarg04",
    sources={},
    rate=BitsPerSecond(1_000),
    measured_loss=Decibels(5.0),
    reach=Decibels(18.0),
    qber=0.02,
    block_time=seconds(10),
    deviation=0.05,
)


def link(loss: float, device: Sarg04Device = MEASURED) -> Empirical:
    return sarg04_link(device, lossy(loss))


def test_the_rate_is_the_measured_one_where_it_was_measured() -> None:
    assert link(5.0).rate() == pytest.approx((1_000, 0.02))


def test_less_loss_is_no_promise_of_more() -> None:
    assert link(0.0) == link(5.0)


def test_the_rate_falls_between_that_of_decoys_and_that_of_none() -> None:
    """By 1.5 decades in ten decibels: Branciard et al., PRA 72 032301."""
    slope = np.log10(link(15.0).rate().secret / link(5.0).rate().secret) / 10
    assert slope == pytest.approx(-0.15, rel=1e-6)


@given(st.floats(-50, 100), st.floats(0, 50))
def test_scale_falls_with_loss_and_stays_a_share(loss: float, more: float) -> None:
    assert 0 < scale(Decibels(loss + more)) <= scale(Decibels(loss)) <= 1


def test_the_mean_of_the_draws_is_the_expected_rate() -> None:
    model, generator = link(10.0), chance()
    mean, error = mean_and_error([model.draw_block(generator).secret / 10 for _ in range(2_000)])
    assert abs(mean - model.rate().secret) < 4 * error


def test_beyond_its_reach_it_gives_no_key() -> None:
    assert link(18.0).rate().secret > 0
    with pytest.raises(
        Mistake, match=r"device old gives no key at 18\.5 dB: dark counts take over .* reaches 18\.0 dB"
    ):
        link(18.5)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"rate": BitsPerSecond(0)}, "rate and block_time must be above 0"),
        ({"block_time": Duration(0)}, "rate and block_time must be above 0"),
        ({"reach": Decibels(4.0)}, "measured_loss must not exceed reach"),
        ({"qber": 0.1}, "qber must be below 9.68%: above it SARG04 gives no key"),
    ],
)
def test_what_cannot_have_been_measured_is_a_mistake(changes: dict[str, object], reason: str) -> None:
    with pytest.raises(Mistake, match=f"device old: {reason}"):
        link(5.0, replace(MEASURED, **changes))  # type: ignore[arg-type]  # any field may be changed
