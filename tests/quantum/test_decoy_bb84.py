"""What the detectors answer: the channel model of Lim et al., PRA 89 022307."""

from __future__ import annotations

from dataclasses import replace
from math import exp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.quantum.decoy_bb84 import Optics, Settings, error_share, sifted_share
from keytwin.quantum.finite_key import Counts

LIM = Optics(transmittance=0.01, dark_count=6e-7, afterpulse=4e-2, misalignment=5e-3)
SETTINGS = Settings(intensities=(0.45, 0.2, 2e-4), shares=(0.5, 0.3, 0.2), key_basis=0.9)

optics = st.builds(
    Optics,
    transmittance=st.floats(0, 1),
    dark_count=st.floats(0, 0.5),
    afterpulse=st.floats(0, 1),
    misalignment=st.floats(0, 0.5),
    dead_gates=st.floats(0, 100),
)


def test_answer_is_that_of_the_paper() -> None:
    detected = 1 - (1 - 2 * 6e-7) * exp(-0.01 * 0.45)
    click, wrong = LIM.answer(0.45)
    assert click == pytest.approx(detected * 1.04)
    assert wrong == pytest.approx(6e-7 + 5e-3 * (1 - exp(-0.01 * 0.45)) + 4e-2 * detected / 2)


def test_answer_keeps_its_precision_at_large_loss() -> None:
    click, _ = Optics(1e-17, dark_count=0.0, afterpulse=0.0, misalignment=0.0).answer(0.5)
    assert click == pytest.approx(5e-18, rel=1e-12)


@given(optics)
def test_cells_are_probabilities(link: Optics) -> None:
    cells = link.cells(SETTINGS)
    assert len(cells) == 12
    assert min(cells) >= 0
    assert sum(cells) <= 1


def test_cells_are_sorted_by_basis_intensity_and_error() -> None:
    counts = Counts.of(LIM.cells(SETTINGS))
    for intensity, share, key, test, wrong in zip(
        SETTINGS.intensities, SETTINGS.shares, counts.key, counts.test, counts.test_errors, strict=True
    ):
        click, error = LIM.answer(intensity)
        assert key == pytest.approx(0.81 * share * click)
        assert test == pytest.approx(0.01 * share * click)
        assert wrong == pytest.approx(0.01 * share * error)
    assert counts.key_errors / sum(counts.key) == pytest.approx(error_share(LIM.cells(SETTINGS)))
    assert sum(counts.key) == pytest.approx(sifted_share(LIM.cells(SETTINGS)))


def test_dead_time_thins_out_all_cells_alike() -> None:
    alive = LIM.cells(SETTINGS)
    blind = replace(LIM, dead_gates=50.0).cells(SETTINGS)
    clicks = sum(share * LIM.answer(k)[0] for k, share in zip(SETTINGS.intensities, SETTINGS.shares, strict=True))
    assert blind == pytest.approx([cell / (1 + 50 * clicks) for cell in alive])


def test_a_cut_fibre_leaves_dark_counts_and_a_coin_toss() -> None:
    cells = replace(LIM, transmittance=0.0).cells(SETTINGS)
    assert sifted_share(cells) == pytest.approx(0.81 * 2 * 6e-7 * 1.04)
    assert error_share(cells) == pytest.approx(0.5)


def test_blind_detectors_are_a_coin_toss_too() -> None:
    assert error_share(Optics(0.0, 0.0, 0.0, 0.0).cells(SETTINGS)) == 0.5


@pytest.mark.parametrize(
    ("intensities", "shares", "basis"),
    [
        ((0.4, 0.4, 0.0), (0.5, 0.3, 0.2), 0.9),
        ((0.4, 0.2, 0.2), (0.5, 0.3, 0.2), 0.9),
        ((0.4, 0.2, 0.0), (0.5, 0.5, 0.0), 0.9),
        ((0.4, 0.2, 0.0), (0.5, 0.3, 0.1), 0.9),
        ((0.4, 0.2, 0.0), (0.5, 0.3, 0.2), 1.0),
    ],
)
def test_settings_that_the_proof_does_not_cover_are_our_bug(
    intensities: tuple[float, float, float], shares: tuple[float, float, float], basis: float
) -> None:
    with pytest.raises(AssertionError):
        Settings(intensities, shares, basis)
