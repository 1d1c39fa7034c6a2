"""One-time pad and one-time tag of a relay message, and their lengths. Paper B, Fig. 3b; RFC 8439, 2.5.

The first 32 octets of a message's range key its tag, the rest is the pad. The tag covers every field of the message and
its ciphertext, so a retry must repeat it octet for octet: a second message under the same range would tell its key.

Keys by a central point have a second tag, from end to end, since nobody trusts what the point says. Its key travels
from hop to hop under one-time pad: if it went by way of the point, too, who spoils the keys could spoil their tag's key
with them, and what is proven of one-time tags says nothing of that.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec
import numpy as np

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag, verify
from keytwin.vocabulary.exchange_messages import AssignKeys, NameKeys, RelayKeys
from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, octets

MOST_KEYS: Final = 64  # in one message: more would hardly make the share of its tag key smaller
MOST_OCTETS: Final = 65_536  # of keys in one message, for which the tag's odds of forgery are stated
_encoder: Final = msgspec.msgpack.Encoder()


def relay_octets(number: int, key_size: Bits, *, is_central: bool = False) -> int:
    """Return how many octets of a direction it takes to relay so many keys: tag keys and pad."""
    return tag_octets(is_central=is_central) + number * octets(key_size)


class Lengths(NamedTuple):
    """What a message takes of its direction, in octets, and how many of them key tags; and how many it must tell.

    It tells its keys, encrypted, or an announcement of each node passed; or the key of the tag from end to end.
    """

    taken: int
    tags: int
    told: int


def lengths_of(message: RelayKeys) -> Lengths:
    """Return the lengths that follow from a message's number of keys, their size, and how they travel."""
    keys, tags = len(message.key_ids) * octets(message.key_size), tag_octets(is_central=message.is_central)
    told = (MOST_HOPS - message.hops_left) * keys if message.is_announced else keys
    return Lengths(tags + keys, tags, KEY_OCTETS if message.is_central else told)


def tag_octets(*, is_central: bool) -> int:
    """Return how many of these are for tags."""
    return 2 * KEY_OCTETS if is_central else KEY_OCTETS


