"""What an upper layer fills in for the planes: chance handed over at construction."""

from __future__ import annotations

from typing import Protocol

from keytwin.vocabulary.key import KeyMaterial


class KeyBlock(Protocol):
    """Fresh key that more than one party gets: each a copy of its own."""

    def copy(self) -> KeyMaterial:
        """Return a copy that its receiver owns and wipes."""
        ...

    def wipe(self) -> None:
        """Give no more copies."""
        ...


class Entropy(Protocol):
    """The source of whatever becomes key, tag key, key ID or twin bit: seeded in simulation, the system's own live."""

    def bytes(self, count: int) -> bytes:
        """Return `count` fresh octets."""
        ...

    def fill(self, count: int) -> bytearray:
        """Return `count` fresh octets in a buffer that the caller owns and can wipe."""
        ...

    def block(self, count: int) -> KeyBlock:
        """Return `count` fresh octets of which several parties will have a copy."""
        ...
