"""Functions of numbers for many links: run as they are, or compiled by numba, with the same results to the last bit.

numba is the extra `fast`. What it compiles is the very function that runs without it, and what that calls: nothing is
written twice. Such functions take numbers and named tuples of them. Decision 0013 says when compiling pays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache
from importlib.util import find_spec
from types import FunctionType
from typing import Final, ParamSpec, TypeVar, cast

import numpy as np

from keytwin.quantum.channel import Reals
from keytwin.quantum.search import Heights, Numbers, Point
from keytwin.vocabulary.errors import Mistake

P = ParamSpec("P")
R = TypeVar("R")
Case = TypeVar("Case")

WORTH: Final = 2500  # links whose settings take longer to find than numba to start and to compile, five seconds


def heights_of(
    objective: Callable[[Point, Case], float], cases: Sequence[Case], *, compiled: bool | None = None
) -> Heights:
    """Return the heights on the hills of `cases`.

    `compiled` says whether numba works them out; None leaves it to their number, and to whether numba is there.
    """
    if compiled is None:
        compiled = len(cases) >= WORTH and is_available()
    return _compiled_heights(objective, cases) if compiled else _plain_heights(objective, cases)


def is_available() -> bool:
    """Whether numba is installed; looking does not import it."""
    return find_spec("numba") is not None


def compile_numbers(function: Callable[P, R]) -> Callable[P, R]:
    """Return the function compiled, with all that it calls of keytwin; Mistake where numba is not installed.

    The first call with arguments of new types takes seconds. Nothing is kept on disk: numba would not notice there that
    a function in another file has changed.
    """
    if not is_available():
        raise Mistake("numba is not installed: pip install 'keytwin[fast]', or leave `compiled` out")
    assert isinstance(function, FunctionType)
    return cast(Callable[P, R], _translated(function))


def _plain_heights(objective: Callable[[Point, Case], float], cases: Sequence[Case]) -> Heights:
    def heights(points: Reals, numbers: Numbers) -> Reals:
        rows = zip(points.tolist(), numbers.tolist(), strict=True)
        return np.array([[objective(point, cases[number]) for point in row] for row, number in rows])

    return heights


def _compiled_heights(objective: Callable[[Point, Case], float], cases: Sequence[Case]) -> Heights:
    fill = compile_numbers(_filler(objective))

    def heights(points: Reals, numbers: Numbers) -> Reals:
        found = np.empty(points.shape[:2])
        for row, number in enumerate(numbers.tolist()):
            fill(points[row], cases[number], found[row])
        return found

    return heights


@cache
def _filler(objective: Callable[[Point, Case], float]) -> Callable[[Reals, Case, Reals], None]:
    """Return `_fill` for another objective than its own."""
    assert isinstance(_fill, FunctionType)
    return FunctionType(_fill.__code__, {**_fill.__globals__, "_no_objective": objective}, f"fill_{objective.__name__}")


def _fill(points: Reals, case: tuple[float, ...], found: Reals) -> None:
    for index in range(len(found)):
        found[index] = _no_objective(points[index], case)


def _no_objective(point: Reals, case: tuple[float, ...]) -> float:
    raise AssertionError(point, case)


@cache
def _translated(function: FunctionType) -> Callable[..., object]:
    from numba import njit  # noqa: PLC0415 - takes half a second, which only large batches earn back

    called = {name: function.__globals__.get(name) for name in function.__code__.co_names}
    ours = {name: _translated(each) for name, each in called.items() if _is_ours(each)}
    copy = FunctionType(function.__code__, {**function.__globals__, **ours}, function.__name__, function.__defaults__)
    return cast(Callable[..., object], njit(copy))


def _is_ours(called: object) -> bool:
    return isinstance(called, FunctionType) and called.__module__.startswith("keytwin.")
