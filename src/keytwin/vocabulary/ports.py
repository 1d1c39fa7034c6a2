"""What an upper layer fills in for the planes: chance handed over at construction."""

from __future__ import annotations

from typing import Protocol


class Entropy(Protocol):
    """The source of whatever becomes key, tag key, key ID or twin bit: seeded in simulation, the system's own live."""

    def bytes(self, count: int) -> bytes:
        """Return `count` fresh octets."""
        ...

    def fill(self, count: int) -> bytearray:
        """Return `count` fresh octets in a buffer that the caller owns and can wipe."""
        ...
