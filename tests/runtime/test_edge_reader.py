"""HTTP/1.1 out of octets: each request one meaning, whatever the pieces in which it comes. No socket here."""

from __future__ import annotations

import json
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.edge_reader import BITE, RequestReader
from keytwin.runtime.edge_usual import Received
from keytwin.service.http import Request, Response
from tests.marks import clause, invariant

HTTP = "RFC 9112"
SMALL = EdgeLimits(target=60, head=200, lines=6, body=100)
HEAD = b"POST /a HTTP/1.1\r\nHost: km0\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
REQUEST = (
    b"POST /api/v1/keys/SAE-B/enc_keys HTTP/1.1\r\nHost: km0\r\ncontent-TYPE: application/json\r\n"
    b"Content-Encoding:\r\nContent-Length: 12\r\nX-SAE-ID: x\r\n\r\n" + b'{"number":2}'
)
IN_CHUNKS = (
    b"POST /api/v1/keys/SAE-B/enc_keys HTTP/1.1\r\nHost: km0\r\nContent-Type: application/json\r\n"
    b'Transfer-Encoding: Chunked\r\n\r\n5;x=y\r\n{"num\r\n7\r\nber":2}\r\n0\r\nContent-Type: text/html\r\n\r\n'
)
WANTED = Request("POST", "/api/v1/keys/SAE-B/enc_keys", "application/json", "", b'{"number":2}')
WORDS = st.sampled_from(
    [
        *[b"GET ", b"POST ", b"/a", b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n", b"\n", b"\r", b"Host: a\r\n", b"\0"],
        *[b"Content-Length: 3\r\n", b"Content-Length: -1\r\n", b"Transfer-Encoding: chunked\r\n", b"0\r\n\r\n", b"abc"],
        *[
            b"3\r\nabc\r\n",
            b"Connection: close\r\n",
            b"Upgrade: h2c\r\nConnection: upgrade\r\n",
            b"X: y\r\n z\r\n",
            b": ",
        ],
        *[b"Expect: 100-continue\r\n", b"\xff", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"CONNECT a:1", b"a" * 70],
    ]
)


def read(*pieces: bytes, limits: EdgeLimits = SMALL) -> list[Received | Response]:
    """Return everything that comes of some octets, until more is wanted or a refusal ends it."""
    reader = RequestReader(limits)
    found: list[Received | Response] = []
    for piece in pieces:
        reader.take(piece)
        while (outcome := reader.next()) is not None:
            found.append(outcome)
            if isinstance(outcome, Response):
                return found
    reader.close()
    return found


def requests(*pieces: bytes, limits: EdgeLimits = SMALL) -> list[Request]:
    found = read(*pieces, limits=limits)
    assert all(isinstance(each, Received) for each in found), found
    return [each.request for each in found if isinstance(each, Received)]


def refusal(*pieces: bytes, limits: EdgeLimits = SMALL) -> Response:
    last = read(*pieces, limits=limits)[-1]
    assert isinstance(last, Response), last
    return last


@clause(HTTP, "2.1")
@pytest.mark.parametrize("octets", [REQUEST, IN_CHUNKS])
def test_a_request_is_read(octets: bytes) -> None:
    assert requests(octets) == [WANTED]


@invariant("Z2")
def test_nothing_is_kept_of_a_header_that_names_a_caller() -> None:
    assert "x" not in (WANTED.content_type, WANTED.content_encoding)
    assert set(Request.__struct_fields__) == {"method", "target", "content_type", "content_encoding", "body"}


@invariant("Z9")
@given(st.lists(st.integers(0, 3 * len(REQUEST)), max_size=30), st.sampled_from([REQUEST, IN_CHUNKS]))
def test_any_split_of_requests_gives_the_same_requests(cuts: list[int], octets: bytes) -> None:
    whole = octets * 3
    edges = [0, *sorted(min(cut, len(whole)) for cut in cuts), len(whole)]
    pieces = [whole[start:end] for start, end in pairwise(edges)]
    assert requests(*pieces) == [WANTED] * 3


@invariant("Z9")
@given(st.lists(WORDS | st.binary(max_size=8), max_size=25))
def test_whatever_comes_is_a_request_or_one_refusal(words: list[bytes]) -> None:
    found = read(b"".join(words))
    for each in found:
        if isinstance(each, Response):
            assert 400 <= each.status < 500
            assert json.loads(each.body).keys() == {"message"}
        else:
            assert len(each.request.target) <= SMALL.target
            assert len(each.request.body) <= SMALL.body
    assert not any(isinstance(each, Response) for each in found[:-1])


@invariant("Z9")
@given(st.lists(WORDS | st.binary(max_size=8), max_size=15), st.integers(1, 7))
def test_what_is_taken_and_whether_something_is_refused_does_not_depend_on_the_pieces(
    words: list[bytes], size: int
) -> None:
    whole = b"".join(words)
    pieces = [whole[start : start + size] for start in range(0, len(whole), size)]
    # Which of two faults is told may: a target that is too long and malformed is either first.
    assert [_taken(each) for each in read(whole)] == [_taken(each) for each in read(*pieces)]


def _taken(found: Received | Response) -> Received | None:
    return None if isinstance(found, Response) else found


def test_a_target_with_two_faults_is_refused_in_one_piece_and_in_many() -> None:
    whole = b"GET " + b"a" * 70 + b"GET "  # too long for these limits, and no path
    statuses = {each.status for found in (read(whole), read(*map(bytes, zip(whole)))) for each in found}  # type: ignore[union-attr]  # both are refused
    assert statuses <= {400, 414}


@clause(HTTP, "9.3.2")
def test_requests_are_read_ahead_by_a_bite_at_most() -> None:
    reader = RequestReader(SMALL)
    reader.take(REQUEST * 200)
    assert isinstance(reader.next(), Received)
    assert reader.has_unread
    reader.close()


@clause(HTTP, "6.3")
@pytest.mark.parametrize(
    "octets",
    [
        HEAD + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        HEAD + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        HEAD + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
        HEAD + b"Content-Length: 2, 2\r\n\r\n{}",
        HEAD + b"Content-Length: +2\r\n\r\n{}",
        HEAD + b"Content-Length: -2\r\n\r\n{}",
        HEAD + b"Content-Length: 0x2\r\n\r\n{}",
        HEAD + b"Content-Length:\r\n\r\n",
        HEAD + b"Content-Length: 99999999999999999999999\r\n\r\n",
        HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        HEAD + b"Transfer-Encoding: identity\r\n\r\n",
        HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /a HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        CHUNKED + b"zz\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"0x3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"-3\r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3 \r\nabc\r\n0\r\n\r\n",
        CHUNKED + b"3\r\nabcd\r\n0\r\n\r\n",
        CHUNKED + b"ffffffffffffffffff\r\nabc\r\n",
        CHUNKED + b"3\nabc\n0\n\n",
    ],
)
@invariant("Z9")
def test_a_body_whose_length_is_in_doubt_is_refused(octets: bytes) -> None:
    assert refusal(octets).status == 400


@clause(HTTP, "5")
@invariant("Z9")
@pytest.mark.parametrize(
    "octets",
    [
        b"GET /a HTTP/1.1\r\nHost: km0\r\nX: y\r\n z\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nX : y\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\n: y\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nX: a\0b\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nX: a\rb\r\n\r\n",
        b"GET /a HTTP/1.1\nHost: km0\n\n",
        b"GET /\0 HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"GET /a\r\n\r\n",
        b"GET /a HTTP/2.0\r\nHost: km0\r\n\r\n",
        b"GET /a HTTP/1.2\r\nHost: km0\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
        b"BREW /a HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"get /a HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"GET /a HTTP/1.1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nHost: km0\r\n\r\n",
        HEAD + b"Content-Type: application/json\r\nContent-Type: text/html\r\n\r\n",
        HEAD + b"Content-Encoding: gzip\r\nContent-Encoding: identity\r\n\r\n",
    ],
)
def test_a_head_that_is_no_http_1_or_says_a_thing_twice_is_refused(octets: bytes) -> None:
    assert refusal(octets).status == 400


@clause("RFC 9110", "7.8")
@pytest.mark.parametrize(
    "octets",
    [
        b"CONNECT km1:443 HTTP/1.1\r\nHost: km1\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n",
    ],
)
def test_no_other_protocol_is_begun(octets: bytes) -> None:
    assert b"no other protocol" in refusal(octets + b"whatever").body


@invariant("Z9")
@pytest.mark.parametrize(
    ("octets", "status"),
    [
        (b"GET /" + b"a" * 60 + b" HTTP/1.1\r\nHost: a\r\n\r\n", 414),
        (b"GET /a HTTP/1.1\r\n" + b"X: y\r\n" * 7 + b"\r\n", 431),
        (b"GET /a HTTP/1.1\r\nX: " + b"y" * 200 + b"\r\n\r\n", 431),
        (b"GET /a HTTP/1.1\r\nX: " + b"y" * (BITE + 300), 431),
        (HEAD + b"Content-Length: 101\r\n\r\n", 413),
        (CHUNKED + b"65\r\n" + b"x" * 101, 413),
        (CHUNKED + b"1;" + b"x" * (2 * BITE), 413),
        (CHUNKED + b"0\r\n" + b"T: x\r\n" * 6 + b"\r\n", 431),
        (HEAD + b"Content-Length: 1\r\nExpect: gold\r\n\r\n", 417),
    ],
)
def test_each_limit_has_its_status(octets: bytes, status: int) -> None:
    assert refusal(octets).status == status


@clause(HTTP, "9.6")
def test_what_follows_the_last_request_is_not_looked_at() -> None:
    last = b"GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
    assert [each.target for each in requests(last + b"\0nonsense", b"more")] == ["/a"]
    (received,) = read(last)
    assert isinstance(received, Received)
    assert not received.keeps_alive


@clause(HTTP, "9.3")
def test_a_connection_of_http_1_0_is_kept_only_where_asked() -> None:
    kept, closed = read(b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"), read(b"GET /a HTTP/1.0\r\n\r\n")
    assert [(each.keeps_alive, each.is_1_0) for each in kept if isinstance(each, Received)] == [(True, True)]
    assert [(each.keeps_alive, each.is_1_0) for each in closed if isinstance(each, Received)] == [(False, True)]


@clause("RFC 9110", "10.1.1")
@pytest.mark.parametrize(
    ("octets", "awaits"),
    [
        (HEAD + b"Content-Length: 2\r\nExpect: 100-Continue\r\n\r\n", True),
        (HEAD + b"Expect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n", True),
        (HEAD + b"Content-Length: 2\r\n\r\n", False),
        (HEAD + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n{}", False),
        (b"POST /a HTTP/1.0\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n", False),
    ],
)
def test_a_peer_that_waits_to_be_asked_for_its_body_is_known(octets: bytes, *, awaits: bool) -> None:
    reader = RequestReader(SMALL)
    reader.take(octets)
    reader.next()
    assert reader.awaits_continue == awaits
    reader.close()


@pytest.mark.parametrize(("octets", "between"), [(b"", True), (b"\r\n", False), (b"G", False), (REQUEST, True)])
def test_it_is_known_whether_a_request_has_begun(octets: bytes, *, between: bool) -> None:
    reader = RequestReader(SMALL)
    reader.take(octets)
    while reader.next() is not None:
        pass
    assert reader.is_between == between
    reader.close()
