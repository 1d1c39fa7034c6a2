"""Ingest of a Q-link's blocks, agreed by its two key managers before either uses them. Paper B, 3.1; invariant P4.

The link's first node offers each block with its place in both directions and a one-time digest; the second compares its
own copy, holds it and accepts; the first takes it in and confirms; the second takes it in. Offers go one at a time, in
ascending number, so both ends give every octet the same address whatever is lost, repeated or overtaken on the way.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keytwin.algorithms.one_time_tag import KEY_OCTETS, tag, verify
from keytwin.keymanagement.lease import PUT_BACK
from keytwin.keymanagement.pads import FIRST_EPOCH, Incoming, Outgoing
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import BlockDiscarded, BlockPlaced, PadsDoubted
from keytwin.vocabulary.identity import LinkId, NodeId, km_of, link_ends
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import AcceptBlock, ConfirmBlock, LinkKeyBlock, OfferBlock, RefuseBlock
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.topology import other_end
from keytwin.vocabulary.units import BITS_PER_BYTE, Bits, Duration, Instant, bits, milliseconds, seconds

MOST_HELD: Final = 16  # blocks that wait for their offer; a neighbour that never offers must not fill the memory
REPEAT_AFTER: Final = milliseconds(200)  # above a round trip over 1,000 km (10 ms) with a durable write at the far end
BLOCK_LIFETIME: Final = seconds(60)  # then a block is given up: the neighbour does not have it, or is not there
PATIENT_OFFERS: Final = 10  # two seconds, in which a device repeats a block that was lost on the way to a key manager
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


class _Waiting(NamedTuple):
    """A block that has come and is not agreed on yet."""

    material: KeyMaterial
    until: Instant

    @property
    def octets(self) -> int:
        """Its length."""
        return self.material.size // BITS_PER_BYTE


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
    decided: int = 0  # blocks up to this number have had their turn: what comes of them now comes too late
    waiting: dict[int, _Waiting] = field(default_factory=dict)
    offered: OfferBlock | None = None  # by the first node
    is_anew: bool = False  # what was here is lost, and no block has been taken in since
    is_witnessed: bool = False  # the neighbour has found that nothing was forgotten here

    def _send(self, message: Message) -> Effect:
        return Send(km_of(other_end(self.link, self.node)), message)

    def _timer(self, number: int, after: Duration) -> Effect:
        return StartTimer(f"{self.link}/block", after, BlockOverdue(self.link, number))

    def _hold(self, block: LinkKeyBlock, now: Instant) -> list[Effect]:
        """Keep a block until it is its turn; the oldest makes room. Repeats and what comes too late are not taken."""
        if block.number <= self.decided or block.number in self.waiting:
            block.material.wipe()
            return []
        self.waiting[block.number] = _Waiting(block.material, Instant(now + BLOCK_LIFETIME))
        if len(self.waiting) <= MOST_HELD:
            return []
        # What is on offer may be held already by the neighbour.
        on_offer = self.offered.number if self.offered else 0
        return self._discard(min(number for number in self.waiting if number != on_offer), "not agreed in time")

    def _discard(self, number: int, cause: str) -> list[Effect]:
        block = self.waiting.pop(number)
        size = block.octets
        block.material.wipe()
        return self._count_discarded(number, size, cause)

    @property
    def reached(self) -> int:
        """Number of the last block that is taken in, or held for the neighbour's word."""
        return self.placed

    @property
    def beyond(self) -> int:
        """An address beyond both directions."""
        return 1 + max(self.out.end, self.incoming.end)

    def begin_anew(self, beyond: int, block: int = 0) -> None:
        """Begin behind all that an earlier incarnation can have used: what it had is lost, up to `block` of blocks."""
        self.is_anew = True
        self.placed = max(self.placed, block)
        self.decided = max(self.decided, block)
        self.offered = None
        if self.node == link_ends(self.link)[0]:  # the other end goes where it is told
            for direction in (self.out, self.incoming):
                direction.jump(max(beyond, direction.end))

    def _count_discarded(self, number: int, octets: int, cause: str) -> list[Effect]:
        """Book octets that were ingested and thrown away, half to each direction (the odd one to the outgoing)."""
        if octets <= 0:
            return []
        for books, share in ((self.out.books, octets - octets // 2), (self.incoming.books, octets // 2)):
            books.ingested += share
            books.discarded += share
        return [Publish(BlockDiscarded(self.node, self.link, number, bits(octets), cause))]

    def _cut(self, offer: OfferBlock) -> tuple[_Place, list[Effect]]:
        """Cut a waiting block as it was offered; its digest key goes, and so does what finds no room."""
        block = self.waiting.pop(offer.number)
        surplus = block.octets - KEY_OCTETS - offer.first_octets - offer.second_octets
        digest, first, second = block.material.cut((KEY_OCTETS, offer.first_octets, offer.second_octets))
        digest.wipe()
        self._count_digest()
        place = _Place(offer.number, offer.first_offset, offer.second_offset, first, second)
        return place, self._count_discarded(offer.number, surplus, "store full")

    def _count_digest(self) -> None:
        """Book the octets that keyed the digest to the direction out of the link's first node."""
        books = self.out.books if self.node == link_ends(self.link)[0] else self.incoming.books
        books.ingested += KEY_OCTETS
        books.digest += KEY_OCTETS

    def _take_in(self, place: _Place) -> list[Effect]:
        first, second = (self.out, self.incoming) if self.node == link_ends(self.link)[0] else (self.incoming, self.out)
        size = place.first.size + place.second.size
        if (place.first_offset, place.second_offset) != (first.end, second.end):
            # One of us has lost what it had, and with it the other's stock is of no use.
            first.jump(place.first_offset)
            second.jump(place.second_offset)
        self.is_anew = False
        first.place(place.first_offset, place.first)
        second.place(place.second_offset, place.second)
        self.placed = place.number
        self.decided = max(self.decided, place.number)
        return [Publish(BlockPlaced(self.node, self.link, place.number, Bits(size)))]


@dataclass(slots=True)
class FirstIngest(_Ingest):
    """The link's first node: it offers, one block at a time."""

    def receive_block(self, block: LinkKeyBlock, now: Instant) -> list[Effect]:
        """Take a block from the twin or device."""
        return [*self._hold(block, now), *self._offer_next(now)]

    def on_accept_block(self, accepted: AcceptBlock, now: Instant) -> list[Effect]:
        """Take the offered block in and confirm; a block taken in before is confirmed again."""
        confirm = self._send(ConfirmBlock(self.node, self.link, FIRST_EPOCH, accepted.number))
        if accepted.number <= self.placed:
            return [confirm] if accepted.number == self.placed else []
        offer = self.offered
        if offer is None or accepted.number != offer.number:
            return self._give_up(accepted.number)
        if (accepted.first_octets, accepted.second_octets) != (offer.first_octets, offer.second_octets):
            return []  # of an offer before a restart: the neighbour will hear of this one
        self.offered = None
        place, effects = self._cut(offer)
        return [
            *effects,
            Save(_record(self.link, place, is_placed=True)),
            *self._take_in(place),
            confirm,
            StopTimer(f"{self.link}/block"),
            *self._offer_next(now),
        ]

    def on_refuse_block(self, refused: RefuseBlock, now: Instant) -> list[Effect]:
        """Discard the offered block."""
        if self.offered is None or refused.number != self.offered.number:
            return []
        self.offered = None
        cause = "copies differ" if refused.differs else "neighbour lacks it"
        return [*self._discard(refused.number, cause), *self._offer_next(now)]

    def on_overdue(self, overdue: BlockOverdue, now: Instant) -> list[Effect]:
        """Repeat the offer, or give the block up."""
        if self.offered is None or overdue.number != self.offered.number:
            return []
        if now < self.waiting[overdue.number].until:
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

    def _give_up(self, number: int) -> list[Effect]:
        """Release the neighbour from a block that was given up here, or forgotten in a crash: it had its turn."""
        self.decided = max(self.decided, number)
        effects = self._discard(number, "not agreed in time") if number in self.waiting else []
        return [*effects, self._send(RefuseBlock(self.node, self.link, FIRST_EPOCH, number, differs=False))]

    def _offer_next(self, now: Instant) -> list[Effect]:
        effects: list[Effect] = []
        while self.waiting and self.offered is None:
            number = min(self.waiting)
            block = self.waiting[number]
            self.decided = max(self.decided, number)
            first, second = self._shares(block.octets - KEY_OCTETS)
            if block.until <= now or first + second < SMALLEST_ROOM:
                effects += self._discard(number, "not agreed in time" if block.until <= now else "store full")
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
                digest=_digest(self.link, number, block.material),
            )
            effects += [self._send(self.offered), self._timer(number, REPEAT_AFTER)]
        return effects

    def _shares(self, octets: int) -> tuple[int, int]:
        """Split by the configured ratio, as far as there is room: out of the first node, and out of the second."""
        octets = max(0, octets)
        first = int(octets * self.split)
        rooms = [max(0, self.capacity - direction.stock) for direction in (self.out, self.incoming)]
        return min(first, rooms[0]), min(octets - first, rooms[1])


@dataclass(slots=True)
class SecondIngest(_Ingest):
    """The link's second node: it compares, holds, and takes in what the first node confirms."""

    held: _Place | None = None
    is_put_back: bool = False  # the neighbour has taken in what is not known here
    newest: int = 0  # number of the last block that came
    differing: int = 0  # number of the last block whose copies differ
    offers: tuple[int, int] = (0, 0)  # a block that is not here, and how often it was offered

    @property
    def reached(self) -> int:
        """Number of the last block that is taken in, or held for the first node's word."""
        return max(self.placed, self.held.number if self.held else 0)

    def receive_block(self, block: LinkKeyBlock, now: Instant) -> list[Effect]:
        """Keep a block until the first node offers it."""
        self.newest = max(self.newest, block.number)
        return self._hold(block, now)

    def on_offer_block(self, offer: OfferBlock, now: Instant) -> list[Effect]:
        """Compare the copies and hold the block; an offer decided before has no effect but the same answer."""
        del now
        if self.held and self.held.number == offer.number:
            if _is_placed_as(self.held, offer):
                return [self._send(_acceptance(self, self.held))]
            # The first node was restarted and offers the block anew with other shares: it has not taken it in.
            return [*self._decide(self.held, is_placed=False), *self._refuse(offer)]
        if offer.number <= self.decided:  # taken in, and the offer is an old one; or refused, and the answer was lost
            return self._refuse(offer) if offer.number > self.placed else []
        if _is_behind(self, offer):
            return []  # the first node was put back, which it hears when it asks for a lease
        effects = [*_doubted(self, offer), *self._settle(offer)]
        if offer.number not in self.waiting:
            return effects + self._lack(offer)
        if not _agrees(self.waiting[offer.number], offer):
            self.differing = offer.number
            return [*effects, *self._discard(offer.number, "copies differ"), *self._refuse(offer)]
        return effects + self._accept(offer)

    def on_confirm_block(self, confirmed: ConfirmBlock, now: Instant) -> list[Effect]:
        """Take the held block in."""
        del now
        if self.held is None or confirmed.number != self.held.number:
            return []
        return self._decide(self.held, is_placed=True)

    def on_refuse_block(self, refused: RefuseBlock, now: Instant) -> list[Effect]:
        """Drop the held block: the first node has given it up."""
        del now
        if self.held is None or refused.number != self.held.number:
            return []
        return self._decide(self.held, is_placed=False)

    def on_overdue(self, overdue: BlockOverdue, now: Instant) -> list[Effect]:
        """Repeat the acceptance; only the first node can release it: by a confirmation, a refusal or its next offer."""
        del now
        return self._accepted(self.held) if self.held and overdue.number == self.held.number else []

    def restore(self, record: BlockHeld) -> None:
        """Hold a block again after a restart."""
        self._count_digest()
        self.held = _Place(record.number, record.first_offset, record.second_offset, record.first, record.second)
        self.decided = self.newest = record.number

    def restore_decision(self, record: BlockDecided) -> None:
        """Repeat what was decided of the held block; of one that was lost there is nothing to decide."""
        if self.held is None and self.is_anew:
            return
        assert self.held
        assert self.held.number == record.number
        self._decide(self.held, is_placed=record.is_placed)

    def resume(self) -> list[Effect]:
        """Accept again what is still held after a restart."""
        return self._accepted(self.held) if self.held else []

    def _settle(self, offer: OfferBlock) -> list[Effect]:
        """Learn from a newer offer what became of the held block and of older ones."""
        effects = self._decide(self.held, is_placed=offer.placed >= self.held.number) if self.held else []
        for number in [number for number in self.waiting if number < offer.number]:
            effects += self._discard(number, "not agreed in time")
        self.decided = offer.number - 1
        return effects

    def _lack(self, offer: OfferBlock) -> list[Effect]:
        """Refuse a block that the device has passed over here; it may still be repeating it, so not at once."""
        times = self.offers[1] + 1 if self.offers[0] == offer.number else 1
        self.offers = (offer.number, times)
        is_passed_over = self.newest > offer.number and times >= PATIENT_OFFERS
        return self._refuse(offer) if is_passed_over else []

    def _refuse(self, offer: OfferBlock) -> list[Effect]:
        self.decided = max(self.decided, offer.number)
        differs = offer.number == self.differing
        return [self._send(RefuseBlock(self.node, self.link, FIRST_EPOCH, offer.number, differs))]

    def _accept(self, offer: OfferBlock) -> list[Effect]:
        self.held, effects = self._cut(offer)
        self.decided = offer.number
        saved = Save(_record(self.link, self.held, is_placed=False))
        return [*effects, saved, *self._accepted(self.held)]

    def _accepted(self, held: _Place) -> list[Effect]:
        return [self._send(_acceptance(self, held)), self._timer(held.number, REPEAT_AFTER)]

    def _decide(self, held: _Place, *, is_placed: bool) -> list[Effect]:
        self.held = None
        decided = Save(BlockDecided(self.link, held.number, is_placed))
        stop = StopTimer(f"{self.link}/block")
        if is_placed:
            return [decided, *self._take_in(held), stop]
        octets = (held.first.size + held.second.size) // BITS_PER_BYTE
        held.first.wipe()
        held.second.wipe()
        return [decided, *self._count_discarded(held.number, octets, "given up by the neighbour"), stop]


def _is_behind(here: SecondIngest, offer: OfferBlock) -> bool:
    """Whether the first node has forgotten blocks that it took in before this one could."""
    is_ahead = offer.first_offset > here.incoming.end and offer.second_offset > here.out.end
    return offer.placed < here.placed and not is_ahead


def _doubted(here: SecondIngest, offer: OfferBlock) -> list[Effect]:
    """Notice that the first node has taken in a block that it cannot have without this one: which was put back."""
    is_news = offer.placed > here.reached and not (here.is_anew or here.is_witnessed)
    if is_news:
        here.is_anew = here.is_put_back = True
    _check_place(here, offer)
    return [Publish(PadsDoubted(here.node, here.link, PUT_BACK))] if is_news else []


def _check_place(here: SecondIngest, offer: OfferBlock) -> None:
    """Violation when the offered place is not the next one here, once what is held has been settled.

    Ahead of it is a first node that has lost what it had; and whoever has lost it here takes what it is offered.
    """
    first, second = here.incoming.end, here.out.end
    if here.held and offer.placed >= here.held.number:
        first += here.held.first.size // BITS_PER_BYTE
        second += here.held.second.size // BITS_PER_BYTE
    is_next = (offer.first_offset, offer.second_offset) == (first, second)
    is_ahead = here.is_anew or (offer.first_offset > first and offer.second_offset > second)
    if not (is_next or is_ahead) or min(offer.first_octets, offer.second_octets) < 0:
        raise Violation(f"block {offer.number} of {here.link} is offered at a place that is not the next one")


def _agrees(block: _Waiting, offer: OfferBlock) -> bool:
    """Whether the copy of a block is the one that is offered."""
    is_whole = KEY_OCTETS + offer.first_octets + offer.second_octets <= block.octets
    return is_whole and _digest_is(offer.digest, offer.link, offer.number, block.material)


def _acceptance(ingest: SecondIngest, held: _Place) -> AcceptBlock:
    first, second = (share.size // BITS_PER_BYTE for share in (held.first, held.second))
    return AcceptBlock(ingest.node, ingest.link, FIRST_EPOCH, held.number, first, second, ingest.is_anew)


def _is_placed_as(place: _Place, offer: OfferBlock) -> bool:
    """Whether a held block would go where the offer says."""
    offsets = (place.first_offset, place.second_offset) == (offer.first_offset, offer.second_offset)
    return offsets and (place.first.size, place.second.size) == (bits(offer.first_octets), bits(offer.second_octets))


def _record(link: LinkId, place: _Place, *, is_placed: bool) -> BlockHeld:
    return BlockHeld(
        link=link,
        number=place.number,
        is_placed=is_placed,
        first_offset=place.first_offset,
        second_offset=place.second_offset,
        first=place.first,
        second=place.second,
    )


def _digest(link: LinkId, number: int, block: KeyMaterial) -> bytes:
    with block.inspected() as octets:
        return tag(octets[:KEY_OCTETS], f"{link}/{number}".encode(), octets[KEY_OCTETS:])


def _digest_is(digest: bytes, link: LinkId, number: int, block: KeyMaterial) -> bool:
    with block.inspected() as octets:
        return verify(octets[:KEY_OCTETS], digest, f"{link}/{number}".encode(), octets[KEY_OCTETS:])
