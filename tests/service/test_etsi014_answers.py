"""What the face of ETSI GS QKD 014 allows by its status, and what it answers."""

from __future__ import annotations

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.etsi014 import admit, decode, encode
from keytwin.service.etsi014_errors import LONGEST_WAIT, unauthorised
from keytwin.service.etsi014_values import Ask, AskKeys, AskKeysById, AskStatus
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused, PoolStatus, PoolUnknown
from keytwin.vocabulary.identity import KmId, Ksid, SaeId
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, milliseconds, seconds
from tests.marks import clause, invariant
from tests.service.asking import CALLER, FIRST_ID, KEYS, PEER, SECOND_ID, key, refusal, told

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
POOL = PoolStatus(
    "r1",
    Ksid(FIRST_ID),
    source=KmId("km0"),
    target=KmId("km3"),
    key_size=Bits(256),
    min_key_size=Bits(64),
    max_key_size=Bits(4096),
    stored_key_count=812,
    max_key_count=4096,
    max_key_per_request=64,
)
NOW_OR_NEVER = {Reason.KEY_UNKNOWN: 400, Reason.TOO_LARGE: 400, Reason.NOT_ALLOWED: 401}
FETCH = AskKeysById(CALLER, PEER, (FIRST_ID, SECOND_ID))


def container(response: Response) -> list[dict[str, object]]:
    """Read a key container as a client does."""
    assert response.status == 200
    value = json.loads(response.body)
    assert value.keys() == {"keys"}
    keys = value["keys"]
    assert isinstance(keys, list)
    return keys


# --- status -----------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 9")
def test_status_tells_all_that_is_mandatory() -> None:
    assert told(encode(AskStatus(CALLER, PEER), POOL), 200) == {
        "source_KME_ID": "km0",
        "target_KME_ID": "km3",
        "master_SAE_ID": "SAE-A",
        "slave_SAE_ID": "SAE-B",
        "key_size": 256,
        "stored_key_count": 812,
        "max_key_count": 4096,
        "max_key_per_request": 64,
        "max_key_size": 4096,
        "min_key_size": 64,
        "max_SAE_ID_count": 0,
    }


@clause(DOCUMENT, "Table 9")
@pytest.mark.parametrize(("stored", "most"), [(-1, 10), (11, 10)])
def test_a_pool_that_holds_more_than_it_can_is_our_bug(stored: int, most: int) -> None:
    with pytest.raises(AssertionError):
        PoolStatus("r1", Ksid(FIRST_ID), KmId("a"), KmId("b"), Bits(256), Bits(64), Bits(4096), stored, most, 1)


@clause(DOCUMENT, "Table 10")
@invariant("K9")
@pytest.mark.parametrize(
    ("ask", "detail"),
    [
        (AskKeys(CALLER, PEER, 65), {"most": 64}),
        (AskKeys(CALLER, PEER, 1, Bits(4104)), {"most": 4096}),
        (AskKeys(CALLER, PEER, 1, Bits(56)), {"min_key_size": 64}),
        (AskKeys(CALLER, PEER, further_slaves=(SaeId("SAE-C"),)), {"most": 0}),
    ],
)
def test_the_limits_that_status_tells_hold(ask: AskKeys, detail: dict[str, int]) -> None:
    assert told(admit(ask, POOL), 400)["details"] == [detail]


@clause(DOCUMENT, "Table 10")
@pytest.mark.parametrize(
    "ask",
    [
        AskStatus(CALLER, PEER),
        AskKeys(CALLER, PEER),
        AskKeys(CALLER, PEER, 64),
        AskKeys(CALLER, PEER, 1, Bits(64)),
        AskKeys(CALLER, PEER, 1, Bits(4096)),
    ],
)
def test_what_status_allows_goes_on_to_the_key_manager(ask: AskStatus | AskKeys) -> None:
    assert admit(ask, POOL) is None


@invariant("K9")
@pytest.mark.parametrize("ask", [AskStatus(CALLER, PEER), AskKeys(CALLER, PEER)])
def test_a_slave_without_keys_in_common_is_refused(ask: AskStatus | AskKeys) -> None:
    assert "slave_SAE_ID" in refusal(admit(ask, None))


# --- keys -------------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 11")
def test_keys_are_delivered_in_a_container() -> None:
    keys = (key(FIRST_ID, bytes(range(32))), key(SECOND_ID, bytes(range(32, 64)), Method.ADJACENT, 1))
    response = encode(AskKeys(CALLER, PEER, 2), KeyDelivered("r1", keys))
    assert container(response) == [
        {
            "key_ID": FIRST_ID,
            "key": "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=",
            "key_extension": {"method": "relayed", "hops": 2, "mode": "qkd-only"},
        },
        {
            "key_ID": SECOND_ID,
            "key": "ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=",
            "key_extension": {"method": "adjacent", "hops": 1, "mode": "qkd-only"},
        },
    ]
    assert dict(response.headers) == {"Content-Type": "application/json", "Cache-Control": "no-store"}


@clause(DOCUMENT, "Table 11")
@given(st.lists(st.binary(min_size=1, max_size=80), min_size=1, max_size=4))
def test_what_a_client_decodes_is_the_key(octets: list[bytes]) -> None:
    keys = tuple(key(FIRST_ID, each) for each in octets)
    entries = container(encode(AskKeys(CALLER, PEER, len(keys)), KeyDelivered("r1", keys)))
    assert [base64.b64decode(str(entry["key"]), validate=True) for entry in entries] == octets


