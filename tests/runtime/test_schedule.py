"""Timers in the heap: lazily moved ones go off as eagerly moved ones would, and the dead never fill the heap."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.runtime.disk import Disk
from keytwin.runtime.host import Host, Timer
from keytwin.runtime.schedule import FEWEST_DEAD, Schedule
from keytwin.vocabulary.machine import StartTimer
from keytwin.vocabulary.units import Duration
from tests.runtime.words import HERE, Ring, Say


@dataclass
class Bench:
    """A schedule with one host, driven by hand."""

    schedule: Schedule = field(default_factory=lambda: Schedule(fewest_dead=2))
    host: Host = field(default_factory=lambda: Host(HERE, None, Disk(0, None)))
    now: int = 0
    rung: list[tuple[int, str]] = field(default_factory=list)

    def start(self, name: str, after: int) -> None:
        self.schedule.start_timer(self.host, StartTimer(name, Duration(after), Ring(name)), self.now)

    def stop(self, name: str) -> None:
        self.schedule.stop_timer(self.host, name)

    def forget(self) -> None:
        self.schedule.forget(self.host)

    def advance(self, span: int) -> None:
        until, heap = self.now + span, self.schedule.heap
        while heap and heap[0][0] <= until:
            self.now, number, host, _, occasion = heappop(heap)
            assert isinstance(occasion, Timer)
            message = self.schedule.fire(host, occasion, number)
            if isinstance(message, Ring):
                self.rung.append((self.now, message.name))
        self.now = until

    def really_dead(self) -> int:
        return sum(
            isinstance(occasion, Timer) and (occasion.entry != number or occasion.message is None)
            for _, number, _, _, occasion in self.schedule.heap
        )


@dataclass
class Eager:
    """The plainest timers there can be."""

    now: int = 0
    started: int = 0
    running: dict[str, tuple[int, int]] = field(default_factory=dict)
    rung: list[tuple[int, str]] = field(default_factory=list)

    def start(self, name: str, after: int) -> None:
        self.started += 1
        self.running[name] = (self.now + after, self.started)

    def stop(self, name: str) -> None:
        self.running.pop(name, None)

    def forget(self) -> None:
        self.running.clear()

    def advance(self, span: int) -> None:
        self.now += span
        due = sorted((at, number, name) for name, (at, number) in self.running.items() if at <= self.now)
        for at, _, name in due:
            self.rung.append((at, name))
            del self.running[name]


NAMES = st.sampled_from("ab")
START = st.tuples(st.just("start"), NAMES, st.integers(0, 9))
STOP = st.tuples(st.just("stop"), NAMES)
ADVANCE = st.tuples(st.just("advance"), st.integers(0, 4))
STEPS = st.one_of(START, START, START, STOP, ADVANCE, st.tuples(st.just("forget")))


@settings(max_examples=200)
@given(st.lists(STEPS, min_size=10, max_size=40))
def test_timers_go_off_as_if_each_restart_made_a_new_one(steps: list[tuple[str, ...]]) -> None:
    bench, eager = Bench(), Eager()
    for step, *arguments in steps:
        for subject in (bench, eager):
            getattr(subject, step)(*arguments)
        assert bench.schedule.dead == bench.really_dead()
        assert bench.schedule.dead <= max(2, len(bench.schedule.heap) / 2)
    for subject in (bench, eager):
        subject.advance(20)
    assert bench.rung == eager.rung
    assert not bench.schedule.heap
    assert not bench.host.timers


def test_a_time_out_that_every_message_restarts_stays_one_entry() -> None:
    bench = Bench()
    for _ in range(1000):
        bench.start("idle", 50)
        bench.advance(1)
    assert len(bench.schedule.heap) == 1
    bench.advance(50)
    assert bench.rung == [(999 + 50, "idle")]


def test_stopped_timers_of_many_names_are_swept_from_heap_and_host() -> None:
    bench = Bench(schedule=Schedule())
    for number in range(10 * FEWEST_DEAD):
        bench.start(f"retry {number}", 10**9)
        bench.stop(f"retry {number}")
    assert len(bench.schedule.heap) <= FEWEST_DEAD + 1
    assert len(bench.host.timers) <= FEWEST_DEAD + 1


def test_sweeping_spares_messages_and_running_timers() -> None:
    bench = Bench()
    bench.schedule.deliver(7, bench.host, Say(1))
    bench.start("kept", 5)
    for number in range(50):
        bench.start(f"{number}", 10**6)
    for number in range(50):
        bench.stop(f"{number}")
    assert [entry[0] for entry in sorted(bench.schedule.heap, key=lambda entry: entry[:2])][:2] == [5, 7]
    assert next(iter(bench.host.timers)) == "kept"


def test_what_is_left_after_sweeping_comes_up_in_order() -> None:
    bench = Bench(schedule=Schedule())
    spans = [(number * 7919) % 10_007 for number in range(5_000)]
    for number, span in enumerate(spans):
        bench.start(f"{number}", span)
    for number in range(0, 5_000, 3):
        bench.stop(f"{number}")
    for number in range(1, 5_000, 3):
        bench.stop(f"{number}")
    assert len(bench.schedule.heap) < 5_000
    bench.advance(10_007)
    assert [at for at, _ in bench.rung] == sorted(spans[2::3])


@pytest.mark.parametrize("after", [0, -5])
def test_a_timer_of_no_time_goes_off_at_once_and_never_in_the_past(after: int) -> None:
    bench = Bench()
    bench.advance(3)
    bench.start("now", after)
    bench.advance(0)
    assert bench.rung == [(3, "now")]
