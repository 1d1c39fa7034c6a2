"""Keys by a central point in rows and whole networks: nothing spoiled becomes a key, and whatever is lost is voided."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable

import pytest
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement import sums
from keytwin.keymanagement.orders import LARGEST_SUM
from keytwin.keymanagement.xor_point import XorPoint
from keytwin.network import simulate
from keytwin.scenario.hunt_harm import SUMMED, Harm
from keytwin.scenario.hunt_network import drawn_network
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import KeyManagementSettings, Relay
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import KeyDelivered, KeysFailed, KeysStored, KeysVoided, RelayKeys
from keytwin.vocabulary.identity import XOR_POINT, AppId, ElementName, LinkId, km_of
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.point_messages import AskSum, XorAnnounced, XorSummed
from keytwin.vocabulary.timeline import MessageFaults, OpenApp
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.fakes.control import KSID
from tests.files.reading import network
from tests.keymanagement.bench import FIRST, SECOND, Row, octets_of
from tests.keymanagement.casting import BESIDE, FAR, NEAR, TEXT, Casting, blueprint_of
from tests.keymanagement.parts import START, B
from tests.keymanagement.test_central import unsealed
from tests.keymanagement.test_row_faults import Load, survive
from tests.marks import invariant

RING = """
format: 1
name: ring
defaults: {link: {device: generic-decoy-bb84, length: 20 km, loss: 0.2 dB/km}}
nodes: {a: , b: , c: , d: }
links: [a -- b, b -- c, c -- d, d -- a]
slas: {careful: {priority: 0, rate: 2 kbit/s, burst: 64 kbit, routes: 2}}
users: {eve: {sla: careful}}
apps: {across: {user: eve, saes: {one: a, two: c}}}
control: {key_management: {relay: xor-central}}
"""
CENTRAL = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1), relay=Relay.XOR_CENTRAL)


# --- a row of key managers ------------------------------------------------------------------------------------------


def octets_told(message: object) -> bytes:
    match message:
        case RelayKeys(ciphertext=told) | XorAnnounced(xor=told) | XorSummed(xor=told):
            return told
        case _:
            return b""


def opened(hops: int, seed: int = 1, settings: KeyManagementSettings = CENTRAL) -> tuple[Row, list[Message]]:
    wire: list[Message] = []
    row = Row(hops, seed, key_management=settings)
    row.simulation.wires.tap(
        lambda *what: wire.append(what[-1]) if isinstance(what[-1], RelayKeys | XorAnnounced | XorSummed) else None
    )
    row.open()
    row.run(seconds(3))
    assert row.is_open()
    return row, wire


def point_of(row: Row) -> XorPoint:
    point = row.simulation.machine(XOR_POINT)
    assert isinstance(point, XorPoint)
    return point


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@pytest.mark.parametrize("hops", [2, 3, 4])
def test_both_ends_get_the_same_keys(hops: int) -> None:
    row, wire = opened(hops)
    asked = ((FIRST, "a"), (SECOND, "b"), (FIRST, "c"))
    assert row.pair(*asked[0], number=3)
    assert row.pair(*asked[1], number=70)
    assert row.pair(*asked[2], number=2, size=Bits(1_000))
    relayed = [message for message in wire if isinstance(message, RelayKeys)]
    assert all(message.is_central and len(message.ciphertext) == KEY_OCTETS for message in relayed)
    key = row.given(FIRST, "a")[0]
    assert (key.provenance.method, key.provenance.hops) == (Method.RELAYED, hops)
    told = b"".join(map(octets_told, wire))
    assert all(octets_of(key) not in told for sae, name in asked for key in row.given(sae, name))
    row.close(FIRST)
    row.wait(seconds(20))
    row.assert_drained()
    row.assert_unharmed()
    assert point_of(row) == XorPoint()


def test_neighbours_share_their_links_key_whichever_the_method() -> None:
    row, wire = opened(1)
    assert row.pair(FIRST, "a")
    assert not wire


Meddle = Callable[[Message], Message | None]


def meddled(row: Row, kinds: type[Message] | tuple[type[Message], ...], meddle: Meddle) -> None:
    """From now on replace, or lose, messages of these kinds."""

    def tamper(at: Instant, source: ElementName, to: ElementName, message: Message) -> Message | None:
        del at, source, to
        return meddle(message) if isinstance(message, kinds) else message

    row.simulation.wires.tamper(tamper)


def spoiled(message: Message) -> Message:
    assert isinstance(message, XorAnnounced | XorSummed)
    if isinstance(message, XorAnnounced) and message.node != "n1":
        return message  # two equal flips would undo each other
    return replace(message, xor=bytes([message.xor[0] ^ 1, *message.xor[1:]]))


@invariant("K2")
@invariant("R1")
@invariant("R5")
@invariant("P5")
@pytest.mark.parametrize("kind", [XorAnnounced, XorSummed])
def test_what_is_spoiled_never_becomes_a_key_and_its_maker_hears_at_once(kind: type[Message]) -> None:
    row = Row(3, key_management=CENTRAL)
    failed: list[Message] = []
    row.simulation.wires.tap(
        lambda *what: failed.append(what[-1]) if isinstance(what[-1], KeysFailed | KeysVoided) else None
    )
    meddled(row, kind, spoiled)
    row.open()
    row.run(seconds(3))
    assert {seen.kind for seen in row.published(ViolationSeen)} == {"TagMismatch"}
    assert {type(each) for each in failed} == {KeysFailed, KeysVoided}
    assert all(km.key_account().stored == km.key_account().taken == 0 for km in row.kms())
    row.assert_books_close()
    row.simulation.wires.tamper(None)
    row.wait(seconds(5))  # what was voided is made anew, under other names
    assert row.pair(FIRST, "a", number=3)
    row.close(FIRST)
    row.wait(seconds(20))
    row.assert_drained()
    row.pads.close()


class Lose:
    """Loses the first so many messages it is shown."""

    def __init__(self, number: int) -> None:
        self.left = number

    def __call__(self, message: Message) -> Message | None:
        self.left -= 1
        return message if self.left < 0 else None


def on_demand(hops: int = 3, seed: int = 1) -> Row:
    """Return a row that makes keys when they are asked for, and has its session open."""
    row = Row(hops, seed, key_management=CENTRAL, control={"algorithm": "on-demand", "batch": 1})
    row.open()
    row.run(seconds(3))
    return row


@pytest.mark.parametrize("kind", [AskSum, XorSummed])
def test_a_lost_question_or_answer_is_asked_for_again(kind: type[Message]) -> None:
    row = on_demand()
    meddled(row, kind, Lose(2))
    row.ask(FIRST, "a")
    row.wait(milliseconds(1_900))
    assert row.answer(FIRST, "a") is None
    row.wait(milliseconds(200))  # each is repeated after a second
    given = row.given(FIRST, "a")
    row.fetch(SECOND, "a/slave", tuple(key.key_id for key in given))
    row.wait(milliseconds(100))
    assert [octets_of(key) for key in row.given(SECOND, "a/slave")] == [octets_of(key) for key in given]
    row.assert_unharmed()


@invariant("R5")
@invariant("P5")
def test_a_lost_announcement_costs_the_batch_which_is_voided_at_both_ends() -> None:
    row = on_demand()
    meddled(row, XorAnnounced, Lose(1))
    row.ask(FIRST, "a", wait=seconds(30))
    row.wait(seconds(2))
    assert row.answer(FIRST, "a") is None
    assert len(row.km(3).shelf.sums.by_tag) == 1
    row.wait(seconds(20))
    assert row.given(FIRST, "a")  # another batch, made after the first was given up
    assert not row.km(3).shelf.sums.by_tag
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()
    row.assert_unharmed()


@invariant("P1")
@invariant("P5")
@invariant("R2")
def test_messages_that_come_twice_and_late_change_nothing() -> None:
    row, wire = opened(3)
    row.simulation.disturb(MessageFaults(drop=0.0, duplicate=1.0, delay=milliseconds(20), lasting=seconds(10)))
    assert row.pair(FIRST, "a", number=20)
    assert row.pair(SECOND, "b", number=5, size=Bits(128))
    again = [message for message in wire if isinstance(message, XorSummed)]
    for message in again:  # long after they were taken
        row.tell(km_of(row.nodes[3]), message)
        row.tell(km_of(row.nodes[0]), message)
    row.wait(seconds(12))
    assert row.pair(FIRST, "c", number=3)
    row.assert_unharmed()


@invariant("K2")
@invariant("P1")
@invariant("R5")
@pytest.mark.parametrize("element", ["xor-point", "km/n0", "km/n1", "km/n2", "km/n3"])
def test_a_restart_costs_at_most_what_is_under_way(element: str) -> None:
    row = on_demand()
    row.ask(FIRST, "a", wait=seconds(30))
    meddled(row, XorSummed, Lose(10**9))
    row.wait(milliseconds(50))
    assert row.km(3).shelf.sums.by_tag
    row.simulation.restart(ElementName(element))
    row.simulation.wires.tamper(None)
    row.wait(seconds(25))
    assert not row.km(3).shelf.sums.by_tag
    assert row.pair(SECOND, "b", number=3)
    assert row.pair(FIRST, "c")
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()
    row.assert_unharmed()


@invariant("S1")
def test_what_waits_for_a_sum_is_wiped_with_its_session_and_when_there_is_too_much() -> None:
    row = on_demand()
    meddled(row, XorSummed, Lose(10**9))
    row.ask(FIRST, "a")
    row.wait(milliseconds(50))
    (awaited,) = row.km(3).shelf.sums.by_tag.values()
    assert any(awaited.held)
    row.close(FIRST)
    row.wait(seconds(1))
    assert not any(awaited.held)
    assert not row.km(3).shelf.sums.by_tag


def test_beyond_the_bound_the_oldest_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sums, "MOST_AWAITED", 3)
    waiting, held = sums.Sums(), [bytearray(b"key") for _ in range(5)]
    for number, each in enumerate(held):
        waiting.wait(B, replace(unsealed(), tag=b"tag %d" % number, end_tag=b"end"), each, START)
    assert list(waiting.by_tag) == [b"tag 2", b"tag 3", b"tag 4"]
    assert [any(each) for each in held] == [False, False, True, True, True]


def spent(row: Row) -> tuple[int, int]:
    """Return how many octets the senders of all links have spent on keys, and on tags."""
    accounts = [each for km in row.kms() for each in km.link_accounts() if each.node == each.sender]
    return sum(each.pad + each.delivered for each in accounts), sum(each.tag for each in accounts)


def test_what_a_key_costs_over_three_links() -> None:
    """The figures of docs/explanation/relay-methods.md; `test_announced.py` measures those of the other methods."""
    row, told = on_demand(), Counter[type]()

    row.simulation.wires.tap(lambda *what: told.update({type(what[-1]): len(octets_told(what[-1]))}))
    row.wait(milliseconds(500))  # so that no block, which has a tag of its own, falls into what is measured
    pad, tags = spent(row)
    row.ask(FIRST, "a", 1)
    row.wait(milliseconds(100))
    assert row.given(FIRST, "a")
    now_pad, now_tags = spent(row)
    assert now_pad - pad == 3 * 32
    assert now_tags - tags == 3 * 64
    assert +told == {RelayKeys: 3 * 32, XorAnnounced: 2 * 32, XorSummed: 32}


def test_a_message_holds_as_many_keys_over_any_way_and_none_too_large_for_the_bus() -> None:
    assert {on_demand(hops).km(0).workshop.orders[KSID].announced for hops in (2, 4)} == {1}
    order = on_demand(2).km(0).workshop.orders[KSID]
    assert order.largest == 8 * LARGEST_SUM
    assert order.most_together(Bits(256)) == 64
    assert order.most_together(Bits(8 * LARGEST_SUM + 8)) == 0


@invariant("K1")
@invariant("K2")
@invariant("P1")
@invariant("P5")
@invariant("S1")
@pytest.mark.parametrize("seed", range(6))
def test_in_a_storm_with_deaths_the_same_rules_hold(seed: int) -> None:
    dice = random.Random(f"central {seed}")
    settings = replace(CENTRAL, key_lifetime=dice.choice((seconds(4), seconds(60))))
    row = Row(2 + seed % 2, seed, key_management=settings, control={"batch": dice.choice((1, 4, 64))})
    survive(row, dice, lambda: row.simulation.restart(dice.choice((XOR_POINT, *map(km_of, row.nodes)))))


# --- whole networks -------------------------------------------------------------------------------------------------


@invariant("K1")
@invariant("K2")
def test_copies_for_several_slaves_go_under_one_time_pad() -> None:
    text = TEXT.replace("key_management: {", "key_management: {relay: xor-central, ")
    casting = Casting(blueprint=blueprint_of(text=text)).opened()
    seen = len(casting.wire)
    name = casting.cast(NEAR, FAR, BESIDE, number=2)
    casting.wait(seconds(2))
    given = casting.given(name)
    for slave in (NEAR, FAR, BESIDE):
        answer = casting.fetch(slave, tuple(key.key_id for key in given))
        assert isinstance(answer, KeyDelivered)
        assert [octets_of(key) for key in answer.keys] == [octets_of(key) for key in given]
    relayed = [message for message in casting.wire if isinstance(message, RelayKeys)]
    copies = [message for message in casting.wire[seen:] if isinstance(message, RelayKeys) and message.is_copy]
    assert copies
    assert not any(message.is_central for message in copies)
    assert any(message.is_central for message in relayed)  # of the pools


@invariant("K2")
def test_in_shares_each_goes_its_way_by_the_point() -> None:
    seen: list[Message] = []
    simulation = simulate(network(RING).value, 3)
    simulation.wires.tap(lambda *what: seen.append(what[-1]))
    simulation.start()
    simulation.run(Instant(seconds(3)))
    for order in orders(OpenApp(AppId("across")), network(RING).value):
        simulation.inject(simulation.now, *order)
    simulation.run(Instant(seconds(20)))
    relayed = [message for message in seen if isinstance(message, RelayKeys)]
    ways = {link for message in relayed for link in (message.link,)}
    assert ways == set(map(LinkId, ("a--b", "b--c", "c--d", "d--a")))
    assert all(message.is_central for message in relayed)
    stored = {message.batch_id for message in seen if isinstance(message, KeysStored)}
    assert stored >= {message.batch_id for message in relayed}
    assert len([message for message in seen if isinstance(message, XorSummed)]) >= 2 * len(stored)


@invariant("R5")
def test_while_the_point_is_away_nothing_is_relayed_by_it_and_all_is_well_when_it_is_back() -> None:
    row = on_demand()
    row.simulation.stop(XOR_POINT)
    row.ask(FIRST, "a", wait=seconds(60))
    row.wait(seconds(5))
    assert row.answer(FIRST, "a") is None
    row.simulation.restart(XOR_POINT)
    row.wait(seconds(30))
    assert row.given(FIRST, "a")
    row.close(FIRST)
    row.wait(seconds(30))
    row.assert_drained()
    row.assert_unharmed()


def test_hunts_draw_the_method() -> None:
    drawn = [drawn_network(random.Random(seed)).key_management.relay for seed in range(100)]
    assert 15 < drawn.count(Relay.XOR_CENTRAL) < 35
    assert set(drawn) == set(Relay)


@invariant("K2")
@invariant("R1")
@pytest.mark.parametrize("seed", range(3))
def test_flipped_bits_anywhere_never_make_a_key(seed: int) -> None:
    row, dice = Row(3, seed, key_management=CENTRAL), random.Random(f"flips {seed}")
    flipped: set[type[Message]] = set()
    harm = Harm(row.simulation, dice, spoiled=[lambda _to, sent, _arrives: flipped.add(type(sent))])
    row.simulation.wires.tamper(lambda at, _, to, message: harm.flip(0.2, at, to, message))
    row.open()
    row.run(seconds(2))
    load = Load(row, dice)
    load.run(seconds(12))
    row.simulation.wires.tamper(None)
    row.wait(seconds(20))
    load.run(Duration(row.simulation.now + seconds(3)))
    row.wait(seconds(4))
    load.fetch()
    row.wait(seconds(1))
    assert set(SUMMED) <= flipped
    assert {"TagMismatch"} <= {seen.kind for seen in row.published(ViolationSeen)}
    assert load.pairs > 2
    row.assert_books_close()
