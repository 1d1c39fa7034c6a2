"""What a key manager saves in short: its stocks of key and its books as they stand, in place of all that led to them.

A journal that only grew would take ever longer to read. These records, written at times by whoever keeps the journal,
restore what the records before them restored (invariant O1); what is spent is in them as a sum.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec

from keytwin.keymanagement.blocks import SecondIngest
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pads import Books, Incoming, Outgoing
from keytwin.keymanagement.pool import KeyBooks, KeysHandedOut
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Record


class DirectionKept(msgspec.Struct, frozen=True, gc=False):
    """One direction: `material` lies from `start` on; nothing below is used again. The sums count since ever."""

    start: int
    skipped: int
    ingested: int
    discarded: int
    digest: int
    material: KeyMaterial


class StockKept(Record, frozen=True, gc=False):
    """A link as it stands, in place of all blocks taken in so far. What was used of it is in the marks."""

    link: LinkId
    placed: int
    decided: int
    is_anew: bool
    out: DirectionKept
    incoming: DirectionKept


class BooksKept(Record, frozen=True, gc=False):
    """The books of end-to-end keys but for those that are still here, and what must not come back."""

    made: int
    taken: int
    delivered: int
    voided: int
    expired: int
    released: int
    gone: tuple[BatchId, ...]
    tombstones: dict[Ksid, int]


def together(records: Iterable[Record]) -> Iterator[Record]:
    """Give records, and hand-outs of one session that follow one another as one: each key is then all that it costs."""
    for _, group in groupby(records, _session_of):
        first, *more = group
        if more and isinstance(first, KeysHandedOut):
            key_ids = (key_id for record in more if isinstance(record, KeysHandedOut) for key_id in record.key_ids)
            first = msgspec.structs.replace(first, key_ids=(*first.key_ids, *key_ids))
        yield first


def _session_of(record: Record) -> object:
    """Return whose hand-out a record is; one that is none has nothing in common with any other."""
    return (record.ksid, record.is_master) if isinstance(record, KeysHandedOut) else object()


def stock_of(kmlink: KmLink) -> StockKept:
    """Return a link that has been restored as a record, which takes its key over."""
    out, incoming, ingest = kmlink.out, kmlink.incoming, kmlink.ingest
    out.resume(kmlink.lease.marked.offset, kmlink.lease.marked.used)
    incoming.resume(kmlink.marked_incoming.floor, kmlink.marked_incoming.used)
    return StockKept(
        kmlink.link,
        ingest.placed,
        ingest.decided,
        ingest.is_anew,
        _direction(out.next, out.skipped, out.books, out.hand_over()),
        _direction(incoming.floor, incoming.skipped, incoming.books, incoming.hand_over()),
    )


def take_up_stock(kmlink: KmLink, kept: StockKept) -> None:
    """Take a link up as it stood."""
    out, incoming, ingest = kmlink.out, kmlink.incoming, kmlink.ingest
    out.next = out.end = kept.out.start
    incoming.floor = incoming.end = kept.incoming.start
    for direction, side in ((out, kept.out), (incoming, kept.incoming)):
        _take_up(direction, side)
    ingest.placed, ingest.decided, ingest.is_anew = kept.placed, kept.decided, kept.is_anew
    if isinstance(ingest, SecondIngest):
        ingest.newest = kept.decided


def take_up_books(books: KeyBooks, kept: BooksKept) -> None:
    """Take the books up as they stood."""
    books.made, books.taken, books.delivered = kept.made, kept.taken, kept.delivered
    books.voided, books.expired, books.released = kept.voided, kept.expired, kept.released


def _direction(start: int, skipped: int, books: Books, material: KeyMaterial) -> DirectionKept:
    return DirectionKept(start, skipped, books.ingested, books.discarded, books.digest, material)


def _take_up(direction: Outgoing | Incoming, kept: DirectionKept) -> None:
    direction.skipped = kept.skipped
    direction.place(kept.start, kept.material)
    books = direction.books
    books.ingested, books.discarded, books.digest = kept.ingested, kept.discarded, kept.digest
