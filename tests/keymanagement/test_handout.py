"""Hand-outs to a master: durable first (K6), some ahead for one that asks often, each told to the audit once (Z7)."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from keytwin.keymanagement.handout import MOMENT, MOST_AHEAD, TELL_WITHIN, Claim, HandOuts, HandOutsDue
from keytwin.keymanagement.pool import Batch, KeysHandedOut, Pool
from keytwin.vocabulary.audit import Decision
from keytwin.vocabulary.exchange_messages import GetKey, KeyDelivered
from keytwin.vocabulary.identity import KeyId, sae_element
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import Effect, Save, Send
from keytwin.vocabulary.session_messages import EndConfiguration
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, BitsPerSecond, Duration, Instant, milliseconds, seconds
from tests.keymanagement.parts import KSID, SAE, START, hop, later, saved, started
from tests.keymanagement.test_desk import desk
from tests.marks import invariant

OFTEN = milliseconds(1)
AHEAD = 20  # keys of 256 bit that a master with `RATE` may ask in a moment
RATE = AHEAD * 256 * NANOSECONDS_PER_SECOND // MOMENT


def end(rate: int = RATE) -> EndConfiguration:
    wanted = hop().end
    assert wanted
    return replace(wanted, rate=BitsPerSecond(rate))


def pool(number: int = 100) -> Pool:
    """Return a pool with keys in batches of up to four."""
    made = Pool()
    for first in range(0, number, 4):
        names = [KeyId(f"k{place}") for place in range(first, min(number, first + 4))]
        keys = {name: KeyMaterial(bytearray(32)) for name in names}
        made.add(Batch(f"b{first}", KSID, SAE, keys, Provenance(Method.ADJACENT, 1), later(seconds(9))))
    return made


def named(effects: list[Effect], *, is_lease: bool) -> list[str]:
    """Return the keys that records say are handed out, or are leased."""
    records = [record for record in saved(effects, KeysHandedOut) if record.is_lease is is_lease]
    return [key_id for record in records for key_id in record.key_ids]


def ids(claim: Claim) -> list[str]:
    return [key.key_id for key in claim.keys]


@invariant("K6")
def test_a_master_that_comes_now_and_then_has_a_record_for_each_hand_out() -> None:
    hand_outs, ready = HandOuts(KSID), pool()
    for place in range(3):
        claim = hand_outs.claim(ready, 1, end(), later(Duration(place * 2 * MOMENT)))
        assert saved(claim.first, KeysHandedOut) == [
            KeysHandedOut(KSID, is_master=True, key_ids=(KeyId(f"k{place}"),), sae=SAE, key_size=end().key_size)
        ]
        assert (ids(claim), claim.then) == ([f"k{place}"], [])
        assert ready.leased == 0


@invariant("K6")
def test_one_that_asks_often_waits_for_the_disk_once_in_many_keys() -> None:
    hand_outs, ready = HandOuts(KSID), pool()
    claims = [hand_outs.claim(ready, 1, end(), later(Duration(place * OFTEN))) for place in range(14)]
    assert named(claims[1].first, is_lease=True) == [f"k{place}" for place in range(1, 1 + AHEAD)]
    assert all(claim.first == [] for claim in claims[2:])
    # When half of it is used, the next is leased behind an answer, and the audit is told which were handed out.
    renewed = [place for place, claim in enumerate(claims) if saved(claim.then, KeysHandedOut)]
    assert renewed == [11]
    assert named(claims[11].then, is_lease=False) == [f"k{place}" for place in range(1, 12)]
    assert named(claims[11].then, is_lease=True) == [f"k{place}" for place in range(1 + AHEAD, 12 + AHEAD)]
    assert [name for claim in claims for name in ids(claim)] == [f"k{place}" for place in range(14)]


@pytest.mark.parametrize(("rate", "number"), [(RATE // AHEAD, 1), (RATE, AHEAD // 4 + 1)], ids=["slow", "many"])
def test_who_gets_few_keys_or_asks_for_many_at_once_leases_none(rate: int, number: int) -> None:
    hand_outs, ready = HandOuts(KSID), pool()
    for place in range(4):
        claim = hand_outs.claim(ready, number, end(rate), later(Duration(place * OFTEN)))
        assert named(claim.first, is_lease=False) == ids(claim)
        assert not named([*claim.first, *claim.then], is_lease=True)


def test_a_lease_is_no_larger_than_what_is_there_and_than_its_limit() -> None:
    hand_outs, ready = HandOuts(KSID), pool(5)
    hand_outs.claim(ready, 1, end(10**9), START)
    claim = hand_outs.claim(ready, 1, end(10**9), later(OFTEN))
    assert named(claim.first, is_lease=True) == ["k1", "k2", "k3", "k4"]
    assert not saved(claim.then, KeysHandedOut)  # there is nothing more to lease
    hand_outs, ready = HandOuts(KSID), pool(200)
    hand_outs.claim(ready, 1, end(10**9), START)
    hand_outs.claim(ready, 1, end(10**9), later(OFTEN))
    assert ready.leased == MOST_AHEAD - 1


def test_the_audit_is_told_soon_and_at_the_end() -> None:
    hand_outs, ready = HandOuts(KSID), pool()
    hand_outs.claim(ready, 1, end(), START)
    claim = hand_outs.claim(ready, 2, end(), later(OFTEN))
    assert started(claim.then) == {f"{KSID}/hand-outs": TELL_WITHIN}
    assert started(hand_outs.claim(ready, 1, end(), later(OFTEN)).then) == {}  # it runs already
    assert named(hand_outs.on_due(end()), is_lease=False) == ["k1", "k2", "k3"]
    assert hand_outs.on_due(end()) == []
    hand_outs.claim(ready, 1, end(), later(Duration(2 * OFTEN)))
    assert named(hand_outs.free(end()), is_lease=False) == ["k4"]
    assert not saved(hand_outs.free(end()), KeysHandedOut)
    assert HandOutsDue(KSID).ksid == KSID


def test_expired_keys_are_leased_no_more() -> None:
    hand_outs, ready = HandOuts(KSID), pool(40)
    hand_outs.claim(ready, 1, end(), START)
    hand_outs.claim(ready, 1, end(), later(OFTEN))
    ready.batches[0].until = START
    ready.expire(later(OFTEN))
    assert (ready.leased, ready.ready) == (AHEAD - 3, 36)
    assert ids(hand_outs.claim(ready, 1, end(), later(OFTEN))) == ["k4"]
    ready.wipe()
    assert ready.leased == 0


@invariant("K6")
@invariant("K1")
@invariant("Z7")
@given(st.lists(st.tuples(st.integers(1, 12), st.integers(0, 150)), max_size=30), st.integers(0, 4 * AHEAD))
def test_every_key_is_durably_out_before_it_is_answered_and_told_of_once(
    steps: list[tuple[int, int]], rate: int
) -> None:
    """Each step: how many keys, and milliseconds since the one before."""
    hand_outs, ready, now = HandOuts(KSID), pool(120), START
    configured = end(rate * RATE // AHEAD)
    durable: list[KeysHandedOut] = []
    out: list[str] = []
    for number, pause in steps:
        now = Instant(now + milliseconds(pause))
        if number > ready.ready:
            break
        claim = hand_outs.claim(ready, number, configured, now)
        durable += saved(claim.first, KeysHandedOut)
        assert len(claim.keys) == number
        assert {*ids(claim)} <= {key_id for record in durable for key_id in record.key_ids}
        out += ids(claim)
        durable += saved(claim.then, KeysHandedOut)
        assert ready.leased <= min(MOST_AHEAD, rate)
    durable += saved(hand_outs.free(configured), KeysHandedOut)
    told = [key_id for record in durable if not record.is_lease for key_id in record.key_ids]
    assert sorted(told) == sorted(out) == sorted(set(out))
    # After a crash nothing that was answered is in the pool again, and of the rest no more is given up than was leased.
    left = pool(120)
    for record in durable:
        left.remove(record.key_ids)
    assert left.ready == ready.ready - ready.leased
    assert not {*out} & {key_id for batch in left.batches for key_id in batch.keys}


def test_a_lease_stands_in_the_audit_as_one() -> None:
    record = KeysHandedOut(KSID, is_master=True, key_ids=(KeyId("k"),), sae=SAE, is_lease=True)
    assert record.audited().decision is Decision.LEASED
    assert replace(record, is_lease=False).audited().decision is Decision.TO_MASTER


@invariant("K6")
def test_a_desk_answers_from_a_lease_at_once_and_renews_it_behind_the_answer() -> None:
    opened = desk(ready=40)
    opened.end = end()
    answered = []
    for place in range(15):
        ask = GetKey(f"r{place}", sae_element(SAE), KSID, SAE, 1, None, seconds(1))
        answered.append(opened.ask(ask, later(Duration(place * OFTEN))))
    waited = [_saves_before_the_answer(effects) for effects in answered]
    assert waited == [1, 1, *[0] * 13]
    told = [*(e for effects in answered for e in effects), *opened.free()]
    assert len(named(told, is_lease=False)) == 15
    assert opened.workshop.books.account(opened.node).balance == 0


def _saves_before_the_answer(effects: list[Effect]) -> int:
    (answer,) = [
        place
        for place, effect in enumerate(effects)
        if isinstance(effect, Send) and isinstance(effect.message, KeyDelivered)
    ]
    return sum(isinstance(e, Save) and isinstance(e.record, KeysHandedOut) for e in effects[:answer])
