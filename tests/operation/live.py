"""Whole live networks in tests: on free ports, real sockets and a real disk, in the test's own process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final, TypeVar

import uvloop

from keytwin.network import Customers, applications
from keytwin.operation.office import Office
from keytwin.operation.settings import UpSettings
from keytwin.operation.up import running
from keytwin.scenario.load import load
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.timeline import Scenario
from tests.fakes.ports import free_ports

LONGEST: Final = 60.0  # seconds until a test that hangs is a failed one
T = TypeVar("T")


def network(name: str) -> Blueprint:
    """Return an example network, or that of an example scenario."""
    loaded = load(name)
    return loaded.blueprint if isinstance(loaded, Scenario) else loaded


def settings(blueprint: Blueprint, state: Path, speed: float = 1.0) -> UpSettings:
    return UpSettings(blueprint, state, speed=speed, base_port=free_ports(2 * len(blueprint.topology.nodes) + 1))


@asynccontextmanager
async def up(wanted: UpSettings, customers: Customers | None = None) -> AsyncIterator[Office]:
    """Have a network run; an error of its store is one of the test."""
    failures: list[Exception | None] = []
    async with running(wanted, failures.append, customers) as office:
        yield office
    assert not any(failures), failures


@asynccontextmanager
async def emulated(wanted: UpSettings) -> AsyncIterator[Office]:
    """Have a network run whose SAEs are emulated applications."""
    async with up(wanted, applications) as office:
        yield office


async def heard(office: Office, is_last: Callable[[ElementName, Event], bool]) -> None:
    """Wait for an event."""
    came = asyncio.Event()
    office.network.live.listeners.append(lambda _, element, event: came.set() if is_last(element, event) else None)
    await asyncio.wait_for(came.wait(), LONGEST)


def on_uvloop(body: Awaitable[T]) -> T:
    """Run a test body on the loop that a live network runs on."""

    async def bounded() -> T:
        return await asyncio.wait_for(body, LONGEST)

    return uvloop.run(bounded())
