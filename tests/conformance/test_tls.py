"""Who gets in, with what: curl, openssl and Python over TLS 1.2 and 1.3; and nobody without a good certificate."""

from __future__ import annotations

import json
import shutil
import ssl
import subprocess
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path

import pytest
from cryptography import x509

from keytwin.runtime.certificates import Signer, pem_of, pem_of_key
from keytwin.runtime.identities import Role
from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import JSON, PATIENCE, Answer, Sae, ask, context, keys, refusal
from tests.marks import clause, invariant
from tests.operation.faces import authority, issued
from tests.runtime.papers import SERVER, Paper, signer_of, write_secret

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
VERSIONS = [pytest.param(each, id=each.name) for each in (ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3)]
NEWEST = ssl.TLSVersion.TLSv1_3
ENDS = timedelta(seconds=1)


def program(name: str) -> str:
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"{name} is not installed here")
    return found


def said(command: Sequence[str], given: bytes = b"") -> bytes:
    done = subprocess.run(command, input=given, capture_output=True, timeout=PATIENCE, check=False)
    assert done.returncode == 0, done.stderr.decode(errors="replace")
    return done.stdout


# --- who gets in ------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "5.1")
@pytest.mark.parametrize("version", VERSIONS)
def test_python_asks_many_times_over_one_connection(line: Network, version: ssl.TLSVersion) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    asking, fetching = master.connection(version), slave.connection(version)
    for _ in range(3):
        got = keys(ask(asking, "GET", master.path("enc_keys")))
        (key_id,) = got
        assert keys(ask(fetching, "GET", f"{slave.path('dec_keys')}?key_ID={key_id}")) == got
        for connection in (asking, fetching):
            assert isinstance(connection.sock, ssl.SSLSocket)
            assert connection.sock.version() == version.name.replace("_", ".")
    asking.close()
    fetching.close()


@clause(DOCUMENT, "5.1")
@pytest.mark.parametrize("version", ["1.2", "1.3"])
def test_curl_gets_and_fetches(line: Network, version: str) -> None:
    def curl(sae: Sae, target: str, *more: str) -> dict[str, str]:
        files = sae.files
        command = [program("curl"), "--silent", "--show-error", "--fail", f"--tlsv{version}", "--tls-max", version]
        command += ["--cert", files.certificate, "--key", files.key, "--cacert", files.trusted, *more]
        return {key["key_ID"]: key["key"] for key in json.loads(said([*command, sae.url + target]))["keys"]}

    master, slave = line.sae("far-a"), line.sae("far-b")
    got = curl(master, f"{master.path('enc_keys')}?number=2&size=512")
    assert len(got) == 2
    body = json.dumps({"key_IDs": [{"key_ID": each} for each in got]})
    assert curl(slave, slave.path("dec_keys"), "--header", f"Content-Type: {JSON}", "--data", body) == got


@clause(DOCUMENT, "5.1")
@pytest.mark.parametrize("version", ["1_2", "1_3"])
def test_openssl_s_client_reads_status(line: Network, version: str) -> None:
    sae, files = line.sae("near-a"), line.sae("near-a").files
    host, port = sae.address
    command = [program("openssl"), "s_client", "-connect", f"{host}:{port}", f"-tls{version}", "-verify_return_error"]
    command += ["-cert", files.certificate, "-cert_chain", files.certificate, "-key", files.key]
    command += ["-CAfile", files.trusted, "-verify_ip", host, "-quiet", "-ign_eof"]
    request = f"GET {sae.path('status')} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"
    head, _, body = said(command, request.encode()).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 200 OK\r\n")
    assert json.loads(body)["slave_SAE_ID"] == sae.peer


@clause(DOCUMENT, "5.1")
def test_older_versions_of_tls_are_not_spoken(line: Network) -> None:
    client = line.sae("near-a").context()
    client.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # that nobody should speak it any more is what is tested
        client.minimum_version = client.maximum_version = ssl.TLSVersion.TLSv1_1
    assert "PROTOCOL" in refusal(client, line.sae("near-a").address, line.sae("near-a").path("status"))


@clause(DOCUMENT, "5.1")
def test_a_key_managers_certificate_says_which_it_is(line: Network) -> None:
    for name in ("near-a", "near-b"):
        with line.sae(name).joined() as sock:
            octets = sock.getpeercert(binary_form=True)
        assert octets is not None
        names = x509.load_der_x509_certificate(octets).extensions.get_extension_for_class(x509.SubjectAlternativeName)
        (uri,) = names.value.get_values_for_type(x509.UniformResourceIdentifier)
        assert uri.rpartition("/")[2] == line.sae(name).status()["source_KME_ID"]


# --- who does not -----------------------------------------------------------------------------------------------------


