"""One-time pad and one-time tag of a relay message, and their lengths. Paper B, Fig. 3b; RFC 8439, 2.5.

The first 32 octets of a message's range key its tag, the rest is the pad. The tag covers every field of the message and
its ciphertext, so a retry must repeat it octet for octet: a second message under the same range would tell its key.
"""

from __future__ import annotations

from typing import Final

import msgspec
import numpy as np

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag, verify
from keytwin.vocabulary.exchange_messages import AssignKeys, RelayKeys
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, octets

MOST_KEYS: Final = 64  # in one message: more would hardly make the share of its tag key smaller
MOST_OCTETS: Final = 65_536  # of keys in one message, for which the tag's odds of forgery are stated
_encoder: Final = msgspec.msgpack.Encoder()


def relay_octets(number: int, key_size: Bits) -> int:
    """Return how many octets of a direction it takes to relay so many keys: tag key and pad."""
    return KEY_OCTETS + number * octets(key_size)


def keys_together(key_size: Bits) -> int:
    """Return how many keys of this size travel in one message at most."""
    return max(1, min(MOST_KEYS, MOST_OCTETS // octets(key_size)))


def seal(unsealed: RelayKeys, plain: bytearray, key: bytearray) -> RelayKeys:
    """Return the message with ciphertext and tag; `key` is the range of the direction, wiped here."""
    view = memoryview(key)
    ciphertext = bytes(_xor(plain, view[KEY_OCTETS:]))
    seal_tag = tag(view[:KEY_OCTETS], _covered(unsealed), ciphertext)
    key[:] = bytes(len(key))
    return msgspec.structs.replace(unsealed, ciphertext=ciphertext, tag=seal_tag)


def unseal(sealed: RelayKeys, key: bytearray) -> bytearray | None:
    """Return the plain keys, None when the tag is wrong; `key` is the range of the direction, wiped here."""
    view = memoryview(key)
    is_right = verify(view[:KEY_OCTETS], sealed.tag, _covered(sealed), sealed.ciphertext)
    plain = _xor(sealed.ciphertext, view[KEY_OCTETS:]) if is_right else None
    key[:] = bytes(len(key))
    return plain


def are_named(message: RelayKeys | AssignKeys) -> bool:
    """Whether a message names from one to `MOST_KEYS` different keys of whole octets."""
    number = len(message.key_ids)
    whole = message.key_size > 0 and message.key_size % BITS_PER_BYTE == 0
    return whole and 0 < number <= MOST_KEYS and len(set(message.key_ids)) == number


def probe_tag(key: bytearray, probe: ProbeLink | ProbeAnswered) -> bytes:
    """Return the tag of an active link test, which covers all its other fields; `key` is wiped here."""
    made = tag(key, _probe_covered(probe))
    key[:] = bytes(len(key))
    return made


def probe_is_right(key: bytearray, probe: ProbeLink | ProbeAnswered) -> bool:
    """Whether the tag of an active link test is right; `key` is wiped here."""
    is_right = verify(key, probe.tag, _probe_covered(probe))
    key[:] = bytes(len(key))
    return is_right


def keys_of(plain: bytearray, key_size: Bits, key_ids: tuple[KeyId, ...]) -> dict[KeyId, KeyMaterial]:
    """Cut the plain octets into the named keys; they share the buffer, and each wipes its own part."""
    return dict(zip(key_ids, KeyMaterial(plain).split(octets(key_size)), strict=True))


def _covered(message: RelayKeys) -> bytes:
    # Field by field: encoding the message itself would copy the ciphertext once more.
    return _encoder.encode(
        (
            message.sender,
            message.link,
            message.link_epoch,
            message.offset,
            message.floor,
            message.ksid,
            message.epoch,
            message.onward,
            message.batch_id,
            message.key_size,
            message.key_ids,
            message.hops_left,
            message.remaining,
            message.is_copy,
        )
    )


def _probe_covered(probe: ProbeLink | ProbeAnswered) -> bytes:
    # The class name is part of it: a question is never taken for an answer.
    return _encoder.encode(msgspec.structs.replace(probe, tag=b""))


def _xor(left: bytes | bytearray, right: memoryview) -> bytearray:
    """Return the octets of both combined, in a buffer that can be wiped: no other copy is left behind."""
    combined = bytearray(len(left))
    np.bitwise_xor(np.frombuffer(left, np.uint8), np.frombuffer(right, np.uint8), out=np.frombuffer(combined, np.uint8))
    return combined
