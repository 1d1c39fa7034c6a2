"""Apps with one SAE, master and slave of itself, for trying a client out: ETSI GS QKD 014 V1.1.1, 5.2 to 5.4.

Their keys are made where they are used and never leave the node, so no route is needed and no neighbour trusted; all
else is as with two SAEs: a service level's tokens, durable before handed out, once to each role, with a time to live.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import sha256
from typing import Final

import msgspec

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.bucket import TokenBucket
from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.collection import Collection
from keytwin.keymanagement.desk import COME_AGAIN, MOST_ASKED, deny
from keytwin.keymanagement.limits import LARGEST_KEY, Holding, no_pool, pool_status
from keytwin.keymanagement.pool import SLAVE_MARGIN, BatchGone, KeysHandedOut, KeysKept
from keytwin.vocabulary.events import KeyAsked, KeysAnswered, KeysGone, SessionConfigured, SessionOver, SessionRequested
from keytwin.vocabulary.exchange_messages import DescribePool, GetKey, KeyDelivered
from keytwin.vocabulary.identity import AppId, KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Key, Method, Provenance
from keytwin.vocabulary.machine import Effect, Publish, Record, Save, Send
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import CloseSession, OpenSession, Reason, SessionEnded, SessionOpened
from keytwin.vocabulary.units import BITS_PER_BYTE, START, Bits, BitsPerSecond, Duration, Instant, octets

UUID_OCTETS: Final = 16
MOST_UNCOLLECTED: Final = 4_096  # requests of one app whose keys nobody has fetched: bounds memory at any rate
HERE: Final = Provenance(Method.LOCAL, 0)


class SelfPair(msgspec.Struct, frozen=True):
    """An app with one SAE at this node, and what its owner's service level gives."""

    app: AppId
    sae: SaeId
    rate: BitsPerSecond
    burst: Bits
    key_size: Bits

    @property
    def ksid(self) -> Ksid:
        """The name of its session: no admission gives it one, and after a restart its keys must be found by it."""
        digest = sha256(f"selfpair {self.app} {self.sae}".encode()).digest()
        return Ksid(uuids(digest[:UUID_OCTETS])[0])


class SelfPairKept(Record, frozen=True, gc=False):
    """The session was opened so, or is closed."""

    ksid: Ksid
    opened: OpenSession | None


@dataclass(slots=True)
class Booth:
    """One such app at its key manager. The bucket outlasts the session, else opening again would fill it."""

    pair: SelfPair
    bucket: TokenBucket
    opened: OpenSession | None = None  # None = it is closed
    is_restored: bool = False


SelfPairMessage = OpenSession | GetKey | DescribePool | CloseSession


