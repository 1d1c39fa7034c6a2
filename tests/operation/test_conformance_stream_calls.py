"""What a stranger answers by ETSI GS QKD 004, read without trust: in frames and in JSON, however broken."""

from __future__ import annotations

import json

import pytest

from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_stream_calls import BINARY_PORT, BinarySpeaker, JsonSpeaker, place_of
from keytwin.operation.conformance_stream_frames import close_frame, get_frame, open_frame, told_in_frame
from keytwin.operation.conformance_stream_interview import USUAL
from keytwin.operation.conformance_stream_reading import told_in_json
from keytwin.operation.conformance_stream_values import Function, Opening, Told
from keytwin.vocabulary.errors import Mistake
from tests.fakes import binary_client
from tests.marks import clause

KSID = "8f4b1d3e-6c2a-4e55-9a3b-0d9e7c1f2a40"
OCTETS = bytes.fromhex(KSID.replace("-", ""))
QOS = {
    "key_chunk_size": 32,
    "max_bps": 1,
    "min_bps": 0,
    "jitter": 0,
    "priority": 0,
    "timeout": 0,
    "ttl": 9,
    "metadata_mimetype": "application/json",
}


def answered(service: int, payload: bytes) -> bytes:
    return binary_client.frame(service, payload)


@clause("ETSI GS QKD 004 V2.1.1", "Table 2")
def test_questions_have_the_byte_counts_of_the_framing() -> None:
    qos = {name: getattr(USUAL, name) for name in binary_client.NUMBERS}
    for ksid in (None, KSID):
        wanted = open_frame(Opening("qkd://a", "qkd://b", ksid, USUAL))
        assert wanted == binary_client.open_frame("qkd://a", "qkd://b", OCTETS if ksid else bytes(16), **qos)
    assert get_frame(KSID, None, 1_024) == binary_client.get_frame(OCTETS)
    assert get_frame(KSID, 7, 4) == binary_client.get_frame(OCTETS, 7, 4)
    assert close_frame(KSID) == binary_client.close_frame(OCTETS)


def test_a_frame_with_a_key_is_read() -> None:
    payload = bytes(4) + b"\0\0\0\7" + b"\0\0\0\2" + b"ab" + b"\0\0\0\2" + b"{}"
    told = told_in_frame(Function.GET_KEY, answered(5, payload))
    assert (told.status, told.index, told.key, told.metadata, told.size) == (0, 7, b"ab", b"{}", 2)
    assert told.faults == ()
    assert "ab" not in repr(told)


@pytest.mark.parametrize("length", range(12))
def test_a_frame_that_is_cut_off_is_a_fault_and_no_error(length: int) -> None:
    payload = (bytes(4) + b"\0\0\0\7" + b"\0\0\0\2" + b"ab")[:length]
    told = told_in_frame(Function.GET_KEY, answered(5, payload))
    assert told.faults or told.status is None
    assert told.key is None


def test_a_frame_of_another_service_has_no_status() -> None:
    told = told_in_frame(Function.CLOSE, answered(5, bytes(4)))
    assert told.said == "no status (a frame of type 0x05 with 4 octets)"


def test_an_opening_of_another_length_is_a_fault() -> None:
    told = told_in_frame(Function.OPEN_CONNECT, answered(3, bytes(4 + 299)))
    assert told.status == 0
    assert "has 299 octets after its status, should be 300" in told.faults


def test_eight_without_the_size_needed_needs_nothing() -> None:
    assert told_in_frame(Function.GET_KEY, answered(5, b"\0\0\0\x08")).needed is None
    assert told_in_frame(Function.GET_KEY, answered(5, b"\0\0\0\x08\0\0\0\x13")).needed == 19


def test_what_breaks_off_is_told_and_no_error() -> None:
    def cut(octets: bytes) -> bytes:
        del octets
        raise ConnectionResetError

    def ended(octets: bytes) -> bytes:
        del octets
        raise EOFError("the connection ended after 3 octets")

    assert BinarySpeaker(cut).close(KSID).is_refused_in_tls
    assert BinarySpeaker(ended).babble().said == "no status (the connection ended after 3 octets)"


