"""The best settings: the optimised rates of Lim et al., and that nothing nearby beats what was found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from keytwin.quantum.decoy_bb84 import Optics, Settings, sifted_share
from keytwin.quantum.decoy_optimum import best_settings, best_settings_for_sifted
from keytwin.quantum.finite_key import Counts, Distillation, Estimator
from tests.marks import invariant

VACUUM = 2e-4
LIM = Optics(transmittance=0.1, dark_count=6e-7, afterpulse=4e-2, misalignment=5e-3)
STRICT = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
PULSES = 10**9


def at(kilometres: float) -> Optics:
    return replace(LIM, transmittance=0.1 * 10 ** (-0.02 * kilometres))


def length(settings: Settings, optics: Optics, distillation: Distillation, pulses: float) -> float:
    counts = Counts.of([pulses * cell for cell in optics.cells(settings)])
    return Estimator(settings, distillation).signed_length(counts)[0]


def rate_of_the_paper(sifted: float, kilometres: float) -> float:
    """Return l / N for the best settings, where eps_sec is 1e-15 times the very length it is needed for."""
    optics, found = at(kilometres), 0.1 * sifted
    pulses = 0.0
    for _ in range(4):  # the length depends on the logarithm of eps_sec only: this converges fast
        distillation = Distillation(1e-15 * found, 1e-15, 1.16)
        settings = best_settings_for_sifted(optics, distillation, VACUUM, sifted)
        pulses = sifted / sifted_share(optics.cells(settings))
        found = length(settings, optics, distillation, pulses)
    return found / pulses


@invariant("V5")
@pytest.mark.parametrize(
    ("sifted", "kilometres", "rate"),
    [
        (1e5, 0, 1.308e-3),
        (1e5, 50, 1.236e-4),
        (1e5, 100, 1.040e-5),
        (1e5, 135, 8.8e-7),
        (1e5, 150, 1.18e-7),
        (1e7, 0, 5.355e-3),
        (1e7, 50, 5.139e-4),
        (1e7, 100, 4.766e-5),
        (1e7, 135, 7.35e-6),
        (1e7, 150, 2.64e-6),
        (1e8, 0, 7.398e-3),
        (1e8, 50, 7.128e-4),
        (1e8, 100, 6.747e-5),
        (1e8, 135, 1.11e-5),
        (1e8, 150, 4.29e-6),
    ],
)
def test_v5_optimised_rates_of_lim(sifted: float, kilometres: float, rate: float) -> None:
    assert rate_of_the_paper(sifted, kilometres) == pytest.approx(rate, rel=0.02)


@pytest.mark.parametrize("kilometres", [0.0, 20.0, 60.0, 110.0])
def test_no_small_step_away_gives_more(kilometres: float) -> None:
    best = best_settings(at(kilometres), STRICT, VACUUM, PULSES)
    most = length(best, at(kilometres), STRICT, PULSES)
    assert most > 0
    for step in (0.95, 1.05):
        for other in neighbours(best, step):
            assert length(other, at(kilometres), STRICT, PULSES) <= most * (1 + 1e-4)


def neighbours(settings: Settings, step: float) -> list[Settings]:
    signal, decoy, vacuum = settings.intensities
    first, second, _ = settings.shares
    return [
        replace(settings, intensities=(signal * step, decoy, vacuum)),
        replace(settings, intensities=(signal, decoy * step, vacuum)),
        replace(settings, shares=(first * step, second, 1 - first * step - second)),
        replace(settings, shares=(first, second * step, 1 - first - second * step)),
        replace(settings, key_basis=1 - (1 - settings.key_basis) * step),
    ]


def test_settings_are_numbers_that_can_be_set() -> None:
    best = best_settings(at(20.0), STRICT, VACUUM, PULSES)
    for value in (*best.intensities[:2], *best.shares[:2], best.key_basis):
        assert value == float(f"{value:.4g}")
    assert best.intensities[2] == VACUUM


def test_the_search_is_repeatable() -> None:
    first = best_settings(at(20.0), STRICT, VACUUM, PULSES)
    best_settings.cache_clear()
    assert best_settings(at(20.0), STRICT, VACUUM, PULSES) == first


@pytest.mark.parametrize("optics", [at(300.0), replace(LIM, misalignment=0.3), replace(LIM, transmittance=0.0)])
def test_where_there_is_no_key_the_search_still_ends(optics: Optics) -> None:
    best = best_settings(optics, STRICT, VACUUM, PULSES)
    assert length(best, optics, STRICT, PULSES) <= 0
