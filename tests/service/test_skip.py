"""What the SKIP face reads, refuses before anybody is asked, and answers."""

from __future__ import annotations

import json

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keytwin.algorithms.identifiers import uuids
from keytwin.service.etsi014_values import AskKeys, AskKeysById
from keytwin.service.http import Request, Response
from keytwin.service.skip import capabilities, decode, encode, entropy, is_skip
from keytwin.service.skip_values import Ask, AskCapabilities, AskEntropy, SkipLimits, hex_of, key_id_of
from keytwin.service.strict_json import Json
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused, PoolUnknown
from keytwin.vocabulary.identity import KeyId, SaeId, parse_uuid
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, seconds
from tests.marks import clause, invariant
from tests.service.asking import CALLER, FIRST_ID, PEER, SECOND_ID, key

DOCUMENT = "IETF draft-cisco-skip-02"
PEERS = (PEER, SaeId("SAE-C"))
LIMITS = SkipLimits(target=300, body=100, key_size=Bits(1024), entropy=Bits(512))
FIRST_HEX = "0b9f0a4652a84a8c9f0e8a8f3b1a7c11"
FRESH = AskKeys(CALLER, PEER, 1, Bits(256))
NAMED = AskKeysById(CALLER, PEER, (FIRST_ID,))
NOT_FOUND = "the key is not found"


def get(target: str, body: bytes = b"") -> Ask | Response:
    return decode(CALLER, PEERS, Request("GET", target, body=body), LIMITS)


def told(answer: Ask | Response, status: int) -> dict[str, Json]:
    """Check that an answer is JSON that nobody keeps, and return it."""
    assert isinstance(answer, Response), answer
    assert answer.status == status, answer.body
    assert dict(answer.headers)["Content-Type"] == "application/json"
    assert dict(answer.headers)["Cache-Control"] == "no-store"
    value = json.loads(answer.body)
    assert isinstance(value, dict)
    return value


def refusal(answer: Ask | Response, status: int = 400) -> str:
    return str(told(answer, status)["message"])


# --- what is asked ----------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
def test_the_six_requests_are_found_by_their_paths() -> None:
    assert get("/capabilities") == AskCapabilities(CALLER)
    assert get("/key?remoteSystemID=SAE-B") == FRESH
    assert get("/key?remoteSystemID=SAE-B&size=128") == AskKeys(CALLER, PEER, 1, Bits(128))
    assert get(f"/key/{FIRST_HEX}?remoteSystemID=SAE-B") == NAMED
    assert get("/entropy") == AskEntropy(Bits(256))
    assert get("/entropy?minentropy=128") == AskEntropy(Bits(128))


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    "target",
    [
        *["", "/", "*", "/keys", "/Key", "/KEY?remoteSystemID=SAE-B", "/key/", "/key/?remoteSystemID=SAE-B"],
        *["/capabilities/", "/capabilities/x", "/entropy/", "/entropy/128", "//key", "/x/key", "/%6bey", "key"],
        *[f"/key/{FIRST_HEX}/", f"/key/{FIRST_HEX}/x", "/key//x", "https://km0/key?remoteSystemID=SAE-B"],
        "/api/v1/keys/SAE-B/status",
    ],
)
def test_other_paths_do_not_exist(target: str) -> None:
    refusal(get(target), 404)


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("verb", ["POST", "PUT", "HEAD", "DELETE", "get", "OPTIONS"])
@pytest.mark.parametrize("target", ["/capabilities", "/key?remoteSystemID=SAE-B", f"/key/{FIRST_HEX}", "/entropy"])
def test_only_get_is_allowed(verb: str, target: str) -> None:
    answer = decode(CALLER, PEERS, Request(verb, target, "application/json", body=b"{}"), LIMITS)
    refusal(answer, 405)
    assert isinstance(answer, Response)
    assert dict(answer.headers)["Allow"] == "GET"


