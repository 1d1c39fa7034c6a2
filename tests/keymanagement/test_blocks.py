"""Ingest: whatever is lost, repeated or overtaken, both ends give every octet the same address, or discard it (P4)."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.keymanagement.blocks import (
    BLOCK_LIFETIME,
    MOST_HELD,
    PATIENT_OFFERS,
    REPEAT_AFTER,
    SMALLEST_ROOM,
    BlockDecided,
    BlockHeld,
    BlockOverdue,
    FirstIngest,
    SecondIngest,
)
from keytwin.keymanagement.pads import Books, Incoming, Outgoing, Use
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import BlockDiscarded, BlockPlaced
from keytwin.vocabulary.identity import NodeId, link_id
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import AcceptBlock, ConfirmBlock, LinkKeyBlock, OfferBlock, RefuseBlock
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import Instant
from tests.marks import invariant

A, B = NodeId("a"), NodeId("b")
LINK = link_id(A, B)
BLOCK = 200
ROOM = 2_000

Ingest = FirstIngest | SecondIngest


def octets(number: int, count: int) -> bytearray:
    return bytearray((number * 31 + index * 7) % 251 + 1 for index in range(count))


class Ends:
    """Both ends' ingests, what is on the way between them, and their journals."""

    def __init__(self, capacity: int = ROOM, split: float = 0.5) -> None:
        self.setting = (capacity, split)
        self.ends: list[Ingest] = [self.fresh(0), self.fresh(1)]
        self.on_the_way: list[tuple[int, Message]] = []
        self.journals: list[list[Record]] = [[], []]
        self.timers: list[BlockOverdue | None] = [None, None]
        self.events: list[BlockPlaced | BlockDiscarded] = []
        self.now = Instant(0)

    def fresh(self, end: int) -> Ingest:
        role = (FirstIngest, SecondIngest)[end]
        capacity, split = self.setting
        return role(LINK, (A, B)[end], Outgoing(), Incoming(), capacity, split)

    @property
    def first(self) -> FirstIngest:
        assert isinstance(self.ends[0], FirstIngest)
        return self.ends[0]

    @property
    def second(self) -> SecondIngest:
        assert isinstance(self.ends[1], SecondIngest)
        return self.ends[1]

    def block(self, end: int, number: int, size: int = BLOCK, content: int = 0) -> None:
        """Hand a block to one end."""
        block = LinkKeyBlock(LINK, number, KeyMaterial(octets(content or number, size)), 0.02)
        self._perform(end, self.ends[end].receive_block(block, self.now))

    def blocks(self, number: int, size: int = BLOCK) -> None:
        for end in (0, 1):
            self.block(end, number, size)

    def deliver(self, place: int = 0, *, again: bool = False) -> None:
        """Let a message on the way arrive; `again`: a copy of it stays."""
        if not self.on_the_way:
            return
        place %= len(self.on_the_way)
        to, message = self.on_the_way[place] if again else self.on_the_way.pop(place)
        self._perform(to, self._react(to, message))

    def lose(self, place: int = 0) -> None:
        if self.on_the_way:
            del self.on_the_way[place % len(self.on_the_way)]

    def tick(self, end: int) -> None:
        """Let an end's timer go off."""
        due, self.timers[end] = self.timers[end], None
        self.now = Instant(self.now + REPEAT_AFTER)
        if due is not None:
            self._perform(end, self.ends[end].on_overdue(due, self.now))

    def restart(self, end: int) -> None:
        self.ends[end] = self.fresh(end)
        self.timers[end] = None
        for record in self.journals[end]:
            copy = fresh_copy(record)
            if isinstance(copy, BlockHeld):
                self.ends[end].restore(copy)
            elif isinstance(copy, BlockDecided):
                self.second.restore_decision(copy)
        self._perform(end, self.ends[end].resume())

    def settle(self) -> None:
        """Lose nothing any more, until nothing moves."""
        for _ in range(1_000):
            if self.on_the_way:
                self.deliver()
            elif any(self.timers):
                self.tick(0)
                self.tick(1)
            else:
                return
        pytest.fail("it never comes to rest")

    def _react(self, to: int, message: Message) -> list[Effect]:
        match message:
            case OfferBlock():
                return self.second.on_offer_block(message, self.now)
            case ConfirmBlock():
                return self.second.on_confirm_block(message, self.now)
            case AcceptBlock():
                return self.first.on_accept_block(message, self.now)
            case _:
                assert isinstance(message, RefuseBlock)
                return self.ends[to].on_refuse_block(message, self.now)

    def _perform(self, end: int, effects: Iterable[Effect]) -> None:
        for effect in effects:
            match effect:
                case Send(message=message):
                    self.on_the_way.append((1 - end, message))
                case Save(record=record):
                    self.journals[end].append(fresh_copy(record))
                case StartTimer(message=BlockOverdue() as due):
                    self.timers[end] = due
                case StopTimer():
                    self.timers[end] = None
                case Publish(event=BlockPlaced() | BlockDiscarded() as event):
                    self.events.append(event)
                case _:
                    pytest.fail(f"unexpected {effect}")

    def assert_agreed(self) -> None:
        """Each octet that both have is the same at both, and the books close."""
        for sender, receiver in (self.ends, reversed(self.ends)):
            one, other = contents(sender.out), contents(receiver.incoming)
            shared = min(len(one), len(other))
            assert one[:shared] == other[:shared]
        for end in self.ends:
            for direction in (end.out, end.incoming):
                books: Books = direction.books
                spent = sum(books.spent[use] for use in Use)
                assert books.ingested == books.discarded + books.digest + spent + direction.stock


