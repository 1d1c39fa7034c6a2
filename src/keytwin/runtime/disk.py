"""The simulated disk of one element: the Saves of one instant become durable together, a fixed time later.

Nothing that follows a Save leaves the element before the Save is durable. What was not durable when the
element stopped is gone, but for as much of it, from its beginning, as a torn write leaves. Two things no sound disk
does can be asked for: to forget what it has called durable, and to lose one record for good.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keytwin.runtime.journal_codec import RecordCodec
from keytwin.vocabulary.machine import Effect, Record, RecordsLost


@dataclass(slots=True, eq=False)
class Write:
    """One write under way: the records of one instant, and the effects that wait for it."""

    began: int
    incarnation: int
    records: list[bytes] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    fails: bool = False


@dataclass(slots=True, eq=False)
class Disk:
    """What an element finds again. Without a codec records are timed but not kept."""

    latency: int
    codec: RecordCodec | None
    durable: list[bytes] = field(default_factory=list)
    forgets_from: int | None = None  # while it lies: what it calls durable from here on is gone at the next kill
    lost: list[bytes] = field(default_factory=list)  # what it had called durable, and is gone

    def add(self, write: Write, record: Record) -> None:
        """Put a record into a write, as octets: what its owner wipes later stays what it is on the disk."""
        if self.codec is not None:
            write.records.append(self.codec.encode(record))

    def commit(self, write: Write, most: int | None = None) -> None:
        """Make a write durable; of a torn one only its first records."""
        self.durable += write.records[:most]

    def lie(self) -> None:
        """Call durable, from now on, what is not: a write cache that says "flushed" and is not."""
        if self.forgets_from is None:
            self.forgets_from = len(self.durable)

    def come_clean(self) -> None:
        """Make durable what it has lied about: the cache has been written out."""
        self.forgets_from = None

    def crash(self) -> None:
        """Lose what it has lied about."""
        if self.forgets_from is not None:
            self.lost += self.durable[self.forgets_from :]
            del self.durable[self.forgets_from :]
            self.forgets_from = None

    def rot(self) -> None:
        """Let a record go bad. What it said nobody knows, so a start sets all aside, as a journal does, and says so."""
        assert self.codec is not None
        self.lost += self.durable
        self.durable = [self.codec.encode(RecordsLost(1 + len(self.lost)))]
        if self.forgets_from is not None:
            self.forgets_from = len(self.durable)

    def records(self) -> list[Record]:
        """Read all that is durable, in the order it was saved, with fresh handles of key material."""
        assert self.codec is not None, "records were not kept: a restart needs Simulation(..., keep_records=True)"
        return [self.codec.decode(octets) for octets in self.durable]
