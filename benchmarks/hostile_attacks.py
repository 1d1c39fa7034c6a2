"""`python -m benchmarks.hostile_attacks NAME PORT CA CERTIFICATE KEY`: one attack on a face, in a process of its own.

Prints `ready` when all is in place, and when it reads a line, `Held`: what it had then. The certificate is that of an
SAE which may be there: a stranger would get less far.
"""

from __future__ import annotations

import asyncio
import resource
import ssl
import sys
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import msgspec
import uvloop

from benchmarks.live_load import HOST

IDLE: Final = 5_000  # connections
MUTE: Final = 5_000
TRICKLES: Final = 100
FLOOD: Final = 16  # handshakes at once
AT_ONCE: Final = 32  # handshakes under way while connections are built up
DRIP: Final = 0.5  # seconds between two octets of a header
BODY: Final = 1024 * 1024 * 1024  # octets
PIECE: Final = 65_536
SPARE: Final = 256  # descriptors for all else
AGAIN: Final = 0.05  # seconds until a connection that was closed is opened anew
PATIENCE: Final = 10.0
HEAD: Final = b"POST /api/v1/keys/x/enc_keys HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


class Held(msgspec.Struct, frozen=True):
    """What an attack had: connections it wanted and had open in the end, and how many it opened in all."""

    wanted: int
    open: int
    opened: int


@dataclass(slots=True)
class Stage:
    """Whom it is against, with what, and how far it is."""

    port: int
    context: ssl.SSLContext
    bare: ssl.SSLContext
    wanted: int = 0
    open: int = 0
    opened: int = 0
    is_ready: asyncio.Event = field(default_factory=asyncio.Event)


class Mute(asyncio.Protocol):
    """A connection that says nothing and reads whatever comes."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self.is_lost = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._stage.open += 1
        self._stage.opened += 1

    def connection_lost(self, exc: Exception | None) -> None:
        self._stage.open -= 1
        if not self.is_lost.done():
            self.is_lost.set_result(None)


async def one_mute(stage: Stage) -> None:
    """One TCP connection that never speaks TLS."""
    await _hold_mute(stage, 1)


async def many_mute(stage: Stage) -> None:
    """Thousands of them."""
    await _hold_mute(stage, MUTE)


async def idle_tls(stage: Stage) -> None:
    """Thousands of TLS connections with a good certificate, each of which asks for nothing."""
    stage.wanted, turns = _affordable(IDLE), asyncio.Semaphore(AT_ONCE)

    async def hold() -> None:
        loop = asyncio.get_running_loop()
        async with turns:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    await loop.create_connection(
                        lambda: Mute(stage), HOST, stage.port, ssl=stage.context, server_hostname=HOST
                    )

    await asyncio.gather(*(hold() for _ in range(stage.wanted)))
    stage.is_ready.set()


async def trickle(stage: Stage) -> None:
    """Headers that come an octet at a time; the handshakes come one after the other, for they are not the attack."""
    stage.wanted, turns = TRICKLES, asyncio.Semaphore(1)

    async def drip() -> None:
        while True:
            with suppress(OSError, EOFError):
                async with turns:
                    reader, writer = await _join(stage)
                if stage.opened == TRICKLES:
                    stage.is_ready.set()
                try:
                    for octet in HEAD:
                        if reader.at_eof() or writer.is_closing():
                            break
                        writer.write(bytes([octet]))
                        await asyncio.sleep(DRIP)
                finally:
                    stage.open -= 1
                    writer.transport.abort()
            await asyncio.sleep(AGAIN)

    await asyncio.gather(*(drip() for _ in range(TRICKLES)))


async def large_body(stage: Stage) -> None:
    """A body of 1 GiB, announced or in chunks, sent on for as long as anybody listens."""
    chunk = f"{PIECE:x}\r\n".encode() + bytes(PIECE) + b"\r\n"
    announced = (HEAD + f"Content-Length: {BODY}\r\n\r\n".encode(), bytes(PIECE))
    chunked = (HEAD + b"Transfer-Encoding: chunked\r\n\r\n", chunk)
    stage.wanted = 2

    async def push() -> None:
        while True:
            for head, piece in (announced, chunked):
                with suppress(OSError, EOFError):
                    _, writer = await _join(stage)
                    try:
                        writer.write(head)
                        for _ in range(BODY // PIECE):
                            writer.write(piece)
                            await writer.drain()
                    finally:
                        stage.open -= 1
                        writer.transport.abort()

    await _all(stage, push, 2)


async def flood(stage: Stage) -> None:
    """Handshakes without a certificate, as fast as they go."""
    stage.wanted = FLOOD

    async def knock() -> None:
        while True:
            with suppress(OSError, EOFError, TimeoutError):
                async with asyncio.timeout(PATIENCE):
                    reader, writer = await asyncio.open_connection(HOST, stage.port, ssl=stage.bare)
                    stage.opened += 1
                    try:
                        await reader.read(1)  # with TLS 1.3 the refusal comes at the first read
                    finally:
                        writer.transport.abort()
            await asyncio.sleep(0)

    await _all(stage, knock, FLOOD)


ATTACKS: Final[dict[str, Callable[[Stage], Awaitable[None]]]] = {
    each.__name__: each for each in (one_mute, many_mute, idle_tls, trickle, large_body, flood)
}


async def main(name: str, port: str, ca: str, certificate: str, key: str) -> None:
    """Attack until a line is read."""
    stage = Stage(int(port), _context(ca), _context(ca))
    stage.context.load_cert_chain(certificate, key)
    attack = asyncio.ensure_future(ATTACKS[name](stage))
    ready = asyncio.ensure_future(stage.is_ready.wait())
    await asyncio.wait((attack, ready), return_when=asyncio.FIRST_COMPLETED)
    if attack.done():
        attack.result()
    print("ready", flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.readline)
    sys.stdout.buffer.write(msgspec.json.encode(Held(stage.wanted, stage.open, stage.opened)) + b"\n")


async def _hold_mute(stage: Stage, number: int) -> None:
    stage.wanted = _affordable(number)

    async def hold() -> None:
        loop = asyncio.get_running_loop()
        while True:
            with suppress(OSError):
                _, mute = await loop.create_connection(lambda: Mute(stage), HOST, stage.port)
                await mute.is_lost
            await asyncio.sleep(AGAIN)

    await _all(stage, hold, stage.wanted)


async def _all(stage: Stage, work: Callable[[], Awaitable[None]], number: int) -> None:
    stage.is_ready.set()
    await asyncio.gather(*(work() for _ in range(number)))


async def _join(stage: Stage) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    joined = await asyncio.open_connection(HOST, stage.port, ssl=stage.context)
    stage.open += 1
    stage.opened += 1
    return joined


def _context(ca: str) -> ssl.SSLContext:
    return ssl.create_default_context(cafile=ca)


def _affordable(number: int) -> int:
    """Return how many connections may be had, with the limit of descriptors raised as far as it goes."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    return number if most == resource.RLIM_INFINITY else max(1, min(number, most - SPARE))


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
