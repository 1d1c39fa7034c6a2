"""What a live network tells of itself: its elements, where they are found, who takes part, how its links are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

from keytwin.operation.certification import sae_identity
from keytwin.operation.faces import LOOPBACK
from keytwin.operation.health import Health
from keytwin.operation.metrics import Metrics
from keytwin.operation.network_view import Network
from keytwin.operation.seen import Seen
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.trace import own_version
from keytwin.service.operator_values import (
    Credentials,
    KmStatus,
    NetworkStatus,
    SaeStatus,
)
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.identity import NodeId


def portrait(network: Network, health: Health, seen: Seen, started: datetime, damage: tuple[str, ...]) -> NetworkStatus:
    """Return a network as it stands."""
    settings, blueprint = network.settings, network.blueprint
    return NetworkStatus(
        network=blueprint.name,
        version=own_version(),
        pid=os.getpid(),
        started=started.isoformat(timespec="seconds"),
        speed=settings.speed,
        operator_url=f"https://{LOOPBACK}:{settings.ports.operator}",
        state_directory=str(settings.state),
        is_healthy=all(_is_good(network, health, node.id) for node in blueprint.topology.nodes) and _all_run(network),
        damage=damage,
        elements=network.elements(),
        key_managers=tuple(_key_managers(network, health)),
        saes=tuple(_saes(network, seen.counts)),
        links=seen.picture.links(blueprint),
        processes=network.processes(),
    )


def credentials(files: LeafFiles) -> Credentials:
    """Return files by their paths, as text."""
    return Credentials(str(files.certificate), str(files.key), str(files.trusted), str(files.revoked))


def _is_good(network: Network, health: Health, node: NodeId) -> bool:
    return health.is_good(node) and network.is_heard(node)


def _all_run(network: Network) -> bool:
    return all(each.state == "running" for each in network.processes())


def _key_managers(network: Network, health: Health) -> Iterator[KmStatus]:
    ports = network.settings.ports
    for index, node in enumerate(network.blueprint.topology.nodes):
        address = f"{LOOPBACK}:{ports.link(index)}"
        yield KmStatus(node.id, _face_url(network, node.id), address, _is_good(network, health, node.id))


def _saes(network: Network, counts: Metrics) -> Iterator[SaeStatus]:
    for app in network.blueprint.apps:
        first, second = app.ends
        yield _sae(network, app, (first, second), counts)
        if not app.is_selfpair:
            yield _sae(network, app, (second, first), counts)


def _sae(network: Network, app: App, ends: tuple[Endpoint, Endpoint], counts: Metrics) -> SaeStatus:
    own, peer = ends
    session = network.session(own.sae, app.id)
    return SaeStatus(
        sae=own.sae,
        app=app.id,
        node=own.node,
        peer=peer.sae,
        peer_node=peer.node,
        url=_face_url(network, own.node),
        files=credentials(network.certification.files_of(sae_identity(own.sae))),
        session=session,
        mode=network.blueprint.sla_of(app).mode,
        is_fallen_back=session is not None and session.ksid in counts.fallen.get(own.node, ()),
    )


def _face_url(network: Network, node: NodeId) -> str:
    settings = network.settings
    nodes = [each.id for each in network.blueprint.topology.nodes]
    return settings.url(settings.ports.face(nodes.index(node)))
