"""What leaves the network as octets: here only the digest by which an emulated SAE remembers a key it has wiped."""

from __future__ import annotations

from hashlib import blake2b
from typing import Final

from keytwin.vocabulary.key import KeyMaterial

DIGEST_OCTETS: Final = 16  # two of a million keys collide with a probability below 1e-26
SALT_OCTETS: Final = 32


def fingerprint(material: KeyMaterial, salt: bytes) -> bytes:
    """Return a digest that tells whether two keys are equal, and nothing else to whoever lacks the salt."""
    with material.exposed() as octets:
        return blake2b(octets, digest_size=DIGEST_OCTETS, key=salt).digest()
