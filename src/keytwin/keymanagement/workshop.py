"""Where a key manager makes end-to-end keys for its sessions: what to make, what is under way, what came of it.

Paper B, 3.3. How many keys are made is the algorithm's choice (`algorithms.py`); how they travel is in `exchange.py`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.algorithms import KeyManagementAlgorithm, PoolLevel
from keytwin.keymanagement.blocks import SMALLEST_ROOM
from keytwin.keymanagement.exchange import (
    QUEUE_PATIENCE,
    UNDER_WAY,
    BatchMaking,
    BatchOverdue,
    ConfirmBatch,
    GiveUpBatch,
    Making,
    overdue_timer,
)
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pool import Batch, KeyBooks, KeysKept, Pool, Shelf, depth_of, provenance_of
from keytwin.keymanagement.queue import rank_of
from keytwin.keymanagement.relay import keys_together
from keytwin.keymanagement.shares import Exit, SharedMaking, enqueue, exits_of
from keytwin.vocabulary.blueprint import KeyManagementSettings, Relay
from keytwin.vocabulary.events import KeysGone, KeysReady
from keytwin.vocabulary.exchange_messages import BatchId, KeysFailed, KeysStored, KeysVoided
from keytwin.vocabulary.identity import KeyId, Ksid, LinkId, NodeId, SaeId, uuids
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, Publish, RequestId, Save, StartTimer, StopTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import START, Bits, Duration, Instant, bits, milliseconds, octets, seconds

FIRST_PAUSE: Final = milliseconds(500)  # after a batch that failed; doubled each time, so a dead route costs little key
LONGEST_PAUSE: Final = seconds(30)
MOST_MAKINGS: Final = 4_096  # batches under way for one session
FOR_POOL: Final[RequestId] = ""

Outcome = KeysStored | KeysFailed | KeysVoided


class ReplenishDue(Message, frozen=True, gc=False):
    """To oneself: the pause after a failure is over."""

    ksid: Ksid


class Wish(NamedTuple):
    """Keys that something at this end has not got yet: a request for a size of its own, or the pool."""

    request_id: RequestId
    number: int
    size: Bits


class Demand(NamedTuple):
    """What a session's master wants now: keys ready in its pool, keys waited for, wishes of other sizes."""

    ready: int
    waiting: int
    wishes: tuple[Wish, ...]


