"""The ledger of reservations: all of a route or nothing, never above the capacity (invariant A1)."""

from __future__ import annotations

from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from keytwin.control.capacity import TAG_KEY, TELEMETRY_LIFETIME, Hold, Ledger, LinkRates, hop_cost, rate_to_trust
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.units import START, Bits, BitsPerSecond, Instant, after, seconds
from tests import marks

AB, BC, CD = LinkId("a--b"), LinkId("b--c"), LinkId("c--d")
ONE, TWO = Ksid("one"), Ksid("two")
KEY: Final = Bits(256)


def bps(count: int) -> BitsPerSecond:
    return BitsPerSecond(count)


def ledger(rate: int = 1000, margin: float = 0.1, split: float = 0.5) -> Ledger:
    rates = LinkRates()
    for link in (AB, BC, CD):
        rates.register(link, bps(rate))
    return Ledger(rates, margin, split)


# --- what a hop costs -----------------------------------------------------------------------------------------------


def test_adjacent_nodes_pay_the_key_itself() -> None:
    assert hop_cost(bps(1000), KEY, batch=1, hops=1) == 1000


def test_a_relayed_key_costs_pad_and_tag_key_on_each_hop() -> None:
    assert hop_cost(bps(1000), KEY, batch=1, hops=2) == 2000
    assert hop_cost(bps(1000), KEY, batch=64, hops=5) == 1016  # 1000 * 65 / 64 = 1015.6


def test_a_second_tag_on_each_message_is_paid_as_well() -> None:
    assert hop_cost(bps(1000), KEY, batch=1, hops=2, tags=2) == 3000
    assert hop_cost(bps(1000), KEY, batch=64, hops=2, tags=2) == 1032  # 1000 * 66 / 64 = 1031.25
    assert hop_cost(bps(1000), KEY, batch=64, hops=1, tags=2) == 1000


@given(st.integers(1, 10**9), st.integers(1, 512).map(lambda octets: Bits(8 * octets)), st.integers(1, 64))
def test_the_cost_is_rounded_up_and_never_below_what_is_used(rate: int, key_size: Bits, batch: int) -> None:
    cost = hop_cost(bps(rate), key_size, batch, hops=2)
    payload = key_size * batch
    assert cost * payload >= rate * (payload + TAG_KEY) > (cost - 1) * payload


# --- what a link can carry ------------------------------------------------------------------------------------------


def test_each_direction_has_half_of_the_rate_less_the_margin() -> None:
    assert ledger(1000).capacity(AB, START) == 450


def test_the_scarcer_direction_decides_when_the_split_is_uneven() -> None:
    assert ledger(1000, split=0.7).capacity(AB, START) == 270


def test_an_unknown_link_carries_nothing() -> None:
    assert ledger().capacity(LinkId("x--y"), START) == 0
    assert ledger().lacking(ONE, Hold((LinkId("x--y"),), bps(1)), START) == (LinkId("x--y"),)


def test_the_measured_rate_replaces_the_registered_one() -> None:
    made = ledger(1000)
    made.rates.measure(AB, bps(2000), START)
    assert made.capacity(AB, START) == 900


def test_an_older_measurement_is_ignored() -> None:
    made = ledger(1000)
    made.rates.measure(AB, bps(2000), Instant(5))
    made.rates.measure(AB, bps(10), Instant(4))
    assert made.rates.rate(AB, Instant(5)) == 2000


@marks.invariant("C3")
@given(st.integers(0, 10**6), st.integers(0, 10**6), st.integers(0, 2 * TELEMETRY_LIFETIME))
def test_a_stale_measurement_grants_nothing_more_than_the_registered_rate(known: int, seen: int, age: int) -> None:
    rate = rate_to_trust(bps(known), bps(seen), START, Instant(age))
    assert rate == (seen if age <= TELEMETRY_LIFETIME else min(known, seen))


# --- reserving ------------------------------------------------------------------------------------------------------


@marks.invariant("A1")
def test_a_route_is_reserved_as_a_whole_or_not_at_all() -> None:
    made = ledger()
    assert made.reserve(ONE, 1, Hold((BC,), bps(400)), START) == ()
    assert made.reserve(TWO, 1, Hold((AB, BC, CD), bps(100)), START) == (BC,)
    assert [made.reserved(link) for link in (AB, BC, CD)] == [0, 400, 0]


def test_the_last_bit_can_be_had() -> None:
    made = ledger()
    assert made.reserve(ONE, 1, Hold((AB,), bps(449)), START) == ()
    assert made.reserve(TWO, 1, Hold((AB,), bps(2)), START) == (AB,)
    assert made.reserve(TWO, 1, Hold((AB,), bps(1)), START) == ()


