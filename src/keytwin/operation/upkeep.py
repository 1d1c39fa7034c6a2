"""What every live network has done for it, in one process or several: its state's shape, health, renewals, limits."""

from __future__ import annotations

import asyncio
import logging
import resource
from pathlib import Path
from typing import Final

import msgspec

from keytwin.operation.certification import OPERATOR
from keytwin.operation.health import PERIOD
from keytwin.operation.office import Bureau
from keytwin.operation.settings import UpSettings
from keytwin.operation.whereabouts import Run
from keytwin.runtime.clock import wall_clock
from keytwin.runtime.journal import Journal
from keytwin.runtime.live import Live
from keytwin.runtime.private_files import mistake, read_public, write_whole
from keytwin.service.http import Request, Response
from keytwin.service.operator import answer
from keytwin.service.operator_values import Credentials
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Violation
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
    has_processes: bool = False  # each with a journal of its own


async def keep(office: Bureau) -> None:
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


def operator(office: Bureau, name: str, request: Request, request_id: RequestId) -> Response:
    """Answer on the operator face."""
    del name, request_id
    return answer(request, office)


def run_of(settings: UpSettings, office: Bureau) -> Run:
    """Return what `run.json` is to say of a network that runs."""
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


def check_shape(path: Path, blueprint: Blueprint, *, has_processes: bool = False) -> None:
    """Refuse the state of another network: its pads and block counters would be taken for this one's."""
    topology = blueprint.topology
    links = tuple(sorted(link.id for link in topology.links))
    shape = Shape(blueprint.name, tuple(sorted(node.id for node in topology.nodes)), links, has_processes)
    if not path.exists():
        write_whole(path, msgspec.json.encode(shape))
        return
    try:
        known = msgspec.json.decode(read_public(path), type=Shape)
    except msgspec.DecodeError as error:
        raise mistake(path, f"does not say whose state this is: {error}", "choose another with --state") from error
    if msgspec.structs.replace(known, has_processes=has_processes) == shape != known:
        ran = (
            "one process an element: give --processes" if known.has_processes else "one process: leave --processes out"
        )
        raise mistake(path.parent, f"is the state of a network in {ran}", "or choose another folder with --state")
    if known != shape:
        raise mistake(
            path.parent,
            f"is the state of network {known.network!r}, {len(known.nodes)} nodes and {len(known.links)} links: "
            f"{blueprint.name!r} has other ones",
            "choose another folder with --state, or remove this one",
        )


def bound_resources() -> None:
    """Take all descriptors that the system allows, and leave no image of our memory behind when we crash."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def tell_damage(journal: Journal, live: Live) -> None:
    """Tell what was found damaged in a journal and put aside: in the log, and to all who listen."""
    for damage in journal.found_now:
        log.error("%s: %s; put aside, and all key of before is given up", journal.path, damage)
        for listen in live.listeners:
            listen(live.clock.now(), JOURNAL_ELEMENT, JournalDamaged(str(damage)))


def violated(own: ElementName, peer: ElementName | None, violation: Violation) -> None:
    """Write down which peer broke a rule."""
    log.warning("%s: connection of %s: %s", own, peer or "an unknown peer", violation)
