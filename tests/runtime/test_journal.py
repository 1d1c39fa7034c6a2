"""The journal of a live process: what is committed is found again, all of it and in order, and nothing else passes."""

from __future__ import annotations

import base64
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from keytwin.runtime import journal as module
from keytwin.runtime.envelope import Envelope, KeyFile
from keytwin.runtime.journal import Journal, JournalFailed
from keytwin.runtime.journal_file import JournalInUse
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from tests.architecture.source import ROOT
from tests.marks import clause, invariant
from tests.runtime.journals import (
    ENVELOPE,
    KEY,
    Long,
    Secret,
    edited,
    filled,
    found,
    found_in,
    full_beyond,
    opened,
    save,
)
from tests.runtime.words import HERE, THERE, Kept

NAMES = (HERE, THERE, ElementName("admission"))
Batch = list[tuple[ElementName, int]]

# --- saving and finding again ---------------------------------------------------------------------------------------


def test_records_are_found_again_each_elements_own_in_the_order_saved(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        for number in range(6):
            journal.stage((HERE, THERE)[number % 2], Kept(number))
        journal.commit()
        save(journal, 7, 6)
        for _ in range(2):  # an element may restart while others go on
            assert (found(journal), found(journal, THERE)) == ([0, 2, 4, 7, 6], [1, 3, 5])
        save(journal, 8)
        assert found(journal)[-1] == 8
    with closing(opened(tmp_path)) as journal:
        assert (found(journal), found(journal, THERE)) == ([0, 2, 4, 7, 6, 8], [1, 3, 5])
        assert journal.records(ElementName("km/unheard")) == []


def test_what_is_staged_is_not_yet_found_and_a_commit_of_nothing_writes_nothing(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        journal.commit()
        journal.stage(HERE, Kept(1))
        assert found(journal) == []
        journal.commit()
        journal.commit()
        assert found(journal) == [1]


def test_a_record_outlives_the_wiping_of_its_key_and_comes_back_in_handles_of_its_own(tmp_path: Path) -> None:
    material = KeyMaterial(bytearray(b"0123456789abcdef"))
    with closing(opened(tmp_path)) as journal:
        journal.stage(HERE, Secret(material))
        material.wipe()
        journal.commit()
        for _ in range(2):
            (record,) = journal.records(HERE)
            assert isinstance(record, Secret)
            with record.material.exposed() as octets:
                assert bytes(octets) == b"0123456789abcdef"
            record.material.wipe()


def test_closing_twice_is_allowed_and_loses_what_is_only_staged(tmp_path: Path) -> None:
    journal = opened(tmp_path)
    journal.stage(HERE, Kept(1))
    journal.close()
    journal.close()
    journal.stage(HERE, Kept(2))
    with pytest.raises(JournalFailed, match="is closed"):
        journal.commit()
    with pytest.raises(JournalFailed, match="is closed"):
        journal.records(HERE)
    assert found_in(tmp_path) == []


def test_a_row_is_what_one_element_saved_in_one_commit(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        for number in range(100):
            journal.stage(HERE, Kept(number))
            journal.stage(THERE, Kept(number))
        journal.commit()
        save(journal, 100)
    with edited(tmp_path / "journal") as connection:
        rows = connection.execute("SELECT id, element FROM rows").fetchall()
    assert rows == [(1, HERE), (2, THERE), (3, HERE)]


@invariant("K6")
def test_a_commit_is_synced_and_what_is_removed_is_overwritten(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        names = ("journal_mode", "synchronous", "wal_autocheckpoint", "secure_delete")
        settings_now = [journal._connection.execute(f"PRAGMA {name}").fetchone()[0] for name in names]
    assert settings_now == [b"wal", 2, 0, 1]  # 2: FULL, a sync of the log in every commit


def test_the_log_is_used_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT", 64 * 1024)
    with closing(opened(tmp_path)) as journal:
        for _ in range(60):
            journal.stage(HERE, Long(bytes(5000)))
            save(journal, 1)
        assert (tmp_path / "journal-wal").stat().st_size < 2 * 64 * 1024
        assert (tmp_path / "journal").stat().st_size > 200_000
        assert len(found(journal)) == 60


# --- any prefix -----------------------------------------------------------------------------------------------------

batches = st.lists(st.lists(st.tuples(st.sampled_from(NAMES), st.integers(0, 99)), min_size=1, max_size=4), max_size=5)


def all_of(journal: Journal) -> list[list[int]]:
    return [found(journal, name) for name in NAMES]


def after(done: list[Batch]) -> list[list[int]]:
    return [[number for batch in done for element, number in batch if element == name] for name in NAMES]


def copied(source: Path, target: Path) -> Path:
    target.mkdir()
    for name in ("journal", "journal-wal"):
        shutil.copy(source / name, target / name)
    return target


@invariant("O1")
@settings(max_examples=10)
@given(batches)
def test_o1_a_copy_after_each_commit_holds_exactly_what_was_saved_until_then(done: list[Batch]) -> None:
    with tempfile.TemporaryDirectory() as name, closing(opened(Path(name, "live"))) as journal:
        for count, batch in enumerate(done, 1):
            for element, number in batch:
                journal.stage(element, Kept(number))
            before = copied(Path(name, "live"), Path(name, f"{count}-staged"))
            journal.commit()
            behind = copied(Path(name, "live"), Path(name, f"{count}-committed"))
            for folder, until in ((before, count - 1), (behind, count)):
                for _ in range(2):  # opening changes nothing of what is found
                    with closing(opened(folder)) as copy:
                        assert all_of(copy) == after(done[:until])


@invariant("O1")
@settings(max_examples=30)
@given(st.data())
def test_o1_a_log_that_breaks_off_anywhere_holds_whole_commits_and_goes_on(data: st.DataObject) -> None:
    done: list[Batch] = [[(name, number) for name in NAMES] for number in range(4)]
    with tempfile.TemporaryDirectory() as name:
        with closing(opened(Path(name, "live"))) as journal:
            for batch in done:
                for element, number in batch:
                    journal.stage(element, Kept(number))
                journal.commit()
            torn = copied(Path(name, "live"), Path(name, "torn"))
        length = (torn / "journal-wal").stat().st_size
        os.truncate(torn / "journal-wal", data.draw(st.integers(0, length)))
        with closing(opened(torn)) as journal:
            at_hand = all_of(journal)
            assert at_hand in [after(done[:until]) for until in range(5)]
            save(journal, 100)
        with closing(opened(torn)) as journal:
            assert found(journal) == [*at_hand[0], 100]


# --- a process that dies --------------------------------------------------------------------------------------------

DYING = """
import os, signal, sys
from pathlib import Path
from tests.runtime.journals import opened, save
from tests.runtime.words import HERE, Kept
journal = opened(Path(sys.argv[1]))
save(journal, 1, 2)
journal.stage(HERE, Kept(3))
{how}
"""
ENDLESS = """
for number in range(4, 10_000):
    journal.commit()
    print(number, flush=True)
    journal.stage(HERE, Kept(number))
"""


def dying(folder: Path, how: str) -> subprocess.Popen[str]:
    environment = os.environ | {"PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    command = [sys.executable, "-c", DYING.format(how=how), str(folder)]
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)


@invariant("O1")
@pytest.mark.slow
@pytest.mark.parametrize(
    ("how", "left"),
    [
        pytest.param("os._exit(9)", [1, 2], id="left-between-stage-and-commit"),
        pytest.param("os.kill(os.getpid(), signal.SIGKILL)", [1, 2], id="killed-between-stage-and-commit"),
        pytest.param("journal.commit(); os._exit(9)", [1, 2, 3], id="left-after-commit"),
        pytest.param("journal.commit(); os.kill(os.getpid(), signal.SIGKILL)", [1, 2, 3], id="killed-after-commit"),
    ],
)
def test_a_process_that_dies_leaves_what_it_committed(tmp_path: Path, how: str, left: list[int]) -> None:
    with dying(tmp_path, how) as process:
        assert process.wait() in {9, -signal.SIGKILL}
    assert found_in(tmp_path) == left


@invariant("K6")
@pytest.mark.slow
def test_k6_what_was_answered_before_a_kill_is_there_whenever_it_comes(tmp_path: Path) -> None:
    with dying(tmp_path, ENDLESS) as process:
        assert process.stdout
        told = [int(process.stdout.readline()) for _ in range(20)]
        with pytest.raises(JournalInUse, match=f"is in use by process {process.pid}: stop that first"):
            opened(tmp_path)
        process.kill()
        told += [int(line) for line in process.stdout if line.endswith("\n")]
    left = found_in(tmp_path)
    assert left == list(range(1, len(left) + 1))
    assert len(left) in {told[-1] - 1, told[-1]}  # the one under way may have been durable already


# --- a disk that fails ----------------------------------------------------------------------------------------------


@invariant("K6")
def test_a_full_disk_fails_the_batch_as_a_whole_and_the_journal_until_it_is_opened_anew(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as journal:
        save(journal, 1)
        journal.stage(THERE, Kept(2))
        journal.stage(HERE, Long(bytes(200_000)))
        room = (tmp_path / "journal-wal").stat().st_size + 20_000
        with full_beyond(room), pytest.raises(JournalFailed, match=r"journal: .*: see that the disk is sound and has"):
            journal.commit()
        with pytest.raises(JournalFailed, match="see that the disk"):  # room there is again, trust there is not
            save(journal, 3)
        with pytest.raises(JournalFailed, match="see that the disk"):
            journal.records(HERE)
    with closing(opened(tmp_path)) as journal:
        assert (journal.records(HERE), journal.records(THERE)) == ([Kept(1)], [])
        save(journal, 4)
    assert found_in(tmp_path) == [1, 4]


def saved_until_it_fails(journal: Journal) -> int:
    for number in range(100):
        journal.stage(HERE, Long(bytes(3000)))
        try:
            save(journal, number)
        except JournalFailed:
            return number
    return 100


@invariant("K6")
def test_a_log_that_cannot_be_written_back_fails_the_next_batch_and_loses_nothing_before_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LOG_LIMIT", 0)
    with closing(opened(tmp_path)) as journal, full_beyond(80_000):
        done = saved_until_it_fails(journal)
    assert 10 < done < 40
    assert found_in(tmp_path) == list(range(done))


def test_no_room_for_a_journal_is_said_when_it_is_opened(tmp_path: Path) -> None:
    with full_beyond(6000), pytest.raises(JournalFailed, match="has room"):
        opened(tmp_path)
    assert found_in(tmp_path) == []


# --- sealing --------------------------------------------------------------------------------------------------------


def forms(octets: bytes) -> list[bytes]:
    """Give the ways in which octets may stand in a file: as they are, in hex, in base64 at each of its alignments."""
    whole = [base64.b64encode(bytes(shift) + octets)[4 if shift else 0 : -4] for shift in range(3)]
    return [octets, octets.hex().encode(), octets.hex().upper().encode(), *whole, base64.urlsafe_b64encode(octets)[:-4]]


class Watched(KeyFile):
    """A key file that remembers the data keys it wrapped."""

    def __init__(self, octets: bytes) -> None:
        super().__init__(octets)
        self.wrapped: list[bytes] = []

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        self.wrapped.append(data_key)
        return super().wrap(data_key, context)


@invariant("Z5")
def test_z5_no_file_of_the_folder_shows_a_key(tmp_path: Path) -> None:
    watched = Watched(KEY)
    keys = [bytes([number]) + os.urandom(31) for number in range(20)]
    with closing(opened(tmp_path, Envelope(watched))) as journal:
        for key in keys:
            journal.stage(HERE, Secret(KeyMaterial(bytearray(key))))
            save(journal, 1)
        shown = b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    shown += b"".join(path.read_bytes() for path in sorted(tmp_path.iterdir()))
    assert HERE.encode() in shown
    assert len(watched.wrapped) == 2  # the data key, and that of the audit
    assert not [form for key in (*keys, *watched.wrapped, KEY) for form in forms(key) if form in shown]


def test_each_opening_has_a_data_key_of_its_own(tmp_path: Path) -> None:
    for number in range(3):
        filled(tmp_path, number)
    with edited(tmp_path / "journal") as connection:
        keys = connection.execute("SELECT number, first, wrapped_by FROM data_keys").fetchall()
        rows = connection.execute("SELECT id, data_key FROM rows").fetchall()
    assert keys == [(number, number, ENVELOPE.name) for number in (1, 2, 3)]
    assert rows == [(1, 1), (2, 2), (3, 3)]
    assert found_in(tmp_path) == [0, 1, 2]


@clause("NIST SP 800-38D", "8.3")
def test_a_spent_data_key_is_followed_by_a_fresh_one(tmp_path: Path) -> None:
    with closing(opened(tmp_path, Envelope(KeyFile(KEY), messages_per_key=2))) as journal:
        for number in range(5):
            save(journal, number)
        assert found(journal) == list(range(5))
    with edited(tmp_path / "journal") as connection:
        assert connection.execute("SELECT data_key FROM rows").fetchall() == [(1,), (1,), (2,), (2,), (3,)]
    assert found_in(tmp_path) == list(range(5))
