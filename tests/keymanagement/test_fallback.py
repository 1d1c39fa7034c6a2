"""Falling back, step by step at the workshop of one end: when, what is said first, and what leads back."""

from __future__ import annotations

from msgspec.structs import replace

from keytwin.keymanagement.fallback import FALLBACK_AFTER, FallbackKept
from keytwin.keymanagement.orders import Demand, ReplenishDue
from keytwin.keymanagement.workshop import Workshop
from keytwin.vocabulary.audit import Decision
from keytwin.vocabulary.events import FallbackBegun, FallbackOver
from keytwin.vocabulary.exchange_messages import AssignKeys
from keytwin.vocabulary.identity import AppId
from keytwin.vocabulary.kem_messages import AgreementId, MakeKeyPair
from keytwin.vocabulary.key import Fallback, KeyMode
from keytwin.vocabulary.machine import Effect, Perform, Publish, Save, StartTimer
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Duration, seconds
from tests.keymanagement.parts import AB, KSID, SAE, START, A, fill, hop, joined, later, published, saved, sent
from tests.keymanagement.test_workshop import configure, order, stored, workshop
from tests.marks import invariant

EMPTY = Demand(ready=0, waiting=0, wishes=())
FULL = Demand(ready=40, waiting=0, wishes=())


def wanted(fallback: Fallback = Fallback.PQC_ONLY, epoch: int = 1, *, is_barred: bool = False) -> ConfigureHop:
    plain = hop(epoch=epoch)
    assert plain.end
    return replace(plain, end=replace(plain.end, fallback=fallback, is_barred=is_barred))


def dry(fallback: Fallback = Fallback.PQC_ONLY) -> Workshop:
    """Return a workshop with a session and no quantum key at all."""
    made = workshop(stock=0)
    configure(made, wanted(fallback))
    return made


def port(effects: list[Effect]) -> list[object]:
    return [effect.request for effect in effects if isinstance(effect, Perform)]


def test_it_waits_for_a_while_first_and_somebody_looks_again_then() -> None:
    made = dry()
    effects = made.replenish(KSID, EMPTY, START)
    timers = [effect for effect in effects if isinstance(effect, StartTimer)]
    assert [timer.after for timer in timers if timer.message == ReplenishDue(KSID)] == [FALLBACK_AFTER]
    assert not order(made).is_fallen
    effects = made.replenish(KSID, EMPTY, later(Duration(FALLBACK_AFTER - 1)))
    assert not published(effects, FallbackBegun)
    assert not order(made).is_fallen


@invariant("Z7")
def test_it_is_durable_and_told_before_the_first_such_key_is_made() -> None:
    made = dry()
    made.replenish(KSID, EMPTY, START)
    effects = made.replenish(KSID, EMPTY, later(FALLBACK_AFTER))
    kept, begun = effects[:2]
    assert isinstance(kept, Save)
    assert isinstance(begun, Publish)
    assert kept.record == FallbackKept(KSID, SAE, KeyMode.QKD_ONLY, is_on=True)
    assert begun.event == FallbackBegun(A, KSID, AppId("app"), "qkd-only", "pqc-only")
    assert port(effects) == [MakeKeyPair(f"{KSID}/1/pair", AgreementId(KSID, 1, onward=True))]


def test_the_audit_tells_both_ways() -> None:
    entries = [FallbackKept(KSID, SAE, KeyMode.HYBRID_XOR, is_on=is_on).audited() for is_on in (True, False)]
    assert [(entry.decision, entry.ksid, entry.sae) for entry in entries] == [
        (Decision.FELL_BACK, KSID, SAE),
        (Decision.RETURNED, KSID, SAE),
    ]


def test_while_something_is_ready_nobody_falls_back() -> None:
    made = dry()
    made.replenish(KSID, EMPTY, START)
    effects = made.replenish(KSID, FULL, later(Duration(3 * FALLBACK_AFTER)))
    assert not published(effects, FallbackBegun)


