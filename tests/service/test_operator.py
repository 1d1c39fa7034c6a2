"""The operator face: who asks is settled before, everything else is looked at here."""

from __future__ import annotations

import json
import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.service.http import JSON, Request, Response
from keytwin.service.operator import (
    LARGEST_BODY,
    LONGEST_TARGET,
    METRICS_TYPE,
    MOST_EVENTS,
    ROUTES,
    Operations,
    answer,
)
from keytwin.service.operator_values import (
    Credentials,
    ElementStatus,
    EventPage,
    Issued,
    KmStatus,
    NetworkStatus,
    ProcessStatus,
    QLinkStatus,
    Revoked,
    SaeStatus,
    SessionStatus,
)
from keytwin.vocabulary.errors import Mistake, Refusal
from tests.architecture.source import ROOT
from tests.fakes.operations import FILES, STATUS, FakeOperations

COMMANDS = {
    "/v1/faults": {"link": "a -- b", "action": "cut"},
    "/v1/trust": {"node": "a", "trusted": False},
    "/v1/saes": {"sae": "alice", "action": "issue"},
    "/v1/stop": {},
}


@pytest.fixture
def network() -> FakeOperations:
    return FakeOperations()


def get(network: Operations, target: str) -> Response:
    return answer(Request("GET", target), network)


def post(network: Operations, target: str, body: object) -> Response:
    octets = body if isinstance(body, bytes) else json.dumps(body).encode()
    return answer(Request("POST", target, JSON, "", octets), network)


def message(response: Response) -> str:
    told = json.loads(bytes(response.body))
    assert set(told) == {"message"}
    return str(told["message"])


# --- questions --------------------------------------------------------------------------------------------------------


def test_tells_the_network_as_it_stands(network: FakeOperations) -> None:
    response = get(network, "/v1/status")
    assert (response.status, dict(response.headers)["Content-Type"]) == (200, JSON)
    assert msgspec.json.decode(response.body, type=NetworkStatus) == STATUS


def test_tells_events_page_by_page(network: FakeOperations) -> None:
    page = msgspec.json.decode(get(network, "/v1/events?after=41&limit=9").body, type=EventPage)
    assert network.done == [("events", 41, 9)]
    assert (page.last, page.events[0].number, json.loads(bytes(page.events[0].event))) == (42, 42, {"at": 5})


def test_begins_with_the_oldest_event(network: FakeOperations) -> None:
    assert get(network, "/v1/events").status == 200
    assert network.done == [("events", 0, MOST_EVENTS)]


def test_gives_metrics_as_text(network: FakeOperations) -> None:
    response = get(network, "/metrics")
    assert (response.status, dict(response.headers)["Content-Type"]) == (200, METRICS_TYPE)
    assert response.body == b"keytwin_keys 1\n"


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("/v1/events?limit=0", "limit is from 1 to"),
        (f"/v1/events?limit={MOST_EVENTS + 1}", "limit is from 1 to"),
        ("/v1/events?after=-1", "whole number"),
        ("/v1/events?after=1.0", "whole number"),
        ("/v1/events?after=%D9%A1", "whole number"),
        ("/v1/events?after=" + "9" * 19, "whole number"),
        ("/v1/events?after=1&after=2", "twice"),
        ("/v1/events?since=1", "known: after, limit"),
        ("/v1/events?after=%zz", "percent"),
        ("/v1/status?verbose=1", "unknown parameter 'verbose'"),
        ("/metrics?name=x", "unknown parameter"),
    ],
)
def test_a_query_is_read_strictly(network: FakeOperations, target: str, why: str) -> None:
    response = get(network, target)
    assert (response.status, network.done) == (400, [])
    assert why in message(response)


