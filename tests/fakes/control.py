"""A control plane that accepts everybody and configures the one route it was given: the far side of a key manager."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from keytwin.vocabulary.identity import Ksid, UserId, km_of
from keytwin.vocabulary.machine import Effect, Message, Record, Send
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    EndConfiguration,
    Neighbour,
    Reason,
    SessionAccepted,
    SessionClosing,
    UserAccepted,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, seconds

KSID = Ksid("00000000-0000-4000-8000-000000000001")


class AcceptingAccess:
    """Accepts every SAE."""

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del records, now
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        del now
        assert isinstance(message, AuthenticateUser)
        return [Send(message.reply_to, UserAccepted(message.open_id, UserId("alice")))]


@dataclass
class OneRoute:
    """Configures one session along `route` when both ends are there; the first node of the route is the first end."""

    route: Route
    rate: BitsPerSecond = BitsPerSecond(64_000)
    burst: Bits = Bits(256_000)
    key_size: Bits = Bits(256)
    batch: int = 8
    lease: Duration = seconds(900)
    algorithm: str = "pool"
    opened: dict[str, ConfigureSession] = field(default_factory=dict)
    heard: list[Message] = field(default_factory=list)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del records, now
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        del now
        self.heard.append(message)
        match message:
            case ConfigureSession():
                self.opened[message.node] = message
                accepted: list[Effect] = [Send(message.reply_to, SessionAccepted(message.open_id, KSID))]
                return accepted + (self.configure() if len(self.opened) == 2 else [])
            case SessionClosing():
                return self.delete()
            case _:
                return []

    def configure(self, epoch: int = 1) -> list[Effect]:
        return [Send(km_of(node), self.hop(index, epoch)) for index, node in enumerate(self.route.nodes)]

    def delete(self, epoch: int = 1, reason: Reason = Reason.CLOSED) -> list[Effect]:
        return [Send(km_of(node), DeleteSession(KSID, epoch, reason)) for node in self.route.nodes]

    def hop(self, index: int, epoch: int) -> ConfigureHop:
        nodes, links = self.route.nodes, self.route.links
        is_end = index in (0, self.route.hops)
        return ConfigureHop(
            ksid=KSID,
            epoch=epoch,
            priority=0,
            lease=self.lease,
            batch=self.batch,
            previous=Neighbour(nodes[index - 1], links[index - 1]) if index else None,
            next=Neighbour(nodes[index + 1], links[index]) if index < self.route.hops else None,
            end=self._end(index) if is_end else None,
        )

    def _end(self, index: int) -> EndConfiguration:
        asked = self.opened[self.route.nodes[index]]
        return EndConfiguration(
            open_id=asked.open_id,
            is_first=index == 0,
            app=asked.app,
            sae=asked.sae,
            peer=asked.peer,
            hops=self.route.hops,
            rate=self.rate,
            burst=self.burst,
            key_size=self.key_size,
            algorithm=self.algorithm,
        )


