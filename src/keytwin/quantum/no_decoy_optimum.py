"""The settings of BB84 without decoy that give most key: choice of basis, and intensity of a laser."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from itertools import product
from math import exp, log
from typing import Final

from keytwin.quantum.decoy_bb84 import Optics, sifted_share
from keytwin.quantum.finite_key import Distillation
from keytwin.quantum.no_decoy import CoherentSource, NoDecoyEstimator, NoDecoySettings, PhotonSource
from keytwin.quantum.search import Point, Space, four_digits, logistic

_BASES: Final = (0.0, 1.5, 3.0)
_BASIS_BOUNDS: Final = (-2.0, 7.0)
_INTENSITIES: Final = (-2.5, -1.2, -0.5, 0.5)  # ln(mu / eta)
_LARGEST: Final = log(2.0)
_SMALLEST: Final = log(1e-9)
_CACHED: Final = 4096  # distinct links of one network


@lru_cache(maxsize=_CACHED)
def best_laser(optics: Optics, distillation: Distillation, pulses: int) -> NoDecoySettings:
    """Return intensity and basis with most key from `pulses` weak coherent pulses.

    The best intensity is near the transmittance: above it, pulses with several photons could make up all that arrives.
    """
    usual = log(max(optics.transmittance, 1e-8))
    starts = [(basis, min(usual + part, _LARGEST)) for basis, part in product(_BASES, _INTENSITIES)]
    bounds = (_BASIS_BOUNDS, (_SMALLEST, _LARGEST))
    return Space(_laser, _rounded_laser, starts, bounds).best(_length(optics, distillation, pulses))


@lru_cache(maxsize=_CACHED)
def best_basis(source: PhotonSource, optics: Optics, distillation: Distillation, pulses: int) -> NoDecoySettings:
    """Return the choice of basis with most key from `pulses` single photons."""

    def settings(point: Point) -> NoDecoySettings:
        return NoDecoySettings(source, logistic(point[0]))

    def rounded(found: NoDecoySettings) -> NoDecoySettings:
        return NoDecoySettings(source, four_digits(found.key_basis))

    starts = [(basis,) for basis in _BASES]
    return Space(settings, rounded, starts, (_BASIS_BOUNDS,)).best(_length(optics, distillation, pulses))


def _length(optics: Optics, distillation: Distillation, pulses: int) -> Callable[[NoDecoySettings], float]:
    def length(settings: NoDecoySettings) -> float:
        expected = tuple(pulses * cell for cell in settings.cells(optics))
        secret = NoDecoyEstimator(settings, distillation, pulses).signed_length(expected)
        return secret if secret > 0 else secret / (1.0 + sifted_share(expected))  # else sending nothing would be best

    return length


def _laser(point: Point) -> NoDecoySettings:
    """Read logit of the key basis and ln mu."""
    return NoDecoySettings(CoherentSource(exp(point[1])), logistic(point[0]))


def _rounded_laser(settings: NoDecoySettings) -> NoDecoySettings:
    assert isinstance(settings.source, CoherentSource)
    return NoDecoySettings(CoherentSource(four_digits(settings.source.intensity)), four_digits(settings.key_basis))
