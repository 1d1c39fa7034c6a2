"""Pads by address: the two directions of a Q-link as one of its key managers sees them. Invariants P1 and P5.

An octet is named (link, direction, link epoch, offset) and used once, as a pad, as a tag key or as delivered key. Only
the sender of a direction allocates in it, so nothing is negotiated and nothing is reconciled: `Outgoing` hands out
ascending ranges, `Incoming` looks a range up where the sender says it is. What is spent is overwritten at once.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Final, NamedTuple

import msgspec

from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.units import BITS_PER_BYTE

FIRST_EPOCH: Final = 1
LARGEST_WINDOW: Final = 1024  # ranges that may be above the sender's floor: bounds what a receiver must remember


class Use(Enum):
    """What became of an octet."""

    DELIVERED = auto()
    PAD = auto()
    TAG = auto()
    WASTED = auto()

    __hash__ = object.__hash__  # the usual one is a call of Python's for each look into the books


@dataclass(slots=True)
class Books:
    """One end's account of one direction, in octets."""

    ingested: int = 0
    discarded: int = 0
    digest: int = 0  # keyed the digest of a block, before it had an address
    spent: dict[Use, int] = field(default_factory=lambda: dict.fromkeys(Use, 0))

    def spend(self, count: int, use: Use, tag_octets: int) -> None:
        """Book octets of which the first `tag_octets` keyed a tag."""
        self.spent[use] += count - tag_octets
        self.spent[Use.TAG] += tag_octets


class Spent(NamedTuple):
    """What had been used of a direction, below some mark."""

    delivered: int
    pad: int
    tag: int


@dataclass(slots=True)
class _Segment:
    """Octets [start, end) of a direction: one direction's share of one block."""

    start: int
    end: int
    material: KeyMaterial


class _Range(msgspec.Struct, frozen=True, gc=False):
    """A range above the floor that is spent."""

    octets: int
    use: Use
    tag_octets: int


@dataclass(slots=True)
class Outgoing:
    """The direction in which this key manager sends: it alone allocates, in ascending order."""

    next: int = 0  # the first octet not allocated yet
    end: int = 0  # the first octet not ingested yet
    skipped: int = 0  # addresses below `end` that no octet was ever ingested at
    least: int = 0  # nothing below it is allocated any more, what is still to come included
    has_skipped: bool = False  # something below `next` is given up and not overwritten yet
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
        self.skip_to(self.least)

    def skip_to(self, offset: int) -> None:
        """Give up what lies below, now or when it comes: somebody else may have used it."""
        self.least = max(self.least, offset)
        upto = min(self.least, self.end)
        if upto > self.next:
            self.books.spent[Use.WASTED] += upto - self.next
            self.next = upto
            self.has_skipped = True

    def give_up(self) -> None:
        """Waste all that is in stock: the neighbour has lost it."""
        self.books.spent[Use.WASTED] += self.stock
        self.next = self.end
        _drop_below(self._segments, self.end)

    def jump(self, start: int) -> None:
        """Give up all that is in stock, and go on at another address."""
        self.give_up()
        self.skipped += start - self.end
        self.next = self.end = start

    def take(self, count: int, use: Use, tag_octets: int = 0) -> tuple[int, bytearray]:
        """Allocate `count` octets; return their offset and a copy that the caller wipes; `tag_octets` key a tag."""
        assert 0 < count <= self.stock
        if self.has_skipped:
            self._wipe_skipped()
        offset, self.next = self.next, self.next + count
        taken = _copied(self._segments, offset, self.next)
        _wipe(self._segments, offset, self.next)
        # Used up, and overwritten. The handle is not wiped: what has just been placed may be on its way to the disk.
        while self._segments and self._segments[0].end <= self.next:
            self._segments.popleft()
        self.books.spend(count, use, tag_octets)
        return offset, taken

    def hand_over(self) -> KeyMaterial:
        """Hand all that is in stock on as one piece: nothing is left here."""
        return _joined(self._segments, self.next)

    def _wipe_skipped(self) -> None:
        """Overwrite what was given up. Not at once: what has just been placed may still be on its way to the disk."""
        self.has_skipped = False
        _wipe(self._segments, 0, self.next)
        _drop_below(self._segments, self.next)

    def used(self) -> Spent:
        """Return what has been used so far, to be saved with a mark."""
        spent = self.books.spent
        return Spent(spent[Use.DELIVERED], spent[Use.PAD], spent[Use.TAG])

    def resume(self, mark: int, used: Spent) -> None:
        """Never allocate below the mark: another incarnation may have done so before it crashed."""
        self.least = max(self.least, mark)
        self.next = min(max(mark, self.next), self.end)
        _drop_below(self._segments, self.next)
        _wipe(self._segments, 0, self.next)
        _take_up(self.books, self.next - self.skipped, used)


