"""Reasoning over variability: clicks, counts, samples, conflicts, in the OVM of the library and in foreign models."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import Final

import numpy as np

from benchmarks.table import Row
from keytwin.design.conflict import conflicts_and_repairs
from keytwin.design.counting import Diagram
from keytwin.design.explanation import Reasons, why
from keytwin.design.features import FeatureModel
from keytwin.design.ovm_features import features_of
from keytwin.design.selection import Selection, literals_of
from keytwin.files.library import Source
from keytwin.files.ovm import read_ovm
from keytwin.files.uvl_reader import read_uvl
from tests.design.foreign import foreign_uvl

FLAMAPY: Final = "flamapy 2.6: 84 s for the 6,467 features of another model, once measured"
PROBE: Final = "a probe OVM of 48 variants, once measured: "
CLICKS: Final = 25
"""On one model, before it is taken afresh."""
WISHES: Final = (("protocol.twin-field", True), ("medium.satellite", True), ("q-link.repeater", True))


def rows() -> Iterator[Row]:
    """Measure the library's OVM, then two foreign models."""
    yield from own()
    for features in (6_000, 18_000):
        yield from foreign(features)


def own() -> Iterator[Row]:
    """Measure what an architect waits for."""
    model = features_of(read_ovm("qkd"))
    yield _cost("OVM qkd: click with the states of all, p99", _clicks(model, 200), "us", f"{PROBE}430 us", 1_000, 50)
    yield _cost("OVM qkd: exact count", [_once(lambda: Diagram(model).count())], "ms", f"{PROBE}12 ms", 50, 5)
    diagram = Diagram(model)
    yield _cost(
        "OVM qkd: 100 uniform samples",
        [_once(lambda: diagram.sample(100, np.random.default_rng(1)))],
        "ms",
        f"{PROBE}60 ms",
    )
    selection = Selection(model)
    wishes = list(literals_of(selection, WISHES))
    yield _cost(
        "OVM qkd: all conflicts and repairs of 3 wishes",
        [_once(lambda: conflicts_and_repairs(selection.oracle, wishes))],
        "ms",
        f"{PROBE}1.2 ms",
    )
    reasons = Reasons(model, selection.oracle.clauses)
    assert selection.click("protocol.twin-field") is not None
    yield _cost(
        "OVM qkd: why a variant is dead", [_once(lambda: why(selection, "medium.satellite", reasons))], "ms", ""
    )


def foreign(features: int) -> Iterator[Row]:
    """Measure a model as large as the largest published ones."""
    source = Source("foreign.uvl", foreign_uvl(features).encode())
    is_smaller = features == 6_000
    reading = [_once(lambda: read_uvl(source)) / 1e3]
    name = f"UVL of {features:,} features: "
    yield _cost(f"{name}read", reading, "s", FLAMAPY, 1 if is_smaller else None, 0.2 if is_smaller else None)
    model = read_uvl(source).value
    yield _cost(f"{name}core and dead", [_once(lambda: len(Selection(model).forced)) / 1e3], "s", "")
    clicks = [each / 1e3 for each in _clicks(model, 40)]
    yield _cost(f"{name}click, p99", clicks, "ms", "a probe: below 3 ms", 10, 1)


def _cost(
    name: str, measured: Sequence[float], unit: str, reference: str, must: float | None = None, aim: float | None = None
) -> Row:
    value = sorted(measured)[int(len(measured) * 0.99)]
    return Row(name, value, unit, reference, must, aim, is_cost=True)


def _once(work: Callable[[], object]) -> float:
    """Give the best of some tries, in milliseconds."""
    times = []
    for _ in range(5):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return min(times) * 1e3


def _clicks(model: FeatureModel, rounds: int) -> list[float]:
    """Click at random, wanted and unwanted, possible and not; give the time of each click in microseconds."""
    chance, names = random.Random(5), list(model.features)  # noqa: S311  # no secret: equal clicks each time
    selection, times = Selection(model), []
    for _ in range(rounds):
        while selection.clicks:
            selection.undo()
        for _ in range(CLICKS):
            feature, wanted = chance.choice(names), chance.random() < 0.5
            began = time.perf_counter()
            selection.click(feature, wanted=wanted)
            times.append((time.perf_counter() - began) * 1e6)
    return times
