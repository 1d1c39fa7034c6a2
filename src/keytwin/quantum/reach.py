"""How far a link reaches, and the setting of its source that is best: the same search for every protocol."""

from __future__ import annotations

from collections.abc import Callable
from math import exp, inf, log
from typing import Final, Protocol, TypeVar

import numpy as np

from keytwin.quantum.channel import Channel
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake, OutOfReach
from keytwin.vocabulary.units import Decibels

FARTHEST: Final = Decibels(100.0)  # no repeaterless link is longer
_HALVINGS: Final = 10  # a tenth of a decibel
_COARSE: Final = 24  # a factor of 1.6 apart where five decades are looked through
_TRIED: Final = 2  # summits: a wide plain without key may be higher than all but the top of a narrow hill
_HALVED: Final = 6  # to one or two per cent; the parabola does the rest


class Outlooking(Protocol):
    """A model that can tell whether its blocks would hold key."""

    def outlook(self) -> tuple[float, float]:
        """Return mean and standard deviation of a block's secret bits before negative ones are discarded."""
        ...


L = TypeVar("L", bound=Outlooking)


def link_within_reach(
    device: Device,
    channel: Channel,
    link_at: Callable[[Decibels], L],
    why_not: Callable[[L], str],
    farthest: Decibels = FARTHEST,
) -> L:
    """Return the link with the channel's loss; OutOfReach, with the physical reason, where it has no key."""
    link = link_at(channel.loss)
    if gives_key(link):
        return link
    reach = _reach(link_at, farthest)
    if reach is None:
        remedy = "not even without any loss: change the device"
    else:
        remedy = f"it reaches {reach:.1f} dB: shorten the link, or take another device"
    raise OutOfReach(f"device {device.name} gives no key at {channel.loss:.1f} dB: {why_not(link)}; {remedy}", reach)


def gives_key(link: Outlooking) -> bool:
    """Whether a block holds key on the average."""
    return link.outlook()[0] > 0


def best_setting(objective: Callable[[float], float], least: float, most: float) -> float:
    """Return the value from `least` to `most` with the highest objective, to four digits.

    It is looked for on a logarithmic scale, first from end to end, then around the best points. The objective should
    tell by how much it falls short where there is no key.
    """
    places = [float(place) for place in np.linspace(log(least), log(most), _COARSE)]
    heights = [objective(exp(place)) for place in places]
    summits = sorted(_summits(heights), key=lambda place: heights[place], reverse=True)[:_TRIED]
    found = [_narrowed(lambda place: objective(exp(place)), places, heights, summit) for summit in summits]
    settable = [min(max(float(f"{exp(place):.4g}"), least), most) for place in found]
    return max(settable, key=objective) if len(settable) > 1 else settable[0]


def _summits(heights: list[float]) -> list[int]:
    """Return where no neighbour is higher, the first of a plain only."""
    last = len(heights) - 1
    return [
        place
        for place, height in enumerate(heights)
        if (place == 0 or height > heights[place - 1]) and (place == last or height >= heights[place + 1])
    ]


def _narrowed(height: Callable[[float], float], places: list[float], heights: list[float], summit: int) -> float:
    """Return the place of the top beside a summit: halve the distance of three points, then fit a parabola to them."""
    step, best, highest = places[1] - places[0], places[summit], heights[summit]
    below, above = (heights[max(0, summit - 1)], heights[min(len(heights) - 1, summit + 1)])
    for _ in range(_HALVED):
        step /= 2.0
        left, right = max(places[0], best - step), min(places[-1], best + step)
        low, high = height(left), height(right)
        if max(low, high) <= highest:
            below, above = low, high
        elif low > high:
            best, below, highest, above = left, -inf, low, highest
        else:
            best, below, highest, above = right, highest, high, -inf
    bend = 2.0 * highest - below - above
    if not 0 < bend < inf:
        return best
    return min(max(best + step / 2.0 * (above - below) / bend, places[0]), places[-1])


def refuse_broken(device: Device, rules: tuple[tuple[bool, str], ...]) -> None:
    """Refuse what no hardware can be: each rule is whether it holds, and what to say where it does not."""
    broken = [rule for holds, rule in rules if not holds]
    if broken:
        raise Mistake(f"device {device.name}: {'; '.join(broken)}")


def _reach(link_at: Callable[[Decibels], L], farthest: Decibels) -> Decibels | None:
    """Return the largest loss with key, to a tenth of a decibel; None when there is no key even without any loss."""
    if not gives_key(link_at(Decibels(0.0))):
        return None
    near, far = 0.0, float(farthest)
    for _ in range(_HALVINGS):
        middle = (near + far) / 2.0
        near, far = (middle, far) if gives_key(link_at(Decibels(middle))) else (near, middle)
    return Decibels(near)