@pytest.mark.parametrize(
    ("target", "is_ours"),
    [
        *[("/key", True), ("/key?x", True), ("/key/x/y", True), ("/capabilities/", True), ("/entropy?", True)],
        *[("/keys", False), ("/", False), ("", False), ("/api/v1/keys/key/status", False), ("/api?/key", False)],
    ],
)
def test_skip_has_the_paths_that_begin_as_those_of_its_draft(target: str, *, is_ours: bool) -> None:
    assert is_skip(Request("GET", target)) == is_ours


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize(
    "name",
    ["", "SAE-A", "SAE-D", "sae-b", "SAE-*", "SAE-?", "SAE-[BC]", "*", "SAE-B%00", "SAE-B%0A", "a%2Fb", "x" * 99],
)
@pytest.mark.parametrize("path", ["/key", f"/key/{FIRST_HEX}"])
def test_a_remote_system_is_one_of_those_that_were_told(path: str, name: str) -> None:
    assert "remoteSystemID" in refusal(get(f"{path}?remoteSystemID={name}"))


@clause(DOCUMENT, "Table 2")
def test_a_remote_system_is_percent_decoded_once() -> None:
    assert get("/key?remoteSystemID=SAE%2DB") == FRESH
    refusal(get("/key?remoteSystemID=SAE%252DB"))


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize("query", ["", "?", "?size=256", "?remoteSystemId=SAE-B", "?REMOTESYSTEMID=SAE-B"])
@pytest.mark.parametrize("path", ["/key", f"/key/{FIRST_HEX}"])
def test_a_remote_system_has_to_be_named(path: str, query: str) -> None:
    assert refusal(get(path + query)) == "remoteSystemID is missing"


@invariant("K9")
@pytest.mark.parametrize(
    "target",
    [
        "/key?remoteSystemID=SAE-B&remoteSystemID=SAE-B",
        "/key?remoteSystemID=SAE-B&remoteSystemID=SAE-C",
        "/key?remoteSystemID=SAE-B&size=8&size=8",
        "/key?remoteSystemID=SAE-B&%73ize=8&size=8",
        f"/key/{FIRST_HEX}?remoteSystemID=SAE-B&remoteSystemID=SAE-C",
        "/entropy?minentropy=8&minentropy=8",
    ],
)
def test_a_parameter_that_is_named_twice_is_refused(target: str) -> None:
    assert "twice" in refusal(get(target))


@invariant("K9")
@pytest.mark.parametrize("escape", ["%", "%4", "%zz", "%FF", "%ED%A0%80"])
def test_a_broken_escape_is_refused(escape: str) -> None:
    refusal(get(f"/key?remoteSystemID=SAE-B{escape}"))
    refusal(get(f"/entropy?minentropy=8{escape}"))


def test_parameters_that_nobody_declared_are_passed_over() -> None:
    assert get("/key?remoteSystemID=SAE-B&Size=8&number=9&localSystemID=SAE-C") == FRESH
    assert get(f"/key/{FIRST_HEX}?remoteSystemID=SAE-B&size=1") == NAMED
    assert get("/capabilities?remoteSystemID=SAE-C") == AskCapabilities(CALLER)


AMOUNTS = ["", "0", "-8", "+8", "08", "8.0", "8e0", "1e9", "abc", "%208", "8%20", "0x8", "\u0668", "9" * 18, "9" * 99]


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize("text", AMOUNTS)
def test_an_amount_is_a_number_within_limits_in_one_spelling(text: str) -> None:
    assert "size" in refusal(get(f"/key?remoteSystemID=SAE-B&size={text}"))
    assert "minentropy" in refusal(get(f"/entropy?minentropy={text}"))


