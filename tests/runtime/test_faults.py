"""Partitions, pauses and kills at the edge of durability: each happens as said, is counted, and ends."""

from __future__ import annotations

from functools import partial

from keytwin.runtime.faults import Partition
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Message, Save, Send, StartTimer
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import START, Duration, Instant, milliseconds, seconds
from tests.fakes.scripted import Scripted
from tests.runtime.words import HERE, THERE, Kept, Ring, Say, answering, first, network, numbers

SAE = ElementName("sae/alice")
SOON, LATER, END = (Instant(seconds(second)) for second in (1, 2, 5))
PAUSE = seconds(1)
MANY = 400


def echo(to: ElementName) -> Scripted:
    """Return a machine that passes on what comes from outside, and keeps what it is sent."""

    def react(message: Message, now: Instant) -> list[Effect]:
        del now
        return [Send(to, Say(-message.number))] if isinstance(message, Say) and message.number > 0 else []

    return Scripted(react)


def pair() -> tuple[Scripted, Scripted, Simulation]:
    here, there = echo(THERE), echo(HERE)
    return here, there, network({HERE: here, THERE: there})


def speak(simulation: Simulation, at: Instant, number: int) -> None:
    """Let both elements send a number to each other."""
    simulation.inject(at, HERE, Say(number))
    simulation.inject(at, THERE, Say(number))


def test_a_full_partition_loses_both_ways_and_heals() -> None:
    here, there, simulation = pair()
    wall = Partition(frozenset({HERE}), frozenset({THERE}))
    simulation.wires.part(wall)
    speak(simulation, START, 1)
    simulation.at(SOON, partial(simulation.wires.join, wall))
    speak(simulation, LATER, 2)
    simulation.run(END)
    assert numbers(here) == numbers(there) == [1, 2, -2]
    assert simulation.wires.counts.parted == 2
    assert simulation.wires.is_plain


def test_a_one_way_partition_lets_the_other_way_through() -> None:
    here, there, simulation = pair()
    simulation.wires.part(Partition(frozenset({HERE}), frozenset({THERE}), one_way=True))
    speak(simulation, START, 1)
    simulation.run(END)
    assert (numbers(here), numbers(there)) == ([1, -1], [1])
    assert simulation.wires.counts.parted == 1


def test_partitions_add_up_and_spare_saes() -> None:
    here, sae = echo(SAE), Scripted()
    simulation = network({HERE: here, SAE: sae})
    for _ in range(2):
        simulation.wires.part(Partition(frozenset({HERE}), frozenset({SAE})))
    simulation.inject(START, HERE, Say(1))
    simulation.run(END)
    assert numbers(sae) == [-1]
    assert not simulation.wires.counts.parted


def test_messages_that_overtake_others_are_counted() -> None:
    there = Scripted()
    simulation = network({HERE: echo(THERE), THERE: there})
    simulation.disturb(MessageFaults(delay=milliseconds(20)))
    for number in range(1, MANY):
        simulation.inject(Instant(milliseconds(number)), HERE, Say(number))
    simulation.run(END)
    seen = numbers(there)
    # Numbers fall as messages are sent: who comes before a higher one has overtaken it.
    ahead = sum(number < max(seen[place:]) for place, number in enumerate(seen))
    assert simulation.wires.counts.overtaking == ahead > 0


def pause(simulation: Simulation, name: ElementName, lasting: Duration) -> None:
    simulation.loop.pause(simulation.hosts[name], simulation.now + lasting)


# --- standing still -------------------------------------------------------------------------------------------------


def test_a_paused_element_finds_messages_and_timers_in_their_order_when_it_goes_on() -> None:
    here = first(StartTimer("b", milliseconds(200), Ring("b")), StartTimer("a", milliseconds(100), Ring("a")))
    simulation = network({HERE: here})
    pause(simulation, HERE, PAUSE)
    for number in (1, 2):
        simulation.inject(Instant(milliseconds(number)), HERE, Say(number))
    simulation.run(Instant(SOON - 1))
    assert here.received == []
    simulation.run(END)
    assert here.received == [(SOON, each) for each in (Ring("a"), Ring("b"), Say(1), Say(2))]
    assert simulation.messages == 4


def test_a_timer_due_after_the_pause_keeps_its_hour() -> None:
    here = first(StartTimer("a", seconds(2), Ring("a")))
    simulation = network({HERE: here})
    pause(simulation, HERE, PAUSE)
    simulation.run(END)
    assert here.received == [(LATER, Ring("a"))]


def test_what_waits_for_the_disk_waits_for_the_end_of_a_pause() -> None:
    there = Scripted()
    machines = {HERE: answering(Save(Kept(1)), Send(THERE, Say(7))), THERE: there}
    simulation = network(machines, keep_records=True)
    simulation.inject(START, HERE, Say(1))
    simulation.run(START)
    pause(simulation, HERE, PAUSE)
    simulation.run(SOON)
    assert there.received == []
    simulation.run(END)
    assert numbers(there) == [7]


def test_one_killed_during_a_pause_stands_still_no_longer() -> None:
    here = Scripted()
    simulation = network({HERE: here}, keep_records=True)
    pause(simulation, HERE, seconds(3))
    simulation.restart(HERE)
    simulation.inject(SOON, HERE, Say(1))
    simulation.run(LATER)
    assert numbers(here) == [1]
    simulation.run(END)
    simulation.inject(END, HERE, Say(2))
    simulation.run(END)
    assert numbers(here) == [1, 2]


def test_pausing_one_that_is_stopped_or_paused_changes_nothing() -> None:
    here = Scripted()
    simulation = network({HERE: here}, keep_records=True)
    pause(simulation, HERE, PAUSE)
    pause(simulation, HERE, seconds(4))
    simulation.inject(START, HERE, Say(1))
    simulation.run(LATER)
    assert here.received == [(SOON, Say(1))]
    simulation.stop(HERE)
    pause(simulation, HERE, PAUSE)
    simulation.inject(LATER, HERE, Say(2))
    simulation.run(END)
    assert numbers(here) == [1]


# --- at the edge of durability --------------------------------------------------------------------------------------


def killed_while_writing(*, saved: bool, fails: bool = False) -> tuple[Scripted, Scripted]:
    """Kill an element in the middle of a write and bring it back; give it and whom it wanted to tell."""
    here, there = answering(Save(Kept(1)), Send(THERE, Say(7))), Scripted()
    simulation = network({HERE: here, THERE: there}, keep_records=True)
    simulation.loop.save_fails = lambda *_: fails
    simulation.inject(START, HERE, Say(1))
    simulation.run(START)
    simulation.stop(HERE, saved=saved)
    simulation.restart(HERE)
    simulation.run(END)
    return here, there


def test_a_kill_before_the_disk_is_through_loses_record_and_effects() -> None:
    here, there = killed_while_writing(saved=False)
    assert (here.restored, there.received) == ([], [])


def test_a_kill_just_after_it_loses_the_effects_alone() -> None:
    here, there = killed_while_writing(saved=True)
    assert (here.restored, there.received) == ([Kept(1)], [])


def test_a_write_that_fails_is_never_through() -> None:
    here, there = killed_while_writing(saved=True, fails=True)
    assert (here.restored, there.received) == ([], [])
