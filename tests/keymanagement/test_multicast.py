"""One key for several slaves, all or none: ETSI GS QKD 014 V1.1.1, Table 10 and Annex B, over a whole network."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from keytwin.keymanagement.multicast import MOST_CASTS
from keytwin.keymanagement.pool import SLAVE_MARGIN
from keytwin.vocabulary.exchange_messages import AssignKeys, GetKey, KeyDelivered, KeyRefused, RelayKeys, VoidKeys
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, NodeId, SaeId, km_of
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.session_messages import CloseSession, Reason
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.keymanagement.casting import (
    BESIDE,
    FACE,
    FAR,
    MASTER,
    NEAR,
    NODES,
    SLAVES,
    Casting,
    Strike,
    blueprint_of,
    names,
    same,
)
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 014 V1.1.1"
HOME = NODES[MASTER]
EXPIRED = Duration(seconds(25) + SLAVE_MARGIN)  # from the arrival of a copy, beyond its time at any end


def ksid_of(casting: Casting, slave: SaeId) -> Ksid:
    known = casting.km(HOME).sessions.known
    return next(ksid for ksid, session in known.items() if session.opened.peer == slave)


def refusal(casting: Casting, name: str) -> KeyRefused:
    answer = casting.answer(name)
    assert isinstance(answer, KeyRefused), answer
    return answer


# --- what everybody gets ----------------------------------------------------------------------------------------------


@invariant("K1")
@invariant("K2")
@clause(DOCUMENT, "Table 10")
@pytest.mark.parametrize("slaves", [(NEAR, FAR), (FAR, BESIDE), (NEAR, BESIDE), SLAVES])
def test_every_slave_gets_the_masters_keys_once(slaves: tuple[SaeId, ...]) -> None:
    casting = Casting().opened()
    name = casting.cast(*slaves, number=3)
    casting.wait(seconds(2))
    keys = casting.given(name)
    for slave in slaves:
        answer = casting.fetch(slave, names(keys))
        assert isinstance(answer, KeyDelivered)
        assert same(keys, answer.keys)
    for slave in slaves:
        again = casting.fetch(slave, names(keys))
        assert isinstance(again, KeyRefused)
        assert again.reason is Reason.KEY_UNKNOWN
    casting.assert_nothing_under_way()
    casting.assert_sound()


@clause(DOCUMENT, "Table 10")
def test_many_keys_travel_in_several_parts_and_are_answered_whole() -> None:
    casting = Casting().opened()
    name = casting.cast(*SLAVES, number=128, size=Bits(512))
    casting.wait(seconds(5))
    keys = casting.given(name)
    assert len(set(names(keys))) == 128
    assert {key.material.size for key in keys} == {512}
    for slave in SLAVES:
        answer = casting.fetch(slave, names(keys))
        assert isinstance(answer, KeyDelivered)
        assert same(keys, answer.keys)
    casting.assert_sound()


def test_a_neighbour_gets_its_copy_under_one_time_pad_and_is_told_so() -> None:
    """What several share is not the link's own key, of which only names would travel."""
    casting = Casting().opened()
    casting.wire.clear()
    name = casting.cast(NEAR, FAR)
    casting.wait(seconds(2))
    key_ids = set(names(casting.given(name)))
    assert not [each for each in casting.wire if isinstance(each, AssignKeys) and key_ids & set(each.key_ids)]
    assert casting.copied() == key_ids
    answer = casting.fetch(NEAR, tuple(key_ids))
    assert isinstance(answer, KeyDelivered)
    assert (answer.keys[0].provenance.method, answer.keys[0].provenance.hops) == (Method.RELAYED, 1)
    assert casting.given(name)[0].provenance.hops == 2  # the longest way of all


@invariant("K4")
@clause(DOCUMENT, "Table 8")
def test_an_sae_that_was_not_named_gets_nothing_and_disturbs_nobody() -> None:
    casting = Casting().opened()
    name = casting.cast(NEAR, FAR)
    casting.wait(seconds(2))
    key_ids = names(casting.given(name))
    stranger = casting.fetch(BESIDE, key_ids)  # at the same node as one that was named
    assert isinstance(stranger, KeyRefused)
    assert stranger.reason is Reason.NOT_ALLOWED
    for slave in (NEAR, FAR):
        assert isinstance(casting.fetch(slave, key_ids), KeyDelivered)


@clause(DOCUMENT, "Table 9")
def test_status_tells_how_many_further_slaves_there_may_be() -> None:
    casting = Casting().opened()
    (status,) = casting.heard(casting.status(FAR))
    assert getattr(status, "max_sae_id_count") == 2  # noqa: B009  # of whatever message


