"""Key streams through a simulated network of six nodes: the same octets at the same index, whatever is lost or over."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from keytwin.files.network import read_network
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, UserId, km_of, sae_element
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.stream_messages import ChunkDelivered, StreamQos
from keytwin.vocabulary.units import seconds
from tests.fakes.stream_ends import JSON_METADATA, World
from tests.keymanagement.bench import octets_of
from tests.marks import clause, invariant

DOCUMENT = "ETSI GS QKD 004 V2.1.1"
ALICE, BOB = SaeId("app01-a"), SaeId("app01-b")
FAR, END = SaeId("far-a"), SaeId("far-b")


@pytest.fixture
def world() -> World:
    """Star6 with an app between km1 and km5, two Q-links apart; pools are full."""
    star = read_network("star6")
    ends = (Endpoint(FAR, NodeId("km1")), Endpoint(END, NodeId("km5")))
    made = World(replace(star, apps=(*star.apps, App(AppId("far"), UserId("alice"), ends))))
    made.wait(seconds(90))
    return made


@clause(DOCUMENT, "6")
@invariant("K2")
@pytest.mark.parametrize(("one", "other"), [(ALICE, BOB), (BOB, ALICE), (FAR, END), (END, FAR)])
def test_both_ends_ask_in_any_order(world: World, one: SaeId, other: SaeId) -> None:
    ksid = world.together(one, other)
    mine = world.fetch_all(one, ksid, [3, None, None, 9, None])
    theirs = world.fetch_all(other, ksid, [9, 2, None, None, None])
    assert sorted(mine) == sorted(theirs) == [0, 1, 2, 3, 9]
    assert mine == theirs
    assert len(set(mine.values())) == 5


@clause(DOCUMENT, "Table 3")
def test_metadata_counts_trusted_nodes_and_milliseconds(world: World) -> None:
    for one, other, nodes in ((ALICE, BOB, 0), (FAR, END, 1)):
        ksid = world.together(one, other)
        first = world.get(one, ksid, 0)
        world.wait(seconds(3))
        later = world.get(other, ksid, 0)
        world.wait(seconds(1))
        answers = [world.answer(name) for name in (first, later)]
        told = [json.loads(each.metadata) for each in answers if isinstance(each, ChunkDelivered)]
        assert [each["hops"] for each in told] == [nodes, nodes]
        assert told[0]["age"] < 1_000
        assert 2_000 <= told[1]["age"] < 4_000


@clause(DOCUMENT, "Table 2")
@invariant("K7")
def test_what_nobody_asks_for_in_its_time_is_gone_at_both_ends(world: World) -> None:
    ksid = world.together(ALICE, BOB, StreamQos(ttl=20, timeout=500, metadata_mimetype=JSON_METADATA))
    assert list(world.fetch_all(ALICE, ksid, [1])) == [1]  # chunk 0 is numbered too
    world.wait(seconds(25))
    names = [world.get(sae, ksid, 0) for sae in (ALICE, BOB)]
    world.wait(seconds(2))
    assert [world.outcome(name).status for name in names] == [2, 2]
    assert not any(world.outside(sae).streams.streams[_only(world, sae)].chunks.held for sae in (ALICE, BOB))
    assert next(iter(world.fetch_all(BOB, ksid, [None]))) >= 2


@clause(DOCUMENT, "6")
def test_after_close_the_peer_has_what_was_numbered_until_it_closes(world: World) -> None:
    ksid = world.together(FAR, END)
    mine = world.fetch_all(FAR, ksid, [None, None])
    closed = world.close(FAR, ksid)
    world.wait(seconds(2))
    assert world.outcome(closed).status == 0
    assert world.fetch_all(END, ksid, [None, None]) == mine
    beyond = world.get(END, ksid, 500)
    world.wait(seconds(1))
    assert world.outcome(beyond).status == 2
    world.close(END, ksid)
    world.wait(seconds(5))
    assert not world.outside(FAR).streams.streams
    assert not world.outside(END).streams.streams
    again = world.get(END, ksid)
    world.wait(seconds(1))
    assert world.outcome(again).status == 3


@clause(DOCUMENT, "6")
def test_a_peer_that_never_closes_holds_nothing_for_ever(world: World) -> None:
    ksid = world.together(ALICE, BOB, StreamQos(ttl=30))
    world.close(ALICE, ksid)
    world.wait(seconds(60))
    assert not world.outside(ALICE).streams.streams
    assert not world.outside(BOB).streams.streams


@invariant("K4")
@invariant("K9")
def test_what_is_refused_takes_no_token_and_no_key(world: World) -> None:
    ksid = world.together(ALICE, BOB)
    before = world.outside(ALICE).streams.streams[_only(world, ALICE)].questions
    names = [world.get(FAR, ksid), world.get(ALICE, ksid, 50_000), world.get(ALICE, ksid, 2**32 - 2)]
    names += [world.close(FAR, ksid)]
    world.wait(seconds(2))
    assert [world.outcome(name).status for name in names] == [3, 2, 2, 3]
    assert world.outside(ALICE).streams.streams[_only(world, ALICE)].questions == before


@clause(DOCUMENT, "Table 2")
def test_a_stream_without_peer_says_so_and_waits_no_longer_than_timeout(world: World) -> None:
    name = world.open(ALICE, BOB, qos=StreamQos(timeout=300))
    world.wait(seconds(1))
    answer = world.outcome(name)
    assert answer.status == 1
    assert answer.ksid
    early = world.get(ALICE, answer.ksid)
    world.wait(seconds(1))
    assert world.outcome(early).status == 3


@clause(DOCUMENT, "6")
def test_mirrored_ends_without_ksid_meet_and_never_with_a_standing_session(world: World) -> None:
    standing = world.outside(BOB).sessions[AppId("app01")]
    names = [world.open(BOB, ALICE), world.open(ALICE, BOB)]
    world.wait(seconds(3))
    one, other = (world.outcome(name).ksid for name in names)
    assert one
    assert one == other != standing.ksid
    assert standing.ksid == world.outside(ALICE).sessions[AppId("app01")].ksid


@invariant("K2")
def test_a_process_that_restarts_answers_honestly_and_its_peer_is_told(world: World) -> None:
    ksid = world.together(ALICE, BOB)
    mine = world.fetch_all(ALICE, ksid, [None])
    world.simulation.restart(sae_element(ALICE))
    name = world.get(ALICE, ksid)
    world.wait(seconds(1))
    assert world.outcome(name).status == 3
    assert world.fetch_all(BOB, ksid, [0]) == mine
    beyond = world.get(BOB, ksid, 40)
    world.wait(seconds(5))
    assert world.outcome(beyond).status in {2, 6}
    late = world.get(BOB, ksid)
    world.wait(seconds(2))
    assert world.outcome(late).status in {2, 3}


@invariant("K2")
def test_a_key_manager_that_restarts_loses_no_stream(world: World) -> None:
    ksid = world.together(FAR, END)
    mine = world.fetch_all(FAR, ksid, [None, None])
    for node in ("km0", "km5", "km1"):
        world.simulation.restart(km_of(NodeId(node)))
        world.wait(seconds(30))
    more = world.fetch_all(FAR, ksid, [None, None])
    theirs = world.fetch_all(END, ksid, [None] * 4)
    assert theirs == {**mine, **more}


def test_a_busy_stream_is_served_ahead_and_within_its_rate(world: World) -> None:
    ksid = world.together(ALICE, BOB, StreamQos(max_bps=8_000, timeout=15_000))
    for _ in range(20):
        names = [world.get(ALICE, ksid) for _ in range(10)]
        world.wait(seconds(10))
        assert all(octets_of(_key(world, name)) for name in names)
    machine = world.outside(ALICE).streams.streams[_only(world, ALICE)]
    assert machine.questions < 100  # fewer than chunks


def _key(world: World, name: str) -> Key:
    answer = world.answer(name)
    assert isinstance(answer, ChunkDelivered), answer
    return answer.key


def _only(world: World, sae: SaeId) -> str:
    (handle,) = world.outside(sae).streams.streams
    return handle
