"""The authority on disk: made once, loaded again, issuing, renewing, revoking."""

from __future__ import annotations

import shutil
import stat
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from keytwin.runtime import pki
from keytwin.runtime.brought import read_key
from keytwin.runtime.certificates import TOLERANCE, Signer, Validity, new_key, pem_of, pem_of_key, root_of, validity_of
from keytwin.runtime.identities import Identity, Role, identity_of
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.ledger import read_entries
from keytwin.runtime.pki import LEAF_LIFE, Authority
from keytwin.vocabulary.errors import FileMistake, Mistake
from tests.marks import invariant
from tests.runtime.papers import DAY, KM0, NOW, OPERATOR, SAE, leaf_in, request_for, signer_of, write_secret

TWIN = Identity(Role.ELEMENT, "link/km0--km1/fibre")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "state" / "pki"


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority.create(folder, "star6", NOW)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def octets_of(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted((folder / "authority").iterdir())}


def serial_of(files: LeafFiles) -> int:
    return leaf_in(files.certificate).serial_number


def brought(tmp_path: Path, network: str = "star6", now: datetime = NOW) -> tuple[Path, Path]:
    key = new_key()
    certificate = root_of(key, network, Validity.beginning(now, 30 * DAY))
    (tmp_path / "ca.crt").write_bytes(pem_of(certificate))
    return tmp_path / "ca.crt", write_secret(tmp_path / "ca.key", pem_of_key(key))


def test_a_new_authority_has_two_tiers(authority: Authority, folder: Path) -> None:
    root, issuing = x509.load_pem_x509_certificates(authority.trusted.read_bytes())
    root.verify_directly_issued_by(root)
    issuing.verify_directly_issued_by(root)
    assert {"root.pem", "root-key.pem", "issuing.pem", "issuing-key.pem"} <= set(octets_of(folder))


@invariant("Z5")
def test_keys_and_folders_are_closed_to_others(authority: Authority, folder: Path) -> None:
    for identity in (KM0, TWIN, SAE, OPERATOR):
        authority.issue(identity, NOW)
    authority.revoke(5, NOW)
    paths = [folder, *folder.rglob("*")]
    assert {mode(path) for path in paths if path.is_dir()} == {0o700}
    readable = {path.name for path in paths if path.is_file() and mode(path) != 0o600}
    assert readable == {"ca.pem", "crl.pem", "certificate.pem"}


def test_an_authority_is_never_overwritten(authority: Authority, folder: Path, tmp_path: Path) -> None:
    before = octets_of(folder)
    with pytest.raises(FileMistake, match=r"authority: holds an authority already \(load it, or choose another"):
        Authority.create(folder, "star6", NOW)
    with pytest.raises(FileMistake, match="holds an authority already"):
        Authority.bring(folder, "star6", *brought(tmp_path), now=NOW)
    assert octets_of(folder) == before
    assert not list(folder.glob(".authority*")), "nothing is left of the attempt"
    assert authority.trusted.exists()


def test_a_half_made_authority_is_none(folder: Path) -> None:
    (folder / ".authority.1234").mkdir(parents=True)
    (folder / ".authority.1234" / "issuing.pem").write_bytes(b"half")
    with pytest.raises(FileMistake, match="holds no authority"):
        Authority.load(folder, "star6", NOW)
    Authority.create(folder, "star6", NOW)


def test_a_loaded_authority_issues_what_the_first_one_trusts(authority: Authority, folder: Path) -> None:
    again = Authority.load(folder, "star6", NOW + DAY)
    certificate = leaf_in(again.issue(SAE, NOW + DAY).certificate)
    certificate.verify_directly_issued_by(signer_of(folder).certificate)
    assert again.trusted.read_bytes() == authority.trusted.read_bytes()


def test_the_root_key_may_be_taken_off_the_machine(authority: Authority, folder: Path) -> None:
    before = authority.trusted.read_bytes()
    (folder / "authority" / "root-key.pem").unlink()
    assert Authority.load(folder, "star6", NOW).issue(KM0, NOW).certificate.exists()
    assert authority.trusted.read_bytes() == before


