"""Points a second of the analytic level: what each protocol gives in endless blocks, over whole arrays of losses."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

import numpy as np

from benchmarks.table import Row, best_rate
from keytwin.files.device import read_device
from keytwin.files.library import device_names
from keytwin.quantum.analytic import Channels
from keytwin.quantum.protocols import PROTOCOLS, analytic_rate
from keytwin.vocabulary.device import Device

POINTS: Final = 2_000
CHAINS: Final = 100  # of repeaters, which are worked out one by one
FARTHEST: Final = 40.0  # dB
TNO: Final = "tno-quantum-communication-qkd-key-rate: 7 points/s"


def rows() -> Iterable[Row]:
    """Measure one device of each protocol that has a formula, with the best settings at each loss."""
    seen: set[str] = set()
    for name in device_names():
        device = read_device(name)
        if device.protocol in seen or PROTOCOLS[device.protocol].analytic is None:
            continue
        seen.add(device.protocol)
        points = CHAINS if device.protocol == "repeater-chain" else POINTS
        yield Row(f"analytic rate, {device.protocol}", _points_a_second(device, points), "points/s", TNO, must=100)


def _points_a_second(device: Device, points: int) -> float:
    losses = np.linspace(0.0, FARTHEST, points)
    channels = Channels.of(losses, 0.0, 5.0 * losses)

    def work() -> float:
        return float(analytic_rate(device, channels).rate_per_second.size)

    return best_rate(work)
