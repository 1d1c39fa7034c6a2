"""Forwarding table of a key manager: session -> previous and next hop, held by a lease. Paper B, 3.1.

A key manager knows no more of a route than its two neighbours (invariant R3). An entry goes when admission deletes it
or does not renew its lease, so a dead control plane leaks nothing; traffic renews nothing, since admission counts on
the lease when it cannot reach a key manager. A tombstone keeps a configuration that was overtaken by its own deletion
from coming back (invariant S3).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.vocabulary.identity import ADMISSION, ElementName, Ksid, NodeId
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    DeleteSession,
    EndConfiguration,
    HopConfigured,
    HopMissing,
    KeyRequested,
    Neighbour,
    RenewLease,
    SessionDeleted,
)
from keytwin.vocabulary.units import START, Duration, Instant, hours

TOMBSTONE_LEASES: Final = 2  # a tombstone outlives the lease, and with it every message about the session
LONGEST_HOLD: Final = hours(1)  # of a tombstone whose lease is not known
SHARE_AFTER_RESTART: Final = 2  # when the lease was renewed is not saved: half of it outlasts the next renewal
SIGNALS_A_LEASE: Final = 8  # key-request signals to admission in one lease at most
MOST_TOMBSTONES: Final = 200_000


class HopKept(Record, frozen=True, gc=False):
    """A configuration is in force."""

    configuration: ConfigureHop


class HopForgotten(Record, frozen=True, gc=False):
    """Nothing of the session up to this epoch may come back."""

    ksid: Ksid
    epoch: int


class LeaseOverdue(Message, frozen=True, gc=False):
    """To oneself: look whether the lease has been renewed."""

    ksid: Ksid


class TombstoneOverdue(Message, frozen=True, gc=False):
    """To oneself: no message about the session can be under way any more."""

    ksid: Ksid


@dataclass(slots=True)
class Hop:
    """One session at this key manager."""

    configuration: ConfigureHop
    lease_until: Instant
    quiet_until: Instant  # no key-request signal to admission before

    def towards(self, *, onward: bool) -> Neighbour | None:
        """The neighbour in this direction, None at the end of the route."""
        return self.configuration.next if onward else self.configuration.previous

    def sources(self, *, onward: bool) -> tuple[Neighbour, ...]:
        """The neighbours from which something comes that travels in this direction: at an end with lanes, by any."""
        source, end = self.towards(onward=not onward), self.configuration.end
        if source is None:
            return ()
        return end.lanes if end is not None and end.lanes else (source,)


@dataclass(slots=True)
class Forwarding:
    """The table, and the tombstones of what was in it."""

    node: NodeId
    hops: dict[Ksid, Hop] = field(default_factory=dict)
    tombstones: dict[Ksid, int] = field(default_factory=dict)  # ksid -> highest epoch that was deleted
    admission: ElementName = ADMISSION

    def hop(self, ksid: Ksid, epoch: int) -> Hop | None:
        """Return the entry when it is of exactly this epoch."""
        hop = self.hops.get(ksid)
        return hop if hop is not None and hop.configuration.epoch == epoch else None

    def end(self, ksid: Ksid) -> EndConfiguration | None:
        """Return what this key manager was told as an end of a session; None when it is none."""
        hop = self.hops.get(ksid)
        return hop.configuration.end if hop else None

    def on_configure_hop(self, wanted: ConfigureHop, now: Instant) -> tuple[bool, list[Effect]]:
        """Take a configuration of a newer epoch; return whether it is new, and the answer."""
        if wanted.epoch <= self.tombstones.get(wanted.ksid, 0):
            return False, [Send(self.admission, SessionDeleted(wanted.ksid, self.tombstones[wanted.ksid], self.node))]
        known = self.hops.get(wanted.ksid)
        configured = Send(self.admission, HopConfigured(wanted.ksid, wanted.epoch, self.node))
        if known is not None and known.configuration.epoch >= wanted.epoch:
            known.lease_until = Instant(now + known.configuration.lease)
            return False, [configured]
        self.hops[wanted.ksid] = Hop(wanted, Instant(now + wanted.lease), now)
        timer = [] if known else [_lease_timer(wanted.ksid, wanted.lease)]
        return True, [Save(HopKept(wanted)), configured, *timer]

    def on_delete_session(self, deletion: DeleteSession) -> tuple[bool, list[Effect]]:
        """Forget up to an epoch; return whether an entry went, and the confirmation, also when there was none."""
        confirmed = Send(self.admission, SessionDeleted(deletion.ksid, deletion.epoch, self.node))
        hop = self.hops.get(deletion.ksid)
        if hop is None:
            is_news = deletion.epoch > self.tombstones.get(deletion.ksid, 0)
            return False, [*(self._bury(deletion.ksid, deletion.epoch, LONGEST_HOLD) if is_news else []), confirmed]
        if hop.configuration.epoch > deletion.epoch:
            return False, [confirmed]
        return True, [*self.forget(deletion.ksid, deletion.epoch), confirmed]

    def on_renew_lease(self, renewal: RenewLease, now: Instant) -> list[Effect]:
        """Hold the entry for another lease, or say that it is missing."""
        hop = self.hops.get(renewal.ksid)
        if hop is None:
            return [Send(self.admission, HopMissing(renewal.ksid, self.node))]
        hop.lease_until = Instant(now + hop.configuration.lease)
        return []

    def signal_use(self, ksid: Ksid, now: Instant) -> list[Effect]:
        """Tell admission, not too often, that keys are asked for (paper B, Fig. 2)."""
        hop = self.hops.get(ksid)
        if hop is None or now < hop.quiet_until:
            return []
        hop.quiet_until = Instant(now + hop.configuration.lease // SIGNALS_A_LEASE)
        return [Send(self.admission, KeyRequested(ksid, self.node))]

    def on_lease_overdue(self, overdue: LeaseOverdue, now: Instant) -> tuple[bool, list[Effect]]:
        """Forget the entry unless it has been renewed; return whether it went."""
        hop = self.hops.get(overdue.ksid)
        if hop is None:
            return False, []
        if hop.lease_until > now:
            return False, [_lease_timer(overdue.ksid, Duration(hop.lease_until - now))]
        return True, self.forget(overdue.ksid, hop.configuration.epoch)

    def on_tombstone_overdue(self, overdue: TombstoneOverdue, now: Instant) -> list[Effect]:
        """Drop a tombstone: no message about the session can be under way any more."""
        del now
        self.tombstones.pop(overdue.ksid, None)
        return []

    def forget(self, ksid: Ksid, epoch: int) -> list[Effect]:
        """Remove the entry and leave a tombstone."""
        hop = self.hops.pop(ksid)
        hold = Duration(hop.configuration.lease * TOMBSTONE_LEASES)
        return [StopTimer(f"{ksid}/lease"), *self._bury(ksid, epoch, hold)]

    def restore(self, record: HopKept | HopForgotten) -> None:
        """Take up what was saved."""
        match record:
            case HopKept(configuration=kept):
                self.hops[kept.ksid] = Hop(kept, START, START)
            case HopForgotten(ksid=ksid, epoch=epoch):
                self.hops.pop(ksid, None)
                self.tombstones[ksid] = max(epoch, self.tombstones.get(ksid, 0))

    def resume(self, now: Instant) -> list[Effect]:
        """Run the timers again after a restart, and tell admission what is here: it may have given it up meanwhile."""
        effects: list[Effect] = [_tombstone_timer(ksid, LONGEST_HOLD) for ksid in self.tombstones]
        for ksid, hop in self.hops.items():
            lease = Duration(hop.configuration.lease // SHARE_AFTER_RESTART)
            hop.lease_until = Instant(now + lease)
            configured = HopConfigured(ksid, hop.configuration.epoch, self.node)
            effects += [_lease_timer(ksid, lease), Send(self.admission, configured)]
        return effects

    def _bury(self, ksid: Ksid, epoch: int, hold: Duration) -> list[Effect]:
        self.tombstones[ksid] = max(epoch, self.tombstones.get(ksid, 0))
        if len(self.tombstones) > MOST_TOMBSTONES:
            self.tombstones.pop(next(iter(self.tombstones)))
        return [Save(HopForgotten(ksid, epoch)), _tombstone_timer(ksid, hold)]


def _lease_timer(ksid: Ksid, wait: Duration) -> Effect:
    return StartTimer(f"{ksid}/lease", wait, LeaseOverdue(ksid))


def _tombstone_timer(ksid: Ksid, hold: Duration) -> Effect:
    return StartTimer(f"{ksid}/tombstone", hold, TombstoneOverdue(ksid))
