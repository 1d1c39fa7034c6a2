"""Keys over one, two and three Q-links, as the SAEs at both ends see them. Paper B, 3.3 and Fig. 3b."""

from __future__ import annotations

import pytest

from keytwin.vocabulary.blueprint import KeyManagementSettings
from keytwin.vocabulary.events import KeysAnswered, KeysReady, KeysRelayed, ViolationSeen
from keytwin.vocabulary.exchange_messages import AssignKeys, KeyRefused, RelayKeys
from keytwin.vocabulary.key import Method
from keytwin.vocabulary.session_messages import Reason, SessionEnded
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, milliseconds, seconds
from tests.fakes.control import KSID
from tests.keymanagement.bench import FIRST, KEY_MANAGEMENT, SECOND, Row, octets_of
from tests.marks import invariant


def opened(row: Row) -> Row:
    row.open()
    row.run(seconds(3))
    assert row.is_open()
    return row


@invariant("K2")
@pytest.mark.parametrize("hops", [1, 2, 3])
def test_both_ends_get_the_same_keys(hops: int) -> None:
    row = opened(Row(hops=hops))
    assert row.pair(FIRST, "a")
    assert row.pair(SECOND, "b", number=5)
    assert row.pair(FIRST, "c", number=2, size=Bits(512))
    row.assert_unharmed()


@pytest.mark.parametrize(("hops", "method"), [(1, Method.ADJACENT), (2, Method.RELAYED), (3, Method.RELAYED)])
def test_both_ends_hear_of_a_keys_origin_only_method_and_hops(hops: int, method: Method) -> None:
    row = opened(Row(hops=hops))
    row.pair(FIRST, "a")
    for sae, name in ((FIRST, "a"), (SECOND, "a/slave")):
        (key,) = row.given(sae, name)
        assert (key.provenance.method, key.provenance.hops) == (method, hops)


@invariant("K1")
def test_no_key_is_handed_out_twice_whichever_end_is_master() -> None:
    row = opened(Row(hops=2))
    for number in range(20):
        row.ask(FIRST, f"f{number}", 2)
        row.ask(SECOND, f"s{number}", 2)
        row.wait(milliseconds(100))
    names = [event.key_ids for event in row.published(KeysAnswered) if event.is_master]
    keys = [key_id for key_ids in names for key_id in key_ids]
    assert len(keys) == len(set(keys)) == 80
    secrets = [
        octets_of(key)
        for sae, who in ((FIRST, "f"), (SECOND, "s"))
        for n in range(20)
        for key in row.given(sae, f"{who}{n}")
    ]
    assert len(set(secrets)) == 80
    row.assert_unharmed()


def test_keys_are_made_ahead_of_demand_so_that_a_master_does_not_wait() -> None:
    row = opened(Row(hops=3))
    row.ask(FIRST, "a")
    row.wait(milliseconds(2))
    assert row.given(FIRST, "a")


def test_on_demand_makes_keys_only_when_asked() -> None:
    row = opened(Row(hops=2, control={"algorithm": "on-demand", "batch": 1}))
    assert not row.published(KeysReady)
    assert row.pair(FIRST, "a", number=3)
    assert sum(event.number for event in row.published(KeysReady)) == 3


def test_no_hop_but_the_ends_relays_in_plain() -> None:
    row = opened(Row(hops=3))
    relayed = [sum(event.number for event in row.published(KeysRelayed, index)) for index in range(4)]
    assert relayed[0] == relayed[3] == 0
    assert relayed[1] == relayed[2] > 0


def test_a_link_without_key_makes_requests_wait_until_there_is_some() -> None:
    row = Row(hops=2, block_time=seconds(20))
    row.open()
    row.run(seconds(10))
    row.ask(FIRST, "patient", wait=seconds(60))
    row.ask(FIRST, "hasty", wait=seconds(2))
    row.run(seconds(13))
    refusal = row.answer(FIRST, "hasty")
    assert isinstance(refusal, KeyRefused)
    assert (refusal.reason, row.answer(FIRST, "patient")) == (Reason.KEY_UNAVAILABLE, None)
    row.run(seconds(21))
    assert row.given(FIRST, "patient")
    row.assert_unharmed()


@pytest.mark.parametrize("split", [0.0, 1.0])
def test_all_key_for_one_direction_lets_only_that_end_be_master(split: float) -> None:
    settings = KeyManagementSettings(store=KEY_MANAGEMENT.store, pool_depth=seconds(1), split=split)
    row = Row(hops=1, key_management=settings)
    row.open()
    row.run(seconds(3))
    able, unable = (FIRST, SECOND) if split else (SECOND, FIRST)
    assert row.pair(able, "able")
    row.ask(unable, "unable", wait=seconds(1))
    row.wait(seconds(2))
    assert isinstance(row.answer(unable, "unable"), KeyRefused)
    row.assert_unharmed()


@pytest.mark.parametrize("hops", [1, 2])
def test_a_store_smaller_than_a_batch_makes_smaller_batches(hops: int) -> None:
    settings = KeyManagementSettings(store=Bits(8 * 300), pool_depth=seconds(1))
    row = opened(Row(hops=hops, key_management=settings, block_time=milliseconds(100), control={"batch": 64}))
    row.wait(seconds(10))
    assert row.pair(FIRST, "a", number=3)
    row.ask(FIRST, "huge", size=Bits(8 * 400))
    row.wait(milliseconds(10))
    refusal = row.answer(FIRST, "huge")
    assert isinstance(refusal, KeyRefused)
    assert (refusal.reason, refusal.retry_after) == (Reason.TOO_LARGE, 0)
    row.assert_unharmed()


