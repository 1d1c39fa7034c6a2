"""The SQLite file of a journal: taken by one process, told from other files, laid out, and checked row by row."""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from keytwin.runtime import audit
from keytwin.runtime.audit import AuditTrail
from keytwin.runtime.envelope import STORE, DataKey, Envelope, SealBroken, WrappedKey
from keytwin.runtime.journal_snapshot import ROW, SNAPSHOT, Mark, decode_mark
from keytwin.runtime.private_files import SECRET, mistake, sync_folder
from keytwin.runtime.quarantine import ANEW, Damage
from keytwin.vocabulary.errors import FileMistake, Finding, Refusal
from keytwin.vocabulary.machine import Record

APPLICATION: Final = 0x6B74776E  # "ktwn", in SQLite's field for it
UNSHORTENED: Final = 2  # with an audit
FORMAT: Final = 3  # with a snapshot: an earlier keytwin, which would take what is gone for damage, refuses it
BEFORE_AUDIT: Final = 1
BEFORE: Final = ("locking_mode = EXCLUSIVE", "trusted_schema = OFF", "cell_size_check = ON", "secure_delete = ON")
DURABLE: Final = ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 0")
STORES: Final = "CREATE TABLE store (identity BLOB NOT NULL)"
DATA_KEYS: Final = """CREATE TABLE data_keys
    (number INTEGER PRIMARY KEY, first INTEGER NOT NULL, wrapped_by TEXT NOT NULL, wrapped BLOB NOT NULL)"""
ROWS: Final = """CREATE TABLE rows
    (id INTEGER PRIMARY KEY, element TEXT NOT NULL, data_key INTEGER NOT NULL, sealed BLOB NOT NULL)"""
ALL: Final = """SELECT id, CASE typeof(element) WHEN 'text' THEN element END, data_key, sealed FROM rows ORDER BY id"""
"""No row whose name is no text any more, though of the same octets: nobody who asks by name would find it."""
INSERT: Final = "INSERT INTO rows VALUES (?, ?, ?, ?)"
INSERT_KEY: Final = "INSERT INTO data_keys VALUES (?, ?, ?, ?)"
OPENED: Final = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
START_ANEW: Final = "move its folder away and start anew; never put back an older copy: its pads may have been used"
ELSEWHERE: Final = "name another place, or move it away"


class JournalInUse(Refusal):
    """Another process has the journal open: there is one writer."""


class JournalCorrupt(FileMistake):
    """What the journal holds is not what was written; `row` counts from 1, 0 = the file as a whole."""

    def __init__(self, path: Path, row: int, what: str) -> None:
        place = f"row {row} " if row else ""
        super().__init__((Finding(f"{place}{what}", file=str(path), suggestion=START_ANEW),))
        self.path = path
        self.row = row


def in_use(path: Path, whom: str) -> JournalInUse:
    """Say who has the journal, and what to do."""
    return JournalInUse(f"{path} is in use by {whom}: stop that first, or name another state directory")


def lock(path: Path) -> int:
    """Take the lock of a journal; the open file holds it, so that it goes with its process whatever becomes of that."""
    handle = os.open(path.with_name(f"{path.name}.lock"), OPENED, SECRET)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(handle, 0)
        os.write(handle, b"%d\n" % os.getpid())
    except BlockingIOError as error:
        holder = os.read(handle, 20).decode(errors="replace").strip()
        os.close(handle)
        raise in_use(path, f"process {holder}" if holder else "another process") from error
    except OSError:
        os.close(handle)
        raise
    return handle


# --- opening --------------------------------------------------------------------------------------------------------


def connect(path: Path) -> sqlite3.Connection:
    """Open or make the file; sqlite3.Error as it comes, FileMistake when it is another program's or format."""
    handle = os.open(path, OPENED, SECRET)
    os.fchmod(handle, SECRET)  # SQLite gives its log the same permissions
    os.close(handle)
    sync_folder(path.parent)
    with ExitStack() as undo:
        connection = undo.enter_context(closing(sqlite3.connect(path, timeout=0, isolation_level=None)))
        connection.text_factory = bytes  # what was altered may be no text
        _set(connection, BEFORE)
        is_fresh = not version_of(path, connection)
        _set(connection, DURABLE)
        if is_fresh:
            _lay_out(connection)
        undo.pop_all()
    return connection


