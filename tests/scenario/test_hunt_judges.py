"""The judges of durability, relays, lives, sessions and intruders: what is right passes, what is wrong is named."""

from __future__ import annotations

import random

import pytest
from msgspec.structs import replace

from keytwin.keymanagement.collection import EXPIRY_STEP
from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.keymanagement.pool import SLAVE_MARGIN, KeysHandedOut, KeysKept
from keytwin.network import simulate
from keytwin.runtime.journal_codec import encode
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_durable import DurableWatch
from keytwin.scenario.hunt_intruder import FOREIGN, PARTIAL, Intruder
from keytwin.scenario.hunt_network import drawn_network
from keytwin.scenario.hunt_oracles import Broken
from keytwin.scenario.hunt_relays import SLACK, LifeWatch, RelayWatch
from keytwin.scenario.hunt_sessions import MOST_VOIDS, SETTLED, SessionWatch
from keytwin.vocabulary.exchange_messages import (
    BatchId,
    GetKey,
    GetKeyById,
    KeysReceived,
    KeysStored,
    VoidKeys,
)
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.key import KeyMaterial, Method, Provenance
from keytwin.vocabulary.machine import RequestId
from keytwin.vocabulary.session_messages import ConfigureHop, HopConfigured, SessionDeleted
from keytwin.vocabulary.units import START, Duration, Instant, seconds
from tests.marks import invariant
from tests.scenario.test_hunt_oracles import ALICE, asked, handed, relayed

A, B = ElementName("km/a"), ElementName("km/b")
STORED = KeysStored(NodeId("b"), Ksid("k"), 1, onward=False, batch_id=BatchId("batch"))
RECEIVED = KeysReceived(NodeId("b"), NodeId("a"), LinkId("a--b"), 1, 100)
LIFETIME = seconds(8)


# --- durability -----------------------------------------------------------------------------------------------------


def watch() -> tuple[DurableWatch, Simulation]:
    """Return a judge over two key managers that keep nothing yet."""
    network = drawn_network(random.Random(1), 3)
    simulation = simulate(network, 1, keep_records=True)
    for new, old in ((A, "km/n0"), (B, "km/n1")):
        simulation.hosts[new] = simulation.hosts[ElementName(old)]
    return DurableWatch(simulation), simulation


def kept() -> KeysKept:
    return KeysKept(
        ksid=Ksid("k"),
        batch_id=BatchId("batch"),
        is_master=False,
        sae=SaeId("bob"),
        key_ids=(KeyId("k1"),),
        materials=(KeyMaterial(bytearray(32)),),
        provenance=Provenance(Method.RELAYED, 2),
        until=START,
    )


@invariant("R4")
def test_stored_is_said_when_it_is_durable() -> None:
    judge, simulation = watch()
    with pytest.raises(Broken, match="R4: km/b says that it has batch batch, which is not durable"):
        judge.see(B, A, STORED)
    judge, simulation = watch()
    simulation.hosts[B].disk.durable.append(encode(kept()))
    judge.see(B, A, STORED)
    judge.see(A, ElementName("km/c"), replace(STORED, sender=NodeId("a")))  # handed on: it is no disk of its own


@invariant("R4")
def test_a_master_gets_what_another_end_has() -> None:
    judge, simulation = watch()
    simulation.hosts[A].disk.durable.append(encode(KeysHandedOut(Ksid("k"), is_master=True, key_ids=(KeyId("k1"),))))
    judge.see(ALICE, A, asked())
    with pytest.raises(Broken, match="R4: km/a hands key k1 to its master"):
        judge.see(A, ALICE, handed())
    judge.see(A, B, relayed())
    simulation.hosts[B].disk.durable.append(encode(kept()))
    judge.see(B, A, STORED)
    judge.see(A, ALICE, handed())


@invariant("K6")
def test_an_answer_comes_after_its_record() -> None:
    judge, simulation = watch()
    with pytest.raises(Broken, match="K6: km/a answers with key k1"):
        judge.see(A, ALICE, handed())
    simulation.hosts[A].disk.durable.append(encode(KeysHandedOut(Ksid("k"), is_master=False, key_ids=(KeyId("k1"),))))
    judge.see(A, ALICE, handed())


# --- relay and life -------------------------------------------------------------------------------------------------


@invariant("R1")
def test_what_arrives_spoiled_alone_is_not_acknowledged() -> None:
    judge = RelayWatch()
    with pytest.raises(Broken, match="R1: b takes what nobody sealed"):
        judge.see(1, RECEIVED)
    judge.see(1, relayed())
    judge.spoil(B, relayed(), relayed(tag=b"\1" + bytes(15)))
    with pytest.raises(Broken, match="R1"):
        judge.see(1, RECEIVED)
    judge.see(1, relayed())  # repeated, and this time it arrives
    judge.see(1, RECEIVED)


@invariant("R2")
def test_a_batch_leaves_a_node_once_unless_it_was_killed() -> None:
    judge = RelayWatch()
    for incarnation, offset in ((1, 100), (1, 100), (2, 200)):
        judge.see(incarnation, relayed(offset=offset))
    with pytest.raises(Broken, match="R2: a sends batch batch a second time"):
        judge.see(2, relayed(offset=300))


