"""Ingest of a Q-link's blocks, agreed by its two key managers before either uses them. DESIGN.md 3.1; invariant P4.

The link's first node offers each block with its place in both directions and a one-time digest; the second compares its
own copy, holds it and accepts; the first takes it in and confirms; the second takes it in. Offers go one at a time, in
ascending number, so both ends give every octet the same address whatever is lost, repeated or overtaken on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag, verify
from keytwin.keymanagement.pads import FIRST_EPOCH, Incoming, Outgoing, share_out
from keytwin.vocabulary.events import BlockDiscarded, BlockPlaced
from keytwin.vocabulary.identity import LinkId, NodeId, km_of, link_ends
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import AcceptBlock, ConfirmBlock, LinkKeyBlock, OfferBlock, RefuseBlock
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.topology import other_end
from keytwin.vocabulary.units import BITS_PER_BYTE, Duration, Instant, bits, milliseconds, seconds

MOST_HELD: Final = 16  # blocks that wait for their offer; a neighbour that never offers must not fill the memory
REPEAT_AFTER: Final = milliseconds(
    200
)  # well above a round trip over a KM link of 1,000 km (10 ms) and a durable write
OFFER_LIFETIME: Final = seconds(60)  # then the block is given up: the neighbour does not have it, or is not there
SMALLEST_ROOM: Final = 64  # octets; less room than this is not worth a block


class BlockHeld(Record, frozen=True, gc=False):
    """A block with its place in both directions; `is_placed` False = held for the first node's confirmation."""

    link: LinkId
    number: int
    is_placed: bool
    first_offset: int
    second_offset: int
    first: KeyMaterial
    second: KeyMaterial


class BlockDecided(Record, frozen=True, gc=False):
    """A held block was taken in, or dropped."""

    link: LinkId
    number: int
    is_placed: bool


class BlockOverdue(Message, frozen=True, gc=False):
    """To oneself: an offer or an acceptance has not been answered yet."""

    link: LinkId
    number: int


class _Place(NamedTuple):
    """Where a block goes."""

    number: int
    first_offset: int
    second_offset: int
    first: KeyMaterial
    second: KeyMaterial


