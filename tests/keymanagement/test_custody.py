"""End-to-end keys are somewhere until they are delivered, voided or expired, and nowhere after; requests are whole.

The maker of a batch is its custodian until the far end has it durably (decision 0018): whoever dies when, keys are made
anew or refused, and what one end holds alone is voided or expires.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import pytest

from keytwin.keymanagement.exchange import Making
from keytwin.keymanagement.pool import SLAVE_MARGIN
from keytwin.runtime.faults import Partition
from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import KeysGone
from keytwin.vocabulary.exchange_messages import (
    AssignKeys,
    KeyDelivered,
    KeyRefused,
    KeysStored,
    RelayKeys,
    VoidKeys,
)
from keytwin.vocabulary.identity import KeyId, km_of
from keytwin.vocabulary.machine import Effect, Message, Save
from keytwin.vocabulary.session_messages import Reason
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row, octets_of
from tests.marks import invariant

LIFETIME = seconds(20)
EXPIRED = Duration(LIFETIME + SLAVE_MARGIN + seconds(5))
SPECIAL = Bits(1_000)  # 125 octets: of no pool, and no round number
ON_DEMAND = {"algorithm": "on-demand", "batch": 4}


@dataclass
class Watch:
    """What crossed the wires: names of keys on their way, and what was said of batches."""

    named: set[KeyId] = field(default_factory=set)
    said: list[Message] = field(default_factory=list)

    def see(self, *what: object) -> None:
        message = what[-1]
        if isinstance(message, RelayKeys | AssignKeys):
            self.named.update(message.key_ids)
        if isinstance(message, Message):
            self.said.append(message)

    def heard(self, kind: type[Message]) -> int:
        return sum(isinstance(message, kind) for message in self.said)


def row_of(hops: int = 2, seed: int = 1, **control: object) -> tuple[Row, Watch]:
    """Return a row with an open session that makes keys only when they are asked for, and what is on its wires."""
    settings = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1), key_lifetime=LIFETIME)
    row, watch = Row(hops, seed, key_management=settings, control={**ON_DEMAND, **control}), Watch()
    row.simulation.wires.tap(watch.see)
    row.open()
    row.run(seconds(3))
    return row, watch


def held(row: Row, names: set[KeyId]) -> int:
    """Return how many of these keys lie anywhere: in a pool, on a shelf, with a request, or in the making."""
    found = 0
    for index in range(row.hops + 1):
        if row.simulation.machine(km_of(row.nodes[index])) is None:
            continue
        km = row.km(index)
        found += len(names & km.shelf.by_key.keys())
        found += sum(len(names & making.keys.keys()) for making in km.workshop.makings.values())
        for _, desk in km.sessions.desks():
            found += sum(len(names & batch.keys.keys()) for batch in desk.pool.batches)
            found += sum(key.key_id in names for request in desk.special.values() for key in request.keys)
    return found


def when(row: Row, index: int, is_time: Callable[[Message, list[Effect]], bool], *, saved: bool) -> list[bool]:
    """Kill a key manager when it first reacts so; the list says whether it has. `saved`: its writes are through."""
    host = row.simulation.hosts[km_of(row.nodes[index])]
    struck: list[bool] = []
    react = host.receive
    assert react is not None

    def receive(message: Message, now: int) -> list[Effect]:
        effects = react(message, now)
        if not struck and is_time(message, effects):
            struck.append(True)
            row.simulation.at(row.simulation.now, lambda: row.simulation.stop(host.name, saved=saved))
        return effects

    host.receive = receive
    return struck


def nth_save(place: int) -> Callable[[Message, list[Effect]], bool]:
    """Return what tells the n-th reaction that writes something."""
    seen = [0]

    def is_time(message: Message, effects: list[Effect]) -> bool:
        del message
        seen[0] += any(isinstance(effect, Save) for effect in effects)
        return seen[0] == place

    return is_time


def revive(row: Row, index: int, span: Duration) -> None:
    """Go on, and bring a key manager back half a second after its death."""
    end = row.simulation.now + span
    while row.simulation.now < end:
        row.wait(milliseconds(100))
        if row.simulation.machine(km_of(row.nodes[index])) is None:
            row.wait(milliseconds(400))
            row.restart(index)


def assert_whole(row: Row, watch: Watch, name: str, number: int) -> None:
    """All keys of a request are at both ends, or after their time nothing of them is anywhere."""
    answer = row.answer(FIRST, name)
    if isinstance(answer, KeyDelivered):
        key_ids = tuple(key.key_id for key in answer.keys)
        assert len(set(key_ids)) == number
        row.fetch(SECOND, f"{name}/slave", key_ids)
        row.wait(seconds(1))
        fetched = row.given(SECOND, f"{name}/slave")
        assert [octets_of(key) for key in fetched] == [octets_of(key) for key in answer.keys]
        watch.named -= set(key_ids)
    row.wait(EXPIRED)
    assert held(row, watch.named) == 0
    row.assert_unharmed()


# --- whole requests ---------------------------------------------------------------------------------------------------


@invariant("K8")
@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("size", [Bits(8), Bits(24), SPECIAL, Bits(2_048)])
@pytest.mark.parametrize("number", [2, 65])
def test_requests_of_any_size_are_answered_whole(hops: int, size: Bits, number: int) -> None:
    row, watch = row_of(hops)
    row.ask(FIRST, "a", number, size)
    row.wait(seconds(3))
    assert {key.material.size for key in row.given(FIRST, "a")} == {size}
    assert_whole(row, watch, "a", number)


@invariant("K8")
@invariant("R5")
@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("size", [None, SPECIAL])
def test_a_link_that_runs_dry_in_the_middle_leaves_nothing_consumed_at_either_end(hops: int, size: Bits | None) -> None:
    """A request in several batches, for which there is key for some: it is refused, and what had arrived is voided."""
    settings = KeyManagementSettings(store=Bits(1_000_000), pool_depth=seconds(1), key_lifetime=LIFETIME)
    row = Row(hops, key_management=settings, control=ON_DEMAND, block=Bits(192_000), block_time=seconds(300))
    watch = Watch()
    row.simulation.wires.tap(watch.see)
    row.open()
    row.run(seconds(301))  # the first block has come: 96 kbit in each direction
    number = 800 if size is None else 150
    row.ask(FIRST, "dry", number, size, wait=seconds(4))
    row.wait(seconds(2))
    assert 0 < len(watch.named) < number
    row.wait(seconds(10))
    answer = row.answer(FIRST, "dry")
    assert isinstance(answer, KeyRefused)
    assert answer.reason is Reason.KEY_UNAVAILABLE
    if size is None:  # these went to the pool, for the next request
        desk = row.km(0).sessions.desk(next(iter(row.km(0).sessions.known)))
        assert desk is not None
        assert desk.pool.ready == held(row, watch.named) // 2 == len(watch.named)
    else:
        assert held(row, watch.named) == 0
        assert watch.heard(VoidKeys) > 0
    row.assert_unharmed()


@invariant("K6")
@invariant("K8")
@invariant("R4")
@pytest.mark.parametrize("size", [None, SPECIAL])
@pytest.mark.parametrize("saved", ["lost", "saved"])
@pytest.mark.parametrize("victim", [0, 1, 2])
@pytest.mark.parametrize("place", [1, 2, 3, 5])
def test_killed_at_any_save_a_request_is_whole_at_both_ends_or_nowhere(
    place: int, victim: int, saved: str, size: Bits | None
) -> None:
    row, watch = row_of(seed=place)
    struck = when(row, victim, nth_save(place), saved=saved == "saved")
    row.ask(FIRST, "a", 10, size)
    revive(row, victim, seconds(15))
    assert struck
    assert_whole(row, watch, "a", 10)


@invariant("K5")
@invariant("K6")
@invariant("K8")
@pytest.mark.parametrize("saved", ["lost", "saved"])
@pytest.mark.parametrize("size", [None, SPECIAL])
def test_killed_at_the_hand_out_to_a_slave_it_may_ask_again_unless_the_record_was_through(
    saved: str, size: Bits | None
) -> None:
    row, watch = row_of()
    row.ask(FIRST, "a", 10, size)
    row.wait(seconds(3))
    key_ids = tuple(key.key_id for key in row.given(FIRST, "a"))
    struck = when(row, 2, nth_save(1), saved=saved == "saved")
    row.fetch(SECOND, "s1", key_ids)
    revive(row, 2, seconds(3))
    assert struck
    assert row.answer(SECOND, "s1") is None
    row.fetch(SECOND, "s2", key_ids)
    row.wait(seconds(1))
    again = row.answer(SECOND, "s2")
    assert isinstance(again, KeyRefused if saved == "saved" else KeyDelivered)  # all of them, or none
    row.wait(EXPIRED)
    assert held(row, watch.named) == 0


# --- void and expiry, end to end --------------------------------------------------------------------------------------


@invariant("K7")
@invariant("R4")
@pytest.mark.parametrize("hops", [1, 2])
def test_keys_whose_maker_dies_before_it_hears_that_they_are_stored_expire_at_the_far_end(hops: int) -> None:
    """No master will ever name them: they are in custody there, and nowhere else, until their time is up."""
    row, watch = row_of(hops)
    struck = when(row, 0, lambda message, _: isinstance(message, KeysStored), saved=False)
    row.ask(FIRST, "a", 4, SPECIAL)
    row.wait(seconds(1))
    assert struck
    orphans = set(watch.named)
    assert len(row.km(hops).shelf.by_key.keys() & orphans) == 4
    row.restart(0)
    row.wait(seconds(5))
    assert held(row, orphans) == 4
    row.wait(EXPIRED)
    assert held(row, orphans) == 0
    assert sum(gone.number for gone in row.published(KeysGone, hops) if gone.cause == "expired") >= 4
    row.assert_unharmed()


@invariant("R4")
@pytest.mark.parametrize("saved", ["lost", "saved"])
def test_a_far_end_that_dies_at_the_writing_has_the_keys_afterwards_or_is_sent_others(saved: str) -> None:
    row, watch = row_of()
    struck = when(row, 2, nth_save(1), saved=saved == "saved")
    row.ask(FIRST, "a", 4, SPECIAL, wait=seconds(60))
    revive(row, 2, seconds(30))
    assert struck
    assert isinstance(row.answer(FIRST, "a"), KeyDelivered)
    assert_whole(row, watch, "a", 4)


@invariant("R4")
@invariant("R5")
@pytest.mark.parametrize("saved", ["lost", "saved"])
def test_keys_that_die_with_a_node_between_are_voided_by_their_maker_and_made_anew(saved: str) -> None:
    """Others' keys are in plain in its memory only: nothing of them is on its disk, and nothing is lost in silence."""
    row, watch = row_of()
    row.km(1).links.kmlinks[row.links[1]].lease.is_fenced = True  # they wait there for key of the next link
    row.ask(FIRST, "a", 4, SPECIAL, wait=seconds(60))
    row.wait(milliseconds(500))
    lost = set(watch.named)
    assert held(row, lost) == 4  # at the maker, which is still the custodian
    row.simulation.stop(km_of(row.nodes[1]), saved=saved == "saved")
    row.restart(1)
    row.wait(seconds(30))
    assert held(row, lost - {key.key_id for key in row.given(FIRST, "a")}) == 0
    assert_whole(row, watch, "a", 4)


