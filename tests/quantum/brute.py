"""The best point by brute force: all points of a grid, then of finer ones around the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product

Bounds = Sequence[tuple[float, float]]


def highest(height: Callable[[Sequence[float]], float], bounds: Bounds, first: int, zooms: int = 7) -> float:
    """Return the greatest height on `first` places an axis, then on three an axis, ever closer together."""
    places = [[low + (high - low) * (each + 0.5) / first for each in range(first)] for low, high in bounds]
    best = max(product(*places), key=height)
    steps = [(high - low) / first for low, high in bounds]
    for _ in range(zooms):
        steps = [step * 0.6 for step in steps]
        around = [(at - step, at, at + step) for at, step in zip(best, steps, strict=True)]
        best = max(product(*around), key=height)
    return height(best)
