"""What a face puts up with from strangers: sizes and waits. RFC 9112 leaves each of them to the server."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class EdgeLimits:
    """Octets of a request, counts, and waits in seconds; beyond each of them the connection is refused or closed."""

    target: int = 4_096
    head: int = 8_192  # all header lines, trailers included
    lines: int = 64
    body: int = 65_536
    connections: int = 2_048  # at once, of peers that are known
    newcomers: int = 512  # besides them, which still shake hands
    handshake_seconds: float = 5.0
    receipt_seconds: float = 5.0  # from a request's first octet to its last
    answer_seconds: float = 30.0  # for the elements; longer than any patience that a message may carry
    drain_seconds: float = 10.0  # for a peer to read what was written
    idle_seconds: float = 60.0  # between requests: generous, for a handshake costs as much as forty requests
    linger_seconds: float = 0.5  # of hearing out a peer that was refused, so that it gets to read why

    @property
    def _waits(self) -> tuple[float, ...]:
        return (self.receipt_seconds, self.answer_seconds, self.drain_seconds, self.idle_seconds, self.linger_seconds)

    def __post_init__(self) -> None:
        assert min(self.target, self.head, self.lines, self.body, self.connections, self.newcomers, *self._waits) > 0

    @property
    def longest_head(self) -> int:
        """Octets of a request line and all that stands above the body."""
        return self.target + self.head

    @property
    def message(self) -> int:
        """Octets of a whole request: a body in chunks may carry as much again in their framing."""
        return self.longest_head + 2 * self.body


LIMITS: Final = EdgeLimits()
