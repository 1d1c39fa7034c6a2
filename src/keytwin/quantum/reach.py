"""How far a link reaches, and the setting of its source that is best: the same search for every protocol."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol, TypeVar

import numpy as np

from keytwin.quantum.channel import Channel
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake, OutOfReach
from keytwin.vocabulary.units import Decibels

FARTHEST: Final = Decibels(100.0)  # no repeaterless link is longer
_HALVINGS: Final = 10  # a tenth of a decibel
_COARSE: Final = 40
_FINE: Final = 24


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

    It is looked for on a logarithmic scale, first from end to end, then around the best point. The objective should
    tell by how much it falls short where there is no key.
    """
    coarse = np.geomspace(least, most, _COARSE)
    place = max(range(_COARSE), key=lambda index: objective(float(coarse[index])))
    near, far = coarse[max(0, place - 1)], coarse[min(_COARSE - 1, place + 1)]
    fine = [float(f"{value:.4g}") for value in np.geomspace(near, far, _FINE)]
    return max((value for value in fine if least <= value <= most), key=objective, default=float(coarse[place]))


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
