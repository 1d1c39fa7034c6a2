"""The analytic level of a link: what endless blocks would give, for whole arrays of channels at once.

Each protocol brings its own formula. A setting that a device file fixes is kept; one that it leaves open is the best
for each channel, as it is at the level of block counts.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

import numpy as np
import numpy.typing as npt

from keytwin.quantum.channel import Reals, transmittance

_COARSE: Final = 40
_FINE: Final = 9
_REFINEMENTS: Final = 3  # each narrows the interval to a quarter: the setting within 1 %, the rate within 1e-4
_AT_ONCE: Final = 2048  # channels: what is computed for each of them and each setting stays within megabytes


class Channels(NamedTuple):
    """Channels by the array, all of one shape."""

    loss: Reals
    """In decibels, between the two modules."""
    background: Reals
    """Photons a second that reach the receiver and are not the sender's."""
    length: Reals
    """In kilometres, where travelling times matter; 0 = not known."""

    @classmethod
    def of(cls, loss: npt.ArrayLike, background: npt.ArrayLike = 0.0, length: npt.ArrayLike = 0.0) -> Channels:
        """Return channels of the shape that the three have together."""
        shaped = np.broadcast_arrays(*(np.asarray(each, dtype=np.float64) for each in (loss, background, length)))
        return cls(*shaped)

    @property
    def transmittance(self) -> Reals:
        """The share of the light that passes."""
        return transmittance(self.loss)


class AnalyticRate(NamedTuple):
    """What endless blocks give, in the shape of the channels; None = not told by this model."""

    gain: Reals | None
    """Detections per signal pulse, Q of the papers."""
    error_rate: Reals | None
    """Of the sifted key."""
    rate_per_pulse: Reals | None
    """Secret bits per pulse, pulse pair, symbol or attempt; 0 where there is no key."""
    rate_per_second: Reals


Formula = Callable[[Channels], AnalyticRate]
"""The rates of one device over channels of one dimension."""


def over(channels: Channels, formula: Formula) -> AnalyticRate:
    """Return the rates over channels of any shape."""
    shape = channels.loss.shape
    flat = [each.ravel() for each in channels]
    size = flat[0].size
    parts = [
        formula(Channels(*(each[start : start + _AT_ONCE] for each in flat)))
        for start in range(0, max(1, size), _AT_ONCE)
    ]
    return AnalyticRate(*(_joined(column, shape) for column in zip(*parts, strict=True)))  # type: ignore[arg-type]  # rates per second are always told


def best_settings(rate: Callable[[Reals], Reals], least: float, most: float, usual: npt.ArrayLike) -> Reals:
    """Return, for each channel, the setting from `least` to `most` with the highest rate; `usual` where none gives key.

    `rate` takes settings along a first axis, or for each channel along a second one. It is looked for on a logarithmic
    scale, first from end to end, then closer and closer around the best.
    """
    grid = np.geomspace(least, most, _COARSE)[:, None]
    for _ in range(_REFINEMENTS):
        near, _, far, _ = _around_best(rate, grid)
        grid = np.geomspace(near, far, _FINE)
    _, best, _, highest = _around_best(rate, grid)
    return np.where(highest > 0, best, usual)


def _around_best(rate: Callable[[Reals], Reals], grid: Reals) -> tuple[Reals, Reals, Reals, Reals]:
    """Return, for each channel, the setting before the best of a grid, the best one, the one after, and its rate."""
    values = rate(grid)
    grid, place = np.broadcast_to(grid, values.shape), values.argmax(axis=0)
    near, best, far = (
        np.take_along_axis(grid, np.clip(place + step, 0, len(grid) - 1)[None], axis=0)[0] for step in (-1, 0, 1)
    )
    return near, best, far, values.max(axis=0)


def _joined(parts: tuple[Reals | None, ...], shape: tuple[int, ...]) -> Reals | None:
    told = [part for part in parts if part is not None]
    return np.concatenate(told).reshape(shape) if len(told) == len(parts) else None
