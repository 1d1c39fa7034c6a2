"""Batches of keys in a journal: read with one room for all, or passed from one row to another without a look at them.

A batch is by far the most frequent record with key in it, and holds many: what is done for each key, and not for all of
them together, is what a start or a snapshot takes its time for.
"""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.keymanagement.pool import KeysKept
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import KeyId, Ksid, SaeId
from keytwin.vocabulary.key import KeyMaterial, Provenance, copied
from keytwin.vocabulary.units import Instant

GROWTH: Final = 64  # octets, more than what is left of a batch takes beyond what the whole took


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

    __slots__ = ("octets", "read")

    def __init__(self, octets: bytes | memoryview, read: KeysRead) -> None:
        super().__init__(bytearray())
        self.wipe()
        self.octets = octets
        self.read = read


def read_in(octets: bytes | memoryview, read: KeysRead) -> KeysKept:
    """Take a batch in, whose keys live and go together, into one room: a room for each costs ten times as much."""
    del octets
    views = read.materials
    sizes = set(map(len, views))
    if len(sizes) == 1 and 0 not in sizes:
        return _kept(read, tuple(KeyMaterial(bytearray().join(views)).split(*sizes)))
    return _kept(read, tuple(map(copied, views)))


def read_without(octets: bytes | memoryview, read: KeysRead) -> KeysKept:
    """Take a batch in without its keys, for `write_again`."""
    return _kept(read, (InPlace(octets, read),) * len(read.materials))


def write_again(kept: KeysKept) -> bytearray | None:
    """Write what is left of a batch that `read_without` has read, in one buffer; None = it comes from elsewhere."""
    handle = kept.materials[0] if kept.materials else None
    if not isinstance(handle, InPlace):
        return None
    read = handle.read
    views = read.materials
    if kept.key_ids != read.key_ids:
        named = dict(zip(read.key_ids, views, strict=True))
        views = tuple(named[key_id] for key_id in kept.key_ids)
    again = KeysRead(
        ksid=kept.ksid,
        batch_id=kept.batch_id,
        is_master=kept.is_master,
        sae=kept.sae,
        key_ids=kept.key_ids,
        materials=views,
        provenance=kept.provenance,
        until=kept.until,
    )
    if again == read:
        return bytearray(handle.octets)
    octets = bytearray(len(handle.octets) + GROWTH)
    _ENCODER.encode_into(again, octets)
    return octets


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


_ENCODER: Final = msgspec.msgpack.Encoder()
