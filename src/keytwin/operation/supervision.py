"""`keytwin up --processes`: starts each part of a network as a process of its own, and starts again what dies.

One for one: a part that dies comes back from its own journal, at its own ports, with its own certificates, and no other
is touched. One that dies again and again is given up. The supervisor has the authority and the operator face; no key.
"""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import socket
import time
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keytwin.operation.certification import BUS, Certification
from keytwin.operation.faces import Faces, told_of_port
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
from keytwin.operation.part_process import bus_address
from keytwin.operation.parts import BUS_PART, Part, parts_of
from keytwin.operation.settings import UpSettings
from keytwin.runtime.bus_codec import Codec
from keytwin.runtime.bus_server import listens
from keytwin.runtime.channel import Channel
from keytwin.runtime.clock import Clock
from keytwin.runtime.entropy import SystemEntropy
from keytwin.runtime.identities import Identity
from keytwin.runtime.loop import Listener
from keytwin.runtime.nursery import Nursery
from keytwin.runtime.questions import Answer
from keytwin.service.conversation import Face, Question
from keytwin.service.operator_values import ElementStatus, ProcessStatus, SessionStatus
from keytwin.vocabulary.errors import Refusal
from keytwin.vocabulary.events import ElementRestarted, ElementStopped
from keytwin.vocabulary.identity import AppId, ElementName, NodeId, SaeId, km_of
from keytwin.vocabulary.machine import Event, Message, RequestId
from keytwin.vocabulary.ports import Entropy

LONGEST_START: Final = 30.0  # seconds until a part has to be open
LONGEST_STOP: Final = 10.0  # seconds until a part that was told to end is killed
WINDOW: Final = 15.0  # seconds in which deaths count together
SILENCE: Final = 3.0  # seconds without a word, three times what a part leaves between two: it hangs, or was stopped
MOST_DEATHS: Final = 5  # in a window: with one more, a part is given up
FIRST_PAUSE: Final = 0.1  # seconds before the second restart in a window; doubled each time, the first has none

log = logging.getLogger(__name__)


@dataclass(slots=True, eq=False)
class Process:
    """One process as its supervisor knows it; `part` None = the server of the bus."""

    name: str
    part: Part | None
    opened: asyncio.Future[None]
    pid: int | None = None
    restarts: int = 0
    is_given_up: bool = False
    channel: Channel[FromSupervisor, FromPart] | None = None
    shown: Shown = field(default_factory=Shown)
    heard: float = 0.0
    deaths: deque[float] = field(default_factory=deque)

    def dies_too_often(self) -> bool:
        """Note a death, and say whether there were too many not long ago."""
        now = time.monotonic()
        self.deaths.append(now)
        while now - self.deaths[0] > WINDOW:
            self.deaths.popleft()
        return len(self.deaths) > MOST_DEATHS

    @property
    def status(self) -> ProcessStatus:
        """How it is, for the operator."""
        if self.is_given_up:
            return ProcessStatus(self.name, "given up", None, self.restarts)
        if self.pid is None:
            return ProcessStatus(self.name, "stopped", None, self.restarts)
        if not self.opened.done():
            return ProcessStatus(self.name, "starting", self.pid, self.restarts)
        is_silent = self.part is not None and time.monotonic() - self.heard > SILENCE
        return ProcessStatus(self.name, "silent" if is_silent else "running", self.pid, self.restarts)


