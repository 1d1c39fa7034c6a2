"""A storm: each kind of fault really happens and is counted, ends before the calm, and is the seed's alone."""

from __future__ import annotations

import random

import pytest

from keytwin.network import simulate
from keytwin.runtime.entropy import SeededChance
from keytwin.scenario.hunt_edges import MOST_STRIKES
from keytwin.scenario.hunt_harm import HEADER_BITS, Harm, flipped
from keytwin.scenario.hunt_network import drawn_network
from keytwin.scenario.hunt_scope import ALL, BEYOND_CRASHES, CALM, FAMILIES, STORM, Scope
from keytwin.scenario.hunt_storm import KINDS, Storm
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.exchange_messages import BatchId, KeysReceived, RelayKeys
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.link_messages import ProbeLink
from keytwin.vocabulary.machine import Message, Save
from keytwin.vocabulary.timeline import AskKeys, OpenApp
from keytwin.vocabulary.units import START, Bits, Instant, milliseconds, minutes, seconds
from tests.runtime.words import HERE, Kept, Say, answering, network

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
STORMY = Instant(seconds(STORM[0]))
LATER = Instant(seconds(100))

HAPPENS = [
    *(("messages", kind) for kind in ("dropped", "duplicated", "delayed", "overtaking")),
    *(("links", kind) for kind in ("cuts", "attacks")),
    *(("partitions", kind) for kind in ("partitions", "one-way partitions", "parted")),
    *(("writes", kind) for kind in ("kills before a write", "kills after a write", "EIO")),
    *(("failpoints", kind) for kind in ("nth writes", "kills at a hand-out")),
    *(("full-disks", kind) for kind in ("full disks", "ENOSPC")),
    *(("clocks", kind) for kind in ("clock offsets", "clock jumps")),
    *(("lying-disks", kind) for kind in ("lying disks", "lost syncs")),
    *(("kills", "kills"), ("pauses", "pauses"), ("flips", "flipped"), ("replays", "replayed")),
    ("rot", "rotten records"),
]


def storm(seed: int, scope: Scope = ALL) -> Storm:
    """Return a storm over a network on which every app opens a session and asks for keys."""
    blueprint = drawn_network(random.Random(seed), 4)
    simulation = simulate(blueprint, seed, keep_records=True)
    simulation.start()
    for app in blueprint.apps:
        asks = AskKeys(app.id, 1, None, 20, milliseconds(700), "both")
        for at, action in ((START, OpenApp(app.id)), (Instant(seconds(1)), asks)):
            for to, message in orders(action, blueprint):
                simulation.inject(at, to, message)
    return Storm(simulation, blueprint, SeededChance(seed), scope)


def after(weather: Storm, family: str) -> dict[str, int]:
    """Let one family of faults happen and give the counts when it is over."""
    weather.begin(family, weather.chance.dice(family))
    weather.simulation.run(Instant(seconds(CALM)) if family != "replays" else LATER)
    return weather.counts()


def first_with(family: str, kind: str) -> Storm:
    """Return the storm of the first seed in which this happened."""
    for seed in range(1, 30):
        weather = storm(seed)
        if after(weather, family)[kind]:
            return weather
    pytest.fail(f"no {kind} in 29 seeds")


@pytest.mark.parametrize(("family", "kind"), HAPPENS)
def test_every_kind_happens_and_is_counted(family: str, kind: str) -> None:
    assert first_with(family, kind).counts()[kind]


def test_every_family_is_tried() -> None:
    assert {family for family, _ in HAPPENS} == FAMILIES.keys()
    assert {kind for _, kind in HAPPENS} | {"restarts", "torn writes"} == set(KINDS)


@pytest.mark.parametrize("family", ["kills", "writes", "failpoints", "full-disks", "clocks"])
def test_all_that_went_down_comes_back(family: str) -> None:
    for seed in (1, 2, 3):
        weather = storm(seed)
        after(weather, family)
        assert all(weather.simulation.machine(name) is not None for name in weather.elements())
        assert weather.edges.strikes <= MOST_STRIKES


def test_bits_and_walls_end_with_the_storm() -> None:
    for family, kind in (("flips", "flipped"), ("partitions", "parted"), ("messages", "dropped")):
        weather = first_with(family, kind)
        before = weather.counts()[kind]
        weather.simulation.run(Instant(seconds(CALM + 10)))
        assert weather.counts()[kind] == before


