"""SKIP on a live network: a client that others wrote gets and fetches keys, beside ETSI GS QKD 014 at the same port."""

from __future__ import annotations

import base64
import ssl
from collections.abc import Mapping
from typing import Any

import pytest

from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import Sae, ask, read
from tests.marks import clause, invariant

DOCUMENT = "IETF draft-cisco-skip-02"
PAIRS = (("near-a", "near-b"), ("far-a", "far-b"), ("back-a", "back-b"))
UNKNOWN = "0" * 32
NOT_FOUND = "the key is not found"


MISSING = "skip-qkd 1.0.0 is not installed; it needs a C compiler and OpenSSL's headers"


def skip_qkd(sae: Sae) -> Any:  # noqa: ANN401  # its package says nothing of its types
    """Return a client for one request: it closes its connection after each and opens no other."""
    others = pytest.importorskip("skip_qkd", reason=MISSING)
    host, port = sae.address
    files = others.MTLSConfig(sae.files.trusted, sae.files.certificate, sae.files.key)
    return others.SkipQKDClient(f"{host}:{port}", sae.name, files)


def fresh(sae: Sae, *more: str) -> dict[str, Any]:
    """Get a key with our own client."""
    answer = sae.ask("GET", "&".join((f"/key?remoteSystemID={sae.peer}", *more)))
    assert answer.status == 200, answer
    assert answer.json.keys() == {"keyId", "key"}
    return answer.json


def target(sae: Sae, key_id: str, remote: str | None = None) -> str:
    return f"/key/{key_id}?remoteSystemID={remote or sae.peer}"


def uuid_of(key_id: str) -> str:
    """Return an identifier as ETSI GS QKD 014 writes it."""
    return "-".join((key_id[:8], key_id[8:12], key_id[12:16], key_id[16:20], key_id[20:]))


# --- the client of others ---------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("names", PAIRS)
def test_skip_qkd_gets_and_fetches(line: Network, names: tuple[str, str]) -> None:
    first, second = (line.sae(name) for name in names)
    for own, other in ((first, second), (second, first)):
        got = skip_qkd(own).request_key(other.name)
        assert (len(got["keyId"]), len(got["key"])) == (32, 64)
        assert skip_qkd(other).fetch_key_by_id(got["keyId"], own.name) == got


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("size", [64, 128, 256, 512, 1024])
@pytest.mark.parametrize("names", PAIRS[:2])
def test_skip_qkd_gets_other_sizes(line: Network, names: tuple[str, str], size: int) -> None:
    own, other = (line.sae(name) for name in names)
    got = skip_qkd(own).request_key(other.name, size)
    assert len(bytes.fromhex(got["key"])) * 8 == size
    assert skip_qkd(other).fetch_key_by_id(got["keyId"], own.name) == got


@clause(DOCUMENT, "Table 2")
def test_skip_qkd_reads_capabilities(line: Network) -> None:
    for name, peer in (*PAIRS, ("other-b", "other-a")):
        assert skip_qkd(line.sae(name)).capabilities() == {
            "entropy": True,
            "key": True,
            "algorithm": "QKD",
            "localSystemID": name,
            "remoteSystemID": [peer],
        }


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(("wanted", "bits"), [(None, 256), (128, 128), (100, 104), (4_096, 4_096)])
def test_skip_qkd_reads_entropy(line: Network, wanted: int | None, bits: int) -> None:
    one, two = (skip_qkd(line.sae("near-a")).entropy(wanted) for _ in range(2))
    assert one["minentropy"] == two["minentropy"] == bits == 4 * len(one["randomStr"])
    assert one["randomStr"] != two["randomStr"]


@clause(DOCUMENT, "Table 2")
@invariant("K9")
def test_skip_qkd_raises_what_was_refused(line: Network) -> None:
    own, other = line.sae("near-a"), line.sae("near-b")
    with nothing_consumed(line, own):
        for peer, size in (("near-b", 257), ("far-b", None), ("near-a", None), ("near-*", None)):
            with pytest.raises(RuntimeError, match="400"):
                skip_qkd(own).request_key(peer, size)
        with pytest.raises(RuntimeError, match="400"):
            skip_qkd(other).fetch_key_by_id(UNKNOWN, own.name)


