"""The ways between elements: latency of each pair, faults, and the ears of whoever listens on the wire."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.faults import Disturbance, Partition
from keytwin.runtime.host import Host, Wire
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.runtime.schedule import Schedule
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message, Send
from keytwin.vocabulary.timeline import MessageFaults
from keytwin.vocabulary.units import Duration, Instant, microseconds

Latency = Callable[[ElementName, ElementName], Duration]
Tap = Callable[[Instant, ElementName, ElementName, Message], None]
Tamper = Callable[[Instant, ElementName, ElementName, Message], Message | None]

SPREAD: Final = microseconds(1)
SAE_PREFIX: Final = "sae/"


class Wiring:
    """Carries messages from host to host.

    Each pair's latency is lengthened by a seeded share of SPREAD, once and for all: so the seed decides which of two
    messages sent at one instant by different elements comes first, while those of one pair keep their order.
    """

    def __init__(
        self, chance: SeededChance, latency: Latency, schedule: Schedule, hosts: Mapping[ElementName, Host]
    ) -> None:
        self._chance = chance
        self._latency = latency
        self._schedule = schedule
        self._hosts = hosts
        self._disturbance = Disturbance(chance.dice("message faults"))
        self._taps: list[Tap] = []
        self._tamper: Tamper | None = None
        self._partitions: list[Partition] = []
        self.counts = self._disturbance.counts
        self.is_plain = True  # nobody listens and nothing disturbs: the loop may put messages on the heap by itself

    def tap(self, tap: Tap) -> None:
        """Let `tap` see every message as its sender puts it on the wire."""
        self._taps.append(tap)
        self._look()

    def tamper(self, tamper: Tamper | None) -> None:
        """Let `tamper` replace any message on any wire, or lose it (None); it comes before the faults."""
        self._tamper = tamper
        self._look()

    def disturb(self, faults: MessageFaults) -> None:
        """Put faults in force, or with all-zero ones end them."""
        self._disturbance.begin(faults)
        self._look()

    def calm(self, faults: MessageFaults) -> None:
        """End these faults, unless others have replaced them."""
        self._disturbance.end(faults)
        self._look()

    def part(self, partition: Partition) -> None:
        """Put a partition in force, beside others; SAEs are spared."""
        self._partitions.append(partition)
        self._look()

    def join(self, partition: Partition) -> None:
        """End a partition; one that is not in force is no error."""
        self._partitions = [each for each in self._partitions if each is not partition]
        self._look()

    def wire(self, host: Host, to: ElementName) -> Wire:
        """Return the way from a host to an element, worked out at its first use."""
        found = host.wires.get(to)
        if found is None:
            found = host.wires[to] = self._lay(host, to)
        return found

    def carry(self, host: Host, send: Send, now: int) -> None:
        """Put a message on the wire while somebody listens or something disturbs."""
        message: Message | None = send.message
        wire = self.wire(host, send.to)
        for tap in self._taps:
            tap(Instant(now), host.name, send.to, send.message)
        if self._tamper is not None:
            message = self._tamper(Instant(now), host.name, send.to, send.message)
            self.counts.tampered += message is not send.message
        if message is None:
            return
        if self._partitions and not wire.is_spared and self._are_parted(host.name, send.to):
            self.counts.parted += 1
            return
        copies = [0] if wire.is_spared else self._disturbance.copies()
        for number, late in enumerate(copies):
            # A second copy owns its key material, as one read from a socket would.
            copy = fresh_copy(message) if number else message
            arrival = now + wire.latency + late
            if arrival < wire.latest:
                self.counts.overtaking += 1
            else:
                wire.latest = arrival
            self._schedule.deliver(arrival, wire.target, copy)

    def _are_parted(self, source: ElementName, to: ElementName) -> bool:
        return any(partition.parts(source, to) for partition in self._partitions)

    def _lay(self, host: Host, to: ElementName) -> Wire:
        target = self._hosts.get(to)
        assert target is not None, f"{host.name} sends to {to}, which is no element of this network"
        if target is host:  # no wire at all
            return Wire(target, 0, is_spared=True)
        spread = self._chance.number(f"latency {host.name} {to}", SPREAD + 1)
        is_spared = host.name.startswith(SAE_PREFIX) or to.startswith(SAE_PREFIX)
        return Wire(target, self._latency(host.name, to) + spread, is_spared)

    def _look(self) -> None:
        is_calm = self._tamper is None and self._disturbance.faults is None and not self._partitions
        self.is_plain = is_calm and not self._taps
