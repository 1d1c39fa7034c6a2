"""Judges of sessions: what was deleted stays deleted, an old route is not gone along, a void arrives."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.forwarding import TOMBSTONE_LEASES
from keytwin.scenario.hunt_oracles import Broken
from keytwin.scenario.hunt_scope import CALM
from keytwin.vocabulary.exchange_messages import AssignKeys, BatchId, RelayKeys, VoidKeys
from keytwin.vocabulary.identity import ElementName, Ksid, NodeId, km_of
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import ConfigureHop, HopConfigured, SessionDeleted
from keytwin.vocabulary.units import START, Duration, Instant, seconds

SETTLED: Final = CALM + 5  # seconds: what went wrong in the storm has been repeated by then
MOST_VOIDS: Final = 12  # of one batch by one node, once all is well: one a second until it is confirmed

NEVER: Final = (0, START)


@dataclass
class SessionWatch:
    """S3: a late configuration undoes no deletion. S6: keys go along the newest route. R5: voiding comes to an end.

    A tombstone is kept for two leases: a configuration that is older still comes back, until its lease runs out.
    A key manager whose disk has forgotten a record of the session is excused: it may know an older route only.
    """

    was_lost: Callable[[str], bool] = lambda _: False  # whether a disk has forgotten a record of this session
    leases: dict[Ksid, Duration] = field(default_factory=dict)
    deleted: dict[tuple[NodeId, Ksid], tuple[int, Instant]] = field(default_factory=dict)  # -> the highest epoch, when
    configured: dict[tuple[NodeId, Ksid], int] = field(default_factory=dict)
    voids: Counter[tuple[NodeId, BatchId]] = field(default_factory=Counter)

    def see(self, at: Instant, source: ElementName, message: Message) -> None:
        """Note what a key manager says of its sessions, and hold what it does against it."""
        match message:
            case ConfigureHop(ksid=ksid, lease=lease):
                self.leases[ksid] = lease
            case SessionDeleted(ksid=ksid, epoch=epoch, node=node) if source == km_of(node):
                if epoch > self.deleted.get((node, ksid), NEVER)[0]:
                    self.deleted[node, ksid] = epoch, at
            case HopConfigured() if source == km_of(message.node):
                self._check_configured(at, message)
            case RelayKeys() | AssignKeys():
                newest = self.configured.get((message.sender, message.ksid), 0)
                if message.epoch < newest and not self.was_lost(message.ksid):
                    raise Broken(f"S6: {message.sender} sends keys of session {message.ksid} along an older route")
            case VoidKeys() if at > seconds(SETTLED):
                self.voids[message.sender, message.batch_id] += 1
                too_often = self.voids[message.sender, message.batch_id] > MOST_VOIDS
                if too_often and not self.was_lost(message.ksid):  # else it speaks of a route that is no more
                    raise Broken(f"R5: {message.sender} voids batch {message.batch_id} and nobody confirms")
            case _:
                pass

    def _check_configured(self, at: Instant, told: HopConfigured) -> None:
        """Hold a new route entry against what was deleted."""
        place = told.node, told.ksid
        until, when = self.deleted.get(place, NEVER)
        is_late = told.epoch <= until and at - when < TOMBSTONE_LEASES * self.leases.get(told.ksid, 0)
        if is_late and not self.was_lost(told.ksid):
            raise Broken(f"S3: {told.node} configures session {told.ksid} again after it has deleted it")
        self.configured[place] = max(told.epoch, self.configured.get(place, 0))