# --- who cannot be ----------------------------------------------------------------------------------------------------


@invariant("K8")
@invariant("R5")
@pytest.mark.parametrize("victim", [NODES[NEAR], NODES[FAR]])
def test_when_one_slave_cannot_be_reached_nobody_gets_anything(victim: NodeId) -> None:
    casting = Casting(blueprint=blueprint_of(lifetime="20 s")).opened()
    casting.stop(victim)
    name = casting.cast(NEAR, FAR, number=4)
    casting.wait(seconds(6))
    told = refusal(casting, name)
    assert (told.reason, told.retry_after > 0) == (Reason.KEY_UNAVAILABLE, True)
    casting.restart(victim)
    casting.wait(seconds(20))  # the maker says again and again that it has given up
    assert casting.on_shelves() == 0
    casting.assert_nothing_under_way()
    casting.assert_sound()


@invariant("K8")
def test_what_is_reserved_already_is_voided_end_to_end() -> None:
    casting = Casting().opened()
    casting.part(NODES[NEAR], NODES[FAR])
    name = casting.cast(NEAR, BESIDE, FAR, number=4)
    casting.wait(seconds(2))
    assert casting.on_shelves() == 8  # two of three have theirs, and nobody has been told
    assert not casting.heard(name)
    casting.wait(seconds(4))
    assert refusal(casting, name).reason is Reason.KEY_UNAVAILABLE
    assert casting.on_shelves() == 0
    assert casting.gone("voided") == 8
    assert {ksid_of(casting, NEAR), ksid_of(casting, BESIDE)} <= {
        each.ksid for each in casting.wire if isinstance(each, VoidKeys)
    }


class Purse:
    """Tokens that a test counts."""

    def __init__(self, level: int) -> None:
        self.level = level

    def take(self, wanted: Bits, now: Instant) -> bool:
        del now
        is_enough = wanted <= self.level
        self.level -= wanted if is_enough else 0
        return is_enough

    def give_back(self, unused: Bits) -> None:
        self.level += unused

    def largest(self) -> Bits:
        return Bits(5_000)

    def wait(self, wanted: int, now: Instant) -> Duration:
        del wanted, now
        return seconds(9)


@invariant("K8")
def test_tokens_of_every_session_come_back_when_nothing_was_handed_out() -> None:
    casting = Casting().opened()
    purses = with_purses(casting, {NEAR: 5_000, FAR: 5_000})
    casting.stop(NODES[FAR])
    name = casting.cast(NEAR, FAR, number=4)
    casting.wait(milliseconds(500))
    assert {slave: purse.level for slave, purse in purses.items()} == {NEAR: 3_976, FAR: 3_976}
    casting.wait(seconds(6))
    assert refusal(casting, name).reason is Reason.KEY_UNAVAILABLE
    assert {slave: purse.level for slave, purse in purses.items()} == {NEAR: 5_000, FAR: 5_000}


def with_purses(casting: Casting, levels: dict[SaeId, int]) -> dict[SaeId, Purse]:
    """Give the master's sessions tokens that a test counts."""
    purses = {slave: Purse(level) for slave, level in levels.items()}
    for slave, purse in purses.items():
        desk = casting.km(HOME).sessions.desk(ksid_of(casting, slave))
        assert desk is not None
        desk.tokens = purse  # type: ignore[assignment]  # what the machines need of tokens
    return purses


def direct(casting: Casting, **changed: object) -> KeyRefused:
    """Ask the key manager itself, as no standing session would; it must refuse, and it costs nobody anything."""
    plain = GetKey("direct", FACE, ksid_of(casting, NEAR), MASTER, 1, None, seconds(5), (ksid_of(casting, FAR),))
    before = [casting.km(node).key_account() for node in dict.fromkeys(NODES.values())]
    casting.wire.clear()
    casting.simulation.inject(casting.simulation.now, km_of(HOME), replace(plain, **changed))
    casting.wait(milliseconds(50))
    assert not casting.copied()
    assert before == [casting.km(node).key_account() for node in dict.fromkeys(NODES.values())]
    return refusal(casting, "direct")


@invariant("K9")
@pytest.mark.parametrize("number", [0, -1, 5_000])
def test_an_impossible_number_consumes_nothing(number: int) -> None:
    assert direct(Casting().opened(), number=number).reason is Reason.TOO_LARGE


@invariant("K9")
@pytest.mark.parametrize("size", [Bits(0), Bits(7), Bits(2**30)])
def test_an_impossible_size_consumes_nothing(size: Bits) -> None:
    assert direct(Casting().opened(), size=size).reason is Reason.TOO_LARGE


