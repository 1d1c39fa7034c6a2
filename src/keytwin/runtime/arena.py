"""Where a live process keeps key material: in pages of its own, outside the interpreter's heap.

The pages are private, locked into memory as far as the system allows (mlock), left out of images of the memory
(MADV_DONTDUMP) and empty in a child process (MADV_WIPEONFORK); a room is overwritten when the last view of it is gone.
What is computed from key, or written to a socket, passes through other memory: docs/limitations.md.
"""

from __future__ import annotations

import ctypes
import mmap
import sys
import weakref
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Final

import numpy as np

from keytwin.runtime.libc import DUMPABLE, mlock, prctl
from keytwin.vocabulary.key import KeyMaterial

CHUNK: Final = 1 << 20  # octets that are asked of the system at a time
LARGEST_SHARED: Final = CHUNK // 8  # octets: a larger room is rounded up to whole pages only
SMALLEST_ROOM: Final = 32  # octets: a key of 256 bits
MOST_EMPTY: Final = 4  # chunks without a room in use that are kept for what comes next
WIPE_ON_FORK: Final = 18  # MADV_WIPEONFORK of Linux 4.14, which Python's mmap does not name


class _Pages(mmap.mmap):
    """What was asked of the system at once."""

    is_locked = False
    lent = 0  # rooms in use


class _Lent(weakref.ref["np.ndarray[tuple[int], np.dtype[np.uint8]]"]):
    """Notices when the last view of a room is gone."""

    __slots__ = ("chunk", "offset", "size")

    chunk: _Pages
    offset: int
    size: int


class Arena:
    """Rooms for key material, of few sizes, so that they fit again; a large one's pages are its own and go with it.

    Chunks go as well when none of their rooms is in use, but for a few.
    """

    def __init__(self) -> None:
        self.octets = 0  # taken from the system
        self.locked = 0  # of these, never written to swap space
        self.lent = 0  # rooms in use
        self._free: defaultdict[int, list[tuple[_Pages, int]]] = defaultdict(list)
        self._open: dict[int, _Lent] = {}  # by identity: a weak reference has the hash of what it refers to
        self._chunk: _Pages | None = None
        self._taken = CHUNK
        self._empty = 0  # chunks of which all rooms have come back

    def room(self, count: int) -> memoryview:
        """Return so many octets of zeros; they are overwritten and used again when nobody has a view of them."""
        if not count:
            return memoryview(bytearray())
        if count > LARGEST_SHARED:  # it need not fit anybody else
            size = -(-count // mmap.PAGESIZE) * mmap.PAGESIZE
            chunk, offset = self._pages(size), 0
        else:
            size = _class_of(count)
            free = self._free[size]
            chunk, offset = free.pop() if free else self._fresh(size)
            if not chunk.lent and chunk is not self._chunk:
                self._empty -= 1
        chunk.lent += 1
        octets = np.frombuffer(chunk, np.uint8, count, offset)
        lent = _Lent(octets, self._back)
        lent.chunk, lent.offset, lent.size = chunk, offset, size
        self._open[id(lent)] = lent
        self.lent += 1
        return octets.data

    def _back(self, lent: weakref.ref[np.ndarray[tuple[int], np.dtype[np.uint8]]]) -> None:
        assert isinstance(lent, _Lent)
        del self._open[id(lent)]
        self.lent -= 1
        chunk = lent.chunk
        chunk[lent.offset : lent.offset + lent.size] = bytes(lent.size)
        chunk.lent -= 1
        if lent.size == len(chunk):
            self._give_back(chunk)
            return
        self._free[lent.size].append((chunk, lent.offset))
        if not chunk.lent and chunk is not self._chunk:
            self._keep(chunk)

    def _keep(self, chunk: _Pages) -> None:
        """Keep a chunk all of whose rooms have come back, unless there are enough such."""
        if self._empty < MOST_EMPTY:
            self._empty += 1
            return
        for size, free in self._free.items():
            self._free[size] = [each for each in free if each[0] is not chunk]
        self._give_back(chunk)

    def _give_back(self, chunk: _Pages) -> None:
        """Count pages out, which go with the last that refers to them: whoever calls this."""
        self.octets -= len(chunk)
        self.locked -= len(chunk) if chunk.is_locked else 0

    def _fresh(self, size: int) -> tuple[_Pages, int]:
        if self._chunk is None or self._taken + size > CHUNK:
            full, self._chunk, self._taken = self._chunk, self._pages(CHUNK), 0
            if full is not None and not full.lent:
                self._keep(full)
        offset, self._taken = self._taken, self._taken + size
        return self._chunk, offset

    def _pages(self, size: int) -> _Pages:
        pages = _Pages(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        for advice in (getattr(mmap, "MADV_DONTDUMP", None), WIPE_ON_FORK if sys.platform == "linux" else None):
            if advice is not None:
                with suppress(OSError, ValueError):  # an older kernel: the rest of it still holds
                    pages.madvise(advice)
        self.octets += size
        pages.is_locked = _lock(pages, size)
        self.locked += size if pages.is_locked else 0
        return pages


def _class_of(count: int) -> int:
    """Return the size of the room for so many octets: four sizes from one power of two to the next."""
    step = max(SMALLEST_ROOM, 1 << max(0, (count - 1).bit_length() - 3))
    return -(-count // step) * step


def keep_key_in(arena: Arena) -> None:
    """Let all key material that is made from now on live in an arena."""
    KeyMaterial.room = arena.room


@contextmanager
def keeping_key_in(arena: Arena) -> Iterator[None]:
    """Let key material that is made within the block live in an arena, and other key where it did before."""
    before = KeyMaterial.room
    keep_key_in(arena)
    try:
        yield
    finally:
        KeyMaterial.room = before


def close_to_others() -> bool:
    """Let no process of the same user look into the memory of this one, and the system leave no image of it."""
    return prctl(DUMPABLE, 0)


def _lock(pages: _Pages, size: int) -> bool:
    """Lock pages into memory; False when they cannot be."""
    place = ctypes.c_char.from_buffer(pages)
    try:
        return mlock(ctypes.addressof(place), size)
    finally:
        del place
