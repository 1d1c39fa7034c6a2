"""One KM link: a key manager's side of a Q-link to one neighbour. Paper B, 3.1 and 3.3.

Ingest and both directions of the Q-link's key; the priority queue of what waits for key to be sent; the outbox of what
the neighbour has not acknowledged yet; and the durable marks behind which a restarted key manager never goes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

from keytwin.keymanagement.blocks import BlockDecided, BlockHeld, FirstIngest, SecondIngest
from keytwin.keymanagement.lease import LEASE, LEASES_A_STORE, GrantKept, Grants, Lease, OutgoingMark
from keytwin.keymanagement.outbox import RESEND_AFTER, KeyMessage, Outbox
from keytwin.keymanagement.pads import Incoming, Outgoing, Spent, Use
from keytwin.keymanagement.queue import PriorityQueue
from keytwin.vocabulary.evidence import LinkAccount
from keytwin.vocabulary.exchange_messages import KeysReceived
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId, km_of, link_ends
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send, StartTimer
from keytwin.vocabulary.topology import other_end
from keytwin.vocabulary.units import Duration, Instant

FULL_SHARE: Final = 8  # a store of which less than an eighth is free needs no more key for now

Addressed = KeyMessage | ProbeLink | ProbeAnswered
"""What spends a range of the sender's direction."""


class IncomingMark(Record, frozen=True, gc=False):
    """Every octet of the neighbour's direction below `floor` is spent or given up; the books of these."""

    link: LinkId
    floor: int
    used: Spent


class ResendDue(Message, frozen=True, gc=False):
    """To oneself: look what the neighbour has not acknowledged, and what has waited too long for key."""

    link: LinkId


class Waiting(Protocol):
    """Something that waits for key of this direction."""

    ksid: Ksid
    epoch: int

    @property
    def waits_until(self) -> Instant | None:
        """When it gives up; None = whoever made it sees to that."""
        ...

    def need(self) -> int:
        """Return the octets it takes."""
        ...

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Take them and send."""
        ...

    def give_up(self) -> list[Effect]:
        """Wipe what it holds, and say so to whom it concerns: its time is over."""
        ...

    def drop(self) -> None:
        """Wipe what it holds: its session or route is gone, so nobody is to hear of it."""
        ...


@dataclass(slots=True)
class KmLink:
    """The side of one key manager."""

    link: LinkId
    node: NodeId
    capacity: int  # octets of stock kept of each direction
    split: float
    out: Outgoing = field(default_factory=Outgoing)
    incoming: Incoming = field(default_factory=Incoming)
    queue: PriorityQueue[Waiting] = field(default_factory=PriorityQueue)
    outbox: Outbox = field(default_factory=Outbox)
    ingest: FirstIngest | SecondIngest = field(init=False)
    neighbour: NodeId = field(init=False)
    peer: ElementName = field(init=False)
    lease: Lease = field(init=False)
    grants: Grants = field(init=False)
    marked_incoming: IncomingMark = field(init=False)
    lease_size: int = field(init=False)  # octets from one lease, and from one mark of the neighbour's direction, on
    looks_at: Instant | None = None  # when `ResendDue` comes

    def __post_init__(self) -> None:
        role = FirstIngest if self.node == link_ends(self.link)[0] else SecondIngest
        self.ingest = role(self.link, self.node, self.out, self.incoming, self.capacity, self.split)
        self.neighbour = other_end(self.link, self.node)
        self.peer = km_of(self.neighbour)
        self.lease_size = min(LEASE, 1 + self.capacity // LEASES_A_STORE)
        first = OutgoingMark(self.link, 0, Spent(0, 0, 0))
        self.lease = Lease(self.link, self.node, self.peer, self.out, self.lease_size, first, self.ingest)
        self.grants = Grants(self.link, self.node, self.peer, self.ingest)
        self.marked_incoming = IncomingMark(self.link, 0, Spent(0, 0, 0))

    @property
    def ready(self) -> int:
        """Octets that may be sent now: there, and leased."""
        return self.lease.ready

    @property
    def has_room(self) -> bool:
        """Whether another block would be of use: one direction at least is not nearly full."""
        return FULL_SHARE * min(self.out.stock, self.incoming.stock) < (FULL_SHARE - 1) * self.capacity

    def enqueue(self, waiting: Waiting, rank: int, now: Instant) -> list[Effect]:
        """Let something wait its turn for key, which may be at once. Who may not fail asks `queue.is_full` before."""
        self.queue.push(waiting, rank, now)
        until = waiting.waits_until
        return [*self.pump(now), *(self._look_by(until, now) if until is not None else [])]

    def pump(self, now: Instant) -> list[Effect]:
        """Serve what waits, in its order, as long as there is key and room in the window.

        What is first and needs much holds up the rest, or it would never be served.
        """
        # After a jump to another address the lease lies behind.
        effects = self.lease.renew() if self.lease.is_behind else []
        while (first := self.queue.first()) is not None:
            need = first.need()
            if need > self.ready or self.outbox.is_full:
                return [*effects, *self.lease.renew(need)]
            effects += self.queue.pop().carry(self, now)
        return effects

    def take(self, count: int, use: Use, tag_octets: int = 0) -> tuple[int, bytearray, list[Effect]]:
        """Allocate octets, which the lease covers, and see to the next one in time."""
        assert count <= self.ready
        offset, taken = self.out.take(count, use, tag_octets)
        return offset, taken, self.lease.renew()

    def send(self, message: KeyMessage, until: Instant, now: Instant) -> list[Effect]:
        """Send keys and repeat them until they are acknowledged or `until` has come."""
        self.outbox.add(message, until, now)
        return [Send(self.peer, message), *self._look_by(Instant(now + RESEND_AFTER), now)]

    def spend(self, message: Addressed, count: int, use: Use, tag_octets: int = 0) -> list[Effect]:
        """Spend the range of a message that was found good, and believe the floor it tells."""
        incoming = self.incoming
        incoming.raise_floor(min(message.floor, message.offset))
        incoming.spend(message.offset, count, use, tag_octets)
        if incoming.floor < self.marked_incoming.floor + self.lease_size:
            return []
        self.marked_incoming = IncomingMark(self.link, incoming.floor, incoming.used())
        return [Save(self.marked_incoming)]

    def on_keys_received(self, received: KeysReceived, now: Instant) -> list[Effect]:
        """Stop repeating what has arrived."""
        if received.owner == self.node:
            self.outbox.acknowledge(received.offset)
        return self.pump(now)

    def on_resend_due(self, now: Instant) -> list[Effect]:
        """Repeat what is due; give up what is of no use any more."""
        self.looks_at = None
        effects: list[Effect] = [Send(self.peer, message) for message in self.outbox.due(now)]
        effects += [*self._give_up_late(now), *self.pump(now)]
        ends = [waiting.waits_until for waiting in self.queue.entries()]
        dues = [due for due in (*ends, self.outbox.next_due()) if due is not None]
        return [*effects, *(self._look_by(min(dues), now) if dues else [])]

    def drop_session(self, ksid: Ksid, epoch: int) -> None:
        """Forget what waits, or is repeated, for a session's routes up to `epoch`."""
        gone = [entry for entry in self.queue.entries() if entry.ksid == ksid and entry.epoch <= epoch]
        for entry in gone:
            entry.drop()
        self.queue.remove(gone)
        self.outbox.drop(ksid, epoch)

    def resume(self, now: Instant) -> list[Effect]:
        """Go on behind the marks of an earlier incarnation: what it may have used is abandoned."""
        leased = self.lease.begin(now)
        self.incoming.resume(self.marked_incoming.floor, self.marked_incoming.used)
        return [*leased, *self.ingest.resume()]

    def _give_up_late(self, now: Instant) -> list[Effect]:
        """Drop from the queue what has waited too long."""
        late = [entry for entry in self.queue.entries() if entry.waits_until is not None and entry.waits_until <= now]
        self.queue.remove(late)
        return [effect for entry in late for effect in entry.give_up()]

    def _look_by(self, due: Instant, now: Instant) -> list[Effect]:
        """Run the timer so that it goes off no later than this."""
        if self.looks_at is not None and self.looks_at <= due:
            return []
        self.looks_at = due
        return [StartTimer(f"{self.link}/resend", Duration(max(0, due - now)), ResendDue(self.link))]