def contents(direction: Outgoing | Incoming) -> bytes:
    found = b""
    for segment in direction._segments:
        with segment.material.exposed() as held:
            found += bytes(held)
    return found


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["both", "first", "second", "deliver", "deliver", "deliver", "again", "lose", "tick", "restart"]
        ),
        st.integers(0, 7),
    ),
    max_size=50,
)


@invariant("P4")
@invariant("P5")
@given(STEPS, st.sampled_from([0.0, 0.3, 0.5, 1.0]), st.sampled_from([ROOM, 300]))
def test_octets_have_the_same_address_at_both_ends_whatever_happens(
    steps: list[tuple[str, int]], split: float, capacity: int
) -> None:
    ends = Ends(capacity, split)
    number = 0
    for what, choice in steps:
        match what:
            case "both" | "first" | "second":
                number += 1
                if what != "second":
                    ends.block(0, number)
                if what != "first":
                    ends.block(1, number)
            case "deliver" | "again":
                ends.deliver(choice, again=what == "again")
            case "lose":
                ends.lose(choice)
            case "tick":
                ends.tick(choice % 2)
            case _:
                ends.setting = ((ROOM, 300, 150)[choice % 3], split)  # a restart changes what stock an end believes in
                ends.restart(choice % 2)
        ends.assert_agreed()
    for last in (number + 1, number + 2):  # the second one tells what became of the first
        ends.blocks(last)
        ends.settle()
    ends.assert_agreed()
    assert ends.first.out.end == ends.second.incoming.end
    assert ends.first.incoming.end == ends.second.out.end
    assert not ends.first.waiting
    assert ends.second.held is None
    # A full first node says nothing, so the second keeps what it has until the next offer.
    assert all(number > ends.first.placed for number in ends.second.waiting)


def agreed(*sizes: int, capacity: int = ROOM, split: float = 0.5) -> Ends:
    ends = Ends(capacity, split)
    for number, size in enumerate(sizes, start=1):
        ends.blocks(number, size)
        ends.settle()
    ends.assert_agreed()
    return ends


def test_a_block_is_split_between_the_directions_less_its_digest_key() -> None:
    ends = agreed(BLOCK)
    assert (ends.first.out.stock, ends.first.incoming.stock) == (84, 84)
    assert ends.first.out.books.digest == ends.second.incoming.books.digest == 32
    assert contents(ends.first.out) == octets(1, BLOCK)[32:116]


def test_an_odd_octet_goes_to_the_second_direction() -> None:
    ends = agreed(BLOCK + 1)
    assert (ends.first.out.stock, ends.first.incoming.stock) == (84, 85)


@pytest.mark.parametrize(("split", "stocks"), [(0.0, (0, 168)), (1.0, (168, 0)), (0.25, (42, 126))])
def test_the_split_may_be_uneven_or_all_to_one_side(split: float, stocks: tuple[int, int]) -> None:
    ends = agreed(BLOCK, split=split)
    assert (ends.first.out.stock, ends.first.incoming.stock) == stocks
    assert (ends.second.incoming.stock, ends.second.out.stock) == stocks


