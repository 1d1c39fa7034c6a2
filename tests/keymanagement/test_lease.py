"""Leases of pads: whatever happens to either disk, no octet is allocated twice (invariants P1, P2, P3)."""

from __future__ import annotations

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from keytwin.keymanagement.lease import (
    ASK_AGAIN,
    LARGEST_LEASE,
    LEASE,
    LONGEST_PAUSE,
    GrantKept,
    Grants,
    Lease,
    OutgoingMark,
)
from keytwin.keymanagement.pads import Outgoing, Spent
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import PadsDoubted
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import AskLease, LeaseGranted, LeaseRefused
from keytwin.vocabulary.machine import Effect, Message, Publish, Save, Send, StartTimer, StopTimer
from keytwin.vocabulary.units import Instant
from tests import marks
from tests.keymanagement.leases import NoBlocks, messages, records, unleased
from tests.keymanagement.parts import AB, A, B, joined

FIRST = OutgoingMark(AB, 0, Spent(0, 0, 0))
MUCH = 10**6
SIZE = 100


def sender(kept: OutgoingMark = FIRST, at: int = 1, end: int = MUCH, size: int = SIZE) -> tuple[Lease, list[Effect]]:
    """Return a sender with so many octets ingested, as it starts, and what it does."""
    out = Outgoing()
    if end:
        out.place(0, KeyMaterial(bytearray(end)))
    lease = Lease(AB, A, km_of(B), out, size, kept, NoBlocks())
    return lease, lease.begin(Instant(at))


def receiver(kept: GrantKept | None = None) -> Grants:
    grants = Grants(AB, B, km_of(A), NoBlocks())
    grants.kept = kept or grants.kept
    return grants


def asked(effects: list[Effect]) -> AskLease:
    (message,) = [message for message in messages(effects) if isinstance(message, AskLease)]
    return message


def granted(grants: Grants, ask: AskLease) -> LeaseGranted:
    (message,) = messages(grants.on_ask_lease(ask))
    assert isinstance(message, LeaseGranted)
    return message


def doubts(effects: list[Effect]) -> list[str]:
    events = [effect.event for effect in effects if isinstance(effect, Publish)]
    return [event.what for event in events if isinstance(event, PadsDoubted)]


def leased(lease: Lease, grants: Grants, effects: list[Effect]) -> tuple[int, int]:
    """Let a question be answered; return the range that may be used from then on."""
    before = lease.marked.offset
    answer = granted(grants, asked(effects))
    lease.on_lease_granted(answer)
    assert lease.marked.offset == answer.end
    return max(before, answer.start), answer.end


# --- one question and its answer --------------------------------------------------------------------------------------


@marks.invariant("P3")
def test_nothing_is_used_before_the_neighbour_has_granted_it() -> None:
    lease, effects = sender()
    assert lease.ready == 0
    assert leased(lease, receiver(), effects) == (0, SIZE)
    assert lease.ready == SIZE


@marks.invariant("P2")
def test_a_number_is_durable_before_it_is_asked_with() -> None:
    _, effects = sender()
    save, send = effects[:2]
    assert isinstance(save, Save)
    assert isinstance(send, Send)
    assert isinstance(save.record, OutgoingMark)
    assert isinstance(send.message, AskLease)
    assert save.record.generation == send.message.generation == 1


@marks.invariant("P2")
def test_a_grant_is_durable_before_it_is_told_and_again_before_it_is_used() -> None:
    lease, effects = sender()
    told = receiver().on_ask_lease(asked(effects))
    assert [type(effect) for effect in told] == [Save, Send]
    (answer,) = messages(told)
    assert isinstance(answer, LeaseGranted)
    taken = lease.on_lease_granted(answer)
    assert [type(effect) for effect in taken] == [Save, StopTimer]


def test_it_is_renewed_when_half_is_used_and_not_before() -> None:
    lease, effects = sender()
    leased(lease, receiver(), effects)
    lease.out.next = SIZE // 2
    assert lease.renew() == []
    lease.out.next += 1
    ask = asked(lease.renew())
    assert (ask.generation, ask.mark, ask.octets) == (2, SIZE, SIZE)
    assert lease.renew() == []  # one question at a time


