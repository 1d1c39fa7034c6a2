"""A control plane that accepts everybody and configures the one route it was given: the far side of a key manager."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from keytwin.algorithms.marks import node_mark
from keytwin.vocabulary.identity import Ksid, NodeId, UserId, km_of
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.machine import Effect, Message, Record, Send, StartTimer
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    EndConfiguration,
    HopConfigured,
    HopMissing,
    Neighbour,
    Reason,
    RenewLease,
    SessionAccepted,
    SessionClosing,
    SessionDeleted,
    UserAccepted,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, milliseconds, seconds

KSID = Ksid("00000000-0000-4000-8000-000000000001")
AGAIN = milliseconds(300)


class Again(Message, frozen=True):
    """To oneself: repeat what is not confirmed, renew leases."""


class Reroute(Message, frozen=True):
    """From a test: use another route."""

    route: Route


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
    """Configures one session along `route` when both ends are there; the first node of the route is the first end.

    Like admission it repeats everything until it is confirmed; `is_silent` lets it die.
    """

    route: Route
    rate: BitsPerSecond = BitsPerSecond(64_000)
    burst: Bits = Bits(256_000)
    key_size: Bits = Bits(256)
    batch: int = 8
    priority: int = 0
    lease: Duration = seconds(900)
    algorithm: str = "pool"
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE
    is_silent: bool = False
    epoch: int = 1
    is_over: bool = False
    opened: dict[NodeId, ConfigureSession] = field(default_factory=dict)
    missing: set[NodeId] = field(default_factory=set)  # who has not confirmed the epoch, or, when over, its deletion
    leaving: set[NodeId] = field(default_factory=set)  # who was on an older route only
    renewed_at: Instant = Instant(0)
    heard: list[Message] = field(default_factory=list)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del records, now
        return [StartTimer("again", AGAIN, Again())]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        if self.is_silent:
            return []
        if not isinstance(message, Again):
            self.heard.append(message)
        match message:
            case ConfigureSession():
                return self._register(message)
            case HopConfigured(epoch=self.epoch) if not self.is_over:
                self.missing.discard(message.node)
            case HopConfigured() | SessionClosing():
                return self._finish() if isinstance(message, SessionClosing) else self._tell_over(message.node)
            case HopMissing() if not self.is_over:
                self.missing.add(message.node)
            case SessionDeleted():
                (self.missing if self.is_over else self.leaving).discard(message.node)
            case Reroute(route=route):
                return self._reroute(route)
            case Again():
                return [*self._repeat(now), StartTimer("again", AGAIN, Again())]
            case _:
                pass
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
            priority=self.priority,
            lease=self.lease,
            batch=self.batch,
            previous=Neighbour(nodes[index - 1], links[index - 1]) if index else None,
            next=Neighbour(nodes[index + 1], links[index]) if index < self.route.hops else None,
            end=self._end(index) if is_end else None,
        )

    def _register(self, wanted: ConfigureSession) -> list[Effect]:
        if self.is_over:
            return [Send(wanted.reply_to, ConfigurationRefused(wanted.open_id, Reason.CLOSED, Duration(0)))]
        known = self.opened.get(wanted.node)
        self.opened[wanted.node] = wanted
        if len(self.opened) == 2 and (known is None or known.open_id != wanted.open_id):
            # An end that comes with a new name has forgotten its session: the route is configured anew.
            self.epoch += known is not None
            self.missing = set(self.route.nodes)
        accepted: list[Effect] = [Send(wanted.reply_to, SessionAccepted(wanted.open_id, KSID))]
        return accepted + self._configure_missing()

    def _finish(self) -> list[Effect]:
        if not self.is_over:
            self.is_over = True
            self.missing = set(self.route.nodes) | self.leaving
        return self._delete_missing()

    def _tell_over(self, node: NodeId) -> list[Effect]:
        return [Send(km_of(node), DeleteSession(KSID, self.epoch, Reason.CLOSED))] if self.is_over else []

    def _reroute(self, route: Route) -> list[Effect]:
        self.leaving |= set(self.route.nodes) - set(route.nodes)
        self.route, self.missing = route, set(route.nodes)
        self.epoch += 1
        return self._configure_missing()

    def _repeat(self, now: Instant) -> list[Effect]:
        if self.is_over:
            return self._delete_missing()
        deletion = DeleteSession(KSID, self.epoch - 1, Reason.CLOSED)
        leaving = [Send(km_of(node), deletion) for node in sorted(self.leaving)]
        renewals: list[Effect] = []
        if len(self.opened) == 2 and now >= self.renewed_at + self.lease // 3:
            self.renewed_at = now
            renewals = [Send(km_of(node), RenewLease(KSID, self.epoch)) for node in self.route.nodes]
        return [*self._configure_missing(), *leaving, *renewals]

    def _configure_missing(self) -> list[Effect]:
        nodes = enumerate(self.route.nodes)
        return [Send(km_of(node), self.hop(index, self.epoch)) for index, node in nodes if node in self.missing]

    def _delete_missing(self) -> list[Effect]:
        return [Send(km_of(node), DeleteSession(KSID, self.epoch, Reason.CLOSED)) for node in sorted(self.missing)]

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
            mode=self.mode,
            fallback=self.fallback,
            peer_mark=node_mark(KSID, self.route.nodes[0 if index else -1]),
        )
