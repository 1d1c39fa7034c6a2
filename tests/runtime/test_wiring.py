"""Wires with somebody on them: taps see, tampering and faults hurt, SAEs and timers are spared."""

from __future__ import annotations

import pytest

from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import START, Instant, milliseconds, seconds
from tests.fakes.scripted import Scripted
from tests.runtime.words import HERE, LATENCY, THERE, Ring, Say, first, network, numbers

SAE = ElementName("sae/alice")
LATER = Instant(seconds(5))
MANY = 400


class Carried(Message, frozen=True, gc=False):
    """A message with key material."""

    material: KeyMaterial


def forwarding(to: ElementName) -> Scripted:
    def react(message: Message, now: Instant) -> list[Effect]:
        del now
        return [Send(to, message)]

    return Scripted(react)


def talk(faults: MessageFaults, *, to: ElementName = THERE, seed: int = 1) -> tuple[Scripted, Simulation]:
    """Let one element send numbered messages to another, a millisecond apart, under faults."""
    there = Scripted()
    simulation = network({HERE: forwarding(to), to: there}, seed=seed)
    simulation.disturb(faults)
    for number in range(MANY):
        simulation.inject(Instant(milliseconds(number)), HERE, Say(number))
    simulation.run(LATER)
    return there, simulation


def test_a_tap_sees_everything_as_it_is_sent() -> None:
    seen: list[object] = []
    simulation = network({HERE: forwarding(THERE), THERE: forwarding(SAE), SAE: Scripted()})
    simulation.wires.tap(lambda *what: seen.append(what))
    simulation.inject(START, HERE, Say(1))
    simulation.run(LATER)
    assert seen[0] == (START, HERE, THERE, Say(1))
    assert [what[1:] for what in seen if isinstance(what, tuple)] == [(HERE, THERE, Say(1)), (THERE, SAE, Say(1))]


def test_a_tap_sees_what_is_lost_too() -> None:
    seen: list[Message] = []
    simulation = network({HERE: forwarding(THERE), THERE: Scripted()})
    simulation.wires.tap(lambda *what: seen.append(what[3]))
    simulation.disturb(MessageFaults(drop=1.0))
    simulation.inject(START, HERE, Say(1))
    simulation.run(LATER)
    assert seen == [Say(1)]


def test_listening_changes_nothing() -> None:
    def arrivals(*, tapped: bool) -> list[tuple[Instant, Message]]:
        there = Scripted()
        simulation = network({HERE: forwarding(THERE), THERE: there})
        if tapped:
            simulation.wires.tap(lambda *_: None)
        simulation.inject(START, HERE, Say(1))
        simulation.run(LATER)
        return there.received

    assert arrivals(tapped=True) == arrivals(tapped=False)


def test_tampering_replaces_and_loses_and_can_be_taken_away() -> None:
    there = Scripted()
    simulation = network({HERE: forwarding(THERE), THERE: there})
    changes: dict[Message, Message | None] = {Say(1): Say(-1), Say(2): None}
    simulation.wires.tamper(lambda _, __, ___, message: changes.get(message, message))
    for number in (1, 2, 3):
        simulation.inject(START, HERE, Say(number))
    simulation.run(Instant(1))
    simulation.wires.tamper(None)
    simulation.inject(Instant(1), HERE, Say(1))
    simulation.run(LATER)
    assert numbers(there) == [-1, 3, 1]
    assert simulation.wires.counts.tampered == 2
    assert simulation.wires.is_plain


def test_dropped_messages_do_not_arrive_and_are_counted() -> None:
    there, simulation = talk(MessageFaults(drop=0.3))
    assert 0.2 * MANY < simulation.wires.counts.dropped < 0.4 * MANY
    assert len(there.received) == MANY - simulation.wires.counts.dropped
    assert numbers(there) == sorted(numbers(there))


def test_duplicated_messages_arrive_twice_and_are_counted() -> None:
    there, simulation = talk(MessageFaults(duplicate=0.3))
    assert 0.2 * MANY < simulation.wires.counts.duplicated < 0.4 * MANY
    assert len(there.received) == MANY + simulation.wires.counts.duplicated
    assert set(numbers(there)) == set(range(MANY))