def test_freeing_gives_back_and_freeing_twice_is_allowed() -> None:
    made = ledger()
    made.reserve(ONE, 1, Hold((AB, BC), bps(400)), START)
    made.free(ONE, 1)
    made.free(ONE, 1)
    made.free(TWO, 9)
    assert made.reserved(AB) == made.reserved(BC) == 0
    assert made.costs(AB) == {}
    assert made.held(ONE) == ()


def test_a_session_that_moves_pays_a_shared_link_once_and_at_the_dearest() -> None:
    made = ledger()
    made.reserve(ONE, 1, Hold((AB, BC), bps(300)), START)
    assert made.reserve(ONE, 2, Hold((AB, CD), bps(310)), START) == ()
    assert [made.reserved(link) for link in (AB, BC, CD)] == [310, 300, 310]
    made.free(ONE, 1)
    assert [made.reserved(link) for link in (AB, BC, CD)] == [310, 0, 310]


def test_a_session_stays_on_a_link_that_has_become_too_slow() -> None:
    made = ledger()
    made.reserve(ONE, 1, Hold((AB,), bps(400)), START)
    made.rates.measure(AB, bps(100), START)
    assert made.overdraft(AB, START) == 400 - 45
    assert made.reserve(ONE, 2, Hold((AB,), bps(400)), START) == ()
    assert made.reserve(TWO, 1, Hold((AB,), bps(1)), START) == (AB,)


def test_what_key_managers_hold_after_a_restart_is_entered_whatever_the_link_makes() -> None:
    made = Ledger(LinkRates(), 0.1, 0.5)
    made.take_over(ONE, 3, Hold((AB,), bps(400)))
    assert made.reserved(AB) == 400
    assert made.overdraft(AB, START) == 400


def test_each_change_is_told_once() -> None:
    made = ledger()
    made.reserve(ONE, 1, Hold((AB, BC), bps(1)), START)
    made.free(ONE, 1)
    assert made.take_changed() == (AB, BC)
    assert made.take_changed() == ()


def test_an_epoch_is_one_route() -> None:
    made = ledger()
    made.take_over(ONE, 1, Hold((AB,), bps(1)))
    with pytest.raises(AssertionError):
        made.take_over(ONE, 1, Hold((BC,), bps(1)))


LINKS: Final = st.lists(st.sampled_from((AB, BC, CD)), min_size=1, max_size=3, unique=True).map(tuple)
KSIDS: Final = st.sampled_from([Ksid(name) for name in "pqrst"])


class Interleaving(RuleBasedStateMachine):
    """Any interleaving of sessions that come, move and go, on links whose rate changes (invariant A1)."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = ledger()
        self.rates = dict.fromkeys((AB, BC, CD), 1000)
        self.held: dict[Ksid, dict[int, Hold]] = {}
        self.epoch = 0
        self.now = START

    def total(self, link: LinkId) -> int:
        """What is reserved, reckoned from scratch."""
        costs = [[hold.cost for hold in holds.values() if link in hold.links] for holds in self.held.values()]
        return sum(max(each, default=0) for each in costs)

    @rule(ksid=KSIDS, links=LINKS, cost=st.integers(1, 300))
    def reserve(self, ksid: Ksid, links: tuple[LinkId, ...], cost: int) -> None:
        self.epoch += 1
        hold = Hold(links, bps(cost))
        before = {link: self.ledger.reserved(link) for link in self.rates}
        lacking = self.ledger.reserve(ksid, self.epoch, hold, self.now)
        if lacking:
            assert {link: self.ledger.reserved(link) for link in self.rates} == before
            assert set(lacking) <= set(links)
            return
        self.held.setdefault(ksid, {})[self.epoch] = hold
        grown = [link for link in links if self.ledger.reserved(link) > before[link]]
        assert all(self.ledger.reserved(link) <= self.ledger.capacity(link, self.now) for link in grown)

    @rule(ksid=KSIDS)
    def free_oldest(self, ksid: Ksid) -> None:
        holds = self.held.get(ksid)
        if holds:
            epoch = min(holds)
            del holds[epoch]
            self.ledger.free(ksid, epoch)

    @rule(link=st.sampled_from((AB, BC, CD)), rate=st.integers(0, 2000))
    def measure(self, link: LinkId, rate: int) -> None:
        self.now = after(self.now, seconds(1))
        self.rates[link] = rate
        self.ledger.rates.measure(link, bps(rate), self.now)

    @invariant()
    def books_are_right(self) -> None:
        for link, rate in self.rates.items():
            assert self.ledger.reserved(link) == self.total(link)
            assert self.ledger.capacity(link, self.now) == rate * 45 // 100
            assert self.ledger.overdraft(link, self.now) == max(0, self.total(link) - rate * 45 // 100)
            assert sum(self.ledger.costs(link).values()) == self.ledger.reserved(link)


TestInterleaving = marks.invariant("A1")(Interleaving.TestCase)
TestInterleaving.settings = settings(max_examples=40, stateful_step_count=25)
