"""Records as octets: msgpack maps whose first entry, "type", is the class name. Key material is written out here.

What a journal holds of key is what its element needs after a restart; it never leaves the element's own disk. A record
read back owns fresh handles, so wiping one never reaches what is stored, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache, reduce
from operator import or_
from typing import Final, TypeVar

import msgspec

from keytwin.keymanagement.pool import KeysKept
from keytwin.runtime.bus import may_hold_key
from keytwin.runtime.journal_keys import KeysRead, read_in, read_without, to_write_again
from keytwin.runtime.kinds import kind_named, ours_below
from keytwin.runtime.libc import overwrite
from keytwin.vocabulary.key import KeyMaterial, copied, exposed_together
from keytwin.vocabulary.machine import Record

_FRAME: Final = 4_096  # octets: more than a record takes beside its keys and their names
_MARKS: Final = 10  # octets, the most that are written before a name and its key

Octets = bytes | bytearray | memoryview
StructType = TypeVar("StructType", bound=msgspec.Struct)


def encode(value: msgspec.Struct) -> bytes:
    """Write a record or message, key material included; WipedKey when some of it is gone already."""
    if not may_hold_key(type(value)):
        return _ENCODER.encode(value)
    with exposed_together(materials := _materials(value)) as views:
        encoder, shown = _shown(value, materials, views)
        return encoder.encode(shown)


def encode_to_overwrite(value: Record) -> bytes | bytearray:
    """Write a record; what may hold key is in one buffer of its full size, for the caller to overwrite.

    One that grows would leave copies of key behind.
    """
    if not may_hold_key(type(value)):
        return _ENCODER.encode(value)
    with exposed_together(materials := _materials(value)) as views:
        encoder, shown = _shown(value, materials, views)
        return _in_one_buffer(encoder, shown, value.key_ids if isinstance(value, KeysKept) else (), views)


def encode_and_wipe(value: Record) -> bytes | bytearray:
    """Write a record as `encode_to_overwrite` does, and wipe the key material in it."""
    again = to_write_again(value) if isinstance(value, KeysKept) else None
    if again is not None:
        return _in_one_buffer(_ENCODER, again, again.key_ids, again.materials)
    octets = encode_to_overwrite(value)
    for material in _materials(value):
        material.wipe()
    return octets


def fresh_copy(value: StructType) -> StructType:
    """Return what the other end of a wire would read: equal in content, with key material of its own."""
    copy: StructType = _decoder(type(value)).decode(encode(value))
    return copy


def record_types() -> list[type[Record]]:
    """Return keytwin's kinds of record that are known by now, sorted by name; those of a plug-in are added by hand."""
    return sorted(ours_below(Record), key=lambda kind: kind.__name__)


class RecordCodec:
    """Writes records, and reads those of the kinds it knows; it gets to know a kind when it writes one."""

    def __init__(self, kinds: Iterable[type[Record]] = ()) -> None:
        self._kinds: dict[str, type[Record]] = {}
        self._decoder: msgspec.msgpack.Decoder[Record | KeysRead] | None = None  # of all kinds, until one is learnt
        for kind in kinds:
            self._learn(kind)

    def encode(self, record: Record) -> bytes:
        """Write one record."""
        self._learn(type(record))
        return encode(record)

    def encode_to_overwrite(self, record: Record) -> bytes | bytearray:
        """Write one record, for the caller to overwrite what is a bytearray."""
        self._learn(type(record))
        return encode_to_overwrite(record)

    def decode(self, octets: bytes) -> Record:
        """Read one record; msgspec.DecodeError when it is not one, or of a kind that is not known here."""
        [record] = self.decode_each([octets])
        return record

    def decode_each(self, batch: Sequence[Octets]) -> list[Record]:
        """Read records; the same errors."""
        return self._decoded(batch, read_in)

    def decode_each_to_copy(self, batch: Sequence[Octets], kept: list[bytearray]) -> list[Record]:
        """Read records that are to be written again, by `encode_and_wipe`; the same errors.

        Of a batch of keys the keys stay in a copy of what was read, which goes to `kept`, for the caller to overwrite
        when all have been written again. Who has the batch can drop some of its keys, and not look at any.
        """
        own = list(map(bytearray, batch))
        records = self._decoded(own, read_without)
        for octets, record in zip(own, records, strict=True):
            if isinstance(record, KeysKept):
                kept.append(octets)
            else:
                octets[:] = bytes(len(octets))
        return records

    def _decoded(self, batch: Sequence[Octets], keys: Callable[[KeysRead], KeysKept]) -> list[Record]:
        decoder = self._decoder
        if decoder is None:
            decoder = self._decoder = _decoder_of_any(self._kinds.values())
        decode = decoder.decode
        octets: Octets = b""
        records = []
        try:
            for octets in batch:
                record = decode(octets)
                records.append(keys(record) if isinstance(record, KeysRead) else record)
        except msgspec.ValidationError:
            self._check_kind(octets)
            raise
        except UnicodeDecodeError:
            raise _no_text() from None
        return records

    def _check_kind(self, octets: Octets) -> None:
        try:
            name = kind_named(octets)
        except UnicodeDecodeError:
            raise _no_text() from None
        if name not in self._kinds:
            raise msgspec.ValidationError(f"no record is called {name!r}") from None

    def _learn(self, kind: type[Record]) -> None:
        known = self._kinds.get(kind.__name__)
        if known is None:
            known = self._kinds[kind.__name__] = kind
            self._decoder = None
        assert known is kind, f"two kinds of record are called {kind.__name__}: {known.__module__}, {kind.__module__}"


