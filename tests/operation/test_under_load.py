"""Many pairs at once, both ways, over two hops; a link cut and healed meanwhile; memory that stays where it is."""

from __future__ import annotations

import asyncio
from pathlib import Path

import msgspec
import pytest

from keytwin.operation.office import Office
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import LinkStatusChanged, SessionAdmitted, SessionOver
from keytwin.vocabulary.identity import ElementName, LinkId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant
from tests.marks import invariant
from tests.operation.live import heard, network, on_uvloop, settings, up
from tests.operation.saes import Sae, connected, crowd

PAIRS = 1_000  # of each master
LINES = 8  # connections of each SAE

RING = """
format: 1
name: ring
defaults: {link: {device: generic-decoy-bb84, length: 20 km, loss: 0.2 dB/km}}
nodes: {a: , b: , c: , d: }
links: [a -- b, b -- c, c -- d, d -- a]
slas: {rich: {priority: 0, rate: 1 Mbit/s, burst: 4 Mbit}}
users: {eve: {sla: rich}}
apps:
  across: {user: eve, saes: {one: a, two: c}}
"""


@pytest.fixture
def ring(tmp_path: Path) -> Blueprint:
    path = tmp_path / "ring.yaml"
    path.write_text(RING)
    return network(str(path))


async def filled(office: Office, *saes: str) -> None:
    """Wait until the pools of these masters hold enough."""
    for sae in saes:
        async with connected(office, sae) as line:
            while True:
                status, body = await line.ask("status")
                if status == 200 and b'"stored_key_count":0,' not in body:
                    break
                await heard(office, lambda *_: True)


async def pairs(masters: list[Sae], slaves: list[Sae], number: int) -> int:
    """Make so many pairs, as many at a time as there are lines; return how many were equal."""

    async def one_line(master: Sae, slave: Sae) -> int:
        equal = 0
        for _ in range(number // len(masters)):
            keys = await master.take()
            equal += await slave.fetch(keys) == keys
        return equal

    return sum(await asyncio.gather(*map(one_line, masters, slaves)))


@pytest.mark.slow
@invariant("K1")
@invariant("K2")
def test_a_thousand_pairs_each_way_at_once_over_two_hops(ring: Blueprint, tmp_path: Path) -> None:
    async def body() -> None:
        async with up(settings(ring, tmp_path / "state", speed=20.0)) as office:
            await filled(office, "one", "two")
            async with crowd(office, "one", 2 * LINES) as ones, crowd(office, "two", 2 * LINES) as twos:
                there = pairs(ones[:LINES], twos[:LINES], PAIRS)
                back = pairs(twos[LINES:], ones[LINES:], PAIRS)
                assert sum(await asyncio.gather(there, back)) == 2 * PAIRS

    on_uvloop(body())


@pytest.mark.slow
@invariant("S6")
def test_a_cut_under_load_costs_no_session_and_no_key(ring: Blueprint, tmp_path: Path) -> None:
    moments: dict[str, Instant] = {}
    lost: list[Event] = []

    def watch(at: Instant, element: ElementName, event: Event) -> None:
        del element
        match event:
            case LinkStatusChanged(status="OFF"):
                moments.setdefault("off", at)
            case SessionAdmitted(epoch=epoch) if epoch > 1:
                moments.setdefault("re-routed", at)
            case SessionOver(node=node) if node in {"a", "c"}:  # at b or d the old route is over
                lost.append(event)
            case _:
                pass

    async def body() -> None:
        async with up(settings(ring, tmp_path / "state", speed=20.0)) as office:
            await filled(office, "one", "two")
            office.network.live.listeners.append(watch)
            async with crowd(office, "one", LINES) as ones, crowd(office, "two", LINES) as twos:
                load = asyncio.create_task(pairs(ones, twos, PAIRS))
                moved = asyncio.create_task(heard(office, lambda *_: "re-routed" in moments))
                cut = LinkId("a--b") if "b" in await route(office) else LinkId("d--a")
                office.cut(cut)
                await moved
                office.heal(cut)
                assert await load == PAIRS
                assert not lost

    on_uvloop(body())
    assert moments["re-routed"] >= moments["off"]


async def route(office: Office) -> set[str]:
    """Return the nodes between the two ends, as the operator's events tell them."""
    return {
        node
        for numbered in office.events(0, 10_000).events
        if (event := msgspec.json.decode(numbered.event))["type"] == "SessionAdmitted"
        for node in event["route"]["nodes"]
    }
