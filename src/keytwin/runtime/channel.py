"""What a supervisor and a process that it has started tell each other: frames over a pair of sockets, and no key."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Callable
from typing import Final, Generic, TypeVar, cast

import msgspec

HEAD: Final = struct.Struct(">I")
LARGEST: Final = 16 * 1024 * 1024  # octets of one frame
MOST_WAITING: Final = 8 * 1024 * 1024  # octets: what may be lost is lost beyond, when the other end is stopped

Sent = TypeVar("Sent", bound=msgspec.Struct)
Heard = TypeVar("Heard", bound=msgspec.Struct)


class Channel(asyncio.Protocol, Generic[Sent, Heard]):
    """One end. `hear` gets each frame of the other end, and `gone` is called once, when that end has closed or died."""

    def __init__(self, kind: object, hear: Callable[[Heard], None], gone: Callable[[], None]) -> None:
        self._decoder = msgspec.msgpack.Decoder(kind)
        self._encoder = msgspec.msgpack.Encoder()
        self._hear = hear
        self._gone = gone
        self._octets = bytearray()
        self._transport: asyncio.Transport | None = None
        self.lost = 0

    async def open(self, end: socket.socket) -> None:
        """Begin to hear."""
        end.setblocking(False)  # noqa: FBT003  # the socket's own signature
        await asyncio.get_running_loop().create_unix_connection(lambda: self, sock=end)

    def send(self, frame: Sent, *, may_be_lost: bool = False) -> None:
        """Send a frame soon; one that may be lost is, where too much waits. To nobody when the other end is gone."""
        transport = self._transport
        if transport is None or transport.is_closing():
            return
        if may_be_lost and transport.get_write_buffer_size() > MOST_WAITING:
            self.lost += 1
            return
        octets = self._encoder.encode(frame)
        transport.write(HEAD.pack(len(octets)) + octets)

    def close(self) -> None:
        """Close this end, once what was sent has gone."""
        if self._transport is not None:
            self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._octets += data
        start = 0
        while len(self._octets) - start >= HEAD.size:
            (length,) = HEAD.unpack_from(self._octets, start)
            assert length <= LARGEST, f"a frame of {length} octets"
            end = start + HEAD.size + length
            if end > len(self._octets):
                break
            frame = self._decoder.decode(memoryview(self._octets)[start + HEAD.size : end].tobytes())
            start = end
            self._hear(cast("Heard", frame))
        del self._octets[:start]

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._gone()
