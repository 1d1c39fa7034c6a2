"""Leases of pads with two witnesses: invariant P2. No octet is used twice although a node is copied or put back.

The sender of a direction uses only what its neighbour has granted it. Both write the lease down before it is used, and
a grant begins where neither knows of an earlier one: at the higher of the neighbour's own mark and the one it is told.
So a node that is started from an old copy of its disk gets octets that nobody had, and so does a copy that runs beside
the original, whichever of the two asks. A crash gives up the rest of its lease.

Each question has a number, durable before it is asked. An answer that a higher number was seen, or the same one from
another start, shows that somebody else counts with this disk. Who has been granted nothing since its start is the one
that was put back, or the newcomer: it goes on above that number. Who has been is the one left behind, a zombie: it
stops. So does it show when the neighbour has a block of the link that the asker must have taken in, and does not know.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Protocol

import msgspec

from keytwin.keymanagement.pads import FIRST_EPOCH, Outgoing, Spent
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import PadsDoubted
from keytwin.vocabulary.identity import ElementName, LinkId, NodeId
from keytwin.vocabulary.link_messages import NOT_TOLD, AskLease, LeaseGranted, LeaseRefused
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import Duration, Instant, milliseconds

LEASE: Final = 16_384  # octets: how far ahead of use a lease runs, and so the most that one crash wastes
LEASES_A_STORE: Final = 8  # in a small store, a crash must not waste more than this share
LARGEST_LEASE: Final = 64 * 1024 * 1024  # octets: a neighbour that asks for more has gone mad
ASK_AGAIN: Final = milliseconds(150)  # above a round trip over 1,000 km (10 ms) with a durable write at the far end
LONGEST_PAUSE: Final = milliseconds(4_800)
PUT_BACK: Final = "this key manager was started from an old or copied disk: nothing of it is used again"


class OutgoingMark(Record, frozen=True, gc=False):
    """Every octet of this key manager's direction below `offset` counts as spent; the books as they were then.

    `generation`: the number of the latest question to the neighbour. Earlier keytwins kept none and asked nobody.
    """

    link: LinkId
    offset: int
    used: Spent
    generation: int = 0


class GrantKept(Record, frozen=True, gc=False):
    """Every octet of the neighbour's direction below `end` has been granted, the latest from `start` on."""

    link: LinkId
    generation: int
    started_at: Instant
    start: int
    end: int


class Blocks(Protocol):
    """What of the link's blocks is known at this end."""

    placed: int
    is_witnessed: bool  # the neighbour has found that nothing was forgotten here

    @property
    def reached(self) -> int:
        """Number of the last block that is taken in, or held for the neighbour's word."""
        ...

    @property
    def beyond(self) -> int:
        """An address beyond both directions."""
        ...

    def begin_anew(self, beyond: int, block: int) -> None:
        """Begin at that address, behind all that another incarnation can have used and the blocks up to that one."""
        ...


class LeaseDue(Message, frozen=True, gc=False):
    """To oneself: the neighbour has not answered yet."""

    link: LinkId


