"""The load of `live_client.c` where that cannot be compiled: same arguments, same output, more of the processor.

Clients are tasks of one process; see the head of `live_client.c`.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import msgspec
import uvloop

WARM_UP: Final = 5  # pairs


@dataclass(frozen=True, slots=True)
class Face:
    """Where a key manager serves, and who asks it."""

    host: str
    port: str
    sae: str
    context: ssl.SSLContext


@dataclass(slots=True)
class Connection:
    """A keep-alive connection to a face."""

    face: Face
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, start: str, body: bytes = b"") -> list[dict[str, str]]:
        """Ask, and return the keys of the answer; none when it is a refusal."""
        head = f"{start} HTTP/1.1\r\nHost: {self.face.host}:{self.face.port}\r\n"
        if body:
            head += f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n"
        self.writer.write(f"{head}\r\n".encode() + body)
        lines = (await self.reader.readuntil(b"\r\n\r\n")).lower().splitlines()
        size = next(int(line[15:]) for line in lines if line.startswith(b"content-length:"))
        answer = await self.reader.readexactly(size)
        keys: list[dict[str, str]] = msgspec.json.decode(answer)["keys"] if lines[0].split()[1] == b"200" else []
        return [{"key_ID": key["key_ID"], "key": key["key"]} for key in keys]


@dataclass(slots=True)
class Client:
    """One that asks for pairs, one after the other."""

    master: Connection
    slave: Connection
    keys: int
    errors: int = 0
    times: list[float] = field(default_factory=list)

    async def pair(self) -> bool:
        """Ask as master, fetch as slave, compare."""
        got = await self.master.ask(f"GET /api/v1/keys/{self.slave.face.sae}/enc_keys?number={self.keys}")
        if len(got) != self.keys:
            return False
        path = f"/api/v1/keys/{self.master.face.sae}/dec_keys"
        if self.keys == 1:
            fetched = await self.slave.ask(f"GET {path}?key_ID={got[0]['key_ID']}")
        else:
            wanted = {"key_IDs": [{"key_ID": key["key_ID"]} for key in got]}
            fetched = await self.slave.ask(f"POST {path}", msgspec.json.encode(wanted))
        if fetched and fetched != got:
            sys.exit("live_client: the two ends have got different keys")
        return bool(fetched)

    async def work(self, end: float) -> None:
        """Ask until the time is over."""
        while (began := time.perf_counter()) < end:
            if await self.pair():
                self.times.append((time.perf_counter() - began) * 1e6)
            else:
                self.errors += 1


async def main(clients: str, seconds: str, keys: str, both_ways: str, *rest: str) -> None:
    """Connect, warm up, work, tell."""
    first, second = _faces(*rest)
    everyone = []
    for number in range(int(clients)):
        ends = (second, first) if both_ways == "1" and number % 2 else (first, second)
        everyone.append(Client(await _dial(ends[0]), await _dial(ends[1]), int(keys)))
    for client in everyone:
        for _ in range(WARM_UP):
            await client.pair()
    print("go", flush=True)
    began = time.perf_counter()
    await asyncio.gather(*(client.work(began + float(seconds)) for client in everyone))
    print(msgspec.json.encode(_told(everyone, time.perf_counter() - began)).decode())


def _told(everyone: list[Client], taken: float) -> dict[str, Any]:
    times = sorted(each for client in everyone for each in client.times) or [0.0]
    return {
        "pairs": sum(len(client.times) for client in everyone),
        "errors": sum(client.errors for client in everyone),
        "seconds": taken,
        "median": times[len(times) // 2],
        "p99": times[len(times) * 99 // 100],
    }


def _faces(host: str, ca: str, *ends: str) -> Iterator[Face]:
    for at in (0, 4):
        port, sae, certificate, key = ends[at : at + 4]
        context = ssl.create_default_context(cafile=ca)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(certificate, key)
        yield Face(host, port, sae, context)


async def _dial(face: Face) -> Connection:
    reader, writer = await asyncio.open_connection(face.host, int(face.port), ssl=face.context)
    return Connection(face, reader, writer)


if __name__ == "__main__":
    uvloop.run(main(*sys.argv[1:]))
