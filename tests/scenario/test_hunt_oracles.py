"""The judges themselves: each sees the fault that it is there for, and lets what is right pass."""

from __future__ import annotations

import base64

import pytest
from msgspec.structs import replace

from keytwin.network import simulate
from keytwin.runtime.entropy import SeededChance
from keytwin.scenario.hunt_network import drawn_network
from keytwin.scenario.hunt_oracles import Broken, BusWatch, PadWatch, SaeLedger, rates_of
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import AssignKeys, BatchId, GetKey, KeyDelivered, RelayKeys
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import Key, KeyMaterial, Method, Provenance
from keytwin.vocabulary.link_messages import LinkKeyBlock, ProbeLink
from keytwin.vocabulary.machine import Event, RequestId
from keytwin.vocabulary.units import START, Bits, Instant, seconds
from tests.marks import invariant

ALICE, BOB, EVE = (ElementName(f"sae/{name}") for name in ("alice", "bob", "eve"))
RATES = {
    SaeId("alice"): (1000, 256, "app", NodeId("a")),
    SaeId("bob"): (1000, 256, "app", NodeId("b")),
}
SECRET = bytes(range(32))
ORIGIN = Provenance(next(iter(Method)), hops=1)


def relayed(**changes: object) -> RelayKeys:
    message = RelayKeys(
        sender=NodeId("a"),
        link=LinkId("a--b"),
        link_epoch=1,
        offset=100,
        floor=0,
        ksid=Ksid("k"),
        epoch=1,
        onward=True,
        batch_id=BatchId("batch"),
        key_size=Bits(256),
        key_ids=(KeyId("k1"),),
        hops_left=5,
        remaining=seconds(10),
        ciphertext=bytes(32),
        tag=bytes(16),
    )
    return replace(message, **changes)


def handed(secret: bytes = SECRET, key_id: str = "k1", request: str = "r") -> KeyDelivered:
    return KeyDelivered(RequestId(request), (Key(KeyId(key_id), KeyMaterial(bytearray(secret)), ORIGIN),))


def asked(request: str = "r") -> GetKey:
    return GetKey(RequestId(request), ALICE, Ksid("k"), SaeId("alice"), 1, None, seconds(1))


# --- pads -----------------------------------------------------------------------------------------------------------


@invariant("P1")
def test_a_repeat_octet_for_octet_is_no_reuse() -> None:
    watch = PadWatch()
    for message in (relayed(), relayed(), relayed(offset=164), relayed(sender=NodeId("b"))):
        watch.see(message)
    watch.close()
    assert watch.messages == 4


@invariant("P1")
@pytest.mark.parametrize("changes", [{"ciphertext": b"\1" + bytes(31)}, {"tag": b"\1" + bytes(15)}])
def test_a_range_that_seals_something_else_is_reuse(changes: dict[str, object]) -> None:
    watch = PadWatch()
    watch.see(relayed())
    with pytest.raises(Broken, match="P1: offset 100 of a--b out of a serves twice"):
        watch.see(relayed(**changes))


@invariant("P1")
def test_ranges_that_overlap_are_reuse_whatever_they_are_for() -> None:
    watch = PadWatch()
    watch.see(relayed())
    watch.see(ProbeLink(NodeId("a"), LinkId("a--b"), 1, offset=163, floor=0, sequence=1, tag=bytes(16)))
    with pytest.raises(Broken, match="P1: octet 163"):
        watch.close()


@invariant("P1")
def test_keys_that_are_assigned_take_their_range_too() -> None:
    watch = PadWatch()
    ids = (KeyId("k1"), KeyId("k2"))
    fields = (NodeId("a"), LinkId("a--b"), 1, 100, 0, Ksid("k"), 1, True, BatchId("batch"), Bits(256), ids)
    watch.see(AssignKeys(*fields))
    watch.see(relayed(offset=163))
    with pytest.raises(Broken, match="P1: octet 163"):
        watch.close()


# --- what SAEs get --------------------------------------------------------------------------------------------------


@invariant("K1")
def test_a_key_for_each_end_is_a_pair_and_a_second_one_is_not() -> None:
    ledger = SaeLedger(RATES)
    ledger.see(START, ALICE, handed())
    assert ledger.pairs() == 0
    ledger.see(START, BOB, handed())
    assert ledger.pairs() == 1
    with pytest.raises(Broken, match="K1: key k1 was handed twice to sae/bob"):
        ledger.see(START, BOB, handed())
    with pytest.raises(Broken, match="K1: key k1 was handed to"):
        ledger.see(START, EVE, handed())


