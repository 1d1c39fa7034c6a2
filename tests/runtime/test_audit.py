"""The audit: durable with the decision itself, and no change to it passes unseen (invariant Z7)."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.keymanagement.pool import BatchGone, KeysHandedOut
from keytwin.runtime.audit_reading import Trail, read_trail
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal, JournalFailed
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.journal_file import JournalCorrupt
from keytwin.vocabulary.audit import AuditEntry, Decision
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import KeyId, Ksid, SaeId
from keytwin.vocabulary.units import Bits
from tests.marks import clause, invariant
from tests.runtime.golden_journals import ENVELOPE as GOLDEN_ENVELOPE
from tests.runtime.golden_journals import GOLDEN
from tests.runtime.journals import ENVELOPE, Long, edited, full_beyond
from tests.runtime.words import HERE, THERE, Kept

KSID, SAE = Ksid("a-session"), SaeId("app01-a")


def codec() -> RecordCodec:
    return RecordCodec([*record_types(), Kept, Long])


def opened(folder: Path) -> Journal:
    return Journal.open(folder / "journal", ENVELOPE, codec())


def handed_out(number: int, *, is_master: bool = True) -> KeysHandedOut:
    return KeysHandedOut(KSID, is_master, (KeyId(f"key-{number}"),), SAE, Bits(256))


def filled(folder: Path, commits: int = 5, short_at: int | None = None) -> Path:
    """Have decisions made, with a snapshot of the journal, which leaves none of its records, in between or behind."""
    with closing(opened(folder)) as journal:
        for number in range(commits):
            if number == short_at:
                shorten(journal)
            journal.stage(HERE, Kept(number))
            journal.stage(THERE, handed_out(number))
            journal.stage(HERE, handed_out(number, is_master=False))
            journal.commit()
        if short_at == commits:
            shorten(journal)
    return folder / "journal"


def shorten(journal: Journal) -> None:
    journal.shorten_by(lambda *_: [], longest_tail=0)
    assert journal.records(HERE) == []
    journal.shorten_by(lambda *_: None)


def read(path: Path) -> Trail:
    return read_trail(path, ENVELOPE, codec())


def faults(path: Path) -> list[tuple[int, str]]:
    return [(fault.row, fault.what) for fault in read(path).faults]


# --- what is kept -----------------------------------------------------------------------------------------------------


@invariant("Z7")
def test_each_decision_is_kept_with_its_element_in_order(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.stage(HERE, Kept(1))
        journal.commit()
        journal.stage(THERE, handed_out(1))
        journal.stage(HERE, BatchGone(KSID, "a-batch", is_void=True))
        journal.commit()
        journal.stage(HERE, BatchGone(KSID, "another", is_void=False))
        journal.commit()
    trail = read(tmp_path / "journal")
    assert not trail.faults
    assert [(row.id, noted.element, noted.entry) for row, noted in trail.entries()] == [
        (1, THERE, AuditEntry(Decision.TO_MASTER, KSID, SAE, (KeyId("key-1"),), Bits(256))),
        (1, HERE, AuditEntry(Decision.VOIDED, KSID, batch="a-batch")),
        (2, HERE, AuditEntry(Decision.EXPIRED, KSID, batch="another")),
    ]
    assert trail.rows[0].at <= trail.rows[1].at


@invariant("Z7")
def test_the_chain_goes_on_from_one_opening_to_the_next(tmp_path: Path) -> None:
    filled(tmp_path, 2)
    path = filled(tmp_path, 3)
    trail = read(path)
    assert [row.id for row in trail.rows] == [1, 2, 3, 4, 5]
    assert not trail.faults


@invariant("Z7")
@invariant("K6")
def test_a_decision_and_its_entry_are_durable_together_or_not_at_all(tmp_path: Path) -> None:
    path = filled(tmp_path, 1)
    journal = opened(tmp_path)
    with full_beyond(path.with_name("journal-wal").stat().st_size + 4096), pytest.raises(JournalFailed):
        _fill_up(journal)
    journal.close()
    assert faults(path) == []
    assert len(read(path).rows) < 1_000


def _fill_up(journal: Journal) -> None:
    for number in range(1_000):
        journal.stage(HERE, handed_out(number))
        journal.stage(HERE, Long(bytes(8_000)))
        journal.commit()


@invariant("Z7")
def test_it_is_read_while_the_journal_is_in_use(tmp_path: Path) -> None:
    path = filled(tmp_path, 2)
    with closing(opened(tmp_path)) as journal:
        journal.stage(HERE, handed_out(9))
        journal.commit()
        journal.stage(HERE, handed_out(10))
        trail = read(path)
    assert len(trail.rows) == 3
    assert not trail.faults


@invariant("O3")
def test_a_journal_of_before_gets_its_audit_when_it_is_opened(tmp_path: Path) -> None:
    path = tmp_path / "journal"
    shutil.copy(GOLDEN / "format-1.db", path)
    with pytest.raises(FileMistake, match="written by a keytwin without audit"):
        read_trail(path, GOLDEN_ENVELOPE, codec())
    with closing(Journal.open(path, GOLDEN_ENVELOPE, codec())) as journal:
        journal.stage(HERE, handed_out(1))
        journal.commit()
    trail = read_trail(path, GOLDEN_ENVELOPE, codec())
    assert trail.first > 1
    assert len(trail.rows) == 1
    assert not trail.faults


# --- what is noticed --------------------------------------------------------------------------------------------------

SPOILT = {
    "an entry altered": ("UPDATE audit SET entries = replace(entries, 'app01', 'app02') WHERE id = 2", 2),
    "an instant altered": ("UPDATE audit SET at = at + 1 WHERE id = 3", 3),
    "its extent altered": ("UPDATE audit SET through = through + 1 WHERE id = 3", 3),
    "a link altered": ("UPDATE audit SET link = zeroblob(32) WHERE id = 4", 4),
    "a link of another type": ("UPDATE audit SET link = 7 WHERE id = 5", 5),
    "a row removed": ("DELETE FROM audit WHERE id = 3", 3),
    "the first row removed": ("DELETE FROM audit WHERE id = 1", 1),
    "the last row removed": ("DELETE FROM audit WHERE id = 5", 5),
    "all rows removed": ("DELETE FROM audit", 1),
    "two rows swapped": ("UPDATE audit SET id = -id WHERE id IN (2, 3); UPDATE audit SET id = 5 + id WHERE id < 0", 2),
    "a row added": ("INSERT INTO audit SELECT 6, at, through, entries, link FROM audit WHERE id = 5", 6),
    "text that is none": ("UPDATE audit SET entries = '[' WHERE id = 1", 1),
}


@invariant("Z7")
@pytest.mark.parametrize("short_at", [None, 3, 5], ids=["whole", "short-between", "short-behind"])
@pytest.mark.parametrize(("spoil", "row"), SPOILT.values(), ids=SPOILT)
def test_whatever_is_changed_is_noticed_and_where(spoil: str, row: int, short_at: int | None, tmp_path: Path) -> None:
    path = filled(tmp_path, short_at=short_at)
    assert not faults(path)
    with edited(path) as connection:
        connection.executescript(spoil)
    assert min(found for found, _ in faults(path)) == row


@invariant("Z7")
@given(column=st.integers(1, 4), row=st.integers(1, 4), bit=st.integers(0, 10_000))
@settings(max_examples=60)
def test_any_bit_of_it(tmp_path_factory: pytest.TempPathFactory, column: int, row: int, bit: int) -> None:
    path = filled(tmp_path_factory.mktemp("audit"), 4)
    with edited(path) as connection:
        was = connection.execute("SELECT id, at, through, entries, link FROM audit WHERE id = ?", (row,)).fetchone()
        changed = [_flipped(value, bit) if at == column else value for at, value in enumerate(was)]
        connection.execute("REPLACE INTO audit VALUES (?, ?, ?, ?, ?)", changed)
    assert faults(path)


def _flipped(value: int | str | bytes, bit: int) -> int | str | bytes:
    if isinstance(value, int):
        return value ^ 1 << bit % 40
    octets = bytearray(value.encode() if isinstance(value, str) else value)
    octets[bit // 8 % len(octets)] ^= 1 << bit % 7
    return octets.decode() if isinstance(value, str) else bytes(octets)


@invariant("Z7")
@clause("RFC 2104", "2")
def test_who_has_not_the_key_cannot_make_a_chain_anew(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    path, theirs = filled(tmp_path), tmp_path / "theirs" / "journal"
    with closing(Journal.open(theirs, Envelope(KeyFile(bytes(32))), codec())) as journal:
        for number in range(5):
            journal.stage(HERE, handed_out(number + 100))
            journal.commit()
    with edited(path) as connection:
        connection.execute("ATTACH ? AS theirs", (str(theirs),))
        connection.executescript("DELETE FROM audit; INSERT INTO audit SELECT * FROM theirs.audit")
    assert {row for row, _ in faults(path)} == {1, 2, 3, 4, 5, 6}


@invariant("Z7")
def test_rows_that_no_record_confirms_any_more_are_confirmed_by_the_snapshot(tmp_path: Path) -> None:
    path = filled(tmp_path, short_at=5)
    with edited(path) as connection:
        connection.executescript("DELETE FROM audit WHERE id > 3")
    assert faults(path) == [(4, "is missing: the journal's snapshot knows of 5 rows")]


@invariant("Z7")
def test_what_a_snapshot_repeats_is_no_decision_made_anew(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.stage(HERE, handed_out(1))
        journal.commit()
        journal.shorten_by(lambda _, records: records, longest_tail=0)
        journal.stage(HERE, handed_out(2))
        journal.commit()
        assert len(journal.records(HERE)) == 2
    trail = read(tmp_path / "journal")
    assert [row.id for row in trail.rows] == [1, 2]
    assert not trail.faults


@pytest.mark.parametrize(
    "spoil", ["DROP TABLE audit_key", "UPDATE audit_key SET wrapped = zeroblob(60)", "DELETE FROM audit_key"]
)
def test_an_audit_without_its_key_is_no_audit(spoil: str, tmp_path: Path) -> None:
    path = filled(tmp_path)
    with edited(path) as connection:
        connection.execute(spoil)
    with pytest.raises(JournalCorrupt, match="has lost its audit"):
        read(path)


def test_what_is_no_journal_is_said_to_be_none(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match="is not there"):
        read(tmp_path / "journal")
    (tmp_path / "journal").write_bytes(b"")
    with pytest.raises(FileMistake, match="is empty"):
        read(tmp_path / "journal")
    (tmp_path / "journal").write_bytes(b"something else" * 1_000)
    with pytest.raises(FileMistake, match="is no journal of keytwin's"):
        read(tmp_path / "journal")
