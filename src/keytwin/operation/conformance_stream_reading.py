"""What answers of a foreign key manager say in the JSON binding of ETSI GS QKD 004 V2.1.1, read without trust."""

from __future__ import annotations

from collections.abc import Iterator

from keytwin.operation.conformance_calls import Reply
from keytwin.operation.conformance_reading import JsonObject, base64_octets, object_of, whole
from keytwin.operation.conformance_stream_values import Function, Told, member_faults
from keytwin.vocabulary.stream_messages import StreamQos, StreamStatus


def told_in_json(function: Function, reply: Reply) -> Told:
    """Read an answer. A status counts whatever the code of HTTP: some bindings have one for each."""
    answer = object_of(reply) or {}
    status = whole(answer.get("status"))
    if status is None:
        why = f"HTTP {reply.status}" if reply.status else reply.why
        return Told(why=why, is_refused_in_tls=reply.is_refused_in_tls)
    if function is Function.OPEN_CONNECT:
        return _opened(status, answer)
    if function is Function.GET_KEY:
        return _got(status, answer)
    return Told(status)


def _opened(status: int, answer: JsonObject) -> Told:
    told, ksid = answer.get("qos"), answer.get("key_stream_id")
    qos, faults = None, list[str]()
    if isinstance(told, dict):
        faults = list(member_faults(told))
        readable = {name: told[name] for name in StreamQos.__struct_fields__ if _is_sound(name, told.get(name))}
        qos = StreamQos(**readable)
    return Told(status, ksid=ksid if isinstance(ksid, str) else None, qos=qos, faults=tuple(faults))


def _is_sound(name: str, value: object) -> bool:
    return isinstance(value, str) if name == "metadata_mimetype" else whole(value) is not None


def _got(status: int, answer: JsonObject) -> Told:
    written = answer.get("metadata")
    metadata: JsonObject = written if isinstance(written, dict) else {}
    buffer, size = metadata.get("buffer"), whole(metadata.get("size"))
    if status != StreamStatus.SUCCESS:
        return Told(status, needed=size)
    key = answer.get("key_buffer")
    return Told(
        status,
        index=whole(answer.get("index")),
        key=base64_octets(key) if isinstance(key, str) else None,
        metadata=buffer.encode() if isinstance(buffer, str) else b"",
        size=size or 0,
        faults=tuple(_faults(answer)),
    )


def _faults(answer: JsonObject) -> Iterator[str]:
    if whole(answer.get("index")) is None:
        yield "has no index"
    key = answer.get("key_buffer")
    if not isinstance(key, str) or base64_octets(key) is None:
        yield "has no key_buffer in base64"
    metadata = answer.get("metadata")
    if metadata is not None and not isinstance(metadata, dict):
        yield "has metadata that are no object"