@invariant("A4")
def test_where_key_is_scarce_a_request_goes_before_the_refills() -> None:
    """Each block carries some batches; the pool wants many more."""
    row = Row(hops=1, block=Bits(8 * 600), control={"burst": Bits(64_000), "batch": 1})
    row.open()
    row.run(seconds(0.5))
    row.ask(FIRST, "a", number=4, wait=seconds(30))
    row.run(seconds(5))
    assert row.given(FIRST, "a")


def test_a_request_for_a_huge_number_of_keys_is_refused_at_once() -> None:
    row = opened(Row(hops=2, control={"burst": Bits(10**9)}))
    row.ask(FIRST, "a", number=10**6, size=Bits(8))
    row.wait(milliseconds(10))
    refusal = row.answer(FIRST, "a")
    assert isinstance(refusal, KeyRefused)
    assert refusal.reason is Reason.TOO_LARGE


@invariant("K4")
@pytest.mark.parametrize("hops", [1, 2])
def test_a_master_cannot_fetch_its_own_keys_and_its_slave_still_can(hops: int) -> None:
    """The master's key manager has nothing by these names for it: it handed the keys out, and keeps none."""
    row = opened(Row(hops=hops))
    row.ask(FIRST, "a", number=2)
    row.wait(seconds(2))
    key_ids = tuple(key.key_id for key in row.given(FIRST, "a"))
    row.fetch(FIRST, "mine", key_ids)
    row.wait(seconds(1))
    assert row.answer(FIRST, "mine") == KeyRefused("mine", Reason.KEY_UNKNOWN, Duration(0))
    row.fetch(SECOND, "a/slave", key_ids)
    row.wait(seconds(1))
    assert len(row.given(SECOND, "a/slave")) == 2


@invariant("K8")
def test_a_request_for_very_many_keys_is_answered_whole() -> None:
    row = opened(Row(hops=2, block=Bits(800_000), control={"burst": Bits(10**7), "batch": 64}))
    assert row.pair(FIRST, "pool", number=1_000)
    assert row.pair(SECOND, "small", number=2_000, size=Bits(64))
    row.assert_unharmed()


# --- another route --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("hops", [1, 2])
def test_a_session_goes_on_over_another_route(hops: int) -> None:
    row = opened(Row(hops=hops, spare=True))
    assert row.pair(FIRST, "before")
    row.ask(SECOND, "across", number=200)
    row.reroute(row.spares)
    row.wait(seconds(2))
    assert len(row.given(SECOND, "across")) == 200
    assert row.pair(FIRST, "after")
    assert row.km(0).forwarding.hops[KSID].configuration.epoch == 2
    assert not row.heard(FIRST, SessionEnded)
    row.assert_unharmed()


@invariant("R2")
def test_what_is_under_way_along_the_old_route_has_no_effect_on_the_new_one() -> None:
    row = opened(Row(hops=2, spare=True))
    old: list[RelayKeys] = []
    row.simulation.wires.tap(lambda *what: old.append(what[-1]) if isinstance(what[-1], RelayKeys) else None)
    assert row.pair(FIRST, "before", number=40)
    row.reroute(row.spares)
    row.wait(seconds(1))
    taken = row.km(2).books.taken
    for message in [each for each in old if each.link in row.links]:
        row.tell(f"km/{message.link.split('--')[1]}", message)  # type: ignore[arg-type]  # an element's name
    row.wait(seconds(1))
    assert row.km(2).books.taken == taken
    row.assert_unharmed()


# --- an enemy on the wire -------------------------------------------------------------------------------------------


@invariant("R1")
@invariant("K2")
def test_flipped_bits_on_the_wire_cost_time_but_never_a_wrong_key() -> None:
    row = Row(hops=3)
    flips = 0

    def flip(*what: object) -> object:
        nonlocal flips
        message = what[-1]
        if isinstance(message, RelayKeys) and message.offset % 3 == 0 and row.simulation.now < seconds(4):
            flips += 1
            spoiled = bytes([message.ciphertext[0] ^ 1]) + message.ciphertext[1:]
            return type(message)(
                **{**{n: getattr(message, n) for n in message.__struct_fields__}, "ciphertext": spoiled}
            )
        return message

    row.simulation.wires.tamper(flip)  # type: ignore[arg-type]
    row.open()
    row.run(seconds(8))
    assert flips > 5
    assert {event.kind for event in row.published(ViolationSeen)} == {"TagMismatch"}
    assert row.pair(FIRST, "a", number=9)
    row.assert_books_close()


def test_the_names_of_assigned_keys_are_on_the_wire_but_no_key() -> None:
    row = Row(hops=1)
    told: list[AssignKeys] = []
    row.simulation.wires.tap(lambda *what: told.append(what[-1]) if isinstance(what[-1], AssignKeys) else None)
    opened(row)
    row.pair(FIRST, "a")
    (key,) = row.given(FIRST, "a")
    assert key.key_id in {key_id for message in told for key_id in message.key_ids}
    assert BitsPerSecond(64_000) == row.admission.rate
