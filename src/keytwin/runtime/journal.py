"""The journal of a live process: what its elements saved, sealed, in one SQLite file with one writer.

A row is what one element saved in one commit. Rows are numbered without a gap and each is bound to its number, so that
one that is missing, moved or altered is noticed when the journal is opened: it is put aside and elements begin anew
behind it (`quarantine`). A store that was put back as a whole, or at
its end, to an earlier state is not: pads that it knows as unused may have been used since.
"""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Final

from keytwin.runtime.audit import INSERT_AUDIT, Noted
from keytwin.runtime.envelope import DataKey, Envelope, SealBroken, Sealed
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.runtime.journal_file import (
    ELSEWHERE,
    INSERT,
    INSERT_KEY,
    JournalCorrupt,
    audit_of,
    connect,
    examine,
    in_use,
    lock,
    read_batch,
)
from keytwin.runtime.journal_gradual import CUT, STEP, Gradual, throw_away, told_in_steps
from keytwin.runtime.journal_shortening import batch_of, in_short, replace, seal
from keytwin.runtime.journal_snapshot import LONGEST_TAIL, ROW, Shorten
from keytwin.runtime.libc import trim
from keytwin.runtime.private_files import mistake, private_folder
from keytwin.runtime.quarantine import ANEW, LEFT_OUT, Quarantined, put_aside, quarantined
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Record, RecordsLost

PAGE: Final = 4096  # octets, SQLite's own; a commit logs the page at the end of the table and those it fills
LOG_LIMIT: Final = 1024 * 1024  # octets of log before it is written back: one that is overwritten syncs faster
REST: Final = 3.0  # times as long as a step of a snapshot has taken: until then commits go on without another one
LARGEST_GAP: Final = 1 << 20  # rows; an audit that claims more at the end of a journal has been altered

Row = tuple[int, ElementName, int, Sealed]


class JournalFailed(Refusal):
    """The machine that keytwin runs on could not write or read: a full or failing disk. No peer's and no user's fault.

    None of the batch has been answered. After a full disk none of it is found again; after a failed sync all or none.
    """


