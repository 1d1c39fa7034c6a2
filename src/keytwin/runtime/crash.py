"""What a process does with an error that nobody expected: for shells, the one place that catches everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
Supervise = Callable[..., bool]
"""Does the work it is given, with what else it is given; False when it failed in a way that nobody expected."""


def contain(work: Callable[[], T]) -> T | Exception:
    """Return what `work` returns, or the exception that it raised, whatever it is; exits and interrupts pass."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # the caller is a shell: it tells people apart from bugs, and ends
        return error


def supervising(tell: Callable[[Exception], None]) -> Supervise:
    """Return one that tells whatever goes wrong and lives on: a bug costs one request, not the process."""

    def supervise(work: Callable[..., None], *given: object) -> bool:
        try:
            work(*given)
        except Exception as error:  # noqa: BLE001  # as above: the caller answers that it failed
            tell(error)
            return False
        return True

    return supervise
