"""One element's place in the simulation: its present machine, and everything that dies with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import cast

from keytwin.runtime.disk import Disk, Write
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Effect, Machine, Message

Receive = Callable[[Message, int], list[Effect]]


@dataclass(slots=True, eq=False)
class Timer:
    """A timer of one name. Restarting it for later only moves `due`: the entry in the heap finds out when it comes up.

    So a time-out that each message restarts costs no heap traffic. `message` None = stopped; `entry` is the number of
    the only heap entry that counts, 0 = none any more.
    """

    name: str
    due: int
    number: int
    message: Message | None
    entry: int
    entry_at: int


@dataclass(slots=True, eq=False)
class Wire:
    """The way from one element to another: fixed latency, so messages arrive in order when nothing disturbs them."""

    target: Host
    latency: int
    is_spared: bool  # from faults: an element's way to itself, and everything to and from SAEs
    latest: int = 0  # arrival, of what was sent while somebody listened or something disturbed


@dataclass(slots=True, eq=False)
class Host:
    """Holds the machine of one element; `receive` None = stopped. Wires and disk outlive an incarnation."""

    name: ElementName
    make: Callable[[], Machine] | None  # None: the outside world, which acts but never receives
    disk: Disk
    wires: dict[ElementName, Wire] = field(default_factory=dict)
    machine: Machine | None = None
    receive: Receive | None = None
    incarnation: int = 0
    timers: dict[str, Timer] = field(default_factory=dict)
    write: Write | None = None  # the latest one under way: later effects wait behind it
    paused_until: int = 0
    wall: int = 0  # how far its wall clock is ahead of the run's time
    ahead: int = 0  # by how much its machine's `now` is: what `wall` was when it booted, as a live process has it
    booted_at: int = 0

    def boot(self) -> Machine:
        """Begin a new incarnation with a fresh machine."""
        assert self.receive is None
        assert self.make is not None
        machine = self.make()
        self.machine = machine
        self.incarnation += 1
        self.ahead = self.wall
        # An Instant is an int; calling NewType for each message would cost as much as the heap does.
        self.receive = cast("Receive", machine.receive)
        return machine

    def halt(self) -> None:
        """End the incarnation: nothing of it runs on. Its timers are the schedule's to forget."""
        self.machine = self.receive = self.write = None
        self.paused_until = 0
        self.incarnation += 1
