"""Mutual TLS 1.2 and 1.3 between those that hold a certificate of the network, and nobody else.

In TLS 1.3 (RFC 8446 clause 4.4.2) a client's handshake ends before the server has looked at its certificate: that it
was refused shows at the client's first read. A server knows its peer when its own handshake ends.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509

from keytwin.runtime.certificates import TOLERANCE, Validity, validity_of
from keytwin.runtime.identities import Identity, Role, UnknownPeer, identity_of
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.private_files import mistake

CIPHERS: Final = "ECDHE+AESGCM:ECDHE+CHACHA20"  # of TLS 1.2: forward secrecy and authenticated encryption (RFC 9325)


def server_context(files: LeafFiles, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Make the context of a listener: every client shows a good certificate, or is refused in the handshake."""
    context = _context(ssl.PROTOCOL_TLS_SERVER, files, alpn)
    context.num_tickets = 0  # a resumed session would skip the look at the certificate; and it saves a handshake's time
    context.options |= ssl.OP_CIPHER_SERVER_PREFERENCE
    return context


def client_context(files: LeafFiles, alpn: tuple[str, ...] = ()) -> ssl.SSLContext:
    """Make the context of one that connects: shows its certificate, checks the server's and the host's name in it."""
    return _context(ssl.PROTOCOL_TLS_CLIENT, files, alpn)


def renew_chain(context: ssl.SSLContext, files: LeafFiles) -> None:
    """Load a renewed chain into a live context: handshakes from now on use it, connections stay as they are.

    FileMistake, and the context goes on with what it had, when chain and key do not go together.
    """
    folder = files.certificate.parent.resolve()  # once, so that a renewal meanwhile cannot mix two pairs
    chain, key = folder / files.certificate.name, files.key
    if files.key.parent == files.certificate.parent:
        key = folder / files.key.name
    _load_pair(ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), chain, key)
    _load_pair(context, chain, key)


def renew_revoked(context: ssl.SSLContext, revoked: Path) -> None:
    """Load a newer revocation list into a live context. An older one, loaded by mistake, changes nothing."""
    try:
        context.load_verify_locations(cafile=str(revoked))
    except (ssl.SSLError, OSError) as error:
        raise mistake(revoked, "is no revocation list", "it is made anew when the network starts") from error


@dataclass(frozen=True, slots=True)
class Peer:
    """Who is at the other end of a connection, and what of its certificate may end while the connection lasts."""

    identity: Identity
    validity: Validity
    serial: int


@dataclass(frozen=True, slots=True)
class Doorkeeper:
    """Looks at a peer once more when the handshake is over, and again whenever it asks for something.

    The context's checks end with the handshake: a connection may outlive its certificate or be there when it is
    revoked, and in TLS 1.2 a client may resume a session (of this process and context) without any check.
    """

    network: str
    is_denied: Callable[[int], bool]
    common_name_as: Role | None = None  # for certificates of a brought authority that have no identity in a URI

    def identify(self, connection: ssl.SSLObject | ssl.SSLSocket, now: datetime) -> Identity:
        """Tell who is at the other end; UnknownPeer when nobody that may be there: close the connection."""
        return self.meet(connection, now).identity

    def meet(self, connection: ssl.SSLObject | ssl.SSLSocket, now: datetime) -> Peer:
        """Read the certificate of who is at the other end, to `recheck` it whenever it asks for something."""
        octets = connection.getpeercert(binary_form=True)
        if octets is None:
            raise UnknownPeer("the peer showed no certificate")
        return self.read(octets, now)

    def read(self, octets: bytes, now: datetime) -> Peer:
        """Read a certificate (DER) whose chain was verified before; UnknownPeer when it speaks for nobody here now."""
        identity = identity_of(octets, self.network, common_name_as=self.common_name_as)
        certificate = x509.load_der_x509_certificate(octets)
        peer = Peer(identity, validity_of(certificate), certificate.serial_number)
        self.recheck(peer, now)
        return peer

    def recheck(self, peer: Peer, now: datetime) -> None:
        """Look whether a certificate that was read before is still good; UnknownPeer when not.

        Cheap enough for each request. A connection keeps its certificate: no context renegotiates.
        """
        validity = peer.validity
        if not validity.start - TOLERANCE <= now < validity.end:
            raise UnknownPeer(f"the peer's certificate is good from {validity.start} to {validity.end}")
        if self.is_denied(peer.serial):
            raise UnknownPeer("the peer's certificate is revoked")


def _context(side: int, files: LeafFiles, alpn: tuple[str, ...]) -> ssl.SSLContext:
    context = ssl.SSLContext(side)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.maximum_version = ssl.TLSVersion.TLSv1_3
    context.verify_mode = ssl.CERT_REQUIRED
    # The authority itself is the anchor, though another may stand above it; each leaf is looked up in its list.
    context.verify_flags |= ssl.VERIFY_X509_STRICT | ssl.VERIFY_X509_PARTIAL_CHAIN | ssl.VERIFY_CRL_CHECK_LEAF
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    context.set_ciphers(CIPHERS)
    context.hostname_checks_common_name = False  # an SAE named like a host is no host (RFC 9525 clause 6.3)
    if alpn:
        context.set_alpn_protocols(list(alpn))
    try:
        context.load_verify_locations(cafile=str(files.trusted))
    except (ssl.SSLError, OSError) as error:
        raise mistake(files.trusted, "holds no certificates", "it is made anew when the network starts") from error
    renew_revoked(context, files.revoked)
    renew_chain(context, files)
    return context


def _load_pair(context: ssl.SSLContext, chain: Path, key: Path) -> None:
    try:
        context.load_cert_chain(chain, key, password="")  # else OpenSSL asks for one at the terminal
    except (ssl.SSLError, OSError) as error:
        raise mistake(chain, f"and {key} are no certificate and key that go together", "issue them anew") from error
