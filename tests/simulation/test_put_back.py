"""A key manager whose disk is put back to an earlier state.

No octet of a pad is used again and no key is handed out again, its links go on, and somebody is told.
"""

from __future__ import annotations

import pytest

from keytwin.keymanagement.pads import FIRST_EPOCH
from keytwin.keymanagement.put_back import COME_AGAIN
from keytwin.keymanagement.sessions import pools_of
from keytwin.vocabulary.events import BlockPlaced, PadsDoubted, ViolationSeen
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import KeyId, LinkId, NodeId, SaeId, km_of, link_ends
from keytwin.vocabulary.link_messages import LeaseRefused
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row
from tests.marks import invariant


def talking(hops: int) -> Row:
    """Return key managers whose session has used pads for a while."""
    row = Row(hops=hops)
    row.run(seconds(2))
    row.open(seconds(2))
    row.run(seconds(4))
    return row


def go_on(row: Row, until: int, name: str) -> None:
    for second in range(row.simulation.now // 10**9 + 1, until):
        row.ask(FIRST, f"{name} {second}", 20)
        row.ask(SECOND, f"{name} back {second}", 20)
        row.run(seconds(second))


def put_back(row: Row, index: int, share: float) -> None:
    """Let a key manager talk on, and start it again from the disk as it was when a share of that was done."""
    name = km_of(row.nodes[index])
    before = len(row.simulation.hosts[name].disk.durable)
    go_on(row, 20, "before")
    row.simulation.stop(name)
    del row.simulation.hosts[name].disk.durable[int(before * share) :]
    row.simulation.restart(name)


def handed_out(row: Row, sae: SaeId) -> list[KeyId]:
    return [key.key_id for answer in row.heard(sae, KeyDelivered) for key in answer.keys]


def newest_blocks(row: Row) -> dict[tuple[NodeId, LinkId], int]:
    return {(event.node, event.link): event.number for event in row.published(BlockPlaced)}


@invariant("P1")
@invariant("P2")
@invariant("P4")
@invariant("K1")
@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
@pytest.mark.parametrize("index", [0, 1])
def test_nothing_serves_twice_after_a_disk_was_put_back_and_links_go_on(hops: int, share: float, index: int) -> None:
    row = talking(hops)
    assert any(pool.batches for _, pool in pools_of(row.km(0).sessions))  # that could be handed out again
    put_back(row, index, share)
    used = row.pads.messages
    for sae in (FIRST, SECOND):
        row.ask(sae, f"at once {sae}")  # before any neighbour can have said a word
    go_on(row, 30, "after")
    placed = newest_blocks(row)
    row.wait(seconds(5))
    row.pads.close()
    assert used > 20
    for sae in (FIRST, SECOND):
        given = handed_out(row, sae)
        assert len(given) > 20
        assert len(set(given)) == len(given)
    assert {event.node for event in row.published(PadsDoubted)} == {row.nodes[index]}
    later = newest_blocks(row)
    assert later.keys() == {(node, link) for link in row.links for node in link_ends(link)}
    assert all(number >= placed[end] + 4 for end, number in later.items())
    assert not row.published(ViolationSeen)
    row.assert_books_close()


@invariant("P1")
@pytest.mark.parametrize("hops", [1, 2])
def test_an_ordinary_restart_raises_no_doubt(hops: int) -> None:
    row = talking(hops)
    for index in range(hops + 1):
        row.restart(index)
        go_on(row, row.simulation.now // 10**9 + 5, f"{index}")
    row.pads.close()
    assert not any(isinstance(event, PadsDoubted) for _, _, event in row.events)


@invariant("K1")
@pytest.mark.parametrize("index", [0, -1])
def test_a_slave_fetches_no_key_again_after_the_disk_of_its_end_was_put_back(index: int) -> None:
    row = talking(1)
    master, slave = (SECOND, FIRST) if index == 0 else (FIRST, SECOND)
    row.ask(master, "early", 3)
    row.wait(seconds(1))
    early = tuple(key.key_id for key in row.given(master, "early"))
    name = km_of(row.nodes[index])
    before = len(row.simulation.hosts[name].disk.durable)
    row.fetch(slave, "first time", early)
    row.wait(seconds(3))
    assert len(row.given(slave, "first time")) == 3
    row.simulation.stop(name)
    del row.simulation.hosts[name].disk.durable[before:]
    row.simulation.restart(name)
    row.fetch(slave, "at once", early)
    row.wait(seconds(3))
    row.fetch(slave, "again", early)
    row.wait(seconds(1))
    assert [row.answer(slave, each) for each in ("at once", "again")] == [
        KeyRefused("at once", Reason.UNAVAILABLE, COME_AGAIN),
        KeyRefused("again", Reason.KEY_UNKNOWN, Duration(0)),
    ]


@invariant("K6")
def test_keys_from_before_a_restart_are_handed_out_when_the_neighbours_have_answered() -> None:
    row = talking(1)
    row.ask(FIRST, "early", 3)
    row.wait(seconds(1))
    early = tuple(key.key_id for key in row.given(FIRST, "early"))
    row.restart(1)
    row.wait(milliseconds(10))
    row.fetch(SECOND, "after", early)
    row.wait(milliseconds(10))
    assert [key.key_id for key in row.given(SECOND, "after")] == list(early)


@invariant("K1")
def test_keys_from_before_a_restart_wait_for_a_neighbour_as_long_as_there_is_none() -> None:
    row = talking(1)
    row.ask(FIRST, "early", 3)
    row.wait(seconds(1))
    early = tuple(key.key_id for key in row.given(FIRST, "early"))
    row.simulation.stop(km_of(row.nodes[0]))
    row.restart(1)
    for second in range(10):
        row.wait(seconds(1))
        row.fetch(SECOND, f"alone {second}", early)
    row.restart(0)
    row.wait(seconds(6))  # the longest pause between two questions
    row.fetch(SECOND, "with a neighbour", early)
    row.wait(milliseconds(10))
    alone = [row.answer(SECOND, f"alone {second}") for second in range(9)]
    assert all(isinstance(each, KeyRefused) and each.reason is Reason.UNAVAILABLE for each in alone)
    assert [key.key_id for key in row.given(SECOND, "with a neighbour")] == list(early)


@invariant("K1")
@pytest.mark.parametrize("size", [None, Bits(512)])
def test_who_waits_at_an_incarnation_that_is_left_behind_is_refused_at_once(size: Bits | None) -> None:
    row = Row(control={"rate": 10_000_000})
    row.open()
    row.wait(seconds(2))
    row.ask(FIRST, "waiting", 500 if size else 1_000, size, seconds(60))
    row.wait(milliseconds(1))
    assert row.answer(FIRST, "waiting") is None
    (link,) = row.links
    lease = row.km(0).links.kmlinks[link].lease
    lease.is_fenced = True
    stale = LeaseRefused(row.nodes[1], link, FIRST_EPOCH, generation=0, started_at=Instant(0), seen=0)
    row.tell(km_of(row.nodes[0]), stale)  # any word of the neighbour lets it look
    row.wait(milliseconds(5))
    assert isinstance(row.answer(FIRST, "waiting"), KeyRefused)
    row.ask(FIRST, "afterwards")
    row.wait(milliseconds(5))
    assert isinstance(row.answer(FIRST, "afterwards"), KeyRefused)
    row.assert_books_close()
