"""GG02 against Lodewyck et al., PRA 76 042305, and against covariance matrices worked out without its formulae."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.channel import plob_bound
from keytwin.quantum.gg02 import Detection, GaussianLink
from tests.marks import invariant

Matrix = npt.NDArray[np.float64]
FLIP: Final = np.diag([1.0, -1.0])
LODEWYCK: Final = GaussianLink(0.302, 0.005, 18.5, 0.606, 0.041)
BOTH: Final = tuple(Detection)


def entropy(matrix: Matrix) -> float:
    """Return the von Neumann entropy, in bit, of a Gaussian state, from the spectrum of i Omega gamma."""
    modes = len(matrix) // 2
    omega = np.kron(np.eye(modes), np.array([[0.0, 1.0], [-1.0, 0.0]]))
    spectrum = np.sort(np.abs(np.linalg.eigvals(1j * omega @ matrix)))[::2]
    return float(
        sum((x + 1) / 2 * np.log2((x + 1) / 2) - (x - 1) / 2 * np.log2((x - 1) / 2) for x in spectrum if x > 1 + 1e-9)
    )


def two_modes(first: float, second: float, common: float) -> Matrix:
    return np.block([[first * np.eye(2), common * FLIP], [common * FLIP, second * np.eye(2)]])


def known_to_eve(link: GaussianLink) -> float:
    """Return S(AB) - S(AFG | b): the receiver is a beam splitter before a perfect one, its noise one half of a pair."""
    share, excess, modulation, efficiency, electronics = (
        float(np.asarray(value))
        for value in (link.transmittance, link.excess_noise, link.modulation, link.efficiency, link.electronic_noise)
    )
    variance = modulation + 1
    shared = two_modes(variance, share * (variance + 1 / share - 1 + excess), np.sqrt(share * (variance**2 - 1)))
    both = link.detection is Detection.HETERODYNE
    noise = 1 + (2 if both else 1) * electronics / (1 - efficiency)
    whole = np.zeros((8, 8))  # A, B, F, G
    whole[:4, :4], whole[4:, 4:] = shared, two_modes(noise, noise, np.sqrt(noise**2 - 1))
    splitter = np.eye(8)
    through, aside = np.sqrt(efficiency) * np.eye(2), np.sqrt(1 - efficiency) * np.eye(2)
    splitter[2:6, 2:6] = np.block([[through, aside], [-aside, through]])
    whole = splitter @ whole @ splitter.T
    rest = [0, 1, 4, 5, 6, 7]
    measured, cross = whole[2:4, 2:4], whole[np.ix_(rest, [2, 3])]
    inverse = np.linalg.inv(measured + np.eye(2)) if both else np.diag([1 / measured[0, 0], 0.0])
    return entropy(shared) - entropy(whole[np.ix_(rest, rest)] - cross @ inverse @ cross.T)


@invariant("V12")
def test_v12_the_set_of_lodewyck() -> None:
    assert LODEWYCK.mutual_information() == pytest.approx(1.04365, rel=1e-3)
    assert LODEWYCK.holevo() == pytest.approx(0.90204, rel=1e-3)
    assert LODEWYCK.rate(0.898) == pytest.approx(0.03515, rel=1e-3)


@invariant("V12")
def test_v12_in_kilobits_a_second() -> None:
    """365 kbit/s are shared at 350 kHz; 316 kbit/s of them are known to an eavesdropper."""
    assert LODEWYCK.mutual_information() * 350 == pytest.approx(365, abs=0.5)
    assert LODEWYCK.holevo() * 350 == pytest.approx(316, abs=0.5)
    assert LODEWYCK.rate(0.898) * 350 == pytest.approx(12.3, abs=0.05)


@pytest.mark.parametrize("detection", BOTH)
@pytest.mark.parametrize("loss", [0.5, 5.2, 15.0])
@pytest.mark.parametrize(("excess", "modulation"), [(0.005, 18.5), (0.1, 2.0), (0.0, 5.0)])
def test_the_eavesdroppers_part_is_that_of_the_covariance_matrix(
    detection: Detection, loss: float, excess: float, modulation: float
) -> None:
    link = GaussianLink(10 ** (-loss / 10), excess, modulation, 0.606, 0.041, detection)
    assert link.holevo() == pytest.approx(known_to_eve(link), abs=2e-6)


def test_a_perfect_link_shares_all_and_tells_nothing() -> None:
    for detection, information in ((Detection.HOMODYNE, 0.5 * np.log2(21)), (Detection.HETERODYNE, np.log2(11))):
        perfect = GaussianLink(1.0, 0.0, 20.0, 1.0, 0.0, detection)
        assert perfect.mutual_information() == pytest.approx(information)
        assert perfect.holevo() == pytest.approx(0, abs=1e-9)


def test_much_modulation_approaches_half_of_the_bound() -> None:
    """Ideal homodyne detection and endless modulation give -log2(1 - T) / 2: half of what the channel could carry."""
    for loss in (1.0, 5.0, 10.0):
        share = 10 ** (-loss / 10)
        ideal = GaussianLink(share, 0.0, 1e5, 1.0, 0.0)
        assert ideal.rate() == pytest.approx(plob_bound(share) / 2, rel=1e-2)


def test_arrays_broadcast() -> None:
    rates = GaussianLink(np.array([[0.302], [0.1]]), 0.005, np.array([18.5, 4.0, 2.0]), 0.606, 0.041).rate(0.898)
    assert rates.shape == (2, 3)
    assert rates[0, 0] == pytest.approx(0.03515, rel=1e-3)


@pytest.mark.parametrize("detection", BOTH)
def test_excess_noise_ends_the_key(detection: Detection) -> None:
    noise = np.linspace(0, 0.5, 26)
    rates = GaussianLink(0.302, noise, 5.0, 0.606, 0.041, detection).rate(0.95)
    assert np.all(np.diff(rates[rates > 0]) < 0)
    assert rates[0] > 0 == rates[-1]


@invariant("V9")
@given(
    loss=st.floats(0.01, 30),
    excess=st.floats(0, 0.3),
    modulation=st.floats(0.05, 100),
    efficiency=st.floats(0.05, 0.999),
    detection=st.sampled_from(BOTH),
)
def test_v9_rate_stays_below_plob_and_never_below_zero(
    loss: float, excess: float, modulation: float, efficiency: float, detection: Detection
) -> None:
    share = 10 ** (-loss / 10)
    rate = float(GaussianLink(share, excess, modulation, efficiency, 0.05, detection).rate())
    assert 0 <= rate <= plob_bound(share)


@given(loss=st.floats(0, 25), more=st.floats(0.1, 10), modulation=st.floats(0.5, 50), detection=st.sampled_from(BOTH))
def test_rate_falls_with_loss(loss: float, more: float, modulation: float, detection: Detection) -> None:
    near, far = (
        float(GaussianLink(10 ** (-each / 10), 0.01, modulation, 0.6, 0.05, detection).rate(0.95))
        for each in (loss, loss + more)
    )
    assert far <= near + 1e-9