@invariant("K7")
@invariant("R5")
@pytest.mark.parametrize("hops", [1, 2])
def test_keys_that_came_for_a_request_which_waits_no_more_are_voided_at_both_ends(hops: int) -> None:
    """The far end's word comes late: the master has been refused, and the slave's end keeps nothing."""
    row, watch = row_of(hops)
    parted = Partition(frozenset({km_of(row.nodes[1])}), frozenset({km_of(row.nodes[0])}), one_way=True)
    row.simulation.wires.part(parted)
    row.ask(FIRST, "a", 4, SPECIAL, wait=milliseconds(700))
    row.wait(seconds(1))
    assert isinstance(row.answer(FIRST, "a"), KeyRefused)
    assert held(row, watch.named) > 0
    row.simulation.wires.join(parted)
    row.wait(seconds(5))
    assert held(row, watch.named) == 0
    assert not [each for each in row.km(0).workshop.makings.values() if each.state is not Making.READY]
    row.assert_unharmed()


@invariant("R5")
@invariant("S1")
@pytest.mark.parametrize("moment", [0, 1, 2, 3, 5, 8])
def test_a_session_that_is_deleted_with_keys_on_their_way_leaves_nothing_anywhere(moment: int) -> None:
    row, watch = row_of()
    row.ask(FIRST, "a", 40, SPECIAL)
    row.wait(milliseconds(moment))
    row.close(SECOND if moment % 2 else FIRST)
    row.wait(seconds(20))
    assert held(row, watch.named) == 0
    row.assert_drained()
    row.assert_unharmed()