def keys_together(key_size: Bits, announced: int = 1) -> int:
    """Return how many keys of this size travel in one message at most; it may hold several announcements of each."""
    return max(1, min(MOST_KEYS, MOST_OCTETS // (octets(key_size) * announced)))


def begin(unsealed: RelayKeys, key: bytearray) -> tuple[RelayKeys, bytearray]:
    """Return the first message of announced keys, and these in plain: the first link's own; nothing is told of them."""
    view = memoryview(key)
    plain = bytearray(view[KEY_OCTETS:])
    sealed = msgspec.structs.replace(unsealed, tag=tag(view[:KEY_OCTETS], _covered(unsealed), b""))
    key[:] = bytes(len(key))
    return sealed, plain


def begin_central(unsealed: RelayKeys, key: bytearray) -> tuple[RelayKeys, bytearray]:
    """Return the first message of keys by a central point, and these in plain: the first link's own.

    So is the key of the tag over them: nothing need be drawn, and its ciphertext on this link is its XOR with itself.
    """
    view = memoryview(key)
    end_key, plain = view[KEY_OCTETS : 2 * KEY_OCTETS], bytearray(view[2 * KEY_OCTETS :])
    ours = msgspec.structs.replace(
        unsealed, ciphertext=bytes(KEY_OCTETS), end_tag=tag(end_key, _named(unsealed), plain)
    )
    sealed = msgspec.structs.replace(ours, tag=tag(view[:KEY_OCTETS], _covered(ours), ours.ciphertext))
    key[:] = bytes(len(key))
    return sealed, plain


def pass_on(unsealed: RelayKeys, plain: bytearray, key: bytearray) -> tuple[RelayKeys, bytes]:
    """Return a node's message to the next one, and what it announces to the central point, if anything."""
    if not unsealed.is_central:
        return seal(unsealed, plain, key), b""
    view = memoryview(key)
    both = bytes(_xor(plain, view[KEY_OCTETS:]))
    ciphertext, announced = both[:KEY_OCTETS], both[KEY_OCTETS:]
    seal_tag = tag(view[:KEY_OCTETS], _covered(unsealed), ciphertext)
    key[:] = bytes(len(key))
    return msgspec.structs.replace(unsealed, ciphertext=ciphertext, tag=seal_tag), announced


def conclude(message: RelayKeys, held: bytearray, total: bytes) -> bytearray | None:
    """Return the keys that the sum of all announcements leads to, None when their tag is wrong.

    `held` is what `unseal` has made of the message, the key of that tag and the last link's key; it is wiped here.
    """
    plain = None
    if len(total) == len(held) - KEY_OCTETS:
        plain = _xor(total, memoryview(held)[KEY_OCTETS:])
        if not verify(memoryview(held)[:KEY_OCTETS], message.end_tag, _named(message), plain):
            plain[:] = bytes(len(plain))
            plain = None
    held[:] = bytes(len(held))
    return plain


def seal(unsealed: RelayKeys, plain: bytearray, key: bytearray) -> RelayKeys:
    """Return the message with ciphertext and tag; `key` is the range of the direction, wiped here.

    The XOR of what comes in and the next link's key is the ciphertext, or the announcement of this node.
    """
    view = memoryview(key)
    ciphertext = bytes(_xor(plain, view[KEY_OCTETS:]))
    if unsealed.is_announced:
        ciphertext = unsealed.ciphertext + ciphertext
    seal_tag = tag(view[:KEY_OCTETS], _covered(unsealed), ciphertext)
    view[:] = bytes(len(view))
    return msgspec.structs.replace(unsealed, ciphertext=ciphertext, tag=seal_tag)


def unseal(sealed: RelayKeys, key: bytearray, *, is_end: bool = True) -> bytearray | None:
    """Return the plain keys, None when the tag is wrong; `key` is the range of the direction, wiped here.

    Of announced keys a node between needs only its own link's key, and computes no more. Of keys by a central point all
    get the key of their tag, and their own link's key behind it.
    """
    view = memoryview(key)
    is_right = verify(view[:KEY_OCTETS], sealed.tag, _covered(sealed), sealed.ciphertext)
    plain = _revealed(sealed, view[KEY_OCTETS:], is_end=is_end) if is_right else None
    view[:] = bytes(len(view))
    return plain


def are_named(message: RelayKeys | AssignKeys | NameKeys) -> bool:
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
            message.is_announced,
            message.generation,
            message.proof,
            message.end_tag,
        )
    )


def _named(message: RelayKeys) -> bytes:
    # What stays the same from hop to hop, and says which keys these are.
    return _encoder.encode((message.ksid, message.onward, message.batch_id, message.key_size, message.key_ids))


def _probe_covered(probe: ProbeLink | ProbeAnswered) -> bytes:
    # The class name is part of it: a question is never taken for an answer.
    return _encoder.encode(msgspec.structs.replace(probe, tag=b""))


def _revealed(sealed: RelayKeys, key: memoryview, *, is_end: bool) -> bytearray:
    if sealed.is_central:
        plain = bytearray(key)
        plain[:KEY_OCTETS] = _xor(sealed.ciphertext, key[:KEY_OCTETS])
        return plain
    if not sealed.is_announced:
        return _xor(sealed.ciphertext, key)
    plain = bytearray(key)
    for start in range(0, len(sealed.ciphertext) if is_end else 0, len(key)):
        told = np.frombuffer(sealed.ciphertext, np.uint8, len(key), start)
        np.bitwise_xor(np.frombuffer(plain, np.uint8), told, out=np.frombuffer(plain, np.uint8))
    return plain


def _xor(left: bytes | bytearray, right: memoryview) -> bytearray:
    """Return the octets of both combined, in a buffer that can be wiped: no other copy is left behind."""
    combined = bytearray(left)
    whole = np.frombuffer(combined, np.uint8)
    np.bitwise_xor(whole, np.frombuffer(right, np.uint8), out=whole)
    return combined
