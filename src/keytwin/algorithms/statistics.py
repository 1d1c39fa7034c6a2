"""Figures of a handful of measurements; whole distributions are numpy's business."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, sqrt


def mean_and_error(values: Sequence[float]) -> tuple[float, float]:
    """Return the mean and its standard error; at least two values."""
    assert len(values) >= 2
    mean = sum(values) / len(values)
    variance = sum((value - mean) ** 2 for value in values) / (len(values) - 1)
    return mean, sqrt(variance / len(values))


def quantile(values: Sequence[float], share: float) -> float:
    """Return the value that `share` of the values lie below, between two of them by straight line (Hyndman-Fan 7)."""
    assert values
    assert 0 <= share <= 1
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    below = floor(place)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (place - below) * (ordered[above] - ordered[below])


def smoothed(average: float | None, value: float, share: float) -> float:
    """Return the exponentially weighted mean in which the newest value counts `share`; None = this is the first."""
    assert 0 < share <= 1
    return value if average is None else average + share * (value - average)