@invariant("K9")
@invariant("K4")
def test_sessions_of_others_and_of_nobody_consume_nothing() -> None:
    casting = Casting().opened()
    assert direct(casting, sae=NEAR).reason is Reason.NOT_ALLOWED
    casting = Casting().opened()
    assert direct(casting, further=(Ksid("nobody's"),)).reason is Reason.SESSION_UNKNOWN
    casting = Casting().opened()
    assert direct(casting, further=(ksid_of(casting, NEAR),)).reason is Reason.NOT_ALLOWED  # one slave, named twice


@invariant("K9")
def test_when_one_session_has_no_tokens_those_of_the_others_are_not_drawn() -> None:
    casting = Casting().opened()
    purses = with_purses(casting, {NEAR: 5_000, FAR: 255})
    name = casting.cast(NEAR, FAR)
    casting.wait(milliseconds(20))
    told = refusal(casting, name)
    assert (told.reason, told.retry_after) == (Reason.RATE_EXCEEDED, seconds(9))
    assert {slave: purse.level for slave, purse in purses.items()} == {NEAR: 5_000, FAR: 255}


def test_too_many_requests_at_once_are_put_off() -> None:
    casting = Casting(blueprint=blueprint_of(burst="10 Mbit")).opened()
    casting.part(HOME, NODES[NEAR])
    asked = [casting.cast(NEAR, FAR) for _ in range(MOST_CASTS + 1)]
    casting.wait(milliseconds(50))
    assert refusal(casting, asked[-1]).reason is Reason.UNAVAILABLE
    casting.wait(seconds(6))
    assert {refusal(casting, name).reason for name in asked[:-1]} == {Reason.KEY_UNAVAILABLE}
    assert not casting.km(HOME).multicast.casts


def test_a_repeat_of_a_request_that_is_under_way_is_no_second_one() -> None:
    casting = Casting().opened()
    casting.cast(NEAR, FAR, name="twice")
    casting.cast(NEAR, FAR, name="twice")
    casting.wait(seconds(2))
    assert len(casting.given("twice")) == 1
    assert len(casting.copied()) == 1


# --- what may happen in between ---------------------------------------------------------------------------------------


@invariant("K7")
def test_copies_that_nobody_fetches_expire_at_every_end() -> None:
    casting = Casting().opened()
    name = casting.cast(*SLAVES, number=2)
    casting.wait(seconds(2))
    key_ids = names(casting.given(name))
    assert casting.on_shelves(key_ids) == 6
    casting.wait(EXPIRED)
    assert casting.on_shelves(key_ids) == 0
    casting.assert_sound()


@invariant("R4")
@invariant("K5")
def test_copies_of_two_slaves_at_one_node_survive_its_restart_each_by_itself() -> None:
    casting = Casting().opened()
    name = casting.cast(NEAR, BESIDE, number=2)
    casting.wait(seconds(2))
    keys = casting.given(name)
    casting.restart(NODES[NEAR])
    casting.wait(seconds(2))
    first = casting.fetch(NEAR, names(keys))
    assert isinstance(first, KeyDelivered)
    assert same(keys, first.keys)
    casting.restart(NODES[NEAR])
    casting.wait(seconds(2))
    assert isinstance(casting.fetch(NEAR, names(keys)), KeyRefused)
    second = casting.fetch(BESIDE, names(keys))
    assert isinstance(second, KeyDelivered)
    assert same(keys, second.keys)
    casting.restart(NODES[NEAR])
    casting.wait(seconds(2))
    assert isinstance(casting.fetch(BESIDE, names(keys)), KeyRefused)
    casting.assert_sound()


@invariant("K8")
@invariant("S1")
def test_a_session_that_ends_in_the_middle_ends_the_whole_request() -> None:
    casting = Casting().opened()
    casting.part(NODES[NEAR], NODES[FAR])
    name = casting.cast(NEAR, FAR, number=2)
    casting.wait(seconds(1))
    close = CloseSession(ksid_of(casting, FAR), MASTER)
    casting.simulation.inject(casting.simulation.now, km_of(HOME), close)
    casting.wait(seconds(1))
    assert refusal(casting, name).reason is Reason.KEY_UNAVAILABLE
    assert casting.on_shelves() == 0
    casting.assert_nothing_under_way()


