"""Elements in virtual time: starting, sending, timers, stopping, coming back, and whose fault an error was."""

from __future__ import annotations

from functools import partial

import pytest

from keytwin.runtime.simulation import Simulation
from keytwin.runtime.wiring import SPREAD
from keytwin.vocabulary.errors import TagMismatch
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Message, Publish, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import START, Duration, Instant, milliseconds, seconds
from tests.fakes.scripted import Scripted
from tests.runtime.words import (
    HERE,
    LATENCY,
    THERE,
    Kept,
    Ring,
    Say,
    answering,
    constant,
    first,
    network,
    numbers,
    published,
)

LATER = Instant(seconds(1))


def test_elements_start_in_the_order_of_registration() -> None:
    names = [ElementName(name) for name in ("zeta", "alpha", "mike")]
    simulation = Simulation(1, constant)
    heard = published(simulation)
    for name in names:
        simulation.add(name, lambda: first(Publish(ViolationSeen("", ""))))
    simulation.start()
    assert [element for _, element, _ in heard] == names


def test_a_message_arrives_after_the_latency_of_its_pair_and_a_seeded_share_of_the_spread() -> None:
    there = Scripted()
    network({HERE: first(Send(THERE, Say(1))), THERE: there}).run(LATER)
    ((arrived, message),) = there.received
    assert LATENCY <= arrived <= LATENCY + SPREAD
    assert message == Say(1)


def test_latency_is_asked_once_for_each_ordered_pair() -> None:
    asked: list[tuple[ElementName, ElementName]] = []

    def latency(source: ElementName, target: ElementName) -> Duration:
        asked.append((source, target))
        return LATENCY

    simulation = Simulation(1, latency)
    simulation.add(HERE, lambda: first(Send(THERE, Say(1)), Send(THERE, Say(2))))
    simulation.add(THERE, lambda: answering(Send(HERE, Ring())))
    simulation.start()
    simulation.run(LATER)
    assert asked == [(HERE, THERE), (THERE, HERE)]


def test_messages_of_a_pair_keep_their_order() -> None:
    there = Scripted()
    network({HERE: first(*(Send(THERE, Say(number)) for number in range(50))), THERE: there}).run(LATER)
    assert numbers(there) == list(range(50))


def test_the_seed_decides_who_comes_first_of_those_that_send_at_one_instant() -> None:
    def order(seed: int) -> tuple[int, ...]:
        there = Scripted()
        senders = {ElementName(f"km/{number}"): first(Send(THERE, Say(number))) for number in range(4)}
        network({**senders, THERE: there}, seed=seed).run(LATER)
        return tuple(numbers(there))

    assert order(7) == order(7)
    assert len({order(seed) for seed in range(20)}) > 10


def test_a_message_to_oneself_comes_at_the_same_instant() -> None:
    here = first(Send(HERE, Say(1)))
    network({HERE: here}).run(START)
    assert here.received == [(START, Say(1))]


def test_running_goes_up_to_and_with_the_instant_and_no_further() -> None:
    here = Scripted()
    simulation = network({HERE: here})
    for at in (4, 5, 6):
        simulation.inject(Instant(at), HERE, Say(at))
    simulation.run(Instant(5))
    assert (numbers(here), simulation.now, simulation.messages) == ([4, 5], 5, 2)
    simulation.run(Instant(9))
    assert (numbers(here), simulation.now, simulation.messages) == ([4, 5, 6], 9, 3)


def test_steps_of_a_timeline_happen_at_their_instant_in_the_order_they_were_given() -> None:
    simulation = network({HERE: Scripted()})
    done: list[tuple[int, str]] = []

    def note(what: str) -> None:
        done.append((simulation.now, what))

    for at, what in ((5, "b"), (5, "c"), (2, "a")):
        simulation.at(Instant(at), partial(note, what))
    simulation.run(Instant(9))
    assert done == [(2, "a"), (5, "b"), (5, "c")]


