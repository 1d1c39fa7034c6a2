"""HTTP/1.1 requests out of octets, strictly: RFC 9112, parsed by llhttp. No socket, no clock.

Whatever could be read in two ways is refused. Of the header fields a request keeps the type and coding of its content:
nothing that a caller writes into a header says who it is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Final, NoReturn

from httptools import HttpParserCallbackError, HttpParserError, HttpParserUpgrade, HttpRequestParser

from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.edge_usual import Received, UsualRequest
from keytwin.service.etsi014_errors import BODY_TOO_LARGE, TARGET_TOO_LONG, error
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation

BITE: Final = 4_096  # octets parsed at a time: so many requests at most are read ahead of their turn
CONTINUES: Final = b"100-continue"
CONTINUE: Final = b"HTTP/1.1 100 Continue\r\n\r\n"

MALFORMED: Final = error(400, "the request is not HTTP/1.1")
NO_HOST: Final = error(400, "the request names no host")  # RFC 9112 clause 3.2
NO_UPGRADE: Final = error(400, "no other protocol is spoken here")
NOT_CHUNKED: Final = error(400, "the only transfer coding taken is chunked, in HTTP/1.1")
NAMED_TWICE: Final = error(400, "a header field that may be there once is there twice")
HEAD_TOO_LARGE: Final = error(431, "the header is too large")
UNEXPECTED: Final = error(417, "the only expectation met is 100-continue")

TYPE, CODING, HOST, EXPECT = b"content-type", b"content-encoding", b"host", b"expect"
LENGTH, TRANSFER = b"content-length", b"transfer-encoding"
_READ: Final = frozenset({TYPE, CODING, HOST, EXPECT, LENGTH, TRANSFER})
_LINE: Final = 4  # octets of a header line beside name and value


class RequestReader:
    """Reads the requests of one connection; after a refusal, or a request that is the last, it reads no more."""

    __slots__ = (
        "_body", "_fields", "_head", "_is_begun", "_is_in_head", "_is_last", "_limits", "_lines", "_octets", "_parser",
        "_ready", "_refusal", "_target", "_unread", "_usual", "awaits_continue",
    )  # fmt: skip

    def __init__(self, limits: EdgeLimits) -> None:
        self._limits = limits
        self._parser = HttpRequestParser(self)
        self._ready: deque[Received] = deque()
        self._refusal: Response | None = None
        self._unread: bytes | memoryview = b""
        self._usual = UsualRequest()
        self._is_last = False
        self._target = b""
        self._fields: dict[bytes, bytes] = {}
        self._body = bytearray()
        self._octets = self._head = self._lines = 0
        self._is_begun = self._is_in_head = self.awaits_continue = False

    @property
    def is_between(self) -> bool:
        """Whether nothing has come of a request that is not whole yet."""
        return not self._is_begun and not self._octets

    @property
    def has_unread(self) -> bool:
        """Whether octets wait here until the requests before them are answered."""
        return bool(self._unread)

    def take(self, octets: bytes) -> None:
        """Keep what has come until it is its turn."""
        self._unread = bytes(self._unread) + octets if self._unread else octets

    def next(self) -> Received | Response | None:
        """Return the next whole request, or why there is none and never will be, or None = more has to come."""
        while not self._ready and self._refusal is None and self._unread and not self._is_last:
            unread, self._unread = self._unread, b""
            if len(unread) > BITE:
                rest = memoryview(unread)
                unread, self._unread = rest[:BITE], rest[BITE:]
            elif isinstance(unread, bytes) and not self._is_begun and not self._octets:
                return self._usual.read(unread, self._limits.target) or self._parsed(unread)
            self._feed(unread)
        return self._ready.popleft() if self._ready else self._refusal

    def close(self) -> None:
        """Let go of the parser, which holds this reader in turn, and of all that has come."""
        del self._parser
        self._ready.clear()
        self._unread, self._is_last = b"", True

    def _parsed(self, octets: bytes) -> Received | Response | None:
        """Parse what comes between two requests; when it is one and no more, that is how the peer asks."""
        self._feed(octets)
        if self._refusal is None and len(self._ready) == 1 and self.is_between:
            self._usual.learn(octets, self._ready[0])
        return self._ready.popleft() if self._ready else self._refusal

    def _feed(self, octets: bytes | memoryview) -> None:
        self._octets += len(octets)
        try:
            self._parser.feed_data(octets)
        except HttpParserCallbackError:
            if self._refusal is None:  # our own bug, not the peer's
                raise
        except HttpParserUpgrade:
            self._refusal = NO_UPGRADE
        except HttpParserError:
            if not self._is_last:  # RFC 9112 clause 9.6: what follows the last request is not looked at
                self._refusal = MALFORMED
        most = self._limits.longest_head if self._is_in_head else self._limits.message
        if self._octets > most + BITE and self._refusal is None:
            self._refusal = HEAD_TOO_LARGE if self._is_in_head else BODY_TOO_LARGE

    # --- called by the parser -----------------------------------------------------------------------------------------

    def on_message_begin(self) -> None:
        """The first octet of a request."""
        self._is_begun = self._is_in_head = True

    def on_url(self, piece: bytes) -> None:
        """Some of the target."""
        self._target += piece
        if len(self._target) > self._limits.target:
            self._refuse(TARGET_TOO_LONG)

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header field, or a trailer field, which is counted and not kept."""
        self._lines += 1
        self._head += len(name) + len(value) + _LINE
        if self._lines > self._limits.lines or self._head > self._limits.head:
            self._refuse(HEAD_TOO_LARGE)
        name = name.lower()
        if name in _READ and self._is_in_head:
            if name in self._fields:
                self._refuse(NAMED_TWICE)
            self._fields[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole: refuse what its body would be read for in vain."""
        self._is_in_head = False
        version, fields = self._parser.get_http_version(), self._fields
        fault = NO_UPGRADE if self._parser.should_upgrade() else _fault(version, fields, self._limits.body)
        if fault is not None:
            self._refuse(fault)
        self.awaits_continue = EXPECT in fields and version == "1.1" and (LENGTH in fields or TRANSFER in fields)

    def on_body(self, piece: bytes) -> None:
        """Some of the body."""
        self._body += piece
        if len(self._body) > self._limits.body:
            self._refuse(BODY_TOO_LARGE)

    def on_message_complete(self) -> None:
        """The request is whole."""
        parser, fields = self._parser, self._fields
        keeps_alive = parser.should_keep_alive()
        request = Request(
            parser.get_method().decode("ascii"),
            self._target.decode("ascii"),
            fields.get(TYPE, b"").decode("latin-1"),
            fields.get(CODING, b"").decode("latin-1"),
            bytes(self._body),
        )
        self._ready.append(Received(request, keeps_alive, parser.get_http_version() == "1.0"))
        self._is_last = not keeps_alive
        self._target, self._fields = b"", {}
        if self._body:
            self._body = bytearray()
        self._octets = self._head = self._lines = 0
        self._is_begun = self._is_in_head = self.awaits_continue = False

    def _refuse(self, response: Response) -> NoReturn:
        self._refusal = response
        raise Violation("ends the parser's work")


def _fault(version: str, fields: Mapping[bytes, bytes], largest: int) -> Response | None:
    """Return why a head is refused; None = it is not."""
    if version not in {"1.0", "1.1"}:
        return MALFORMED
    if version == "1.1" and HOST not in fields:
        return NO_HOST
    if TRANSFER in fields and (version == "1.0" or fields[TRANSFER].strip().lower() != b"chunked"):
        return NOT_CHUNKED
    if int(fields.get(LENGTH, b"0")) > largest:  # the parser took nothing but digits
        return BODY_TOO_LARGE
    # RFC 9110 clause 10.1.1: in HTTP/1.0 an expectation is passed over.
    if version == "1.1" and fields.get(EXPECT, CONTINUES).strip().lower() != CONTINUES:
        return UNEXPECTED
    return None
