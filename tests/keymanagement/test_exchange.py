"""One batch at its maker: available at both ends or at neither, with an exit from every state (S4)."""

from __future__ import annotations

import pytest

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.exchange import (
    ASK_AFTER,
    CARRY_TIMEOUT,
    EXCHANGE_TABLE,
    MOST_VOID_SIGNALS,
    BatchMaking,
    BatchOverdue,
    ConfirmBatch,
    DispatchBatch,
    GiveUpBatch,
    Making,
)
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.kmlink import account
from keytwin.keymanagement.relay import unseal
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    AssignKeys,
    KeysFailed,
    KeysStored,
    KeysVoided,
    RelayKeys,
    VoidKeys,
)
from keytwin.vocabulary.machine import Effect, Message, StopTimer
from keytwin.vocabulary.session_messages import DeleteSession, Reason
from keytwin.vocabulary.units import Bits, Instant
from tests.keymanagement.parts import AB, KSID, START, A, B, C, chance, hop, joined, later, sent, started
from tests.machines import assert_every_state_has_exits, assert_table_is_total
from tests.marks import invariant

STORED = KeysStored(B, KSID, 1, onward=False, batch_id="batch")
FAILED = KeysFailed(B, KSID, 1, onward=False, batch_id="batch", reason=Reason.KEY_UNAVAILABLE)
VOIDED = KeysVoided(B, KSID, 1, onward=False, batch_id="batch")
OVERDUE = BatchOverdue("batch")
GIVE_UP = GiveUpBatch("batch")


def making(hops: int = 1, number: int = 2, stock: int = 10_000) -> BatchMaking:
    link, _ = joined(AB, stock)
    forwarding = Forwarding(A)
    forwarding.on_configure_hop(hop(A, (A, B) if hops == 1 else (A, B, C)), START)
    return BatchMaking(
        batch_id="batch",
        ksid=KSID,
        epoch=1,
        node=A,
        number=number,
        key_size=Bits(256),
        hops=hops,
        onward=True,
        link=link,
        forwarding=forwarding,
        entropy=chance(),
    )


def after(*messages: Message, hops: int = 1) -> BatchMaking:
    batch = making(hops)
    for message in messages:
        batch.receive(message, START)
    return batch


def carried(hops: int = 1) -> tuple[BatchMaking, list[Effect]]:
    batch = making(hops)
    return batch, batch.link.enqueue(batch, 0, START)


@invariant("S4")
def test_every_state_has_a_time_out_and_an_error_exit() -> None:
    assert_every_state_has_exits(EXCHANGE_TABLE, timeouts=[BatchOverdue], errors=[GiveUpBatch, KeysFailed, KeysVoided])


def test_every_message_is_answered_or_ignored_in_every_state() -> None:
    own: list[type[Message]] = [DispatchBatch, ConfirmBatch, GiveUpBatch, BatchOverdue]
    messages: list[type[Message]] = [*own, KeysStored, KeysFailed, KeysVoided]
    assert_table_is_total(EXCHANGE_TABLE, messages, BatchMaking)


def test_between_neighbours_the_key_of_the_link_is_the_key() -> None:
    batch, effects = carried()
    (told,) = sent(effects, AssignKeys)
    assert batch.state is Making.CARRIED
    assert told.key_ids == batch.key_ids
    _, receiver = joined()
    found = receiver.incoming.look(told.offset, 64)
    assert found is not None
    for place, material in enumerate(batch.keys.values()):
        with material.exposed() as octets:
            assert bytes(octets) == bytes(found[32 * place : 32 * place + 32])
    assert account(batch.link, A).delivered == 64


def test_over_more_hops_the_maker_draws_the_keys_and_encrypts_them() -> None:
    batch, effects = carried(hops=2)
    (told,) = sent(effects, RelayKeys)
    _, receiver = joined()
    pad = receiver.incoming.look(told.offset, KEY_OCTETS + 64)
    assert pad is not None
    plain = unseal(told, pad)
    assert plain is not None
    with next(iter(batch.keys.values())).exposed() as octets:
        assert bytes(octets) == bytes(plain[:32])
    assert (account(batch.link, A).pad, account(batch.link, A).tag) == (64, 32)


