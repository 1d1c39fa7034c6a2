"""Pads by address: no octet twice (P1), books that close at every step (P5), both ends mean the same octet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.pads import LARGEST_WINDOW, Books, Incoming, Outgoing, Spent, Use
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.key import KeyMaterial
from tests.marks import invariant

STEPS = st.lists(
    st.tuples(
        st.sampled_from(["place here", "place there", "take", "carry", "carry again", "give up", "restart"]),
        st.integers(0, 40),
        st.sampled_from([Use.PAD, Use.TAG, Use.DELIVERED]),
    ),
    max_size=60,
)


def octets(count: int, start: int = 0) -> bytes:
    """Return octets that tell their own place: none is 0, which is what wiped ones are."""
    return bytes(1 + (start + index) % 255 for index in range(count))


def material(count: int, start: int = 0) -> KeyMaterial:
    return KeyMaterial(bytearray(octets(count, start)))


def outgoing(*blocks: int) -> Outgoing:
    direction = Outgoing()
    for size in blocks:
        direction.place(direction.end, material(size, direction.end))
    return direction


def incoming(*blocks: int) -> Incoming:
    direction = Incoming()
    for size in blocks:
        direction.place(direction.end, material(size, direction.end))
    return direction


def look(direction: Incoming, offset: int, count: int) -> bytes | None:
    found = direction.look(offset, count)
    return None if found is None else bytes(found)


def balance(direction: Outgoing | Incoming) -> int:
    books: Books = direction.books
    return books.ingested - books.discarded - books.digest - sum(books.spent.values()) - direction.stock


def contents(direction: Outgoing | Incoming) -> bytes:
    """Return all octets that the direction still holds."""
    found = b""
    for segment in direction._segments:
        with segment.material.exposed() as held:
            found += bytes(held)
    return found


class Direction:
    """Both ends of a direction, and the messages between them, which come in any order, twice, or never."""

    def __init__(self) -> None:
        self.out, self.incoming = Outgoing(), Incoming()
        self.placed = [0, 0]
        self.on_the_way: list[tuple[int, bytes, Use]] = []
        self.arrived: list[tuple[int, bytes, Use]] = []
        self.handed_out: set[int] = set()

    def step(self, what: str, number: int, use: Use) -> None:
        match what:
            case "place here" | "place there":
                end = int(what == "place there")
                side = (self.out, self.incoming)[end]
                side.place(self.placed[end], material(number, self.placed[end]))
                self.placed[end] += number
            case "take" if 0 < number <= self.out.stock:
                offset, taken = self.out.take(number, use)
                self._hand_out(offset, bytes(taken))
                self.on_the_way.append((offset, bytes(taken), use))
            case "carry" if self.on_the_way:
                self._arrive(self.on_the_way.pop(number % len(self.on_the_way)))
            case "carry again" if self.arrived:
                offset, content, _ = self.arrived[number % len(self.arrived)]
                assert self.incoming.has_spent(offset, len(content)) or offset < self.incoming.floor
            case "give up" if self.on_the_way:
                self.on_the_way.pop(0)
            case "restart":
                mark, used = self.out.next + number, self.out.used()
                self.out = outgoing(self.placed[0])
                self.out.resume(mark, used)
            case _:
                pass

    def _hand_out(self, offset: int, content: bytes) -> None:
        places = set(range(offset, offset + len(content)))
        assert not places & self.handed_out, "an octet was given out twice"
        self.handed_out |= places
        assert content == octets(len(content), offset)

    def _arrive(self, message: tuple[int, bytes, Use]) -> None:
        offset, content, use = message
        found = self.incoming.look(offset, len(content))
        if found is None:  # its block is not here yet
            self.on_the_way.append(message)
            return
        assert bytes(found) == content
        self.incoming.raise_floor(min((other for other, _, _ in [*self.on_the_way, message]), default=offset))
        self.incoming.spend(offset, len(content), use)
        self.arrived.append(message)


@invariant("P1")
@invariant("P5")
@given(STEPS)
def test_octets_are_used_once_and_the_books_close_at_every_step(steps: list[tuple[str, int, Use]]) -> None:
    direction = Direction()
    for what, number, use in steps:
        direction.step(what, number, use)
        for end in (direction.out, direction.incoming):
            assert balance(end) == 0
            assert end.stock >= 0
            assert min(end.books.spent.values()) >= 0
            # What is left in memory is what may still be used; everything else is overwritten.
            if end is direction.incoming or not direction.out.has_skipped:
                assert len(contents(end)) - contents(end).count(0) == end.stock


@invariant("P1")
def test_what_is_taken_is_overwritten_and_booked() -> None:
    direction = outgoing(10, 10)
    offset, taken = direction.take(12, Use.PAD, tag_octets=4)
    assert (offset, bytes(taken)) == (0, octets(12))
    assert contents(direction) == bytes(2) + octets(8, 12)
    assert direction.books.spent == {Use.PAD: 8, Use.TAG: 4, Use.DELIVERED: 0, Use.WASTED: 0}


@invariant("P1")
def test_a_range_over_several_blocks_is_one_whole() -> None:
    out, sender = outgoing(3, 4, 5, 6), incoming(3, 4, 5, 6)
    whole = contents(out)
    assert bytes(out.take(2, Use.PAD)[1]) == whole[:2]
    assert bytes(out.take(12, Use.PAD)[1]) == whole[2:14] == look(sender, 2, 12)
    assert contents(out) == bytes(2) + whole[14:]


def test_what_is_taken_at_once_can_still_be_written_to_the_disk_as_used_up() -> None:
    out, placed = Outgoing(), material(4, 0)
    out.place(0, placed)
    out.take(4, Use.PAD)
    with placed.exposed() as held:
        assert bytes(held) == bytes(4)


def test_a_share_of_nothing_leaves_no_trace() -> None:
    for direction in (outgoing(0, 5, 0), incoming(0, 5, 0)):
        assert len(direction._segments) == 1
        assert direction.stock == 5


def test_looking_changes_nothing() -> None:
    direction = incoming(10, 10)
    assert [look(direction, 5, 10), look(direction, 5, 10)] == [octets(10, 5)] * 2
    assert direction.stock == 20


@pytest.mark.parametrize(("offset", "count"), [(15, 6), (20, 1), (0, 0), (3, -1), (-1, 3)])
def test_what_is_not_there_is_not_found(offset: int, count: int) -> None:
    assert incoming(20).look(offset, count) is None


@invariant("P1")
@pytest.mark.parametrize(("offset", "count"), [(4, 2), (9, 1), (0, 20), (6, 2), (5, 3)])
def test_a_range_that_cuts_across_a_spent_one_is_refused(offset: int, count: int) -> None:
    direction = incoming(20)
    direction.spend(5, 5, Use.PAD)
    with pytest.raises(Violation, match="another has used" if offset != 5 else "another length"):
        direction.has_spent(offset, count) or direction.look(offset, count)


def test_ranges_beside_a_spent_one_are_free() -> None:
    direction = incoming(20)
    direction.spend(5, 5, Use.PAD)
    assert look(direction, 0, 5) == octets(5)
    assert look(direction, 10, 10) == octets(10, 10)


def test_a_repeat_is_known_until_the_floor_passes_it() -> None:
    direction = incoming(20)
    direction.spend(5, 5, Use.PAD)
    assert direction.has_spent(5, 5)
    assert not direction.has_spent(0, 5)
    direction.raise_floor(10)
    assert not direction.has_spent(5, 5)
    assert direction.look(5, 5) is None


def test_what_the_floor_passes_unspent_is_wasted_and_overwritten() -> None:
    direction = incoming(20)
    direction.spend(5, 5, Use.PAD)
    direction.raise_floor(12)
    assert direction.books.spent[Use.WASTED] == 7
    assert contents(direction) == bytes(12) + octets(8, 12)
    assert direction.stock == 8


def test_a_floor_never_falls_and_never_leads_beyond_what_is_here() -> None:
    direction = incoming(20)
    direction.raise_floor(8)
    direction.raise_floor(3)
    assert direction.floor == 8
    direction.raise_floor(10**9)
    assert direction.floor == 20
    assert not direction._segments


@invariant("P1")
def test_a_floor_inside_a_spent_range_does_not_free_its_rest() -> None:
    direction = incoming(20)
    direction.spend(5, 10, Use.PAD)
    direction.raise_floor(9)
    assert direction.floor == 15
    assert direction.look(9, 3) is None
    assert direction.books.spent[Use.WASTED] == 5


def test_a_sender_without_a_floor_is_stopped_before_it_fills_the_memory() -> None:
    direction = incoming(LARGEST_WINDOW + 1)
    for offset in range(LARGEST_WINDOW):
        direction.spend(offset, 1, Use.PAD)
    with pytest.raises(Violation, match="more than"):
        direction.look(LARGEST_WINDOW, 1)
    direction.raise_floor(1)
    assert direction.look(LARGEST_WINDOW, 1)


@invariant("P1")
@invariant("P5")
def test_a_restarted_sender_goes_on_behind_its_mark() -> None:
    direction = outgoing(30, 10)
    direction.resume(15, Spent(delivered=3, pad=4, tag=1))
    assert direction.next == 15
    assert direction.books.spent == {Use.DELIVERED: 3, Use.PAD: 4, Use.TAG: 1, Use.WASTED: 7}
    assert contents(direction) == bytes(15) + octets(25, 15)
    assert direction.take(5, Use.PAD)[1] == octets(5, 15)
    assert balance(direction) == 0


@invariant("P2")
@invariant("P5")
def test_what_comes_below_a_mark_is_given_up_somebody_else_may_have_had_it() -> None:
    direction = outgoing(10)
    direction.resume(14, Spent(0, 10, 0))
    assert direction.stock == 0
    kept = material(8, 10)
    direction.place(10, kept)
    assert direction.stock == 4
    with kept.exposed() as shown:  # it may still be on its way to the disk
        assert bytes(shown) == octets(8, 10)
    offset, taken = direction.take(2, Use.PAD)
    assert (offset, bytes(taken)) == (14, octets(2, 14))
    assert contents(direction) == bytes(6) + octets(2, 16)
    assert direction.books.spent[Use.WASTED] == 4
    assert balance(direction) == 0


@invariant("P5")
def test_a_restarted_receiver_takes_up_the_floor_and_its_books() -> None:
    before = incoming(40)
    before.spend(0, 10, Use.PAD, tag_octets=2)
    before.raise_floor(12)
    before.spend(20, 5, Use.DELIVERED)
    after = incoming(40)
    after.resume(before.floor, before.used())
    assert after.books.spent == {Use.DELIVERED: 0, Use.PAD: 8, Use.TAG: 2, Use.WASTED: 2}
    assert after.stock == 28
    assert contents(after) == bytes(12) + octets(28, 12)
    assert balance(after) == 0