@dataclass(slots=True)
class Incoming:
    """The direction in which the neighbour sends: ranges are looked up at the sender's offsets, each once."""

    floor: int = 0  # octets below it are spent or given up by the sender
    end: int = 0
    skipped: int = 0  # addresses below `end` that no octet was ever ingested at
    spent_above: int = 0  # octets above the floor that are spent
    books: Books = field(default_factory=Books)
    _segments: deque[_Segment] = field(default_factory=deque)
    _ranges: dict[int, _Range] = field(default_factory=dict)  # by offset: what is spent above the floor
    _offsets: list[int] = field(default_factory=list)  # of these, ascending

    @property
    def stock(self) -> int:
        """Octets that are neither spent nor given up."""
        return self.end - self.floor - self.spent_above

    def place(self, start: int, material: KeyMaterial) -> None:
        """Ingest the next octets."""
        assert start == self.end
        self.end = _append(self._segments, start, material)
        self.books.ingested += self.end - start

    def give_up(self) -> None:
        """Waste all that is in stock: the neighbour has lost it."""
        self.raise_floor(self.end)

    def jump(self, start: int) -> None:
        """Give up all that is in stock, and go on at another address."""
        self.give_up()
        self.skipped += start - self.end
        self.floor = self.end = start

    def has_spent(self, offset: int, count: int) -> bool:
        """Whether exactly this range has been spent: its message is a repeat. Violation when only its offset has."""
        known = self._ranges.get(offset)
        if known is not None and known.octets != count:
            raise Violation(f"a message at offset {offset} repeats with another length")
        return known is not None

    def look(self, offset: int, count: int) -> bytearray | None:
        """Return a copy of the range for the caller to use and wipe; None when it is not there (yet, or any more).

        Nothing changes by looking, so that a message can be checked in full before it has any effect.
        """
        if count <= 0 or offset < self.floor or offset + count > self.end:
            return None
        if self._cuts_across(offset, count):
            raise Violation(f"a message at offset {offset} uses key that another has used")
        if len(self._offsets) >= LARGEST_WINDOW:
            raise Violation(f"more than {LARGEST_WINDOW} messages above the sender's floor")
        return _copied(self._segments, offset, offset + count)

    def spend(self, offset: int, count: int, use: Use, tag_octets: int = 0) -> None:
        """Overwrite the range, which the caller has looked at and found good."""
        _wipe(self._segments, offset, offset + count)
        self._ranges[offset] = _Range(count, use, tag_octets)
        insort(self._offsets, offset)
        self.spent_above += count
        self.books.spend(count, use, tag_octets)

    def raise_floor(self, floor: int) -> None:
        """Give up what the sender says it will not use any more; a floor beyond what is here is not believed."""
        floor = min(floor, self.end)
        if floor <= self.floor:
            return
        passed = bisect_left(self._offsets, floor)
        if passed:
            last = self._offsets[passed - 1]
            # A floor inside a spent range would let its rest be used again.
            floor = max(floor, last + self._ranges[last].octets)
        spent = 0
        for offset in self._offsets[:passed]:
            spent += self._ranges.pop(offset).octets
        del self._offsets[:passed]
        self.spent_above -= spent
        given_up = floor - self.floor - spent
        if given_up:
            self.books.spent[Use.WASTED] += given_up
            _wipe(self._segments, self.floor, floor)
        self.floor = floor
        _drop_below(self._segments, floor)

    def used(self) -> Spent:
        """Return what has been used below the floor, to be saved with it."""
        below = dict(self.books.spent)
        for above in self._ranges.values():
            below[above.use] -= above.octets - above.tag_octets
            below[Use.TAG] -= above.tag_octets
        return Spent(below[Use.DELIVERED], below[Use.PAD], below[Use.TAG])

    def resume(self, floor: int, used: Spent) -> None:
        """Take up a floor that an earlier incarnation knew; what it had used above is used again only by repeats."""
        self.raise_floor(floor)
        _take_up(self.books, self.floor - self.skipped, used)

    def hand_over(self) -> KeyMaterial:
        """Hand all above the floor on as one piece: nothing is left here."""
        return _joined(self._segments, self.floor)

    def _cuts_across(self, offset: int, count: int) -> bool:
        """Whether the range has an octet in common with one that is spent."""
        following = bisect_left(self._offsets, offset)
        if following < len(self._offsets) and self._offsets[following] < offset + count:
            return True
        if not following:
            return False
        before = self._offsets[following - 1]
        return before + self._ranges[before].octets > offset


