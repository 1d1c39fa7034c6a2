"""A snapshot in steps, one before each commit, so that no commit waits for all of it. Invariant O1.

What stands in the rows up to some row is said in short, element after element, in a table beside; commits go on behind
that row. At the end one transaction puts the table in the place of the rows, with what came since behind it. The short
rows get the highest of the numbers that become free, so that the numbers have no gap, as after a snapshot at once.
Their data key is stored in that transaction and not before: until then nobody can read them, nor put them among the
rows, and what a crash leaves of them is of no use to anybody.

Then the old rows, whose keys are gone by now, are overwritten, in steps again.
"""

from __future__ import annotations

import sqlite3
from bisect import bisect_left
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import accumulate
from typing import Final

from keytwin.runtime.envelope import DataKey, Sealed, WrappedKey
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.runtime.journal_file import INSERT_KEY, Contents
from keytwin.runtime.journal_shortening import LARGEST_ROW, elements_in, give_up_before, in_short_of, seal
from keytwin.runtime.journal_snapshot import ROW, SNAPSHOT, Mark, Shorten, encode_mark
from keytwin.runtime.libc import trim
from keytwin.vocabulary.identity import ElementName

STEP: Final = 4 * 1024 * 1024  # octets read, written or overwritten before one commit: some hundredths of a second
MOST_ROWS: Final = 4_096  # that are overwritten at once
SPARE: Final = 16  # numbers beyond those that are likely to be needed
CUT: Final = -1  # the log was written back, and cut

SHORT_ROWS: Final = """CREATE TABLE short_rows
    (id INTEGER PRIMARY KEY, element TEXT NOT NULL, data_key INTEGER NOT NULL, sealed BLOB NOT NULL)"""
INSERT_SHORT: Final = "INSERT INTO short_rows VALUES (?, ?, ?, ?)"
BESIDE: Final = ("short_rows", "spent_rows")

SealedRow = tuple[int, str, int, Sealed]


@dataclass(slots=True)
class Gradual:
    """A snapshot that is being taken: of all up to the row that is the last one now.

    `key` is for the short rows, and not stored yet; `since` seals what is committed from now on.
    """

    connection: sqlite3.Connection
    contents: Contents
    codec: RecordCodec
    shorten: Shorten
    key: DataKey
    wrapped: WrappedKey
    since: DataKey
    audit_end: tuple[int, bytes]
    through: int = field(init=False)
    free: int = field(init=False)  # the highest number that no short row has yet
    tail: int = field(init=False)  # octets of the tail that the snapshot includes
    octets: int = 0  # of short rows

    def __post_init__(self) -> None:
        self.through = self.free = self.contents.last
        self.tail = self.contents.tail

    def steps(self, elements: list[tuple[ElementName, int]]) -> Iterator[int]:
        """Take one step after the other; each returns how many octets it has read or written, or CUT."""
        throw_away(self.connection)
        self.connection.execute(SHORT_ROWS)
        for element, octets in elements:
            sealed = self._sealed(element)
            if octets > STEP:
                trim()  # all the key that it has in stock was in memory several times
            yield octets
            for some in _slices(sealed):
                yield self._write(some)
        self._replace()
        yield CUT
        yield from self._overwrite()

    def _sealed(self, element: ElementName) -> list[SealedRow]:
        """Return what an element has to say, sealed at once: what is read is not kept from step to step."""
        batches = list(in_short_of(self.connection, self.contents, self.codec, self.shorten, (element, self.through)))
        last, self.free = self.free, self.free - len(batches)
        assert self.free > 0
        name, key = element.encode(), self.key
        batches.reverse()  # so that each goes as soon as it is sealed
        return [
            (row, element, key.number, seal(key, row, name, batches.pop())) for row in range(self.free + 1, last + 1)
        ]

    def _write(self, rows: list[SealedRow]) -> int:
        self.connection.execute("BEGIN IMMEDIATE")
        self.connection.executemany(INSERT_SHORT, rows)
        self.connection.execute("COMMIT")
        octets = _octets(rows)
        self.octets += octets
        return octets

    def _replace(self) -> None:
        """Let the short rows be the rows: from here on the snapshot is there."""
        connection, contents = self.connection, self.contents
        mark = Mark(self.through, contents.lost, *self.audit_end)
        sealed = self.key.seal(self.free, SNAPSHOT, encode_mark(mark))
        connection.execute("BEGIN IMMEDIATE")
        connection.execute("INSERT INTO short_rows SELECT * FROM rows WHERE id > ?", (self.through,))
        connection.execute(INSERT_SHORT, (self.free, SNAPSHOT.decode(), self.key.number, sealed))
        connection.execute("ALTER TABLE rows RENAME TO spent_rows")
        connection.execute("ALTER TABLE short_rows RENAME TO rows")
        connection.execute(INSERT_KEY, self.wrapped)
        give_up_before(connection, self.since)
        connection.execute("COMMIT")
        _cut(connection)
        kept = {number: key for number, key in contents.keys.items() if number >= self.since.number}
        contents.keys = {**kept, self.key.number: self.key}
        tail = contents.tail - self.tail
        contents.begin_short(self.free, mark)
        contents.short, contents.tail = self.octets, tail
        trim()

    def _overwrite(self) -> Iterator[int]:
        """Overwrite what was replaced."""
        connection = self.connection
        query = "SELECT id, length(sealed) FROM spent_rows ORDER BY id LIMIT ?"
        while found := connection.execute(query, (MOST_ROWS,)).fetchall():
            octets = list(accumulate(size + ROW for _, size in found))
            last = min(bisect_left(octets, STEP), len(found) - 1)
            connection.execute("DELETE FROM spent_rows WHERE id <= ?", (found[last][0],))
            yield octets[last]
        throw_away(connection)
        _cut(connection)
        yield CUT


def told_in_steps(connection: sqlite3.Connection, contents: Contents) -> list[tuple[ElementName, int]]:
    """Return whose records there are, and how many octets; none when a snapshot is better taken at once.

    So it is when it is no larger than a step, or has too few numbers for its rows among those it makes free.
    """
    octets = contents.short + contents.tail
    if octets <= STEP:
        return []
    elements = elements_in(connection, contents, contents.last)
    has_room = contents.last > SPARE + len(elements) + 2 * octets // LARGEST_ROW
    return elements if has_room else []


def throw_away(connection: sqlite3.Connection) -> None:
    """Remove what a snapshot that was not finished has left."""
    for table in BESIDE:
        connection.execute(f"DROP TABLE IF EXISTS {table}")


def _slices(rows: list[SealedRow]) -> Iterator[list[SealedRow]]:
    """Give the rows in pieces that are written at once, and keep none that is."""
    some: list[SealedRow] = []
    rows.reverse()
    while rows:
        some.append(rows.pop())
        if not rows or _octets(some) + len(rows[-1][-1]) > STEP:
            yield some
            some = []


def _octets(rows: list[SealedRow]) -> int:
    return sum(len(row[-1]) + ROW for row in rows)


def _cut(connection: sqlite3.Connection) -> None:
    """Write the log back and cut it: what was overwritten is still in it."""
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
