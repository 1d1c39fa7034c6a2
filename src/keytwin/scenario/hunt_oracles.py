"""Judges outside the system: they see the wire, the SAEs and the books, never what the code believes.

Each raises `Broken` with the invariant's identifier, and none changes anything. What they ask of machines are the books
that every machine keeps, and at the very end what is left in it.
"""

from __future__ import annotations

import base64
import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

import msgspec

from keytwin.keymanagement.manager import KeyManager
from keytwin.service.encoding import fingerprint, quoted_base64
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import SessionAdmitted
from keytwin.vocabulary.exchange_messages import AssignKeys, GetKey, KeyDelivered, RelayKeys
from keytwin.vocabulary.identity import ElementName, KeyId, LinkId, NodeId, SaeId, node_of
from keytwin.vocabulary.key import Key, KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock, ProbeAnswered, ProbeLink
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Instant, octets

LARGEST_PROBE: Final = 32  # octets of the direction that an active test uses
MAY_HOLD_KEY: Final = ("km/", "sae/")
SALT: Final = b"two ends are compared, no more"


class Broken(Exception):  # the sentence "an invariant is broken" is what is raised
    """An invariant does not hold."""


@dataclass
class PadWatch:
    """P1: no octet of a direction serves twice, whatever for; a repeat repeats octet for octet."""

    used: dict[tuple[LinkId, NodeId], dict[int, tuple[int, bytes]]] = field(default_factory=lambda: defaultdict(dict))
    messages: int = 0

    def see(self, message: Message) -> None:
        """Note the range that a message uses."""
        match message:
            case RelayKeys():
                tags = 2 if message.end_tag else 1
                length = 32 * tags + octets(message.key_size) * len(message.key_ids)
                content = message.ciphertext + message.tag
            case AssignKeys():
                length, content = octets(message.key_size) * len(message.key_ids), "".join(message.key_ids).encode()
            case ProbeLink() | ProbeAnswered():
                length, content = LARGEST_PROBE, message.tag
            case _:
                return
        self.messages += 1
        ranges = self.used[message.link, message.sender]
        digest = hashlib.blake2b(content, digest_size=16).digest()
        known = ranges.get(message.offset)
        if known is None:
            ranges[message.offset] = (length, digest)
        elif known != (length, digest):
            raise Broken(f"P1: offset {message.offset} of {message.link} out of {message.sender} serves twice")

    def close(self) -> None:
        """Check that no two ranges overlap."""
        for (link, sender), ranges in self.used.items():
            end = 0
            for offset in sorted(ranges):
                if offset < end:
                    raise Broken(f"P1: octet {offset} of {link} out of {sender} serves twice")
                end = offset + ranges[offset][0]


@dataclass
class SaeLedger:
    """K1, K2: what the SAEs were handed. A3: how much of it, in any stretch of time."""

    rates: dict[SaeId, tuple[int, int, str, NodeId]]  # SAE -> rate, burst, app, node
    was_lost: Callable[[str], bool] = lambda _: False  # whether a disk has forgotten that a key was handed out
    got: dict[KeyId, dict[ElementName, bytes]] = field(default_factory=dict)
    named: dict[bytes, KeyId] = field(default_factory=dict)  # by content: no two keys have the same
    masters: dict[str, str] = field(default_factory=dict)  # request -> app
    drawn: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def see(self, at: Instant, to: ElementName, message: Message) -> None:
        """Note what an SAE asks as master, and what it is handed."""
        if isinstance(message, GetKey):
            self.masters[message.request_id] = self.rates[message.sae][2]
        elif isinstance(message, KeyDelivered):
            for key in message.keys:
                self._note(to, key)
            app = self.masters.get(message.request_id)
            if app is not None:
                self._count(at, app, sum(key.material.size for key in message.keys))

    def pairs(self) -> int:
        """Return how many keys reached both ends."""
        return sum(len(ends) == 2 for ends in self.got.values())

    def has_had(self, key_id: KeyId, node: NodeId) -> bool:
        """Whether an SAE of this node was handed the key, and no disk has forgotten it."""
        ends = self.got.get(key_id)
        return ends is not None and any(self.rates[_sae(end)][3] == node for end in ends) and not self.was_lost(key_id)

    def _note(self, to: ElementName, key: Key) -> None:
        value = fingerprint(key.material, SALT)
        ends = self.got.setdefault(key.key_id, {})
        # One disk that forgets what it called durable cannot keep K1 at its own end; all the rest holds even then.
        if to in ends and not self.was_lost(key.key_id):
            raise Broken(f"K1: key {key.key_id} was handed twice to {to}")
        ends[to] = value
        if self.named.setdefault(value, key.key_id) != key.key_id:
            raise Broken(f"K1: keys {self.named[value]} and {key.key_id} are one and the same")
        if len(ends) > 2:
            raise Broken(f"K1: key {key.key_id} was handed to {sorted(ends)}")
        if len(set(ends.values())) > 1:
            raise Broken(f"K2: key {key.key_id} differs between {sorted(ends)}")

    def _count(self, at: Instant, app: str, bits: int) -> None:
        """Hold the delivered bits against burst + rate x time since the start of the run.

        An answer may come later than its tokens were drawn, so stretches that begin in the middle prove nothing.
        """
        rate, burst = next((rate, burst) for rate, burst, name, _ in self.rates.values() if name == app)
        allowed = rate * at // NANOSECONDS_PER_SECOND
        self.drawn[app] += bits
        if self.drawn[app] > burst + allowed:
            raise Broken(f"A3: {app} got {self.drawn[app]} bit by {at / 1e9} s, over its rate and burst")


