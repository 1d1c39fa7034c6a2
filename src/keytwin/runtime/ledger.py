"""Lists on disk that are only ever added to: what was issued, what was revoked.

Each line carries its own digest. A last line without its end was cut by a crash and was never acknowledged; anything
else that does not fit its digest is damage, and is reported, never skipped: skipping could un-revoke.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from keytwin.runtime.private_files import LARGEST_FILE, append, read_secret, write_whole
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

DIGEST: Final = 16  # hexadecimal digits: finds damage; a forger with write access to the folder owns the keys anyway
SERIAL_BITS: Final = 159  # RFC 5280 clause 4.1.2.2: 20 octets with sign
MOST_DENIED: Final = 100_000  # entries, about 4 MB of revocation list: beyond it a new authority is cheaper


@dataclass(frozen=True, slots=True)
class Entry:
    """One certificate in a list: `at` is when it was revoked, or when it ends; `note` has no spaces."""

    serial: int
    at: datetime
    note: str = "-"

    def line(self) -> bytes:
        """Write the entry with its digest."""
        text = f"{self.serial:x} {int(self.at.timestamp())} {self.note}"
        return f"{_digest(text)} {text}\n".encode()


def read_entries(path: Path) -> list[Entry]:
    """Read a list, without a last line that a crash cut short; a list that is not there is empty."""
    if not path.exists():
        return []
    lines = read_secret(path).split(b"\n")
    return [_entry(path, number, line) for number, line in enumerate(lines[:-1], start=1)]


def add_entries(path: Path, entries: list[Entry]) -> None:
    """Add entries in one durable write, after mending a line that a crash cut short."""
    if path.exists() and not read_secret(path).endswith(b"\n"):
        write_entries(path, read_entries(path))
    append(path, b"".join(entry.line() for entry in entries))


def write_entries(path: Path, entries: list[Entry]) -> None:
    """Write a list anew, whole."""
    octets = b"".join(entry.line() for entry in entries)
    assert len(octets) <= LARGEST_FILE
    write_whole(path, octets)


class DenyList:
    """Revoked serials, in two files of different folders: in force is whatever *either* of them holds.

    So an older copy of one file, or of the authority's folder, put back from a backup un-revokes nothing: the other
    file still has the serial, and opening the list writes it back. (Only both files put back together would; a leaf's
    short life bounds that.) Times in the list rise strictly, by a second at least, from one revocation to the next:
    OpenSSL tells by them which of two revocation lists in a live context is the newer.
    """

    def __init__(self, first: Path, second: Path, since: datetime) -> None:
        self._places = (first, second)
        self._since = since  # as if an empty list had been made then
        self._entries: dict[int, Entry] = {}
        self.refresh()

    def __contains__(self, serial: int) -> bool:
        return serial in self._entries

    def __len__(self) -> int:
        """Return the number of revoked serials; it never falls, and so numbers the revocation lists."""
        return len(self._entries)

    @property
    def entries(self) -> tuple[Entry, ...]:
        """All that is revoked."""
        return tuple(self._entries.values())

    @property
    def newest(self) -> datetime:
        """When the list last changed, in the list's own time."""
        return max((entry.at for entry in self._entries.values()), default=self._since)

    def refresh(self) -> None:
        """Read both files; make each hold what the other held alone."""
        held = [{entry.serial: entry for entry in read_entries(place)} for place in self._places]
        for entries in held:
            self._entries |= {serial: entry for serial, entry in entries.items() if serial not in self._entries}
        for place, entries in zip(self._places, held, strict=True):
            missing = [entry for serial, entry in self._entries.items() if serial not in entries]
            if missing:
                add_entries(place, missing)

    def add(self, serials: list[int], at: datetime, note: str = "-") -> int:
        """Revoke serials, durably in both places; return how many were not revoked before."""
        self.refresh()
        fresh = [serial for serial in dict.fromkeys(serials) if serial not in self._entries]
        if len(self) + len(fresh) > MOST_DENIED:
            raise Mistake(f"the deny list is full ({MOST_DENIED} serials): make a new authority and issue anew")
        if not all(0 < serial < 1 << SERIAL_BITS for serial in fresh):  # else no revocation list could be made again
            raise Mistake(f"a serial number is from 1 to below 2^{SERIAL_BITS}: read it from the certificate")
        moment = datetime.fromtimestamp(max(int(at.timestamp()), int(self.newest.timestamp()) + 1), UTC)
        entries = [Entry(serial, moment, note) for serial in fresh]
        if entries:
            for place in self._places:
                add_entries(place, entries)
        self._entries |= {entry.serial: entry for entry in entries}
        return len(entries)


def _entry(path: Path, number: int, line: bytes) -> Entry:
    digest, _, text = line.decode("ascii", errors="replace").partition(" ")
    parts = text.split(" ")
    if digest != _digest(text) or len(parts) != 3:
        raise FileMistake((Finding("damaged entry", str(path), number, 1, suggestion=_MEND),))
    return Entry(int(parts[0], 16), datetime.fromtimestamp(int(parts[1]), UTC), parts[2])


_MEND: Final = "put the file back from a backup; of the two deny lists one may be removed and is made anew"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:DIGEST]