def test_a_larger_need_is_asked_for_at_once() -> None:
    lease, effects = sender()
    grants = receiver()
    leased(lease, grants, effects)
    assert lease.renew(SIZE) == []
    assert leased(lease, grants, lease.renew(5 * SIZE)) == (SIZE, 6 * SIZE)


def test_it_is_asked_again_ever_more_rarely_until_answered() -> None:
    lease, effects = sender()
    ask, pauses = asked(effects), []
    for _ in range(10):
        effects = lease.on_lease_due()
        assert asked(effects) == ask
        (timer,) = [effect for effect in effects if isinstance(effect, StartTimer)]
        pauses.append(timer.after)
    assert pauses[:3] == [2 * ASK_AGAIN, 4 * ASK_AGAIN, 8 * ASK_AGAIN]
    assert max(pauses) == LONGEST_PAUSE
    lease.on_lease_granted(granted(receiver(), ask))
    assert lease.on_lease_due() == []
    assert lease.pause == ASK_AGAIN


def test_a_repeated_question_has_the_same_answer_and_a_repeated_answer_no_effect() -> None:
    lease, effects = sender()
    grants = receiver()
    first = granted(grants, asked(effects))
    again = grants.on_ask_lease(asked(effects))
    assert messages(again) == [first]
    assert records(again) == []
    lease.on_lease_granted(first)
    assert lease.on_lease_granted(first) == []
    assert lease.marked.offset == SIZE


def test_an_answer_to_another_incarnation_has_no_effect() -> None:
    before, effects = sender(at=1)
    answer = granted(receiver(), asked(effects))
    after, _ = sender(before.marked, at=2)
    assert after.on_lease_granted(answer) == []
    refused = LeaseRefused(B, AB, 1, 1, Instant(1), 5)
    assert after.on_lease_refused(refused) == []
    assert not after.is_fenced


@pytest.mark.parametrize("octets", [0, -1, LARGEST_LEASE + 1])
def test_who_asks_for_what_makes_no_sense_breaks_the_protocol(octets: int) -> None:
    with pytest.raises(Violation, match="octets of a--b is asked for"):
        receiver().on_ask_lease(AskLease(A, AB, 1, 1, Instant(1), 0, octets))


@pytest.mark.parametrize(("start", "end"), [(SIZE - 1, 3 * SIZE), (SIZE, SIZE), (2 * SIZE, SIZE)])
@marks.invariant("P1")
def test_a_neighbour_that_grants_what_was_used_breaks_the_protocol(start: int, end: int) -> None:
    lease, effects = sender()
    leased(lease, receiver(), effects)
    lease.out.next = SIZE
    ask = asked(lease.renew())
    with pytest.raises(Violation, match="lies below what was used"):
        lease.on_lease_granted(LeaseGranted(B, AB, 1, ask.generation, ask.started_at, start, end))


# --- crashes, copies and old disks ------------------------------------------------------------------------------------


@marks.invariant("P1")
@marks.invariant("P3")
def test_a_crash_gives_up_the_rest_of_its_lease_and_no_more() -> None:
    lease, effects = sender()
    grants = receiver()
    leased(lease, grants, effects)
    lease.out.next = 30
    again, effects = sender(lease.marked, at=2)
    assert again.ready == 0
    assert leased(again, grants, effects) == (SIZE, 2 * SIZE)
    assert again.out.next == SIZE


@marks.invariant("P2")
def test_a_sender_whose_disk_was_put_back_gets_what_nobody_had_and_says_so() -> None:
    lease, effects = sender()
    grants = receiver()
    leased(lease, grants, effects)
    old = lease.marked
    for _ in range(3):
        lease.out.next = lease.marked.offset
        leased(lease, grants, lease.renew())
    put_back, effects = sender(old, at=2)
    (refused,) = messages(grants.on_ask_lease(asked(effects)))
    assert isinstance(refused, LeaseRefused)
    effects = put_back.on_lease_refused(refused)
    assert doubts(effects) == ["this key manager was started from an old or copied disk: nothing of it is used again"]
    assert leased(put_back, grants, effects) == (4 * SIZE, 5 * SIZE)
    assert put_back.out.next == 4 * SIZE


