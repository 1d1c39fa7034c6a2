"""Keys on their way: taken only under a right tag (R1), once (R2), passed on or kept, and voided at a word."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.keymanagement import carriage as module
from keytwin.keymanagement.carriage import Carriage, Passing
from keytwin.keymanagement.exchange import CARRY_TIMEOUT, BatchMaking
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.generations import Generations
from keytwin.keymanagement.kmlink import KmLink, account
from keytwin.keymanagement.pool import SLAVE_MARGIN, BatchGone, KeyBooks, KeysHandedOut, KeysKept, Shelf
from keytwin.vocabulary.errors import TagMismatch, Violation
from keytwin.vocabulary.events import KeysGone, KeysRelayed
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    AssignKeys,
    KeysFailed,
    KeysReceived,
    KeysStored,
    KeysVoided,
    RelayKeys,
    VoidKeys,
)
from keytwin.vocabulary.identity import KeyId, Ksid, LinkId, NodeId, km_of
from keytwin.vocabulary.machine import Send
from keytwin.vocabulary.session_messages import DeleteSession, Reason
from keytwin.vocabulary.units import Bits, milliseconds, minutes
from tests.keymanagement.parts import (
    AB,
    BC,
    KSID,
    START,
    A,
    B,
    C,
    chance,
    fill,
    hop,
    joined,
    key_ids,
    later,
    published,
    saved,
    sent,
)
from tests.marks import invariant

LIFETIME = minutes(10)


@dataclass
class Way:
    """Three key managers a - b - c with the session a to c, and a to b when `hops` is 1."""

    hops: int = 2
    onward_stock: int = 10_000  # of the link b - c
    ab: tuple[KmLink, KmLink] = field(init=False)
    bc: tuple[KmLink, KmLink] = field(init=False)

    def __post_init__(self) -> None:
        self.ab, self.bc = joined(AB), joined(BC, self.onward_stock)
        self.route: tuple[NodeId, ...] = (A, B) if self.hops == 1 else (A, B, C)
        self.forwarding = Forwarding(A)
        self.forwarding.on_configure_hop(hop(A, self.route), START)
        self.b = self._carriage(B, {AB: self.ab[1], BC: self.bc[0]})
        self.c = self._carriage(C, {BC: self.bc[1]})
        self.batches = 0

    def make(self, number: int = 2, **changed: object) -> BatchMaking:
        """Send a batch off from a."""
        self.batches += 1
        batch = BatchMaking(
            batch_id=f"batch {self.batches}",
            ksid=KSID,
            epoch=1,
            node=A,
            number=number,
            key_size=Bits(256),
            hops=self.hops,
            onward=True,
            link=self.ab[0],
            forwarding=self.forwarding,
            entropy=chance(f"a {self.batches}"),
        )
        for name, value in changed.items():
            setattr(batch, name, value)
        return batch

    def relay(self, number: int = 2) -> RelayKeys:
        """Return what a sends to b."""
        batch = self.make(number)
        (message,) = sent(batch.link.enqueue(batch, 0, START), RelayKeys)
        return message

    def assign(self, number: int = 2) -> AssignKeys:
        batch = self.make(number)
        (message,) = sent(batch.link.enqueue(batch, 0, START), AssignKeys)
        return message

    def passing(self) -> Passing:
        """Return the one batch that waits at b for key."""
        (waiting,) = self.bc[0].queue.entries()
        assert isinstance(waiting, Passing)
        return waiting

    def _carriage(self, node: NodeId, links: dict[LinkId, KmLink]) -> Carriage:
        forwarding = Forwarding(node)
        if node in self.route:
            forwarding.on_configure_hop(hop(node, self.route), START)
        return Carriage(node, links, forwarding, Shelf(), KeyBooks(), LIFETIME, Generations(node, forwarding, 1_000))


def state(carriage: Carriage) -> object:
    """Return everything that a message could have changed."""
    links = [
        (link.incoming.floor, link.incoming.spent_above, link.out.next, len(link.queue), len(link.outbox))
        for link in carriage.links.values()
    ]
    books = [account(link, sender) for link in carriage.links.values() for sender in (link.node, link.neighbour)]
    shelf = (list(carriage.shelf.batches), list(carriage.shelf.by_key))
    return links, books, shelf, list(carriage.gone), repr(carriage.books)


def rejected(carriage: Carriage, message: RelayKeys | AssignKeys) -> bool:
    """Tell whether a message is refused or passed over, and that this changes nothing."""
    before = state(carriage)
    try:
        if isinstance(message, RelayKeys):
            effects = carriage.on_relay_keys(message, START)
        else:
            effects = carriage.on_assign_keys(message, START)
    except Violation:
        effects = []
    assert state(carriage) == before or effects
    return not effects


# --- relay ----------------------------------------------------------------------------------------------------------


@invariant("K2")
def test_keys_arrive_as_they_were_made() -> None:
    way = Way()
    batch = way.make()
    (first,) = sent(batch.link.enqueue(batch, 0, START), RelayKeys)
    (second,) = sent(way.b.on_relay_keys(first, START), RelayKeys)
    effects = way.c.on_relay_keys(second, START)
    assert sent(effects, KeysStored) == [KeysStored(C, KSID, 1, onward=False, batch_id=batch.batch_id)]
    for key_id, material in batch.keys.items():
        (held,) = way.c.shelf.take([key_id], way.c.shelf.find([key_id]))
        with held.material.exposed() as there, material.exposed() as here:
            assert bytes(there) == bytes(here)


@invariant("P1")
def test_no_hop_uses_the_pad_of_another() -> None:
    way = Way()
    first = way.relay()
    (second,) = sent(way.b.on_relay_keys(first, START), RelayKeys)
    assert (second.sender, second.link, second.hops_left) == (B, BC, first.hops_left - 1)
    assert second.ciphertext != first.ciphertext
    assert (account(way.bc[0], B).pad, account(way.bc[0], B).tag) == (64, 32)


def test_a_trusted_node_keeps_nothing_of_what_it_has_passed_on() -> None:
    way = Way(onward_stock=0)
    way.b.on_relay_keys(way.relay(), START)
    passing = way.passing()
    assert any(passing.plain)
    fill(*way.bc, 1_000)
    effects = way.bc[0].pump(START)
    assert not any(passing.plain)
    assert published(effects, KeysRelayed) == [KeysRelayed(B, KSID, 2)]


def test_the_receiver_is_durable_before_it_says_so() -> None:
    way = Way(hops=1)
    effects = way.b.on_assign_keys(way.assign(), START)
    kinds = [type(effect).__name__ for effect in effects]
    assert kinds.index("Save") < kinds.index("Send")
    (kept,) = saved(effects, KeysKept)
    assert (kept.is_master, kept.sae, kept.until) == (False, "bob", START + LIFETIME + SLAVE_MARGIN)


# --- R1 -------------------------------------------------------------------------------------------------------------


def flips(value: object) -> list[object]:
    """Return a field of a message with each of its bits flipped, one at a time."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value ^ 1 << place for place in range(63)]
        case bytes():
            places = product(range(len(value)), range(8))
            return [value[:at] + bytes([value[at] ^ 1 << bit]) + value[at + 1 :] for at, bit in places]
        case str():
            places = product(range(len(value)), range(7))
            return [value[:at] + chr(ord(value[at]) ^ 1 << bit) + value[at + 1 :] for at, bit in places]
        case tuple():
            return [(*value[:at], other, *value[at + 1 :]) for at in range(len(value)) for other in flips(value[at])]
        case _:
            raise AssertionError(value)


