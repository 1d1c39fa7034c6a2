"""One process of a network that has several: hosts its part until its supervisor, or a signal, ends it."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import socket
from contextlib import suppress
from functools import partial
from typing import Final

import uvloop

from keytwin.operation.assembly import Hooks, LiveNetwork, Stake
from keytwin.operation.certification import BUS, CONTROL, Certification, km_identity
from keytwin.operation.faces import LOOPBACK
from keytwin.operation.frames import (
    Answered,
    Asked,
    Denied,
    Ended,
    Failed,
    Forgotten,
    FromPart,
    FromSupervisor,
    Opened,
    Posted,
    Renewed,
    Shown,
    Told,
)
from keytwin.operation.parts import BUS_PART, Part, parts_of
from keytwin.operation.sealing import JOURNAL, key_of, no_passphrase
from keytwin.operation.settings import UpSettings
from keytwin.operation.upkeep import FEW_COLLECTIONS, tell_damage, violated
from keytwin.operation.whereabouts import folder_of_process
from keytwin.runtime.arena import Arena, keep_key_in
from keytwin.runtime.bus_codec import Codec
from keytwin.runtime.bus_nats import BusSeat, NatsBus
from keytwin.runtime.bus_server import BusServer, program
from keytwin.runtime.channel import Channel
from keytwin.runtime.envelope import Envelope
from keytwin.runtime.identities import Identity, Role
from keytwin.runtime.journal import Journal
from keytwin.runtime.journal_codec import RecordCodec, record_types
from keytwin.runtime.private_files import private_folder, write_whole
from keytwin.service.conversation import Question
from keytwin.vocabulary.errors import Mistake, Refusal
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event, Message, RequestId
from keytwin.vocabulary.units import Instant

LOOKS: Final = 0.2  # seconds between two looks at how the elements are
SIGNS: Final = 5  # looks between two signs of life

log = logging.getLogger(__name__)


def live_as(settings: UpSettings, certification: Certification, name: str, end: socket.socket) -> None:
    """Be the process of this name: that of a part, or the server of the bus."""
    if name == BUS_PART:
        _become_bus(settings, certification, end)
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(message)s")
    uvloop.run(PartProcess(settings, certification, parts_of(settings.blueprint)[name]).run(end))


def bus_address(settings: UpSettings) -> tuple[str, int]:
    """Return where the bus of a network listens: on this machine only."""
    return LOOPBACK, settings.ports.bus


class PartProcess:
    """Hosts one part."""

    def __init__(self, settings: UpSettings, certification: Certification, part: Part) -> None:
        self.settings = settings
        self.certification = certification
        self.part = part
        self._messages: Codec[Message] = Codec(Message)
        self._events: Codec[Event] = Codec(Event)
        self._network: LiveNetwork | None = None
        self._over = asyncio.Event()
        self._channel: Channel[FromPart, FromSupervisor] = Channel(FromSupervisor, self._hear, self._over.set)

    async def run(self, end: socket.socket) -> None:
        """Host it until the end; what stands in the way is told to the supervisor."""
        await self._channel.open(end)
        try:
            await self._host()
        except (Mistake, Refusal) as error:
            log.error("%s", error)  # noqa: TRY400  # it says it all
            self._channel.send(Failed(str(error)))
        finally:
            self._channel.close()

    async def _host(self) -> None:
        keep_key_in(Arena())  # locked pages are not inherited
        self.certification.authority.denied.refresh()  # this process knows what was denied when the network started
        state = folder_of_process(self.settings.state, self.part.name)
        journal = Journal.open(state / JOURNAL, Envelope(key_of(state, no_passphrase)), RecordCodec(record_types()))
        try:
            hooks = Hooks(self._fail, violated)
            stake = Stake(self.part, partial(NatsBus, self._seat()))
            network = LiveNetwork(self.settings, self.certification, journal, hooks, stake=stake)
            journal.shorten_by(network.shorten)
            network.live.listeners.append(self._tell)
            tell_damage(journal, network.live)
            self._network = network
            try:
                await network.open()
                gc.collect()
                gc.freeze()
                gc.set_threshold(*FEW_COLLECTIONS)
                self._channel.send(Opened())
                await self._show_until_over(network)
            finally:
                await network.close()
        finally:
            journal.close()

    def _seat(self) -> BusSeat:
        node = self.part.node
        files = self.certification.files_of(CONTROL if node is None else km_identity(node))
        return BusSeat(node, bus_address(self.settings), files)

    async def _show_until_over(self, network: LiveNetwork) -> None:
        """Tell how the elements are, whenever that is not how they were, and now and then as a sign of life."""
        told: Shown | None = None
        looks = 0
        ends = [(end.sae, app.id) for app in self.settings.blueprint.apps for end in app.ends]
        ours = [(sae, app) for sae, app in dict.fromkeys(ends) if self.part.homes[sae] in self.part.nodes]
        while not self._over.is_set():
            shown = Shown(network.elements(), tuple((sae, app, network.session(sae, app)) for sae, app in ours))
            looks += 1
            if shown != told or looks % SIGNS == 0:
                told = shown
                self._channel.send(shown)
            with suppress(TimeoutError):
                await asyncio.wait_for(self._over.wait(), LOOKS)

    def _fail(self, error: Exception) -> None:
        """End: what comes after a Save that failed would be of no use."""
        self._channel.send(Failed(f"the journal failed: {error}"))
        self._over.set()

    def _tell(self, at: Instant, element: ElementName, event: Event) -> None:
        del at  # the supervisor's clock counts for all
        self._channel.send(Told(element, self._events.encode(event)), may_be_lost=True)

    def _hear(self, frame: FromSupervisor) -> None:
        network = self._network
        if isinstance(frame, Ended):
            self._over.set()
        elif network is not None:
            self._do(network, frame)

    def _do(self, network: LiveNetwork, frame: FromSupervisor) -> None:
        match frame:
            case Posted(to=to, message=octets):
                network.live.post(to, self._messages.decode(octets))
            case Asked(to=to, request_id=request_id, message=octets):
                question = Question(to, self._messages.decode(octets))
                network.live.ask(question, partial(self._answer, request_id))
            case Forgotten(request_id=request_id):
                network.live.forget(request_id)
            case Renewed(role=role, name=name):
                network.renewed(Identity(Role(role), name))
            case Denied(role=role, name=name):
                self.certification.authority.denied.refresh()
                network.denied(Identity(Role(role), name))
            case Ended():
                pass

    def _answer(self, request_id: RequestId, reply: Message) -> None:
        self._channel.send(Answered(request_id, self._messages.encode(reply)))


def _become_bus(settings: UpSettings, certification: Certification, end: socket.socket) -> None:
    """Run the server of the bus instead of this program; the supervisor's socket stays open for as long as it lives."""
    nodes = tuple((node.id, km_identity(node.id)) for node in settings.blueprint.topology.nodes)
    network = certification.authority.network
    server = BusServer(network, bus_address(settings), certification.files_of(BUS), CONTROL, nodes)
    path = private_folder(folder_of_process(settings.state, BUS_PART)) / "nats.conf"
    write_whole(path, server.configuration().encode())
    end.set_inheritable(True)  # the socket's own signature
    executable = str(program())
    os.execv(executable, [executable, "--config", str(path)])  # noqa: S606  # no shell, and nothing that a peer says
