"""What a block will hold in the mean: the moments of its length from those of what is counted or fitted."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import sqrt


def outlook(
    length: Callable[[list[float]], float], expected: Sequence[float], spreads: Sequence[float]
) -> tuple[float, float]:
    """Return mean and standard deviation of the length of a block in which `expected` is seen, give or take `spreads`.

    What is seen is nearly independent of one another, as hardly any pulse is detected. The length is bent only slightly
    within a standard deviation of each, so its values there give both moments to second order.
    """
    seen = list(expected)
    centre = length(seen)
    mean, variance = centre - 0.5, 0.0  # rounding down takes half a bit
    for index, spread in enumerate(spreads):
        above, below = (length(_moved(seen, index, step)) for step in (spread, -spread))
        mean += (above + below) / 2.0 - centre
        variance += ((above - below) / 2.0) ** 2
    return mean, sqrt(variance)


def _moved(seen: list[float], index: int, step: float) -> list[float]:
    moved = seen.copy()
    moved[index] = max(0.0, moved[index] + step)
    return moved
