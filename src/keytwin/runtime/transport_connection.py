"""One mutual-TLS connection of a stream: who is at the other end, frames in and out, a bounded buffer between.

Key material that passes is overwritten in the buffers of this module. Copies remain where Python does not reach: the
plain records inside OpenSSL until it uses their memory again, and only ciphertext in the buffers of loop and kernel.
"""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from typing import Final, Protocol, cast

from keytwin.runtime.transport_codec import GREETING, FrameReader, Way, wipe
from keytwin.vocabulary.errors import Oversize, Violation
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message

ALPN: Final = "keytwin-km/1"
GREETING_TIMEOUT: Final = 5.0  # seconds from the end of the dialler's handshake to the listener's greeting
MOST_WAITING: Final = 8 * 1024 * 1024  # octets while the peer does not read: a window of 512 messages of 64 keys, twice
FLUSH_AT: Final = 64 * 1024  # octets: beyond it waiting for the end of the loop's round saves nothing
HIGH_WATER: Final = 256 * 1024  # octets in the transport's own buffer
DEAD_AFTER: Final = 1_000  # milliseconds without acknowledgement of what was sent (RFC 5482)
KEEPALIVE: Final = 1  # seconds of silence before TCP looks whether the peer is there (RFC 1122 clause 4.2.3.6)


@dataclass(slots=True)
class Counts:
    """What has happened on the streams of a process since it began."""

    frames_sent: int = 0
    frames_received: int = 0
    octets_sent: int = 0
    octets_received: int = 0
    dropped: int = 0  # messages: no connection, its buffer full, or larger than the peer would take
    violations: int = 0  # by peers, those included that were not let in


class Switchboard(Protocol):
    """Where connections belong to."""

    counts: Counts

    def welcomes(self, connection: Connection) -> bool:
        """Know a connection until it is over; False when this end is closing."""
        ...

    def admit(self, own: ElementName, dialled: ElementName | None, tls: ssl.SSLObject) -> tuple[Way, Way]:
        """Return the ways out and in when the peer may be there; Violation otherwise."""
        ...

    def opened(self, connection: Connection) -> None:
        """Send over this connection from now on."""
        ...

    def ended(self, connection: Connection, cause: str) -> None:
        """Send no more over it."""
        ...

    def violated(self, connection: Connection, violation: Violation) -> None:
        """Count and tell what the peer did; the connection is broken off already."""
        ...

    def deliver(self, source: ElementName, target: ElementName, message: Message) -> None:
        """Hand on what has arrived."""
        ...

    def listen_in(self, source: ElementName, target: ElementName, frame: bytearray, start: int) -> None:
        """Show a frame that is being sent to whoever listens on the wire."""
        ...


