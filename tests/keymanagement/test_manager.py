"""A key manager as a whole: what it takes, what it knows of others (R3), what it keeps of keys, how it comes back."""

from __future__ import annotations

from functools import partial

import pytest

from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.collection import EXPIRY_STEP
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.keymanagement.pool import SLAVE_MARGIN
from keytwin.keymanagement.workshop import MOST_MAKINGS
from keytwin.runtime.entropy import SeededChance, SeededEntropy
from keytwin.runtime.journal_codec import encode
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.events import BlockDistilled, KeysGone
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    BorrowCredit,
    CreditLent,
    KeyRefused,
    KeysFailed,
    KeysStored,
    KeysVoided,
    SessionSignal,
    VoidKeys,
)
from keytwin.vocabulary.identity import Ksid, NodeId, km_of
from keytwin.vocabulary.machine import Message, Record
from keytwin.vocabulary.session_messages import Reason, SessionEnded
from keytwin.vocabulary.units import START, Bits, Instant, milliseconds, minutes, seconds
from tests.fakes.control import KSID
from tests.keymanagement.bench import FIRST, KEY_MANAGEMENT, SECOND, Row, octets_of
from tests.keymanagement.walk import octets, texts
from tests.machines import Recorder, assert_bounded, assert_replayable, assert_restorable
from tests.marks import invariant

NOWHERE = (NodeId("x"), Ksid("none"), 1, True)
CANARIES = ("alder", "birch", "cedar", "dogwood", "elder")


class Unheard(Message, frozen=True):
    """Of no key manager's business."""


class Strange(Record, frozen=True):
    """Of no key manager's making."""


def alone() -> KeyManager:
    setup = KmSetup(NodeId("n0"), (), KeyManagementSettings(), MonitoringSettings(), ALGORITHMS)
    return KeyManager(setup, SeededChance(1).entropy(km_of(NodeId("n0"))))


def busy(hops: int = 2) -> Row:
    """Return a row whose session has been used from both ends."""
    row = Row(hops=hops, control={"burst": Bits(20_000), "rate": 20_000})
    row.open()
    row.run(seconds(3))
    assert row.pair(FIRST, "a", number=3)
    assert row.pair(SECOND, "b", number=2)
    assert row.pair(FIRST, "c", number=2, size=Bits(512))
    return row


def test_what_is_not_its_business_is_unexpected() -> None:
    with pytest.raises(UnexpectedMessage, match="Unheard"):
        alone().receive(Unheard(), START)
    with pytest.raises(UnexpectedMessage, match="Strange"):
        alone().restore([Strange()], START)


@pytest.mark.parametrize(
    "signal",
    [
        KeysStored(*NOWHERE, batch_id="b"),
        AskStored(*NOWHERE, batch_id="b"),
        KeysFailed(*NOWHERE, batch_id="b", reason=Reason.KEY_UNAVAILABLE),
        VoidKeys(*NOWHERE, batch_id="b", key_ids=()),
        KeysVoided(*NOWHERE, batch_id="b"),
        BorrowCredit(*NOWHERE, wanted=1, lent=0),
        CreditLent(*NOWHERE, lent=1),
    ],
    ids=lambda signal: type(signal).__name__,
)
def test_a_signal_of_no_session_here_has_no_effect(signal: SessionSignal) -> None:
    assert alone().receive(signal, START) == []


# --- R3: nobody on the way knows the way ----------------------------------------------------------------------------


@invariant("R3")
def test_a_key_manager_knows_its_neighbours_on_a_route_and_no_more_of_it() -> None:
    row = Row(hops=4, names=CANARIES)
    row.open()
    row.run(seconds(3))
    row.pair(FIRST, "a", number=3)
    for place, name in enumerate(CANARIES):
        strangers = {other for far, other in enumerate(CANARIES) if abs(far - place) > 1}
        known = texts(row.km(place))
        assert name in known
        told = [event for _, element, event in row.events if element == km_of(NodeId(name))]
        records = row.simulation.hosts[km_of(NodeId(name))].disk.durable
        written = b"".join([*map(encode, told), *records]).decode(errors="replace")
        assert written.count(name) > 3
        for stranger in strangers:
            assert not [text for text in known if stranger in text]
            assert stranger not in written


@invariant("R3")
def test_a_key_manager_between_knows_neither_the_app_nor_its_saes() -> None:
    row = Row(hops=2)
    row.open()
    row.run(seconds(3))
    row.pair(FIRST, "a")
    assert not {FIRST, SECOND, "app"} & texts(row.km(1))
    assert {FIRST, SECOND, "app"} <= texts(row.km(0))


# --- keys in memory -------------------------------------------------------------------------------------------------


