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

from keytwin.keymanagement.pool import BatchGone
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.journal_file import JournalCorrupt, JournalInUse
from keytwin.runtime.quarantine import Damage
from keytwin.vocabulary.errors import FileMistake, Refusal
from keytwin.vocabulary.identity import Ksid
from keytwin.vocabulary.machine import RecordsLost
from tests.marks import invariant
from tests.runtime.journals import (
    ENVELOPE,
    Long,
    edited,
    filled,
    found,
    found_in,
    full_beyond,
    opened,
    save,
)
from tests.runtime.words import HERE, THERE, Kept

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
        connection.execute("PRAGMA user_version = 4")
    octets = path.read_bytes()
    with pytest.raises(FileMistake, match=r"has format 4, and this keytwin reads 3 \(use the keytwin that wrote it"):
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

FINE = 1_000_000  # parts of a file, of which one is drawn
SWAP = """UPDATE rows SET id = 9 WHERE id = 2; UPDATE rows SET id = 2 WHERE id = 3;
    UPDATE rows SET id = 3 WHERE id = 9"""


CHANGES = {
    "two swapped": (SWAP, "23"),
    "one removed": ("DELETE FROM rows WHERE id = 2", "2"),
    "the first removed": ("DELETE FROM rows WHERE id = 1", "1"),
    "the end removed before the last opening": ("DELETE FROM rows WHERE id > 2", "3-4"),
    "one moved": ("UPDATE rows SET id = 9 WHERE id = 4", "94"),
    "one moved far away": ("UPDATE rows SET id = 1 << 62 WHERE id = 2", f"2{1 << 62}"),
    "one moved below all": ("UPDATE rows SET id = -3 WHERE id = 2", "-32"),
    "one repeated": ("INSERT INTO rows SELECT 5, element, data_key, sealed FROM rows WHERE id = 4", "5"),
    "given to another element": ("UPDATE rows SET element = 'km/there' WHERE id = 2", "2"),
    "hidden from all": ("UPDATE rows SET element = 'km/nobody' WHERE id = 2", "2"),
    "an element that is no text": ("UPDATE rows SET element = x'ff' WHERE id = 2", "2"),
    "another data key": ("UPDATE rows SET data_key = 2 WHERE id = 2", "2"),
    "no data key": ("UPDATE rows SET data_key = 77 WHERE id = 2", "2"),
    "sealed is no octets": ("UPDATE rows SET sealed = 5 WHERE id = 2", "2"),
    "sealed is empty": ("UPDATE rows SET sealed = x'' WHERE id = 2", "2"),
    "a data key altered": ("UPDATE data_keys SET wrapped = zeroblob(60) WHERE number = 1", "1234"),
    "data keys of no rows": ("UPDATE data_keys SET first = -1", "1234"),
    "a data key removed": ("DELETE FROM data_keys WHERE number = 1", "1234"),
}


def told(journal: Journal) -> str:
    """Write down which rows are damaged: the first, and the last where that is another one."""
    return "".join(_range(each) for each in journal.found_now)


def _range(damage: Damage) -> str:
    return str(damage.first) if damage.first == damage.last else f"{damage.first}-{damage.last}"


@invariant("O2")
@pytest.mark.parametrize(("change", "rows"), CHANGES.values(), ids=CHANGES)
def test_damage_is_put_aside_and_the_start_goes_on_behind_it(tmp_path: Path, change: str, rows: str) -> None:
    filled(tmp_path, 1, 2, 3, 4)
    path = filled(tmp_path)  # a second opening: its data key says that four rows were there
    with edited(path) as connection:
        connection.executescript(change)
    with closing(opened(tmp_path)) as journal:
        assert told(journal) == rows
        assert found(journal) == [], "what is older than damage is not used any more"
        (lost,) = journal.records(HERE)
        assert journal.records(THERE) == [lost], "whose a row was that does not open, nobody knows"
        save(journal, 7)
        save(journal, 8)
    for _ in range(2):
        with closing(opened(tmp_path)) as journal:
            assert journal.records(HERE) == [lost, Kept(7), Kept(8)]
            assert not journal.found_now
            assert [each.damage.first for each in journal.quarantined()]
    with edited(path) as connection:
        assert not connection.execute("SELECT count(*) FROM rows JOIN quarantine ON first = id").fetchone()[0]


