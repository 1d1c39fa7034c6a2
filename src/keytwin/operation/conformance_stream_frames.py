"""The binary framing of ETSI GS QKD 004 V2.1.1 from its client's end: questions to octets, octets to what was told.

`service/etsi004_frames` is the other end; what is here is written for a stranger's answers and trusts none of them.
"""

from __future__ import annotations

import struct
from typing import Final
from uuid import UUID

from keytwin.operation.conformance_stream_values import Function, Opening, Told, member_faults
from keytwin.service.etsi004_frames import HEAD, NO_INDEX, NO_KSID, Service
from keytwin.service.etsi004_wire import LONGEST_TYPE
from keytwin.vocabulary.stream_messages import StreamQos, StreamStatus

VERSION: Final = b"\x01\x00\x01"
LARGEST_PAYLOAD: Final = 1024 * 1024  # octets of an answer: far above any chunk that is asked for
NO_SERVICE: Final = 0x7F  # of nobody
SERVICES: Final = {
    Function.OPEN_CONNECT: Service.OPEN_CONNECT,
    Function.GET_KEY: Service.GET_KEY,
    Function.CLOSE: Service.CLOSE,
}

_HEADER: Final = struct.Struct(">3sBI")
_WORD: Final = struct.Struct(">I")
_GET: Final = struct.Struct(">16sII")
_QOS: Final = struct.Struct(f">7I{LONGEST_TYPE + 1}s")
_GRANTED: Final = (StreamStatus.SUCCESS, StreamStatus.PEER_NOT_CONNECTED, StreamStatus.QOS_NOT_MET)
_NUMBERS: Final = tuple(StreamQos.__struct_fields__[:7])


def open_frame(wanted: Opening) -> bytes:
    """Write OPEN_CONNECT."""
    numbers = [getattr(wanted.qos, name) for name in _NUMBERS]
    qos = _QOS.pack(*numbers, wanted.qos.metadata_mimetype.encode())
    ends = wanted.source.encode() + b"\0" + wanted.destination.encode() + b"\0"
    return frame(Service.OPEN_CONNECT, ends + qos + _octets(wanted.ksid))


def get_frame(ksid: str, index: int | None, room: int) -> bytes:
    """Write GET_KEY."""
    return frame(Service.GET_KEY, _GET.pack(_octets(ksid), NO_INDEX if index is None else index, room))


def close_frame(ksid: str) -> bytes:
    """Write CLOSE."""
    return frame(Service.CLOSE, _octets(ksid))


def frame(service: int, payload: bytes) -> bytes:
    """Write any frame."""
    return _HEADER.pack(VERSION, service, len(payload)) + payload


def payload_length(head: bytes) -> int:
    """Return how many octets follow the first eight of a frame."""
    return int(_HEADER.unpack(head)[2])


def told_in_frame(function: Function, octets: bytes) -> Told:
    """Read an answer; whatever is wrong with it is told in words."""
    _, service, _ = _HEADER.unpack_from(octets)
    payload = octets[HEAD:]
    if service != SERVICES[function] + 1 or len(payload) < _WORD.size:
        return Told(why=f"a frame of type {service:#04x} with {len(payload)} octets")
    (status,) = _WORD.unpack_from(payload)
    rest = payload[_WORD.size :]
    if function is Function.OPEN_CONNECT and status in _GRANTED:
        return _opened(status, rest)
    if function is Function.GET_KEY and status == StreamStatus.SUCCESS:
        return _got(status, rest)
    if function is Function.GET_KEY and status == StreamStatus.METADATA_TOO_SMALL:
        needed = _WORD.unpack(rest)[0] if len(rest) == _WORD.size else None
        return Told(status, needed=needed)
    return Told(status)


def _opened(status: int, rest: bytes) -> Told:
    if len(rest) != _QOS.size + len(NO_KSID):
        return Told(status, faults=(f"has {len(rest)} octets after its status, should be {_QOS.size + len(NO_KSID)}",))
    *numbers, kind = _QOS.unpack_from(rest)
    mimetype = kind.partition(b"\0")[0].decode("latin-1")
    told = {**dict(zip(_NUMBERS, numbers, strict=True)), "metadata_mimetype": mimetype}
    ksid = rest[_QOS.size :]
    return Told(
        status,
        ksid=None if ksid == NO_KSID else str(UUID(bytes=ksid)),
        qos=StreamQos(**told),
        faults=tuple(member_faults(told)),
    )


def _got(status: int, rest: bytes) -> Told:
    """Read index, key and metadata, each of the last two behind its length."""
    if len(rest) < 2 * _WORD.size:
        return Told(status, faults=("has no index and key",))
    index, size = struct.unpack_from(">II", rest)
    key, rest = rest[8 : 8 + size], rest[8 + size :]
    if len(key) < size or len(rest) < _WORD.size:
        return Told(status, index=index, faults=("is shorter than its lengths say",))
    metadata = rest[_WORD.size :]
    return Told(status, index=index, key=key, metadata=metadata, size=_WORD.unpack_from(rest)[0])


def _octets(ksid: str | None) -> bytes:
    return NO_KSID if ksid is None else UUID(ksid).bytes