@clause(DOCUMENT, "Table 2")
@invariant("K9")
def test_a_size_is_whole_octets_up_to_the_limit_which_is_told() -> None:
    assert get("/key?remoteSystemID=SAE-B&size=1024") == AskKeys(CALLER, PEER, 1, Bits(1024))
    assert told(get("/key?remoteSystemID=SAE-B&size=1032"), 400)["details"] == [{"most": 1024}]
    assert refusal(get("/key?remoteSystemID=SAE-B&size=257")) == "size shall be a multiple of 8"


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("digits", [FIRST_HEX, FIRST_HEX.upper(), FIRST_HEX.title()])
def test_a_key_id_is_128_bits_in_either_case(digits: str) -> None:
    assert get(f"/key/{digits}?remoteSystemID=SAE-B") == NAMED


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize(
    "digits", [FIRST_HEX[2:], FIRST_HEX + "00", "1726E9AE76234FB1dd1283d4dca1911e1f93864d70f3069e"]
)
def test_an_identifier_of_another_length_is_that_of_no_key(digits: str) -> None:
    assert refusal(get(f"/key/{digits}?remoteSystemID=SAE-B")) == NOT_FOUND


@clause(DOCUMENT, "Table 2")
@invariant("K9")
@pytest.mark.parametrize(
    "text",
    [
        *[FIRST_ID, f"urn:uuid:{FIRST_ID}", FIRST_HEX[:-1], f"{FIRST_HEX[:-1]}g", f"0x{FIRST_HEX}", f"{FIRST_HEX}%0A"],
        *[FIRST_HEX.replace("0", "\u0660"), f"%30{FIRST_HEX[1:]}", f"+{FIRST_HEX[1:]}", "*", "..", FIRST_HEX + ";x"],
    ],
)
def test_a_malformed_key_id_is_a_bad_request(text: str) -> None:
    assert "hexadecimal" in refusal(get(f"/key/{text}?remoteSystemID=SAE-B"))


@clause("RFC 9562", "4")
@given(st.binary(min_size=16, max_size=16))
def test_identifiers_of_both_faces_are_the_same_128_bits(octets: bytes) -> None:
    (text,) = uuids(octets)
    key_id = KeyId(text)
    assert bytes.fromhex(hex_of(key_id)) == bytes.fromhex(text.replace("-", ""))
    assert key_id_of(hex_of(key_id)) == key_id_of(hex_of(key_id).upper()) == key_id
    assert parse_uuid(key_id_of(octets.hex())) == key_id_of(octets.hex())


@invariant("Z9")
def test_a_body_and_a_target_are_bounded_and_a_get_has_no_body() -> None:
    assert "no body" in refusal(get("/capabilities", b"{}"))
    assert "no body" in refusal(get("/key?remoteSystemID=SAE-B", b" "))
    refusal(get("/capabilities", bytes(101)), 413)
    assert get("/key?remoteSystemID=SAE-B&" + "x" * 200) == FRESH
    refusal(get("/key?remoteSystemID=SAE-B&" + "x" * 300), 414)


TARGETS = st.text(max_size=320) | st.builds(
    "{}{}{}".format,
    st.sampled_from(["/key", "/capabilities", "/entropy", "/key/", f"/key/{FIRST_HEX}", "/"]),
    st.just("") | st.text(max_size=40),
    st.just("?remoteSystemID=SAE-B")
    | st.builds("?{}={}".format, st.sampled_from(["size", "minentropy", "remoteSystemID"]), st.text(max_size=9))
    | st.builds("?remoteSystemID=SAE-B&size={}".format, st.integers()),
)


@invariant("Z9")
@invariant("K9")
@given(st.sampled_from(["GET", "GET", "POST", "HEAD"]) | st.text(max_size=6), TARGETS, st.binary(max_size=120))
@example("GET", "/key?remoteSystemID=\ud800", b"")
@example("GET", "/key/%", b"")
@example("GET", "?", b"")
def test_any_request_is_a_question_within_limits_or_a_short_answer(method: str, target: str, body: bytes) -> None:
    found = decode(CALLER, PEERS, Request(method, target, body=body), LIMITS)
    match found:
        case Response():
            assert found.status in {400, 404, 405, 413, 414}
            assert len(found.body) < 200
            assert json.loads(found.body).keys() <= {"message", "details"}
        case AskKeys():
            assert (found.master, found.number, found.further_slaves) == (CALLER, 1, ())
            assert found.slave in PEERS
            assert found.size is not None
            assert 0 < found.size <= LIMITS.key_size
        case AskKeysById():
            assert found.slave == CALLER
            assert found.master in PEERS
            assert [parse_uuid(each) for each in found.key_ids] == [*found.key_ids]
        case AskEntropy():
            assert 0 < found.octets * 8 <= LIMITS.entropy
        case AskCapabilities():
            assert found.local == CALLER


