"""One key for several slaves, all or none: ETSI GS QKD 014 V1.1.1, Table 10 (additional_slave_SAE_IDs) and Annex B.

The master has a session with each slave. Its key manager draws the keys and sends each slave's end a copy of its own,
over that session's route and under one-time pad. The master is answered when every copy is durable where it is to be
fetched; if one cannot get there, those that have are voided and the master gets nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.desk import COME_AGAIN, MOST_ASKED, Desk, deny
from keytwin.keymanagement.exchange import ConfirmBatch, GiveUpBatch, Making
from keytwin.keymanagement.pool import KeysHandedOut
from keytwin.keymanagement.relay import keys_of
from keytwin.keymanagement.sessions import Sessions
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.events import KeyAsked, KeysAnswered
from keytwin.vocabulary.exchange_messages import BatchId, GetKey, KeyDelivered
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId
from keytwin.vocabulary.key import Key, Method, Provenance, is_secret_agreed
from keytwin.vocabulary.machine import Effect, Message, Publish, RequestId, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration, Instant, octets, seconds

UUID_OCTETS: Final = 16
MOST_SLAVES: Final = 17  # of one request: the one in the path and as many more as the face takes
MOST_CASTS: Final = 64  # requests of one session under way at once
LONGEST_WAIT: Final = seconds(30)  # for the last copy: well below the time that a slave's end keeps the first

Name = tuple[Ksid, RequestId]


class MulticastOverdue(Message, frozen=True, gc=False):
    """To oneself: a master has waited for all copies as long as it wanted to."""

    ksid: Ksid
    request_id: RequestId


@dataclass(slots=True)
class Cast:
    """A request for keys with several slaves: every part of the keys goes to each of them."""

    ask: GetKey
    size: Bits
    asked_at: Instant
    plain: bytearray = field(repr=False)  # the master's own copy
    key_ids: tuple[KeyId, ...]
    origin: Provenance
    batches: dict[BatchId, None] = field(default_factory=dict)  # every copy of every part
    missing: set[BatchId] = field(default_factory=set)  # those that are not durable at their end yet

    @property
    def name(self) -> Name:
        """SAEs choose their identifiers by themselves: only with the session's is it unique here."""
        return self.ask.ksid, self.ask.request_id

    @property
    def timer(self) -> str:
        """The timer of its patience."""
        return f"multicast/{self.ask.ksid}/{self.ask.request_id}"

    @property
    def ksids(self) -> tuple[Ksid, ...]:
        """The sessions with all slaves; the first is the one the request names."""
        return sessions_of(self.ask)


