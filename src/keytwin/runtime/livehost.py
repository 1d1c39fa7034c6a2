"""One element's place in a live network: its present machine, and everything that dies with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Machine, Message
from keytwin.vocabulary.units import Instant

Receive = Callable[[Message, Instant], list[Effect]]
Carrier = Callable[[Message], None]


@dataclass(slots=True, eq=False)
class LiveTimer:
    """A timer of one name, in the loop's own seconds. Moving it to later only moves `due`; `handle` finds out."""

    due: float
    message: Message
    handle: asyncio.TimerHandle | None = None


@dataclass(slots=True, eq=False)
class LiveHost:
    """Holds the machine of one element; `receive` None = stopped. The ways to others outlive an incarnation.

    `held` None = nothing of it waits for the disk; else the effects that are released when its Saves are durable.
    """

    name: ElementName
    make: Callable[[], Machine]
    machine: Machine | None = None
    receive: Receive | None = None
    incarnation: int = 0  # changes at each start and each end
    starts: int = 0
    crashes: int = 0
    timers: dict[str, LiveTimer] = field(default_factory=dict)
    held: list[Effect] | None = None
    carriers: dict[ElementName, Carrier] = field(default_factory=dict)

    def boot(self) -> Machine:
        """Begin a new incarnation with a fresh machine."""
        assert self.receive is None
        machine = self.machine = self.make()
        self.incarnation += 1
        self.starts += 1
        self.receive = machine.receive
        return machine

    def halt(self) -> None:
        """End the incarnation: nothing of it runs on."""
        for timer in self.timers.values():
            if timer.handle is not None:
                timer.handle.cancel()
        self.timers.clear()
        self.machine = self.receive = self.held = None
        self.incarnation += 1
