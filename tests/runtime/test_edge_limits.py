"""What a face puts up with: sizes, waits and numbers, each with its end. No test here measures a time."""

from __future__ import annotations

import asyncio
import socket
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import pytest

from keytwin.runtime.edge import Edge
from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.service.conversation import Conversation, Question
from keytwin.service.http import Request, Response
from keytwin.vocabulary.exchange_messages import PoolUnknown
from keytwin.vocabulary.identity import ElementName
from tests.marks import clause, invariant
from tests.runtime.edges import GET, LAST, LIMITS, Peer, Place, answers, refused, until

T = TypeVar("T")
SOON = 0.05  # seconds: a wait whose end a test waits for
POST = b"POST /a HTTP/1.1\r\nHost: km0\r\n"


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.made_in(tmp_path)


def waiting(name: str, request: Request, request_id: str) -> Conversation:
    """A face whose elements never reply."""
    del name, request
    yield Question(ElementName("km/km0"), PoolUnknown(request_id))
    raise AssertionError("nobody replies")


# --- sizes ------------------------------------------------------------------------------------------------------------


@clause("RFC 9112", "3")
@invariant("Z9")
def test_a_target_has_a_largest_size(place: Place) -> None:
    fits = b"GET /%b HTTP/1.1\r\nHost: km0\r\nConnection: close\r\n\r\n" % (b"a" * 4_095)
    assert [each.status for each in place.said(fits)] == [200]
    refused(place.said(b"GET /%b HTTP/1.1\r\nHost: km0\r\n\r\n" % (b"a" * 4_096)), 414)
    refused(place.said(b"GET /" + b"a" * 100_000), 414)


@clause("RFC 9112", "5")
@invariant("Z9")
@pytest.mark.parametrize(
    "lines",
    [
        b"X: y\r\n" * 70,
        b"X: %b\r\n" % (b"y" * 9_000),
        b"X: %b\r\n" % (b"y" * 4_000) * 3,
        b"%b: y\r\n" % (b"X" * 9_000),
        b"X: " + b"y" * 100_000,
    ],
)
def test_a_header_has_a_largest_size(place: Place, lines: bytes) -> None:
    refused(place.said(b"GET /a HTTP/1.1\r\nHost: km0\r\n" + lines + b"\r\n"), 431)


@clause("RFC 9112", "6.3")
@invariant("Z9")
def test_a_body_that_is_too_large_is_refused_when_its_size_is_known(place: Place) -> None:
    refused(place.said(POST + b"Content-Length: 65537\r\n\r\n"), 413)
    fits = place.said(POST + b"Content-Length: 65536\r\nConnection: close\r\n\r\n" + b" " * 65_536)
    assert [len(each.told["body"]) for each in fits] == [65_536]


@invariant("Z9")
def test_ten_megabytes_are_refused_and_not_kept(place: Place) -> None:
    refused(place.said(POST + b"Content-Length: 10000000\r\n\r\n", *[b" " * 100_000] * 100), 413)
    assert place.statistics is not None
    assert (place.statistics.requests, place.statistics.refused) == (0, 1)


@clause("RFC 9112", "7.1")
@invariant("Z9")
def test_a_body_in_chunks_is_bounded_by_what_has_come(place: Place) -> None:
    head = POST + b"Transfer-Encoding: chunked\r\n\r\n"
    refused(place.said(head, *[b"1000\r\n%b\r\n" % (b" " * 4_096)] * 17), 413)
    refused(place.said(head, b"1;" + b"x" * 200_000), 413)


@clause("RFC 9110", "10.1.1")
def test_a_body_that_is_too_large_is_never_asked_for(place: Place) -> None:
    refused(place.said(POST + b"Content-Length: 65537\r\nExpect: 100-continue\r\n\r\n"), 413)
    refused(place.said(POST + b"Content-Length: 2\r\nExpect: a-miracle\r\n\r\n"), 417)


# --- what can be read in two ways -------------------------------------------------------------------------------------


