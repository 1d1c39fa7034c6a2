"""What a block will hold in the mean: the moments of its length from the means of its counts."""

from __future__ import annotations

from collections.abc import Callable
from math import sqrt


def outlook(length: Callable[[list[float]], float], expected: list[float]) -> tuple[float, float]:
    """Return mean and standard deviation of the length of a block whose cells hold `expected` detections in the mean.

    Each count is nearly Poisson and independent of the others, as hardly any pulse is detected. The length is bent only
    slightly within a standard deviation of each, so its values there give both moments to second order.
    """
    centre = length(expected)
    mean, variance = centre - 0.5, 0.0  # rounding down takes half a bit
    for index, count in enumerate(expected):
        spread = sqrt(count)
        above, below = (length(_moved(expected, index, step)) for step in (spread, -spread))
        mean += (above + below) / 2.0 - centre
        variance += ((above - below) / 2.0) ** 2
    return mean, sqrt(variance)


def _moved(cells: list[float], index: int, step: float) -> list[float]:
    moved = cells.copy()
    moved[index] = max(0.0, moved[index] + step)
    return moved
