"""O1: a snapshot in steps is there whole or not at all, whatever is committed meanwhile and wherever it ends."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keytwin.keymanagement.pool import KeysHandedOut
from keytwin.runtime import journal as journal_module
from keytwin.runtime import journal_gradual
from keytwin.runtime.audit_reading import read_trail
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal, JournalFailed
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.journal_gradual import BESIDE
from keytwin.runtime.journal_snapshot import Shorten
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, SaeId
from keytwin.vocabulary.machine import Record, RecordsLost
from keytwin.vocabulary.units import Bits
from tests.marks import invariant
from tests.runtime import golden_journals
from tests.runtime.journals import KEY, Long, Secret, edited, full_beyond
from tests.runtime.shortening import golden, read, short, shorten_golden, written
from tests.runtime.test_journal_snapshot import copied, cuts, sizes
from tests.runtime.words import HERE, THERE, Kept

ENVELOPE: Final = Envelope(KeyFile(KEY))
BEFORE: Final = 40  # commits, each with a record of either element
PADDING: Final = bytes(300)
MOST_COMMITS: Final = 60  # in which a snapshot must have come to its end

State = tuple[list[int], list[int]]


@pytest.fixture(autouse=True)
def in_small_steps(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let every piece of a snapshot be a step of its own, with no rest between two, and rows hold few records."""
    monkeypatch.setattr(journal_module, "REST", 0.0)
    for module in (journal_gradual, journal_module):
        monkeypatch.setattr(module, "STEP", 2_000)
    monkeypatch.setattr(journal_gradual, "SPARE", 0)
    monkeypatch.setattr(journal_gradual, "MOST_ROWS", 4)
    monkeypatch.setattr("keytwin.runtime.journal_shortening.LARGEST_ROW", 2_000)
    monkeypatch.setattr(journal_gradual, "LARGEST_ROW", 1 << 20)


def opened(folder: Path) -> Journal:
    codec = RecordCodec([*record_types(), Kept, Secret, Long])
    return Journal.open(folder / "journal", ENVELOPE, codec)


def handed_out(number: int) -> KeysHandedOut:
    return KeysHandedOut(Ksid("s"), True, (KeyId(f"key-{number}"),), SaeId("x"), Bits(256))  # noqa: FBT003  # is_master


def save(journal: Journal, number: int) -> None:
    journal.stage(HERE, Kept(number))
    journal.stage(HERE, handed_out(number))
    journal.stage(THERE, Kept(number))
    journal.stage(THERE, Long(PADDING))
    journal.commit()


def even(element: ElementName, records: list[Record]) -> list[Record] | None:
    """Leave out all odd numbers of HERE, and nothing of THERE."""
    if element == THERE:
        return None
    return [record for record in records if isinstance(record, Kept | RecordsLost) and not _is_odd(record)]


def _is_odd(record: Record) -> bool:
    return isinstance(record, Kept) and record.number % 2 == 1


def found(journal: Journal) -> State:
    here, there = ([r.number for r in journal.records(name) if isinstance(r, Kept)] for name in (HERE, THERE))
    return here, there


def expected(commits: int, short_upto: int) -> State:
    """Return what is there after so many commits, when the first of them were said in short."""
    return [n for n in range(commits) if n >= short_upto or n % 2 == 0], list(range(commits))


def filled(folder: Path, shorten: Shorten = even) -> Journal:
    """Return a journal with many rows, of which a snapshot is due."""
    journal = opened(folder)
    for number in range(BEFORE):
        save(journal, number)
    journal.shorten_by(shorten, longest_tail=1 << 20)
    journal._longest_tail = 0
    return journal


def commits_of(journal: Journal) -> Iterator[int]:
    """Commit until the snapshot is over; give how many commits there have been, after each."""
    for number in range(BEFORE, BEFORE + MOST_COMMITS):
        save(journal, number)
        yield number + 1
        if journal._steps is None:
            return
    raise AssertionError("a snapshot must come to an end")


def beside(journal: Journal) -> set[str]:
    """Return the tables of a snapshot that is not finished."""
    tables = journal._connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    return {*BESIDE} & {name.decode() for (name,) in tables}


def test_between_two_steps_commits_go_on_without_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with closing(filled(tmp_path)) as journal:
        monkeypatch.setattr(journal_module, "REST", 1e12)
        save(journal, BEFORE)
        steps = journal._steps
        assert steps is not None
        until = journal._rests_until
        for number in range(BEFORE + 1, BEFORE + MOST_COMMITS):
            save(journal, number)
        assert (journal._steps, journal._rests_until) == (steps, until), "none of these commits went on with it"
        journal._rests_until = 0.0
        save(journal, BEFORE + MOST_COMMITS)
        assert journal._rests_until > 0.0, "this one did"


# --- the same at every step -----------------------------------------------------------------------------------------


