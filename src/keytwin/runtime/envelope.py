"""Sealing at rest: rows under a data key, data keys under a key-encryption key (NIST SP 800-38D, AES-256-GCM).

Each row is bound to its store, its place in it, its element and its data key: moved, swapped or altered, it no longer
opens. What no seal can notice is that a whole store is put back to an earlier state.
"""

from __future__ import annotations

import os
import secrets
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand

from keytwin.runtime.private_files import mistake, private_folder, read_secret, sync_folder, write_whole
from keytwin.vocabulary.errors import KeytwinError

KEY: Final = 32  # octets: AES-256
TAG: Final = 16  # octets (NIST SP 800-38D, 5.2.1.2)
LARGE: Final = 64 * 1024  # octets
NONCE: Final = 12  # octets: 96 bits, drawn at random (NIST SP 800-38D, 8.2.2)
NAME: Final = 8  # octets: tells key-encryption keys apart, and is of no use in guessing one
MESSAGES_PER_DATA_KEY: Final = 2**32  # NIST SP 800-38D, 8.3: with random nonces of 96 bits, no more under one key
STORE: Final = 16  # octets of a store's identity


class SealBroken(KeytwinError):
    """What was sealed is not what is there, or not where it was: the disk, or whoever wrote to it."""


class KeyEncryptionKey(Protocol):
    """Wraps data keys: a file now, later a passphrase or a token."""

    @property
    def name(self) -> str:
        """The kind of key, a colon, and what tells it from others of the kind; stored in the clear."""
        ...

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Seal a data key, bound to `context`."""
        ...

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Open a data key; SealBroken when it was wrapped by another key, for another context, or altered since."""
        ...


class KeyFile:
    """A key-encryption key of 32 octets in a file that only its owner reads: as safe as that file, and no safer.

    `kind` names another place that such a key comes from.
    """

    def __init__(self, octets: bytes, kind: str = "file") -> None:
        assert len(octets) == KEY
        self.name = f"{kind}:{_derived(octets, b'keytwin name 1', NAME).hex()}"
        self._aead = AESGCM(_derived(octets, b"keytwin wrap 1", KEY))

    @classmethod
    def at(cls, path: Path) -> KeyFile:
        """Read the key at `path`, or make one there; FileMistake when it is none, or others may read it."""
        if not path.exists():
            _make_key_file(path)
        octets = read_secret(path)
        if len(octets) != KEY:
            raise mistake(path, f"holds {len(octets)} octets, not a key of {KEY}", "put back the file keytwin made")
        return cls(octets)

    def wrap(self, data_key: bytes, context: bytes) -> bytes:
        """Seal a data key, bound to `context`."""
        return _sealed(self._aead, data_key, context)

    def unwrap(self, wrapped: bytes, context: bytes) -> bytes:
        """Open a data key; SealBroken when it was wrapped by another key, for another context, or altered since."""
        return _opened(self._aead, wrapped, context)


class WrappedKey(NamedTuple):
    """A data key as a store keeps it. `first` is the row from which on it seals: none before it may name it."""

    number: int
    first: int
    wrapped_by: str
    octets: bytes


Sealed = bytes | bytearray


