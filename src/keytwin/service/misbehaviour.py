"""Faces that do wrong on purpose, so that whoever builds a client of ETSI GS QKD 014 sees how it bears it.

Behind the face everything stays right: what an empty face refuses was never asked for, and keys under wrong identifiers
are keys that were made, saved and counted as ever.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import msgspec

from keytwin.service.conversation import Conversation, Face
from keytwin.service.etsi014_errors import INSUFFICIENT_KEYS, error
from keytwin.service.http import Request, Response
from keytwin.vocabulary.machine import RequestId

KEY_ID: Final = b'"key_ID":"'
LAST_DIGIT: Final = 35  # of a UUID's text
OTHER: Final = {ord(digit): ord(other) for digit, other in zip("0123456789abcdef", "123456789abcdef0", strict=True)}
WITH_KEYS: Final = ("/enc_keys", "/dec_keys")


def empty(face: Face) -> Face:
    """Return a face whose pools are always empty: 503 to every request for keys, and a status that says so."""

    def answer(name: str, request: Request, request_id: RequestId) -> Conversation | Response:
        if request.target.partition("?")[0].endswith(WITH_KEYS):
            return error(503, INSUFFICIENT_KEYS, ("stored_key_count", 0), headers=(("Retry-After", "1"),))
        return _altered(face(name, request, request_id), _without_stock)

    return answer


def wrong_id(face: Face) -> Face:
    """Return a face that gives out keys under identifiers that are not theirs: the peer finds none of them."""

    def answer(name: str, request: Request, request_id: RequestId) -> Conversation | Response:
        return _altered(face(name, request, request_id), _with_other_ids)

    return answer


def _altered(answer: Conversation | Response, alter: Callable[[Response], Response]) -> Conversation | Response:
    return alter(answer) if isinstance(answer, Response) else _ending(answer, alter)


def _ending(conversation: Conversation, alter: Callable[[Response], Response]) -> Conversation:
    response = yield from conversation
    return alter(response)


def _without_stock(response: Response) -> Response:
    if response.status != 200:
        return response
    told = msgspec.json.decode(response.body)
    return Response(200, response.headers, msgspec.json.encode({**told, "stored_key_count": 0}))


def _with_other_ids(response: Response) -> Response:
    """Change the last digit of every identifier in place, where the key beside it is overwritten later, too."""
    body = response.body
    if isinstance(body, bytearray):
        found = body.find(KEY_ID)
        while found >= 0:
            digit = found + len(KEY_ID) + LAST_DIGIT
            body[digit] = OTHER[body[digit]]
            found = body.find(KEY_ID, digit)
    return response
