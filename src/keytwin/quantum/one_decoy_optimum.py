"""The settings of one-decoy BB84 that give most key: intensities, their shares and the choice of basis."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from math import exp
from typing import Final

from keytwin.quantum.decoy_bb84 import Optics, sifted_share
from keytwin.quantum.finite_key import Distillation
from keytwin.quantum.one_decoy import OneDecoyEstimator, OneDecoySettings
from keytwin.quantum.search import Point, Space, four_digits, logistic

_BOUNDS: Final = ((-2.0, 6.0), (-5.0, 6.0), (-4.0, 0.5), (-5.0, 4.0))
_STARTS: Final = tuple(product((0.3, 1.5, 3.0), (-0.5, 1.0, 2.5), (-0.85,), (-0.9, 0.0)))
_CACHED: Final = 4096  # distinct links of one network


@lru_cache(maxsize=_CACHED)
def best_one_decoy(optics: Optics, distillation: Distillation, pulses: int) -> OneDecoySettings:
    """Return the settings with most key from `pulses` pulses."""

    def length(settings: OneDecoySettings) -> float:
        expected = [pulses * cell for cell in optics.cells(settings)]
        return OneDecoyEstimator(settings, distillation).signed_length(expected)

    return _maximise(length)


@lru_cache(maxsize=_CACHED)
def best_one_decoy_for_sifted(optics: Optics, distillation: Distillation, sifted: float) -> OneDecoySettings:
    """Return the settings with most key per pulse when a block ends with `sifted` bits of the key basis."""

    def rate(settings: OneDecoySettings) -> float:
        cells = optics.cells(settings)
        pulses = sifted / sifted_share(cells)
        length = OneDecoyEstimator(settings, distillation).signed_length([pulses * cell for cell in cells])
        return length / (pulses if length > 0 else sifted)  # never rewarded for wasting pulses on a useless block

    return _maximise(rate)


def _maximise(objective: Callable[[OneDecoySettings], float]) -> OneDecoySettings:
    return Space(_settings, _rounded, _STARTS, _BOUNDS).best(objective)


def _settings(point: Point) -> OneDecoySettings:
    """Read logit of the key basis, logit of p_1, ln k1 and logit of k2 / k1."""
    basis, signal_odds, intensity, part = point
    signal = exp(intensity)
    return OneDecoySettings((signal, signal * logistic(part)), logistic(signal_odds), logistic(basis))


def _rounded(settings: OneDecoySettings) -> OneDecoySettings:
    signal, decoy = (four_digits(intensity) for intensity in settings.intensities)
    return OneDecoySettings((signal, decoy), four_digits(settings.signal_share), four_digits(settings.key_basis))
