"""Bring a network up live, and keep it so until it is told to stop: `keytwin up`."""

from __future__ import annotations

import asyncio
import gc
import logging
import resource
import signal
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import msgspec
import uvloop

from keytwin.network import Customers
from keytwin.operation.assembly import Hooks, LiveNetwork
from keytwin.operation.certification import OPERATOR, Certification, authority_of
from keytwin.operation.events import RecentEvents
from keytwin.operation.health import PERIOD, Health
from keytwin.operation.metrics import Metrics
from keytwin.operation.office import Office
from keytwin.operation.picture import Picture
from keytwin.operation.sealing import JOURNAL, key_of
from keytwin.operation.settings import Ready, UpSettings
from keytwin.operation.whereabouts import PKI, Claim, Run
from keytwin.runtime.arena import Arena, close_to_others, keep_key_in
from keytwin.runtime.clock import wall_clock
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.private_files import mistake, private_folder, read_public, write_whole
from keytwin.runtime.trace import own_version
from keytwin.service.http import Request, Response
from keytwin.service.operator import answer
from keytwin.service.operator_values import Credentials
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Refusal, Violation
from keytwin.vocabulary.events import JournalDamaged
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import RequestId
from keytwin.vocabulary.units import in_seconds

RENEWALS: Final = 60.0  # seconds between two looks at whose certificate is half over
FEW_COLLECTIONS: Final = (100_000, 50, 100)  # a network makes many objects and hardly any cycle: look for them rarely
FIRST_HEALTH: Final = 1.0  # seconds until a key manager that has not answered its first check is asked again

JOURNAL_ELEMENT: Final = ElementName("journal")

log = logging.getLogger(__name__)


class Shape(msgspec.Struct, frozen=True):
    """What a state belongs to: pads and counters are of these nodes and links, and of no others."""

    network: str
    nodes: tuple[str, ...]
    links: tuple[str, ...]


def serve(settings: UpSettings, on_ready: Callable[[Ready], None]) -> None:
    """Run a network until a signal or its operator ends it.

    Mistake or Refusal when it cannot start: ports, state, files. Refusal, too, when its disk fails.
    """
    keep_key_in(Arena())
    close_to_others()
    with Claim(settings.state) as claim:
        uvloop.run(_serve(settings, claim, on_ready))


async def _serve(settings: UpSettings, claim: Claim, on_ready: Callable[[Ready], None]) -> None:
    over = asyncio.get_running_loop().create_future()

    def end(failure: Exception | None = None) -> None:
        if not over.done():
            over.set_result(failure)

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, end)
    async with running(settings, end) as office:
        status = office.status()
        claim.announce(_run(settings, office))
        on_ready(Ready(status))
        failure = await over
    if failure is not None:
        raise Refusal(f"the network's journal failed, so it has stopped: {failure}") from failure


@asynccontextmanager
async def running(
    settings: UpSettings, end: Callable[[Exception | None], None], customers: Customers | None = None
) -> AsyncIterator[Office]:
    """Have a network run for as long as the block lasts; `end` is told when it should."""
    _bound_resources()
    now, blueprint = wall_clock(), settings.blueprint
    _check_shape(private_folder(settings.state) / "network.json", blueprint)
    authority = authority_of(settings.state / PKI, blueprint.name, now, settings.authority)
    certification = Certification(authority, blueprint, settings.hosts)
    certification.begin(now)
    key = key_of(settings.state, settings.ask_passphrase, seals=settings.seals)
    journal = Journal.open(settings.state / JOURNAL, Envelope(key), RecordCodec(record_types()))
    try:
        network = LiveNetwork(settings, certification, journal, Hooks(end, _violated), customers)
        office = _office(network, lambda: end(None), journal)
        keeping = asyncio.create_task(_keep(office), name="housekeeping")
        try:
            await network.open(partial(_operator, office))
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


def _office(network: LiveNetwork, end: Callable[[], None], journal: Journal) -> Office:
    kept, picture = RecentEvents(), Picture()
    counts = Metrics(network.blueprint.name, own_version())
    network.live.listeners.extend((kept, counts, picture))
    for damage in journal.found_now:
        log.error("%s: %s; put aside, and all key of before is given up", journal.path, damage)
        for listen in network.live.listeners:
            listen(network.live.clock.now(), JOURNAL_ELEMENT, JournalDamaged(str(damage)))
    damaged = tuple(map(str, journal.quarantined()))
    return Office(network, wall_clock(), end, kept, counts, picture, Health(network.live), damaged)


async def _keep(office: Office) -> None:
    """Look after what changes slowly: health, and certificates that are half over."""
    nodes = [node.id for node in office.network.blueprint.topology.nodes]
    renewed_at = asyncio.get_running_loop().time()
    while True:
        office.health.ask(nodes)
        is_good = all(office.health.is_good(node) for node in nodes)
        await asyncio.sleep(in_seconds(PERIOD) if is_good else FIRST_HEALTH)
        if asyncio.get_running_loop().time() - renewed_at >= RENEWALS:
            renewed_at = asyncio.get_running_loop().time()
            office.network.certification.renew(wall_clock(), office.network.renewed)


def _operator(office: Office, name: str, request: Request, request_id: RequestId) -> Response:
    del name, request_id
    return answer(request, office)


def _run(settings: UpSettings, office: Office) -> Run:
    status = office.status()
    files = office.network.certification.files_of(OPERATOR)
    return Run(
        network=status.network,
        version=status.version,
        pid=status.pid,
        started=status.started,
        operator_url=status.operator_url,
        host=settings.host,
        base_port=settings.base_port,
        speed=settings.speed,
        operator=Credentials(str(files.certificate), str(files.key), str(files.trusted), str(files.revoked)),
    )


def _check_shape(path: Path, blueprint: Blueprint) -> None:
    """Refuse the state of another network: its pads and block counters would be taken for this one's."""
    topology = blueprint.topology
    links = tuple(sorted(link.id for link in topology.links))
    shape = Shape(blueprint.name, tuple(sorted(node.id for node in topology.nodes)), links)
    if not path.exists():
        write_whole(path, msgspec.json.encode(shape))
        return
    try:
        known = msgspec.json.decode(read_public(path), type=Shape)
    except msgspec.DecodeError as error:
        raise mistake(path, f"does not say whose state this is: {error}", "choose another with --state") from error
    if known != shape:
        raise mistake(
            path.parent,
            f"is the state of network {known.network!r}, {len(known.nodes)} nodes and {len(known.links)} links: "
            f"{blueprint.name!r} has other ones",
            "choose another folder with --state, or remove this one",
        )


def _bound_resources() -> None:
    """Take all descriptors that the system allows, and leave no image of our memory behind when we crash."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _violated(own: ElementName, peer: ElementName | None, violation: Violation) -> None:
    log.warning("%s: connection of %s: %s", own, peer or "an unknown peer", violation)
