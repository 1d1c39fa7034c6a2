"""Well-behaved SAEs as a process of `benchmarks.hostile`: pairs by ETSI GS QKD 014, at a gentle pace, for some seconds.

Stdin holds two ends and the authority (JSON); stdout is one `Service`. Some clients keep their connections, some come
anew for each pair, as whoever does not know yet what goes on there. Nothing is repeated: what breaks off is an error.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from dataclasses import dataclass, field
from typing import Final

import msgspec
import uvloop

from benchmarks.live_client import Connection, Face
from benchmarks.live_load import HOST

KEPT: Final = 8  # clients
FRESH: Final = 2
PAUSE: Final = 0.02  # seconds between two pairs of a client: the server is not to be busy before the attack begins
PATIENCE: Final = 5.0  # seconds for one request


class Ask(msgspec.Struct, frozen=True):
    """Where to ask: ports, SAEs, and files of certificates and keys."""

    ports: tuple[int, int]
    saes: tuple[str, str]
    certificates: tuple[str, str]
    keys: tuple[str, str]
    ca: str
    seconds: float


class Service(msgspec.Struct, frozen=True):
    """How well they were served: requests answered, milliseconds of one, errors, and the first that came."""

    requests: int
    seconds: float
    median: float
    p99: float
    errors: int = 0
    first_error: str = ""

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


@dataclass(slots=True)
class Notes:
    """What the clients saw."""

    times: list[float] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)


def service_of(times: list[float], seconds: float, errors: list[str]) -> Service:
    """Sum up; `times` in seconds. Where nothing was answered, it counts as waited for to the end."""
    ordered = sorted(times) or [PATIENCE]
    return Service(
        requests=len(times),
        seconds=seconds,
        median=1_000 * ordered[len(ordered) // 2],
        p99=1_000 * ordered[len(ordered) * 99 // 100],
        errors=len(errors),
        first_error=errors[0] if errors else "",
    )


class GoodClient:
    """One client with a connection to each end."""

    def __init__(self, faces: tuple[Face, Face], notes: Notes, *, is_fresh: bool) -> None:
        self._faces, self._notes, self._is_fresh = faces, notes, is_fresh
        self._connections: list[Connection] = []

    async def work(self, end: float) -> None:
        """Take pairs until the time is over."""
        while time.perf_counter() < end:
            try:
                await self._pair()
            except (OSError, EOFError, LookupError, TimeoutError, asyncio.LimitOverrunError) as error:
                self._notes.errors.append(f"{type(error).__name__}: {error}")
                self._hang_up()
            if self._is_fresh:
                self._hang_up()
            await asyncio.sleep(PAUSE)
        self._hang_up()

    async def _pair(self) -> None:
        began = time.perf_counter()  # a handshake counts as part of the request that needs it
        if not self._connections:
            async with asyncio.timeout(PATIENCE):
                self._connections = [await _dial(face) for face in self._faces]
        first, second = self._connections
        (key,) = await self._ask(first, f"GET /api/v1/keys/{second.face.sae}/enc_keys", began)
        path = f"/api/v1/keys/{first.face.sae}/dec_keys?key_ID={key['key_ID']}"
        if await self._ask(second, f"GET {path}", time.perf_counter()) != [key]:
            raise LookupError("the two ends have not the same key")

    async def _ask(self, connection: Connection, start: str, began: float) -> list[dict[str, str]]:
        async with asyncio.timeout(PATIENCE):
            keys = await connection.ask(start)
        if not keys:
            raise LookupError("a request was refused")
        self._notes.times.append(time.perf_counter() - began)
        return keys

    def _hang_up(self) -> None:
        for connection in self._connections:
            connection.writer.transport.abort()
        self._connections = []


async def main() -> None:
    """Work and tell."""
    ask = msgspec.json.decode(sys.stdin.buffer.read(), type=Ask)
    faces = _face(ask, 0), _face(ask, 1)
    notes = Notes()
    clients = [GoodClient(faces, notes, is_fresh=number >= KEPT) for number in range(KEPT + FRESH)]
    began = time.perf_counter()
    await asyncio.gather(*(client.work(began + ask.seconds) for client in clients))
    told = service_of(notes.times, time.perf_counter() - began, notes.errors)
    sys.stdout.buffer.write(msgspec.json.encode(told))


def _face(ask: Ask, number: int) -> Face:
    context = ssl.create_default_context(cafile=ask.ca)
    context.load_cert_chain(ask.certificates[number], ask.keys[number])
    return Face(HOST, str(ask.ports[number]), ask.saes[number], context)


async def _dial(face: Face) -> Connection:
    reader, writer = await asyncio.open_connection(face.host, int(face.port), ssl=face.context)
    return Connection(face, reader, writer)


if __name__ == "__main__":
    uvloop.run(main())