@invariant("P4")
def test_copies_that_differ_are_discarded_at_both_ends() -> None:
    ends = Ends()
    ends.block(0, 1)
    ends.block(1, 1, content=99)
    ends.settle()
    causes = [event.cause for event in ends.events if isinstance(event, BlockDiscarded)]
    assert causes == ["copies differ", "copies differ"]
    assert ends.first.out.stock == ends.second.incoming.stock == 0
    ends.assert_agreed()
    ends.blocks(2)
    ends.settle()
    assert ends.first.out.stock == 84


def test_copies_of_different_length_differ() -> None:
    ends = Ends()
    ends.block(0, 1)
    ends.block(1, 1, size=BLOCK - 50)
    ends.settle()
    assert {event.cause for event in ends.events if isinstance(event, BlockDiscarded)} == {"copies differ"}


def test_a_refusal_that_was_lost_is_repeated() -> None:
    ends = Ends()
    ends.block(0, 1)
    ends.block(1, 1, content=99)
    ends.deliver()
    ends.lose()
    ends.tick(0)
    ends.deliver()
    assert ends.on_the_way == [(0, RefuseBlock(B, LINK, 1, 1, differs=True))]


def test_a_block_that_was_dropped_here_is_refused_when_it_is_offered_anew() -> None:
    """As after two restarts of the first node, whose device repeats the block each time."""
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    for _ in range(2):
        ends.restart(0)
        ends.settle()
        ends.block(0, 1)
    ends.settle()
    assert ends.now < BLOCK_LIFETIME
    assert not ends.first.waiting
    ends.blocks(2)
    ends.settle()
    assert ends.first.out.end == ends.second.incoming.end == 84


def test_a_block_larger_than_the_store_is_cut_to_the_room_and_the_rest_booked() -> None:
    ends = agreed(5_000, capacity=100)
    assert (ends.first.out.stock, ends.first.incoming.stock) == (100, 100)
    assert ends.first.out.books.discarded + ends.first.incoming.books.discarded == 5_000 - 32 - 200


def test_a_full_store_discards_whole_blocks_without_a_word_to_the_neighbour() -> None:
    ends = agreed(500, capacity=100)
    ends.blocks(2)
    assert not ends.on_the_way
    assert [event.cause for event in ends.events[-1:] if isinstance(event, BlockDiscarded)] == ["store full"]


@pytest.mark.parametrize("size", [1, 32, 32 + SMALLEST_ROOM - 1])
def test_a_block_too_small_to_share_is_discarded(size: int) -> None:
    ends = agreed(size, BLOCK)
    assert ends.first.out.stock == 84
    assert len(ends.second.waiting) == 0


def test_a_device_that_repeats_a_block_changes_nothing() -> None:
    ends = agreed(BLOCK)
    ends.blocks(1)
    ends.settle()
    assert ends.first.out.stock == 84
    assert not ends.second.waiting


def test_a_block_that_waits_is_not_replaced_by_its_repeat() -> None:
    ends = Ends()
    ends.block(1, 1)
    ends.block(1, 1, content=99)
    ends.block(0, 1)
    ends.settle()
    assert ends.first.out.stock == 84


def test_a_block_that_comes_late_is_waited_for() -> None:
    ends = Ends()
    ends.block(0, 1)
    for _ in range(PATIENT_OFFERS + 5):
        ends.deliver()
        ends.tick(0)
    ends.block(1, 1)
    ends.settle()
    assert ends.second.out.stock == 84


def test_a_block_that_the_device_passed_over_is_refused_soon() -> None:
    ends = Ends()
    ends.block(0, 1)
    ends.blocks(2)
    for _ in range(PATIENT_OFFERS - 1):
        ends.deliver()
        ends.tick(0)
    assert ends.first.offered
    assert ends.first.offered.number == 1
    ends.settle()
    assert ends.second.out.stock == 84
    assert ends.now < BLOCK_LIFETIME


def test_blocks_that_the_neighbour_never_got_expire_together_and_hold_up_nobody() -> None:
    ends = Ends()
    for number in range(1, 6):
        ends.block(0, number)
    while ends.first.waiting:
        ends.tick(0)
        ends.lose()
    assert ends.now <= BLOCK_LIFETIME + REPEAT_AFTER
    ends.blocks(6)
    ends.settle()
    assert ends.second.out.stock == 84