def is_doubted(kmlink: KmLink) -> bool:
    """Whether the neighbour has shown that another incarnation counts with this disk, or has."""
    is_put_back = isinstance(kmlink.ingest, SecondIngest) and kmlink.ingest.is_put_back
    return is_put_back or kmlink.lease.is_put_back or kmlink.lease.is_fenced


def renounce(kmlink: KmLink) -> list[Effect]:
    """Give up all that is in stock, durably: the neighbour has lost it."""
    kmlink.out.give_up()
    kmlink.incoming.give_up()
    kmlink.marked_incoming = IncomingMark(kmlink.link, kmlink.incoming.floor, kmlink.incoming.used())
    return [kmlink.lease.mark_used(), Save(kmlink.marked_incoming)]


def account(kmlink: KmLink, sender: NodeId) -> LinkAccount:
    """Return one end's books of the direction out of `sender`."""
    direction = kmlink.out if sender == kmlink.node else kmlink.incoming
    books = direction.books
    return LinkAccount(
        node=kmlink.node,
        link=kmlink.link,
        sender=sender,
        ingested=books.ingested,
        delivered=books.spent[Use.DELIVERED],
        pad=books.spent[Use.PAD],
        tag=books.spent[Use.TAG] + books.digest,
        wasted=books.spent[Use.WASTED],
        stored=direction.stock,
        discarded=books.discarded,
    )


LinkRecord = BlockHeld | BlockDecided | OutgoingMark | IncomingMark | GrantKept


def restore_link(kmlink: KmLink, record: LinkRecord) -> None:
    """Take up what was saved, in the order it was."""
    match record:
        case BlockHeld():
            kmlink.ingest.restore(record)
        case OutgoingMark():
            kmlink.lease.marked = record
        case GrantKept():
            kmlink.grants.kept = record
        case IncomingMark():
            kmlink.marked_incoming = record
        case BlockDecided():
            assert isinstance(kmlink.ingest, SecondIngest)
            kmlink.ingest.restore_decision(record)
