"""HTTP as the faces see it: what is asked and what is answered, as values. RFC 9110; RFC 3986 clause 2.1.

The transport makes a `Request` of what it has read and writes a `Response`. Who asks is in neither: the identity comes
from the certificate alone.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final
from urllib.parse import unquote

import msgspec

from keytwin.service.strict_json import LONGEST_INTEGER
from keytwin.vocabulary.errors import Mistake

Header = tuple[str, str]

JSON: Final = "application/json"
NO_STORE: Final[Header] = ("Cache-Control", "no-store")

_MALFORMED: Final = re.compile(r"%(?![0-9A-Fa-f]{2})")
_CHARSET: Final = re.compile(r'charset="?utf-8"?', flags=re.ASCII | re.IGNORECASE)
# No sign, no space, no leading zero, no digit of another script: one number, one spelling.
_INTEGER: Final = re.compile(rf"0|[1-9][0-9]{{0,{LONGEST_INTEGER - 1}}}", flags=re.ASCII)


# Structs of msgspec and no dataclasses: two of each are made for a pair of keys, in a fifth of the time.
class Request(msgspec.Struct, frozen=True, gc=False):
    """One request; `target` as it came, still percent-encoded, so that it is decoded once and only here."""

    method: str
    target: str
    content_type: str = ""
    content_encoding: str = ""
    body: bytes = b""

    def __repr__(self) -> str:
        return f"Request({self.method!r}, {self.target!r}, {self.content_type!r}, {self.content_encoding!r})"

    @property
    def path(self) -> str:
        """What comes before the question mark, still percent-encoded: an encoded slash separates nothing."""
        return self.target.partition("?")[0]

    @property
    def query(self) -> str:
        """What follows the question mark, still percent-encoded."""
        return self.target.partition("?")[2]

    @property
    def is_json(self) -> bool:
        """Whether the body is declared as plain JSON in UTF-8: no other charset, not compressed."""
        kind, *parameters = (part.strip() for part in self.content_type.split(";"))
        is_plain = self.content_encoding.strip().lower() in {"", "identity"}
        return kind.lower() == JSON and is_plain and all(map(_CHARSET.fullmatch, filter(None, parameters)))


class Response(msgspec.Struct, frozen=True, gc=False):
    """One answer. A body with key in it is a bytearray: whoever has written it wipes it."""

    status: int
    headers: tuple[Header, ...] = (NO_STORE,)
    body: bytes | bytearray = b""

    def __repr__(self) -> str:  # the body may be a key
        return f"Response({self.status!r}, {self.headers!r})"

    def wipe(self) -> None:
        """Overwrite a body that holds key; any other stays."""
        if isinstance(self.body, bytearray):
            self.body[:] = bytes(len(self.body))


def json_response(status: int, value: msgspec.Struct, *headers: Header) -> Response:
    """Return an answer that nobody may keep, with a value that holds no key."""
    return Response(status, (("Content-Type", JSON), NO_STORE, *headers), msgspec.json.encode(value))


def percent_decoded(text: str) -> str:
    """Decode a part of a target once; Mistake when an escape is broken or the octets are no UTF-8."""
    if "%" not in text:
        return text
    if _MALFORMED.search(text):
        raise Mistake("a percent sign in the target is not followed by two hexadecimal digits")
    try:
        return unquote(text, errors="strict")
    except UnicodeError:
        raise Mistake("the target does not decode to UTF-8") from None


def parameters(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query in their order; Mistake when one cannot be decoded."""
    pairs = (part.partition("=") for part in query.split("&") if part)
    return [(percent_decoded(name), percent_decoded(value)) for name, _, value in pairs]


def known_parameters(query: str, known: Collection[str]) -> dict[str, str]:
    """Return the known ones by name, the others are passed over; Mistake when one is named twice."""
    if not query:
        return {}
    pairs = [(name, value) for name, value in parameters(query) if name in known]
    given = dict(pairs)
    if len(given) != len(pairs):
        raise Mistake("the query names a parameter twice")
    return given


def parse_integer(name: str, text: str) -> int:
    """Read the value of a parameter; Mistake unless it is a number in its one spelling."""
    if not _INTEGER.fullmatch(text):
        raise Mistake(f"{name} shall be an integer in decimal digits")
    return int(text)
