"""The hot path of the simulation: takes what comes next, lets machines receive, performs what they return.

Every line here is paid for by each message. Instants are plain ints until they reach a subscriber.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from heapq import heappop, heappush

from keytwin.runtime.disk import Write
from keytwin.runtime.host import Host, Timer
from keytwin.runtime.ports import Ports, Task
from keytwin.runtime.schedule import Entry, Occasion, Schedule
from keytwin.runtime.wiring import Wiring
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import ViolationSeen
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
from keytwin.vocabulary.units import Instant

Listener = Callable[[Instant, ElementName, Event], None]
SaveFails = Callable[[Instant, ElementName, Record], bool]


class Loop:
    """Virtual time. `messages` counts what machines received, timers included; `lost` what found its host stopped."""

    def __init__(self, schedule: Schedule, wiring: Wiring, ports: Ports) -> None:
        self._schedule = schedule
        self._ports = ports
        self._wiring = wiring
        self._under_way: Entry | None = None
        self.listeners: list[Listener] = []
        self.save_fails: SaveFails | None = None
        self.now = 0
        self.messages = 0
        self.lost = 0
        self.violations = 0

    def run(self, until: int) -> None:
        """Let everything happen that is due up to and at `until`."""
        # Looked up once: names of the function's own are the quickest there are.
        heap, perform, hold = self._schedule.heap, self.perform, self._hold
        while heap and heap[0][0] <= until:
            entry = self._under_way = heappop(heap)
            at, number, host, message, occasion = entry
            self.now = at
            if message is None:
                message = self._occur(host, occasion, number)
                if message is None:
                    continue
            receive = host.receive
            if receive is None:  # it is stopped, and nothing keeps its post
                self.lost += 1
                continue
            self.messages += 1
            try:
                effects = receive(message, at + host.ahead)
            except Violation as violation:
                effects = self._note(violation, message)
            if effects:
                if host.write is None:
                    perform(host, effects, at)
                else:
                    hold(host, effects, at)
        self.now = until

    def perform(self, host: Host, effects: Sequence[Effect], now: int) -> None:
        """Perform effects in order, up to the first Save: it and what follows wait for the disk."""
        heap, next_number = self._schedule.heap, self._schedule.next_number
        wiring, wires, incarnation = self._wiring, host.wires, host.incarnation
        rest = iter(effects)
        for effect in rest:
            # Nobody derives from these; an `isinstance` that is false takes six times as long of what msgspec makes.
            if type(effect) is Send:
                if wiring.is_plain:  # as `carry` would do it, without the call
                    wire = wires.get(effect.to) or wiring.wire(host, effect.to)
                    heappush(heap, (now + wire.latency, next_number(), wire.target, effect.message, None))
                    continue
                wiring.carry(host, effect, now)
            elif type(effect) is Publish:
                for tell in self.listeners:
                    tell(Instant(now), host.name, effect.event)
            elif type(effect) is Save:
                self._hold(host, [effect, *rest], now)
            elif type(effect) is StartTimer:
                self._schedule.start_timer(host, effect, now)
            elif type(effect) is StopTimer:
                self._schedule.stop_timer(host, effect.name)
            elif type(effect) is Perform:
                task = Task(effect, host.incarnation)
                self._schedule.plan(now + self._ports.delay(), host, task)
            else:
                raise TypeError(f"a simulation does not perform {type(effect).__name__}")
            if host.incarnation != incarnation:  # a tap or listener has stopped it: nothing of it runs on
                return

    def stop(self, host: Host, *, saved: bool = False, torn: int = 0) -> None:
        """End a host's incarnation: its timers, the effects that wait and the unfinished writes are gone.

        With `saved` the writes are through: only what waited for them is gone. With `torn` their first so many records
        are durable, and the others gone.
        """
        if host.receive is not None:
            if saved or torn:
                self._finish(host, None if saved else torn)
            host.disk.crash()
            self._schedule.forget(host)
            host.halt()

    def unwritten(self, host: Host) -> int:
        """Return how many records of a host are on their way to its disk."""
        return sum(len(write.records) for write in self._schedule.writes(host))

    def pause(self, host: Host, until: int) -> None:
        """Let a host do nothing before `until`, as by SIGSTOP: what comes, what is due and what the disk did waits.

        Once killed it stands still no longer. One that is stopped or paused already stays as it is.
        """
        if host.receive is None or host.paused_until > self.now:
            return
        host.paused_until = until
        running, incarnation = host.receive, host.incarnation

        def keep(message: Message, at: int) -> list[Effect]:
            del at
            self.messages -= 1  # it is received later, and counted then
            self._schedule.deliver(until, host, message)
            return []

        def resume() -> None:
            if host.incarnation == incarnation:
                host.receive, host.paused_until = running, 0

        host.receive = keep
        # Planned first: whatever else waits for this instant comes after.
        self._schedule.plan(until, host, resume)
        self._schedule.put_off(host, self.now, until)

    def restore(self, host: Host, records: Sequence[Record]) -> None:
        """Begin an incarnation of a host that is stopped."""
        machine, host.booted_at = host.boot(), self.now
        effects = machine.restore(records, Instant(self.now + host.ahead))
        self.perform(host, effects, self.now)

    def doing(self) -> str:
        """Say which element was at it and with what type of message, never with what content."""
        if self._under_way is None:
            return "before the first message"
        _, _, host, message, occasion = self._under_way
        cause = occasion.message if isinstance(occasion, Timer) else message
        what = type(cause).__name__ if cause is not None else "an action or write"
        return f"{host.name} on {what}"

    def _occur(self, host: Host, occasion: Occasion | None, number: int) -> Message | None:
        if isinstance(occasion, Timer):
            return self._schedule.fire(host, occasion, number)
        if isinstance(occasion, Task):
            return self._work(host, occasion)
        if isinstance(occasion, Write):
            self._commit(host, occasion)
        else:
            assert occasion is not None
            occasion()
        return None

    def _work(self, host: Host, task: Task) -> Message | None:
        """Give what a port answers; None when whoever asked has died, or stands still for now."""
        if task.incarnation != host.incarnation:
            return None
        if host.paused_until > self.now:
            self._schedule.plan(host.paused_until, host, task)
            return None
        return self._ports.answer(host.name, task.effect)

    def _note(self, violation: Violation, message: Message) -> list[Effect]:
        """Make a violation known. Its machine raised it before changing anything: the message has had no effect."""
        self.violations += 1
        about = f"{type(message).__name__}: {violation}"
        return [Publish(ViolationSeen(type(violation).__name__, about))]

    def _hold(self, host: Host, effects: Sequence[Effect], now: int) -> None:
        """Keep effects until all earlier Saves of their element are durable."""
        write = host.write
        for effect in effects:
            if type(effect) is Save:
                if write is None or write.began != now:
                    write = host.write = Write(now, host.incarnation)
                    self._schedule.plan(now + host.disk.latency, host, write)
                host.disk.add(write, effect.record)
                if self.save_fails is not None and self.save_fails(Instant(now), host.name, effect.record):
                    write.fails = True
                if write.incarnation != host.incarnation:  # `save_fails` has stopped it: nothing of it runs on
                    return
            else:
                assert write is not None  # who calls this has either a write under way or a Save in front
                write.effects.append(effect)

    def _finish(self, host: Host, most: int | None) -> None:
        """Make the writes under way durable, or their first so many records, as far as none of them fails."""
        for write in self._schedule.writes(host):
            if write.fails:
                return
            host.disk.commit(write, most)
            if most is not None:
                most = max(0, most - len(write.records))

    def _commit(self, host: Host, write: Write) -> None:
        if write.incarnation != host.incarnation:  # it died before the disk was through
            return
        if host.paused_until > self.now:
            self._schedule.plan(host.paused_until, host, write)
            return
        if write.fails:  # never retried: the system may have dropped what it could not write
            self.stop(host)
            return
        host.disk.commit(write)
        if host.write is write:  # else a later one is under way, and what comes now waits for that
            host.write = None
        self.perform(host, write.effects, self.now)