def test_nothing_is_planned_in_the_past() -> None:
    simulation = network({HERE: Scripted()})
    simulation.run(Instant(5))
    with pytest.raises(AssertionError):
        simulation.inject(Instant(4), HERE, Say(1))
    with pytest.raises(AssertionError):
        simulation.at(Instant(4), pytest.fail)
    with pytest.raises(AssertionError):
        simulation.run(Instant(4))


def test_a_timer_goes_off_once_and_can_be_stopped_or_replaced() -> None:
    here = first(
        StartTimer("a", seconds(1), Ring("a")),
        StartTimer("b", seconds(1), Ring("b")),
        StartTimer("c", seconds(1), Ring("c")),
        StopTimer("a"),
        StopTimer("never ran"),
        StartTimer("b", seconds(3), Ring("b again")),
    )
    network({HERE: here}).run(Instant(seconds(9)))
    assert here.received == [(Instant(seconds(1)), Ring("c")), (Instant(seconds(3)), Ring("b again"))]


def test_two_elements_of_one_name_are_refused() -> None:
    simulation = network({HERE: Scripted()})
    with pytest.raises(AssertionError, match="two elements are called km/here"):
        simulation.add(HERE, Scripted)


# --- stopping and coming back ---------------------------------------------------------------------------------------


def test_messages_to_a_stopped_element_are_lost_and_its_timers_are_dead() -> None:
    here = first(StartTimer("a", milliseconds(1), Ring()))
    simulation = network({HERE: here, THERE: first(Send(HERE, Say(1)))})
    simulation.stop(HERE)
    assert simulation.machine(HERE) is None
    simulation.run(LATER)
    assert (here.received, simulation.loop.lost) == ([], 1)


def test_starting_again_starts_what_is_new_and_revives_nobody() -> None:
    here, there = Scripted(), first(StartTimer("a", seconds(1), Ring()))
    simulation = network({HERE: here})
    simulation.stop(HERE)
    simulation.add(THERE, lambda: there)
    simulation.start()
    assert simulation.machine(HERE) is None
    assert simulation.machine(THERE) is there


def test_what_a_dead_element_had_sent_still_arrives() -> None:
    there = Scripted()
    simulation = network({HERE: first(Send(THERE, Say(1))), THERE: there})
    simulation.stop(HERE)
    simulation.run(LATER)
    assert numbers(there) == [1]


def test_nothing_of_a_dead_incarnation_reaches_the_next_one() -> None:
    incarnations: list[Scripted] = []

    def make() -> Scripted:
        after = seconds(1 + 2 * len(incarnations))
        incarnations.append(
            first(StartTimer("a", after, Ring(f"{len(incarnations)}")), Save(Kept(1)), Send(HERE, Say(1)))
        )
        return incarnations[-1]

    simulation = Simulation(1, constant, keep_records=True)
    simulation.add(HERE, make)
    simulation.start()
    simulation.run(Instant(100))
    simulation.restart(HERE)
    simulation.run(Instant(seconds(9)))
    old, new = incarnations
    assert old.received == []
    assert [message for _, message in new.received] == [Say(1), Ring("1")]
    assert simulation.machine(HERE) is new


def test_a_message_on_its_way_over_a_restart_arrives() -> None:
    here = Scripted()
    simulation = network({HERE: here, THERE: first(Send(HERE, Say(1)))}, keep_records=True)
    simulation.restart(HERE)
    simulation.run(LATER)
    assert numbers(here) == [1]


def test_a_tap_that_stops_the_sender_cuts_off_the_rest_of_its_effects() -> None:
    there = Scripted()
    simulation = network({HERE: answering(Send(THERE, Say(1)), Send(THERE, Say(2))), THERE: there})
    simulation.wires.tap(lambda _, source, *__: simulation.stop(source))
    simulation.inject(START, HERE, Say(0))
    simulation.run(LATER)
    assert numbers(there) == [1]


def test_a_listener_that_stops_the_publisher_cuts_off_the_rest_of_its_effects() -> None:
    there = Scripted()
    simulation = network({HERE: answering(Publish(ViolationSeen("", "")), Send(THERE, Say(2))), THERE: there})
    simulation.subscribe(lambda _, element, __: simulation.stop(element))
    simulation.inject(START, HERE, Say(0))
    simulation.run(LATER)
    assert numbers(there) == []