def test_a_request_that_waits_counts_even_while_some_keys_are_ready() -> None:
    made = dry()
    made.replenish(KSID, EMPTY, START)
    effects = made.replenish(KSID, Demand(3, 5, ()), later(FALLBACK_AFTER))
    assert published(effects, FallbackBegun)


def test_where_it_is_not_allowed_nobody_ever_does() -> None:
    made = dry(Fallback.NONE)
    made.replenish(KSID, EMPTY, START)
    effects = made.replenish(KSID, Demand(0, 9, ()), later(seconds(1_000)))
    assert not published(effects, FallbackBegun)
    assert not port(effects)


def test_what_was_begun_with_quantum_key_goes_on_and_leads_back() -> None:
    made = dry()
    made.replenish(KSID, EMPTY, START)
    made.replenish(KSID, EMPTY, later(FALLBACK_AFTER))
    under_way = list(order(made).probes)
    assert len(under_way) == 10
    assert not order(made).coming
    making_key(made)
    ready, effects = made.on_outcome(stored(under_way[0]), later(FALLBACK_AFTER))
    assert ready
    assert [record.is_on for record in saved(effects, FallbackKept)] == [False]
    assert published(effects, FallbackOver)
    assert not order(made).is_fallen


def making_key(made: Workshop) -> None:
    """Let there be quantum key at last, and send off what waits for it."""
    _, other = joined(AB, 0)
    (link,) = made.links.values()
    fill(link, other, 10_000)
    assert sent(link.pump(later(FALLBACK_AFTER)), AssignKeys)


def test_a_new_route_alone_does_not_lead_back() -> None:
    made = dry()
    made.replenish(KSID, EMPTY, START)
    made.replenish(KSID, EMPTY, later(FALLBACK_AFTER))
    effects = configure(made, wanted(epoch=2))
    assert order(made).is_fallen
    assert not published(effects, FallbackBegun)
    assert not published(effects, FallbackOver)


def test_nor_does_a_restart() -> None:
    made = workshop(stock=0)
    made.fallen[KSID] = FallbackKept(KSID, SAE, KeyMode.QKD_ONLY, is_on=True)
    effects = configure(made, wanted())
    assert order(made).is_fallen
    assert not published(effects, FallbackBegun)
    again = workshop(stock=0)
    again.fallen[KSID] = FallbackKept(KSID, SAE, KeyMode.QKD_ONLY, is_on=False)
    configure(again, wanted())
    assert not order(again).is_fallen


def test_a_service_level_that_allows_it_no_more_ends_it() -> None:
    made = workshop(stock=0)
    made.fallen[KSID] = FallbackKept(KSID, SAE, KeyMode.QKD_ONLY, is_on=True)
    configure(made, wanted(Fallback.NONE))
    assert not order(made).is_fallen


def test_key_in_doubt_is_not_touched_and_it_falls_back_at_once() -> None:
    made = workshop()
    effects = configure(made, wanted(is_barred=True))
    assert published(effects, FallbackBegun)
    assert [record.is_on for record in saved(effects, FallbackKept)] == [True]
    effects = made.replenish(KSID, Demand(0, 9, ()), START)
    assert not sent(effects, AssignKeys)
    assert port(effects)
    assert not made.makings


def test_when_the_doubt_is_over_it_tries_for_quantum_key_again() -> None:
    made = workshop()
    configure(made, wanted(is_barred=True))
    configure(made, wanted(epoch=2))
    effects = made.replenish(KSID, EMPTY, START)
    (told,) = sent(effects, AssignKeys)
    _, effects = made.on_outcome(stored(told.batch_id), START)
    assert published(effects, FallbackOver)


def test_a_session_without_a_fallback_cannot_be_barred() -> None:
    made = workshop()
    effects = configure(made, wanted(Fallback.NONE, is_barred=True))
    assert not published(effects, FallbackBegun)
    assert sent(made.replenish(KSID, EMPTY, START), AssignKeys)
