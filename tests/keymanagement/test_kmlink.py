"""One end of a KM link: what waits is served in its order, what was sent is repeated, marks run ahead of use."""

from __future__ import annotations

from dataclasses import dataclass, field

from keytwin.keymanagement.kmlink import (
    IncomingMark,
    KmLink,
    ResendDue,
    account,
    restore_link,
)
from keytwin.keymanagement.outbox import RESEND_AFTER, WINDOW
from keytwin.keymanagement.pads import Use
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysReceived
from keytwin.vocabulary.identity import Ksid, km_of
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.units import Bits, Duration, Instant, seconds
from tests.keymanagement.leases import exchange, unleased
from tests.keymanagement.parts import AB, KSID, START, A, B, fill, joined, key_ids, later, saved, sent, started
from tests.marks import invariant


@dataclass(eq=False)
class Waiter:
    """Waits for some octets and sends them off as keys."""

    octets: int = 10
    ksid: Ksid = KSID
    epoch: int = 1
    waits_until: Instant | None = None
    fate: list[str] = field(default_factory=list)

    def need(self) -> int:
        return self.octets

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        self.fate.append("carried")
        offset, _, effects = link.take(self.octets, Use.DELIVERED)
        return [*effects, *link.send(assign(link, offset, self.octets), later(seconds(10)), now)]

    def give_up(self) -> list[Effect]:
        self.fate.append("gave up")
        return [Send(km_of(B), KeysReceived(A, A, AB, 1, 0))]

    def drop(self) -> None:
        self.fate.append("dropped")


def assign(link: KmLink, offset: int, octets: int) -> AssignKeys:
    floor = link.outbox.floor(offset)
    return AssignKeys(
        sender=link.node,
        link=AB,
        link_epoch=1,
        offset=offset,
        floor=floor,
        ksid=KSID,
        epoch=1,
        onward=True,
        batch_id=f"batch {offset}",
        key_size=Bits(8 * octets),
        key_ids=key_ids("k"),
    )


def acknowledged(message: AssignKeys) -> KeysReceived:
    return KeysReceived(B, A, AB, 1, message.offset)


def test_what_finds_key_is_carried_at_once() -> None:
    link, _ = joined(count=100)
    waiter = Waiter()
    effects = link.enqueue(waiter, 0, START)
    assert waiter.fate == ["carried"]
    assert len(sent(effects, AssignKeys)) == 1


def test_what_needs_much_holds_up_the_rest_until_there_is_key() -> None:
    link, other = joined(count=100)
    large, small = Waiter(150), Waiter(10)
    link.enqueue(large, 0, START)
    link.enqueue(small, 0, START)
    assert large.fate == small.fate == []
    fill(link, other, 100)
    assert len(sent(link.pump(START), AssignKeys)) == 2


def test_of_what_waits_the_higher_class_goes_first() -> None:
    link, other = joined(count=0)
    low, high = Waiter(10), Waiter(10)
    link.enqueue(low, 3, START)
    link.enqueue(high, 0, START)
    fill(link, other, 10)
    link.pump(START)
    assert (low.fate, high.fate) == ([], ["carried"])


def test_no_more_is_sent_than_the_neighbour_can_remember() -> None:
    link, _ = joined(count=20_000)
    for _ in range(WINDOW):
        link.enqueue(Waiter(), 0, START)
    assert link.enqueue(Waiter(), 0, START) == []
    first = next(iter(link.outbox.values())).message
    assert isinstance(first, AssignKeys)
    assert len(sent(link.on_keys_received(acknowledged(first), START), AssignKeys)) == 1


def test_an_acknowledgement_of_the_other_direction_is_not_ours() -> None:
    link, _ = joined()
    link.enqueue(Waiter(), 0, START)
    link.on_keys_received(KeysReceived(B, B, AB, 1, 0), START)
    assert len(link.outbox) == 1


@invariant("P1")
def test_what_is_not_acknowledged_is_repeated_octet_for_octet() -> None:
    link, _ = joined()
    (first,) = sent(link.enqueue(Waiter(), 0, START), AssignKeys)
    (second,) = sent(link.enqueue(Waiter(), 0, START), AssignKeys)
    link.on_keys_received(acknowledged(first), START)
    assert sent(link.on_resend_due(later(RESEND_AFTER)), AssignKeys) == [second]


