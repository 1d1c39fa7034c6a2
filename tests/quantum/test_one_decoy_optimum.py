"""The best settings with one decoy: nothing nearby beats them, and they beat two decoys where the paper says so."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.quantum.decoy_bb84 import Optics, sifted_share
from keytwin.quantum.decoy_optimum import best_settings_for_sifted
from keytwin.quantum.finite_key import Counts, Distillation, Estimator
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from keytwin.quantum.one_decoy_optimum import best_one_decoy, best_one_decoy_for_sifted

RUSCA = Optics(transmittance=0.5, dark_count=5e-9, afterpulse=0.0, misalignment=0.01)
STRICT = Distillation(secrecy=1e-9, correctness=1e-15, reconciliation=1.16)
PULSES = 10**9


def at(loss: float) -> Optics:
    return replace(RUSCA, transmittance=0.5 * 10 ** (-loss / 10))


def length(settings: OneDecoySettings, optics: Optics, pulses: float) -> float:
    return OneDecoyEstimator(settings, STRICT).signed_length([pulses * cell for cell in settings.cells(optics)])


def one_decoy_rate(sifted: float, loss: float) -> float:
    settings = best_one_decoy_for_sifted(at(loss), STRICT, sifted)
    pulses = sifted / sifted_share(settings.cells(at(loss)))
    return length(settings, at(loss), pulses) / pulses


def two_decoys_rate(sifted: float, loss: float) -> float:
    settings = best_settings_for_sifted(at(loss), STRICT, 2e-4, sifted)
    cells = at(loss).cells(settings)
    pulses = sifted / sifted_share(cells)
    return Estimator(settings, STRICT).signed_length(Counts.of([pulses * cell for cell in cells]))[0] / pulses


@pytest.mark.parametrize("sifted", [1e5, 1e7, 1e8])
@pytest.mark.parametrize("loss", [0.0, 26.0, 40.0])
def test_one_decoy_beats_two_in_blocks_of_practical_size(sifted: float, loss: float) -> None:
    """Rusca et al.: up to 1e8 bits one decoy gives more for almost all settings, by some ten per cent."""
    assert 1.05 < one_decoy_rate(sifted, loss) / two_decoys_rate(sifted, loss) < 1.25


def test_two_decoys_win_where_dark_counts_matter_and_blocks_are_large() -> None:
    """With one decoy, empty pulses are bounded by the errors alone."""
    assert two_decoys_rate(1e9, 60.0) > one_decoy_rate(1e9, 60.0)


@pytest.mark.parametrize("loss", [0.0, 10.0, 20.0, 30.0])
def test_no_small_step_away_gives_more(loss: float) -> None:
    best = best_one_decoy(at(loss), STRICT, PULSES)
    most = length(best, at(loss), PULSES)
    assert most > 0
    for step in (0.95, 1.05):
        for other in neighbours(best, step):
            assert length(other, at(loss), PULSES) <= most * (1 + 1e-4)


def neighbours(settings: OneDecoySettings, step: float) -> list[OneDecoySettings]:
    signal, decoy = settings.intensities
    return [
        replace(settings, intensities=(signal * step, decoy)),
        replace(settings, intensities=(signal, decoy * step)),
        replace(settings, signal_share=settings.signal_share * step),
        replace(settings, key_basis=1 - (1 - settings.key_basis) * step),
    ]


def test_settings_are_numbers_that_can_be_set() -> None:
    best = best_one_decoy(at(20.0), STRICT, PULSES)
    for value in (*best.intensities, best.signal_share, best.key_basis):
        assert value == float(f"{value:.4g}")


def test_the_search_is_repeatable() -> None:
    first = best_one_decoy(at(20.0), STRICT, PULSES)
    best_one_decoy.cache_clear()
    assert best_one_decoy(at(20.0), STRICT, PULSES) == first


@pytest.mark.parametrize("optics", [at(80.0), replace(RUSCA, misalignment=0.3), replace(RUSCA, transmittance=0.0)])
def test_where_there_is_no_key_the_search_still_ends(optics: Optics) -> None:
    assert length(best_one_decoy(optics, STRICT, PULSES), optics, PULSES) <= 0
