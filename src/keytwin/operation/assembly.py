"""A live network, or one process's part of it, put together: elements, streams, bus, faces for SAEs and operator."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Final

from keytwin.network import Customers, Plugins, elements, shorten, standing
from keytwin.operation.certification import Certification, km_identity, twin_identity
from keytwin.operation.faces import LOOPBACK, Faces, told_of_port
from keytwin.operation.parts import Part, whole
from keytwin.operation.settings import UpSettings
from keytwin.operation.sight import Sight
from keytwin.runtime.bus import Bus, InProcessBus
from keytwin.runtime.bus_nats import NatsBus
from keytwin.runtime.clock import wall_clock
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.kem import KemPort, MlKem768
from keytwin.runtime.live import Live
from keytwin.runtime.livehost import Carrier
from keytwin.runtime.liveloop import Store
from keytwin.runtime.notary import CertifiedNotary
from keytwin.runtime.tls import Doorkeeper
from keytwin.runtime.transport import Streams, StreamSetup
from keytwin.service.conversation import Face
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import ElementName, NodeId, km_of, node_of, twin_of
from keytwin.vocabulary.kem_messages import ML_KEM_768
from keytwin.vocabulary.machine import Message, Record

CONNECT_PATIENCE: Final = 2.0  # seconds until elements start although some stream is not up: they go on asking anyway
SAE_WAY: Final = "sae/"
STREAMED: Final = ("km/", "link/")
"""Whose messages to one another travel over streams: key managers and twins."""
Deliver = Callable[[ElementName, Message], None]


@dataclass(frozen=True, slots=True)
class Hooks:
    """What the rest of the process hears from a network: that its store has failed, and which peers break rules."""

    failed: Callable[[Exception], None]
    violated: Callable[[ElementName, ElementName | None, Violation], None]


@dataclass(frozen=True, slots=True)
class Stake:
    """What of a network a process hosts, and its way to elements of other processes beside the streams."""

    part: Part
    bus: Callable[[Deliver], NatsBus] | None = None  # None: there is no other process


class LiveNetwork(Sight):
    """The elements, streams and faces of a network; made inside a running loop, started by `open`.

    `customers` are the standing sessions of SAEs outside, unless emulated applications are wanted. With a `stake`, of
    all this only what this process hosts.
    """

    def __init__(
        self,
        settings: UpSettings,
        certification: Certification,
        store: Store,
        hooks: Hooks,
        customers: Customers | None = None,
        stake: Stake | None = None,
    ) -> None:
        self.settings = settings
        self.blueprint = settings.blueprint
        self.certification = certification
        authority = certification.authority
        self.part = stake.part if stake else whole(self.blueprint)
        self.live = Live(store, self._lay, hooks.failed)
        self._doorkeeper = Doorkeeper(authority.network, authority.is_denied)
        self.live.ports.install(ML_KEM_768, self._kem)
        self.bus: Bus = InProcessBus(self.live.post)
        self.outer = stake.bus(self._deliver_from_bus) if stake and stake.bus else None
        streams = StreamSetup(
            links=frozenset(link.id for link in self.blueprint.topology.links),
            doorkeeper=self._doorkeeper,
            now=wall_clock,
            dice=random.Random(),  # noqa: S311  # spreads attempts to connect; nothing secret depends on it
            on_violation=hooks.violated,
            on_change=self._stream_changed,
        )
        self.streams = Streams(streams, self._deliver)
        self._missing = set(self._pairs())
        self._connected = asyncio.Event()
        self.faces = Faces(settings, certification, self.live)
        self._made = elements(self.blueprint, self.live, Plugins(), settings.speed, customers or standing)
        for name, make in self._made.items():
            if self.part.hosts(name):
                self.live.add(name, make)

    def shorten(self, element: ElementName, records: list[Record]) -> Iterable[Record] | None:
        """Return what restores the same as an element's records; None = they are all needed."""
        return shorten(self._made, self.blueprint, element, records, self.live.clock.now())

    async def open(self, operator: Face | None = None) -> None:
        """Begin to listen, to connect and to run; Refusal when a port is taken. Without `operator`, none is served."""
        nodes = [node.id for node in self.blueprint.topology.nodes]
        own = [(index, node) for index, node in enumerate(nodes) if node in self.part.nodes]
        for index, node in own:
            await self._listen_to_neighbours(node, self.settings.ports.link(index))
        if self.outer is not None:
            await self.outer.open()
        self._dial()
        await self._wait_for_streams()
        self.live.start()
        for index, node in own:
            await self.faces.open(node, self.settings.ports.face(index))
        if operator is not None:
            await self.faces.open_for_operator(operator)

    async def close(self) -> None:
        """End everything: first the faces, so that nobody is promised what will not come."""
        await self.faces.close()
        self.live.close()
        if self.outer is not None:
            await self.outer.close()
        await self.streams.close()

    # --- certificates -----------------------------------------------------------------------------------------------

    def renewed(self, identity: Identity) -> None:
        """Let whoever serves or dials under an identity use its new certificate from now on."""
        self.faces.renewed(identity)
        if identity.role in (Role.KM, Role.ELEMENT):
            self.streams.renew(_element(identity))

    def denied(self, identity: Identity) -> None:
        """Close what somebody has open whose certificates were revoked, and let it in nowhere any more."""
        self.faces.denied(identity)
        for node in self.part.nodes:
            self.streams.renew(km_of(node))
        self.streams.drop_denied()

    def _kem(self, element: ElementName) -> KemPort:
        """Return what agrees on post-quantum secrets for a key manager, and signs in the name of its node."""
        files = self.certification.files_of(km_identity(node_of(element)))
        return KemPort(MlKem768(), CertifiedNotary(files, self._doorkeeper, wall_clock))

    # --- ways between elements --------------------------------------------------------------------------------------

    def _lay(self, source: ElementName, target: ElementName) -> Carrier | None:
        if source == target or source.startswith(SAE_WAY) or target.startswith(SAE_WAY):
            return None  # inside the node: an SAE's standing session belongs to its key manager's process
        if source.startswith(STREAMED) and target.startswith(STREAMED):
            return partial(self.streams.send, source, target)
        if self.outer is not None and not self.part.hosts(target):
            return partial(self.outer.publish, source, target)
        return partial(self.bus.publish, source, target)

    def _deliver_from_bus(self, target: ElementName, message: Message) -> None:
        if target in self.live.names:  # else it is of a network that has other elements: nothing here may fail by it
            self.live.post(target, message)

    def _deliver(self, source: ElementName, target: ElementName, message: Message) -> None:
        del source  # the transport has held it against the message
        self.live.post(target, message)

    # --- streams ----------------------------------------------------------------------------------------------------

    async def _listen_to_neighbours(self, node: NodeId, port: int) -> None:
        files = self.certification.files_of(km_identity(node))
        with told_of_port(port, "key manager of", node):
            await self.streams.listen(km_of(node), files, LOOPBACK, port)

    def _dial(self) -> None:
        nodes = [node.id for node in self.blueprint.topology.nodes]
        ports = {km_of(node): self.settings.ports.link(index) for index, node in enumerate(nodes)}
        identities = {km_of(node): km_identity(node) for node in nodes}
        identities |= {twin_of(link.id): twin_identity(link.id) for link in self.blueprint.topology.links}
        for own, peer in self._pairs():
            files = self.certification.files_of(identities[own])
            self.streams.dial(own, peer, (LOOPBACK, ports[peer]), files)

    def _pairs(self) -> Iterator[tuple[ElementName, ElementName]]:
        """Give who dials whom: of two neighbours one, however many links they share; a twin both its ends."""
        links = self.blueprint.topology.links
        pairs = dict.fromkeys((km_of(min(link.ends)), km_of(max(link.ends))) for link in links)
        pairs |= dict.fromkeys((twin_of(link.id), km_of(end)) for link in links for end in link.ends)
        yield from (pair for pair in pairs if self.part.hosts(pair[0]))

    def _stream_changed(self, own: ElementName, peer: ElementName, is_connected: bool, cause: str) -> None:  # noqa: FBT001  # the transport's signature
        del cause
        if is_connected:
            self._missing.discard((own, peer))
            if not self._missing:
                self._connected.set()

    async def _wait_for_streams(self) -> None:
        if not self._missing:
            return
        with suppress(TimeoutError):  # elements repeat what is lost, so they may start without
            await asyncio.wait_for(self._connected.wait(), CONNECT_PATIENCE)


def _element(identity: Identity) -> ElementName:
    return km_of(NodeId(identity.name)) if identity.role is Role.KM else ElementName(identity.name)
