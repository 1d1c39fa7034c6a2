"""What the face of ETSI GS QKD 014 reads, and what it refuses before anybody is asked for anything."""

from __future__ import annotations

import pytest

from keytwin.service.etsi014 import decode
from keytwin.service.etsi014_values import AskKeys, AskKeysById, AskStatus, Limits
from keytwin.service.http import Request, Response
from keytwin.service.strict_json import Json
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById
from keytwin.vocabulary.identity import ElementName, Ksid, SaeId
from keytwin.vocabulary.units import Bits, seconds
from tests.marks import clause, invariant
from tests.service.asking import CALLER, FIRST_ID, KEYS, LIMITS, PEER, SECOND_ID, get, post, refusal, told

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
NUMBERS: list[Json] = [0, -1, 9, 10**9, 10**17, 1.0, 1e9, True, None, "1", "abc", [], {}]
SIZES: list[Json] = [0, -8, 32_776, 10**17, 256.0, False, None, "256", [256]]
ALIASES = [
    f"urn:uuid:{FIRST_ID}",
    f"{{{FIRST_ID}}}",
    FIRST_ID.upper(),
    FIRST_ID.replace("-", ""),
    FIRST_ID[:-1],
    FIRST_ID + "0",
    FIRST_ID + "\n",
    FIRST_ID.replace("0", "\u0660"),
    f" {FIRST_ID}",
    "",
    "abc",
]

# --- paths and verbs --------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 2")
def test_the_three_methods_are_found_by_their_paths() -> None:
    assert get("SAE-B/status") == AskStatus(CALLER, PEER)
    assert get("SAE-B/enc_keys") == AskKeys(CALLER, PEER)
    assert get(f"SAE-B/dec_keys?key_ID={FIRST_ID}") == AskKeysById(CALLER, PEER, (FIRST_ID,))


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    "target",
    [
        "",
        "/",
        "*",
        "x",
        "/api/v1/keys",
        "/api/v1/keys/SAE-B",
        "/api/v1/keys/SAE-B/",
        "/api/v1/keys/SAE-B/enc_keys/",
        "/api/v1/keys/SAE-B/ENC_KEYS",
        "/api/v1/keys/SAE-B/enc%5Fkeys",
        "/api/v1//keys/SAE-B/enc_keys",
        "//api/v1/keys/SAE-B/enc_keys",
        "/API/v1/keys/SAE-B/enc_keys",
        "/api/v2/keys/SAE-B/enc_keys",
        "/api/v1/keys/a/b/enc_keys",
        "/api/v1/keys/../SAE-B/enc_keys",
        "https://km0/api/v1/keys/SAE-B/enc_keys",
    ],
)
def test_other_paths_do_not_exist(target: str) -> None:
    refusal(decode(CALLER, Request("GET", target)), 404)


@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize(
    ("method", "name", "allowed"),
    [
        ("POST", "status", "GET"),
        ("HEAD", "status", "GET"),
        ("HEAD", "enc_keys", "GET, POST"),
        ("PUT", "enc_keys", "GET, POST"),
        ("get", "enc_keys", "GET, POST"),
        ("DELETE", "dec_keys", "GET, POST"),
    ],
)
def test_other_verbs_are_refused_with_those_that_are_allowed(method: str, name: str, allowed: str) -> None:
    answer = decode(CALLER, Request(method, f"{KEYS}SAE-B/{name}"))
    refusal(answer, 405)
    assert isinstance(answer, Response)
    assert dict(answer.headers)["Allow"] == allowed


@clause(DOCUMENT, "Table 2")
def test_an_sae_id_is_percent_decoded_once_and_case_sensitive() -> None:
    assert get("%53AE%2DB/status") == AskStatus(CALLER, PEER)
    assert get("sae-b/status") == AskStatus(CALLER, SaeId("sae-b"))
    assert "no SAE ID" in refusal(get("SAE%252DB/status"))


@pytest.mark.parametrize(
    "text",
    [
        *["", ".", "..", "%2E%2E", "a%2Fb", "a%2fb", "a%00", "a%0A", "-a", "a--b", "a b", "a%20", "a;b", "a:b", "a@b"],
        *["%C3%A9", "\u00e9", "S\u0410E", "\ud800", "a" * 65, "%", "%zz", "%FF", "%ED%A0%80"],
    ],
)
@pytest.mark.parametrize("method", ["status", "enc_keys", "dec_keys"])
def test_weird_sae_ids_are_refused(text: str, method: str) -> None:
    assert "key_ID" not in refusal(get(f"{text}/{method}"))


