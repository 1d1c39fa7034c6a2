"""The outbox: repeats octet for octet until acknowledged, gives up in time, and its oldest entry is the floor."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement.outbox import LONGEST_RESEND, RESEND_AFTER, WINDOW, Outbox
from keytwin.keymanagement.pads import LARGEST_WINDOW
from keytwin.vocabulary.exchange_messages import AssignKeys
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, link_id
from keytwin.vocabulary.units import Bits, Instant, seconds

LINK = link_id(NodeId("a"), NodeId("b"))
LATE = Instant(seconds(100))


def message(offset: int, ksid: str = "k", epoch: int = 1) -> AssignKeys:
    return AssignKeys(
        sender=NodeId("a"),
        link=LINK,
        link_epoch=1,
        offset=offset,
        floor=0,
        ksid=Ksid(ksid),
        epoch=epoch,
        onward=True,
        batch_id=f"batch {offset}",
        key_size=Bits(8),
        key_ids=(KeyId("key"),),
    )


def outbox(*offsets: int, until: Instant = LATE) -> Outbox:
    box = Outbox()
    for offset in offsets:
        box.add(message(offset), until, Instant(0))
    return box


def offsets(box: Outbox) -> list[int]:
    return [sent.message.offset for sent in box.values()]


def test_nothing_is_repeated_before_its_time_and_later_ever_less_often() -> None:
    box = outbox(5)
    assert box.due(Instant(RESEND_AFTER - 1)) == []
    sent_at = [Instant(0)]
    while len(sent_at) < 8:
        due = box.next_due()
        assert due
        assert box.due(due) == [message(5)]
        sent_at.append(due)
    pauses = [later - earlier for earlier, later in pairwise(sent_at)]
    assert pauses[:3] == [RESEND_AFTER, 2 * RESEND_AFTER, 4 * RESEND_AFTER]
    assert pauses[-1] == LONGEST_RESEND


def test_what_is_acknowledged_is_not_repeated() -> None:
    box = outbox(5, 9)
    box.acknowledge(5)
    box.acknowledge(5)
    box.acknowledge(77)
    assert box.due(Instant(RESEND_AFTER)) == [message(9)]


def test_what_is_of_no_use_any_more_is_given_up() -> None:
    box = outbox(5, until=Instant(seconds(1)))
    assert box.due(Instant(seconds(1))) == []
    assert len(box) == 0
    assert box.next_due() is None


@given(st.lists(st.integers(0, 30)))
def test_the_floor_is_the_oldest_that_may_still_arrive(acknowledged: list[int]) -> None:
    box = outbox(*range(31))
    waiting = set(range(31))
    for offset in acknowledged:
        box.acknowledge(offset)
        waiting.discard(offset)
        assert box.floor(31) == min(waiting, default=31)
        assert all(place >= box.floor(31) for place in offsets(box))


def test_a_window_is_counted_from_the_oldest_so_that_the_receiver_keeps_its_overview() -> None:
    box = outbox(*range(WINDOW))
    for offset in range(1, WINDOW):
        box.acknowledge(offset)
    assert box.is_full
    box.acknowledge(0)
    assert not box.is_full
    assert len(box) == 0
    assert WINDOW < LARGEST_WINDOW


def test_a_session_is_dropped_up_to_an_epoch() -> None:
    box = Outbox()
    for offset, ksid, epoch in ((1, "k", 1), (2, "other", 1), (3, "k", 2), (4, "k", 3)):
        box.add(message(offset, ksid, epoch), LATE, Instant(0))
    box.drop(Ksid("k"), 2)
    assert [each.offset for each in box.due(Instant(RESEND_AFTER))] == [2, 4]
    assert box.floor(5) == 2
