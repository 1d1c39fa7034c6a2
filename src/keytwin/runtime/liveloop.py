"""The hot path of a live network: delivers messages, performs what machines return, makes their Saves durable together.

All elements of a process share one store and its commits: every Save of an iteration of the event loop, and of the one
after where these are short, becomes durable in one write, inline, before anything that follows a Save is released. So
the write is the window in which requests are gathered, and no answer or acknowledgement overtakes its record.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final, Protocol

from keytwin.runtime.clock import Clock
from keytwin.runtime.livehost import Carrier, LiveHost
from keytwin.runtime.livetimers import LiveTimers
from keytwin.runtime.loop import Listener
from keytwin.runtime.ports import Ports, Task
from keytwin.runtime.questions import Questions
from keytwin.service.conversation import discard
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import ElementRestarted, ElementStopped, ViolationSeen
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import (
    Effect,
    Event,
    Message,
    Perform,
    Publish,
    Record,
    Save,
    Send,
    StartTimer,
    StopTimer,
)
from keytwin.vocabulary.units import Duration, Instant, in_seconds, milliseconds, seconds

Way = Callable[[LiveHost, ElementName], Carrier]
Fail = Callable[[Exception], None]

LONG_TURN: Final = milliseconds(10)
MOST_AT_ONCE: Final = 2_000  # messages before the loop may look at its sockets again
FIRST_PAUSE: Final = milliseconds(50)  # before a crashed element is started again; doubled each time
LONGEST_PAUSE: Final = seconds(30)
MOST_DOUBLINGS: Final = 20

log = logging.getLogger(__name__)


class Store(Protocol):
    """What elements' records are kept in; `commit` makes everything staged durable, or raises and nothing is."""

    def stage(self, element: ElementName, record: Record) -> None:
        """Take a record up, as octets."""
        ...

    def commit(self) -> None:
        """Make what is staged durable."""
        ...

    def records(self, element: ElementName) -> list[Record]:
        """Read what is durable of an element, in the order it was saved."""
        ...


