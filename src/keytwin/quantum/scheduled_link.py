"""A link whose light comes and goes: each protocol's own model during a spell of light, the mean of all time to others.

Key made in a pass is drawn on until the next one, so what others reckon with is the mean: a block counts for the time
from one block to the next in the long run.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from keytwin.quantum.link import DistilledBlock, ExpectedRate, LinkModel, PerPulse
from keytwin.quantum.schedule import Schedule
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Duration

D = TypeVar("D", bound=Device)


@dataclass(frozen=True, slots=True)
class ScheduledLink:
    """The model of a link that has light for a `share` of all time."""

    model: LinkModel
    share: float

    @property
    def block_time(self) -> Duration:
        """Nanoseconds of light that a block takes."""
        return self.model.block_time

    def rate(self) -> ExpectedRate:
        """Return the mean over light and dark; blocks that the dark cuts off are not counted out."""
        lit = self.model.rate()
        return ExpectedRate(lit.secret * self.share, lit.qber)

    def per_pulse(self) -> PerPulse:
        """Return what the model during a spell of light tells."""
        return self.model.per_pulse()

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block; its duration is the mean time from one block to the next."""
        block = self.model.draw_block(generator)
        return block._replace(duration=Duration(round(block.duration / self.share)))


def pooled(device: D, schedule: Schedule) -> D:
    """Return a device that distils a whole pass as one block: its size is fixed before any of it is seen."""
    if schedule.block_time is None:
        return device
    if all(field.name != "block_time" for field in dataclasses.fields(device)):
        raise Mistake(f"device {device.name} has no block_time, so that a pass cannot be pooled into one block")
    changed: Callable[..., D] = dataclasses.replace  # that it has the field, no type says
    return changed(device, block_time=schedule.block_time)
