"""What a process does with an error that nobody expected: for shells, the one place that catches everything."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def contain(work: Callable[[], T]) -> T | Exception:
    """Return what `work` returns, or the exception that it raised, whatever it is; exits and interrupts pass."""
    try:
        return work()
    except Exception as error:  # noqa: BLE001  # the caller is a shell: it tells people apart from bugs, and ends
        return error