def test_delayed_messages_overtake_each_other_but_none_is_too_late() -> None:
    there, simulation = talk(MessageFaults(delay=milliseconds(20)))
    assert sorted(numbers(there)) == list(range(MANY)) != numbers(there)
    late = [at - milliseconds(message.number) - LATENCY for at, message in there.received if isinstance(message, Say)]
    assert min(late) >= 0
    assert milliseconds(15) < max(late) <= milliseconds(20.1)
    assert simulation.wires.counts.delayed > 0.9 * MANY


def test_a_duplicate_owns_its_key_material() -> None:
    there = Scripted()
    simulation = network({HERE: forwarding(THERE), THERE: there})
    simulation.disturb(MessageFaults(duplicate=1.0))
    simulation.inject(START, HERE, Carried(KeyMaterial(bytearray(b"key!"))))
    simulation.run(LATER)
    one, two = (message.material for _, message in there.received if isinstance(message, Carried))
    one.wipe()
    with two.exposed() as octets:
        assert bytes(octets) == b"key!"


def test_faults_that_last_are_over_in_time_and_the_wires_plain_again() -> None:
    there, simulation = talk(MessageFaults(drop=1.0, lasting=milliseconds(100)))
    assert numbers(there) == list(range(100, MANY))
    assert simulation.wires.is_plain


def test_later_faults_replace_earlier_ones_and_outlive_their_end() -> None:
    there = Scripted()
    simulation = network({HERE: forwarding(THERE), THERE: there})
    simulation.disturb(MessageFaults(drop=1.0, lasting=milliseconds(10)))
    simulation.run(Instant(milliseconds(5)))
    simulation.disturb(MessageFaults(drop=1.0, lasting=milliseconds(10)))
    for number in (8, 12, 16):
        simulation.inject(Instant(milliseconds(number)), HERE, Say(number))
    simulation.run(LATER)
    assert numbers(there) == [16]


def test_harmless_faults_end_the_others() -> None:
    there = Scripted()
    simulation = network({HERE: forwarding(THERE), THERE: there})
    simulation.disturb(MessageFaults(drop=1.0))
    simulation.disturb(MessageFaults())
    simulation.inject(START, HERE, Say(1))
    simulation.run(LATER)
    assert numbers(there) == [1]


@pytest.mark.parametrize("to", [SAE, HERE])
def test_saes_and_messages_to_oneself_are_spared(to: ElementName) -> None:
    many: list[Effect] = [Send(to, Say(number)) for number in range(50)]
    machines = {SAE: Scripted(), HERE: Scripted(lambda message, _: many if isinstance(message, Ring) else [])}
    simulation = network(machines)
    simulation.disturb(MessageFaults(drop=1.0))
    simulation.inject(START, HERE, Ring())
    simulation.run(LATER)
    assert numbers(machines[to]) == list(range(50))


def test_what_an_sae_sends_is_spared() -> None:
    there = Scripted()
    simulation = network({SAE: forwarding(THERE), THERE: there})
    simulation.disturb(MessageFaults(drop=1.0))
    simulation.inject(START, SAE, Say(1))
    simulation.run(LATER)
    assert numbers(there) == [1]


def test_timers_are_spared() -> None:
    here = first(StartTimer("a", seconds(1), Ring()))
    simulation = network({HERE: here})
    simulation.disturb(MessageFaults(drop=1.0, delay=seconds(1)))
    simulation.run(LATER)
    assert here.received == [(Instant(seconds(1)), Ring())]


def test_faults_are_those_of_the_seed_and_move_no_other_draw() -> None:
    lossy = MessageFaults(drop=0.5)
    assert numbers(talk(lossy)[0]) == numbers(talk(lossy)[0])
    assert numbers(talk(lossy)[0]) != numbers(talk(lossy, seed=2)[0])
    calm, disturbed = (talk(faults)[1] for faults in (MessageFaults(), lossy))
    assert calm.entropy(HERE).bytes(16) == disturbed.entropy(HERE).bytes(16)
    assert calm.generator(HERE).random() == disturbed.generator(HERE).random()
