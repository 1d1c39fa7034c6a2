"""Functions of numbers over many points: as they are, or compiled by numba, with the same results to the last bit.

See decision 0013. numba is the extra `fast`; what is compiled is the very function that runs without it, and the
functions that it calls: nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from types import FunctionType
from typing import Any, Final, TypeVar

import numpy as np

from keytwin.quantum.channel import Reals
from keytwin.quantum.search import Heights, Numbers, Point

Case = TypeVar("Case")
Loop = Callable[[Reals, Case, Reals], None]

WORTH: Final = 2000  # links whose settings take longer to find than numba to start


def heights_of(
    objective: Callable[[Point, Case], float], cases: Sequence[Case], *, compiled: bool | None = None
) -> Heights:
    """Return the heights on the hills of `cases`; `compiled` None: where numba is installed and it pays."""
    if is_available() and len(cases) >= WORTH if compiled is None else compiled:
        loop: Loop[Case] = compiled_loop(objective)

        def fast_heights(points: Reals, numbers: Numbers) -> Reals:
            found = np.empty(points.shape[:2])
            for row, number in enumerate(numbers.tolist()):
                loop(points[row], cases[number], found[row])
            return found

        return fast_heights

    def heights(points: Reals, numbers: Numbers) -> Reals:
        rows = zip(points.tolist(), numbers.tolist(), strict=True)
        return np.array([[objective(point, cases[number]) for point in row] for row, number in rows])

    return heights


def is_available() -> bool:
    """Whether numba is installed."""
    return find_spec("numba") is not None


@cache
def compiled_loop(function):
    from numba import njit

    fast = _compiled(function)

    @njit
    def loop(points, case, found):
        for index in range(len(found)):
            found[index] = fast(points[index], case)

    return loop


@cache
def _compiled(function):
    from numba import njit

    names = {
        name: _compiled(value)
        for name in function.__code__.co_names
        if isinstance(value := function.__globals__.get(name), FunctionType) and value.__module__.startswith("keytwin.")
    }
    return njit(FunctionType(function.__code__, {**function.__globals__, **names}, function.__name__))
