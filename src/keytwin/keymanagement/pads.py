"""Pads by address: the two directions of a Q-link as one of its key managers sees them. DESIGN.md 3.1; invariants P1, P5.

An octet is named (link, direction, link epoch, offset) and used once, as a pad, as a tag key or as delivered key. Only
the sender of a direction allocates in it, so nothing is negotiated and nothing is reconciled: `Outgoing` hands out
ascending ranges, `Incoming` looks a range up where the sender says it is. What is spent is overwritten at once.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final

from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.key import KeyMaterial

FIRST_EPOCH: Final = 1
LARGEST_WINDOW: Final = 1024  # ranges that may be above the sender's floor: bounds what a receiver must remember


class Use(Enum):
    """What became of an octet."""

    DELIVERED = auto()
    PAD = auto()
    TAG = auto()
    WASTED = auto()


@dataclass(slots=True)
class Books:
    """One end's account of one direction, in octets."""

    ingested: int = 0
    discarded: int = 0
    digest: int = 0  # keyed the digest of a block, before it had an address
    spent: dict[Use, int] = field(default_factory=lambda: dict.fromkeys(Use, 0))


@dataclass(slots=True)
class _Segment:
    """Octets [start, end) of a direction: one direction's share of one block."""

    start: int
    end: int
    material: KeyMaterial


@dataclass(slots=True)
class Outgoing:
    """The direction in which this key manager sends: it alone allocates, in ascending order."""

    next: int = 0  # the first octet not allocated yet
    end: int = 0  # the first octet not ingested yet
    books: Books = field(default_factory=Books)
    _segments: deque[_Segment] = field(default_factory=deque)

    @property
    def stock(self) -> int:
        """Octets ready to be allocated."""
        return self.end - self.next

    def place(self, start: int, material: KeyMaterial) -> None:
        """Ingest the next octets."""
        assert start == self.end
        self.end = _append(self._segments, start, material)
        self.books.ingested += self.end - start

    def take(self, count: int, use: Use, tag_octets: int = 0) -> tuple[int, bytearray]:
        """Allocate `count` octets; return their offset and a copy that the caller wipes. `tag_octets` of them key a tag."""
        assert 0 < count <= self.stock
        offset, self.next = self.next, self.next + count
        taken = bytearray()
        while len(taken) < count:
            segment = self._segments[0]
            start = offset + len(taken)
            upto = min(segment.end, offset + count)
            _move(segment, start, upto, taken)
            if upto == segment.end:
                self._segments.popleft()
        self.books.spent[use] += count - tag_octets
        self.books.spent[Use.TAG] += tag_octets
        return offset, taken

    def abandon(self, upto: int) -> None:
        """Never allocate below `upto`: another incarnation may have done so before it crashed."""
        while self._segments and self._segments[0].end <= upto:
            self._segments.popleft().material.wipe()
        upto = min(upto, self.end)
        if upto > self.next:
            self.books.spent[Use.WASTED] += upto - self.next
            self.next = upto


@dataclass(slots=True)
class Incoming:
    """The direction in which the neighbour sends: ranges are looked up at the sender's offsets, each once."""

    floor: int = 0  # octets below it are spent or given up by the sender
    end: int = 0
    spent_above: int = 0  # octets above the floor that are spent
    books: Books = field(default_factory=Books)
    _segments: deque[_Segment] = field(default_factory=deque)
    _spent: dict[int, int] = field(default_factory=dict)  # offset -> count, ranges above the floor

    @property
    def stock(self) -> int:
        """Octets that are neither spent nor given up."""
        return self.end - self.floor - self.spent_above

    def place(self, start: int, material: KeyMaterial) -> None:
        """Ingest the next octets."""
        assert start == self.end
        self.end = _append(self._segments, start, material)
        self.books.ingested += self.end - start

    def has_spent(self, offset: int, count: int) -> bool:
        """Whether exactly this range has been spent: its message is a repeat. Violation when it cuts across another."""
        if offset in self._spent:
            if self._spent[offset] != count:
                raise Violation(f"a message at offset {offset} repeats with another length")
            return True
        return False

    def look(self, offset: int, count: int) -> bytearray | None:
        """Return a copy of the range for the caller to use and wipe; None when it is not there (yet, or any more)."""
        if count <= 0 or offset < self.floor or offset + count > self.end:
            return None
        if any(start < offset + count and offset < start + length for start, length in self._spent.items()):
            raise Violation(f"a message at offset {offset} uses key that another has used")
        found = bytearray()
        for segment in self._segments:
            start = offset + len(found)
            if segment.end <= start:
                continue
            with segment.material.exposed() as octets:
                found += octets[start - segment.start : min(segment.end, offset + count) - segment.start]
            if len(found) == count:
                break
        return found

    def spend(self, offset: int, count: int, use: Use, tag_octets: int = 0) -> None:
        """Overwrite the range, which the caller has looked at and found good."""
        if len(self._spent) >= LARGEST_WINDOW:
            raise Violation(f"more than {LARGEST_WINDOW} messages above the sender's floor")
        self._wipe(offset, offset + count)
        self._spent[offset] = count
        self.spent_above += count
        self.books.spent[use] += count - tag_octets
        self.books.spent[Use.TAG] += tag_octets

    def raise_floor(self, floor: int) -> None:
        """Give up what the sender says it will not use any more; a floor beyond what is here is not believed."""
        floor = min(floor, self.end)
        if floor <= self.floor:
            return
        passed = [offset for offset in self._spent if offset < floor]
        spent = sum(self._spent.pop(offset) for offset in passed)
        self.spent_above -= spent
        self.books.spent[Use.WASTED] += floor - self.floor - spent
        if floor - self.floor > spent:
            self._wipe(self.floor, floor)
        self.floor = floor
        while self._segments and self._segments[0].end <= floor:
            self._segments.popleft().material.wipe()

    def _wipe(self, start: int, end: int) -> None:
        for segment in self._segments:
            first, last = max(start, segment.start), min(end, segment.end)
            if first < last:
                with segment.material.exposed() as octets:
                    octets[first - segment.start : last - segment.start] = bytes(last - first)
            if segment.end >= end:
                return


def _append(segments: deque[_Segment], start: int, material: KeyMaterial) -> int:
    """Add a segment and return its end."""
    end = start + material.size // 8
    segments.append(_Segment(start, end, material))
    return end


def _move(segment: _Segment, start: int, end: int, target: bytearray) -> None:
    """Copy [start, end) of the direction out of a segment and overwrite it there."""
    with segment.material.exposed() as octets:
        first, last = start - segment.start, end - segment.start
        target += octets[first:last]
        octets[first:last] = bytes(last - first)


def share_out(block: KeyMaterial, shares: tuple[int, ...]) -> list[KeyMaterial]:
    """Cut a block into pieces of so many octets, in order; what is left over is wiped."""
    pieces = []
    with block.exposed() as octets:
        start = 0
        for count in shares:
            pieces.append(KeyMaterial(bytearray(octets[start : start + count])))
            start += count
    block.wipe()
    return pieces