@invariant("O1")
@invariant("Z7")
def test_o1_a_crash_between_any_two_steps_leaves_all_and_the_audit_confirms_it(tmp_path: Path) -> None:
    live = tmp_path / "live"
    seen: list[bool] = []
    with closing(filled(live)) as journal:
        for commits in commits_of(journal):
            state = found(journal)
            assert state in (expected(commits, 0), expected(commits, BEFORE)), commits
            seen.append(state == expected(commits, BEFORE))
            folder = copied(live, tmp_path / f"{commits}")
            with closing(opened(folder)) as copy:
                assert not copy.found_now
                assert found(copy) == state
                assert (copy._contents.short, copy._contents.tail) == (journal._contents.short, journal._contents.tail)
                copy.shorten_by(even)
                save(copy, commits)
                assert not beside(copy), "what was begun is thrown away"
            with closing(opened(folder)) as copy:
                assert found(copy)[1] == [*range(commits + 1)]
            trail = read_trail(folder / "journal", ENVELOPE, copy._codec)
            assert not trail.faults
            assert len(trail.rows) == commits + 1
        assert not beside(journal)
    assert seen == sorted(seen)
    assert seen.count(False) > 4, "it took many steps"
    assert seen.count(True) > 3, "and more to overwrite what was before"


@invariant("O1")
def test_o1_a_crash_anywhere_in_the_log_leaves_what_one_of_the_commits_left(tmp_path: Path) -> None:
    live, torn, number = tmp_path / "live", tmp_path / "torn", 0
    with closing(filled(live)) as journal:
        trace = journal._connection.set_trace_callback
        trace(lambda said: _copied_once(live, torn) if "RENAME TO rows" in said or "TRUNCATE" in said else None)
        for commits in commits_of(journal):
            number = commits
            if (torn / "2").exists():
                break
        trace(None)
    legal = [expected(commits, upto) for commits in range(number + 1) for upto in (0, BEFORE)]
    reached: set[bool] = set()
    for place in ("1", "2"):
        length = (torn / place / "journal-wal").stat().st_size
        for cut in [*[*cuts(length)][::9], length]:
            folder = copied(torn / place, tmp_path / f"{place}-{cut}")
            with (folder / "journal-wal").open("r+b") as log:
                log.truncate(cut)
            with closing(opened(folder)) as copy:
                assert not copy.found_now
                state = found(copy)
                assert state in legal, cut
                reached.add(len(state[0]) < len(state[1]))
            shutil.rmtree(folder)
    assert reached == {False, True}, "cuts before, within and behind the exchange"


def _copied_once(live: Path, torn: Path) -> None:
    torn.mkdir(exist_ok=True)
    for name in ("1", "2"):
        if not (torn / name).exists():
            copied(live, torn / name)
            return