@invariant("K5")
@pytest.mark.parametrize("hops", [1, 2])
def test_nothing_of_a_key_is_left_in_any_key_manager_after_its_hand_out(hops: int) -> None:
    """Its receivers wipe their copies; the entropy port, which the simulation owns, may repeat itself."""
    row = busy(hops)
    keys = [key for sae, name in ((FIRST, "a"), (FIRST, "c"), (SECOND, "b")) for key in row.given(sae, name)]
    fetched = [
        key for sae, name in ((SECOND, "a"), (SECOND, "c"), (FIRST, "b")) for key in row.given(sae, f"{name}/slave")
    ]
    secrets = [octets_of(key) for key in keys]
    for key in keys + fetched:
        key.material.wipe()
    for km in row.kms():
        held = octets(km, leave_out=(SeededEntropy,))
        assert len(held) > 1_000
        assert not [secret for secret in secrets if secret in held or secret[:16] in held]


@invariant("K5")
def test_keys_that_were_never_wanted_are_wiped_with_their_session() -> None:
    row = busy()
    secrets = []
    desk = row.km(0).sessions.desk(KSID)
    assert desk
    for batch in desk.pool.batches:
        for material in batch.keys.values():
            with material.exposed() as content:
                secrets.append(bytes(content))
    assert secrets
    assert secrets[0] in octets(row.km(0), leave_out=(SeededEntropy,))
    row.close(FIRST)
    row.wait(seconds(5))
    for km in row.kms():
        held = octets(km, leave_out=(SeededEntropy,))
        assert not [secret for secret in secrets if secret in held]


# --- the whole machine ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_same_inputs_and_draws_give_the_same_effects(index: int) -> None:
    row = Row(hops=2, recorded=index)
    row.open()
    row.run(seconds(3))
    row.pair(FIRST, "a", number=3)
    row.close(SECOND)
    row.wait(seconds(2))
    recorder = row.simulation.machine(km_of(row.nodes[index]))
    assert isinstance(recorder, Recorder)
    assert len(recorder.inputs) > 30
    assert_replayable(partial(row.fresh, index), recorder.inputs, recorder.effects)


@pytest.mark.parametrize("index", [0, 1, 2])
def test_any_prefix_of_the_records_gives_a_key_manager_that_lives(index: int) -> None:
    row = busy()
    row.close(FIRST)
    row.wait(seconds(1))
    records = row.simulation.hosts[km_of(row.nodes[index])].disk.records()
    assert len(records) > 10
    assert_restorable(partial(row.fresh, index), records, _wanted_timers, Instant(seconds(60)))


@invariant("P5")
@pytest.mark.parametrize("index", [0, 1, 2])
def test_the_books_close_after_any_prefix_of_the_records(index: int) -> None:
    row = busy()
    host = row.simulation.hosts[km_of(row.nodes[index])]
    for length in range(0, len(host.disk.durable) + 1, 3):
        km = row.fresh(index)
        km.restore(host.disk.records()[:length], Instant(seconds(60)))
        assert all(account.balance == 0 and account.stored >= 0 for account in km.link_accounts())
        assert km.key_account().balance == 0


@invariant("K7")
def test_unclaimed_keys_expire_at_both_ends_and_the_books_close() -> None:
    settings = KeyManagementSettings(store=KEY_MANAGEMENT.store, pool_depth=seconds(1), key_lifetime=seconds(5))
    row = Row(hops=2, key_management=settings)
    row.open()
    row.run(seconds(3))
    row.ask(FIRST, "a")
    row.wait(seconds(1))
    (key,) = row.given(FIRST, "a")
    row.run(seconds(80))
    row.fetch(SECOND, "late", (key.key_id,))
    row.wait(seconds(1))
    answer = row.answer(SECOND, "late")
    assert isinstance(answer, KeyRefused)
    assert answer.reason is Reason.KEY_UNKNOWN
    for index in (0, 2):
        assert {gone.cause for gone in row.published(KeysGone, index)} == {"expired"}
        account = row.km(index).key_account()
        assert account.expired > 100
    row.assert_unharmed()


@invariant("K7")
@pytest.mark.parametrize("hops", [1, 2])
def test_keys_live_no_longer_than_they_should_at_either_end(hops: int) -> None:
    settings = KeyManagementSettings(store=KEY_MANAGEMENT.store, pool_depth=seconds(1), key_lifetime=seconds(5))
    row = Row(hops=hops, key_management=settings)
    row.open()
    for second in range(3, 90):
        row.run(seconds(second))
        for km in row.kms():
            desk = km.sessions.desk(KSID)
            batches = [*(desk.pool.batches if desk else ()), *km.shelf.batches.values()]
            assert all(batch.until + 2 * EXPIRY_STEP >= row.simulation.now for batch in batches)


