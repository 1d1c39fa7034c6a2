"""Clients that others wrote get and fetch keys, and see refusals as they expect them."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path

import pytest
import requests
from etsi_qkd_014_client import QKD014Client  # type: ignore[import-untyped]  # says nothing of its types
from etsi_qkd_014_client.data import DataError, DataKeyContainer, DataStatus  # type: ignore[import-untyped]  # says nothing of its types
from qkdsec.client import ETSI014Client  # type: ignore[import-untyped]  # says nothing of its types
from qkdsec.client.errors import KMEHTTPError  # type: ignore[import-untyped]  # says nothing of its types
from qkdsec.doctor import ProbeStatus, run_all  # type: ignore[import-untyped]  # says nothing of its types

from tests.conformance.running import Network
from tests.conformance.speaking import Sae
from tests.marks import clause

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
PAIRS = (("near-a", "near-b"), ("far-a", "far-b"), ("back-a", "back-b"))
SIZES = (64, 128, 512, 1024)
UNKNOWN = "00000000-0000-4000-8000-000000000000"
NOT_FOUND = "one or more keys specified are not found on KME"


def stock(sae: Sae) -> QKD014Client:
    host, port = sae.address
    return QKD014Client(f"{host}:{port}", sae.files.certificate, sae.files.key, sae.files.trusted)


def qkdsec(sae: Sae) -> ETSI014Client:
    return ETSI014Client(sae.url, client_cert=(sae.files.certificate, sae.files.key), verify=sae.files.trusted)


def pairs_of(master: QKD014Client, slave: QKD014Client, names: tuple[str, str], **wanted: int) -> list[bytes]:
    """Get keys at one end, fetch them at the other, and return them."""
    code, got = master.get_key(names[1], **wanted)
    assert code == 200
    assert isinstance(got, DataKeyContainer)
    code, fetched = slave.get_key_with_key_IDs(names[0], [key.key_id for key in got.keys])
    assert code == 200
    assert isinstance(fetched, DataKeyContainer)
    assert [(key.key_id, key.key) for key in got.keys] == [(key.key_id, key.key) for key in fetched.keys]
    return [base64.b64decode(key.key, validate=True) for key in got.keys]


@clause(DOCUMENT, "5.2")
@clause(DOCUMENT, "5.3")
@pytest.mark.parametrize("names", PAIRS)
def test_etsi_qkd_014_client_gets_and_fetches(line: Network, names: tuple[str, str]) -> None:
    master, slave = (stock(line.sae(name)) for name in names)
    code, status = master.get_status(names[1])
    assert (code, type(status)) == (200, DataStatus)
    assert isinstance(status, DataStatus)
    assert (status.master_sae_id, status.slave_sae_id, status.key_size) == (*names, 256)
    assert [len(key) for key in pairs_of(master, slave, names)] == [32]
    several = pairs_of(master, slave, names, number=5)
    assert [len(key) for key in several] == [32] * 5
    assert len(set(several)) == 5


@clause(DOCUMENT, "6.2")
@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("names", PAIRS[:2])
def test_etsi_qkd_014_client_gets_other_sizes(line: Network, names: tuple[str, str], size: int) -> None:
    master, slave = (stock(line.sae(name)) for name in names)
    assert [len(key) for key in pairs_of(master, slave, names, number=2, size=size)] == [size // 8] * 2


@clause(DOCUMENT, "6.5")
def test_etsi_qkd_014_client_reads_refusals(line: Network) -> None:
    master, slave = stock(line.sae("near-a")), stock(line.sae("near-b"))
    code, wrong = master.get_key("near-b", size=257)
    assert isinstance(wrong, DataError)
    assert (code, wrong.message) == (400, "size shall be a multiple of 8")
    code, wrong = slave.get_key_with_key_IDs("near-a", [UNKNOWN])
    assert isinstance(wrong, DataError)
    assert (code, wrong.message, wrong.details) == (400, NOT_FOUND, None)
    code, wrong = master.get_key("near-b", extension_mandatory=[{"abc_route_type": "direct"}])
    assert isinstance(wrong, DataError)
    assert wrong.details == [{"extension_mandatory_unsupported": "abc_route_type is not supported"}]


@clause(DOCUMENT, "5.3")
def test_etsi_qkd_014_client_stumbles_over_the_401_that_has_no_body(line: Network) -> None:
    """It reads JSON out of every refusal, and the standard gives 401 no body: it raises instead of returning 401."""
    names = ("near-a", "near-b")
    _, got = stock(line.sae(names[0])).get_key(names[1])
    assert isinstance(got, DataKeyContainer)
    with pytest.raises(requests.exceptions.JSONDecodeError):
        stock(line.sae("other-b")).get_key_with_key_IDs(names[0], [got.keys[0].key_id])
    assert line.sae(names[1]).fetch(got.keys[0].key_id) == {got.keys[0].key_id: got.keys[0].key}


@clause(DOCUMENT, "5.2")
@clause(DOCUMENT, "5.3")
@pytest.mark.parametrize("names", PAIRS)
@pytest.mark.parametrize("method", ["GET", "POST"])
def test_qkdsec_gets_and_fetches(line: Network, names: tuple[str, str], method: str) -> None:
    with qkdsec(line.sae(names[0])) as master, qkdsec(line.sae(names[1])) as slave:
        for size in (256, *SIZES):
            got = master.get_enc_keys(names[1], number=3, size=size, method=method)
            fetched = slave.get_dec_keys(names[0], key_ids=[key.key_id for key in got])
            assert [(key.key_id, key.key) for key in got] == [(key.key_id, key.key) for key in fetched]
            assert [key.size_bits for key in got] == [size] * 3


@clause(DOCUMENT, "6.3")
@pytest.mark.parametrize(("name", "hops"), [("near-a", 1), ("far-a", 2)])
def test_a_key_tells_how_it_came(line: Network, name: str, hops: int) -> None:
    with qkdsec(line.sae(name)) as master:
        (key,) = master.get_enc_keys(line.sae(name).peer)
    assert key.key_extension is not None
    assert key.key_extension.keys() == {"method", "hops", "mode"}
    assert key.key_extension["hops"] == hops


@clause(DOCUMENT, "6.5")
def test_qkdsec_raises_what_was_refused(line: Network) -> None:
    with qkdsec(line.sae("near-a")) as master, qkdsec(line.sae("other-b")) as stranger:
        (key,) = master.get_enc_keys("near-b")
        with pytest.raises(KMEHTTPError, match="size shall be a multiple of 8") as wrong:
            master.get_enc_keys("near-b", size=257)
        assert wrong.value.status_code == 400
        with pytest.raises(KMEHTTPError) as wrong:
            stranger.get_dec_keys("near-a", key_ids=[key.key_id])
        assert (wrong.value.status_code, wrong.value.message) == (401, "")
        with pytest.raises(KMEHTTPError, match=NOT_FOUND) as wrong:
            stranger.get_dec_keys("near-a", key_ids=[UNKNOWN])
        assert wrong.value.status_code == 400
    assert base64.b64decode(line.sae("near-b").fetch(key.key_id)[key.key_id]) == key.key


@clause(DOCUMENT, "5.4")
def test_qkdsec_doctor_passes_a_selfpair_with_one_warning(selfpair: Network) -> None:
    """The doctor waits for 404 where the standard (Table 8) has 400: for a key_ID that is not known."""
    with qkdsec(selfpair.sae("probe")) as probe:
        report = run_all(probe, "probe")
    assert report.passed  # the condition under which its command exits with 0
    warnings = [result.summary for result in report.results if result.status is not ProbeStatus.PASS]
    assert warnings == ["KME returned HTTP 400 for an unknown key_ID; ETSI 014 expects 404."]


def test_the_command_of_the_doctor_ends_well(selfpair: Network) -> None:
    probe = selfpair.sae("probe")
    command = [str(Path(sys.executable).with_name("qkdsec")), "doctor", probe.url, "--slave-sae-id", "probe"]
    files = ["--cert", probe.files.certificate, "--key", probe.files.key, "--ca-cert", probe.files.trusted]
    ended = subprocess.run([*command, *files], check=False, capture_output=True, text=True, timeout=60)
    assert ended.returncode == 0, ended.stdout + ended.stderr
