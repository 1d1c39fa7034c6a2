"""The best settings of a protocol: a climb from the best points of a grid, the same whenever it is repeated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import exp
from typing import Final, Generic, TypeVar

Point = Sequence[float]
"""Coordinates without bounds of their own, such as logits and logarithms of what is set."""
Bounds = Sequence[tuple[float, float]]
S = TypeVar("S")

TRIES: Final = 3


@dataclass(frozen=True, slots=True)
class Space(Generic[S]):
    """Where to look for settings."""

    settings: Callable[[Point], S]
    """Gives the settings that a point stands for."""
    rounded: Callable[[S], S]
    """Gives the settings that a device would be set to."""
    starts: Sequence[Point]
    bounds: Bounds

    def best(self, objective: Callable[[S], float]) -> S:
        """Return the settings with the highest objective; a climb that ends above 0 is not repeated from elsewhere.

        Where no settings give key, the objective should tell by how much it falls short, so that the climb finds its
        way.
        """

        def value(point: Point) -> float:
            return objective(self.settings(point))

        tried: list[S] = []
        for start in sorted(self.starts, key=value, reverse=True)[:TRIES]:
            tried.append(self.rounded(self.settings(_climb(value, start, self.bounds))))
            if objective(tried[-1]) > 0:
                break
        return max(tried, key=objective)


def _climb(value: Callable[[Point], float], start: Point, bounds: Bounds) -> list[float]:
    # scipy takes 0.4 s to import, and a device that fixes its settings never comes here.
    from scipy.optimize import minimize  # noqa: PLC0415

    inside = [min(max(each, low), high) for each, (low, high) in zip(start, bounds, strict=True)]
    scale = abs(value(start)) or 1.0
    options = {"xtol": 1e-2, "ftol": 1e-6}  # the optimum is flat: this is within 1e-4 of the best rate
    found = minimize(lambda point: -value(point) / scale, inside, method="Powell", bounds=bounds, options=options)
    return [float(coordinate) for coordinate in found.x]


def four_digits(value: float) -> float:
    """Keep what a modulator can be set to, and what does not depend on the last digit of a library's exp."""
    return float(f"{value:.4g}")


def logistic(value: float) -> float:
    """Return the share whose logit is `value`."""
    return 1.0 / (1.0 + exp(-value))
