"""Deadlines of many things behind one timer of their element: the number of timers doesn't grow with the network."""

from __future__ import annotations

from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Final

from keytwin.vocabulary.machine import Effect, Message, StartTimer
from keytwin.vocabulary.units import Duration, Instant, milliseconds

TICK: Final = milliseconds(50)  # deadlines are rounded up to it, so that those close together share one wake-up


@dataclass(slots=True)
class Agenda:
    """What is due when, by name. A deadline that moves away costs nothing until the earlier one has come."""

    timer: str
    message: Message
    _due: dict[str, Instant] = field(default_factory=dict)
    _scheduled: dict[str, Instant] = field(default_factory=dict)  # the earliest place of a name in the heap
    _heap: list[tuple[Instant, int, str]] = field(default_factory=list)
    _count: int = 0
    _armed: Instant | None = None

    def put(self, name: str, due: Instant) -> None:
        """Set the one deadline of `name`."""
        self._due[name] = due
        scheduled = self._scheduled.get(name)
        if scheduled is None or due < scheduled:
            self._schedule(name, due)

    def drop(self, name: str) -> None:
        """Forget the deadline of `name`, if it has one."""
        self._due.pop(name, None)

    def take_due(self, now: Instant) -> list[str]:
        """Remove and return what is due, earliest first; call it when the timer goes off."""
        self._armed = None
        taken: list[str] = []
        while self._heap and self._heap[0][0] <= now:
            at, _, name = heappop(self._heap)
            if self._scheduled.get(name) != at:
                continue  # it was put forward meanwhile
            del self._scheduled[name]
            due = self._due.get(name)
            if due is None:
                continue
            if due > now:
                self._schedule(name, due)
                continue
            del self._due[name]
            taken.append(name)
        return taken

    def arm(self, now: Instant) -> list[Effect]:
        """Start the timer when the earliest deadline is not covered by it yet."""
        if not self._heap:
            return []
        at = Instant(-(-self._heap[0][0] // TICK) * TICK)
        if self._armed is not None and self._armed <= at:
            return []
        self._armed = at
        return [StartTimer(self.timer, Duration(max(at - now, 0)), self.message)]

    def _schedule(self, name: str, due: Instant) -> None:
        self._count += 1
        self._scheduled[name] = due
        heappush(self._heap, (due, self._count, name))
