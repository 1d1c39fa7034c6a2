"""Faces that do wrong on purpose, so that whoever builds a client of ETSI GS QKD 014 or SKIP sees how it bears it.

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

LAST_DIGITS: Final = ((b'"key_ID":"', 35), (b'"keyId":"', 31))
"""What stands before an identifier of either face, and where from there its last digit is."""
OTHER: Final = {ord(digit): ord(other) for digit, other in zip("0123456789abcdef", "123456789abcdef0", strict=True)}
WITH_KEYS: Final = ("/enc_keys", "/dec_keys")
SKIP_KEY: Final = "/key"


def empty(face: Face) -> Face:
    """Return a face whose pools are always empty: 503 to every request for keys, and a status that says so."""

    def told(name: str, request: Request, request_id: RequestId) -> Conversation | Response:
        path = request.path
        if path.endswith(WITH_KEYS) or path == SKIP_KEY or path.startswith(f"{SKIP_KEY}/"):
            return error(503, INSUFFICIENT_KEYS, ("stored_key_count", 0), headers=(("Retry-After", "1"),))
        answer = face(name, request, request_id)
        return _altered(answer, _without_stock) if path.endswith("/status") else answer

    return told


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
        for before, last in LAST_DIGITS:
            found = body.find(before)
            while found >= 0:
                digit = found + len(before) + last
                body[digit] = OTHER[body[digit]]
                found = body.find(before, digit)
    return response
