"""What leaves the network as octets: the digest by which an emulated SAE remembers a key, and key in base64.

Base64 (RFC 4648 clause 4) is written straight into bytearrays, which are overwritten once they have been used: `str`
and `bytes` cannot be, and would leave copies of the key in memory.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from hashlib import blake2b
from typing import Final

import msgspec

from keytwin.vocabulary.key import Key, KeyMaterial, Provenance, exposed_together

DIGEST_OCTETS: Final = 16  # two of a million keys collide with a probability below 1e-26
SALT_OCTETS: Final = 32

_ENCODER: Final = msgspec.json.Encoder()
_FRAME: Final = 45  # octets of names and marks around an entry's values (42), or around all entries


def fingerprint(material: KeyMaterial, salt: bytes) -> bytes:
    """Return a digest that tells whether two keys are equal, and nothing else to whoever lacks the salt."""
    with material.exposed() as octets:
        return blake2b(octets, digest_size=DIGEST_OCTETS, key=salt).digest()


def quoted_base64(material: KeyMaterial) -> bytearray:
    """Return the key as a JSON string of padded base64; the caller overwrites it, or hands it to `join_and_wipe`."""
    with material.exposed() as octets:
        # Made in its full size: a buffer that grows leaves its content where it was before.
        text = bytearray(-(-len(octets) // 3) * 4 + 2)
        _ENCODER.encode_into(octets, text)
    return text


def plain_octets(material: KeyMaterial) -> bytearray:
    """Return the key as it is; the caller overwrites it, or hands it to `join_and_wipe`."""
    with material.exposed() as octets:
        return bytearray(octets)


class Named(msgspec.Struct, rename={"key_id": "key_ID"}, gc=False):
    """One entry of a key container as it is written: the key's own octets, and its extension as JSON already."""

    key_id: str
    key: memoryview
    key_extension: msgspec.Raw


def key_container(keys: Sequence[Key], extension: Callable[[Provenance], msgspec.Raw]) -> bytearray:
    """Return a key container of ETSI GS QKD 014 V1.1.1 (6.3), written by one call into one buffer of its full size."""
    with exposed_together([key.material for key in keys]) as views:
        entries = []
        size = _FRAME
        for key, octets in zip(keys, views, strict=True):
            told = extension(key.provenance)
            entries.append(Named(key.key_id, octets, told))
            size += _FRAME + len(key.key_id) + -(-len(octets) // 3) * 4 + len(memoryview(told))
        text = bytearray(size)  # what is too much is cut off where it stands: nothing moves, and no copy is left behind
        _ENCODER.encode_into({"keys": entries}, text)
    return text


def join_and_wipe(pieces: Sequence[bytes | bytearray]) -> bytearray:
    """Return the pieces in one buffer made in its full size, and overwrite those that can be."""
    whole = bytearray().join(pieces)
    for piece in pieces:
        if isinstance(piece, bytearray):
            piece[:] = bytes(len(piece))
    return whole


def quoted_hex(material: KeyMaterial) -> bytearray:
    """Return the key as a JSON string of lower-case hexadecimal; the caller overwrites it, or `join_and_wipe` does."""
    with material.exposed() as octets:
        # `hex` would make a string that nobody can overwrite.
        copy = bytearray(octets)
    high, low = copy.translate(_HIGH_DIGIT), copy.translate(_LOW_DIGIT)
    text = bytearray(2 * len(copy) + 2)
    text[0] = text[-1] = ord('"')
    text[1:-1:2], text[2::2] = high, low
    for each in (copy, high, low):
        each[:] = bytes(len(each))
    return text


_DIGITS: Final = b"0123456789abcdef"
_HIGH_DIGIT: Final = bytes(_DIGITS[octet >> 4] for octet in range(256))
_LOW_DIGIT: Final = bytes(_DIGITS[octet & 15] for octet in range(256))
