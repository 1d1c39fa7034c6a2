"""Octets that are no plain HTTP/1.1 request, or pretend to be somebody's: refused, and never more than 4xx or 503."""

from __future__ import annotations

import json
import select
import ssl
from contextlib import ExitStack
from typing import Final

import pytest

from keytwin.runtime.edge_limits import LIMITS
from tests.conformance.running import Network, nothing_consumed
from tests.conformance.speaking import JSON, Answer, Sae, read
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
IDLE: Final = 1_000
TEN_MEGABYTES: Final = 10_000_000

IDENTITIES: Final = (
    *("X-SAE-ID", "X-Sae-Id", "SAE-ID", "X-KME-ID", "X-Forwarded-Client-Cert", "X-Client-Cert", "X-SSL-Client-Cert"),
    *("X-SSL-Client-S-DN", "X-SSL-Client-Verify", "SSL_CLIENT_S_DN_CN", "X-Client-CN", "Client-Cert", "Forwarded"),
    *("X-Forwarded-For", "X-Real-IP", "X-Remote-User", "Remote-User", "Authorization", "X-User", "From", "Cookie"),
)


@invariant("Z2")
@invariant("K4")
@clause(DOCUMENT, "5.1")
def test_no_header_says_who_asks(line: Network) -> None:
    """The stranger's certificate counts, whatever it writes: by all names at once, in all the forms they may take."""
    slave, stranger = line.sae("near-b"), line.sae("other-b")
    (key_id,) = got = line.sae("near-a").take()
    forms = (
        "near-b",
        "CN=near-b",
        "sae/near-b",
        f"spiffe://{line.told.network}/sae/near-b",
        "URI=spiffe://x;By=near-b",
    )
    with nothing_consumed(line, line.sae("near-a")):
        for form in forms:
            headers = dict.fromkeys(IDENTITIES, form)
            answer = stranger.ask("GET", f"{slave.path('dec_keys')}?key_ID={key_id}", None, headers)
            assert answer.status == 401
            status = stranger.ask("GET", stranger.path("status"), None, headers)
            assert status.json["master_SAE_ID"] == stranger.name
    assert slave.ask("GET", f"{slave.path('dec_keys')}?key_ID={key_id}", None, {"X-SAE-ID": "other-b"}).status == 200
    assert len(got) == 1


def post(sae: Sae, headers: str, body: bytes) -> Answer:
    """POST a key request with these header lines."""
    head = f"POST {sae.path('enc_keys')} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n{headers}\r\n"
    return sae.raw(head.encode("latin-1") + body)


BODY: Final = b'{"number": 1}'
CHUNKED: Final = b"d\r\n" + BODY + b"\r\n0\r\n\r\n"
SMUGGLED: Final = {
    "length and chunked": ("Content-Length: 13\r\nTransfer-Encoding: chunked\r\n", CHUNKED),
    "chunked and length": ("Transfer-Encoding: chunked\r\nContent-Length: 13\r\n", CHUNKED),
    "two lengths": ("Content-Length: 13\r\nContent-Length: 14\r\n", BODY),
    "the same length twice": ("Content-Length: 13\r\nContent-Length: 13\r\n", BODY),
    "a list of lengths": ("Content-Length: 13, 13\r\n", BODY),
    "a signed length": ("Content-Length: +13\r\n", BODY),
    "a negative length": ("Content-Length: -13\r\n", BODY),
    "a hexadecimal length": ("Content-Length: 0xd\r\n", BODY),
    "another coding": ("Transfer-Encoding: gzip, chunked\r\n", CHUNKED),
    "a coding that is none": ("Transfer-Encoding: xchunked\r\n", CHUNKED),
    "identity": ("Transfer-Encoding: identity\r\n", BODY),
    "space before the colon": ("Content-Length : 13\r\n", BODY),
    "a folded line": ("X-A: b\r\n c\r\nContent-Length: 13\r\n", BODY),
    "a bare line feed in a chunk": ("Transfer-Encoding: chunked\r\n", b"d\n" + BODY + b"\n0\n\n"),
    "a chunk size that is none": ("Transfer-Encoding: chunked\r\n", b"-d\r\n" + BODY + b"\r\n0\r\n\r\n"),
    "another host": ("Host: elsewhere\r\nContent-Length: 13\r\n", BODY),
    "an upgrade": ("Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 13\r\n", BODY),
    "an expectation": ("Expect: miracles\r\nContent-Length: 13\r\n", BODY),
    "NUL in a header": ("X-A: \0\r\nContent-Length: 13\r\n", BODY),
}


@invariant("Z2")
@invariant("K9")
@pytest.mark.parametrize("how", SMUGGLED)
def test_a_request_that_could_be_read_in_two_ways_is_refused(line: Network, how: str) -> None:
    sae = line.sae("near-a")
    with nothing_consumed(line, sae):
        assert post(sae, *SMUGGLED[how]).status in {400, 417}


def test_length_or_chunks_alone_are_taken(line: Network) -> None:
    sae = line.sae("near-a")
    assert post(sae, "Content-Length: 13\r\n", BODY).status == 200
    assert post(sae, "Transfer-Encoding: chunked\r\n", CHUNKED).status == 200