# --- commands ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "body", "done"),
    [
        ("/v1/faults", {"link": "a--b", "action": "cut"}, ("cut", "a--b")),
        ("/v1/faults", {"link": "a--b", "action": "attack", "error_rate": 0.2}, ("attack", "a--b", 0.2)),
        ("/v1/faults", {"link": "a -- b/fibre", "action": "heal"}, ("heal", "a--b/fibre")),
        ("/v1/trust", {"node": "a", "trusted": False}, ("trust", "a", False)),
        ("/v1/trust", {"node": "a", "trusted": True}, ("trust", "a", True)),
        ("/v1/saes", {"sae": "alice", "action": "issue"}, ("issue", "alice", None)),
        ("/v1/saes", {"sae": "alice", "action": "issue", "request": "PEM"}, ("issue", "alice", b"PEM")),
        ("/v1/saes", {"sae": "alice", "action": "revoke"}, ("revoke", "alice")),
        ("/v1/stop", {}, ("stop",)),
        ("/v1/stop", b"", ("stop",)),
    ],
)
def test_does_what_the_operator_says(
    network: FakeOperations, target: str, body: object, done: tuple[object, ...]
) -> None:
    assert post(network, target, body).status == 200
    assert network.done == [done]


def test_says_what_was_done(network: FakeOperations) -> None:
    assert (
        message(post(network, "/v1/faults", {"link": "a--b", "action": "cut"})) == "the quantum channel of a--b is cut"
    )
    attack = {"link": "a--b", "action": "attack", "error_rate": 0.2}
    assert message(post(network, "/v1/faults", attack)) == "an attack flips 20 % of the bits of a--b"
    assert message(post(network, "/v1/trust", {"node": "a", "trusted": False})) == "a is trusted no longer"
    issued = post(network, "/v1/saes", {"sae": "alice", "action": "issue", "request": "PEM"})
    assert msgspec.json.decode(issued.body, type=Issued) == Issued(STATUS.saes[0].sae, FILES, "chain")
    revoked = post(network, "/v1/saes", {"sae": "alice", "action": "revoke"})
    assert msgspec.json.decode(revoked.body, type=Revoked).certificates == 2


@pytest.mark.parametrize(
    ("target", "body", "why"),
    [
        ("/v1/faults", {"link": "a", "action": "cut"}, "'a' is not a link"),
        ("/v1/faults", {"link": "a--a", "action": "cut"}, "to itself"),
        ("/v1/faults", {"link": "a--b", "action": "burn"}, "burn"),
        ("/v1/faults", {"link": "a--b"}, "`action`"),
        ("/v1/faults", {"link": "a--b", "action": "attack"}, "error_rate from 0.0001 to 0.5"),
        ("/v1/faults", {"link": "a--b", "action": "attack", "error_rate": 0}, "error_rate from 0.0001 to 0.5"),
        ("/v1/faults", {"link": "a--b", "action": "attack", "error_rate": 0.51}, "error_rate from 0.0001 to 0.5"),
        ("/v1/faults", {"link": "a--b", "action": "cut", "error_rate": 0.2}, "'attack' alone"),
        ("/v1/faults", {"link": "a--b", "action": "cut", "now": True}, "`now`"),
        ("/v1/faults", [], "not understood"),
        ("/v1/trust", {"node": "a b", "trusted": True}, "cannot name a node"),
        ("/v1/trust", {"node": "a", "trusted": 1}, "trusted"),
        ("/v1/saes", {"sae": "../key", "action": "issue"}, "cannot name an SAE"),
        ("/v1/saes", {"sae": "alice", "action": "revoke", "request": "PEM"}, "'issue' alone"),
        ("/v1/stop", {"when": "now"}, "send {}"),
        ("/v1/stop", [], "send {}"),
        ("/v1/trust", b"{", "not JSON"),
        ("/v1/trust", b"", "not JSON"),
        ("/v1/trust", b"\xff", "not UTF-8"),
        ("/v1/trust", b'{"node": "a", "node": "b", "trusted": true}', "two members of one name"),
        ("/v1/trust", b"[" * 9, "deeper"),
    ],
)
def test_a_body_is_read_strictly(network: FakeOperations, target: str, body: object, why: str) -> None:
    response = post(network, target, body)
    assert (response.status, network.done) == (400, [])
    assert why in message(response)


@pytest.mark.parametrize("target", COMMANDS)
@pytest.mark.parametrize("kind", ["", "text/plain", "application/x-www-form-urlencoded", f"{JSON}; charset=utf-16"])
def test_a_command_is_sent_as_json(network: FakeOperations, target: str, kind: str) -> None:
    response = answer(Request("POST", target, kind, "", json.dumps(COMMANDS[target]).encode()), network)
    assert (response.status, network.done) == (415, [])
    assert JSON in message(response)


