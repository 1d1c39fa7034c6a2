"""Takes a snapshot of an open journal: has what all elements saved said in short, and puts that in its place."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

import msgspec

from keytwin.runtime.envelope import DataKey, SealBroken
from keytwin.runtime.journal_codec import RecordCodec, encode_and_wipe
from keytwin.runtime.journal_file import FORMAT, INSERT, Contents, JournalCorrupt, read_batch
from keytwin.runtime.journal_snapshot import SNAPSHOT, Mark, Shorten, encode_mark
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Record, RecordsLost

LARGEST_ROW: Final = 1024 * 1024  # octets of records, but for a record that is larger

ShortRow = tuple[ElementName, bytes]
"""Whose it is, and its batch of records."""


def in_short(
    connection: sqlite3.Connection, contents: Contents, codec: RecordCodec, shorten: Shorten
) -> list[ShortRow]:
    """Return rows that say what all that is there says; JournalCorrupt when it is not what was written."""
    rows: list[ShortRow] = []
    for element, records in _saved(connection, contents, codec).items():
        short = shorten(element, records)
        octets = map(encode_and_wipe, records if short is None else short)
        rows += ((element, _BATCH.encode(batch)) for batch in _batches(octets))
    return rows


def replace(
    connection: sqlite3.Connection,
    contents: Contents,
    key: DataKey,
    audit_end: tuple[int, bytes],
    short: list[ShortRow],
) -> None:
    """Put these rows in the place of all that are there, within a transaction; with the rows go the keys they had."""
    first = contents.last + 1
    mark = Mark(first + len(short), contents.lost, *audit_end)
    named = [(SNAPSHOT.decode(), encode_mark(mark)), *short]
    rows = [
        (row, name, key.number, key.seal(row, name.encode(), octets)) for row, (name, octets) in enumerate(named, first)
    ]
    connection.execute("DELETE FROM rows")
    connection.executemany(INSERT, rows)
    connection.execute("DELETE FROM data_keys WHERE number < ?", (key.number,))
    connection.execute(f"PRAGMA user_version = {FORMAT}")
    contents.keys = {key.number: key}
    contents.last = mark.through
    contents.begin_short(first, mark)
    for row, *_, sealed in rows[1:]:
        contents.weigh(row, sealed)


def _saved(connection: sqlite3.Connection, contents: Contents, codec: RecordCodec) -> dict[ElementName, list[Record]]:
    """Return the records of each element, in the order they were saved."""
    saved: dict[ElementName, list[Record]] = {}
    query = "SELECT id, element, data_key, sealed FROM rows WHERE id > ? ORDER BY id"
    for row, name, number, sealed in connection.execute(query, (contents.begins,)):
        try:
            octets = contents.opened(row, name, number, sealed)
        except SealBroken as error:
            raise JournalCorrupt(contents.path, row, "is not what was written") from error
        records = saved.setdefault(ElementName(name.decode()), [RecordsLost(contents.lost)] if contents.lost else [])
        records += read_batch(contents.path, row, octets, codec)
    return saved


def _batches(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    batch: list[bytes] = []
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
