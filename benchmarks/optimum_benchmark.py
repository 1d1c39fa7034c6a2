"""What the best settings of a link cost: CPU milliseconds a point for each protocol, and points a second in batches."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from itertools import count, takewhile
from typing import Final, NamedTuple

from benchmarks.table import Row, best_rate
from benchmarks.twin_benchmark import devices, link_at
from keytwin.quantum import coherent_twin_optimum, decoy_optimum, mdi_optimum, one_decoy_optimum
from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.fast import is_available
from keytwin.quantum.finite_key import Distillation
from keytwin.quantum.mdi import RelayOptics
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.units import Decibels

LOSSES: Final = tuple(range(1, 60, 3))
MUST, AIM = 50.0, 5.0
TNO: Final = "tno-quantum-communication-qkd-key-rate 2.0.4: 19,000 to 71,000 ms, and no valid optimum (measured once)"
BATCH: Final = 200
STRICT: Final = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
PROMISES: Final = Promises(1.16, 1e-15, 1e-10)
_FRESH: Final = count(1)  # a little less loss each time: nothing comes from a cache
START: Final = """
import time
began = time.process_time()
from benchmarks.optimum_benchmark import batches
batches()[0].search(True)
print(time.process_time() - began)
"""


def rows() -> Iterable[Row]:
    """Measure."""
    for device in devices():
        within = list(takewhile(partial(reaches, device), LOSSES))
        rate = best_rate(partial(points, device, within), clock=time.process_time)
        name = f"best settings, {device.protocol}, a link of its own"
        yield Row(
            name, 1e3 / rate, "CPU ms/point", TNO if device.protocol == "decoy-bb84" else "", MUST, AIM, is_cost=True
        )
    for batch in batches():
        for way in (False, True) if is_available() else (False,):
            batch.search(way)  # compiles
            rate = best_rate(partial(batch.search, way), clock=time.process_time)
            name = f"best settings, {batch.name}, {BATCH} losses at once, {'numba' if way else 'Python alone'}"
            yield Row(name, rate, "points/CPU s", must=1e3 / MUST, aim=1e3 / AIM)
    if is_available():
        taken = subprocess.run([sys.executable, "-c", START], check=True, capture_output=True, text=True)
        yield Row("best settings: numba starts and compiles two decoys", float(taken.stdout), "CPU s", is_cost=True)


def reaches(device: Device, loss: float) -> bool:
    """Whether the device gives key at a loss."""
    try:
        link_at(device, Decibels(loss))
    except Mistake:
        return False
    return True


def points(device: Device, losses: Sequence[float]) -> float:
    """Make links, each with its settings worked out; return how many."""
    less = 1e-6 * next(_FRESH)
    for loss in losses:
        link_at(device, Decibels(loss - less))
    return len(losses)


class Batch(NamedTuple):
    """A sweep over losses."""

    name: str
    search: Callable[[bool], float]
    """Finds all best settings, compiled or not; returns how many."""


def batches() -> list[Batch]:
    """Return the sweeps: from none to all of the loss at which there is still key."""
    reach = [place / BATCH for place in range(BATCH)]
    decoy = [
        decoy_optimum.case_of(Optics(0.2 * falling(20 * part), 1e-6, 0.02, 0.01), STRICT, 2e-4, pulses=1e9)
        for part in reach
    ]
    one_decoy = [
        one_decoy_optimum.case_of(Optics(0.2 * falling(26 * part), 1e-6, 0.02, 0.01), STRICT, pulses=1e9)
        for part in reach
    ]
    mdi = [
        mdi_optimum.case_of(RelayOptics(arm, arm, 1e-7, 0.01), PROMISES, 10**11)
        for arm in (0.5 * falling(13 * part) for part in reach)
    ]
    cal = [
        coherent_twin_optimum.case_of(CoherentTwin(0.7 * falling(35 * part), 1e-8, 0.02), PROMISES, 6 * 10**10)
        for part in reach
    ]
    return [
        Batch("decoy-bb84", lambda way: len(decoy_optimum.best_of_many(decoy, compiled=way))),
        Batch("bb84-one-decoy", lambda way: len(one_decoy_optimum.best_of_many(one_decoy, compiled=way))),
        Batch("mdi", lambda way: len(mdi_optimum.best_of_many(mdi, compiled=way))),
        Batch("twin-field-cal", lambda way: len(coherent_twin_optimum.best_of_many(cal, compiled=way))),
    ]


def falling(loss: float) -> float:
    """Return the share of the light that is left."""
    return float(10.0 ** (-loss / 10.0))
