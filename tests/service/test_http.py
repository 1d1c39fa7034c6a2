"""Requests and answers as values: the target is decoded once, a body with key in it can be wiped."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.http import (
    NO_STORE,
    Request,
    Response,
    json_response,
    known_parameters,
    parameters,
    parse_integer,
    percent_decoded,
)
from keytwin.vocabulary.errors import Mistake
from tests.marks import clause, invariant


class Said(msgspec.Struct):
    word: str


def complaint(text: str) -> str:
    try:
        percent_decoded(text)
    except Mistake as mistake:
        return str(mistake)
    return ""


@clause("RFC 3986", "2.2")
def test_an_encoded_slash_separates_nothing() -> None:
    assert Request("GET", "/a%2Fb/c?d=/e").path == "/a%2Fb/c"


def test_the_query_is_what_follows_the_first_question_mark() -> None:
    assert Request("GET", "/a?b=c?d").query == "b=c?d"
    assert not Request("GET", "/a").query


@clause("RFC 3986", "2.4")
@pytest.mark.parametrize(
    ("text", "decoded"), [("a%2Fb", "a/b"), ("%2541", "%41"), ("%C3%A9", "\u00e9"), ("a+b", "a+b")]
)
def test_decoding_happens_once(text: str, decoded: str) -> None:
    assert percent_decoded(text) == decoded


@clause("RFC 3986", "2.1")
@pytest.mark.parametrize("text", ["%", "a%2", "%zz", "%-1", "%C3", "%ed%a0%80", "%FF"])
def test_a_broken_escape_is_refused(text: str) -> None:
    with pytest.raises(Mistake):
        percent_decoded(text)


@given(st.text())
def test_whatever_is_decoded_is_text_or_refused(text: str) -> None:
    assert len(complaint(text)) < 100


def test_parameters_keep_their_order_and_repetitions() -> None:
    assert parameters("b=1&a=%20&&b=2&c") == [("b", "1"), ("a", " "), ("b", "2"), ("c", "")]


@pytest.mark.parametrize(
    ("content_type", "content_encoding", "is_json"),
    [
        ("application/json", "", True),
        ("Application/JSON ; charset=UTF-8", "identity", True),
        ('application/json; charset="utf-8";', "", True),
        ("application/json; charset=utf-16", "", False),
        ("application/json; profile=x", "", False),
        ("application/json", "gzip", False),
        ("application/x-www-form-urlencoded", "", False),
        ("application/jsonp", "", False),
        ("text/plain", "", False),
        ("", "", False),
    ],
)
def test_only_plain_json_in_utf_8_counts_as_json(content_type: str, content_encoding: str, *, is_json: bool) -> None:
    request = Request("POST", "/", content_type, content_encoding)
    assert request.is_json == is_json


def test_an_answer_is_json_that_nobody_keeps() -> None:
    response = json_response(400, Said("no"), ("Allow", "GET"))
    assert response.body == b'{"word":"no"}'
    assert NO_STORE in response.headers
    assert ("Content-Type", "application/json") in response.headers
    assert ("Allow", "GET") in response.headers


@invariant("Z5")
def test_a_body_with_key_is_wiped_and_never_printed() -> None:
    body = bytearray(b"key")
    response = Response(200, body=body)
    assert "key" not in repr(response)
    response.wipe()
    assert body == bytes(3)


def test_a_body_without_key_stays() -> None:
    response = json_response(200, Said("yes"))
    response.wipe()
    assert response.body == b'{"word":"yes"}'


def test_the_body_of_a_request_is_not_printed() -> None:
    assert "0b9f" not in repr(Request("POST", "/", body=b"0b9f"))


def test_known_parameters_are_named_once() -> None:
    assert known_parameters("a=1&b=2&x=3&x=4", ("a", "b", "c")) == {"a": "1", "b": "2"}
    assert known_parameters("", ("a",)) == {}
    with pytest.raises(Mistake, match="twice"):
        known_parameters("a=1&%61=1", ("a",))


def test_an_integer_has_one_spelling() -> None:
    assert parse_integer("size", "0") == 0
    assert parse_integer("size", "9" * 18) == 10**18 - 1
    for text in ("", "-1", "+1", "01", " 1", "1 ", "1.0", "\u0661", "9" * 19):
        with pytest.raises(Mistake, match="size"):
            parse_integer("size", text)