@dataclass(slots=True)
class _Ingest:
    """What the two ends of a link have in common."""

    link: LinkId
    node: NodeId
    out: Outgoing
    incoming: Incoming
    capacity: int  # octets of each direction
    split: float
    placed: int = 0  # number of the last block taken in
    newest: int = 0  # number of the last block that came
    waiting: dict[int, KeyMaterial] = field(default_factory=dict)

    def _send(self, message: Message) -> Effect:
        return Send(km_of(other_end(self.link, self.node)), message)

    def _timer(self, number: int, after: Duration) -> Effect:
        return StartTimer(f"{self.link}/block", after, BlockOverdue(self.link, number))

    def _hold(self, number: int, material: KeyMaterial) -> list[Effect]:
        """Keep a block until it is its turn; the oldest makes room. Repeats and what was overtaken are not taken."""
        if number <= self.newest:
            material.wipe()
            return []
        self.newest = number
        self.waiting[number] = material
        if len(self.waiting) <= MOST_HELD:
            return []
        return self._discard(min(self.waiting), "not agreed in time")

    def _discard(self, number: int, cause: str) -> list[Effect]:
        material = self.waiting.pop(number)
        size = material.size
        material.wipe()
        return self._count_discarded(number, size // BITS_PER_BYTE, cause)

    def _count_discarded(self, number: int, octets: int, cause: str) -> list[Effect]:
        """Book octets that were ingested and thrown away, half to each direction (the odd one to the outgoing)."""
        if octets <= 0:
            return []
        for books, share in ((self.out.books, octets - octets // 2), (self.incoming.books, octets // 2)):
            books.ingested += share
            books.discarded += share
        return [Publish(BlockDiscarded(self.node, self.link, number, bits(octets), cause))]

    def _count_digest(self) -> None:
        """Book the octets that keyed the digest to the direction out of the link's first node."""
        books = self.out.books if self.node == link_ends(self.link)[0] else self.incoming.books
        books.ingested += KEY_OCTETS
        books.digest += KEY_OCTETS

    def _take_in(self, place: _Place) -> list[Effect]:
        first, second = (self.out, self.incoming) if self.node == link_ends(self.link)[0] else (self.incoming, self.out)
        size = place.first.size + place.second.size
        first.place(place.first_offset, place.first)
        second.place(place.second_offset, place.second)
        self.placed = place.number
        self.newest = max(self.newest, place.number)
        return [Publish(BlockPlaced(self.node, self.link, place.number, bits(size // BITS_PER_BYTE)))]

    def _room(self) -> tuple[int, int]:
        """Octets that the direction out of the first node and the other one can still take."""
        rooms = (max(0, self.capacity - self.out.stock), max(0, self.capacity - self.incoming.stock))
        return rooms if self.node == link_ends(self.link)[0] else (rooms[1], rooms[0])


@dataclass(slots=True)
class FirstIngest(_Ingest):
    """The link's first node: it offers, one block at a time."""

    offered: OfferBlock | None = None
    gives_up_at: Instant = Instant(0)

    def receive_block(self, block: LinkKeyBlock, now: Instant) -> list[Effect]:
        """Take a block from the twin or device."""
        return [*self._hold(block.number, block.material), *self._offer_next(now)]

    def on_accept_block(self, accepted: AcceptBlock, now: Instant) -> list[Effect]:
        """Take the offered block in and confirm; a block taken in before is confirmed again."""
        confirm = self._send(ConfirmBlock(self.node, self.link, FIRST_EPOCH, accepted.number))
        if accepted.number == self.placed:
            return [confirm]
        offer = self.offered
        if offer is None or accepted.number != offer.number:
            return []
        self.offered = None
        block = self.waiting.pop(offer.number)
        octets = block.size // BITS_PER_BYTE
        digest, first, second = share_out(block, (KEY_OCTETS, offer.first_octets, offer.second_octets))
        digest.wipe()
        surplus = octets - KEY_OCTETS - offer.first_octets - offer.second_octets
        self._count_digest()
        place = _Place(offer.number, offer.first_offset, offer.second_offset, first, second)
        return [
            *self._count_discarded(offer.number, surplus, "store full"),
            Save(BlockHeld(self.link, offer.number, True, *place[1:])),
            *self._take_in(place),
            confirm,
            StopTimer(f"{self.link}/block"),
            *self._offer_next(now),
        ]

    def on_refuse_block(self, refused: RefuseBlock, now: Instant) -> list[Effect]:
        """Discard the offered block."""
        if refused.number != self._number_offered():
            return []
        self.offered = None
        cause = "copies differ" if refused.differs else "neighbour has no room"
        return [*self._discard(refused.number, cause), *self._offer_next(now)]

    def on_overdue(self, overdue: BlockOverdue, now: Instant) -> list[Effect]:
        """Repeat the offer, or give the block up."""
        if self.offered is None or overdue.number != self.offered.number:
            return []
        if now < self.gives_up_at:
            return [self._send(self.offered), self._timer(overdue.number, REPEAT_AFTER)]
        self.offered = None
        return [*self._discard(overdue.number, "not agreed in time"), *self._offer_next(now)]

    def restore(self, record: BlockHeld) -> None:
        """Take a block in again after a restart."""
        self._count_digest()
        self._take_in(_Place(record.number, record.first_offset, record.second_offset, record.first, record.second))

    def resume(self) -> list[Effect]:
        """Go on after a restart: nothing is offered until the next block comes."""
        return []

    def _number_offered(self) -> int:
        return 0 if self.offered is None else self.offered.number

    def _offer_next(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        while self.waiting and self.offered is None:
            number = min(self.waiting)
            first, second = self._shares(self.waiting[number].size // BITS_PER_BYTE - KEY_OCTETS)
            if first + second < SMALLEST_ROOM:
                effects += self._discard(number, "store full")
                continue
            self.offered = OfferBlock(
                sender=self.node,
                link=self.link,
                link_epoch=FIRST_EPOCH,
                number=number,
                placed=self.placed,
                first_offset=self.out.end,
                first_octets=first,
                second_offset=self.incoming.end,
                second_octets=second,
                digest=_digest(self.link, number, self.waiting[number]),
            )
            self.gives_up_at = Instant(now + OFFER_LIFETIME)
            effects += [self._send(self.offered), self._timer(number, REPEAT_AFTER)]
        return effects

    def _shares(self, octets: int) -> tuple[int, int]:
        """Split by the configured ratio, as far as there is room."""
        first = int(max(0, octets) * self.split)
        room_first, room_second = self._room()
        return min(first, room_first), min(max(0, octets) - first, room_second)


@dataclass(slots=True)
class SecondIngest(_Ingest):
    """The link's second node: it compares, holds, and takes in what the first node confirms."""

    held: _Place | None = None
    decided: int = 0  # blocks up to this number are taken in, refused or given up

    def receive_block(self, block: LinkKeyBlock, now: Instant) -> list[Effect]:
        """Keep a block until the first node offers it."""
        del now
        self.newest = max(self.newest, self.decided)
        return self._hold(block.number, block.material)

    def on_offer_block(self, offer: OfferBlock, now: Instant) -> list[Effect]:
        """Compare the copies and hold the block; an offer decided before has no effect but the same answer."""
        del now
        effects = self._settle(offer)
        if self.held and self.held.number == offer.number:
            return [*effects, self._send(AcceptBlock(self.node, self.link, FIRST_EPOCH, offer.number))]
        if offer.number <= self.decided or offer.number not in self.waiting:
            return effects
        if not self._agrees(offer):
            self.decided = offer.number
            effects += self._discard(offer.number, "copies differ")
            return [*effects, self._send(RefuseBlock(self.node, self.link, FIRST_EPOCH, offer.number, True))]
        return effects + self._accept(offer)

    def on_confirm_block(self, confirmed: ConfirmBlock, now: Instant) -> list[Effect]:
        """Take the held block in."""
        del now
        if self.held is None or confirmed.number != self.held.number:
            return []
        return self._decide(True)

    def on_overdue(self, overdue: BlockOverdue, now: Instant) -> list[Effect]:
        """Repeat the acceptance; only the first node can release it, by a confirmation or by its next offer."""
        del now
        if self.held is None or overdue.number != self.held.number:
            return []
        return self._accepted()

    def restore(self, record: BlockHeld) -> None:
        """Hold a block again after a restart."""
        self._count_digest()
        self.held = _Place(record.number, record.first_offset, record.second_offset, record.first, record.second)

    def restore_decision(self, record: BlockDecided) -> None:
        """Repeat what was decided of the held block."""
        self._decide(record.is_placed)

    def resume(self) -> list[Effect]:
        """Accept again what is still held after a restart."""
        return self._accepted() if self.held else []

    def _settle(self, offer: OfferBlock) -> list[Effect]:
        """Learn from a newer offer what became of the held block and of older ones."""
        effects: list[Effect] = []
        if self.held and offer.number > self.held.number:
            effects += self._decide(offer.placed >= self.held.number)
        for number in [number for number in self.waiting if number < offer.number]:
            effects += self._discard(number, "not agreed in time")
        self.decided = max(self.decided, offer.number - 1)
        return effects

    def _agrees(self, offer: OfferBlock) -> bool:
        block = self.waiting[offer.number]
        spare = block.size // BITS_PER_BYTE - KEY_OCTETS - offer.first_octets - offer.second_octets
        return spare >= 0 and _digest_is(offer.digest, self.link, offer.number, block)

    def _accept(self, offer: OfferBlock) -> list[Effect]:
        block = self.waiting.pop(offer.number)
        octets = block.size // BITS_PER_BYTE
        digest, first, second = share_out(block, (KEY_OCTETS, offer.first_octets, offer.second_octets))
        digest.wipe()
        self._count_digest()
        surplus = octets - KEY_OCTETS - offer.first_octets - offer.second_octets
        effects = self._count_discarded(offer.number, surplus, "store full")
        self.held = _Place(offer.number, offer.first_offset, offer.second_offset, first, second)
        return [*effects, Save(BlockHeld(self.link, offer.number, False, *self.held[1:])), *self._accepted()]

    def _accepted(self) -> list[Effect]:
        assert self.held
        accept = AcceptBlock(self.node, self.link, FIRST_EPOCH, self.held.number)
        return [self._send(accept), self._timer(self.held.number, REPEAT_AFTER)]

    def _decide(self, is_placed: bool) -> list[Effect]:
        assert self.held
        place, self.held = self.held, None
        self.decided = max(self.decided, place.number)
        decided = Save(BlockDecided(self.link, place.number, is_placed))
        stop = StopTimer(f"{self.link}/block")
        if is_placed:
            return [decided, *self._take_in(place), stop]
        octets = (place.first.size + place.second.size) // BITS_PER_BYTE
        place.first.wipe()
        place.second.wipe()
        return [decided, *self._count_discarded(place.number, octets, "given up by the neighbour"), stop]


def _digest(link: LinkId, number: int, block: KeyMaterial) -> bytes:
    with block.exposed() as octets:
        return tag(octets[:KEY_OCTETS], f"{link}/{number}".encode(), octets[KEY_OCTETS:])


def _digest_is(digest: bytes, link: LinkId, number: int, block: KeyMaterial) -> bool:
    with block.exposed() as octets:
        return verify(octets[:KEY_OCTETS], digest, f"{link}/{number}".encode(), octets[KEY_OCTETS:])