# --- Get key ----------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 10")
@pytest.mark.parametrize("body", [b"", b"{}", b" {} "])
def test_an_empty_request_asks_for_one_key_of_the_default_size(body: bytes) -> None:
    assert post("SAE-B/enc_keys", body) == AskKeys(CALLER, PEER, 1, None)


@clause(DOCUMENT, "Table 10")
def test_number_and_size_are_the_same_in_a_query_and_in_a_body() -> None:
    wanted = AskKeys(CALLER, PEER, 3, Bits(1024))
    assert get("SAE-B/enc_keys?number=3&size=1024") == wanted
    assert post("SAE-B/enc_keys", {"number": 3, "size": 1024}) == wanted


@clause(DOCUMENT, "Table 10")
@invariant("K9")
@pytest.mark.parametrize("number", NUMBERS)
def test_a_number_out_of_range_or_of_another_type_is_refused(number: Json) -> None:
    refusal(post("SAE-B/enc_keys", {"number": number}))


@clause(DOCUMENT, "Table 10")
@invariant("K9")
@pytest.mark.parametrize("size", SIZES)
def test_a_size_out_of_range_or_of_another_type_is_refused(size: Json) -> None:
    refusal(post("SAE-B/enc_keys", {"size": size}))


@clause(DOCUMENT, "Table 10")
@invariant("K9")
@pytest.mark.parametrize("name", ["number", "size"])
@pytest.mark.parametrize(
    "text", ["0", "-8", "+8", "08", "8.0", "8e0", "1e9", "abc", "true", "", "%208", "8%20", "0x8", "\u0668"]
)
def test_an_integer_in_a_query_has_one_spelling(name: str, text: str) -> None:
    refusal(get(f"SAE-B/enc_keys?{name}={text}"))


@pytest.mark.parametrize("digits", [18, 19, 3_000])
def test_a_huge_integer_in_a_query_is_refused(digits: int) -> None:
    refusal(get(f"SAE-B/enc_keys?number={'9' * digits}"))


@clause(DOCUMENT, "Table 6")
@invariant("K9")
@pytest.mark.parametrize("size", [1, 250, 257])
def test_a_size_is_a_multiple_of_8(size: int) -> None:
    assert told(post("SAE-B/enc_keys", {"size": size}), 400) == {"message": "size shall be a multiple of 8"}
    assert told(get(f"SAE-B/enc_keys?size={size}"), 400) == {"message": "size shall be a multiple of 8"}


@clause(DOCUMENT, "Table 10")
def test_a_limit_that_is_passed_is_told() -> None:
    assert told(post("SAE-B/enc_keys", {"number": 9}), 400)["details"] == [{"most": 8}]
    assert post("SAE-B/enc_keys", {"number": 8, "size": 32_768}) == AskKeys(CALLER, PEER, 8, Bits(32_768))


@pytest.mark.parametrize("query", ["number=1&number=1", "number=1&size=8&number=2", "%6Eumber=1&number=1"])
def test_a_parameter_that_is_named_twice_is_refused(query: str) -> None:
    assert "twice" in refusal(get(f"SAE-B/enc_keys?{query}"))


def test_a_post_asks_in_its_body_alone_and_a_get_in_its_query_alone() -> None:
    assert "query" in refusal(post("SAE-B/enc_keys?number=3", {}))
    for name in ("status", "enc_keys", "dec_keys"):
        answer = decode(CALLER, Request("GET", f"{KEYS}SAE-B/{name}", "application/json", body=b"{}"))
        assert "no body" in refusal(answer)


def test_members_and_parameters_that_nobody_declared_are_passed_over() -> None:
    assert post("SAE-B/enc_keys", {"number": 2, "Number": 3, "sae": "SAE-C"}) == AskKeys(CALLER, PEER, 2)
    assert get("SAE-B/enc_keys?number=2&Size=8&user=SAE-C") == AskKeys(CALLER, PEER, 2)


@clause(DOCUMENT, "Table 10")
def test_further_slaves_are_read_in_their_order() -> None:
    wanted = post("SAE-B/enc_keys", {"additional_slave_SAE_IDs": ["SAE-D", "SAE-C"]})
    assert wanted == AskKeys(CALLER, PEER, further_slaves=(SaeId("SAE-D"), SaeId("SAE-C")))


@pytest.mark.parametrize(
    "saes",
    ["SAE-C", [1], [None], ["a/b"], ["SAE%2DC"], ["SAE-C", "SAE-C"], ["SAE-B"], [[]], [f"s{n}" for n in range(17)]],
)
def test_further_slaves_that_are_none_are_refused(saes: Json) -> None:
    refusal(post("SAE-B/enc_keys", {"additional_slave_SAE_IDs": saes}))