@pytest.mark.parametrize(("hops", "octets"), [(1, 64), (2, 96)])
def test_what_it_needs_of_the_link_is_what_it_takes(hops: int, octets: int) -> None:
    batch = making(hops)
    assert batch.need() == octets
    batch.link.enqueue(batch, 0, START)
    assert batch.link.out.next == octets
    assert batch.need() == 0


def test_identifiers_are_canonical_and_never_the_same() -> None:
    one, other = carried()[0], carried()[0]
    assert len({*one.key_ids}) == 2
    assert all(len(key_id) == 36 for key_id in other.key_ids)


def test_keys_are_ready_when_the_far_end_has_them() -> None:
    batch, _ = carried()
    effects = batch.receive(STORED, START)
    assert batch.state is Making.READY
    assert effects == [StopTimer("batch")]


@invariant("K2")
@pytest.mark.parametrize("cause", [FAILED, GIVE_UP], ids=["failed", "given up"])
def test_keys_that_do_not_arrive_are_wiped_and_voided(cause: Message) -> None:
    batch, _ = carried()
    materials = list(batch.keys.values())
    effects = batch.receive(cause, START)
    assert batch.state is Making.VOIDING
    assert all(material.is_wiped for material in materials)
    assert sent(effects, VoidKeys) == [VoidKeys(A, KSID, 1, onward=True, batch_id="batch", key_ids=batch.key_ids)]


@invariant("K2")
def test_what_is_being_voided_is_not_used_though_the_far_end_has_it() -> None:
    batch, _ = carried()
    batch.receive(FAILED, START)
    assert batch.receive(STORED, START) == []
    assert not batch.keys
    batch.receive(VOIDED, START)
    assert batch.state is Making.VOIDED


def test_an_answer_that_does_not_come_is_asked_for_until_it_is_too_late() -> None:
    batch, effects = carried()
    asked, now = 0, START
    while batch.state is Making.CARRIED:
        now = Instant(now + started(effects)["batch"])
        effects = batch.receive(OVERDUE, now)
        asked += len(sent(effects, AskStored))
    assert now == later(CARRY_TIMEOUT)
    assert asked == CARRY_TIMEOUT // ASK_AFTER - 1
    assert sent(effects, VoidKeys)


def test_a_void_is_repeated_until_confirmed_but_not_for_ever() -> None:
    batch, _ = carried()
    effects = batch.receive(FAILED, START)
    told = 0
    while batch.state is Making.VOIDING:
        told += len(sent(effects, VoidKeys))
        assert started(effects) == {"batch": ASK_AFTER}
        effects = batch.receive(OVERDUE, START)
    assert told == MOST_VOID_SIGNALS
    assert batch.state is Making.VOIDED


@pytest.mark.parametrize("message", [OVERDUE, GIVE_UP, FAILED], ids=["overdue", "given up", "failed"])
def test_without_a_route_there_is_nobody_to_tell(message: Message) -> None:
    batch, _ = carried()
    batch.forwarding.on_delete_session(DeleteSession(KSID, 1, Reason.CLOSED))
    assert batch.receive(message, START) == [StopTimer("batch")]
    assert batch.state is Making.VOIDED


def test_signals_take_the_present_route() -> None:
    batch, _ = carried()
    batch.forwarding.on_configure_hop(hop(epoch=2), START)
    (ask,) = sent(batch.receive(OVERDUE, later(ASK_AFTER)), AskStored)
    assert ask.epoch == 2


@pytest.mark.parametrize("message", [OVERDUE, GIVE_UP])
def test_what_still_waits_for_key_just_goes(message: Message) -> None:
    batch = after(message)
    assert batch.state is Making.VOIDED
    assert batch.need() == 0
    assert batch.link.enqueue(batch, 0, START) == []
    assert not batch.keys


@pytest.mark.parametrize("late", [DispatchBatch("batch"), STORED, FAILED, VOIDED, OVERDUE, GIVE_UP])
def test_what_comes_after_the_end_has_no_effect(late: Message) -> None:
    ready, _ = carried()
    ready.receive(STORED, START)
    for batch in (ready, after(GIVE_UP)):
        state = batch.state
        assert batch.receive(late, START) == []
        assert batch.state is state