@invariant("K6")
@invariant("K7")
@invariant("K8")
@invariant("R4")
@pytest.mark.parametrize("saved", ["lost", "saved"])
@pytest.mark.parametrize("victim", list(dict.fromkeys(NODES.values())))
@pytest.mark.parametrize("place", range(1, 6))
def test_killed_at_any_save_all_slaves_have_the_keys_or_nobody_ever_will(
    place: int, victim: NodeId, saved: str
) -> None:
    strike = Strike(place, saved == "saved")
    casting = Casting(seed=place, strikes={victim: strike}).opened()
    strike.is_armed = True
    name = casting.cast(*SLAVES, number=2)
    for _ in range(60):
        casting.wait(milliseconds(100))
        if casting.simulation.machine(km_of(victim)) is None:
            casting.wait(milliseconds(300))
            casting.restart(victim)
    assert strike.has_struck
    casting.wait(seconds(10))
    copied = casting.copied()
    answer = casting.answer(name)
    if isinstance(answer, KeyDelivered):
        for slave in SLAVES:
            fetched = casting.fetch(slave, names(answer.keys))
            assert isinstance(fetched, KeyDelivered), (slave, fetched)
            assert same(answer.keys, fetched.keys)
    else:
        casting.wait(EXPIRED)  # the master's end may have died without a word
    assert casting.on_shelves(copied) == 0
    casting.assert_nothing_under_way()
    casting.assert_sound()


@invariant("K1")
@invariant("K2")
@invariant("K8")
@invariant("P1")
@invariant("P5")
@pytest.mark.parametrize("seed", range(6))
def test_in_a_storm_of_faults_and_deaths_it_is_still_all_or_none(seed: int) -> None:
    dice = random.Random(f"cast {seed}")
    casting = Casting(seed).opened()
    casting.simulation.disturb(MessageFaults(drop=0.1, duplicate=0.2, delay=milliseconds(200), lasting=seconds(20)))
    asked: dict[str, tuple[SaeId, ...]] = {}
    for _ in range(25):
        slaves = tuple(dice.sample(SLAVES, dice.choice((2, 3))))
        asked[casting.cast(*slaves, number=dice.choice((1, 2, 70)))] = slaves
        casting.wait(milliseconds(dice.choice((50, 700, 1_500))))
        if dice.random() < 0.2:
            casting.restart(dice.choice(list(NODES.values())))
    casting.wait(seconds(20))
    delivered: dict[str, KeyDelivered] = {}
    for name in asked:
        answer = casting.answer(name)
        if isinstance(answer, KeyDelivered):
            delivered[name] = answer
    assert delivered
    for name, answer in delivered.items():
        for slave in asked[name]:
            fetched = casting.fetch(slave, names(answer.keys))
            assert isinstance(fetched, KeyDelivered), (name, slave, fetched)
            assert same(answer.keys, fetched.keys)
    casting.wait(EXPIRED)
    assert casting.on_shelves(casting.copied()) == 0
    casting.assert_nothing_under_way()
    casting.assert_sound()


@invariant("R1")
def test_a_flip_of_the_mark_of_a_copy_is_seen_by_its_tag() -> None:
    """Else a stranger on the wire could pass another key off under a name in use."""
    casting = Casting().opened()

    def unmark(at: Instant, source: ElementName, to: ElementName, message: Message) -> Message:
        del at, source, to
        return replace(message, is_copy=False) if isinstance(message, RelayKeys) and message.is_copy else message

    casting.simulation.wires.tamper(unmark)
    name = casting.cast(NEAR, FAR)
    casting.wait(seconds(6))
    assert refusal(casting, name).reason is Reason.KEY_UNAVAILABLE
    assert casting.on_shelves(casting.copied()) == 0


@invariant("K2")
def test_a_copy_that_is_none_is_not_taken() -> None:
    """A maker gone bad sends two slaves of one node different keys under one name: the second is not available."""
    casting = Casting().opened()
    km = casting.km(HOME)
    key_ids = (KeyId("6b1d6a0e-54a4-4b49-9f0b-6a4c4f2d9d11"),)
    for slave, octet in ((NEAR, b"\1"), (BESIDE, b"\2")):
        plain = bytearray(octet * 32)
        messages = [
            each
            for each in km.workshop.copy(ksid_of(casting, slave), plain, key_ids, casting.simulation.now)[1]
            if isinstance(getattr(each, "message", None), RelayKeys)
        ]
        for each in messages:
            message: Message = getattr(each, "message")  # noqa: B009  # of a Send
            casting.simulation.inject(casting.simulation.now, km_of(NODES[slave]), message)
        casting.wait(seconds(1))
    assert casting.on_shelves(key_ids) == 1
    assert isinstance(casting.fetch(NEAR, key_ids), KeyDelivered)
    assert isinstance(casting.fetch(BESIDE, key_ids), KeyRefused)
