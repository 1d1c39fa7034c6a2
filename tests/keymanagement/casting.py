"""A whole network with a master that has an app with each of three slaves, two of which share a node.

The master's node is at the end of a line; one slave's node is its neighbour, the other's one hop further. SAEs are
outside: what they ask comes from a test, through the standing session of the master, as the face of 014 would ask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keytwin.keymanagement.manager import KeyManager
from keytwin.network import Plugins, elements, latency_of, standing
from keytwin.runtime.faults import Partition
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_oracles import PadWatch, assert_books_close
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.events import KeysGone, ViolationSeen
from keytwin.vocabulary.exchange_messages import GetKeyById, GetPoolStatus, GetSharedKey, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import ElementName, KeyId, NodeId, SaeId, km_of, sae_element
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Event, Machine, Message, Record, Save
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.fakes.scripted import Scripted
from tests.files.reading import network
from tests.keymanagement.bench import octets_of

MASTER: Final = SaeId("m")
NEAR, BESIDE, FAR = SaeId("near"), SaeId("beside"), SaeId("far")
SLAVES: Final = (NEAR, FAR, BESIDE)
FACE: Final = ElementName("sae/face")  # spared by faults, as everything inside a node
NODES: Final = {MASTER: NodeId("k0"), NEAR: NodeId("k1"), BESIDE: NodeId("k1"), FAR: NodeId("k2")}

TEXT: Final = """\
format: 1
name: casting
defaults:
  link: {device: generic-decoy-bb84, medium: fibre, length: 5 km, loss: 0.2 dB/km}
nodes: {k0: , k1: , k2: }
links: [k0 -- k1, k1 -- k2]
slas: {gold: {priority: 0, rate: 10 kbit/s, burst: BURST}}
users: {alice: {sla: gold}}
apps:
  one: {user: alice, saes: {m: k0, near: k1}}
  two: {user: alice, saes: {far: k2, m: k0}}
  three: {user: alice, saes: {beside: k1, m: k0}}
control:
  key_management: {key_lifetime: LIFETIME}