# --- the request as a whole -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", ["", "/", "/v1", "/v1/status/", "/v1/statu", "//v1/status", "/v1%2Fstatus", "*"])
def test_an_unknown_resource_is_answered_with_those_there_are(network: FakeOperations, target: str) -> None:
    response = get(network, target)
    assert response.status == 404
    assert all(path in message(response) for path in ROUTES)


@pytest.mark.parametrize("target", ROUTES)
@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "get", "", "OPTIONS"])
def test_another_method_is_answered_with_the_right_one(network: FakeOperations, target: str, method: str) -> None:
    response = answer(Request(method, target), network)
    assert (response.status, network.done) == (405, [])
    assert dict(response.headers)["Allow"] in {"GET", "POST"}


def test_what_is_too_long_is_refused(network: FakeOperations) -> None:
    assert get(network, "/v1/events?" + "x" * LONGEST_TARGET).status == 414
    assert post(network, "/v1/stop", b" " * (LARGEST_BODY + 1)).status == 413
    assert network.done == []


def test_a_question_has_no_body(network: FakeOperations) -> None:
    response = answer(Request("GET", "/v1/status", JSON, "", b"{}"), network)
    assert (response.status, network.done) == (400, [])


def test_every_resource_is_documented() -> None:
    page = (ROOT / "docs/reference/operator-face.md").read_text(encoding="utf-8")
    documented = re.findall(r"^\| `([A-Z]+) (/\S+)` \|", page, flags=re.MULTILINE)
    assert documented == [(method, path) for path, methods in ROUTES.items() for method in methods]
    for kind in (
        NetworkStatus,
        ElementStatus,
        KmStatus,
        SaeStatus,
        SessionStatus,
        QLinkStatus,
        ProcessStatus,
        Credentials,
    ):
        assert [name for name in kind.__struct_fields__ if f"`{name}`" not in page] == []


# --- what the network says --------------------------------------------------------------------------------------------


def test_a_mistake_of_the_operator_is_400(network: FakeOperations) -> None:
    network.refusal = Mistake("there is no link a--c (did you mean 'a--b'?)")
    response = post(network, "/v1/faults", {"link": "a--c", "action": "cut"})
    assert (response.status, message(response)) == (400, "there is no link a--c (did you mean 'a--b'?)")


def test_a_question_refused_may_be_asked_again(network: FakeOperations) -> None:
    network.refusal = Refusal("starting")
    response = get(network, "/v1/status")
    assert (response.status, dict(response.headers)["Retry-After"], message(response)) == (503, "1", "starting")


@pytest.mark.parametrize("target", COMMANDS)
def test_a_command_refused_is_not_repeated_by_libraries(network: FakeOperations, target: str) -> None:
    network.refusal = Refusal("stopping")
    response = post(network, target, COMMANDS[target])
    assert (response.status, message(response)) == (409, "stopping")
    assert "Retry-After" not in dict(response.headers)


# --- whatever is sent -------------------------------------------------------------------------------------------------

LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9) | st.sampled_from(["a--b", "cut"])
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)
MEMBERS = st.dictionaries(
    st.sampled_from(["link", "action", "node", "trusted", "sae", "request"]) | st.text(max_size=5), VALUES, max_size=4
)
REQUESTS = st.builds(
    Request,
    method=st.sampled_from(["GET", "POST"]) | st.text(max_size=6),
    target=st.text(max_size=40)
    | st.builds("{}{}".format, st.sampled_from([*ROUTES]), st.just("") | st.text(max_size=20).map("?after={}".format)),
    content_type=st.just(JSON) | st.text(max_size=20),
    content_encoding=st.just("") | st.text(max_size=6),
    body=st.just(b"") | st.binary(max_size=60) | MEMBERS.map(lambda value: json.dumps(value).encode()),
)


@given(REQUESTS)
def test_whatever_is_sent_is_answered_in_short_json(request: Request) -> None:
    network = FakeOperations()
    response = answer(request, network)
    assert response.status in {200, 400, 404, 405, 415}
    assert len(response.body) < 3_000
    assert dict(response.headers)["Cache-Control"] == "no-store"
    if response.status != 200:
        assert network.done == []
        assert message(response)