# --- extensions -------------------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 6")
@invariant("K9")
def test_an_unknown_mandatory_extension_is_refused_by_name() -> None:
    answer = post("SAE-B/enc_keys", {"extension_mandatory": [{"abc_route_type": "direct"}, {"abc_hops": 2}]})
    assert told(answer, 400) == {
        "message": "not all extension_mandatory parameters are supported",
        "details": [
            {"extension_mandatory_unsupported": "abc_route_type is not supported"},
            {"extension_mandatory_unsupported": "abc_hops is not supported"},
        ],
    }


@clause(DOCUMENT, "Table 10")
def test_optional_extensions_are_passed_over() -> None:
    optional: Json = [{"abc_hops": 2}, {"abc_any": {"x": [None, 1.5, True]}}, {}]
    assert post("SAE-B/enc_keys", {"extension_optional": optional}) == AskKeys(CALLER, PEER)


def test_no_mandatory_extension_is_as_good_as_none() -> None:
    assert post("SAE-B/enc_keys", {"extension_mandatory": []}) == AskKeys(CALLER, PEER)
    assert post("SAE-B/enc_keys", {"extension_mandatory": [{}]}) == AskKeys(CALLER, PEER)


@clause(DOCUMENT, "Table 10")
@pytest.mark.parametrize("kind", ["extension_mandatory", "extension_optional"])
@pytest.mark.parametrize("value", [{}, {"abc_hops": 2}, "abc_hops", ["abc_hops"], [1], [[]], None])
def test_extensions_are_an_array_of_objects(kind: str, value: Json) -> None:
    refusal(post("SAE-B/enc_keys", {kind: value}))


@invariant("Z9")
def test_the_answer_to_many_long_extensions_is_short() -> None:
    names: Json = [{f"{number}{'x' * 100}": 0} for number in range(500)]
    details = told(post("SAE-B/enc_keys", {"extension_mandatory": names}), 400)["details"]
    assert isinstance(details, list)
    assert len(details) == 16
    assert all(len(str(detail)) < 130 for detail in details)


# --- Get key with key IDs ---------------------------------------------------------------------------------------------


@clause(DOCUMENT, "Table 12")
def test_keys_are_named_in_a_body_or_one_in_a_query() -> None:
    entries: Json = [{"key_ID": FIRST_ID, "key_ID_extension": {"abc_x": 1}}, {"key_ID": SECOND_ID}]
    wanted = post("SAE-B/dec_keys", {"key_IDs": entries, "key_IDs_extension": {}})
    assert wanted == AskKeysById(CALLER, PEER, (FIRST_ID, SECOND_ID))


@clause(DOCUMENT, "Table 12")
@invariant("K9")
@pytest.mark.parametrize("text", ALIASES)
def test_a_key_id_has_one_spelling(text: str) -> None:
    assert "UUID" in refusal(post("SAE-B/dec_keys", {"key_IDs": [{"key_ID": text}]}))


@clause(DOCUMENT, "Table 12")
@pytest.mark.parametrize("text", ["urn:uuid:" + FIRST_ID, f"%7B{FIRST_ID}%7D", FIRST_ID.upper(), "", "abc"])
def test_a_key_id_in_a_query_has_one_spelling(text: str) -> None:
    refusal(get(f"SAE-B/dec_keys?key_ID={text}"))


@clause(DOCUMENT, "Table 12")
@invariant("K9")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        {},
        [],
        {"key_IDs": []},
        {"key_IDs": {}},
        {"key_IDs": None},
        {"key_IDs": [FIRST_ID]},
        {"key_IDs": [{"key_id": FIRST_ID}]},
        {"key_IDs": [{"key_ID": 1}]},
        {"key_IDs": [{"key_ID": None}]},
        {"key_IDs": [{"key_ID": FIRST_ID, "key_ID_extension": []}]},
        {"key_IDs": [{"key_ID": FIRST_ID}], "key_IDs_extension": "x"},
        {"key_ids": [{"key_ID": FIRST_ID}]},
    ],
)
def test_key_ids_of_another_shape_are_refused(body: Json | bytes) -> None:
    refusal(post("SAE-B/dec_keys", body))


@invariant("K9")
def test_a_key_is_named_once() -> None:
    entries: Json = [{"key_ID": FIRST_ID}, {"key_ID": SECOND_ID}, {"key_ID": FIRST_ID}]
    assert "twice" in refusal(post("SAE-B/dec_keys", {"key_IDs": entries}))
    assert "twice" in refusal(get(f"SAE-B/dec_keys?key_ID={FIRST_ID}&key_ID={FIRST_ID}"))


