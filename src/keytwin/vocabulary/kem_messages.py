"""What an element asks a key encapsulation mechanism for, by the effect `Perform`, and what comes back. FIPS 203.

Requests and answers stay between an element and its own runtime: they hold private keys and secrets.
"""

from __future__ import annotations

from typing import Final

from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Message, Request, RequestId

ML_KEM_768: Final = "ml-kem-768"
"""The name of the port."""


class MakeKeyPair(Request, frozen=True, gc=False):
    """Make a fresh key pair."""


class KeyPairMade(Message, frozen=True, gc=False):
    """The asker owns the private key, and wipes it; the public key is for its peer."""

    request_id: RequestId
    private: KeyMaterial
    public: bytes


class Encapsulate(Request, frozen=True, gc=False):
    """Make a fresh secret for whoever has the private key that goes with this public key."""

    public: bytes


class SecretEncapsulated(Message, frozen=True, gc=False):
    """The asker owns the secret, and wipes it; the ciphertext is for its peer."""

    request_id: RequestId
    secret: KeyMaterial
    ciphertext: bytes


class Decapsulate(Request, frozen=True, gc=False):
    """Open a ciphertext. The private key stays the asker's to wipe."""

    private: KeyMaterial
    ciphertext: bytes


class SecretOpened(Message, frozen=True, gc=False):
    """The secret of a ciphertext, which the asker owns; of an altered ciphertext it is one that nobody else has."""

    request_id: RequestId
    secret: KeyMaterial
