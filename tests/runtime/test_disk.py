"""Save without waiting: nothing overtakes its record, what was not durable is gone, what was is found again."""

from __future__ import annotations

import pytest

from keytwin.runtime.simulation import FASTEST_DISK, SLOWEST_DISK, Simulation
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Message, Publish, Record, RecordsLost, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import START, Duration, Instant, microseconds, seconds
from tests.fakes.scripted import Scripted
from tests.marks import invariant
from tests.runtime.words import HERE, THERE, Kept, Ring, Say, answering, first, network, numbers

LATER = Instant(seconds(1))
SEEN = ViolationSeen("", "")


class Secret(Record, frozen=True, gc=False):
    """A record with key material."""

    material: KeyMaterial


def at_once(source: ElementName, target: ElementName) -> Duration:
    del source, target
    return Duration(0)


def without_latency(here: Scripted, there: Scripted) -> Simulation:
    simulation = Simulation(1, at_once, keep_records=True)
    simulation.add(HERE, lambda: here)
    simulation.add(THERE, lambda: there)
    simulation.start()
    return simulation


@invariant("K6")
def test_what_follows_a_save_waits_for_the_disk_and_what_precedes_it_does_not() -> None:
    there = Scripted()
    here = first(Send(THERE, Say(1)), Save(Kept(1)), Send(THERE, Say(2)))
    simulation = without_latency(here, there)
    simulation.run(Instant(FASTEST_DISK - 1))
    assert numbers(there) == [1]
    simulation.run(Instant(SLOWEST_DISK + microseconds(1)))
    assert numbers(there) == [1, 2]


def test_every_kind_of_effect_waits_and_all_are_released_in_order() -> None:
    here = first(
        Save(Kept(1)),
        StartTimer("a", Duration(0), Ring("a")),
        StartTimer("b", Duration(0), Ring("b")),
        StopTimer("a"),
        Publish(SEEN),
        Send(HERE, Say(1)),
    )
    simulation = without_latency(here, Scripted())
    heard: list[Instant] = []
    simulation.subscribe(lambda at, *_: heard.append(at))
    simulation.run(LATER)
    (released,) = heard
    assert FASTEST_DISK <= released <= SLOWEST_DISK
    assert here.received == [(released, Ring("b")), (released, Say(1))]


def test_saves_of_one_instant_are_durable_together() -> None:
    there = Scripted()
    effects = [effect for number in range(20) for effect in (Save(Kept(number)), Send(THERE, Say(number)))]
    without_latency(first(*effects), there).run(LATER)
    assert numbers(there) == list(range(20))
    assert len({at for at, _ in there.received}) == 1


def test_effects_of_later_messages_queue_behind_the_earlier_save_and_ahead_of_the_later_one() -> None:
    there = Scripted()

    def react(message: Message, now: Instant) -> list[Effect]:
        del now
        assert isinstance(message, Say)
        saved: list[Effect] = [Save(Kept(message.number))] if message.number % 2 else []
        return [*saved, Send(THERE, message)]

    simulation = without_latency(Scripted(react), there)
    for number in range(1, 5):  # 1 saves at 10 us, 2 waits behind it, 3 saves at 30 us, 4 waits behind that
        simulation.inject(Instant(microseconds(10 * number)), HERE, Say(number))
    simulation.run(LATER)
    assert numbers(there) == [1, 2, 3, 4]
    at = [when for when, _ in there.received]
    assert at[0] == at[1]
    assert at[2] == at[3] == at[0] + microseconds(20)