@invariant("R1")
@pytest.mark.parametrize("field_name", RelayKeys.__struct_fields__)
@pytest.mark.parametrize("at_end", [False, True], ids=["between", "at the end"])
def test_any_flipped_bit_is_rejected_and_changes_nothing(field_name: str, *, at_end: bool) -> None:
    way = Way()
    message, place = way.relay(number=1), way.b
    if at_end:
        (message,) = sent(way.b.on_relay_keys(message, START), RelayKeys)
        place = way.c
    for changed in flips(getattr(message, field_name)):
        assert rejected(place, replace(message, **{field_name: changed}))
    assert not rejected(place, message)  # the true one still has its effect


@invariant("R1")
@given(st.binary(min_size=16, max_size=16), st.binary(min_size=32, max_size=32))
def test_a_forged_message_is_rejected(tag: bytes, ciphertext: bytes) -> None:
    way = Way()
    assert rejected(way.b, replace(way.relay(number=1), tag=tag, ciphertext=ciphertext))


@invariant("R1")
def test_a_wrong_tag_is_told_apart() -> None:
    way = Way()
    with pytest.raises(TagMismatch, match="offset 0"):
        way.b.on_relay_keys(replace(way.relay(), tag=bytes(16)), START)


@pytest.mark.parametrize(
    "changed",
    [
        {"key_ids": ()},
        {"key_ids": key_ids("a", "a")},
        {"key_size": 0},
        {"key_size": 12},
        {"hops_left": 0},
        {"ciphertext": b"x"},
        {"ciphertext": b""},
        {"offset": 10_000},
        {"offset": -1},
        {"link_epoch": 2},
        {"epoch": 2},
        {"ksid": "unknown"},
        {"link": "x--y"},
        {"sender": C},
        {"onward": False},
    ],
)
def test_what_makes_no_sense_changes_nothing(changed: dict[str, object]) -> None:
    way = Way()
    assert rejected(way.b, replace(way.relay(), **changed))


