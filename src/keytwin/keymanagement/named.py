"""Keys that are only named: both ends derive them from a post-quantum secret, and no quantum key is used at all.

What travels is names and a proof that their maker has the secret, hop by hop along the session's route, over the
streams that neighbours authenticate by their certificates. All else is as with other keys: durable at the far end
before they are available at the maker's, voided when it does not say so.
"""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from keytwin.keymanagement.carriage import Carriage, refuse
from keytwin.keymanagement.exchange import (
    ASK_AFTER,
    BatchMaking,
    BatchOverdue,
    DispatchBatch,
    Making,
    depart,
    overdue_timer,
    void,
    way_of,
)
from keytwin.keymanagement.hybrid import LARGEST, Purpose, numbered, stamped
from keytwin.keymanagement.pool import provenance_of
from keytwin.keymanagement.relay import are_named
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeysStored, NameKeys
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.key import KeyMode, Method, Provenance, may_lack_quantum_key
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.units import Instant


@dataclass(slots=True)
class NamedMaking(BatchMaking):
    """A batch of keys without quantum key; it waits for none."""

    said: NameKeys | None = None  # repeated until the far end has said that it has the keys

    def need(self) -> int:
        """Return the octets it takes of the first link: none."""
        return 0

    def on_dispatch_batch(self, message: DispatchBatch, now: Instant) -> list[Effect]:
        """Derive the keys and tell their names."""
        del message
        assert self.mix
        if self.state is Making.CARRIED:
            return []
        depart(self, now)
        named = NameKeys(
            sender=self.node,
            ksid=self.ksid,
            epoch=self.epoch,
            onward=self.onward,
            batch_id=self.batch_id,
            key_size=self.key_size,
            key_ids=self.key_ids,
            generation=self.mix.number,
            proof=b"",
        )
        self.said = numbered(self.mix, named)
        self.keys = self.mix.generation.derive(self.mix.purpose, self.key_size, self.key_ids)
        self.mix.wipe()
        return [*self._tell(), overdue_timer(self, ASK_AFTER)]

    def on_batch_overdue(self, message: BatchOverdue, now: Instant) -> list[Effect]:
        """Tell the names again where others ask: the first time may be what was lost."""
        if self.state is not Making.CARRIED:
            return BatchMaking.on_batch_overdue(self, message, now)
        told = self._tell()
        if now >= self.until or not told:
            return void(self)
        return [*told, overdue_timer(self, ASK_AFTER)]

    def _tell(self) -> list[Effect]:
        way = way_of(self)
        if way is None or self.said is None:
            return []
        node, epoch = way
        return [Send(km_of(node), msgspec.structs.replace(self.said, epoch=epoch))]


def origin_of(making: BatchMaking, shares: int) -> Provenance:
    """Return what may be told of the keys of a batch."""
    if isinstance(making, NamedMaking):
        return named_origin(making.mix.number if making.mix else 0)
    origin = provenance_of(making.hops, shares)
    return origin if making.mix is None else stamped(origin, making.mix.purpose.mode, making.mix.number)


def named_origin(generation: int) -> Provenance:
    """Return what may be told of keys that were only named."""
    return stamped(Provenance(Method.AGREED, 0), KeyMode.PQC_ONLY, generation)


def take_named(carriage: Carriage, said: NameKeys, now: Instant) -> list[Effect]:
    """Derive the keys that are named, for a slave here, and tell the maker; the same answer to a repeat."""
    hop = carriage.forwarding.hop(said.ksid, said.epoch)
    end = hop.configuration.end if hop else None
    if end is None or not are_named(said) or said.batch_id in carriage.gone:
        return []
    if not may_lack_quantum_key(end.mode, end.fallback):
        raise Violation(f"keys of session {said.ksid} are to be made without quantum key, which nobody has allowed")
    stored = Send(
        km_of(said.sender), KeysStored(carriage.node, said.ksid, said.epoch, not said.onward, batch_id=said.batch_id)
    )
    if carriage.shelf.holds(said.batch_id):
        return [stored]
    if not carriage.shelf.by_key.keys().isdisjoint(said.key_ids):
        raise Violation(f"session {said.ksid} names keys of another batch")
    if said.key_size > LARGEST:
        raise Violation(f"keys of session {said.ksid} are larger than can be derived")
    generation = carriage.generations.shared(said)
    if generation is None:
        return refuse(carriage.node, said)
    keys = generation.derive(Purpose(KeyMode.PQC_ONLY, said.ksid, said.onward), said.key_size, said.key_ids)
    return [*carriage.take_in(said, keys, named_origin(said.generation), end, now), stored]