def test_a_selfpair_is_its_own_remote_system(selfpair: Network) -> None:
    probe = selfpair.sae("probe")
    assert skip_qkd(probe).capabilities()["remoteSystemID"] == ["probe"]
    got = skip_qkd(probe).request_key("probe")
    assert skip_qkd(probe).fetch_key_by_id(got["keyId"], "probe") == got


# --- one key, two faces -----------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
@invariant("K1")
@pytest.mark.parametrize("names", PAIRS)
def test_a_key_is_given_once_at_each_end_through_whichever_face(line: Network, names: tuple[str, str]) -> None:
    own, other = (line.sae(name) for name in names)
    by_skip, by_014 = fresh(own), own.take()
    (key_id,) = by_014
    crossed = other.fetch(uuid_of(by_skip["keyId"]))
    assert [base64.b64decode(key).hex() for key in crossed.values()] == [by_skip["key"]]
    fetched = other.ask("GET", target(other, key_id.replace("-", ""))).json
    assert fetched == {"keyId": key_id.replace("-", ""), "key": base64.b64decode(by_014[key_id]).hex()}
    with nothing_consumed(line, own):
        for each in (by_skip["keyId"], fetched["keyId"]):
            again = other.ask("GET", target(other, each))
            assert (again.status, again.message) == (400, NOT_FOUND)
            assert other.fetching(uuid_of(each)).status == 400
            for sae in (own, other):  # nor has the master a second copy
                assert own.ask("GET", target(own, each, sae.name)).status == 400
                assert own.fetching(uuid_of(each), peer=sae.name).status in {400, 401}


@clause(DOCUMENT, "Table 2")
@invariant("K4")
def test_another_saes_key_is_not_found_and_stays_its_owners(line: Network) -> None:
    own, other, stranger = line.sae("near-a"), line.sae("near-b"), line.sae("other-b")
    assert other.url == stranger.url
    got = fresh(own)
    with nothing_consumed(line, own):
        for remote in ("near-a", "other-a", "nobody"):
            assert stranger.ask("GET", target(stranger, got["keyId"], remote)).status == 400
        for remote in ("far-a", "other-a", "near-b", "nobody"):
            assert other.ask("GET", target(other, got["keyId"], remote)).status == 400
    assert other.ask("GET", target(other, got["keyId"].upper())).json == got


# --- refusals ---------------------------------------------------------------------------------------------------------