@invariant("O1")
@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(lives=st.lists(st.integers(1, 40), min_size=2, max_size=6), step=st.integers(400, 6_000))
def test_o1_any_number_of_crashes_at_any_steps_loses_nothing(
    lives: list[int], step: int, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (journal_gradual, journal_module):
        monkeypatch.setattr(module, "STEP", step)
    folder, total = tmp_path_factory.mktemp("lives"), 0
    state: State = ([], [])
    (folder / "0").mkdir()
    for life, commits in enumerate(lives):
        with closing(opened(folder / f"{life}")) as journal:
            assert not journal.found_now
            assert found(journal)[1] == list(range(total)), "all of THERE is kept for ever"
            journal.shorten_by(even, longest_tail=3_000)
            for number in range(total, total + commits):
                save(journal, number)
            total += commits
            state = found(journal)
            upto = next((number for number in state[0] if number % 2), total)
            assert state == expected(total, upto)
            copied(folder / f"{life}", folder / f"{life + 1}")
        shutil.rmtree(folder / f"{life}")
    with closing(opened(folder / f"{len(lives)}")) as journal:
        assert found(journal) == state


@invariant("O1")
def test_o1_one_snapshot_after_the_other_says_what_there_is(tmp_path: Path) -> None:
    with closing(filled(tmp_path)) as journal:
        total = BEFORE
        for _ in range(3):
            for commits in commits_again(journal, total):
                total = commits
        here, there = found(journal)
        upto = next(number for number in here if number % 2 == 1)
        assert (here, there) == expected(total, upto)
        assert upto > BEFORE + 10
    with closing(opened(tmp_path)) as journal:
        assert found(journal) == expected(total, upto)


def commits_again(journal: Journal, first: int) -> Iterator[int]:
    """Commit until another snapshot has been taken."""
    mark = journal._contents.mark
    for number in range(first, first + 10 * MOST_COMMITS):
        save(journal, number)
        yield number + 1
        if journal._steps is None and journal._contents.mark != mark:
            return
    raise AssertionError("a snapshot must come to an end")


@invariant("O1")
def test_o1_a_network_says_the_same_in_steps_as_at_once(tmp_path: Path) -> None:
    saved = {name: records for name, records in golden().items() if records}
    with closing(golden_journals.opened(tmp_path / "journal")) as journal:
        for name, records in saved.items():
            for record in read(records):
                journal.stage(name, record)
                journal.commit()
        journal.shorten_by(shorten_golden, longest_tail=1 << 30)
        journal._longest_tail = 0
        [first, *_] = saved
        for _ in range(20 * MOST_COMMITS):
            journal.stage(first, read(saved[first][-1:])[0])
            journal.commit()
            if journal._contents.mark.through:
                break
        since = journal._contents.last - journal._contents.mark.through
        for name, records in saved.items():
            now = written(journal.records(name))
            assert now[: len(now) - (since if name == first else 0)] == short(name, records), name


# --- what is gone, and who may read it ------------------------------------------------------------------------------


@invariant("K5")
def test_k5_what_it_replaces_is_in_no_file_any_more_and_its_key_neither(tmp_path: Path) -> None:
    with closing(filled(tmp_path)) as journal:
        journal._connection.execute("PRAGMA wal_checkpoint").fetchall()
        old = [row[0] for row in journal._connection.execute("SELECT sealed FROM rows")]
        keys = [row[0] for row in journal._connection.execute("SELECT wrapped FROM data_keys")]
        assert all(each in (tmp_path / "journal").read_bytes() for each in (*old, *keys))
        for _ in commits_of(journal):
            if journal._contents.mark.through:
                assert not in_files(tmp_path, keys), "with the exchange, not with the last step"
        assert not in_files(tmp_path, old)
        assert journal._connection.execute("SELECT count(*) FROM data_keys").fetchone() == (2,)


def in_files(folder: Path, some: list[bytes]) -> list[bytes]:
    """Return which of these stand in any file of a journal."""
    files = [path.read_bytes() for path in folder.iterdir()]
    return [each for each in some if any(each in octets for octets in files)]


@invariant("O2")
def test_o2_a_short_row_that_somebody_puts_among_the_rows_is_none(tmp_path: Path) -> None:
    with closing(filled(tmp_path / "live")) as journal:
        for commits in commits_of(journal):
            folder = copied(tmp_path / "live", tmp_path / f"{commits}")
            with edited(folder / "journal") as connection:
                if "short_rows" not in {name for (name,) in connection.execute("SELECT name FROM sqlite_master")}:
                    continue
                put = """REPLACE INTO rows SELECT * FROM short_rows WHERE id = (SELECT max(id) FROM short_rows)"""
                if not connection.execute(put).rowcount:
                    continue
            with closing(opened(folder)) as copy:
                assert copy.found_now
                assert isinstance(copy.records(HERE)[0], RecordsLost)
            return
    raise AssertionError("no short row was seen")


# --- where it fails -------------------------------------------------------------------------------------------------


@invariant("O1")
@pytest.mark.parametrize("fails_for", [HERE, THERE])
def test_o1_whoever_fails_to_say_it_in_short_leaves_all_as_it_was(tmp_path: Path, fails_for: ElementName) -> None:
    is_failing = True

    def failing(element: ElementName, records: list[Record]) -> list[Record] | None:
        assert not (is_failing and element == fails_for), "a bug of a plug-in's"
        return even(element, records)

    with closing(filled(tmp_path, failing)) as journal:
        with pytest.raises(AssertionError, match="a bug of a plug-in's"):
            list(commits_of(journal))
        here, there = found(journal)
        assert here == there, "nothing of it has happened"
        is_failing = False
        for number in range(len(there), len(there) + MOST_COMMITS):
            save(journal, number)
        assert found(journal)[0] != found(journal)[1]
    with closing(opened(tmp_path)) as journal:
        assert not journal.found_now


@invariant("O1")
@pytest.mark.parametrize("steps", [1, 4, 9, 14])
def test_o1_a_disk_that_is_full_fails_a_commit_and_leaves_all_before_it(tmp_path: Path, steps: int) -> None:
    done = 0
    with closing(filled(tmp_path)) as journal:
        commits = commits_of(journal)
        for _ in range(steps):
            done = next(commits)
        with full_beyond(sizes(tmp_path) // 3), pytest.raises(JournalFailed, match="has room"):
            next(commits)
    with closing(opened(tmp_path)) as journal:
        assert not journal.found_now
        assert found(journal) in (expected(done, 0), expected(done, BEFORE))


# --- when it is taken at once ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(("constant", "value"), [("STEP", 1 << 20), ("SPARE", 1 << 20)], ids=["small", "few-numbers"])
def test_what_is_small_or_has_too_few_numbers_is_said_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, constant: str, value: int
) -> None:
    monkeypatch.setattr(journal_gradual, constant, value)
    with closing(filled(tmp_path)) as journal:
        save(journal, BEFORE)
        assert found(journal) == expected(BEFORE + 1, BEFORE)
        assert journal._contents.mark.through > journal._contents.mark.audit_row
        assert not beside(journal)


def test_a_closed_journal_goes_on_with_no_snapshot(tmp_path: Path) -> None:
    journal = filled(tmp_path)
    commits = commits_of(journal)
    next(commits)
    journal.close()
    with pytest.raises(JournalFailed):
        next(commits)
    with closing(sqlite3.connect(tmp_path / "journal")) as connection:
        assert connection.execute("SELECT count(*) FROM rows").fetchone() == (2 * BEFORE + 2,)
