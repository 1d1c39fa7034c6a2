"""JSON from strangers: what parsers let pass is refused, what RFC 8259 allows is read as Python reads it."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.strict_json import Json, read_json
from keytwin.vocabulary.errors import Mistake
from tests.marks import clause, invariant

DEPTH = 16
NAMES = st.text(st.characters(exclude_categories=["Cs"]))
LEAVES = (
    st.none()
    | st.booleans()
    | st.integers(-(10**16), 10**16)
    | st.floats(allow_nan=False, allow_infinity=False)
    | NAMES
)
VALUES = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(NAMES, inner), max_leaves=12)


def complaint(body: bytes) -> str:
    try:
        read_json(body, DEPTH)
    except Mistake as mistake:
        return str(mistake)
    return ""


@clause("RFC 8259", "2")
@given(VALUES, st.booleans())
def test_plain_json_is_read_as_it_is(value: Json, ascii_only: bool) -> None:  # noqa: FBT001  Hypothesis hands it in by position
    assert read_json(json.dumps(value, ensure_ascii=ascii_only).encode(), depth=100) == value


@clause("RFC 8259", "4")
@pytest.mark.parametrize("text", ['{"a":1,"a":1}', '{"a":1,"\\u0061":2}', '[{"b":{"a":1,"a":2}}]'])
def test_duplicate_members_are_refused(text: str) -> None:
    with pytest.raises(Mistake, match="two members of one name"):
        read_json(text.encode(), DEPTH)


@clause("RFC 8259", "6")
@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", '{"a":NaN}', "1e999", "-1e999", "9" * 19, "9" * 5000])
def test_numbers_out_of_range_are_refused(text: str) -> None:
    with pytest.raises(Mistake):
        read_json(text.encode(), DEPTH)


def test_an_integer_has_at_most_18_characters() -> None:
    assert read_json(b"9" * 18, DEPTH) == 10**18 - 1
    with pytest.raises(Mistake, match="18 digits"):
        read_json(b"9" * 19, DEPTH)


@clause("RFC 8259", "8.2")
@pytest.mark.parametrize("text", ['"\\ud800"', '["\\udc00\\ud800"]', '{"\\ud83d":1}', '[[{"a":"x\\uDFFF"}]]'])
def test_lone_surrogates_are_refused(text: str) -> None:
    with pytest.raises(Mistake, match="surrogate"):
        read_json(text.encode(), DEPTH)


def test_a_surrogate_pair_is_one_character() -> None:
    assert read_json(b'"\\ud83d\\ude00"', DEPTH) == "\U0001f600"


@clause("RFC 8259", "8.1")
@pytest.mark.parametrize("body", [b"\xff", b"\xef\xbb\xbf{}", b'"\xed\xa0\x80"', '{"a":1}'.encode("utf-16"), b'"\xc3"'])
def test_other_encodings_and_byte_order_marks_are_refused(body: bytes) -> None:
    with pytest.raises(Mistake):
        read_json(body, DEPTH)


@pytest.mark.parametrize("body", [b"", b" ", b"{", b"{}{}", b"{'a':1}", b"[1,]", b'{"a":01}', b'"\n"', b"// x\n{}"])
def test_what_is_not_json_is_refused(body: bytes) -> None:
    with pytest.raises(Mistake, match="not JSON"):
        read_json(body, DEPTH)


@clause("RFC 8259", "9")
def test_depth_is_counted_in_brackets_outside_strings() -> None:
    assert read_json(b"[" * DEPTH + b"]" * DEPTH, DEPTH)
    assert read_json(b'["[[[[\\"[[[[", "{{{{"]', 1) == ['[[[["[[[[', "{{{{"]
    with pytest.raises(Mistake, match="deeper than 16"):
        read_json(b"[" * (DEPTH + 1) + b"]" * (DEPTH + 1), DEPTH)
    with pytest.raises(Mistake, match="deeper than 0"):
        read_json(b"[]", 0)


@invariant("Z9")
@pytest.mark.parametrize(
    "body",
    [
        b"[" * 60_000,
        b'{"a":' * 12_000,
        b'["' + b'\\"' * 30_000,
        b'["' + b"\\" * 60_001,
        b"[" + b'"' * 60_001,
        b"]" * 60_000,
    ],
)
def test_a_body_made_to_exhaust_the_reader_is_refused_at_once(body: bytes) -> None:
    with pytest.raises(Mistake):
        read_json(body, DEPTH)


@invariant("Z9")
@given(st.binary(max_size=200) | st.text('[]{}":,\\u0d8e1-.NI', max_size=60).map(str.encode))
def test_any_octets_are_read_or_refused_in_few_words(body: bytes) -> None:
    assert len(complaint(body)) < 100
