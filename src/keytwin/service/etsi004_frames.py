"""The binary framing of ETSI GS QKD 004 V2.1.1 that its clients in the field speak over TLS. Pure: octets and values.

A frame is 8 octets, then its payload: version (major, minor, patch), service type, length of the payload; all numbers
are big-endian. The standard leaves the encoding open: this one is that of the public client and server of the QUBIP
project, by its published shape. Any version is taken, and the answer has the same.
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final

import msgspec

from keytwin.service.encoding import join_and_wipe, plain_octets
from keytwin.service.etsi004_values import Ask, AskChunk, AskClose, AskOpen
from keytwin.service.etsi004_wire import LONGEST_TYPE, LONGEST_URI
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import Ksid
from keytwin.vocabulary.stream_messages import LARGEST, ChunkDelivered, StreamAnswered, StreamQos, StreamStatus

HEAD: Final = 8  # octets
NO_INDEX: Final = LARGEST  # as index: the next chunk
NO_KSID: Final = bytes(16)  # one is made


class Service(IntEnum):
    """Service types; an answer has that of its request, and one more."""

    OPEN_CONNECT = 0x02
    GET_KEY = 0x04
    CLOSE = 0x08


_HEADER: Final = struct.Struct(">3sBI")
_NUMBERS: Final = struct.Struct(">7I")
_TYPE: Final = LONGEST_TYPE + 1
_QOS: Final = _NUMBERS.size + _TYPE
_GET: Final = struct.Struct(">16sII")
_WORD: Final = struct.Struct(">I")
_CHUNK: Final = struct.Struct(">III")
_NAMES: Final = tuple(StreamQos.__struct_fields__[:7])
_WITH_QOS: Final = frozenset({StreamStatus.SUCCESS, StreamStatus.PEER_NOT_CONNECTED, StreamStatus.QOS_NOT_MET})
_LARGEST: Final = {
    Service.OPEN_CONNECT: 2 * (LONGEST_URI + 1) + _QOS + len(NO_KSID),
    Service.GET_KEY: _GET.size,
    Service.CLOSE: len(NO_KSID),
}
LARGEST_FRAME: Final = HEAD + max(_LARGEST.values())


def frame_length(start: bytes | bytearray | memoryview) -> int | None:
    """Return how many octets the frame has that begins here, None = too few to tell; Violation when it can be none."""
    if len(start) < HEAD:
        return None
    _, service, length = _HEADER.unpack_from(start)
    most = _LARGEST.get(service)
    if most is None or length > most:
        raise Violation("a frame of no service, or too long for it")
    return HEAD + int(length)


def decode(frame: bytes) -> Ask:
    """Read a whole frame; Violation when it is none."""
    _, service, _ = _HEADER.unpack_from(frame)
    payload = frame[HEAD:]
    match service:
        case Service.OPEN_CONNECT:
            return _open(payload)
        case Service.GET_KEY if len(payload) == _GET.size:
            ksid, index, room = _GET.unpack(payload)
            return AskChunk(_ksid(ksid), None if index == NO_INDEX else index, room)
        case Service.CLOSE if len(payload) == len(NO_KSID):
            return AskClose(_ksid(payload))
        case _:
            raise Violation("a frame of another length than its service has")


def encode(frame: bytes, reply: StreamAnswered | ChunkDelivered) -> bytes | bytearray:
    """Return the answer to a frame; one with key is a bytearray, to be overwritten once written. The key is wiped."""
    version, service, _ = _HEADER.unpack_from(frame)
    if isinstance(reply, StreamAnswered):
        payload = _answered(Service(service), reply)
        return _HEADER.pack(version, service + 1, len(payload)) + payload
    length = _CHUNK.size + reply.key.material.size // 8 + _WORD.size + len(reply.metadata)
    head = _HEADER.pack(version, service + 1, length)
    key = plain_octets(reply.key.material)
    reply.key.material.wipe()
    numbers = _CHUNK.pack(StreamStatus.SUCCESS, reply.index, len(key))
    return join_and_wipe((head, numbers, key, _WORD.pack(len(reply.metadata)), reply.metadata))


def _open(payload: bytes) -> AskOpen:
    source, first, rest = payload.partition(b"\0")
    destination, second, rest = rest.partition(b"\0")
    if not first or not second or len(rest) != _QOS + len(NO_KSID):
        raise Violation("an OPEN_CONNECT of another shape")
    if max(len(source), len(destination)) > LONGEST_URI:
        raise Violation("a URI is too long")
    numbers = dict(zip(_NAMES, _NUMBERS.unpack_from(rest), strict=True))
    kind = rest[_NUMBERS.size : _QOS].partition(b"\0")[0]
    ksid = rest[_QOS:]
    qos = StreamQos(**numbers, metadata_mimetype=_text(kind))
    return AskOpen(_text(source), _text(destination), None if ksid == NO_KSID else _ksid(ksid), qos)


def _answered(service: Service, reply: StreamAnswered) -> bytes:
    status = _WORD.pack(reply.status)
    if service is Service.GET_KEY and reply.status is StreamStatus.METADATA_TOO_SMALL:
        return status + _WORD.pack(reply.needed)
    if service is not Service.OPEN_CONNECT or reply.status not in _WITH_QOS or reply.qos is None:
        return status
    values = msgspec.structs.astuple(reply.qos)
    kind = reply.qos.metadata_mimetype.encode()[:LONGEST_TYPE].ljust(_TYPE, b"\0")
    ksid = bytes.fromhex(reply.ksid.replace("-", "")) if reply.ksid else NO_KSID
    return status + _NUMBERS.pack(*values[:7]) + kind + ksid


def _ksid(octets: bytes) -> Ksid:
    """Read the 16 octets of a UUID in network order (RFC 9562)."""
    digits = octets.hex()
    return Ksid("-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])))


def _text(octets: bytes) -> str:
    try:
        return octets.decode("utf-8")
    except UnicodeDecodeError:
        raise Violation("a text is not UTF-8") from None
