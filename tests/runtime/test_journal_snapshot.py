"""O1: a journal is as long as what there is to say, however much has been; a snapshot is there whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pool import KeysHandedOut, KeysKept
from keytwin.runtime import journal_shortening
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal, JournalFailed
from keytwin.runtime.journal_file import JournalCorrupt
from keytwin.runtime.journal_snapshot import SNAPSHOT
from keytwin.scenario.ledger import open_books
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import ElementName, KeyId, NodeId, SaeId, km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Record, RecordsLost
from keytwin.vocabulary.units import Bits, Instant
from tests.marks import invariant
from tests.runtime import golden_journals
from tests.runtime.journals import KEY, Long, Secret, edited, found, full_beyond, opened, save
from tests.runtime.shortening import CODEC, golden, read, restored, shorten_golden, written
from tests.runtime.words import HERE, THERE, Kept

LIMIT: Final = 16 * 1024
WAL_HEADER, FRAME_HEADER, PAGE = 32, 24, 4096  # octets: https://www.sqlite.org/fileformat2.html, 4 (recalled)
FRAME: Final = FRAME_HEADER + PAGE


def newest(element: ElementName, records: list[Record]) -> list[Record] | None:
    """Keep the last of HERE's records, and all of others."""
    return records[-1:] if element == HERE else None


def rows_in(path: Path) -> int:
    with edited(path) as connection:
        return int(connection.execute("SELECT count(*) FROM rows").fetchone()[0])


def octets_in(journal: Journal) -> int:
    """Return the octets of the rows that a start reads. The audit, which is kept for ever, is not among them."""
    return int(journal._connection.execute("SELECT sum(length(sealed)) FROM rows").fetchone()[0])


