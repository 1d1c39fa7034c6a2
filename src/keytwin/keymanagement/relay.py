"""One-time pad and one-time tag of a relay message, and their lengths. Paper B, Fig. 3b; facts: reliability 5.2.

The first 32 octets of a message's range key its tag, the rest is the pad. The tag covers every field that a retry
repeats, and the ciphertext; `floor`, `hops_left` and `remaining` change on the way and decide nothing about the keys.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag, verify
from keytwin.vocabulary.exchange_messages import AssignKeys, RelayKeys
from keytwin.vocabulary.identity import KeyId, LinkId, NodeId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, octets

MOST_KEYS: Final = 64  # keys in one relay message: what an EndConfiguration's batch may ask for at most
_header: Final = msgspec.msgpack.Encoder()


def relay_octets(number: int, key_size: Bits) -> int:
    """Return how many octets of a direction it takes to relay so many keys: tag key and pad."""
    return KEY_OCTETS + number * octets(key_size)


def seal(unsealed: RelayKeys, plain: bytes | bytearray | memoryview, key: bytearray) -> RelayKeys:
    """Return the message with ciphertext and tag; `key` is the range of the direction, wiped here."""
    ciphertext = _xor(plain, memoryview(key)[KEY_OCTETS:])
    seal_tag = tag(key[:KEY_OCTETS], _covered(unsealed), ciphertext)
    key[:] = bytes(len(key))
    return msgspec.structs.replace(unsealed, ciphertext=ciphertext, tag=seal_tag)


def unseal(sealed: RelayKeys, key: bytearray) -> bytearray | None:
    """Return the plain keys, None when the tag is wrong; `key` is the range of the direction, wiped here."""
    is_right = verify(key[:KEY_OCTETS], sealed.tag, _covered(sealed), sealed.ciphertext)
    plain = bytearray(_xor(sealed.ciphertext, memoryview(key)[KEY_OCTETS:])) if is_right else None
    key[:] = bytes(len(key))
    return plain


def are_named(message: RelayKeys | AssignKeys) -> bool:
    """Whether a message names from one to `MOST_KEYS` different keys of whole octets."""
    number = len(message.key_ids)
    whole = message.key_size > 0 and message.key_size % BITS_PER_BYTE == 0
    return whole and 0 < number <= MOST_KEYS and len(set(message.key_ids)) == number


def probe_tag(key: bytes, link: LinkId, sender: NodeId, sequence: int) -> bytes:
    """Return the tag of an active link test."""
    return tag(key, f"probe {link} {sender} {sequence}".encode())


def probe_is_right(key: bytes, given: bytes, link: LinkId, sender: NodeId, sequence: int) -> bool:
    """Whether the tag of an active link test is right."""
    return verify(key, given, f"probe {link} {sender} {sequence}".encode())


def keys_of(plain: bytearray, key_size: Bits, key_ids: tuple[KeyId, ...]) -> list[tuple[KeyId, KeyMaterial]]:
    """Cut the plain octets into the named keys; they share the buffer, and each wipes its own part."""
    return list(zip(key_ids, KeyMaterial(plain).split(octets(key_size)), strict=True))


def _covered(message: RelayKeys) -> bytes:
    return _header.encode(
        (
            message.sender,
            message.link,
            message.link_epoch,
            message.offset,
            message.ksid,
            message.epoch,
            message.onward,
            message.batch_id,
            message.key_size,
            message.key_ids,
        )
    )


def _xor(left: bytes | bytearray | memoryview, right: memoryview) -> bytes:
    return np.bitwise_xor(np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8)).tobytes()
