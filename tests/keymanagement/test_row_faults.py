"""Under message faults of any seed: keys are equal, none twice, the books close, and after healing all drains."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import SaeId
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Bits, Duration, microseconds, milliseconds, seconds
from tests.keymanagement.bench import FIRST, KEY_MANAGEMENT, SECOND, Row, octets_of
from tests.marks import invariant

STORM = seconds(12)
SEEDS = range(40)


class Load:
    """Both ends ask at random, and each fetches what the other has got."""

    def __init__(self, row: Row, dice: random.Random) -> None:
        self.row, self.dice = row, dice
        self.seen = {FIRST: 0, SECOND: 0}
        self.values: dict[str, dict[SaeId, bytes]] = {}
        self.requests = 0

    def run(self, until: Duration) -> None:
        while self.row.simulation.now < until:
            self.row.wait(milliseconds(self.dice.choice((20, 200, 700))))
            master = self.dice.choice((FIRST, SECOND))
            size = self.dice.choice((None, None, Bits(128)))
            self.requests += 1
            self.row.ask(master, f"m{self.requests}", self.dice.choice((1, 2, 20)), size, seconds(3))
            self.fetch()
            self.row.assert_books_close()

    def fetch(self) -> None:
        """Let each end fetch what the other has got since the last time; K1 and K2."""
        for master, slave in ((FIRST, SECOND), (SECOND, FIRST)):
            answers = self.row.heard(master, KeyDelivered)
            for answer in answers[self.seen[master] :]:
                for key in answer.keys:
                    self._note(master, key)
                if not answer.request_id.startswith("s"):
                    self.row.fetch(slave, f"s/{answer.request_id}", tuple(key.key_id for key in answer.keys))
            self.seen[master] = len(answers)

    def _note(self, sae: SaeId, key: Key) -> None:
        ends = self.values.setdefault(key.key_id, {})
        assert sae not in ends, "a key was handed out twice"
        ends[sae] = octets_of(key)
        assert len(set(ends.values())) == 1, "the ends have different keys"

    @property
    def pairs(self) -> int:
        return sum(len(ends) == 2 for ends in self.values.values())


def faults_of(dice: random.Random) -> MessageFaults:
    return MessageFaults(
        drop=dice.choice((0.0, 0.05, 0.3)),
        duplicate=dice.choice((0.0, 0.1, 0.3)),
        delay=milliseconds(dice.choice((0, 10, 300, 2_000))),
        lasting=STORM,
    )


def survive(row: Row, dice: random.Random, kill: Callable[[], None]) -> None:
    """Let a row of key managers live through message faults and three deaths, and drain: the same rules hold."""
    row.open()
    row.run(seconds(2))
    row.simulation.disturb(faults_of(dice))
    load = Load(row, dice)
    for _ in range(3):
        load.run(Duration(row.simulation.now + seconds(3)))
        row.wait(microseconds(dice.randrange(5_000)))
        kill()
    row.run(Duration(STORM + seconds(20)))
    load.run(Duration(row.simulation.now + seconds(3)))
    row.wait(seconds(4))
    load.fetch()
    row.wait(seconds(1))
    load.fetch()
    assert load.pairs > 2
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()
    row.assert_unharmed()


def row_of(seed: int, dice: random.Random, hops: int, *, spare: bool = False) -> Row:
    settings = KeyManagementSettings(
        store=dice.choice((Bits(40_000), KEY_MANAGEMENT.store)),
        pool_depth=dice.choice((seconds(1), seconds(5))),
        key_lifetime=dice.choice((seconds(4), seconds(60))),
    )
    control = {
        "batch": dice.choice((1, 4, 64)),
        "algorithm": dice.choice(("pool", "pool", "on-demand")),
        "rate": dice.choice((2_000, 20_000)),
    }
    return Row(hops, seed, key_management=settings, control=control, spare=spare)


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@pytest.mark.parametrize("seed", SEEDS)
def test_faults_cost_time_and_key_but_nothing_else(seed: int) -> None:
    dice = random.Random(f"row {seed}")
    row = row_of(seed, dice, hops=1 + seed % 3)
    row.open()
    row.run(seconds(dice.choice((0, 2))))
    row.simulation.disturb(faults_of(dice))
    load = Load(row, dice)
    load.run(STORM)
    row.run(seconds(30))  # it heals, and what was given up is made anew
    load.run(seconds(33))
    row.run(seconds(36))
    load.fetch()
    row.wait(seconds(1))
    load.fetch()
    assert load.pairs > 5
    row.close(dice.choice((FIRST, SECOND)))
    row.run(seconds(60))
    row.assert_drained()
    row.pads.close()
    row.assert_books_close()
    assert not row.published(ViolationSeen)


@invariant("S1")
@invariant("S3")
@pytest.mark.parametrize("seed", range(12))
def test_a_session_that_is_rerouted_and_closed_in_the_storm_drains(seed: int) -> None:
    dice = random.Random(f"reroute {seed}")
    row = row_of(seed, dice, hops=1 + seed % 3, spare=True)
    row.open()
    row.run(seconds(2))
    row.simulation.disturb(faults_of(dice))
    load = Load(row, dice)
    for time in (4, 6, 8):
        load.run(seconds(time))
        row.reroute([dice.choice(pair) for pair in zip(row.links, row.spares, strict=True)])
    load.run(seconds(10))
    row.close(FIRST)
    row.run(seconds(90))
    row.assert_drained()
    row.pads.close()
    row.assert_books_close()


@invariant("S1")
@pytest.mark.parametrize("seed", range(6))
def test_with_a_dead_control_plane_the_lease_ends_every_session(seed: int) -> None:
    dice = random.Random(f"lease {seed}")
    row = Row(hops=1 + seed % 3, seed=seed, control={"lease": seconds(20)})
    row.open()
    row.run(seconds(3))
    row.simulation.disturb(faults_of(dice))
    row.admission.is_silent = True
    load = Load(row, dice)
    load.run(seconds(14))
    row.run(seconds(60))
    row.assert_drained()
    row.pads.close()
    row.assert_books_close()
