"""One-time Wegman-Carter tag: Poly1305 (RFC 8439, 2.5) under fresh pad, so that no computing power helps a forger.

Bernstein, "The Poly1305-AES message-authentication code" (2005), Theorem 3.3: the hashes of two different messages of
at most L octets differ by a given amount with probability at most 8 ceil(L / 16) / 2**106 over the first half of the
key. The second half masks the hash as a one-time pad. So each attempt to forge, by whomever, succeeds with at most that
probability: about 2**-91 for a message of 64 kB, its framing included.
"""

from __future__ import annotations

from hmac import compare_digest
from typing import Final

from cryptography.hazmat.primitives.poly1305 import Poly1305

KEY_OCTETS: Final = 32
TAG_OCTETS: Final = 16
_LENGTH_OCTETS: Final = 8

Octets = bytes | bytearray | memoryview


def tag(key: Octets, *parts: Octets) -> bytes:
    """Return the tag of `parts`, in this order and with these borders, under 32 octets of pad.

    The key is for one message: a second one under the same key tells everybody how to forge a third. Sending the same
    message again under it, bit for bit, is no second message.
    """
    assert len(key) == KEY_OCTETS
    hashing = Poly1305(key)
    joined: list[bytes] = []  # fed together: a call costs more than the octets do
    for part in parts:
        # Each part behind its length: other parts never give the same octets, wherever their borders lie.
        joined.append(len(part).to_bytes(_LENGTH_OCTETS, "big"))
        if isinstance(part, bytes):
            joined.append(part)
        else:  # it may be key, of which no copy is left behind
            hashing.update(b"".join(joined))
            hashing.update(part)
            joined.clear()
    hashing.update(b"".join(joined))
    return hashing.finalize()


def verify(key: Octets, received: Octets, *parts: Octets) -> bool:
    """Tell whether `received` is the tag of `parts`, in a time that does not depend on where they differ."""
    return compare_digest(tag(key, *parts), received)
