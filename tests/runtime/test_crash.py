"""Containing what nobody expected."""

from __future__ import annotations

import pytest

from keytwin.runtime.crash import contain, supervising


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


def test_tells_what_failed_and_lives_on() -> None:
    told: list[Exception] = []
    supervise, done = supervising(told.append), list[int]()
    assert supervise(done.append, 7)
    assert not supervise(failing)
    assert done == [7]
    assert [type(error) for error in told] == [ZeroDivisionError]
    with pytest.raises(SystemExit):
        supervise(leaving)