def test_streams_of_chance_go_on_across_a_restart() -> None:
    simulation = network({HERE: Scripted()}, keep_records=True)
    entropy, generator = simulation.entropy(HERE), simulation.generator(HERE)
    before = entropy.bytes(8), generator.integers(2**32)
    simulation.restart(HERE)
    assert simulation.entropy(HERE) is entropy
    assert simulation.generator(HERE) is generator
    assert (simulation.entropy(HERE).bytes(8), simulation.generator(HERE).integers(2**32)) != before


def test_without_kept_records_there_is_no_coming_back() -> None:
    simulation = network({HERE: Scripted()})
    with pytest.raises(AssertionError, match="keep_records=True"):
        simulation.restart(HERE)


# --- errors ---------------------------------------------------------------------------------------------------------


def forged(message: Message, now: Instant) -> list[Effect]:
    del now
    if message == Say(1):
        raise TagMismatch("the tag of batch 7 does not verify")
    return []


def test_a_violation_is_published_and_counted_and_the_element_goes_on() -> None:
    here = Scripted(forged)
    simulation = network({HERE: here})
    heard = published(simulation)
    for number in (1, 2):
        simulation.inject(Instant(number), HERE, Say(number))
    simulation.run(LATER)
    assert heard == [(1, HERE, ViolationSeen("TagMismatch", "Say: the tag of batch 7 does not verify"))]
    assert (numbers(here), simulation.loop.violations) == ([1, 2], 1)


def broken(message: Message, now: Instant) -> list[Effect]:
    del message, now
    raise ZeroDivisionError("by zero")


def test_a_bug_comes_out_with_seed_instant_element_and_kind_of_message_but_not_its_content() -> None:
    simulation = network({HERE: Scripted(broken)}, seed=77)
    simulation.inject(Instant(milliseconds(1500)), HERE, Say(123456))
    with pytest.raises(ZeroDivisionError, match=r"seed 77, at 1\.5 s, km/here on Say") as caught:
        simulation.run(Instant(seconds(2)))
    assert "123456" not in "".join(caught.value.__notes__)


def test_a_bug_behind_a_timer_names_the_timers_message() -> None:
    simulation = network({HERE: Scripted(broken, [StartTimer("a", seconds(1), Ring())])})
    with pytest.raises(ZeroDivisionError, match=r"at 1\.0 s, km/here on Ring"):
        simulation.run(LATER)


def test_a_bug_in_a_step_of_the_timeline_is_placed_too() -> None:
    simulation = network({HERE: Scripted()})

    def step() -> None:
        broken(Say(1), LATER)

    simulation.at(LATER, step)
    with pytest.raises(ZeroDivisionError, match=r"at 1\.0 s, outside on an action or write"):
        simulation.run(LATER)


def test_a_bug_in_restore_is_placed_too() -> None:
    class Rigid(Scripted):
        def restore(self, records: object, now: Instant) -> list[Effect]:
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError, match=r"seed 1, at 0\.0 s, starting km/here"):
        network({HERE: Rigid()})


def test_a_bug_in_a_restart_within_a_run_tells_both_places() -> None:
    def make() -> Scripted:
        return Scripted(first=[] if simulation.now == START else [Effect()])

    simulation = Simulation(1, constant, keep_records=True)
    simulation.add(HERE, make)
    simulation.start()
    simulation.at(LATER, partial(simulation.restart, HERE))
    with pytest.raises(TypeError) as caught:
        simulation.run(LATER)
    assert caught.value.__notes__ == [
        "seed 1, at 1.0 s, restarting km/here",
        "seed 1, at 1.0 s, outside on an action or write",
    ]


def test_sending_to_nobody_is_a_bug() -> None:
    with pytest.raises(AssertionError, match="km/here sends to km/there, which is no element of this network"):
        network({HERE: first(Send(THERE, Say(1)))})


def test_an_effect_that_is_none_is_a_bug() -> None:
    with pytest.raises(TypeError, match="does not perform Effect"):
        network({HERE: first(Effect())})
