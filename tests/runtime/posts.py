"""Streams of one process with all they deliver, and strangers that speak TLS by hand, for tests of the transport."""

from __future__ import annotations

import asyncio
import contextlib
import random
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeVar

import uvloop

from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import Doorkeeper, client_context, server_context
from keytwin.runtime.transport import Backoff, Pair, Streams, StreamSetup
from keytwin.runtime.transport_codec import GREETING
from keytwin.runtime.transport_connection import ALPN
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeysReceived
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId
from keytwin.vocabulary.machine import Message

AB, FIBRE, BC = LinkId("a--b"), LinkId("a--b/fibre"), LinkId("b--c")
LINKS = frozenset({AB, FIBRE, BC})
KM_A, KM_B, KM_C = (ElementName(f"km/{node}") for node in "abc")
TWIN_AB = ElementName("link/a--b")
HOST = "127.0.0.1"
PATIENCE = 30.0  # seconds until a test gives up; none waits that long unless it fails
What = TypeVar("What")
LOOPS: dict[str, Callable[[], asyncio.AbstractEventLoop]] = {
    "asyncio": asyncio.new_event_loop,
    "uvloop": uvloop.new_event_loop,
}


def in_loop(maker: Callable[[], asyncio.AbstractEventLoop], scene: Coroutine[object, object, None]) -> None:
    """Run a scene to its end in a loop of its own."""

    async def bounded() -> None:
        async with asyncio.timeout(PATIENCE):
            await scene

    with asyncio.Runner(loop_factory=maker) as runner:
        runner.run(bounded())


def identity(element: ElementName) -> Identity:
    role, _, name = element.partition("/")
    return Identity(Role.KM, name) if role == "km" else Identity(Role.ELEMENT, element)


def papers(authority: Authority, element: ElementName) -> LeafFiles:
    """Issue an element its certificate, for this host."""
    return authority.issue(identity(element), datetime.now(UTC), ("localhost", HOST))


def acknowledgement(offset: int, sender: str = "a", link: LinkId = AB) -> KeysReceived:
    """Return a small message, to be told from others by its offset."""
    return KeysReceived(NodeId(sender), NodeId("b" if sender == "a" else "a"), link, 1, offset)


def raw(octets: bytes) -> bytes:
    """Return octets as a frame."""
    return len(octets).to_bytes(4) + octets


@dataclass
class Post:
    """The streams of one process; `until` waits for anything that happens to them."""

    authority: Authority

    def __post_init__(self) -> None:
        self.letters: list[tuple[ElementName, ElementName, Message]] = []
        self.violations: list[tuple[ElementName, ElementName | None, Violation]] = []
        self.changes: list[tuple[ElementName, ElementName, bool, str]] = []
        self._waiting: list[tuple[Callable[[], bool], asyncio.Future[None]]] = []
        self.streams = Streams(
            StreamSetup(
                links=LINKS,
                doorkeeper=Doorkeeper("net", self.authority.is_denied),
                now=lambda: datetime.now(UTC),
                dice=random.Random(1),
                on_violation=lambda *what: self._note(self.violations, what),
                on_change=lambda *what: self._note(self.changes, what),
                backoff=Backoff(first=0.001, longest=0.01),
            ),
            lambda *what: self._note(self.letters, what),
        )

    def _note(self, book: list[What], what: What) -> None:
        book.append(what)
        for condition, future in self._waiting:
            if condition() and not future.done():
                future.set_result(None)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that happens makes the condition true."""
        if not condition():
            future = asyncio.get_running_loop().create_future()
            self._waiting.append((condition, future))
            await future

    async def connected(self, *pairs: Pair) -> None:
        await self.until(lambda: set(pairs) <= set(self.streams.statistics().connected))

    async def received(self, number: int) -> None:
        await self.until(lambda: len(self.letters) == number)

    async def parted(self, pair: Pair) -> None:
        await self.until(lambda: pair not in self.streams.statistics().connected)

    @property
    def offsets(self) -> list[int]:
        """The offsets of the acknowledgements that came, in their order."""
        return [message.offset for _, _, message in self.letters if isinstance(message, KeysReceived)]

    @property
    def accusations(self) -> list[tuple[ElementName, ElementName | None, str]]:
        return [(own, peer, str(violation)) for own, peer, violation in self.violations]


@contextlib.asynccontextmanager
async def post(authority: Authority) -> AsyncIterator[Post]:
    """Open a post, and close it whatever happens."""
    opened = Post(authority)
    try:
        yield opened
    finally:
        await opened.streams.close()


@contextlib.asynccontextmanager
async def pair(authority: Authority, own: ElementName = KM_A, peer: ElementName = KM_B) -> AsyncIterator[Post]:
    """Open a post in which `own` is connected to `peer`, which listens."""
    async with post(authority) as opened:
        await opened.streams.listen(peer, papers(authority, peer), HOST, 0)
        address = HOST, opened.streams.port(peer)
        opened.streams.dial(own, peer, address, papers(authority, own))
        await opened.connected((own, peer), (peer, own))
        yield opened


@dataclass
class Stranger:
    """Someone who speaks TLS by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def is_greeted(self) -> bool:
        """Whether the listener lets it in; in TLS 1.3 only this tells."""
        try:
            return await self.reader.readexactly(len(GREETING)) == GREETING
        except (asyncio.IncompleteReadError, OSError):
            return False

    async def is_thrown_out(self) -> None:
        """Wait for the end of the connection."""
        with contextlib.suppress(OSError):
            while await self.reader.read(1 << 16):
                pass

    def vanish(self) -> None:
        """Go without a word."""
        self.writer.transport.abort()


@contextlib.asynccontextmanager
async def stranger(port: int, context: ssl.SSLContext) -> AsyncIterator[Stranger]:
    """Connect by hand."""
    reader, writer = await asyncio.open_connection(HOST, port, ssl=context, server_hostname=HOST)
    try:
        yield Stranger(reader, writer)
    finally:
        writer.transport.abort()
        with contextlib.suppress(OSError):
            await writer.wait_closed()


def speaking(files: LeafFiles, alpn: tuple[str, ...] = (ALPN,)) -> ssl.SSLContext:
    return client_context(files, alpn)


@contextlib.asynccontextmanager
async def serving(files: LeafFiles, meet: Callable[[Stranger], None]) -> AsyncIterator[int]:
    """Listen by hand, at a port that is told."""
    met: list[Stranger] = []

    def come(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        met.append(Stranger(reader, writer))
        meet(met[-1])

    server = await asyncio.start_server(come, HOST, 0, ssl=server_context(files, (ALPN,)))
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()
        for each in met:
            each.vanish()
