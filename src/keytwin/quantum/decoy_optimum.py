"""The settings of decoy BB84 that give most key: intensities, their shares and the choice of basis. Lim et al., III.

Where no settings give key, the length still tells by how much it falls short, so that the search finds its way.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import product
from math import exp
from typing import Final

from keytwin.quantum.decoy_bb84 import Optics, Settings, sifted_share
from keytwin.quantum.finite_key import Counts, Distillation, Estimator

Point = Sequence[float]
"""Logit of the key basis, ln(p_1 / p_3), ln(p_2 / p_3), ln(k1 - 2 k3), logit of (k2 - k3) / (k1 - 2 k3)."""
Objective = Callable[[Settings], float]

_BOUNDS: Final = ((-2.0, 6.0), (-4.0, 6.0), (-4.0, 6.0), (-4.0, 0.5), (-5.0, 5.0))
_STARTS: Final = tuple(product((0.3, 1.2, 2.2), (-1.2, 0.3, 1.5), (0.6,), (-0.85,), (-0.5, 0.2)))
"""A grid across the optima of blocks from 1e4 to 1e10 sifted bits."""
_TRIES: Final = 3
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
    def value(point: Point) -> float:
        return objective(_settings(point, vacuum))

    tried = []
    for start in sorted(_STARTS, key=value, reverse=True)[:_TRIES]:
        tried.append(_rounded(_settings(_climb(value, start), vacuum)))
        if objective(tried[-1]) > 0:
            break
    return max(tried, key=objective)


def _climb(value: Callable[[Point], float], start: Point) -> list[float]:
    # scipy takes 0.4 s to import, and a device that fixes its settings never comes here.
    from scipy.optimize import minimize  # noqa: PLC0415

    scale = abs(value(start)) or 1.0
    options = {"xtol": 1e-2, "ftol": 1e-6}  # the optimum is flat: this is within 1e-4 of the best rate
    found = minimize(lambda point: -value(point) / scale, start, method="Powell", bounds=_BOUNDS, options=options)
    return [float(coordinate) for coordinate in found.x]


def _settings(point: Point, vacuum: float) -> Settings:
    basis, signal_odds, decoy_odds, excess, part = point
    first, second = exp(signal_odds), exp(decoy_odds)
    whole = 1.0 + first + second
    room = exp(excess)
    intensities = (2.0 * vacuum + room, vacuum + room * _logistic(part), vacuum)
    return Settings(intensities, (first / whole, second / whole, 1.0 / whole), _logistic(basis))


def _rounded(settings: Settings) -> Settings:
    """Keep what a modulator can be set to, and what does not depend on the last digit of a library's exp."""
    signal, decoy = (_four_digits(intensity) for intensity in settings.intensities[:2])
    first, second = (_four_digits(share) for share in settings.shares[:2])
    intensities = (signal, decoy, settings.intensities[2])
    return Settings(intensities, (first, second, 1.0 - first - second), _four_digits(settings.key_basis))


def _four_digits(value: float) -> float:
    return float(f"{value:.4g}")


def _logistic(value: float) -> float:
    return 1.0 / (1.0 + exp(-value))
