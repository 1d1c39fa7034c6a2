"""The settings of decoy BB84 that give most key: intensities, their shares and the choice of basis. Lim et al., III.

Where no settings give key, the length still tells by how much it falls short, so that the search finds its way.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from math import exp
from typing import Final

from keytwin.quantum.decoy_bb84 import Optics, Settings, sifted_share
from keytwin.quantum.finite_key import Counts, Distillation, Estimator
from keytwin.quantum.search import Point, Space, four_digits, logistic

Objective = Callable[[Settings], float]

_BOUNDS: Final = ((-2.0, 6.0), (-4.0, 6.0), (-4.0, 6.0), (-4.0, 0.5), (-5.0, 5.0))
_STARTS: Final = tuple(product((0.3, 1.2, 2.2), (-1.2, 0.3, 1.5), (0.6,), (-0.85,), (-0.5, 0.2)))
"""A grid across the optima of blocks from 1e4 to 1e10 sifted bits."""
_CACHED: Final = 4096  # distinct links of one network


@lru_cache(maxsize=_CACHED)
def best_settings(optics: Optics, distillation: Distillation, vacuum: float, pulses: int) -> Settings:
    """Return the settings with most key from `pulses` pulses; `vacuum` is the intensity of the weakest decoy."""

    def length(settings: Settings) -> float:
        expected = Counts.of([pulses * cell for cell in optics.cells(settings)])
        return Estimator(settings, distillation).signed_length(expected)[0]

    return _maximise(length, vacuum)


@lru_cache(maxsize=_CACHED)
def best_settings_for_sifted(optics: Optics, distillation: Distillation, vacuum: float, sifted: float) -> Settings:
    """Return the settings with most key per pulse when a block ends with `sifted` bits of the key basis."""

    def rate(settings: Settings) -> float:
        cells = optics.cells(settings)
        pulses = sifted / sifted_share(cells)
        length = Estimator(settings, distillation).signed_length(Counts.of([pulses * cell for cell in cells]))[0]
        return length / (pulses if length > 0 else sifted)  # never rewarded for wasting pulses on a useless block

    return _maximise(rate, vacuum)


def _maximise(objective: Objective, vacuum: float) -> Settings:
    return Space(lambda point: _settings(point, vacuum), _rounded, _STARTS, _BOUNDS).best(objective)


def _settings(point: Point, vacuum: float) -> Settings:
    """Read ln(p_1 / p_3), ln(p_2 / p_3) and ln(k1 - 2 k3) between two logits: key basis, (k2 - k3) / (k1 - 2 k3)."""
    basis, signal_odds, decoy_odds, excess, part = point
    first, second = exp(signal_odds), exp(decoy_odds)
    whole = 1.0 + first + second
    room = exp(excess)
    intensities = (2.0 * vacuum + room, vacuum + room * logistic(part), vacuum)
    return Settings(intensities, (first / whole, second / whole, 1.0 / whole), logistic(basis))


def _rounded(settings: Settings) -> Settings:
    """Keep what a modulator can be set to, and what does not depend on the last digit of a library's exp."""
    signal, decoy = (four_digits(intensity) for intensity in settings.intensities[:2])
    first, second = (four_digits(share) for share in settings.shares[:2])
    intensities = (signal, decoy, settings.intensities[2])
    return Settings(intensities, (first, second, 1.0 - first - second), four_digits(settings.key_basis))
