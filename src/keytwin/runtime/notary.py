"""Who vouches for what key managers say to one another over others: the port `Notary`, live and in simulation.

Live, a voucher is the node's certificate (RFC 5280) and a signature with its key, ECDSA on P-256 with SHA-256. It has
to hold only while secrets are agreed: whoever breaks the curve years later reads nothing with it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Final

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key

from keytwin.runtime.identities import UNREADABLE, Role, UnknownPeer
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.private_files import read_public, read_secret
from keytwin.runtime.tls import Doorkeeper
from keytwin.vocabulary.errors import Unvouched
from keytwin.vocabulary.identity import NodeId

SIGNED: Final = ec.ECDSA(SHA256())


class Voucher(msgspec.Struct, frozen=True, array_like=True):
    """What stands beside a statement: who has made it, as a certificate (DER), and a signature with its key."""

    signer: bytes
    signature: bytes


class CertifiedNotary:
    """Signs with a node's own key, and takes signatures of key managers that the same authority has certified."""

    def __init__(self, files: LeafFiles, doorkeeper: Doorkeeper, now: Callable[[], datetime]) -> None:
        self._files: Final = files
        self._doorkeeper: Final = doorkeeper
        self._now: Final = now

    def vouch(self, statement: bytes) -> bytes:
        """Return a voucher by the certificate in use; FileMistake when it cannot be read."""
        leaf, _ = self._chain()
        key = load_pem_private_key(read_secret(self._files.key), password=None)
        assert isinstance(key, ec.EllipticCurvePrivateKey), "keytwin makes the keys of its key managers itself"
        voucher = Voucher(leaf.public_bytes(Encoding.DER), key.sign(statement, SIGNED))
        return msgspec.msgpack.encode(voucher)

    def voucher_of(self, statement: bytes, voucher: bytes) -> NodeId:
        """Return whose voucher it is; Unvouched when it is none, or of nobody who may speak here now."""
        _, authority = self._chain()
        try:
            read = msgspec.msgpack.decode(voucher, type=Voucher)
            leaf = x509.load_der_x509_certificate(read.signer)
            leaf.verify_directly_issued_by(authority)
            identity = self._doorkeeper.read(read.signer, self._now()).identity
            public = leaf.public_key()
            if identity.role is not Role.KM or not isinstance(public, ec.EllipticCurvePublicKey):
                raise Unvouched(f"{identity} vouches for what only key managers say")
            public.verify(read.signature, statement, SIGNED)
        except UnknownPeer as error:
            raise Unvouched(f"who has signed this is nobody here: {error}") from error
        except (msgspec.DecodeError, InvalidSignature, *UNREADABLE) as error:
            raise Unvouched("nobody of this network has signed this") from error
        return NodeId(identity.name)

    def _chain(self) -> tuple[x509.Certificate, x509.Certificate]:
        """Read the node's certificate, and that of the authority which has issued it and all others."""
        leaf, authority, *_ = x509.load_pem_x509_certificates(read_public(self._files.certificate))
        return leaf, authority


class SeededNotary:
    """A stand-in that signs nothing: anybody could make its vouchers. For simulation, where nobody does."""

    def __init__(self, node: NodeId) -> None:
        self._node: Final = node

    def vouch(self, statement: bytes) -> bytes:
        """Return the node's name and a digest."""
        return msgspec.msgpack.encode(Voucher(self._node.encode(), _digest(self._node, statement)))

    def voucher_of(self, statement: bytes, voucher: bytes) -> NodeId:
        """Return the name; Unvouched when the digest is of something else."""
        try:
            read = msgspec.msgpack.decode(voucher, type=Voucher)
            node = NodeId(read.signer.decode())
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise Unvouched("this is no voucher of the stand-in") from error
        if read.signature != _digest(node, statement):
            raise Unvouched(f"{node} has vouched for something else")
        return node


def _digest(node: NodeId, statement: bytes) -> bytes:
    return hashlib.sha256(b"vouched" + msgspec.msgpack.encode((node, statement))).digest()
