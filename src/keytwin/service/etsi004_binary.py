"""The binary binding of ETSI GS QKD 004 V2.1.1 as a face: one frame in, one frame out."""

from __future__ import annotations

from typing import Final

from keytwin.service.conversation import Conversation, Face, Question, discard
from keytwin.service.etsi004_frames import decode, encode
from keytwin.service.etsi004_values import AskOpen, StreamSetup, message_of
from keytwin.service.http import Request, Response
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeyRefused
from keytwin.vocabulary.identity import SaeId, sae_element
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.stream_messages import ChunkDelivered, StreamAnswered, StreamStatus

NOBODY: Final = (StreamStatus.NO_CONNECTION, StreamStatus.NO_PEER)
"""What an SAE of another node is answered: to OPEN_CONNECT, and to all else."""


def binary_face(setup: StreamSetup) -> Face:
    """Return the face of a node; a request's body is a whole frame, and so is that of its answer."""
    return lambda name, request, request_id: converse(setup, SaeId(name), request, request_id)


def converse(face: StreamSetup, sae: SaeId, request: Request, request_id: RequestId) -> Conversation | Response:
    """Return the answer to a frame that goes no further, or the conversation that leads to one."""
    frame = request.body
    ask = decode(frame)
    if sae not in face.saes:
        status = NOBODY[0] if isinstance(ask, AskOpen) else NOBODY[1]
        return _response(frame, StreamAnswered(request_id, status))
    message = message_of(ask, sae, request_id, face.reply_to)
    if isinstance(message, StreamAnswered):
        return _response(frame, message)
    return _asked(sae, frame, message)


def _asked(sae: SaeId, frame: bytes, message: Message) -> Conversation:
    reply = yield Question(sae_element(sae), message)
    return _response(frame, reply)


def _response(frame: bytes, reply: Message) -> Response:
    match reply:
        case StreamAnswered() | ChunkDelivered():
            return Response(200, (), encode(frame, reply))
        case KeyRefused():  # of an element that has stopped
            return Response(200, (), encode(frame, StreamAnswered(reply.request_id, StreamStatus.NO_CONNECTION)))
        case _:
            discard(reply)
            raise Violation(f"{type(reply).__name__} answers no frame")
