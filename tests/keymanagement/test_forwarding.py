"""The forwarding table: deletion is idempotent and final (S3), leases end what admission forgets (S1)."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement import forwarding as module
from keytwin.keymanagement.forwarding import (
    LONGEST_HOLD,
    SHARE_AFTER_RESTART,
    TOMBSTONE_LEASES,
    Forwarding,
    HopForgotten,
    HopKept,
    LeaseOverdue,
    TombstoneOverdue,
)
from keytwin.vocabulary.identity import Ksid
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.session_messages import (
    ConfigureHop,
    DeleteSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    Reason,
    RenewLease,
    SessionDeleted,
)
from keytwin.vocabulary.units import Duration, Instant, seconds
from tests.keymanagement.parts import KSID, START, A, B, C, hop, later, saved, sent, started
from tests.marks import invariant

LEASE = seconds(60)
Command = ConfigureHop | DeleteSession


def configure(epoch: int) -> ConfigureHop:
    return hop(B, (A, B, C), epoch=epoch)


def delete(epoch: int) -> DeleteSession:
    return DeleteSession(KSID, epoch, Reason.CLOSED)


def tell(table: Forwarding, command: Command) -> list[Effect]:
    if isinstance(command, ConfigureHop):
        return table.on_configure_hop(command, START)[1]
    return table.on_delete_session(command)[1]


def after(*commands: Command) -> Forwarding:
    table = Forwarding(B)
    for command in commands:
        tell(table, command)
    return table


def epoch_of(table: Forwarding) -> int:
    return table.hops[KSID].configuration.epoch if KSID in table.hops else 0


def test_a_configuration_is_durable_then_confirmed_and_leased() -> None:
    is_new, effects = Forwarding(B).on_configure_hop(configure(1), START)
    assert is_new
    assert [type(effect).__name__ for effect in effects] == ["Save", "Send", "StartTimer"]
    assert sent(effects, HopConfigured) == [HopConfigured(KSID, 1, B)]
    assert started(effects) == {f"{KSID}/lease": LEASE}


def test_the_same_configuration_again_is_only_confirmed() -> None:
    table = after(configure(1))
    assert table.on_configure_hop(configure(1), START) == (False, tell(after(configure(2)), configure(1)))
    assert saved(tell(table, configure(1)), HopKept) == []


@invariant("S3")
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=12))
def test_the_order_of_configurations_and_deletions_does_not_matter(commands: list[tuple[bool, int]]) -> None:
    """Repeated and overtaken in any way, they leave the highest epoch that no deletion reaches."""
    table = after(*[delete(epoch) if is_deletion else configure(epoch) for is_deletion, epoch in commands])
    deleted = max((epoch for is_deletion, epoch in commands if is_deletion), default=0)
    configured = max((epoch for is_deletion, epoch in commands if not is_deletion), default=0)
    assert epoch_of(table) == (configured if configured > deleted else 0)


@invariant("S3")
@pytest.mark.parametrize("order", list(itertools.permutations([configure(1), configure(2), delete(1), delete(2)])))
def test_a_late_configuration_does_not_undo_a_deletion(order: tuple[Command, ...]) -> None:
    table = after(*order)
    assert not table.hops
    for late in (configure(1), configure(2)):
        assert sent(tell(table, late), SessionDeleted) == [SessionDeleted(KSID, 2, B)]
    assert not table.hops


@invariant("S3")
def test_deletion_is_confirmed_as_often_as_it_is_told() -> None:
    table = after(configure(1))
    for _ in range(3):
        assert sent(tell(table, delete(1)), SessionDeleted) == [SessionDeleted(KSID, 1, B)]
    assert saved(tell(table, delete(1)), HopForgotten) == []


@invariant("S3")
def test_deletion_of_an_old_epoch_leaves_a_newer_route() -> None:
    table = after(configure(2))
    assert sent(tell(table, delete(1)), SessionDeleted)
    assert epoch_of(table) == 2


def test_only_the_exact_epoch_is_forwarded() -> None:
    table = after(configure(2))
    assert [table.hop(KSID, epoch) is not None for epoch in (1, 2, 3)] == [False, True, False]


@invariant("R3")
def test_an_entry_leads_to_the_previous_and_the_next_hop() -> None:
    entry = after(configure(1)).hops[KSID]
    previous, following = entry.towards(onward=False), entry.towards(onward=True)
    assert previous
    assert following
    assert (previous.node, following.node) == (A, C)


# --- leases ---------------------------------------------------------------------------------------------------------


@invariant("S1")
def test_what_admission_does_not_renew_goes_with_its_lease() -> None:
    table = after(configure(1))
    went, effects = table.on_lease_overdue(LeaseOverdue(KSID), later(LEASE))
    assert went
    assert not table.hops
    assert saved(effects, HopForgotten) == [HopForgotten(KSID, 1)]
    assert started(effects) == {f"{KSID}/tombstone": TOMBSTONE_LEASES * LEASE}
    assert sent(tell(table, configure(1)), SessionDeleted)


def test_a_renewed_lease_is_looked_at_again_when_it_ends() -> None:
    table = after(configure(1))
    assert table.on_renew_lease(RenewLease(KSID, 1), later(seconds(40))) == []
    went, effects = table.on_lease_overdue(LeaseOverdue(KSID), later(LEASE))
    assert not went
    assert started(effects) == {f"{KSID}/lease": seconds(40)}
    assert table.on_lease_overdue(LeaseOverdue(KSID), later(seconds(100)))[0]


@invariant("S1")
def test_use_alone_does_not_renew_a_lease() -> None:
    """Admission gives the capacity of a key manager it cannot reach to others when the lease has run out."""
    table = after(configure(1))
    table.signal_use(KSID, later(seconds(50)))
    assert table.on_lease_overdue(LeaseOverdue(KSID), later(LEASE))[0]


def test_what_is_missing_is_said_when_it_should_be_renewed() -> None:
    assert sent(Forwarding(B).on_renew_lease(RenewLease(KSID, 1), START), HopMissing) == [HopMissing(KSID, B)]


def test_a_stale_lease_timer_has_no_effect() -> None:
    assert after(configure(1), delete(1)).on_lease_overdue(LeaseOverdue(KSID), later(LEASE)) == (False, [])


def test_use_is_told_to_admission_but_not_often() -> None:
    table = after(configure(1))
    told = [bool(sent(table.signal_use(KSID, later(seconds(second))), KeyRequested)) for second in range(16)]
    assert [second for second, is_told in enumerate(told) if is_told] == [0, 8]
    assert Forwarding(B).signal_use(KSID, START) == []


# --- tombstones -----------------------------------------------------------------------------------------------------


def test_a_tombstone_goes_in_time() -> None:
    table = after(configure(1), delete(1))
    assert table.on_tombstone_overdue(TombstoneOverdue(KSID), later(seconds(120))) == []
    assert not table.tombstones


@invariant("S3")
def test_a_session_never_seen_is_buried_too() -> None:
    effects = tell(Forwarding(B), delete(3))
    assert started(effects) == {f"{KSID}/tombstone": LONGEST_HOLD}
    assert saved(effects, HopForgotten) == [HopForgotten(KSID, 3)]


def test_tombstones_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_TOMBSTONES", 3)
    table = Forwarding(B)
    for number in range(10):
        table.on_delete_session(DeleteSession(Ksid(f"s{number}"), 1, Reason.CLOSED))
    assert list(table.tombstones) == ["s7", "s8", "s9"]


# --- restart --------------------------------------------------------------------------------------------------------


@invariant("S3")
@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=12))
def test_a_restart_finds_the_table_as_it_was(commands: list[tuple[bool, int]]) -> None:
    table, again = Forwarding(B), Forwarding(B)
    for is_deletion, epoch in commands:
        for record in _records(tell(table, delete(epoch) if is_deletion else configure(epoch))):
            again.restore(record)
    assert epoch_of(again) == epoch_of(table)
    assert again.tombstones == table.tombstones


@invariant("S1")
def test_a_restart_begins_half_a_lease_and_tells_admission() -> None:
    """When it was renewed is not known; admission, asked again, deletes what it has given up meanwhile."""
    table = Forwarding(B)
    table.restore(HopKept(configure(4)))
    effects = table.resume(START)
    assert started(effects) == {f"{KSID}/lease": LEASE // SHARE_AFTER_RESTART}
    assert sent(effects, HopConfigured) == [HopConfigured(KSID, 4, B)]
    assert table.on_lease_overdue(LeaseOverdue(KSID), Instant(START + LEASE // 2))[0]


def test_a_restart_keeps_tombstones_for_a_while() -> None:
    table = Forwarding(B)
    table.restore(HopForgotten(KSID, 2))
    assert started(table.resume(START)) == {f"{KSID}/tombstone": LONGEST_HOLD}
    assert not table.on_configure_hop(configure(2), START)[0]
    assert Duration(LONGEST_HOLD) > LEASE


def _records(effects: list[Effect]) -> list[HopKept | HopForgotten]:
    return [*saved(effects, HopKept), *saved(effects, HopForgotten)]
