"""The server's end of TLS over memory, between a TCP transport and whoever speaks HTTP above it.

The transports of asyncio and uvloop close without a word when a handshake fails; RFC 8446 clause 6.2 has the peer told
why, by an alert. This one tells it. What is written is encrypted at once, so its owner may overwrite it.
"""

from __future__ import annotations

import asyncio
import ssl
from contextlib import suppress
from typing import Final, Protocol, cast

RECORD: Final = 16_384  # octets: the most that a TLS record carries


class Upper(Protocol):
    """Who speaks over a wire."""

    def joined(self, wire: TlsWire) -> None:
        """There is a connection; the handshake begins."""
        ...

    def shaken(self, peer: ssl.SSLObject) -> None:
        """The handshake is over: the peer holds a certificate that the context takes."""
        ...

    def heard(self, octets: bytes) -> None:
        """Octets have come, in the clear; none = the peer sends no more."""
        ...

    def drained(self) -> None:
        """The peer has read most of what was written: go on writing."""
        ...

    def lost(self) -> None:
        """The connection is over."""
        ...


class TlsWire(asyncio.Protocol):
    """One connection; `is_clogged` while the peer does not read, `is_reading` unless it is kept from sending."""

    __slots__ = (
        "_context",
        "_in",
        "_is_begun",
        "_is_shaken",
        "_out",
        "_tls",
        "_transport",
        "_upper",
        "is_clogged",
        "is_reading",
    )

    def __init__(self, context: ssl.SSLContext, upper: Upper) -> None:
        self._context = context
        self._upper = upper
        self._transport: asyncio.Transport | None = None
        self.is_reading = True
        self._is_begun = self._is_shaken = self.is_clogged = False

    @property
    def is_open(self) -> bool:
        """Whether octets can still be written."""
        return self._transport is not None and not self._transport.is_closing()

    def write(self, octets: bytes | bytearray) -> None:
        """Encrypt and write; nothing of the clear text is kept, and nothing happens when the peer has gone."""
        transport = self._transport
        if transport is not None and self._is_shaken and octets and not transport.is_closing():
            written = self._tls.write(octets)
            assert written == len(octets), "memory takes whatever is written"
            transport.write(self._out.read())

    def read_on(self, *, wanted: bool) -> None:
        """Let the peer send, or stop it, by TCP's own means."""
        if wanted is self.is_reading or self._transport is None or self._transport.is_closing():
            return
        self.is_reading = wanted
        if wanted:
            self._transport.resume_reading()
        else:
            self._transport.pause_reading()

    def close(self, *, at_once: bool = False) -> None:
        """Say that this is the end, and close when all is written; or close `at_once`."""
        if self._transport is None:
            return
        if at_once:
            self._transport.abort()
        elif not self._transport.is_closing():
            if self._is_shaken:
                self._say_end()
            self._transport.close()

    # --- called by the transport --------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is one by its methods only
        self._upper.joined(self)

    def data_received(self, data: bytes) -> None:
        if not self._is_begun:
            self._begin()
        self._in.write(data)
        try:
            if self._is_shaken or self._shake():
                self._read()
        except ssl.SSLError:  # broken records, or no more to be said: an alert may be waiting to be sent
            self._flush()
            self.close(at_once=self.is_clogged)

    def pause_writing(self) -> None:
        self.is_clogged = True

    def resume_writing(self) -> None:
        self.is_clogged = False
        self._upper.drained()

    def connection_lost(self, exc: Exception | None) -> None:
        self._transport = None
        self._upper.lost()

    # --- TLS ----------------------------------------------------------------------------------------------------------

    def _begin(self) -> None:
        """Make what TLS needs, with the first octet: who never says one costs next to nothing."""
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = self._context.wrap_bio(self._in, self._out, server_side=True)
        self._is_begun = True

    def _shake(self) -> bool:
        try:
            self._tls.do_handshake()
        except ssl.SSLWantReadError:
            self._flush()
            return False
        self._is_shaken = True
        self._flush()
        self._upper.shaken(self._tls)
        return True

    def _read(self) -> None:
        """Hand all on that has come; the end of the peer's sending is handed on as nothing."""
        try:
            octets = self._tls.read(RECORD)  # all of a record: what is left to read is still in memory
            while octets and self._in.pending:
                self._upper.heard(octets)
                octets = self._tls.read(RECORD)
            self._upper.heard(octets)
        except ssl.SSLWantReadError:
            pass
        if self._out.pending:
            self._flush()  # what TLS has to say for itself, such as a new key

    def _say_end(self) -> None:
        with suppress(ssl.SSLError):  # the peer has not said the same yet, and need not
            self._tls.unwrap()
        self._flush()

    def _flush(self) -> None:
        if self._out.pending and self._transport is not None and not self._transport.is_closing():
            self._transport.write(self._out.read())
