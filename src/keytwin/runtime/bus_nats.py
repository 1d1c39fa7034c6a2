"""The bus between processes: a server of NATS on this machine, and each process with a certificate of its own.

A key manager hears `km.<node>.cmd` and speaks on `km.<node>.evt`, and the server refuses it anything else; control is at
the other ends. The server takes its users from the URI names of certificates (`verify_and_map`). Still a hint: what finds
no room, or no server, is dropped and counted.
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
        self._is_any = asyncio.Event()
        self._client: Client | None = None
        self._pump: asyncio.Task[None] | None = None
        self.counts: Counter[str] = Counter()  # published, delivered, dropped, refused

    async def open(self) -> None:
        """Connect, and from now on come back whenever the server does; Refusal when it lets nobody in."""
        nats = library()
        host, port = self._seat.address
        try:
            self._client = await nats.connect(
                f"tls://{host}:{port}",
                tls=client_context(self._seat.files),
                tls_hostname=host,
                connect_timeout=PATIENCE,
                reconnect_time_wait=RECONNECT,
                max_reconnect_attempts=-1,
                error_cb=self._failed,
            )
        except (OSError, nats.errors.Error) as error:
            raise Refusal(f"the bus at {host}:{port} lets {self._seat.files.identity} not in: {error}") from error
        hears = self._seat.hears
        limits = {"pending_msgs_limit": MOST_WAITING, "pending_bytes_limit": MOST_OCTETS}
        await self._client.subscribe(hears, cb=self._heard, **limits)
        self._pump = asyncio.get_running_loop().create_task(self._publish_on(self._client), name="bus")

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

    async def _publish_on(self, client: Client) -> None:
        while True:
            await self._is_any.wait()
            while self._waiting:
                subject, octets = self._waiting.popleft()
                try:
                    await client.publish(subject, octets)
                    self.counts["published"] += 1
                except library().errors.Error as error:  # the server is away, and what may wait for it is full
                    self.counts["dropped"] += 1
                    log.debug("the bus lost a message: %s", error)
            self._is_any.clear()

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
        log.warning("bus: %s", error or type(error).__name__)


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
