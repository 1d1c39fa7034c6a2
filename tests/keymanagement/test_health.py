"""Health is being able to serve a key: a synthetic one, durable before the answer and never taken for a real one."""

from __future__ import annotations

from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.health import FRESH, SyntheticKeyKept
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.runtime.simulation import FASTEST_DISK, Simulation
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.evidence import KeyAccount
from keytwin.vocabulary.identity import ElementName, NodeId, km_of
from keytwin.vocabulary.key import DEFAULT_KEY_SIZE
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.operator_messages import CheckHealth, HealthShown
from keytwin.vocabulary.units import START, Instant, after, seconds
from tests.fakes.scripted import Scripted
from tests.keymanagement.bench import flat
from tests.keymanagement.parts import saved
from tests.machines import assert_replayable, assert_restorable
from tests.marks import invariant

NODE = NodeId("n0")
WATCHER = ElementName("watcher")
CHECK = CheckHealth("h1", WATCHER)


def km() -> KeyManager:
    setup = KmSetup(NODE, (), KeyManagementSettings(), MonitoringSettings(), ALGORITHMS)
    return KeyManager(setup, SeededChance(1).entropy(km_of(NODE)))


@invariant("O4")
def test_a_synthetic_key_is_durable_before_health_is_shown() -> None:
    effects = km().receive(CHECK, START)
    (kept,) = saved(effects, SyntheticKeyKept)
    assert kept.material.size == DEFAULT_KEY_SIZE
    assert effects[-1] == Send(WATCHER, HealthShown("h1", NODE))
    assert len(effects) == 2


@invariant("O4")
def test_a_disk_that_does_not_write_shows_no_health() -> None:
    simulation = Simulation(1, flat, keep_records=True)
    watcher = Scripted()
    simulation.add(km_of(NODE), km)
    simulation.add(WATCHER, lambda: watcher)
    simulation.start()
    simulation.inject(START, km_of(NODE), CHECK)
    simulation.run(Instant(FASTEST_DISK - 1))
    machine = simulation.machine(km_of(NODE))
    assert isinstance(machine, KeyManager)
    assert machine.health.shown_at == START
    simulation.stop(km_of(NODE))  # before anything could become durable
    simulation.run(Instant(seconds(1)))
    assert watcher.received == []
    simulation.restart(km_of(NODE))
    simulation.inject(simulation.now, km_of(NODE), CHECK)
    simulation.run(Instant(seconds(2)))
    assert [message for _, message in watcher.received] == [HealthShown("h1", NODE)]


def test_each_key_is_fresh_and_who_asks_often_fills_no_journal() -> None:
    manager = km()
    first = manager.receive(CHECK, START)
    soon = manager.receive(CheckHealth("h2", WATCHER), after(START, FRESH - 1))
    assert soon == [Send(WATCHER, HealthShown("h2", NODE))]
    later = manager.receive(CheckHealth("h3", WATCHER), after(START, FRESH))
    (one,), (other,) = saved(first, SyntheticKeyKept), saved(later, SyntheticKeyKept)
    with one.material.exposed() as mine, other.material.exposed() as yours:
        assert bytes(mine) != bytes(yours)


def test_a_clock_that_goes_back_is_no_proof() -> None:
    manager = km()
    manager.receive(CHECK, after(START, FRESH))
    assert saved(manager.receive(CHECK, START), SyntheticKeyKept)


@invariant("O4")
def test_no_synthetic_key_is_ever_in_a_pool_or_in_the_books() -> None:
    manager = km()
    records = saved(manager.receive(CHECK, START), SyntheticKeyKept)
    assert manager.key_account() == KeyAccount(NODE)
    assert not manager.shelf.by_key
    again = km()
    (copy,) = (fresh_copy(record) for record in records)
    again.restore([copy], START)
    assert copy.material.is_wiped
    assert again.key_account() == KeyAccount(NODE)
    assert not again.shelf.by_key


def test_is_replayable_and_restorable() -> None:
    inputs = [(CHECK, Instant(index * seconds(6))) for index in range(4)]
    assert_replayable(km, inputs)
    records = [record for message, now in inputs for record in saved(km().receive(message, now), SyntheticKeyKept)]
    assert_restorable(km, records, lambda _: ())
