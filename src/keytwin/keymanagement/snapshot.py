"""The records of a key manager in short: few that restore what many did (invariant O1).

A fresh key manager takes the records up, by the same code as after a restart, and says what it has. So nothing here
knows what a record means, except for what a restart throws away as well: the keys of sessions that are over.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from itertools import chain

from keytwin.keymanagement.blocks import BlockDecided, BlockHeld
from keytwin.keymanagement.forwarding import MOST_TOMBSTONES, HopKept
from keytwin.keymanagement.kept import BooksKept, stock_of, together
from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pool import Batch, KeysKept, Pool
from keytwin.keymanagement.selfpair import SelfPairKept
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.machine import Record


def shorten(km: KeyManager, records: Iterable[Record]) -> Iterator[Record]:
    """Give what restores the same; `km` is fresh, and of no use afterwards. The keys are handed on, or wiped.

    One record after the other: a link's key is in memory twice until its record has been written and wiped.
    """
    pools = defaultdict[Ksid, Pool](Pool)
    held = _take_up(km, records, pools)
    _release(km, pools)
    yield _books(km, pools)
    yield from _links(km, held)
    yield from _sessions(km)
    yield from _keys(km, pools)


def _take_up(km: KeyManager, records: Iterable[Record], pools: defaultdict[Ksid, Pool]) -> dict[LinkId, BlockHeld]:
    """Take up all but the blocks that wait for a decision: these stay records, by their link."""
    held: dict[LinkId, BlockHeld] = {}
    for record in together(records):
        if isinstance(record, BlockHeld) and not record.is_placed:
            held[record.link] = record
            continue
        if isinstance(record, BlockDecided) and record.link in held:
            km.take_up(held.pop(record.link), pools)
        km.take_up(record, pools)
    return held


def _release(km: KeyManager, pools: dict[Ksid, Pool]) -> None:
    """Wipe the keys of sessions that are over, as a restart does."""
    kept = km.forwarding.hops.keys() | km.selfpairs.booths.keys()
    released = sum(pool.wipe() for ksid, pool in pools.items() if ksid not in kept)
    released += sum(km.shelf.release(ksid) for ksid in list(km.shelf.by_session) if ksid not in kept)
    km.books.released += released


def _books(km: KeyManager, pools: dict[Ksid, Pool]) -> Record:
    """Return the books without the keys that are here: these are counted when they are taken up."""
    books = km.books
    ready = sum(pool.ready for pool in pools.values())
    on_shelf = sum(len(batch.keys) for batch in km.shelf.batches.values())
    return BooksKept(
        made=books.made - ready,
        taken=books.taken - on_shelf,
        delivered=books.delivered,
        voided=books.voided,
        expired=books.expired,
        released=books.released,
        gone=tuple(km.carriage.gone),
        tombstones=dict(list(km.forwarding.tombstones.items())[-MOST_TOMBSTONES:]),
    )


def _links(km: KeyManager, held: dict[LinkId, BlockHeld]) -> Iterator[Record]:
    for link, kmlink in km.links.kmlinks.items():
        yield stock_of(kmlink)
        yield from (kmlink.lease.marked, kmlink.marked_incoming, kmlink.grants.kept)
        if link in held:
            yield held[link]


def _sessions(km: KeyManager) -> Iterator[Record]:
    hops, tombstones = km.forwarding.hops, km.forwarding.tombstones
    yield from (HopKept(hop.configuration) for hop in hops.values())
    yield from (kept for ksid, kept in km.sessions.kept.items() if ksid in hops or ksid not in tombstones)
    yield from (kept for ksid, kept in km.workshop.fallen.items() if ksid in hops and kept.is_on)
    yield from (SelfPairKept(ksid, each.opened) for ksid, each in km.selfpairs.booths.items() if each.is_restored)


def _keys(km: KeyManager, pools: dict[Ksid, Pool]) -> Iterator[Record]:
    yield from (_batch(batch, is_master=True) for batch in chain(*(pool.batches for pool in pools.values())))
    yield from (_batch(batch, is_master=False) for batch in km.shelf.batches.values())


def _batch(batch: Batch, *, is_master: bool) -> KeysKept:
    return KeysKept(
        ksid=batch.ksid,
        batch_id=batch.batch_id,
        is_master=is_master,
        sae=batch.sae,
        key_ids=tuple(batch.keys),
        materials=tuple(batch.keys.values()),
        provenance=batch.provenance,
        until=batch.until,
    )
