"""A server of NATS in tests, with an authority of its own, and connections to it."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from keytwin.runtime.bus_nats import BusSeat, NatsBus, library
from keytwin.runtime.bus_server import BusServer, listens, program
from keytwin.runtime.clock import wall_clock
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.pki import Authority
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.identity import ElementName, NodeId
from keytwin.vocabulary.machine import Message
from tests.fakes.ports import free_ports

HOST = "127.0.0.1"
HOSTS = ("localhost", HOST)
LONGEST = 20.0  # seconds until a test that hangs is a failed one
CONTROL = Identity(Role.ELEMENT, "control")
NODES = (NodeId("a"), NodeId("b"), NodeId("c.1"))


@dataclass
class Post:
    """What came at one place, and waits until something has."""

    came: list[tuple[ElementName, Message]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def __call__(self, target: ElementName, message: Message) -> None:
        self.came.append((target, message))
        self._changed.set()

    async def until(self, number: int) -> None:
        await until(lambda: len(self.came) >= number, self._changed)


async def until(is_so: Callable[[], bool], changed: asyncio.Event) -> None:
    async with asyncio.timeout(LONGEST):
        while not is_so():
            changed.clear()
            await changed.wait()


@dataclass
class Broker:
    """A server that runs, and can be started again."""

    folder: Path
    authority: Authority
    address: tuple[str, int]
    process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        now = wall_clock()
        kms = tuple((node, km(node)) for node in NODES)
        files = self.authority.issue(Identity(Role.ELEMENT, "bus"), now, HOSTS)
        server = BusServer(self.authority.network, self.address, files, CONTROL, kms)
        path = self.folder / "nats.conf"
        path.write_text(server.configuration(), encoding="utf-8")
        with (self.folder / "log").open("ab") as log:
            self.process = subprocess.Popen([program(), "--config", path], stdout=log, stderr=log)

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()
            self.process = None

    def seat(self, node: NodeId | None, identity: Identity | None = None) -> BusSeat:
        who = identity or (CONTROL if node is None else km(node))
        return BusSeat(node, self.address, self.authority.issue(who, wall_clock(), HOSTS if who.role.serves else ()))

    async def listens(self) -> bool:
        return await listens(self.address, LONGEST)


def km(node: NodeId) -> Identity:
    return Identity(Role.KM, node)


@contextmanager
def broker(folder: Path) -> Iterator[Broker]:
    """Run a server; skip, and say why, where there is none."""
    try:
        library()
        program()
    except Refusal as missing:
        pytest.skip(str(missing))
    address = (HOST, free_ports(1))
    running = Broker(folder, Authority.create(folder / "pki", "net", wall_clock()), address)
    running.start()
    try:
        yield running
    finally:
        running.kill()


@asynccontextmanager
async def seated(running: Broker, node: NodeId | None, post: Post) -> AsyncIterator[NatsBus]:
    """Take a place at the bus."""
    assert await running.listens()
    bus = NatsBus(running.seat(node), post)
    await bus.open()
    try:
        yield bus
    finally:
        await bus.close()