# --- what is answered -------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
def test_capabilities_tell_all_that_is_mandatory() -> None:
    assert told(capabilities(AskCapabilities(CALLER), PEERS), 200) == {
        "entropy": True,
        "key": True,
        "algorithm": "QKD",
        "localSystemID": "SAE-A",
        "remoteSystemID": ["SAE-B", "SAE-C"],
    }


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("ask", [FRESH, NAMED])
def test_a_key_is_delivered_in_hexadecimal_and_wiped(ask: AskKeys | AskKeysById) -> None:
    delivered = key(FIRST_ID, bytes(range(224, 256)))
    answer = encode(ask, KeyDelivered("r1", (delivered,)))
    assert told(answer, 200) == {"keyId": FIRST_HEX, "key": bytes(range(224, 256)).hex()}
    assert delivered.material.is_wiped
    assert isinstance(answer.body, bytearray)
    answer.wipe()
    assert answer.body == bytes(len(answer.body))


@clause(DOCUMENT, "Table 2")
@invariant("Z5")
@pytest.mark.parametrize(("wanted", "octets"), [(256, 32), (128, 16), (1, 1), (100, 13)])
def test_entropy_is_at_least_as_much_as_was_wanted_and_wiped(wanted: int, octets: int) -> None:
    ask = AskEntropy(Bits(wanted))
    given_octets = bytearray(range(1, octets + 1))
    answer = entropy(ask, given_octets)
    assert told(answer, 200) == {"randomStr": bytes(range(1, octets + 1)).hex(), "minentropy": octets * 8}
    assert octets * 8 >= wanted
    assert given_octets == bytes(octets)
    assert isinstance(answer.body, bytearray)


@clause(DOCUMENT, "Table 2")
@invariant("K4")
def test_somebody_elses_key_is_not_found_as_is_one_that_never_was() -> None:
    for reason in (Reason.KEY_UNKNOWN, Reason.NOT_ALLOWED):
        assert told(encode(NAMED, KeyRefused("r1", reason, Duration(0))), 400) == {"message": NOT_FOUND}


@clause(DOCUMENT, "Table 2")
@invariant("Z9")
@pytest.mark.parametrize("ask", [FRESH, NAMED])
@pytest.mark.parametrize("reason", [each for each in Reason if each not in {Reason.KEY_UNKNOWN, Reason.NOT_ALLOWED}])
def test_what_time_may_mend_is_503_with_a_time_to_come_again(ask: AskKeys | AskKeysById, reason: Reason) -> None:
    answer = encode(ask, KeyRefused("r1", reason, seconds(1.5)))
    assert answer.status == (400 if reason is Reason.TOO_LARGE else 503)
    assert dict(answer.headers).get("Retry-After") == ("2" if answer.status == 503 else None)


@invariant("Z5")
@pytest.mark.parametrize(
    ("ask", "ids"),
    [
        (FRESH, (FIRST_ID, SECOND_ID)),
        (FRESH, ()),
        (NAMED, (SECOND_ID,)),
        (AskKeys(CALLER, PEER, 1, Bits(128)), (FIRST_ID,)),
    ],
)
def test_keys_that_were_not_asked_for_are_wiped_and_never_sent(
    ask: AskKeys | AskKeysById, ids: tuple[KeyId, ...]
) -> None:
    delivered = KeyDelivered("r1", tuple(key(each, bytes(range(32))) for each in ids))
    with pytest.raises(Violation):
        encode(ask, delivered)
    assert all(each.material.is_wiped for each in delivered.keys)


def test_a_reply_of_another_kind_is_a_violation() -> None:
    with pytest.raises(Violation, match="does not answer"):
        encode(FRESH, PoolUnknown("r1"))