@invariant("K3")
def test_a_key_id_belongs_to_one_batch() -> None:
    judge = RelayWatch()
    judge.see(1, relayed())
    with pytest.raises(Broken, match="K3: key ID k1 names keys of two batches"):
        judge.see(1, relayed(batch_id=BatchId("other"), offset=200))


@invariant("K7")
@pytest.mark.parametrize(("asks", "longest"), [([asked()], Duration(0)), ([], SLAVE_MARGIN)])
def test_a_key_is_handed_out_in_its_life(asks: list[GetKey], longest: Duration) -> None:
    judge = LifeWatch(LIFETIME)
    judge.see(START, relayed())
    for ask in asks:
        judge.see(START, ask)
    last = LIFETIME + CARRY_TIMEOUT + EXPIRY_STEP + SLACK + longest
    judge.see(Instant(last), handed())
    with pytest.raises(Broken, match="K7: key k1 is handed out"):
        judge.see(Instant(last + 1), handed())


# --- sessions -------------------------------------------------------------------------------------------------------


CONFIGURE = ConfigureHop(Ksid("k"), 1, 0, seconds(30), 1, None, None)
CONFIGURED = HopConfigured(Ksid("k"), 1, NodeId("a"))


@invariant("S3")
def test_a_deleted_session_stays_deleted_for_as_long_as_a_tombstone_stands() -> None:
    judge = SessionWatch()
    judge.see(START, ElementName("admission"), CONFIGURE)
    judge.see(START, A, CONFIGURED)
    judge.see(START, A, SessionDeleted(Ksid("k"), 1, NodeId("a")))
    judge.see(START, A, replace(CONFIGURED, epoch=2))
    judge.see(Instant(seconds(60)), A, CONFIGURED)
    with pytest.raises(Broken, match="S3: a configures session k again"):
        judge.see(Instant(seconds(59)), A, CONFIGURED)


@invariant("S6")
def test_keys_go_along_the_newest_route() -> None:
    judge = SessionWatch()
    judge.see(START, A, replace(CONFIGURED, epoch=2))
    judge.see(START, A, relayed(epoch=2))
    with pytest.raises(Broken, match="S6: a sends keys of session k along an older route"):
        judge.see(START, A, relayed(epoch=1))


@invariant("R5")
def test_voiding_comes_to_an_end() -> None:
    judge = SessionWatch()
    void = VoidKeys(NodeId("a"), Ksid("k"), 1, onward=True, batch_id=BatchId("batch"), key_ids=())
    for at in (START, Instant(seconds(SETTLED) + 1)):
        for _ in range(MOST_VOIDS):
            judge.see(at, A, void)
    with pytest.raises(Broken, match="R5: a voids batch batch"):
        judge.see(Instant(seconds(SETTLED) + 1), A, void)


# --- intruders ------------------------------------------------------------------------------------------------------


def intruder() -> tuple[Intruder, Simulation]:
    network = drawn_network(random.Random(3), 4)
    assert len(network.apps) > 1
    simulation = simulate(network, 1)
    simulation.start()
    return Intruder(simulation, network, random.Random(1)), simulation


@invariant("K4")
@invariant("K9")
def test_whoever_learns_of_an_answer_asks_for_more_than_there_is_and_for_what_is_anothers() -> None:
    judge, simulation = intruder()
    end = judge.blueprint.apps[0].ends[0]
    for number in range(60):
        judge.see(A, GetKey(RequestId(f"{number}"), ALICE, Ksid("k"), end.sae, 1, None, seconds(1)))
        judge.see(ElementName(f"sae/{end.sae}"), handed(request=f"{number}"))
    assert 1 < judge.tries < 60
    before = simulation.messages
    simulation.run(Instant(1))
    assert simulation.messages - before >= 2 * judge.tries


@invariant("K4")
@invariant("K8")
@pytest.mark.parametrize(
    ("request_id", "told"),
    [(f"{PARTIAL}1", "K8: a request for a key that is not there"), (f"{FOREIGN}1", "K4: an SAE")],
)
def test_an_intruder_who_is_answered_is_told(request_id: str, told: str) -> None:
    judge, _ = intruder()
    with pytest.raises(Broken, match=told):
        judge.see(ALICE, handed(request=request_id))


@invariant("K8")
def test_an_answer_has_all_that_was_asked_for_and_nothing_else() -> None:
    judge, _ = intruder()
    judge.see(A, replace(asked(), number=2))
    with pytest.raises(Broken, match="K8: 2 keys were asked for, and 1 handed out"):
        judge.see(ALICE, handed())
    judge.see(A, GetKeyById(RequestId("by ID"), ALICE, SaeId("alice"), (KeyId("k2"),)))
    judge.see(ALICE, handed(key_id="k2", request="by ID"))
    with pytest.raises(Broken, match="K8: other keys than asked for"):
        judge.see(ALICE, handed(request="by ID"))
