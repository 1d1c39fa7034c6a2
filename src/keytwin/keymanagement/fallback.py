"""Falling back: what a session does whose service level allows keys without quantum key while there is none.

Never silently: it is recorded before the first such key is made, told as an event, and stands in every key's
provenance. It begins when the session has waited for quantum key for a while and has nothing left to hand out; it ends
with the first batch of quantum key that arrives, for which the session goes on trying all the while.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from keytwin.keymanagement.algorithms import PoolLevel
from keytwin.keymanagement.exchange import UNDER_WAY, BatchMaking
from keytwin.keymanagement.orders import Demand, Order, ReplenishDue
from keytwin.vocabulary.audit import AuditEntry, Decision
from keytwin.vocabulary.events import FallbackBegun, FallbackOver
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import Ksid, NodeId, SaeId
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.machine import Effect, Publish, Record, Save, StartTimer
from keytwin.vocabulary.units import Duration, Instant, seconds

FALLBACK_AFTER: Final = seconds(10)  # as long as one batch may take, and as a full pool of the usual depth lasts


class FallbackKept(Record, frozen=True, gc=False):
    """This end of a session makes keys without quantum key from now on, or with it again."""

    ksid: Ksid
    sae: SaeId
    mode: KeyMode  # what the service level asks for
    is_on: bool

    def audited(self) -> AuditEntry:
        """Tell when keys were not what the service level asks for first."""
        return AuditEntry(Decision.FELL_BACK if self.is_on else Decision.RETURNED, self.ksid, self.sae)


def look(
    node: NodeId, order: Order, makings: Mapping[BatchId, BatchMaking], demand: Demand, now: Instant
) -> list[Effect]:
    """Fall back when it is allowed and time; else see to it that somebody looks again when it is."""
    if order.fallback is Fallback.NONE or order.is_fallen or order.waits_since is None:
        return []
    if not _lacks(order, demand):
        if not order.coming:
            order.waits_since = None
        return []
    left = order.waits_since + FALLBACK_AFTER - now
    if left > 0:
        return [_timer(order, Duration(left))]
    _count_on_no(order, (makings[each] for each in order.batches))
    return _fall(node, order)


def wait_for(order: Order, making: BatchMaking, now: Instant) -> list[Effect]:
    """Note that a batch of quantum key has been begun; one that nobody counts on is for the way back."""
    if order.is_fallen:
        order.expect_no_more(making)
        order.probes[making.batch_id] = None
        return []
    if order.fallback is Fallback.NONE or order.waits_since is not None:
        return []
    order.waits_since = now
    return [_timer(order, FALLBACK_AFTER)]


def come(node: NodeId, order: Order, now: Instant) -> list[Effect]:
    """Note that a batch of quantum key has arrived: whoever had fallen back has it again."""
    order.waits_since = now if order.coming else None
    if not order.is_fallen:
        return []
    order.is_fallen = False
    kept = FallbackKept(order.ksid, order.sae, order.mode, is_on=False)
    return [Save(kept), Publish(FallbackOver(node, order.ksid, order.app, order.mode.value))]


def is_probe_wanted(order: Order, now: Instant) -> bool:
    """Whether a session that has fallen back is to try for quantum key once more."""
    return order.is_fallen and not order.is_barred and not order.probes and order.is_due(now, named=False)


def take_over(node: NodeId, order: Order, older: Order | None, fallen: Mapping[Ksid, FallbackKept]) -> list[Effect]:
    """Let a session that had fallen back be so along a new route, and after a restart, until quantum key arrives.

    One that is barred from the key of its route falls back at once.
    """
    kept = fallen.get(order.ksid)
    order.is_fallen = older.is_fallen if older is not None else kept is not None and kept.is_on
    order.is_fallen = order.is_fallen and order.fallback is not Fallback.NONE
    return _fall(node, order) if order.is_barred and not order.is_fallen else []


def _fall(node: NodeId, order: Order) -> list[Effect]:
    order.is_fallen = True
    kept = FallbackKept(order.ksid, order.sae, order.mode, is_on=True)
    begun = FallbackBegun(node, order.ksid, order.app, order.mode.value, order.fallback.value)
    return [Save(kept), Publish(begun)]


def _lacks(order: Order, demand: Demand) -> bool:
    """Whether somebody waits, or there is nothing left of what the algorithm would keep ready."""
    if demand.wishes or demand.waiting > demand.ready:
        return True
    return not demand.ready and order.algorithm(PoolLevel(0, 0, demand.waiting, order.depth, order.batch)) > 0


def _count_on_no(order: Order, makings: Iterable[BatchMaking]) -> None:
    for making in makings:
        if making.state in UNDER_WAY and not making.is_copy:
            order.expect_no_more(making)
            order.probes[making.batch_id] = None


def _timer(order: Order, wait: Duration) -> Effect:
    return StartTimer(f"{order.ksid}/fallback", wait, ReplenishDue(order.ksid))