def sizes(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def shortened_once(folder: Path, *numbers: int) -> Path:
    """Save numbers, then take a snapshot."""
    with closing(opened(folder)) as journal:
        for number in numbers:
            save(journal, number)
        journal.shorten_by(newest, longest_tail=0)
    return folder / "journal"


# --- as long as there is to say -------------------------------------------------------------------------------------


@invariant("O1")
def test_o1_rows_and_octets_are_bounded_by_what_there_is_and_not_by_what_has_been(tmp_path: Path) -> None:
    pages: list[int] = []
    with closing(opened(tmp_path)) as journal:
        journal.shorten_by(newest, longest_tail=LIMIT)
        for number in range(1200):
            for copy in range(10):
                journal.stage(HERE, Kept(number + copy))
            save(journal, number)
            if number % 100 == 99:
                pages.append((tmp_path / "journal").stat().st_size)
                assert len(found(journal)) < 11 * 200
                assert found(journal)[-1] == number
    assert max(pages) == max(pages[:4]) < 20 * LIMIT, "what came later found the room of what was before"
    assert rows_in(tmp_path / "journal") < 2 * LIMIT // 64


def handed_out(number: int) -> list[Record]:
    """Return what a key manager saves of a batch of ten keys that comes and goes."""
    [template] = [each for each in read(golden()[km_of(NodeId("a"))]) if isinstance(each, KeysKept)][:1]
    key_ids = tuple(KeyId(f"{number}-{place}") for place in range(10))
    kept = KeysKept(
        ksid=template.ksid,
        batch_id=f"batch {number}",
        is_master=True,
        sae=template.sae,
        key_ids=key_ids,
        materials=tuple(KeyMaterial(bytearray(b"\x5a" * 32)) for _ in key_ids),
        provenance=template.provenance,
        until=Instant(2**60),
    )
    return [kept, KeysHandedOut(template.ksid, is_master=True, key_ids=key_ids, sae=SaeId("x"), key_size=Bits(256))]


@invariant("O1")
def test_o1_a_start_reads_no_more_after_ten_thousand_hand_outs_than_after_one_thousand(tmp_path: Path) -> None:
    name, path = km_of(NodeId("a")), tmp_path / "journal.db"
    counts, octets = [], []
    with closing(golden_journals.opened(path)) as journal:
        for record in read(golden()[name]):
            journal.stage(name, record)
        journal.shorten_by(shorten_golden, longest_tail=LIMIT)
        for number in range(1_000):
            for record in handed_out(number):
                journal.stage(name, record)
            if number % 10 == 9:
                journal.commit()
            if number % 100 == 99:
                octets.append(octets_in(journal))
                counts.append(len(journal.records(name)))
        machine, _ = restored(name, written(journal.records(name)))
    assert isinstance(machine, KeyManager)
    assert machine.key_account().delivered >= 10_000, "the books know of all"
    assert not open_books(machine.link_accounts(), [machine.key_account()])
    assert max(counts) < 150
    assert max(octets) < 5 * LIMIT
    assert path.stat().st_size > 20 * LIMIT, "most of the file is its audit"


@invariant("O1")
def test_o1_after_each_snapshot_the_same_is_found_and_opening_it_changes_nothing(tmp_path: Path) -> None:
    shortened_once(tmp_path, 1, 2, 3)
    for _ in range(2):
        with closing(opened(tmp_path)) as journal:
            assert found(journal) == [3]
    with closing(opened(tmp_path)) as journal:
        save(journal, 4)
        save(journal, 5, element=THERE)
        assert (found(journal), found(journal, THERE)) == ([3, 4], [5])
        journal.shorten_by(newest, longest_tail=0)
        assert (found(journal), found(journal, THERE)) == ([4], [5])
        save(journal, 6)
    with closing(opened(tmp_path)) as journal:
        assert (found(journal), found(journal, THERE)) == ([4, 6], [5])


def test_an_element_that_nobody_can_say_in_short_keeps_all(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        for number in range(50):
            save(journal, number, element=THERE)
        journal.shorten_by(newest, longest_tail=0)
        assert found(journal, THERE) == list(range(50))
    assert rows_in(tmp_path / "journal") == 2, "the mark, and one row"


def test_a_tail_that_is_short_is_left_alone(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.shorten_by(newest)
        for number in range(20):
            save(journal, number)
        assert found(journal) == list(range(20))


def test_a_large_state_is_laid_into_several_rows(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(journal_shortening, "LARGEST_ROW", 10_000)
    with closing(opened(tmp_path)) as journal:
        for number in range(7):
            journal.stage(THERE, Long(bytes(4000)))
            save(journal, number, element=THERE)
        journal.stage(THERE, Long(bytes(30_000)))
        journal.commit()
        before = journal.records(THERE)
        journal.shorten_by(newest, longest_tail=0)
        assert journal.records(THERE) == before
    assert rows_in(tmp_path / "journal") == 1 + 5


@invariant("O1")
def test_o1_a_snapshot_is_not_taken_again_before_as_much_has_come_as_it_holds(tmp_path: Path) -> None:
    taken: list[int] = []

    def counting(_: ElementName, records: list[Record]) -> None:
        taken.append(len(records))

    with closing(opened(tmp_path)) as journal:
        journal.shorten_by(counting, longest_tail=LIMIT)
        for _ in range(100):
            journal.stage(HERE, Long(bytes(4000)))
            journal.commit()
    assert 3 < len(taken) < 8, "each is twice as long as the one before, as nothing could be left out"


# --- whole or not at all --------------------------------------------------------------------------------------------


def copied(source: Path, target: Path) -> Path:
    """Copy a journal with its log, as a crash would leave them."""
    target.mkdir()
    for name in ("journal", "journal-wal"):
        shutil.copy(source / name, target / name)
    return target


def written_back(journal: Journal, copy: Callable[[], object]) -> None:
    """Have `copy` called before each write-back of the log."""
    journal._connection.set_trace_callback(lambda said: copy() if "wal_checkpoint" in said else None)


def cuts(length: int) -> Iterator[int]:
    """Give the ends of all frames of a log, and places in the middle of each: in its header, and in its page."""
    yield from (0, WAL_HEADER // 2, WAL_HEADER)
    for frame in range(WAL_HEADER, length, FRAME):
        yield from (frame + FRAME_HEADER // 2, frame + FRAME_HEADER, frame + FRAME_HEADER + PAGE // 2)
        yield min(length, frame + FRAME)


@invariant("O1")
def test_o1_a_crash_in_a_snapshot_leaves_all_of_before_or_all_of_it(tmp_path: Path) -> None:
    torn = tmp_path / "torn"
    with closing(opened(tmp_path / "live")) as journal:
        save(journal, 1, 2, 3)
        save(journal, 4, element=THERE)
        written_back(journal, lambda: copied(tmp_path / "live", torn))
        journal.shorten_by(newest, longest_tail=0)
    length = (torn / "journal-wal").stat().st_size
    seen: set[tuple[int, ...]] = set()
    for number, cut in enumerate(cuts(length)):
        folder = copied(torn, tmp_path / f"{number}")
        with (folder / "journal-wal").open("r+b") as log:
            log.truncate(cut)
        with closing(opened(folder)) as copy:
            here = found(copy)
            assert (here, found(copy, THERE)) in [([], []), ([1, 2, 3], []), ([1, 2, 3], [4]), ([3], [4])], cut
            seen.add(tuple(here))
            save(copy, 9)
        with closing(opened(folder)) as copy:
            assert found(copy) == [*here, 9]
    assert seen == {(), (1, 2, 3), (3,)}, "cuts before, within and behind the snapshot"


@invariant("O1")
@pytest.mark.slow
def test_o1_every_cut_of_the_log_is_a_legal_state_of_every_machine(tmp_path: Path) -> None:
    """The log of a whole network, with a snapshot in its middle: each state is that behind one of the commits."""
    saved = {name: records for name, records in golden().items() if records}
    legal: dict[ElementName, set[str]] = {name: {said_from(name, ())} for name in saved}
    live, torn = tmp_path / "live", tmp_path / "torn"
    with closing(golden_journals.opened(live / "journal")) as journal:
        for turn in range(4):
            for name, records in saved.items():
                upto = len(records) * (turn + 1) // 4
                for record in read(records[len(records) * turn // 4 : upto]):
                    journal.stage(name, record)
                legal[name].add(said_from(name, tuple(records[:upto])))
            journal.commit()
            if turn == 2:
                written_back(journal, lambda: None if torn.exists() else copied(live, torn))
                journal.shorten_by(shorten_golden, longest_tail=0)
    length = (torn / "journal-wal").stat().st_size
    reached: set[str] = set()
    for number, cut in enumerate([*[*cuts(length)][::3], length]):  # of the four places in a frame, each in turn
        folder = copied(torn, tmp_path / f"{number}")
        with (folder / "journal-wal").open("r+b") as log:
            log.truncate(cut)
        with closing(golden_journals.opened(folder / "journal")) as copy:
            states = {name: said_from(name, tuple(written(copy.records(name)))) for name in saved}
        shutil.rmtree(folder)
        for name, said in states.items():
            assert said in legal[name], (name, cut)
        reached.add(repr(states))
    assert len(reached) == 1 + 3, "nothing, and each of three commits; the snapshot says what the third says"


@cache
def said_from(name: ElementName, saved: tuple[bytes, ...]) -> str:
    """Return what a machine does when it is restored, and what its books say; they must close."""
    machine, said = restored(name, saved)
    if not isinstance(machine, KeyManager):
        return said
    links, keys = machine.link_accounts(), machine.key_account()
    assert not open_books(links, [keys])
    return f"{said} {links} {keys}"


@invariant("O1")
def test_o1_a_disk_that_is_full_fails_the_batch_and_leaves_what_was_there(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        for number in range(30):
            journal.stage(THERE, Long(bytes(3000)))
            save(journal, number)
        with full_beyond(sizes(tmp_path) // 2), pytest.raises(JournalFailed, match="has room"):
            journal.shorten_by(newest, longest_tail=0)
    with closing(opened(tmp_path)) as journal:
        assert found(journal) == list(range(30))
        assert len(journal.records(THERE)) == 30


# --- what is gone is gone -------------------------------------------------------------------------------------------


@invariant("O1")
@pytest.mark.parametrize("fails_for", [HERE, THERE])
def test_o1_whoever_fails_to_say_it_in_short_leaves_all_as_it_was(tmp_path: Path, fails_for: ElementName) -> None:
    def failing(element: ElementName, records: list[Record]) -> list[Record] | None:
        assert element != fails_for, "a bug of a plug-in's"
        return newest(element, records)

    with closing(opened(tmp_path)) as journal:
        save(journal, 1, 2, 3)
        journal.stage(THERE, Kept(4))
        journal.commit()
        with pytest.raises(AssertionError, match="a bug of a plug-in's"):
            journal.shorten_by(failing, longest_tail=0)
        before = journal.records(HERE), journal.records(THERE)
        journal.shorten_by(newest, longest_tail=0)  # and nothing is left half done that would be in the way
        assert journal.records(HERE) == before[0][-1:]
    with closing(opened(tmp_path)) as journal:
        assert (journal.records(HERE), journal.records(THERE)) == (before[0][-1:], before[1])
    assert before == ([Kept(1), Kept(2), Kept(3)], [Kept(4)])


@invariant("K5")
def test_k5_what_a_snapshot_leaves_out_is_in_no_file_any_more_and_its_key_neither(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        for number in range(5):
            save(journal, number)
        with_keys = [row[0] for row in journal._connection.execute("SELECT sealed FROM rows")]
        with_keys += [row[0] for row in journal._connection.execute("SELECT wrapped FROM data_keys")]
        assert len(with_keys) == 6
        journal._connection.execute("PRAGMA wal_checkpoint").fetchall()
        assert all(each in (tmp_path / "journal").read_bytes() for each in with_keys)
        journal.shorten_by(newest, longest_tail=0)
        for path in (tmp_path / "journal", tmp_path / "journal-wal"):
            assert not any(each in path.read_bytes() for each in with_keys), path


def test_keys_that_passed_through_a_snapshot_are_wiped(tmp_path: Path) -> None:
    passed: list[KeyMaterial] = []

    def same(_: ElementName, records: list[Record]) -> list[Record]:
        passed.extend(record.material for record in records if isinstance(record, Secret))
        return records

    with closing(opened(tmp_path)) as journal:
        journal.stage(HERE, Secret(KeyMaterial(bytearray(b"0123456789abcdef"))))
        journal.commit()
        journal.shorten_by(same, longest_tail=0)
        assert [each.is_wiped for each in passed] == [True]
        [record] = journal.records(HERE)
        assert isinstance(record, Secret)
        with record.material.exposed() as octets:
            assert bytes(octets) == b"0123456789abcdef"


# --- damage ---------------------------------------------------------------------------------------------------------


def altered(path: Path, where: str) -> None:
    with edited(path) as connection:
        assert connection.execute(f"UPDATE rows SET sealed = zeroblob(80) WHERE {where}").rowcount == 1  # noqa: S608  # our own words


@invariant("O2")
@pytest.mark.parametrize("where", [f"element = '{SNAPSHOT.decode()}'", f"element = '{HERE}'"], ids=["mark", "row"])
def test_a_snapshot_that_is_damaged_is_put_aside_and_the_start_goes_on_behind_it(tmp_path: Path, where: str) -> None:
    altered(shortened_once(tmp_path, *range(8)), where)
    with closing(opened(tmp_path)) as journal:
        assert journal.found_now
        [lost] = journal.records(HERE)
        assert isinstance(lost, RecordsLost)
        assert lost.row > 8, "no number of before can have been as high"
        save(journal, 50)
    with closing(opened(tmp_path)) as journal:
        assert journal.records(HERE) == [lost, Kept(50)]


@invariant("O2")
def test_that_elements_began_anew_outlives_every_snapshot(tmp_path: Path) -> None:
    altered(shortened_once(tmp_path, 1, 2), f"element = '{HERE}'")
    with closing(opened(tmp_path)) as journal:
        save(journal, 3)
        [lost, *_] = journal.records(HERE)

        def behind(_: ElementName, records: list[Record]) -> list[Record]:
            assert records[0] == lost
            return records[-1:]

        journal.shorten_by(behind, longest_tail=0)
        save(journal, 4)
        assert journal.records(HERE) == [lost, Kept(3), Kept(4)]
    with closing(opened(tmp_path)) as journal:
        assert journal.records(HERE) == [lost, Kept(3), Kept(4)]
        assert len(journal.quarantined()) >= 1, "what was put aside stays to be looked at"


@invariant("O2")
@pytest.mark.parametrize("cut", ["id = 6", "id > 4", "id > 5", "id < 6"])
def test_rows_that_are_taken_out_of_a_snapshot_are_missed(tmp_path: Path, cut: str) -> None:
    path = shortened_once(tmp_path, 1, 2, 3, 4)  # rows 5 and 6: the mark, and what it is in front of
    with edited(path) as connection:
        assert connection.execute(f"DELETE FROM rows WHERE {cut}").rowcount > 0  # noqa: S608  # our own words
    with closing(opened(tmp_path)) as journal:
        assert journal.found_now
        assert isinstance(journal.records(HERE)[0], RecordsLost)


def test_a_row_moved_to_another_place_or_store_is_no_mark(tmp_path: Path) -> None:
    path = shortened_once(tmp_path, 1, 2, 3)
    other = shortened_once(tmp_path / "other", 7, 8, 9)
    with edited(other) as connection:
        [mark] = connection.execute("SELECT sealed FROM rows WHERE element = ?", (SNAPSHOT.decode(),)).fetchall()
    with edited(path) as connection:
        connection.execute("UPDATE rows SET sealed = ? WHERE element = ?", (*mark, SNAPSHOT.decode()))
    with closing(opened(tmp_path)) as journal:
        assert journal.found_now


def test_a_snapshot_of_another_keytwin_is_refused_and_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(journal_shortening, "encode_mark", lambda _: b"\x90")
        path = shortened_once(tmp_path, 1, 2)
    octets = path.read_bytes()
    with pytest.raises(JournalCorrupt, match="no snapshot that this keytwin knows"):
        opened(tmp_path)
    assert path.read_bytes() == octets


def test_a_record_that_is_not_known_stops_the_start_and_not_its_journal(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
    other = Journal.open(tmp_path / "journal", Envelope(KeyFile(KEY)), CODEC)
    with closing(other), pytest.raises(JournalCorrupt, match="no record is called 'Kept'"):
        other.shorten_by(newest, longest_tail=0)
    with closing(opened(tmp_path)) as journal:
        assert found(journal) == [1]


def test_the_file_tells_an_earlier_keytwin_that_it_cannot_read_it(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
    with edited(tmp_path / "journal") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (2,), "before the first snapshot it still can"
    shortened_once(tmp_path, 2)
    with edited(tmp_path / "journal") as connection:
        assert connection.execute("PRAGMA user_version").fetchone() == (3,)
        connection.execute("PRAGMA user_version = 4")
    with pytest.raises(FileMistake, match="this keytwin reads 3"):
        opened(tmp_path)