class Afar:
    """Elements of other processes: the supervisor's way to tell and ask them, and to hear of what happens."""

    def __init__(self, processes: dict[str, Process]) -> None:
        self.clock = Clock()
        self.listeners: list[Listener] = []
        self._processes = processes
        self._messages: Codec[Message] = Codec(Message)
        self._events: Codec[Event] = Codec(Event)
        self._open: dict[RequestId, tuple[Process, Answer]] = {}

    def entropy(self, element: ElementName) -> Entropy:
        """Return the operating system's generator."""
        del element
        return SystemEntropy()

    def post(self, to: ElementName, message: Message) -> None:
        """Deliver a message; lost when the element's process is not there."""
        self._home(to, Posted(to, self._messages.encode(message)))

    def ask(self, question: Question, answer: Answer) -> None:
        """Ask an element; nothing is answered when its process is not there, or dies."""
        request_id = getattr(question.message, "request_id", "")
        process = self._home(question.to, Asked(question.to, request_id, self._messages.encode(question.message)))
        self._open[request_id] = process, answer

    def forget(self, request_id: RequestId) -> None:
        """Give a question up."""
        asked = self._open.pop(request_id, None)
        if asked is not None and asked[0].channel is not None:
            asked[0].channel.send(Forgotten(request_id))

    def lose(self, process: Process) -> None:
        """Forget what a process that has died was asked."""
        self._open = {each: asked for each, asked in self._open.items() if asked[0] is not process}

    def answered(self, frame: Answered) -> None:
        """Hand an answer to whoever asked."""
        asked = self._open.pop(frame.request_id, None)
        if asked is not None:
            asked[1](self._messages.decode(frame.message))

    def told(self, element: ElementName, event: Event | bytes) -> None:
        """Let everyone hear of an event."""
        known = self._events.decode(event) if isinstance(event, bytes) else event
        for tell in self.listeners:
            tell(self.clock.now(), element, known)

    def _home(self, element: ElementName, frame: FromSupervisor) -> Process:
        process = next(each for each in self._processes.values() if each.part and each.part.hosts(element))
        if process.channel is not None:
            process.channel.send(frame)
        return process


