"""The master's desk: tokens drawn once, requests in order, all keys of a request or none (paper B, 3.1)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from keytwin.keymanagement import desk as module
from keytwin.keymanagement.bucket import Borrower
from keytwin.keymanagement.desk import COME_AGAIN, MOST_ASKED, Desk, LendDue, open_desk
from keytwin.keymanagement.exchange import Making
from keytwin.keymanagement.pool import KeysHandedOut
from keytwin.vocabulary.events import KeyAsked, KeyDenied, KeysAnswered
from keytwin.vocabulary.exchange_messages import (
    BorrowCredit,
    CreditLent,
    GetKey,
    KeyDelivered,
    KeyRefused,
    KeysFailed,
    KeysStored,
)
from keytwin.vocabulary.identity import NodeId, sae_element
from keytwin.vocabulary.machine import Effect, Save, Send
from keytwin.vocabulary.session_messages import EndConfiguration, Reason
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, seconds
from tests.keymanagement.parts import KSID, SAE, START, A, B, hop, later, published, saved, sent, started
from tests.keymanagement.test_workshop import configure, workshop
from tests.marks import invariant


def desk(*, ready: int = 0, is_first: bool = True) -> Desk:
    """Return the desk of A with so many keys of 256 bit ready; a burst of 100 kbit, 10 kbit/s."""
    made = workshop(stock=90_000)
    route: tuple[NodeId, ...] = (A, B) if is_first else (B, A)
    wanted = hop(A, route)
    configure(made, wanted)
    end = wanted.end
    assert isinstance(end, EndConfiguration)
    opened = open_desk(A, KSID, end, made, START)
    opened.replenish(START)
    for name in list(made.makings)[: ready // 4]:
        outcome(opened, name)
    return opened


def outcome(opened: Desk, name: str, now: Instant = START) -> list[Effect]:
    """Let a batch arrive at the far end."""
    ready, effects = opened.workshop.on_outcome(KeysStored(B, KSID, 1, onward=False, batch_id=name), now)
    assert ready
    return [*effects, *opened.take_in(ready, now), *opened.replenish(now)]


def arrive(opened: Desk, size: Bits = Bits(256), now: Instant = START) -> list[Effect]:
    """Let everything of a size that is under way arrive."""
    makings = opened.workshop.makings.items()
    under_way = [name for name, making in makings if making.key_size == size and making.state is Making.CARRIED]
    return [effect for name in under_way for effect in outcome(opened, name, now)]


def ask(number: int = 1, name: str = "r", size: int | None = None, wait: Duration = seconds(5)) -> GetKey:
    return GetKey(name, sae_element(SAE), KSID, SAE, number, None if size is None else Bits(size), wait)


def keys(effects: list[Effect], name: str = "r") -> list[str]:
    """Return the identifiers of the keys that a request is answered with."""
    return [key.key_id for told in sent(effects, KeyDelivered) if told.request_id == name for key in told.keys]


def refusal(effects: list[Effect], name: str = "r") -> tuple[Reason, Duration]:
    (told,) = [each for each in sent(effects, KeyRefused) if each.request_id == name]
    return told.reason, told.retry_after


def test_keys_that_are_ready_are_handed_out_at_once_durably_first() -> None:
    opened = desk(ready=8)
    effects = opened.ask(ask(3), START)
    (answer,) = [effect for effect in effects if isinstance(effect, Send) and isinstance(effect.message, KeyDelivered)]
    assert effects.index(Save(saved(effects, KeysHandedOut)[0])) < effects.index(answer)
    assert saved(effects, KeysHandedOut)[0].key_ids == tuple(keys(effects))
    assert len(keys(effects)) == 3
    assert published(effects, KeysAnswered)[0].is_master
    assert published(effects, KeyAsked)
    assert not any(name.startswith("request/") for name in started(effects))
    assert (opened.workshop.books.delivered, opened.workshop.books.stored) == (3, 5)


def test_a_request_waits_for_keys_no_longer_than_it_wants_to() -> None:
    opened = desk()
    assert started(opened.ask(ask(wait=seconds(7)), START))[f"request/{KSID}/r"] == seconds(7)
    assert opened.is_waited_at
    effects = opened.give_up("r", later(seconds(7)))
    assert refusal(effects)[0] is Reason.KEY_UNAVAILABLE
    assert refusal(effects)[1] > 0
    assert not opened.is_waited_at
    assert opened.give_up("r", later(seconds(8))) == []


def test_requests_are_answered_in_their_order() -> None:
    opened = desk(ready=4)
    assert keys(opened.ask(ask(8, "large"), START), "large") == []
    assert keys(opened.ask(ask(1, "small"), START), "small") == []
    effects = arrive(opened, now=later(seconds(1)))
    assert [told.request_id for told in sent(effects, KeyDelivered)] == ["large", "small"]
    assert f"request/{KSID}/large" not in started([*opened.ask(ask(1, "x"), START), *effects])


def test_one_that_gives_up_makes_way_for_the_next() -> None:
    opened = desk(ready=4)
    opened.ask(ask(8, "large"), START)
    opened.ask(ask(1, "small"), START)
    assert len(keys(opened.give_up("large", later(seconds(1))), "small")) == 1


def test_a_request_for_another_size_waits_for_its_own_keys_and_holds_up_nobody() -> None:
    opened = desk(ready=4)
    effects = opened.ask(ask(2, "odd", size=512), START)
    assert keys(effects, "odd") == []
    assert len(keys(opened.ask(ask(1, "plain"), START), "plain")) == 1
    assert len(keys(arrive(opened, Bits(512)), "odd")) == 2
    assert not opened.special


def test_a_request_for_another_size_is_made_anew_after_a_failure() -> None:
    opened = desk()
    opened.ask(ask(2, "odd", size=512), START)
    (name,) = [name for name, making in opened.workshop.makings.items() if making.request_id == "odd"]
    reason = Reason.KEY_UNAVAILABLE
    opened.workshop.on_outcome(KeysFailed(B, KSID, 1, onward=False, batch_id=name, reason=reason), START)
    assert opened.replenish(START) == []
    opened.replenish(later(seconds(1)))
    fresh = [name for name, making in opened.workshop.makings.items() if making.request_id == "odd" and making.keys]
    assert len(keys(outcome(opened, fresh[0]), "odd")) == 2


@invariant("K1")
def test_keys_made_for_a_request_that_has_given_up_are_nobody_elses() -> None:
    opened = desk()
    opened.ask(ask(2, "odd", size=512), START)
    materials = [m for making in opened.workshop.makings.values() if making.request_id for m in making.keys.values()]
    opened.give_up("odd", later(seconds(5)))
    assert keys(arrive(opened, Bits(512)), "odd") == []
    assert all(material.is_wiped for material in materials)
    assert opened.workshop.books.account(A).balance == 0


def test_a_repeated_request_is_seen_to_once() -> None:
    opened = desk()
    opened.ask(ask(2), START)
    level = opened.tokens.wait(100_000, START)
    assert opened.ask(ask(2), START) == []
    assert opened.tokens.wait(100_000, START) == level


# --- what can never be answered -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "size"),
    [(0, 256), (-1, 256), (1, 0), (1, -8), (1, 257), (391, 256), (1, 100_008), (MOST_ASKED + 1, 8), (10**12, 8)],
)
def test_what_can_never_be_answered_is_refused_at_once_and_costs_nothing(number: int, size: int) -> None:
    opened = desk(ready=8)
    effects = opened.ask(ask(number, size=size), START)
    assert refusal(effects) == (Reason.TOO_LARGE, 0)
    assert published(effects, KeyDenied)
    assert opened.tokens.take(Bits(75_000), START)
    assert not opened.is_waited_at


def test_a_request_as_large_as_the_burst_can_be_answered() -> None:
    opened = desk()
    opened.tokens.take(Bits(1), START)
    assert refusal(opened.ask(ask(390), START))[0] is Reason.RATE_EXCEEDED
    assert not sent(opened.ask(ask(390), later(seconds(60))), KeyRefused)


def test_waiting_requests_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_REQUESTS", 2)
    opened = desk()
    opened.ask(ask(1, "a"), START)
    opened.ask(ask(1, "b", size=512), START)
    assert refusal(opened.ask(ask(1), START))[0] is Reason.UNAVAILABLE


# --- tokens ---------------------------------------------------------------------------------------------------------


@invariant("A3")
def test_what_exceeds_the_rate_is_told_when_to_come_again() -> None:
    opened = desk(ready=40)
    effects = opened.ask(ask(300), START)  # 76,800 of the first end's 75,000 tokens
    reason, wait = refusal(effects)
    assert reason is Reason.RATE_EXCEEDED
    assert not sent(opened.ask(ask(300), Instant(START + wait)), KeyRefused)


def test_a_request_without_keys_gets_its_tokens_back() -> None:
    opened = desk()
    opened.ask(ask(290), START)
    opened.give_up("r", START)
    assert opened.tokens.take(Bits(75_000), START)


@invariant("A3")
@given(st.lists(st.tuples(st.integers(1, 200), st.integers(0, 3_000)), max_size=15))
def test_a_desk_answers_within_burst_and_rate(requests: list[tuple[int, int]]) -> None:
    opened, now, answered = desk(), START, 0
    for place, (number, pause) in enumerate(requests):
        now = Instant(now + pause * 10**6)
        opened.ask(ask(number, f"r{place}"), now)
        for _ in range(3):
            answered += sum(len(told.keys) for told in sent(arrive(opened, now=now), KeyDelivered))
        assert 256 * answered <= 100_000 + 10_000 * (now - START) // 10**9


def test_the_second_end_borrows_when_its_advance_runs_low() -> None:
    opened = desk(ready=40, is_first=False)
    assert sent(opened.ask(ask(1), START), BorrowCredit) == []
    (wish,) = sent(opened.ask(ask(80, "s"), START), BorrowCredit)
    assert (wish.onward, wish.lent, wish.wanted) == (False, 25_000, 81 * 256 + 10_000)
    assert refusal(opened.ask(ask(90, "t"), START), "t")[0] is Reason.RATE_EXCEEDED


def test_the_first_end_lends_as_soon_as_it_can() -> None:
    opened = desk()
    opened.tokens.take(Bits(75_000), START)
    wish = BorrowCredit(B, KSID, 1, onward=False, wanted=35_000, lent=25_000)
    effects = opened.lend(START, wish)
    assert sent(effects, CreditLent) == []
    wait = started(effects)[f"{KSID}/lend"]
    assert wait == seconds(1)
    assert sent(opened.lend(Instant(START + wait)), CreditLent) == [CreditLent(A, KSID, 1, onward=True, lent=35_000)]
    assert LendDue(KSID).ksid == KSID


def test_a_wish_that_comes_again_is_answered_again_with_the_same() -> None:
    opened = desk()
    wish = BorrowCredit(B, KSID, 1, onward=False, wanted=35_000, lent=25_000)
    assert [sent(opened.lend(START, wish), CreditLent)[0].lent for _ in range(3)] == [35_000] * 3


def test_after_a_restart_the_second_end_asks_until_it_is_answered_and_then_for_an_advance() -> None:
    opened = desk(is_first=False)
    assert opened.borrow_again() == []  # no restart
    opened.tokens = Borrower(Bits(100_000), BitsPerSecond(10_000), is_restored=True)
    for _ in range(3):
        effects = opened.borrow_again()
        assert [wish.wanted for wish in sent(effects, BorrowCredit)] == [10_000]
        assert started(effects) == {f"{KSID}/lend": COME_AGAIN}
    (more,) = sent(opened.take_loan(CreditLent(A, KSID, 1, onward=True, lent=60_000)), BorrowCredit)
    assert (more.lent, more.wanted) == (60_000, 70_000)  # what had been lent before counts as used
    assert opened.borrow_again() == []
    assert opened.take_loan(CreditLent(A, KSID, 1, onward=True, lent=70_000)) == []
    assert opened.tokens.take(Bits(10_000), START)


def test_each_end_has_its_part_only() -> None:
    assert desk(is_first=True).borrow() == desk(is_first=True).borrow_again() == []
    assert desk(is_first=True).take_loan(CreditLent(B, KSID, 1, onward=True, lent=1)) == []
    assert desk(is_first=False).lend(START) == []


# --- the end --------------------------------------------------------------------------------------------------------


@invariant("S1")
def test_at_the_end_all_who_wait_are_refused_and_every_key_is_wiped() -> None:
    opened = desk(ready=8)
    opened.ask(ask(50, "plain"), START)
    opened.ask(ask(2, "odd", size=512), START)
    materials = [material for batch in opened.pool.batches for material in batch.keys.values()]
    effects = opened.free()
    assert {told.request_id for told in sent(effects, KeyRefused)} == {"plain", "odd"}
    assert {told.reason for told in sent(effects, KeyRefused)} == {Reason.SESSION_UNKNOWN}
    assert all(material.is_wiped for material in materials)
    assert (opened.pool.ready, opened.is_waited_at, opened.workshop.orders) == (0, False, {})
    assert opened.workshop.books.account(A).balance == 0
    assert opened.workshop.books.stored == 0
    assert started(effects) == {}


def test_keys_that_a_request_has_so_far_are_wiped_with_it() -> None:
    opened = desk()
    opened.ask(ask(65, "odd", size=64), START)
    first = next(name for name, making in opened.workshop.makings.items() if making.request_id)
    outcome(opened, first)
    held = list(opened.special["odd"].keys)
    assert len(held) == 64
    opened.free()
    assert all(key.material.is_wiped for key in held)
    assert opened.workshop.books.account(A).balance == 0
