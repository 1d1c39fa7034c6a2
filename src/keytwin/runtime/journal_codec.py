"""Records as octets: msgpack maps whose first entry, "type", is the class name. Key material is written out here.

What a journal holds of key is what its element needs after a restart; it never leaves the element's own disk. A record
read back owns fresh handles, so wiping one never reaches what is stored, nor the other way round.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import cache, reduce
from operator import or_
from typing import TypeVar

import msgspec

from keytwin.keymanagement.pool import KeysKept
from keytwin.runtime.journal_keys import KeysRead, read_in, read_without, write_again
from keytwin.runtime.kinds import kind_named, ours_below
from keytwin.vocabulary.key import KeyMaterial, copied, exposed_together
from keytwin.vocabulary.machine import Record

StructType = TypeVar("StructType", bound=msgspec.Struct)


def encode(value: msgspec.Struct) -> bytes:
    """Write a record or message, key material included; WipedKey when some of it is gone already."""
    if type(value) is not KeysKept:
        return _ENCODER.encode(value)
    # Many keys: a view of each, all released at once, in a fifth of the time.
    with exposed_together(value.materials) as views:
        return _ENCODER.encode(msgspec.structs.replace(value, materials=views))


def encode_and_wipe(value: msgspec.Struct) -> bytes:
    """Write a record, and wipe the key material in it."""
    octets = write_again(value) if isinstance(value, KeysKept) else None
    return _WIPING_ENCODER.encode(value) if octets is None else octets


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
        self._known: set[type[Record]] = set()
        self._decoder: msgspec.msgpack.Decoder[Record | KeysRead] | None = None  # of all kinds, until one is learnt
        for kind in kinds:
            self._learn(kind)

    def encode(self, record: Record) -> bytes:
        """Write one record."""
        kind = type(record)
        if kind not in self._known:  # the usual case costs one look into a set
            self._learn(kind)
        return _ENCODER.encode(record) if kind is not KeysKept else encode(record)

    def decode(self, octets: bytes) -> Record:
        """Read one record; msgspec.DecodeError when it is not one, or of a kind that is not known here."""
        [record] = self.decode_each([octets])
        return record

    def decode_each(self, batch: list[bytes]) -> list[Record]:
        """Read records; the same errors."""
        return self._decoded(batch, read_in)

    def decode_each_to_copy(self, batch: list[bytes]) -> list[Record]:
        """Read records that are to be written again, by `encode_and_wipe`; the same errors.

        Of a batch of keys the keys stay where they are. Who has it can drop some, and not look at any.
        """
        return self._decoded(batch, read_without)

    def _decoded(self, batch: list[bytes], keys: Callable[[bytes, KeysRead], KeysKept]) -> list[Record]:
        decoder = self._decoder
        if decoder is None:
            decoder = self._decoder = _decoder_of_any(self._kinds.values())
        decode, octets = decoder.decode, b""
        records = []
        try:
            for octets in batch:
                record = decode(octets)
                records.append(keys(octets, record) if isinstance(record, KeysRead) else record)
        except msgspec.ValidationError:
            self._check_kind(octets)
            raise
        except UnicodeDecodeError:
            raise _no_text() from None
        return records

    def _check_kind(self, octets: bytes) -> None:
        try:
            name = kind_named(octets)
        except UnicodeDecodeError:
            raise _no_text() from None
        if name not in self._kinds:
            raise msgspec.ValidationError(f"no record is called {name!r}") from None

    def _learn(self, kind: type[Record]) -> None:
        known = self._kinds.setdefault(kind.__name__, kind)
        self._known.add(kind)
        self._decoder = None
        assert known is kind, f"two kinds of record are called {kind.__name__}: {known.__module__}, {kind.__module__}"


class _Unknown(msgspec.Struct, tag=""):
    """What no record is: a second kind beside a single one, of which the tag could be left out otherwise."""

    nothing: None


def _no_text() -> msgspec.DecodeError:
    """Return msgspec's own kind of error: what Python says of bad text holds the octets themselves."""
    return msgspec.DecodeError("holds text that is no UTF-8")


def _write_out(value: object) -> bytes:
    if isinstance(value, KeyMaterial):
        with value.exposed() as octets:
            return bytes(octets)
    raise NotImplementedError(f"{type(value).__name__} has no form in a journal")


def _write_out_and_wipe(value: object) -> bytes:
    octets = _write_out(value)
    if isinstance(value, KeyMaterial):
        value.wipe()
    return octets


def _read_in(kind: type, value: object) -> object:
    if kind is KeyMaterial:
        if not isinstance(value, bytes):
            raise TypeError("key material is written as octets")  # msgspec makes a ValidationError of it
        return copied(value)
    raise NotImplementedError(f"{kind.__name__} has no form in a journal")


@cache
def _decoder(kind: type[StructType]) -> msgspec.msgpack.Decoder[StructType]:
    return msgspec.msgpack.Decoder(kind, dec_hook=_read_in)


def _decoder_of_any(kinds: Iterable[type[Record]]) -> msgspec.msgpack.Decoder[Record | KeysRead]:
    """Return what reads records of all these kinds, in one go: it finds by itself of which kind one is."""
    forms = (KeysRead if kind is KeysKept else kind for kind in kinds)
    return msgspec.msgpack.Decoder(reduce(or_, (_Unknown, *forms)), dec_hook=_read_in)


_ENCODER = msgspec.msgpack.Encoder(enc_hook=_write_out)
_WIPING_ENCODER = msgspec.msgpack.Encoder(enc_hook=_write_out_and_wipe)