@marks.invariant("P2")
def test_a_receiver_whose_disk_was_put_back_believes_the_sender() -> None:
    lease, effects = sender()
    grants = receiver()
    leased(lease, grants, effects)
    old = grants.kept
    lease.out.next = SIZE
    leased(lease, grants, lease.renew())
    lease.out.next = 2 * SIZE
    assert leased(lease, receiver(old), lease.renew()) == (2 * SIZE, 3 * SIZE)


@marks.invariant("P2")
def test_of_an_original_and_its_copy_the_newcomer_goes_on_and_the_other_one_stops() -> None:
    original, effects = sender(at=1)
    grants = receiver()
    mine = leased(original, grants, effects)
    copy, effects = sender(original.marked, at=2)
    its = leased(copy, grants, effects)
    assert mine == (0, SIZE)
    assert its == (SIZE, 2 * SIZE)
    assert original.ready == SIZE  # a zombie may use up what it was granted: nobody else has it
    original.out.next = SIZE
    (refused,) = messages(grants.on_ask_lease(asked(original.renew())))
    assert isinstance(refused, LeaseRefused)
    assert doubts(original.on_lease_refused(refused)) == [
        "another copy of this key manager has taken over: this one sends no more"
    ]
    assert original.is_fenced
    assert original.ready == 0
    assert original.renew(10) == []
    assert not copy.is_fenced


@marks.invariant("P2")
def test_two_copies_that_start_from_the_same_disk_do_not_share_a_lease() -> None:
    grants = receiver()
    kept = OutgoingMark(AB, SIZE, Spent(0, SIZE, 0), generation=3)
    (one, first), (other, second) = sender(kept, at=10), sender(kept, at=11)
    assert asked(first).generation == asked(second).generation
    assert leased(one, grants, first) == (SIZE, 2 * SIZE)
    (refused,) = messages(grants.on_ask_lease(asked(second)))
    assert isinstance(refused, LeaseRefused)
    assert leased(other, grants, other.on_lease_refused(refused)) == (2 * SIZE, 3 * SIZE)


def test_without_the_sender_s_witness_a_receiver_that_was_put_back_would_grant_it_again() -> None:
    lease, effects = sender()
    grants = receiver()
    first = leased(lease, grants, effects)
    forgetful, effects = sender(OutgoingMark(AB, 0, Spent(0, 0, 0), lease.marked.generation), at=2)
    assert leased(forgetful, receiver(), effects) == first


@marks.invariant("O3")
def test_a_mark_of_an_earlier_keytwin_is_a_witness_too() -> None:
    lease, effects = sender(OutgoingMark(AB, 500, Spent(0, 400, 0)))
    assert lease.out.next == 500
    assert leased(lease, receiver(), effects) == (500, 600)


def test_a_lease_is_small_in_a_small_store() -> None:
    assert joined(capacity=10**7)[0].lease_size == LEASE
    assert joined(capacity=800)[0].lease_size == 101
    assert joined(capacity=0)[0].lease_size == 1


def test_a_link_that_was_never_leased_has_nothing_ready() -> None:
    link, _ = unleased(count=50)
    assert (link.ready, link.out.stock) == (0, 50)


# --- whatever happens -------------------------------------------------------------------------------------------------


