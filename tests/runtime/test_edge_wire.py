"""Answers as octets: the head says what follows it, and a key stays in one place."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from keytwin.runtime.edge_usual import Received
from keytwin.runtime.edge_wire import DateLine, octets_of
from keytwin.service.http import NO_STORE, Request, Response
from tests.marks import clause, invariant

DATE = b"Date: Sun, 22 Nov 2026 15:00:00 GMT\r\n"
MOMENT = datetime(2026, 11, 22, 15, tzinfo=UTC)


def received(method: str = "GET", *, is_1_0: bool = False) -> Received:
    return Received(Request(method, "/"), keeps_alive=True, is_1_0=is_1_0)


@clause("RFC 9112", "4")
def test_an_answer_is_a_status_line_fields_and_a_body() -> None:
    octets = octets_of(Response(200, (NO_STORE,), b"{}"), received(), DATE, is_last=False)
    assert octets == (
        b"HTTP/1.1 200 OK\r\nCache-Control: no-store\r\nContent-Length: 2\r\n"
        b"Date: Sun, 22 Nov 2026 15:00:00 GMT\r\n\r\n{}"
    )


@clause("RFC 9112", "9.6")
@pytest.mark.parametrize(
    ("is_last", "is_1_0", "says"),
    [(False, False, b""), (True, False, b"close"), (True, True, b"close"), (False, True, b"keep-alive")],
)
def test_the_peer_is_told_what_it_cannot_know(says: bytes, *, is_last: bool, is_1_0: bool) -> None:
    octets = bytes(octets_of(Response(401, ()), received(is_1_0=is_1_0), DATE, is_last=is_last))
    assert (b"Connection: " + says + b"\r\n" in octets) == bool(says)
    assert octets.count(b"Connection") == bool(says)


@invariant("Z5")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_body_with_key_is_moved_and_not_copied(method: str) -> None:
    body = bytearray(b"key")
    octets = octets_of(Response(200, (), body), received(method), DATE, is_last=False)
    assert body == bytes(3)
    assert octets.endswith(b"\r\n\r\nkey") == (method == "GET")
    assert isinstance(octets, bytearray) == (method == "GET")


def test_a_face_cannot_end_a_header_line_by_mistake() -> None:
    with pytest.raises(AssertionError):
        octets_of(Response(200, (("X", "a\r\nSet-Cookie: b"),)), None, DATE, is_last=True)


@clause("RFC 9110", "5.6.7")
def test_a_date_is_that_of_its_second_in_either_direction() -> None:
    line = DateLine()
    for step in (0, 0.5, 1, 61, -3_600, 0):
        moment = (MOMENT + timedelta(seconds=step)).astimezone(timezone(timedelta(hours=2)))
        whole = moment.astimezone(UTC).strftime("%a, %d %b %Y %H:%M:%S")
        assert line.at(moment) == f"Date: {whole} GMT\r\n".encode()
