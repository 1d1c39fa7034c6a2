"""For every protocol whose settings are optimised: brute force finds nothing that is better by a thousandth."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from math import exp, log
from typing import Final

import numpy as np
import pytest

from keytwin.quantum import coherent_twin_optimum, decoy_optimum, mdi_optimum, one_decoy_optimum
from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.coherent_twin_estimator import CoherentTwinEstimator
from keytwin.quantum.coherent_twin_optimum import best_coherent_twin
from keytwin.quantum.counted_link import CountedLink, Promises
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.decoy_optimum import best_settings
from keytwin.quantum.finite_key import Counts, Distillation, Estimator
from keytwin.quantum.gg02_link import Gg02Link
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiEstimator
from keytwin.quantum.mdi_optimum import best_mdi_settings
from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, NoDecoySettings, PhotonSource, Source
from keytwin.quantum.no_decoy_optimum import best_basis, best_laser
from keytwin.quantum.one_decoy import OneDecoyEstimator
from keytwin.quantum.one_decoy_optimum import best_one_decoy
from keytwin.quantum.phase_matching import PhaseMatching, PhaseMatchingEstimator, PhaseMatchingSettings
from keytwin.quantum.protocols import link_model
from keytwin.quantum.search import logistic
from keytwin.quantum.twin_field_device import best_phase_matching
from keytwin.vocabulary.errors import Mistake
from tests.quantum.brute import highest
from tests.quantum.shipped import lossy, shipped

ENOUGH: Final = 1 - 1e-3
STRICT: Final = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
PROMISES: Final = Promises(1.16, 1e-15, 1e-10)
BLOCK: Final = 10**9


def fibre(loss: float) -> Optics:
    return Optics(0.2 * 10 ** (-loss / 10), dark_count=1e-6, afterpulse=0.02, misalignment=0.01)


@pytest.mark.parametrize("vacuum", [2e-4, 5e-3])
@pytest.mark.parametrize("loss", [0.0, 8.0, 16.0, 19.0])
def test_two_decoys(loss: float, vacuum: float) -> None:
    optics = fibre(loss)
    case = decoy_optimum.case_of(optics, STRICT, vacuum, pulses=BLOCK)
    settings = best_settings(optics, STRICT, vacuum, BLOCK)
    found = Estimator(settings, STRICT).signed_length(Counts.of([BLOCK * cell for cell in optics.cells(settings)]))[0]
    most = highest(lambda point: decoy_optimum.objective(point, case), decoy_optimum.BOUNDS, 5)
    assert found > 0
    assert found >= ENOUGH * most


@pytest.mark.parametrize("loss", [0.0, 8.0, 16.0, 24.0])
def test_one_decoy(loss: float) -> None:
    optics = fibre(loss)
    case = one_decoy_optimum.case_of(optics, STRICT, pulses=BLOCK)
    settings = best_one_decoy(optics, STRICT, BLOCK)
    found = OneDecoyEstimator(settings, STRICT).signed_length([BLOCK * cell for cell in settings.cells(optics)])
    most = highest(lambda point: one_decoy_optimum.objective(point, case), one_decoy_optimum.BOUNDS, 8)
    assert found > 0
    assert found >= ENOUGH * most


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 8.0, 16.0, 24.0])
def test_mdi(loss: float) -> None:
    pulses = 6 * 10**10
    optics = RelayOptics(0.5 * 10 ** (-loss / 20), 0.4 * 10 ** (-loss / 20), 1e-7, 0.01)
    case = mdi_optimum.case_of(optics, PROMISES, pulses)
    settings = best_mdi_settings(optics, PROMISES, pulses)
    found = MdiEstimator(settings, PROMISES, pulses).signed_length([pulses * cell for cell in settings.cells(optics)])
    most = highest(lambda point: mdi_optimum.objective(point, case), mdi_optimum.BOUNDS, 4)
    assert found > 0
    assert found >= ENOUGH * most


@pytest.mark.slow
@pytest.mark.parametrize("loss", [0.0, 20.0, 44.0, 60.0])
def test_coherent_twin(loss: float) -> None:
    pulses = 6 * 10**10
    optics = CoherentTwin(0.7 * 10 ** (-loss / 20), 1e-8, 0.02)
    case = coherent_twin_optimum.case_of(optics, PROMISES, pulses)
    settings = best_coherent_twin(optics, PROMISES, pulses)
    expected = [pulses * cell for cell in settings.cells(optics)]
    found = CoherentTwinEstimator(settings, PROMISES, pulses).signed_length(expected)
    most = highest(lambda point: coherent_twin_optimum.objective(point, case), coherent_twin_optimum.BOUNDS, 4)
    assert found > 0
    assert found >= ENOUGH * most


@pytest.mark.parametrize("loss", [0.0, 20.0, 40.0, 60.0])
def test_phase_matching(loss: float) -> None:
    pulses = 6 * 10**10
    optics = PhaseMatching(0.7 * 10 ** (-loss / 20), 1e-8, 16, 0.01)

    def length(settings: PhaseMatchingSettings) -> float:
        expected = [pulses * cell for cell in settings.cells(optics)]
        return PhaseMatchingEstimator(settings, PROMISES, pulses, 16).signed_length(expected)

    def at(point: Sequence[float]) -> float:
        first, second = exp(point[2]), exp(point[3])
        shares = (first / (1 + first + second), second / (1 + first + second))
        return length(PhaseMatchingSettings(exp(point[0]), exp(point[0]) * logistic(point[1]), shares))

    found = length(best_phase_matching(optics, PROMISES, pulses))
    assert found > 0
    assert found >= ENOUGH * highest(at, ((-5.0, 0.5), (-4.0, 3.0), (-2.0, 7.0), (-3.0, 5.0)), 6)


def one_kind(optics: Optics, source: Source, basis: float) -> float:
    settings = NoDecoySettings(source, basis)
    cells = [BLOCK * cell for cell in settings.cells(optics)]
    return NoDecoyEstimator(settings, STRICT, BLOCK).signed_length(cells)


@pytest.mark.parametrize("loss", [0.0, 3.0, 6.0, 8.0])
def test_no_decoy(loss: float) -> None:
    optics = fibre(loss)
    best = best_laser(optics, STRICT, BLOCK)
    found = one_kind(optics, best.source, best.key_basis)
    bounds = ((-2.0, 7.0), (log(1e-5), log(0.5)))
    most = highest(lambda point: one_kind(optics, CoherentSource(exp(point[1])), logistic(point[0])), bounds, 40)
    assert found > 0
    assert found >= ENOUGH * most


@pytest.mark.parametrize("loss", [0.0, 8.0, 12.0, 16.0])
def test_single_photons(loss: float) -> None:
    optics, source = fibre(loss), PhotonSource(0.5, 0.01)
    found = one_kind(optics, source, best_basis(source, optics, STRICT, BLOCK).key_basis)
    most = max(one_kind(optics, source, logistic(place)) for place in np.linspace(-2.0, 7.0, 2000).tolist())
    assert found > 0
    assert found >= ENOUGH * most


def mean_key(name: str, loss: float, **fixed: float) -> float:
    """Return the key of a block with mean counts, 0 where the device refuses the link."""
    try:
        model = link_model(replace(shipped(name), **fixed), lossy(loss))  # type: ignore[arg-type]  # any field
    except Mistake:
        return 0.0
    if isinstance(model, CountedLink):
        return model.estimator.signed_length([model.pulses * cell for cell in model.cells])
    assert isinstance(model, Gg02Link)
    return model.outlook()[0]


ONE_SETTING: Final = {
    "generic-bbm92": ("pair_number", 1e-5, 0.5, (12.0, 30.0)),
    "generic-bbm92-cw": ("pair_rate", 1e3, 1e9, (12.0, 42.0)),
    "generic-e91": ("pair_number", 1e-5, 0.5, (8.0, 24.0)),
    "generic-dps": ("intensity", 1e-3, 0.499, (12.0, 40.0)),
    "generic-cow": ("intensity", 1e-3, 0.499, (12.0, 26.0)),
    "generic-gg02-homodyne": ("modulation_variance", 0.05, 100.0, (4.0, 12.0)),
    "generic-gg02-heterodyne": ("modulation_variance", 0.05, 100.0, (4.0, 10.0)),
}


@pytest.mark.slow
@pytest.mark.parametrize("name", sorted(ONE_SETTING))
def test_protocols_with_one_setting(name: str) -> None:
    setting, least, most, losses = ONE_SETTING[name]
    for loss in losses:
        found = mean_key(name, loss)
        keys = {setting: 0.0}

        def key(point: Sequence[float], loss: float = loss, keys: dict[str, float] = keys) -> float:
            keys[setting] = exp(point[0])
            return mean_key(name, loss, **keys)

        assert found > 0
        assert found >= ENOUGH * highest(key, ((log(least), log(most)),), 20)
