"""Bring a network up live, and keep it so until it is told to stop: `keytwin up`."""

from __future__ import annotations

import asyncio
import gc
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from functools import partial
from pathlib import Path

import uvloop

from keytwin.network import Customers
from keytwin.operation.assembly import Hooks, LiveNetwork
from keytwin.operation.certification import Certification, authority_of
from keytwin.operation.health import Health
from keytwin.operation.metrics import Metrics
from keytwin.operation.office import Bureau, Office
from keytwin.operation.part_process import live_as
from keytwin.operation.sealing import JOURNAL, key_of
from keytwin.operation.seen import Seen
from keytwin.operation.settings import Ready, UpSettings
from keytwin.operation.supervision import Supervisor
from keytwin.operation.upkeep import (
    FEW_COLLECTIONS,
    bound_resources,
    check_shape,
    keep,
    operator,
    run_of,
    tell_damage,
    violated,
)
from keytwin.operation.whereabouts import PKI, Claim, folder_of_process, open_log
from keytwin.runtime.arena import Arena, close_to_others, keeping_key_in
from keytwin.runtime.bus_nats import library
from keytwin.runtime.bus_server import program
from keytwin.runtime.clock import wall_clock
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.nursery import Nursery
from keytwin.runtime.private_files import private_folder
from keytwin.runtime.trace import own_version
from keytwin.vocabulary.errors import Refusal

End = Callable[[Exception | None], None]
Running = Callable[[End], AbstractAsyncContextManager[Bureau]]


def serve(settings: UpSettings, on_ready: Callable[[Ready], None]) -> None:
    """Run a network until a signal or its operator ends it.

    Mistake or Refusal when it cannot start: ports, state, files. Refusal, too, when its disk fails.
    """
    close_to_others()
    with keeping_key_in(Arena()), Claim(settings.state) as claim:
        if settings.has_processes:
            _serve_processes(settings, claim, on_ready)
        else:
            uvloop.run(_serve(settings, claim, on_ready, partial(running, settings)))


def _serve_processes(settings: UpSettings, claim: Claim, on_ready: Callable[[Ready], None]) -> None:
    library()
    program()  # before anything is made: what is missing is told first
    bound_resources()
    certification = _certification(settings)
    nursery = Nursery(partial(live_as, settings, certification), partial(_log_of, settings.state))
    try:
        uvloop.run(_serve(settings, claim, on_ready, partial(running_processes, settings, certification, nursery)))
    finally:
        nursery.close()


async def _serve(settings: UpSettings, claim: Claim, on_ready: Callable[[Ready], None], running: Running) -> None:
    over = asyncio.get_running_loop().create_future()

    def end(failure: Exception | None = None) -> None:
        if not over.done():
            over.set_result(failure)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    async with running(end) as office:
        status = office.status()
        claim.announce(run_of(settings, office))
        on_ready(Ready(status))
        failure = await over
    if failure is not None:
        raise Refusal(f"the network could not go on, so it has stopped: {failure}") from failure


@asynccontextmanager
async def running(settings: UpSettings, end: End, customers: Customers | None = None) -> AsyncIterator[Office]:
    """Have a network run for as long as the block lasts; `end` is told when it should."""
    bound_resources()
    certification = _certification(settings)
    key = key_of(settings.state, settings.ask_passphrase, seals=settings.seals, token=settings.token)
    journal = Journal.open(settings.state / JOURNAL, Envelope(key), RecordCodec(record_types()))
    try:
        network = LiveNetwork(settings, certification, journal, Hooks(end, violated), customers)
        journal.shorten_by(network.shorten)
        office = _office(network, lambda: end(None), journal)
        keeping = asyncio.create_task(keep(office), name="housekeeping")
        try:
            await network.open(partial(operator, office))
            gc.collect()
            gc.freeze()  # what is there now stays until the end: no need to look through it again
            gc.set_threshold(*FEW_COLLECTIONS)
            yield office
        finally:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
            await network.close()
    finally:
        journal.close()


@asynccontextmanager
async def running_processes(
    settings: UpSettings, certification: Certification, nursery: Nursery, end: End
) -> AsyncIterator[Bureau]:
    """Have a network run in processes for as long as the block lasts."""
    supervisor = Supervisor(settings, certification, nursery, end)
    seen, health = Seen(Metrics(settings.blueprint.name, own_version())), Health(supervisor.live)
    supervisor.live.listeners.append(seen.see)
    supervisor.lost.append(health.lost)
    office = Bureau(supervisor, wall_clock(), lambda: end(None), seen, health)
    keeping: asyncio.Task[None] | None = None
    try:
        await supervisor.open(partial(operator, office))
        keeping = asyncio.create_task(keep(office), name="housekeeping")
        yield office
    finally:
        if keeping is not None:
            keeping.cancel()
            with suppress(asyncio.CancelledError):
                await keeping
        await supervisor.close()


def _certification(settings: UpSettings) -> Certification:
    """Take up the state, and have good certificates for everyone."""
    now, blueprint = wall_clock(), settings.blueprint
    place = private_folder(settings.state) / "network.json"
    check_shape(place, blueprint, has_processes=settings.has_processes)
    authority = authority_of(settings.state / PKI, blueprint.name, now, settings.authority)
    certification = Certification(authority, blueprint, settings.hosts, has_bus=settings.has_processes)
    certification.begin(now)
    return certification


def _log_of(state: Path, name: str) -> int:
    """Open the log of a process, for what it says; of one without a name, the network's own."""
    return open_log(private_folder(folder_of_process(state, name)) if name else state)


def _office(network: LiveNetwork, end: Callable[[], None], journal: Journal) -> Office:
    seen = Seen(Metrics(network.blueprint.name, own_version()))
    network.live.listeners.append(seen.see)
    tell_damage(journal, network.live)
    damaged = tuple(map(str, journal.quarantined()))
    return Office(network, wall_clock(), end, seen, Health(network.live), damaged)