def test_what_peers_read_is_made_again_when_lost(authority: Authority, folder: Path) -> None:
    authority.revoke(5, NOW)
    trusted = authority.trusted.read_bytes()
    authority.trusted.unlink()
    authority.revoked.unlink()
    Authority.load(folder, "star6", NOW)
    assert authority.trusted.read_bytes() == trusted
    assert serials_revoked(authority) == {5}


def test_an_authority_of_another_network_is_refused(authority: Authority, folder: Path, tmp_path: Path) -> None:
    assert authority.network == "star6"
    with pytest.raises(FileMistake, match=r"issuing\.pem: is of spiffe://star6, not of network 'long-range'"):
        Authority.load(folder, "long-range", NOW)
    with pytest.raises(FileMistake, match="is of spiffe://other"):
        Authority.bring(tmp_path / "own", "star6", *brought(tmp_path, "other"), now=NOW)
    assert not (tmp_path / "own" / "authority").exists()


def test_a_damaged_authority_is_named_at_the_start(authority: Authority, folder: Path) -> None:
    assert authority.network == "star6"
    write_secret(folder / "authority" / "issuing-key.pem", pem_of_key(new_key()))
    with pytest.raises(FileMistake, match=r"issuing-key\.pem: does not belong to the certificate"):
        Authority.load(folder, "star6", NOW)


def test_a_brought_authority_is_the_only_one_trusted(folder: Path, tmp_path: Path) -> None:
    certificate, key = brought(tmp_path)
    authority = Authority.bring(folder, "star6", certificate, key, NOW)
    assert authority.trusted.read_bytes() == certificate.read_bytes()
    leaf_in(authority.issue(KM0, NOW).certificate).verify_directly_issued_by(leaf_in(certificate))
    key.unlink()
    certificate.unlink()
    assert Authority.load(folder, "star6", NOW).issue(SAE, NOW).key.exists(), "it was taken along"


@pytest.mark.parametrize("identity", [KM0, SAE, OPERATOR, TWIN], ids=str)
def test_a_leaf_is_issued_with_its_key_and_chain(authority: Authority, folder: Path, identity: Identity) -> None:
    assert not authority.files_of(identity).exist
    files = authority.issue(identity, NOW)
    leaf, issuing = x509.load_pem_x509_certificates(files.certificate.read_bytes())
    assert issuing == signer_of(folder).certificate
    leaf.verify_directly_issued_by(issuing)
    assert read_key(files.key).public_key() == leaf.public_key()
    assert identity_of(leaf.public_bytes(Encoding.DER), "star6") == identity
    assert validity_of(leaf) == Validity(NOW - TOLERANCE, NOW + LEAF_LIFE)
    assert files == authority.files_of(identity)
    assert authority.files_of(identity).exist


def test_the_life_of_leaves_is_a_setting(folder: Path) -> None:
    authority = Authority.create(folder, "star6", NOW, life=timedelta(hours=1))
    assert leaf_in(authority.issue(KM0, NOW).certificate).not_valid_after_utc == NOW + timedelta(hours=1)
    with pytest.raises(Mistake, match="would end before they are used"):
        Authority.load(folder, "star6", NOW, life=timedelta(seconds=1))


@pytest.mark.parametrize("when", [NOW - DAY, NOW + timedelta(days=1826)])
def test_an_authority_issues_only_in_its_time(authority: Authority, when: datetime) -> None:
    with pytest.raises(Mistake, match="look at the clock, or make a new authority"):
        authority.issue(SAE, when)
    assert not authority.files_of(SAE).exist


def test_a_bad_host_issues_nothing(authority: Authority, folder: Path) -> None:
    with pytest.raises(Mistake, match="is no host"):
        authority.issue(KM0, NOW, ("no host",))
    assert read_entries(folder / "authority" / "issued") == []


def test_a_request_is_signed_for_the_key_it_brings(authority: Authority, folder: Path) -> None:
    key = new_key()
    request = request_for(key).public_bytes(Encoding.PEM)
    leaf, issuing = x509.load_pem_x509_certificates(authority.sign_request(request, SAE, NOW))
    assert leaf.public_key() == key.public_key()
    assert issuing == signer_of(folder).certificate
    assert identity_of(leaf.public_bytes(Encoding.DER), "star6") == SAE
    assert not authority.files_of(SAE).exist, "its key is the owner's; nothing of it lies here"