@invariant("K7")
def test_what_has_expired_is_made_anew_so_that_an_idle_session_stays_ready() -> None:
    settings = KeyManagementSettings(store=KEY_MANAGEMENT.store, pool_depth=seconds(1), key_lifetime=seconds(5))
    row = Row(hops=2, key_management=settings)
    row.open()
    row.run(seconds(60))
    for index in (0, 2):
        desk = row.km(index).sessions.desk(KSID)
        assert desk
        assert desk.pool.ready >= 250


@invariant("S1")
def test_keys_of_a_session_that_is_over_do_not_come_back_with_a_restart() -> None:
    row = busy()
    row.close(FIRST)
    row.wait(seconds(5))
    for index in range(3):
        row.restart(index)
    row.wait(seconds(5))
    row.assert_drained()
    assert not row.km(2).shelf.by_key
    assert row.km(0).key_account().released > 0
    row.assert_unharmed()


@invariant("K7")
def test_the_slave_keeps_a_key_for_as_long_as_its_master_may_hand_it_out() -> None:
    row = busy()
    kept = row.km(0).sessions.desk(KSID)
    assert kept
    for batch in kept.pool.batches:
        assert row.km(2).shelf.batches[batch.batch_id].until > batch.until


@invariant("K7")
def test_a_restart_does_not_lengthen_the_life_of_a_key() -> None:
    row = busy()
    before = {name: batch.until for name, batch in row.km(2).shelf.batches.items()}
    row.wait(seconds(5))
    row.restart(2)
    after = {name: batch.until for name, batch in row.km(2).shelf.batches.items() if name in before}
    assert after
    assert all(before[name] == until for name, until in after.items())


@invariant("K7")
def test_a_clock_that_is_set_back_over_a_restart_does_not_lengthen_the_life_of_a_key() -> None:
    row = Row(hops=2, control={"burst": Bits(20_000), "rate": 20_000})
    clocks = [row.simulation.hosts[km_of(NodeId(f"n{end}"))] for end in (0, 2)]
    for ahead in (minutes(60), 0):
        for end, host in zip((0, 2), clocks, strict=True):
            host.wall = ahead
            row.restart(end)
        if ahead:
            row.open()
            row.run(seconds(5))
    lifetime = KEY_MANAGEMENT.key_lifetime
    shelf = row.km(2).shelf.batches.values()
    assert shelf
    assert all(batch.until <= row.simulation.now + lifetime + SLAVE_MARGIN for batch in shelf)
    assert all(
        batch.until <= row.simulation.now + lifetime
        for _, desk in row.km(0).sessions.desks()
        for batch in desk.pool.batches
    )


def test_a_request_for_keys_of_another_size_leaves_none_of_them_in_the_pool_after_a_restart() -> None:
    row = busy()
    row.restart(0)
    desk = row.km(0).sessions.desk(KSID)
    assert desk
    assert {material.size for batch in desk.pool.batches for material in batch.keys.values()} == {256}


def test_its_collections_are_bounded_by_what_is_configured() -> None:
    row = busy()
    row.wait(seconds(60))
    km = row.km(0)
    desk = km.sessions.desk(KSID)
    assert desk
    assert_bounded({"makings": km.workshop.makings, "shelf": km.shelf.batches, "pool": desk.pool.batches}, 200)
    for kmlink in km.links.kmlinks.values():
        assert_bounded({"outbox": kmlink.outbox.sent, "ranges": kmlink.incoming._ranges}, 20)
        assert kmlink.out.stock <= kmlink.capacity
    assert MOST_MAKINGS > 200


@invariant("S1")
def test_the_end_of_a_session_reaches_both_saes_and_leaves_nothing() -> None:
    row = busy()
    row.close(SECOND)
    row.wait(seconds(5))
    assert [len(row.heard(sae, SessionEnded)) for sae in (FIRST, SECOND)] == [1, 1]
    row.assert_drained()
    row.assert_unharmed()


def test_blocks_become_key_at_every_link() -> None:
    row = Row(hops=2, block_time=milliseconds(500))
    row.run(seconds(5))
    assert len(row.published(BlockDistilled)) >= 18
    assert all(kmlink.out.stock > 0 for km in row.kms() for kmlink in km.links.kmlinks.values())
    row.assert_unharmed()


def _wanted_timers(km: KeyManager) -> list[str]:
    """Name the timers that a key manager's states need to go on."""
    sessions = [f"session/{open_id}" for open_id, session in km.sessions.opening.items() if session.desk is None]
    leases = [f"{ksid}/lease" for ksid in km.forwarding.hops]
    tombstones = [f"{ksid}/tombstone" for ksid in km.forwarding.tombstones]
    held = [f"{link}/block" for link, kmlink in km.links.kmlinks.items() if getattr(kmlink.ingest, "held", None)]
    keys = ["expiry"] if km.key_account().stored else []
    return [*sessions, *leases, *tombstones, *held, *keys, *km.workshop.makings]
