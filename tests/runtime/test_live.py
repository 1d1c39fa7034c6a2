"""Elements in real time: durable before what follows, one write an iteration, crashes cost only their element."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest

from keytwin.runtime.live import Live
from keytwin.service.conversation import Question
from keytwin.vocabulary.errors import TagMismatch
from keytwin.vocabulary.events import ElementRestarted, ElementStopped, ViolationSeen
from keytwin.vocabulary.exchange_messages import GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import ElementName, KeyId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Event, Message, Publish, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Duration, Instant, milliseconds, minutes
from tests.fakes.scripted import React, Scripted
from tests.fakes.store import MemoryStore
from tests.marks import invariant
from tests.runtime.words import HERE, THERE, Kept, Ring, Say

FACE = ElementName("face/here")
Body = Callable[["Bench"], Awaitable[None]]


class Bench:
    """A live network of scripted elements, with what it published and how its store failed."""

    def __init__(self) -> None:
        self.store = MemoryStore()
        self.failures: list[Exception] = []
        self.live = Live(self.store, lambda *_: None, self.failures.append)
        self.events: list[tuple[ElementName, Event]] = []
        self.live.listeners.append(lambda _, element, event: self.events.append((element, event)))

    def add(self, name: ElementName, *incarnations: Scripted) -> None:
        """Register an element; each start takes the next machine, the last one again and again."""
        queue = list(incarnations)
        self.live.add(name, lambda: queue.pop(0) if len(queue) > 1 else queue[0])


def on_a_loop(body: Body) -> None:
    """Run a test body on an event loop, to its end."""

    async def run() -> None:
        await asyncio.wait_for(body(Bench()), timeout=20)

    asyncio.run(run())


async def settled() -> None:
    """Let the loop go round until what was planned for its next iterations has happened."""
    for _ in range(5):
        await asyncio.sleep(0)


def always(*effects: Effect) -> React:
    return lambda message, _: list(effects) if isinstance(message, Say) else []


def asked(name: str = "r1") -> Question:
    return Question(HERE, GetKeyById(name, FACE, SaeId("sae"), (KeyId("k"),)))


def a_key() -> Key:
    return Key(KeyId("k"), KeyMaterial(bytearray(b"\x05" * 32)), Provenance(Method.ADJACENT, 1))


def test_messages_reach_elements_in_the_order_they_were_sent() -> None:
    async def body(bench: Bench) -> None:
        there = Scripted()
        bench.add(HERE, Scripted(always(Send(THERE, Say(1)), Send(THERE, Say(2)))))
        bench.add(THERE, there)
        bench.live.start()
        bench.live.post(HERE, Say(0))
        assert [message for _, message in there.received] == [Say(1), Say(2)]

    on_a_loop(body)


def test_a_chain_longer_than_one_turn_goes_on_in_the_next_iteration() -> None:
    async def body(bench: Bench) -> None:
        def count(message: Message, now: Instant) -> list[Effect]:
            del now
            assert isinstance(message, Say)
            return [Send(HERE, Say(message.number + 1))] if message.number < 10_000 else []

        here = Scripted(count)
        bench.add(HERE, here)
        bench.live.start()
        bench.live.post(HERE, Say(1))
        assert len(here.received) < 10_000  # the sockets had their turn
        await settled()
        assert len(here.received) == 10_000

    on_a_loop(body)


@invariant("K6")
def test_nothing_that_follows_a_save_is_released_before_it_is_durable() -> None:
    async def body(bench: Bench) -> None:
        there = Scripted()
        bench.add(HERE, Scripted(always(Send(THERE, Say(1)), Save(Kept(7)), Send(THERE, Say(2)))))
        bench.add(THERE, there)
        bench.live.start()
        bench.live.post(HERE, Say(0))
        assert [message for _, message in there.received] == [Say(1)]
        assert not bench.store.durable
        await settled()
        assert bench.store.records(HERE) == [Kept(7)]
        assert [message for _, message in there.received] == [Say(1), Say(2)]

    on_a_loop(body)


def test_effects_of_later_messages_wait_behind_an_earlier_save_of_their_element() -> None:
    async def body(bench: Bench) -> None:
        def react(message: Message, now: Instant) -> list[Effect]:
            del now
            return [Save(Kept(1)), Send(THERE, Say(1))] if message == Say(0) else [Send(THERE, Say(2))]

        there = Scripted()
        bench.add(HERE, Scripted(react))
        bench.add(THERE, there)
        bench.live.start()
        bench.live.post(HERE, Say(0))
        bench.live.post(HERE, Say(9))
        assert not there.received
        await settled()
        assert [message for _, message in there.received] == [Say(1), Say(2)]

    on_a_loop(body)


def test_all_saves_of_one_iteration_are_one_commit() -> None:
    async def body(bench: Bench) -> None:
        for name in (HERE, THERE):
            bench.add(name, Scripted(always(Save(Kept(1)), Save(Kept(2)))))
        bench.live.start()
        for _ in range(10):
            bench.live.post(HERE, Say(0))
            bench.live.post(THERE, Say(0))
        await settled()
        assert bench.store.commits == 1
        assert len(bench.store.durable) == 40

    on_a_loop(body)


def test_what_the_next_look_at_the_sockets_brings_is_in_the_same_commit() -> None:
    async def body(bench: Bench) -> None:
        bench.add(HERE, Scripted(always(Save(Kept(1)))))
        bench.live.start()
        bench.live.post(HERE, Say(0))
        await asyncio.sleep(0)
        assert bench.store.commits == 0
        bench.live.post(HERE, Say(0))
        await settled()
        assert bench.store.commits == 1
        assert len(bench.store.durable) == 2

    on_a_loop(body)


@invariant("K6")
def test_when_the_store_fails_no_effect_is_released_and_whoever_asked_is_refused() -> None:
    async def body(bench: Bench) -> None:
        key, answers = a_key(), list[Message]()

        def hand_out(message: Message, now: Instant) -> list[Effect]:
            del message, now
            return [Save(Kept(1)), Send(FACE, KeyDelivered("r1", (key,)))]

        bench.add(HERE, Scripted(hand_out))
        bench.live.start()
        bench.store.fails = True
        bench.live.ask(asked(), answers.append)
        await settled()
        assert len(bench.failures) == 1
        assert [type(answer) for answer in answers] == [KeyRefused]
        assert bench.live.machine(HERE) is None
        assert not bench.store.durable

    on_a_loop(body)


def test_a_question_is_answered_once() -> None:
    async def body(bench: Bench) -> None:
        refusal = KeyRefused("r1", Reason.KEY_UNKNOWN, Duration(0))
        answers: list[Message] = []
        bench.add(HERE, Scripted(lambda *_: [Send(FACE, refusal), Send(FACE, refusal)]))
        bench.live.start()
        bench.live.ask(asked(), answers.append)
        assert answers == [refusal]

    on_a_loop(body)


def test_a_key_for_an_asker_who_has_gone_is_wiped() -> None:
    async def body(bench: Bench) -> None:
        key, answers = a_key(), list[Message]()
        bench.add(HERE, Scripted(lambda *_: [Save(Kept(1)), Send(FACE, KeyDelivered("r1", (key,)))]))
        bench.live.start()
        bench.live.ask(asked(), answers.append)
        bench.live.forget("r1")
        await settled()
        assert not answers
        assert key.material.is_wiped

    on_a_loop(body)


def test_questions_to_an_element_that_stops_are_refused() -> None:
    async def body(bench: Bench) -> None:
        answers: list[Message] = []
        bench.add(HERE, Scripted())
        bench.live.start()
        bench.live.ask(asked("r1"), answers.append)
        bench.live.stop(HERE)
        bench.live.ask(asked("r2"), answers.append)
        assert [answer.request_id for answer in answers if isinstance(answer, KeyRefused)] == ["r1", "r2"]

    on_a_loop(body)


def test_a_violation_is_told_and_costs_nothing_else() -> None:
    async def body(bench: Bench) -> None:
        def object_to_it(message: Message, now: Instant) -> list[Effect]:
            del now
            if message == Say(1):
                raise TagMismatch("not ours")
            return []

        here = Scripted(object_to_it)
        bench.add(HERE, here)
        bench.live.start()
        bench.live.post(HERE, Say(1))
        bench.live.post(HERE, Say(2))
        assert bench.events == [(HERE, ViolationSeen("TagMismatch", "Say: not ours"))]
        assert len(here.received) == 2

    on_a_loop(body)


def test_a_bug_costs_its_element_which_comes_back_with_what_was_durable(caplog: pytest.LogCaptureFixture) -> None:
    async def body(bench: Bench) -> None:
        back = asyncio.Event()

        def buggy(message: Message, now: Instant) -> list[Effect]:
            del now
            if message == Say(1):
                return [Save(Kept(5))]
            raise ZeroDivisionError

        second = Scripted()
        bench.add(HERE, Scripted(buggy, [StartTimer("old", Duration(0), Ring("old"))]), second)
        bench.live.listeners.append(lambda *told: back.set() if isinstance(told[2], ElementRestarted) else None)
        bench.live.start()
        bench.live.post(HERE, Say(1))
        await settled()
        bench.live.post(HERE, Say(2))
        assert bench.live.machine(HERE) is None
        bench.live.post(HERE, Say(3))  # lost: nobody keeps its post
        await back.wait()
        assert second.restored == [Kept(5)]
        assert not second.received
        assert bench.live.restarts(HERE) == 1

    on_a_loop(body)
    assert "km/here" in caplog.text or "crashed" in caplog.text


def test_restarting_makes_staged_records_durable_first_and_forgets_timers() -> None:
    async def body(bench: Bench) -> None:
        second = Scripted()
        effects = [Save(Kept(3)), StartTimer("t", Duration(0), Ring("t"))]
        bench.add(HERE, Scripted(always(*effects)), second)
        bench.live.start()
        bench.live.post(HERE, Say(1))
        bench.live.restart(HERE)
        await settled()
        assert second.restored == [Kept(3)]
        assert not second.received
        stopped = [event for _, event in bench.events if isinstance(event, ElementStopped)]
        assert stopped == [ElementStopped(HERE, "restarted")]

    on_a_loop(body)


def test_a_timer_goes_off_once_at_the_time_it_was_moved_to() -> None:
    async def body(bench: Bench) -> None:
        rung = asyncio.Event()
        seen: list[Message] = []

        def react(message: Message, now: Instant) -> list[Effect]:
            del now
            seen.append(message)
            if isinstance(message, Ring):
                rung.set()
            return []

        first = StartTimer("t", minutes(1), Ring("late"))
        sooner = StartTimer("t", milliseconds(1), Ring("soon"))
        bench.add(HERE, Scripted(react, [first, sooner]))
        bench.live.start()
        await rung.wait()
        assert seen == [Ring("soon")]

    on_a_loop(body)


def test_a_timer_that_is_moved_to_later_does_not_ring_at_its_first_time() -> None:
    async def body(bench: Bench) -> None:
        other = asyncio.Event()
        seen: list[Message] = []

        def react(message: Message, now: Instant) -> list[Effect]:
            del now
            seen.append(message)
            if message == Ring("other"):
                other.set()
            return []

        moved = [StartTimer("t", milliseconds(1), Ring("t")), StartTimer("t", minutes(1), Ring("t"))]
        bench.add(HERE, Scripted(react, [*moved, StartTimer("other", milliseconds(5), Ring("other"))]))
        bench.live.start()
        await other.wait()
        assert seen == [Ring("other")]

    on_a_loop(body)


def test_a_stopped_timer_does_not_ring_and_stopping_twice_is_allowed() -> None:
    async def body(bench: Bench) -> None:
        other = asyncio.Event()
        seen: list[Message] = []

        def react(message: Message, now: Instant) -> list[Effect]:
            del now
            seen.append(message)
            other.set()
            return []

        first = [StartTimer("t", milliseconds(1), Ring("t")), StopTimer("t"), StopTimer("t")]
        bench.add(HERE, Scripted(react, [*first, StartTimer("other", milliseconds(5), Ring("other"))]))
        bench.live.start()
        await other.wait()
        assert seen == [Ring("other")]

    on_a_loop(body)


def test_time_never_goes_back() -> None:
    async def body(bench: Bench) -> None:
        instants = [bench.live.clock.now() for _ in range(100)]
        assert instants == sorted(instants)

    on_a_loop(body)


def test_closing_makes_the_last_saves_durable_and_lets_nothing_run_on() -> None:
    async def body(bench: Bench) -> None:
        here = Scripted(always(Save(Kept(1)), Publish(ViolationSeen("after", "the save"))))
        bench.add(HERE, here)
        bench.live.start()
        bench.live.post(HERE, Say(1))
        bench.live.close()
        bench.live.post(HERE, Say(2))
        assert bench.store.records(HERE) == [Kept(1)]
        assert len(here.received) == 1

    on_a_loop(body)
