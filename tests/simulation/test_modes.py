"""Keys of a post-quantum secret under all that befalls a network in a hunt: both ends agree, in every mode."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.key import Fallback, KeyMode
from tests.marks import invariant
from tests.simulation.world import World

SEEDS = range(40, 42)
"""Of each mode few: of the seeds that `keytwin simulate` draws three in ten have one of these modes."""


@invariant("K1")
@invariant("K2")
@invariant("K3")
@invariant("S1")
@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize(
    ("mode", "fallback"),
    [
        (KeyMode.HYBRID_XOR, Fallback.NONE),
        (KeyMode.HYBRID_CATKDF, Fallback.PQC_ONLY),
        (KeyMode.PQC_ONLY, Fallback.NONE),
    ],
)
def test_no_invariant_breaks_in_any_mode(mode: KeyMode, fallback: Fallback, seed: int) -> None:
    hunt = World(seed, mode=mode, fallback=fallback).hunt()
    modes: set[KeyMode] = set()

    def look(message: object) -> None:
        if isinstance(message, KeyDelivered):
            modes.update(key.provenance.mode for key in message.keys)

    hunt.simulation.wires.tap(lambda *what: look(what[-1]))
    hunt.run()
    allowed = {mode} | ({KeyMode.PQC_ONLY} if fallback is Fallback.PQC_ONLY else set())
    assert mode in modes
    assert modes <= allowed, "a key of a mode that nobody has allowed"
