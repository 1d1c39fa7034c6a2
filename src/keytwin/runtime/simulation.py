"""A network in virtual time: the same machines and effects as live, with seeded order, latency, disks and faults.

Equal seed, equal bytes: nothing here depends on the wall clock, on hashes of text, or on how long anything takes.
"""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Final

import numpy as np

from keytwin.runtime.disk import Disk
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.host import Host
from keytwin.runtime.journal_codec import RecordCodec
from keytwin.runtime.kem import KemPort, SeededKem
from keytwin.runtime.loop import Listener, Loop
from keytwin.runtime.notary import SeededNotary
from keytwin.runtime.ports import Ports
from keytwin.runtime.schedule import Action, Schedule
from keytwin.runtime.wiring import Latency, Wiring
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.identity import ElementName, node_of
from keytwin.vocabulary.kem_messages import ML_KEM_768
from keytwin.vocabulary.machine import Machine, Message
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Instant, in_seconds, microseconds

# A write with a flush on a solid-state disk takes 0.2 to 0.6 ms when it is not stalled.
FASTEST_DISK: Final = microseconds(200)
SLOWEST_DISK: Final = microseconds(600)
FEW_COLLECTIONS: Final = (100_000, 50, 100)  # allocations, then collections of the younger generation
OUTSIDE: Final = ElementName("outside")


class Simulation:
    """Elements, the wires between them, and the clock that they share.

    `latency` is asked once for each ordered pair of elements. With `keep_records` what machines save can be found
    again by `restart`; without it Saves only take their time. `ports` do what machines have performed. Oracles listen
    by `subscribe` and `wires.tap`; harm is done by `stop`, `disturb`, `wires.tamper`, `wires.part`, `loop.pause` and
    `loop.save_fails`. All of these may be called while it runs.
    """

    def __init__(self, seed: int, latency: Latency, *, keep_records: bool = False) -> None:
        self.seed = seed
        self._chance = SeededChance(seed)
        self._codec = RecordCodec() if keep_records else None
        self.hosts: dict[ElementName, Host] = {}
        self._schedule = Schedule()
        self.wires = Wiring(self._chance, latency, self._schedule, self.hosts)
        self.ports = Ports(survived=Violation, dice=self._chance.dice("ports"))
        self.ports.install(ML_KEM_768, partial(_kem, self._chance))
        self.loop = Loop(self._schedule, self.wires, self.ports)
        self._outside = Host(OUTSIDE, None, Disk(0, None))

    @property
    def now(self) -> Instant:
        """The present instant; the start is 0."""
        return Instant(self.loop.now)

    @property
    def messages(self) -> int:
        """How many messages machines have received so far, their timers included."""
        return self.loop.messages

    # --- before the start -------------------------------------------------------------------------------------------

    def add(self, name: ElementName, make: Callable[[], Machine]) -> None:
        """Register an element; `make` gives a fresh machine for each of its incarnations."""
        assert name not in self.hosts, f"two elements are called {name}"
        latency = FASTEST_DISK + self._chance.number(f"disk {name}", SLOWEST_DISK - FASTEST_DISK + 1)
        self.hosts[name] = Host(name, make, Disk(latency, self._codec))

    def entropy(self, element: ElementName) -> Entropy:
        """Return the element's source of whatever becomes key or identifier; it goes on across restarts."""
        return self._chance.entropy(element)

    def generator(self, element: ElementName) -> np.random.Generator:
        """Return the element's generator of physics draws; it goes on across restarts."""
        return self._chance.generator(element)

    def subscribe(self, listener: Listener) -> None:
        """Let `listener` hear every published event, in the order of time."""
        self.loop.listeners.append(listener)

    def start(self) -> None:
        """Start every element that never ran, in the order of registration, with nothing saved."""
        for host in self.hosts.values():
            if host.incarnation == 0:
                _supervise(self, partial(self.loop.restore, host, []), f"starting {host.name}")

    # --- while it runs ----------------------------------------------------------------------------------------------

    def run(self, until: Instant) -> None:
        """Let everything happen that is due up to and at `until`; whatever a machine raises carries seed and place."""
        assert until >= self.loop.now
        with _few_collections():
            _supervise(self, partial(self.loop.run, until))

    def inject(self, at: Instant, to: ElementName, message: Message) -> None:
        """Deliver a message from outside at an instant; no fault touches it and no tap sees it."""
        assert at >= self.loop.now
        self._schedule.deliver(at, self.hosts[to], message)

    def at(self, instant: Instant, action: Action) -> None:
        """Do something from outside at an instant."""
        assert instant >= self.loop.now
        self._schedule.plan(instant, self._outside, action)

    def machine(self, name: ElementName) -> Machine | None:
        """Return an element's present machine; None while it is stopped."""
        return self.hosts[name].machine

    def stop(self, name: ElementName, *, saved: bool = False, torn: int = 0) -> None:
        """Kill an element: nothing of its incarnation runs on, unsaved state and waiting effects are gone.

        With `saved` the disk is through with what it was at, and only the effects are gone; with `torn` it has got as
        far as so many records. What it has sent is on its way. Messages that arrive while it is stopped are lost.
        Stopping twice is allowed.
        """
        self.loop.stop(self.hosts[name], saved=saved, torn=torn)

    def restart(self, name: ElementName) -> None:
        """Bring an element back as a fresh machine with what was durable; one that runs is killed first."""
        host = self.hosts[name]
        self.loop.stop(host)
        _supervise(self, partial(self.loop.restore, host, host.disk.records()), f"restarting {name}")

    def disturb(self, faults: MessageFaults) -> None:
        """Put message faults in force from now on for as long as they say, in the place of earlier ones."""
        self.wires.disturb(faults)
        if faults.lasting > 0:
            self.at(Instant(self.now + faults.lasting), partial(self.wires.calm, faults))


def _kem(chance: SeededChance, element: ElementName) -> KemPort:
    """Return the stand-in of one element; what it draws moves nothing else that the element draws."""
    kem = SeededKem(chance.entropy(ElementName(f"{element}/{ML_KEM_768}")))
    return KemPort(kem, SeededNotary(node_of(element)))


@contextmanager
def _few_collections() -> Iterator[None]:
    """Let Python look for reference cycles more rarely: a run makes many objects and hardly any cycle.

    Measured on a thousand nodes: with the interpreter's own thresholds it spends a fifth of the time on looking.
    """
    usual = gc.get_threshold()
    gc.set_threshold(*FEW_COLLECTIONS)
    try:
        yield
    finally:
        gc.set_threshold(*usual)


def _supervise(simulation: Simulation, work: Callable[[], None], doing: str = "") -> None:
    """Say where an error came from, and let it go on: in simulation every error is a finding, none is survived."""
    try:
        work()
    except Exception as error:
        where = doing or simulation.loop.doing()
        error.add_note(f"seed {simulation.seed}, at {in_seconds(simulation.now)} s, {where}")
        raise
