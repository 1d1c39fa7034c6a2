"""Keys fetched as a stock client would, against a face over real mutual TLS that answers as each test says."""

from __future__ import annotations

import base64
import hashlib
import json
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import pytest

from keytwin.operation.key_pickup import (
    Fetched,
    NotYet,
    Pair,
    StockSae,
    curl_line,
    ends_of,
    fetch,
    patiently,
)
from keytwin.runtime.identities import Role
from keytwin.service.etsi014_wire import DEC_KEYS, ENC_KEYS, Status
from keytwin.service.http import Request, Response, json_response
from keytwin.service.operator_values import SaeStatus
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.identity import AppId, KeyId, NodeId, SaeId
from tests.fakes.operations import STATUS
from tests.marks import clause
from tests.operation.faces import authority, credentials, face, issued

OCTETS = bytes(range(32))
KEY_ID = "0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11"
LATER = Response(503, (("Retry-After", "0"),), b'{"message": "insufficient keys", "details": [{"requested": 1}]}')
KME_STATUS = Status("a", "b", "alice", "bob", 256, 7, 9, 2, 512, 64, 0)


def container(*keys: tuple[str, bytes]) -> Response:
    extension = {"method": "relay", "hops": 2}
    entries = [
        {"key_ID": key_id, "key": base64.b64encode(octets).decode(), "key_extension": extension}
        for key_id, octets in keys
    ]
    return Response(200, (), json.dumps({"keys": entries}).encode())


@dataclass
class Kme:
    """Answers in turn what a test has put there, and notes what it was asked."""

    ends: tuple[SaeStatus, SaeStatus]
    answers: list[Response] = field(default_factory=list)
    asked: list[Request] = field(default_factory=list)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Kme]:
    made = authority(tmp_path_factory.mktemp("authority"))
    kme: Kme

    def answering(request: Request) -> Response:
        kme.asked.append(request)
        return kme.answers.pop(0)

    def end(sae: str, node: str, peer: str, peer_node: str) -> SaeStatus:
        files = credentials(issued(made, Role.SAE, sae))
        return SaeStatus(SaeId(sae), AppId("talk"), NodeId(node), SaeId(peer), NodeId(peer_node), url, files)

    with face(issued(made, Role.KM, "a"), answering) as url:
        kme = Kme((end("alice", "a", "bob", "b"), end("bob", "b", "alice", "a")))
        yield kme


@pytest.fixture
def kme(shared: Kme) -> Kme:
    shared.answers.clear()
    shared.asked.clear()
    return shared


# --- a pair -----------------------------------------------------------------------------------------------------------


@clause("ETSI GS QKD 014 V1.1.1", "5.2")
def test_the_master_asks_and_the_slave_fetches_by_identifier(kme: Kme) -> None:
    kme.answers += [container((KEY_ID, OCTETS)), container((KEY_ID, OCTETS))]
    (pair,) = fetch(*kme.ends, 1, 256, 0)
    assert pair.is_equal
    assert (pair.master.octets, pair.master.method, pair.master.hops) == (OCTETS, "relay", 2)
    asked, fetched = kme.asked
    assert (asked.method, asked.target) == ("GET", "/api/v1/keys/bob/enc_keys?number=1&size=256")
    assert (fetched.method, fetched.target) == ("POST", "/api/v1/keys/alice/dec_keys")
    assert json.loads(fetched.body) == {"key_IDs": [{"key_ID": KEY_ID}]}


def test_without_a_size_none_is_asked_for(kme: Kme) -> None:
    kme.answers += [container((KEY_ID, OCTETS)), container((KEY_ID, OCTETS))]
    fetch(*kme.ends, 1, None, 0)
    assert kme.asked[0].target == "/api/v1/keys/bob/enc_keys?number=1"


@pytest.mark.parametrize(("key_id", "octets"), [(KEY_ID, bytes(32)), (KEY_ID[:-1] + "2", OCTETS)])
def test_another_key_or_identifier_is_not_equal(kme: Kme, key_id: str, octets: bytes) -> None:
    kme.answers += [container((KEY_ID, OCTETS)), container((key_id, octets))]
    (pair,) = fetch(*kme.ends, 1, None, 0)
    assert not pair.is_equal


def test_how_a_key_came_about_may_be_told_differently() -> None:
    key_id = KeyId(KEY_ID)
    assert Pair(Fetched(key_id, OCTETS, "relay", 2), Fetched(key_id, OCTETS, "-", None)).is_equal


