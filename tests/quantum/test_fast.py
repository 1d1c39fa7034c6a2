"""What numba compiles gives the same numbers, to the last bit; without numba nothing is missing but speed."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple

import numpy as np
import pytest

import keytwin
from keytwin.quantum import coherent_twin_optimum, decoy_optimum, fast, mdi_optimum, one_decoy_optimum
from keytwin.quantum.coherent_twin import CoherentTwin
from keytwin.quantum.counted_link import Promises
from keytwin.quantum.decoy_bb84 import Optics
from keytwin.quantum.decoy_optimum import best_settings
from keytwin.quantum.fast import compile_numbers, heights_of, is_available
from keytwin.quantum.finite_key import PARTS, Costs, Counts, Distillation, Estimator, plan_of, signed_length
from keytwin.quantum.mdi import RelayOptics
from keytwin.quantum.search import Bounds, Heights, tops
from tests.quantum.shipped import chance

STRICT: Final = Distillation(secrecy=1e-10, correctness=1e-15, reconciliation=1.16)
PROMISES: Final = Promises(1.16, 1e-15, 1e-10)
BLOCK: Final = 10**9
PLAIN: Final = "plain"
COMPILED: Final = "compiled"
LOSSES: Final = (0.0, 3.0, 10.0, 17.0, 30.0, 50.0)

needs_numba = pytest.mark.skipif(not is_available(), reason="the extra fast is not installed")


def fibre(loss: float) -> Optics:
    return Optics(0.2 * 10 ** (-loss / 10), 1e-6, 0.02, 0.01, dead_gates=100.0)


def arm(loss: float) -> float:
    return 0.7 * 10 ** (-loss / 20)


DECOY = [decoy_optimum.case_of(fibre(loss), STRICT, 2e-4, pulses=BLOCK) for loss in LOSSES]
SIFTED = [decoy_optimum.case_of(fibre(loss), STRICT, 2e-4, sifted=1e6) for loss in LOSSES]
ONE_DECOY = [one_decoy_optimum.case_of(fibre(loss), STRICT, pulses=BLOCK) for loss in LOSSES]
MDI = [mdi_optimum.case_of(RelayOptics(arm(loss), 0.8 * arm(loss), 1e-7, 0.01), PROMISES, 10**11) for loss in LOSSES]
COHERENT = [coherent_twin_optimum.case_of(CoherentTwin(arm(loss), 1e-8, 0.02), PROMISES, 6 * 10**10) for loss in LOSSES]


class Optimum(NamedTuple):
    """What the modules of best settings have in common, for one list of links."""

    heights: Callable[[str], Heights]
    settings: Callable[[str], Sequence[object]]
    bounds: Bounds


OPTIMA: Final = {
    "two decoys": Optimum(
        lambda way: heights_of(decoy_optimum.objective, DECOY, compiled=way == COMPILED),
        lambda way: decoy_optimum.best_of_many(DECOY, compiled=way == COMPILED),
        decoy_optimum.BOUNDS,
    ),
    "two decoys, sifted bits given": Optimum(
        lambda way: heights_of(decoy_optimum.objective, SIFTED, compiled=way == COMPILED),
        lambda way: decoy_optimum.best_of_many(SIFTED, compiled=way == COMPILED),
        decoy_optimum.BOUNDS,
    ),
    "one decoy": Optimum(
        lambda way: heights_of(one_decoy_optimum.objective, ONE_DECOY, compiled=way == COMPILED),
        lambda way: one_decoy_optimum.best_of_many(ONE_DECOY, compiled=way == COMPILED),
        one_decoy_optimum.BOUNDS,
    ),
    "mdi": Optimum(
        lambda way: heights_of(mdi_optimum.objective, MDI, compiled=way == COMPILED),
        lambda way: mdi_optimum.best_of_many(MDI, compiled=way == COMPILED),
        mdi_optimum.BOUNDS,
    ),
    "coherent twin": Optimum(
        lambda way: heights_of(coherent_twin_optimum.objective, COHERENT, compiled=way == COMPILED),
        lambda way: coherent_twin_optimum.best_of_many(COHERENT, compiled=way == COMPILED),
        coherent_twin_optimum.BOUNDS,
    ),
}
EACH = pytest.mark.parametrize("optimum", OPTIMA.values(), ids=OPTIMA)


@needs_numba
@pytest.mark.slow
@EACH
def test_compiled_lengths_are_equal_to_the_last_bit(optimum: Optimum) -> None:
    lows, highs = np.array(optimum.bounds).T
    points = np.random.default_rng(7).uniform(lows, highs, size=(len(LOSSES), 60, len(lows)))
    plain, compiled = (optimum.heights(way)(points, np.arange(len(LOSSES))) for way in (PLAIN, COMPILED))
    assert np.isfinite(plain).all()
    assert plain.tobytes() == compiled.tobytes()


@needs_numba
@pytest.mark.slow
@EACH
def test_compiled_searches_end_at_the_same_settings(optimum: Optimum) -> None:
    assert optimum.settings(COMPILED) == optimum.settings(PLAIN)


def only(heights: Heights, number: int) -> Heights:
    return lambda points, _: heights(points, np.full(len(points), number))


@EACH
def test_many_links_at_once_are_set_as_each_alone(optimum: Optimum) -> None:
    """What a network computes in one go is what it would compute link by link."""
    heights, links = optimum.heights(PLAIN), len(LOSSES)
    grids = [[tuple(np.mean(optimum.bounds, axis=1).tolist())]]
    for number, found in enumerate(tops(heights, links, grids, optimum.bounds)):
        assert tops(only(heights, number), 1, grids, optimum.bounds) == [found]


@needs_numba
@pytest.mark.slow
def test_a_seed_gives_the_same_run_with_and_without(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever installs the extra changes no result, even if every search is compiled."""
    stories: list[bytes] = []
    for worth in (10**9, 1):
        monkeypatch.setattr(fast, "WORTH", worth)
        best_settings.cache_clear()
        stories.append(repr(keytwin.run("star6/fig4", seed=7).events).encode())
        assert best_settings.cache_info().misses > 0
    assert stories[0] == stories[1]


