"""End-to-end keys at the two ends: the pool a master end hands out from, the shelf a slave end hands out from.

Key ID and entitlement are fixed at both ends when a key is made, so the two ends never negotiate at hand-out, and a
slave never asks for what is still on its way. A key leaves by hand-out, expiry, void or the end of its session, once,
and every way is booked (paper B, 3.1; ETSI GS QKD 014 V1.1.1 clause 5).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from typing import Final

from keytwin.keymanagement.partials import Partials
from keytwin.keymanagement.sums import Sums
from keytwin.vocabulary.audit import AuditEntry, Decision
from keytwin.vocabulary.evidence import KeyAccount
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Record
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds

SLAVE_MARGIN: Final = seconds(60)  # a slave end keeps a key longer than its master: message delays and a slow peer
MOST_POOLED: Final = 4_096  # keys ready in one pool: bounds memory whatever rate and depth say


class KeysKept(Record, frozen=True, gc=False):
    """A batch of keys is available at this end."""

    ksid: Ksid
    batch_id: BatchId
    is_master: bool
    sae: SaeId
    key_ids: tuple[KeyId, ...]
    materials: tuple[KeyMaterial, ...]
    provenance: Provenance
    until: Instant  # wiped then


class KeysHandedOut(Record, frozen=True, gc=False):
    """These keys were handed out at this end, and are gone here."""

    ksid: Ksid
    is_master: bool
    key_ids: tuple[KeyId, ...]
    sae: SaeId = SaeId("")  # earlier keytwins kept neither
    key_size: Bits = Bits(0)
    is_lease: bool = False  # its master may have them from now on without another word, or may never

    def audited(self) -> AuditEntry:
        """Tell who had which keys, or may have had them."""
        decision = Decision.TO_MASTER if self.is_master else Decision.TO_SLAVE
        if self.is_lease:
            decision = Decision.LEASED
        return AuditEntry(decision, self.ksid, self.sae, self.key_ids, self.key_size)


class BatchGone(Record, frozen=True, gc=False):
    """Nothing of the batch is at this end any more, and it is not taken again: it was voided, or has expired."""

    ksid: Ksid
    batch_id: BatchId
    is_void: bool

    def audited(self) -> AuditEntry:
        """Tell that nobody will have what was left of it."""
        decision = Decision.VOIDED if self.is_void else Decision.EXPIRED
        return AuditEntry(decision, self.ksid, batch=self.batch_id)


@dataclass(slots=True)
class KeyBooks:
    """One key manager's books of end-to-end keys, in keys."""

    made: int = 0
    taken: int = 0
    delivered: int = 0
    voided: int = 0
    expired: int = 0
    released: int = 0
    stored: int = 0

    def account(self, node: NodeId) -> KeyAccount:
        """Return the books as evidence."""
        return KeyAccount(
            node, self.made, self.taken, self.delivered, self.voided, self.expired, self.released, self.stored
        )


@dataclass(slots=True, eq=False)
class Batch:
    """Keys that were made and travelled together; what has left is not in `keys` any more."""

    batch_id: BatchId
    ksid: Ksid
    sae: SaeId
    keys: dict[KeyId, KeyMaterial]
    provenance: Provenance
    until: Instant

    @property
    def key_size(self) -> Bits:
        """The size of each key: they were cut from one range, or drawn together. 0 when all have left."""
        for material in self.keys.values():
            return material.size
        return Bits(0)

    def wipe(self) -> int:
        """Wipe what is left and return how many keys that were."""
        left = len(self.keys)
        for material in self.keys.values():
            material.wipe()
        self.keys.clear()
        return left

    def take(self, key_ids: Iterable[KeyId]) -> list[Key]:
        """Take these keys out, which must be there."""
        keys, provenance = self.keys, self.provenance
        return [Key(key_id, keys.pop(key_id), provenance) for key_id in key_ids]

    def take_first(self, most: int) -> list[Key]:
        """Take up to so many keys out, in their order."""
        return self.take(list(islice(self.keys, most)))


