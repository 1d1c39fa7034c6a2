"""ML-KEM-768 (FIPS 203) behind the port `Kem`: the real one, and a seeded stand-in for simulation.

The real one draws from the operating system and can't be seeded, so a simulation that used it would not be repeatable.
The stand-in has the same sizes, answers and refusals, and protects nothing: its public key tells its private one.
"""

from __future__ import annotations

import hashlib
from hmac import compare_digest
from typing import Final

import msgspec
from cryptography.hazmat.primitives.asymmetric.mlkem import MLKEM768PrivateKey, MLKEM768PublicKey

from keytwin.algorithms.marks import node_mark
from keytwin.vocabulary.errors import KemRefused, Unvouched
from keytwin.vocabulary.kem_messages import (
    AgreementId,
    Decapsulate,
    Encapsulate,
    KeyPairMade,
    MakeKeyPair,
    PeerDoubted,
    SecretEncapsulated,
    SecretOpened,
)
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Message, Request
from keytwin.vocabulary.ports import Entropy, Kem, Notary

PUBLIC_OCTETS: Final = 1184
CIPHERTEXT_OCTETS: Final = 1088
PRIVATE_OCTETS: Final = 64  # the seed (d, z), from which the whole private key is made again
SECRET_OCTETS: Final = 32


class MlKem768:
    """The real one, of the `cryptography` package."""

    def generate(self) -> tuple[KeyMaterial, bytes]:
        """Return a fresh key pair, the private key as its seed."""
        private = MLKEM768PrivateKey.generate()
        return KeyMaterial(bytearray(private.private_bytes_raw())), private.public_key().public_bytes_raw()

    def encapsulate(self, public: bytes) -> tuple[KeyMaterial, bytes]:
        """Return a fresh secret and its ciphertext."""
        check_public(public)
        try:
            key = MLKEM768PublicKey.from_public_bytes(public)
        except ValueError as error:
            raise KemRefused("these octets are no public key of ML-KEM-768 (FIPS 203, 7.2)") from error
        secret, ciphertext = key.encapsulate()
        return KeyMaterial(bytearray(secret)), ciphertext

    def decapsulate(self, private: KeyMaterial, ciphertext: bytes) -> KeyMaterial:
        """Return the secret; of an altered ciphertext another one (FIPS 203, 6.3: implicit rejection)."""
        check_ciphertext(ciphertext)
        with private.exposed() as seed:
            key = MLKEM768PrivateKey.from_seed_bytes(bytes(seed))
        return KeyMaterial(bytearray(key.decapsulate(ciphertext)))


class SeededKem:
    """A stand-in that draws from seeded entropy. For simulation only: whoever sees what it sends knows the secret."""

    def __init__(self, entropy: Entropy) -> None:
        self._entropy: Final = entropy

    def generate(self) -> tuple[KeyMaterial, bytes]:
        """Return a key pair of which the public key is a digest of the private one, followed by a check."""
        seed = self._entropy.fill(PRIVATE_OCTETS)
        public = _public_of(seed)
        return KeyMaterial(seed), public

    def encapsulate(self, public: bytes) -> tuple[KeyMaterial, bytes]:
        """Return a secret that is a digest of the public key and the ciphertext."""
        check_public(public)
        if public != _checked(public[:SECRET_OCTETS], PUBLIC_OCTETS):
            raise KemRefused("these octets are no public key of the stand-in for ML-KEM-768")
        ciphertext = _checked(self._entropy.bytes(SECRET_OCTETS) + public[:SECRET_OCTETS], CIPHERTEXT_OCTETS)
        return _secret(public, ciphertext), ciphertext

    def decapsulate(self, private: KeyMaterial, ciphertext: bytes) -> KeyMaterial:
        """Return the same secret, or one that is nobody else's where the ciphertext is altered or another's."""
        check_ciphertext(ciphertext)
        with private.exposed() as seed:
            public, aside = _public_of(seed), hashlib.sha256(b"aside" + seed).digest()
        fresh, addressee = ciphertext[:SECRET_OCTETS], ciphertext[SECRET_OCTETS : 2 * SECRET_OCTETS]
        is_ours = addressee == public[:SECRET_OCTETS]
        is_whole = ciphertext == _checked(fresh + addressee, CIPHERTEXT_OCTETS)
        return _secret(public if is_ours and is_whole else aside, ciphertext)


class KemPort:
    """A KEM as a port of a runtime, with the notary of the element's node. Its answers own what they hold."""

    def __init__(self, kem: Kem, notary: Notary) -> None:
        self._kem: Final = kem
        self._notary: Final = notary

    def answer(self, request: Request) -> Message:
        """Do what is asked; KemRefused when a peer's octets are none of a KEM."""
        name = request.request_id
        try:
            match request:
                case MakeKeyPair(agreement=agreement):
                    private, public = self._kem.generate()
                    return KeyPairMade(name, private, public, self._vouched(private, stated(agreement, public)))
                case Encapsulate(agreement=agreement, public=public):
                    self._check(request, stated(agreement, public))
                    secret, ciphertext = self._kem.encapsulate(public)
                    voucher = self._vouched(secret, stated(agreement, public, ciphertext))
                    return SecretEncapsulated(name, secret, ciphertext, voucher)
                case Decapsulate(agreement=agreement, public=public, ciphertext=ciphertext):
                    self._check(request, stated(agreement, public, ciphertext))
                    return SecretOpened(name, self._kem.decapsulate(request.private, ciphertext))
                case _:
                    raise TypeError(f"a KEM is not asked {type(request).__name__}")
        except Unvouched:  # by whom it was said instead is not told: an end learns of no node but its neighbours (R3)
            return PeerDoubted(name)

    def _vouched(self, held: KeyMaterial, statement: bytes) -> bytes:
        """Return the voucher; what is held goes if there is none."""
        try:
            return self._notary.vouch(statement)
        except BaseException:
            held.wipe()
            raise

    def _check(self, request: Encapsulate | Decapsulate, statement: bytes) -> None:
        """Unvouched unless the session's other node has said this."""
        node = self._notary.voucher_of(statement, request.voucher)
        if not compare_digest(node_mark(request.agreement.ksid, node), request.peer):
            raise Unvouched("somebody else speaks where the session has its other end")


def stated(agreement: AgreementId, *said: bytes) -> bytes:
    """Return what a voucher is for: all that was said in an agreement up to here."""
    return msgspec.msgpack.encode(("keytwin 1 agreement", agreement, said))


def check_public(public: bytes) -> None:
    """KemRefused when a public key has another length than ML-KEM-768 gives it."""
    if len(public) != PUBLIC_OCTETS:
        raise KemRefused(f"a public key of ML-KEM-768 has {PUBLIC_OCTETS} octets, not {len(public)}")


def check_ciphertext(ciphertext: bytes) -> None:
    """KemRefused when a ciphertext has another length than ML-KEM-768 gives it."""
    if len(ciphertext) != CIPHERTEXT_OCTETS:
        raise KemRefused(f"a ciphertext of ML-KEM-768 has {CIPHERTEXT_OCTETS} octets, not {len(ciphertext)}")


def _public_of(seed: bytearray | memoryview) -> bytes:
    return _checked(hashlib.sha256(b"public" + seed).digest(), PUBLIC_OCTETS)


def _checked(head: bytes, length: int) -> bytes:
    """Return `head`, drawn out to a length by octets that follow from it."""
    return head + hashlib.shake_128(head).digest(length - len(head))


def _secret(name: bytes, ciphertext: bytes) -> KeyMaterial:
    return KeyMaterial(bytearray(hashlib.sha256(b"secret" + name + ciphertext).digest()))
