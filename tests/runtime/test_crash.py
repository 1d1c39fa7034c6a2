"""Containing what nobody expected."""

from __future__ import annotations

import pytest

from keytwin.runtime.crash import contain


def failing() -> int:
    raise ZeroDivisionError("by nobody's wish")


def leaving() -> int:
    raise SystemExit(3)


def test_gives_the_result_or_the_error() -> None:
    assert contain(lambda: 7) == 7
    error = contain(failing)
    assert isinstance(error, ZeroDivisionError)
    assert error.__traceback__ is not None


def test_lets_exits_pass() -> None:
    with pytest.raises(SystemExit):
        contain(leaving)
