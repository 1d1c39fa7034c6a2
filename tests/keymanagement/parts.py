"""Parts of key managers by themselves: two ends of a link that hold the same key, sessions, and what effects say."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

from msgspec.structs import replace

from keytwin.algorithms.marks import node_mark
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.lease import OutgoingMark
from keytwin.keymanagement.pads import Spent
from keytwin.runtime.entropy import SeededChance
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import AppId, ElementName, KeyId, Ksid, LinkId, NodeId, SaeId, link_id
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Event, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import ConfigureHop, EndConfiguration, Neighbour, OpenId
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, seconds

A, B, C = NodeId("a"), NodeId("b"), NodeId("c")
AB, BC = link_id(A, B), link_id(B, C)
KSID = Ksid("session")
SAE, PEER = SaeId("alice"), SaeId("bob")
START = Instant(seconds(1_000))
STORE = 100_000

M = TypeVar("M", bound=Message)
R = TypeVar("R", bound=Record)
E = TypeVar("E", bound=Event)


def later(span: Duration) -> Instant:
    return Instant(START + span)


def chance(name: str = "test") -> Entropy:
    return SeededChance(7).entropy(ElementName(name))


def fill(one: KmLink, other: KmLink, count: int) -> None:
    """Give both ends the same fresh key, so many octets in each direction."""
    for sender, receiver in ((one, other), (other, one)):
        content = chance(f"{sender.node} {sender.out.end}").bytes(count)
        sender.out.place(sender.out.end, KeyMaterial(bytearray(content)))
        receiver.incoming.place(receiver.incoming.end, KeyMaterial(bytearray(content)))


LEASED = 10**9


def joined(link: LinkId = AB, count: int = 10_000, capacity: int = STORE) -> tuple[KmLink, KmLink]:
    """Return both ends of a link, with key."""
    first, second = (KmLink(link, NodeId(node), capacity, 0.5) for node in link.split("--"))
    for end in (first, second):  # all that will ever come is leased; tests of leases take that back
        end.lease.marked = OutgoingMark(link, LEASED, Spent(0, 0, 0), generation=1)
    fill(first, second, count)
    return first, second


def hop(node: NodeId = A, route: tuple[NodeId, ...] = (A, B), **changed: object) -> ConfigureHop:
    """Return the configuration of one key manager of a route; its first node is the first end."""
    place = route.index(node)
    is_end = place in (0, len(route) - 1)
    end = EndConfiguration(
        open_id=OpenId(f"open {node}"),
        is_first=place == 0,
        app=AppId("app"),
        sae=PEER if place else SAE,
        peer=SAE if place else PEER,
        hops=len(route) - 1,
        rate=BitsPerSecond(10_000),
        burst=Bits(100_000),
        key_size=Bits(256),
        algorithm="pool",
        peer_mark=node_mark(KSID, route[0] if place else route[-1]),
    )
    plain = ConfigureHop(
        ksid=KSID,
        epoch=1,
        priority=0,
        lease=seconds(60),
        batch=4,
        previous=_neighbour(route[place - 1], node) if place else None,
        next=_neighbour(route[place + 1], node) if place + 1 < len(route) else None,
        end=end if is_end else None,
    )
    return replace(plain, **changed)


def relay_keys(**changed: object) -> RelayKeys:
    """Return a message with one key of 256 bit from the first end to its neighbour, neither encrypted nor tagged."""
    message = RelayKeys(
        sender=A,
        link=AB,
        link_epoch=1,
        offset=0,
        floor=0,
        ksid=KSID,
        epoch=1,
        onward=True,
        batch_id="batch",
        key_size=Bits(256),
        key_ids=key_ids("a"),
        hops_left=9,
        remaining=seconds(1),
        ciphertext=b"",
        tag=b"",
    )
    return replace(message, **changed)


def key_ids(*names: str) -> tuple[KeyId, ...]:
    return tuple(map(KeyId, names))


def sent(effects: Iterable[Effect], kind: type[M]) -> list[M]:
    """Return the messages of a kind that effects send."""
    return [e.message for e in effects if isinstance(e, Send) and isinstance(e.message, kind)]


def saved(effects: Iterable[Effect], kind: type[R]) -> list[R]:
    return [e.record for e in effects if isinstance(e, Save) and isinstance(e.record, kind)]


def published(effects: Iterable[Effect], kind: type[E]) -> list[E]:
    return [e.event for e in effects if isinstance(e, Publish) and isinstance(e.event, kind)]


def started(effects: Iterable[Effect]) -> dict[str, Duration]:
    """Return the timers that run after these effects, each with its wait."""
    running: dict[str, Duration] = {}
    for effect in effects:
        if isinstance(effect, StartTimer):
            running[effect.name] = effect.after
        elif isinstance(effect, StopTimer):
            running.pop(effect.name, None)
    return running


def _neighbour(node: NodeId, own: NodeId) -> Neighbour:
    return Neighbour(node, link_id(*sorted((node, own))))