@pytest.mark.parametrize("end", [0, 1])
def test_few_blocks_wait_and_the_one_on_offer_is_not_the_one_to_go(end: int) -> None:
    ends = Ends()
    for number in range(1, 2 * MOST_HELD):
        ends.block(end, number)
    assert len(ends.ends[end].waiting) == MOST_HELD
    if end == 0:
        assert ends.first.offered
        assert ends.first.offered.number == 1
        ends.block(1, 1)
        ends.settle()
        assert ends.second.out.stock == 84
    ends.assert_agreed()


def test_a_lost_confirmation_is_asked_for_again() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()  # the offer
    ends.deliver()  # the acceptance
    ends.lose()
    assert ends.second.held
    ends.settle()
    assert ends.second.out.stock == 84


def test_the_next_offer_tells_what_became_of_a_held_block() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    ends.deliver()
    ends.lose()
    ends.blocks(2)
    ends.deliver()
    assert ends.second.placed == 1
    ends.settle()
    ends.assert_agreed()


def test_a_held_block_that_the_first_node_lost_in_a_crash_is_dropped() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    ends.on_the_way.clear()
    ends.restart(0)
    ends.blocks(2)
    ends.settle()
    assert ends.second.out.end == ends.first.incoming.end == 84
    assert "given up by the neighbour" in [event.cause for event in ends.events if isinstance(event, BlockDiscarded)]


def test_a_held_block_that_the_first_node_has_forgotten_is_released_though_no_other_is_offered() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    ends.on_the_way.clear()
    ends.restart(0)
    ends.settle()
    assert ends.second.held is None
    assert ends.second.out.end == 0
    ends.block(0, 1)  # its device repeats it: too late
    ends.settle()
    assert ends.first.out.end == 0
    ends.assert_agreed()


def test_an_acceptance_of_an_offer_before_a_restart_is_not_one_of_the_new_offer() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    ends.setting = (50, 0.5)  # the stock has changed meanwhile
    ends.restart(0)
    ends.block(0, 1)
    ends.deliver()  # the old acceptance
    assert ends.first.placed == 0
    ends.settle()
    assert ends.first.out.end == ends.second.incoming.end == 0
    ends.assert_agreed()


def test_a_restarted_second_node_does_not_take_a_held_block_again_from_its_device() -> None:
    ends = Ends()
    ends.blocks(1)
    ends.deliver()
    ends.restart(1)
    ends.block(1, 1)
    assert not ends.second.waiting
    ends.settle()
    assert ends.second.out.stock == 84


@pytest.mark.parametrize(
    "wrong", [{"first_offset": 7}, {"second_offset": 7}, {"first_octets": -5}, {"second_octets": -5}]
)
def test_an_offer_of_a_place_that_is_not_the_next_one_is_a_violation_and_changes_nothing(wrong: dict[str, int]) -> None:
    ends = Ends()
    ends.blocks(1)
    _, offer = ends.on_the_way.pop()
    assert isinstance(offer, OfferBlock)
    with pytest.raises(Violation, match="not the next one"):
        ends.second.on_offer_block(replace(offer, **wrong), ends.now)
    assert (ends.second.held, list(ends.second.waiting), ends.second.decided) == (None, [1], 0)


def test_an_old_offer_or_confirmation_has_no_effect() -> None:
    ends = Ends()
    ends.blocks(1)
    _, offer = ends.on_the_way[0]
    ends.settle()
    ends.blocks(2)
    ends.settle()
    assert isinstance(offer, OfferBlock)
    assert ends.second.on_offer_block(offer, ends.now) == []
    assert ends.second.on_confirm_block(ConfirmBlock(A, LINK, 1, 1), ends.now) == []
    assert ends.first.on_accept_block(AcceptBlock(B, LINK, 1, 1, 84, 84), ends.now) == []
    assert ends.first.on_refuse_block(RefuseBlock(B, LINK, 1, 1, differs=False), ends.now) == []


def test_waste_of_a_block_is_wiped() -> None:
    ends = Ends(capacity=100)
    material = KeyMaterial(octets(1, 5_000))
    with material.exposed() as view:
        ends.ends[0].receive_block(LinkKeyBlock(LINK, 1, material, 0.02), ends.now)
        ends.block(1, 1, size=5_000)
        ends.first.on_accept_block(AcceptBlock(B, LINK, 1, 1, 100, 100), ends.now)
        assert not any(view)  # what was placed has moved to where it is kept, the rest is gone