WRONG: Mapping[str, int] = {
    "/key": 400,
    "/key?remoteSystemID=": 400,
    "/key?remoteSystemID=nobody": 400,
    "/key?remoteSystemID=near-a": 400,
    "/key?remoteSystemID=near-b&remoteSystemID=near-b": 400,
    "/key?remoteSystemID=near-b%00": 400,
    "/key?remoteSystemID=near-b%": 400,
    "/key?remoteSystemID=near-b&size=0": 400,
    "/key?remoteSystemID=near-b&size=8": 400,
    "/key?remoteSystemID=near-b&size=257": 400,
    "/key?remoteSystemID=near-b&size=-8": 400,
    "/key?remoteSystemID=near-b&size=1e3": 400,
    "/key?remoteSystemID=near-b&size=32776": 400,
    f"/key?remoteSystemID=near-b&size={8 * 10**40}": 400,
    f"/key/{UNKNOWN}": 400,
    f"/key/{UNKNOWN}?remoteSystemID=near-b": 400,
    "/key/zz?remoteSystemID=near-b": 400,
    "/key/0?remoteSystemID=near-b": 400,
    f"/key/{'ab' * 1_000}?remoteSystemID=near-b": 400,
    f"/key/{uuid_of(UNKNOWN)}?remoteSystemID=near-b": 400,
    f"/key/{UNKNOWN}/?remoteSystemID=near-b": 404,
    "/key/?remoteSystemID=near-b": 404,
    "/keys?remoteSystemID=near-b": 404,
    "//key?remoteSystemID=near-b": 404,
    "/%6bey?remoteSystemID=near-b": 404,
    "/capabilities/x": 404,
    "/entropy/": 404,
    "/entropy?minentropy=0": 400,
    "/entropy?minentropy=32769": 400,
    "/entropy?minentropy=abc": 400,
    f"/key?remoteSystemID=near-b&{'x' * 4_096}": 414,
}


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@invariant("Z9")
@pytest.mark.parametrize("wrong", WRONG, ids=lambda wrong: str(wrong)[:50])
def test_a_wrong_request_is_refused_and_costs_nothing(line: Network, wrong: str) -> None:
    own = line.sae("near-a")
    with nothing_consumed(line, own):
        answer = own.ask("GET", wrong)
    assert answer.status == WRONG[wrong]
    assert len(answer.body) < 200


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize("verb", ["POST", "PUT", "DELETE", "PATCH", "HEAD"])
def test_other_verbs_are_not_allowed(line: Network, verb: str) -> None:
    own = line.sae("near-a")
    targets = ("/capabilities", f"/key?remoteSystemID={own.peer}", target(own, UNKNOWN), "/entropy")
    with nothing_consumed(line, own):
        for each in targets:
            connection = own.connection()
            connection.request(verb, each, b"{}" if verb == "POST" else None)
            response = connection.getresponse()
            assert (response.status, response.headers["Allow"]) == (405, "GET")
            connection.close()


@invariant("K9")
def test_a_get_with_a_body_is_refused(line: Network) -> None:
    own = line.sae("near-a")
    with nothing_consumed(line, own):
        assert own.ask("GET", f"/key?remoteSystemID={own.peer}", b"{}").status == 400


@invariant("Z2")
def test_an_sae_of_another_node_is_nobody(line: Network) -> None:
    stranger, other = line.sae("far-b"), line.sae("near-b")
    assert stranger.url != other.url
    lost = Sae(stranger.name, stranger.peer, other.url, stranger.files)
    for each in ("/capabilities", f"/key?remoteSystemID={lost.peer}", target(lost, UNKNOWN), "/entropy", "/key/x/y"):
        assert lost.ask("GET", each, headers={"X-SAE-ID": "near-b", "Host": "near-b"}).status == 401


# --- the transport ----------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "3")
@pytest.mark.parametrize(
    ("version", "cipher"),
    [
        (ssl.TLSVersion.TLSv1_3, "TLS_AES_256_GCM_SHA384"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-ECDSA-AES256-GCM-SHA384"),
    ],
)
def test_the_suites_of_certificate_mode_are_there(line: Network, version: ssl.TLSVersion, cipher: str) -> None:
    own = line.sae("near-a")
    context = own.context(version)
    if version is ssl.TLSVersion.TLSv1_2:
        context.set_ciphers(cipher)
    with context.wrap_socket(own.socket(), server_hostname=own.address[0]) as sock:
        used = sock.cipher()
        assert used is not None
        assert used[0] == cipher
        sock.sendall(b"GET /capabilities HTTP/1.1\r\nHost: near-a\r\nConnection: close\r\n\r\n")
        assert read(sock).json["localSystemID"] == "near-a"


def test_many_requests_go_over_one_connection_and_both_faces(line: Network) -> None:
    own, other = line.sae("near-a"), line.sae("near-b")
    asking, fetching = own.connection(), other.connection()
    seen = set()
    for _ in range(20):
        got = ask(asking, "GET", f"/key?remoteSystemID={own.peer}").json
        assert ask(asking, "GET", own.path("status")).status == 200
        assert ask(fetching, "GET", target(other, got["keyId"])).json == got
        seen.add(got["key"])
    assert len(seen) == 20
    asking.close()
    fetching.close()
