"""Who is asked what for a request of SKIP, driven by hand: every way a conversation can go."""

from __future__ import annotations

import json

import pytest

from keytwin.runtime.entropy import SeededEntropy
from keytwin.service.conversation import Conversation, Question, at_one_port
from keytwin.service.etsi014_conversation import FaceSetup, etsi014_face
from keytwin.service.etsi014_errors import unauthorised
from keytwin.service.http import Request, Response
from keytwin.service.skip import is_skip
from keytwin.service.skip_conversation import converse, skip_face
from keytwin.service.skip_values import SkipSetup
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
from keytwin.vocabulary.identity import ElementName, KeyId, KmId, Ksid, NodeId, SaeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, seconds
from tests.marks import clause, invariant
from tests.service.asking import CALLER, FIRST_ID, KEYS, PEER, SECOND_ID, key

DOCUMENT = "IETF draft-cisco-skip-02"
DOOR = ElementName("face/km0")
KSID = Ksid("7d0a6d52-3f0e-4f0c-9a5c-0d5be9a1f1b4")
PEERS = {CALLER: (PEER,), SaeId("SAE-D"): (SaeId("SAE-E"), PEER)}
FACE = SkipSetup(NodeId("km0"), DOOR, PEERS, seconds(2), SeededEntropy(bytes(32)))
POOL = PoolStatus("r1", KSID, KmId("km0"), KmId("km3"), Bits(256), Bits(64), Bits(4096), 8, 64, 16)
TO_STANDING, TO_KM = ElementName("sae/SAE-A"), ElementName("km/km0")
FRESH = "/key?remoteSystemID=SAE-B"
NAMED = f"/key/{FIRST_ID.replace('-', '')}?remoteSystemID=SAE-B"
WANTED = Question(TO_STANDING, GetSharedKey("r1", DOOR, CALLER, PEER, 1, Bits(256), seconds(2)))


def ask(target: str, sae: SaeId = CALLER) -> Conversation | Response:
    return converse(FACE, sae, Request("GET", target), "r1")


def begun(target: str) -> tuple[Conversation, Question]:
    conversation = ask(target)
    assert not isinstance(conversation, Response), conversation.body
    return conversation, next(conversation)


def ended(conversation: Conversation, reply: Message) -> Response:
    """Hand the last reply in, and return the answer."""
    with pytest.raises(StopIteration) as end:
        conversation.send(reply)
    assert isinstance(end.value.value, Response)
    return end.value.value


def delivery(*ids: KeyId) -> KeyDelivered:
    return KeyDelivered("r1", tuple(key(each, bytes(range(32))) for each in ids))


# --- what is asked ----------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
def test_a_fresh_key_is_asked_of_the_standing_session_as_014_asks_it() -> None:
    conversation, question = begun(FRESH)
    assert question == WANTED
    delivered = delivery(FIRST_ID)
    assert json.loads(ended(conversation, delivered).body)["key"] == bytes(range(32)).hex()
    assert delivered.keys[0].material.is_wiped
    asked_by_014 = etsi014_face(FaceSetup(FACE.node, DOOR, frozenset(PEERS), FACE.patience))(
        CALLER, Request("GET", f"{KEYS}SAE-B/enc_keys?size=256"), "r1"
    )
    assert not isinstance(asked_by_014, Response)
    assert next(asked_by_014) == WANTED


@clause(DOCUMENT, "Table 2")
def test_a_fresh_key_is_asked_of_the_key_manager_within_limits_that_are_told() -> None:
    conversation, question = begun(f"{FRESH}&size=512")
    assert isinstance(question.message, GetSharedKey)
    assert question.message.size == 512
    wanted = GetKey("r1", DOOR, KSID, CALLER, 1, Bits(512), seconds(2))
    assert conversation.send(POOL) == Question(TO_KM, wanted)
    assert ended(conversation, KeyDelivered("r1", (key(FIRST_ID, bytes(64)),))).status == 200


@clause(DOCUMENT, "Table 2")
@invariant("K4")
def test_a_named_key_is_asked_for_as_one_of_the_remote_systems() -> None:
    conversation, question = begun(NAMED)
    assert question == Question(TO_KM, GetKeyById("r1", DOOR, CALLER, (FIRST_ID,), PEER))
    assert json.loads(ended(conversation, delivery(FIRST_ID)).body)["keyId"] == FIRST_ID.replace("-", "")


@clause(DOCUMENT, "Table 2")
def test_capabilities_are_the_callers_own_and_ask_nobody() -> None:
    for sae, peers in PEERS.items():
        answer = ask("/capabilities", sae)
        assert isinstance(answer, Response)
        told = json.loads(answer.body)
        assert (told["localSystemID"], told["remoteSystemID"]) == (sae, [*peers])