class Ends(RuleBasedStateMachine):
    """Any number of incarnations and copies of a sender, and one receiver, over a wire that loses and overtakes.

    One side at a time may be put back to an earlier state: two witnesses, of which one is right.
    """

    forgets_grants = False  # a fault that is planted

    def __init__(self) -> None:
        super().__init__()
        self.time = 1
        self.kept: list[OutgoingMark] = [FIRST]
        self.granted: list[GrantKept] = [Grants(AB, B, km_of(A), NoBlocks()).kept]
        self.grants = receiver()
        self.wire: list[Message] = []
        self.senders: list[Lease] = []
        self.used: dict[int, int] = {}
        self.spoilt = ""
        self._start(FIRST)

    def _start(self, kept: OutgoingMark) -> None:
        self.time += 1
        lease, effects = sender(kept, self.time)
        self.senders.append(lease)
        self._perform(effects)

    def _perform(self, effects: list[Effect]) -> None:
        for record in records(effects):
            if isinstance(record, OutgoingMark):
                self.kept.append(record)
            elif isinstance(record, GrantKept):
                self.granted.append(record)
        self.wire += [message for message in messages(effects) if isinstance(message, Message)]

    @rule(which=st.integers(0, 3), number=st.integers(1, 90))
    def use(self, which: int, number: int) -> None:
        lease = self.senders[-1 - which % len(self.senders)]
        number = min(number, lease.ready)
        for octet in range(lease.out.next, lease.out.next + number):
            assert octet not in self.used, f"octet {octet} is used twice"
            self.used[octet] = id(lease)
        lease.out.next += number
        self._perform(lease.renew())

    @precondition(lambda self: self.wire)
    @rule(at=st.integers(0, 20), keep=st.booleans())
    def arrive(self, at: int, keep: bool) -> None:  # noqa: FBT001  # drawn
        message = self.wire[at % len(self.wire)]
        if not keep:
            self.wire.remove(message)
        if isinstance(message, AskLease):
            if self.forgets_grants:
                self.grants.kept = GrantKept(AB, self.grants.kept.generation, self.grants.kept.started_at, 0, 0)
            self._perform(self.grants.on_ask_lease(message))
            return
        for lease in self.senders:  # copies have one address: each hears it
            if isinstance(message, LeaseGranted):
                self._perform(lease.on_lease_granted(message))
            elif isinstance(message, LeaseRefused):
                self._perform(lease.on_lease_refused(message))

    @precondition(lambda self: self.wire)
    @rule(at=st.integers(0, 20))
    def lose(self, at: int) -> None:
        del self.wire[at % len(self.wire)]

    @rule(which=st.integers(0, 3))
    def ask_again(self, which: int) -> None:
        self._perform(self.senders[-1 - which % len(self.senders)].on_lease_due())

    @rule()
    def crash_sender(self) -> None:
        self.senders.pop()
        self._start(self.kept[-1])

    @precondition(lambda self: len(self.senders) < 4)
    @rule()
    def copy_sender(self) -> None:
        self._start(self.kept[-1])

    @precondition(lambda self: self.spoilt != "receiver" and len(self.senders) < 4)
    @rule(back=st.integers(0, 8))
    def put_sender_back(self, back: int) -> None:
        self.spoilt = "sender"
        self._start(self.kept[max(0, len(self.kept) - 1 - back)])

    @rule()
    def crash_receiver(self) -> None:
        self.grants = receiver(self.granted[-1])

    @precondition(lambda self: self.spoilt != "sender" and len(self.senders) == 1)
    @rule(back=st.integers(0, 8))
    def put_receiver_back(self, back: int) -> None:
        self.spoilt = "receiver"
        self.grants = receiver(self.granted[max(0, len(self.granted) - 1 - back)])

    @invariant()
    def what_is_ready_is_leased(self) -> None:
        assert all(lease.ready <= lease.marked.offset for lease in self.senders)


TestEnds = marks.invariant("P2")(Ends.TestCase)
TestEnds.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


class ForgetfulReceiver(Ends):
    """A planted fault: the receiver grants without regard to what it has granted."""

    forgets_grants = True


def test_without_the_receiver_s_witness_octets_are_used_twice() -> None:
    much = settings(
        max_examples=2_000,
        stateful_step_count=40,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        report_multiple_bugs=False,
    )
    with pytest.raises((AssertionError, Violation)):  # used twice, or the sender sees that it would be
        run_state_machine_as_test(ForgetfulReceiver, settings=much)
