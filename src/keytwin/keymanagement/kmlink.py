"""One KM link: a key manager's side of a Q-link to one neighbour. DESIGN.md 3.1-3.3.

Ingest and both directions of the Q-link's key; the priority queue of what waits for key to be sent; and the outbox of
what the neighbour has not acknowledged yet, which is repeated octet for octet at the same offset until it is, or until
it is of no use any more.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from keytwin.keymanagement.blocks import BlockDecided, BlockHeld, FirstIngest, SecondIngest
from keytwin.keymanagement.pads import FIRST_EPOCH, Incoming, Outgoing, Use
from keytwin.keymanagement.queue import PriorityQueue
from keytwin.vocabulary.evidence import LinkAccount
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysReceived, RelayKeys
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId, km_of, link_ends
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send, StartTimer
from keytwin.vocabulary.topology import other_end
from keytwin.vocabulary.units import Duration, Instant, milliseconds

WINDOW: Final = 256  # unacknowledged messages of one direction; the receiver remembers up to four times as many
MARK_STEP: Final = 16_384  # octets: how far ahead the durable mark runs, and so the most that one crash wastes
RESEND_AFTER: Final = milliseconds(150)  # above a round trip over 1,000 km (10 ms) with a durable write at the far end
LONGEST_RESEND: Final = milliseconds(2_400)

KeyMessage = RelayKeys | AssignKeys


class OutgoingMark(Record, frozen=True, gc=False):
    """Every octet of this key manager's direction below `offset` counts as spent; the books as they were then."""

    link: LinkId
    offset: int
    delivered: int
    pad: int
    tag: int


class ResendDue(Message, frozen=True, gc=False):
    """To oneself: look what the neighbour has not acknowledged."""

    link: LinkId


