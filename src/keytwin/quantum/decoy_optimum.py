"""The settings of decoy BB84 that give most key: intensities, their shares and the choice of basis. Lim et al., III.

Where no settings give key, the length still tells by how much it falls short, so that the search finds its way.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from itertools import product
from math import exp
from typing import Final, NamedTuple

from keytwin.quantum.decoy_bb84 import Optics, Settings, Three
from keytwin.quantum.fast import heights_of
from keytwin.quantum.finite_key import PARTS, Costs, Counts, Distillation, plan_of, signed_length
from keytwin.quantum.pulse_kernel import Receiver, answer, live_share, receiver_of
from keytwin.quantum.search import Point, four_digits, logistic, tops

BOUNDS: Final = ((-2.0, 6.0), (-4.0, 6.0), (-4.0, 6.0), (-4.0, 0.5), (-5.0, 5.0))
_STARTS: Final = tuple(product((0.3, 1.2, 2.2), (-1.2, 0.3, 1.5), (0.6,), (-0.85,), (-0.5, 0.2)))
"""A grid across the optima of blocks from 1e4 to 1e10 sifted bits."""
_CACHED: Final = 4096  # distinct links of one network


class DecoyCase(NamedTuple):
    """One link whose best settings are wanted; numbers alone, so that many of them make an array."""

    receiver: Receiver
    costs: Costs
    vacuum: float
    """Intensity of the weakest decoy."""
    pulses: float
    """Of a block; 0 where its sifted bits are given."""
    sifted: float
    """Bits of the key basis with which a block ends; 0 where its pulses are given."""


def case_of(
    optics: Optics, distillation: Distillation, vacuum: float, *, pulses: float = 0.0, sifted: float = 0.0
) -> DecoyCase:
    """Describe a link by the pulses of a block or by its sifted bits."""
    assert (pulses > 0) != (sifted > 0)
    return DecoyCase(receiver_of(optics), Costs.of(distillation, PARTS), float(vacuum), float(pulses), float(sifted))


@lru_cache(maxsize=_CACHED)
def best_settings(optics: Optics, distillation: Distillation, vacuum: float, pulses: int) -> Settings:
    """Return the settings with most key from `pulses` pulses; `vacuum` is the intensity of the weakest decoy."""
    return best_of_many([case_of(optics, distillation, vacuum, pulses=pulses)])[0]


@lru_cache(maxsize=_CACHED)
def best_settings_for_sifted(optics: Optics, distillation: Distillation, vacuum: float, sifted: float) -> Settings:
    """Return the settings with most key per pulse when a block ends with `sifted` bits of the key basis."""
    return best_of_many([case_of(optics, distillation, vacuum, sifted=sifted)])[0]


def best_of_many(cases: Sequence[DecoyCase], *, compiled: bool | None = None) -> list[Settings]:
    """Return the best settings of many links at once, which costs a fraction of one after the other.

    `compiled` says whether numba works out the lengths; if not told, it does where it is installed and worth its start.
    """
    found = tops(heights_of(objective, cases, compiled=compiled), len(cases), [_STARTS], BOUNDS)
    return [_rounded(point, case.vacuum) for point, case in zip(found, cases, strict=True)]


def objective(point: Point, case: DecoyCase) -> float:
    """Return the key of a block, or per pulse when its sifted bits are given; negative by as much as is lacking."""
    intensities, shares, basis = chosen(point, case.vacuum)
    (k1, k2, k3), (p1, p2, p3) = intensities, shares
    (click1, wrong1), (click2, wrong2) = answer(case.receiver, k1), answer(case.receiver, k2)
    click3, wrong3 = answer(case.receiver, k3)
    n1, n2, n3 = p1 * click1, p2 * click2, p3 * click3
    m1, m2, m3 = p1 * wrong1, p2 * wrong2, p3 * wrong3
    live = live_share(case.receiver, n1 + n2 + n3)
    first = basis * basis * live
    pulses = case.pulses if case.pulses > 0 else case.sifted / (first * (n1 + n2 + n3))
    key, test = pulses * first, pulses * (1.0 - basis) * (1.0 - basis) * live
    counts = Counts(
        (key * n1, key * n2, key * n3),
        key * (m1 + m2 + m3),
        (test * n1, test * n2, test * n3),
        (test * m1, test * m2, test * m3),
    )
    length, _ = signed_length(plan_of(intensities, shares, case.costs), counts)
    if case.pulses > 0:
        return length
    return length / (pulses if length > 0 else case.sifted)  # never rewarded for wasting pulses on a useless block


def chosen(point: Point, vacuum: float) -> tuple[Three, Three, float]:
    """Return intensities, shares and key basis of a point.

    Its coordinates are the logit of the key basis, ln(p_1 / p_3), ln(p_2 / p_3), ln(k1 - 2 k3) and the logit of
    (k2 - k3) / (k1 - 2 k3).
    """
    first, second, room = exp(point[1]), exp(point[2]), exp(point[3])
    whole = 1.0 + first + second
    intensities = (2.0 * vacuum + room, vacuum + room * logistic(point[4]), vacuum)
    return intensities, (first / whole, second / whole, 1.0 / whole), logistic(point[0])


def _rounded(point: Point, vacuum: float) -> Settings:
    """Keep what a modulator can be set to, and what does not depend on the last digit of a library's exp."""
    intensities, shares, basis = chosen(point, vacuum)
    signal, decoy = four_digits(intensities[0]), four_digits(intensities[1])
    first, second = four_digits(shares[0]), four_digits(shares[1])
    return Settings((signal, decoy, vacuum), (first, second, 1.0 - first - second), four_digits(basis))
