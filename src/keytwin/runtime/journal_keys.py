"""Batches of keys in a journal: read with one room for all, or passed from one row to another without a look at them.

A batch is by far the most frequent record with key in it, and holds many: what is done for each key, and not for all of
them together, is what a start or a snapshot takes its time for.
"""

from __future__ import annotations

import msgspec

from keytwin.keymanagement.pool import KeysKept
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import KeyId, Ksid, SaeId
from keytwin.vocabulary.key import KeyMaterial, Provenance, copied
from keytwin.vocabulary.units import Instant


class KeysRead(msgspec.Struct, frozen=True, gc=False, tag="KeysKept"):
    """`KeysKept` as it is read and written: views of the keys where they stand."""

    ksid: Ksid
    batch_id: BatchId
    is_master: bool
    sae: SaeId
    key_ids: tuple[KeyId, ...]
    materials: tuple[memoryview, ...]
    provenance: Provenance
    until: Instant


class InPlace(KeyMaterial):
    """Stands for every key of a batch that is only where it was written: there is nothing to look at, nor to wipe."""

    __slots__ = ("read",)

    def __init__(self, read: KeysRead) -> None:
        super().__init__(bytearray())
        self.wipe()
        self.read = read


def read_in(read: KeysRead) -> KeysKept:
    """Take a batch in, whose keys live and go together, into one room: a room for each costs ten times as much."""
    views = read.materials
    sizes = set(map(len, views))
    if len(sizes) == 1 and 0 not in sizes:
        return _kept(read, tuple(KeyMaterial(bytearray().join(views)).split(*sizes)))
    return _kept(read, tuple(map(copied, views)))


def read_without(read: KeysRead) -> KeysKept:
    """Take a batch in without its keys, for `to_write_again`."""
    return _kept(read, (InPlace(read),) * len(read.materials))


def to_write_again(kept: KeysKept) -> KeysRead | None:
    """Return what is left of a batch that `read_without` has read; None = it comes from elsewhere."""
    handle = kept.materials[0] if kept.materials else None
    if not isinstance(handle, InPlace):
        return None
    read = handle.read
    views = read.materials
    if kept.key_ids != read.key_ids:
        named = dict(zip(read.key_ids, views, strict=True))
        views = tuple(named[key_id] for key_id in kept.key_ids)
    return KeysRead(
        ksid=kept.ksid,
        batch_id=kept.batch_id,
        is_master=kept.is_master,
        sae=kept.sae,
        key_ids=kept.key_ids,
        materials=views,
        provenance=kept.provenance,
        until=kept.until,
    )


def _kept(read: KeysRead, materials: tuple[KeyMaterial, ...]) -> KeysKept:
    return KeysKept(
        ksid=read.ksid,
        batch_id=read.batch_id,
        is_master=read.is_master,
        sae=read.sae,
        key_ids=read.key_ids,
        materials=materials,
        provenance=read.provenance,
        until=read.until,
    )
