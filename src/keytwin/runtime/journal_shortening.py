"""Takes a snapshot of an open journal: has what all elements saved said in short, and puts that in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import msgspec

from keytwin.runtime.envelope import DataKey, SealBroken, Sealed
from keytwin.runtime.journal_codec import RecordCodec, encode_and_wipe
from keytwin.runtime.journal_file import FORMAT, INSERT, Contents, JournalCorrupt, read_batch
from keytwin.runtime.journal_snapshot import ROW, SNAPSHOT, Mark, Shorten, encode_mark
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Record, RecordsLost

MARKS: Final = 5  # octets, the most that are written before a record, or before all of them
LARGEST_ROW: Final = 1024 * 1024  # octets of records, but for a record that is larger

SIZES: Final = "SELECT element, length(sealed) FROM rows WHERE id > ? AND id <= ? ORDER BY id"
SAVED: Final = "SELECT id, data_key, sealed FROM rows WHERE element = ? AND id > ? AND id <= ? ORDER BY id"

ShortRow = tuple[ElementName, bytearray]
"""Whose it is, and its batch of records."""


def in_short(
    connection: sqlite3.Connection, contents: Contents, codec: RecordCodec, shorten: Shorten
) -> Iterator[ShortRow]:
    """Give rows that say what all that is there says; JournalCorrupt when it is not what was written.

    One element after the other, and what was read goes at once: no more than one is in memory, and the file hardly
    grows.
    """
    last = contents.last
    for element, _ in elements_in(connection, contents, last):
        for octets in in_short_of(connection, contents, codec, shorten, (element, last)):
            yield element, octets
        connection.execute("DELETE FROM rows WHERE element = ? AND id <= ?", (element, last))


def elements_in(connection: sqlite3.Connection, contents: Contents, last: int) -> list[tuple[ElementName, int]]:
    """Return who has saved anything, up to a row, and how many octets of it."""
    found: dict[bytes, int] = {}  # added up here: SQLite would take all the octets along to sort them
    for name, octets in connection.execute(SIZES, (contents.begins, last)):
        found[name] = found.get(name, 0) + octets
    return [(ElementName(name.decode()), octets) for name, octets in found.items()]


def in_short_of(
    connection: sqlite3.Connection,
    contents: Contents,
    codec: RecordCodec,
    shorten: Shorten,
    what: tuple[ElementName, int],
) -> Iterator[bytearray]:
    """Give the batches of records that say what an element has saved, up to a row; JournalCorrupt as `in_short`.

    Each is to be overwritten once it is sealed.
    """
    kept: list[bytearray] = []
    try:
        records = _saved(connection, contents, codec, what, kept)
        short = shorten(what[0], records)
        yield from map(batch_of, _batches(map(encode_and_wipe, records if short is None else short)))
    finally:
        for octets in kept:
            octets[:] = bytes(len(octets))


def batch_of(records: Sequence[bytes | bytearray]) -> bytearray:
    """Write records as the content of a row, in one buffer of its full size, and overwrite those that may hold key."""
    batch = bytearray(sum(map(len, records)) + MARKS * (1 + len(records)))
    _BATCH.encode_into(records, batch)
    for octets in records:
        if isinstance(octets, bytearray):
            octets[:] = bytes(len(octets))
    return batch


def replace(
    connection: sqlite3.Connection,
    contents: Contents,
    key: DataKey,
    audit_end: tuple[int, bytes],
    short: Iterator[ShortRow],
) -> None:
    """Put these rows in the place of all that are there, within a transaction; with the rows go the keys they had."""
    first = last = contents.last + 1
    size = 0
    for last, (name, octets) in enumerate(short, first + 1):
        sealed = seal(key, last, name.encode(), octets)
        connection.execute(INSERT, (last, name, key.number, sealed))
        size += len(sealed) + ROW
    mark = Mark(last, contents.lost, *audit_end)
    connection.execute("DELETE FROM rows WHERE id <= ?", (contents.last,))
    sealed = key.seal(first, SNAPSHOT, encode_mark(mark))
    connection.execute(INSERT, (first, SNAPSHOT.decode(), key.number, sealed))
    give_up_before(connection, key)
    contents.keys = {key.number: key}
    contents.last = mark.through
    contents.begin_short(first, mark)
    contents.short = size


def seal(key: DataKey, row: int, element: bytes, octets: bytearray) -> Sealed:
    """Seal the content of a row, and overwrite it."""
    sealed = key.seal(row, element, octets)
    octets[:] = bytes(len(octets))
    return sealed


def give_up_before(connection: sqlite3.Connection, key: DataKey) -> None:
    """Give up the data keys before this one, with the rows that they sealed: what is left begins with a snapshot."""
    connection.execute("DELETE FROM data_keys WHERE number < ?", (key.number,))
    connection.execute(f"PRAGMA user_version = {FORMAT}")


def _saved(
    connection: sqlite3.Connection,
    contents: Contents,
    codec: RecordCodec,
    what: tuple[ElementName, int],
    kept: list[bytearray],
) -> list[Record]:
    """Return the records of an element up to a row, in the order they were saved; where keys stand goes to `kept`."""
    element, last = what
    records: list[Record] = [RecordsLost(contents.lost)] if contents.lost else []
    for row, number, sealed in connection.execute(SAVED, (element, contents.begins, last)):
        try:
            octets = contents.opened(row, element.encode(), number, sealed)
        except SealBroken as error:
            raise JournalCorrupt(contents.path, row, "is not what was written") from error
        records += read_batch(contents.path, row, octets, lambda batch: codec.decode_each_to_copy(batch, kept))
        octets[:] = bytes(len(octets))
    return records


def _batches(records: Iterable[bytes | bytearray]) -> Iterator[list[bytes | bytearray]]:
    batch: list[bytes | bytearray] = []
    size = 0
    for octets in records:
        if batch and size + len(octets) > LARGEST_ROW:
            yield batch
            batch, size = [], 0
        batch.append(octets)
        size += len(octets)
    if batch:
        yield batch


_BATCH: Final = msgspec.msgpack.Encoder()
