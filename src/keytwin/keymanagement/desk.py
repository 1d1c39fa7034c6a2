"""What one end of an operative session hands out as master: requests, tokens, and the pool they are answered from.

Requests are answered in their order; one for a size of its own waits for its own keys and holds up nobody. Tokens are
drawn once, when a request is taken, and come back when it gets no key (DESIGN.md 3.5).
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.bucket import Borrower, Lender, Tokens, full_bucket
from keytwin.keymanagement.pool import KeysHandedOut, Pool
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.events import KeyAsked, KeyDenied, KeysAnswered
from keytwin.vocabulary.exchange_messages import BorrowCredit, CreditLent, GetKey, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, Publish, RequestId, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import EndConfiguration, Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration, Instant, milliseconds

MOST_REQUESTS: Final = 1_024  # waiting at one session: an application that never waits for answers is refused
COME_AGAIN: Final = milliseconds(500)


class RequestOverdue(Message, frozen=True, gc=False):
    """To oneself: a request has waited as long as it wanted to."""

    ksid: Ksid
    request_id: RequestId


class LendDue(Message, frozen=True, gc=False):
    """To oneself: the bucket may now hold what the second end wants."""

    ksid: Ksid


@dataclass(slots=True)
class Request:
    """A master's request that waits for keys."""

    ask: GetKey
    size: Bits
    asked_at: Instant
    keys: list[Key] = field(default_factory=list)  # of a size other than the pool's, as far as they are there


