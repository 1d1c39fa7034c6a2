"""Mutual TLS, shaken by real hands over memory: who is let in, who is not, in both versions."""

from __future__ import annotations

import ssl
from datetime import timedelta
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, PrivateFormat

from keytwin.runtime.brought import read_key
from keytwin.runtime.certificates import Signer, Validity, issuing_of, new_key, pem_of, pem_of_key, root_of
from keytwin.runtime.identities import Identity, Role, UnknownPeer
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority
from keytwin.runtime.private_files import write_whole
from keytwin.runtime.tls import Doorkeeper, client_context, renew_chain, renew_revoked, server_context
from keytwin.vocabulary.errors import FileMistake
from tests.marks import invariant
from tests.runtime.papers import (
    CLIENT,
    DAY,
    KM0,
    NOW,
    OPERATOR,
    SAE,
    SERVER,
    Meeting,
    Paper,
    leaf_in,
    meet,
    request_for,
    signer_of,
    write_secret,
)

HOUR = timedelta(hours=1)
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])
SERVED = (x509.UniformResourceIdentifier("spiffe://star6/km/km0"), x509.DNSName("localhost"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "pki"


@pytest.fixture
def authority(folder: Path) -> Authority:
    return Authority.create(folder, "star6", NOW - 10 * DAY)


@pytest.fixture
def server(authority: Authority) -> ssl.SSLContext:
    return server_context(authority.issue(KM0, NOW))


def foreign(tmp_path: Path) -> Authority:
    """An authority of the same name, made by somebody else."""
    return Authority.create(tmp_path / "foreign", "star6", NOW)


def trusting(files: LeafFiles, authority: Authority) -> LeafFiles:
    """Show a certificate of one authority, trust another: a stranger who knows whom to speak to."""
    return LeafFiles(files.identity, files.certificate, files.key, authority.trusted, authority.revoked)


def without_certificate(authority: Authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(cafile=str(authority.trusted))
    return context


def refused_by_server(meeting: Meeting, version: ssl.TLSVersion, reason: str, alert: str) -> None:
    """The server refuses in its handshake; the client learns it there in TLS 1.2, at its first read in TLS 1.3."""
    assert reason in str(meeting.server_error)
    assert (meeting.client_handshake_error is None) == (version is TLS13)
    assert alert in str(meeting.client_error).lower()
    assert not meeting.succeeded


@invariant("Z1")
@BOTH
@pytest.mark.parametrize("identity", [SAE, OPERATOR, Identity(Role.KM, "km1")], ids=str)
def test_a_good_certificate_is_let_in_and_known(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, identity: Identity
) -> None:
    meeting = meet(server, client_context(authority.issue(identity, NOW)), version)
    assert meeting.succeeded
    doorkeeper = Doorkeeper("star6", authority.is_denied)
    assert doorkeeper.identify(meeting.server, NOW) == identity
    assert doorkeeper.identify(meeting.client, NOW) == KM0


@invariant("Z1")
@BOTH
def test_no_certificate_is_refused(authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    meeting = meet(server, without_certificate(authority), version)
    alert = "alert certificate required" if version is TLS13 else "alert handshake failure"
    refused_by_server(meeting, version, "peer did not return a certificate", alert)


@invariant("Z1")
@BOTH
def test_a_certificate_of_a_foreign_authority_is_refused(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    files = trusting(foreign(tmp_path).issue(SAE, NOW), authority)
    meeting = meet(server, client_context(files), version)
    refused_by_server(meeting, version, "certificate verify failed", "unknown ca")


@invariant("Z1")
@BOTH
@pytest.mark.parametrize(
    "case",
    [
        (Paper(end=NOW - HOUR), "certificate has expired", "certificate expired"),
        (Paper(start=NOW + HOUR), "certificate is not yet valid", "bad certificate"),
        (Paper(uses=(SERVER,)), "unsuitable certificate purpose", "unsupported certificate"),
    ],
    ids=["expired", "not yet valid", "server certificate as client"],
)
def test_a_certificate_out_of_its_time_or_use_is_refused(
    authority: Authority, folder: Path, server: ssl.SSLContext, version: ssl.TLSVersion, case: tuple[Paper, str, str]
) -> None:
    paper, reason, alert = case
    files = paper.filed(folder / "client", authority, signer_of(folder))
    refused_by_server(meet(server, client_context(files), version), version, reason, alert)


@invariant("Z1")
@BOTH
def test_a_leaf_issued_too_long_ago_is_refused(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    files = authority.issue(SAE, NOW - 2 * DAY)
    refused_by_server(meet(server, client_context(files), version), version, "has expired", "certificate expired")


@invariant("Z1")
@BOTH
def test_a_self_signed_certificate_is_refused(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    files = Paper().filed(tmp_path / "client", authority, None)
    refused_by_server(meet(server, client_context(files), version), version, "verify failed", "unknown ca")


@invariant("Z1")
@BOTH
def test_a_leaf_cannot_act_as_an_authority(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path, folder: Path
) -> None:
    holder = Paper(names=SERVED, common=("km0",), uses=(SERVER, CLIENT))
    middle = Signer(holder.signed(signer_of(folder)), holder.key)
    files = Paper().filed(tmp_path / "client", authority, middle)
    files.certificate.write_bytes(files.certificate.read_bytes() + pem_of(signer_of(folder).certificate))
    refused_by_server(meet(server, client_context(files), version), version, "verify failed", "alert")


@invariant("Z1")
@BOTH
def test_a_revoked_certificate_is_refused_from_then_on(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    client = client_context(authority.issue(SAE, NOW))
    other = client_context(authority.issue(OPERATOR, NOW))
    assert meet(server, client, version).succeeded
    authority.revoke_identity(SAE, NOW)
    renew_revoked(server, authority.revoked)
    refused_by_server(meet(server, client, version), version, "certificate revoked", "certificate revoked")
    assert meet(server, other, version).succeeded


@invariant("Z1")
@BOTH
def test_each_later_list_counts_in_a_live_context(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    clients = [client_context(authority.issue(Identity(Role.SAE, f"sae{number}"), NOW)) for number in range(4)]
    for number, client in enumerate(clients):
        assert meet(server, client, version).succeeded
        authority.revoke_identity(Identity(Role.SAE, f"sae{number}"), NOW)  # several within one second of the clock
        renew_revoked(server, authority.revoked)
        assert not meet(server, client, version).succeeded


@invariant("Z1")
@BOTH
def test_an_older_list_loaded_again_un_revokes_nothing(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    client = client_context(authority.issue(SAE, NOW))
    older = tmp_path / "older.pem"
    older.write_bytes(authority.revoked.read_bytes())
    authority.revoke_identity(SAE, NOW)
    for revoked in (authority.revoked, older, older):
        renew_revoked(server, revoked)
    assert not meet(server, client, version).succeeded


@invariant("Z1")
@BOTH
def test_a_server_of_a_foreign_authority_is_refused(
    authority: Authority, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    server = server_context(trusting(foreign(tmp_path).issue(KM0, NOW), authority))
    meeting = meet(server, client_context(authority.issue(SAE, NOW)), version)
    assert "verify failed" in str(meeting.client_handshake_error)
    assert not meeting.succeeded


@invariant("Z1")
@BOTH
@pytest.mark.parametrize(
    ("paper", "reason"),
    [
        (Paper(names=SERVED, uses=(CLIENT,)), "unsuitable certificate purpose"),
        (Paper(names=SERVED, uses=(SERVER,), end=NOW - HOUR), "certificate has expired"),
        (Paper(names=SERVED, uses=(SERVER,), start=NOW + HOUR), "not yet valid"),
        (Paper(names=SERVED[:1], common=("localhost",), uses=(SERVER,)), "ostname mismatch"),
    ],
    ids=["client certificate as server", "expired", "not yet valid", "other host"],
)
def test_a_server_that_may_not_serve_is_refused(
    authority: Authority, folder: Path, tmp_path: Path, version: ssl.TLSVersion, paper: Paper, reason: str
) -> None:
    server = server_context(paper.filed(tmp_path / "server", authority, signer_of(folder)))
    meeting = meet(server, client_context(authority.issue(SAE, NOW)), version)
    assert reason in str(meeting.client_handshake_error)
    assert not meeting.succeeded


@invariant("Z1")
@BOTH
def test_a_revoked_server_is_refused(authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    authority.revoke_identity(KM0, NOW)
    meeting = meet(server, client_context(authority.issue(SAE, NOW)), version)
    assert "certificate revoked" in str(meeting.client_handshake_error)


@BOTH
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "::1", "km0.example.org", "192.0.2.7"])
def test_a_server_is_good_at_the_hosts_it_was_given(authority: Authority, version: ssl.TLSVersion, host: str) -> None:
    server = server_context(authority.issue(KM0, NOW, ("km0.example.org", "192.0.2.7")))
    client = client_context(authority.issue(SAE, NOW))
    assert meet(server, client, version, host=host).succeeded
    assert not meet(server, client, version, host="km1.example.org").succeeded


@BOTH
def test_a_client_with_a_key_of_its_own_is_let_in(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    key = new_key()
    chain, own = tmp_path / "own.pem", write_secret(tmp_path / "own-key.pem", pem_of_key(key))
    chain.write_bytes(authority.sign_request(request_for(key).public_bytes(Encoding.PEM), SAE, NOW))
    files = LeafFiles(SAE, chain, own, authority.trusted, authority.revoked)
    assert meet(server, client_context(files), version).succeeded


@invariant("Z1")
@BOTH
def test_a_brought_authority_below_another_is_trusted_alone(version: ssl.TLSVersion, tmp_path: Path) -> None:
    above_key, key, other_key = new_key(), new_key(), new_key()
    validity = Validity.beginning(NOW, 30 * DAY)
    above = Signer(root_of(above_key, "star6", validity), above_key)
    sisters = [Signer(issuing_of(each.public_key(), "star6", above, validity), each) for each in (key, other_key)]
    (tmp_path / "ca.crt").write_bytes(pem_of(sisters[0].certificate))
    own = write_secret(tmp_path / "ca.key", pem_of_key(key))
    authority = Authority.bring(tmp_path / "own", "star6", tmp_path / "ca.crt", own, NOW)
    server = server_context(authority.issue(KM0, NOW))
    assert meet(server, client_context(authority.issue(SAE, NOW)), version).succeeded
    files = Paper().filed(tmp_path / "sister", authority, sisters[1])
    files.certificate.write_bytes(files.certificate.read_bytes() + pem_of(above.certificate))
    assert not meet(server, client_context(files), version).succeeded


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_are_not_spoken(authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion) -> None:
    client = client_context(authority.issue(SAE, NOW))
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        meeting = meet(server, client, version)
    assert meeting.server_error or meeting.client_handshake_error
    assert not meeting.succeeded
    assert (server.minimum_version, server.maximum_version) == (TLS12, TLS13)


def test_only_ciphers_with_forward_secrecy_are_offered(server: ssl.SSLContext) -> None:
    names = {cipher["name"] for cipher in server.get_ciphers()}
    assert all(name.startswith(("TLS_", "ECDHE-")) and ("GCM" in name or "CHACHA20" in name) for name in names)
    assert server.verify_mode is ssl.CERT_REQUIRED


@BOTH
def test_a_renewed_chain_serves_new_connections_and_leaves_the_old(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    client = client_context(authority.issue(SAE, NOW))
    before = meet(server, client, version)
    files = authority.issue(KM0, NOW)
    renew_chain(server, files)
    after = meet(server, client, version)
    old, new = (x509.load_der_x509_certificate(shown(meeting)).serial_number for meeting in (before, after))
    assert old != new == leaf_in(files.certificate).serial_number
    before.server.write(b"still here")
    assert before.client.read(100) == b"still here"


def shown(meeting: Meeting) -> bytes:
    octets = meeting.client.getpeercert(binary_form=True)
    assert octets
    return octets


@BOTH
def test_a_pair_that_does_not_match_leaves_the_context_as_it_was(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    files = authority.issue(KM0, NOW)
    write_whole(files.key, pem_of_key(new_key()))
    with pytest.raises(FileMistake, match="are no certificate and key that go together"):
        renew_chain(server, files)
    assert meet(server, client_context(authority.issue(SAE, NOW)), version).succeeded


@pytest.mark.parametrize("lost", ["trusted", "revoked", "certificate"])
def test_a_file_that_is_missing_is_named(authority: Authority, lost: str) -> None:
    files = authority.issue(KM0, NOW)
    path: Path = getattr(files, lost)
    path.unlink()
    with pytest.raises(FileMistake, match=rf"{path.name}: "):
        server_context(files)


def test_no_passphrase_is_asked_at_the_terminal(authority: Authority) -> None:
    files = authority.issue(KM0, NOW)
    locked = read_key(files.key).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"pass"))
    write_whole(files.key, locked)
    with pytest.raises(FileMistake, match="issue them anew"):
        server_context(files)


@invariant("Z1")
@BOTH
def test_the_doorkeeper_sees_what_came_after_the_handshake(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    files = authority.issue(SAE, NOW)
    meeting = meet(server, client_context(files), version)
    doorkeeper = Doorkeeper("star6", authority.is_denied)
    assert doorkeeper.identify(meeting.server, NOW + DAY - HOUR) == SAE
    with pytest.raises(UnknownPeer, match="is good from"):
        doorkeeper.identify(meeting.server, NOW + DAY)
    with pytest.raises(UnknownPeer, match="is good from"):
        doorkeeper.identify(meeting.server, NOW - HOUR)
    authority.revoke(leaf_in(files.certificate).serial_number, NOW)
    with pytest.raises(UnknownPeer, match="revoked"):
        doorkeeper.identify(meeting.server, NOW)


@invariant("Z1")
@BOTH
def test_a_peer_that_was_met_is_checked_again_without_its_certificate(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    files = authority.issue(SAE, NOW)
    doorkeeper = Doorkeeper("star6", authority.is_denied)
    peer = doorkeeper.meet(meet(server, client_context(files), version).server, NOW)
    assert (peer.identity, peer.serial) == (SAE, leaf_in(files.certificate).serial_number)
    doorkeeper.recheck(peer, NOW + DAY - HOUR)
    with pytest.raises(UnknownPeer, match="is good from"):
        doorkeeper.recheck(peer, NOW + DAY)
    authority.revoke_identity(SAE, NOW)
    with pytest.raises(UnknownPeer, match="revoked"):
        doorkeeper.recheck(peer, NOW)


@invariant("Z1")
def test_a_session_resumed_after_the_revocation_ends_at_the_doorkeeper(
    authority: Authority, server: ssl.SSLContext
) -> None:
    client = client_context(authority.issue(SAE, NOW))
    first = meet(server, client, TLS12)
    authority.revoke_identity(SAE, NOW)
    renew_revoked(server, authority.revoked)
    resumed = meet(server, client, TLS12, session=first.client.session)
    assert resumed.server.session_reused, "OpenSSL looks at no certificate here"
    with pytest.raises(UnknownPeer, match="revoked"):
        Doorkeeper("star6", authority.is_denied).identify(resumed.server, NOW)


def test_no_session_is_resumed_in_tls_1_3(authority: Authority, server: ssl.SSLContext) -> None:
    client = client_context(authority.issue(SAE, NOW))
    first = meet(server, client, TLS13)
    assert not meet(server, client, TLS13, session=first.client.session).server.session_reused


@invariant("Z1")
@BOTH
def test_the_doorkeeper_refuses_who_is_nobody_in_this_network(
    authority: Authority, folder: Path, server: ssl.SSLContext, version: ssl.TLSVersion, tmp_path: Path
) -> None:
    strange = (x509.UniformResourceIdentifier("spiffe://other/sae/app01-a"),)
    for names, says in ((strange, "not of network"), ((), "0 identities")):
        files = Paper(names=names).filed(tmp_path / "client", authority, signer_of(folder))
        meeting = meet(server, client_context(files), version)
        with pytest.raises(UnknownPeer, match=says):
            Doorkeeper("star6", authority.is_denied).identify(meeting.server, NOW)


@BOTH
def test_a_common_name_is_let_in_where_asked_for(
    authority: Authority, folder: Path, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    files = Paper(names=()).filed(folder / "client", authority, signer_of(folder))
    meeting = meet(server, client_context(files), version)
    assert Doorkeeper("star6", authority.is_denied, common_name_as=Role.SAE).identify(meeting.server, NOW) == SAE


@invariant("Z1")
@BOTH
def test_the_doorkeeper_refuses_who_showed_nothing(
    authority: Authority, server: ssl.SSLContext, version: ssl.TLSVersion
) -> None:
    server.verify_mode = ssl.CERT_NONE  # as if a context had been made by hand, carelessly
    meeting = meet(server, without_certificate(authority), version)
    assert meeting.succeeded
    with pytest.raises(UnknownPeer, match="showed no certificate"):
        Doorkeeper("star6", authority.is_denied).identify(meeting.server, NOW)


@BOTH
def test_the_protocol_above_is_agreed_on(authority: Authority, version: ssl.TLSVersion) -> None:
    server = server_context(authority.issue(KM0, NOW), alpn=("keytwin/1",))
    client = client_context(authority.issue(Identity(Role.KM, "km1"), NOW), alpn=("keytwin/1", "http/1.1"))
    meeting = meet(server, client, version)
    assert meeting.server.selected_alpn_protocol() == meeting.client.selected_alpn_protocol() == "keytwin/1"
