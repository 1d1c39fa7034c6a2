"""Files that hold secrets or must outlive a crash: folders 0700, keys 0600, written whole or not at all.

A file is written beside its place, synced, renamed, and the folder synced: a reader finds the old or the new one.
"""

from __future__ import annotations

import os
import secrets
import stat
from pathlib import Path
from typing import Final

from keytwin.vocabulary.errors import FileMistake, Finding

FOLDER: Final = 0o700
SECRET: Final = 0o600
PUBLIC: Final = 0o644
LARGEST_FILE: Final = 16 * 1024 * 1024  # octets: far above any list of certificates, far below what memory bears


def private_folder(path: Path) -> Path:
    """Make a folder that only its owner enters, or close one that stands open."""
    try:
        for missing in reversed([each for each in (path, *path.parents) if not each.exists()]):
            missing.mkdir(mode=FOLDER, exist_ok=True)
            sync_folder(missing.parent)
        if stat.S_IMODE(path.stat().st_mode) != FOLDER:
            path.chmod(FOLDER)
    except OSError as error:
        raise mistake(path, f"cannot be a private folder: {error.strerror}") from error
    if not path.is_dir():
        raise mistake(path, "is a file where a folder should be", "move it away")
    return path


def write_whole(path: Path, octets: bytes, mode: int = SECRET) -> None:
    """Put a file in its place, replacing an older one; durable when this returns."""
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        _write(beside, octets, os.O_EXCL, mode)
        beside.replace(path)
    finally:
        beside.unlink(missing_ok=True)
    sync_folder(path.parent)


def append(path: Path, octets: bytes) -> None:
    """Add octets at the end of a file that is only ever added to; durable when this returns."""
    fresh = not path.exists()
    _write(path, octets, os.O_APPEND, SECRET)
    if fresh:
        sync_folder(path.parent)


def read_public(path: Path) -> bytes:
    """Read a file; FileMistake when it is missing, unreadable or beyond LARGEST_FILE."""
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST_FILE + 1)
    except OSError as error:
        raise mistake(path, f"cannot be read: {error.strerror}") from error
    if len(octets) > LARGEST_FILE:
        raise mistake(path, f"has more than {LARGEST_FILE} octets", "is it the right file?")
    return octets


def read_secret(path: Path) -> bytes:
    """Read a file with a secret; FileMistake also when others than its owner may read it."""
    octets = read_public(path)
    mode = stat.S_IMODE(path.stat().st_mode)
    if mode & 0o077:
        raise mistake(path, f"holds a secret and others may read it (mode {mode:04o})", f"run: chmod 600 {path}")
    return octets


def sync_folder(path: Path) -> None:
    """Make names that were added to a folder, or taken from it, durable."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def mistake(path: Path, what: str, suggestion: str = "") -> FileMistake:
    """Say what is wrong with a file as a whole."""
    return FileMistake((Finding(what, file=str(path), suggestion=suggestion),))


def _write(path: Path, octets: bytes, how: int, mode: int) -> None:
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | how, mode)
    with os.fdopen(handle, "wb") as file:
        if how & os.O_EXCL:
            os.fchmod(handle, mode)  # whatever the umask says
        file.write(octets)
        file.flush()
        os.fsync(handle)
