"""What the tests of the journal share: records, journals in a folder, and ways to spoil them."""

from __future__ import annotations

import resource
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Final

from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Record
from tests.runtime.words import HERE, Kept

KEY: Final = bytes(range(100, 132))
ENVELOPE: Final = Envelope(KeyFile(KEY))


class Secret(Record, frozen=True, gc=False):
    """A record with key material."""

    material: KeyMaterial


class Long(Record, frozen=True, gc=False):
    """A record that fills pages."""

    octets: bytes


def opened(folder: Path, envelope: Envelope = ENVELOPE) -> Journal:
    return Journal.open(folder / "journal", envelope, RecordCodec([Kept, Secret, Long]))


def save(journal: Journal, *numbers: int, element: ElementName = HERE) -> None:
    for number in numbers:
        journal.stage(element, Kept(number))
    journal.commit()


def found(journal: Journal, element: ElementName = HERE) -> list[int]:
    return [record.number for record in journal.records(element) if isinstance(record, Kept)]


def found_in(folder: Path) -> list[int]:
    with closing(opened(folder)) as journal:
        return found(journal)


def filled(folder: Path, *numbers: int) -> Path:
    with closing(opened(folder)) as journal:
        for number in numbers:
            save(journal, number)
    return folder / "journal"


@contextmanager
def edited(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path)) as connection, connection:
        yield connection


@contextmanager
def full_beyond(octets: int) -> Iterator[None]:
    """Let no file of this process grow beyond so many octets: the system then refuses the write, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (octets, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
