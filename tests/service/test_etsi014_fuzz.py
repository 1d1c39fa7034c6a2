"""Whatever is sent to the face of ETSI GS QKD 014: a question within limits or a short answer, never an exception."""

from __future__ import annotations

import json

from hypothesis import example, given, settings
from hypothesis import strategies as st

from keytwin.service.etsi014 import admit, decode, encode
from keytwin.service.etsi014_values import Ask, AskKeys, AskKeysById, AskStatus, Limits
from keytwin.service.http import Request, Response
from keytwin.service.strict_json import Json
from keytwin.vocabulary.exchange_messages import KeyRefused, PoolStatus
from keytwin.vocabulary.identity import KmId, Ksid, parse_sae, parse_uuid
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration
from tests.marks import invariant
from tests.service.asking import CALLER, FIRST_ID, KEYS

LIMITS = Limits(target=300, body=600, depth=5, keys=4, key_size=Bits(1024), slaves=2)
POOL = PoolStatus("r1", Ksid(FIRST_ID), KmId("a"), KmId("b"), Bits(256), Bits(64), Bits(512), 3, 9, 2)
LONGEST_ANSWER = 3_000  # octets

WORDS = st.sampled_from(
    ["number", "size", "key_ID", "key_IDs", "additional_slave_SAE_IDs", "extension_mandatory", "extension_optional"]
)
LEAVES = (
    st.sampled_from([0, 1, 8, 256, 2**63, -1, 1e300, True, None, "SAE-B", FIRST_ID, "a/b", "\x00"])
    | st.integers()
    | st.floats()
    | st.text(max_size=8)
)
VALUES: st.SearchStrategy[Json] = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(WORDS | st.text(max_size=4), inner),
    max_leaves=9,
)
BODIES = (
    st.binary(max_size=700)
    | VALUES.map(lambda value: json.dumps(value).encode())
    | st.dictionaries(WORDS, VALUES).map(lambda value: json.dumps(value).encode())
)
METHODS = st.sampled_from(["status", "enc_keys", "dec_keys"])
TARGETS = st.text(max_size=320) | st.builds(
    lambda sae, method, query: f"{KEYS}{sae}/{method}{query}",
    st.sampled_from(["SAE-B", "%53", "..", "%"]) | st.text(max_size=70),
    METHODS,
    st.just("") | st.text(max_size=20) | st.builds("?{}={}".format, WORDS, st.integers() | st.text(max_size=9)),
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]) | st.text(max_size=6),
    target=TARGETS,
    content_type=st.just("application/json") | st.text(max_size=30),
    content_encoding=st.just("") | st.text(max_size=8),
    body=st.just(b"") | BODIES,
)


def check(response: Response) -> None:
    """Each answer is 2xx, 4xx or 503, short, and Error or nothing."""
    assert response.status in {200, 503} or 400 <= response.status < 500
    assert len(response.body) <= LONGEST_ANSWER
    assert ("Cache-Control", "no-store") in response.headers
    assert all(name.isascii() and value.isprintable() for name, value in response.headers)
    if response.status >= 400:
        assert (response.status == 401) == (not response.body)
        assert response.status == 401 or json.loads(response.body).keys() <= {"message", "details"}


def check_question(ask: Ask) -> None:
    """What passes is within the limits, in one spelling."""
    match ask:
        case AskStatus():
            assert parse_sae(ask.slave)
        case AskKeys():
            assert 1 <= ask.number <= LIMITS.keys
            assert ask.size is None or (0 < ask.size <= LIMITS.key_size and not ask.size % BITS_PER_BYTE)
            assert len({ask.slave, *ask.further_slaves}) == 1 + len(ask.further_slaves) <= 1 + LIMITS.slaves
        case AskKeysById():
            assert 1 <= len(set(ask.key_ids)) == len(ask.key_ids) <= LIMITS.keys
            assert [parse_uuid(key_id) for key_id in ask.key_ids] == [*ask.key_ids]


@invariant("Z9")
@invariant("K9")
@given(REQUESTS)
@example(Request("POST", f"{KEYS}SAE-B/enc_keys", "application/json", body=b'{"number":1e999}'))
@example(Request("GET", f"{KEYS}SAE-B/enc_keys?number=\ud800"))
def test_any_request_is_a_question_within_limits_or_a_short_answer(request: Request) -> None:
    found = decode(CALLER, request, LIMITS)
    if isinstance(found, Response):
        check(found)
        assert found.status >= 400
    else:
        check_question(found)


@invariant("Z9")
@given(st.dictionaries(WORDS, VALUES), METHODS, st.sampled_from(Reason), st.integers(0, 2**70))
def test_any_json_is_answered_whatever_the_key_manager_says(
    members: dict[str, Json], method: str, reason: Reason, wait: int
) -> None:
    body = json.dumps(members).encode()
    verb = "GET" if method == "status" else "POST"
    found = decode(CALLER, Request(verb, f"{KEYS}SAE-B/{method}", "application/json", body=body), LIMITS)
    if not isinstance(found, Response | AskKeysById):
        found = admit(found, POOL) or found
    if not isinstance(found, Response):
        found = encode(found, KeyRefused("r1", reason, Duration(wait)))
    check(found)


@invariant("Z9")
@given(st.binary(max_size=65_600))
@settings(max_examples=50)
def test_large_bodies_of_any_octets_are_refused_in_few_words(body: bytes) -> None:
    found = decode(CALLER, Request("POST", f"{KEYS}SAE-B/enc_keys", "application/json", body=b"{" + body))
    if isinstance(found, Response):
        check(found)
    else:
        check_question(found)
