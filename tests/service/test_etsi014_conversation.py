"""Who is asked what for a request of ETSI GS QKD 014, driven by hand: every way a conversation can go."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.conversation import Conversation, Question, discard
from keytwin.service.etsi014_conversation import FaceSetup, converse, etsi014_face
from keytwin.service.etsi014_errors import unauthorised
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import (
    GetKey,
    GetKeyById,
    GetPoolStatus,
    GetSharedKey,
    KeyDelivered,
    KeyRefused,
    PoolStatus,
    PoolUnknown,
)
from keytwin.vocabulary.identity import ElementName, KmId, Ksid, NodeId, SaeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, seconds
from tests.marks import clause, invariant
from tests.service.asking import CALLER, FIRST_ID, KEYS, PEER, SECOND_ID, key, refusal, told

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
DOOR = ElementName("face/km0")
KSID = Ksid("7d0a6d52-3f0e-4f0c-9a5c-0d5be9a1f1b4")
FACE = FaceSetup(NodeId("km0"), DOOR, frozenset({CALLER, SaeId("SAE-D")}), seconds(2))
POOL = PoolStatus("r1", KSID, KmId("km0"), KmId("km3"), Bits(256), Bits(64), Bits(4096), 8, 64, 16)
TO_STANDING = Question(ElementName("sae/SAE-A"), GetPoolStatus("r1", DOOR, CALLER, PEER))
WANTS_KEYS = GetSharedKey("r1", DOOR, CALLER, PEER, 2, Bits(256), seconds(2))
FIRST_QUESTIONS = (
    TO_STANDING.message,
    GetSharedKey("r1", DOOR, CALLER, PEER, 1, None, seconds(2)),
)
TO_KM = ElementName("km/km0")
FETCH = f"SAE-B/dec_keys?key_ID={FIRST_ID}"


def ask(target: str, sae: SaeId = CALLER) -> Conversation | Response:
    return converse(FACE, sae, Request("GET", KEYS + target), "r1")


def begun(target: str) -> tuple[Conversation, Question]:
    """Begin a conversation, and return its first question."""
    conversation = ask(target)
    assert not isinstance(conversation, Response), conversation
    return conversation, next(conversation)


def ended(conversation: Conversation, reply: Message) -> Response:
    """Hand the last reply in, and return the answer."""
    with pytest.raises(StopIteration) as end:
        conversation.send(reply)
    assert isinstance(end.value.value, Response)
    return end.value.value


def delivery(*names: str) -> KeyDelivered:
    ids = {FIRST_ID: FIRST_ID, SECOND_ID: SECOND_ID}
    return KeyDelivered("r1", tuple(key(ids[name], bytes(range(32))) for name in names))  # type: ignore[index] # tests


# --- what is asked ----------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 9")
def test_status_asks_the_standing_sae_and_nobody_else() -> None:
    conversation, question = begun("SAE-B/status")
    assert question == TO_STANDING
    answer = told(ended(conversation, POOL), 200)
    assert (answer["master_SAE_ID"], answer["slave_SAE_ID"], answer["stored_key_count"]) == ("SAE-A", "SAE-B", 8)


@clause(DOCUMENT, "Table 11")
def test_get_key_is_answered_at_once_where_the_standing_session_had_keys_handed_out() -> None:
    conversation, question = begun("SAE-B/enc_keys?number=2&size=256")
    assert question == Question(TO_STANDING.to, WANTS_KEYS)
    delivered = delivery(FIRST_ID, SECOND_ID)
    keys = told(ended(conversation, delivered), 200)["keys"]
    assert isinstance(keys, list)
    assert len(keys) == 2
    assert all(each.material.is_wiped for each in delivered.keys)


@clause(DOCUMENT, "Table 11")
def test_get_key_looks_at_the_limits_first_where_it_is_told_them() -> None:
    conversation, question = begun("SAE-B/enc_keys?number=2&size=256")
    assert question == Question(TO_STANDING.to, WANTS_KEYS)
    wanted = GetKey("r1", DOOR, KSID, CALLER, 2, Bits(256), seconds(2))
    assert conversation.send(POOL) == Question(TO_KM, wanted)
    delivered = delivery(FIRST_ID, SECOND_ID)
    answer = ended(conversation, delivered)
    keys = told(answer, 200)["keys"]
    assert isinstance(keys, list)
    assert len(keys) == 2
    assert all(each.material.is_wiped for each in delivered.keys)


@clause(DOCUMENT, "Table 12")
@invariant("K4")
def test_get_key_with_key_ids_asks_for_keys_of_the_master_in_the_path() -> None:
    conversation, question = begun(FETCH)
    assert question == Question(TO_KM, GetKeyById("r1", DOOR, CALLER, (FIRST_ID,), PEER))
    assert told(ended(conversation, delivery(FIRST_ID)), 200)["keys"]


def test_the_face_is_the_conversation_of_its_node() -> None:
    conversation = etsi014_face(FACE)("SAE-A", Request("GET", f"{KEYS}SAE-B/status"), "r1")
    assert not isinstance(conversation, Response)
    assert next(conversation) == TO_STANDING


# --- what is refused before anybody is asked --------------------------------------------------------------------------


@clause(DOCUMENT, "Table 8")
@invariant("K4")
@pytest.mark.parametrize("target", ["SAE-A/status", "SAE-A/enc_keys", f"SAE-A/dec_keys?key_ID={FIRST_ID}", "nonsense"])
def test_an_sae_of_another_node_is_nobody_here(target: str) -> None:
    assert ask(target, PEER) == unauthorised()


@invariant("K9")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("nonsense", 404),
        ("SAE-B/enc_keys?number=0", 400),
        ("SAE-B/enc_keys?size=257", 400),
        ("SAE-B/enc_keys?number=129", 400),
        ("a%2Fb/status", 400),
        (f"SAE-B/dec_keys?key_ID=urn:uuid:{FIRST_ID}", 400),
        ("SAE-B/dec_keys", 400),
    ],
)
def test_a_wrong_request_is_asked_of_nobody(target: str, status: int) -> None:
    answer = ask(target)
    assert isinstance(answer, Response)
    refusal(answer, status)


# --- several slaves ---------------------------------------------------------------------------------------------------

WIDE = PoolStatus("r1", KSID, KmId("km0"), KmId("km3"), Bits(256), Bits(64), Bits(4096), 8, 64, 16, 2)


def multicast(*slaves: str) -> Conversation:
    """Begin to ask for a key with these slaves beside the one in the path; the limits come first."""
    body = json.dumps({"additional_slave_SAE_IDs": slaves, "size": 512}).encode()
    conversation = converse(FACE, CALLER, Request("POST", f"{KEYS}SAE-B/enc_keys", "application/json", body=body), "r1")
    assert not isinstance(conversation, Response), conversation
    assert next(conversation) == TO_STANDING
    return conversation


@clause(DOCUMENT, "Table 10")
def test_several_slaves_are_asked_for_at_the_standing_sae_once_the_limits_are_known() -> None:
    further = (SaeId("SAE-E"), SaeId("SAE-F"))
    conversation = multicast(*further)
    wanted = GetSharedKey("r1", DOOR, CALLER, PEER, 1, Bits(512), seconds(2), further)
    assert conversation.send(WIDE) == Question(TO_STANDING.to, wanted)
    delivered = KeyDelivered("r1", (key(FIRST_ID, bytes(64)),))
    assert told(ended(conversation, delivered), 200)["keys"]
    assert delivered.keys[0].material.is_wiped


@clause(DOCUMENT, "Table 9")
@invariant("K9")
@pytest.mark.parametrize("pool", [POOL, WIDE])
def test_more_slaves_than_status_allows_are_asked_of_nobody(pool: PoolStatus) -> None:
    answer = told(ended(multicast("SAE-E", "SAE-F", "SAE-G"), pool), 400)
    assert answer["details"] == [{"most": pool.max_sae_id_count}]


@clause(DOCUMENT, "Table 10")
@invariant("K9")
def test_a_further_slave_without_an_app_in_common_is_a_bad_request() -> None:
    conversation = multicast("SAE-E")
    conversation.send(WIDE)
    assert "additional_slave_SAE_IDs" in refusal(ended(conversation, PoolUnknown("r1")))


@clause(DOCUMENT, "Table 6")
@invariant("K8")
def test_when_one_of_several_slaves_cannot_get_its_copy_the_master_is_told_when_to_come_again() -> None:
    conversation = multicast("SAE-E")
    conversation.send(WIDE)
    answer = ended(conversation, KeyRefused("r1", Reason.KEY_UNAVAILABLE, seconds(1)))
    assert refusal(answer, 503) == "insufficient keys"
    assert dict(answer.headers)["Retry-After"] == "1"


# --- what the standing SAE may reply ----------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 6")
@invariant("K9")
@pytest.mark.parametrize("target", ["SAE-B/status", "SAE-B/enc_keys"])
@pytest.mark.parametrize(
    "reason", [Reason.SESSION_UNKNOWN, Reason.PEER_NOT_CONNECTED, Reason.NO_ROUTE, Reason.UNAVAILABLE, Reason.TIMED_OUT]
)
def test_without_a_session_the_sae_is_told_when_to_come_again(target: str, reason: Reason) -> None:
    conversation, _ = begun(target)
    answer = ended(conversation, KeyRefused("r1", reason, seconds(3)))
    refusal(answer, 503)
    assert dict(answer.headers)["Retry-After"] == "3"


@clause(DOCUMENT, "Table 6")
@pytest.mark.parametrize("target", ["SAE-B/status", "SAE-B/enc_keys"])
def test_a_slave_without_an_app_in_common_is_a_bad_request(target: str) -> None:
    conversation, _ = begun(target)
    assert "slave_SAE_ID" in refusal(ended(conversation, PoolUnknown("r1")))


@clause(DOCUMENT, "Table 10")
@invariant("K9")
@pytest.mark.parametrize("query", ["number=17", "size=4104", "size=56"])
def test_what_status_does_not_allow_is_not_asked_of_the_key_manager(query: str) -> None:
    conversation, _ = begun(f"SAE-B/enc_keys?{query}")
    refusal(ended(conversation, POOL))


@invariant("Z5")
def test_keys_instead_of_limits_are_wiped_and_never_sent() -> None:
    conversation, _ = begun("SAE-B/status")
    delivered = delivery(FIRST_ID)
    with pytest.raises(Violation, match="does not answer"):
        conversation.send(delivered)
    assert delivered.keys[0].material.is_wiped


# --- what the key manager may reply -----------------------------------------------------------------------------------


def at_the_key_manager(target: str) -> Conversation:
    conversation, question = begun(target)
    if question.to == TO_STANDING.to:
        question = conversation.send(POOL)
    assert question.to == TO_KM
    return conversation


@clause(DOCUMENT, "Table 8")
@pytest.mark.parametrize("target", ["SAE-B/enc_keys", FETCH])
@pytest.mark.parametrize("reason", Reason)
def test_each_refusal_of_the_key_manager_is_told_in_the_standards_codes(target: str, reason: Reason) -> None:
    answer = ended(at_the_key_manager(target), KeyRefused("r1", reason, seconds(1)))
    expected = {Reason.KEY_UNKNOWN: 400, Reason.TOO_LARGE: 400, Reason.NOT_ALLOWED: 401}.get(reason, 503)
    assert answer.status == expected
    assert dict(answer.headers).get("Retry-After") == ("1" if expected == 503 else None)
    assert (answer.body == b"") == (expected == 401)


def test_a_rate_that_is_exceeded_is_503_with_the_time_the_bucket_needs() -> None:
    answer = ended(at_the_key_manager("SAE-B/enc_keys"), KeyRefused("r1", Reason.RATE_EXCEEDED, seconds(4.2)))
    assert refusal(answer, 503) == "rate exceeded"
    assert dict(answer.headers)["Retry-After"] == "5"


@invariant("Z5")
@pytest.mark.parametrize("target", ["SAE-B/enc_keys", FETCH])
def test_other_keys_than_were_asked_for_are_wiped_and_never_sent(target: str) -> None:
    delivered = delivery(SECOND_ID, FIRST_ID)
    with pytest.raises(Violation):
        at_the_key_manager(target).send(delivered)
    assert all(each.material.is_wiped for each in delivered.keys)


@pytest.mark.parametrize("reply", [POOL, PoolUnknown("r1")])
def test_a_reply_of_another_kind_is_a_violation(reply: Message) -> None:
    with pytest.raises(Violation):
        at_the_key_manager(FETCH).send(reply)


# --- the SAE has gone -------------------------------------------------------------------------------------------------


@invariant("Z5")
@pytest.mark.parametrize("target", ["SAE-B/status", "SAE-B/enc_keys", FETCH])
def test_a_conversation_may_be_closed_wherever_it_waits(target: str) -> None:
    conversation, question = begun(target)
    conversation.close()
    with pytest.raises(StopIteration):
        conversation.send(POOL)
    if question.to == TO_STANDING.to and "enc" in target:
        second = at_the_key_manager(target)
        second.close()
        with pytest.raises(StopIteration):
            second.send(delivery(FIRST_ID))


@invariant("Z5")
def test_a_delivery_that_comes_too_late_is_wiped() -> None:
    late = delivery(FIRST_ID, SECOND_ID)
    discard(late)
    assert all(each.material.is_wiped for each in late.keys)
    discard(KeyRefused("r1", Reason.TIMED_OUT, Duration(0)))


# --- whatever is sent -------------------------------------------------------------------------------------------------


@invariant("Z9")
@given(
    st.sampled_from(["GET", "POST", "PUT", "HEAD"]),
    st.text(st.sampled_from("/SAE-Bstau%2.?&=nmber_ky1")) | st.just(f"{KEYS}SAE-B/enc_keys"),
    st.binary(max_size=20),
)
def test_whatever_is_sent_is_answered_or_asked(method: str, target: str, body: bytes) -> None:
    answer = converse(FACE, CALLER, Request(method, target, "application/json", body=body), "r1")
    if isinstance(answer, Response):
        assert 400 <= answer.status < 500
    else:
        assert next(answer).message in FIRST_QUESTIONS
