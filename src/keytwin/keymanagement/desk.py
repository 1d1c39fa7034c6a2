"""What one end of an operative session hands out as master: requests, tokens, and the pool they are answered from.

Requests for the session's own size are answered in their order; one for another size waits for its own keys and holds
up nobody. Tokens are drawn once, when a request is taken, and come back when it gets no key. Paper B, 3.1 and 3.3.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import msgspec

from keytwin.keymanagement.bucket import Borrower, Lender, Tokens, opening_tokens
from keytwin.keymanagement.exchange import ConfirmBatch, GiveUpBatch
from keytwin.keymanagement.handout import HandOuts
from keytwin.keymanagement.limits import Holding, pool_status
from keytwin.keymanagement.orders import Demand, Wish
from keytwin.keymanagement.pool import KeysHandedOut, Pool
from keytwin.keymanagement.workshop import Ready, Workshop, lose
from keytwin.vocabulary.events import KeyAsked, KeyDenied, KeysAnswered
from keytwin.vocabulary.exchange_messages import (
    BatchId,
    BorrowCredit,
    CreditLent,
    DescribePool,
    GetKey,
    KeyDelivered,
    KeyRefused,
)
from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.key import Key, is_secret_agreed
from keytwin.vocabulary.machine import Effect, Message, Publish, RequestId, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import EndConfiguration, Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration, Instant, milliseconds

MOST_REQUESTS: Final = 1_024  # waiting at one session: an application that never waits for answers is refused
MOST_ASKED: Final = 4_096  # keys in one request: what a pool and one request of a slave can hold
COME_AGAIN: Final = milliseconds(500)


class RequestOverdue(Message, frozen=True, gc=False):
    """To oneself: a request has waited as long as it wanted to."""

    ksid: Ksid
    request_id: RequestId


class LendDue(Message, frozen=True, gc=False):
    """To oneself: the bucket may now hold what the second end wants; at that end, ask for it again."""

    ksid: Ksid


@dataclass(slots=True)
class Request:
    """A master's request that waits for keys."""

    ask: GetKey
    size: Bits
    asked_at: Instant
    keys: list[Key] = field(default_factory=list)  # of a size of its own, as far as they are there
    batches: list[BatchId] = field(default_factory=list)  # in which these came: reserved at the far end until all have

    @property
    def missing(self) -> int:
        """How many keys it has not got yet."""
        return self.ask.number - len(self.keys)