@clause("RFC 9112", "6.1")
@invariant("Z9")
@pytest.mark.parametrize(
    "octets",
    [
        POST + b"Content-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        POST + b"Transfer-Encoding: chunked\r\nContent-Length: 2\r\n\r\n0\r\n\r\n",
        POST + b"Content-Length: 2\r\nContent-Length: 2\r\n\r\n{}",
        b"\x16\x03\x01\x02\x00\x01\x00",
    ],
)
def test_what_others_would_read_differently_is_refused(place: Place, octets: bytes) -> None:
    refused(place.said(octets + GET), 400)


@clause("RFC 9112", "9.3.2")
def test_what_was_right_before_is_answered_first(place: Place) -> None:
    first, second = place.said(GET + b"nonsense\r\n\r\n" + GET)
    assert (first.status, first.closes) == (200, False)
    refused([second], 400)


# --- waits ------------------------------------------------------------------------------------------------------------


@invariant("Z9")
@pytest.mark.parametrize(
    "begun", [b"G", b"GET /a HTTP/1.1\r\nHost: km0\r\n", POST + b"Content-Length: 2\r\n\r\n{", b"\r\n"]
)
def test_a_request_that_does_not_arrive_in_time_is_refused(place: Place, begun: bytes) -> None:
    assert "too long" in refused(place.said(begun, setup=place.setup(replace(LIMITS, receipt_seconds=SOON))), 408)


@invariant("Z9")
def test_a_trickled_header_gets_no_more_time_than_any_other(place: Place) -> None:
    context = place.context()

    def talk(port: int) -> bytes:
        with Peer.joined(port, context) as peer:
            peer.socket.settimeout(0.005)
            heard = b""
            for octet in b"GET /a HTTP/1.1\r\n" + b"X: y\r\n" * 1_000:
                peer.say(bytes([octet]))
                try:
                    heard = peer.socket.recv(4_096)
                except TimeoutError:
                    continue
                break
            return heard

    octets = place.run(place.setup(replace(LIMITS, receipt_seconds=SOON)), talk)
    refused(answers(octets), 408)


@invariant("Z9")
def test_an_idle_connection_is_closed_without_a_word(place: Place) -> None:
    setup = place.setup(replace(LIMITS, idle_seconds=SOON))
    assert place.said(setup=setup) == []
    assert [each.status for each in place.said(GET, setup=setup)] == [200]


@invariant("Z9")
def test_elements_that_never_reply_are_given_up(place: Place) -> None:
    setup = replace(place.setup(replace(LIMITS, answer_seconds=SOON)), face=waiting)
    (answer,) = place.said(GET, setup=setup)
    assert answer.headers["Retry-After"] == "1"
    assert refused([answer], 503) == "timed out"
    assert place.asker.forgotten == ["face-1"]


def beside(place: Place, limits: EdgeLimits, *openings: bytes | None) -> list[str]:
    """Open connections one after the other, each saying something; tell which are answered, closed or silent then."""
    context = place.context()

    async def scene() -> list[str]:
        edge = Edge(place.setup(limits))
        await edge.listen("127.0.0.1", 0)
        peers = [await asyncio.to_thread(join, edge.port, opening) for opening in openings]
        last = await asyncio.to_thread(lambda: [state(peer) for peer in peers])
        await edge.close()
        return last

    def join(port: int, opening: bytes | None) -> Peer | None:
        try:
            peer = Peer.joined(port, context)
            if opening is not None:
                peer.say(opening)
        except OSError:
            return None
        if opening is not None and opening.endswith(b"\r\n\r\n"):
            peer.answer()
        return peer

    def state(peer: Peer | None) -> str:
        if peer is None:
            return "refused"
        with peer:
            try:
                peer.say(LAST)
                return "answered" if peer.heard() else "closed"
            except OSError:
                return "closed"

    return asyncio.run(scene())


@invariant("Z9")
def test_the_connection_that_was_idle_for_longest_makes_way_for_a_new_one(place: Place) -> None:
    limits = replace(LIMITS, connections=2)
    assert beside(place, limits, GET, GET, GET) == ["closed", "answered", "answered"]


@invariant("Z9")
def test_who_is_being_served_makes_way_for_nobody(place: Place) -> None:
    limits = replace(LIMITS, connections=1)
    # With TLS 1.3 a client has shaken hands before the server knows who it is.
    assert beside(place, limits, GET[:-2], None)[1] in {"refused", "closed"}


