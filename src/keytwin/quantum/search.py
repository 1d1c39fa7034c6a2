"""The best settings of a protocol: a climb from the best points of a grid, the same whenever it is repeated.

The climb is Newton's: slopes and curvatures from the heights around a point tell where the top should be. Hills of
many links are climbed together, so that what a step costs beside the heights is shared by all of them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import combinations
from math import exp
from typing import Final, Generic, NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals

Point = Sequence[float]
"""Coordinates without bounds of their own, such as logits and logarithms of what is set."""
Bounds = Sequence[tuple[float, float]]
Numbers = npt.NDArray[np.intp]
Heights = Callable[[Reals, Numbers], Reals]
"""Gives the objective on the hills of the links with the given numbers: points per link, their coordinates last."""
S = TypeVar("S")


class Stride(NamedTuple):
    """How far around a climber looks, and how often at most."""

    apart: float
    """Of the points that tell slope and curvature."""
    rounds: int


SHORT: Final = Stride(0.02, 20)  # misses the top by 1e-4 of a unit; a climb takes five to ten rounds
LEAPS: Final = (Stride(0.4, 3), Stride(0.1, 3))
"""Bounds that switch make hills of their own, close to one another, and ridges on which slopes tell nothing."""

TRIES: Final = 3
_FIRST: Final = 1.0  # radius within which curvature is trusted at the start
_LEAST: Final = 1e-3  # radius at which a climb ends
_FLAT: Final = 1e-6  # relative gain that is none: what is found is rounded to four digits
_SHARES: Final = np.array([1.0, 0.25])  # of Newton's step that are tried
_BEND: Final = 1e-6  # least curvature, as a share of the largest
_NOTHING: Final = 1e-30  # on a plain, no direction is better than another


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

        def heights(points: Reals, _: Numbers) -> Reals:
            return np.array([[objective(self.settings(point)) for point in row] for row in points.tolist()])

        return self.rounded(self.settings(tops(heights, 1, [self.starts], self.bounds)[0]))


def tops(heights: Heights, links: int, starts: Sequence[Sequence[Point]], bounds: Bounds) -> list[list[float]]:
    """Return the highest point found for each of a number of links, after a climb from the best of each set of starts.

    Where all end below 0, there are further climbs from the next best.
    """
    numbers = np.arange(links)
    best = Climbers(numbers, np.empty((links, len(bounds))), np.full(links, -np.inf))
    grids = [np.array(grid, dtype=np.float64) for grid in starts]
    ranks = [
        np.argsort(-heights(np.broadcast_to(grid, (links, *grid.shape)), numbers), kind="stable") for grid in grids
    ]
    for attempt in range(TRIES):
        lacking = np.flatnonzero(best.heights <= 0)
        for grid, ranked in zip(grids, ranks, strict=True):
            if attempt < len(grid) and len(lacking):
                best.take(lacking, climb(heights, lacking, grid[ranked[lacking, attempt]], bounds))
    _leap(heights, best, bounds)
    return [[float(coordinate) for coordinate in point] for point in best.points]


def _leap(heights: Heights, best: Climbers, bounds: Bounds) -> None:
    """Look farther around, and climb again what is found to be higher there."""
    for stride in LEAPS:
        found = climb(heights, best.numbers, best.points, bounds, stride)
        higher = np.flatnonzero(found.heights > best.heights + _FLAT * np.abs(best.heights))
        if len(higher):
            best.take(higher, climb(heights, higher, found.points[higher], bounds))


class Climbers(NamedTuple):
    """Points on hills, and how high they are."""

    numbers: Numbers
    points: Reals
    heights: Reals

    def take(self, rows: Numbers, others: Climbers) -> None:
        """Put `others` into the rows of those that they surpass."""
        better = others.heights > self.heights[rows]
        self.points[rows[better]] = others.points[better]
        self.heights[rows[better]] = others.heights[better]


class _Slopes(NamedTuple):
    """What the heights around points tell: gradients, and curvatures with their sign turned."""

    gradients: Reals
    bends: Reals
    best: Reals
    """The highest point around."""
    best_heights: Reals


def climb(heights: Heights, links: Numbers, begin: Reals, bounds: Bounds, stride: Stride = SHORT) -> Climbers:
    """Return the tops that are reached from a point on the hill of each link, within the bounds."""
    lows, highs = np.array(bounds, dtype=np.float64).T
    inside = np.clip(begin, lows, highs)
    best = Climbers(links, inside, heights(inside[:, None], links)[:, 0])
    radii, under_way = np.full(len(inside), _FIRST), np.arange(len(inside))
    for _ in range(stride.rounds):
        now = Climbers(best.numbers[under_way], best.points[under_way], best.heights[under_way])
        slopes = _look_around(heights, now, (lows, highs), stride.apart)
        steps, lengths = _steps(slopes, now.points, (lows, highs), radii[under_way])
        ahead = np.clip(now.points[:, None] + _SHARES[:, None] * steps[:, None], lows, highs)
        choices = np.concatenate([ahead, slopes.best[:, None]], axis=1)
        found = np.concatenate([heights(ahead, now.numbers), slopes.best_heights[:, None]], axis=1)
        rows, chosen = np.arange(len(found)), np.argmax(found, axis=1)
        best.take(under_way, Climbers(now.numbers, choices[rows, chosen], found[rows, chosen]))
        radii[under_way] = np.where(chosen == 0, 2.0 * radii[under_way], lengths / 4.0)
        small = _FLAT * np.abs(now.heights)
        is_sure = (found[:, 0] >= now.heights - small) | (radii[under_way] < _LEAST)
        under_way = under_way[(found[rows, chosen] > now.heights + small) | ~is_sure]
        if not len(under_way):
            break
    return best


def _look_around(heights: Heights, now: Climbers, bounds: tuple[Reals, Reals], apart: float) -> _Slopes:
    """Measure slopes and curvatures by differences; mixed ones from one side, as a climb needs them roughly only."""
    dimensions = now.points.shape[1]
    first, second = _pairs(dimensions)
    around = now.points[:, None] + apart * _offsets(dimensions)
    seen = heights(around, now.numbers)
    up, down, both = seen[:, :dimensions], seen[:, dimensions : 2 * dimensions], seen[:, 2 * dimensions :]
    here = now.heights[:, None]
    bends = np.zeros((len(now.points), dimensions, dimensions))
    bends[:, first, second] = bends[:, second, first] = (up[:, first] + up[:, second] - both - here) / apart**2
    bends[:, range(dimensions), range(dimensions)] = (2.0 * here - up - down) / apart**2
    allowed = np.where(((around >= bounds[0]) & (around <= bounds[1])).all(axis=2), seen, -np.inf)
    rows, best = np.arange(len(allowed)), np.argmax(allowed, axis=1)
    return _Slopes((up - down) / (2.0 * apart), bends, around[rows, best], allowed[rows, best])


def _steps(slopes: _Slopes, points: Reals, bounds: tuple[Reals, Reals], radii: Reals) -> tuple[Reals, Reals]:
    """Return Newton's steps, cut to the radii, and their lengths. A coordinate pressed against its bound stays."""
    pressed = ((points <= bounds[0]) & (slopes.gradients < 0)) | ((points >= bounds[1]) & (slopes.gradients > 0))
    gradients = np.where(pressed, 0.0, slopes.gradients)
    bends = np.where(pressed[:, :, None] | pressed[:, None, :], 0.0, slopes.bends)
    curved, axes = np.linalg.eigh(bends)
    along = np.einsum("lji,lj->li", axes, gradients)
    strong = np.abs(curved)
    least = _BEND * strong.max(axis=1, keepdims=True) + _NOTHING
    steps = np.einsum("lij,lj->li", axes, along / np.maximum(strong, least))
    lengths = np.sqrt(np.square(steps).sum(axis=1))
    shares = np.minimum(1.0, radii / np.maximum(lengths, _NOTHING))
    return steps * shares[:, None], lengths * shares


@cache
def _pairs(dimensions: int) -> tuple[list[int], list[int]]:
    pairs = list(combinations(range(dimensions), 2))
    return [one for one, _ in pairs], [other for _, other in pairs]


@cache
def _offsets(dimensions: int) -> Reals:
    """Return a step up and one down each axis, then one up both axes of each pair."""
    axes = np.eye(dimensions)
    first, second = _pairs(dimensions)
    return np.concatenate([axes, -axes, axes[first] + axes[second]])


def four_digits(value: float) -> float:
    """Keep what a modulator can be set to, and what does not depend on the last digit of a library's exp."""
    return float(f"{value:.4g}")


def logistic(value: float) -> float:
    """Return the share whose logit is `value`."""
    return 1.0 / (1.0 + exp(-value))
