"""The settings of twin-field QKD with plain coherent pulses that give most key: intensities and their shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from math import exp, expm1, log1p
from typing import Final, NamedTuple

import numpy as np

from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.coherent_twin_estimator import (
    CoherentTwinCosts,
    CoherentTwinSettings,
    Seven,
    Three,
    Two,
    plan_of,
    signed_length,
)
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.fast import heights_of
from keytwin.quantum.search import Point, four_digits, logistic, tops

_CACHED: Final = 4096  # distinct links of one network
_TERMS: Final = 40  # of a series that ends long before
_NEGLIGIBLE: Final = 1e-17
BOUNDS: Final = ((-7.0, -1.0), (-3.5, 0.5), (-5.0, 2.0), (-2.0, 7.0), (-4.0, 3.0), (-4.0, 3.0))
_STARTS: Final = (
    (
        (-3.3, -1.1, -0.9, 3.5, -1.6, -0.4),
        (-3.7, -1.5, -0.8, 3.8, -1.6, -0.3),
        (-3.9, -1.0, -0.8, 2.7, -2.0, -0.7),
        (-4.2, -0.5, -1.1, 2.1, -2.2, -1.1),
        (-4.4, -0.4, -1.0, 0.8, -2.3, -1.3),
        (-4.6, -0.2, -0.9, 0.3, -2.7, -1.7),
    ),
    (
        (-3.3, -1.1, -1.5, 2.5, -1.1, -1.4),
        (-3.7, -0.6, -1.7, 3.7, -2.0, -0.5),
        (-4.2, -0.9, -1.6, 1.5, -1.6, -2.0),
        (-4.6, -0.5, -1.7, 0.3, -2.0, -2.6),
    ),
)
"""Optima along the loss, of blocks from 1e9 to 1e13 pulse pairs. There are two hills side by side: on the first the
strong decoy bounds the yield of two photons from each end, on the second the weak one does."""


class CoherentTwinCase(NamedTuple):
    """One link whose best settings are wanted, in numbers alone."""

    transmittance: float
    dark_count: float
    misalignment: float
    pulses: float
    costs: CoherentTwinCosts


def case_of(optics: CoherentTwin, promises: Promises, pulses: int) -> CoherentTwinCase:
    """Describe a link."""
    arm, dark, turned = (
        float(np.asarray(each)) for each in (optics.transmittance, optics.dark_count, optics.misalignment)
    )
    return CoherentTwinCase(arm, dark, turned, float(pulses), CoherentTwinCosts.of(promises))


@lru_cache(maxsize=_CACHED)
def best_coherent_twin(optics: CoherentTwin, promises: Promises, pulses: int) -> CoherentTwinSettings:
    """Return the settings with most key from a block of `pulses` pulse pairs."""
    return best_of_many([case_of(optics, promises, pulses)])[0]


def best_of_many(cases: Sequence[CoherentTwinCase], *, compiled: bool | None = None) -> list[CoherentTwinSettings]:
    """Return the best settings of many links at once; `compiled` as in `fast.heights_of`."""
    found = tops(heights_of(objective, cases, compiled=compiled), len(cases), _STARTS, BOUNDS)
    return [_rounded(point) for point in found]


def objective(point: Point, case: CoherentTwinCase) -> float:
    """Return the key of a block, negative by as much as is lacking."""
    intensities, shares = chosen(point)
    plan = plan_of(intensities, shares, case.pulses, case.costs)
    gain, wrong = _key(case, intensities[0])
    return signed_length(plan, (plan.pairs * (gain - wrong), plan.pairs * wrong), _decoys(case, intensities, plan.sent))


def chosen(point: Point) -> tuple[Three, Three]:
    """Return intensities and shares of signal, strong and weak decoy.

    The coordinates are ln of the signal, ln of the strong decoy, the logit of weak / strong, and the ln of the odds of
    signal, strong and weak against darkness.
    """
    strong = exp(point[1])
    first, second, third = exp(point[3]), exp(point[4]), exp(point[5])
    whole = 1.0 + first + second + third
    return (exp(point[0]), strong, strong * logistic(point[2])), (first / whole, second / whole, third / whole)


def _key(case: CoherentTwinCase, intensity: float) -> Two:
    """Return gain and wrong part of the key's pulses: the same formulae as in `coherent_twin.py`."""
    arriving = case.transmittance * intensity
    lit = 1.0 - case.dark_count
    strong, weak = 2.0 * arriving * (1.0 - case.misalignment), 2.0 * arriving * case.misalignment
    right = lit * exp(-weak) * (case.dark_count - lit * expm1(-strong))
    wrong = lit * exp(-strong) * (case.dark_count - lit * expm1(-weak))
    return right + wrong, wrong


def _decoys(case: CoherentTwinCase, intensities: Three, sent: Seven) -> Seven:
    """Return the mean counts of the decoys; the two ends are alike."""
    _, strong, weak = intensities
    one, other = _seen(case, weak, 0.0), _seen(case, strong, 0.0)
    return (
        sent[0] * _seen(case, weak, weak),
        sent[1] * one,
        sent[2] * one,
        sent[3] * _seen(case, strong, strong),
        sent[4] * other,
        sent[5] * other,
        sent[6] * _seen(case, 0.0, 0.0),
    )


def _seen(case: CoherentTwinCase, near: float, far: float) -> float:
    """Return the gain of pulses with random phases."""
    one, other = case.transmittance * near, case.transmittance * far
    half = (one + other) / 2.0
    dark = _bessel_excess(one * other / 4.0) - expm1(log1p(-case.dark_count) - half)
    return 2.0 * (1.0 - case.dark_count) * exp(-half) * dark


def _bessel_excess(square: float) -> float:
    """Return I_0(x) - 1 for x^2 / 4 = `square`."""
    total, term = 0.0, 1.0
    for order in range(1, _TERMS):
        term *= square / (order * order)
        total += term
        if term <= _NEGLIGIBLE * total:
            break
    return total


def _rounded(point: Point) -> CoherentTwinSettings:
    (signal, strong, weak), shares = chosen(point)
    first, second, third = (four_digits(share) for share in shares)
    return CoherentTwinSettings(four_digits(signal), four_digits(strong), four_digits(weak), (first, second, third))
