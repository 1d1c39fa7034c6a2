"""Clocks of a live network."""

from __future__ import annotations

import pytest

from keytwin.runtime import clock
from keytwin.runtime.clock import TurnClock
from tests.runtime.papers import DAY, NOW


def test_the_time_of_day_is_read_once_a_turn(monkeypatch: pytest.MonkeyPatch) -> None:
    turns, read = iter([1.0, 1.0, 1.0, 2.0]), iter([NOW, NOW + DAY])
    monkeypatch.setattr(clock, "wall_clock", lambda: next(read))
    now = TurnClock(lambda: next(turns))
    assert [now(), now(), now()] == [NOW, NOW, NOW + DAY]
