"""Where a key manager makes end-to-end keys for its sessions: what to make, what is under way, what came of it.

How many keys are made is the algorithm's choice (`algorithms.py`); how one batch travels is in `exchange.py`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.algorithms import KeyManagementAlgorithm, PoolLevel
from keytwin.keymanagement.exchange import BatchMaking, BatchOverdue, GiveUpBatch, Making, patience
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pool import KeyBooks, KeysKept, Pool, Shelf, depth_of
from keytwin.keymanagement.relay import MOST_KEYS
from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import KeysGone, KeysReady
from keytwin.vocabulary.exchange_messages import BatchId, KeysFailed, KeysStored, KeysVoided
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, SaeId, uuids
from keytwin.vocabulary.key import Key, Method, Provenance
from keytwin.vocabulary.machine import Effect, Message, Publish, RequestId, Save, StartTimer, StopTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds

FIRST_PAUSE: Final = milliseconds(500)  # after a batch that failed; doubled each time, so a dead route costs little key
LONGEST_PAUSE: Final = seconds(30)
MOST_MAKINGS: Final = 4_096  # batches under way for one session

Outcome = KeysStored | KeysFailed | KeysVoided


class ReplenishDue(Message, frozen=True, gc=False):
    """To oneself: the pause after a failure is over."""

    ksid: Ksid


@dataclass(slots=True)
class Order:
    """How keys are made for one session at this end, and how many are under way for its pool."""

    ksid: Ksid
    epoch: int
    sae: SaeId
    onward: bool
    hops: int
    key_size: Bits
    batch: int
    depth: int
    priority: int
    link: KmLink
    algorithm: KeyManagementAlgorithm
    coming: int = 0
    pause: Duration = FIRST_PAUSE
    paused_until: Instant = Instant(0)
    batches: dict[BatchId, None] = field(default_factory=dict)


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

    def route(self, wanted: ConfigureHop, now: Instant) -> list[Effect]:
        """Make keys along this route from now on; what is under way along an older one is given up."""
        end = wanted.end
        assert end
        towards = wanted.next if end.is_first else wanted.previous
        assert towards
        order = Order(
            ksid=wanted.ksid,
            epoch=wanted.epoch,
            sae=end.sae,
            onward=end.is_first,
            hops=end.hops,
            key_size=end.key_size,
            batch=min(wanted.batch, MOST_KEYS),
            depth=depth_of(end.rate, self.settings.pool_depth, end.key_size, min(wanted.batch, MOST_KEYS)),
            priority=wanted.priority,
            link=self.links[towards.link],
            algorithm=self.algorithms[end.algorithm],
        )
        older = self.orders.get(wanted.ksid)
        effects = self._give_up(older, now) if older else []
        self.orders[wanted.ksid] = order
        if older:
            order.batches.update(older.batches)
        return effects

    def make(self, ksid: Ksid, number: int, size: Bits, now: Instant, request_id: RequestId = "") -> list[Effect]:
        """Begin so many keys, in batches; with a `request_id` they are for that request alone."""
        order = self.orders[ksid]
        effects: list[Effect] = []
        while number > 0 and len(order.batches) < MOST_MAKINGS:
            part = min(number, order.batch if not request_id else MOST_KEYS)
            number -= part
            making = BatchMaking(
                batch_id=uuids(self.entropy.bytes(16))[0],
                ksid=ksid,
                epoch=order.epoch,
                node=self.node,
                number=part,
                key_size=size,
                hops=order.hops,
                onward=order.onward,
                link=order.link,
                forwarding=self.forwarding,
                entropy=self.entropy,
                request_id=request_id,
            )
            self.makings[making.batch_id] = making
            order.batches[making.batch_id] = None
            order.coming += 0 if request_id else part
            # Refills of a class wait behind its requests, but before the requests of the class below.
            rank = 2 * order.priority + (0 if request_id else 1)
            effects += [patience(making), *order.link.enqueue(making, rank, now)]
        return effects

    def replenish(self, ksid: Ksid, ready: int, waiting: int, now: Instant) -> list[Effect]:
        """Ask the algorithm how many keys to make, and begin them; after a failure only when the pause is over."""
        order = self.orders.get(ksid)
        if order is None or now < order.paused_until:
            return []
        level = PoolLevel(ready, order.coming, waiting, order.depth, order.batch)
        return self.make(ksid, order.algorithm(level), order.key_size, now)

    def on_outcome(self, outcome: Outcome, now: Instant) -> tuple[BatchMaking | None, list[Effect]]:
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
        """Wipe everything of a session at this end."""
        released = pool.wipe() + self.shelf.release(ksid)
        self.books.released += released
        self.books.stored -= released
        order = self.orders.pop(ksid, None)
        effects: list[Effect] = [Publish(KeysGone(self.node, ksid, released, "session over"))] if released else []
        if order is None:
            return effects
        for batch_id in order.batches:
            making = self.makings.pop(batch_id, None)
            if making is not None:
                for _, material in making.keys:
                    material.wipe()
                effects.append(StopTimer(batch_id))
        return [*effects, StopTimer(f"{ksid}/replenish")]

    def lose(self, keys: list[Key]) -> None:
        """Wipe keys that were made for a request which waits no more."""
        for key in keys:
            key.material.wipe()
        self.books.voided += len(keys)
        self.books.stored -= len(keys)

    def _step(self, making: BatchMaking, message: Message, now: Instant) -> tuple[BatchMaking | None, list[Effect]]:
        before = making.state
        effects = making.receive(message, now)
        order = self.orders[making.ksid]
        if before in (Making.QUEUED, Making.CARRIED) and making.state not in (Making.QUEUED, Making.CARRIED):
            order.coming -= 0 if making.request_id else making.number
            effects = [*effects, *self._outcome(making, order, now)]
        if making.state in (Making.READY, Making.VOIDED):
            del self.makings[making.batch_id]
            order.batches.pop(making.batch_id, None)
        return (making if making.state is Making.READY else None), effects

    def _outcome(self, making: BatchMaking, order: Order, now: Instant) -> list[Effect]:
        if making.state is Making.READY:
            order.pause = FIRST_PAUSE
            self.books.made += making.number
            self.books.stored += making.number
            kept = KeysKept(
                ksid=making.ksid,
                batch_id=making.batch_id,
                is_master=True,
                sae=order.sae,
                key_ids=making.key_ids,
                materials=tuple(material for _, material in making.keys),
                provenance=provenance_of(making.hops),
            )
            return [Save(kept), Publish(KeysReady(self.node, making.ksid, making.number, making.hops))]
        if making.epoch != order.epoch:
            return []
        order.paused_until = Instant(now + order.pause)
        due = StartTimer(f"{making.ksid}/replenish", order.pause, ReplenishDue(making.ksid))
        order.pause = Duration(min(2 * order.pause, LONGEST_PAUSE))
        return [due]

    def _give_up(self, order: Order, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        for batch_id in list(order.batches):
            making = self.makings.get(batch_id)
            if making is not None:
                effects += self._step(making, GiveUpBatch(batch_id), now)[1]
        order.coming = 0
        return effects


def provenance_of(hops: int) -> Provenance:
    """Return what may be told of keys that crossed so many Q-links."""
    return Provenance(Method.ADJACENT if hops == 1 else Method.RELAYED, hops)
