"""One deadline for whatever is waited for, on a clock that a test turns."""

from __future__ import annotations

import asyncio

from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.edge_watch import Phase, Watch


class HandClock(asyncio.SelectorEventLoop):
    """An event loop whose time goes on only when it is told to, and then all at once."""

    now = 0.0

    def time(self) -> float:
        return self.now

    def turn_to(self, moment: float) -> None:
        self.now = moment
        for _ in range(3):  # an alarm may be set anew, for the same moment
            self.call_soon(self.stop)
            self.run_forever()


def fired(waits: list[tuple[float, float]], patrol: float, end: float) -> list[float]:
    """Enter a phase at each (moment, seconds), and tell when the time was out."""
    loop, found = HandClock(), list[float]()
    watch = Watch(loop, patrol, lambda: found.append(loop.now))
    moments = sorted({moment for moment, _ in waits} | {tick / 8 for tick in range(int(end * 8) + 1)})
    for moment in moments:
        loop.turn_to(moment)
        for at, seconds in waits:
            if at == moment:
                watch.enter(Phase.RECEIVING, seconds)
    watch.stop()
    loop.turn_to(end + 100)
    loop.close()
    return found


def test_the_time_is_out_once_and_not_before_it_is() -> None:
    assert fired([(0.0, 3.0)], 1.0, 10) == [3.0]


def test_a_phase_that_ends_in_time_is_not_timed() -> None:
    assert fired([(0.0, 3.0), (2.5, 3.0)], 1.0, 10) == [5.5]


def test_a_shorter_wait_comes_before_a_longer_one_that_was_begun_earlier() -> None:
    assert fired([(0.0, 8.0), (1.0, 0.25)], 5.0, 10) == [1.25]


def test_who_stops_waiting_is_never_called() -> None:
    assert fired([(0.0, 50.0)], 1.0, 10) == []


def test_after_the_stop_nothing_is_waited_for() -> None:
    loop = HandClock()
    found: list[float] = []
    watch = Watch(loop, 1.0, lambda: found.append(loop.now))
    watch.stop()
    watch.enter(Phase.IDLE, 1.0)
    loop.turn_to(5.0)
    loop.close()
    assert found == []


@given(st.lists(st.tuples(st.integers(0, 40), st.integers(1, 40)), min_size=1, max_size=5), st.integers(1, 20))
def test_the_last_deadline_holds_whatever_came_before(steps: list[tuple[int, int]], patrol: int) -> None:
    waits = [(moment / 8, seconds / 8) for moment, seconds in dict(steps).items()]
    last, seconds = max(waits)
    assert fired(waits, patrol / 8, 12)[-1] == last + seconds