class Supervisor:
    """A network in processes; `failed` is told when there is no way on, `lost` of each node whose process died."""

    def __init__(
        self, settings: UpSettings, certification: Certification, nursery: Nursery, failed: Callable[[Exception], None]
    ) -> None:
        self.settings = settings
        self.blueprint = settings.blueprint
        self.certification = certification
        self._nursery = nursery
        self._failed = failed
        self._is_up = self._is_closing = False
        self._starting: set[asyncio.Task[None]] = set()
        self._death = asyncio.Event()
        self._all = {BUS_PART: Process(BUS_PART, None, _future())}
        self._all |= {name: Process(name, part, _future()) for name, part in parts_of(self.blueprint).items()}
        self.live = Afar(self._all)
        self.lost: list[Callable[[NodeId], None]] = []
        self._faces = Faces(settings, certification, self.live)

    async def open(self, operator: Face) -> None:
        """Start everything; Refusal, with what the part says, when one cannot start."""
        address, bus = bus_address(self.settings), self._all[BUS_PART]
        with told_of_port(address[1], "bus of", self.blueprint.name):
            socket.create_server(address).close()  # else we would take whoever has the port for our own server
        await self._start(bus)
        await self._opened([bus])
        parts = [process for process in self._all.values() if process is not bus]
        for process in parts:
            await self._start(process)
        await self._opened(parts)
        self._is_up = True
        await self._faces.open_for_operator(operator)

    async def close(self) -> None:
        """End everything: the operator's face, the parts, and last the bus."""
        self._is_closing = True
        await self._faces.close()
        for task in self._starting:
            task.cancel()
        for process in self._all.values():
            if process.channel is not None and process.part is not None:
                process.channel.send(Ended())
        await _ended([process for process in self._all.values() if process.part], self._death)
        for process in self._all.values():
            _kill(process, signal.SIGKILL)  # the bus keeps nothing, and who has not ended yet hangs

    # --- what there is to see ---------------------------------------------------------------------------------------

    def elements(self) -> tuple[ElementStatus, ...]:
        """Tell of each element whether it runs, as far as its process has told."""
        return tuple(
            each if process.pid is not None else ElementStatus(each.name, "stopped", each.restarts)
            for process in self._all.values()
            for each in process.shown.elements
        )

    def session(self, sae: SaeId, app: AppId) -> SessionStatus | None:
        """Tell of an SAE's standing session for an app, as its process has told last."""
        for process in self._all.values():
            for own, of, session in process.shown.sessions:
                if (own, of) == (sae, app):
                    return session
        return None

    def is_heard(self, node: NodeId) -> bool:
        """Whether a key manager's process gives signs of life."""
        return self._all[km_of(node)].status.state == "running"

    def processes(self) -> tuple[ProcessStatus, ...]:
        """Tell of each process."""
        return tuple(process.status for process in self._all.values())

    # --- certificates -----------------------------------------------------------------------------------------------

    def renewed(self, identity: Identity) -> None:
        """Let whoever serves or dials under an identity use its new certificate from now on."""
        self._faces.renewed(identity)
        if identity == BUS:
            _kill(self._all[BUS_PART], signal.SIGHUP)  # by which it reads its files again
        self._tell_all(Renewed(identity.role.value, identity.name))

    def denied(self, identity: Identity) -> None:
        """Close what somebody has open whose certificates were revoked."""
        self._faces.denied(identity)
        self._tell_all(Denied(identity.role.value, identity.name))

    # --- life and death ---------------------------------------------------------------------------------------------

    async def _start(self, process: Process) -> None:
        channel: Channel[FromSupervisor, FromPart] = Channel(
            FromPart, partial(self._hear, process), partial(self._gone, process)
        )
        try:
            process.pid, end = self._nursery.start(process.name)
        except OSError as error:
            self._failed(error)
            return
        process.channel = channel
        await channel.open(end)
        log.info("%s is process %d", process.name, process.pid)
        if process.part is None and await listens(bus_address(self.settings), LONGEST_START):
            _open(process)

    async def _opened(self, processes: list[Process]) -> None:
        waiting = asyncio.gather(*(process.opened for process in processes))
        try:
            await asyncio.wait_for(waiting, LONGEST_START)
        except TimeoutError:
            late = ", ".join(process.name for process in processes if process.status.state != "running")
            raise Refusal(f"after {LONGEST_START:g} s not yet started: {late}; look at their logs") from None

    def _hear(self, process: Process, frame: FromPart) -> None:
        process.heard = time.monotonic()
        match frame:
            case Told(element=element, event=octets):
                self.live.told(element, octets)
            case Shown():
                process.shown = frame
            case Answered():
                self.live.answered(frame)
            case Opened():
                _open(process)
            case Failed(reason=reason):
                log.error("%s: %s", process.name, reason)
                if not process.opened.done():
                    process.opened.set_exception(Refusal(reason))

    def _gone(self, process: Process) -> None:
        """Start again what has died, unless it dies too often."""
        process.pid = process.channel = None
        self._death.set()
        self.live.lose(process)
        if self._is_closing:
            return
        name = ElementName(process.name)
        if not self._is_up:
            if not process.opened.done():
                process.opened.set_exception(Refusal(f"{name} ended while it started: look at its log"))
            return
        for node in process.part.nodes if process.part else ():
            for tell in self.lost:
                tell(node)
        if process.dies_too_often():
            process.is_given_up = True
            cause = f"its process died more than {MOST_DEATHS} times in {WINDOW:g} s: given up"
            log.error("%s: %s", name, cause)
            self.live.told(name, ElementStopped(name, cause))
            return
        self.live.told(name, ElementStopped(name, "its process died"))
        again = asyncio.get_running_loop().create_task(self._start_again(process), name=f"restart of {name}")
        self._starting.add(again)
        again.add_done_callback(self._starting.discard)

    async def _start_again(self, process: Process) -> None:
        earlier = len(process.deaths) - 1
        await asyncio.sleep(FIRST_PAUSE * 2.0 ** (earlier - 1) if earlier else 0)
        process.restarts += 1
        process.opened = _future()
        await self._start(process)
        self.live.told(ElementName(process.name), ElementRestarted(ElementName(process.name)))

    def _tell_all(self, frame: FromSupervisor) -> None:
        for process in self._all.values():
            if process.channel is not None and process.part is not None:
                process.channel.send(frame)


async def _ended(processes: list[Process], death: asyncio.Event) -> None:
    """Wait until these have ended, but not for ever; `death` is set whenever one has."""
    with suppress(TimeoutError):
        async with asyncio.timeout(LONGEST_STOP):
            while any(process.pid is not None for process in processes):
                death.clear()
                await death.wait()


def _open(process: Process) -> None:
    if not process.opened.done():
        process.opened.set_result(None)


def _future() -> asyncio.Future[None]:
    future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    future.add_done_callback(lambda done: done.cancelled() or done.exception())  # looked at, if nobody else does
    return future


def _kill(process: Process, number: signal.Signals) -> None:
    if process.pid is not None:
        with suppress(ProcessLookupError):
            os.kill(process.pid, number)
