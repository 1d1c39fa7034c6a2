"""Keys in shares under message faults, cuts, kills and flipped bits: the same invariants hold, and both ends agree."""

from __future__ import annotations

import pytest

from tests.marks import invariant
from tests.simulation.world import World

SEEDS = 20
CHUNK = 10


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_invariant_breaks_with_two_ways(first: int) -> None:
    for seed in range(first, first + CHUNK):
        World(seed, routes=2).run()


@invariant("K2")
def test_nor_with_three_ways() -> None:
    for seed in range(10):
        world = World(seed, routes=3)
        if len(world.hunt().blueprint.topology.nodes) > 4:
            world.run()