twin: {physics: counts}
"""


def blueprint_of(burst: str = "400 kbit", lifetime: str = "20 s", text: str = TEXT) -> Blueprint:
    return network(text.replace("BURST", burst).replace("LIFETIME", lifetime)).value


@dataclass
class Strike:
    """Kills an element as it begins to write for the n-th time, before or after the writing is through."""

    place: int
    saved: bool
    seen: int = 0
    is_armed: bool = False
    has_struck: bool = False

    def notes(self, effects: list[Effect]) -> bool:
        """Whether the time has come: these effects save something."""
        if not self.is_armed or not any(isinstance(each, Save) for each in effects):
            return False
        self.seen += 1
        self.has_struck = self.has_struck or self.seen == self.place
        return self.seen == self.place


@dataclass
class Struck:
    """A key manager that a strike looks at."""

    machine: KeyManager
    strike: Strike
    kill: Callable[[], None]

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return self.machine.restore(records, now)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        effects = self.machine.receive(message, now)
        if self.strike.notes(effects):
            self.kill()
        return effects


@dataclass
class Casting:
    """The network, and what its SAEs have heard."""

    seed: int = 1
    blueprint: Blueprint = field(default_factory=blueprint_of)
    strikes: dict[NodeId, Strike] = field(default_factory=dict)
    events: list[tuple[Instant, ElementName, Event]] = field(default_factory=list)
    wire: list[Message] = field(default_factory=list)
    asked: int = 0

    def __post_init__(self) -> None:
        self.simulation = Simulation(self.seed, latency_of(self.blueprint), keep_records=True)
        self.face, self.pads = Scripted(), PadWatch()
        for name, make in elements(self.blueprint, self.simulation, Plugins(), customers=standing).items():
            self.simulation.add(name, self._watched(name, make))
        self.simulation.add(FACE, lambda: self.face)
        self.simulation.subscribe(lambda at, element, event: self.events.append((at, element, event)))
        self.simulation.wires.tap(lambda *what: self.wire.append(what[-1]))
        self.simulation.wires.tap(lambda *what: self.pads.see(what[-1]))
        self.simulation.start()

    # --- what is done -----------------------------------------------------------------------------------------------

    def wait(self, span: Duration) -> None:
        self.simulation.run(Instant(self.simulation.now + span))

    def opened(self) -> Casting:
        """Wait until every session is there, its tokens too."""
        self.wait(seconds(12))
        return self

    def cast(
        self,
        *slaves: SaeId,
        number: int = 1,
        size: Bits | None = None,
        timeout: Duration = seconds(5),
        name: str = "",
    ) -> str:
        """Let the master ask for keys with all these slaves, now; return the request's name."""
        self.asked += 1
        name = name or f"r{self.asked}"
        first, *further = slaves
        wanted = GetSharedKey(name, FACE, MASTER, first, number, size, timeout, tuple(further))
        self.simulation.inject(self.simulation.now, sae_element(MASTER), wanted)
        return name

    def fetch(self, slave: SaeId, key_ids: tuple[KeyId, ...], master: SaeId = MASTER) -> KeyDelivered | KeyRefused:
        """Let a slave fetch its copies; return the answer."""
        self.asked += 1
        wanted = GetKeyById(f"f{self.asked}", FACE, slave, key_ids, master)
        self.simulation.inject(self.simulation.now, km_of(NODES[slave]), wanted)
        self.wait(milliseconds(100))
        answer = self.answer(wanted.request_id)
        assert answer is not None
        return answer

    def status(self, slave: SaeId) -> str:
        """Ask for the limits that hold; return the request's name."""
        self.asked += 1
        wanted = GetPoolStatus(f"p{self.asked}", FACE, MASTER, slave)
        self.simulation.inject(self.simulation.now, sae_element(MASTER), wanted)
        self.wait(seconds(1))
        return wanted.request_id

    def part(self, one: NodeId, other: NodeId) -> None:
        """Let no message pass between two nodes any more."""
        self.simulation.wires.part(Partition(frozenset({km_of(one)}), frozenset({km_of(other)})))

    def stop(self, node: NodeId, *, saved: bool = False) -> None:
        self.simulation.stop(km_of(node), saved=saved)

    def restart(self, node: NodeId) -> None:
        self.simulation.restart(km_of(node))

    # --- what is seen -----------------------------------------------------------------------------------------------

    def km(self, node: NodeId) -> KeyManager:
        machine: Machine | Struck | None = self.simulation.machine(km_of(node))
        found = machine.machine if isinstance(machine, Struck) else machine
        assert isinstance(found, KeyManager)
        return found

    def heard(self, name: str) -> list[Message]:
        return [message for _, message in self.face.received if getattr(message, "request_id", "") == name]

    def answer(self, name: str) -> KeyDelivered | KeyRefused | None:
        answers = [message for message in self.heard(name) if isinstance(message, KeyDelivered | KeyRefused)]
        assert len(answers) <= 1
        return answers[0] if answers else None

    def given(self, name: str) -> tuple[Key, ...]:
        answer = self.answer(name)
        assert isinstance(answer, KeyDelivered), answer
        return answer.keys

    def on_shelves(self, key_ids: Iterable[KeyId] | None = None) -> int:
        """Return how many keys lie at slaves' ends for them to fetch; of these names, or copies of whatever name."""
        named = set(self.copied() if key_ids is None else key_ids)
        return sum(
            key_id in named
            for node in set(NODES.values())
            for batch in self.km(node).shelf.batches.values()
            for key_id in batch.keys
        )

    def copied(self) -> set[KeyId]:
        """Return the names of all keys that ever left as copies."""
        return {key_id for each in self.wire if getattr(each, "is_copy", False) for key_id in getattr(each, "key_ids")}  # noqa: B009  # of whatever message

    def gone(self, kind: str) -> int:
        """Return how many keys were voided, or have expired."""
        return sum(event.number for _, _, event in self.events if isinstance(event, KeysGone) and event.cause == kind)

    def assert_sound(self) -> None:
        """P1 and P5, and nobody has broken the protocol."""
        self.pads.close()
        assert_books_close([self.km(node) for node in dict.fromkeys(NODES.values())])
        assert not [event for _, _, event in self.events if isinstance(event, ViolationSeen)]

    def assert_nothing_under_way(self) -> None:
        """R5: no request waits at the master, and no copy is held back or being voided."""
        km = self.km(NODES[MASTER])
        assert not km.multicast.casts
        assert not km.multicast.by_batch
        assert not [each for each in km.workshop.makings.values() if each.is_copy]

    def _watched(self, name: ElementName, make: Callable[[], Machine]) -> Callable[[], Machine]:
        strike = next((each for node, each in self.strikes.items() if km_of(node) == name), None)
        return make if strike is None else partial(self._struck, name, make, strike)

    def _struck(self, name: ElementName, make: Callable[[], Machine], strike: Strike) -> Struck:
        machine = make()
        assert isinstance(machine, KeyManager)
        stop = partial(self.simulation.stop, name, saved=strike.saved)
        return Struck(machine, strike, lambda: self.simulation.at(self.simulation.now, stop))


def same(one: Iterable[Key], other: Iterable[Key]) -> bool:
    return [octets_of(key) for key in one] == [octets_of(key) for key in other]


def names(keys: Iterable[Key]) -> tuple[KeyId, ...]:
    return tuple(key.key_id for key in keys)
