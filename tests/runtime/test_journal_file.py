"""The file of a journal: one writer, its owner only, told from other files, and any change to it noticed."""

from __future__ import annotations

import os
import sqlite3
import stat
import tempfile
from contextlib import closing, suppress
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.runtime.journal_file import JournalCorrupt, JournalInUse
from keytwin.vocabulary.errors import FileMistake, Refusal
from tests.marks import invariant
from tests.runtime.journals import (
    ENVELOPE,
    Long,
    edited,
    filled,
    found_in,
    full_beyond,
    opened,
    save,
)
from tests.runtime.words import HERE, Kept

# --- one writer -----------------------------------------------------------------------------------------------------


def test_a_second_opening_is_refused_and_harms_nothing(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
        with pytest.raises(JournalInUse, match=rf"journal is in use by process {os.getpid()}: stop that first"):
            opened(tmp_path)
        save(journal, 2)
    assert found_in(tmp_path) == [1, 2]


def test_a_lock_is_let_go_when_opening_fails(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    with pytest.raises(FileMistake):
        opened(tmp_path, Envelope(KeyFile(bytes(32))))
    assert found_in(tmp_path) == [1]


def test_another_program_that_holds_the_file_is_named(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN EXCLUSIVE")
        other.execute("CREATE TABLE other (number INTEGER)")
        with pytest.raises(JournalInUse, match="in use by another program"):
            opened(tmp_path)


@invariant("Z5")
def test_only_the_owner_reads_the_files(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        with closing(opened(tmp_path / "state")) as journal:
            save(journal, 1)
            modes = {path.name: stat.S_IMODE(path.stat().st_mode) for path in (tmp_path / "state").iterdir()}
    finally:
        os.umask(before)
    assert modes == dict.fromkeys(("journal", "journal-wal", "journal.lock"), 0o600)
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700


@invariant("Z5")
def test_a_journal_that_stands_open_to_others_is_closed(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    path.chmod(0o644)
    filled(tmp_path, 2)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_lock_that_cannot_be_signed_is_let_go(tmp_path: Path) -> None:
    with full_beyond(0), pytest.raises(OSError, match="File too large"):
        opened(tmp_path)
    filled(tmp_path, 1)
    assert found_in(tmp_path) == [1]


def test_nothing_is_written_through_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"as it was")
    (tmp_path / "journal").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        opened(tmp_path)
    assert (tmp_path / "victim").read_bytes() == b"as it was"


# --- another file ---------------------------------------------------------------------------------------------------


def test_another_key_encryption_key_is_refused_by_name_even_for_an_empty_journal(tmp_path: Path) -> None:
    filled(tmp_path)
    other = Envelope(KeyFile(bytes(32)))
    with pytest.raises(FileMistake, match=rf"is sealed under the key {ENVELOPE.name}, .* is {other.name} \(put back"):
        opened(tmp_path, other)
    filled(tmp_path, 1)
    with pytest.raises(FileMistake, match="put back the key file"):
        opened(tmp_path, other)
    assert found_in(tmp_path) == [1]


def test_another_format_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    with edited(path) as connection:
        connection.execute("PRAGMA user_version = 3")
    octets = path.read_bytes()
    with pytest.raises(FileMistake, match=r"has format 3, and this keytwin reads 2 \(use the keytwin that wrote it"):
        opened(tmp_path)
    assert path.read_bytes() == octets


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    with edited(tmp_path / "journal") as connection:
        connection.execute("CREATE TABLE photographs (number INTEGER)")
    octets = (tmp_path / "journal").read_bytes()
    with pytest.raises(FileMistake, match="is no journal of keytwin's"):
        opened(tmp_path)
    assert (tmp_path / "journal").read_bytes() == octets


def test_a_file_that_is_no_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "journal").write_bytes(b"minutes of the last meeting\n" * 100)
    with pytest.raises(FileMistake, match="is no journal of keytwin's"):
        opened(tmp_path)
    assert (tmp_path / "journal").read_bytes() == b"minutes of the last meeting\n" * 100


# --- a store that is not what it was --------------------------------------------------------------------------------

SWAP = """UPDATE rows SET id = 9 WHERE id = 2; UPDATE rows SET id = 2 WHERE id = 3;
    UPDATE rows SET id = 3 WHERE id = 9"""


@pytest.mark.parametrize(
    ("change", "row"),
    [
        pytest.param(SWAP, 2, id="two-swapped"),
        pytest.param("DELETE FROM rows WHERE id = 2", 2, id="one-removed"),
        pytest.param("DELETE FROM rows WHERE id = 1", 1, id="first-removed"),
        pytest.param("DELETE FROM rows WHERE id > 2", 3, id="end-removed-before-the-last-opening"),
        pytest.param("UPDATE rows SET id = 9 WHERE id = 4", 4, id="one-moved"),
        pytest.param("INSERT INTO rows SELECT 5, element, data_key, sealed FROM rows WHERE id = 4", 5, id="repeated"),
        pytest.param("UPDATE rows SET element = 'km/there' WHERE id = 2", 2, id="given-to-another-element"),
        pytest.param("UPDATE rows SET element = 'km/nobody' WHERE id = 2", 2, id="hidden-from-all"),
        pytest.param("UPDATE rows SET element = x'ff' WHERE id = 2", 2, id="element-no-text"),
        pytest.param("UPDATE rows SET data_key = 2 WHERE id = 2", 2, id="another-data-key"),
        pytest.param("UPDATE rows SET data_key = 77 WHERE id = 2", 2, id="no-data-key"),
        pytest.param("UPDATE rows SET sealed = 5 WHERE id = 2", 2, id="sealed-no-octets"),
        pytest.param("UPDATE rows SET sealed = x'' WHERE id = 2", 2, id="sealed-empty"),
        pytest.param("UPDATE data_keys SET wrapped = zeroblob(60) WHERE number = 1", 0, id="data-key-altered"),
        pytest.param("UPDATE data_keys SET first = 1", 0, id="data-key-of-other-rows"),
        pytest.param("UPDATE data_keys SET first = -1", 0, id="data-key-of-no-rows"),
        pytest.param("DELETE FROM data_keys WHERE number = 1", 0, id="data-key-removed"),
        pytest.param("UPDATE store SET identity = zeroblob(16)", 0, id="another-store"),
        pytest.param("DELETE FROM store", 0, id="no-identity"),
        pytest.param("DROP TABLE rows", 0, id="no-rows"),
    ],
)
def test_a_change_is_noticed_named_and_left_alone(tmp_path: Path, change: str, row: int) -> None:
    filled(tmp_path, 1, 2, 3, 4)
    path = filled(tmp_path)  # a second opening: its data key says that four rows were there
    with edited(path) as connection:
        connection.executescript(change)
    octets = path.read_bytes()
    for _ in range(2):
        with pytest.raises(JournalCorrupt, match=r"journal: .*\(move its folder away and start anew") as raised:
            opened(tmp_path)
        assert (raised.value.path, raised.value.row) == (path, row)
    assert path.read_bytes() == octets


@settings(max_examples=60)
@given(st.data())
def test_no_altered_bit_of_the_file_changes_what_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = filled(Path(name), 1, 2, 3)
        octets = bytearray(path.read_bytes())
        octets[data.draw(st.integers(0, len(octets) - 1))] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(octets)
        with suppress(FileMistake, Refusal):
            assert found_in(Path(name)) == [1, 2, 3]


@pytest.mark.parametrize("altered", [b"CREATE T\xacBLE rows", b"CREATE TABLE r\xacws", b"CREATE TABLE rowz"])
def test_altered_tables_are_said_to_be_damaged(tmp_path: Path, altered: bytes) -> None:
    path = filled(tmp_path, 1)
    path.write_bytes(path.read_bytes().replace(b"CREATE TABLE rows", altered))
    with pytest.raises(JournalCorrupt, match=r"journal: is damaged.* \(move its folder away"):
        opened(tmp_path)


def test_every_octet_of_every_row_counts(tmp_path: Path) -> None:
    path = filled(tmp_path, 1, 2)
    with edited(path) as connection:
        rows = connection.execute("SELECT sealed FROM rows").fetchall()
    octets = path.read_bytes()
    for (sealed,) in rows:
        start = octets.index(sealed)
        for place in range(start, start + len(sealed), 5):
            path.write_bytes(octets[:place] + bytes([octets[place] ^ 1]) + octets[place + 1 :])
            with pytest.raises(JournalCorrupt, match="is not what was written"):
                opened(tmp_path)


def test_rows_of_another_store_under_the_same_key_are_refused(tmp_path: Path) -> None:
    filled(tmp_path / "one", 1)
    path = filled(tmp_path / "two", 2)
    with edited(path) as connection:
        connection.execute("ATTACH ? AS one", (str(tmp_path / "one" / "journal"),))
        connection.execute("UPDATE rows SET sealed = (SELECT sealed FROM one.rows)")
    with pytest.raises(JournalCorrupt):
        opened(tmp_path / "two")


def test_a_record_of_an_unknown_kind_is_named_with_its_row(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
        journal.stage(HERE, Long(b""))
        journal.commit()
    told = r"row 2 holds what this keytwin can't read: no record is called 'Long'"
    journal = Journal.open(tmp_path / "journal", ENVELOPE, RecordCodec([Kept]))
    with closing(journal), pytest.raises(JournalCorrupt, match=told):
        journal.records(HERE)
