"""What a live network tells of itself: its elements, where they are found, who takes part, how its links are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import datetime

from keytwin.operation.assembly import LiveNetwork
from keytwin.operation.certification import sae_identity
from keytwin.operation.faces import LOOPBACK
from keytwin.operation.health import Health
from keytwin.operation.picture import Picture
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.trace import own_version
from keytwin.service.operator_values import (
    Credentials,
    ElementStatus,
    KmStatus,
    NetworkStatus,
    SaeStatus,
    SessionStatus,
)
from keytwin.service.standing import Standing
from keytwin.vocabulary.blueprint import App, Endpoint
from keytwin.vocabulary.identity import AppId, NodeId, SaeId, sae_element


def portrait(
    network: LiveNetwork, health: Health, picture: Picture, started: datetime, damage: tuple[str, ...]
) -> NetworkStatus:
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
        is_healthy=all(health.is_good(node.id) for node in blueprint.topology.nodes),
        damage=damage,
        elements=tuple(_elements(network)),
        key_managers=tuple(_key_managers(network, health)),
        saes=tuple(_saes(network)),
        links=picture.links(blueprint),
    )


def credentials(files: LeafFiles) -> Credentials:
    """Return files by their paths, as text."""
    return Credentials(str(files.certificate), str(files.key), str(files.trusted), str(files.revoked))


def _elements(network: LiveNetwork) -> Iterator[ElementStatus]:
    live = network.live
    for name in live.names:
        yield ElementStatus(name, "stopped" if live.machine(name) is None else "running", live.restarts(name))


def _key_managers(network: LiveNetwork, health: Health) -> Iterator[KmStatus]:
    ports = network.settings.ports
    for index, node in enumerate(network.blueprint.topology.nodes):
        address = f"{LOOPBACK}:{ports.link(index)}"
        yield KmStatus(node.id, _face_url(network, node.id), address, health.is_good(node.id))


def _saes(network: LiveNetwork) -> Iterator[SaeStatus]:
    for app in network.blueprint.apps:
        first, second = app.ends
        yield _sae(network, app, first, second)
        if not app.is_selfpair:
            yield _sae(network, app, second, first)


def _sae(network: LiveNetwork, app: App, own: Endpoint, peer: Endpoint) -> SaeStatus:
    return SaeStatus(
        sae=own.sae,
        app=app.id,
        node=own.node,
        peer=peer.sae,
        peer_node=peer.node,
        url=_face_url(network, own.node),
        files=credentials(network.certification.files_of(sae_identity(own.sae))),
        session=_session(network, own.sae, app.id),
    )


def _session(network: LiveNetwork, sae: SaeId, app: AppId) -> SessionStatus | None:
    machine: object = network.live.machine(sae_element(sae))
    if not isinstance(machine, Standing) or app not in machine.sessions:
        return None
    session = machine.sessions[app]
    opened = session.opened
    if opened is None:
        return SessionStatus(session.state.value, session.ksid)
    return SessionStatus(session.state.value, session.ksid, opened.key_size, opened.rate, opened.burst, opened.hops)


def _face_url(network: LiveNetwork, node: NodeId) -> str:
    settings = network.settings
    nodes = [each.id for each in network.blueprint.topology.nodes]
    return settings.url(settings.ports.face(nodes.index(node)))