@clause(DOCUMENT, "Table 2")
def test_entropy_is_fresh_each_time_and_asks_nobody() -> None:
    seen = set()
    for _ in range(3):
        answer = ask("/entropy?minentropy=512")
        assert isinstance(answer, Response)
        told = json.loads(answer.body)
        assert (len(told["randomStr"]), told["minentropy"]) == (128, 512)
        seen.add(told["randomStr"])
    assert len(seen) == 3


def test_skip_stands_beside_the_other_face_at_one_port() -> None:
    def other(name: str, request: Request, request_id: str) -> Response:
        del name, request, request_id
        return Response(418)

    both = at_one_port(other, KEYS, [(is_skip, skip_face(FACE))])
    assert both(CALLER, Request("GET", f"{KEYS}SAE-B/status"), "r1") == Response(418)
    assert both(CALLER, Request("GET", "/keys"), "r1") == Response(418)
    conversation = both(CALLER, Request("GET", FRESH), "r1")
    assert not isinstance(conversation, Response)
    assert next(conversation) == WANTED


# --- what is refused before anybody is asked --------------------------------------------------------------------------


@invariant("K4")
@pytest.mark.parametrize("target", ["/capabilities", FRESH, NAMED, "/entropy", "/key/x/y"])
def test_an_sae_of_another_node_is_nobody_here(target: str) -> None:
    assert ask(target, PEER) == unauthorised()


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize(
    ("target", "status"),
    [
        ("/key/x/y", 404),
        ("/key", 400),
        ("/key?remoteSystemID=SAE-E", 400),  # another caller's peer
        (f"{FRESH}&size=0", 400),
        (f"{FRESH}&size=257", 400),
        (f"{FRESH}&size=32776", 400),
        ("/key/0b9f?remoteSystemID=SAE-B", 400),
        (f"/key/{FIRST_ID}?remoteSystemID=SAE-B", 400),
        ("/entropy?minentropy=32769", 400),
    ],
)
def test_a_wrong_request_is_asked_of_nobody(target: str, status: int) -> None:
    answer = ask(target)
    assert isinstance(answer, Response)
    assert answer.status == status


# --- what may be replied ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", [Reason.UNAVAILABLE, Reason.PEER_NOT_CONNECTED, Reason.KEY_UNAVAILABLE])
def test_without_a_key_the_encryptor_is_told_when_to_come_again(reason: Reason) -> None:
    conversation, _ = begun(FRESH)
    answer = ended(conversation, KeyRefused("r1", reason, seconds(3)))
    assert (answer.status, dict(answer.headers)["Retry-After"]) == (503, "3")


@invariant("K9")
@pytest.mark.parametrize("size", [56, 4104])
def test_what_the_session_does_not_allow_is_not_asked_of_the_key_manager(size: int) -> None:
    conversation, _ = begun(f"{FRESH}&size={size}")
    assert ended(conversation, POOL).status == 400


def test_a_pool_that_is_unknown_is_a_remote_system_that_is() -> None:
    conversation, _ = begun(FRESH)
    answer = ended(conversation, PoolUnknown("r1"))
    assert answer.status == 400
    assert b"remoteSystemID" in answer.body


@invariant("K4")
@pytest.mark.parametrize("reason", [Reason.KEY_UNKNOWN, Reason.NOT_ALLOWED])
def test_a_key_that_is_not_yours_is_not_found(reason: Reason) -> None:
    conversation, _ = begun(NAMED)
    assert ended(conversation, KeyRefused("r1", reason, seconds(0))).status == 400


@invariant("Z5")
@pytest.mark.parametrize("target", [FRESH, NAMED])
def test_other_keys_than_were_asked_for_are_wiped_and_never_sent(target: str) -> None:
    conversation, _ = begun(target)
    delivered = delivery(SECOND_ID, FIRST_ID)
    with pytest.raises(Violation):
        conversation.send(delivered)
    assert all(each.material.is_wiped for each in delivered.keys)


def test_a_reply_of_another_kind_is_a_violation() -> None:
    for target in (FRESH, NAMED):
        conversation, _ = begun(target)
        with pytest.raises(Violation, match="does not answer"):
            conversation.send(GetPoolStatus("r1", DOOR, CALLER, PEER))


@invariant("Z5")
@pytest.mark.parametrize("target", [FRESH, NAMED])
def test_a_conversation_may_be_closed_wherever_it_waits(target: str) -> None:
    conversation, _ = begun(target)
    conversation.close()
    with pytest.raises(StopIteration):
        conversation.send(delivery(FIRST_ID))
