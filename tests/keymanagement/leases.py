"""Two ends of a link that ask one another for leases, for tests: what is sent arrives, and what is saved is kept."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.lease import GrantKept, Grants, Lease, OutgoingMark
from keytwin.keymanagement.pads import Spent
from keytwin.vocabulary.identity import LinkId
from keytwin.vocabulary.link_messages import AskLease, LeaseGranted, LeaseRefused
from keytwin.vocabulary.machine import Effect, Record, Save, Send
from keytwin.vocabulary.units import START, Instant
from tests.keymanagement.parts import AB, STORE, joined


@dataclass
class NoBlocks:
    """What is known of the blocks of a link at an end where none has come."""

    placed: int = 0
    is_witnessed: bool = False
    reached: int = 0
    beyond: int = 1

    def begin_anew(self, beyond: int, block: int) -> None:
        """Note where it is to begin."""
        self.beyond, self.placed = beyond, block


def unleased(link: LinkId = AB, count: int = 10_000, capacity: int = STORE) -> tuple[KmLink, KmLink]:
    """Return two ends with stock and without any lease."""
    ends = joined(link, count, capacity)
    for end in ends:
        end.lease.marked = OutgoingMark(link, 0, Spent(0, 0, 0))
    return ends


def exchange(sender: KmLink, neighbour: KmLink, effects: Iterable[Effect]) -> list[Effect]:
    """Let the questions among the effects arrive and their answers come back; return what came of them."""
    came: list[Effect] = []
    for effect in effects:
        if isinstance(effect, Send) and isinstance(effect.message, AskLease):
            for answer in messages(neighbour.grants.on_ask_lease(effect.message)):
                if isinstance(answer, LeaseGranted):
                    came += [*sender.lease.on_lease_granted(answer), *sender.pump(START)]
                elif isinstance(answer, LeaseRefused):
                    came += exchange(sender, neighbour, sender.lease.on_lease_refused(answer))
    return came


def messages(effects: Iterable[Effect]) -> list[object]:
    return [effect.message for effect in effects if isinstance(effect, Send)]


def records(effects: Iterable[Effect]) -> list[Record]:
    return [effect.record for effect in effects if isinstance(effect, Save)]


def restarted(lease: Lease, kept: OutgoingMark, end: int, now: Instant) -> tuple[Lease, list[Effect]]:
    """Return another incarnation of a sender, from what was durable of it, and what it does at its start."""
    again = Lease(lease.link, lease.node, lease.peer, type(lease.out)(end=end), lease.size, kept, NoBlocks())
    return again, again.begin(now)


def restored(grants: Grants, kept: GrantKept) -> Grants:
    """Return another incarnation of a receiver."""
    again = Grants(grants.link, grants.node, grants.peer, NoBlocks())
    again.kept = kept
    return again
