"""Faults planted on purpose that the hunt does not plant by itself (tests/scenario/test_hunt_planted.py)."""

from __future__ import annotations

import pytest

from keytwin.keymanagement import carriage
from keytwin.keymanagement.bucket import TokenBucket
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pool import Batch, KeysKept
from keytwin.scenario.hunt_oracles import Broken
from keytwin.vocabulary.identity import ElementName, Ksid
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Bits, BitsPerSecond, Instant, seconds
from tests.keymanagement.bench import Row
from tests.marks import invariant
from tests.simulation.world import World

ENOUGH_SEEDS = 60

Patch = pytest.MonkeyPatch


def first_seed_that_breaks() -> Broken:
    """Return what the oracles say of the first seed that shows the fault."""
    for seed in range(ENOUGH_SEEDS):
        try:
            World(seed).run()
        except Broken as broken:
            return broken
    pytest.fail(f"nobody noticed in {ENOUGH_SEEDS} seeds")


@invariant("S3")
def test_a_late_configuration_that_is_honoured_is_noticed(monkeypatch: Patch) -> None:
    honest = Forwarding.on_configure_hop

    def forgetful(self: Forwarding, wanted: ConfigureHop, now: Instant) -> tuple[bool, list[Effect]]:
        self.tombstones.pop(wanted.ksid, None)
        return honest(self, wanted, now)

    def late(row: Row) -> bool:
        """Delete a session, let its configuration come again, and tell whether it is back."""
        row.open()
        row.run(seconds(3))
        for effect in row.admission.delete():
            assert isinstance(effect, Send)
            row.simulation.inject(row.simulation.now, effect.to, effect.message)
        row.run(seconds(4))
        overtaken = row.admission.hop(1, 1)
        row.simulation.inject(row.simulation.now, ElementName("km/n1"), overtaken)
        row.run(seconds(5))
        return overtaken.ksid in row.km(1).forwarding.hops

    assert not late(Row(hops=2))
    monkeypatch.setattr(Forwarding, "on_configure_hop", forgetful)
    assert late(Row(hops=2))


@invariant("A3")
def test_a_bucket_that_is_fed_by_a_clock_going_back_is_noticed(monkeypatch: Patch) -> None:
    def overdrawn() -> bool:
        """Tell whether a clock that swings to and fro gets more out of a bucket than its burst."""
        bucket = TokenBucket(Bits(100), BitsPerSecond(10), Instant(seconds(50)), Bits(100))
        drawn = 0
        for step in range(20):
            now = Instant(seconds(50 if step % 2 else 40))
            drawn += 50 * bucket.take(Bits(50), now)
        return drawn > 100

    assert not overdrawn()

    def careless(self: TokenBucket, now: Instant) -> None:
        gained = self.rate * abs(now - self.filled_at) // seconds(1)
        self.level, self.filled_at = Bits(min(self.size, self.level + gained)), now

    monkeypatch.setattr(TokenBucket, "fill", careless)
    assert overdrawn()


@invariant("K1")
def test_a_pool_that_both_ends_share_is_noticed(monkeypatch: Patch) -> None:
    honest = carriage.Carriage.keep
    kms: dict[str, KeyManager] = {}

    def sharing(self: carriage.Carriage, kept: KeysKept) -> None:
        """Put the slave's keys into this end's own pool, too, as if one pool served both ends."""
        desk = kms[self.node].sessions.desk(Ksid(kept.ksid))
        if desk is not None:
            copies = {}
            for key_id, material in zip(kept.key_ids, kept.materials, strict=True):
                with material.exposed() as octets:
                    copies[key_id] = KeyMaterial(bytearray(octets))
            desk.pool.add(Batch(kept.batch_id, kept.ksid, kept.sae, copies, kept.provenance, kept.until))
        honest(self, kept)

    built = KeyManager.__init__

    def registered(self: KeyManager, *given: object) -> None:
        built(self, *given)  # type: ignore[arg-type]
        kms[self.node] = self

    monkeypatch.setattr(KeyManager, "__init__", registered)
    monkeypatch.setattr(carriage.Carriage, "keep", sharing)
    assert str(first_seed_that_breaks()).partition(": ")[2].startswith(("K1", "K5", "K7", "P5"))
