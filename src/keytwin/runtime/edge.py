"""A face on the network: accepts connections, as many as there is room for, and ends them.

HTTP/1.1 over mutual TLS (ETSI GS QKD 014 V1.1.1 clause 5). What a connection does is in `edge_connection`.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Final

from keytwin.runtime.edge_connection import EdgeConnection, EdgeSetup, Register
from keytwin.runtime.identities import Identity

BACKLOG: Final = 1_024  # connections that the kernel holds until they are accepted
TURN: Final = 0.005  # seconds between two looks at whether all have gone


@dataclass(frozen=True, slots=True)
class EdgeStatistics:
    """What a face has open and has counted since it began."""

    connections: int
    idle: int
    requests: int
    refused: int
    strangers: int
    failed_handshakes: int
    failures: int


class Edge:
    """One listening face; made and used on one event loop."""

    def __init__(self, setup: EdgeSetup) -> None:
        self._setup = setup
        self._register = Register(setup.label)
        self._server: asyncio.Server | None = None

    @property
    def port(self) -> int:
        """The port listened at, also when 0 was asked for."""
        assert self._server is not None, "listen first"
        port = self._server.sockets[0].getsockname()[1]
        assert isinstance(port, int)
        return port

    async def listen(self, host: str, port: int) -> None:
        """Accept connections at each address of a host; OSError when one of them is taken."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: EdgeConnection(self._setup, self._register, loop).wire,
            host,
            port,
            backlog=BACKLOG,
            reuse_address=True,
        )

    async def close(self) -> None:
        """Accept no more, end all connections, and return when they are gone."""
        if self._server is not None:
            self._server.close()
        for connection in tuple(self._register.connections):
            connection.close()
        time = asyncio.get_running_loop().time
        until = time() + self._setup.limits.linger_seconds
        while self._register.connections:
            if time() > until:  # they read too slowly, or not at all
                for connection in tuple(self._register.connections):
                    connection.close(at_once=True)
            await asyncio.sleep(TURN)

    def close_connections_of(self, identity: Identity) -> None:
        """End what somebody has open who may not be there any more."""
        for connection in tuple(self._register.connections):
            if connection.peer is not None and connection.peer.identity == identity:
                connection.close()

    def statistics(self) -> EdgeStatistics:
        """Return what is open and what was counted."""
        register = self._register
        return EdgeStatistics(
            connections=len(register.connections),
            idle=len(register.idle),
            requests=register.requests,
            refused=register.refused,
            strangers=register.strangers,
            failed_handshakes=register.failed_handshakes,
            failures=register.failures,
        )
