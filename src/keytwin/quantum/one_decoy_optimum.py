"""The settings of one-decoy BB84 that give most key: intensities, their shares and the choice of basis."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import exp
from typing import Final, NamedTuple

from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.fast import heights_of
from keytwin.quantum.finite_key import Costs, Distillation
from keytwin.quantum.one_decoy import PARTS, Basis, OneDecoySettings, plan_of, signed_length
from keytwin.quantum.pulse_kernel import Receiver, answer, live_share, receiver_of
from keytwin.quantum.search import Point, four_digits, logistic, tops

BOUNDS: Final = ((-2.0, 6.0), (-5.0, 6.0), (-4.0, 0.5), (-5.0, 4.0))
_STARTS: Final = tuple(product((0.3, 1.5, 3.0), (-0.5, 1.0, 2.5), (-0.85,), (-0.9, 0.0)))
_CACHED: Final = 4096  # distinct links of one network


class OneDecoyCase(NamedTuple):
    """One link whose best settings are wanted, in numbers alone."""

    receiver: Receiver
    costs: Costs
    pulses: float
    """Of a block; 0 where its sifted bits are given."""
    sifted: float
    """Bits of the key basis with which a block ends; 0 where its pulses are given."""


def case_of(optics: Optics, distillation: Distillation, *, pulses: float = 0.0, sifted: float = 0.0) -> OneDecoyCase:
    """Describe a link by the pulses of a block or by its sifted bits."""
    assert (pulses > 0) != (sifted > 0)
    return OneDecoyCase(receiver_of(optics), Costs.of(distillation, PARTS), float(pulses), float(sifted))


@lru_cache(maxsize=_CACHED)
def best_one_decoy(optics: Optics, distillation: Distillation, pulses: int) -> OneDecoySettings:
    """Return the settings with most key from `pulses` pulses."""
    return best_of_many([case_of(optics, distillation, pulses=pulses)])[0]


@lru_cache(maxsize=_CACHED)
def best_one_decoy_for_sifted(optics: Optics, distillation: Distillation, sifted: float) -> OneDecoySettings:
    """Return the settings with most key per pulse when a block ends with `sifted` bits of the key basis."""
    return best_of_many([case_of(optics, distillation, sifted=sifted)])[0]


def best_of_many(cases: Sequence[OneDecoyCase], *, compiled: bool | None = None) -> list[OneDecoySettings]:
    """Return the best settings of many links at once; `compiled` as in `fast.heights_of`."""
    found = tops(heights_of(objective, cases, compiled=compiled), len(cases), [_STARTS], BOUNDS)
    return [_rounded(point) for point in found]


def objective(point: Point, case: OneDecoyCase) -> float:
    """Return the key of a block, or per pulse when its sifted bits are given; negative by as much as is lacking."""
    intensities, p1, basis = chosen(point)
    (click1, wrong1), (click2, wrong2) = answer(case.receiver, intensities[0]), answer(case.receiver, intensities[1])
    n1, n2, m1, m2 = p1 * click1, (1.0 - p1) * click2, p1 * wrong1, (1.0 - p1) * wrong2
    live = live_share(case.receiver, n1 + n2)
    first = basis * basis * live
    pulses = case.pulses if case.pulses > 0 else case.sifted / (first * (n1 + n2))
    key, test = pulses * first, pulses * (1.0 - basis) * (1.0 - basis) * live
    length = signed_length(
        plan_of(intensities, p1, case.costs),
        Basis((key * n1, key * n2), (key * m1, key * m2)),
        Basis((test * n1, test * n2), (test * m1, test * m2)),
    )
    if case.pulses > 0:
        return length
    return length / (pulses if length > 0 else case.sifted)  # never rewarded for wasting pulses on a useless block


def chosen(point: Point) -> tuple[tuple[float, float], float, float]:
    """Return intensities, share of the signal and key basis of a point.

    Its coordinates are the logits of the key basis and of p_1, ln k1 and the logit of k2 / k1.
    """
    signal = exp(point[2])
    return (signal, signal * logistic(point[3])), logistic(point[1]), logistic(point[0])


def _rounded(point: Point) -> OneDecoySettings:
    (signal, decoy), share, basis = chosen(point)
    return OneDecoySettings((four_digits(signal), four_digits(decoy)), four_digits(share), four_digits(basis))
