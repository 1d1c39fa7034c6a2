"""Promises of one node's admission: all links or none, renewed or gone, never back after they were given back."""

from __future__ import annotations

from msgspec.structs import replace

from keytwin.control.capacity import Ledger, LinkRates
from keytwin.control.keeper import Keeper, PromiseGone, PromiseKept
from keytwin.vocabulary.identity import ElementName, Ksid, LinkId, NodeId
from keytwin.vocabulary.machine import Effect, Message, Record, Save, Send
from keytwin.vocabulary.reservation_messages import (
    LinksRefused,
    LinksReserved,
    LinksShort,
    ReleaseLinks,
    ReserveLinks,
)
from keytwin.vocabulary.units import START, BitsPerSecond, Instant, seconds
from tests.marks import invariant

OWNER = ElementName("admission/a")
AB, BC = LinkId("a--b"), LinkId("b--c")
LEASE = seconds(60)
KSID = Ksid("one")
ASKED = ReserveLinks(KSID, 1, OWNER, NodeId("b"), (AB, BC), BitsPerSecond(30_000), 0)
LATE = Instant(LEASE)


def keeper() -> Keeper:
    """Half of 180 kbit/s each way: room for three such promises."""
    rates = LinkRates()
    for link in (AB, BC):
        rates.register(link, BitsPerSecond(200_000))
    return Keeper(Ledger(rates, 0.1, 0.5), LEASE)


def said(effects: list[Effect]) -> list[Message]:
    assert all(effect.to == OWNER for effect in effects if isinstance(effect, Send))
    return [effect.message for effect in effects if isinstance(effect, Send)]


def saved(effects: list[Effect]) -> list[Record]:
    return [effect.record for effect in effects if isinstance(effect, Save)]


def test_a_promise_is_durable_before_it_is_told() -> None:
    kept = keeper()
    effects = kept.reserve(ASKED, START)
    assert effects == [Save(PromiseKept(ASKED)), Send(OWNER, LinksReserved(KSID, 1, NodeId("b")))]
    assert [kept.ledger.reserved(link) for link in (AB, BC)] == [30_000, 30_000]


def test_a_repeat_is_answered_and_counts_once() -> None:
    kept = keeper()
    kept.reserve(ASKED, START)
    assert said(kept.reserve(ASKED, START)) == [LinksReserved(KSID, 1, NodeId("b"))]
    assert kept.ledger.reserved(AB) == 30_000


@invariant("A1")
def test_what_finds_no_room_on_one_link_reserves_nothing() -> None:
    kept = keeper()
    for name in ("x", "y", "z"):
        kept.reserve(replace(ASKED, ksid=Ksid(name), links=(AB,)), START)
    effects = kept.reserve(ASKED, START)
    assert effects == [Send(OWNER, LinksRefused(KSID, 1, NodeId("b"), (AB,)))]
    assert kept.ledger.reserved(BC) == 0


def test_what_was_given_back_does_not_come_back() -> None:
    kept = keeper()
    kept.reserve(ASKED, START)
    assert saved(kept.release(ReleaseLinks(KSID, 1))) == [PromiseGone(KSID, 1)]
    assert kept.release(ReleaseLinks(KSID, 1)) == []
    assert said(kept.reserve(ASKED, START)) == [LinksRefused(KSID, 1, NodeId("b"), ())]
    overtaken = keeper()
    overtaken.release(ReleaseLinks(KSID, 1))
    assert said(overtaken.reserve(ASKED, START)) == [LinksRefused(KSID, 1, NodeId("b"), ())]
    assert kept.ledger.reserved(AB) == overtaken.ledger.reserved(AB) == 0


@invariant("S2")
def test_what_nobody_renews_runs_out() -> None:
    kept = keeper()
    kept.reserve(ASKED, START)
    kept.reserve(replace(ASKED, is_held=True), Instant(1))
    assert kept.expire(LATE) == []
    assert saved(kept.expire(Instant(LATE + 1))) == [PromiseGone(KSID, 1)]
    assert (kept.ledger.reserved(AB), kept.owner(KSID)) == (0, None)


def test_a_held_route_that_was_lost_is_entered_whatever_room_there_is() -> None:
    kept = keeper()
    for name in ("x", "y", "z"):
        kept.reserve(replace(ASKED, ksid=Ksid(name)), START)
    assert said(kept.reserve(replace(ASKED, is_held=True), START)) == [LinksReserved(KSID, 1, NodeId("b"))]
    assert kept.ledger.overdraft(AB, START) == 30_000


def test_a_link_that_has_not_been_heard_of_yet_is_no_reason_to_refuse() -> None:
    kept = keeper()
    asked = replace(ASKED, links=(AB, LinkId("b--d")))
    assert kept.reserve(asked, START) == []
    kept.ledger.rates.register(LinkId("b--d"), BitsPerSecond(200_000))
    assert said(kept.reserve(asked, START)) == [LinksReserved(KSID, 1, NodeId("b"))]


def test_another_route_under_the_same_number_takes_the_place_of_the_first() -> None:
    kept = keeper()
    kept.reserve(ASKED, START)
    kept.reserve(replace(ASKED, links=(BC,)), START)
    assert [kept.ledger.reserved(link) for link in (AB, BC)] == [0, 30_000]


def test_a_slow_link_is_left_by_the_lowest_priority_then_the_youngest_and_no_more_than_needed() -> None:
    kept = keeper()
    for name, priority in (("old", 3), ("young", 3), ("gold", 0)):
        kept.reserve(replace(ASKED, ksid=Ksid(name), priority=priority), START)
    assert kept.short(AB, START) == []
    kept.ledger.rates.measure(AB, BitsPerSecond(140_000), START)
    for _ in range(2):  # asked again before it has left, nobody else is sent away
        (short,) = said(kept.short(AB, START))
        assert isinstance(short, LinksShort)
        assert (short.ksid, short.link) == ("young", AB)
        assert "a--b makes only 140 kbit/s" in short.cause
    kept.ledger.rates.measure(AB, BitsPerSecond(80_000), START)
    shorts = [message for message in said(kept.short(AB, START)) if isinstance(message, LinksShort)]
    assert [short.ksid for short in shorts] == ["young", "old"]


def test_a_restart_finds_every_promise_with_a_full_lease_and_none_that_was_given_back() -> None:
    kept, again = keeper(), keeper()
    records = saved(kept.reserve(ASKED, START))
    records += saved(kept.reserve(replace(ASKED, epoch=2, links=(AB,)), START))
    records += saved(kept.release(ReleaseLinks(KSID, 2)))
    again.restore(records, LATE)
    assert (again.ledger.reserved(AB), again.owner(KSID)) == (30_000, OWNER)
    assert again.expire(Instant(LATE + LEASE - 1)) == []
    assert said(again.reserve(replace(ASKED, epoch=2), LATE)) == [LinksRefused(KSID, 2, NodeId("b"), ())]