@invariant("O2")
def test_damage_a_second_time_counts_again_and_numbers_go_on_growing(tmp_path: Path) -> None:
    path = filled(tmp_path, 1, 2, 3)
    begins = []
    for number in range(4, 8):
        with edited(path) as connection:
            connection.execute("DELETE FROM rows WHERE id = (SELECT max(id) - 1 FROM rows WHERE element = 'km/here')")
        with closing(opened(tmp_path)) as journal:
            (lost,) = journal.records(HERE)
            assert isinstance(lost, RecordsLost)
            begins.append(lost.beyond)
            save(journal, number, 100)
            save(journal, number)
            save(journal, number)
    assert begins == sorted(set(begins))


@invariant("O2")
def test_the_row_that_says_so_is_no_safer_than_others(tmp_path: Path) -> None:
    path = filled(tmp_path, 1, 2, 3)
    with edited(path) as connection:
        connection.execute("DELETE FROM rows WHERE id = 2")
    filled(tmp_path, 4)
    with edited(path) as connection:
        connection.execute("DELETE FROM rows WHERE element = 'journal/anew'")
    with closing(opened(tmp_path)) as journal:
        assert found(journal) == []
        assert told(journal) == "24-5"


@invariant("O2")
def test_what_is_put_aside_stays_to_be_looked_at(tmp_path: Path) -> None:
    path = filled(tmp_path, 1, 2, 3)
    with edited(path) as connection:
        connection.execute("UPDATE rows SET sealed = x'0102' WHERE id = 2")
        connection.execute("DELETE FROM rows WHERE id = 3")
    filled(tmp_path)
    with edited(path) as connection:
        kept = connection.execute("SELECT first, last, why, sealed FROM quarantine").fetchall()
    assert kept == [(2, 2, "is not what was written", b"\x01\x02")]
    with closing(opened(tmp_path)) as journal:
        assert [str(each).partition(", found 20")[0] for each in journal.quarantined()] == [
            "row 2 is not what was written"
        ]
    with edited(path) as connection:
        connection.execute("UPDATE quarantine SET why = 7, first = 'x'")
    with closing(opened(tmp_path)) as journal:
        assert "is damaged too" in str(journal.quarantined()[0])


@invariant("O2")
def test_the_audit_is_a_witness_of_the_end(tmp_path: Path) -> None:
    """Rows that are removed at the end break no seal: the audit, in the same commits, says that they were there."""
    with closing(Journal.open(tmp_path / "journal", ENVELOPE, RecordCodec([*record_types(), Kept]))) as journal:
        save(journal, 1)
        journal.stage(HERE, BatchGone(Ksid("a-session"), "a-batch", is_void=True))
        journal.commit()
    with edited(tmp_path / "journal") as connection:
        connection.execute("DELETE FROM rows WHERE id = 2")
    with closing(opened(tmp_path)) as journal:
        assert told(journal) == "2"


@pytest.mark.parametrize(
    "change",
    [
        "DELETE FROM store",
        "UPDATE store SET identity = zeroblob(16)",
        "DROP TABLE rows",
        "DROP TABLE data_keys",
        "DELETE FROM audit_key",
    ],
)
def test_what_cannot_be_told_apart_is_refused_and_left_alone(tmp_path: Path, change: str) -> None:
    path = filled(tmp_path, 1, 2)
    with edited(path) as connection:
        connection.executescript(change)
    octets = path.read_bytes()
    for _ in range(2):
        with pytest.raises(JournalCorrupt, match=r"journal: .*\(move its folder away and start anew") as raised:
            opened(tmp_path)
        assert (raised.value.path, raised.value.row) == (path, 0)
    assert path.read_bytes() == octets


