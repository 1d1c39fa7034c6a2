"""A store in memory, with the same contract as the journal: staged records are durable after a commit, or never."""

from __future__ import annotations

from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Record


class DiskFull(OSError):
    """What this store's disk says when it `fails`."""


class MemoryStore:
    """Counts its commits; with `fails` the next one goes wrong."""

    def __init__(self) -> None:
        self._codec = RecordCodec(record_types())
        self._staged: list[tuple[ElementName, bytes]] = []
        self.durable: list[tuple[ElementName, bytes]] = []
        self.commits = 0
        self.fails = False

    def stage(self, element: ElementName, record: Record) -> None:
        self._staged.append((element, self._codec.encode(record)))

    def commit(self) -> None:
        staged, self._staged = self._staged, []
        if self.fails:
            raise DiskFull("no space left")
        self.commits += 1
        self.durable += staged

    def records(self, element: ElementName) -> list[Record]:
        return [self._codec.decode(octets) for name, octets in self.durable if name == element]