def _set(connection: sqlite3.Connection, settings: tuple[str, ...]) -> None:
    for setting in settings:
        connection.execute(f"PRAGMA {setting}").fetchall()


def version_of(path: Path, connection: sqlite3.Connection) -> int:
    """Return a journal's format, 0 = it is empty; FileMistake when it is another program's, or a newer one."""
    application, version, tables = (
        connection.execute(query).fetchone()[0]
        for query in ("PRAGMA application_id", "PRAGMA user_version", "SELECT count(*) FROM sqlite_master")
    )
    if not application and not tables:
        return 0
    if application != APPLICATION:
        raise mistake(path, "is no journal of keytwin's", ELSEWHERE)
    if version not in {BEFORE_AUDIT, UNSHORTENED, FORMAT}:
        what = f"has format {version}, and this keytwin reads {FORMAT}"
        raise mistake(path, what, "use the keytwin that wrote it")
    return int(version)


def _lay_out(connection: sqlite3.Connection) -> None:
    """Make the tables and the identity in one transaction: a file that was not finished is fresh again."""
    connection.execute("BEGIN IMMEDIATE")
    for statement in (STORES, DATA_KEYS, ROWS):
        connection.execute(statement)
    connection.execute("INSERT INTO store VALUES (?)", (os.urandom(STORE),))
    _set(connection, (f"application_id = {APPLICATION}", f"user_version = {UNSHORTENED}"))
    connection.execute("COMMIT")


# --- checking -------------------------------------------------------------------------------------------------------


NO_MARK: Final = Mark(0, 0, 0, b"")


@dataclass(slots=True)
class Contents:
    """What a journal holds, beside its rows: its identity, its data keys by number, and the number of its last row.

    `begins`: what elements find again stands behind this row; 0 = all of it. `lost`: behind this one they began anew.
    `damage` is what was not settled yet. `mark`: that of the snapshot with which the rows begin. `short` and `tail`:
    octets of that snapshot, and of what came since.
    """

    path: Path
    store: bytes
    keys: dict[int, DataKey]
    highest_key: int  # number of a data key, also of one that can't be opened
    last: int = 0
    begins: int = 0
    lost: int = 0
    mark: Mark = NO_MARK
    short: int = 0
    tail: int = 0
    damage: list[Damage] = field(default_factory=list)

    def opened(self, row: int, element: bytes, number: int, sealed: bytes) -> bytearray:
        """Open the seal of a row, to be overwritten; SealBroken when it is not what was written."""
        try:
            return self.keys[number].open(row, element, sealed)
        except (
            KeyError,
            TypeError,
            OverflowError,
        ) as error:  # an altered column may have become any type that SQLite has
            raise SealBroken("the seal is broken") from error

    def take(self, row: int, element: bytes, number: int, sealed: bytes) -> None:
        """Count the next row, if it is what was written; rows come in ascending order."""
        expected = self.last + 1
        try:
            octets = self.opened(row, element, number, sealed)
        except SealBroken:
            # Its number is as doubtful as all else of it: only where it is the expected one is it believed.
            self.last = max(self.last, expected if row == expected else 0)
            self.damage.append(Damage(row, row, "is not what was written"))
            return
        self.reach(row)
        self.last = row
        self.weigh(row, sealed)
        if element == ANEW:
            self.begin(row, row)
        elif element == SNAPSHOT:
            self.begin_short(row, self._read_mark(row, octets))
        octets[:] = bytes(len(octets))

    def is_long(self, longest_tail: int) -> bool:
        """Whether it is time for a snapshot."""
        return self.tail > max(longest_tail, self.short)

    def begin(self, row: int, lost: int) -> None:
        """Note that what elements find again begins behind a row: what is before is of no use, damaged or not."""
        self.begins, self.lost, self.tail = row, lost, 0
        self.damage = [each for each in self.damage if each.first > row]

    def begin_short(self, row: int, mark: Mark) -> None:
        """Note that a snapshot begins at this row."""
        self.begin(row, mark.lost)
        self.mark, self.short = mark, 0

    def weigh(self, row: int, sealed: bytes) -> None:
        """Count the octets of a row."""
        if row <= self.mark.through:
            self.short += len(sealed) + ROW
        else:
            self.tail += len(sealed) + ROW

    def _read_mark(self, row: int, octets: bytearray) -> Mark:
        try:
            return decode_mark(octets)
        except msgspec.DecodeError as error:  # the seal held: another keytwin wrote it
            raise JournalCorrupt(self.path, row, f"is no snapshot that this keytwin knows: {error}") from error

    def reach(self, row: int) -> None:
        """Note that all rows before this one were written."""
        if row > self.last + 1:
            self.damage.append(Damage(self.last + 1, row - 1, "is missing"))
            self.last = row - 1


