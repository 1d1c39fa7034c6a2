"""Shares at the end that receives them: no key before the last one, none by a wrong one, nothing left behind."""

from __future__ import annotations

from msgspec.structs import replace

from keytwin.keymanagement.partials import MOST_PARTIALS, PATIENCE, Partials, SharesOverdue, add_to, shares_timer
from keytwin.vocabulary.exchange_messages import AssignKeys
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.machine import StartTimer
from keytwin.vocabulary.units import Bits
from tests.keymanagement.parts import AB, KSID, A, key_ids

ONE, OTHER = bytes(range(32)), bytes(reversed(range(32)))
BOTH = bytes(one ^ other for one, other in zip(ONE, OTHER, strict=True))
FIRST = AssignKeys(A, AB, 1, 0, 0, KSID, 1, onward=True, batch_id="batch", key_size=Bits(256), key_ids=key_ids("k"))
SECOND = replace(FIRST, link=LinkId("a--c"))


def test_a_sum_takes_the_share_and_wipes_it() -> None:
    total, share = bytearray(ONE), bytearray(OTHER)
    add_to(total, share)
    assert (bytes(total), bytes(share)) == (BOTH, bytes(32))


def test_the_keys_are_there_with_the_last_share_and_not_before() -> None:
    partials = Partials()
    assert partials.add(FIRST, bytearray(ONE), 2) is None
    summed = partials.add(SECOND, bytearray(OTHER), 2)
    assert summed is not None
    assert bytes(summed) == BOTH
    assert not partials.by_batch


def test_a_second_share_by_the_same_link_changes_nothing() -> None:
    partials, again = Partials(), bytearray(OTHER)
    partials.add(FIRST, bytearray(ONE), 2)
    assert partials.add(FIRST, again, 2) is None
    assert bytes(again) == bytes(32)
    assert partials.add(SECOND, bytearray(OTHER), 2) == bytearray(BOTH)


def test_a_share_of_other_keys_or_of_another_length_is_no_share_of_these() -> None:
    partials = Partials()
    partials.add(FIRST, bytearray(ONE), 2)
    for wrong, length in (
        (replace(SECOND, key_ids=key_ids("x")), 32),
        (SECOND, 16),
        (replace(SECOND, ksid=Ksid("x")), 32),
    ):
        assert partials.add(wrong, bytearray(length), 2) is None
    assert partials.add(SECOND, bytearray(OTHER), 2) == bytearray(BOTH)


def test_what_is_dropped_or_released_is_wiped() -> None:
    for is_dropped in (True, False):
        partials = Partials()
        partials.add(FIRST, bytearray(ONE), 2)
        total = partials.by_batch["batch"].total
        for _ in range(2):
            if is_dropped:
                partials.drop("batch")
            else:
                partials.release(KSID)
        assert bytes(total) == bytes(32)
        assert not partials.by_batch


def test_another_session_keeps_what_is_its_own() -> None:
    partials = Partials()
    partials.add(FIRST, bytearray(ONE), 2)
    partials.release(Ksid("another"))
    assert partials.by_batch


def test_the_oldest_goes_when_there_are_too_many() -> None:
    partials = Partials()
    for number in range(MOST_PARTIALS + 1):
        partials.add(replace(FIRST, batch_id=str(number)), bytearray(32), 2)
    assert len(partials.by_batch) == MOST_PARTIALS
    assert "0" not in partials.by_batch


def test_it_is_not_waited_for_ever() -> None:
    assert shares_timer("batch") == StartTimer("batch/shares", PATIENCE, SharesOverdue("batch"))