def test_keys_that_come_over_another_link_than_the_route_are_a_violation() -> None:
    way = Way()
    with pytest.raises(Violation, match="not on its route"):
        way.b.on_relay_keys(replace(way.relay(), link=BC), START)


@invariant("K1")
def test_names_of_keys_that_are_here_already_are_a_violation() -> None:
    way = Way(hops=1)
    way.b.on_assign_keys(way.assign(), START)
    taken = next(iter(way.b.shelf.by_key))
    with pytest.raises(Violation, match="another batch"):
        way.b.on_assign_keys(replace(way.assign(), key_ids=(KeyId("new"), taken)), START)


# --- R2 -------------------------------------------------------------------------------------------------------------


@invariant("R2")
@pytest.mark.parametrize("hops", [1, 2])
def test_a_repeat_has_no_effect_but_the_same_acknowledgement(hops: int) -> None:
    way = Way(hops)
    if hops == 1:
        assigned = way.assign()
        first = way.b.on_assign_keys(assigned, START)
        before = state(way.b)
        again = [way.b.on_assign_keys(assigned, START) for _ in range(3)]
    else:
        relayed = way.relay()
        first = way.b.on_relay_keys(relayed, START)
        before = state(way.b)
        again = [way.b.on_relay_keys(relayed, START) for _ in range(3)]
    acknowledged = [effect for effect in first if isinstance(effect, Send) and isinstance(effect.message, KeysReceived)]
    assert again == [acknowledged] * 3
    assert state(way.b) == before


@invariant("R2")
@given(st.permutations(range(6)), st.lists(st.integers(0, 5), max_size=20))
def test_overtaken_and_repeated_messages_give_the_same_as_orderly_ones(order: list[int], repeats: list[int]) -> None:
    way = Way(hops=1)
    messages = [way.assign() for _ in range(6)]
    for place in [*order, *repeats]:
        way.b.on_assign_keys(messages[place], START)
    assert len(way.b.shelf.by_key) == way.b.books.taken == 12
    assert account(way.ab[1], A).delivered == 6 * 64
    assert account(way.ab[1], A).balance == 0


@invariant("R2")
def test_what_is_older_than_the_floor_is_passed_over() -> None:
    way = Way(hops=1)
    old = way.assign()
    way.b.on_assign_keys(old, START)
    way.ab[0].on_keys_received(KeysReceived(B, A, AB, 1, old.offset), START)
    way.b.on_assign_keys(way.assign(), START)
    assert rejected(way.b, old)


@invariant("R2")
def test_an_old_epoch_has_no_effect() -> None:
    way = Way()
    message = way.relay()
    way.b.forwarding.on_configure_hop(hop(B, way.route, epoch=2), START)
    assert rejected(way.b, message)


@invariant("R2")
def test_a_batch_that_comes_again_at_another_place_is_not_kept_twice() -> None:
    """As when a trusted node restarts with a batch in its custody."""
    way = Way(hops=1)
    first = way.assign()
    way.b.on_assign_keys(first, START)
    again = replace(way.assign(), batch_id=first.batch_id, key_ids=first.key_ids)
    effects = way.b.on_assign_keys(again, START)
    assert saved(effects, KeysKept) == []
    assert sent(effects, KeysStored)
    assert way.b.books.taken == 2


# --- custody between hops -------------------------------------------------------------------------------------------


def test_keys_without_pad_for_the_next_hop_wait_and_then_fail() -> None:
    way = Way(onward_stock=0)
    way.b.on_relay_keys(way.relay(), START)
    passing = way.passing()
    assert passing.waits_until == later(CARRY_TIMEOUT)
    effects = way.bc[0].on_resend_due(later(CARRY_TIMEOUT))
    (failed,) = sent(effects, KeysFailed)
    assert (failed.sender, failed.onward, failed.batch_id) == (B, False, "batch 1")
    assert [effect.to for effect in effects if isinstance(effect, Send)] == [km_of(A)]
    assert not any(passing.plain)


def test_no_neighbour_makes_keys_wait_in_plain_for_longer_than_a_maker_does(monkeypatch: pytest.MonkeyPatch) -> None:
    way = Way(onward_stock=0)
    with monkeypatch.context() as patched:
        patched.setattr("keytwin.keymanagement.exchange.CARRY_TIMEOUT", minutes(60))
        message = way.relay()
    assert message.remaining == minutes(60)
    way.b.on_relay_keys(message, later(milliseconds(1)))
    passing = way.passing()
    assert passing.waits_until == later(milliseconds(1)) + CARRY_TIMEOUT


def test_key_that_comes_too_late_is_not_wasted_on_them() -> None:
    way = Way(onward_stock=0)
    way.b.on_relay_keys(way.relay(), START)
    fill(*way.bc, 1_000)
    effects = way.bc[0].pump(later(CARRY_TIMEOUT))
    assert sent(effects, RelayKeys) == []
    assert sent(effects, KeysFailed)
    assert way.bc[0].out.next == 0


