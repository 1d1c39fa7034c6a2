"""The profiles of certificates: what is in them, and what a grant cannot say."""

from __future__ import annotations

import ipaddress
from datetime import datetime, timedelta, timezone

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PublicKeyTypes
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.certificates import (
    TOLERANCE,
    Grant,
    Signer,
    Validity,
    accepted_key,
    host_name,
    issuing_of,
    leaf_of,
    new_key,
    revocation_list,
    root_of,
    validity_of,
)
from keytwin.runtime.identities import Identity, Role, identity_of
from keytwin.vocabulary.errors import Mistake
from tests.marks import clause, invariant
from tests.runtime.papers import CLIENT, DAY, KM0, NOW, OPERATOR, SAE, SERVER

VALIDITY = Validity.beginning(NOW, 30 * DAY)


@pytest.fixture(scope="module")
def root() -> Signer:
    key = new_key()
    return Signer(root_of(key, "star6", VALIDITY), key)


@pytest.fixture(scope="module")
def issuing(root: Signer) -> Signer:
    key = new_key()
    return Signer(issuing_of(key.public_key(), "star6", root, VALIDITY), key)


def leaf(issuing: Signer, identity: Identity, *hosts: str, life: timedelta = DAY) -> x509.Certificate:
    validity = Validity.beginning(NOW, life)
    return leaf_of(new_key().public_key(), Grant(identity, "star6", hosts), issuing, validity)


@clause("RFC 5280", "4.2.1.9")
def test_the_two_tiers_and_a_leaf_make_a_chain(root: Signer, issuing: Signer) -> None:
    issuing.certificate.verify_directly_issued_by(root.certificate)
    leaf(issuing, SAE).verify_directly_issued_by(issuing.certificate)
    lengths = []
    for signer in (root, issuing):
        basic = signer.certificate.extensions.get_extension_for_class(x509.BasicConstraints)
        usage = signer.certificate.extensions.get_extension_for_class(x509.KeyUsage)
        assert basic.critical
        assert basic.value.ca
        assert usage.critical
        assert (usage.value.key_cert_sign, usage.value.crl_sign, usage.value.digital_signature) == (True, True, False)
        lengths.append(basic.value.path_length)
    assert lengths == [1, 0], "no authority fits below the issuing one"


@clause("RFC 5280", "4.2.1.12")
@invariant("Z1")
@pytest.mark.parametrize(
    ("identity", "uses"),
    [
        (KM0, [SERVER, CLIENT]),
        (Identity(Role.ELEMENT, "link/km0--km1"), [SERVER, CLIENT]),
        (SAE, [CLIENT]),
        (OPERATOR, [CLIENT]),
    ],
)
def test_a_leaf_is_good_for_what_its_role_does(issuing: Signer, identity: Identity, uses: list[object]) -> None:
    extensions = leaf(issuing, identity).extensions
    assert list(extensions.get_extension_for_class(x509.ExtendedKeyUsage).value) == uses
    usage = extensions.get_extension_for_class(x509.KeyUsage)
    assert usage.critical
    assert (usage.value.digital_signature, usage.value.key_cert_sign, usage.value.crl_sign) == (True, False, False)
    assert not extensions.get_extension_for_class(x509.BasicConstraints).value.ca


def test_a_leaf_names_its_owner_and_its_hosts(issuing: Signer) -> None:
    certificate = leaf(issuing, KM0, "KM0.example.org", "192.0.2.7", "[2001:db8::7]", "localhost")
    names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert names.get_values_for_type(x509.UniformResourceIdentifier) == ["spiffe://star6/km/km0"]
    assert names.get_values_for_type(x509.DNSName) == ["localhost", "km0.example.org"]
    addresses = ["127.0.0.1", "::1", "192.0.2.7", "2001:db8::7"]
    assert names.get_values_for_type(x509.IPAddress) == [ipaddress.ip_address(each) for each in addresses]
    assert [each.value for each in certificate.subject] == ["km0"]


@pytest.mark.parametrize("identity", [SAE, OPERATOR])
def test_who_only_connects_has_no_host(issuing: Signer, identity: Identity) -> None:
    names = leaf(issuing, identity).extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    assert len(list(names)) == 1
    with pytest.raises(Mistake, match=r"takes no hosts.*leave them out"):
        leaf(issuing, identity, "example.org")