@dataclass(slots=True)
class Order:
    """How keys are made for one session at this end, and how many are under way."""

    ksid: Ksid
    epoch: int
    sae: SaeId
    onward: bool
    hops: int
    key_size: Bits
    batch: int
    depth: int
    priority: int
    exits: tuple[Exit, ...]  # more than one: keys leave in shares, one by each
    algorithm: KeyManagementAlgorithm
    announced: int = 1  # announcements of each key that arrive at the far end
    coming: Counter[RequestId] = field(default_factory=Counter)  # keys by the request they are for
    pause: Duration = FIRST_PAUSE
    paused_until: Instant = START
    batches: dict[BatchId, None] = field(default_factory=dict)  # the names of all that are under way or being voided

    @property
    def room(self) -> int:
        """How many octets of key travel together at most.

        A batch that needs more than the first link's store can hold would wait for ever, and everything else behind it.
        """
        return max(0, min(exit_.link.capacity for exit_ in self.exits) - SMALLEST_ROOM - KEY_OCTETS)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait for key."""
        return any(exit_.link.queue.is_full for exit_ in self.exits)

    def most_together(self, size: Bits) -> int:
        """Return how many keys of this size travel together; 0 = there is never room for one."""
        return min(keys_together(size, self.announced), self.room // octets(size))


class CopyNews(NamedTuple):
    """What has become of a copy for one slave of several."""

    batch_id: BatchId
    state: StrEnum


class Ready(NamedTuple):
    """Keys that have become available at both ends, and the request they were made for."""

    batch: Batch
    request_id: RequestId


@dataclass(slots=True)
class Workshop:
    """All batches that one key manager makes."""

    node: NodeId
    links: Mapping[LinkId, KmLink]
    forwarding: Forwarding
    shelf: Shelf
    books: KeyBooks
    entropy: Entropy
    settings: KeyManagementSettings
    algorithms: Mapping[str, KeyManagementAlgorithm]
    orders: dict[Ksid, Order] = field(default_factory=dict)
    makings: dict[BatchId, BatchMaking] = field(default_factory=dict)
    news: list[CopyNews] = field(default_factory=list)  # of copies, until `multicast` has looked at it

    def route(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Make keys along this route from now on; what is under way along an older one is given up."""
        end = wanted.end
        assert end
        order = Order(
            ksid=wanted.ksid,
            epoch=wanted.epoch,
            sae=end.sae,
            onward=end.is_first,
            hops=end.hops,
            key_size=end.key_size,
            batch=1,
            depth=0,
            priority=wanted.priority,
            exits=exits_of(wanted, self.links),
            algorithm=self.algorithms[end.algorithm],
            announced=max(1, end.hops - 1) if self._announces else 1,
        )
        order.batch = max(1, min(wanted.batch, order.most_together(end.key_size)))
        order.depth = depth_of(end.rate, self.settings.pool_depth, end.key_size, order.batch)
        older = self.orders.get(wanted.ksid)
        effects: list[Effect] = []
        if older is not None:
            # What is reserved at the far end has crossed the older route: a new one takes nothing from anybody.
            for batch_id in [each for each in older.batches if self.makings[each].state is not Making.RESERVED]:
                effects += self._step(self.makings[batch_id], GiveUpBatch(batch_id), now)[1]
            order.batches = older.batches  # of which the far end is still to be told
        self.orders[wanted.ksid] = order
        return effects

    def fits(self, ksid: Ksid, size: Bits) -> bool:
        """Whether a key of this size can be made for the session at all."""
        return self.orders[ksid].most_together(size) > 0

    def largest(self, ksid: Ksid) -> Bits:
        """Return the largest key that can be made for the session."""
        return bits(self.orders[ksid].room)

    def replenish(self, ksid: Ksid, demand: Demand, now: Instant) -> list[Effect]:
        """Begin what is wished for and not under way; how much for the pool, the algorithm says.

        After a failure nothing is begun until the pause is over.
        """
        order = self.orders.get(ksid)
        if order is None or now < order.paused_until:
            return []
        effects: list[Effect] = []
        for wish in demand.wishes:
            effects += self._make(order, wish, now)
        coming = order.coming[FOR_POOL]
        number = order.algorithm(PoolLevel(demand.ready, coming, demand.waiting, order.depth, order.batch))
        if number <= 0:
            return effects
        return effects + self._make(order, Wish(FOR_POOL, number + coming, order.key_size), now)

    def copy(
        self, ksid: Ksid, plain: bytearray, key_ids: tuple[KeyId, ...], now: Instant
    ) -> tuple[BatchId, list[Effect]]:
        """Begin to carry given keys, for one slave of several; it holds them until they are confirmed or given up."""
        order, number = self.orders[ksid], len(key_ids)
        making = self._making(order, Wish(FOR_POOL, number, bits(len(plain) // number)), number)
        making.is_copy, making.given, making.key_ids = True, plain, key_ids
        self.makings[making.batch_id] = making
        order.batches[making.batch_id] = None
        effects = enqueue(making, rank_of(order.priority, is_refill=False), now)
        return making.batch_id, [overdue_timer(making, QUEUE_PATIENCE), *effects]

    def settle(self, message: ConfirmBatch | GiveUpBatch, now: Instant) -> list[Effect]:
        """Let what is reserved at the far end stand, or void it."""
        making = self.makings.get(message.batch_id)
        return self._step(making, message, now)[1] if making else []

    def on_outcome(self, outcome: Outcome, now: Instant) -> tuple[Ready | None, list[Effect]]:
        """Note what became of a batch; return it when its keys are available now."""
        making = self.makings.get(outcome.batch_id)
        if making is None or making.ksid != outcome.ksid:
            return None, []
        return self._step(making, outcome, now)

    def on_overdue(self, overdue: BatchOverdue, now: Instant) -> list[Effect]:
        """Let a batch ask again or give up."""
        making = self.makings.get(overdue.batch_id)
        return self._step(making, overdue, now)[1] if making else []

    def close(self, ksid: Ksid, pool: Pool) -> list[Effect]:
        """Wipe everything of a session at this end, and forget what is under way for it."""
        released = pool.wipe() + self.shelf.release(ksid)
        self.books.released += released
        self.books.stored -= released
        effects: list[Effect] = [Publish(KeysGone(self.node, ksid, released, "session over"))] if released else []
        order = self.orders.pop(ksid, None)
        if order is None:
            return effects
        # Not before admission's deletion signal, else a batch in the queue would still be made and sent.
        for exit_ in order.exits:
            exit_.link.drop_session(ksid, order.epoch)
        for batch_id in order.batches:
            making = self.makings.pop(batch_id)
            making.wipe()
            if making.is_copy:
                self.news.append(CopyNews(batch_id, Making.VOIDED))
            effects.append(StopTimer(batch_id))
        return [*effects, StopTimer(f"{ksid}/replenish")]

    def lose(self, keys: list[Key]) -> None:
        """Wipe keys that were made for a request which waits no more."""
        for key in keys:
            key.material.wipe()
        self.books.voided += len(keys)
        self.books.stored -= len(keys)

    def _make(self, order: Order, wish: Wish, now: Instant) -> list[Effect]:
        """Begin what is not under way yet of a wish, in batches; what finds no room is begun when others are done."""
        effects: list[Effect] = []
        missing = wish.number - order.coming[wish.request_id]
        together = order.most_together(wish.size)
        if wish.request_id == FOR_POOL:
            together = min(together, order.batch)
        while missing > 0 < together and len(order.batches) < MOST_MAKINGS and not order.is_full:
            part = min(missing, together)
            missing -= part
            making = self._making(order, wish, part)
            self.makings[making.batch_id] = making
            order.batches[making.batch_id] = None
            order.coming[wish.request_id] += part
            rank = rank_of(order.priority, is_refill=wish.request_id == FOR_POOL)
            effects += [overdue_timer(making, QUEUE_PATIENCE), *enqueue(making, rank, now)]
        return effects

    def _making(self, order: Order, wish: Wish, number: int) -> BatchMaking:
        make = partial(SharedMaking, exits=order.exits) if len(order.exits) > 1 else BatchMaking
        return make(
            batch_id=uuids(self.entropy.bytes(16))[0],
            ksid=order.ksid,
            epoch=order.epoch,
            node=self.node,
            number=number,
            key_size=wish.size,
            hops=order.hops,
            onward=order.onward,
            link=order.exits[0].link,
            forwarding=self.forwarding,
            entropy=self.entropy,
            request_id=wish.request_id,
            announces=self._announces,
        )

    @property
    def _announces(self) -> bool:
        return self.settings.relay is Relay.XOR_ANNOUNCED

    def _step(
        self, making: BatchMaking, message: Outcome | BatchOverdue | GiveUpBatch | ConfirmBatch, now: Instant
    ) -> tuple[Ready | None, list[Effect]]:
        order = self.orders[making.ksid]
        was_under_way = making.state in UNDER_WAY
        effects = making.receive(message, now)
        ready: Ready | None = None
        if making.is_copy:
            self.news.append(CopyNews(making.batch_id, making.state))
        elif was_under_way and making.state not in UNDER_WAY:
            order.coming[making.request_id] -= making.number
            if not order.coming[making.request_id]:
                del order.coming[making.request_id]
            if making.state in (Making.READY, Making.RESERVED):
                ready, stored = self._stored(order, making, now)
                effects = [*effects, *stored]
            else:
                effects = [*effects, *_pause(order, now)]
        if making.state in (Making.READY, Making.VOIDED):
            del self.makings[making.batch_id], order.batches[making.batch_id]
        return ready, effects

    def _stored(self, order: Order, making: BatchMaking, now: Instant) -> tuple[Ready, list[Effect]]:
        order.pause = FIRST_PAUSE
        self.books.made += making.number
        self.books.stored += making.number
        until = Instant(now + self.settings.key_lifetime)
        provenance = provenance_of(making.hops, len(order.exits))
        batch = Batch(making.batch_id, making.ksid, order.sae, making.keys, provenance, until)
        published = Publish(KeysReady(self.node, making.ksid, making.number, making.hops))
        if making.request_id:  # handed out at once: a crash loses them, but never puts them into the pool
            return Ready(batch, making.request_id), [published]
        kept = KeysKept(
            ksid=making.ksid,
            batch_id=making.batch_id,
            is_master=True,
            sae=order.sae,
            key_ids=making.key_ids,
            materials=tuple(making.keys.values()),
            provenance=provenance,
            until=until,
        )
        return Ready(batch, FOR_POOL), [Save(kept), published]


def _pause(order: Order, now: Instant) -> list[Effect]:
    """Make nothing for a while; many batches that fail together count as one failure."""
    if now < order.paused_until:
        return []
    order.paused_until = Instant(now + order.pause)
    due = StartTimer(f"{order.ksid}/replenish", order.pause, ReplenishDue(order.ksid))
    order.pause = Duration(min(2 * order.pause, LONGEST_PAUSE))
    return [due]
