"""ETSI GS QKD 004 V2.1.1 on a live network, in JSON: streams over one link and over several, whoever opens and asks."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import Answer, Sae
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 004 V2.1.1"
PAIRS = (("near-a", "near-b"), ("far-a", "far-b"), ("back-a", "back-b"))
BOTH = pytest.mark.parametrize(("first", "second"), PAIRS)


def call(sae: Sae, function: str, **wanted: object) -> Answer:
    return sae.ask("POST", f"/qkd/004/v2/{function}", json.dumps(wanted).encode())


def uri(name: str) -> str:
    return f"qkd://somewhere/app/{name}"


def opening(sae: Sae, ksid: str | None = None, **qos: int | str) -> dict[str, Any]:
    answer = call(
        sae, "open_connect", source=uri(sae.name), destination=uri(sae.peer), key_stream_id=ksid, qos=qos or None
    )
    assert answer.status == 200, (answer, answer.body)
    return answer.json


@dataclass(frozen=True)
class Ends:
    """A stream that is open at both ends."""

    first: Sae
    second: Sae
    ksid: str

    def get(self, sae: Sae, index: int | None = None, **more: object) -> dict[str, Any]:
        answer = call(sae, "get_key", key_stream_id=self.ksid, index=index, **more)
        assert answer.status == 200, (answer, answer.body)
        return answer.json

    def close(self) -> None:
        for sae in (self.first, self.second):
            call(sae, "close", key_stream_id=self.ksid)


def together(line: Network, first: str, second: str) -> Ends:
    one, other = line.sae(first), line.sae(second)
    told = opening(one)
    assert told["status"] == 1
    joined = opening(other, told["key_stream_id"])
    assert joined["status"] == 0, joined
    assert joined["key_stream_id"] == told["key_stream_id"]
    return Ends(one, other, told["key_stream_id"])


@clause(DOCUMENT, "6")
@invariant("K2")
@BOTH
def test_both_ends_have_the_same_octets_at_an_index_in_any_order(line: Network, first: str, second: str) -> None:
    ends = together(line, first, second)
    ones = [ends.get(ends.first) for _ in range(6)]
    others = [ends.get(ends.second, index) for index in (5, 0, 3)] + [ends.get(ends.second) for _ in range(3)]
    assert [each["index"] for each in ones] == [0, 1, 2, 3, 4, 5]
    assert [each["index"] for each in others] == [5, 0, 3, 1, 2, 4]
    assert {each["index"]: each["key_buffer"] for each in ones} == {
        each["index"]: each["key_buffer"] for each in others
    }
    assert len({each["key_buffer"] for each in ones}) == 6
    assert all(len(base64.b64decode(each["key_buffer"])) == 32 for each in ones)
    ends.close()


@clause(DOCUMENT, "6")
@invariant("K2")
@BOTH
def test_the_second_end_may_ask_first_and_far_ahead(line: Network, first: str, second: str) -> None:
    ends = together(line, first, second)
    ahead = ends.get(ends.second, 40)
    assert ahead["status"] == 0
    assert ends.get(ends.first, 40)["key_buffer"] == ahead["key_buffer"]
    assert ends.get(ends.first)["index"] == 0
    ends.close()


@clause(DOCUMENT, "6")
@invariant("K1")
@invariant("K5")
def test_a_chunk_is_given_once_at_each_end(line: Network) -> None:
    ends = together(line, "near-a", "near-b")
    for sae in (ends.first, ends.second):
        assert ends.get(sae, 0)["status"] == 0
        assert ends.get(sae, 0)["status"] == 2
    ends.close()


@clause(DOCUMENT, "Table 2")
@invariant("K9")
def test_too_little_room_for_metadata_costs_no_key(line: Network) -> None:
    ends = together(line, "far-a", "far-b")
    for sae in (ends.first, ends.second):
        small = ends.get(sae, 0, metadata_size=4)
        assert small["status"] == 8
        assert "key_buffer" not in small
        enough = ends.get(sae, 0, metadata_size=small["metadata"]["size"] + 8)
        told = json.loads(enough["metadata"]["buffer"])
        assert enough["metadata"]["size"] == len(enough["metadata"]["buffer"])
        assert told["hops"] == 1  # km0, km1, km2: one trusted node between
        assert 0 <= told["age"] < 60_000
    ends.close()


@clause(DOCUMENT, "6")
def test_a_ksid_may_be_agreed_before_and_mirrored_ends_find_each_other(line: Network) -> None:
    one, other = line.sae("near-a"), line.sae("near-b")
    ksid = str(uuid4())
    assert opening(one, ksid, timeout=200)["status"] == 1  # it has waited for its peer
    # "Same KSID from both roles": the other end may name source and destination as the first one did.
    same = call(other, "open_connect", source=uri(one.name), destination=uri(other.name), key_stream_id=ksid)
    assert same.json["status"] == 0
    assert opening(one, ksid)["status"] == 5
    Ends(one, other, ksid).close()
    told, joined = opening(one), opening(other)
    assert (told["status"], joined["status"]) == (1, 0)
    assert told["key_stream_id"] == joined["key_stream_id"]
    Ends(one, other, told["key_stream_id"]).close()


@clause(DOCUMENT, "Table 2")
def test_the_first_registration_decides_the_qos(line: Network) -> None:
    one, other = line.sae("near-a"), line.sae("near-b")
    told = opening(one, key_chunk_size=64, max_bps=64_000, ttl=120)
    joined = opening(other, told["key_stream_id"], key_chunk_size=4_000_000, ttl=5, metadata_mimetype="text/plain")
    assert joined["status"] == 0
    for name in ("key_chunk_size", "max_bps", "ttl", "metadata_mimetype"):
        assert joined["qos"][name] == told["qos"][name]
    ends = Ends(one, other, told["key_stream_id"])
    assert len(base64.b64decode(ends.get(other)["key_buffer"])) == 64
    ends.close()


UNMET: Mapping[str, tuple[dict[str, int | str], object]] = {
    "key_chunk_size": ({"key_chunk_size": 4_097}, 4_096),
    "min_bps": ({"min_bps": 2_000_000}, 1_000_000),
    "metadata_mimetype": ({"metadata_mimetype": "text/plain"}, "application/json"),
}


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("name", UNMET)
def test_what_cannot_be_met_gets_a_counter_proposal_that_can(line: Network, name: str) -> None:
    own = line.sae("near-a")
    wanted, possible = UNMET[name]
    refused = [opening(own, ksid, **wanted) for ksid in (None, str(uuid4()))]
    assert [each["status"] for each in refused] == [7, 7]
    assert [each["qos"][name] for each in refused] == [possible, possible]
    taken = opening(own, **refused[0]["qos"])
    assert taken["status"] == 1
    call(own, "close", key_stream_id=taken["key_stream_id"])


@clause(DOCUMENT, "6")
def test_nobody_gets_a_chunk_before_both_are_there_nor_of_a_stream_of_others(line: Network) -> None:
    own, stranger = line.sae("near-a"), line.sae("other-b")
    told = opening(own)
    alone = Ends(own, stranger, told["key_stream_id"])
    assert alone.get(own)["status"] == 3
    assert alone.get(stranger)["status"] == 3
    assert opening(stranger, told["key_stream_id"])["status"] == 5
    assert call(stranger, "close", key_stream_id=alone.ksid).json["status"] == 3
    assert call(own, "close", key_stream_id=alone.ksid).json["status"] == 0
    assert call(own, "close", key_stream_id=alone.ksid).json["status"] == 3


@clause(DOCUMENT, "6")
def test_after_a_close_the_peer_still_gets_what_was_numbered(line: Network) -> None:
    ends = together(line, "far-a", "far-b")
    mine = [ends.get(ends.first) for _ in range(3)]
    assert call(ends.first, "close", key_stream_id=ends.ksid).json["status"] == 0
    assert ends.get(ends.first)["status"] == 3
    assert [ends.get(ends.second)["key_buffer"] for _ in range(3)] == [each["key_buffer"] for each in mine]
    assert call(ends.second, "close", key_stream_id=ends.ksid).json["status"] == 0


@invariant("K1")
def test_no_key_comes_through_two_faces(line: Network) -> None:
    ends = together(line, "near-a", "near-b")
    seen: set[str] = set()
    for _ in range(10):
        chunk = ends.get(ends.first)["key_buffer"]
        taken = ends.first.take()
        fresh = ends.first.ask("GET", f"/key?remoteSystemID={ends.first.peer}").json
        seen |= {chunk, *taken.values(), base64.b64encode(bytes.fromhex(fresh["key"])).decode()}
        assert ends.second.fetch(*taken) == taken
    assert len(seen) == 30
    ends.close()


@invariant("Z6")
def test_credentials_in_a_uri_are_in_no_log_and_no_state(line: Network) -> None:
    own = line.sae("near-a")
    token = "very-secret-token"
    answer = call(
        own,
        "open_connect",
        source=f"qkd://user:{token}@km0/near-a?auth={token}#{token}",
        destination=f"qkd://km1/near-b?auth={token}",
    )
    assert answer.json["status"] == 1
    call(own, "close", key_stream_id=answer.json["key_stream_id"])
    assert token not in line.log.read_text()
    assert token not in line.operator("GET", "/v1/events").decode()
    assert all(token.encode() not in file.read_bytes() for file in line.state.rglob("*.db*"))


# --- refusals ---------------------------------------------------------------------------------------------------------

KSID = "11111111-1111-4111-8111-111111111111"
WRONG: Mapping[str, tuple[str, str, object, int]] = {
    "no JSON": ("POST", "get_key", b"{", 400),
    "an array": ("POST", "get_key", [], 400),
    "no KSID": ("POST", "get_key", {}, 400),
    "a KSID that is none": ("POST", "get_key", {"key_stream_id": "x"}, 400),
    "an index below 0": ("POST", "get_key", {"key_stream_id": KSID, "index": -1}, 400),
    "an index above uint32": ("POST", "get_key", {"key_stream_id": KSID, "index": 2**32}, 400),
    "an index that is text": ("POST", "get_key", {"key_stream_id": KSID, "index": "0"}, 400),
    "no source": ("POST", "open_connect", {"destination": "qkd://x/y"}, 400),
    "a QoS above uint32": (
        "POST",
        "open_connect",
        {"source": "qkd:x", "destination": "qkd:y", "qos": {"ttl": 2**32}},
        400,
    ),
    "too long a URI": ("POST", "open_connect", {"source": "q" * 3_000, "destination": "qkd:y"}, 400),
    "another verb": ("GET", "get_key", None, 405),
    "another path": ("POST", "get_keys", {}, 404),
    "a query": ("POST", "close?x=1", {}, 404),
    "a deep body": ("POST", "close", b"[" * 100 + b"]" * 100, 400),
}


@clause(DOCUMENT, "6")
@invariant("K9")
@invariant("Z9")
@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_request_is_refused_and_costs_nothing(line: Network, wrong: str) -> None:
    verb, function, wanted, code = WRONG[wrong]
    own = line.sae("near-a")
    body = wanted if isinstance(wanted, bytes) else None if wanted is None else json.dumps(wanted).encode()
    with nothing_consumed(line, own):
        answer = own.ask(verb, f"/qkd/004/v2/{function}", body)
    assert answer.status == code
    assert len(answer.body) < 200


@invariant("K4")
@pytest.mark.parametrize(
    ("source", "destination"), [("far-a", "far-b"), ("near-a", "nobody"), ("near-a", "near-a"), ("qkd://", "//[")]
)
def test_ends_that_have_nothing_in_common_get_no_stream(line: Network, source: str, destination: str) -> None:
    own = line.sae("near-a")
    with nothing_consumed(line, own):
        answer = call(own, "open_connect", source=uri(source), destination=uri(destination))
    assert answer.json["status"] == 4
    assert "key_stream_id" not in answer.json


@invariant("Z2")
def test_an_sae_of_another_node_is_nobody(line: Network) -> None:
    stranger, other = line.sae("far-b"), line.sae("near-b")
    lost = Sae(stranger.name, stranger.peer, other.url, stranger.files)
    assert call(lost, "get_key", key_stream_id=KSID).status == 401