def test_a_name_longer_than_a_common_name_is_whole_in_the_uri(issuing: Signer) -> None:
    name = f"link/{'a' * 64}--{'b' * 64}/{'c' * 64}"
    certificate = leaf(issuing, Identity(Role.ELEMENT, name))
    assert identity_of(certificate.public_bytes(Encoding.DER), "star6").name == name
    assert certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[0].value == name[:64]


def test_serials_are_random(issuing: Signer) -> None:
    serials = {leaf(issuing, SAE).serial_number for _ in range(20)}
    assert len(serials) == 20
    assert all(0 < serial < 2**159 for serial in serials), "RFC 5280 clause 4.1.2.2: 20 octets at most"
    assert max(serials) > 2**128


@given(now=st.integers(0, 2**31).map(lambda ms: NOW + timedelta(milliseconds=ms)), hours=st.integers(-12, 12))
def test_a_validity_begins_earlier_by_the_tolerance_of_clocks(now: datetime, hours: int) -> None:
    assert Validity.beginning(now.astimezone(timezone(timedelta(hours=hours))), DAY) == Validity.beginning(now, DAY)
    validity = Validity.beginning(now, DAY)
    assert timedelta() <= now - validity.start - TOLERANCE < timedelta(seconds=1)
    assert timedelta() <= now + DAY - validity.end < timedelta(seconds=1)


def test_a_leaf_neither_begins_before_nor_ends_after_its_authority(issuing: Signer) -> None:
    certificate = leaf_of(
        new_key().public_key(), Grant(SAE, "star6"), issuing, Validity(NOW - 900 * DAY, NOW + 900 * DAY)
    )
    assert validity_of(certificate) == issuing.validity


@pytest.mark.parametrize(
    "host",
    ["", " ", "*", "*.example.org", "km0:443", "https://km0", "a..b", "-a", "a-", "a_b", "256.1.1.1", "1.2.3", "é",
     "a" * 64, "a." * 127, "km0.", "10.0.0.0/8", "fe80::1%eth0x/y", "km0\0"],
)  # fmt: skip
def test_what_is_no_host_is_a_mistake(host: str) -> None:
    with pytest.raises(Mistake, match="is no host: give a name such as"):
        host_name(host)


def test_hosts_have_a_limit() -> None:
    hosts = tuple(f"h{number}.example.org" for number in range(62))
    with pytest.raises(Mistake, match="65 hosts"):
        Grant(KM0, "star6", hosts).names()
    assert len(Grant(KM0, "star6", hosts[1:]).names()) == 65


@pytest.mark.parametrize(
    "key",
    [
        rsa.generate_private_key(65537, 1024),  # noqa: S505  # weak on purpose
        ec.generate_private_key(ec.SECP256K1()),
        ec.generate_private_key(ec.SECP224R1()),
        ed448.Ed448PrivateKey.generate(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_weak_and_rare_keys_are_refused(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> None:
    with pytest.raises(Mistake, match=r"this key is not taken: bring EC P-256"):
        accepted_key(key.public_key())


@pytest.mark.parametrize(
    "public",
    [
        rsa.generate_private_key(65537, 2048).public_key(),
        ec.generate_private_key(ec.SECP384R1()).public_key(),
        ed25519.Ed25519PrivateKey.generate().public_key(),
    ],
    ids=lambda key: type(key).__name__,
)
def test_keys_that_vendors_bring_are_taken(public: PublicKeyTypes, issuing: Signer) -> None:
    certificate = leaf_of(accepted_key(public), Grant(SAE, "star6"), issuing, VALIDITY)
    assert certificate.public_key() == public


@clause("RFC 5280", "5.2")
def test_a_revocation_list_is_numbered_signed_and_holds_until_its_authority_ends(issuing: Signer) -> None:
    revoked = revocation_list(issuing, [(5, NOW - DAY), (2**159 - 1, NOW)], 2, NOW)
    public = issuing.certificate.public_key()
    assert isinstance(public, ec.EllipticCurvePublicKey)
    assert revoked.is_signature_valid(public)
    assert {entry.serial_number: entry.revocation_date_utc for entry in revoked} == {5: NOW - DAY, 2**159 - 1: NOW}
    assert revoked.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number == 2
    assert (revoked.last_update_utc, revoked.next_update_utc) == (NOW, issuing.validity.end)


def test_a_signer_does_not_print_its_key(issuing: Signer) -> None:
    text = f"{issuing!r} {issuing}"
    assert "Private" not in text
    assert "BEGIN" not in text
