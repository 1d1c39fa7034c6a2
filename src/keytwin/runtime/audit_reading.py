"""Reading and checking an audit: every row by its link, and against the journal's own rows, which say the same.

A network that runs holds its journal for itself, so what is read is a copy of the file and its log. A copy that was
taken in the middle of a write-back may be torn: where the first look finds fault with it, another copy is taken.
"""

from __future__ import annotations

import hmac
import shutil
import sqlite3
import tempfile
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass, field
from functools import partial
from itertools import takewhile
from operator import ge
from pathlib import Path
from typing import Final

import msgspec

from keytwin.runtime import audit
from keytwin.runtime.audit import BEGINNING, AuditKey, AuditRow, Links, Noted
from keytwin.runtime.envelope import Envelope, SealBroken
from keytwin.runtime.journal import explaining
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.runtime.journal_file import ELSEWHERE, Contents, JournalCorrupt, examine, read_batch, version_of
from keytwin.runtime.journal_snapshot import Mark
from keytwin.runtime.private_files import mistake
from keytwin.runtime.quarantine import Damage, quarantined
from keytwin.vocabulary.identity import ElementName

COPIES: Final = 3


@dataclass(frozen=True, slots=True)
class AuditFault:
    """What is wrong, and at which row of the audit; 0 = not at one row."""

    row: int
    what: str


@dataclass(slots=True)
class Trail:
    """All of an audit: its rows, and what is wrong with them; `first` = the first row of the journal it covers."""

    first: int
    rows: list[AuditRow] = field(default_factory=list)
    faults: list[AuditFault] = field(default_factory=list)

    def covering(self, first: int) -> list[AuditRow]:
        """Return the rows that cover rows of the journal from `first` on."""
        return [row for row in self.rows if row.through >= first]

    def entries(self) -> Iterator[tuple[AuditRow, Noted]]:
        """Give every entry that can be read, with its row."""
        for row in self.rows:
            with suppress(msgspec.DecodeError):
                yield from ((row, noted) for noted in row.noted())


def read_trail(path: Path, envelope: Envelope, codec: RecordCodec) -> Trail:
    """Read and check the audit of a journal, whether a network runs on it or not.

    FileMistake when it is no journal, has no audit, or is of another key; JournalCorrupt when it cannot be read.
    """
    if not path.exists():
        raise mistake(path, "is not there", "name the state directory of a network that has run")
    for _ in range(COPIES - 1):
        with suppress(JournalCorrupt):
            trail = _read_copy(path, envelope, codec)
            if not trail.faults:
                return trail
    return _read_copy(path, envelope, codec)


def _read_copy(path: Path, envelope: Envelope, codec: RecordCodec) -> Trail:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / path.name
        for suffix in ("", "-wal"):
            with suppress(FileNotFoundError):
                shutil.copyfile(f"{path}{suffix}", f"{copy}{suffix}")
        with explaining(path), closing(sqlite3.connect(copy, isolation_level=None)) as connection:
            connection.text_factory = bytes
            return _examined(path, connection, envelope, codec)


def _examined(path: Path, connection: sqlite3.Connection, envelope: Envelope, codec: RecordCodec) -> Trail:
    if not version_of(path, connection):
        raise mistake(path, "is empty: no network has run on it", ELSEWHERE)
    contents = examine(path, connection, envelope)
    tables = connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('audit', 'audit_key')").fetchone()[0]
    if not tables:
        raise mistake(path, "was written by a keytwin without audit", "start the network once: its audit begins then")
    try:
        key = audit.key_of(connection, envelope, contents.store)
        trail = Trail(key.first, list(audit.rows_of(connection)))
    except (SealBroken, sqlite3.DatabaseError, ValueError, TypeError) as error:
        raise JournalCorrupt(path, 0, f"has lost its audit: {error}") from error
    lost = [*contents.damage, *(each.damage for each in quarantined(connection))]
    trail.faults += [AuditFault(0, f"the journal is damaged, and cannot confirm all: {damage}") for damage in lost]
    _check_links(trail, key)
    _check_snapshot(trail, contents.mark)
    _check_journal(trail, _said(connection, contents, codec), lost, max(trail.first, contents.mark.through + 1))
    return trail


def _check_links(trail: Trail, key: AuditKey) -> None:
    """Hold each row against the one before it."""
    links = Links(key.octets)
    before, expected = BEGINNING, 1
    for row in trail.rows:
        if row.id != expected:
            trail.faults.append(AuditFault(expected, "is missing" if row.id > expected else "is there twice"))
        else:
            link = links.after(before, row.id, (row.at, row.through), row.entries.encode())
            if not hmac.compare_digest(row.link, link):
                trail.faults.append(AuditFault(row.id, "is not what was written, or the one before it is not"))
        before, expected = row.link, row.id + 1


def _check_snapshot(trail: Trail, mark: Mark) -> None:
    """Hold the rows against the link that the journal kept when it gave up the rows that had said the same."""
    links = {row.id: row.link for row in trail.rows}
    if mark.audit_row and mark.audit_row not in links:
        what = f"is missing: the journal's snapshot knows of {mark.audit_row} rows"
        trail.faults.append(AuditFault(len(trail.rows) + 1, what))
    elif mark.audit_row and not hmac.compare_digest(links[mark.audit_row], mark.audit_link):
        trail.faults.append(AuditFault(mark.audit_row, "is not what the journal's snapshot knows"))


def _check_journal(trail: Trail, heard: Iterator[tuple[int, Noted]], lost: list[Damage], first: int) -> None:
    """Hold the rows against what the journal's rows of the same commits say, as far as these are there.

    Before row `first` they are not, and the links alone must do.
    """
    said = _by_row(each for each in heard if each[0] >= first)
    before = first - 1
    for row in trail.covering(first):
        is_whole = not any(before < damage.last and damage.first <= row.through for damage in lost)
        before = row.through
        covered = list(takewhile(partial(ge, row.through), said))  # the rows come in their order
        of_commit = [noted for number in covered for noted in said.pop(number)]
        try:
            told = row.noted()
        except msgspec.DecodeError:
            trail.faults.append(AuditFault(row.id, "is no text of an audit"))
            continue
        # Within a commit the journal has its rows by element, the audit its entries in the order they were saved.
        written, confirmed = Counter(map(msgspec.json.encode, told)), Counter(map(msgspec.json.encode, of_commit))
        if written != confirmed and (is_whole or not confirmed <= written):
            trail.faults.append(AuditFault(row.id, "says something else than the journal"))
    lacking = sum(map(len, said.values()))
    if lacking:
        trail.faults.append(AuditFault(len(trail.rows) + 1, f"is missing: the journal has {lacking} more entries"))


def _by_row(heard: Iterable[tuple[int, Noted]]) -> dict[int, list[Noted]]:
    said: dict[int, list[Noted]] = {}
    for number, noted in heard:
        said.setdefault(number, []).append(noted)
    return said


def _said(connection: sqlite3.Connection, contents: Contents, codec: RecordCodec) -> Iterator[tuple[int, Noted]]:
    """Give what the records behind the snapshot have for the audit, with the row each is in."""
    query = "SELECT id, element, data_key, sealed FROM rows WHERE id > ? ORDER BY id"
    for number, element, key, sealed in connection.execute(query, (contents.mark.through,)):
        try:
            octets = contents.opened(number, element, key, sealed)
        except SealBroken:
            continue  # it is among the damage
        for record in read_batch(contents.path, number, octets, codec.decode_each):
            entry = record.audited()
            if entry is not None:
                yield number, Noted(ElementName(element.decode()), entry)
        octets[:] = bytes(len(octets))
