"""Files that hold secrets: closed to others, whole or not there."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from keytwin.runtime import private_files
from keytwin.runtime.private_files import append, private_folder, read_public, read_secret, write_whole
from keytwin.vocabulary.errors import FileMistake
from tests.marks import invariant


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


@invariant("Z5")
@pytest.mark.usefixtures("open_umask")
def test_only_the_owner_reads_what_is_written(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "a" / "b")
    write_whole(folder / "key", b"secret")
    append(folder / "list", b"line\n")
    assert [mode(path) for path in (folder.parent, folder)] == [0o700] * 2
    assert [mode(path) for path in (folder / "key", folder / "list")] == [0o600] * 2


def test_a_folder_that_stands_open_is_closed(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    assert mode(private_folder(tmp_path / "open")) == 0o700


def test_a_strict_umask_does_not_hide_what_all_may_read(tmp_path: Path) -> None:
    before = os.umask(0o077)
    try:
        write_whole(tmp_path / "ca.pem", b"certificate", private_files.PUBLIC)
    finally:
        os.umask(before)
    assert mode(tmp_path / "ca.pem") == 0o644


def test_a_file_is_replaced_whole_and_nothing_is_left_beside_it(tmp_path: Path) -> None:
    write_whole(tmp_path / "file", b"long old content")
    write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"new"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_whole(tmp_path / "file", b"old")

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(tmp_path / "file", b"new")
    assert (tmp_path / "file").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_a_file_and_its_folder_are_synced_before_a_write_returns(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[int] = []
    sync = os.fsync

    def watched(handle: int) -> None:
        synced.append(os.fstat(handle).st_ino)
        sync(handle)

    monkeypatch.setattr(os, "fsync", watched)
    write_whole(tmp_path / "file", b"octets")
    assert synced == [(tmp_path / "file").stat().st_ino, tmp_path.stat().st_ino]


def test_appending_keeps_what_was_there(tmp_path: Path) -> None:
    append(tmp_path / "list", b"one\n")
    append(tmp_path / "list", b"two\n")
    assert read_secret(tmp_path / "list") == b"one\ntwo\n"


def test_nothing_is_written_through_a_planted_link(tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"as it was")
    (tmp_path / "list").symlink_to(tmp_path / "victim")
    with pytest.raises(OSError, match="symbolic"):
        append(tmp_path / "list", b"line\n")
    assert (tmp_path / "victim").read_bytes() == b"as it was"


@pytest.mark.parametrize("open_to", [0o640, 0o604, 0o660, 0o644])
def test_a_secret_that_others_may_read_is_refused_with_the_remedy(tmp_path: Path, open_to: int) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(b"secret")
    path.chmod(open_to)
    with pytest.raises(
        FileMistake, match=rf"key\.pem: .*others may read it \(mode {open_to:04o}\).*chmod 600"
    ) as raised:
        read_secret(path)
    assert "secret\n" not in str(raised.value)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileMistake, match=r"none\.pem: cannot be read: No such file"):
        read_public(tmp_path / "none.pem")


def test_a_file_beyond_the_limit_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(private_files, "LARGEST_FILE", 10)
    (tmp_path / "file").write_bytes(bytes(10))
    assert len(read_public(tmp_path / "file")) == 10
    (tmp_path / "file").write_bytes(bytes(11))
    with pytest.raises(FileMistake, match="more than 10 octets"):
        read_public(tmp_path / "file")


def test_a_file_where_a_folder_should_be_is_named(tmp_path: Path) -> None:
    (tmp_path / "pki").write_bytes(b"")
    with pytest.raises(FileMistake, match=r"pki"):
        private_folder(tmp_path / "pki" / "leaves")
    with pytest.raises(FileMistake, match=r"pki: is a file where a folder should be"):
        private_folder(tmp_path / "pki")