class _Unknown(msgspec.Struct, tag=""):
    """What no record is: a second kind beside a single one, of which the tag could be left out otherwise."""

    nothing: None


def _no_text() -> msgspec.DecodeError:
    """Return msgspec's own kind of error: what Python says of bad text holds the octets themselves."""
    return msgspec.DecodeError("holds text that is no UTF-8")


def _materials(value: object) -> Sequence[KeyMaterial]:
    """Return all key material in a record or message, however deep inside."""
    if isinstance(value, KeysKept):  # by far the most frequent, and known to have it in one place
        return value.materials
    found: list[KeyMaterial] = []
    _gather(value, found)
    return found


def _gather(value: object, found: list[KeyMaterial]) -> None:
    if isinstance(value, KeyMaterial):
        found.append(value)
    elif isinstance(value, tuple):
        for each in value:
            _gather(each, found)
    else:
        kind: type = type(value)
        for name in _parts(kind):
            _gather(getattr(value, name), found)


@cache
def _parts(kind: type) -> tuple[str, ...]:
    """Name the fields of a struct that may hold key: to ask whether it is one takes msgspec long."""
    return kind.__struct_fields__ if issubclass(kind, msgspec.Struct) and may_hold_key(kind) else ()


def _shown(
    value: StructType, materials: Sequence[KeyMaterial], views: list[memoryview]
) -> tuple[msgspec.msgpack.Encoder, StructType]:
    """Return what writes these views in place of their handles, and what it is to write."""
    if isinstance(value, KeysKept):  # a call for each of its many keys would take as long as all else
        return _ENCODER, msgspec.structs.replace(value, materials=views)
    view_of = dict(zip(materials, views, strict=True))

    def written_out(part: object) -> memoryview:
        if not isinstance(part, KeyMaterial) or part not in view_of:
            raise NotImplementedError(f"{type(part).__name__} has no form here in a journal")
        return view_of[part]

    return msgspec.msgpack.Encoder(enc_hook=written_out), value


def _in_one_buffer(
    encoder: msgspec.msgpack.Encoder, value: msgspec.Struct, names: Iterable[str], views: Sequence[memoryview]
) -> bytearray:
    """Write a value that holds these names and keys."""
    octets = bytearray(_FRAME + sum(map(len, names)) + sum(map(len, views)) + _MARKS * len(views))
    encoder.encode_into(value, octets)
    return octets


def _read_in(kind: type, value: object) -> object:
    if kind is KeyMaterial:
        if not isinstance(value, bytes):
            raise TypeError("key material is written as octets")  # msgspec makes a ValidationError of it
        material = copied(value)
        overwrite(value)  # the decoder's own copy, which nobody else has
        return material
    raise NotImplementedError(f"{kind.__name__} has no form in a journal")


@cache
def _decoder(kind: type[StructType]) -> msgspec.msgpack.Decoder[StructType]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_read_in)


def _decoder_of_any(kinds: Iterable[type[Record]]) -> msgspec.msgpack.Decoder[Record | KeysRead]:
    """Return what reads records of all these kinds, in one go: it finds by itself of which kind one is."""
    forms = (KeysRead if kind is KeysKept else kind for kind in kinds)
    return msgspec.msgpack.Decoder(reduce(or_, (_Unknown, *forms)), dec_hook=_read_in)


_ENCODER = msgspec.msgpack.Encoder()
