"""What operators bring along, read and checked: an authority of their own, and requests for keys of their own.

PKCS #10 requests follow RFC 2986; what makes a certificate an authority's, RFC 5280 clauses 4.2.1.3, 4.2.1.9, 4.2.1.12.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Final

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from cryptography.x509.oid import ExtendedKeyUsageOID

from keytwin.runtime.certificates import Grant, LeafPublicKey, Signer, accepted_key
from keytwin.runtime.identities import UNREADABLE
from keytwin.runtime.private_files import mistake, read_public, read_secret
from keytwin.vocabulary.errors import FileMistake, Finding, Mistake

LARGEST_REQUEST: Final = 64 * 1024  # octets: a request with an RSA key of 8192 bits and 64 names has 6 KiB


def read_signer(certificate: Path, key: Path, now: datetime) -> Signer:
    """Read an authority's certificate and key; FileMistake with all that keeps them from issuing."""
    signer = Signer(read_certificate(certificate), read_key(key))
    findings = [Finding(what, str(certificate), suggestion=hint) for what, hint in _faults(signer, now)]
    if not _belong(signer):
        findings.append(Finding("does not belong to the certificate", str(key), suggestion=f"see {certificate}"))
    if findings:
        raise FileMistake(tuple(findings))
    return signer


def read_certificate(path: Path) -> x509.Certificate:
    """Read a file with one certificate (PEM)."""
    try:
        found = x509.load_pem_x509_certificates(read_public(path))
    except ValueError as error:
        raise mistake(path, "holds no certificate in PEM", "it begins with -----BEGIN CERTIFICATE-----") from error
    if len(found) != 1:
        raise mistake(path, f"holds {len(found)} certificates", "leave only the one that goes with the key")
    return found[0]


def read_key(path: Path) -> CertificateIssuerPrivateKeyTypes:
    """Read a file with one private key (PEM, without passphrase, for its owner's eyes only)."""
    try:
        key = load_pem_private_key(read_secret(path), password=None)
    except TypeError as error:
        raise mistake(path, "holds a key under a passphrase", "take it off: openssl pkey -in OLD -out NEW") from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise mistake(path, "holds no private key in PEM", "it begins with -----BEGIN PRIVATE KEY-----") from error
    if not isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey | ed25519.Ed25519PrivateKey):
        raise mistake(path, "holds a key that signs no certificates here", "bring an EC, RSA or Ed25519 key")
    return key


def requested_key(request: bytes, grant: Grant) -> LeafPublicKey:
    """Return the key for which a PKCS #10 request (PEM) asks a certificate, when it asks no more than is granted.

    The certificate is made from the grant, never from the request: a request may ask for less, or leave names out;
    other extensions that it asks for are not taken over.
    """
    if len(request) > LARGEST_REQUEST:
        raise Mistake(f"the request has more than {LARGEST_REQUEST} octets: is it the right file?")
    try:
        parsed = x509.load_pem_x509_csr(request)
        signed, public, subject = parsed.is_signature_valid, parsed.public_key(), parsed.subject
        names, authority = _requested(parsed)
    except UNREADABLE as error:
        raise Mistake("this is no certificate request in PEM: make one with openssl req -new") from error
    if not signed:
        raise Mistake("the request is not signed with the key that it brings: make it anew with openssl req -new")
    if authority:
        raise Mistake("the request asks to be an authority: leave basicConstraints out of it")
    _refuse_more_than(grant, subject, names)
    return accepted_key(public)


def _belong(signer: Signer) -> bool:
    try:
        return signer.certificate.public_key() == signer.key.public_key()
    except UNREADABLE:
        return False


def _refuse_more_than(grant: Grant, subject: x509.Name, names: list[x509.GeneralName]) -> None:
    if list(subject) and subject != grant.subject():
        raise Mistake(
            f"the request is for the subject {subject.rfc4514_string()[:200]!r}, granted is "
            f"{grant.subject().rfc4514_string()!r}: make it with -subj /CN={grant.identity.common_name}"
        )
    granted = grant.names()
    surplus = ", ".join(str(name.value) for name in names if name not in granted)
    if surplus:
        given = ", ".join(str(name.value) for name in granted)
        raise Mistake(f"the request asks for the names {surplus[:200]!r}, granted are {given}: leave others out")


def _requested(request: x509.CertificateSigningRequest) -> tuple[list[x509.GeneralName], bool]:
    names: list[x509.GeneralName] = []
    authority = False
    for extension in request.extensions:
        if isinstance(extension.value, x509.SubjectAlternativeName):
            names = list(extension.value)
        elif isinstance(extension.value, x509.BasicConstraints):
            authority = extension.value.ca
    return names, authority


def _faults(signer: Signer, now: datetime) -> list[tuple[str, str]]:
    found = []
    if now < signer.validity.start:
        found.append((f"is not good before {signer.validity.start}", "look at this machine's clock"))
    if now >= signer.validity.end:
        found.append((f"ended on {signer.validity.end}", "bring a newer one, or let keytwin make its own"))
    try:
        accepted_key(signer.certificate.public_key())
        return found + _usage_faults(signer.certificate.extensions)
    except UNREADABLE:
        return [*found, ("cannot be read as RFC 5280 wants it", "bring another certificate")]
    except Mistake as error:
        return [*found, (str(error), "")]


def _usage_faults(extensions: Iterable[x509.Extension[x509.ExtensionType]]) -> list[tuple[str, str]]:
    basic, usage, named, purposes = False, False, False, True
    for extension in extensions:
        match extension.value:
            case x509.BasicConstraints(ca=ca):
                basic = ca and extension.critical
            case x509.KeyUsage(key_cert_sign=signs, crl_sign=revokes):
                usage = signs and revokes
            case x509.SubjectKeyIdentifier():
                named = True
            case x509.ExtendedKeyUsage() as limits:
                purposes = set(limits) >= _PURPOSES or ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE in limits
            case _:
                pass  # says nothing about issuing
    return [fault for good, fault in zip((basic, usage, named, purposes), _FAULTS, strict=True) if not good]


_PURPOSES: Final = {ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH}
_FAULTS: Final = (
    ("is not an authority's", "it needs basicConstraints = critical, CA:TRUE"),
    ("may not sign certificates and revocation lists", "it needs keyUsage = keyCertSign, cRLSign"),
    ("does not name its key", "it needs subjectKeyIdentifier = hash"),
    ("is limited to other purposes", "it needs serverAuth and clientAuth, or no extendedKeyUsage"),
)