class LiveLoop:
    """Elements on the running event loop, all on its thread.

    An element that raises is crashed and, after a pause, started again from what was durable (one for one). When the
    store fails, so do all elements that waited for it, and `fail` is told: the process is of no more use.
    """

    def __init__(self, store: Store, way: Way, fail: Fail, questions: Questions, ports: Ports) -> None:
        self._store = store
        self._way = way
        self._fail = fail
        self._questions = questions
        self._ports = ports
        self._loop = asyncio.get_running_loop()
        self._inbox: deque[tuple[LiveHost, Message]] = deque()
        self._holding: list[LiveHost] = []
        self._timers = LiveTimers(self._loop, self.deliver)
        self._is_draining = False
        self.clock = Clock()
        self.is_closed = False
        self.listeners: list[Listener] = []

    # --- messages ---------------------------------------------------------------------------------------------------

    def deliver(self, host: LiveHost, message: Message) -> None:
        """Let an element receive a message, after those that are under way."""
        self._inbox.append((host, message))
        if not self._is_draining:
            self.drain()

    def drain(self) -> None:
        """Let elements receive until nothing waits; new messages that this brings about are among them."""
        inbox = self._inbox
        self._is_draining = True
        left = MOST_AT_ONCE
        try:
            while inbox and left:
                host, message = inbox.popleft()
                left -= 1
                self._receive(host, message)
        finally:
            self._is_draining = False
        if inbox:
            self._loop.call_soon(self.drain)

    def _receive(self, host: LiveHost, message: Message) -> None:
        receive = host.receive
        if receive is None or self.is_closed:
            discard(message)
            return
        try:
            effects = receive(message, self.clock.now())
        except Violation as violation:
            about = f"{type(message).__name__}: {violation}"
            effects = [Publish(ViolationSeen(type(violation).__name__, about))]
        except Exception as error:  # noqa: BLE001  # the one supervision point: a bug costs its element, not the process
            self._crash(host, error, type(message).__name__)
            return
        if effects:
            if host.held is None:
                self._perform(host, effects)
            else:
                self._hold(host, effects)

    def _perform(self, host: LiveHost, effects: Sequence[Effect]) -> None:
        """Perform effects in order, up to the first Save: it and what follows wait for the disk."""
        rest = iter(effects)
        incarnation = host.incarnation
        for effect in rest:  # no effect has kinds below it, so its type alone tells, at half the price
            if type(effect) is Send:
                carrier = host.carriers.get(effect.to)
                if carrier is None:
                    carrier = host.carriers[effect.to] = self._way(host, effect.to)
                carrier(effect.message)
            elif type(effect) is Publish:
                self._tell(host.name, effect.event)
            elif type(effect) is Save:
                self._hold(host, [effect, *rest])
            elif type(effect) is StartTimer:
                self._timers.start(host, effect)
            elif type(effect) is StopTimer:
                self._timers.stop(host, effect.name)
            elif isinstance(effect, Perform):
                # Not at once: what else the machine wants done comes first, and the sockets have their turn.
                self._loop.call_soon(self._work, host, Task(effect, incarnation))
            else:
                raise TypeError(f"a live network does not perform {type(effect).__name__}")
            if host.incarnation != incarnation:  # a listener has stopped it: nothing of it runs on
                return

    def _work(self, host: LiveHost, task: Task) -> None:
        """Let a port work, unless whoever asked has died meanwhile."""
        if task.incarnation == host.incarnation:
            self.deliver(host, self._ports.answer(host.name, task.effect))

    def _tell(self, source: ElementName, event: Event) -> None:
        now = self.clock.now()
        for tell in self.listeners:
            tell(now, source, event)

    # --- durability -------------------------------------------------------------------------------------------------

    def _hold(self, host: LiveHost, effects: Iterable[Effect]) -> None:
        """Stage Saves, and keep every other effect until they are durable."""
        if host.held is None:
            host.held = []
            if not self._holding:
                self._loop.call_soon(self._flush_soon, self.clock.now())
            self._holding.append(host)
        held = host.held
        for effect in effects:
            if type(effect) is Save:
                self._store.stage(host.name, effect.record)
            else:
                held.append(effect)

    def _flush_soon(self, since: Instant) -> None:
        """Flush after another look at the sockets, unless turns are long, as when thousands knock at a face.

        A look costs next to nothing when nothing is there, and gathers nearly all requests of those who ask in turn,
        not half of them.
        """
        if self.clock.now() - since > LONG_TURN:
            self.flush()
        else:
            self._loop.call_soon(self.flush)

    def flush(self) -> None:
        """Make durable what is staged, and release what waited for it."""
        if not self._holding:
            return
        holding, self._holding = self._holding, []
        try:
            self._store.commit()
        except Exception as error:  # noqa: BLE001  # whatever a disk does: no effect may follow a Save that failed
            for host in holding:
                self.halt(host, "its Save failed")
            self._fail(error)
            return
        released = [(host, host.held) for host in holding]
        for host, _ in released:
            host.held = None
        for host, effects in released:
            if effects and host.receive is not None:
                self._perform(host, effects)
        if not self._is_draining:
            self.drain()

    # --- life and death ---------------------------------------------------------------------------------------------

    def boot(self, host: LiveHost) -> None:
        """Begin an incarnation from what is durable."""
        if self.is_closed or host.receive is not None:
            return
        try:
            effects = host.boot().restore(self._store.records(host.name), self.clock.now())
        except Exception as error:  # noqa: BLE001  # the same supervision point, one step earlier
            self._crash(host, error, "its own records")
            return
        if host.starts > 1:
            self._tell(host.name, ElementRestarted(host.name))
        self._perform(host, effects)

    def halt(self, host: LiveHost, cause: str) -> None:
        """End an incarnation: nothing of it runs on, and whoever asked it something is refused."""
        if host.machine is None:
            return
        host.halt()
        self._questions.refuse(host)
        self._tell(host.name, ElementStopped(host.name, cause))

    def _crash(self, host: LiveHost, error: Exception, doing: str) -> None:
        """End an element that raised, and start it again after a pause."""
        # Never the message itself, and no locals: either may hold key.
        log.error("%s crashed on %s", host.name, doing, exc_info=error)
        self.halt(host, f"crashed on {doing}: {type(error).__name__}")
        pause = Duration(min(FIRST_PAUSE << min(host.crashes, MOST_DOUBLINGS), LONGEST_PAUSE))
        host.crashes += 1
        self._loop.call_later(in_seconds(pause), partial(self._boot_again, host))

    def _boot_again(self, host: LiveHost) -> None:
        self.flush()  # what it had staged counts as durable or not before it is read again
        self.boot(host)
        self.drain()
