"""The simulated disk of one element: the Saves of one instant become durable together, a fixed time later.

Nothing that follows a Save leaves the element before the Save is durable. What was not durable when the
element stopped is gone.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from keytwin.runtime.journal_codec import RecordCodec
from keytwin.vocabulary.machine import Effect, Record


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

    def add(self, write: Write, record: Record) -> None:
        """Put a record into a write, as octets: what its owner wipes later stays what it is on the disk."""
        if self.codec is not None:
            write.records.append(self.codec.encode(record))

    def commit(self, write: Write) -> None:
        """Make a write durable."""
        self.durable += write.records

    def records(self) -> list[Record]:
        """Read all that is durable, in the order it was saved, with fresh handles of key material."""
        assert self.codec is not None, "records were not kept: a restart needs Simulation(..., keep_records=True)"
        return [self.codec.decode(octets) for octets in self.durable]
