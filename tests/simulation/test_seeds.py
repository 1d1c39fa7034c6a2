"""Invariants under message faults, cuts and restarts, over many seeds: what may never break, whoever fails when."""

from __future__ import annotations

import pytest

from tests.marks import invariant
from tests.simulation.world import World

SEEDS = 200
CHUNK = 10


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@invariant("C4")
@invariant("Z5")
@pytest.mark.parametrize("first", range(0, SEEDS, CHUNK))
def test_no_invariant_breaks(first: int) -> None:
    for seed in range(first, first + CHUNK):
        World(seed).run()