@dataclass(slots=True)
class Desk:
    """The master's side of one end."""

    node: NodeId
    ksid: Ksid
    end: EndConfiguration
    workshop: Workshop
    tokens: Tokens
    pool: Pool = field(default_factory=Pool)
    hand_outs: HandOuts = field(init=False)
    queue: dict[RequestId, Request] = field(default_factory=dict)  # for keys of the pool, in their order
    special: dict[RequestId, Request] = field(default_factory=dict)  # for keys of another size

    def __post_init__(self) -> None:
        self.hand_outs = HandOuts(self.ksid)

    @property
    def is_waited_at(self) -> bool:
        """Whether any request waits."""
        return bool(self.queue or self.special)

    def ask(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Answer from the pool, or let the request wait for keys; refuse what the bucket or good sense forbids."""
        size = self.end.key_size if ask.size is None else ask.size
        if ask.request_id in self.queue or ask.request_id in self.special:
            return []  # a repeat: it is being seen to
        if not self.is_possible(ask.number, size):
            return deny(self.node, ask, Reason.TOO_LARGE, Duration(0))
        if len(self.queue) + len(self.special) >= MOST_REQUESTS:
            return deny(self.node, ask, Reason.UNAVAILABLE, COME_AGAIN)
        total = Bits(ask.number * size)
        if not self.tokens.take(total, now):
            wait = self.tokens.wait(total, now)
            return [*deny(self.node, ask, Reason.RATE_EXCEEDED, wait), *self.borrow()]
        waiting = self.queue if size == self.end.key_size else self.special
        waiting[ask.request_id] = Request(ask, size, now)
        effects: list[Effect] = [Publish(KeyAsked(self.node, ask.ksid, ask.sae, ask.number))]
        effects += [*self.workshop.forwarding.signal_use(ask.ksid, now), *self.borrow(), *self.serve(now)]
        if ask.request_id in waiting:
            overdue = RequestOverdue(ask.ksid, ask.request_id)
            effects.append(StartTimer(_timer(ask), ask.timeout, overdue))
        return [*effects, *self.replenish(now)]

    def describe(self, ask: DescribePool) -> list[Effect]:
        """Tell what may be asked for, and how much is ready."""
        order = self.workshop.orders[self.ksid]
        held = Holding(self.end.key_size, self.end.burst, order.largest, ready=self.pool.ready, depth=order.depth)
        if is_secret_agreed(self.end.mode, self.end.fallback):
            # What several slaves share is combined with no one's secret.
            ask = msgspec.structs.replace(ask, others=0)
        return [pool_status(ask, self.node, held)]

    def take_in(self, ready: Ready, now: Instant) -> list[Effect]:
        """Put keys that have become available to the pool, or to the request they were made for; nobody else's."""
        batch = ready.batch
        if not ready.request_id:
            self.pool.add(batch)
            return self.serve(now)
        keys = batch.take_first(len(batch.keys))
        request = self.special.get(ready.request_id)
        if request is None:
            lose(self.workshop.books, keys)
            return self.workshop.settle(GiveUpBatch(batch.batch_id), now)
        request.keys += keys
        request.batches.append(batch.batch_id)
        if request.missing:
            return []
        del self.special[ready.request_id]
        confirmed = [effect for each in request.batches for effect in self.workshop.settle(ConfirmBatch(each), now)]
        key_ids = tuple(key.key_id for key in request.keys)
        handed_out = KeysHandedOut(self.ksid, is_master=True, key_ids=key_ids, sae=self.end.sae, key_size=request.size)
        return [*confirmed, Save(handed_out), *self._hand_out(request, request.keys, now)]

    def serve(self, now: Instant) -> list[Effect]:
        """Answer from the pool what can be answered, in the order of asking."""
        effects: list[Effect] = []
        while self.queue:
            request = next(iter(self.queue.values()))
            if request.ask.number > self.pool.ready:
                break
            del self.queue[request.ask.request_id]
            first, keys, then = self.hand_outs.claim(self.pool, request.ask.number, self.end, now)
            effects += [*first, *self._hand_out(request, keys, now), *then]
        return effects

    def give_up(self, request_id: RequestId, now: Instant) -> list[Effect]:
        """Refuse a request that has waited as long as it wanted to."""
        late = self.queue.pop(request_id, None) or self.special.pop(request_id, None)
        if late is None:
            return []
        lose(self.workshop.books, late.keys)
        self.tokens.give_back(Bits(late.ask.number * late.size))
        voided = [effect for each in late.batches for effect in self.workshop.settle(GiveUpBatch(each), now)]
        return [*voided, *deny(self.node, late.ask, Reason.KEY_UNAVAILABLE, COME_AGAIN), *self.serve(now)]

    def replenish(self, now: Instant) -> list[Effect]:
        """Have made what is missing, and what the key-management algorithm wants in the pool."""
        waiting = 0
        wishes: tuple[Wish, ...] = ()
        if self.is_waited_at:  # hardly ever: most requests are answered at once
            waiting = sum(request.ask.number for request in self.queue.values())
            wishes = tuple(Wish(name, request.missing, request.size) for name, request in self.special.items())
        return self.workshop.replenish(self.ksid, Demand(self.pool.ready, waiting, wishes), now)

    def borrow(self) -> list[Effect]:
        """Ask the first end for tokens when the advance runs low; only the second end does."""
        hop = self.workshop.forwarding.hops.get(self.ksid)
        if not isinstance(self.tokens, Borrower) or hop is None or hop.configuration.previous is None:
            return []
        wanted = self.tokens.shortage()
        if not wanted:
            return []
        borrowed = BorrowCredit(
            sender=self.node,
            ksid=self.ksid,
            epoch=hop.configuration.epoch,
            onward=False,
            wanted=wanted,
            lent=self.tokens.lent,
        )
        return [Send(km_of(hop.configuration.previous.node), borrowed)]

    def borrow_again(self) -> list[Effect]:
        """Ask the first end until it has answered, after a restart: what it had lent before counts as used."""
        if not isinstance(self.tokens, Borrower) or not self.tokens.is_restored:
            return []
        # It may have restarted as well, and not hear the first question.
        return [*self.borrow(), StartTimer(f"{self.ksid}/lend", COME_AGAIN, LendDue(self.ksid))]

    def take_loan(self, loan: CreditLent) -> list[Effect]:
        """Note what the first end has lent; the first time after a restart that tells but what counts as used."""
        if not isinstance(self.tokens, Borrower):
            return []
        was_restored = self.tokens.is_restored
        self.tokens.lend(loan.lent)
        return self.borrow() if was_restored else []

    def lend(self, now: Instant, wish: BorrowCredit | None = None) -> list[Effect]:
        """Move tokens to the second end as soon as there are enough; only the first end does."""
        hop = self.workshop.forwarding.hops.get(self.ksid)
        if not isinstance(self.tokens, Lender) or hop is None or hop.configuration.next is None:
            return []
        if wish is not None:
            self.tokens.want(wish.wanted, wish.lent)
        if not self.tokens.lend(now):
            return [StartTimer(f"{self.ksid}/lend", self.tokens.wait_to_lend(now), LendDue(self.ksid))]
        lent = CreditLent(self.node, self.ksid, hop.configuration.epoch, onward=True, lent=self.tokens.lent)
        return [Send(km_of(hop.configuration.next.node), lent)]

    def free(self) -> list[Effect]:
        """Refuse what waits and wipe every key: nothing of the session stays here."""
        effects: list[Effect] = [*self.hand_outs.free(self.end), StopTimer(f"{self.ksid}/lend")]
        for request in (*self.queue.values(), *self.special.values()):
            lose(self.workshop.books, request.keys)
            effects += deny(self.node, request.ask, Reason.SESSION_UNKNOWN, Duration(0))
            effects.append(StopTimer(_timer(request.ask)))
        self.queue.clear()
        self.special.clear()
        return effects + self.workshop.close(self.ksid, self.pool)

    def is_possible(self, number: int, size: Bits) -> bool:
        """Whether a request of this kind can ever be answered."""
        if not 0 < number <= MOST_ASKED or size <= 0 or size % BITS_PER_BYTE:
            return False
        return number * size <= self.tokens.largest() and self.workshop.fits(self.ksid, size)

    def _hand_out(self, request: Request, keys: list[Key], now: Instant) -> list[Effect]:
        """Answer, once that is durable; the receiver owns the keys now and wipes them."""
        ask = request.ask
        key_ids = tuple(key.key_id for key in keys)
        self.workshop.books.delivered += len(keys)
        self.workshop.books.stored -= len(keys)
        waited = Duration(now - request.asked_at)
        return [
            Send(ask.reply_to, KeyDelivered(ask.request_id, tuple(keys))),
            Publish(KeysAnswered(self.node, ask.ksid, ask.sae, key_ids, is_master=True, waited=waited)),
            *([StopTimer(_timer(ask))] if waited else []),
        ]


def open_desk(node: NodeId, ksid: Ksid, end: EndConfiguration, workshop: Workshop, now: Instant) -> Desk:
    """Return the desk of a new session."""
    return Desk(node, ksid, end, workshop, opening_tokens(end.burst, end.rate, now, is_first=end.is_first))


def deny(node: NodeId, ask: GetKey, reason: Reason, retry_after: Duration) -> list[Effect]:
    """Refuse a request for keys; nothing is consumed."""
    refusal = Send(ask.reply_to, KeyRefused(ask.request_id, reason, retry_after))
    return [refusal, Publish(KeyDenied(node, ask.sae, reason.value))]


def _timer(ask: GetKey) -> str:
    # SAEs choose their identifiers by themselves: only with the session's is it unique here.
    return f"request/{ask.ksid}/{ask.request_id}"
