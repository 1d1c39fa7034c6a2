"""Control at each node under message faults, cuts, kills and flipped bits: the invariants of one control plane hold."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.placement import Placement
from tests.marks import invariant
from tests.simulation.world import World

SEEDS = 20
CHUNK = 10


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@invariant("C4")
@invariant("Z5")
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_invariant_breaks_where_each_node_has_its_control(first: int) -> None:
    for seed in range(first, first + CHUNK):
        World(seed, placement=Placement.PER_NODE).run()


def test_nor_with_keys_in_shares() -> None:
    for seed in range(4):
        World(seed, routes=2, placement=Placement.PER_NODE).run()
