"""Whether a key manager can serve is shown by a key that it made, saved and handed out (invariant O4)."""

from __future__ import annotations

import asyncio

from keytwin.network import Plugins, elements, standing
from keytwin.operation.health import Health
from keytwin.runtime.live import Live
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import NodeId, km_of
from tests.fakes.store import MemoryStore
from tests.marks import invariant

NODES = [NodeId(f"km{number}") for number in range(6)]


def begun(store: MemoryStore) -> Live:
    network = load("star6")
    assert isinstance(network, Blueprint)
    live = Live(store, lambda *_: None, lambda _: None)
    for name, make in elements(network, live, Plugins(), customers=standing).items():
        live.add(name, make)
    live.start()
    return live


async def settled() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


@invariant("O4")
def test_a_key_manager_that_serves_is_healthy_and_one_that_was_never_asked_is_not() -> None:
    async def run() -> None:
        live = begun(MemoryStore())
        health = Health(live)
        assert not health.is_good(NODES[0])
        health.ask(NODES[:5])
        await settled()
        assert [health.is_good(node) for node in NODES] == [True] * 5 + [False]
        live.close()

    asyncio.run(run())


@invariant("O4")
def test_a_key_manager_whose_disk_takes_nothing_more_is_not_healthy_although_it_runs() -> None:
    async def run() -> None:
        store = MemoryStore()
        live = begun(store)
        health = Health(live)
        await settled()
        store.fails = True
        health.ask(NODES)
        await settled()
        assert not any(health.is_good(node) for node in NODES)
        live.close()

    asyncio.run(run())


@invariant("O4")
def test_a_stopped_key_manager_is_not_healthy() -> None:
    async def run() -> None:
        live = begun(MemoryStore())
        live.stop(km_of(NODES[0]))
        health = Health(live)
        health.ask(NODES)
        await settled()
        assert [health.is_good(node) for node in NODES] == [False] + [True] * 5
        live.close()

    asyncio.run(run())
