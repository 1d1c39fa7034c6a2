"""Keys and signals of sessions on their way: at a trusted node between, and at the end that receives. Paper B, 3.3.

At a node between, keys exist in plain only from the check of one tag to the pad of the next (trusted-node relay). Every
message is checked in full before anything changes, and a repeat has no effect but the same acknowledgement.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import msgspec

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.forwarding import Forwarding, Hop
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pads import FIRST_EPOCH, Use
from keytwin.keymanagement.pool import SLAVE_MARGIN, Batch, BatchGone, KeyBooks, KeysKept, Shelf
from keytwin.keymanagement.relay import are_named, keys_of, relay_octets, seal, unseal
from keytwin.vocabulary.errors import TagMismatch, Violation
from keytwin.vocabulary.events import KeysGone, KeysRelayed
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    AssignKeys,
    BatchId,
    KeysFailed,
    KeysReceived,
    KeysStored,
    KeysVoided,
    RelayKeys,
    SessionSignal,
    VoidKeys,
)
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.key import Method, Provenance
from keytwin.vocabulary.machine import Effect, Publish, Save, Send
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Duration, Instant, octets

MOST_GONE: Final = 65_536  # batches remembered as gone, so that a late repeat does not bring them back


@dataclass(slots=True)
class Passing:
    """Keys of others between two hops: in plain, in this node's custody, until there is key for the next hop."""

    message: RelayKeys
    plain: bytearray
    until: Instant
    node: NodeId
    forwarding: Forwarding
    ksid: Ksid = field(init=False)
    epoch: int = field(init=False)

    def __post_init__(self) -> None:
        self.ksid, self.epoch = self.message.ksid, self.message.epoch

    def need(self) -> int:
        """Return the octets it takes of the next link's direction."""
        return KEY_OCTETS + len(self.plain)

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Encrypt for the next hop and send; too late, or no route any more: say so to the maker."""
        came = self.message
        late = self.expire(now)
        if late is not None:
            return late
        offset, key, effects = link.take(relay_octets(len(came.key_ids), came.key_size), Use.PAD, KEY_OCTETS)
        unsealed = msgspec.structs.replace(
            came,
            sender=self.node,
            link=link.link,
            link_epoch=FIRST_EPOCH,
            offset=offset,
            hops_left=came.hops_left - 1,
            remaining=Duration(self.until - now),
        )
        sealed = seal(unsealed, self.plain, key)
        self.drop()
        relayed = Publish(KeysRelayed(self.node, self.ksid, len(came.key_ids)))
        return [*effects, *link.send(sealed, self.until, now), relayed]

    def expire(self, now: Instant) -> list[Effect] | None:
        """Give up when its time is over; None while it may still wait."""
        if now < self.until:
            return None
        self.drop()
        return self.failed()

    def drop(self) -> None:
        """Wipe the plain keys."""
        self.plain[:] = bytes(len(self.plain))

    def failed(self) -> list[Effect]:
        """Tell the maker that the keys will not arrive."""
        hop = self.forwarding.hop(self.ksid, self.epoch)
        back = hop.towards(onward=not self.message.onward) if hop else None
        if back is None:
            return []
        onward = not self.message.onward
        failed = KeysFailed(self.node, self.ksid, self.epoch, onward, self.message.batch_id, Reason.KEY_UNAVAILABLE)
        return [Send(km_of(back.node), failed)]


@dataclass(slots=True)
class Carriage:
    """Everything that comes from neighbours about the keys of sessions."""

    node: NodeId
    links: Mapping[LinkId, KmLink]
    forwarding: Forwarding
    shelf: Shelf
    books: KeyBooks
    lifetime: Duration
    gone: dict[BatchId, None] = field(default_factory=dict)

    def on_relay_keys(self, message: RelayKeys, now: Instant) -> list[Effect]:
        """Take keys into custody: for a slave here, or for the next hop. TagMismatch changes nothing."""
        link, hop = self._where(message)
        if link is None or hop is None or not are_named(message) or message.hops_left <= 0:
            return []
        if len(message.ciphertext) != octets(message.key_size) * len(message.key_ids):
            raise Violation(f"keys of session {message.ksid} have another length than their number and size say")
        count = KEY_OCTETS + len(message.ciphertext)
        if link.incoming.has_spent(message.offset, count):
            return [self._acknowledge(link, message)]
        link.incoming.raise_floor(min(message.floor, message.offset))
        key = link.incoming.look(message.offset, count)
        if key is None:
            return []
        plain = unseal(message, key)
        if plain is None:
            raise TagMismatch(f"keys for session {message.ksid} on {message.link} at offset {message.offset}")
        link.incoming.spend(message.offset, count, Use.PAD, KEY_OCTETS)
        self.forwarding.touch(message.ksid, now)
        acknowledged = self._acknowledge(link, message)
        if hop.towards(onward=message.onward) is None:
            return [*self._store(message, plain, hop, now), acknowledged]
        return [acknowledged, *self._pass_on(message, plain, hop, now)]

    def on_assign_keys(self, message: AssignKeys, now: Instant) -> list[Effect]:
        """Cut the quantum key that the neighbour names, for a slave here."""
        link, hop = self._where(message)
        if link is None or hop is None or hop.towards(onward=message.onward) is not None or not are_named(message):
            return []
        count = octets(message.key_size) * len(message.key_ids)
        if link.incoming.has_spent(message.offset, count):
            return [self._acknowledge(link, message)]
        link.incoming.raise_floor(min(message.floor, message.offset))
        key = link.incoming.look(message.offset, count)
        if key is None:
            return []
        link.incoming.spend(message.offset, count, Use.DELIVERED)
        self.forwarding.touch(message.ksid, now)
        return [*self._store(message, key, hop, now), self._acknowledge(link, message)]

    def on_signal(self, signal: SessionSignal) -> list[Effect] | None:
        """Hand a signal on along its route; None when it has arrived here or is of no known route."""
        hop = self.forwarding.hop(signal.ksid, signal.epoch)
        if hop is None:
            return []
        came_from = hop.towards(onward=not signal.onward)
        if came_from is None or came_from.node != signal.sender:
            raise Violation(f"a signal of session {signal.ksid} came from {signal.sender}, which is not its neighbour")
        towards = hop.towards(onward=signal.onward)
        if towards is None:
            return None
        return [Send(km_of(towards.node), msgspec.structs.replace(signal, sender=self.node))]

    def on_ask_stored(self, asked: AskStored) -> list[Effect]:
        """Repeat that a batch is here; silence when it is not (yet)."""
        if not self.shelf.holds(asked.batch_id):
            return []
        return self._back(asked, KeysStored(self.node, asked.ksid, asked.epoch, not asked.onward, asked.batch_id))

    def on_void_keys(self, void: VoidKeys) -> list[Effect]:
        """Wipe the batch, never take it again, and confirm."""
        voided = KeysVoided(self.node, void.ksid, void.epoch, not void.onward, void.batch_id)
        effects: list[Effect] = []
        if void.batch_id not in self.gone:
            number = self.shelf.remove(void.batch_id)
            self.books.stored -= number
            self.books.voided += number
            effects.append(Save(BatchGone(void.ksid, void.batch_id)))
            if number:
                effects.append(Publish(KeysGone(self.node, void.ksid, number, "voided")))
            self.remember_gone(void.batch_id)
        return [*effects, *self._back(void, voided)]

    def remember_gone(self, batch_id: BatchId) -> None:
        """Never take this batch again, for as long as a repeat can be under way."""
        self.gone[batch_id] = None
        if len(self.gone) > MOST_GONE:
            del self.gone[next(iter(self.gone))]

    def keep(self, kept: KeysKept, until: Instant) -> None:
        """Make a batch available to its slave."""
        keys = dict(zip(kept.key_ids, kept.materials, strict=True))
        self.shelf.add(Batch(kept.batch_id, kept.ksid, kept.sae, keys, kept.provenance, until))
        self.books.taken += len(keys)
        self.books.stored += len(keys)

    def _where(self, message: RelayKeys | AssignKeys) -> tuple[KmLink | None, Hop | None]:
        """Return the link and the route entry of a message, which must fit its sender."""
        link = self.links.get(message.link)
        hop = self.forwarding.hop(message.ksid, message.epoch)
        if link is None or hop is None or message.link_epoch != FIRST_EPOCH:
            return link, None
        came_from = hop.towards(onward=not message.onward)
        if came_from is None or (came_from.node, came_from.link) != (message.sender, message.link):
            raise Violation(f"keys of session {message.ksid} came over {message.link}, which is not on its route")
        return link, hop

    def _store(self, message: RelayKeys | AssignKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
        """Keep the keys for the slave, durably, and tell the maker."""
        end = hop.configuration.end
        assert end
        if message.batch_id in self.gone or self.shelf.holds(message.batch_id):
            plain[:] = bytes(len(plain))
        else:
            named = keys_of(plain, message.key_size, message.key_ids)
            method = Method.ADJACENT if end.hops == 1 else Method.RELAYED
            kept = KeysKept(
                ksid=message.ksid,
                batch_id=message.batch_id,
                is_master=False,
                sae=end.sae,
                key_ids=message.key_ids,
                materials=tuple(material for _, material in named),
                provenance=Provenance(method, end.hops),
            )
            self.keep(kept, Instant(now + self.lifetime + SLAVE_MARGIN))
            return [Save(kept), self._stored(message)]
        return [] if message.batch_id in self.gone else [self._stored(message)]

    def _stored(self, message: RelayKeys | AssignKeys) -> Effect:
        stored = KeysStored(self.node, message.ksid, message.epoch, not message.onward, message.batch_id)
        return Send(km_of(message.sender), stored)

    def _pass_on(self, message: RelayKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
        towards = hop.towards(onward=message.onward)
        assert towards
        passing = Passing(message, plain, Instant(now + message.remaining), self.node, self.forwarding)
        return self.links[towards.link].enqueue(passing, hop.configuration.priority, now)

    def _acknowledge(self, link: KmLink, message: RelayKeys | AssignKeys) -> Effect:
        received = KeysReceived(self.node, message.sender, message.link, FIRST_EPOCH, message.offset)
        return Send(link.peer, received)

    def _back(self, signal: SessionSignal, answer: SessionSignal) -> list[Effect]:
        return [Send(km_of(signal.sender), answer)]
