"""Streams between key managers, and between twins and key managers: one mutual-TLS connection a pair, kept up.

A message is encoded when it is sent, and its key material wiped. What cannot go now is dropped and counted, never
waited for: machines repeat what is not acknowledged. TLS 1.3 is RFC 8446; the frames are in `transport_codec`.
"""

from __future__ import annotations

import asyncio
import random
import ssl
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from keytwin.runtime.identities import Role, UnknownPeer
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.tls import Doorkeeper, client_context, renew_chain, renew_revoked, server_context
from keytwin.runtime.transport_codec import TWIN, Way, kind_of, shared_links
from keytwin.runtime.transport_connection import ALPN, Connection, Counts
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId, km_of
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Message

HANDSHAKE_TIMEOUT: Final = 5.0  # seconds
Deliver = Callable[[ElementName, ElementName, Message], None]
"""Takes (source, target, message); a Violation it raises breaks the connection off."""
Tap = Callable[[ElementName, ElementName, bytes], None]
"""Hears (source, target, frame) as it is sent, before TLS."""
Pair = tuple[ElementName, ElementName]  # own, peer


@dataclass(frozen=True, slots=True)
class Backoff:
    """Seconds between attempts to connect: from `first`, doubled each time, to `longest`; then up to half less."""

    first: float = 0.05
    longest: float = 1.0  # a neighbour that is back is found within a second

    def pause(self, failures: int, dice: random.Random) -> float:
        """Return how long to wait after so many failures in a row."""
        whole = min(self.first * 2.0 ** min(failures, 32), self.longest)
        return whole * dice.uniform(0.5, 1.0)  # those that lost the same neighbour do not come back all at once


@dataclass(frozen=True, slots=True)
class StreamSetup:
    """What streams are told when they are made.

    `links` are all of the network's: they say who may speak to whom. `on_violation` hears (own, peer, violation), peer
    None when it could not be told who it was; `on_change` hears (own, peer, is connected, cause).
    """

    links: frozenset[LinkId]
    doorkeeper: Doorkeeper
    now: Callable[[], datetime]
    dice: random.Random
    on_violation: Callable[[ElementName, ElementName | None, Violation], None]
    on_change: Callable[[ElementName, ElementName, bool, str], None]
    backoff: Backoff = Backoff()


@dataclass(frozen=True, slots=True)
class StreamStatistics:
    """What has happened so far, and the pairs (own, peer) that are connected now."""

    counts: Counts
    connected: tuple[Pair, ...]


class Streams:
    """All streams of one process, however many elements it hosts."""

    def __init__(self, setup: StreamSetup, deliver: Deliver) -> None:
        self._board = _Board(setup, deliver)
        self._setup = setup
        self._contexts: dict[ElementName, list[tuple[ssl.SSLContext, LeafFiles]]] = {}
        self._listeners: dict[ElementName, asyncio.Server] = {}
        self._dialling: dict[Pair, asyncio.Task[None]] = {}

    @property
    def taps(self) -> list[Tap]:
        """Who listens on the wire: add to the list, or take away."""
        return self._board.taps

    async def listen(self, own: ElementName, files: LeafFiles, host: str, port: int) -> None:
        """Let peers connect to an element; OSError when the port is taken, FileMistake for a bad certificate."""
        assert own not in self._listeners, f"{own} listens already"
        context = self._keep(own, server_context(files, (ALPN,)), files)
        self._listeners[own] = await asyncio.get_running_loop().create_server(
            lambda: Connection(self._board, own),
            host,
            port,
            ssl=context,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
            ssl_shutdown_timeout=HANDSHAKE_TIMEOUT,
        )

    def port(self, own: ElementName) -> int:
        """Return the port an element listens on, which the system has chosen when 0 was asked for."""
        port: int = self._listeners[own].sockets[0].getsockname()[1]
        return port

    def dial(self, own: ElementName, peer: ElementName, address: tuple[str, int], files: LeafFiles) -> None:
        """Keep an element connected to a peer until `close`. Of two key managers one dials, it does not matter which.

        The certificate at the other end must be for the address's host, and for this peer.
        """
        assert (own, peer) not in self._dialling, f"{own} dials {peer} already"
        context = self._keep(own, client_context(files, (ALPN,)), files)
        keeping = self._keep_dialling((own, peer), address, context)
        self._dialling[own, peer] = asyncio.get_running_loop().create_task(keeping, name=f"{own} dials {peer}")

    def send(self, source: ElementName, target: ElementName, message: Message) -> None:
        """Encode a message, wipe its key material, and send it soon; drop it where it cannot go now."""
        try:
            connection = self._board.connections.get((source, target))
            if connection is None or not connection.send(message):
                self._board.counts.dropped += 1
        finally:
            if isinstance(message, LinkKeyBlock):
                message.material.wipe()

    def renew(self, own: ElementName) -> None:
        """Load an element's renewed certificate and the newest revocation list; connections stay as they are."""
        for context, files in self._contexts.get(own, ()):
            renew_chain(context, files)
            renew_revoked(context, files.revoked)

    def drop_denied(self) -> None:
        """Look again at who is connected, after a revocation: who may not be there any more is broken off."""
        for connection in list(self._board.connections.values()):
            try:
                self._setup.doorkeeper.identify(connection.tls, self._setup.now())
            except UnknownPeer as violation:
                connection.abort(str(violation))
                self._board.violated(connection, violation)

    def statistics(self) -> StreamStatistics:
        """Return what has happened so far."""
        return StreamStatistics(replace(self._board.counts), tuple(sorted(self._board.connections)))

    async def close(self) -> None:
        """Listen and dial no more, and break every connection off."""
        self._board.is_closing = True
        for listener in self._listeners.values():
            listener.close()
        for task in self._dialling.values():
            task.cancel()
        for connection in list(self._board.live):
            connection.abort("closed")
        await asyncio.gather(*self._dialling.values(), return_exceptions=True)
        await asyncio.gather(*(connection.over for connection in list(self._board.live)))
        self._dialling.clear()
        self._listeners.clear()

    def _keep(self, own: ElementName, context: ssl.SSLContext, files: LeafFiles) -> ssl.SSLContext:
        self._contexts.setdefault(own, []).append((context, files))
        return context

    async def _keep_dialling(self, pair: Pair, address: tuple[str, int], context: ssl.SSLContext) -> None:
        own, peer = pair
        failures = 0
        while True:
            while (present := self._board.connections.get(pair)) is not None:  # the peer may dial as well
                await asyncio.shield(present.over)
            connection = Connection(self._board, own, peer)
            try:
                await _connect(connection, address, context)
                await asyncio.shield(connection.over)
            except OSError as error:  # those of TLS, of names and of time-outs too
                connection.cause = str(error) or type(error).__name__
                connection.abort(connection.cause)
                connection.over.cancel()
            if not connection.was_open:
                self._setup.on_change(own, peer, False, connection.cause)  # noqa: FBT003  # its meaning is in StreamSetup
            failures = 0 if connection.was_open else failures + 1
            await asyncio.sleep(self._setup.backoff.pause(failures, self._setup.dice))