class DataKey:
    """Seals and opens the rows of one store until its messages are spent."""

    __slots__ = ("_aead", "_prefix", "first", "left", "number")

    def __init__(self, store: bytes, place: WrappedKey, octets: bytes, left: int) -> None:
        self.number = place.number
        self.first = place.first
        self.left = left
        self._aead = AESGCM(octets)
        self._prefix = b"keytwin row 1" + store + _counted(place.number)

    def seal(self, row: int, element: bytes, octets: bytes | bytearray) -> Sealed:
        """Return nonce, ciphertext and tag, bound to store, data key, row and element; counts as one message."""
        assert self.left > 0, "a data key is spent: draw a fresh one first"
        self.left -= 1
        context = self._prefix + _counted(row) + element
        if len(octets) < LARGE:
            return _sealed(self._aead, octets, context)
        # Where it will stand: to put so much together takes three times as long.
        sealed = bytearray(NONCE + len(octets) + TAG)
        sealed[:NONCE] = nonce = os.urandom(NONCE)
        with memoryview(sealed) as whole, whole[NONCE:] as rest:
            self._aead.encrypt_into(nonce, octets, context, rest)
        return sealed

    def open(self, row: int, element: bytes, sealed: Sealed) -> bytearray:
        """Return what was sealed, to be overwritten; SealBroken when a bit of it, or its place, is another."""
        octets = bytearray(max(0, len(sealed) - NONCE - TAG))
        try:
            self._aead.decrypt_into(
                sealed[:NONCE], memoryview(sealed)[NONCE:], self._prefix + _counted(row) + element, octets
            )
        except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce and a tag
            raise SealBroken("the seal is broken") from error
        return octets


class Envelope:
    """Makes and reads the data keys of stores under one key-encryption key."""

    def __init__(self, key: KeyEncryptionKey, messages_per_key: int = MESSAGES_PER_DATA_KEY) -> None:
        assert 0 < messages_per_key <= MESSAGES_PER_DATA_KEY
        self._key = key
        self._messages_per_key = messages_per_key

    @property
    def name(self) -> str:
        """The name of the key-encryption key."""
        return self._key.name

    def fresh(self, store: bytes, number: int, first: int) -> tuple[DataKey, WrappedKey]:
        """Draw data key `number` of a store, for the rows from `first` on."""
        assert len(store) == STORE
        octets = secrets.token_bytes(KEY)
        wrapped = self._key.wrap(octets, _key_context(store, number, first))
        place = WrappedKey(number, first, self._key.name, wrapped)
        return DataKey(store, place, octets, self._messages_per_key), place

    def read(self, store: bytes, wrapped: WrappedKey) -> DataKey:
        """Open a data key of an earlier opening, for reading only; SealBroken when it is not what was wrapped."""
        octets = self._key.unwrap(wrapped.octets, _key_context(store, wrapped.number, wrapped.first))
        return DataKey(store, wrapped, octets, left=0)

    def fresh_secret(self, context: bytes) -> bytes:
        """Draw 32 octets for another use, and return them wrapped, bound to `context`."""
        return self._key.wrap(secrets.token_bytes(KEY), context)

    def read_secret(self, wrapped: bytes, context: bytes) -> bytes:
        """Open what `fresh_secret` returned; SealBroken when it is not that."""
        return self._key.unwrap(wrapped, context)


def _make_key_file(path: Path) -> None:
    """Make a fresh key durable under its name; of two processes at once, both find the key of the first."""
    private_folder(path.parent)
    beside = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    write_whole(beside, secrets.token_bytes(KEY))
    try:
        with suppress(FileExistsError):  # a link, unlike a renaming, never replaces
            path.hardlink_to(beside)
    finally:
        beside.unlink()
    sync_folder(path.parent)


def _key_context(store: bytes, number: int, first: int) -> bytes:
    return b"keytwin data key 1" + store + _counted(number) + _counted(first)


def _counted(number: int) -> bytes:
    return number.to_bytes(8, "big")


def _derived(octets: bytes, use: bytes, length: int) -> bytes:
    return HKDFExpand(SHA256(), length, use).derive(octets)


def _sealed(aead: AESGCM, octets: bytes | bytearray, context: bytes) -> bytes:
    nonce = os.urandom(NONCE)
    return nonce + aead.encrypt(nonce, octets, context)


def _opened(aead: AESGCM, sealed: bytes, context: bytes) -> bytes:
    try:
        return aead.decrypt(sealed[:NONCE], sealed[NONCE:], context)
    except (InvalidTag, ValueError) as error:  # ValueError: too short to hold a nonce
        raise SealBroken("the seal is broken") from error