@invariant("Z9")
def test_the_list_of_key_ids_is_bounded() -> None:
    named: list[Json] = [{"key_ID": f"00000000-0000-4000-8000-{number:012}"} for number in range(9)]
    fits = post("SAE-B/dec_keys", {"key_IDs": named[:8]})
    assert isinstance(fits, AskKeysById)
    assert told(post("SAE-B/dec_keys", {"key_IDs": named}), 400)["details"] == [{"most": 8}]


def test_a_get_for_keys_names_one() -> None:
    assert refusal(get("SAE-B/dec_keys")) == "key_ID is missing"
    refusal(get(f"SAE-B/dec_keys?key_id={FIRST_ID}"))


# --- the body as a whole ----------------------------------------------------------------------------------------------


@invariant("Z9")
@pytest.mark.parametrize(
    "content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin-1"]
)
def test_a_body_of_another_type_is_refused(content_type: str) -> None:
    refusal(decode(CALLER, Request("POST", f"{KEYS}SAE-B/enc_keys", content_type, body=b"{}")), 415)


@invariant("Z9")
def test_a_compressed_body_is_refused() -> None:
    request = Request("POST", f"{KEYS}SAE-B/enc_keys", "application/json", "gzip", b"{}")
    refusal(decode(CALLER, request), 415)


@invariant("Z9")
def test_a_body_and_a_target_have_a_largest_size() -> None:
    filling = b" " * (LIMITS.body - 2)
    assert post("SAE-B/enc_keys", b"{}" + filling) == AskKeys(CALLER, PEER)
    refusal(post("SAE-B/enc_keys", b"{} " + filling), 413)
    assert get("SAE-B/enc_keys?" + "x" * 3_000) == AskKeys(CALLER, PEER)
    refusal(get("SAE-B/enc_keys?" + "x" * 4_096), 414)


@invariant("K9")
@pytest.mark.parametrize("name", ["enc_keys", "dec_keys"])
@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"1",
        b"null",
        b'"x"',
        b"{",
        b"\xff",
        b'{"number":1,"number":2}',
        b'{"number":NaN}',
        b'{"number":Infinity}',
        b'{"number":99999999999999999999999}',
        b'{"x":"\\ud800"}',
        b'{"x":1e999}',
        b'{"x":' + b"[" * 17 + b"]" * 17 + b"}",
    ],
)
def test_a_body_that_others_would_read_differently_is_refused(name: str, body: bytes) -> None:
    refusal(post(f"SAE-B/{name}", body))


def test_the_limits_are_those_that_are_handed_in() -> None:
    strict = Limits(target=30, body=20, depth=1, keys=1, key_size=Bits(128), slaves=0)
    assert post("SAE-B/enc_keys", {"size": 128}, strict) == AskKeys(CALLER, PEER, 1, Bits(128))
    refusal(post("SAE-B/enc_keys", {"size": 136}, strict))
    refusal(post("SAE-B/enc_keys", {"number": 2}, strict))
    refusal(post("SAE-B/enc_keys", {"x": []}, strict))
    refusal(post("SAE-B/enc_keys", {"number": 1, "size": 8}, strict), 413)
    refusal(get("SAE-B/enc_keys?number=1", strict), 414)


@clause(DOCUMENT, "Table 12")
def test_a_slave_may_send_back_what_its_master_got() -> None:
    # Some clients hand on whole entries of the key container: what is not declared in key_IDs is passed over.
    entry: Json = {"key_ID": FIRST_ID, "key": "AAAA", "key_extension": {"hops": 1}}
    assert post("SAE-B/dec_keys", {"key_IDs": [entry]}) == AskKeysById(CALLER, PEER, (FIRST_ID,))


def test_empty_arrays_ask_for_nothing_more() -> None:
    nothing: Json = {"additional_slave_SAE_IDs": [], "extension_mandatory": [], "extension_optional": []}
    assert post("SAE-B/enc_keys", nothing) == AskKeys(CALLER, PEER)


# --- towards the key manager ------------------------------------------------------------------------------------------


def test_questions_to_the_key_manager_name_the_caller() -> None:
    door, ksid = ElementName("sae/SAE-A"), Ksid(SECOND_ID)
    fresh = AskKeys(CALLER, PEER, 2, Bits(128)).message("r1", door, ksid, seconds(2))
    assert fresh == GetKey("r1", door, ksid, CALLER, 2, Bits(128), seconds(2))
    known = AskKeysById(CALLER, PEER, (FIRST_ID,)).message("r2", door)
    assert known == GetKeyById("r2", door, CALLER, (FIRST_ID,), PEER)