def test_keys_of_a_route_that_is_gone_go_without_a_word() -> None:
    way = Way(onward_stock=0)
    way.b.on_relay_keys(way.relay(), START)
    passing = way.passing()
    way.b.forwarding.on_delete_session(DeleteSession(KSID, 1, Reason.CLOSED))
    assert way.bc[0].on_resend_due(later(CARRY_TIMEOUT)) == []
    assert not any(passing.plain)


def test_a_batch_that_the_next_store_can_never_hold_fails_at_once() -> None:
    way = Way(onward_stock=0)
    way.bc[0].capacity = 95
    effects = way.b.on_relay_keys(way.relay(), START)
    assert sent(effects, KeysFailed)
    assert len(way.bc[0].queue) == 0


def test_a_full_queue_leaves_keys_with_the_neighbour(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("keytwin.keymanagement.queue.MOST_WAITING", 1)
    way = Way(onward_stock=0)
    way.b.on_relay_keys(way.relay(), START)
    message = way.relay()
    assert rejected(way.b, message)
    fill(*way.bc, 1_000)
    way.bc[0].pump(START)
    assert not rejected(way.b, message)


# --- signals --------------------------------------------------------------------------------------------------------


def void(batch_id: str = "batch 1", sender: NodeId = A) -> VoidKeys:
    return VoidKeys(sender, KSID, 1, onward=True, batch_id=batch_id, key_ids=())


def test_a_signal_is_handed_on_along_its_route() -> None:
    way = Way()
    assert way.b.on_signal(void()) == [Send(km_of(C), replace(void(), sender=B))]
    assert way.c.on_signal(void(sender=B)) is None
    assert way.b.on_signal(replace(void(), epoch=2)) == []
    back = KeysStored(C, KSID, 1, onward=False, batch_id="batch 1")
    assert way.b.on_signal(back) == [Send(km_of(A), replace(back, sender=B))]


@pytest.mark.parametrize("sender", [C, NodeId("x")])
def test_a_signal_from_elsewhere_than_the_neighbour_is_a_violation(sender: NodeId) -> None:
    with pytest.raises(Violation, match="not its neighbour"):
        Way().b.on_signal(void(sender=sender))


def test_an_answer_that_was_lost_is_repeated_when_asked_for() -> None:
    way = Way(hops=1)
    asked = AskStored(A, KSID, 1, onward=True, batch_id="batch 1")
    assert way.b.on_ask_stored(asked) == []
    way.b.on_assign_keys(way.assign(), START)
    assert sent(way.b.on_ask_stored(asked), KeysStored) == [KeysStored(B, KSID, 1, onward=False, batch_id="batch 1")]


@invariant("K2")
def test_a_voided_batch_is_wiped_and_never_taken_again() -> None:
    way = Way(hops=1)
    message = way.assign()
    way.b.on_assign_keys(message, START)
    materials = list(way.b.shelf.batches["batch 1"].keys.values())
    effects = way.b.on_void_keys(void())
    assert all(material.is_wiped for material in materials)
    assert saved(effects, BatchGone) == [BatchGone(KSID, "batch 1", is_void=True)]
    assert published(effects, KeysGone)[0].cause == "voided"
    assert sent(effects, KeysVoided)
    assert (way.b.books.voided, way.b.books.stored) == (2, 0)
    again = way.b.on_void_keys(void())
    assert [type(effect).__name__ for effect in again] == ["Send"]


@invariant("K2")
def test_a_void_that_overtakes_its_batch_holds() -> None:
    way = Way(hops=1)
    message = way.assign()
    way.b.on_void_keys(void())
    effects = way.b.on_assign_keys(message, START)
    assert sent(effects, KeysReceived)
    assert sent(effects, KeysStored) == []
    assert not way.b.shelf.by_key


def test_a_session_voids_its_own_batches_only() -> None:
    way = Way(hops=1)
    way.b.on_assign_keys(way.assign(), START)
    with pytest.raises(Violation, match="another session"):
        way.b.on_void_keys(replace(void(), ksid=Ksid("other")))
    assert len(way.b.shelf.by_key) == 2


def test_what_is_remembered_as_gone_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_GONE", 3)
    way = Way()
    for number in range(10):
        way.b.remember_gone(f"{number}")
    assert list(way.b.gone) == ["7", "8", "9"]


def test_what_a_slave_had_before_a_restart_is_wiped_again() -> None:
    way = Way(hops=1)
    message = way.assign()
    way.b.on_assign_keys(message, START)
    handed_out = KeysHandedOut(KSID, is_master=False, key_ids=message.key_ids)
    assert way.b.forget_collected(handed_out) == 2
    assert way.b.forget_collected(handed_out) == 0
    assert "batch 1" in way.b.gone
