"""What an upper layer fills in for the planes: chance handed over at construction."""

from __future__ import annotations

from typing import Protocol

from keytwin.vocabulary.identity import NodeId
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


class Notary(Protocol):
    """Vouches for what a node's key manager says to one that is no neighbour, and looks at the vouchers of others.

    Live it signs with the key of the node's certificate; in simulation a stand-in does, which protects nothing.
    """

    def vouch(self, statement: bytes) -> bytes:
        """Return a voucher, which shows who has made a statement."""
        ...

    def voucher_of(self, statement: bytes, voucher: bytes) -> NodeId:
        """Return the node that vouches for a statement; Unvouched when none of this network does."""
        ...


class Kem(Protocol):
    """A key encapsulation mechanism: ML-KEM-768 of FIPS 203 live, a seeded stand-in of the same sizes in simulation.

    Whoever gets secrets or private keys owns them and wipes them.
    """

    def generate(self) -> tuple[KeyMaterial, bytes]:
        """Return a fresh private key, and the public key that goes with it."""
        ...

    def encapsulate(self, public: bytes) -> tuple[KeyMaterial, bytes]:
        """Return a fresh secret, and the ciphertext that carries it; KemRefused when that is no public key."""
        ...

    def decapsulate(self, private: KeyMaterial, ciphertext: bytes) -> KeyMaterial:
        """Return the secret; of a ciphertext for another key, or an altered one, a secret that nobody else has.

        KemRefused when it is none by its length alone.
        """
        ...