@dataclass
class BusWatch:
    """Z5: no key material on the bus, in events, or in anything written of a run. C4: no relay goes in a circle."""

    secrets: set[bytes] = field(default_factory=set)
    text: list[bytes] = field(default_factory=list)
    sessions: int = 0
    ways: dict[tuple[str, int], dict[NodeId, NodeId]] = field(default_factory=lambda: defaultdict(dict))

    def see(self, to: ElementName, message: Message) -> None:
        """Check who may be told key material."""
        if not to.startswith(MAY_HOLD_KEY) and _holds_material(message):
            raise Broken(f"Z5: {type(message).__name__} brings key material to {to}")
        if isinstance(message, KeyDelivered):
            for key in message.keys:
                # As its SAE would have it, from what the 014 face sends.
                self.secrets.add(base64.b64decode(bytes(quoted_base64(key.material)).strip(b'"')))
        if isinstance(message, LinkKeyBlock) and not to.startswith("km/"):
            raise Broken(f"Z5: a block went to {to}")
        if isinstance(message, RelayKeys):
            self._follow(message, node_of(to))

    def _follow(self, message: RelayKeys, to: NodeId) -> None:
        """Walk the way of a batch so far: it must not lead back to where it comes from."""
        way = self.ways[message.batch_id, message.epoch]
        way[message.sender] = to
        place: NodeId | None = to
        for _ in range(len(way) + 1):
            place = way.get(place) if place else None
        if place is not None or message.hops_left <= 1:
            raise Broken(f"C4: batch {message.batch_id} goes in a circle: {way}")

    def hear(self, at: Instant, element: ElementName, event: Event) -> None:
        """Keep the text of an event."""
        self.sessions += isinstance(event, SessionAdmitted)
        self.text.append(b"%d %b " % (at, element.encode()) + msgspec.json.encode(event))

    def digest(self) -> str:
        """Return what tells whether two runs were the same, event by event."""
        return hashlib.blake2b(b"\n".join(self.text), digest_size=8).hexdigest()

    def close(self) -> None:
        """Look for every delivered key in everything that was written."""
        written = b"\n".join(self.text)
        for secret in self.secrets:
            shapes = (secret.hex().encode(), base64.b64encode(secret), base64.urlsafe_b64encode(secret), secret)
            if any(shape in written for shape in shapes):
                raise Broken("Z5: a delivered key stands in the trace")


def assert_books_close(key_managers: Iterable[KeyManager]) -> None:
    """P5: every octet of link key and every end-to-end key is somewhere, once."""
    for km in key_managers:
        for account in km.link_accounts():
            if account.balance or account.stored < 0:
                raise Broken(f"P5: {account} is off by {account.balance}")
        keys = km.key_account()
        if keys.balance or keys.stored < 0:
            raise Broken(f"P5: {keys} is off by {keys.balance}")


def assert_nothing_is_left(key_managers: Iterable[KeyManager]) -> None:
    """S1, R5: after the end of every session nothing of it is anywhere, and nothing is under way."""
    for km in key_managers:
        left = {
            "routes": len(km.forwarding.hops),
            "sessions": len(km.sessions.known) + len(km.sessions.opening),
            "keys": km.key_account().stored,
        }
        if any(left.values()):
            raise Broken(f"S1: left at {km.node}: {left}")
        under_way = {
            "batches": len(km.workshop.makings) + len(km.workshop.orders),
            "secrets": len(km.generations.own) + len(km.generations.theirs) + len(km.generations.asked),
            "shares": len(km.shelf.partials.by_batch),
            "sums": len(km.shelf.sums.by_tag),
            "waiting": sum(len(kmlink.queue) for kmlink in km.links.kmlinks.values()),
            "multicasts": len(km.multicast.casts),
            "unacknowledged": sum(len(kmlink.outbox) for kmlink in km.links.kmlinks.values()),
        }
        if any(under_way.values()):
            raise Broken(f"R5: under way at {km.node}: {under_way}")


def rates_of(blueprint: Blueprint) -> dict[SaeId, tuple[int, int, str, NodeId]]:
    """Return rate, burst, app and node of every SAE."""
    return {
        end.sae: (blueprint.sla_of(app).rate, blueprint.sla_of(app).burst, app.id, end.node)
        for app in blueprint.apps
        for end in app.ends
    }


def _sae(element: ElementName) -> SaeId:
    return SaeId(element.removeprefix("sae/"))


def _holds_material(value: object) -> bool:
    if isinstance(value, KeyMaterial):
        return True
    if isinstance(value, tuple | list):
        return any(_holds_material(each) for each in value)
    if isinstance(value, msgspec.Struct):
        return any(_holds_material(getattr(value, name)) for name in value.__struct_fields__)
    return False
