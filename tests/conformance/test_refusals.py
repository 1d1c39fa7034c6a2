"""Requests that the standard refuses: each with its code and words, and each without costing anybody a key."""

from __future__ import annotations

import re
from collections.abc import Mapping
from uuid import UUID

import pytest

from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import JSON
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
NOT_FOUND = "one or more keys specified are not found on KME"
NOT_MULTIPLE = "size shall be a multiple of 8"
UNKNOWN = "00000000-0000-4000-8000-000000000000"
HUGE = 10**17
INSIDE = re.compile(r"Traceback|\.py|keytwin|0x[0-9a-f]{6}|Exception|Error\b")
"""What no answer tells: what is behind the face."""


def test_the_proof_that_nothing_was_consumed_can_fail(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    with pytest.raises(AssertionError), nothing_consumed(line, master):
        got = master.take()
    with pytest.raises(AssertionError), nothing_consumed(line, master):
        slave.fetch(*got)


# --- get key ----------------------------------------------------------------------------------------------------------

WRONG_VALUES: Mapping[str, str] = {
    "size 257": '{"size": 257}',
    "size 0": '{"size": 0}',
    "size -8": '{"size": -8}',
    "size 8": '{"size": 8}',
    "size huge": f'{{"size": {8 * HUGE}}}',
    "size above 64 bits": f'{{"size": {8 * 10**40}}}',
    "size 256.0": '{"size": 256.0}',
    "size text": '{"size": "256"}',
    "size null": '{"size": null}',
    "number 0": '{"number": 0}',
    "number -1": '{"number": -1}',
    "number 1e9": '{"number": 1e9}',
    "number 1000000000": '{"number": 1000000000}',
    "number abc": '{"number": "abc"}',
    "number true": '{"number": true}',
    "number 1.5": '{"number": 1.5}',
    "number null": '{"number": null}',
    "number NaN": '{"number": NaN}',
    "number Infinity": '{"number": Infinity}',
    "number 1e999": '{"number": 1e999}',
    "number twice": '{"number": 1, "number": 2}',
    "number of 5000 digits": f'{{"number": {"9" * 5_000}}}',
    "more slaves than none": '{"additional_slave_SAE_IDs": ["other-b"]}',
    "slaves as text": '{"additional_slave_SAE_IDs": "other-b"}',
    "extensions as object": '{"extension_mandatory": {"abc_route_type": "direct"}}',
    "extensions of text": '{"extension_optional": ["abc_route_type"]}',
    "extension twice": '{"extension_optional": [{"a_b": 1, "a_b": 2}]}',
    "a list": "[]",
    "a number": "1",
    "null": "null",
    "not JSON": "number=1",
    "half": '{"number": 1',
    "two": '{"number": 1}{"number": 1}',
    "lone surrogate": '{"extension_optional": [{"a_b": "\\ud800"}]}',
    "deep": '{"extension_optional": [{"a_b": ' + "[" * 1_000 + "]" * 1_000 + "}]}",
    "very deep": "[" * 30_000 + "]" * 30_000,
    "byte order mark": '\ufeff{"number": 1}',
}


@invariant("K9")
@invariant("Z9")
@clause(DOCUMENT, "6.2")
@pytest.mark.parametrize("wrong", WRONG_VALUES)
def test_a_wrong_key_request_is_a_bad_request_and_costs_nothing(line: Network, wrong: str) -> None:
    master = line.sae("near-a")
    with nothing_consumed(line, master):
        answer = master.ask("POST", master.path("enc_keys"), WRONG_VALUES[wrong].encode())
    assert answer.status == 400
    assert (answer.message == NOT_MULTIPLE) == (wrong == "size 257")
    assert len(answer.body) < 512
    assert not INSIDE.search(answer.message)


WRONG_QUERIES = (
    *("size=257", "size=0", "size=-8", "size=", "size=8", f"size={8 * HUGE}", "number=0", "number=-1", "number=1e9"),
    *("number=abc", "number=true", "number=1&number=2", "number=%31%", "number=%ff", "number=01", "number=+1"),
    *("number=1000000000", "number=\u0661".encode().decode("latin-1"), "number=9" * 400, "size=256.0"),
)


@invariant("K9")
@invariant("Z9")
@clause(DOCUMENT, "5.2")
@pytest.mark.parametrize("query", WRONG_QUERIES, ids=lambda query: ascii(query)[:20])
def test_a_wrong_query_is_a_bad_request_and_costs_nothing(line: Network, query: str) -> None:
    master = line.sae("near-a")
    target = f"{master.path('enc_keys')}?{query}".encode("latin-1")
    with nothing_consumed(line, master):
        answer = master.raw(b"GET " + target + b" HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert answer.status == 400
    if query == "size=257":
        assert answer.message == NOT_MULTIPLE


@clause(DOCUMENT, "6.2")
@invariant("K9")
def test_mandatory_extensions_are_refused_in_the_words_of_the_standard(line: Network) -> None:
    master = line.sae("near-a")
    with nothing_consumed(line, master):
        answer = master.post(
            "enc_keys", {"extension_mandatory": [{"abc_route_type": "direct"}, {"abc_other": {"x": 1}}]}
        )
    assert answer.status == 400
    assert answer.json == {
        "message": "not all extension_mandatory parameters are supported",
        "details": [
            {"extension_mandatory_unsupported": "abc_route_type is not supported"},
            {"extension_mandatory_unsupported": "abc_other is not supported"},
        ],
    }


@clause(DOCUMENT, "6.2")
def test_optional_extensions_and_unknown_members_are_passed_over(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    wanted = {"extension_optional": [{"abc_max_age": 30000}, {"abc_route": {"x": [1]}}], "of_no_standard": [None]}
    answer = master.post("enc_keys", wanted)
    assert answer.status == 200
    (key,) = answer.json["keys"]
    named = {"key_IDs": [{"key_ID": key["key_ID"], "key_ID_extension": {"abc_x": 1}}], "key_IDs_extension": {"abc": 2}}
    assert slave.post("dec_keys", named).json["keys"][0]["key"] == key["key"]


@clause(DOCUMENT, "6.2")
def test_an_empty_body_asks_for_one_key_of_the_usual_size(line: Network) -> None:
    master = line.sae("near-a")
    for body in (b"", b"{}"):
        answer = master.ask("POST", master.path("enc_keys"), body)
        assert answer.status == 200
        assert [len(key["key"]) for key in answer.json["keys"]] == [44]  # 256 bits in padded base64


@clause(DOCUMENT, "6.1")
@invariant("K9")
def test_the_limits_are_those_of_status(line: Network) -> None:
    master = line.sae("far-a")
    status = master.status()
    assert status["stored_key_count"] <= status["max_key_count"]
    with nothing_consumed(line, master):
        for member, most in (("number", "max_key_per_request"), ("size", "max_key_size")):
            answer = master.post("enc_keys", {member: status[most] + 8})
            assert answer.status == 400
            assert answer.json["details"] == [{"most": status[most]}]
        assert master.post("enc_keys", {"size": status["min_key_size"] - 8}).status == 400
    assert len(line.sae("far-b").fetch(*master.take(status["max_key_per_request"]))) == status["max_key_per_request"]


@clause(DOCUMENT, "5.2")
@invariant("K9")
@pytest.mark.parametrize(
    "slave", ["nobody", "far-b", "other-b", "near-a", "NEAR-B", "near-b%00", "near%2Fb", "%6e%65%61"]
)
def test_an_unknown_slave_is_a_bad_request(line: Network, slave: str) -> None:
    """Names that nobody has, that have no app in common with the caller, the caller's own, and near misses."""
    master = line.sae("near-a")
    with nothing_consumed(line, master):
        assert master.ask("GET", master.path("status", slave)).status == 400
        assert master.ask("GET", master.path("enc_keys", slave)).status == 400


@clause(DOCUMENT, "5.2")
def test_an_sae_id_in_the_path_is_decoded_once(line: Network) -> None:
    master = line.sae("near-a")
    assert master.ask("GET", master.path("status", "ne%61r%2Db")).json["slave_SAE_ID"] == "near-b"
    assert master.ask("GET", master.path("status", "ne%2561r-b")).status == 400


# --- get key with key IDs ---------------------------------------------------------------------------------------------


@clause(DOCUMENT, "5.3")
@invariant("K4")
def test_another_saes_key_is_unauthorised_and_stays_its_owners(line: Network) -> None:
    master, slave, stranger = line.sae("near-a"), line.sae("near-b"), line.sae("other-b")
    assert slave.url == stranger.url
    (key_id,) = got = master.take()
    with nothing_consumed(line, master):
        for peer in ("near-a", "other-a", "nobody"):
            answer = stranger.fetching(key_id, peer=peer)
            assert (answer.status, answer.body) == (401, b"")
    assert slave.fetch(key_id) == got


@clause(DOCUMENT, "5.3")
@invariant("K4")
def test_a_key_is_of_the_master_that_the_path_names_or_not_found(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    (key_id,) = got = master.take()
    with nothing_consumed(line, master):
        for peer in ("far-a", "other-a", "near-b", "nobody"):
            answer = slave.fetching(key_id, peer=peer)
            assert (answer.status, answer.message) == (400, NOT_FOUND)
    assert slave.fetch(key_id) == got


@clause(DOCUMENT, "5.3")
def test_a_key_is_fetched_once(line: Network) -> None:
    for name in ("near", "far"):
        master, slave = line.sae(f"{name}-a"), line.sae(f"{name}-b")
        (key_id,) = master.take()
        slave.fetch(key_id)
        with nothing_consumed(line, master):
            answer = slave.fetching(key_id)
            assert (answer.status, answer.json) == (400, {"message": NOT_FOUND})


@clause(DOCUMENT, "5.3")
@invariant("K4")
def test_the_master_has_no_second_copy(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    (key_id,) = got = master.take()
    with nothing_consumed(line, master):
        for peer in ("near-a", "near-b"):
            answer = master.fetching(key_id, peer=peer)
            assert answer.status in {400, 401}
    assert slave.fetch(key_id) == got


@clause(DOCUMENT, "5.4")
def test_a_selfpair_gets_each_key_once_in_each_role(selfpair: Network) -> None:
    probe = selfpair.sae("probe")
    (key_id,) = got = probe.take()
    assert probe.fetch(key_id) == got
    assert probe.fetching(key_id).message == NOT_FOUND


def aliases(key_id: str) -> Mapping[str, str]:
    """Return other spellings of a key_ID, most of which Python's UUID takes for the same."""
    plain = key_id.replace("-", "")
    return {
        "urn": f"urn:uuid:{key_id}",
        "braces": f"{{{key_id}}}",
        "upper case": key_id.upper(),
        "no hyphens": plain,
        "other hyphens": f"{plain[:4]}-{plain[4:]}",
        "space": f" {key_id}",
        "new line": f"{key_id}\n",
        "NUL": f"{key_id}\0",
        "full width": key_id.translate({48 + digit: 0xFF10 + digit for digit in range(10)}),
        "short": key_id[:-1],
        "long": f"{key_id}0",
        "empty": "",
    }


@clause(DOCUMENT, "6.4")
@invariant("K9")
def test_a_key_id_has_one_spelling(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    key_id, got = "", {}
    while key_id == key_id.upper():  # one in a few thousand has no letter in it
        (key_id,) = got = master.take()
    assert UUID(aliases(key_id)["braces"]) == UUID(key_id)
    with nothing_consumed(line, master):
        for alias in aliases(key_id).values():
            assert slave.fetching(alias).status == 400
            assert slave.fetching(key_id, alias).status == 400
        for wrong in (1, None, [key_id], {"key_ID": key_id}):
            assert slave.post("dec_keys", {"key_IDs": [{"key_ID": wrong}]}).status == 400
        assert slave.ask("GET", f"{slave.path('dec_keys')}?key_ID={key_id.upper()}").status == 400
    assert slave.fetch(key_id) == got


@clause(DOCUMENT, "5.3")
@invariant("K8")
@invariant("K9")
def test_all_keys_are_delivered_or_none(line: Network) -> None:
    master, slave = line.sae("far-a"), line.sae("far-b")
    got = master.take(3)
    gone = list(master.take())
    slave.fetch(*gone)
    with nothing_consumed(line, master):
        for wrong in (UNKNOWN, *gone):
            for wanted in ([*got, wrong], [wrong, *got]):
                answer = slave.fetching(*wanted)
                assert (answer.status, answer.message) == (400, NOT_FOUND)
        assert slave.fetching(*got, "not a UUID").status == 400
        assert slave.fetching(*got, next(iter(got))).status == 400  # one of them twice
    assert slave.fetch(*got) == got


@clause(DOCUMENT, "5.3")
@invariant("K8")
@invariant("K4")
def test_keys_of_two_owners_are_delivered_to_neither(line: Network) -> None:
    first, second = (line.sae("near-a"), line.sae("near-b")), (line.sae("other-a"), line.sae("other-b"))
    got, others = first[0].take(), second[0].take()
    with nothing_consumed(line, first[0]):
        assert first[1].fetching(*got, *others).status == 401
        assert second[1].fetching(*got, *others).status == 401
    assert first[1].fetch(*got) == got
    assert second[1].fetch(*others) == others


NO_KEY_IDS = (
    "{}",
    '{"key_IDs": []}',
    '{"key_IDs": null}',
    '{"key_IDs": {}}',
    '{"key_IDs": ["x"]}',
    "[]",
    "",
    '{"key_ids": []}',
)


@clause(DOCUMENT, "6.4")
@pytest.mark.parametrize("body", NO_KEY_IDS)
def test_key_ids_have_to_be_there(line: Network, body: str) -> None:
    slave = line.sae("near-b")
    assert slave.ask("POST", slave.path("dec_keys"), body.encode()).status == 400
    assert slave.ask("GET", slave.path("dec_keys")).status == 400


# --- the request as a whole -------------------------------------------------------------------------------------------


@invariant("K9")
@clause(DOCUMENT, "5.1")
@pytest.mark.parametrize(
    "kind",
    ["text/plain", "text/json", "application/xml", "", "application/json; charset=utf-16", "multipart/form-data"],
)
def test_another_content_type_is_refused(line: Network, kind: str) -> None:
    master = line.sae("near-a")
    with nothing_consumed(line, master):
        answer = master.ask("POST", master.path("enc_keys"), b"{}", {"Content-Type": kind})
    assert answer.status == 415


@clause(DOCUMENT, "5.1")
def test_json_in_utf8_may_say_so(line: Network) -> None:
    master = line.sae("near-a")
    for kind in (f"{JSON}; charset=utf-8", f'{JSON.upper()};charset="UTF-8"'):
        assert master.ask("POST", master.path("enc_keys"), b"{}", {"Content-Type": kind}).status == 200


@invariant("K9")
@clause(DOCUMENT, "Table 2")
@pytest.mark.parametrize("verb", ["PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "FOO"])
def test_other_verbs_are_not_allowed(line: Network, verb: str) -> None:
    master = line.sae("near-a")
    with nothing_consumed(line, master):
        for method in ("status", "enc_keys", "dec_keys"):
            answer = master.ask(verb, master.path(method))
            assert answer.status in {400, 405}
            assert answer.status == 400 or answer.headers["allow"] == ("GET" if method == "status" else "GET, POST")
        assert master.post("status", {}).status == 405


@invariant("K9")
@clause(DOCUMENT, "Table 2")
def test_other_paths_are_not_found(line: Network) -> None:
    master = line.sae("near-a")
    good = master.path("enc_keys")
    wrong = ("/", "/api/v1/keys", f"{good}/", good.replace("v1", "v2"), good.upper(), f"/{good}", f"/x/..{good}")
    with nothing_consumed(line, master):
        for target in (*wrong, good.replace("enc_keys", "enc%5Fkeys"), f"{good};x=1", "/metrics", "/v1/status", "*"):
            assert master.ask("GET", target).status in {400, 404}, target


@invariant("K9")
@pytest.mark.parametrize("verb", ["GET", "POST"])
def test_what_could_be_read_in_two_ways_is_refused(line: Network, verb: str) -> None:
    """A GET with a body, a POST with a query: a proxy in between may see another request than the key manager."""
    master = line.sae("near-a")
    target = master.path("enc_keys") + ("?number=2" if verb == "POST" else "")
    with nothing_consumed(line, master):
        assert master.ask(verb, target, b'{"number": 1}').status == 400