@dataclass(slots=True)
class Pool:
    """What a session's master end has ready: the oldest key is handed out first."""

    batches: deque[Batch] = field(default_factory=deque)
    ready: int = 0
    leased: int = 0  # of these the first so many: durably counted as handed out already

    def add(self, batch: Batch) -> None:
        """Make a batch available."""
        self.batches.append(batch)
        self.ready += len(batch.keys)

    def take(self, number: int) -> list[Key]:
        """Take keys out, which must be there."""
        assert number <= self.ready
        self._count_gone(number)
        taken: list[Key] = []
        while len(taken) < number:
            batch = self.batches[0]
            taken += batch.take_first(number - len(taken))
            if not batch.keys:
                self.batches.popleft()
        return taken

    def lease(self, most: int) -> list[KeyId]:
        """Let so many of the first keys, as far as they are there, be leased; return those that were not before."""
        names = chain.from_iterable(batch.keys for batch in self.batches)
        fresh = list(islice(names, self.leased, most))
        self.leased += len(fresh)
        return fresh

    def remove(self, key_ids: tuple[KeyId, ...]) -> int:
        """Wipe these keys, as they were handed out before a restart; return how many were there."""
        gone = 0
        for batch in self.batches:
            for key_id in key_ids:  # which may lie in several batches, and some may have expired before
                if (material := batch.keys.pop(key_id, None)) is not None:
                    material.wipe()
                    gone += 1
        self.batches = deque(batch for batch in self.batches if batch.keys)
        self.ready -= gone
        return gone

    def drop(self, batch_id: BatchId) -> int:
        """Wipe what is left of a batch; return how many keys that were."""
        gone = sum(batch.wipe() for batch in self.batches if batch.batch_id == batch_id)
        self.batches = deque(batch for batch in self.batches if batch.keys)
        self.ready -= gone
        self.leased = 0  # which of these were leased is not known: those that are left are leased again
        return gone

    def expire(self, now: Instant) -> tuple[int, list[BatchId]]:
        """Wipe what is past its time; return how many keys, and of which batches."""
        gone, batches = 0, []
        while self.batches and self.batches[0].until <= now:
            batch = self.batches.popleft()
            batches.append(batch.batch_id)
            gone += batch.wipe()
        self._count_gone(gone)
        return gone, batches

    def wipe(self) -> int:
        """Wipe everything; return how many keys that were."""
        gone = sum(batch.wipe() for batch in self.batches)
        self.batches.clear()
        self.ready = self.leased = 0
        return gone

    def next_expiry(self) -> Instant | None:
        """Return when the oldest batch expires."""
        return self.batches[0].until if self.batches else None

    def _count_gone(self, number: int) -> None:
        """Book so many of the first keys out."""
        self.ready -= number
        self.leased = max(0, self.leased - number)


