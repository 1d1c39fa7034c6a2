"""Priority queue with bounded ageing: what waits for key of one link direction. Paper B, 3.1; ETSI GS QKD 004 priority.

Each entry gets a virtual deadline, the instant it came plus its rank times a fixed step, up to a limit; the earliest
deadline is served first. So rank 0 goes before anything that came at the same time, and an entry of rank r is passed
only by entries that came less than r steps after it (invariant A4): nothing starves, and no ageing sweep is needed.
"""

from __future__ import annotations

import heapq
from typing import Final, Generic, TypeVar

from keytwin.vocabulary.errors import Oversize
from keytwin.vocabulary.units import Duration, Instant, seconds

AGEING_STEP: Final = seconds(1)  # how long one rank may be passed by the rank above it
LONGEST_PASS: Final = seconds(8)  # above eight ranks, and within the patience of a batch on its way (`CARRY_TIMEOUT`)
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

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait: who could, asks before it changes anything."""
        return len(self._heap) >= MOST_WAITING

    def push(self, entry: T, rank: int, now: Instant) -> None:
        """Add an entry; Oversize when the queue is full."""
        if self.is_full:
            raise Oversize(f"more than {MOST_WAITING} entries wait for one link")
        self._count += 1
        heapq.heappush(self._heap, (now + longest_pass(rank), self._count, entry))

    def first(self) -> T | None:
        """Return the entry that is served next, None when nothing waits."""
        return self._heap[0][2] if self._heap else None

    def pop(self) -> T:
        """Take the entry that is served next."""
        return heapq.heappop(self._heap)[2]

    def remove(self, unwanted: list[T]) -> None:
        """Drop these entries, told apart as objects."""
        if not unwanted:
            return
        gone = {id(entry) for entry in unwanted}
        self._heap = [item for item in self._heap if id(item[2]) not in gone]
        heapq.heapify(self._heap)

    def entries(self) -> list[T]:
        """Return what waits, in no particular order."""
        return [entry for _, _, entry in self._heap]


def longest_pass(rank: int) -> Duration:
    """Return for how long entries that come later may still be served before one of this rank."""
    return Duration(min(rank * AGEING_STEP, LONGEST_PASS))


def rank_of(priority: int, *, is_refill: bool) -> int:
    """Return a batch's rank: refills wait behind the requests of their class, but before those of the class below."""
    return 2 * priority + is_refill
