"""Whose certificates are kept good: everyone's, renewed in time, and never one that was revoked."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import NameOID

from keytwin.operation.certification import (
    BUS,
    CONTROL,
    OPERATOR,
    Certification,
    authority_of,
    km_identity,
    sae_identity,
    twin_identity,
)
from keytwin.operation.settings import BroughtAuthority
from keytwin.runtime.certificates import new_key, signing_hash
from keytwin.runtime.identities import Identity, identity_of
from keytwin.runtime.leaves import leaf_in
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import FileMistake
from keytwin.vocabulary.identity import LinkId, NodeId, SaeId
from tests.runtime.papers import NOW

SAE = SaeId("app01-a")
HOSTS = ("localhost", "127.0.0.1")
HALF = timedelta(hours=13)  # of a leaf's 24


def star() -> Blueprint:
    network = load("star6")
    assert isinstance(network, Blueprint)
    return network


@pytest.fixture
def certification(tmp_path: Path) -> Certification:
    made = Certification(authority_of(tmp_path, "star6", NOW), star(), HOSTS)
    made.begin(NOW)
    return made


def serial(certification: Certification, identity: Identity) -> int:
    return leaf_in(certification.files_of(identity)).serial_number


def test_everyone_who_takes_part_gets_a_certificate_that_speaks_for_them(certification: Certification) -> None:
    twin = twin_identity(LinkId("km0--km1"))
    for identity in (OPERATOR, CONTROL, km_identity(NodeId("km5")), sae_identity(SAE), twin):
        leaf = leaf_in(certification.files_of(identity))
        assert identity_of(leaf.public_bytes(serialization.Encoding.DER), "star6") == identity


def test_whoever_serves_is_certified_anew_at_each_start_and_clients_keep_theirs(certification: Certification) -> None:
    km, sae = km_identity(NodeId("km0")), sae_identity(SAE)
    before = serial(certification, km), serial(certification, sae)
    certification.begin(NOW)
    assert serial(certification, km) != before[0]
    assert serial(certification, sae) == before[1]


def test_what_is_half_over_is_renewed_and_told(certification: Certification) -> None:
    told: list[Identity] = []
    before = serial(certification, sae_identity(SAE))
    certification.renew(NOW + timedelta(hours=1), told.append)
    assert not told
    certification.renew(NOW + HALF, told.append)
    assert sae_identity(SAE) in told
    assert len(told) == len(set(told)) == 2 + 6 + 6 + 6
    assert serial(certification, sae_identity(SAE)) != before


def test_a_revoked_certificate_is_never_renewed_but_its_owner_may_be_enrolled_again(
    certification: Certification,
) -> None:
    told: list[Identity] = []
    assert certification.revoke(SAE, NOW) == 1
    revoked = serial(certification, sae_identity(SAE))
    certification.renew(NOW + HALF, told.append)
    certification.begin(NOW + HALF)
    assert sae_identity(SAE) not in told
    assert serial(certification, sae_identity(SAE)) == revoked
    assert certification.authority.is_denied(revoked)
    certification.enrol(SAE, None, NOW + HALF)
    assert not certification.authority.is_denied(serial(certification, sae_identity(SAE)))


def test_an_sae_may_keep_its_key_to_itself(certification: Certification) -> None:
    key = new_key()
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SAE)])
    request = x509.CertificateSigningRequestBuilder(subject_name=name).sign(key, signing_hash(key))
    chain = certification.enrol(SAE, request.public_bytes(serialization.Encoding.PEM), NOW)
    leaf, issuing = x509.load_pem_x509_certificates(chain)
    assert leaf.public_key() == key.public_key()
    leaf.verify_directly_issued_by(issuing)
    assert certification.revoke(SAE, NOW) == 2  # this one, and the one of the start


def test_a_damaged_certificate_is_replaced(certification: Certification) -> None:
    files = certification.files_of(sae_identity(SAE))
    files.certificate.write_text("no certificate")
    certification.begin(NOW)
    assert leaf_in(files).serial_number


def test_the_authority_of_a_state_is_made_once(tmp_path: Path) -> None:
    first = authority_of(tmp_path, "star6", NOW).trusted.read_bytes()
    assert authority_of(tmp_path, "star6", NOW).trusted.read_bytes() == first


def brought(folder: Path, network: str = "star6") -> BroughtAuthority:
    """Make an authority elsewhere, as an operator's own tools would."""
    made = authority_of(folder, network, NOW)
    return BroughtAuthority(made.trusted.parent / "authority" / "issuing.pem", folder / "authority" / "issuing-key.pem")


def test_an_operator_may_bring_an_authority_and_only_what_it_signs_is_trusted(tmp_path: Path) -> None:
    own = brought(tmp_path / "elsewhere")
    authority = authority_of(tmp_path / "pki", "star6", NOW, brought=own)
    certification = Certification(authority, star(), HOSTS)
    certification.begin(NOW)
    (issuing,) = x509.load_pem_x509_certificates(authority.trusted.read_bytes())
    assert issuing == x509.load_pem_x509_certificate(own.certificate.read_bytes())
    leaf_in(certification.files_of(sae_identity(SAE))).verify_directly_issued_by(issuing)
    assert (
        authority_of(tmp_path / "pki", "star6", NOW, brought=own).trusted.read_bytes() == authority.trusted.read_bytes()
    )


def test_another_authority_than_that_of_the_state_is_refused(tmp_path: Path) -> None:
    authority_of(tmp_path / "pki", "star6", NOW)
    with pytest.raises(FileMistake, match=r"is not the authority of the state in .*choose another with --state"):
        authority_of(tmp_path / "pki", "star6", NOW, brought=brought(tmp_path / "elsewhere"))


def test_only_a_network_in_processes_has_a_certificate_for_its_bus(tmp_path: Path) -> None:
    authority = authority_of(tmp_path, "star6", NOW)
    blueprint = star()
    Certification(authority, blueprint, HOSTS).begin(NOW)
    assert not authority.files_of(BUS).exist
    Certification(authority, blueprint, HOSTS, has_bus=True).begin(NOW)
    assert authority.files_of(BUS).exist