@invariant("K5")
def test_what_an_sae_had_is_had_at_its_node_alone() -> None:
    ledger = SaeLedger(RATES)
    ledger.see(START, ALICE, handed())
    assert ledger.has_had(KeyId("k1"), NodeId("a"))
    assert not ledger.has_had(KeyId("k1"), NodeId("b"))
    assert not ledger.has_had(KeyId("k2"), NodeId("a"))


def test_a_disk_that_forgets_excuses_a_key_that_comes_twice_to_one_end_and_nothing_else() -> None:
    ledger = SaeLedger(RATES, lambda name: name == "k1")
    for _ in range(2):
        ledger.see(START, ALICE, handed())
    assert not ledger.has_had(KeyId("k1"), NodeId("a"))
    ledger.see(START, BOB, handed())
    with pytest.raises(Broken, match="K1: key k1 was handed to"):
        ledger.see(START, EVE, handed())


@invariant("K2")
def test_ends_that_differ_in_one_bit_are_seen() -> None:
    ledger = SaeLedger(RATES)
    ledger.see(START, ALICE, handed())
    with pytest.raises(Broken, match="K2: key k1 differs"):
        ledger.see(START, BOB, handed(SECRET[:-1] + b"\0"))


@invariant("A3")
def test_more_than_burst_and_rate_is_seen_and_a_slave_is_not_counted() -> None:
    ledger = SaeLedger(RATES)
    ledger.see(START, BOB, handed(b"0" * 32, "of another's request"))
    ledger.see(START, ALICE, asked())
    ledger.see(START, ALICE, handed(b"1" * 32))
    ledger.see(Instant(seconds(1)), ALICE, handed(b"2" * 32, "k2"))
    with pytest.raises(Broken, match="A3: app got 768 bit"):
        ledger.see(Instant(0), ALICE, handed(b"3" * 32, "k3"))


def test_rates_are_those_of_the_service_level() -> None:
    blueprint = drawn_network(SeededChance(1).dice("network"))
    rates = rates_of(blueprint)
    assert rates.keys() == {end.sae for app in blueprint.apps for end in app.ends}
    assert {app for _, _, app, _ in rates.values()} == {app.id for app in blueprint.apps}
    assert simulate(blueprint, 1).messages == 0


# --- the bus and what is written ------------------------------------------------------------------------------------


@invariant("Z5")
@pytest.mark.parametrize("to", ["admission", "monitoring", "link/a--b"])
def test_key_on_the_bus_is_seen(to: str) -> None:
    with pytest.raises(Broken, match="Z5: KeyDelivered brings key material"):
        BusWatch().see(ElementName(to), handed())


@invariant("Z5")
def test_a_block_goes_to_key_managers_alone() -> None:
    block = LinkKeyBlock(LinkId("a--b"), 1, KeyMaterial(bytearray(8)), 0.02)
    BusWatch().see(ElementName("km/a"), block)
    with pytest.raises(Broken, match="Z5: a block went to sae/alice"):
        BusWatch().see(ALICE, block)


@invariant("Z5")
@pytest.mark.parametrize("write", [bytes.hex, lambda raw: base64.b64encode(raw).decode()])
def test_a_key_in_the_trace_is_seen(write: object) -> None:
    assert callable(write)
    watch = BusWatch()
    watch.see(ALICE, handed())
    watch.hear(START, ALICE, ViolationSeen("K", "nothing"))
    watch.close()
    said: Event = ViolationSeen("K", f"the key is {write(SECRET)}")
    watch.hear(START, ALICE, said)
    with pytest.raises(Broken, match="Z5: a delivered key stands in the trace"):
        watch.close()


@invariant("C4")
def test_a_batch_that_comes_back_goes_in_a_circle() -> None:
    watch = BusWatch()
    watch.see(ElementName("km/b"), relayed())
    watch.see(ElementName("km/c"), relayed(sender=NodeId("b")))
    with pytest.raises(Broken, match="C4: batch batch goes in a circle"):
        watch.see(ElementName("km/a"), relayed(sender=NodeId("c")))


def test_a_digest_tells_runs_apart_by_instant_element_and_event() -> None:
    def digest(at: int, element: ElementName, about: str) -> str:
        watch = BusWatch()
        watch.hear(Instant(at), element, ViolationSeen("K", about))
        return watch.digest()

    assert digest(0, ALICE, "a") == digest(0, ALICE, "a")
    assert len({digest(0, ALICE, "a"), digest(1, ALICE, "a"), digest(0, BOB, "a"), digest(0, ALICE, "b")}) == 4
