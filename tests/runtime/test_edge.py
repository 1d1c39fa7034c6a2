"""A face over real TLS: who is let in, as whom, and what is answered in which order."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
import uvloop

from keytwin.runtime.edge import Edge
from keytwin.runtime.edge_connection import EdgeSetup
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import client_context, renew_revoked
from keytwin.service.conversation import Conversation, Question
from keytwin.service.http import JSON, Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused, PoolUnknown
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Duration
from tests.fakes.asker import ScriptedAsker, always, never
from tests.marks import clause, invariant
from tests.runtime.edges import GET, LAST, LIMITS, HalfClosed, Peer, Place, answers, refused, until
from tests.runtime.papers import DAY, NOW, OPERATOR, SAE, Paper, signer_of
from tests.service.asking import FIRST_ID, key

HTTP = "RFC 9112"
TLS12, TLS13 = ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3
BOTH = pytest.mark.parametrize("version", [TLS12, TLS13], ids=["1.2", "1.3"])
REPLY = PoolUnknown("face-1")
BIG = b"k" * 300_000


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place.made_in(tmp_path)


def in_version(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = context.maximum_version = version
    return context


def asking(name: str, request: Request, request_id: str) -> Conversation:
    """A face that asks two elements, and tells what the second replied."""
    del name
    yield Question(ElementName("sae/a"), PoolUnknown(request_id))
    reply = yield Question(ElementName("km/km0"), PoolUnknown(request_id))
    return Response(200, (("Content-Type", JSON),), bytearray(f'"{request.target} {type(reply).__name__}"', "ascii"))


def of_elements(place: Place, reply: Callable[[Question], Message | None] | None = None) -> EdgeSetup:
    place.asker = ScriptedAsker(reply or (lambda question: question.message))
    return replace(place.setup(), face=asking)


# --- who is let in ----------------------------------------------------------------------------------------------------


@invariant("Z2")
@BOTH
@pytest.mark.parametrize("loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"])
def test_a_peer_is_who_its_certificate_says(
    place: Place, version: ssl.TLSVersion, loop: Callable[[], asyncio.AbstractEventLoop]
) -> None:
    context = in_version(place.context(), version)

    def talk(port: int) -> None:
        with Peer.joined(port, context) as peer:
            first = peer.say(GET).answer()
            assert (first.status, first.told["name"], first.told["target"]) == (200, "app01-a", "/a")
            (last,) = answers(peer.say(LAST).heard())
            assert last.told["target"] == "/last"

    place.run(place.setup(), talk, loop)
    assert place.failures == []


@invariant("Z1")
@BOTH
@pytest.mark.parametrize("case", ["none", "foreign", "expired", "revoked"])
def test_who_has_no_good_certificate_is_refused_by_tls(
    place: Place, version: ssl.TLSVersion, case: str, tmp_path: Path
) -> None:
    setup = place.setup()
    if case == "none":
        context = ssl.create_default_context(cafile=str(place.authority.trusted))
        alert = "alert"
    elif case == "foreign":
        context = client_context(Authority.create(tmp_path / "other", "star6", NOW).issue(SAE, NOW))
        context.load_verify_locations(cafile=str(place.authority.trusted))
        context.verify_flags &= ~ssl.VERIFY_CRL_CHECK_LEAF
        alert = "unknown ca"
    elif case == "expired":
        paper = Paper(start=NOW - 2 * DAY, end=NOW - DAY)
        context = client_context(paper.filed(tmp_path / "old", place.authority, signer_of(tmp_path / "pki")))
        alert = "certificate expired"
    else:
        context = place.context()
        place.authority.revoke_identity(SAE, NOW)
        renew_revoked(setup.context, place.authority.revoked)
        alert = "certificate revoked"

    def first_read(port: int) -> None:
        with Peer.joined(port, in_version(context, version)) as peer:
            peer.socket.recv(100)  # in TLS 1.3 it is here that the refusal shows

    def talk(port: int) -> str:
        with pytest.raises(ssl.SSLError) as refusal:
            first_read(port)
        return str(refusal.value)

    assert alert in place.run(setup, talk, uvloop.new_event_loop).lower()
    assert place.statistics is not None
    assert (place.statistics.requests, place.statistics.failed_handshakes) == (0, 1)


@invariant("Z1")
@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1])
def test_older_versions_of_tls_are_refused(place: Place, version: ssl.TLSVersion) -> None:
    context = place.context()
    with pytest.warns(DeprecationWarning, match="TLSv1"):
        context.minimum_version = context.maximum_version = version
    context.set_ciphers("ALL:@SECLEVEL=0")

    def talk(port: int) -> None:
        with pytest.raises(ssl.SSLError):
            Peer.joined(port, context)

    place.run(place.setup(), talk)


@invariant("Z2")
def test_another_role_is_unauthorised_and_learns_nothing(place: Place) -> None:
    context = place.context(OPERATOR)

    def talk(port: int) -> None:
        with Peer.joined(port, context) as peer:
            for _ in range(2):
                answer = peer.say(GET).answer()
                assert (answer.status, answer.body, "Content-Type" in answer.headers) == (401, b"", False)

    place.run(place.setup(), talk)


@invariant("Z2")
def test_headers_that_name_somebody_else_are_not_looked_at(place: Place) -> None:
    headers = b"".join(
        b"%b: app45-a\r\n" % name
        for name in (b"X-SAE-ID", b"X-Client-Cert", b"X-SSL-Client-S-DN", b"Forwarded", b"X-Forwarded-For", b"Cookie")
    )
    (answer,) = place.said(b"GET /a HTTP/1.1\r\nHost: app45-a\r\nAuthorization: Basic YXBwNDU6\r\n" + headers
                           + b"Connection: close\r\n\r\n")  # fmt: skip
    assert answer.told["name"] == "app01-a"
    assert b"app45" not in answer.body


@invariant("Z1")
def test_a_certificate_of_another_network_ends_the_connection(place: Place, tmp_path: Path) -> None:
    paper = Paper(names=())
    context = client_context(paper.filed(tmp_path / "x", place.authority, signer_of(tmp_path / "pki")))

    def talk(port: int) -> bytes:
        with Peer.joined(port, context) as peer:
            return peer.say(GET).heard()

    assert place.run(place.setup(), talk) == b""
    assert place.statistics is not None
    assert (place.statistics.strangers, place.statistics.requests) == (1, 0)


@invariant("Z1")
@BOTH
def test_who_is_revoked_while_connected_is_answered_no_more(place: Place, version: ssl.TLSVersion) -> None:
    context = in_version(place.context(), version)

    def talk(port: int) -> bytes:
        with Peer.joined(port, context) as peer:
            assert peer.say(GET).answer().status == 200
            place.authority.revoke_identity(SAE, NOW)
            return peer.say(GET).heard()

    assert place.run(place.setup(), talk) == b""


@invariant("Z1")
def test_whose_certificate_ends_while_connected_is_answered_no_more(place: Place) -> None:
    context, clock = place.context(), [NOW]

    def talk(port: int) -> bytes:
        with Peer.joined(port, context) as peer:
            assert peer.say(GET).answer().status == 200
            clock[0] = NOW + timedelta(days=2)
            return peer.say(GET).heard()

    assert place.run(place.at(lambda: clock[0]), talk) == b""


def test_the_connections_of_one_identity_are_closed_and_of_no_other(place: Place) -> None:
    contexts = [place.context(), place.context(Identity(Role.SAE, "app01-b"))]

    async def scene() -> tuple[bytes, int]:
        edge = Edge(place.setup())
        await edge.listen("127.0.0.1", 0)
        peers = [await asyncio.to_thread(Peer.joined, edge.port, context) for context in contexts]
        for peer in peers:
            await asyncio.to_thread(peer.ask)
        edge.close_connections_of(SAE)
        heard = await asyncio.to_thread(peers[0].heard)
        status = (await asyncio.to_thread(peers[1].ask)).status
        for peer in peers:
            peer.socket.close()
        await edge.close()
        return heard, status

    assert asyncio.run(scene()) == (b"", 200)


# --- what is answered -------------------------------------------------------------------------------------------------


@clause(HTTP, "9.3.2")
def test_pipelined_requests_are_answered_one_after_the_other_in_their_order(place: Place) -> None:
    wanted = [f"/{number}" for number in range(40)]
    octets = b"".join(f"GET {target} HTTP/1.1\r\nHost: km0\r\n\r\n".encode() for target in wanted)
    assert [each.told["target"] for each in place.said(octets + LAST)] == [*wanted, "/last"]
    asked = place.said(octets + LAST, setup=of_elements(place))
    assert [each.body.decode().split()[0].strip('"') for each in asked] == [*wanted, "/last"]
    assert place.failures == []


@invariant("Z9")
def test_one_request_at_a_time_is_with_the_elements_however_many_were_sent(place: Place) -> None:
    setup, context = of_elements(place, never), place.context()

    async def scene() -> list[str]:
        edge = Edge(setup)
        await edge.listen("127.0.0.1", 0)
        peer = await asyncio.to_thread(Peer.joined, edge.port, context)
        await asyncio.to_thread(peer.say, GET * 5_000 + LAST)
        for _ in range(4):
            await until(lambda: place.asker.held)
            assert len(place.asker.held) == 1
            place.asker.release(REPLY)
        peer.socket.close()
        await edge.close()
        return [
            question.message.request_id for question in place.asker.asked if isinstance(question.message, PoolUnknown)
        ]

    assert asyncio.run(scene())[:4] == ["face-1", "face-1", "face-2", "face-2"]
    assert place.asker.forgotten == ["face-3"]


def test_questions_are_answered_at_once_or_later_alike(place: Place) -> None:
    (answer,) = place.said(LAST, setup=of_elements(place))
    assert answer.body == b'"/last PoolUnknown"'
    assert [question.to for question in place.asker.asked] == ["sae/a", "km/km0"]


@clause(HTTP, "9.3")
@pytest.mark.parametrize(
    ("head", "connection"),
    [
        (b"GET /a HTTP/1.1\r\nHost: km0\r\nConnection: close\r\n\r\n", "close"),
        (b"GET /a HTTP/1.0\r\n\r\n", "close"),
        (b"GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", "keep-alive"),
        (b"GET /a HTTP/1.1\r\nHost: km0\r\n\r\n", None),
    ],
)
def test_a_connection_is_kept_or_closed_as_the_version_and_the_peer_say(
    place: Place, head: bytes, connection: str | None
) -> None:
    found = place.said(head + LAST)
    assert found[0].headers.get("Connection") == connection
    assert len(found) == (1 if connection == "close" else 2)


@clause("RFC 9110", "9.3.2")
def test_the_answer_to_head_has_no_body_and_says_how_long_it_would_be(place: Place) -> None:
    context = place.context()

    def talk(port: int) -> None:
        with Peer.joined(port, context) as peer:
            octets = peer.say(b"HEAD /a HTTP/1.1\r\nHost: km0\r\nConnection: close\r\n\r\n").heard()
            head, _, body = octets.partition(b"\r\n\r\n")
            assert b"Content-Length: 91" in head
            assert body == b""

    place.run(place.setup(), talk)


@clause("RFC 9110", "10.1.1")
def test_a_body_is_asked_for_when_the_peer_waits_to_be_asked(place: Place) -> None:
    context = place.context()
    head = b"POST /a HTTP/1.1\r\nHost: km0\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n"

    def talk(port: int) -> None:
        with Peer.joined(port, context) as peer:
            assert peer.say(head).socket.recv(100) == b"HTTP/1.1 100 Continue\r\n\r\n"
            assert peer.say(b"{}").answer().told["body"] == "{}"
            whole = peer.say(head + b"{}").answer()  # nobody waits: nothing is asked for
            assert whole.status == 200

    place.run(place.setup(), talk)


@clause("RFC 9110", "6.6.1")
def test_answers_are_dated(place: Place) -> None:
    (answer,) = place.said(LAST)
    assert answer.headers["Date"] == NOW.strftime("%a, %d %b %Y %H:%M:%S GMT")


@invariant("Z5")
def test_a_large_answer_reaches_a_slow_reader_whole_though_it_was_overwritten(place: Place) -> None:
    bodies: list[bytearray] = []

    def face(name: str, request: Request, request_id: str) -> Response:
        del name, request, request_id
        bodies.append(bytearray(BIG))
        return Response(200, (), bodies[-1])

    found = place.said(GET, GET, LAST, setup=replace(place.setup(), face=face))
    assert [each.body == BIG for each in found] == [True] * 3
    assert all(body == bytes(len(BIG)) for body in bodies)


# --- what goes wrong --------------------------------------------------------------------------------------------------


@invariant("Z9")
@pytest.mark.parametrize("where", ["face", "conversation", "asker", "reply"])
def test_our_own_bug_is_503_and_ends_that_connection_alone(place: Place, where: str) -> None:
    def broken(name: str, request: Request, request_id: str) -> Conversation | Response:
        assert name == "app01-a"
        if request.target == "/last":
            return Response(204)
        if where == "face":
            raise ZeroDivisionError
        return conversation(request_id)

    def conversation(request_id: str) -> Conversation:
        yield Question(ElementName("x"), PoolUnknown(request_id))
        raise Violation("a reply that does not fit")

    def reply(question: Question) -> Message | None:
        if where == "asker":
            raise ZeroDivisionError
        return question.message if where == "conversation" else KeyDelivered("x", (late,))

    late = key(FIRST_ID, bytes(32))
    place.asker = ScriptedAsker(reply)
    setup, contexts = replace(place.setup(), face=broken), [place.context(), place.context()]

    def talk(port: int) -> None:
        with Peer.joined(port, contexts[0]) as peer:
            assert refused(answers(peer.say(GET).heard()), 503) == "temporarily unavailable"
        with Peer.joined(port, contexts[1]) as peer:
            assert peer.say(LAST).answer().status == 204

    place.run(setup, talk)
    assert len(place.failures) == 1


@invariant("Z5")
def test_when_the_peer_goes_the_elements_are_told_and_a_late_key_is_wiped(place: Place) -> None:
    setup, context, late = of_elements(place, never), place.context(), key(FIRST_ID, bytes(32))

    async def scene() -> None:
        edge = Edge(setup)
        await edge.listen("127.0.0.1", 0)
        peer = await asyncio.to_thread(Peer.joined, edge.port, context)
        await asyncio.to_thread(peer.say, GET)
        await until(lambda: place.asker.held)
        peer.socket.close()
        await until(lambda: place.asker.forgotten)
        place.asker.release(KeyDelivered("face-1", (late,)))
        await edge.close()

    asyncio.run(scene())
    assert place.asker.forgotten == ["face-1"]
    assert late.material.is_wiped
    assert place.failures == []


@clause("RFC 8446", "6.1")
def test_a_peer_that_sends_no_more_is_still_answered(place: Place) -> None:
    setup, context = of_elements(place, never), place.context()

    async def scene() -> bytes:
        edge = Edge(setup)
        await edge.listen("127.0.0.1", 0)
        peer = await asyncio.to_thread(HalfClosed, edge.port, context)
        for _ in range(2):
            await until(lambda: place.asker.held)
            place.asker.release(REPLY)
        heard = await asyncio.to_thread(peer.heard)
        await edge.close()
        return heard

    assert [answer.body for answer in answers(asyncio.run(scene()))] == [b'"/a PoolUnknown"']


@pytest.mark.parametrize("answer_late", [False, True])
def test_a_face_can_be_made_to_misbehave(place: Place, *, answer_late: bool) -> None:
    held: list[Callable[[Response], None]] = []

    def misbehave(response: Response, write: Callable[[Response], None]) -> None:
        held.append(write)
        if not answer_late:
            write(Response(200, response.headers, b'"other"'))

    limits = replace(LIMITS, answer_seconds=0.05)
    (answer,) = place.said(LAST, setup=replace(place.setup(limits), misbehave=misbehave))
    assert (answer.status, answer.body[:7]) == ((503, b'{"messa') if answer_late else (200, b'"other"'))
    late = Response(200, (), bytearray(b"key"))
    held[0](late)
    assert late.body == bytes(3), "whose time is over is wiped"


def test_a_refusal_of_the_elements_is_an_answer_as_any_other(place: Place) -> None:

    (answer,) = place.said(
        LAST, setup=of_elements(place, always(KeyRefused("face-1", Reason.KEY_UNKNOWN, Duration(0))))
    )
    assert answer.body == b'"/last KeyRefused"'
