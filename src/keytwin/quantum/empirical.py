"""A black box of which only rate and error rate are known, such as a vendor's system."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from keytwin.quantum.channel import Channel
from keytwin.quantum.link import DistilledBlock, ExpectedRate, PerPulse, rectified
from keytwin.vocabulary.device import Device, EmpiricalDevice
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Bits, Duration, in_seconds


@dataclass(frozen=True, slots=True)
class Empirical:
    """Blocks whose length is normal about a mean and never negative; the error rate is that of the data sheet."""

    block: float
    """Mean secret bits of a block."""
    deviation: float
    """Standard deviation of the secret bits of a block."""
    qber: float
    block_time: Duration

    def rate(self) -> ExpectedRate:
        """Return the mean rate; a little above the data sheet's when the deviation is so large that blocks fail."""
        return ExpectedRate(rectified(self.block, self.deviation) / in_seconds(self.block_time), self.qber)

    def per_pulse(self) -> PerPulse:
        """Return nothing: what is in the box is not known."""
        return PerPulse()

    def draw_block(self, generator: np.random.Generator) -> DistilledBlock:
        """Return the next block, rounded at random to whole bits so that no rate is too small to be kept."""
        length = max(0.0, generator.normal(self.block, self.deviation))
        whole = int(length + generator.random())
        return DistilledBlock(self.block_time, Bits(whole), self.qber, Bits(0))


def empirical_link(device: Device, channel: Channel) -> Empirical:
    """Return the model of a link; its rate was measured on the link itself, so the channel's loss is in it already."""
    del channel
    assert isinstance(device, EmpiricalDevice)
    if device.block_time <= 0 or device.rate <= 0:
        raise Mistake(f"device {device.name}: rate and block_time must be above 0")
    block = device.rate * in_seconds(device.block_time)
    return Empirical(block, block * device.deviation, device.qber, device.block_time)
