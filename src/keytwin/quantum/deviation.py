"""How far a count may lie from its mean: Chernoff bounds for sums of independent trials.

Inverted for an unknown mean as in Zhang, Zhao, Razavi, Ma, PRA 95 012333, in their simple form; no distribution is
assumed, so they hold for few counts too.
"""

from __future__ import annotations

from math import log, sqrt
from typing import NamedTuple


class Confidence(NamedTuple):
    """One-sided bounds, each of which fails with probability exp(-`exponent`) at most."""

    exponent: float

    @classmethod
    def failing(cls, probability: float, bounds: int) -> Confidence:
        """Share a probability of failure among a number of bounds."""
        assert 0 < probability < 1
        return cls(log(bounds / probability))

    def most(self, count: float) -> float:
        """Return what the mean of a count does not exceed: P(n <= m - d) <= exp(-d^2 / 2 m)."""
        return most(self.exponent, count)

    def least(self, count: float) -> float:
        """Return what the mean of a count is not below: P(n >= m + d) <= exp(-d^2 / (2 m + d))."""
        return least(self.exponent, count)


def most(exponent: float, count: float) -> float:
    """Return the upper bound, in numbers alone: see `fast.py`."""
    return count + exponent + sqrt(exponent * (2.0 * count + exponent))


def least(exponent: float, count: float) -> float:
    """Return the lower bound in the same way."""
    half = exponent / 2.0
    return max(0.0, count + half - sqrt(exponent * 2.0 * count + half * half))