def json_told(function: Function, **answer: object) -> Told:
    return told_in_json(function, Reply(200, "application/json", json.dumps(answer).encode()))


def test_an_opening_in_json_is_read() -> None:
    told = json_told(Function.OPEN_CONNECT, status=1, key_stream_id=KSID, qos=QOS)
    assert (told.status, told.ksid, told.faults) == (1, KSID, ())
    assert told.qos is not None
    assert told.qos.ttl == 9


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ttl", None, "ttl is no uint32"),
        ("ttl", "9", "ttl is no uint32"),
        ("ttl", True, "ttl is no uint32"),
        ("max_bps", 2**32, "max_bps is no uint32"),
        ("jitter", -1, "jitter is no uint32"),
        ("metadata_mimetype", None, "metadata_mimetype is no text"),
    ],
)
def test_a_qos_that_is_none_is_a_fault(name: str, value: object, fault: str) -> None:
    told = json_told(Function.OPEN_CONNECT, status=1, key_stream_id=KSID, qos={**QOS, name: value})
    assert told.faults == (f"has a QoS whose {fault}",)


@pytest.mark.parametrize(
    "broken",
    [
        {"status": "0"},
        {"status": True},
        {},
        {"status": 0, "key_stream_id": 7, "qos": []},
        {"status": 0, "index": "1", "key_buffer": "%", "metadata": []},
        {"status": 8, "metadata": 7},
    ],
)
@pytest.mark.parametrize("function", Function)
def test_json_that_says_something_else_is_no_error(function: Function, broken: dict[str, object]) -> None:
    told = json_told(function, **broken)
    assert told.key is None
    assert told.qos is None
    assert told.needed is None


def test_key_and_metadata_in_json_are_read() -> None:
    told = json_told(Function.GET_KEY, status=0, index=3, key_buffer="YWI=", metadata={"size": 3, "buffer": '"\u00e4"'})
    assert (told.index, told.key, told.size, told.metadata) == (3, b"ab", 3, '"\u00e4"'.encode())
    assert told.faults == ()


def test_an_answer_that_is_no_json_is_told_by_its_code() -> None:
    assert told_in_json(Function.CLOSE, Reply(404, "text/html", b"<html>")).said == "no status (HTTP 404)"
    assert told_in_json(Function.CLOSE, Reply(0, why="refused")).said == "no status (refused)"


def test_json_is_asked_below_a_path_of_its_own() -> None:
    asked = []

    class Noting:
        def ask(self, verb: str, target: str, body: bytes | None = None) -> Reply:
            asked.append((verb, target, json.loads(body or b"")))
            return Reply(200, "application/json", b'{"status": 0}')

    JsonSpeaker(Noting(), "/api/").get_key(KSID, None, 9)
    JsonSpeaker(Noting()).open_connect(Opening("a", "b", None, USUAL))
    assert asked[0] == ("POST", "/api/get_key", {"key_stream_id": KSID, "index": None, "metadata_size": 9})
    assert asked[1][1] == "/qkd/004/v2/open_connect"
    assert asked[1][2]["qos"]["min_bps"] is None  # the network's choice


@pytest.mark.parametrize(
    ("url", "is_binary", "port", "path"),
    [
        ("https://kme.example", False, 443, "/qkd/004/v2/"),
        ("https://kme.example:8443/", False, 8443, "/qkd/004/v2/"),
        ("https://kme.example/etsi004", False, 443, "/etsi004/"),
        ("tls://kme.example", True, BINARY_PORT, "/qkd/004/v2/"),
        ("tls://[::1]:7", True, 7, "/qkd/004/v2/"),
    ],
)
def test_the_url_tells_the_framing(url: str, is_binary: bool, port: int, path: str) -> None:  # noqa: FBT001  # a row
    place = place_of(url)
    assert (place.is_binary, place.address[1], place.path) == (is_binary, port, path)


@pytest.mark.parametrize(
    "url", ["kme", "http://kme", "tls://kme/x", "https://u@kme", "https://kme?x", "tls://", "tls://k:x"]
)
def test_what_is_no_url_of_a_face_is_a_mistake(url: str) -> None:
    with pytest.raises(Mistake):
        place_of(url)