@dataclass(slots=True)
class Multicast:
    """All such requests at one key manager; a crash forgets them, and what their slaves' ends hold expires there."""

    node: NodeId
    sessions: Sessions
    workshop: Workshop
    entropy: Entropy
    casts: dict[Name, Cast] = field(default_factory=dict)
    by_batch: dict[BatchId, Cast] = field(default_factory=dict)

    def on_get_key(self, ask: GetKey, now: Instant) -> list[Effect]:
        """Draw the keys and send a copy to every slave; refuse what cannot be, and consume nothing then."""
        if (ask.ksid, ask.request_id) in self.casts:
            return []  # a repeat: it is being seen to
        desks = self._desks(ask)
        if isinstance(desks, Reason):
            return deny(self.node, ask, desks, COME_AGAIN if desks is Reason.UNAVAILABLE else Duration(0))
        size = desks[0].end.key_size if ask.size is None else ask.size
        refusal = self._objection(ask, desks, size) or self._draw_tokens(ask, desks, size, now)
        return refusal or self._begin(ask, desks, size, now)

    def on_overdue(self, overdue: MulticastOverdue, now: Instant) -> list[Effect]:
        """Give up: a copy has not arrived in time."""
        cast = self.casts.get((overdue.ksid, overdue.request_id))
        return self._fail(cast, now) if cast else []

    def settle(self, now: Instant) -> list[Effect]:
        """Look at what has become of copies: answer when all are there, give up the rest when one cannot be."""
        effects: list[Effect] = []
        while self.workshop.news:
            news = self.workshop.news.pop(0)
            cast = self.by_batch.get(news.batch_id)
            if cast is None:
                continue
            if news.state is Making.RESERVED:
                cast.missing.discard(news.batch_id)
                effects += [] if cast.missing else self._hand_out(cast, now)
            elif news.state in (Making.VOIDING, Making.VOIDED):
                effects += self._fail(cast, now)
        return effects

    # --- may it be --------------------------------------------------------------------------------------------------

    def _desks(self, ask: GetKey) -> list[Desk] | Reason:
        """Return the desks of all sessions asked of, or why there are none: each must be the caller's own, and open."""
        ksids = sessions_of(ask)
        known = [self.sessions.known.get(ksid) for ksid in ksids]
        if len(set(ksids)) != len(ksids) or any(each is not None and each.opened.sae != ask.sae for each in known):
            return Reason.NOT_ALLOWED
        if None in known:
            return Reason.SESSION_UNKNOWN
        found = [self.sessions.desk(ksid) for ksid in ksids]
        desks = [desk for desk in found if desk is not None]
        return desks if len(desks) == len(ksids) else Reason.UNAVAILABLE

    def _objection(self, ask: GetKey, desks: list[Desk], size: Bits) -> list[Effect]:
        """Refuse what no slave's session could ever carry, and what there is no room for now."""
        is_whole = 0 < ask.number <= MOST_ASKED and size > 0 and size % BITS_PER_BYTE == 0
        if (
            not is_whole
            or len(desks) > MOST_SLAVES
            or not all(_may_be_shared(desk, ask.number, size) for desk in desks)
        ):
            return deny(self.node, ask, Reason.TOO_LARGE, Duration(0))
        is_full = any(self.workshop.orders[desk.ksid].is_full for desk in desks)
        if is_full or sum(ksid == ask.ksid for ksid, _ in self.casts) >= MOST_CASTS:
            return deny(self.node, ask, Reason.UNAVAILABLE, COME_AGAIN)
        return []

    def _draw_tokens(self, ask: GetKey, desks: list[Desk], size: Bits, now: Instant) -> list[Effect]:
        """Draw the tokens of every session, or of none: each copy costs its own route as much as any key."""
        total = Bits(ask.number * size)
        for place, desk in enumerate(desks):
            if not desk.tokens.take(total, now):
                for earlier in desks[:place]:
                    earlier.tokens.give_back(total)
                wait = desk.tokens.wait(total, now)
                return [*deny(self.node, ask, Reason.RATE_EXCEEDED, wait), *desk.borrow()]
        return []

    # --- what is done -----------------------------------------------------------------------------------------------

    def _begin(self, ask: GetKey, desks: list[Desk], size: Bits, now: Instant) -> list[Effect]:
        plain = self.entropy.fill(ask.number * octets(size))
        key_ids = tuple(map(KeyId, uuids(self.entropy.bytes(UUID_OCTETS * ask.number))))
        cast = Cast(ask, size, now, plain, key_ids, _origin(desks))
        self.casts[cast.name] = cast
        overdue = MulticastOverdue(ask.ksid, ask.request_id)
        effects: list[Effect] = [
            Publish(KeyAsked(self.node, ask.ksid, ask.sae, ask.number)),
            StartTimer(cast.timer, min(ask.timeout, LONGEST_WAIT), overdue),
        ]
        for desk in desks:
            effects += [*self._copy(cast, desk, now), *desk.borrow()]
            effects += self.workshop.forwarding.signal_use(desk.ksid, now)
        return effects

    def _copy(self, cast: Cast, desk: Desk, now: Instant) -> list[Effect]:
        """Send one slave's copy off, in as many parts as its way needs."""
        together, size = self.workshop.orders[desk.ksid].most_together(cast.size), octets(cast.size)
        effects: list[Effect] = []
        for first in range(0, len(cast.key_ids), together):
            part = cast.key_ids[first : first + together]
            plain = cast.plain[first * size : (first + len(part)) * size]
            batch_id, sent = self.workshop.copy(desk.ksid, plain, part, now)
            self.by_batch[batch_id] = cast
            cast.batches[batch_id] = None
            cast.missing.add(batch_id)
            effects += sent
        return effects

    def _hand_out(self, cast: Cast, now: Instant) -> list[Effect]:
        """Every slave can fetch its copy: durable first, then the answer; the receiver owns the keys now."""
        self._forget(cast)
        ask, books, number = cast.ask, self.workshop.books, cast.ask.number
        effects: list[Effect] = []
        for batch_id in cast.batches:
            effects += self.workshop.settle(ConfirmBatch(batch_id), now)
        books.made += number
        books.delivered += number
        keys = tuple(Key(*named, cast.origin) for named in keys_of(cast.plain, cast.size, cast.key_ids).items())
        waited = Duration(now - cast.asked_at)
        return [
            *effects,
            *(
                Save(KeysHandedOut(ksid, is_master=True, key_ids=cast.key_ids, sae=ask.sae, key_size=cast.size))
                for ksid in cast.ksids
            ),
            Send(ask.reply_to, KeyDelivered(ask.request_id, keys)),
            Publish(KeysAnswered(self.node, ask.ksid, ask.sae, cast.key_ids, is_master=True, waited=waited)),
            StopTimer(cast.timer),
        ]

    def _fail(self, cast: Cast, now: Instant) -> list[Effect]:
        """Hand nothing out, void what has arrived anywhere, and give the tokens back."""
        self._forget(cast)
        cast.plain[:] = bytes(len(cast.plain))
        effects: list[Effect] = []
        for batch_id in cast.batches:
            effects += self.workshop.settle(GiveUpBatch(batch_id), now)
        for ksid in cast.ksids:
            desk = self.sessions.desk(ksid)
            if desk is not None:
                desk.tokens.give_back(Bits(cast.ask.number * cast.size))
        return [*effects, *deny(self.node, cast.ask, Reason.KEY_UNAVAILABLE, COME_AGAIN), StopTimer(cast.timer)]

    def _forget(self, cast: Cast) -> None:
        del self.casts[cast.name]
        for batch_id in cast.batches:
            del self.by_batch[batch_id]


def sessions_of(ask: GetKey) -> tuple[Ksid, ...]:
    """Return the sessions with all slaves of a request."""
    return (ask.ksid, *ask.further)


def _may_be_shared(desk: Desk, number: int, size: Bits) -> bool:
    """Whether a slave's session can carry such keys; none whose keys are combined with a secret of its own."""
    return not is_secret_agreed(desk.end.mode, desk.end.fallback) and desk.is_possible(number, size)


def _origin(desks: list[Desk]) -> Provenance:
    """Return what the master may be told: the longest way, and the fewest shares of any."""
    return Provenance(
        Method.RELAYED,
        max(desk.end.hops for desk in desks),
        min(max(1, len(desk.end.lanes)) for desk in desks),
    )
