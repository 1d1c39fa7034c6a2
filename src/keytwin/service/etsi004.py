"""The JSON binding of ETSI GS QKD 004 V2.1.1: POSTs become questions to an SAE's element, and its replies answers.

Whatever was understood is answered with 200 and a status of the standard; another code says that the request itself was
none. What is refused here has consumed nothing.
"""

from __future__ import annotations

from typing import Final

import msgspec

from keytwin.service import etsi014_errors as errors
from keytwin.service.conversation import Conversation, Face, Question, discard
from keytwin.service.encoding import join_and_wipe, quoted_base64
from keytwin.service.etsi004_values import Ask, AskChunk, AskClose, AskOpen, StreamSetup, message_of
from keytwin.service.etsi004_wire import (
    BODIES,
    PREFIX,
    USUAL_ROOM,
    Close,
    CloseAnswer,
    GetKey,
    GetKeyAnswer,
    Metadata,
    OpenConnect,
    OpenConnectAnswer,
    Qos,
)
from keytwin.service.http import JSON, NO_STORE, Header, Request, Response, json_response
from keytwin.service.strict_json import read_json
from keytwin.vocabulary.errors import Mistake, Violation
from keytwin.vocabulary.exchange_messages import KeyRefused
from keytwin.vocabulary.identity import Ksid, SaeId, parse_uuid, sae_element
from keytwin.vocabulary.machine import Message, RequestId
from keytwin.vocabulary.stream_messages import ChunkDelivered, StreamAnswered, StreamStatus

LARGEST_BODY: Final = 65_536
LONGEST_TARGET: Final = 4_096
DEPTH: Final = 8
SECRET_HEADERS: Final[tuple[Header, ...]] = (("Content-Type", JSON), NO_STORE)
UNAVAILABLE: Final = "the network is not there for the moment"


def etsi004_face(setup: StreamSetup) -> Face:
    """Return the face of a node."""
    return lambda name, request, request_id: converse(setup, SaeId(name), request, request_id)


def is_stream(request: Request) -> bool:
    """Whether the path is one of this face's: what then is wrong with it is told here."""
    return request.target.startswith(PREFIX)


def converse(face: StreamSetup, sae: SaeId, request: Request, request_id: RequestId) -> Conversation | Response:
    """Return the answer to a request that goes no further, or the conversation that leads to one."""
    if sae not in face.saes:
        return errors.unauthorised()
    ask = decode(request)
    if isinstance(ask, Response):
        return ask
    message = message_of(ask, sae, request_id, face.reply_to)
    if isinstance(message, StreamAnswered):
        return encode(ask, message)
    return _asked(sae, ask, message)


def decode(request: Request) -> Ask | Response:
    """Return what is asked, or why it cannot be understood."""
    fault = _fault(request)
    if fault is not None:
        return fault
    try:
        wanted = msgspec.convert(read_json(request.body, DEPTH), BODIES[request.target])
        return _ask(wanted)
    except msgspec.ValidationError as error:
        return errors.error(400, f"the body does not say what it should: {error}")
    except Mistake as mistake:
        return errors.error(400, str(mistake))


def encode(ask: Ask, reply: Message) -> Response:
    """Return the answer; the key of a delivery is wiped, and the answer that holds it is to be wiped once written.

    Violation when the reply does not fit what was asked.
    """
    match ask, reply:
        case AskChunk(), ChunkDelivered():
            return _chunk(reply)
        case _, KeyRefused():  # of an element that has stopped
            return _answered(ask, StreamAnswered(reply.request_id, StreamStatus.NO_CONNECTION, detail=UNAVAILABLE))
        case _, StreamAnswered():
            return _answered(ask, reply)
        case _:
            discard(reply)
            raise Violation(f"{type(reply).__name__} does not answer {type(ask).__name__}")


def _asked(sae: SaeId, ask: Ask, message: Message) -> Conversation:
    reply = yield Question(sae_element(sae), message)
    return encode(ask, reply)


def _fault(request: Request) -> Response | None:
    """Find what is wrong with the request as a whole."""
    if len(request.target) > LONGEST_TARGET:
        return errors.TARGET_TOO_LONG
    if request.target not in BODIES:
        return errors.NOT_FOUND
    if request.method != "POST":
        return errors.error(405, "no such method here", headers=(("Allow", "POST"),))
    if len(request.body) > LARGEST_BODY:
        return errors.BODY_TOO_LARGE
    return None if request.is_json else errors.NOT_JSON


def _ask(wanted: msgspec.Struct) -> Ask:
    match wanted:
        case OpenConnect():
            ksid = None if wanted.key_stream_id is None else _ksid(wanted.key_stream_id)
            return AskOpen(wanted.source, wanted.destination, ksid, (wanted.qos or Qos()).as_asked())
        case GetKey():
            room = USUAL_ROOM if wanted.metadata_size is None else wanted.metadata_size
            return AskChunk(_ksid(wanted.key_stream_id), wanted.index, room)
        case Close():
            return AskClose(_ksid(wanted.key_stream_id))
        case _:
            raise AssertionError(f"{type(wanted).__name__} is no body of this face")


def _ksid(text: str) -> Ksid:
    return Ksid(parse_uuid(text))


def _answered(ask: Ask, reply: StreamAnswered) -> Response:
    status, detail = int(reply.status), reply.detail
    match ask:
        case AskOpen():
            ksid = reply.ksid or msgspec.UNSET
            qos = msgspec.UNSET if reply.qos is None else Qos(**msgspec.structs.asdict(reply.qos))
            return json_response(200, OpenConnectAnswer(status, ksid, qos, detail))
        case AskChunk():
            is_small = reply.status is StreamStatus.METADATA_TOO_SMALL
            metadata = Metadata(reply.needed, "") if is_small else msgspec.UNSET
            return json_response(200, GetKeyAnswer(status, metadata=metadata, detail=detail))
        case AskClose():
            return json_response(200, CloseAnswer(status, detail))


def _chunk(reply: ChunkDelivered) -> Response:
    """Write the chunk, whose octets never are in a `str` or `bytes`."""
    told = msgspec.json.encode(Metadata(len(reply.metadata), reply.metadata.decode()))
    head = b'{"status":0,"index":%d,"key_buffer":' % reply.index
    pieces: list[bytes | bytearray] = [head, quoted_base64(reply.key.material), b',"metadata":', told, b"}"]
    reply.key.material.wipe()
    return Response(200, SECRET_HEADERS, join_and_wipe(pieces))