def _append(segments: deque[_Segment], start: int, material: KeyMaterial) -> int:
    """Add a segment and return its end. A share of nothing leaves no segment behind."""
    end = start + material.size // BITS_PER_BYTE
    if end > start:
        segments.append(_Segment(start, end, material))
    return end


def _joined(segments: deque[_Segment], start: int) -> KeyMaterial:
    """Move what lies from `start` on into one piece, and wipe the rest."""
    end = segments[-1].end if segments else start
    joined = KeyMaterial.blank(max(0, end - start))  # at once: one that grows leaves copies behind
    with joined.exposed() as whole:
        for segment in segments:
            first = max(start, segment.start)
            if first < segment.end:
                with segment.material.exposed() as octets:
                    whole[first - start : segment.end - start] = octets[first - segment.start :]
            segment.material.wipe()
    segments.clear()
    return joined


def _copied(segments: Iterable[_Segment], start: int, end: int) -> bytearray:
    """Return a copy of [start, end) of a direction, which is there, for the caller to use and wipe."""
    copy = bytearray()
    for segment in segments:
        if start < segment.end:
            if segment.start <= start and end <= segment.end:  # nearly always
                with segment.material.exposed() as octets:
                    return bytearray(octets[start - segment.start : end - segment.start])
            copy = copy or bytearray(end - start)  # at once: one that grows leaves copies behind
            first, last = max(start, segment.start), min(end, segment.end)
            with segment.material.exposed() as octets, memoryview(copy) as whole:
                whole[first - start : last - start] = octets[first - segment.start : last - segment.start]
            if end <= segment.end:
                break
    return copy


def _wipe(segments: Iterable[_Segment], start: int, end: int) -> None:
    """Overwrite [start, end) of a direction."""
    for segment in segments:
        first, last = max(start, segment.start), min(end, segment.end)
        if first < last:
            with segment.material.exposed() as octets:
                octets[first - segment.start : last - segment.start] = bytes(last - first)
        if segment.end >= end:
            return


def _drop_below(segments: deque[_Segment], offset: int) -> None:
    while segments and segments[0].end <= offset:
        segments.popleft().material.wipe()


def _take_up(books: Books, upto: int, used: Spent) -> None:
    """Book everything below a mark as it was saved; of what is not known it counts as wasted."""
    books.spent = {Use.DELIVERED: used.delivered, Use.PAD: used.pad, Use.TAG: used.tag, Use.WASTED: upto - sum(used)}
