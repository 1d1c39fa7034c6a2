"""Where a key manager makes end-to-end keys for its sessions: what to make, what is under way, what came of it.

Paper B, 3.3. How many keys are made is the algorithm's choice (`algorithms.py`); how they travel is in `exchange.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from typing import Final, NamedTuple

from keytwin.keymanagement.algorithms import KeyManagementAlgorithm, PoolLevel
from keytwin.keymanagement.exchange import (
    QUEUE_PATIENCE,
    UNDER_WAY,
    BatchMaking,
    BatchOverdue,
    ConfirmBatch,
    DispatchBatch,
    GiveUpBatch,
    Making,
    overdue_timer,
)
from keytwin.keymanagement.fallback import FallbackKept, come, is_probe_wanted, look, take_over, wait_for
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.hybrid import Mix, Purpose
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.named import NamedMaking, origin_of
from keytwin.keymanagement.orders import FOR_POOL, Demand, Order, Wish, order_of
from keytwin.keymanagement.pool import Batch, KeyBooks, KeysKept, Pool, Shelf
from keytwin.keymanagement.queue import rank_of
from keytwin.keymanagement.shares import SharedMaking, enqueue
from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import KeysGone, KeysReady
from keytwin.vocabulary.exchange_messages import BatchId, KeysFailed, KeysStored, KeysVoided
from keytwin.vocabulary.identity import KeyId, Ksid, LinkId, NodeId, uuids
from keytwin.vocabulary.key import Key, KeyMode
from keytwin.vocabulary.machine import Effect, Publish, RequestId, Save, StopTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import ConfigureHop, Reason
from keytwin.vocabulary.units import Bits, Instant, bits

MOST_MAKINGS: Final = 4_096  # batches under way for one session

Outcome = KeysStored | KeysFailed | KeysVoided


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
    generations: Generations
    orders: dict[Ksid, Order] = field(default_factory=dict)
    makings: dict[BatchId, BatchMaking] = field(default_factory=dict)
    fallen: dict[Ksid, FallbackKept] = field(default_factory=dict)  # the latest of each session, read at a restart only
    news: list[CopyNews] = field(default_factory=list)  # of copies, until `multicast` has looked at it

    def route(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Make keys along this route from now on; what is under way along an older one is given up."""
        order = order_of(wanted, self.links, self.settings, self.algorithms)
        older = self.orders.get(wanted.ksid)
        effects: list[Effect] = []
        if older is not None:
            # What is reserved at the far end has crossed the older route: a new one takes nothing from anybody.
            for batch_id in [each for each in older.batches if self.makings[each].state is not Making.RESERVED]:
                effects += self._step(self.makings[batch_id], GiveUpBatch(batch_id), now)[1]
            order.batches = older.batches  # of which the far end is still to be told
        effects += take_over(self.node, order, older, self.fallen)
        self.orders[wanted.ksid] = order
        return effects

    def fits(self, ksid: Ksid, size: Bits) -> bool:
        """Whether a key of this size can be made for the session at all."""
        return size <= self.orders[ksid].largest

    def replenish(self, ksid: Ksid, demand: Demand, now: Instant) -> list[Effect]:
        """Begin what is wished for and not under way; how much for the pool, the algorithm says.

        After a failure nothing is begun until the pause is over. A session that has fallen back goes on trying.
        """
        order = self.orders.get(ksid)
        if order is None:
            return []
        effects = look(self.node, order, self.makings, demand, now)
        is_named = order.names
        if order.is_due(now, named=is_named):
            for wish in demand.wishes:
                effects += self._make(order, wish, now, named=is_named)
            coming = order.coming[FOR_POOL]
            number = order.algorithm(PoolLevel(demand.ready, coming, demand.waiting, order.depth, order.batch))
            if number > 0:
                wish = Wish(FOR_POOL, number + coming, order.key_size)
                effects += self._make(order, wish, now, named=is_named)
        if is_probe_wanted(order, now):
            effects += self._make(order, Wish(FOR_POOL, order.batch, order.key_size), now, named=False)
        return effects

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
        if isinstance(outcome, KeysFailed) and outcome.reason is Reason.KEY_UNKNOWN and making.mix is not None:
            return None, [*self._step(making, outcome, now)[1], *self._distrust(making, now)]
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
        effects += self.generations.close(ksid)
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
        return [*effects, *order.stop()]

    def _make(self, order: Order, wish: Wish, now: Instant, *, named: bool) -> list[Effect]:
        """Begin what is not under way yet of a wish, in batches; what finds no room is begun when others are done."""
        effects: list[Effect] = []
        is_probe = order.is_fallen and not named
        missing = wish.number - (0 if is_probe else order.coming[wish.request_id])
        together = order.most_together(wish.size)
        if wish.request_id == FOR_POOL:
            together = min(together, order.batch)
        while missing > 0 < together and len(order.batches) < MOST_MAKINGS and (named or not order.is_full):
            part = min(missing, together)
            missing -= part
            mix, begun = self._mix(order, part, now, named=named)
            effects += begun
            if mix is None and (named or order.mode.is_hybrid):
                break  # when the ends have agreed on a secret, this is asked for again
            making = self._making(order, wish, part, named=named)
            making.mix = mix
            self.makings[making.batch_id] = making
            order.expect(making)
            rank = rank_of(order.priority, is_refill=wish.request_id == FOR_POOL)
            effects += [overdue_timer(making, QUEUE_PATIENCE), *_send_off(making, rank, now)]
            if not named:
                effects += wait_for(order, making, now)
        return effects

    def _mix(self, order: Order, number: int, now: Instant, *, named: bool) -> tuple[Mix | None, list[Effect]]:
        """Return what goes into so many keys beside quantum key, or instead of it, and what has it agreed."""
        if not named and not order.mode.is_hybrid:
            return None, []
        generation, begun = self.generations.take(order.ksid, number, now)
        purpose = Purpose(KeyMode.PQC_ONLY if named else order.mode, order.ksid, order.onward)
        return (None if generation is None else Mix(purpose, generation)), begun

    def _making(self, order: Order, wish: Wish, number: int, *, named: bool = False) -> BatchMaking:
        make: Callable[..., BatchMaking] = BatchMaking
        if named:
            make = NamedMaking
        elif len(order.exits) > 1:
            make = partial(SharedMaking, exits=order.exits)
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
            relay=order.relay,
        )

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
            is_named = isinstance(making, NamedMaking)
            order.expect_no_more(making)
            if making.state in (Making.READY, Making.RESERVED):
                ready, stored = self._stored(order, making, now)
                effects = [*effects, *stored, *([] if is_named else come(self.node, order, now))]
            else:
                effects = [*effects, *order.pause(now, named=is_named)]
        if making.state in (Making.READY, Making.VOIDED):
            del self.makings[making.batch_id], order.batches[making.batch_id]
        return ready, effects

    def _distrust(self, made: BatchMaking, now: Instant) -> list[Effect]:
        """Agree on a secret anew: the other end does not have this one, so what waits with it would come to nothing."""
        assert made.mix
        self.generations.distrust(made.ksid, made.mix.number)
        waiting = [self.makings[each] for each in self.orders[made.ksid].batches]
        effects: list[Effect] = []
        for making in waiting:
            if making.state is Making.QUEUED and making.mix is not None and making.mix.number == made.mix.number:
                effects += self._step(making, GiveUpBatch(making.batch_id), now)[1]
        return effects

    def _stored(self, order: Order, making: BatchMaking, now: Instant) -> tuple[Ready, list[Effect]]:
        (order.named_pace if isinstance(making, NamedMaking) else order.pace).succeed()
        self.books.made += making.number
        self.books.stored += making.number
        until = Instant(now + self.settings.key_lifetime)
        provenance = origin_of(making, len(order.exits))
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


def lose(books: KeyBooks, keys: list[Key]) -> None:
    """Wipe keys that were made for a request which waits no more."""
    for key in keys:
        key.material.wipe()
    books.voided += len(keys)
    books.stored -= len(keys)


def _send_off(making: BatchMaking, rank: int, now: Instant) -> list[Effect]:
    """Let a batch wait for key of its first link; one that takes none leaves at once."""
    if isinstance(making, NamedMaking):
        return making.receive(DispatchBatch(making.batch_id), now)
    return enqueue(making, rank, now)