def test_what_comes_after_the_first_write_is_durable_still_waits_for_the_second() -> None:
    there = Scripted()

    def react(message: Message, now: Instant) -> list[Effect]:
        del now
        assert isinstance(message, Say)
        saved: list[Effect] = [Save(Kept(message.number))] if message.number < 3 else []
        return [*saved, Send(THERE, message)]

    simulation = without_latency(Scripted(react), there)
    simulation.inject(START, HERE, Say(1))
    simulation.inject(Instant(FASTEST_DISK - 1), HERE, Say(2))
    for _ in range(SLOWEST_DISK // microseconds(10)):
        if not there.received:
            simulation.run(Instant(simulation.now + microseconds(10)))
    simulation.inject(simulation.now, HERE, Say(3))
    simulation.run(LATER)
    assert numbers(there) == [1, 2, 3]
    assert there.received[1][0] == there.received[2][0]


def test_an_element_never_waits_for_anothers_disk() -> None:
    there = answering(Send(THERE, Ring()))
    simulation = without_latency(first(Save(Kept(1)), Send(THERE, Say(1))), there)
    simulation.inject(START, THERE, Say(0))
    simulation.run(START)
    assert there.received == [(START, Say(0)), (START, Ring())]


def test_disks_are_of_different_speed_and_the_seed_decides() -> None:
    def speed(seed: int, name: ElementName) -> int:
        heard: list[int] = []
        simulation = Simulation(seed, at_once)
        simulation.add(name, lambda: first(Save(Kept(1)), Publish(SEEN)))
        simulation.subscribe(lambda at, *_: heard.append(at))
        simulation.start()
        simulation.run(LATER)
        return heard[0]

    assert speed(1, HERE) == speed(1, HERE)
    assert len({speed(1, HERE), speed(2, HERE), speed(1, THERE)}) == 3


# --- what is found again --------------------------------------------------------------------------------------------


def test_a_restart_finds_what_was_durable_in_order_and_nothing_else() -> None:
    here = Scripted(
        lambda message, _: [Save(Kept(message.number)), Save(Kept(-message.number))] if isinstance(message, Say) else []
    )
    simulation = network({HERE: here}, keep_records=True)
    for number in (1, 2):
        simulation.inject(Instant(number), HERE, Say(number))
    simulation.inject(LATER, HERE, Say(3))
    simulation.run(LATER)  # the last write is under way
    simulation.restart(HERE)
    simulation.run(Instant(LATER + seconds(1)))
    assert here.restored == [Kept(1), Kept(-1), Kept(2), Kept(-2)]


def test_a_new_incarnation_does_not_wait_for_a_write_of_the_old_one() -> None:
    there = Scripted()
    here = Scripted(lambda message, _: [Save(Kept(1))] if isinstance(message, Say) else [Send(THERE, Say(2))])
    simulation = without_latency(here, there)
    simulation.inject(START, HERE, Say(1))
    simulation.run(START)
    simulation.restart(HERE)
    simulation.inject(START, HERE, Ring())
    simulation.run(Instant(microseconds(1)))
    assert numbers(there) == [2]


def test_effects_that_waited_for_a_save_die_with_their_element() -> None:
    there = Scripted()
    simulation = without_latency(first(Save(Kept(1)), Send(THERE, Say(1))), there)
    simulation.stop(HERE)
    simulation.run(LATER)
    assert numbers(there) == []


def test_a_record_outlives_the_wiping_of_its_key_and_comes_back_in_a_handle_of_its_own() -> None:
    material = KeyMaterial(bytearray(b"0123456789abcdef"))
    here = answering(Save(Secret(material)))
    simulation = without_latency(here, Scripted())
    simulation.inject(START, HERE, Say(0))
    simulation.run(START)
    material.wipe()
    simulation.run(LATER)
    for _ in range(2):
        simulation.restart(HERE)
        (record,) = here.restored
        assert isinstance(record, Secret)
        with record.material.exposed() as octets:
            assert bytes(octets) == b"0123456789abcdef"
        record.material.wipe()


def test_without_kept_records_saves_only_take_their_time() -> None:
    material = KeyMaterial(bytearray(16))
    material.wipe()  # could not be written out any more
    there = Scripted()
    network({HERE: first(Save(Secret(material)), Send(THERE, Say(1))), THERE: there}).run(LATER)
    assert numbers(there) == [1]


# --- failing --------------------------------------------------------------------------------------------------------


def test_a_failed_save_crashes_the_element_and_neither_record_nor_effects_survive() -> None:
    there = Scripted()
    here = answering(Save(Kept(1)), Send(THERE, Say(1)))
    simulation = without_latency(here, there)
    simulation.loop.save_fails = lambda at, element, record: (at, element, record) == (START, HERE, Kept(1))
    simulation.inject(START, HERE, Say(0))
    simulation.run(LATER)
    assert simulation.machine(HERE) is None
    assert numbers(there) == []
    simulation.restart(HERE)
    assert here.restored == []


def test_what_an_element_returned_before_it_was_killed_at_a_save_is_not_its_successors() -> None:
    incarnations = [answering(Save(Kept(1)), Save(Kept(2))), first(Save(Kept(7)))]
    successor = incarnations[1]
    simulation = Simulation(1, at_once, keep_records=True)
    simulation.add(HERE, lambda: incarnations.pop(0))
    simulation.start()

    asked: list[Record] = []

    def kill_once(at: Instant, element: ElementName, record: Record) -> bool:
        del at
        asked.append(record)
        if record == Kept(1):
            simulation.restart(element)
        return False

    simulation.loop.save_fails = kill_once
    simulation.inject(START, HERE, Say(0))
    simulation.run(LATER)
    incarnations.append(successor)
    simulation.restart(HERE)
    assert successor.restored == [Kept(7)]
    assert asked[:2] == [Kept(1), Kept(7)]
    assert Kept(2) not in asked


def test_an_element_killed_at_a_save_leaves_nothing_even_when_it_is_back_at_once() -> None:
    there = Scripted()
    here = answering(Save(Kept(1)), Send(THERE, Say(1)), Save(Kept(2)), Send(THERE, Say(2)))
    simulation = without_latency(here, there)

    def kill(at: Instant, element: ElementName, record: Record) -> bool:
        del at, record
        simulation.restart(element)
        return False

    simulation.loop.save_fails = kill
    simulation.inject(START, HERE, Say(0))
    simulation.run(LATER)
    assert numbers(there) == []
    simulation.restart(HERE)
    assert here.restored == []


# --- torn, forgotten, unreadable ------------------------------------------------------------------------------------


def saving(*numbers_saved: int) -> tuple[Simulation, Scripted]:
    """Return a network whose HERE has just been asked to save these in one instant, and has not got to the disk."""
    here = answering(*(Save(Kept(number)) for number in numbers_saved))
    simulation = without_latency(here, Scripted())
    simulation.inject(START, HERE, Say(0))
    simulation.run(START)
    return simulation, here


@invariant("O1")
@pytest.mark.parametrize("survivors", range(4))
def test_a_torn_write_leaves_its_first_records(survivors: int) -> None:
    simulation, here = saving(1, 2, 3)
    assert simulation.loop.unwritten(simulation.hosts[HERE]) == 3
    simulation.stop(HERE, torn=survivors)
    simulation.run(LATER)
    simulation.restart(HERE)
    assert here.restored == [Kept(number) for number in (1, 2, 3)[:survivors]]


def test_a_tear_goes_through_the_writes_in_their_order() -> None:
    simulation, here = saving(1, 2)
    simulation.inject(Instant(1), HERE, Say(0))
    simulation.run(Instant(1))
    simulation.stop(HERE, torn=3)
    simulation.restart(HERE)
    assert here.restored == [Kept(1), Kept(2), Kept(1)]


def test_a_disk_that_lies_forgets_at_the_next_kill_what_it_called_durable() -> None:
    simulation, here = saving(1)
    simulation.run(LATER)
    disk = simulation.hosts[HERE].disk
    disk.lie()
    simulation.inject(LATER, HERE, Say(0))
    simulation.run(Instant(LATER + seconds(1)))
    assert len(disk.durable) == 2
    simulation.restart(HERE)
    assert here.restored == [Kept(1)]
    assert len(disk.lost) == 1
    disk.lie()
    simulation.inject(simulation.now, HERE, Say(0))
    simulation.run(Instant(simulation.now + seconds(1)))
    disk.come_clean()
    simulation.restart(HERE)
    assert here.restored == [Kept(1), Kept(1)]


@pytest.mark.parametrize("times", [1, 2])
def test_a_rotten_record_lets_a_machine_begin_anew_and_it_is_told(times: int) -> None:
    simulation, here = saving(1, 2, 3)
    simulation.run(LATER)
    disk = simulation.hosts[HERE].disk
    disk.lie()
    told = []
    for _ in range(times):
        disk.rot()
        simulation.restart(HERE)
        (lost,) = here.restored
        assert isinstance(lost, RecordsLost)
        told.append(lost.row)
    assert told == sorted(set(told))  # each tells of more than the one before
    assert told[0] > 3


def test_a_clock_is_read_at_the_start_and_goes_on_from_there() -> None:
    simulation, here = saving()
    host = simulation.hosts[HERE]
    host.wall = seconds(5)
    simulation.inject(LATER, HERE, Say(1))
    simulation.run(LATER)
    assert here.received[-1][0] == LATER
    simulation.restart(HERE)
    assert host.booted_at == LATER
    simulation.inject(LATER, HERE, Say(2))
    simulation.run(Instant(LATER + 1))
    assert here.received[-1] == (Instant(LATER + seconds(5)), Say(2))
