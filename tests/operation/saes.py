"""SAEs of a test: clients of ETSI GS QKD 014 on the test's own loop, over mutual TLS, with connections kept alive."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from keytwin.operation.calls import leaf_files
from keytwin.operation.certification import sae_identity
from keytwin.operation.office import Office
from keytwin.runtime.tls import client_context
from keytwin.service.operator_values import SaeStatus

Keys = dict[str, bytes]


@dataclass(slots=True)
class Sae:
    """One connection of an SAE to its key manager's face."""

    end: SaeStatus
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def ask(self, method: str, body: object = None) -> tuple[int, bytes]:
        """Ask for a method of the face, with the peer in the path; return status and body."""
        verb, octets = ("GET", b"") if body is None else ("POST", msgspec.json.encode(body))
        head = f"{verb} /api/v1/keys/{self.end.peer}/{method} HTTP/1.1\r\nHost: localhost\r\n"
        if octets:
            head += f"Content-Type: application/json\r\nContent-Length: {len(octets)}\r\n"
        self.writer.write(head.encode() + b"\r\n" + octets)
        answer = (await self.reader.readuntil(b"\r\n\r\n")).decode().lower()
        length = int(answer.partition("content-length:")[2].partition("\r\n")[0])
        return int(answer.split()[1]), await self.reader.readexactly(length)

    async def take(self, number: int = 1) -> Keys:
        """Take keys as a master."""
        return contents(*await self.ask(f"enc_keys?number={number}"))

    async def fetch(self, keys: Keys) -> Keys:
        """Fetch keys as their slave."""
        return contents(*await self.ask("dec_keys", {"key_IDs": [{"key_ID": each} for each in keys]}))


def contents(status: int, body: bytes) -> Keys:
    assert status == 200, (status, body)
    return {each["key_ID"]: base64.b64decode(each["key"], validate=True) for each in msgspec.json.decode(body)["keys"]}


def end_of(office: Office, sae: str) -> SaeStatus:
    return next(each for each in office.status().saes if each.sae == sae)


@asynccontextmanager
async def connected(office: Office, sae: str) -> AsyncIterator[Sae]:
    """Connect an SAE to its key manager."""
    end = end_of(office, sae)
    where = urlsplit(end.url)
    context = client_context(leaf_files(sae_identity(end.sae), end.files))
    reader, writer = await asyncio.open_connection(where.hostname, where.port, ssl=context)
    try:
        yield Sae(end, reader, writer)
    finally:
        writer.close()


@asynccontextmanager
async def crowd(office: Office, sae: str, number: int) -> AsyncIterator[list[Sae]]:
    """Connect an SAE several times."""
    async with connected(office, sae) as first:
        if number == 1:
            yield [first]
            return
        async with crowd(office, sae, number - 1) as others:
            yield [first, *others]
