"""The certificates of a network, made and read: RFC 5280 profiles of two tiers of authority and of the leaves.

Nothing here touches a file or a clock; keys are EC P-256 where keytwin makes them.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes, PublicKeyTypes
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from keytwin.runtime.identities import SCHEME, Identity, trust_domain
from keytwin.vocabulary.errors import Mistake

LOCAL_HOSTS: Final = ("localhost", "127.0.0.1", "::1")
TOLERANCE: Final = timedelta(minutes=5)  # by which clocks in a network may differ
LONGEST_HOST: Final = 253  # characters: RFC 1035 clause 2.3.4
MOST_HOSTS: Final = 64  # names in one certificate: keeps a handshake within a few kilobytes
LEAST_RSA_BITS: Final = 2048  # NIST SP 800-131A
MOST_RSA_BITS: Final = 8192  # a longer key only makes handshakes slow
_LABEL: Final = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_DNS_NAME: Final = re.compile(rf"{_LABEL}(?:\.{_LABEL})*", flags=re.ASCII)
_CURVES: Final = (ec.SECP256R1, ec.SECP384R1, ec.SECP521R1)

LeafPublicKey = ec.EllipticCurvePublicKey | rsa.RSAPublicKey | ed25519.Ed25519PublicKey


@dataclass(frozen=True, slots=True)
class Validity:
    """From when to when a certificate is good, in whole seconds of UTC, as RFC 5280 clause 4.1.2.5 writes them."""

    start: datetime
    end: datetime

    @classmethod
    def beginning(cls, now: datetime, life: timedelta) -> Validity:
        """Return a validity that ends a `life` from now, and began earlier by the tolerance of clocks."""
        assert now.tzinfo is not None, "a time without zone means something else on each machine"
        moment = now.astimezone(UTC).replace(microsecond=0)
        return cls(moment - TOLERANCE, moment + life)

    def within(self, outer: Validity) -> Validity:
        """Return what of this validity lies within another."""
        return Validity(max(self.start, outer.start), min(self.end, outer.end))


@dataclass(frozen=True, slots=True, repr=False)
class Signer:
    """An authority's certificate and the key that belongs to it."""

    certificate: x509.Certificate
    key: CertificateIssuerPrivateKeyTypes

    @property
    def validity(self) -> Validity:
        """From when to when the authority may sign."""
        return validity_of(self.certificate)


@dataclass(frozen=True, slots=True)
class Grant:
    """What a certificate is to say: for whom, and for those that serve, at which hosts."""

    identity: Identity
    network: str
    hosts: tuple[str, ...] = ()

    def names(self) -> list[x509.GeneralName]:
        """Return the subject alternative names; Mistake for a host that cannot be one."""
        if self.hosts and not self.identity.role.serves:
            raise Mistake(f"{self.identity} takes no hosts: nobody connects to it; leave them out")
        hosts = dict.fromkeys((*LOCAL_HOSTS, *self.hosts)) if self.identity.role.serves else {}
        if len(hosts) > MOST_HOSTS:
            raise Mistake(f"{len(hosts)} hosts in the certificate of {self.identity}: give at most {MOST_HOSTS}")
        uri = x509.UniformResourceIdentifier(self.identity.uri(self.network))
        return [uri, *dict.fromkeys(host_name(host) for host in hosts)]

    def subject(self) -> x509.Name:
        """Return the subject: the common name alone."""
        return _name(common=self.identity.common_name)


def host_name(host: str) -> x509.DNSName | x509.IPAddress:
    """Return a host as it stands in a certificate; Mistake when it is neither a name nor an address."""
    try:
        return x509.IPAddress(ipaddress.ip_address(host.removeprefix("[").removesuffix("]")))
    except ValueError:
        pass
    numeric = host.replace(".", "").isdigit()  # a misprinted address, never a name (RFC 1123 clause 2.1)
    if numeric or len(host) > LONGEST_HOST or not _DNS_NAME.fullmatch(host):
        raise Mistake(
            f"{host[:80]!r} is no host: give a name such as km0.example.org or an address such as 192.0.2.7; "
            "wildcards and ports are not taken"
        )
    return x509.DNSName(host.lower())


def new_key() -> ec.EllipticCurvePrivateKey:
    """Make a key on P-256, the curve that every TLS stack has."""
    return ec.generate_private_key(ec.SECP256R1())