@clause(DOCUMENT, "Table 12")
def test_keys_asked_for_by_id_come_in_the_order_of_the_request() -> None:
    keys = (key(FIRST_ID, bytes(32)), key(SECOND_ID, bytes(32)))
    entries = container(encode(FETCH, KeyDelivered("r1", keys)))
    assert [entry["key_ID"] for entry in entries] == [FIRST_ID, SECOND_ID]


@invariant("Z5")
def test_delivered_keys_are_wiped_and_so_is_the_answer_once_written() -> None:
    delivered = key(FIRST_ID, b"\x01" * 32)
    response = encode(AskKeys(CALLER, PEER), KeyDelivered("r1", (delivered,)))
    assert delivered.material.is_wiped
    assert isinstance(response.body, bytearray)
    assert "AQEBAQ" not in repr(response)
    response.wipe()
    assert response.body == bytes(len(response.body))


@invariant("Z5")
@pytest.mark.parametrize(
    "ask",
    [
        AskKeys(CALLER, PEER, 1),
        AskKeys(CALLER, PEER, 3),
        AskKeys(CALLER, PEER, 2, Bits(128)),
        AskKeysById(CALLER, PEER, (FIRST_ID,)),
        AskKeysById(CALLER, PEER, (SECOND_ID, FIRST_ID)),
        AskStatus(CALLER, PEER),
    ],
)
def test_keys_that_were_not_asked_for_are_wiped_and_never_sent(ask: Ask) -> None:
    keys = (key(FIRST_ID, bytes(32)), key(SECOND_ID, bytes(32)))
    with pytest.raises(Violation):
        encode(ask, KeyDelivered("r1", keys))
    assert all(each.material.is_wiped for each in keys)


def test_a_reply_to_another_question_is_a_violation() -> None:
    with pytest.raises(Violation, match="does not answer"):
        encode(AskKeys(CALLER, PEER), POOL)
    with pytest.raises(Violation, match="does not answer"):
        encode(AskStatus(CALLER, PEER), PoolUnknown("r1"))


# --- refusals ---------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 8")
def test_a_key_that_is_not_here_is_refused_in_the_words_of_the_standard() -> None:
    answer = encode(FETCH, KeyRefused("r1", Reason.KEY_UNKNOWN, Duration(0)))
    assert told(answer, 400) == {"message": "one or more keys specified are not found on KME"}


@clause(DOCUMENT, "Table 8")
@invariant("K4")
def test_who_is_not_entitled_gets_401_without_a_body() -> None:
    answer = encode(FETCH, KeyRefused("r1", Reason.NOT_ALLOWED, Duration(0)))
    assert answer == unauthorised()
    assert (answer.status, answer.body) == (401, b"")
    assert answer.headers == (("Cache-Control", "no-store"),)


@clause(DOCUMENT, "Table 6")
def test_too_few_keys_are_503_with_a_time_to_come_again() -> None:
    answer = encode(AskKeys(CALLER, PEER, 8), KeyRefused("r1", Reason.KEY_UNAVAILABLE, milliseconds(2_001)))
    assert told(answer, 503) == {"message": "insufficient keys", "details": [{"requested": 8}]}
    assert dict(answer.headers)["Retry-After"] == "3"


@clause(DOCUMENT, "Table 6")
@invariant("Z9")
@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("ask", [AskStatus(CALLER, PEER), AskKeys(CALLER, PEER), FETCH])
def test_each_reason_has_a_code_of_the_standard(reason: Reason, ask: Ask) -> None:
    answer = encode(ask, KeyRefused("r1", reason, Duration(0)))
    assert answer.status == NOW_OR_NEVER.get(reason, 503)
    assert ("Retry-After" in dict(answer.headers)) == (answer.status == 503)
    assert (answer.body == b"") == (answer.status == 401)


@clause("RFC 9110", "10.2.3")
@pytest.mark.parametrize(("wait", "told_seconds"), [(0, 1), (1, 1), (10**9, 1), (10**9 + 1, 2), (10**15, LONGEST_WAIT)])
def test_retry_after_is_in_whole_seconds_never_too_early_and_bounded(wait: int, told_seconds: int) -> None:
    answer = encode(AskKeys(CALLER, PEER), KeyRefused("r1", Reason.RATE_EXCEEDED, Duration(wait)))
    assert dict(answer.headers)["Retry-After"] == str(told_seconds)


# --- the order of the checks ------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 8")
@invariant("K9")
def test_a_malformed_id_is_refused_before_anybody_is_asked_about_the_others() -> None:
    body = json.dumps({"key_IDs": [{"key_ID": FIRST_ID}, {"key_ID": "urn:uuid:" + SECOND_ID}]}).encode()
    assert isinstance(decode(CALLER, Request("POST", f"{KEYS}SAE-B/dec_keys", "application/json", body=body)), Response)


@invariant("K9")
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (Request("POST", "/nowhere", "text/plain", body=b"x" * 70_000), 404),
        (Request("PUT", f"{KEYS}a%2Fb/enc_keys", "text/plain", body=b"x" * 70_000), 405),
        (Request("POST", f"{KEYS}a%2Fb/enc_keys", "text/plain", body=b"x" * 70_000), 413),
        (Request("POST", f"{KEYS}a%2Fb/enc_keys", "text/plain", body=b"x"), 415),
        (Request("POST", f"{KEYS}a%2Fb/enc_keys", "application/json", body=b"x"), 400),
    ],
)
def test_the_request_as_a_whole_is_checked_before_its_parts(request_: Request, status: int) -> None:
    refusal(decode(CALLER, request_), status)


def test_a_wait_is_rounded_up() -> None:
    answer = encode(AskKeys(CALLER, PEER), KeyRefused("r1", Reason.SESSION_UNKNOWN, seconds(0.5)))
    assert dict(answer.headers)["Retry-After"] == "1"
