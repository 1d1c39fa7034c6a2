"""The settings of measurement-device-independent QKD that give most key: intensities and their shares."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import exp, expm1, log, log1p, sqrt
from typing import Final, NamedTuple

import numpy as np

from keytwin.quantum.counted_link import Promises
from keytwin.quantum.fast import heights_of
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.mdi_estimator import MdiCosts, MdiCounts, MdiSettings, Three, Two, plan_of, signed_length
from keytwin.quantum.search import Point, four_digits, logistic, tops

_STEEPEST: Final = 10.0  # tilt: the brighter decoy stays far below what the series of the model are good for
_FAINTEST: Final = 1e-100  # transmittance; no arm is so long, and its ratio to another one stays a number
_CACHED: Final = 4096  # distinct links of one network
_TERMS: Final = 40  # of a series that ends long before
_NEGLIGIBLE: Final = 1e-17
BOUNDS: Final = ((-2.5, 0.0), (-3.5, 0.0), (-4.0, 1.0), (-1.0, 7.0), (-4.0, 3.0), (-3.0, 4.0))
_STARTS: Final = tuple(product((log(0.5),), (log(0.25),), (-1.6,), (0.5, 2.0, 3.5), (-1.0,), (0.5, 1.5)))


class MdiCase(NamedTuple):
    """One link whose best settings are wanted, in numbers alone."""

    near: float
    far: float
    dark_count: float
    misalignment: float
    tilt: float
    pulses: float
    costs: MdiCosts


def case_of(optics: RelayOptics, promises: Promises, pulses: int) -> MdiCase:
    """Describe a link.

    The decoys of the two ends are tilted so that they arrive equally bright (Wang, Xu, Lo, PRX 9 041012).
    """
    near, far, dark, turned = (
        float(np.asarray(each)) for each in (optics.near, optics.far, optics.dark_count, optics.misalignment)
    )
    tilt = min(max(sqrt(max(near, _FAINTEST) / max(far, _FAINTEST)), 1.0 / _STEEPEST), _STEEPEST)
    return MdiCase(near, far, dark, turned, tilt, float(pulses), MdiCosts.of(promises))


@lru_cache(maxsize=_CACHED)
def best_mdi_settings(optics: RelayOptics, promises: Promises, pulses: int) -> MdiSettings:
    """Return the settings with most key from a block of `pulses` pulse pairs."""
    return best_of_many([case_of(optics, promises, pulses)])[0]


def best_of_many(cases: Sequence[MdiCase], *, compiled: bool | None = None) -> list[MdiSettings]:
    """Return the best settings of many links at once; `compiled` as in `fast.heights_of`."""
    found = tops(heights_of(objective, cases, compiled=compiled), len(cases), [_STARTS], BOUNDS)
    return [_rounded(point, case.tilt) for point, case in zip(found, cases, strict=True)]


def objective(point: Point, case: MdiCase) -> float:
    """Return the key of a block, negative by as much as is lacking."""
    intensities, shares = chosen(point)
    plan = plan_of(intensities, shares, case.tilt, case.pulses, case.costs)
    return signed_length(plan, expected(case, intensities, shares))


def chosen(point: Point) -> tuple[Three, Three]:
    """Return intensities and shares of signal, strong and weak decoy.

    The coordinates are ln of the signal, ln of the strong decoy, the logit of weak / strong, and the ln of the odds of
    signal, strong and weak against darkness.
    """
    strong = exp(point[1])
    first, second, third = exp(point[3]), exp(point[4]), exp(point[5])
    whole = 1.0 + first + second + third
    return (exp(point[0]), strong, strong * logistic(point[2])), (first / whole, second / whole, third / whole)


def expected(case: MdiCase, intensities: Three, shares: Three) -> MdiCounts:
    """Return the mean counts of a block: the same formulae as in `mdi.py`."""
    (signal, strong, weak), (p1, p2, p3), tilt = intensities, shares, case.tilt
    dark = 1.0 - (p1 + p2 + p3)
    gain, wrong = _rectilinear(case, signal, signal)
    weak_gain, weak_wrong = _diagonal(case, weak / tilt, weak * tilt)
    near_gain, near_wrong = _diagonal(case, weak / tilt, 0.0)
    far_gain, far_wrong = _diagonal(case, 0.0, weak * tilt)
    dark_gain, dark_wrong = _diagonal(case, 0.0, 0.0)
    strong_gain, _ = _diagonal(case, strong / tilt, strong * tilt)
    strong_near, _ = _diagonal(case, strong / tilt, 0.0)
    strong_far, _ = _diagonal(case, 0.0, strong * tilt)
    key, both, one = case.pulses * p1 * p1, case.pulses * p3 * p3, case.pulses * p3 * dark
    none, bright, lone = case.pulses * dark * dark, case.pulses * p2 * p2, case.pulses * p2 * dark
    return MdiCounts(
        key * (gain - wrong),
        key * wrong,
        both * weak_gain,
        one * near_gain,
        one * far_gain,
        none * dark_gain,
        bright * strong_gain,
        lone * strong_near,
        lone * strong_far,
        both * weak_wrong,
        one * near_wrong,
        one * far_wrong,
        none * dark_wrong,
    )


def _rectilinear(case: MdiCase, near: float, far: float) -> Two:
    """Return gain and wrong part of the key basis."""
    one, other, dark = case.near * near, case.far * far, case.dark_count
    live = (1.0 - dark) * (1.0 - dark) * exp(-(one + other) / 2.0)
    clear = log1p(-dark)
    correct = 2.0 * live * expm1(clear - one / 2.0) * expm1(clear - other / 2.0)
    _, excess, _ = _bessel(one * other / 16.0)
    erroneous = 2.0 * dark * live * (excess - expm1(clear - (one + other) / 2.0))
    turned = case.misalignment
    return correct + erroneous, turned * correct + (1.0 - turned) * erroneous


def _diagonal(case: MdiCase, near: float, far: float) -> Two:
    """Return gain and wrong part of the test basis."""
    one, other = case.near * near, case.far * far
    exponent = log1p(-case.dark_count) - (one + other) / 4.0
    live, lost = exp(exponent), -expm1(exponent)
    single, double, bunching = _bessel(one * other / 16.0)
    gain = 2.0 * live * live * (2.0 * lost * lost + 4.0 * lost * single + bunching)
    contrast = (1.0 - 2.0 * case.misalignment) * live * live * double
    return gain, 0.5 * gain - contrast


def _bessel(square: float) -> Three:
    """Return I_0(x) - 1, I_0(2 x) - 1 and I_0(2 x) - 4 I_0(x) + 3 for x^2 / 4 = `square`, without cancellation."""
    single, double, bunching, term, power = 0.0, 0.0, 0.0, 1.0, 1.0
    for order in range(1, _TERMS):
        term *= square / (order * order)
        power *= 4.0
        single += term
        double += power * term
        bunching += (power - 4.0) * term
        if power * term <= _NEGLIGIBLE * bunching:
            break
    return single, double, bunching


def _rounded(point: Point, tilt: float) -> MdiSettings:
    (signal, strong, weak), shares = chosen(point)
    first, second, third = (four_digits(share) for share in shares)
    return MdiSettings(four_digits(signal), four_digits(strong), four_digits(weak), (first, second, third), tilt)
