"""The usual spellings of key IDs: taken by comparison, and never otherwise than the strict reader takes them."""

from __future__ import annotations

import json

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service import etsi014
from keytwin.service.etsi014_values import AskKeysById, Limits
from keytwin.service.http import Request, Response
from keytwin.service.usual_ids import LEVELS, usual_key_ids
from keytwin.vocabulary.identity import SaeId

IDS = [f"0b9f0a46-52a8-4a8c-9f0e-{number:012x}" for number in range(5)]
PATH = "/api/v1/keys/sae-a/dec_keys"


def post(body: bytes, target: str = PATH) -> Request:
    return Request("POST", target, "application/json", "", body)


def body_of(ids: list[str], separators: tuple[str, str]) -> bytes:
    return json.dumps({"key_IDs": [{"key_ID": each} for each in ids]}, separators=separators).encode()


def both_ways(request: Request) -> tuple[AskKeysById | Response, AskKeysById | Response]:
    """Decode with the usual spellings known, and by the strict reader alone."""
    known = etsi014.decode(SaeId("sae-b"), request)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(etsi014, "usual_key_ids", lambda _: None)
        patch.setattr(etsi014, "is_uuid", lambda _: False)
        strict = etsi014.decode(SaeId("sae-b"), request)
    assert isinstance(known, AskKeysById | Response)
    assert isinstance(strict, AskKeysById | Response)
    return known, strict


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")])
@pytest.mark.parametrize("number", [1, 2, 5])
def test_what_clients_write_is_taken_without_a_parser(separators: tuple[str, str], number: int) -> None:
    assert usual_key_ids(post(body_of(IDS[:number], separators))) == IDS[:number]


@pytest.mark.parametrize("path", [PATH, "/api/v1/keys/sae%2da/dec_keys", "/api/v1/keys/a--b/dec_keys", "/dec_keys", ""])
def test_a_query_with_one_id_reads_alike_whatever_the_path(path: str) -> None:
    known, strict = both_ways(Request("GET", f"{path}?key_ID={IDS[0]}"))
    assert known == strict
    assert isinstance(known, AskKeysById) is path.startswith("/api/v1/keys/sae")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b'{"key_IDs":[]}',
        b'{"key_IDs":[{"key_ID":"a\\u0062"}]}',  # an escape
        b'{"key_IDs":[{"key_ID":"a","key_ID":"b"}]}',  # a member twice
        b'{"key_IDs":[{"key_ID":"a"}],"key_IDs":[{"key_ID":"b"}]}',
        b'{"key_IDs":[{"key_ID":"a"}, {"key_ID":"b"}]}',  # both spellings
        b'{"key_IDs":[{"key_ID":"a\nb"}]}',  # a control character in a string
        '{"key_IDs":[{"key_ID":"\u00e4"}]}'.encode(),
        b'{"key_IDs":[{"key_ID":"a","key_ID_extension":{}}]}',
        b' {"key_IDs":[{"key_ID":"a"}]}',
        b'{"key_IDs":[{"key_ID":"}]}',  # start and end overlap
    ],
)
def test_anything_else_is_left_to_the_parser(body: bytes) -> None:
    assert usual_key_ids(post(body)) is None


def test_a_get_and_a_post_with_a_query_are_left_to_the_parser() -> None:
    assert usual_key_ids(Request("GET", f"{PATH}?key_ID={IDS[0]}", body=body_of(IDS, (",", ":")))) is None
    assert usual_key_ids(post(body_of(IDS, (",", ":")), f"{PATH}?x=1")) is None


SEPARATORS = st.sampled_from([(",", ":"), (", ", ": ")])
PIECES = st.sampled_from(
    [
        '{"key_IDs":[{"key_ID":"', '"},{"key_ID":"', '"}]}', '{"key_IDs": [{"key_ID": "', '"}, {"key_ID": "', '"', "\\",
        "{", "}", "[", "]", ",", ":", " ", "\n", "\u00e4", "\\u0061", "a", *IDS,
    ]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12).map("".join))
def test_whatever_is_taken_reads_as_the_strict_reader_reads_it(text: str) -> None:
    known, strict = both_ways(post(text.encode()))
    assert known == strict
    taken = usual_key_ids(post(text.encode()))
    if taken is not None:
        assert taken == [each["key_ID"] for each in json.loads(text)["key_IDs"]]


@given(st.lists(st.sampled_from([*IDS, "no-uuid", "", IDS[0].upper()]), min_size=1, max_size=6), SEPARATORS)
def test_ids_that_are_wrong_get_the_same_answer_as_ever(ids: list[str], separators: tuple[str, str]) -> None:
    known, strict = both_ways(post(body_of(ids, separators)))
    assert known == strict


@given(st.text(alphabet="abk_ID=&%+4-? ", max_size=20) | st.sampled_from([f"key_ID={IDS[0]}", f"key_ID={IDS[0]}&x"]))
def test_queries_read_alike(query: str) -> None:
    known, strict = both_ways(Request("GET", f"{PATH}?{query}"))
    assert known == strict


def test_too_many_ids_are_refused_as_ever() -> None:
    ids = [f"0b9f0a46-52a8-4a8c-9f0e-{number:012x}" for number in range(129)]
    known, strict = both_ways(post(body_of(ids, (",", ":"))))
    assert known == strict
    assert isinstance(known, Response)
    assert known.status == 400


def test_a_limit_on_levels_below_the_usual_ones_still_holds() -> None:
    request = post(body_of(IDS, (",", ":")))
    answer = etsi014.decode(SaeId("sae-b"), request, Limits(depth=LEVELS - 1))
    assert isinstance(answer, Response)
    assert "nests deeper" in msgspec.json.decode(answer.body)["message"]


TARGETS = st.builds(
    "/api/v1/keys/{}/{}{}".format,
    st.sampled_from(["sae-b", "sae%2Db", "sae-%zz", "", "../x"]),
    st.sampled_from(["status", "enc_keys", "dec_keys", "no_such"]),
    st.text(alphabet="?&=%0123456789-numbersizekey_ID", max_size=30),
)


@given(TARGETS, st.sampled_from(["GET", "POST", "PUT"]), st.sampled_from([b"", b"{}"]))
def test_what_was_read_before_reads_as_if_for_the_first_time(target: str, method: str, body: bytes) -> None:
    request = Request(method, target, "application/json", "", body)
    afresh = etsi014.decode(SaeId("sae-a"), request, Limits())  # not the limits that answers are kept for
    assert etsi014.decode(SaeId("sae-a"), request) == afresh
    assert etsi014.decode(SaeId("sae-a"), request) == afresh
    other = etsi014.decode(SaeId("sae-c"), request)
    if not isinstance(afresh, Response):
        assert other != afresh