def examine(path: Path, connection: sqlite3.Connection, envelope: Envelope) -> Contents:
    """Check all of a journal and say what is missing or altered.

    JournalCorrupt when there is no telling at all; FileMistake when it is of another key-encryption key.
    """
    store = _identity(path, connection)
    keys, highest = _data_keys(path, connection, envelope, store)
    contents = Contents(path, store, keys, highest)
    # Every seal, not only those an element asks for: an altered element name would hide its row from all of them.
    for row in connection.execute(ALL):
        if not isinstance(row[0], int):
            raise JournalCorrupt(path, 0, "is damaged: its rows have lost their numbers")
        contents.take(*row)
    contents.reach(max(contents.mark.through + 1, *(key.first for key in keys.values()), 1))
    if not _are_pages_sound(connection):
        contents.reach(contents.last + 2)
    return contents


def _are_pages_sound(connection: sqlite3.Connection) -> bool:
    """Whether no row is hidden at the end, by a page that says it has fewer, or by a table that stands for another."""
    [(shared,)] = connection.execute("SELECT count(rootpage) - count(DISTINCT rootpage) FROM sqlite_master")
    return not shared and connection.execute("PRAGMA quick_check(rows)").fetchall() == [(b"ok",)]


def read_batch(
    path: Path, row: int, octets: bytearray, decode: Callable[[list[memoryview]], list[Record]]
) -> list[Record]:
    """Return the records of a row whose seal has been opened; JournalCorrupt when they are none that are known here."""
    try:
        return decode(_BATCHES.decode(octets))
    except msgspec.DecodeError as error:
        # The seal held, so this is what some keytwin wrote: another version, or one with another plug-in.
        raise JournalCorrupt(path, row, f"holds what this keytwin can't read: {error}") from error


def _identity(path: Path, connection: sqlite3.Connection) -> bytes:
    match connection.execute("SELECT identity FROM store").fetchall():
        case [(bytes(identity),)] if len(identity) == STORE:
            return identity
        case _:
            raise JournalCorrupt(path, 0, "has lost its identity")


def audit_of(contents: Contents, connection: sqlite3.Connection, envelope: Envelope) -> AuditTrail:
    """Return the end of the audit's chain; a journal of an earlier format gets one, for what comes from now on."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    has_tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name = 'audit'").fetchone()[0]
    if version == BEFORE_AUDIT or not (has_tables or contents.last):
        connection.execute("BEGIN IMMEDIATE")
        audit.lay_out(connection, envelope, contents.store, contents.last + 1)
        _set(connection, (f"user_version = {UNSHORTENED}",))
        connection.execute("COMMIT")
    try:
        return AuditTrail(audit.key_of(connection, envelope, contents.store), audit.last_of(connection))
    except SealBroken as error:
        raise JournalCorrupt(contents.path, 0, f"has lost its audit: {error}") from error


def _data_keys(
    path: Path, connection: sqlite3.Connection, envelope: Envelope, store: bytes
) -> tuple[dict[int, DataKey], int]:
    """Open the data keys, and return the highest number there is; one that is lost shows by the rows that it sealed."""
    keys: dict[int, DataKey] = {}
    highest = 0
    foreign = ""
    for row in connection.execute("SELECT number, first, wrapped_by, wrapped FROM data_keys ORDER BY number"):
        highest = max(highest, row[0] if isinstance(row[0], int) else 0)  # no number: the table itself was altered
        match row:
            case (int(number), int(first), bytes(by), bytes(octets)) if number > 0 and first > 0:
                wrapped = WrappedKey(number, first, by.decode(errors="replace"), octets)
            case _:
                continue
        try:
            keys[number] = envelope.read(store, wrapped)
        except SealBroken:
            foreign = foreign or ("" if wrapped.wrapped_by == envelope.name else wrapped.wrapped_by)
    if foreign and not keys:
        what = f"is sealed under the key {foreign}, and the one at hand is {envelope.name}"
        raise mistake(path, what, "put back the key file that was made with it")
    return keys, highest


_BATCHES: Final = msgspec.msgpack.Decoder(list[memoryview])
