"""The audit of a journal: what was decided about keys, a row for each commit, chained and in the same write.

A row is readable text (JSON) with its instant; its link is HMAC-SHA-256 (RFC 2104) over the link before it, its number,
its instant, the last row of the journal that it covers, and the text. The key of the chain is wrapped like the data
keys, so whoever can write to the disk and has no key-encryption key can neither alter, remove, swap nor add a row
unnoticed. Rows at the end are covered by the journal's own rows, which say the same.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

import msgspec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.hmac import HMAC

from keytwin.runtime.envelope import Envelope, SealBroken
from keytwin.vocabulary.audit import AuditEntry
from keytwin.vocabulary.identity import ElementName

AUDIT_KEYS: Final = """CREATE TABLE audit_key
    (first INTEGER NOT NULL, wrapped_by TEXT NOT NULL, wrapped BLOB NOT NULL)"""
AUDIT: Final = """CREATE TABLE audit
    (id INTEGER PRIMARY KEY, at INTEGER NOT NULL, through INTEGER NOT NULL,
    entries TEXT NOT NULL, link BLOB NOT NULL)"""
INSERT_AUDIT: Final = "INSERT INTO audit VALUES (?, ?, ?, ?, ?)"
BEGINNING: Final = bytes(32)


class Noted(msgspec.Struct, frozen=True, gc=False):
    """An entry, and the element whose record it came with."""

    element: ElementName
    entry: AuditEntry


class AuditRow(NamedTuple):
    """A row as it is stored; `at` in nanoseconds since 1970, `through` = the last row of the journal in its commit."""

    id: int
    at: int
    through: int
    entries: str
    link: bytes

    def noted(self) -> list[Noted]:
        """Read the entries; msgspec.DecodeError when they are none."""
        return _DECODER.decode(self.entries)


@dataclass(frozen=True, slots=True)
class AuditKey:
    """The key of a chain, and the first row of the journal that it covers."""

    first: int
    octets: bytes = field(repr=False)


class Links:
    """What binds each row of a chain to all before it."""

    def __init__(self, key: bytes) -> None:
        self._keyed = HMAC(key, SHA256())

    def after(self, before: bytes, number: int, extent: tuple[int, int], entries: bytes) -> bytes:
        """Return the link of a row; `extent`: its instant, and the last row of the journal that it covers."""
        keyed = self._keyed.copy()  # less than half of what it costs to take the key up each time
        keyed.update(b"%b%d,%d,%d," % (before, number, *extent))
        keyed.update(entries)
        return keyed.finalize()


class AuditTrail:
    """The chain's end: makes the next row."""

    def __init__(self, key: AuditKey, last: AuditRow | None) -> None:
        self._links = Links(key.octets)
        self._number = last.id if last else 0
        self._link = last.link if last else BEGINNING
        self._through = last.through if last else 0

    @property
    def end(self) -> tuple[int, bytes]:
        """The number and the link of the last row: who keeps them can tell all before it from another chain."""
        return self._number, self._link

    def covers(self, most: int) -> int:
        """Return the last row of the journal that must be there, 0 = there is no telling: a witness of its end."""
        return self._through if self._through <= most else 0

    def next(self, noted: list[Noted], at: int, through: int) -> AuditRow:
        """Return the next row, which is to be stored before another one is made."""
        self._number, self._through = self._number + 1, through
        entries = _ENCODER.encode(noted)
        self._link = self._links.after(self._link, self._number, (at, through), entries)
        return AuditRow(self._number, at, through, entries.decode(), self._link)


def lay_out(connection: sqlite3.Connection, envelope: Envelope, store: bytes, first: int) -> None:
    """Make the tables and the chain's key, for the journal's rows from `first` on; within a transaction."""
    for statement in (AUDIT_KEYS, AUDIT):
        connection.execute(statement)
    wrapped = envelope.fresh_secret(_context(store, first))
    connection.execute("INSERT INTO audit_key VALUES (?, ?, ?)", (first, envelope.name, wrapped))


def key_of(connection: sqlite3.Connection, envelope: Envelope, store: bytes) -> AuditKey:
    """Read the chain's key; SealBroken when it is not what was wrapped."""
    match connection.execute("SELECT first, wrapped FROM audit_key").fetchall():
        case [(int(first), bytes(wrapped))]:
            return AuditKey(first, envelope.read_secret(wrapped, _context(store, first)))
        case _:
            raise SealBroken("the key of the audit is gone")


def last_of(connection: sqlite3.Connection) -> AuditRow | None:
    """Return the last row, None = there is none."""
    return next(rows_of(connection, "ORDER BY id DESC LIMIT 1"), None)


def rows_of(connection: sqlite3.Connection, order: str = "ORDER BY id") -> Iterator[AuditRow]:
    """Give the rows; an altered column may be of any type, so what is no row is given with an empty link."""
    for number, *extent, entries, link in connection.execute(f"SELECT * FROM audit {order}"):  # noqa: S608  # our own words
        is_row = isinstance(entries, bytes | str) and isinstance(link, bytes)
        text = entries.decode(errors="replace") if isinstance(entries, bytes) else str(entries)
        at, through = (each if isinstance(each, int) else 0 for each in extent)
        yield AuditRow(number, at, through, text, link if is_row else b"")


def _context(store: bytes, first: int) -> bytes:
    return b"keytwin audit key 1" + store + first.to_bytes(8, "big")


_ENCODER: Final = msgspec.json.Encoder()
_DECODER: Final = msgspec.json.Decoder(list[Noted])