@dataclass(slots=True)
class Desk:
    """The master's side of one end."""

    node: NodeId
    ksid: Ksid
    end: EndConfiguration
    workshop: Workshop
    tokens: Tokens
    pool: Pool = field(default_factory=Pool)
    requests: deque[Request] = field(default_factory=deque)

    def ask(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Answer from the pool, or let the request wait for keys; refuse what the bucket or good sense forbids."""
        size = self.end.key_size if ask.size is None else ask.size
        total = Bits(ask.number * size)
        if not 0 < ask.number <= total <= self.tokens.largest() or size % BITS_PER_BYTE:
            return deny(self.node, ask, Reason.TOO_LARGE, Duration(0))
        if len(self.requests) >= MOST_REQUESTS:
            return deny(self.node, ask, Reason.UNAVAILABLE, COME_AGAIN)
        if not self.tokens.take(total, now):
            wait = self.tokens.wait(total, now)
            return [*deny(self.node, ask, Reason.RATE_EXCEEDED, wait), *self.borrow()]
        request = Request(ask, size, now)
        self.requests.append(request)
        effects: list[Effect] = [Publish(KeyAsked(self.node, ask.ksid, ask.sae, ask.number))]
        effects += [*self.workshop.forwarding.signal_use(ask.ksid, now), *self.borrow()]
        if size != self.end.key_size:
            effects += self.workshop.make(ask.ksid, ask.number, size, now, ask.request_id)
        effects += self.serve(now)
        if self.requests and self.requests[-1] is request:
            overdue = RequestOverdue(ask.ksid, ask.request_id)
            effects.append(StartTimer(f"request/{ask.request_id}", ask.timeout, overdue))
        return [*effects, *self.replenish(now)]

    def serve(self, now: Instant) -> list[Effect]:
        """Answer what can be answered."""
        effects: list[Effect] = []
        is_held_up = False
        for request in list(self.requests):
            keys: list[Key] = []
            if request.size != self.end.key_size:
                keys = request.keys if len(request.keys) == request.ask.number else []
            elif is_held_up or self.pool.ready < request.ask.number:
                is_held_up = True
            else:
                keys = self.pool.take(request.ask.number)
            if keys:
                self.requests.remove(request)
                effects += self._hand_out(request, keys, now)
        return effects

    def give_up(self, request_id: RequestId, now: Instant) -> list[Effect]:
        """Refuse a request that has waited as long as it wanted to."""
        late = next((request for request in self.requests if request.ask.request_id == request_id), None)
        if late is None:
            return []
        self.requests.remove(late)
        self.workshop.lose(late.keys)
        self.tokens.give_back(Bits(late.ask.number * late.size))
        return [*deny(self.node, late.ask, Reason.KEY_UNAVAILABLE, COME_AGAIN), *self.serve(now)]

    def give(self, request_id: RequestId, keys: list[Key]) -> None:
        """Put keys of a size of its own to the request they were made for; nobody else may have them."""
        for request in self.requests:
            if request.ask.request_id == request_id:
                request.keys += keys
                return
        self.workshop.lose(keys)

    def replenish(self, now: Instant) -> list[Effect]:
        """Let the key-management algorithm decide how many keys to make."""
        waiting = sum(r.ask.number for r in self.requests if r.size == self.end.key_size)
        return self.workshop.replenish(self.ksid, self.pool.ready, waiting, now)

    def borrow(self) -> list[Effect]:
        """Ask the first end for tokens when the advance runs low; only the second end does."""
        hop = self.workshop.forwarding.hops.get(self.ksid)
        if not isinstance(self.tokens, Borrower) or hop is None or hop.configuration.previous is None:
            return []
        wanted = self.tokens.shortage()
        borrowed = BorrowCredit(self.node, self.ksid, hop.configuration.epoch, False, wanted, self.tokens.lent)
        return [Send(km_of(hop.configuration.previous.node), borrowed)] if wanted else []

    def lend(self, now: Instant, wish: BorrowCredit | None = None) -> list[Effect]:
        """Move tokens to the second end as soon as there are enough; only the first end does."""
        hop = self.workshop.forwarding.hops.get(self.ksid)
        if not isinstance(self.tokens, Lender) or hop is None or hop.configuration.next is None:
            return []
        if wish is not None:
            self.tokens.want(wish.wanted, wish.lent)
        if not self.tokens.lend(now):
            return [StartTimer(f"{self.ksid}/lend", self.tokens.wait(Bits(0), now), LendDue(self.ksid))]
        lent = CreditLent(self.node, self.ksid, hop.configuration.epoch, True, self.tokens.lent)
        return [Send(km_of(hop.configuration.next.node), lent)]

    def free(self) -> list[Effect]:
        """Refuse what waits and wipe every key: nothing of the session stays here."""
        effects: list[Effect] = [StopTimer(f"{self.ksid}/lend")]
        for request in self.requests:
            self.workshop.lose(request.keys)
            effects += deny(self.node, request.ask, Reason.SESSION_UNKNOWN, Duration(0))
            effects.append(StopTimer(f"request/{request.ask.request_id}"))
        self.requests.clear()
        return effects + self.workshop.close(self.ksid, self.pool)

    def _hand_out(self, request: Request, keys: list[Key], now: Instant) -> list[Effect]:
        """Durable first, then the answer."""
        ask = request.ask
        key_ids = tuple(key.key_id for key in keys)
        self.workshop.books.delivered += len(keys)
        self.workshop.books.stored -= len(keys)
        waited = Duration(now - request.asked_at)
        return [
            Save(KeysHandedOut(ask.ksid, True, key_ids)),
            Send(ask.reply_to, KeyDelivered(ask.request_id, tuple(keys))),
            Publish(KeysAnswered(self.node, ask.ksid, ask.sae, key_ids, True, waited)),
            *([StopTimer(f"request/{ask.request_id}")] if waited else []),
        ]


def open_desk(node: NodeId, ksid: Ksid, end: EndConfiguration, workshop: Workshop, now: Instant) -> Desk:
    """Return the desk of a new session: the first end has the whole bucket, the second is lent to."""
    tokens = Lender(full_bucket(end.burst, end.rate, now)) if end.is_first else Borrower(end.burst, end.rate)
    return Desk(node, ksid, end, workshop, tokens)


def deny(node: NodeId, ask: GetKey, reason: Reason, retry_after: Duration) -> list[Effect]:
    """Refuse a request for keys; nothing is consumed."""
    refusal = Send(ask.reply_to, KeyRefused(ask.request_id, reason, retry_after))
    return [refusal, Publish(KeyDenied(node, ask.sae, reason.value))]
