"""Lists on disk that are only ever added to, and the deny list that no old copy shortens."""

from __future__ import annotations

import os
import shutil
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from keytwin.runtime import ledger
from keytwin.runtime.ledger import DenyList, Entry, add_entries, read_entries
from keytwin.vocabulary.errors import FileMistake, Mistake
from tests.marks import invariant

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)


@pytest.fixture
def places(tmp_path: Path) -> tuple[Path, Path]:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    return tmp_path / "one" / "denied", tmp_path / "two" / "denied"


def opened(places: tuple[Path, Path]) -> DenyList:
    return DenyList(*places, since=NOW - timedelta(days=1))


def test_entries_come_back(tmp_path: Path) -> None:
    entries = [Entry(1, NOW, "sae/app01-a"), Entry(2**159 - 1, NOW + SECOND)]
    add_entries(tmp_path / "list", entries[:1])
    add_entries(tmp_path / "list", entries[1:])
    assert read_entries(tmp_path / "list") == entries


def test_a_list_that_is_not_there_is_empty(tmp_path: Path) -> None:
    assert read_entries(tmp_path / "list") == []


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25)
@given(cut=st.integers(min_value=1, max_value=60))
def test_a_line_cut_by_a_crash_is_left_out_and_mended(tmp_path: Path, cut: int) -> None:
    path = tmp_path / "list"
    path.unlink(missing_ok=True)
    add_entries(path, [Entry(1, NOW), Entry(2, NOW)])
    last = len(Entry(2, NOW).line())
    os.truncate(path, path.stat().st_size - min(cut, last))
    assert [entry.serial for entry in read_entries(path)] == [1]
    add_entries(path, [Entry(3, NOW)])
    assert [entry.serial for entry in read_entries(path)] == [1, 3]


@pytest.mark.parametrize(("old", "new"), [(b" 1 ", b" 2 "), (b"17", b"27"), (b" -", b" a b"), (b"\n", b"\xff\n")])
def test_damage_is_reported_with_its_line_never_skipped(tmp_path: Path, old: bytes, new: bytes) -> None:
    path = tmp_path / "list"
    add_entries(path, [Entry(7, NOW), Entry(1, NOW)])
    first, second = path.read_bytes().splitlines(keepends=True)
    assert old in second
    path.write_bytes(first + second.replace(old, new, 1))
    with pytest.raises(FileMistake, match=r"list:2:1: damaged entry \(put the file back from a backup"):
        read_entries(path)


@invariant("Z1")
def test_a_revoked_serial_stays_revoked_when_the_list_is_opened_again(places: tuple[Path, Path]) -> None:
    denied = opened(places)
    assert denied.add([5, 6], NOW, "sae/app01-a") == 2
    assert 5 in denied
    assert 7 not in denied
    assert opened(places).entries == denied.entries


@invariant("Z1")
@pytest.mark.parametrize("restored", [0, 1])
def test_an_older_copy_put_back_un_revokes_nothing(places: tuple[Path, Path], restored: int, tmp_path: Path) -> None:
    opened(places).add([5], NOW)
    backup = shutil.copy(places[restored], tmp_path / "backup")
    opened(places).add([6], NOW)
    shutil.copy(backup, places[restored])
    again = opened(places)
    assert 6 in again
    assert read_entries(places[restored]) == list(again.entries), "the copy was completed"


@invariant("Z1")
@pytest.mark.parametrize("lost", [0, 1])
def test_either_file_alone_keeps_the_list(places: tuple[Path, Path], lost: int) -> None:
    opened(places).add([5, 6], NOW)
    places[lost].unlink()
    assert len(opened(places)) == 2
    places[1 - lost].unlink()
    assert len(opened(places)) == 2


@invariant("Z1")
def test_a_crash_between_the_two_files_loses_nothing_that_was_written(places: tuple[Path, Path]) -> None:
    opened(places).add([5], NOW)
    add_entries(places[0], [Entry(6, NOW + SECOND)])  # what a crash leaves after the first of the two writes
    assert {5, 6} == {entry.serial for entry in opened(places).entries}
    assert [entry.serial for entry in read_entries(places[1])] == [5, 6]


def test_what_another_process_revoked_is_kept(places: tuple[Path, Path]) -> None:
    one, other = opened(places), opened(places)
    one.add([5], NOW)
    other.add([6], NOW)
    assert {5, 6} == {entry.serial for entry in other.entries}
    one.refresh()
    assert 6 in one


def test_revoking_twice_writes_once(places: tuple[Path, Path]) -> None:
    denied = opened(places)
    assert denied.add([5, 5], NOW) == 1
    before = places[0].read_bytes()
    assert denied.add([5], NOW) == 0
    assert places[0].read_bytes() == before


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=10)
@given(shifts=st.lists(st.integers(min_value=-5000, max_value=5000), min_size=1, max_size=5))
def test_times_rise_strictly_whatever_the_clock_does(places: tuple[Path, Path], shifts: list[int]) -> None:
    for place in places:
        place.unlink(missing_ok=True)
    denied = opened(places)
    newest = [denied.newest]
    for number, shift in enumerate(shifts, start=1):
        denied.add([number], NOW + shift * SECOND)
        newest.append(denied.newest)
    assert all(later - earlier >= SECOND for earlier, later in pairwise(newest))


def test_serials_revoked_together_share_a_time(places: tuple[Path, Path]) -> None:
    denied = opened(places)
    denied.add([5, 6], NOW)
    assert {entry.at for entry in denied.entries} == {NOW} == {denied.newest}


@pytest.mark.parametrize("serial", [-1, 0, 1 << 159])
def test_a_serial_that_no_revocation_list_can_hold_is_refused(places: tuple[Path, Path], serial: int) -> None:
    with pytest.raises(Mistake, match="read it from the certificate"):
        opened(places).add([5, serial], NOW)
    assert not places[0].exists()


def test_a_full_list_says_what_to_do(places: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ledger, "MOST_DENIED", 2)
    denied = opened(places)
    denied.add([1, 2], NOW)
    with pytest.raises(Mistake, match="make a new authority"):
        denied.add([3], NOW)
    assert denied.add([2], NOW) == 0, "what is revoked already takes no room"
