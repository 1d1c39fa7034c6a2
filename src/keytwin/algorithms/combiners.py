"""Combiners: one key out of quantum key and a post-quantum secret. ETSI TS 103 744 V1.2.1; NIST SP 800-56C Rev. 2.

Each keeps the key secret as long as one of its two inputs is. XOR keeps the quantum key's secrecy against any computing
power, but whoever alters one input alters the key in the same places. CatKDF binds everything that both ends said into
the key; what it gives is secret against bounded computing power only, however good the quantum key was.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from cryptography.hazmat.primitives.hashes import SHA256, Hash
from cryptography.hazmat.primitives.hmac import HMAC
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

MOST_OCTETS: Final = 255 * 32  # what HKDF with SHA-256 can give (RFC 5869, 2.3)
_DIGEST_OCTETS: Final = 32
_COUNTER_OCTETS: Final = 4

Octets = bytes | bytearray | memoryview


class Transcript(NamedTuple):
    """What both ends know of a key, and none keeps secret: its purpose, who it is for, and what was said about it."""

    label: bytes
    info: bytes
    message_a: bytes  # all that the first party sent: its KEM public key, and the key's name
    message_b: bytes  # all that the second party sent: its ciphertext


Combiner = Callable[[Octets, Octets, Transcript], bytearray]
"""Makes a key as long as the quantum key, its first argument, with the post-quantum secret, its second."""


def context(transcript: Transcript) -> bytes:
    """Return f(info, MA, MB): the digest of all three, each behind its length (TS 103 744, hash form)."""
    hashing = Hash(SHA256())
    for part in (transcript.info, transcript.message_a, transcript.message_b):
        hashing.update(len(part).to_bytes(4, "big"))
        hashing.update(part)
    return hashing.finalize()


def derive_hkdf(secret: Octets, transcript: Transcript, length: int) -> bytearray:
    """Return `length` octets by HKDF: the label is the salt, the context the info."""
    _check(secret, length)
    derived = bytearray(length)
    HKDF(SHA256(), length, salt=transcript.label, info=context(transcript)).derive_into(secret, derived)
    return derived


def derive_one_step(secret: Octets, transcript: Transcript, length: int) -> bytearray:
    """Return `length` octets by the one-step KDF with HMAC of SP 800-56C: HMAC(label, counter || secret || context)."""
    _check(secret, length)
    bound = context(transcript)
    derived = bytearray(length)
    for start in range(0, length, _DIGEST_OCTETS):
        hashing = HMAC(transcript.label, SHA256())
        hashing.update((start // _DIGEST_OCTETS + 1).to_bytes(_COUNTER_OCTETS, "big"))
        hashing.update(secret)
        hashing.update(bound)
        derived[start : start + _DIGEST_OCTETS] = hashing.finalize()[: length - start]
    return derived


def catkdf(qkd: Octets, pqc: Octets, transcript: Transcript, classical: Octets = b"") -> bytearray:
    """Return CatKDF with HKDF: psk = the quantum key, k1 = `classical` (may be empty), k2 = the post-quantum secret."""
    return _derive_from(derive_hkdf, (qkd, classical, pqc), transcript, len(qkd))


def catkdf_one_step(qkd: Octets, pqc: Octets, transcript: Transcript, classical: Octets = b"") -> bytearray:
    """Return CatKDF with the one-step KDF of the same three secrets."""
    return _derive_from(derive_one_step, (qkd, classical, pqc), transcript, len(qkd))


def xor(qkd: Octets, pqc: Octets, transcript: Transcript) -> bytearray:
    """Return the quantum key XOR a key stream of the post-quantum secret, which the transcript makes this key's own."""
    combined = derive_hkdf(pqc, transcript, len(qkd))
    for place, octet in enumerate(qkd):
        combined[place] ^= octet
    return combined


COMBINERS: Final[Mapping[str, Combiner]] = MappingProxyType({"hybrid-xor": xor, "hybrid-catkdf": catkdf})


def _derive_from(
    derive: Callable[[Octets, Transcript, int], bytearray],
    secrets: tuple[Octets, ...],
    transcript: Transcript,
    length: int,
) -> bytearray:
    """Derive from the secrets one behind the other; the copy that takes is wiped."""
    together = bytearray(b"".join(secrets))
    try:
        return derive(together, transcript, length)
    finally:
        together[:] = bytes(len(together))


def _check(secret: Octets, length: int) -> None:
    """Nothing is derived from no secret, and no more than the derivation is good for."""
    assert len(secret) > 0, "a key derived from no secret is none"
    assert 0 < length <= MOST_OCTETS, f"1 to {MOST_OCTETS} octets are derived at a time, not {length}"
