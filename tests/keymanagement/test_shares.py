"""A batch in shares at its maker: each leaves when its way has key, all or none count."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from keytwin.algorithms.one_time_tag import KEY_OCTETS
from keytwin.keymanagement.exchange import CARRY_TIMEOUT, BatchOverdue, DispatchBatch, GiveUpBatch, Making
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.relay import unseal
from keytwin.keymanagement.shares import Exit, Share, SharedMaking, enqueue, exits_of
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import AssignKeys, KeysStored, RelayKeys, VoidKeys
from keytwin.vocabulary.identity import LinkId
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.session_messages import Lane
from keytwin.vocabulary.units import Bits
from tests.keymanagement.parts import AB, KSID, START, A, B, C, chance, hop, joined, later, sent

AC = LinkId("a--c")
STORED = KeysStored(B, KSID, 1, onward=False, batch_id="batch")


def making(stocks: tuple[int, int] = (10_000, 10_000), hops: tuple[int, int] = (2, 2)) -> SharedMaking:
    forwarding = Forwarding(A)
    forwarding.on_configure_hop(hop(A, (A, B, C)), START)
    links = [joined(link, stock)[0] for link, stock in zip((AB, AC), stocks, strict=True)]
    exits = tuple(Exit(link, count) for link, count in zip(links, hops, strict=True))
    return SharedMaking(
        batch_id="batch",
        ksid=KSID,
        epoch=1,
        node=A,
        number=2,
        key_size=Bits(256),
        hops=max(hops),
        onward=True,
        link=links[0],
        forwarding=forwarding,
        entropy=chance(),
        exits=exits,
    )


def parts(effects: list[Effect]) -> list[RelayKeys]:
    return sent(effects, RelayKeys)


def material(batch: SharedMaking) -> list[bytes]:
    found = []
    for key in batch.keys.values():
        with key.exposed() as octets:
            found.append(bytes(octets))
    return found


def test_each_share_leaves_by_its_own_link_under_the_same_names() -> None:
    batch = making()
    first, second = parts(enqueue(batch, 0, START))
    assert (first.link, second.link) == (AB, AC)
    assert first.key_ids == second.key_ids == tuple(batch.keys)
    assert (first.batch_id, second.batch_id) == ("batch", "batch")
    assert first.ciphertext != second.ciphertext
    assert batch.state is Making.CARRIED


def test_the_keys_are_known_after_the_last_share_and_are_the_sum_of_all() -> None:
    batch = making()
    peers = {AB: joined(AB)[1], AC: joined(AC)[1]}  # equal links have equal key
    effects = enqueue(batch, 0, START)
    total = 0
    for message in parts(effects):
        key = peers[message.link].incoming.look(message.offset, KEY_OCTETS + len(message.ciphertext))
        assert key is not None
        plain = unseal(message, key)
        assert plain is not None
        total ^= int.from_bytes(plain, "big")
    assert b"".join(material(batch)) == total.to_bytes(64, "big")
    assert batch.receive(STORED, START)
    assert batch.state is Making.READY


def test_a_way_without_key_holds_its_share_back_and_nothing_is_known_meanwhile() -> None:
    batch = making((10_000, 0))
    assert len(parts(enqueue(batch, 0, START))) == 1
    assert (batch.state, batch.keys) == (Making.CARRIED, {})
    with pytest.raises(Violation, match="before they had left"):
        batch.receive(STORED, START)
    effects = batch.receive(BatchOverdue("batch"), later(CARRY_TIMEOUT))
    assert sent(effects, VoidKeys)
    assert bytes(batch.total) == bytes(64)
    share = Share(batch, 1)
    assert (share.need(), share.carry(batch.exits[1].link, START)) == (0, [])


def test_a_share_leaves_once() -> None:
    batch = making()
    enqueue(batch, 0, START)
    assert batch.receive(DispatchBatch("batch", 0), START) == []


def test_a_given_up_batch_wipes_its_sum() -> None:
    batch = making((10_000, 0))
    enqueue(batch, 0, START)
    batch.receive(GiveUpBatch("batch"), START)
    assert batch.state is Making.VOIDING
    assert bytes(batch.total) == bytes(64)


def test_a_share_over_one_link_is_the_quantum_key_itself() -> None:
    batch = making(hops=(1, 2))
    effects = enqueue(batch, 0, START)
    assert [message.link for message in sent(effects, AssignKeys)] == [AB]
    assert [message.link for message in parts(effects)] == [AC]
    assert len(material(batch)) == 2


def test_exits_follow_the_lanes_and_without_any_the_route() -> None:
    links = {AB: joined(AB)[0], AC: joined(AC)[0]}
    plain = hop(A, (A, B))
    assert [exit_.link.link for exit_ in exits_of(plain, links)] == [AB]
    lanes = (Lane(B, AB, 1), Lane(C, AC, 3))
    assert plain.end
    laned = replace(plain, end=replace(plain.end, lanes=lanes))
    assert [(exit_.link.link, exit_.hops) for exit_ in exits_of(laned, links)] == [(AB, 1), (AC, 3)]