class Journal:
    """Saves records of many elements, a batch at a time, and finds them again. Made by `open`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, envelope: Envelope, codec: RecordCodec) -> None:
        self.path = path
        self._connection = connection
        self._cursor = connection.cursor()
        self._envelope = envelope
        self._codec = codec
        self._staged: dict[ElementName, list[bytes | bytearray]] = {}
        self._noted: list[Noted] = []
        self._logged = 0
        self._failure = ""
        self._exit = ExitStack()
        self._shorten: Shorten | None = None
        self._steps: Iterator[int] | None = None  # of a snapshot that is being taken
        self._longest_tail = LONGEST_TAIL
        self._rests_until = 0.0  # by the monotonic clock
        self._contents = examine(path, connection, envelope)
        self._trail = audit_of(self._contents, connection, envelope)
        self._contents.reach(self._trail.covers(LARGEST_GAP + self._contents.last) + 1)
        self.found_now = tuple(self._contents.damage)
        self._key = self._settled() if self._contents.damage else self._fresh_key()

    @classmethod
    def open(cls, path: Path, envelope: Envelope, codec: RecordCodec) -> Journal:
        """Open a journal, or make one, and check all that it holds; one opening at a time, in any process.

        JournalInUse, JournalCorrupt, JournalFailed; FileMistake for another key-encryption key, format or kind of file;
        OSError when its folder can't be written.
        """
        private_folder(path.parent)
        with ExitStack() as undo, explaining(path):
            undo.callback(os.close, lock(path))
            connection = undo.enter_context(closing(connect(path)))
            journal = cls(path, connection, envelope, codec)
            undo.enter_context(closing(journal._cursor))  # a statement left open would keep SQLite's own lock
            journal._exit = undo.pop_all()
            return journal

    def stage(self, element: ElementName, record: Record) -> None:
        """Take a record into the next commit, as octets: what its owner wipes later stays."""
        octets = self._codec.encode_to_overwrite(record)
        batch = self._staged.get(element)
        if batch is None:
            self._staged[element] = [octets]
        else:
            batch.append(octets)
        entry = record.audited()
        if entry is not None:
            self._noted.append(Noted(element, entry))

    def commit(self) -> None:
        """Make all that is staged durable in one write, or raise JournalFailed: then only opening anew helps.

        A failed write is never tried again: the system may have dropped what it could not write, and say so only once.
        """
        if not self._staged:
            return
        try:
            self._check_usable()
            self._write()
        except sqlite3.Error as error:
            self._failure = str(_failed(self.path, error))
            self.close()
            raise JournalFailed(self._failure) from error
        finally:
            self._staged.clear()
            self._noted.clear()

    def records(self, element: ElementName) -> list[Record]:
        """Read what an element has made durable, in the order it was saved, with fresh handles of key material.

        After damage it is what was saved since, and RecordsLost comes first.
        """
        self._check_usable()
        name, begins = element.encode(), self._contents.begins
        query = "SELECT id, data_key, sealed FROM rows WHERE element = ? AND id > ? ORDER BY id"
        found: list[Record] = [RecordsLost(self._contents.lost)] if self._contents.lost else []
        with explaining(self.path), closing(self._connection.execute(query, (element, begins))) as rows:
            for row, number, sealed in rows:
                try:
                    octets = self._contents.opened(row, name, number, sealed)
                except SealBroken as error:  # it was whole when the journal was opened: the disk is failing
                    raise JournalCorrupt(self.path, row, "is not what was written") from error
                found += read_batch(self.path, row, octets, self._codec.decode_each)
                octets[:] = bytes(len(octets))
        return found

    def shorten_by(self, shorten: Shorten, longest_tail: int = LONGEST_TAIL) -> None:
        """Take a snapshot whenever what came since the last one is longer than it, and than so many octets; also now.

        JournalCorrupt when there is a record that is not known here.
        """
        self._check_usable()
        self._shorten, self._longest_tail = shorten, longest_tail
        self._steps = None
        with explaining(self.path):
            throw_away(self._connection)
            if self._contents.is_long(longest_tail):
                self._shorten_at_once()

    def quarantined(self) -> tuple[Quarantined, ...]:
        """Return what was found damaged when the journal was opened, now or earlier."""
        self._check_usable()
        with explaining(self.path):
            return quarantined(self._connection)

    def close(self) -> None:
        """Let go of the file; what is staged is lost, as in a crash. Closing twice is allowed."""
        self._failure = self._failure or f"{self.path} is closed"
        self._staged.clear()
        self._noted.clear()
        self._exit.close()

    def _check_usable(self) -> None:
        if self._failure:
            raise JournalFailed(self._failure)

    def _write(self) -> None:
        self._shorten_by_a_step()  # before the batch, as below
        if self._logged > LOG_LIMIT:
            # Before the batch, not after: when it fails, nothing of the batch is durable.
            self._cursor.execute("PRAGMA wal_checkpoint").fetchall()
            self._logged = 0
        if self._key.left < len(self._staged):
            self._key = self._fresh_key()
        rows = _sealed(self._key, self._staged, self._contents.last + 1)
        octets = sum(len(row[-1]) for row in rows)
        self._contents.tail += octets + ROW * len(rows)
        self._logged += octets + 2 * PAGE
        if len(rows) == 1 and not self._noted:
            self._cursor.execute(INSERT, rows[0])
        else:
            self._cursor.execute("BEGIN IMMEDIATE")
            self._cursor.executemany(INSERT, rows)
            if self._noted:
                row = self._trail.next(self._noted, time.time_ns(), rows[-1][0])
                self._logged += PAGE + len(row.entries)
                self._cursor.execute(INSERT_AUDIT, row)
            self._cursor.execute("COMMIT")
        self._contents.last = rows[-1][0]

    def _settled(self) -> DataKey:
        """Put damage aside and let elements begin anew, all in one write: a crash before it changes nothing."""
        contents = self._contents
        contents.last += LEFT_OUT
        self._cursor.execute("BEGIN IMMEDIATE")
        put_aside(self._connection, contents.damage, time.time_ns())
        key = self._fresh_key()
        row = contents.last + 1
        self._cursor.execute(INSERT, (row, ANEW.decode(), key.number, key.seal(row, ANEW, batch_of([]))))
        self._cursor.execute("COMMIT")
        contents.last = row
        contents.begin(row, row)
        return key

    def _shorten_by_a_step(self) -> None:
        """Go on with a snapshot, or begin one when it is time; while it is taken, a quarter of the time is its own."""
        began = time.monotonic()
        if self._steps is not None and began < self._rests_until:
            return
        steps, self._steps = self._steps or self._begun(), None  # one that fails begins anew
        octets = 0
        while steps and octets < STEP:
            done = next(steps, None)
            if done is None:
                return
            octets += STEP if done == CUT else done
            self._logged = 0 if done == CUT else self._logged + done
        self._steps = steps
        if steps:
            ended = time.monotonic()
            self._rests_until = ended + REST * (ended - began)

    def _begun(self) -> Iterator[int] | None:
        """Begin a snapshot if it is time; a small one is taken at once."""
        contents = self._contents
        if self._shorten is None or not contents.is_long(self._longest_tail):
            return None
        elements = told_in_steps(self._connection, contents)
        if not elements:
            self._shorten_at_once()
            return None
        self._key = self._fresh_key()
        contents.highest_key += 1
        key, wrapped = self._envelope.fresh(contents.store, contents.highest_key, 1)
        gradual = Gradual(
            self._connection, contents, self._codec, self._shorten, key, wrapped, self._key, self._trail.end
        )
        return gradual.steps(elements)

    def _shorten_at_once(self) -> None:
        contents = self._contents
        assert self._shorten
        self._cursor.execute("BEGIN IMMEDIATE")
        key = self._fresh_key()
        try:
            short = in_short(self._connection, contents, self._codec, self._shorten)
            replace(self._connection, contents, key, self._trail.end, short)
        except BaseException:  # whoever shortens may fail as well: then nothing has happened
            if self._connection.in_transaction:
                self._cursor.execute("ROLLBACK")
            del contents.keys[key.number]
            raise
        self._cursor.execute("COMMIT")
        self._key = key
        # What was overwritten is still in the log until it is written back and cut.
        self._cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self._logged = 0
        trim()  # all keys in stock were in memory once more

    def _fresh_key(self) -> DataKey:
        contents = self._contents
        contents.highest_key += 1
        key, wrapped = self._envelope.fresh(contents.store, contents.highest_key, contents.last + 1)
        self._cursor.execute(INSERT_KEY, wrapped)
        contents.keys[key.number] = key
        return key


@contextmanager
def explaining(path: Path) -> Iterator[None]:
    """Turn what SQLite says into whose fault it is."""
    try:
        yield
    except UnicodeDecodeError as error:  # in what SQLite says of tables that were altered, it quotes them
        raise JournalCorrupt(path, 0, "is damaged") from error
    except sqlite3.Error as error:
        match getattr(error, "sqlite_errorcode", 0) & 0xFF:  # the lowest octet is the primary result code
            case sqlite3.SQLITE_BUSY:
                raise in_use(path, "another program") from error
            case sqlite3.SQLITE_NOTADB:
                raise mistake(path, "is no journal of keytwin's", ELSEWHERE) from error
            case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_ERROR:  # our statements are right: the tables are not
                raise JournalCorrupt(path, 0, f"is damaged: {error}") from error
            case _:
                raise _failed(path, error) from error


def _sealed(key: DataKey, staged: dict[ElementName, list[bytes | bytearray]], first: int) -> list[Row]:
    """Return a row for each element, from this number on; nothing of it is left in the clear."""
    return [
        (row, element, key.number, seal(key, row, element.encode(), batch_of(batch)))
        for row, (element, batch) in enumerate(staged.items(), first)
    ]


def _failed(path: Path, error: sqlite3.Error) -> JournalFailed:
    return JournalFailed(f"{path}: {error}: see that the disk is sound and has room, then start again")
