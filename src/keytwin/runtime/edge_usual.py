"""The GET that a peer sends again and again, read by comparison; anything else is left to the parser.

RFC 9112. A request that differs in its target alone from one that the parser took whole, and in that only by characters
that need no look, has but one reading: so nothing is taken here that the parser would refuse, or read in another way.
Tests compare the two.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import msgspec

from keytwin.service.http import Request

START: Final = b"GET /"
VERSION: Final = b" HTTP/1.1\r\n"
PLAIN: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/?=&%"  # RFC 3986, some
LONGEST_KEPT: Final = 1_024  # octets: what is kept of a connection takes little room


class Received(msgspec.Struct, frozen=True, gc=False):
    """A whole request, and what its answer has to know of it."""

    request: Request
    keeps_alive: bool
    is_1_0: bool


class _Known(NamedTuple):
    """A request as it came, what follows its target, and what it said."""

    octets: bytes
    end: bytes
    received: Received


class UsualRequest:
    """What one peer sends; it knows none before it has learnt one."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: _Known | None = None

    def read(self, octets: bytes, longest: int) -> Received | None:
        """Read one request that is all of some octets, with a target of at most so many; None = ask the parser."""
        if self._known is None:
            return None
        known, end, received = self._known
        if octets == known:
            return received
        if not (octets.endswith(end) and octets.startswith(START)):
            return None
        target = octets[len(START) - 1 : -len(end)]
        if len(target) > longest or not _is_plain(target):
            return None
        like = received.request
        request = Request(like.method, target.decode("ascii"), like.content_type, like.content_encoding)
        return Received(request, keeps_alive=True, is_1_0=False)

    def learn(self, octets: bytes, received: Received) -> None:
        """Note what the parser has made of some octets and of nothing before or after them."""
        if not (octets.startswith(START) and received.keeps_alive and len(octets) <= LONGEST_KEPT):
            return
        target, version, _ = octets[len(START) - 1 :].partition(VERSION)
        if version and _is_plain(target) and not received.request.body:
            self._known = _Known(octets, octets[len(START) - 1 + len(target) :], received)


def _is_plain(target: bytes) -> bool:
    return not target.translate(None, PLAIN)