def test_a_fingerprint_gives_nothing_away() -> None:
    fetched = Fetched(KeyId(KEY_ID), OCTETS, "relay", 2)
    assert fetched.fingerprint == hashlib.sha256(OCTETS).digest()[:8].hex()
    assert OCTETS.hex() not in repr(fetched)
    assert repr(OCTETS) not in repr(fetched)


def test_asks_for_status(kme: Kme) -> None:
    kme.answers.append(json_response(200, KME_STATUS))
    assert StockSae(kme.ends[0]).status() == KME_STATUS
    assert kme.asked[0].target == "/api/v1/keys/bob/status"


# --- waiting ----------------------------------------------------------------------------------------------------------


def test_goes_on_asking_as_long_as_it_may(kme: Kme) -> None:
    kme.answers += [LATER, LATER, container((KEY_ID, OCTETS)), LATER, container((KEY_ID, OCTETS))]
    (pair,) = fetch(*kme.ends, 1, None, patience=600)
    assert pair.is_equal
    assert len(kme.asked) == 5


def test_does_not_wait_unless_told_to(kme: Kme) -> None:
    kme.answers.append(Response(503, (("Retry-After", "3"),), LATER.body))
    with pytest.raises(NotYet, match=r"a gives no key: insufficient keys \(requested 1\)") as refused:
        fetch(*kme.ends, 1, None, 0)
    assert refused.value.retry_after == 3


def test_does_not_begin_a_pause_that_would_last_too_long() -> None:
    def ask() -> None:
        calls.append(None)
        raise NotYet("later", 3600)

    calls: list[None] = []
    with pytest.raises(NotYet):
        patiently(ask, end=0)
    assert len(calls) == 1


# --- what is refused --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("response", "kind", "why"),
    [
        (Response(401), Refusal, "a gives alice no key: .*certificate.pem is not that of one of its SAEs"),
        (
            Response(400, (), b'{"message": "size is above max_key_size", "details": [{"most": 512}]}'),
            Mistake,
            "most 512",
        ),
        (Response(404, (), b'{"message": "no such resource"}'), Mistake, "no such resource"),
        (container(), Refusal, "answered with 0 keys to a request for 1"),
        (container((KEY_ID, OCTETS), (KEY_ID, OCTETS)), Refusal, "answered with 2 keys"),
        (Response(200, (), b'{"keys": [{"key_ID": "x", "key": "***"}]}'), Refusal, "not base64"),
        (Response(200, (), b"[]"), Refusal, "does not answer as this version"),
        (Response(400, (), b"<html>"), Refusal, "does not answer as this version"),
    ],
)
def test_what_is_no_key_is_told(kme: Kme, response: Response, kind: type[Exception], why: str) -> None:
    kme.answers.append(response)
    with pytest.raises(kind, match=why):
        StockSae(kme.ends[0]).enc_keys(1, None)


def test_an_unknown_app_is_answered_with_those_there_are() -> None:
    with pytest.raises(Mistake, match="pair has no app 'tlak'; its apps: talk"):
        ends_of("tlak", STATUS)


def test_an_app_may_have_the_same_sae_at_both_ends() -> None:
    (only,) = STATUS.saes
    assert ends_of("talk", STATUS) == (only, only)
    other = msgspec.structs.replace(only, sae=SaeId("bob"))
    assert ends_of("talk", msgspec.structs.replace(STATUS, saes=(only, other))) == (only, other)


# --- curl -------------------------------------------------------------------------------------------------------------


def test_the_line_for_curl_is_one_for_a_shell() -> None:
    (end,) = STATUS.saes
    words = shlex.split(curl_line(end, ENC_KEYS, "number=1&size=256"))
    assert words[0] == "curl"
    assert dict(zip(words[1:7:2], words[2:7:2], strict=True)) == {
        "--cert": end.files.certificate,
        "--key": end.files.key,
        "--cacert": end.files.trusted,
    }
    assert words[-1] == "https://127.0.0.1:10141/api/v1/keys/bob/enc_keys?number=1&size=256"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl")
def test_the_line_for_curl_works_as_printed(kme: Kme, tmp_path: Path) -> None:
    kme.answers.append(container((KEY_ID, OCTETS)))
    line = curl_line(kme.ends[1], DEC_KEYS, f"key_ID={KEY_ID}")
    done = subprocess.run(["/bin/sh", "-c", line], cwd=tmp_path, capture_output=True, check=True)
    assert json.loads(done.stdout)["keys"][0]["key_ID"] == KEY_ID
    assert kme.asked[0].target == f"/api/v1/keys/alice/dec_keys?key_ID={KEY_ID}"
