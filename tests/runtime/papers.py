"""Certificates that keytwin would never make, for tests of what it refuses; and hands that shake over memory."""

from __future__ import annotations

import ssl
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID, ObjectIdentifier

from keytwin.runtime.brought import read_signer
from keytwin.runtime.certificates import Signer, new_key, pem_of, pem_of_key, signing_hash
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority

# OpenSSL asks the machine's clock, so what it is to find good or ended is told from the same clock.
NOW = datetime.now(UTC).replace(microsecond=0)
DAY = timedelta(days=1)
SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH
KM0, SAE, OPERATOR = Identity(Role.KM, "km0"), Identity(Role.SAE, "app01-a"), Identity(Role.OPERATOR, "op")


@dataclass(frozen=True)
class Paper:
    """What to write in a certificate; the defaults make a good one of SAE app01-a in star6."""

    names: tuple[x509.GeneralName, ...] = (x509.UniformResourceIdentifier("spiffe://star6/sae/app01-a"),)
    common: tuple[str, ...] = ("app01-a",)
    uses: tuple[ObjectIdentifier, ...] = (CLIENT,)
    start: datetime = NOW - DAY
    end: datetime = NOW + DAY
    key: ec.EllipticCurvePrivateKey = field(default_factory=new_key)

    def signed(self, signer: Signer | None = None) -> x509.Certificate:
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, each) for each in self.common])
        issuer = signer.certificate.subject if signer else subject
        above = signer.certificate.public_key() if signer else self.key.public_key()
        assert isinstance(above, ec.EllipticCurvePublicKey)
        builder = (
            x509.CertificateBuilder(subject_name=subject, issuer_name=issuer)
            .public_key(self.key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(self.start)
            .not_valid_after(self.end)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(above), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
        )
        if self.names:
            builder = builder.add_extension(x509.SubjectAlternativeName(self.names), critical=False)
        if self.uses:
            builder = builder.add_extension(x509.ExtendedKeyUsage(self.uses), critical=False)
        key = signer.key if signer else self.key
        return builder.sign(key, signing_hash(key))

    def filed(self, folder: Path, authority: Authority, signer: Signer | None) -> LeafFiles:
        """Write certificate and key where a participant would have them."""
        folder.mkdir(exist_ok=True)
        chain = [self.signed(signer), *([signer.certificate] if signer else [])]
        write_secret(folder / "certificate.pem", pem_of(*chain))
        write_secret(folder / "key.pem", pem_of_key(self.key))
        return LeafFiles(SAE, folder / "certificate.pem", folder / "key.pem", authority.trusted, authority.revoked)


def signer_of(folder: Path) -> Signer:
    """Read an authority's signer as of now: it may have been made long after this module was loaded."""
    now = datetime.now(UTC)
    return read_signer(folder / "authority" / "issuing.pem", folder / "authority" / "issuing-key.pem", now)


def leaf_in(path: Path) -> x509.Certificate:
    return x509.load_pem_x509_certificates(path.read_bytes())[0]


def write_secret(path: Path, octets: bytes) -> Path:
    path.write_bytes(octets)
    path.chmod(0o600)
    return path


def request_for(
    key: ec.EllipticCurvePrivateKey, common: str = "app01-a", *extensions: x509.ExtensionType
) -> x509.CertificateSigningRequest:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, common)] if common else [])
    builder = x509.CertificateSigningRequestBuilder(subject_name=name)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    return builder.sign(key, hashes.SHA256())


@dataclass
class Meeting:
    """A client and a server joined by memory; `meet` shakes hands, then the server greets and the client reads."""

    server: ssl.SSLObject
    client: ssl.SSLObject
    to_server: ssl.MemoryBIO
    to_client: ssl.MemoryBIO
    server_error: ssl.SSLError | None = None
    client_handshake_error: ssl.SSLError | None = None
    client_error: ssl.SSLError | None = None
    greeting: bytes = b""

    @property
    def succeeded(self) -> bool:
        return self.greeting == b"hello"

    def meet(self) -> Meeting:
        done = {"server": False, "client": False}
        for _ in range(6):  # TLS 1.2 takes two round trips
            self.client_handshake_error = self.client_handshake_error or self._step(self.client, done, "client")
            self.server_error = self.server_error or self._step(self.server, done, "server")
        if done["server"] and self.server_error is None:
            self.server.write(b"hello")
        self.client_error = self.client_handshake_error
        if done["client"] and self.client_error is None:
            self._read()
        return self

    def _step(self, end: ssl.SSLObject, done: dict[str, bool], name: str) -> ssl.SSLError | None:
        try:
            if not done[name]:
                end.do_handshake()
                done[name] = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            done[name] = True
            return error
        return None

    def _read(self) -> None:
        try:
            self.greeting = self.client.read(100)
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError as error:
            self.client_error = error


def meet(
    server: ssl.SSLContext,
    client: ssl.SSLContext,
    version: ssl.TLSVersion,
    *,
    host: str = "localhost",
    session: ssl.SSLSession | None = None,
) -> Meeting:
    """Let a client context meet a server context in one version of TLS."""
    client.minimum_version, client.maximum_version = version, version
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    return Meeting(
        server.wrap_bio(to_server, to_client, server_side=True),
        client.wrap_bio(to_client, to_server, server_hostname=host, session=session),
        to_server,
        to_client,
    ).meet()
