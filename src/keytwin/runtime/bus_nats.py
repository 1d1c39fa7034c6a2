"""The bus between processes: a server of NATS on this machine, and each process with a certificate of its own.

A key manager hears `km.<node>.cmd` and speaks on `km.<node>.evt`, and the server refuses it anything else; control is
at the other ends. The server takes its users from the URI names of certificates (`verify_and_map`). Still a hint: what
finds no room, or no server, is dropped and counted.
"""

from __future__ import annotations

import asyncio
import logging
from collections import Counter, deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Final

import msgspec

from keytwin.runtime.bus_codec import Codec
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.tls import client_context
from keytwin.vocabulary.errors import Refusal, Violation
from keytwin.vocabulary.identity import ElementName, NodeId, km_of
from keytwin.vocabulary.machine import Message

if TYPE_CHECKING:
    from nats.aio.client import Client
    from nats.aio.msg import Msg

MOST_WAITING: Final = 4_096  # messages to publish, and again as many to hear: control of a hundred nodes in one burst
MOST_OCTETS: Final = 8 * 1024 * 1024  # of what waits to be heard
LARGEST: Final = 512 * 1024  # octets of one message: a topology of some thousand links
RECONNECT: Final = 0.1  # seconds between two attempts
PATIENCE: Final = 5  # seconds for one attempt
FIRST_WAIT: Final = 2.0  # seconds
REMEDY: Final = "pip install 'keytwin[distributed]'"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BusSeat:
    """A place at the bus: of one node's key manager, or (None) of control; the server's address, and whose files."""

    node: NodeId | None
    address: tuple[str, int]
    files: LeafFiles

    @property
    def hears(self) -> str:
        """The subject to subscribe to."""
        return "km.*.evt" if self.node is None else command_subject(self.node)


class _Posted(msgspec.Struct, frozen=True, array_like=True):
    source: ElementName
    target: ElementName
    message: bytes


class NatsBus:
    """One process's connection to the bus; made inside a running loop."""

    def __init__(self, seat: BusSeat, deliver: Callable[[ElementName, Message], None]) -> None:
        self._seat = seat
        self._deliver = deliver
        self._codec: Codec[Message] = Codec(Message)
        self._waiting: deque[tuple[str, bytes]] = deque()
        self._is_any, self._is_up = asyncio.Event(), asyncio.Event()
        self._trouble = ""
        self._client: Client | None = None
        self._pump: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()  # published, delivered, dropped, refused

    async def open(self) -> None:
        """Begin to connect, and come back whenever the server does; wait a moment until it is so, as it mostly is.

        A server that is away keeps nobody from its work: sessions that stand need no bus. Refusal without the library.
        """
        library()
        self._pump = asyncio.get_running_loop().create_task(self._keep_up(), name="bus")
        with suppress(TimeoutError):
            await asyncio.wait_for(self._is_up.wait(), FIRST_WAIT)

    def publish(self, source: ElementName, target: ElementName, message: Message) -> None:
        """Carry a message soon, or lose it; AssertionError for one whose kind may hold key."""
        octets = msgspec.msgpack.encode(_Posted(source, target, self._codec.encode(message)))
        if len(self._waiting) >= MOST_WAITING or len(octets) > LARGEST:
            self.counts["dropped"] += 1
            return
        node = self._seat.node
        subject = command_subject(_node_of(target)) if node is None else event_subject(node)
        self._waiting.append((subject, octets))
        self._is_any.set()

    async def close(self) -> None:
        """Leave the bus; what still waits is lost."""
        if self._pump is not None:
            self._pump.cancel()
            with suppress(asyncio.CancelledError):
                await self._pump
        if self._client is not None:
            await self._client.close()

    async def _keep_up(self) -> None:
        client = self._client = library().NATS()
        host, port = self._seat.address
        await client.connect(
            f"tls://{host}:{port}",
            tls=client_context(self._seat.files),
            tls_hostname=host,
            connect_timeout=PATIENCE,
            reconnect_time_wait=RECONNECT,
            max_reconnect_attempts=-1,
            error_cb=self._failed,
        )
        await client.subscribe(
            self._seat.hears, cb=self._heard, pending_msgs_limit=MOST_WAITING, pending_bytes_limit=MOST_OCTETS
        )
        await client.flush()
        self._is_up.set()
        while True:
            await self._is_any.wait()
            self._is_any.clear()
            await self._publish_waiting(client)

    async def _publish_waiting(self, client: Client) -> None:
        while self._waiting:
            subject, octets = self._waiting.popleft()
            try:
                await client.publish(subject, octets)
                self.counts["published"] += 1
            except library().errors.Error as error:  # the server is away, and what may wait for it is full
                self.counts["dropped"] += 1
                log.debug("the bus lost a message: %s", error)

    async def _heard(self, heard: Msg) -> None:
        try:
            posted = msgspec.msgpack.decode(heard.data, type=_Posted)
            message = self._codec.decode(posted.message)
            self._check(heard.subject, posted, message)
        except (msgspec.DecodeError, Violation) as violation:
            self.counts["refused"] += 1
            log.warning("refused on %s: %s", heard.subject, violation)
            return
        self.counts["delivered"] += 1
        self._deliver(posted.target, message)

    def _check(self, subject: str, posted: _Posted, message: Message) -> None:
        """Hold what a message says of its sender against the subject, which the server has held against its owner."""
        if self._seat.node is not None:
            if posted.target != km_of(self._seat.node):
                raise Violation(f"it is for {posted.target}")
            return
        node = _node_of(posted.source)
        own = getattr(message, "node", node)
        reply_to = getattr(message, "reply_to", posted.source)
        if subject != event_subject(node) or own != node or reply_to != posted.source:
            raise Violation(f"{type(message).__name__} in the name of another key manager")

    async def _failed(self, error: Exception) -> None:
        trouble = f"{type(error).__name__}: {error}"
        if trouble != self._trouble:  # it is tried ten times a second
            self._trouble = trouble
            log.warning("bus: %s", trouble)


def command_subject(node: NodeId) -> str:
    """Return the subject of what a node's key manager is told."""
    return f"km.{_token(node)}.cmd"


def event_subject(node: NodeId) -> str:
    """Return the subject of what a node's key manager tells."""
    return f"km.{_token(node)}.evt"


def library() -> ModuleType:
    """Return the client library; Refusal, with what to install, where it is missing."""
    try:
        import nats  # noqa: PLC0415  # an extra: a network in one process needs none
    except ImportError as error:
        raise Refusal(f"key managers in processes of their own need nats-py, which is not here: {REMEDY}") from error
    return nats


def _token(node: NodeId) -> str:
    """Return a node's name as one token of a subject: dots part tokens, and no name has a percent sign."""
    return node.replace(".", "%2E")


def _node_of(element: ElementName) -> NodeId:
    kind, _, node = element.partition("/")
    if kind != "km":
        raise Violation(f"{element} has no place at the bus of key managers")
    return NodeId(node)
