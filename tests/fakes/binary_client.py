"""A client of the binary ETSI GS QKD 004, written from the byte counts of the framing and from nothing of keytwin."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

VERSION: Final = b"\x01\x00\x01"
NUMBERS: Final = ("key_chunk_size", "max_bps", "min_bps", "jitter", "priority", "timeout", "ttl")
NONE: Final = bytes(16)
ANY: Final = 2**32 - 1


class Reply(NamedTuple):
    """A frame that came back."""

    version: bytes
    service: int
    payload: bytes

    @property
    def status(self) -> int:
        return number(self.payload[:4])


class Opened(NamedTuple):
    """An answer to OPEN_CONNECT with QoS."""

    status: int
    qos: Mapping[str, int]
    mimetype: str
    ksid: bytes


@dataclass(frozen=True)
class Got:
    """An answer to GET_KEY with a key."""

    index: int
    key: bytes
    metadata: bytes


def number(octets: bytes) -> int:
    assert len(octets) == 4
    return int.from_bytes(octets, "big")


def frame(service: int, payload: bytes, version: bytes = VERSION) -> bytes:
    return version + bytes([service]) + len(payload).to_bytes(4, "big") + payload


def open_frame(
    source: str, destination: str, ksid: bytes = NONE, mimetype: str = "application/json", **qos: int
) -> bytes:
    numbers = b"".join(qos.get(name, 0).to_bytes(4, "big") for name in NUMBERS)
    kind = mimetype.encode().ljust(256, b"\0")
    return frame(2, source.encode() + b"\0" + destination.encode() + b"\0" + numbers + kind + ksid)


def get_frame(ksid: bytes, index: int = ANY, room: int = 1_024) -> bytes:
    return frame(4, ksid + index.to_bytes(4, "big") + room.to_bytes(4, "big"))


def close_frame(ksid: bytes) -> bytes:
    return frame(8, ksid)


def opened(reply: Reply) -> Opened:
    assert reply.service == 3
    assert len(reply.payload) == 4 + 284 + 16
    words = [number(reply.payload[at : at + 4]) for at in range(4, 32, 4)]
    kind = reply.payload[32:288].rstrip(b"\0").decode()
    return Opened(reply.status, dict(zip(NUMBERS, words, strict=True)), kind, reply.payload[288:])


def got(reply: Reply) -> Got:
    assert (reply.service, reply.status) == (5, 0), reply
    payload = reply.payload
    end = 12 + number(payload[8:12])
    size = number(payload[end : end + 4])
    assert len(payload) == end + 4 + size
    return Got(number(payload[4:8]), payload[12:end], payload[end + 4 :])


class BinaryClient:
    """One connection."""

    def __init__(self, address: tuple[str, int], context: ssl.SSLContext, patience: float = 25.0) -> None:
        plain = socket.create_connection(address, timeout=patience)
        self.socket = context.wrap_socket(plain, server_hostname=address[0])

    def ask(self, octets: bytes) -> Reply:
        self.socket.sendall(octets)
        return self.read()

    def read(self) -> Reply:
        head = self._exactly(8)
        return Reply(head[:3], head[3], self._exactly(number(head[4:])))

    def close(self) -> None:
        self.socket.close()

    def _exactly(self, count: int) -> bytes:
        octets = b""
        while len(octets) < count:
            more = self.socket.recv(count - len(octets))
            if not more:
                raise EOFError(f"the connection ended after {len(octets)} of {count} octets")
            octets += more
        return octets
