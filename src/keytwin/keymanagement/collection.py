"""What a key manager hands out to slaves, and the expiry of everything that nobody collects.

Paper B, 3.3; ETSI GS QKD 014 V1.1.1 clause 5.3.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.pool import Batch, BatchGone, KeyBooks, KeysHandedOut, Pool, Shelf
from keytwin.vocabulary.events import KeyDenied, KeysAnswered, KeysGone
from keytwin.vocabulary.exchange_messages import BatchId, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.machine import Effect, Message, Publish, Save, Send, StartTimer
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

EXPIRY_STEP: Final = seconds(1)  # keys live up to this much longer than they should: one sweep serves them all
MOST_IDS: Final = 4_096  # key IDs in one request


class ExpiryDue(Message, frozen=True, gc=False):
    """To oneself: the oldest keys are past their time."""


@dataclass(slots=True)
class Collection:
    """The slaves' side of one key manager."""

    node: NodeId
    shelf: Shelf
    carriage: Carriage
    forwarding: Forwarding
    books: KeyBooks
    selfpairs: dict[Ksid, SaeId] = field(default_factory=dict)  # sessions in which one SAE is master and slave
    expires_at: Instant | None = None  # what the timer waits for

    def on_get_key_by_id(self, ask: GetKeyById, now: Instant) -> list[Effect]:
        """Hand out all of the keys or none: each must be here, for this SAE, and named once (invariant K8)."""
        found = self.shelf.find(ask.key_ids, ask.sae)
        batches = [batch for batch in dict.fromkeys(found) if batch is not None]  # few, however many keys it asks for
        reason = Reason.KEY_UNKNOWN if None in found else self._objection(ask, batches)
        if reason is not None:
            refusal = Send(ask.reply_to, KeyRefused(ask.request_id, reason, Duration(0)))
            return [refusal, Publish(KeyDenied(self.node, ask.sae, reason.value))]
        of_session = _by_session(ask.key_ids, found, batches)
        size = _common_size(batches)
        keys = tuple(self.shelf.take(ask.key_ids, found))
        self.books.delivered += len(keys)
        self.books.stored -= len(keys)
        for batch in batches:
            if not batch.keys:
                self.carriage.remember_gone(batch.batch_id)
        # Durable first, then the answer; the receiver owns the keys now and wipes them.
        effects: list[Effect] = [
            Save(KeysHandedOut(ksid, is_master=False, key_ids=ids, sae=ask.sae, key_size=size))
            for ksid, ids in of_session.items()
        ]
        effects.append(Send(ask.reply_to, KeyDelivered(ask.request_id, keys)))
        for ksid, ids in of_session.items():
            answered = KeysAnswered(self.node, ksid, ask.sae, key_ids=ids, is_master=False, waited=Duration(0))
            effects += [Publish(answered), *self.forwarding.signal_use(ksid, now)]
        return effects

    def expire(self, pools: Iterable[tuple[Ksid, Pool]], now: Instant) -> list[Effect]:
        """Wipe at this end what is past its time; the other end does so by its own clock (invariant K7)."""
        self.expires_at = None
        effects: list[Effect] = []
        for ksid, pool in pools:
            number, batches = pool.expire(now)
            effects += self._expired(ksid, number, batches)
        for batch in self.shelf.overdue(now):
            self.carriage.remember_gone(batch.batch_id)
            effects += self._expired(batch.ksid, self.shelf.remove(batch.batch_id), [batch.batch_id])
        return effects

    def expire_by(self, until: Instant | None, now: Instant) -> list[Effect]:
        """Run the timer so that it goes off soon after `until`; None = there is nothing that expires."""
        # A pool's keys expire before those that a slave end has held for longer: the timer may have to be moved.
        if until is None or (self.expires_at is not None and self.expires_at <= until):
            return []
        self.expires_at = until
        return [StartTimer("expiry", Duration(max(0, until - now) + EXPIRY_STEP), ExpiryDue())]

    def next_expiry(self, pools: Iterable[tuple[Ksid, Pool]]) -> Instant | None:
        """Return when the oldest keys expire."""
        ends = [self.shelf.next_expiry(), *(pool.next_expiry() for _, pool in pools)]
        return min((end for end in ends if end is not None), default=None)

    def _expired(self, ksid: Ksid, number: int, batches: Iterable[BatchId]) -> list[Effect]:
        self.books.expired += number
        self.books.stored -= number
        gone: list[Effect] = [Save(BatchGone(ksid, batch_id, is_void=False)) for batch_id in batches]
        return [*gone, Publish(KeysGone(self.node, ksid, number, "expired"))] if number else gone

    def _objection(self, ask: GetKeyById, batches: list[Batch]) -> Reason | None:
        """Tell why a request is refused; `batches` are those of its keys, all of which are here."""
        number = len(ask.key_ids)
        if not 0 < number <= MOST_IDS or len(set(ask.key_ids)) != number:
            return Reason.KEY_UNKNOWN
        for batch in batches:
            if batch.sae != ask.sae:
                return Reason.NOT_ALLOWED
        for batch in batches:  # for a slave that names another master there are no such keys here
            if ask.master is not None and self._master_of(batch.ksid) != ask.master:
                return Reason.KEY_UNKNOWN
        return None

    def _master_of(self, ksid: Ksid) -> SaeId | None:
        end = self.forwarding.end(ksid)
        return end.peer if end else self.selfpairs.get(ksid)


def _by_session(
    key_ids: tuple[KeyId, ...], found: Iterable[Batch | None], batches: Sequence[Batch]
) -> dict[Ksid, tuple[KeyId, ...]]:
    """Group keys that were found: an SAE may ask for keys of several sessions, but records and events are of one."""
    ksids = {batch.ksid: key_ids for batch in batches}
    if len(ksids) == 1:
        return ksids
    named = [(key_id, batch.ksid) for key_id, batch in zip(key_ids, found, strict=True) if batch is not None]
    return {ksid: tuple(key_id for key_id, each in named if each == ksid) for ksid in ksids}


def _common_size(batches: Sequence[Batch]) -> Bits:
    """Return the size of the keys in batches that have the same, 0 for others; in a batch all have."""
    first = batches[0].key_size
    return first if len(batches) == 1 or all(batch.key_size == first for batch in batches) else Bits(0)
