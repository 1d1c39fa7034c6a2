"""Link-seconds a CPU second of the twins at the level of block counts, estimation included, for each protocol."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

import numpy as np

from benchmarks.table import Row, best_rate
from keytwin.files.device import read_device
from keytwin.files.library import device_names
from keytwin.quantum.bb84_link import Bb84Link
from keytwin.quantum.channel import Fibre
from keytwin.quantum.coherent_twin_estimator import CoherentTwinCosts, CoherentTwinEstimator
from keytwin.quantum.coherent_twin_estimator import plan_of as coherent_plan
from keytwin.quantum.coherent_twin_estimator import signed_length as coherent_length
from keytwin.quantum.counted_link import CountedLink
from keytwin.quantum.fast import compile_numbers, is_available
from keytwin.quantum.finite_key import PARTS, Costs, Counts
from keytwin.quantum.finite_key import plan_of as decoy_plan
from keytwin.quantum.finite_key import signed_length as decoy_length
from keytwin.quantum.link import LinkModel
from keytwin.quantum.protocols import link_model
from keytwin.quantum.two_decoys import TwoDecoyEstimator
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.units import Decibels, DecibelsPerKilometre, Kilometres, in_seconds, show_duration

BLOCKS: Final = 5_000
LOSS: Final = Decibels(4.0)  # 20 km: every protocol gives key there
MUST, AIM = 1e4, 1e5
SEQUENCE: Final = "SeQUeNCe: about 1e-4 at 1 GHz"


def rows() -> Iterable[Row]:
    """Measure the draw of blocks of a 20 km link of each protocol, and of two once their estimation is compiled."""
    for device in devices():
        model = link_at(device)
        name = f"link twin, {device.protocol}, blocks of {show_duration(model.block_time)}"
        yield measured(name, partial(draw, model), model)
        if is_available() and device.protocol in COMPILED:
            drawn = COMPILED[device.protocol](model)
            yield measured(f"{name}, estimation by numba", drawn, model)


def measured(name: str, drawn: Callable[[np.random.Generator], object], model: LinkModel) -> Row:
    """Measure the draw of blocks, the first one apart: it may compile."""
    generator = np.random.Generator(np.random.Philox(1))
    drawn(generator)

    def work() -> float:
        for _ in range(BLOCKS):
            drawn(generator)
        return BLOCKS * in_seconds(model.block_time)

    rate = best_rate(work, clock=time.process_time)
    return Row(name, rate, "link-s/CPU s", SEQUENCE if "decoy-bb84" in name else "", must=MUST, aim=AIM)


def draw(model: LinkModel, generator: np.random.Generator) -> object:
    """Draw a block as a twin does."""
    return model.draw_block(generator)


def devices() -> list[Device]:
    """Return the first device of each protocol that the library has."""
    found: dict[str, Device] = {}
    for name in device_names():
        device = read_device(name)
        found.setdefault(device.protocol, device)
    return [found[protocol] for protocol in sorted(found)]


def link_at(device: Device, loss: Decibels = LOSS) -> LinkModel:
    """Return the model of a link of a fibre of which only the loss is known."""
    return link_model(device, Fibre(Kilometres(0.0), DecibelsPerKilometre(0.2), loss))


def decoy_by_numba(model: LinkModel) -> Callable[[np.random.Generator], object]:
    """Return the draw of a block of two decoys with the estimation compiled."""
    assert isinstance(model, Bb84Link)
    assert isinstance(model.estimator, TwoDecoyEstimator)
    settings, estimator = model.estimator.settings, compile_numbers(decoy_length)
    plan = decoy_plan(settings.intensities, settings.shares, Costs.of(model.estimator.distillation, PARTS))
    cells = model.optics.cells(settings)
    outcomes = np.array([*cells, 1.0 - sum(cells)])

    def drawn(generator: np.random.Generator) -> object:
        return estimator(plan, Counts.of(generator.multinomial(model.pulses, outcomes).tolist()[:-1]))

    return drawn


def coherent_twin_by_numba(model: LinkModel) -> Callable[[np.random.Generator], object]:
    """Return the same for twin-field QKD with plain coherent pulses."""
    assert isinstance(model, CountedLink)
    assert isinstance(model.estimator, CoherentTwinEstimator)
    settings, estimator = model.estimator.settings, compile_numbers(coherent_length)
    costs = CoherentTwinCosts.of(model.estimator.promises)
    plan = coherent_plan((settings.signal, settings.strong, settings.weak), settings.shares, float(model.pulses), costs)
    outcomes = np.array([*model.cells, 1.0 - sum(model.cells)])

    def drawn(generator: np.random.Generator) -> object:
        right, wrong, a, b, c, d, e, f, g, _ = generator.multinomial(model.pulses, outcomes).tolist()
        return estimator(plan, (right, wrong), (a, b, c, d, e, f, g))

    return drawn


COMPILED: Final = {"decoy-bb84": decoy_by_numba, "twin-field-cal": coherent_twin_by_numba}