def test_a_request_for_more_is_not_signed(authority: Authority, folder: Path) -> None:
    request = request_for(new_key(), "app01-b").public_bytes(Encoding.PEM)
    with pytest.raises(Mistake, match="granted is"):
        authority.sign_request(request, SAE, NOW)
    assert read_entries(folder / "authority" / "issued") == []


def serials_revoked(authority: Authority) -> set[int]:
    return {entry.serial_number for entry in x509.load_pem_x509_crl(authority.revoked.read_bytes())}


@invariant("Z1")
def test_a_revoked_certificate_is_in_the_list_that_peers_read(authority: Authority, folder: Path) -> None:
    serial = serial_of(authority.issue(SAE, NOW))
    assert authority.revoke(serial, NOW)
    assert not authority.revoke(serial, NOW)
    assert authority.is_denied(serial)
    assert serials_revoked(authority) == {serial}
    assert Authority.load(folder, "star6", NOW).is_denied(serial)


@invariant("Z1")
def test_revoking_an_identity_denies_all_it_holds(authority: Authority, folder: Path) -> None:
    renewed = [serial_of(authority.issue(SAE, NOW)), serial_of(authority.issue(SAE, NOW))]
    request = request_for(new_key()).public_bytes(Encoding.PEM)
    own = x509.load_pem_x509_certificates(authority.sign_request(request, SAE, NOW))[0].serial_number
    other = serial_of(authority.issue(Identity(Role.SAE, "app01-b"), NOW))
    again = Authority.load(folder, "star6", NOW)
    assert again.revoke_identity(SAE, NOW) == 3
    assert serials_revoked(again) == {*renewed, own}
    assert not again.is_denied(other)
    assert again.revoke_identity(SAE, NOW) == 0
    assert not again.is_denied(serial_of(again.issue(SAE, NOW))), "who is let in again gets a good certificate"


@invariant("Z1")
@pytest.mark.parametrize("part", ["authority", "revoked"])
def test_a_part_put_back_from_a_backup_un_revokes_nothing(
    authority: Authority, folder: Path, part: str, tmp_path: Path
) -> None:
    serial = serial_of(authority.issue(SAE, NOW))
    shutil.copytree(folder / part, tmp_path / "backup")
    authority.revoke(serial, NOW)
    shutil.rmtree(folder / part)
    shutil.copytree(tmp_path / "backup", folder / part)
    again = Authority.load(folder, "star6", NOW)
    assert again.is_denied(serial)
    assert serials_revoked(again) == {serial}


def test_the_list_that_peers_read_is_numbered_and_dated_upwards(authority: Authority) -> None:
    seen = []
    for serial in range(1, 5):
        revoked = x509.load_pem_x509_crl(authority.revoked.read_bytes())
        number = revoked.extensions.get_extension_for_class(x509.CRLNumber).value.crl_number
        seen.append((number, revoked.last_update_utc))
        authority.revoke(serial, NOW)
    assert [number for number, _ in seen] == [0, 1, 2, 3]
    dates = [date for _, date in seen]
    assert dates == sorted(set(dates))
    assert dates[-1] < NOW, "a list from the future would shut everyone out"


def test_what_was_issued_is_forgotten_when_it_has_ended(
    authority: Authority, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    issued = folder / "authority" / "issued"
    authority.issue(SAE, NOW)
    authority.issue(KM0, NOW + DAY)
    Authority.load(folder, "star6", NOW + DAY)
    assert [entry.note for entry in read_entries(issued)] == ["km/km0"]
    monkeypatch.setattr(pki, "LARGEST_ISSUED", 0)
    authority.issue(SAE, NOW + 3 * DAY)
    assert [entry.note for entry in read_entries(issued)] == ["sae/app01-a"]


def test_an_authority_does_not_print_its_key(authority: Authority, folder: Path) -> None:
    signer: Signer = signer_of(folder)
    assert pem_of_key(signer.key).decode().splitlines()[1] not in f"{authority!r} {vars(authority)!r}"