def test_a_data_key_that_sealed_nothing_is_no_loss(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    path = filled(tmp_path)
    with edited(path) as connection:
        connection.execute("UPDATE data_keys SET first = 1 WHERE number = 2")
    assert found_in(tmp_path) == [1]


@settings(max_examples=100)
@given(st.data())
def test_no_altered_bit_of_the_file_changes_what_is_found(data: st.DataObject) -> None:
    with tempfile.TemporaryDirectory() as name:
        path = filled(Path(name), 1, 2, 3)
        octets = bytearray(path.read_bytes())
        places = [place for place, each in enumerate(octets) if each]  # most of the file is empty
        octets[places[data.draw(st.integers(0, FINE)) * len(places) // (FINE + 1)]] ^= 1 << data.draw(st.integers(0, 7))
        path.write_bytes(octets)
        with suppress(FileMistake, Refusal), closing(opened(Path(name))) as journal:
            assert found(journal) == ([] if journal.found_now else [1, 2, 3])


@invariant("O4")
@pytest.mark.parametrize(
    "alteration",
    [
        "UPDATE rows SET element = CAST(element AS BLOB) WHERE id = 2",
        "UPDATE sqlite_master SET rootpage = (SELECT max(rootpage) FROM sqlite_master) WHERE name = 'rows'",
    ],
)
def test_o4_a_row_that_nobody_would_find_is_damage(tmp_path: Path, alteration: str) -> None:
    with edited(filled(tmp_path, 1, 2, 3)) as connection:
        connection.execute("PRAGMA writable_schema = ON")
        connection.execute(alteration)
    with closing(opened(tmp_path)) as journal:
        assert journal.found_now
        assert not found(journal)


@invariant("O4")
def test_o4_a_page_that_tells_of_fewer_rows_than_it_has_is_damaged(tmp_path: Path) -> None:
    path = filled(tmp_path, 1, 2, 3)
    with edited(path) as connection:
        [(page,)] = connection.execute("SELECT rootpage FROM sqlite_master WHERE name = 'rows'")
        [(size,)] = connection.execute("PRAGMA page_size")
    octets = bytearray(path.read_bytes())
    number = (page - 1) * size + 4  # in the second of the two octets that count its cells (SQLite file format, 1.6)
    assert octets[number] == 3
    octets[number] = 2
    path.write_bytes(octets)
    with closing(opened(tmp_path)) as journal:
        assert journal.found_now
        assert not found(journal)


@pytest.mark.parametrize("table", [b"rows", b"data_keys"])
def test_a_table_whose_rows_have_no_numbers_any_more_is_damaged(tmp_path: Path, table: bytes) -> None:
    path = filled(tmp_path, 1)
    octets = path.read_bytes()
    place = octets.index(b"PRIMARY KEY", octets.index(b"CREATE TABLE " + table))
    path.write_bytes(octets[:place] + b"Q" + octets[place + 1 :])
    with suppress(JournalCorrupt), closing(opened(tmp_path)) as journal:
        assert journal.found_now


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
            with closing(opened(tmp_path)) as journal:
                assert told(journal) in {"1", "2"}


def test_rows_of_another_store_under_the_same_key_are_not_taken(tmp_path: Path) -> None:
    filled(tmp_path / "one", 1)
    path = filled(tmp_path / "two", 2)
    with edited(path) as connection:
        connection.execute("ATTACH ? AS one", (str(tmp_path / "one" / "journal"),))
        connection.execute("UPDATE rows SET sealed = (SELECT sealed FROM one.rows)")
    with closing(opened(tmp_path / "two")) as journal:
        assert told(journal) == "1"


def test_a_record_of_an_unknown_kind_is_named_with_its_row(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
        journal.stage(HERE, Long(b""))
        journal.commit()
    told = r"row 2 holds what this keytwin can't read: no record is called 'Long'"
    journal = Journal.open(tmp_path / "journal", ENVELOPE, RecordCodec([Kept]))
    with closing(journal), pytest.raises(JournalCorrupt, match=told):
        journal.records(HERE)
