"""Priority queue with bounded ageing: what waits for key of one link direction. Paper B, 3.1; ETSI GS QKD 004 priority.

Each entry gets a virtual deadline, the instant it came plus its priority times a fixed step; the earliest deadline is
served first. So priority 0 goes before anything that came at the same time, and an entry of priority p is passed only
by entries that came less than p steps after it (invariant A4): nothing starves, and no ageing sweep is needed.
"""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

from keytwin.vocabulary.errors import Oversize
from keytwin.vocabulary.units import Duration, Instant, seconds

AGEING_STEP: Final = seconds(2)  # how long one priority class may be passed by the class above it
MOST_WAITING: Final = 100_000  # entries of one link direction: far above what any admitted load leaves waiting

T = TypeVar("T")


class PriorityQueue(Generic[T]):
    """Entries by virtual deadline; equal deadlines in the order they came."""

    __slots__ = ("_count", "_heap")

    def __init__(self) -> None:
        self._heap: list[tuple[int, int, T]] = []
        self._count = 0

    def __len__(self) -> int:
        return len(self._heap)

    def push(self, entry: T, priority: int, now: Instant) -> None:
        """Add an entry; Oversize when the queue is full."""
        if len(self._heap) >= MOST_WAITING:
            raise Oversize(f"more than {MOST_WAITING} entries wait for one link")
        self._count += 1
        heapq.heappush(self._heap, (now + priority * AGEING_STEP, self._count, entry))

    def first(self) -> T | None:
        """Return the entry that is served next, None when nothing waits."""
        return self._heap[0][2] if self._heap else None

    def pop(self) -> T:
        """Take the entry that is served next."""
        return heapq.heappop(self._heap)[2]

    def remove(self, unwanted: list[T]) -> None:
        """Drop these entries, told apart as objects."""
        gone = {id(entry) for entry in unwanted}
        self._heap = [item for item in self._heap if id(item[2]) not in gone]
        heapq.heapify(self._heap)

    def entries(self) -> list[T]:
        """Return what waits, in no particular order."""
        return [entry for _, _, entry in self._heap]


def longest_pass(priority: int) -> Duration:
    """Return for how long entries that come later may still be served before one of this priority."""
    return Duration(priority * AGEING_STEP)
