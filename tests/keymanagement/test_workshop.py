"""Where keys are made: what is begun, what is counted as coming, what a failure costs, what a closed session leaves."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keytwin.keymanagement import workshop as module
from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.blocks import SMALLEST_ROOM
from keytwin.keymanagement.exchange import BatchOverdue
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.orders import FIRST_PAUSE, FOR_POOL, LONGEST_PAUSE, Demand, Order, ReplenishDue, Wish
from keytwin.keymanagement.pool import KeyBooks, KeysKept, Pool, Shelf, provenance_of
from keytwin.keymanagement.relay import relay_octets
from keytwin.keymanagement.workshop import Workshop, lose
from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import KeysGone, KeysReady
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysFailed, KeysStored, KeysVoided, VoidKeys
from keytwin.vocabulary.key import Key, Method
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.session_messages import ConfigureHop, Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds
from tests.keymanagement.parts import (
    AB,
    KSID,
    START,
    A,
    B,
    chance,
    hop,
    joined,
    later,
    published,
    saved,
    sent,
    started,
)
from tests.marks import invariant

NOTHING = Demand(ready=0, waiting=0, wishes=())


def workshop(stock: int = 10_000, capacity: int = 100_000) -> Workshop:
    """Return the workshop of A with one link to B."""
    link, _ = joined(AB, stock, capacity)
    settings = KeyManagementSettings(pool_depth=seconds(1), key_lifetime=seconds(100))
    forwarding = Forwarding(A)
    generations = Generations(A, forwarding, settings.generation)
    return Workshop(A, {AB: link}, forwarding, Shelf(), KeyBooks(), chance(), settings, ALGORITHMS, generations)


def routed(stock: int = 10_000, capacity: int = 100_000, wanted: ConfigureHop | None = None) -> Workshop:
    """Return it with a session whose pool is 40 keys deep, in batches of 4."""
    made = workshop(stock, capacity)
    configure(made, wanted or hop())
    return made


def configure(made: Workshop, wanted: ConfigureHop) -> list[Effect]:
    made.forwarding.on_configure_hop(wanted, START)
    return made.route(wanted, START)


def order(made: Workshop) -> Order:
    return made.orders[KSID]


def link(made: Workshop) -> KmLink:
    return made.links[AB]


def stored(batch_id: str) -> KeysStored:
    return KeysStored(B, KSID, 1, onward=False, batch_id=batch_id)


def failed(batch_id: str) -> KeysFailed:
    return KeysFailed(B, KSID, 1, onward=False, batch_id=batch_id, reason=Reason.KEY_UNAVAILABLE)


def test_a_pool_is_filled_in_batches_and_what_is_coming_is_not_begun_again() -> None:
    made = routed()
    effects = made.replenish(KSID, NOTHING, START)
    assert [len(told.key_ids) for told in sent(effects, AssignKeys)] == [4] * 10
    assert order(made).coming[FOR_POOL] == 40
    assert made.replenish(KSID, NOTHING, START) == []


def test_a_wish_of_its_own_size_is_made_beside_the_pool() -> None:
    made = routed()
    effects = made.replenish(KSID, Demand(40, 0, (Wish("r", 3, Bits(512)),)), START)
    (told,) = sent(effects, AssignKeys)
    assert (told.key_size, len(told.key_ids)) == (512, 3)
    (name,) = made.makings
    ready, effects = made.on_outcome(stored(name), START)
    assert ready
    assert (ready.request_id, len(ready.batch.keys)) == ("r", 3)
    assert not order(made).coming


def test_what_is_ready_is_durable_for_its_time_to_live() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    name = next(iter(made.makings))
    ready, effects = made.on_outcome(stored(name), later(seconds(1)))
    assert ready
    (kept,) = saved(effects, KeysKept)
    assert kept.is_master
    assert kept.until == ready.batch.until == later(seconds(101))
    assert published(effects, KeysReady) == [KeysReady(A, KSID, 4, 1)]
    assert (made.books.made, made.books.stored) == (4, 4)
    assert name not in made.makings


def test_keys_of_a_size_of_their_own_are_never_found_in_the_pool_after_a_crash() -> None:
    made = routed()
    made.replenish(KSID, Demand(40, 0, (Wish("r", 1, Bits(512)),)), START)
    _, effects = made.on_outcome(stored(next(iter(made.makings))), START)
    assert saved(effects, KeysKept) == []


@pytest.mark.parametrize("about", ["another session", "an unknown batch"])
def test_an_outcome_of_nothing_here_has_no_effect(about: str) -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    name = next(iter(made.makings))
    message = replace(stored(name), ksid="x") if about == "another session" else stored("unknown")
    assert made.on_outcome(message, START) == (None, [])
    assert made.on_overdue(BatchOverdue("unknown"), START) == []


# --- failure --------------------------------------------------------------------------------------------------------


def test_after_a_failure_nothing_is_begun_for_a_while() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    _, effects = made.on_outcome(failed(next(iter(made.makings))), START)
    assert started(effects)[f"{KSID}/replenish"] == FIRST_PAUSE
    assert order(made).coming[FOR_POOL] == 36
    assert made.replenish(KSID, NOTHING, START) == []
    again = made.replenish(KSID, NOTHING, later(FIRST_PAUSE))
    assert [len(told.key_ids) for told in sent(again, AssignKeys)] == [4]


def test_many_failures_at_once_count_as_one() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    for name in list(made.makings):
        made.on_outcome(failed(name), START)
    assert order(made).pace.pause == 2 * FIRST_PAUSE


def test_failure_after_failure_costs_ever_less_key_and_success_ends_it() -> None:
    made, now, pauses = routed(), START, []
    for _ in range(9):
        made.replenish(KSID, NOTHING, now)
        fresh = [name for name, making in made.makings.items() if making.key_ids and making.signals == 0]
        pauses.append(started(made.on_outcome(failed(fresh[0]), now)[1])[f"{KSID}/replenish"])
        now = Instant(now + pauses[-1])
    assert pauses[:3] == [FIRST_PAUSE, 2 * FIRST_PAUSE, 4 * FIRST_PAUSE]
    assert pauses[-1] == LONGEST_PAUSE
    made.replenish(KSID, NOTHING, now)
    fresh = [name for name, making in made.makings.items() if making.signals == 0]
    made.on_outcome(stored(fresh[0]), now)
    assert order(made).pace.pause == FIRST_PAUSE


def test_a_voided_batch_is_forgotten_when_the_far_end_has_confirmed() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    name = next(iter(made.makings))
    made.on_outcome(failed(name), START)
    assert name in made.makings
    made.on_outcome(KeysVoided(B, KSID, 1, onward=False, batch_id=name), START)
    assert name not in made.makings


# --- another route --------------------------------------------------------------------------------------------------


def test_what_is_under_way_along_an_old_route_is_voided_along_the_new_one() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    effects = configure(made, hop(epoch=2))
    assert {void.epoch for void in sent(effects, VoidKeys)} == {2}
    assert len(sent(effects, VoidKeys)) == 10
    assert not order(made).coming
    assert sent(made.replenish(KSID, NOTHING, START), AssignKeys)  # a new route is no failure: no pause
    for name in list(made.makings):
        made.on_outcome(replace(KeysVoided(B, KSID, 2, onward=False, batch_id=name)), START)
    assert len(made.makings) == 10


# --- limits ---------------------------------------------------------------------------------------------------------


def test_no_batch_needs_more_than_the_store_can_hold() -> None:
    """It would wait for ever, and everything else behind it."""
    for capacity in (SMALLEST_ROOM + relay_octets(2, Bits(256)), SMALLEST_ROOM + relay_octets(3, Bits(256)) - 1):
        made = routed(stock=10_000, capacity=capacity)
        effects = made.replenish(KSID, NOTHING, START)
        assert {len(told.key_ids) for told in sent(effects, AssignKeys)} == {2}


def test_a_key_that_no_store_can_hold_is_not_begun() -> None:
    made = routed(capacity=1_000)
    size = Bits(8 * (1_000 - SMALLEST_ROOM - relay_octets(0, Bits(8)) + 1))
    assert not made.fits(KSID, size)
    assert made.replenish(KSID, Demand(40, 0, (Wish("r", 1, size),)), START) == []
    assert made.fits(KSID, Bits(size - 8))


def test_what_is_under_way_is_bounded_and_the_rest_is_begun_later(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_MAKINGS", 3)
    made = routed()
    assert len(sent(made.replenish(KSID, NOTHING, START), AssignKeys)) == 3
    for name in list(made.makings):
        made.on_outcome(stored(name), START)
    assert len(sent(made.replenish(KSID, Demand(12, 0, ()), START), AssignKeys)) == 3


def test_a_full_queue_takes_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keytwin.keymanagement.queue.MOST_WAITING", 2)
    made = routed(stock=0)
    made.replenish(KSID, NOTHING, START)
    assert len(link(made).queue) == len(made.makings) == 2


@pytest.mark.parametrize("batch", [0, -3, 1])
def test_a_batch_has_at_least_one_key(batch: int) -> None:
    made = routed(wanted=hop(batch=batch))
    assert order(made).batch == 1


# --- the end --------------------------------------------------------------------------------------------------------


@invariant("S1")
def test_a_closed_session_leaves_nothing_and_nothing_more_is_made_for_it() -> None:
    made = routed(stock=200)
    effects = made.replenish(KSID, NOTHING, START)
    materials = [material for making in made.makings.values() for material in making.keys.values()]
    assert materials
    assert len(link(made).queue) == 9
    effects = made.close(KSID, Pool())
    assert not made.makings
    assert not made.orders
    assert len(link(made).queue) == len(link(made).outbox) == 0
    assert all(material.is_wiped for material in materials)
    assert started(effects) == {}
    assert link(made).pump(START) == []


def test_an_outcome_after_the_close_has_no_effect() -> None:
    made = routed()
    made.replenish(KSID, NOTHING, START)
    name = next(iter(made.makings))
    made.close(KSID, Pool())
    assert made.on_outcome(stored(name), START) == (None, [])
    assert made.replenish(KSID, NOTHING, START) == []
    assert (made.books.made, made.books.stored) == (0, 0)


def test_keys_of_a_closed_session_are_booked_as_released() -> None:
    made, pool = routed(), Pool()
    made.replenish(KSID, NOTHING, START)
    ready, _ = made.on_outcome(stored(next(iter(made.makings))), START)
    assert ready
    pool.add(ready.batch)
    effects = made.close(KSID, pool)
    assert published(effects, KeysGone) == [KeysGone(A, KSID, 4, "session over")]
    assert (made.books.released, made.books.stored) == (4, 0)


def test_lost_keys_are_wiped_and_booked() -> None:
    made = routed()
    made.replenish(KSID, Demand(40, 0, (Wish("r", 2, Bits(512)),)), START)
    ready, _ = made.on_outcome(stored(next(iter(made.makings))), START)
    assert ready
    keys: list[Key] = ready.batch.take_first(2)
    lose(made.books, keys)
    assert all(key.material.is_wiped for key in keys)
    assert made.books.account(A).balance == 0
    assert made.books.voided == 2


def test_the_pause_ends_with_a_message_to_oneself() -> None:
    assert ReplenishDue(KSID).ksid == KSID
    assert Duration(FIRST_PAUSE) < LONGEST_PAUSE


def test_provenance_tells_method_and_hops() -> None:
    assert [provenance_of(hops, 1).method for hops in (1, 2)] == [Method.ADJACENT, Method.RELAYED]
