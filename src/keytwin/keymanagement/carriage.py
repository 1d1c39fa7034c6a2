"""Keys and signals of sessions on their way: at a trusted node between, and at the end that receives. Paper B, 3.3.

At a node between, keys exist in plain only from the check of one tag to the pad of the next (trusted-node relay). Every
message is checked in full before anything changes, and a repeat has no effect but the same acknowledgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from hmac import compare_digest
from typing import Final

import msgspec

from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.keymanagement.forwarding import Forwarding, Hop
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.hybrid import Purpose, stamped
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pads import FIRST_EPOCH, Use
from keytwin.keymanagement.partials import SharesOverdue, shares_stop, shares_timer
from keytwin.keymanagement.pool import (
    SLAVE_MARGIN,
    Batch,
    BatchGone,
    KeyBooks,
    KeysHandedOut,
    KeysKept,
    Shelf,
    provenance_of,
)
from keytwin.keymanagement.queue import rank_of
from keytwin.keymanagement.relay import are_named, keys_of, pass_on, range_octets, tag_octets, told_octets, unseal
from keytwin.vocabulary.errors import TagMismatch, Violation
from keytwin.vocabulary.events import KeysGone, KeysRelayed, SecretRefused
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    AssignKeys,
    BatchId,
    KeysFailed,
    KeysReceived,
    KeysStored,
    KeysVoided,
    NameKeys,
    RelayKeys,
    SessionSignal,
    VoidKeys,
)
from keytwin.vocabulary.identity import XOR_POINT, KeyId, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.key import KeyMaterial, Provenance
from keytwin.vocabulary.machine import Effect, Publish, Save, Send
from keytwin.vocabulary.point_messages import XorAnnounced
from keytwin.vocabulary.session_messages import EndConfiguration, Reason
from keytwin.vocabulary.units import Duration, Instant, octets

MOST_GONE: Final = 65_536  # batches remembered as gone, so that a late repeat does not bring them back


@dataclass(slots=True)
class Passing:
    """Keys of others between two hops: in plain, in this node's custody, until there is key for the next hop."""

    message: RelayKeys
    plain: bytearray = field(repr=False)
    until: Instant
    node: NodeId
    forwarding: Forwarding
    ksid: Ksid = field(init=False)
    epoch: int = field(init=False)

    def __post_init__(self) -> None:
        self.ksid, self.epoch = self.message.ksid, self.message.epoch

    @property
    def waits_until(self) -> Instant | None:
        """When the maker gives the batch up."""
        return self.until

    def need(self) -> int:
        """Return the octets it takes of the next link's direction."""
        return range_octets(self.message)

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Encrypt for the next hop and send; say so to the maker when it is too late."""
        came = self.message
        if now >= self.until:
            return self.give_up()
        offset, key, effects = link.take(self.need(), Use.PAD, tag_octets(is_central=came.is_central))
        # `remaining` counts down from hop to hop, so that clocks need not agree.
        unsealed = msgspec.structs.replace(
            came,
            sender=self.node,
            link=link.link,
            offset=offset,
            floor=link.outbox.floor(offset),
            hops_left=came.hops_left - 1,
            remaining=Duration(self.until - now),
        )
        sealed, told = pass_on(unsealed, self.plain, key)
        self.drop()
        relayed = Publish(KeysRelayed(self.node, self.ksid, len(came.key_ids)))
        announced = Send(XOR_POINT, XorAnnounced(self.node, came.tag, sealed.tag, told))
        return [*effects, *link.send(sealed, self.until, now), *([announced] if told else []), relayed]

    def give_up(self) -> list[Effect]:
        """Wipe the keys and tell the maker that they will not arrive."""
        self.drop()
        onward = not self.message.onward
        hop = self.forwarding.hop(self.ksid, self.epoch)
        back = hop.towards(onward=onward) if hop else None
        if back is None:
            return []
        failed = KeysFailed(self.node, self.ksid, self.epoch, onward, self.message.batch_id, Reason.KEY_UNAVAILABLE)
        return [Send(km_of(back.node), failed)]

    def drop(self) -> None:
        """Wipe the plain keys."""
        self.plain[:] = bytes(len(self.plain))


@dataclass(slots=True)
class Carriage:
    """Everything that comes from neighbours about the keys of sessions."""

    node: NodeId
    links: Mapping[LinkId, KmLink]
    forwarding: Forwarding
    shelf: Shelf
    books: KeyBooks
    lifetime: Duration
    generations: Generations
    gone: dict[BatchId, None] = field(default_factory=dict)

    def on_relay_keys(self, message: RelayKeys, now: Instant) -> list[Effect]:
        """Take keys into custody: for a slave here, or for the next hop. TagMismatch changes nothing."""
        link, hop = self._where(message)
        if link is None or hop is None or not are_named(message) or message.hops_left <= 0:
            return []
        if len(message.ciphertext) != told_octets(message):
            raise Violation(f"keys of session {message.ksid} have another length than their number and size say")
        count = range_octets(message)
        if link.incoming.has_spent(message.offset, count):
            return [_received(link, message)]  # the acknowledgement was lost
        next_link = self._next_link(message, hop)
        if next_link is not None and next_link.queue.is_full:
            return []  # unacknowledged it stays with the neighbour, who repeats it
        key = link.incoming.look(message.offset, count)
        if key is None:
            return []
        plain = unseal(message, key, is_end=next_link is None)
        if plain is None:
            raise TagMismatch(f"keys for session {message.ksid} on {message.link} at offset {message.offset}")
        # From here on nothing can fail: the octets are spent, and the message has its effect once.
        spent = link.spend(message, count, Use.PAD, tag_octets(is_central=message.is_central))
        if next_link is None:
            return [*spent, *arrive(self, message, plain, hop, now), _received(link, message)]
        return [*spent, _received(link, message), *self._pass_on(message, plain, hop, now)]

    def on_assign_keys(self, message: AssignKeys, now: Instant) -> list[Effect]:
        """Cut the quantum key that the neighbour names, for a slave here."""
        link, hop = self._where(message)
        if link is None or hop is None or hop.towards(onward=message.onward) is not None or not are_named(message):
            return []
        count = octets(message.key_size) * len(message.key_ids)
        if link.incoming.has_spent(message.offset, count):
            return [_received(link, message)]
        key = link.incoming.look(message.offset, count)
        if key is None:
            return []
        spent = link.spend(message, count, Use.DELIVERED)
        return [*spent, *self.store(message, key, hop, now), _received(link, message)]

    def on_signal(self, signal: SessionSignal) -> list[Effect] | None:
        """Hand a signal on along its route; None when it has arrived here or is of no known route."""
        hop = self.forwarding.hop(signal.ksid, signal.epoch)
        if hop is None:
            return []  # of another epoch: whoever needs an answer asks again along the new route
        if all(source.node != signal.sender for source in hop.sources(onward=signal.onward)):
            raise Violation(f"a signal of session {signal.ksid} came from {signal.sender}, which is not its neighbour")
        towards = hop.towards(onward=signal.onward)
        if towards is None:
            return None
        return [Send(km_of(towards.node), msgspec.structs.replace(signal, sender=self.node))]

    def on_ask_stored(self, asked: AskStored) -> list[Effect]:
        """Repeat that a batch is here; silence when it is not (yet)."""
        if not self.shelf.holds(asked.batch_id):
            return []
        return _back(asked, KeysStored(self.node, asked.ksid, asked.epoch, not asked.onward, asked.batch_id))

    def on_void_keys(self, void: VoidKeys) -> list[Effect]:
        """Wipe the batch, never take it again, and confirm."""
        voided = _back(void, KeysVoided(self.node, void.ksid, void.epoch, not void.onward, void.batch_id))
        if void.batch_id in self.gone:
            return voided
        if self.shelf.session_of(void.batch_id) not in (None, void.ksid):
            raise Violation(f"session {void.ksid} voids a batch of another session")
        self.shelf.partials.drop(void.batch_id)
        stopped = self.shelf.sums.drop(void.batch_id)
        number = self.shelf.remove(void.batch_id)
        self.books.stored -= number
        self.books.voided += number
        self.remember_gone(void.batch_id)
        told = [Publish(KeysGone(self.node, void.ksid, number, "voided"))] if number else []
        return [Save(BatchGone(void.ksid, void.batch_id, is_void=True)), *stopped, *told, *voided]

    def on_shares_overdue(self, overdue: SharesOverdue, now: Instant) -> list[Effect]:
        """Wipe what came of a batch whose other shares have not: its maker has given it up."""
        del now
        self.shelf.partials.drop(overdue.batch_id)
        return []

    def remember_gone(self, batch_id: BatchId) -> None:
        """Never take this batch again, for as long as a repeat can be under way."""
        self.gone[batch_id] = None
        if len(self.gone) > MOST_GONE:
            del self.gone[next(iter(self.gone))]

    def forget_collected(self, handed_out: KeysHandedOut) -> int:
        """Wipe keys that a slave had before a restart; return how many of them were here."""
        # Of keys that several slaves here have copies of, those of this session only.
        named = [(key_id, batch) for key_id in handed_out.key_ids for batch in self.shelf.holders(key_id)]
        ours = {key_id: batch for key_id, batch in named if batch.ksid == handed_out.ksid}
        for key in self.shelf.take(list(ours), list(ours.values())):
            key.material.wipe()
        for batch in dict.fromkeys(ours.values()):
            if not batch.keys:
                self.remember_gone(batch.batch_id)
        return len(ours)

    def keep(self, kept: KeysKept) -> None:
        """Make a batch available to its slave."""
        keys = dict(zip(kept.key_ids, kept.materials, strict=True))
        self.shelf.add(Batch(kept.batch_id, kept.ksid, kept.sae, keys, kept.provenance, kept.until))
        self.books.taken += len(keys)
        self.books.stored += len(keys)

    def _where(self, message: RelayKeys | AssignKeys) -> tuple[KmLink | None, Hop | None]:
        """Return the link and the route entry of a message, which must fit its sender."""
        link = self.links.get(message.link)
        hop = self.forwarding.hop(message.ksid, message.epoch)
        if link is None or hop is None or message.link_epoch != FIRST_EPOCH:
            return link, None
        sources = hop.sources(onward=message.onward)
        if all((source.node, source.link) != (message.sender, message.link) for source in sources):
            raise Violation(f"keys of session {message.ksid} came over {message.link}, which is not on its route")
        # A name that is in use must not come to mean another key; of a batch that is here already nothing is taken.
        if not self.shelf.holds(message.batch_id) and not self.shelf.by_key.keys().isdisjoint(message.key_ids):
            self._check_copy(message, hop)
        return link, hop

    def _check_copy(self, message: RelayKeys | AssignKeys, hop: Hop) -> None:
        """Let a name come again only for a copy that is on its way through, or is for another slave of this node."""
        end = hop.configuration.end
        named = [batch for key_id in message.key_ids for batch in self.shelf.holders(key_id)]
        is_copy = isinstance(message, RelayKeys) and message.is_copy
        if not is_copy or (end is not None and any(batch.ksid == message.ksid for batch in named)):
            raise Violation(f"session {message.ksid} names keys of another batch")

    def _next_link(self, message: RelayKeys, hop: Hop) -> KmLink | None:
        towards = hop.towards(onward=message.onward)
        return self.links[towards.link] if towards else None

    def store(self, message: RelayKeys | AssignKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
        """Keep the keys for the slave, durably, and tell the maker; of a batch that is known already, only tell."""
        end = hop.configuration.end
        assert end
        stored = KeysStored(self.node, message.ksid, message.epoch, not message.onward, message.batch_id)
        told = Send(km_of(message.sender), stored)
        is_gone = message.batch_id in self.gone
        if is_gone or self.shelf.holds(message.batch_id):
            plain[:] = bytes(len(plain))
            # Its maker has voided a batch that is gone, or its slave has collected it: there is nothing to tell.
            return [] if is_gone else [told]
        shares = max(1, len(end.lanes))
        summed = plain if shares == 1 else self.shelf.partials.add(message, plain, shares)
        if summed is None:
            return [shares_timer(message.batch_id)]
        if not is_true_copy(self.shelf, message, summed):
            summed[:] = bytes(len(summed))  # said to be what another slave has: its maker hears nothing, and voids it
            return []
        origin = provenance_of(end.hops, shares, is_cut=isinstance(message, AssignKeys))
        keys = keys_of(summed, message.key_size, message.key_ids)
        over: list[Effect] = [shares_stop(message.batch_id)] if shares > 1 else []
        if end.mode.is_hybrid:
            generation = self.generations.shared(message)
            if generation is None:
                summed[:] = bytes(len(summed))
                return [*over, *refuse(self.node, message)]
            keys = generation.combine(Purpose(end.mode, message.ksid, message.onward), keys)
            origin = stamped(origin, end.mode, message.generation)
        return [*self.take_in(message, keys, origin, end, now), told, *over]

    def take_in(
        self,
        message: RelayKeys | AssignKeys | NameKeys,
        keys: dict[KeyId, KeyMaterial],
        origin: Provenance,
        end: EndConfiguration,
        now: Instant,
    ) -> list[Effect]:
        """Keep keys for the slave, durably."""
        kept = KeysKept(
            ksid=message.ksid,
            batch_id=message.batch_id,
            is_master=False,
            sae=end.sae,
            key_ids=message.key_ids,
            materials=tuple(keys.values()),
            provenance=origin,
            until=Instant(now + self.lifetime + SLAVE_MARGIN),
        )
        self.keep(kept)
        return [Save(kept)]

    def _pass_on(self, message: RelayKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
        next_link = self._next_link(message, hop)
        assert next_link
        # A neighbour does not make a node keep keys in plain for longer than any maker waits for them.
        until = Instant(now + min(message.remaining, CARRY_TIMEOUT))
        passing = Passing(message, plain, until, self.node, self.forwarding)
        if passing.need() > next_link.capacity:
            return passing.give_up()
        return next_link.enqueue(passing, rank_of(hop.configuration.priority, is_refill=False), now)


def _received(link: KmLink, message: RelayKeys | AssignKeys) -> Effect:
    return Send(link.peer, KeysReceived(link.node, message.sender, message.link, FIRST_EPOCH, message.offset))


def _back(signal: SessionSignal, answer: SessionSignal) -> list[Effect]:
    return [Send(km_of(signal.sender), answer)]


def arrive(carriage: Carriage, message: RelayKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
    """Keep the keys of a message, or ask for what is missing to know them; none is asked for a batch that is known."""
    is_known = message.batch_id in carriage.gone or carriage.shelf.holds(message.batch_id)
    if message.is_central and not is_known:
        return carriage.shelf.sums.wait(carriage.node, message, plain, now)
    return carriage.store(message, plain, hop, now)


def is_true_copy(shelf: Shelf, message: RelayKeys | AssignKeys, plain: bytearray) -> bool:
    """Whether keys that other slaves here have, too, are the same octet for octet (invariant K2)."""
    if shelf.by_key.keys().isdisjoint(message.key_ids):
        return True
    size = octets(message.key_size)
    for place, key_id in enumerate(message.key_ids):
        for batch in shelf.holders(key_id):
            with batch.keys[key_id].inspected() as theirs:
                if not compare_digest(theirs, memoryview(plain)[place * size : (place + 1) * size]):
                    return False
    return True


def refuse(node: NodeId, message: RelayKeys | AssignKeys | NameKeys) -> list[Effect]:
    """Tell the maker that its keys were not taken, for want of the secret that they are made with; it voids them."""
    refused = SecretRefused(node, message.ksid, len(message.key_ids), message.generation)
    failed = KeysFailed(
        node, message.ksid, message.epoch, not message.onward, batch_id=message.batch_id, reason=Reason.KEY_UNKNOWN
    )
    return [Publish(refused), Send(km_of(message.sender), failed)]
