"""The JSON binding of ETSI GS QKD 004 by itself: bodies to messages, replies to answers, and what is published."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.conversation import Question
from keytwin.service.etsi004 import DEPTH, LARGEST_BODY, converse, decode, encode, is_stream
from keytwin.service.etsi004_openapi import openapi
from keytwin.service.etsi004_values import Ask, AskChunk, AskClose, AskOpen, StreamSetup
from keytwin.service.etsi004_wire import ANSWERS, BODIES, CLOSE, GET_KEY, OPEN_CONNECT, USUAL_ROOM
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeyRefused, PoolUnknown
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.stream_messages import (
    ChunkDelivered,
    CloseStream,
    GetChunk,
    OpenStream,
    StreamAnswered,
    StreamQos,
    StreamStatus,
)
from keytwin.vocabulary.units import seconds
from tests.marks import clause, invariant

DOCUMENT: Final = "ETSI GS QKD 004 V2.1.1"
KSID: Final = Ksid("8f4b1d3e-6c2a-4e55-9a3b-0d9e7c1f2a40")
FACE: Final = ElementName("face/km0")
ALICE, BOB = SaeId("alice"), SaeId("bob")
SETUP: Final = StreamSetup(NodeId("km0"), FACE, frozenset({ALICE}))
PAGE: Final[dict[str, Any]] = openapi()
ENDS: Final = {"source": "qkd://km0/alice", "destination": "qkd://km1/bob"}


def post(target: str, body: object) -> Request:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Request("POST", target, "application/json", body=octets)


def asked(target: str, body: object) -> object:
    conversation = converse(SETUP, ALICE, post(target, body), "r")
    assert not isinstance(conversation, Response), conversation.body
    question = next(conversation)
    assert isinstance(question, Question)
    assert question.to == "sae/alice"
    return question.message


def told(response: Response) -> dict[str, Any]:
    assert response.status == 200
    value = json.loads(bytes(response.body))
    assert isinstance(value, dict)
    return value


@clause(DOCUMENT, "6")
def test_each_function_is_asked_of_the_callers_own_element() -> None:
    usual = StreamQos(metadata_mimetype="application/json")
    assert asked(OPEN_CONNECT, ENDS) == OpenStream("r", FACE, ALICE, BOB, None, usual)
    assert asked(GET_KEY, {"key_stream_id": KSID}) == GetChunk("r", FACE, ALICE, KSID, None, USUAL_ROOM)
    assert asked(GET_KEY, {"key_stream_id": KSID, "index": 4, "metadata_size": 0}) == GetChunk(
        "r", FACE, ALICE, KSID, 4, 0
    )
    assert asked(CLOSE, {"key_stream_id": KSID}) == CloseStream("r", FACE, ALICE, KSID)


@clause(DOCUMENT, "Table 2")
def test_null_and_nothing_let_the_network_choose_and_an_empty_type_wants_no_metadata() -> None:
    for qos in (None, {}, {"ttl": None, "metadata_mimetype": None}):
        message = asked(OPEN_CONNECT, {**ENDS, "qos": qos})
        assert isinstance(message, OpenStream)
        assert message.qos == StreamQos(metadata_mimetype="application/json")
    none = asked(OPEN_CONNECT, {**ENDS, "qos": {"metadata_mimetype": "", "ttl": 3}})
    assert isinstance(none, OpenStream)
    assert none.qos == StreamQos(ttl=3)


@invariant("K4")
@pytest.mark.parametrize("ends", [("qkd://x/carol", "qkd://y/bob"), ("mailto:", "qkd://y/bob"), ("//[", "x")])
def test_whose_name_is_in_neither_uri_gets_no_stream(ends: tuple[str, str]) -> None:
    response = converse(SETUP, ALICE, post(OPEN_CONNECT, {"source": ends[0], "destination": ends[1]}), "r")
    assert isinstance(response, Response)
    assert told(response)["status"] == StreamStatus.NO_CONNECTION


@invariant("Z2")
def test_an_sae_of_another_node_is_nobody() -> None:
    response = converse(SETUP, BOB, post(CLOSE, {"key_stream_id": KSID}), "r")
    assert isinstance(response, Response)
    assert (response.status, response.body) == (401, b"")


@clause(DOCUMENT, "Table 2")
@invariant("K5")
def test_a_chunk_is_written_in_base64_and_wiped() -> None:
    octets = bytes(range(32))
    key = Key(KeyId("k"), KeyMaterial(bytearray(octets)), Provenance(Method.ADJACENT, 1))
    response = encode(AskChunk(KSID, None, 100), ChunkDelivered("r", 5, key, b'{"age":1,"hops":0}'))
    value = told(response)
    assert (value["status"], value["index"], base64.b64decode(value["key_buffer"])) == (0, 5, octets)
    assert value["metadata"] == {"size": 18, "buffer": '{"age":1,"hops":0}'}
    assert key.material.is_wiped
    assert isinstance(response.body, bytearray)


@pytest.mark.parametrize("status", list(StreamStatus))
def test_every_status_is_written_for_every_function(status: StreamStatus) -> None:
    reply = StreamAnswered("r", status, KSID, StreamQos(32), needed=9, detail="why")
    for ask in (AskOpen("a", "b", None, StreamQos()), AskChunk(KSID, 1, 2), AskClose(KSID)):
        value = told(encode(ask, reply))
        assert (value["status"], value["detail"]) == (status, "why")
        assert "key_buffer" not in value
    assert ("metadata" in told(encode(AskChunk(KSID, 1, 2), reply))) == (status is StreamStatus.METADATA_TOO_SMALL)


def test_an_element_that_stops_is_no_connection_and_a_reply_that_does_not_fit_a_violation() -> None:
    stopped = KeyRefused("r", Reason.UNAVAILABLE, seconds(1))
    assert told(encode(AskClose(KSID), stopped))["status"] == StreamStatus.NO_CONNECTION
    key = Key(KeyId("k"), KeyMaterial(bytearray(32)), Provenance(Method.ADJACENT, 1))
    for reply in (PoolUnknown("r"), ChunkDelivered("r", 0, key, b"")):
        with pytest.raises(Violation):
            encode(AskClose(KSID), reply)
    assert key.material.is_wiped


@invariant("Z9")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request("GET", GET_KEY), 405),
        (Request("POST", GET_KEY, "text/plain", body=b"{}"), 415),
        (post(GET_KEY, b" " * (LARGEST_BODY + 1)), 413),
        (post(GET_KEY + "?x=1", {}), 404),
        (post(GET_KEY + "/", {}), 404),
        (post("/qkd/004/v2/" + "x" * 5_000, {}), 414),
        (post(GET_KEY, b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1)), 400),
        (post(GET_KEY, {"key_stream_id": KSID.upper()}), 400),
        (post(GET_KEY, {"key_stream_id": KSID, "index": True}), 400),
        (post(GET_KEY, b'{"key_stream_id":"x","key_stream_id":"y"}'), 400),
    ],
)
def test_what_is_no_request_is_told_in_the_codes_of_http(request_: Request, status: int) -> None:
    found = decode(request_)
    assert isinstance(found, Response)
    assert found.status == status
    assert is_stream(request_)


@invariant("Z9")
@given(st.sampled_from(sorted(BODIES)), st.binary(max_size=200))
def test_octets_of_every_kind_are_understood_or_refused(target: str, body: bytes) -> None:
    found = decode(post(target, body))
    assert not isinstance(found, Response) or found.status == 400


# --- what is published ------------------------------------------------------------------------------------------------


def schema_of(path: str) -> dict[str, Any]:
    """Return the schema of a good answer."""
    reference = PAGE["paths"][path]["post"]["responses"]["200"]["content"]["application/json"]["schema"]["$ref"]
    found = PAGE["components"]["schemas"][reference.rpartition("/")[2]]
    assert isinstance(found, dict)
    return found


def test_the_document_is_openapi_3_1_and_plain_json() -> None:
    assert PAGE["openapi"] == "3.1.0"
    assert json.loads(json.dumps(PAGE)) == PAGE
    assert PAGE["security"] == [{"certificate": []}]
    assert list(PAGE["paths"]) == list(BODIES) == list(ANSWERS)


@pytest.mark.parametrize("path", list(BODIES))
def test_answers_have_the_members_that_are_published(path: str) -> None:
    asks: dict[str, Ask] = {
        OPEN_CONNECT: AskOpen("a", "b", None, StreamQos()),
        GET_KEY: AskChunk(KSID, 1, 2),
        CLOSE: AskClose(KSID),
    }
    reply = StreamAnswered("r", StreamStatus.METADATA_TOO_SMALL, KSID, StreamQos(32), needed=9, detail="why")
    assert told(encode(asks[path], reply)).keys() <= schema_of(path)["properties"].keys()