def test_the_timer_runs_while_something_is_unacknowledged_and_only_then() -> None:
    link, _ = joined()
    effects = link.enqueue(Waiter(), 0, START)
    assert started(effects) == {f"{AB}/resend": RESEND_AFTER}
    assert started(link.enqueue(Waiter(), 0, START)) == {}
    for message in sent(effects, AssignKeys):
        link.on_keys_received(acknowledged(message), START)
    assert started(link.on_resend_due(later(RESEND_AFTER))) != {}
    for entry in list(link.outbox.values()):
        link.outbox.acknowledge(entry.message.offset)
    assert started(link.on_resend_due(later(Duration(2 * RESEND_AFTER)))) == {}


def test_waiting_for_key_alone_needs_no_timer() -> None:
    link, _ = joined(count=0)
    assert link.enqueue(Waiter(), 0, START) == []


def test_what_waits_with_a_limit_gives_up_in_time_though_others_came_with_a_later_one() -> None:
    link, _ = joined(count=0)
    patient, hasty = Waiter(waits_until=later(seconds(9))), Waiter(waits_until=later(seconds(2)))
    assert started(link.enqueue(patient, 0, START)) == {f"{AB}/resend": seconds(9)}
    assert started(link.enqueue(hasty, 0, START)) == {f"{AB}/resend": seconds(2)}
    effects = link.on_resend_due(later(seconds(2)))
    assert (patient.fate, hasty.fate) == ([], ["gave up"])
    assert sent(effects, KeysReceived)
    assert started(effects) == {f"{AB}/resend": seconds(7)}
    link.on_resend_due(later(seconds(9)))
    assert patient.fate == ["gave up"]
    assert len(link.queue) == 0


def test_a_session_is_dropped_from_queue_and_outbox_up_to_an_epoch() -> None:
    link, _ = joined(count=25)
    sent_off = [Waiter(), Waiter()]
    waiting = [Waiter(), Waiter(epoch=2), Waiter(ksid=Ksid("other"))]
    for waiter in (*sent_off, *waiting):
        link.enqueue(waiter, 0, START)
    link.drop_session(KSID, 1)
    assert [waiter.fate for waiter in waiting] == [["dropped"], [], []]
    assert len(link.queue) == 2
    assert len(link.outbox) == 0


# --- marks ----------------------------------------------------------------------------------------------------------


@invariant("P1")
@invariant("P5")
def test_a_restarted_sender_never_uses_an_octet_again() -> None:
    link, neighbour = unleased(count=50_000)
    for _ in range(20):
        exchange(link, neighbour, link.enqueue(Waiter(700), 0, START))
    again, _ = unleased(count=50_000)
    restore_link(again, link.lease.marked)
    exchange(again, neighbour, again.resume(START))
    assert link.out.next <= again.out.next <= link.out.next + 2 * link.lease_size
    assert again.ready > 0
    assert account(again, A).balance == 0
    assert account(again, A).delivered <= account(link, A).delivered


@invariant("P5")
def test_a_restarted_receiver_takes_up_the_floor() -> None:
    sender, receiver = joined(count=50_000)
    records = []
    for _ in range(40):
        (message,) = sent(sender.enqueue(Waiter(700), 0, START), AssignKeys)
        records += saved(receiver.spend(message, 700, Use.DELIVERED), IncomingMark)
        sender.on_keys_received(acknowledged(message), START)
    assert records
    _, again = joined(count=50_000)
    for record in records:
        restore_link(again, record)
    again.resume(START)
    assert receiver.incoming.floor - receiver.lease_size <= again.incoming.floor <= receiver.incoming.floor
    assert account(again, A).balance == 0
    assert account(again, A).delivered == again.incoming.floor


def test_accounts_tell_both_directions() -> None:
    sender, receiver = joined(count=1_000)
    (message,) = sent(sender.enqueue(Waiter(700), 0, START), AssignKeys)
    receiver.spend(message, 700, Use.DELIVERED)
    for link in (sender, receiver):
        out_of_a, out_of_b = account(link, A), account(link, B)
        assert (out_of_a.node, out_of_a.sender, out_of_a.delivered, out_of_a.stored) == (link.node, A, 700, 300)
        assert (out_of_b.sender, out_of_b.stored) == (B, 1_000)


def test_the_timer_message_names_its_link() -> None:
    assert ResendDue(AB).link == AB