class _Board:
    """The connections of all elements of a process: who may connect, which one counts, where messages go."""

    def __init__(self, setup: StreamSetup, deliver: Deliver) -> None:
        self.counts = Counts()
        self.taps: list[Tap] = []
        self.connections: dict[Pair, Connection] = {}  # open ones, one for each pair
        self.live: set[Connection] = set()  # all that have not ended
        self.deliver = deliver
        self.is_closing = False
        self._setup = setup

    def admit(self, own: ElementName, dialled: ElementName | None, tls: ssl.SSLObject) -> tuple[Way, Way]:
        """Return the ways out and in when the certificate is of the one dialled, or of one that shares a link."""
        peer = self._element(tls)
        if tls.selected_alpn_protocol() != ALPN:  # the handshake goes on without when the two have none in common
            raise UnknownPeer(f"{peer} does not speak {ALPN}")
        if dialled is not None and peer != dialled:
            raise UnknownPeer(f"{peer} is where {dialled} should be")
        links = shared_links(self._setup.links, own, peer)
        return Way(own, peer, links), Way(peer, own, links)

    def welcomes(self, connection: Connection) -> bool:
        """Know a connection, let in or not, until it is over; False when this end is closing."""
        self.live.add(connection)
        connection.over.add_done_callback(lambda _: self.live.discard(connection))
        return not self.is_closing

    def opened(self, connection: Connection) -> None:
        """Send over this connection: when a peer connects anew, the old connection is likely dead."""
        assert connection.peer is not None
        pair = connection.own, connection.peer
        previous = self.connections.get(pair)
        self.connections[pair] = connection
        if previous is not None:
            previous.abort("replaced by a newer connection")
        self._setup.on_change(*pair, True, "")  # noqa: FBT003  # its meaning is in StreamSetup

    def ended(self, connection: Connection, cause: str) -> None:
        """Forget a connection, unless a newer one has its place."""
        assert connection.peer is not None
        pair = connection.own, connection.peer
        if self.connections.get(pair) is connection:
            del self.connections[pair]
            self._setup.on_change(*pair, False, cause)  # noqa: FBT003  # its meaning is in StreamSetup

    def violated(self, connection: Connection, violation: Violation) -> None:
        """Count and tell."""
        self.counts.violations += 1
        self._setup.on_violation(connection.own, connection.peer, violation)

    def listen_in(self, source: ElementName, target: ElementName, frame: bytearray, start: int) -> None:
        """Show a frame to whoever listens."""
        for tap in self.taps:
            tap(source, target, bytes(memoryview(frame)[start:]))

    def _element(self, tls: ssl.SSLObject) -> ElementName:
        identity = self._setup.doorkeeper.identify(tls, self._setup.now())
        match identity.role:
            case Role.KM:
                return km_of(NodeId(identity.name))
            case Role.ELEMENT if kind_of(ElementName(identity.name)) == TWIN:  # and none that is named like a KM
                return ElementName(identity.name)
            case _:
                raise UnknownPeer(f"{identity} has no stream to a key manager")


async def _connect(connection: Connection, address: tuple[str, int], context: ssl.SSLContext) -> None:
    host, port = address
    async with asyncio.timeout(HANDSHAKE_TIMEOUT):
        await asyncio.get_running_loop().create_connection(
            lambda: connection,
            host,
            port,
            ssl=context,
            server_hostname=host,
            ssl_handshake_timeout=HANDSHAKE_TIMEOUT,
            ssl_shutdown_timeout=HANDSHAKE_TIMEOUT,
        )
