"""Chance, as two ports that never mix: entropy for key and identifiers, generators for physics.

In simulation each (seed, port, element) has a stream of its own, so what one element draws never moves another's.
"""

from __future__ import annotations

import hashlib
import os
import random
from functools import partial
from typing import Final

import numpy as np
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR

from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.ports import Entropy, KeyBlock

FIRST_REFILL: Final = 512  # octets: most elements of a large network draw little
AES_BLOCK: Final = 16  # octets
LARGEST_REFILL: Final = 32 * 1024  # octets: beyond it a refill costs nothing any more beside its octets
Octets = bytes  # inside these classes `bytes` is the method


class SeededEntropy:
    """The AES-256-CTR key stream of (seed, element): predictable, so for simulation only."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._stream: CipherContext | None = None
        self._buffer = b""
        self._taken = 0
        self._refill = FIRST_REFILL

    def bytes(self, count: int) -> bytes:
        """Return the next `count` octets of the stream, however it is cut into calls."""
        taken = self._taken
        end = taken + count
        if end <= len(self._buffer):
            self._taken = end
            return self._buffer[taken:end]
        return self._draw(count)

    def fill(self, count: int) -> bytearray:
        """Return the next `count` octets in a buffer of the caller's own."""
        return bytearray(self.bytes(count))

    def block(self, count: int) -> KeyBlock:
        """Return octets that are drawn only when a copy is looked at: what a full store discards costs nothing."""
        return _SeededBlock(self.bytes(32), count)

    def _draw(self, count: int) -> Octets:
        assert count >= 0
        rest = self._buffer[self._taken :]
        missing = count - len(rest)
        octets = self._advance(missing + self._refill)
        self._buffer, self._taken = octets, missing
        self._refill = min(2 * self._refill, LARGEST_REFILL)
        return rest + octets[:missing]

    def _advance(self, count: int) -> Octets:
        if self._stream is None:  # made at the first draw: an element that never draws costs no cipher
            self._stream = Cipher(AES256(self._key), CTR(bytes(16))).encryptor()
        return self._stream.update(bytes(count))


class SystemEntropy:
    """The operating system's generator: what a live network's keys are made of."""

    def bytes(self, count: int) -> bytes:
        """Return `count` fresh octets."""
        return os.urandom(count)

    def fill(self, count: int) -> bytearray:
        """Return `count` fresh octets in a buffer of the caller's own."""
        return bytearray(os.urandom(count))

    def block(self, count: int) -> KeyBlock:
        """Return `count` fresh octets of which several parties will have a copy."""
        return _SystemBlock(self.fill(count))


class _SeededBlock:
    """A block as its own key stream: every copy draws the same octets when it is first looked at."""

    def __init__(self, key: Octets, count: int) -> None:
        self._key: Octets | None = key
        self._count = count

    def copy(self) -> KeyMaterial:
        assert self._key, "a wiped block gives no copies"
        return KeyMaterial.deferred(self._count, partial(_key_stream, self._key))

    def wipe(self) -> None:
        self._key = None


class _SystemBlock:
    """A block as its octets."""

    def __init__(self, octets: bytearray) -> None:
        self._octets = octets

    def copy(self) -> KeyMaterial:
        assert self._octets, "a wiped block gives no copies"
        return KeyMaterial(bytearray(self._octets))

    def wipe(self) -> None:
        self._octets[:] = bytes(len(self._octets))
        self._octets = bytearray()


def _key_stream(key: Octets, start: int, count: int) -> memoryview:
    """Return octets [start, start + count) of the key stream: the counter of its mode leads anywhere at once."""
    first, skipped = divmod(start, AES_BLOCK)
    needed = skipped + count
    octets = bytearray(needed + AES_BLOCK)  # update_into wants room for one block more
    cipher = Cipher(AES256(key), CTR(first.to_bytes(AES_BLOCK, "big"))).encryptor()
    room = memoryview(octets)
    # Piece by piece: as many zeros as a block of a fast link has octets would take longer to read than to encrypt.
    for begin in range(0, needed, len(_ZEROS)):
        piece = _ZEROS[: needed - begin]
        cipher.update_into(piece, room[begin : begin + len(piece) + AES_BLOCK])
    return room[skipped:needed]


_ZEROS: Final = memoryview(bytes(1 << 17))  # encrypted, it is the bare key stream: made once, and stays in the cache


class SeededChance:
    """All streams of one seed. A stream goes on where it was when its element restarts: it never repeats itself."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._entropies: dict[ElementName, SeededEntropy] = {}
        self._generators: dict[ElementName, np.random.Generator] = {}

    def entropy(self, element: ElementName) -> Entropy:
        """Return the element's source of whatever becomes key, tag key, key ID or twin bit."""
        found = self._entropies.get(element)
        if found is None:
            found = self._entropies[element] = SeededEntropy(self._digest("entropy", element))
        return found

    def generator(self, element: ElementName) -> np.random.Generator:
        """Return the element's generator of physics draws."""
        found = self._generators.get(element)
        if found is None:
            seed = int.from_bytes(self._digest("physics", element))
            found = self._generators[element] = np.random.Generator(np.random.PCG64(seed))
        return found

    def dice(self, purpose: str) -> random.Random:
        """Return a fresh generator for the runtime's own draws: faults, latencies."""
        return random.Random(int.from_bytes(self._digest("runtime", purpose)))  # noqa: S311  # faults are no secrets

    def number(self, purpose: str, below: int) -> int:
        """Return a number from 0 to below `below` that belongs to `purpose`: the same whenever it is asked."""
        return int.from_bytes(self._digest("number", purpose)) % below

    def _digest(self, port: str, name: str) -> bytes:
        return hashlib.sha256(f"{self._seed}\n{port}\n{name}".encode()).digest()
