"""A key manager whose disk is put back to an earlier state: no octet of a pad is used again, and somebody is told."""

from __future__ import annotations

import pytest

from keytwin.keymanagement.lease import OutgoingMark
from keytwin.vocabulary.events import PadsDoubted
from keytwin.vocabulary.identity import ElementName, km_of
from keytwin.vocabulary.units import Instant, seconds
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
        row.run(Instant(seconds(second)))


def latest_question(row: Row, name: ElementName) -> int:
    """Return the highest number of a question for a lease that is on the disk."""
    records = row.simulation.hosts[name].disk.records()
    return max((record.generation for record in records if isinstance(record, OutgoingMark)), default=0)


@invariant("P1")
@invariant("P2")
@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("share", [0.0, 0.3, 0.6, 0.9])
@pytest.mark.parametrize("index", [0, 1])
def test_no_octet_serves_twice_after_a_disk_was_put_back(hops: int, share: float, index: int) -> None:
    row = talking(hops)
    name = km_of(row.nodes[index])
    records = len(row.simulation.hosts[name].disk.durable)
    go_on(row, 20, "before")
    used, newest = row.pads.messages, latest_question(row, name)
    row.simulation.stop(name)
    del row.simulation.hosts[name].disk.durable[int(records * share) :]
    known = latest_question(row, name)
    row.simulation.restart(name)
    go_on(row, 40, "after")
    row.pads.close()
    assert used > 20
    if known < newest:  # else nothing was asked in between, and nobody can tell
        assert any(isinstance(event, PadsDoubted) and event.node == row.nodes[index] for _, _, event in row.events)


@invariant("P1")
@pytest.mark.parametrize("hops", [1, 2])
def test_an_ordinary_restart_raises_no_doubt(hops: int) -> None:
    row = talking(hops)
    for index in range(hops + 1):
        row.restart(index)
        go_on(row, row.simulation.now // 10**9 + 5, f"{index}")
    row.pads.close()
    assert not any(isinstance(event, PadsDoubted) for _, _, event in row.events)