@needs_numba
@pytest.mark.slow
def test_compiled_estimation_of_a_block_is_equal() -> None:
    settings = best_settings(fibre(6.0), STRICT, 2e-4, BLOCK)
    plan = plan_of(settings.intensities, settings.shares, Costs.of(STRICT, PARTS))
    length = compile_numbers(signed_length)
    estimator = Estimator(settings, STRICT)
    generator = chance()
    cells = np.array(fibre(6.0).cells(settings))
    for row in generator.poisson(BLOCK * cells, size=(50, len(cells))).tolist():
        counts = Counts.of([float(count) for count in row])
        assert length(plan, counts) == estimator.signed_length(counts)


# --- without it -----------------------------------------------------------------------------------------------------

WITHOUT = """
import sys
sys.modules["numba"] = None
from keytwin.quantum.fast import compile_numbers, is_available
from keytwin.quantum.finite_key import binary_entropy
from keytwin.vocabulary.errors import Mistake
assert not is_available()
try:
    compile_numbers(binary_entropy)
except Mistake as mistake:
    print(mistake)
"""
NOT_STARTED = """
import sys
import keytwin
rate = keytwin.link_rate("generic-decoy-bb84", settings={"length": "20 km"})
print("numba" in sys.modules, "scipy.optimize" in sys.modules)
"""


def printed(program: str) -> str:
    return subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True).stdout.strip()


def test_without_numba_who_asks_for_it_is_told() -> None:
    assert printed(WITHOUT) == "numba is not installed: pip install 'keytwin[fast]', or leave `compiled` out"


def test_a_short_command_starts_neither_numba_nor_an_optimiser() -> None:
    assert printed(NOT_STARTED) == "False False"


def test_few_links_are_never_worth_it() -> None:
    heights = heights_of(decoy_optimum.objective, DECOY)
    assert heights.__qualname__ == heights_of(decoy_optimum.objective, DECOY, compiled=False).__qualname__


@needs_numba
def test_thousands_of_links_are() -> None:
    many = DECOY * (fast.WORTH // len(DECOY) + 1)
    heights = heights_of(decoy_optimum.objective, many)
    assert heights.__qualname__ == heights_of(decoy_optimum.objective, DECOY, compiled=True).__qualname__
