"""An authority and requests that operators bring: what is taken, and what each refusal says."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import CertificateIssuerPrivateKeyTypes
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat, PublicFormat

from keytwin.runtime import brought
from keytwin.runtime.brought import read_key, read_signer, requested_key
from keytwin.runtime.certificates import Grant, Signer, Validity, new_key, pem_of, pem_of_key, root_of
from keytwin.vocabulary.errors import FileMistake, Mistake
from tests.marks import invariant
from tests.runtime.papers import DAY, KM0, NOW, SAE, SERVER, Paper, request_for, write_secret

VALIDITY = Validity.beginning(NOW, 30 * DAY)
GRANT = Grant(SAE, "star6")
URI = x509.UniformResourceIdentifier("spiffe://star6/sae/app01-a")


def authority(key: ec.EllipticCurvePrivateKey, *extensions: tuple[x509.ExtensionType, bool]) -> x509.Certificate:
    subject = x509.Name.from_rfc4514_string("CN=corporate")
    builder = x509.CertificateBuilder(subject_name=subject, issuer_name=subject).public_key(key.public_key())
    builder = builder.serial_number(7).not_valid_before(VALIDITY.start).not_valid_after(VALIDITY.end)
    for value, critical in extensions:
        builder = builder.add_extension(value, critical=critical)
    return builder.sign(key, hashes.SHA256())


def filed(folder: Path, certificate: x509.Certificate, key: CertificateIssuerPrivateKeyTypes) -> tuple[Path, Path]:
    (folder / "ca.crt").write_bytes(pem_of(certificate))
    return folder / "ca.crt", write_secret(folder / "ca.key", pem_of_key(key))


def pem(request: x509.CertificateSigningRequest) -> bytes:
    return request.public_bytes(Encoding.PEM)


def test_an_authority_is_read_with_its_key(tmp_path: Path) -> None:
    key = new_key()
    certificate = root_of(key, "star6", VALIDITY)
    signer = read_signer(*filed(tmp_path, certificate, key), NOW)
    assert isinstance(signer, Signer)
    assert signer.certificate == certificate
    assert signer.key.public_key() == key.public_key()


def test_a_key_of_another_certificate_is_named(tmp_path: Path) -> None:
    files = filed(tmp_path, root_of(new_key(), "star6", VALIDITY), new_key())
    with pytest.raises(FileMistake, match=r"ca\.key: does not belong to the certificate \(see .*ca\.crt\)"):
        read_signer(*files, NOW)


@pytest.mark.parametrize("days", [-1, 31])
def test_an_authority_is_taken_only_in_its_time(tmp_path: Path, days: int) -> None:
    key = new_key()
    files = filed(tmp_path, root_of(key, "star6", VALIDITY), key)
    with pytest.raises(FileMistake, match=r"ca\.crt: (ended on|is not good before) 20"):
        read_signer(*files, NOW + days * DAY)


def test_all_that_is_wrong_is_said_at_once(tmp_path: Path) -> None:
    key = new_key()
    leaf = Paper(uses=(SERVER,), key=key, end=NOW - timedelta(hours=1)).signed()
    with pytest.raises(FileMistake) as raised:
        read_signer(*filed(tmp_path, leaf, new_key()), NOW)
    said = [finding.what for finding in raised.value.findings]
    assert [text[:24] for text in said] == [
        f"ended on {NOW - timedelta(hours=1)}"[:24],
        "is not an authority's",
        "may not sign certificate",
        "is limited to other purp",
        "does not belong to the c",
    ]
    assert all(finding.suggestion for finding in raised.value.findings)


def usage(*, certificates: bool = True, lists: bool = True) -> x509.KeyUsage:
    return x509.KeyUsage(False, False, False, False, False, certificates, lists, False, False)  # noqa: FBT003


@pytest.mark.parametrize(
    ("basic", "keys", "named", "says"),
    [
        ((x509.BasicConstraints(ca=False, path_length=None), True), usage(), True, "is not an authority's"),
        ((x509.BasicConstraints(ca=True, path_length=None), False), usage(), True, "is not an authority's"),
        ((x509.BasicConstraints(ca=True, path_length=None), True), usage(lists=False), True, "revocation lists"),
        ((x509.BasicConstraints(ca=True, path_length=None), True), usage(certificates=False), True, "may not sign"),
        ((x509.BasicConstraints(ca=True, path_length=None), True), usage(), False, "does not name its key"),
    ],
)
def test_an_authority_without_the_right_to_issue_is_refused(
    tmp_path: Path, basic: tuple[x509.ExtensionType, bool], keys: x509.KeyUsage, *, named: bool, says: str
) -> None:
    key = new_key()
    identifier = x509.SubjectKeyIdentifier.from_public_key(key.public_key())
    extensions = [basic, (keys, True), *([(identifier, False)] if named else [])]
    with pytest.raises(FileMistake, match=says) as raised:
        read_signer(*filed(tmp_path, authority(key, *extensions), key), NOW)
    assert len(raised.value.findings) == 1


def test_a_weak_authority_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256K1())
    with pytest.raises(FileMistake, match="this key is not taken"):
        read_signer(*filed(tmp_path, authority(key), key), NOW)


@pytest.mark.parametrize(
    ("octets", "says"),
    [
        (b"", "holds no certificate in PEM"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", "holds no certificate in PEM"),
        (2 * pem_of(root_of(new_key(), "star6", VALIDITY)), "holds 2 certificates"),
    ],
)
def test_a_file_without_one_certificate_is_named(tmp_path: Path, octets: bytes, says: str) -> None:
    (tmp_path / "ca.crt").write_bytes(octets)
    with pytest.raises(FileMistake, match=rf"ca\.crt: {says}"):
        read_signer(tmp_path / "ca.crt", write_secret(tmp_path / "ca.key", pem_of_key(new_key())), NOW)


def test_a_file_without_a_bare_key_is_named(tmp_path: Path) -> None:
    locked = new_key().private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
    with pytest.raises(FileMistake, match=r"under a passphrase \(take it off: openssl pkey"):
        read_key(write_secret(tmp_path / "key", locked))
    with pytest.raises(FileMistake, match="holds no private key in PEM"):
        read_key(write_secret(tmp_path / "key", b"no key"))
    with pytest.raises(FileMistake, match="signs no certificates here"):
        read_key(write_secret(tmp_path / "key", pem_of_key(ed448.Ed448PrivateKey.generate())))


@invariant("Z5")
def test_a_key_that_others_may_read_is_not_taken(tmp_path: Path) -> None:
    path = write_secret(tmp_path / "key", pem_of_key(new_key()))
    path.chmod(0o644)
    with pytest.raises(FileMistake, match="chmod 600"):
        read_key(path)


@pytest.mark.parametrize(
    "key",
    [new_key(), ed25519.Ed25519PrivateKey.generate(), rsa.generate_private_key(65537, 2048)],
    ids=lambda key: type(key).__name__,
)
def test_keys_of_the_usual_kinds_are_read(tmp_path: Path, key: CertificateIssuerPrivateKeyTypes) -> None:
    assert read_key(write_secret(tmp_path / "key", pem_of_key(key))).public_key() == key.public_key()


def test_a_request_brings_its_key() -> None:
    key = new_key()
    for extensions in ([], [x509.SubjectAlternativeName([URI])]):
        assert requested_key(pem(request_for(key, "app01-a", *extensions)), GRANT) == key.public_key()
    assert requested_key(pem(request_for(key, "")), GRANT) == key.public_key(), "a request may leave names out"


@invariant("Z1")
@pytest.mark.parametrize(
    "names",
    [
        (x509.UniformResourceIdentifier("spiffe://star6/sae/app01-b"),),
        (x509.UniformResourceIdentifier("spiffe://star6/km/app01-a"),),
        (URI, x509.DNSName("localhost")),
        (URI, x509.RFC822Name("a@example.org")),
    ],
)
def test_a_request_for_more_names_than_granted_is_refused(names: tuple[x509.GeneralName, ...]) -> None:
    request = request_for(new_key(), "app01-a", x509.SubjectAlternativeName(names))
    with pytest.raises(Mistake, match=r"asks for the names .*, granted are spiffe://star6/sae/app01-a: leave others"):
        requested_key(pem(request), GRANT)


def test_a_request_may_name_the_hosts_that_are_granted() -> None:
    key, hosts = new_key(), x509.SubjectAlternativeName([x509.DNSName("km0.example.org")])
    request = pem(request_for(key, "km0", hosts))
    assert requested_key(request, Grant(KM0, "star6", ("km0.example.org",))) == key.public_key()
    with pytest.raises(Mistake, match=r"km0\.example\.org"):
        requested_key(request, Grant(KM0, "star6"))


@invariant("Z1")
@pytest.mark.parametrize("common", ["app01-b", "APP01-A", "km0"])
def test_a_request_for_another_subject_is_refused(common: str) -> None:
    with pytest.raises(Mistake, match=rf"'CN={common}', granted is 'CN=app01-a'.*-subj /CN=app01-a"):
        requested_key(pem(request_for(new_key(), common)), GRANT)


@invariant("Z1")
def test_a_request_to_be_an_authority_is_refused() -> None:
    request = request_for(new_key(), "app01-a", x509.BasicConstraints(ca=True, path_length=None))
    with pytest.raises(Mistake, match="asks to be an authority"):
        requested_key(pem(request), GRANT)


@invariant("Z1")
def test_a_request_signed_with_another_key_is_refused() -> None:
    mine, other = request_for(new_key()), request_for(new_key())
    octets = mine.public_bytes(Encoding.DER)
    forged = octets.replace(
        mine.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
        other.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo),
    )
    assert forged != octets
    with pytest.raises(Mistake, match="not signed with the key that it brings"):
        requested_key(pem(x509.load_der_x509_csr(forged)), GRANT)


@pytest.mark.parametrize("octets", [b"", b"no request", pem_of(Paper().signed())])
def test_what_is_no_request_is_refused(octets: bytes) -> None:
    with pytest.raises(Mistake, match="this is no certificate request in PEM"):
        requested_key(octets, GRANT)


def test_a_request_has_a_limit() -> None:
    with pytest.raises(Mistake, match="more than 65536 octets"):
        requested_key(bytes(brought.LARGEST_REQUEST + 1), GRANT)


def test_a_request_with_a_weak_key_is_refused() -> None:
    with pytest.raises(Mistake, match="this key is not taken"):
        requested_key(pem(request_for(ec.generate_private_key(ec.SECP256K1()))), GRANT)
