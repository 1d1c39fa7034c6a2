"""Loss, transmittance and the bounds that no link may pass."""

from __future__ import annotations

from math import log2

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import Fibre, channel_of, plob_bound, single_repeater_bound, tgw_bound, transmittance
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import DeviceId, LinkId
from keytwin.vocabulary.topology import QLink
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres
from tests.marks import invariant


def link(medium: str = "fibre", total_loss: Decibels | None = None) -> QLink:
    return QLink(LinkId("a--b"), DeviceId("any"), medium, Kilometres(45.0), DecibelsPerKilometre(0.2), total_loss)


def test_loss_follows_from_the_length() -> None:
    assert channel_of(link()) == Fibre(Kilometres(45.0), DecibelsPerKilometre(0.2))
    assert channel_of(link()).loss == pytest.approx(9.0)


def test_measured_loss_wins_over_the_length() -> None:
    assert channel_of(link(total_loss=Decibels(14.5))).loss == 14.5
    assert channel_of(link(total_loss=Decibels(0.0))).loss == 0.0


def test_an_unknown_medium_is_a_mistake_that_names_the_known_ones() -> None:
    with pytest.raises(Mistake, match="a--b: medium 'ether' is not known; choose one of fibre"):
        channel_of(link("ether"))


def test_a_medium_can_be_plugged_in() -> None:
    class Vacuum:
        medium = "vacuum"
        loss = Decibels(3.0)
        background = 0.0
        schedule = None

    assert channel_of(link("vacuum"), {"vacuum": lambda _: Vacuum()}).loss == 3.0


def test_transmittance_of_an_array() -> None:
    assert transmittance([0.0, 10.0, 20.0]) == pytest.approx([1.0, 0.1, 0.01])


@invariant("V9")
def test_v9_bounds_at_100_km() -> None:
    eta = transmittance(20.0)
    assert float(plob_bound(eta)) == pytest.approx(-log2(0.99), rel=1e-12) == pytest.approx(0.0144996, rel=1e-5)
    assert float(tgw_bound(eta)) == pytest.approx(log2(1.01 / 0.99), rel=1e-12) == pytest.approx(0.0288549, rel=1e-5)


@invariant("V9")
def test_v9_bounds_keep_their_precision_at_large_loss() -> None:
    """-log2(1 - eta) tends to eta / ln 2, far below the precision of 1 - eta."""
    assert float(plob_bound(1e-18)) == pytest.approx(1e-18 / np.log(2), rel=1e-12)
    assert float(tgw_bound(1e-18)) == pytest.approx(2e-18 / np.log(2), rel=1e-12)


@invariant("V9")
@given(st.floats(0, 1))
def test_v9_plob_is_the_tighter_bound(eta: float) -> None:
    assert 0 <= plob_bound(eta) <= tgw_bound(eta)


@invariant("V9")
@given(st.floats(1e-18, 1))
def test_v9_one_repeater_in_the_middle_passes_plob(eta: float) -> None:
    """-log2(1 - sqrt(eta)): the bound of each half of the channel."""
    assert float(single_repeater_bound(eta)) == float(plob_bound(np.sqrt(eta))) >= plob_bound(eta)


@invariant("V9")
def test_v9_one_repeater_at_100_km() -> None:
    assert float(single_repeater_bound(transmittance(20.0))) == pytest.approx(-log2(0.9), rel=1e-12)