@dataclass(slots=True)
class Lease:
    """The sender's side of one direction."""

    link: LinkId
    node: NodeId
    peer: ElementName
    out: Outgoing
    size: int
    marked: OutgoingMark
    blocks: Blocks
    started_at: Instant = Instant(0)  # when this incarnation was: tells it from others that count with the same disk
    asked: AskLease | None = None
    pause: Duration = ASK_AGAIN
    is_granted: bool = False  # in this incarnation
    is_put_back: bool = False  # this incarnation was started from an old or copied disk
    is_fenced: bool = False

    @property
    def ready(self) -> int:
        """Octets that may be allocated now."""
        return 0 if self.is_fenced else max(0, min(self.out.end, self.marked.offset) - self.out.next)

    @property
    def is_behind(self) -> bool:
        """Whether the direction goes on at an address beyond the lease."""
        return self.out.next > self.marked.offset

    def begin(self, now: Instant) -> list[Effect]:
        """Give up what an earlier incarnation may have used, and ask for more."""
        self.started_at = now
        self.out.resume(self.marked.offset, self.marked.used)
        return self.renew()

    def renew(self, need: int = 0) -> list[Effect]:
        """Ask for more, ahead of need, so that nobody waits for the answer in the usual case."""
        if self.is_fenced or self.asked is not None:
            return []
        left = self.marked.offset - max(self.out.next, self.out.least)
        if 2 * left >= self.size and left >= need:
            return []
        return self._ask(self.marked.generation + 1, max(self.size, need))

    def on_lease_due(self) -> list[Effect]:
        """Ask the same again."""
        if self.asked is None:
            return []
        self.pause = Duration(min(2 * self.pause, LONGEST_PAUSE))
        self.asked = msgspec.structs.replace(self.asked, block=self._reached())
        return [Send(self.peer, self.asked), self._timer()]

    def on_lease_granted(self, granted: LeaseGranted) -> list[Effect]:
        """Take the lease; durable before anything of it is used."""
        asked = self.asked
        if asked is None or (granted.generation, granted.started_at) != (asked.generation, asked.started_at):
            return []  # an answer to an earlier question, or to another incarnation
        if granted.start < asked.mark or granted.end <= granted.start:
            raise Violation(f"a lease of {self.link} lies below what was used")
        self.asked, self.pause, self.is_granted = None, ASK_AGAIN, True
        self.blocks.is_witnessed = True
        if granted.start > self.marked.offset:
            self.out.skip_to(granted.start)
        return [self._mark(granted.end, asked.generation), StopTimer(f"{self.link}/lease")]

    def on_lease_refused(self, refused: LeaseRefused) -> list[Effect]:
        """Somebody else counts with this disk: go on above it as the newcomer, or stop as the one left behind."""
        asked = self.asked
        if asked is None or (refused.generation, refused.started_at) != (asked.generation, asked.started_at):
            return []
        self.asked = None
        stop = StopTimer(f"{self.link}/lease")
        above = max(refused.seen, asked.generation) + 1
        if refused.seen < asked.generation and refused.block <= self.blocks.reached:
            return [stop, *self._ask(above, asked.octets)]  # the question was older than the block it was refused for
        if self.is_granted:
            self.is_fenced = True
            what = "another copy of this key manager has taken over: this one sends no more"
            return [stop, Publish(PadsDoubted(self.node, self.link, what))]
        self.is_put_back = True
        self.blocks.begin_anew(refused.beyond, refused.block)
        return [Publish(PadsDoubted(self.node, self.link, PUT_BACK)), *self._ask(above, asked.octets)]

    def _reached(self) -> int:
        """Return what to tell of blocks: until the neighbour has once found nothing amiss."""
        return NOT_TOLD if self.blocks.is_witnessed else self.blocks.reached

    def _ask(self, generation: int, octets: int) -> list[Effect]:
        """Ask, when it is durable that this number is used."""
        mark = self._used_up_to()
        self.asked = AskLease(
            sender=self.node,
            link=self.link,
            link_epoch=FIRST_EPOCH,
            generation=generation,
            started_at=self.started_at,
            mark=mark,
            octets=octets,
            block=self._reached(),
        )
        return [self._mark(mark, generation), Send(self.peer, self.asked), self._timer()]

    def mark_used(self) -> Effect:
        """Make it durable that all below the next octet is given up."""
        return self._mark(self._used_up_to(), self.marked.generation)

    def _used_up_to(self) -> int:
        return max(self.marked.offset, self.out.next)

    def _mark(self, offset: int, generation: int) -> Effect:
        self.marked = OutgoingMark(self.link, offset, self.out.used(), generation)
        return Save(self.marked)

    def _timer(self) -> Effect:
        return StartTimer(f"{self.link}/lease", self.pause, LeaseDue(self.link))


@dataclass(slots=True)
class Grants:
    """The receiver's side of one direction: the second witness."""

    link: LinkId
    node: NodeId
    peer: ElementName
    blocks: Blocks
    kept: GrantKept = field(init=False)

    def __post_init__(self) -> None:
        self.kept = GrantKept(self.link, 0, Instant(0), 0, 0)

    def on_ask_lease(self, ask: AskLease) -> list[Effect]:
        """Grant what neither knows to be granted; durable before the answer. A repeat gets the same answer."""
        if not 0 < ask.octets <= LARGEST_LEASE:
            raise Violation(f"a lease of {ask.octets} octets of {self.link} is asked for")
        kept = self.kept
        if (ask.generation, ask.started_at) == (kept.generation, kept.started_at):
            return [self._answer()]
        if ask.generation <= kept.generation or NOT_TOLD < ask.block < self.blocks.placed:
            return [self._refusal(ask)]
        start = max(kept.end, ask.mark)
        self.kept = GrantKept(self.link, ask.generation, ask.started_at, start, start + ask.octets)
        return [Save(self.kept), self._answer()]

    def _answer(self) -> Effect:
        kept = self.kept
        granted = LeaseGranted(
            self.node, self.link, FIRST_EPOCH, kept.generation, kept.started_at, kept.start, kept.end
        )
        return Send(self.peer, granted)

    def _refusal(self, ask: AskLease) -> Effect:
        refused = LeaseRefused(
            sender=self.node,
            link=self.link,
            link_epoch=FIRST_EPOCH,
            generation=ask.generation,
            started_at=ask.started_at,
            seen=self.kept.generation,
            block=self.blocks.placed,
            beyond=self.blocks.beyond,
        )
        return Send(self.peer, refused)