@dataclass(slots=True)
class SelfPairs:
    """All such apps of one key manager."""

    node: NodeId
    entropy: Entropy
    carriage: Carriage
    collection: Collection
    booths: dict[Ksid, Booth] = field(default_factory=dict)

    def add(self, pair: SelfPair) -> None:
        """Serve an app from now on."""
        self.booths[pair.ksid] = Booth(pair, TokenBucket(pair.burst, pair.rate, START, pair.burst))
        self.collection.selfpairs[pair.ksid] = pair.sae

    def restore(self, kept: SelfPairKept) -> None:
        """Take up a session; one whose app is gone from the network is passed over."""
        booth = self.booths.get(kept.ksid)
        if booth is not None:
            booth.opened, booth.is_restored = kept.opened, True

    def resume(self, now: Instant) -> None:
        """Begin with an empty bucket after a restart, so that nothing is granted twice."""
        for booth in self.booths.values():
            if booth.is_restored:
                booth.bucket = TokenBucket(booth.pair.burst, booth.pair.rate, now, Bits(0))

    def receive(self, message: SelfPairMessage, now: Instant) -> list[Effect] | None:
        """React to what concerns an app with one SAE; None = it is about an ordinary session."""
        if isinstance(message, OpenSession):
            wanted = (message.app, message.sae, message.sae)
            found = (each for each in self.booths.values() if (each.pair.app, message.peer, each.pair.sae) == wanted)
            booth = next(found, None)
            return None if booth is None else self._open(booth, message)
        booth = self.booths.get(message.ksid)
        if booth is None:
            return None
        match message:
            case GetKey():
                return self._get_key(booth, message, now)
            case DescribePool():
                return [self._describe(booth, message, now)]
            case CloseSession():
                return self._close(booth, message)

    def _open(self, booth: Booth, wanted: OpenSession) -> list[Effect]:
        """Answer at once: there is nobody to wait for. Asked a second time, say so again."""
        pair = booth.pair
        opened = Send(
            wanted.reply_to,
            SessionOpened(wanted.request_id, pair.ksid, pair.key_size, pair.rate, pair.burst, hops=0),
        )
        if booth.opened is not None:
            return [opened]
        booth.opened = wanted
        requested = Publish(SessionRequested(self.node, pair.app, pair.sae))
        configured = Publish(SessionConfigured(self.node, pair.ksid, 1, pair.app))
        return [requested, Save(SelfPairKept(pair.ksid, wanted)), configured, opened]

    def _get_key(self, booth: Booth, ask: GetKey, now: Instant) -> list[Effect]:
        pair, size = booth.pair, booth.pair.key_size if ask.size is None else ask.size
        if booth.opened is None:
            return deny(self.node, ask, Reason.SESSION_UNKNOWN, Duration(0))
        if ask.sae != pair.sae:
            return deny(self.node, ask, Reason.NOT_ALLOWED, Duration(0))
        is_whole = 0 < ask.number <= MOST_ASKED and size > 0 and size % BITS_PER_BYTE == 0
        if not is_whole or size > max(LARGEST_KEY, pair.key_size) or ask.number * size > pair.burst:
            return deny(self.node, ask, Reason.TOO_LARGE, Duration(0))
        if len(self.carriage.shelf.by_session.get(pair.ksid, ())) >= MOST_UNCOLLECTED:
            return deny(self.node, ask, Reason.UNAVAILABLE, COME_AGAIN)
        total = Bits(ask.number * size)
        if not booth.bucket.take(total, now):
            return deny(self.node, ask, Reason.RATE_EXCEEDED, booth.bucket.wait(total, now))
        return self._make(pair, ask, size, now)

    def _make(self, pair: SelfPair, ask: GetKey, size: Bits, now: Instant) -> list[Effect]:
        """Make keys and give them to the master; the slave's copies lie on the shelf as if they had come from afar."""
        block = self.entropy.block(ask.number * octets(size))
        for_master, for_slave = (block.copy().split(octets(size)) for _ in range(2))
        block.wipe()
        batch_id, *names = uuids(self.entropy.bytes(UUID_OCTETS * (ask.number + 1)))
        key_ids = tuple(map(KeyId, names))
        kept = KeysKept(
            ksid=pair.ksid,
            batch_id=batch_id,
            is_master=False,
            sae=pair.sae,
            key_ids=key_ids,
            materials=tuple(for_slave),
            provenance=HERE,
            until=Instant(now + self.carriage.lifetime + SLAVE_MARGIN),
        )
        self.carriage.keep(kept)
        self.carriage.books.made += ask.number
        self.carriage.books.delivered += ask.number
        keys = tuple(Key(key_id, material, HERE) for key_id, material in zip(key_ids, for_master, strict=True))
        answered = KeysAnswered(self.node, pair.ksid, pair.sae, key_ids, is_master=True, waited=Duration(0))
        # Durable first, then the answer; the receiver owns the keys now and wipes them.
        return [
            Publish(KeyAsked(self.node, pair.ksid, pair.sae, ask.number)),
            Save(kept),
            Save(KeysHandedOut(pair.ksid, is_master=True, key_ids=key_ids, sae=pair.sae, key_size=size)),
            Send(ask.reply_to, KeyDelivered(ask.request_id, keys)),
            Publish(answered),
            *self.collection.expire_by(kept.until, now),
        ]

    def _describe(self, booth: Booth, ask: DescribePool, now: Instant) -> Effect:
        """Keys are made when they are asked for, so what is ready is what the tokens allow."""
        pair = booth.pair
        if ask.sae != pair.sae:
            return no_pool(ask, Reason.NOT_ALLOWED)
        if booth.opened is None:
            return no_pool(ask)
        booth.bucket.fill(now)
        ready, depth = booth.bucket.level // pair.key_size, pair.burst // pair.key_size
        return pool_status(ask, self.node, Holding(pair.key_size, pair.burst, LARGEST_KEY, ready, depth))

    def _close(self, booth: Booth, close: CloseSession) -> list[Effect]:
        """End the session and wipe what has not been fetched; durably, for no admission tells a restart of it."""
        pair, opened = booth.pair, booth.opened
        if opened is None or close.sae != pair.sae:
            return []
        booth.opened = None
        shelf, books = self.carriage.shelf, self.carriage.books
        batches = list(shelf.by_session.get(pair.ksid, ()))
        for batch_id in batches:
            self.carriage.remember_gone(batch_id)
        number = shelf.release(pair.ksid)
        books.voided += number
        books.stored -= number
        return [
            Save(SelfPairKept(pair.ksid, None)),
            *(Save(BatchGone(pair.ksid, batch_id, is_void=True)) for batch_id in batches),
            Send(opened.reply_to, SessionEnded(pair.ksid, Reason.CLOSED)),
            *([Publish(KeysGone(self.node, pair.ksid, number, "session over"))] if number else []),
            Publish(SessionOver(self.node, pair.ksid, Reason.CLOSED.value)),
        ]
