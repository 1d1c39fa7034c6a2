"""What a face does between a request and its answer: it asks elements, and takes their replies, as values.

A conversation knows no clock and no socket. Whoever drives it sends each reply in and writes the answer it ends with.
It may be closed wherever it waits, since it holds no key there.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from typing import TypeAlias

import msgspec

from keytwin.service.http import Request, Response
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.kem_messages import KeyPairMade, SecretEncapsulated, SecretOpened
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.stream_messages import ChunkDelivered


class Question(msgspec.Struct, frozen=True, gc=False):
    """What an element is asked; all questions of one conversation carry the same request identifier."""

    to: ElementName
    message: Message


Conversation: TypeAlias = Generator[Question, Message, Response]
"""Yields questions, takes the reply to each, returns the answer; Violation when a reply does not fit."""

Face: TypeAlias = Callable[[str, Request, RequestId], Conversation | Response]
"""Given the caller's name as its certificate says it: the answer, when nobody needs to be asked, or a conversation."""


def at_one_port(usual: Face, root: str, others: Sequence[tuple[Callable[[Request], bool], Face]]) -> Face:
    """Return several faces at one port: each other one takes what it knows, and the usual one all that is left.

    Nobody else is asked about what begins with the usual face's `root`.
    """

    def face(name: str, request: Request, request_id: RequestId) -> Conversation | Response:
        if not request.target.startswith(root):
            for is_meant, other in others:
                if is_meant(request):
                    return other(name, request, request_id)
        return usual(name, request, request_id)

    return face


def discard(message: Message) -> None:
    """Wipe the keys of a reply that nobody waits for any more."""
    match message:
        case KeyDelivered():
            for key in message.keys:
                key.material.wipe()
        case ChunkDelivered():
            message.key.material.wipe()
        case KeyPairMade(private=material) | SecretEncapsulated(secret=material) | SecretOpened(secret=material):
            material.wipe()
        case _:
            pass
