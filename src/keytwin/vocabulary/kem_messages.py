"""What an element asks a key encapsulation mechanism for, by the effect `Perform`, and what comes back. FIPS 203.

Requests and answers stay between an element and its own runtime: they hold private keys and secrets. The port vouches
for what its element says to the other end, and looks whether the other end's port has vouched for what came from there.
"""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.vocabulary.identity import Ksid
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Message, Request, RequestId

ML_KEM_768: Final = "ml-kem-768"
"""The name of the port."""


class AgreementId(msgspec.Struct, frozen=True, gc=False):
    """Which agreement of a session is meant: `onward` = the first end makes keys with what comes of it."""

    ksid: Ksid
    generation: int
    onward: bool


class MakeKeyPair(Request, frozen=True, gc=False):
    """Make a fresh key pair for an agreement."""

    agreement: AgreementId


class KeyPairMade(Message, frozen=True, gc=False):
    """The asker owns the private key, and wipes it; public key and voucher are for its peer."""

    request_id: RequestId
    private: KeyMaterial
    public: bytes
    voucher: bytes


class Encapsulate(Request, frozen=True, gc=False):
    """Make a fresh secret for whoever has the private key that goes with this public key.

    Only where the voucher is that of the peer, the node with this mark; else the answer is `PeerDoubted`.
    """

    agreement: AgreementId
    public: bytes
    voucher: bytes
    peer: bytes


class SecretEncapsulated(Message, frozen=True, gc=False):
    """The asker owns the secret, and wipes it; ciphertext and voucher are for its peer."""

    request_id: RequestId
    secret: KeyMaterial
    ciphertext: bytes
    voucher: bytes


class Decapsulate(Request, frozen=True, gc=False):
    """Open a ciphertext that answers a public key. The private key stays the asker's to wipe.

    Only where the voucher is that of the peer, the node with this mark; else the answer is `PeerDoubted`.
    """

    agreement: AgreementId
    private: KeyMaterial
    public: bytes
    ciphertext: bytes
    voucher: bytes
    peer: bytes


class SecretOpened(Message, frozen=True, gc=False):
    """The secret of a ciphertext, which the asker owns; of an altered ciphertext it is one that nobody else has."""

    request_id: RequestId
    secret: KeyMaterial


class PeerDoubted(Message, frozen=True, gc=False):
    """What is said to come from the other end is not vouched for by its node, or not as it came."""

    request_id: RequestId