@dataclass(slots=True)
class Shelf:
    """What a key manager holds for slaves, of all sessions, by key ID."""

    batches: dict[BatchId, Batch] = field(default_factory=dict)  # in the order they came, so the oldest expire first
    by_key: dict[KeyId, Batch] = field(default_factory=dict)
    copies: dict[KeyId, list[Batch]] = field(default_factory=dict)  # of keys that further slaves of this node have, too
    by_session: dict[Ksid, dict[BatchId, None]] = field(default_factory=dict)
    partials: Partials = field(default_factory=Partials)  # of which shares are still missing: nothing to hand out
    sums: Sums = field(default_factory=Sums)  # nor of what waits for a sum

    def add(self, batch: Batch) -> None:
        """Make a batch available."""
        self.batches[batch.batch_id] = batch
        if self.by_key.keys().isdisjoint(batch.keys):
            self.by_key.update(dict.fromkeys(batch.keys, batch))
        else:
            for key_id in batch.keys:
                if self.by_key.setdefault(key_id, batch) is not batch:
                    self.copies.setdefault(key_id, []).append(batch)
        self.by_session.setdefault(batch.ksid, {})[batch.batch_id] = None

    def holds(self, batch_id: BatchId) -> bool:
        """Whether anything of the batch is still here."""
        return batch_id in self.batches

    def session_of(self, batch_id: BatchId) -> Ksid | None:
        """Return the session of a batch, None when nothing of it is here."""
        batch = self.batches.get(batch_id)
        return None if batch is None else batch.ksid

    def find(self, key_ids: Iterable[KeyId], sae: SaeId | None = None) -> list[Batch | None]:
        """Return the batch of each key, None where there is no such key here; of several copies, that of `sae`."""
        find = self.by_key.get
        found = [find(key_id) for key_id in key_ids]
        if not self.copies or sae is None:
            return found
        named = zip(key_ids, found, strict=True)
        return [next((each for each in self.holders(key_id) if each.sae == sae), first) for key_id, first in named]

    def holders(self, key_id: KeyId) -> list[Batch]:
        """Return all batches in which a key is: more than one where several slaves of this node have a copy."""
        first = self.by_key.get(key_id)
        return [] if first is None else [first, *self.copies.get(key_id, ())]

    def take(self, key_ids: Sequence[KeyId], found: Sequence[Batch | None]) -> list[Key]:
        """Take these keys out of the batches that `find` told, each of which must be here."""
        batch = found[0] if found else None
        if batch is not None and not self.copies and found.count(batch) == len(found):
            return self._take_together(key_ids, batch)
        taken: list[Key] = []
        for key_id, batch in zip(key_ids, found, strict=True):
            if batch is None:
                raise KeyError(key_id)
            self._unname(key_id, batch)
            taken.append(Key(key_id, batch.keys.pop(key_id), batch.provenance))
            if not batch.keys:
                self._forget(batch)
        return taken

    def _take_together(self, key_ids: Iterable[KeyId], batch: Batch) -> list[Key]:
        """Take keys of one batch, nobody else has a copy of which: the usual case, at a third of the cost."""
        named = self.by_key
        for key_id in key_ids:
            del named[key_id]
        taken = batch.take(key_ids)
        if not batch.keys:
            self._forget(batch)
        return taken

    def remove(self, batch_id: BatchId) -> int:
        """Wipe what is left of a batch; return how many keys that were."""
        batch = self.batches.get(batch_id)
        if batch is None:
            return 0
        for key_id in batch.keys:
            self._unname(key_id, batch)
        gone = batch.wipe()
        self._forget(batch)
        return gone

    def release(self, ksid: Ksid) -> int:
        """Wipe everything of a session; return how many keys that were."""
        self.partials.release(ksid)
        self.sums.release(ksid)
        return sum(self.remove(batch_id) for batch_id in list(self.by_session.get(ksid, ())))

    def overdue(self, now: Instant) -> list[Batch]:
        """Return the batches past their time, oldest first."""
        found = []
        for batch in self.batches.values():
            if batch.until > now:  # all keys of a node live equally long, so the rest came later and expires later
                break
            found.append(batch)
        return found

    def next_expiry(self) -> Instant | None:
        """Return when the oldest batch expires."""
        return next(iter(self.batches.values())).until if self.batches else None

    def _unname(self, key_id: KeyId, batch: Batch) -> None:
        """Let a name stand no more for the key in this batch; it may go on to stand for other copies."""
        left = [each for each in self.holders(key_id) if each is not batch] if self.copies else []
        self.copies.pop(key_id, None)
        if not left:
            del self.by_key[key_id]
            return
        self.by_key[key_id], *further = left
        if further:
            self.copies[key_id] = further

    def _forget(self, batch: Batch) -> None:
        del self.batches[batch.batch_id]
        of_session = self.by_session[batch.ksid]
        del of_session[batch.batch_id]
        if not of_session:
            del self.by_session[batch.ksid]


def bound_lives(batches: Iterable[Batch], latest: Instant) -> None:
    """Let none of these batches, oldest first, live on after `latest`, nor longer than a younger one.

    They were kept by the clock of an earlier incarnation, which may have been set back since (invariant K7).
    """
    for batch in reversed(list(batches)):
        batch.until = latest = min(latest, batch.until)


def provenance_of(hops: int, shares: int, *, is_cut: bool = True) -> Provenance:
    """Return what may be told of keys that crossed so many Q-links, in so many shares; `is_cut`: from one's own key."""
    return Provenance(Method.ADJACENT if hops == 1 and is_cut else Method.RELAYED, hops, shares)


def depth_of(rate: int, depth: Duration, key_size: Bits, batch: int) -> int:
    """Return how many keys a pool keeps ready: so many seconds of the granted rate, in whole batches."""
    wanted = rate * depth // (10**9 * key_size)
    return min(MOST_POOLED, max(batch, -(-wanted // batch) * batch))
