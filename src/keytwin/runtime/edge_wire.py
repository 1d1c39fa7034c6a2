"""Answers as octets (RFC 9112 clause 4), head and body in one piece."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from functools import lru_cache
from http import HTTPStatus
from typing import Final

from keytwin.runtime.edge_tls import TlsWire
from keytwin.runtime.edge_usual import Received
from keytwin.service.http import Header, Response

KEEPS: Final[Header] = ("Connection", "keep-alive")  # only HTTP/1.0 needs to be told
CLOSES: Final[Header] = ("Connection", "close")
_HEADS: Final = 512  # kept ready: a status with its fields, among them each second of Retry-After
_SECOND: Final = timedelta(seconds=1)


class DateLine:
    """The Date of answers (RFC 9110 clause 6.6.1), made once a second."""

    __slots__ = ("_line", "_now", "_until")

    def __init__(self) -> None:
        self._line = b""
        self._now: datetime | None = None
        self._until = datetime.fromtimestamp(0, UTC)

    def at(self, now: datetime) -> bytes:
        """Return the line; a clock that was set back corrects it within a second of its own."""
        if now is self._now:  # a clock that is read once a turn
            return self._line
        self._now = now
        if not self._until - _SECOND <= now < self._until:
            whole = now.astimezone(UTC).replace(microsecond=0)
            self._line = f"Date: {format_datetime(whole, usegmt=True)}\r\n".encode("ascii")
            self._until = whole + _SECOND
        return self._line


def octets_of(response: Response, received: Received | None, date: bytes, *, is_last: bool) -> bytes | bytearray:
    """Return what to write; a bytearray holds key and is to be overwritten after. `received` None = no whole request.

    A body with key is wiped here: its octets are in what is returned, and nowhere else.
    """
    extra: tuple[Header, ...] = ()
    if is_last:
        extra = (CLOSES,)
    elif received is not None and received.is_1_0:
        extra = (KEEPS,)
    body = response.body
    head = b"%bContent-Length: %d\r\n%b\r\n" % (_head(response.status, response.headers + extra), len(body), date)
    if received is not None and received.request.method == "HEAD":
        response.wipe()
        return head
    if isinstance(body, bytes):
        return head + body
    whole = bytearray(head)
    whole += body  # it may move first, and holds no key then
    response.wipe()
    return whole


def transmit(wire: TlsWire, response: Response, received: Received | None, date: bytes, *, is_last: bool) -> None:
    """Write an answer, if the peer is still there; no octet of a key in it is left in the clear."""
    octets = octets_of(response, received, date, is_last=is_last)
    wire.write(octets)
    if isinstance(octets, bytearray):
        octets[:] = bytes(len(octets))


@lru_cache(maxsize=_HEADS)
def _head(status: int, headers: tuple[Header, ...]) -> bytes:
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}", *(f"{name}: {value}" for name, value in headers)]
    assert not any("\r" in line or "\n" in line for line in lines), "a face wrote a header that ends its line"
    return "".join(f"{line}\r\n" for line in lines).encode("latin-1")
