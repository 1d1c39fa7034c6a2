"""The faces of a live network: one for the SAEs of each node, one for its operator; or such as do wrong on purpose."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Final

from keytwin.operation.certification import CONTROL, Certification, authority_of, km_identity
from keytwin.operation.network_view import Elements
from keytwin.operation.settings import Misbehaviour, UpSettings
from keytwin.runtime.clock import TurnClock, wall_clock
from keytwin.runtime.crash import supervising
from keytwin.runtime.edge import Edge
from keytwin.runtime.edge_connection import EdgeSetup, Misbehave
from keytwin.runtime.edge_frames import FrameReader, transmit
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.leaves import LeafFiles
from keytwin.runtime.live import FACE_PREFIX
from keytwin.runtime.tls import Doorkeeper, renew_chain, renew_revoked, server_context
from keytwin.service.conversation import Face, at_one_port
from keytwin.service.etsi004 import etsi004_face, is_stream
from keytwin.service.etsi004_binary import binary_face
from keytwin.service.etsi004_values import StreamSetup
from keytwin.service.etsi014_conversation import FaceSetup, etsi014_face
from keytwin.service.etsi014_wire import ROOT
from keytwin.service.http import Response
from keytwin.service.misbehaviour import empty, wrong_id
from keytwin.service.skip import is_skip
from keytwin.service.skip_conversation import skip_face
from keytwin.service.skip_values import SkipSetup
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.identity import ElementName, NodeId, SaeId
from keytwin.vocabulary.units import seconds

LOOPBACK: Final = "127.0.0.1"
FACE_PATIENCE: Final = seconds(2)  # that a request waits for keys that are being made
SLOWNESS: Final = 5.0  # seconds a slow face takes: beyond most clients' patience for a key

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Served:
    """One face that listens, under whose certificate, and the context that holds it."""

    identity: Identity
    edge: Edge
    context: ssl.SSLContext


@dataclass(slots=True)
class Faces:
    """All faces of one process."""

    settings: UpSettings
    certification: Certification
    live: Elements
    served: list[Served] = field(default_factory=list)

    async def open(self, node: NodeId, port: int) -> None:
        """Serve the SAEs of a node; Refusal when the port is taken."""
        blueprint = self.settings.blueprint
        saes = frozenset(end.sae for app in blueprint.apps for end in app.ends if end.node == node)
        setup = FaceSetup(node, ElementName(f"{FACE_PREFIX}{node}"), saes, FACE_PATIENCE)
        streams = etsi004_face(StreamSetup(node, setup.reply_to, saes))
        others = ((is_stream, streams), (is_skip, skip_face(self._skip_setup(setup))))
        face = at_one_port(etsi014_face(setup), ROOT, others)
        files = self.certification.files_of(km_identity(node))
        hook: Misbehave | None = None
        match self.settings.misbehaviour:
            case Misbehaviour.EMPTY:
                face = empty(face)
            case Misbehaviour.WRONG_ID:
                face = wrong_id(face)
            case Misbehaviour.SLOW:
                hook = _late
            case Misbehaviour.TLS:
                files = self._strange_files(node)
            case None:
                pass
        served = self._served(Role.SAE, files, face, hook)
        with told_of_port(port, "face of", node):
            await served.edge.listen(self.settings.host, port)
        await self._open_binary(StreamSetup(node, setup.reply_to, saes), files)

    async def _open_binary(self, setup: StreamSetup, files: LeafFiles) -> None:
        """Serve the binary binding of ETSI GS QKD 004 at a node's port of its own, where it has one."""
        nodes = [node.id for node in self.settings.blueprint.topology.nodes]
        port = self.settings.binary_port(nodes.index(setup.node))
        if port is None:
            return
        context = server_context(files)
        common = self._setup(Role.SAE, files, context, binary_face(setup))
        speaking = replace(common, label=f"{common.label}/004", reader=FrameReader, transmit=transmit)
        served = Served(files.identity, Edge(speaking), context)
        self.served.append(served)
        with told_of_port(port, "binary face of", setup.node):
            await served.edge.listen(self.settings.host, port)

    async def open_for_operator(self, face: Face) -> None:
        """Serve the operator, on this machine only; Refusal when the port is taken."""
        port = self.settings.ports.operator
        served = self._served(Role.OPERATOR, self.certification.files_of(CONTROL), face, None)
        with told_of_port(port, "operator face of", self.settings.blueprint.name):
            await served.edge.listen(LOOPBACK, port)

    async def close(self) -> None:
        """Serve nobody any more."""
        for each in self.served:
            await each.edge.close()

    def renewed(self, identity: Identity) -> None:
        """Show the new certificate of an identity from now on."""
        for each in self.served:
            if each.identity == identity:
                renew_chain(each.context, self.certification.files_of(identity))

    def denied(self, identity: Identity) -> None:
        """Close what somebody has open whose certificates were revoked, and let it in no more."""
        for each in self.served:
            renew_revoked(each.context, self.certification.authority.revoked)
            each.edge.close_connections_of(identity)

    def _served(self, role: Role, files: LeafFiles, face: Face, hook: Misbehave | None) -> Served:
        context = server_context(files, ("http/1.1",))
        setup = replace(self._setup(role, files, context, face), misbehave=hook)
        served = Served(files.identity, Edge(setup), context)
        self.served.append(served)
        return served

    def _setup(self, role: Role, files: LeafFiles, context: ssl.SSLContext, face: Face) -> EdgeSetup:
        return EdgeSetup(
            label=f"{FACE_PREFIX}{files.identity.name}",
            role=role,
            context=context,
            doorkeeper=self._doorkeeper(role),
            face=face,
            asker=self.live,
            supervise=_SUPERVISE,
            now=TurnClock(asyncio.get_running_loop().time),
        )

    def _doorkeeper(self, role: Role) -> Doorkeeper:
        """Return who looks at the peers of a face: an authority of others may name an SAE as usual, by its CN."""
        authority = self.certification.authority
        is_others = role is Role.SAE and authority.is_brought
        return Doorkeeper(
            authority.network, authority.denied.__contains__, common_name_as=Role.SAE if is_others else None
        )

    def _skip_setup(self, setup: FaceSetup) -> SkipSetup:
        """Return what the SKIP face of the same node is made of."""
        peers = peers_at(self.settings.blueprint, setup.node)
        chance = self.live.entropy(setup.reply_to)
        return SkipSetup(setup.node, setup.reply_to, peers, setup.patience, chance)

    def _strange_files(self, node: NodeId) -> LeafFiles:
        """Return a certificate of an authority that no client has heard of."""
        now, identity = wall_clock(), km_identity(node)
        stranger = authority_of(self.settings.state / "strange-authority", self.settings.blueprint.name, now)
        shown = stranger.issue(identity, now, self.settings.hosts)
        ours = self.certification.files_of(identity)
        return replace(shown, trusted=ours.trusted, revoked=ours.revoked)


def peers_at(blueprint: Blueprint, node: NodeId) -> dict[SaeId, tuple[SaeId, ...]]:
    """Return, for each SAE of a node, those that it has an app in common with, each once and in the file's order."""
    found: dict[SaeId, dict[SaeId, None]] = {}
    for app in blueprint.apps:
        first, second = app.ends
        for own, other in ((first, second), (second, first)):
            if own.node == node:
                found.setdefault(own.sae, {})[other.sae] = None
    return {sae: tuple(others) for sae, others in found.items()}


@contextmanager
def told_of_port(port: int, whose: str, name: str) -> Iterator[None]:
    """Say whose port is taken, and how to choose others."""
    try:
        yield
    except OSError as error:
        why = (error.strerror or str(error)).lower()
        raise Refusal(
            f"the {whose} {name} cannot listen at port {port}: {why}; choose other ports with --base-port"
        ) from error


def _tell(failure: Exception) -> None:
    log.error("a face failed", exc_info=failure)  # never with what was asked or answered: it may hold key


_SUPERVISE: Final = supervising(_tell)


def _late(response: Response, write: Callable[[Response], None]) -> None:
    asyncio.get_running_loop().call_later(SLOWNESS, write, response)
