"""A key manager killed at any moment: no octet of pad and no key serves twice, books close, the session goes on."""

from __future__ import annotations

import random

import pytest

from keytwin.vocabulary.identity import km_of, twin_of
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Duration, microseconds, milliseconds, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row
from tests.keymanagement.test_row_faults import Load, row_of
from tests.marks import invariant


@invariant("K1")
@invariant("P1")
@invariant("P5")
@pytest.mark.parametrize("seed", range(40))
def test_a_session_survives_the_death_of_any_key_manager_at_any_moment(seed: int) -> None:
    dice = random.Random(f"restart {seed}")
    row = row_of(seed, dice, hops=1 + seed % 3)
    row.open()
    row.run(Duration(seconds(3) + microseconds(dice.randrange(1_000_000))))
    load = Load(row, dice)
    for _ in range(3):
        load.run(Duration(row.simulation.now + seconds(1)))
        row.wait(microseconds(dice.randrange(5_000)))
        victim = dice.randrange(row.hops + 1)
        row.simulation.stop(km_of(row.nodes[victim]))
        row.wait(milliseconds(dice.choice((0, 1, 300, 2_000))))
        row.restart(victim)
    row.wait(seconds(15))  # what was under way is given up and made anew
    before = load.pairs
    load.run(Duration(row.simulation.now + seconds(4)))
    row.wait(seconds(4))
    load.fetch()
    row.wait(seconds(1))
    load.fetch()
    assert load.pairs > before
    row.pads.close()
    row.assert_books_close()
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()


@invariant("K1")
@invariant("P1")
@pytest.mark.parametrize("seed", range(12))
def test_old_messages_that_arrive_after_a_restart_have_no_effect(seed: int) -> None:
    """They linger for seconds, longer than the key manager that sent or awaited them lives."""
    dice = random.Random(f"old {seed}")
    row = row_of(seed, dice, hops=1 + seed % 3)
    row.open()
    row.run(seconds(3))
    row.simulation.disturb(MessageFaults(duplicate=0.5, delay=seconds(3), lasting=seconds(10)))
    load = Load(row, dice)
    for _ in range(4):
        load.run(Duration(row.simulation.now + seconds(2)))
        row.restart(dice.randrange(row.hops + 1))
    row.run(seconds(40))
    load.run(seconds(43))
    row.wait(seconds(5))
    load.fetch()
    row.pads.close()
    row.assert_books_close()


@invariant("P5")
@pytest.mark.parametrize("moment", range(0, 60, 4))
def test_a_twin_that_restarts_never_repeats_a_block(moment: int) -> None:
    row = Row(hops=1, block_time=milliseconds(50))
    row.open()
    for _ in range(4):
        row.wait(Duration(milliseconds(200) + milliseconds(moment)))
        row.simulation.restart(twin_of(row.links[0]))
    row.wait(seconds(3))
    assert row.pair(FIRST, "a", number=3)
    assert row.pair(SECOND, "b", number=3)
    row.assert_unharmed()


@invariant("P1")
def test_both_ends_of_a_link_may_die_together() -> None:
    row = Row(hops=1)
    row.open()
    row.run(seconds(3))
    for round_ in range(5):
        row.ask(FIRST, f"a{round_}", 20)
        row.ask(SECOND, f"b{round_}", 20)
        row.wait(milliseconds(3))
        row.restart(0)
        row.restart(1)
        row.wait(seconds(3))
    assert row.pair(FIRST, "after", number=5)
    row.pads.close()
    row.assert_books_close()


@invariant("S1")
def test_a_key_manager_that_never_returns_holds_up_nobody_for_ever() -> None:
    row = Row(hops=2, control={"lease": seconds(20)})
    row.open()
    row.run(seconds(3))
    row.simulation.stop(km_of(row.nodes[1]))
    row.close(FIRST)
    row.wait(seconds(60))
    for index in (0, 2):
        assert not row.km(index).forwarding.hops
        assert not row.km(index).workshop.makings
    row.restart(1)
    row.wait(seconds(60))
    row.assert_drained()