@invariant("Z9")
def test_whoever_is_slow_to_shake_hands_makes_way_for_newcomers_and_never_who_is_known(place: Place) -> None:
    limits, context = replace(LIMITS, newcomers=2, connections=1), place.context()

    async def scene() -> tuple[list[bytes], int, int]:
        edge = Edge(place.setup(limits))
        await edge.listen("127.0.0.1", 0)
        known = await asyncio.to_thread(Peer.joined, edge.port, context)
        await asyncio.to_thread(known.say, GET)
        await asyncio.to_thread(known.answer)
        mute = []
        for number in range(1, 5):
            mute.append(socket.create_connection(("127.0.0.1", edge.port), 20))
            await until(partial(are_open, edge, 1 + min(number, 2)))
        ends = [await asyncio.to_thread(heard, each) for each in mute[:2]]
        await asyncio.to_thread(known.say, GET)
        await asyncio.to_thread(known.answer)
        told = edge.statistics()
        for each in (known.socket, *mute):
            each.close()
        await edge.close()
        return ends, told.connections, told.failed_handshakes

    def are_open(edge: Edge, number: int) -> bool:
        return edge.statistics().connections == number

    def heard(plain: socket.socket) -> bytes:
        try:
            return plain.recv(1)
        except ConnectionError:
            return b""

    assert asyncio.run(scene()) == ([b"", b""], 3, 2)


@invariant("Z9")
def test_a_peer_that_was_refused_is_not_heard_out_for_ever(place: Place) -> None:
    """It goes on sending: soon nobody reads that, and it is closed when its moment is over."""
    limits, context = replace(LIMITS, linger_seconds=0.2), place.context()
    most = 64 * 1024 * 1024  # octets, far above what the kernel's buffers take

    def push(port: int) -> int:
        peer = Peer.joined(port, context)
        sent = 0
        with peer:
            try:
                peer.say(POST + b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n" % most)
                while sent < most:
                    peer.socket.sendall(bytes(65_536))
                    sent += 65_536
            except OSError:
                pass
        return sent

    async def scene() -> int:
        edge = Edge(place.setup(limits))
        await edge.listen("127.0.0.1", 0)
        sent = await asyncio.to_thread(push, edge.port)
        await until(lambda: not edge.statistics().connections)
        await edge.close()
        return sent

    assert asyncio.run(scene()) < most


@invariant("Z9")
def test_a_handshake_that_does_not_end_is_given_up(place: Place) -> None:
    def talk(port: int) -> bytes:
        with socket.create_connection(("127.0.0.1", port), 20) as plain:
            try:
                return plain.recv(100)
            except ConnectionError:
                return b""

    assert place.run(place.setup(replace(LIMITS, handshake_seconds=SOON)), talk) == b""
    assert place.statistics is not None
    assert place.statistics.requests == 0


@invariant("Z9")
def test_a_peer_that_reads_nothing_is_cut_off(place: Place) -> None:
    def face(name: str, request: Request, request_id: str) -> Response:
        del name, request, request_id
        return Response(200, (), b"k" * 4_000_000)

    setup, context = replace(place.setup(replace(LIMITS, drain_seconds=SOON)), face=face), place.context()

    async def scene() -> int:
        edge = Edge(setup)
        await edge.listen("127.0.0.1", 0)
        peer = await asyncio.to_thread(Peer.joined, edge.port, context)
        await asyncio.to_thread(peer.say, GET * 10)
        await until(lambda: edge.statistics().requests)
        await until(lambda: not edge.statistics().connections)
        peer.socket.close()
        served = edge.statistics().requests
        await edge.close()
        return served

    assert asyncio.run(scene()) < 10


@invariant("Z9")
def test_many_idle_connections_leave_the_face_as_quick_to_answer(place: Place) -> None:
    states = beside(place, LIMITS, *[None] * 40, GET)
    assert states == ["answered"] * 41


def test_limits_are_positive() -> None:
    with pytest.raises(AssertionError):
        EdgeLimits(body=0)
    with pytest.raises(AssertionError):
        EdgeLimits(idle_seconds=0)