class Waiting(Protocol):
    """Something that waits for key of this direction."""

    ksid: Ksid
    epoch: int

    def need(self) -> int:
        """Return the octets it takes."""
        ...

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Take them and send."""
        ...

    def expire(self, now: Instant) -> list[Effect] | None:
        """Give up when its time is over; None while it may still wait."""
        ...

    def drop(self) -> None:
        """Forget it: its session or route is gone."""
        ...


@dataclass(slots=True)
class _Unacknowledged:
    message: KeyMessage
    until: Instant
    due: Instant
    pause: Duration


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
    outbox: dict[int, _Unacknowledged] = field(default_factory=dict)
    ingest: FirstIngest | SecondIngest = field(init=False)
    mark: int = 0
    is_looking: bool = False

    def __post_init__(self) -> None:
        role = FirstIngest if self.node == link_ends(self.link)[0] else SecondIngest
        self.ingest = role(self.link, self.node, self.out, self.incoming, self.capacity, self.split)

    @property
    def neighbour(self) -> NodeId:
        """The node at the far side."""
        return other_end(self.link, self.node)

    @property
    def peer(self) -> ElementName:
        """The key manager at the far side."""
        return km_of(self.neighbour)

    @property
    def floor(self) -> int:
        """Everything of this key manager's direction below it is acknowledged or given up."""
        return min(self.outbox, default=self.out.next)

    def enqueue(self, waiting: Waiting, priority: int, now: Instant) -> list[Effect]:
        """Let something wait its turn for key, which may be at once."""
        self.queue.push(waiting, priority, now)
        return [*self.pump(now), *self._look_again()]

    def pump(self, now: Instant) -> list[Effect]:
        """Serve what waits, in its order, as long as there is key and room in the window."""
        effects: list[Effect] = []
        while (first := self.queue.first()) is not None:
            if first.need() > self.out.stock or len(self.outbox) >= WINDOW:
                break
            effects += self.queue.pop().carry(self, now)
        return effects

    def take(self, count: int, use: Use, tag_octets: int = 0) -> tuple[int, bytearray, list[Effect]]:
        """Allocate octets, with the durable mark kept ahead of them."""
        offset, taken = self.out.take(count, use, tag_octets)
        return offset, taken, self._advance_mark()

    def send(self, message: KeyMessage, until: Instant, now: Instant) -> list[Effect]:
        """Send keys and repeat them until they are acknowledged or `until` has come."""
        self.outbox[message.offset] = _Unacknowledged(message, until, Instant(now + RESEND_AFTER), RESEND_AFTER)
        return [Send(self.peer, msgspec.structs.replace(message, floor=self.floor)), *self._look_again()]

    def on_keys_received(self, received: KeysReceived, now: Instant) -> list[Effect]:
        """Stop repeating what has arrived."""
        if received.owner == self.node and received.link_epoch == FIRST_EPOCH:
            self.outbox.pop(received.offset, None)
        return self.pump(now)

    def on_resend_due(self, now: Instant) -> list[Effect]:
        """Repeat what is due; give up what is of no use any more, by which its range is abandoned."""
        self.is_looking = False
        for offset in [offset for offset, entry in self.outbox.items() if entry.until <= now]:
            del self.outbox[offset]
        effects: list[Effect] = []
        floor = self.floor
        for entry in self.outbox.values():
            if entry.due <= now:
                entry.pause = Duration(min(2 * entry.pause, LONGEST_RESEND))
                entry.due = Instant(now + entry.pause)
                effects.append(Send(self.peer, msgspec.structs.replace(entry.message, floor=floor)))
        return [*effects, *self._expire(now), *self.pump(now), *self._look_again()]

    def drop_session(self, ksid: Ksid, epoch: int) -> None:
        """Forget what waits, or is repeated, for a session's routes up to `epoch`."""
        if len(self.queue):
            gone = [entry for entry in self.queue.entries() if entry.ksid == ksid and entry.epoch <= epoch]
            if gone:
                for entry in gone:
                    entry.drop()
                self.queue.remove(gone)
        for offset in [offset for offset, sent in self.outbox.items() if _is_of(sent.message, ksid, epoch)]:
            del self.outbox[offset]

    def resume(self) -> list[Effect]:
        """Abandon what an earlier incarnation may have used, and go on."""
        accounted = self.out.books.spent
        before = accounted[Use.DELIVERED] + accounted[Use.PAD] + accounted[Use.TAG]
        self.out.abandon(self.mark)
        accounted[Use.WASTED] = self.out.next - before
        return self.ingest.resume()

    def _advance_mark(self) -> list[Effect]:
        if self.out.next <= self.mark:
            return []
        self.mark = self.out.next + MARK_STEP
        spent = self.out.books.spent
        return [Save(OutgoingMark(self.link, self.mark, spent[Use.DELIVERED], spent[Use.PAD], spent[Use.TAG]))]

    def _expire(self, now: Instant) -> list[Effect]:
        """Drop from the queue what has waited too long."""
        effects: list[Effect] = []
        late: list[Waiting] = []
        for entry in self.queue.entries():
            answer = entry.expire(now)
            if answer is not None:
                effects += answer
                late.append(entry)
        if late:
            self.queue.remove(late)
        return effects

    def _look_again(self) -> list[Effect]:
        """Run the timer while something is unacknowledged or waits for key."""
        if self.is_looking or not (self.outbox or len(self.queue)):
            return []
        self.is_looking = True
        return [StartTimer(f"{self.link}/resend", RESEND_AFTER, ResendDue(self.link))]


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


def restore_link(kmlink: KmLink, record: BlockHeld | BlockDecided | OutgoingMark) -> None:
    """Take up what was saved, in the order it was."""
    match record:
        case BlockHeld():
            kmlink.ingest.restore(record)
        case OutgoingMark():
            kmlink.mark = record.offset
            spent = kmlink.out.books.spent
            spent[Use.DELIVERED], spent[Use.PAD], spent[Use.TAG] = record.delivered, record.pad, record.tag
        case _:
            assert isinstance(kmlink.ingest, SecondIngest)
            kmlink.ingest.restore_decision(record)


def _is_of(message: KeyMessage, ksid: Ksid, epoch: int) -> bool:
    return message.ksid == ksid and message.epoch <= epoch