def test_a_storm_may_end_earlier() -> None:
    weather = storm(1, Scope(storm_ends=3))
    weather.plan()
    weather.simulation.run(Instant(seconds(7)))  # what went down by then is back
    before = weather.counts()
    assert before["restarts"] == sum(before[kind] for kind in before if kind.startswith("kills") or kind == "EIO")
    weather.simulation.run(Instant(seconds(CALM)))
    assert weather.counts() == before


@pytest.mark.parametrize(("records", "kind"), [(3, "torn writes"), (1, "kills before a write")])
def test_a_write_of_several_records_is_torn_and_another_is_lost(records: int, kind: str) -> None:
    here = answering(*(Save(Kept(number)) for number in range(records)))
    simulation = network({HERE: here}, keep_records=True)
    simulation.inject(START, HERE, Say(0))
    simulation.run(START)
    harm = Harm(simulation, random.Random(1))
    harm.tear(HERE)
    simulation.run(Instant(seconds(5)))
    assert harm.happened[kind] == harm.happened["restarts"] == 1
    assert len(here.restored) == 0 if records == 1 else 0 < len(here.restored) < records


def test_old_messages_come_again_with_key_of_their_own() -> None:
    weather = first_with("replays", "replayed")
    assert weather.counts()["replayed"] == weather.harm.replays


def test_saes_and_the_calm_are_spared_of_old_messages() -> None:
    harm = storm(1).harm
    for at, source, to in ((START, "km/n0", "km/n1"), (STORMY, "sae/a", "km/n1"), (STORMY, "km/n1", "sae/a")):
        harm.remember(1.0, at, ElementName(source), ElementName(to), PROBE)
    assert harm.replays == 0


def test_bits_of_tagged_messages_are_flipped_in_the_storm_alone() -> None:
    harm = storm(1).harm
    told: list[Message] = []
    harm.spoiled.append(lambda _, sent, arrives: told.extend((sent, arrives)))
    assert harm.flip(1.0, START, ElementName("km/b"), PROBE) is PROBE
    spoiled = harm.flip(1.0, STORMY, ElementName("km/b"), PROBE)
    assert told == [PROBE, spoiled]
    received = KeysReceived(NodeId("a"), NodeId("b"), LinkId("a--b"), 1, 40)
    assert harm.flip(1.0, STORMY, ElementName("km/b"), received) is received


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


def test_a_seed_turns_families_on_by_itself_and_none_beyond_crashes() -> None:
    def families(seed: int, scope: Scope = ALL) -> frozenset[str]:
        weather = storm(seed, scope)
        weather.plan()
        return frozenset(weather.families)

    seen = [families(seed) for seed in range(1, 13)]
    assert seen[0] == families(1)
    assert len(set(seen)) > 6
    assert not BEYOND_CRASHES & frozenset().union(*seen)
    assert families(1, Scope(frozenset({"rot", "kills"}))) == {"rot", "kills"}
    assert families(1, Scope(frozenset())) == frozenset()


def test_leaving_a_family_out_changes_nothing_of_what_others_plan() -> None:
    def kills(scope: Scope) -> int:
        weather = storm(1, scope)
        weather.plan()
        weather.simulation.run(Instant(seconds(CALM)))
        return weather.counts()["kills"]

    assert kills(Scope(frozenset({"kills"}))) == kills(Scope(frozenset({"kills", "partitions", "links"}))) > 0


def test_a_clock_that_is_set_is_noticed_at_the_next_start() -> None:
    weather = storm(1)
    name = km_of(weather.blueprint.topology.nodes[0].id)
    host = weather.simulation.hosts[name]
    host.wall = minutes(10)
    assert host.ahead == 0
    weather.simulation.restart(name)
    assert host.ahead == minutes(10)


def test_one_that_is_down_is_not_killed_again_and_comes_back_once() -> None:
    weather = storm(1)
    name = km_of(weather.blueprint.topology.nodes[0].id)
    weather.harm.kill(name, "kills")
    weather.harm.kill(name, "kills")
    weather.harm.restart_later(name)
    assert weather.counts()["kills"] == 1
    weather.simulation.run(Instant(seconds(5)))
    assert weather.simulation.machine(name) is not None
    assert weather.counts()["restarts"] == 1
    assert isinstance(weather.harm, Harm)
