"""Answers of a stranger read without trust: what cannot be read is nothing, and never an error."""

from __future__ import annotations

import json

import pytest

from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_reading import (
    LONGEST_ECHO,
    UUID,
    entries_of,
    keys_of,
    message_of,
    object_of,
    said,
    shape_of,
    whole,
)
from tests.marks import clause

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
NO_OBJECTS = (b"", b"[]", b"null", b"\xff", b"{", b'{"a": 1} x', b"[" * 5_000)


def told(value: object, status: int = 200) -> Reply:
    return Reply(status, "application/json", json.dumps(value).encode())


@pytest.mark.parametrize("body", NO_OBJECTS, ids=range(len(NO_OBJECTS)))
def test_what_is_no_object_is_none(body: bytes) -> None:
    reply = Reply(200, body=body)
    assert object_of(reply) is None
    assert entries_of(reply) is None
    assert message_of(reply) is None
    assert keys_of(reply) == ()
    assert list(shape_of(reply)) == ["has no array of keys"]


@clause(DOCUMENT, "6.3")
def test_keys_are_read_under_both_spellings() -> None:
    entry = {"key_ID": "x", "key": "AAEC"}
    for name in ("keys", "Keys"):
        (key,) = keys_of(told({name: [entry]}))
        assert (key.key_id, key.octets) == ("x", b"\0\1\2")
        assert "AAEC" not in repr(key)
    assert keys_of(told({"keys": [entry]}, 400)) == ()


@pytest.mark.parametrize("key", ["AAE", "AA-_", "AAEC\n", " AAEC", "QQ", "\u00e4", 7, None, ["AAEC"]])
def test_a_key_that_is_no_base64_has_no_octets(key: object) -> None:
    (given,) = keys_of(told({"keys": [{"key_ID": "x", "key": key}]}))
    assert given.octets is None


def test_each_fault_of_form_is_named() -> None:
    good = {"key_ID": "x", "key": "AAEC"}
    assert list(shape_of(told({"keys": [good, {**good, "key_extension": {}}]}))) == []
    assert list(shape_of(told({"keys": []}))) == []
    wrong = [7, {"key": "AAEC"}, {"key_ID": 1, "key": "AAEC"}, {"key_ID": "x"}, {**good, "key_extension": []}]
    assert list(shape_of(told({"keys": wrong}))) == [
        "has a key that is no object",
        "has a key whose key_ID is no text",
        "has a key whose key_ID is no text",
        "has a key whose key is no text",
        "has a key whose key_extension is no object",
    ]


def test_an_integer_is_no_truth_and_no_fraction() -> None:
    assert [whole(value) for value in (1, 0, True, 1.0, "1", None)] == [1, 0, None, None, None, None]


def test_the_words_of_an_error_are_cut_and_quoted() -> None:
    assert said(None) == said("") == ""
    assert said("x" * 1_000) == f" {'x' * LONGEST_ECHO!r}"
    assert said("\x1b[2J") == " '\\x1b[2J'"


def test_a_uuid_has_its_hyphens() -> None:
    good = "0b9f0a46-52a8-4a8c-9f0e-8a8f3b1a7c11"
    assert UUID.fullmatch(good)
    assert UUID.fullmatch(good.upper())
    assert not UUID.fullmatch(good.replace("-", ""))
    assert not UUID.fullmatch(f"{{{good}}}")
