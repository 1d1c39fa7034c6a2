"""A storm: each kind of fault really happens and is counted, ends before the calm, and is the seed's alone."""

from __future__ import annotations

import random
from collections.abc import Callable

import pytest

from keytwin.network import simulate
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_network import drawn_network
from keytwin.scenario.hunt_storm import CALM, HEADER_BITS, KINDS, MOST_STRIKES, STORM, Harm, Storm, flipped
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.exchange_messages import BatchId, KeysReceived, RelayKeys
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.link_messages import ProbeLink
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.timeline import OpenApp
from keytwin.vocabulary.units import START, Bits, Instant, seconds

PROBE = ProbeLink(NodeId("a"), LinkId("a--b"), link_epoch=1, offset=64, floor=32, sequence=7, tag=bytes(16))
RELAYED = RelayKeys(
    sender=NodeId("a"),
    link=LinkId("a--b"),
    link_epoch=1,
    offset=40,
    floor=8,
    ksid=Ksid("k"),
    epoch=3,
    onward=True,
    batch_id=BatchId("batch"),
    key_size=Bits(256),
    key_ids=(KeyId("k1"),),
    hops_left=5,
    remaining=seconds(10),
    ciphertext=bytes(32),
    tag=bytes(16),
)


def storm(seed: int) -> Storm:
    """Return a storm over a network on which every app opens a session."""
    blueprint = drawn_network(random.Random(seed), 4)
    simulation = simulate(blueprint, seed, keep_records=True)
    simulation.start()
    for app in blueprint.apps:
        for to, message in orders(OpenApp(app.id), blueprint):
            simulation.inject(START, to, message)
    return Storm(simulation, blueprint, random.Random(seed), Harm(simulation, random.Random(-seed)))


def after(weather: Storm, begin: Callable[[], None]) -> dict[str, int]:
    """Let one kind of fault happen and give the counts when it is over."""
    begin()
    weather.simulation.run(Instant(seconds(CALM)))
    return weather.counts()


def first_with(kind: str, begin: Callable[[Storm], Callable[[], None]]) -> Storm:
    """Return the storm of the first seed in which this happened."""
    for seed in range(1, 20):
        weather = storm(seed)
        if after(weather, begin(weather))[kind]:
            return weather
    pytest.fail(f"no {kind} in 19 seeds")


@pytest.mark.parametrize("kind", ["dropped", "duplicated", "delayed", "overtaking"])
def test_messages_are_hurt(kind: str) -> None:
    first_with(kind, lambda weather: weather._lose_messages)


@pytest.mark.parametrize("kind", ["cuts", "attacks"])
def test_links_go_dark_and_are_healed(kind: str) -> None:
    first_with(kind, lambda weather: weather._darken_links)


@pytest.mark.parametrize("kind", ["partitions", "one-way partitions", "parted"])
def test_elements_are_parted(kind: str) -> None:
    weather = first_with(kind, lambda weather: weather._part_some)
    before = weather.counts()["parted"]
    weather.simulation.run(Instant(seconds(CALM + 10)))
    assert weather.counts()["parted"] == before


def test_elements_stand_still() -> None:
    first_with("pauses", lambda weather: weather._pause_some)


def test_all_that_is_killed_comes_back() -> None:
    weather = first_with("kills", lambda weather: weather._kill_some)
    counts = weather.counts()
    assert counts["restarts"] == counts["kills"]
    assert all(weather.simulation.machine(name) is not None for name in weather._elements())


@pytest.mark.parametrize("kind", ["kills before a write", "kills after a write", "failed writes"])
def test_strikes_fall_on_writes(kind: str) -> None:
    weather = first_with(kind, lambda weather: weather._fail_at_writes)
    counts = weather.counts()
    assert counts["restarts"] >= counts[kind]
    assert weather.harm.strikes <= MOST_STRIKES
    assert all(weather.simulation.machine(name) is not None for name in weather._elements())


def test_bits_of_tagged_messages_are_flipped_in_the_storm_alone() -> None:
    weather = first_with("flipped", lambda weather: weather._flip_bits)
    before = weather.counts()["flipped"]
    weather.simulation.run(Instant(seconds(CALM + 10)))
    assert weather.counts()["flipped"] == before
    assert weather.harm.flip(1.0, START, ElementName("km/a"), ElementName("km/b"), PROBE) is PROBE


def test_what_bears_no_tag_is_left_alone() -> None:
    received = KeysReceived(NodeId("a"), NodeId("b"), LinkId("a--b"), 1, 40)
    at = Instant(seconds(STORM[0]))
    assert storm(1).harm.flip(1.0, at, ElementName("km/a"), ElementName("km/b"), received) is received


@pytest.mark.parametrize("message", [PROBE, RELAYED])
def test_one_bit_of_one_field_is_flipped_and_each_field_at_some_time(message: Message) -> None:
    dice, touched = random.Random(1), set()
    for _ in range(200):
        spoiled = flipped(message, dice)
        changed = [name for name in message.__struct_fields__ if getattr(message, name) != getattr(spoiled, name)]
        assert len(changed) == 1
        old, new = (getattr(each, changed[0]) for each in (message, spoiled))
        if isinstance(old, bytes):
            old, new = int.from_bytes(old), int.from_bytes(new)
        else:
            assert old ^ new < 1 << HEADER_BITS
        assert (old ^ new).bit_count() == 1
        touched.add(changed[0])
    assert {"tag", "offset", "floor", "link_epoch"} <= touched


def test_a_seed_turns_kinds_on_by_itself() -> None:
    def kinds(seed: int) -> frozenset[str]:
        weather = storm(seed)
        return frozenset(kind for kind, number in after(weather, weather.plan).items() if number)

    seen = [kinds(seed) for seed in range(1, 9)]
    assert seen[0] == kinds(1)
    assert len(set(seen)) > 4
    assert frozenset().union(*seen) <= set(KINDS)


def test_one_that_is_down_is_not_killed_again() -> None:
    weather = storm(1)
    simulation: Simulation = weather.simulation
    name = km_of(weather.blueprint.topology.nodes[0].id)
    weather.harm.kill(name, "kills")
    weather.harm.kill(name, "kills")
    assert weather.counts()["kills"] == 1
    simulation.run(Instant(seconds(5)))
    assert simulation.machine(name) is not None