def validity_of(certificate: x509.Certificate) -> Validity:
    """Return from when to when a certificate is good."""
    return Validity(certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def root_of(key: ec.EllipticCurvePrivateKey, network: str, validity: Validity) -> x509.Certificate:
    """Make the certificate of the upper tier, which signs the issuing authority and nothing else."""
    subject = _name(common="keytwin root authority", network=network)
    builder = _builder(subject, subject, key.public_key(), validity)
    return _authority(builder, network, path_length=1, below=key.public_key()).sign(key, hashes.SHA256())


def issuing_of(public: LeafPublicKey, network: str, root: Signer, validity: Validity) -> x509.Certificate:
    """Make the certificate of the lower tier, which signs leaves and revocation lists."""
    subject = _name(common="keytwin issuing authority", network=network)
    builder = _builder(subject, root.certificate.subject, public, validity.within(root.validity))
    above = root.certificate.public_key()
    return _authority(builder, network, path_length=0, below=above).sign(root.key, signing_hash(root.key))


def leaf_of(public: LeafPublicKey, grant: Grant, signer: Signer, validity: Validity) -> x509.Certificate:
    """Make the certificate of one that takes part in the network. It ends when its authority does, at the latest."""
    builder = _builder(grant.subject(), signer.certificate.subject, public, validity.within(signer.validity))
    uses = [ExtendedKeyUsageOID.CLIENT_AUTH]
    if grant.identity.role.serves:
        uses.insert(0, ExtendedKeyUsageOID.SERVER_AUTH)
    return (
        builder.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
        .add_extension(_usage(leaf=True), critical=True)
        .add_extension(x509.ExtendedKeyUsage(uses), critical=False)
        .add_extension(x509.SubjectAlternativeName(grant.names()), critical=False)
        .add_extension(_key_identifier_of(signer.certificate), critical=False)
        .sign(signer.key, signing_hash(signer.key))
    )


def revocation_list(
    signer: Signer, revoked: Iterable[tuple[int, datetime]], number: int, made_at: datetime
) -> x509.CertificateRevocationList:
    """Make the list of (serial, time) that are revoked. It holds until its authority ends: a later one replaces it.

    A list that ended sooner would shut a network down whose authority is away; leaves end soon enough by themselves.
    """
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(signer.certificate.subject)
        .last_update(made_at)
        .next_update(max(signer.validity.end, made_at + TOLERANCE))
        .add_extension(_key_identifier_of(signer.certificate), critical=False)
        .add_extension(x509.CRLNumber(number), critical=False)
    )
    for serial, moment in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(serial).revocation_date(moment).build()
        builder = builder.add_revoked_certificate(entry)
    return builder.sign(signer.key, signing_hash(signer.key))


def signing_hash(key: CertificateIssuerPrivateKeyTypes) -> hashes.SHA256 | None:
    """Return the digest with which a key signs; Ed25519 brings its own."""
    return None if isinstance(key, ed25519.Ed25519PrivateKey) else hashes.SHA256()


def accepted_key(public: PublicKeyTypes | ec.EllipticCurvePublicKey) -> LeafPublicKey:
    """Return a public key that others brought; Mistake when it is weak, or of a kind that TLS stacks lack."""
    if isinstance(public, ec.EllipticCurvePublicKey) and isinstance(public.curve, _CURVES):
        return public
    if isinstance(public, rsa.RSAPublicKey) and LEAST_RSA_BITS <= public.key_size <= MOST_RSA_BITS:
        return public
    if isinstance(public, ed25519.Ed25519PublicKey):
        return public
    raise Mistake(
        f"this key is not taken: bring EC P-256, P-384 or P-521, Ed25519, or RSA of {LEAST_RSA_BITS} "
        f"to {MOST_RSA_BITS} bits"
    )


def pem_of_key(key: CertificateIssuerPrivateKeyTypes) -> bytes:
    """Write a private key as PKCS #8, unencrypted: the folder's permissions protect it."""
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def pem_of(*certificates: x509.Certificate) -> bytes:
    """Write certificates one after the other: the leaf first, where there is one."""
    return b"".join(each.public_bytes(serialization.Encoding.PEM) for each in certificates)


def _builder(
    subject: x509.Name, issuer: x509.Name, public: LeafPublicKey, validity: Validity
) -> x509.CertificateBuilder:
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public)
        .serial_number(x509.random_serial_number())
        .not_valid_before(validity.start)
        .not_valid_after(validity.end)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
    )


def _authority(
    builder: x509.CertificateBuilder, network: str, path_length: int, below: PublicKeyTypes
) -> x509.CertificateBuilder:
    domain = x509.UniformResourceIdentifier(f"{SCHEME}{trust_domain(network)}")
    above = x509.AuthorityKeyIdentifier.from_issuer_public_key(accepted_key(below))
    return (
        builder.add_extension(x509.BasicConstraints(ca=True, path_length=path_length), critical=True)
        .add_extension(_usage(leaf=False), critical=True)
        .add_extension(x509.SubjectAlternativeName([domain]), critical=False)
        .add_extension(above, critical=False)
    )


def _usage(*, leaf: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=leaf,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=not leaf,
        crl_sign=not leaf,
        encipher_only=False,
        decipher_only=False,
    )


def _key_identifier_of(authority: x509.Certificate) -> x509.AuthorityKeyIdentifier:
    try:  # as the authority names its key, which it may have brought along
        own = authority.extensions.get_extension_for_class(x509.SubjectKeyIdentifier).value
    except x509.ExtensionNotFound:
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(accepted_key(authority.public_key()))
    return x509.AuthorityKeyIdentifier.from_issuer_subject_key_identifier(own)


def _name(common: str, network: str = "") -> x509.Name:
    parts = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, network)] if network else []
    return x509.Name([*parts, x509.NameAttribute(NameOID.COMMON_NAME, common)])
