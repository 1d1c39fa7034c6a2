"""What a peer asks again and again: read by comparison, and never otherwise than the parser reads it."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.edge_reader import RequestReader
from keytwin.runtime.edge_usual import LONGEST_KEPT, PLAIN, Received, UsualRequest
from keytwin.service.http import Request, Response

LIMITS = EdgeLimits(target=40)
FIELDS = b"Host: km0\r\nContent-Type: text/plain\r\nX: y\r\n"
REST = b" HTTP/1.1\r\n" + FIELDS + b"\r\n"
FIRST = b"GET /first" + REST
PIECES = st.sampled_from(
    [
        *[b"GET ", b"POST ", b"HEAD ", b"get ", b"/", b"/a?b=%20", b"*", b" ", b"\t", b"#", b"@", b"\0", b"\xff", b'"'],
        *[REST, b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b"\r\n", b"\n", b"\r", FIELDS, b"a" * 45, b"http://km0/a", b"\x7f"],
    ]
)
WHOLE = st.sampled_from([b"GET /a" + REST, b"GET /" + b"b" * 40 + REST, b"GET /c" + REST + b"GET /d" + REST])


def usual(like: bytes = FIRST) -> UsualRequest:
    """Return what has been shown a request that the parser takes."""
    reader = RequestReader(EdgeLimits())
    reader.take(like)
    received = reader.next()
    assert isinstance(received, Received)
    known = UsualRequest()
    known.learn(like, received)
    return known


def outcomes(reader: RequestReader, octets: bytes) -> list[Received | Response]:
    reader.take(octets)
    found: list[Received | Response] = []
    while (outcome := reader.next()) is not None:
        found.append(outcome)
        if isinstance(outcome, Response):
            break
    return found


def test_a_get_that_differs_in_its_target_is_read() -> None:
    known = usual()
    other = Request("GET", "/other?a=1", "text/plain")
    assert known.read(b"GET /other?a=1" + REST, 40) == Received(other, keeps_alive=True, is_1_0=False)
    first = known.read(FIRST, 40)
    assert first is not None
    assert known.read(FIRST, 40) is first


@pytest.mark.parametrize(
    "octets",
    [
        b"",
        FIRST[:-1],
        FIRST[1:],
        FIRST * 2,
        b"POST /first" + REST,
        b"GET  /first" + REST,
        b"GET *" + REST,
        b"GET /a b" + REST,
        b"GET /a\r\nHost: b" + REST,
        b"GET /\xc3\xa4" + REST,
        b"GET /a" + REST.replace(b"km0", b"km1"),
        b"GET /a" + REST.replace(b"1.1", b"1.0"),
        b"GET /" + b"a" * 40 + REST,
    ],
)
def test_whatever_else_differs_is_for_the_parser(octets: bytes) -> None:
    assert usual().read(octets, 40) is None


@pytest.mark.parametrize(
    "octets",
    [
        b"POST /a HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nConnection: close\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nContent-Length: 1\r\n\r\nx",
        b"GET /a@b HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"\r\nGET /a HTTP/1.1\r\nHost: km0\r\n\r\n",
        b"GET /a HTTP/1.1\r\nHost: km0\r\nX: " + b"y" * LONGEST_KEPT + b"\r\n\r\n",
    ],
)
def test_what_is_not_as_usual_is_not_learnt(octets: bytes) -> None:
    assert usual(octets).read(octets, 4_096) is None


def test_who_has_learnt_nothing_reads_nothing() -> None:
    assert UsualRequest().read(FIRST, 40) is None


def test_every_plain_character_is_one_that_the_parser_takes_as_it_is() -> None:
    target = b"/" + PLAIN
    (received,) = outcomes(RequestReader(EdgeLimits()), b"GET " + target + REST)
    assert isinstance(received, Received)
    assert received.request.target.encode() == target


@given(st.lists(st.lists(PIECES, max_size=4).map(b"".join) | WHOLE, max_size=4))
@example([b"GET /a" + REST[:-2], b"\r\n", b"GET /b" + REST])
@example([b"\r\n", b"GET /b" + REST, b"GET /" + b"c" * 40 + REST])
def test_a_reader_that_learns_reads_as_one_that_never_does(pieces: list[bytes]) -> None:
    learning, strict = RequestReader(LIMITS), RequestReader(LIMITS)
    for piece in (FIRST, *pieces):
        here = outcomes(learning, piece)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(UsualRequest, "read", lambda *_: None)
            assert here == outcomes(strict, piece)
        assert (learning.is_between, learning.has_unread) == (strict.is_between, strict.has_unread)
