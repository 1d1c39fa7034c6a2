"""Faces that do wrong on purpose: what they break, and what they leave right."""

from __future__ import annotations

import msgspec
import pytest

from keytwin.service.conversation import Conversation, Question
from keytwin.service.http import Request, Response
from keytwin.service.misbehaviour import empty, wrong_id
from keytwin.vocabulary.exchange_messages import GetPoolStatus, PoolUnknown
from keytwin.vocabulary.identity import ElementName, SaeId
from keytwin.vocabulary.machine import RequestId

FIRST = "0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11"
SECOND = "5f0c2a0e-6f0d-4a52-8d2b-2f4f3f7a9d0f"
CONTAINER = f'{{"keys":[{{"key_ID":"{FIRST}","key":"AA=="}},{{"key_ID":"{SECOND}","key":"BB=="}}]}}'.encode()
QUESTION = Question(ElementName("sae/a"), GetPoolStatus("r", ElementName("face/x"), SaeId("a"), SaeId("b")))


def ask(target: str) -> Request:
    return Request("GET", target)


def good(name: str, request: Request, request_id: RequestId) -> Conversation | Response:
    """Answer status at once, and requests for keys after a question."""
    del name, request_id
    if request.target.endswith("status"):
        return Response(200, body=b'{"key_size":256,"stored_key_count":812}')
    return conversation()


def conversation() -> Conversation:
    yield QUESTION
    return Response(200, body=bytearray(CONTAINER))


def ended(answer: Conversation | Response) -> Response:
    """Drive a conversation to its end."""
    if isinstance(answer, Response):
        return answer
    assert next(answer) == QUESTION
    with pytest.raises(StopIteration) as stop:
        answer.send(PoolUnknown("r"))
    response = stop.value.value
    assert isinstance(response, Response)
    return response


def test_an_empty_face_refuses_keys_without_asking_anybody_and_says_that_it_has_none() -> None:
    face = empty(good)
    for method in ("enc_keys?number=3", "dec_keys"):
        refused = face("a", ask(f"/api/v1/keys/b/{method}"), "r")
        assert isinstance(refused, Response)
        assert refused.status == 503
        assert ("Retry-After", "1") in refused.headers
    status = ended(face("a", ask("/api/v1/keys/b/status"), "r"))
    assert msgspec.json.decode(status.body) == {"key_size": 256, "stored_key_count": 0}


def test_wrong_identifiers_are_identifiers_of_no_key_and_all_else_stays() -> None:
    answer = ended(wrong_id(good)("a", ask("/api/v1/keys/b/enc_keys"), "r"))
    told = msgspec.json.decode(answer.body)
    assert [each["key_ID"] for each in told["keys"]] == [f"{FIRST[:-1]}2", f"{SECOND[:-1]}0"]
    assert [each["key"] for each in told["keys"]] == ["AA==", "BB=="]
    assert isinstance(answer.body, bytearray)  # so that it is wiped when it is written


def test_what_is_refused_anyway_is_passed_on() -> None:
    refusal = Response(401)
    for wrong in (empty, wrong_id):
        assert ended(wrong(lambda *_: refusal)("a", ask("/api/v1/keys/b/status"), "r")) is refusal


@pytest.mark.parametrize("target", ["/key?remoteSystemID=b", "/key/0b9f?remoteSystemID=b"])
def test_an_empty_face_has_no_keys_by_skip_either(target: str) -> None:
    refused = empty(good)("a", ask(target), "r")
    assert isinstance(refused, Response)
    assert refused.status == 503


def test_what_an_empty_face_says_beside_its_status_stays() -> None:
    told = Response(200, body=b'{"key":true}')
    assert ended(empty(lambda *_: told)("a", ask("/capabilities"), "r")) is told


def test_wrong_identifiers_of_skip_are_identifiers_of_no_key() -> None:
    digits = FIRST.replace("-", "")
    body = bytearray(f'{{"keyId":"{digits}","key":"aabb"}}'.encode())
    answer = ended(wrong_id(lambda *_: Response(200, body=body))("a", ask("/key?remoteSystemID=b"), "r"))
    assert msgspec.json.decode(answer.body) == {"keyId": f"{digits[:-1]}2", "key": "aabb"}