@invariant("K7")
@invariant("R4")
@invariant("R5")
@pytest.mark.parametrize("moment", [1, 3, 4, 6, 9])
def test_when_both_ends_restart_with_keys_on_their_way_both_agree_afterwards(moment: int) -> None:
    row, watch = row_of(seed=moment)
    row.ask(FIRST, "a", 10, SPECIAL)
    row.ask(FIRST, "b", 10)
    row.wait(milliseconds(moment))
    row.restart(0)
    row.restart(2)
    row.wait(seconds(15))
    for name in ("a", "b"):
        answer = row.answer(FIRST, name)
        if isinstance(answer, KeyDelivered):
            row.fetch(SECOND, f"{name}/slave", tuple(key.key_id for key in answer.keys))
            row.wait(seconds(1))
            fetched = row.given(SECOND, f"{name}/slave")
            assert [octets_of(key) for key in fetched] == [octets_of(key) for key in answer.keys]
    row.wait(EXPIRED)
    assert held(row, watch.named) == 0
    row.assert_unharmed()


@invariant("R4")
@invariant("S6")
def test_keys_that_are_reserved_for_a_request_survive_a_new_route() -> None:
    """Half of a request's batches are at the far end when the route changes: they count, or both ends void them."""
    settings = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1), key_lifetime=LIFETIME)
    row, watch = Row(2, key_management=settings, control=ON_DEMAND, spare=True), Watch()
    row.simulation.wires.tap(watch.see)
    row.open()
    row.run(seconds(3))
    row.ask(FIRST, "a", 200, SPECIAL, wait=seconds(30))
    row.wait(milliseconds(4))
    row.reroute(row.spares)
    row.wait(seconds(25))
    assert_whole(row, watch, "a", 200)
    assert isinstance(row.answer(FIRST, "a"), KeyDelivered)


@invariant("K7")
def test_keys_that_nobody_asks_for_expire_at_both_ends_the_slaves_later() -> None:
    row, watch = row_of(algorithm="pool")
    row.wait(seconds(1))
    first = set(watch.named)
    assert held(row, first) > 0
    row.wait(Duration(LIFETIME + seconds(3)))
    assert not any(first & batch.keys.keys() for _, desk in row.km(0).sessions.desks() for batch in desk.pool.batches)
    assert held(row, first) > 0  # the slave's end, which outlasts any clock's error
    row.wait(EXPIRED)
    assert held(row, first) == 0
    assert Instant(row.simulation.now) > LIFETIME
    row.assert_unharmed()
