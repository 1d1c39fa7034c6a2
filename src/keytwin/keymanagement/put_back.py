"""Keys taken up from a disk, until the neighbours have told that it is the latest one. Invariant K1.

A disk that was put back, or copied, holds keys that another incarnation may have handed out since. Nobody at this node
can tell; the neighbours can (`lease.py`). So after a restart nothing is handed out until each has answered, or one has
and the others have had their time. If one answers that the disk is old, every key from it is wiped.

A neighbour tells by the questions and blocks it knows of. What was handed out after the latest of these, in the last
seconds before the crash, is witnessed by nobody.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.kmlink import KmLink, is_doubted
from keytwin.keymanagement.pool import Batch, BatchGone, KeysHandedOut, KeysKept, Pool
from keytwin.vocabulary.events import KeyDenied, KeysGone
from keytwin.vocabulary.exchange_messages import BatchId, GetKey, GetKeyById, KeyRefused
from keytwin.vocabulary.identity import Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Effect, Message, Publish, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Instant, milliseconds, seconds

PATIENCE: Final = seconds(2)  # with neighbours that do not answer; one that does must have done so
COME_AGAIN: Final = milliseconds(500)
TIMER: Final = "witnesses"

Ask = GetKey | GetKeyById
Pools = Callable[[], Iterable[tuple[Ksid, Pool]]]


class WitnessesOverdue(Message, frozen=True, gc=False):
    """To oneself: the neighbours have had their time."""


@dataclass(slots=True)
class Restored:
    """The keys of earlier incarnations at one key manager."""

    node: NodeId
    links: Mapping[LinkId, KmLink]
    carriage: Carriage
    pools: Pools
    is_withheld: bool = False
    is_patient: bool = True
    was_doubted: bool = False
    is_left_behind: bool = False  # another copy has taken over: this one hands out nothing any more
    batches: dict[BatchId, None] = field(default_factory=dict)

    def resume(self) -> list[Effect]:
        """Withhold what was restored, if anything was and there is anybody to ask."""
        self.batches = self._all()
        self.is_withheld = bool(self.batches and self.links)
        return [StartTimer(TIMER, PATIENCE, WitnessesOverdue())] if self.is_withheld else []

    def look(self) -> list[Effect]:
        """Take notice of what neighbours have told: give out again, or wipe all that is old."""
        links = self.links.values()
        if not self.is_left_behind and any(link.lease.is_fenced for link in links):
            self.is_left_behind = self.was_doubted = self.is_withheld = True
            self.batches = self._all()
            return self._wipe()
        if not self.was_doubted and any(map(is_doubted, links)):
            self.was_doubted, self.is_withheld = True, False
            return [StopTimer(TIMER), *self._wipe()]
        if not self.is_withheld or not self._is_witnessed():
            return []
        self.is_withheld = False
        return [StopTimer(TIMER)]

    def on_overdue(self, overdue: WitnessesOverdue, now: Instant) -> list[Effect]:
        """Wait no longer for those that do not answer."""
        del overdue, now
        self.is_patient = False
        return self.look()

    def refuse(self, ask: Ask) -> list[Effect]:
        """Let a master or slave ask again, when the neighbours will have answered."""
        refusal = Send(ask.reply_to, KeyRefused(ask.request_id, Reason.UNAVAILABLE, COME_AGAIN))
        return [refusal, Publish(KeyDenied(self.node, ask.sae, Reason.UNAVAILABLE.value))]

    def _is_witnessed(self) -> bool:
        """Whether the neighbours have found nothing amiss, as far as they can be waited for."""
        answers = [link.lease.is_granted for link in self.links.values()]
        return not self.is_left_behind and (all(answers) or (any(answers) and not self.is_patient))

    def _wipe(self) -> list[Effect]:
        """Wipe every key from before; both ends of a session keep their own account of a key, so nobody is told."""
        effects: list[Effect] = []
        for ksid, pool in self.pools():
            held = [batch.batch_id for batch in pool.batches if batch.batch_id in self.batches]
            effects += self._gone(ksid, held, sum(map(pool.drop, held)))
        shelf = self.carriage.shelf
        for ksid, batches in list(shelf.by_session.items()):
            held = [batch_id for batch_id in batches if batch_id in self.batches]
            effects += self._gone(ksid, held, sum(map(shelf.remove, held)))
        self.batches.clear()
        return effects

    def _all(self) -> dict[BatchId, None]:
        """Return the names of all batches that are here."""
        pooled = (batch.batch_id for _, pool in self.pools() for batch in pool.batches)
        return dict.fromkeys((*self.carriage.shelf.batches, *pooled))

    def _gone(self, ksid: Ksid, batches: list[BatchId], number: int) -> list[Effect]:
        if not batches:
            return []
        for batch_id in batches:
            self.carriage.remember_gone(batch_id)
        self.carriage.books.voided += number
        self.carriage.books.stored -= number
        gone: list[Effect] = [Save(BatchGone(ksid, batch_id, is_void=True)) for batch_id in batches]
        return [*gone, Publish(KeysGone(self.node, ksid, number, "from an old or copied disk"))]


def take_up(record: KeysKept | KeysHandedOut | BatchGone, pool: Pool, carriage: Carriage) -> None:
    """Put saved keys where they were, and take out again what has left."""
    books = carriage.books
    match record:
        case KeysKept(is_master=True):
            keys = dict(zip(record.key_ids, record.materials, strict=True))
            pool.add(Batch(record.batch_id, record.ksid, record.sae, keys, record.provenance, record.until))
            books.made += len(keys)
            books.stored += len(keys)
        case KeysKept():
            carriage.keep(record)
        case KeysHandedOut():
            gone = pool.remove(record.key_ids) if record.is_master else carriage.forget_collected(record)
            books.delivered += gone
            books.stored -= gone
        case BatchGone():
            carriage.remember_gone(record.batch_id)
            gone = carriage.shelf.remove(record.batch_id) + pool.drop(record.batch_id)
            books.voided += gone if record.is_void else 0
            books.expired += 0 if record.is_void else gone
            books.stored -= gone


def unless_withheld(restored: Restored, usual: Callable[..., list[Effect]]) -> Callable[..., list[Effect]]:
    """Return the reaction to who asks for keys, which may have to wait for the neighbours."""

    def react(ask: Ask, now: Instant) -> list[Effect]:
        return restored.refuse(ask) if restored.is_withheld else usual(ask, now)

    return react