def forged(sae: Sae, paper: Paper, folder: Path, signer: Signer | None, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Return a context that shows a certificate of the test's own making."""
    chain = [paper.signed(signer), *([signer.certificate] if signer else [])]
    certificate = write_secret(folder / "certificate.pem", pem_of(*chain))
    client = context(sae.files.trusted, version)
    client.load_cert_chain(certificate, write_secret(folder / "key.pem", pem_of_key(paper.key)))
    return client


def asked(sae: Sae, client: ssl.SSLContext, target: str) -> Answer:
    """Ask an SAE's key manager as somebody else."""
    connection = HTTPSConnection(*sae.address, timeout=PATIENCE, context=client)
    try:
        return ask(connection, "GET", target)
    finally:
        connection.close()


def paper_of(network: Network, name: str) -> Paper:
    """Return what stands in a good certificate of an SAE."""
    uri = x509.UniformResourceIdentifier(f"spiffe://{network.told.network}/sae/{name}")
    return Paper(names=(uri,), common=(name,))


@invariant("Z1")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_good_certificate_of_the_tests_own_making_gets_in(
    line: Network, tmp_path: Path, version: ssl.TLSVersion
) -> None:
    """So that the refusals below are for what is wrong in each, and for nothing else."""
    sae = line.sae("near-a")
    client = forged(sae, paper_of(line, sae.name), tmp_path, signer_of(line.state / "pki"), version)
    assert asked(sae, client, sae.path("status")).status == 200


@invariant("Z1")
@clause(DOCUMENT, "5.1")
@pytest.mark.parametrize("version", VERSIONS)
def test_without_a_certificate_nobody_gets_in(line: Network, version: ssl.TLSVersion) -> None:
    sae = line.sae("near-a")
    with nothing_consumed(line, sae):
        client = context(sae.files.trusted, version)
        alert = refusal(client, sae.address, sae.path("enc_keys"))
    assert alert == ("CERTIFICATE_REQUIRED" if version is NEWEST else "HANDSHAKE_FAILURE")


@invariant("Z1")
@pytest.mark.parametrize("version", VERSIONS)
def test_a_foreign_authority_lets_nobody_in(line: Network, tmp_path: Path, version: ssl.TLSVersion) -> None:
    sae = line.sae("near-a")
    files = issued(authority(tmp_path / "foreign", line.told.network), Role.SAE, sae.name)
    with nothing_consumed(line, sae):
        client = context(sae.files.trusted, version)
        client.load_cert_chain(files.certificate, files.key)
        assert refusal(client, sae.address, sae.path("enc_keys")) == "UNKNOWN_CA"


WRONG: Mapping[str, tuple[Callable[[Paper], Paper], str]] = {
    "expired": (lambda good: replace(good, end=datetime.now(UTC) - ENDS), "CERTIFICATE_EXPIRED"),
    "not yet valid": (
        lambda good: replace(good, start=datetime.now(UTC) + 60 * ENDS, end=datetime.now(UTC) + 120 * ENDS),
        "BAD_CERTIFICATE",
    ),
    "of a server": (
        lambda good: replace(good, uses=(SERVER,)),
        "UNSUPPORTED_CERTIFICATE",
    ),
}


@invariant("Z1")
@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("wrong", WRONG)
def test_a_certificate_with_one_thing_wrong_lets_nobody_in(
    line: Network, tmp_path: Path, version: ssl.TLSVersion, wrong: str
) -> None:
    sae = line.sae("near-a")
    spoil, alert = WRONG[wrong]
    paper = spoil(paper_of(line, sae.name))
    with nothing_consumed(line, sae):
        client = forged(sae, paper, tmp_path, signer_of(line.state / "pki"), version)
        assert refusal(client, sae.address, sae.path("enc_keys")) == alert


@invariant("Z1")
@pytest.mark.parametrize("name", ["sae/nobody", "sae/near-b", "sae/far-b", "km/km1", "element/control", "operator/x"])
def test_whoever_is_no_sae_of_this_node_is_nobody_here(line: Network, tmp_path: Path, name: str) -> None:
    """Certificates of the network's own authority, and good ones: each handshake succeeds, and each answer is 401."""
    sae = line.sae("near-a")
    paper = Paper(names=(x509.UniformResourceIdentifier(f"spiffe://{line.told.network}/{name}"),), common=(sae.name,))
    client = forged(sae, paper, tmp_path, signer_of(line.state / "pki"), NEWEST)
    with nothing_consumed(line, sae):
        for method in ("status", "enc_keys", "dec_keys", "no_such_method"):
            assert asked(sae, client, sae.path(method)).status == 401


@invariant("Z1")
@invariant("K9")
def test_a_revoked_certificate_lets_nobody_in_and_a_new_one_does(line: Network) -> None:
    """Whoever is connected is thrown out, with a key got before still there for its slave and for itself later."""
    master, slave = line.sae("gone-a"), line.sae("gone-b")
    (key_id,) = got = master.take()
    connection = master.connection()
    assert ask(connection, "GET", master.path("status")).status == 200
    old = master.context()  # holds the certificate as it is now
    with nothing_consumed(line, line.sae("near-a")):
        _enrol(line, master, "revoke")
        connection.sock.settimeout(PATIENCE)
        assert connection.sock.recv(1) == b""  # closed by the key manager, without being asked anything
        connection.close()
        for version in (ssl.TLSVersion.TLSv1_2, NEWEST):
            old.minimum_version, old.maximum_version = ssl.TLSVersion.TLSv1_2, version
            assert refusal(old, master.address, master.path("enc_keys")) == "CERTIFICATE_REVOKED"
    _enrol(line, master, "issue")
    assert slave.fetch(key_id) == got
    assert len(master.take(2)) == 2
    assert refusal(old, master.address, master.path("enc_keys")) == "CERTIFICATE_REVOKED"


def _enrol(network: Network, sae: Sae, action: str) -> None:
    told = network.operator("POST", "/v1/saes", json.dumps({"sae": sae.name, "action": action}).encode())
    assert json.loads(told)["sae"] == sae.name