NO_HTTP: Final = (
    b"\x16\x03\x01\x00\x05hello\r\n\r\n",
    b"GET / HTTP/2.0\r\nHost: x\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    b"GET /\r\n\r\n",
    b"GET  / HTTP/1.1\r\nHost: x\r\n\r\n",
    b"GET / HTTP/1.1\r\n\r\n",
    b"GET \xff HTTP/1.1\r\nHost: x\r\n\r\n",
    b"\0" * 64 + b"\r\n\r\n",
)


@invariant("Z9")
@pytest.mark.parametrize("octets", NO_HTTP, ids=range(len(NO_HTTP)))
def test_what_is_no_http_1_1_is_a_bad_request(line: Network, octets: bytes) -> None:
    assert line.sae("near-a").raw(octets).status in {400, 404}


@invariant("Z9")
@invariant("K9")
def test_what_is_too_large_is_refused(line: Network) -> None:
    sae, host = line.sae("near-a"), b"Host: localhost\r\n"
    get = f"GET {sae.path('enc_keys')}".encode()
    with nothing_consumed(line, sae):
        assert sae.raw(get + b"?number=" + b"1" * LIMITS.target + b" HTTP/1.1\r\n" + host + b"\r\n").status == 414
        assert sae.raw(get + b" HTTP/1.1\r\n" + host + b"X-A: " + b"a" * LIMITS.head + b"\r\n\r\n").status == 431
        assert sae.raw(get + b" HTTP/1.1\r\n" + host + b"X-A: b\r\n" * LIMITS.lines + b"\r\n").status == 431
        assert post(sae, f"Content-Length: {LIMITS.body + 1}\r\n", b"").status == 413


@invariant("Z9")
@invariant("K9")
@pytest.mark.parametrize("is_chunked", [False, True], ids=["length", "chunked"])
def test_ten_megabytes_are_refused_without_being_taken_in(line: Network, is_chunked: bool) -> None:  # noqa: FBT001  # a parameter of pytest
    sae = line.sae("near-a")
    sent = 0
    with nothing_consumed(line, sae), sae.joined() as sock:
        coding = "Transfer-Encoding: chunked" if is_chunked else f"Content-Length: {TEN_MEGABYTES}"
        head = f"POST {sae.path('enc_keys')} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {JSON}\r\n{coding}\r\n\r\n"
        sock.sendall(head.encode())
        piece = b"4000\r\n" + b" " * 0x4000 + b"\r\n" if is_chunked else b" " * 0x4000
        while sent < TEN_MEGABYTES and not select.select([sock], [], [], 0)[0]:
            try:
                sent += sock.send(piece)
            except (ConnectionError, ssl.SSLError):
                break  # it has stopped listening
        assert read(sock).status == 413
    assert sent < TEN_MEGABYTES
    assert sae.take()


def test_requests_in_a_row_are_answered_in_their_order(line: Network) -> None:
    sae = line.sae("near-a")
    with sae.joined() as sock:
        for method in ("status", "enc_keys", "status"):
            sock.sendall(f"GET {sae.path(method)} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        with sock.makefile("rb") as stream:
            bodies = [_next_body(stream) for _ in range(3)]
    assert [("key_size" in body, "keys" in body) for body in bodies] == [(True, False), (False, True), (True, False)]


def _next_body(stream: object) -> dict[str, object]:
    length = 0
    while (row := stream.readline()) != b"\r\n":  # type: ignore[attr-defined]  # a buffered reader of the socket
        name, _, value = row.partition(b":")
        length = int(value) if name.lower() == b"content-length" else length
    body = json.loads(stream.read(length))  # type: ignore[attr-defined]  # the same
    assert isinstance(body, dict)
    return body


@pytest.mark.slow
@invariant("Z9")
@invariant("K9")
def test_a_header_that_trickles_in_is_refused_when_its_time_is_over(line: Network) -> None:
    """One octet whenever the key manager has not answered for a moment: there are octets left when it does."""
    sae = line.sae("near-a")
    request = f"GET {sae.path('enc_keys')} HTTP/1.1\r\nHost: localhost\r\nX-A: ".encode() + b"a" * 4_000
    sent = 0
    with nothing_consumed(line, sae), sae.joined() as sock:
        while not select.select([sock], [], [], 0.05)[0]:
            sock.sendall(request[sent : sent + 1])
            sent += 1
        assert read(sock).status == 408
    assert 0 < sent < len(request)


@pytest.mark.slow
@invariant("Z9")
def test_a_thousand_idle_connections_disturb_nobody(line: Network) -> None:
    master, slave = line.sae("near-a"), line.sae("near-b")
    client = master.context()
    with ExitStack() as held:
        idle = [_shaken(held, client, master) for _ in range(IDLE)]
        for _ in range(5):
            assert slave.fetch(*(got := master.take(10))) == got
        asking = held.enter_context(master.joined())
        asking.sendall(f"GET {master.path('status')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        assert read(asking).status == 200
        closed, _, _ = select.select([], [], [], 0)
        assert not closed
        for sock in (idle[0], idle[-1]):  # they were kept, the oldest too
            sock.sendall(f"GET {master.path('status')} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            assert read(sock).status == 200


def _shaken(held: ExitStack, client: ssl.SSLContext, sae: Sae) -> ssl.SSLSocket:
    return held.enter_context(client.wrap_socket(sae.socket(), server_hostname=sae.address[0]))