class Connection(asyncio.BufferedProtocol):
    """One end of a connection; `dialled` is the peer that is to be there, None where it was the peer that dialled."""

    def __init__(self, switchboard: Switchboard, own: ElementName, dialled: ElementName | None = None) -> None:
        self.own = own
        self.peer = dialled
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.is_open = False  # the listener has looked at the dialler's certificate and said so
        self.was_open = False
        self._is_dialled = dialled is not None
        self._switchboard = switchboard
        self._counts = switchboard.counts
        self._outgoing: Way | None = None
        self._reader: FrameReader | None = None
        self._transport: asyncio.Transport | None = None
        self._deadline: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._is_flush_due = False
        self._waiting: list[bytearray] = []  # frames; those of key each in a buffer of its own
        self.cause = "the peer closed"

    # --- what the loop calls ----------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        if not self._switchboard.welcomes(self):
            self.abort("closed")
            return
        try:
            self._outgoing, incoming = self._switchboard.admit(self.own, self.peer, self.tls)
        except Violation as violation:
            self._break_off(violation)
            return
        self.peer = incoming.source
        self._reader = FrameReader(incoming)
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        _tune(self._transport)
        if self._is_dialled:
            self._deadline = asyncio.get_running_loop().call_later(GREETING_TIMEOUT, self.abort, "was not greeted")
        else:
            self._transport.write(GREETING)
            self._open()

    def get_buffer(self, sizehint: int) -> memoryview:
        return self._reader.room() if self._reader else memoryview(bytearray(1024))

    def buffer_updated(self, nbytes: int) -> None:
        if self._reader is None:
            return
        self._counts.octets_received += nbytes
        try:
            for message in self._reader.take(nbytes):
                if not self._receive(message):
                    return
        except Violation as violation:
            self._break_off(violation)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self._end(str(exc) if exc else self.cause)
        if not self.over.done():
            self.over.set_result(None)

    # --- what the switchboard calls ---------------------------------------------------------------------------------

    @property
    def tls(self) -> ssl.SSLObject:
        """The connection's TLS, which knows the peer's certificate."""
        assert self._transport is not None
        return cast("ssl.SSLObject", self._transport.get_extra_info("ssl_object"))

    def send(self, message: Message) -> bool:
        """Send at the end of the loop's round, or soon; False when the message is dropped: the peer reads too slowly.

        Machines repeat what is not acknowledged, so that a slow peer costs its own messages and nobody else's.
        """
        if not self.is_open or self._outgoing is None or sum(map(len, self._waiting)) >= MOST_WAITING:
            return False
        if self._outgoing.carries_key or not self._waiting:
            self._waiting.append(bytearray())
        frames = self._waiting[-1]
        start = len(frames)
        try:
            self._outgoing.write(message, frames)
        except Oversize:
            return False
        self._counts.frames_sent += 1
        self._switchboard.listen_in(self._outgoing.source, self._outgoing.target, frames, start)
        if self._is_paused:
            return True
        if len(frames) >= FLUSH_AT:
            self._flush()
        elif not self._is_flush_due:
            self._is_flush_due = True
            asyncio.get_running_loop().call_soon(self._flush)
        return True

    def abort(self, cause: str) -> None:
        """Break the connection off at once; what waits is lost."""
        transport = self._transport
        self._end(cause)
        if transport is not None:
            transport.abort()

    # --- inside -----------------------------------------------------------------------------------------------------

    def _receive(self, message: Message | None) -> bool:
        """Hand a message on; False when whoever got it has broken the connection off."""
        assert self._outgoing is not None
        if message is None:
            self._open()
            return True
        if not self.is_open:
            raise Violation(f"{self.peer} sends before it has greeted")
        self._counts.frames_received += 1
        self._switchboard.deliver(self._outgoing.target, self.own, message)
        return self._transport is not None

    def _open(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        if not self.is_open:
            self.is_open = self.was_open = True
            self._switchboard.opened(self)

    def _flush(self) -> None:
        self._is_flush_due = False
        while self._waiting and not self._is_paused and self._transport is not None and self._outgoing is not None:
            frames = self._waiting.pop(0)
            self._counts.octets_sent += len(frames)
            # TLS encrypts it before `write` returns: records go to memory, which always has room for them.
            self._transport.write(frames)
            if self._outgoing.carries_key:
                wipe(frames)

    def _break_off(self, violation: Violation) -> None:
        self.abort(str(violation))
        self._switchboard.violated(self, violation)

    def _end(self, cause: str) -> None:
        """Let go of everything; what was read or waits is overwritten."""
        if self._transport is None:
            return
        self._transport = None
        self.cause = cause
        if self._deadline is not None:
            self._deadline.cancel()
        for frames in self._waiting:
            wipe(frames)
        self._waiting.clear()
        if self._reader is not None:
            self._reader.wipe()
            self._reader = None
        if self.is_open:
            self.is_open = False
            self._switchboard.ended(self, cause)


def _tune(transport: asyncio.Transport) -> None:
    """Send small frames at once, and let TCP find a dead peer within some two seconds, one where anything is sent."""
    # Loops give only a view of their socket, on which not every one allows options to be set. It may be gone already.
    with suppress(OSError), socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as own:
        own.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        own.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in (
            ("TCP_KEEPIDLE", KEEPALIVE),
            ("TCP_KEEPINTVL", KEEPALIVE),
            ("TCP_KEEPCNT", 1),
            ("TCP_USER_TIMEOUT", DEAD_AFTER),
        ):
            if hasattr(socket, name):  # not every system has all of them
                own.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
