"""A face on a loopback port, and peers that speak to it over real TLS: well, badly, or not at all."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path
from typing import Self, TypeVar

from keytwin.runtime.crash import supervising
from keytwin.runtime.edge import Edge, EdgeStatistics
from keytwin.runtime.edge_connection import EdgeSetup
from keytwin.runtime.edge_limits import EdgeLimits
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.pki import Authority
from keytwin.runtime.tls import Doorkeeper, client_context, server_context
from keytwin.service.http import JSON, Request, Response
from tests.fakes.asker import ScriptedAsker
from tests.runtime.papers import KM0, NOW, SAE

T = TypeVar("T")
PATIENCE = 20  # seconds of a peer in a test that is about to fail
# Waits that no test sees the end of are long, those that tests wait for are short; none is measured.
LIMITS = EdgeLimits(linger_seconds=0.02)
GET = b"GET /a HTTP/1.1\r\nHost: km0\r\n\r\n"
LAST = b"GET /last HTTP/1.1\r\nHost: km0\r\nConnection: close\r\n\r\n"


def echo(name: str, request: Request, request_id: str) -> Response:
    """Tell what was understood: the face of most tests here."""
    del request_id
    told = {
        "name": name,
        "method": request.method,
        "target": request.target,
        "type": request.content_type,
        "coding": request.content_encoding,
        "body": request.body.decode("latin-1"),
    }
    return Response(200, (("Content-Type", JSON),), json.dumps(told).encode())


@dataclass
class Place:
    """An authority, and a face that its papers open."""

    authority: Authority
    failures: list[Exception] = field(default_factory=list)
    asker: ScriptedAsker = field(default_factory=ScriptedAsker)
    statistics: EdgeStatistics | None = None

    @classmethod
    def made_in(cls, folder: Path) -> Place:
        return cls(Authority.create(folder / "pki", "star6", NOW))

    def setup(self, limits: EdgeLimits = LIMITS) -> EdgeSetup:
        return EdgeSetup(
            label="face",
            role=Role.SAE,
            context=server_context(self.authority.issue(KM0, NOW)),
            doorkeeper=Doorkeeper("star6", self.authority.is_denied),
            face=echo,
            asker=self.asker,
            supervise=supervising(self.failures.append),
            now=lambda: NOW,
            limits=limits,
        )

    def at(self, moment: Callable[[], datetime]) -> EdgeSetup:
        return replace(self.setup(), now=moment)

    def context(self, identity: Identity = SAE) -> ssl.SSLContext:
        return client_context(self.authority.issue(identity, NOW))

    def run(
        self,
        setup: EdgeSetup,
        talk: Callable[[int], T],
        loop: Callable[[], asyncio.AbstractEventLoop] = asyncio.new_event_loop,
    ) -> T:
        """Let a peer talk to the face from a thread of its own; `failures` are those of the face."""

        async def served() -> T:
            edge = Edge(setup)
            await edge.listen("127.0.0.1", 0)
            try:
                return await asyncio.to_thread(talk, edge.port)
            finally:
                self.statistics = edge.statistics()
                await edge.close()

        with asyncio.Runner(loop_factory=loop) as runner:
            return runner.run(served())

    def said(self, *pieces: bytes, setup: EdgeSetup | None = None) -> list[Answer]:
        """Return all answers to what one peer says in pieces, until the face closes the connection."""
        context = self.context()

        def talk(port: int) -> bytes:
            with Peer.joined(port, context) as peer:
                return peer.say(*pieces).heard()

        return answers(self.run(setup or self.setup(), talk))


@dataclass
class Peer:
    """A client made of nothing but a TLS socket."""

    socket: ssl.SSLSocket

    @classmethod
    def joined(cls, port: int, context: ssl.SSLContext) -> Peer:
        plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            return cls(context.wrap_socket(plain, server_hostname="localhost"))
        except OSError:
            plain.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def say(self, *pieces: bytes) -> Peer:
        for piece in pieces:
            try:
                self.socket.sendall(piece)
            except OSError:  # refused before the end, as a large body is
                break
        return self

    def ask(self, octets: bytes = GET) -> Answer:
        """Say a request, and read its answer."""
        return self.say(octets).answer()

    def heard(self) -> bytes:
        """Read until the face closes."""
        octets = b""
        try:
            while piece := self.socket.recv(65_536):
                octets += piece
        except ConnectionError:
            pass
        return octets

    def answer(self) -> Answer:
        """Read one answer, and no further."""
        octets = b""
        while b"\r\n\r\n" not in octets:
            octets += self._more()
        head, _, body = octets.partition(b"\r\n\r\n")
        while len(body) < Answer.of(head, b"").length:
            body += self._more()
        return Answer.of(head, body)

    def _more(self) -> bytes:
        piece = self.socket.recv(65_536)
        assert piece, "the face closed the connection in the middle of an answer"
        return piece


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes

    @classmethod
    def of(cls, head: bytes, body: bytes) -> Answer:
        first, *lines = head.decode("ascii").split("\r\n")
        version, status, phrase = first.split(" ", 2)
        assert version == "HTTP/1.1"
        assert phrase
        headers = dict(line.split(": ", 1) for line in lines)
        assert len(headers) == len(lines), "a header field twice"
        return cls(int(status), headers, body)

    @property
    def length(self) -> int:
        return int(self.headers.get("Content-Length", "0"))

    @property
    def told(self) -> dict[str, str]:
        value = json.loads(self.body)
        assert isinstance(value, dict)
        return value

    @property
    def closes(self) -> bool:
        return self.headers.get("Connection") == "close"


class HalfClosed:
    """A client that asks once, says that it sends no more, and then reads."""

    def __init__(self, port: int, context: ssl.SSLContext) -> None:
        self._plain = socket.create_connection(("127.0.0.1", port), PATIENCE)
        self._in, self._out = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._in, self._out, server_hostname="localhost")
        self._do(self._tls.do_handshake)
        self._tls.write(GET)
        with suppress(ssl.SSLWantReadError):
            self._tls.unwrap()
        self._plain.sendall(self._out.read())

    def heard(self) -> bytes:
        """Read until the face closes."""
        with self._plain:
            while octets := self._plain.recv(65_536):
                self._in.write(octets)
        return self._tls.read(65_536)

    def _do(self, step: Callable[[], None]) -> None:
        while True:
            try:
                step()
            except ssl.SSLWantReadError:
                self._plain.sendall(self._out.read())
                self._in.write(self._plain.recv(65_536))
            else:
                return


async def until(holds: Callable[[], object]) -> None:
    """Let the face go on until something holds."""
    while not holds():  # noqa: ASYNC110  # the face has no event for what only a test waits for
        await asyncio.sleep(0)


def answers(octets: bytes) -> list[Answer]:
    """Split what was heard into answers; nothing may be left over."""
    found = []
    while octets:
        head, end, octets = octets.partition(b"\r\n\r\n")
        assert end, "an answer without an end of its head"
        answer = Answer.of(head, b"")
        assert len(octets) >= answer.length, "an answer shorter than its length says"
        found.append(replace(answer, body=octets[: answer.length]))
        octets = octets[answer.length :]
    return found


def refused(found: list[Answer], status: int) -> str:
    """Check that the one answer is an Error after which the connection ends, and return its message."""
    (answer,) = found
    assert answer.status == status, answer
    assert answer.headers["Content-Type"] == JSON
    assert answer.closes
    assert answer.told.keys() == {"message"}
    return answer.told["message"]
