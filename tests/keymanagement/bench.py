"""Key managers in a row on the simulation, with twins between them and a control plane that accepts everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.keymanagement.xor_point import XorPoint
from keytwin.quantum.empirical import Empirical
from keytwin.quantum.twin import Twin, TwinSetup
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_oracles import PadWatch, assert_books_close, assert_nothing_is_left
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.events import ViolationSeen
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import (
    ACCESS,
    ADMISSION,
    CONTROLLER,
    MONITORING,
    XOR_POINT,
    AppId,
    DeviceId,
    ElementName,
    KeyId,
    LinkId,
    NodeId,
    SaeId,
    km_of,
    link_ends,
    link_id,
    sae_element,
    twin_of,
)
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.session_messages import CloseSession, OpenSession, SessionOpened
from keytwin.vocabulary.topology import route_along
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.fakes.control import KSID, AcceptingAccess, OneRoute, Reroute
from tests.fakes.scripted import Scripted
from tests.machines import Recorder

FIRST, SECOND = SaeId("first"), SaeId("second")
KEY_MANAGEMENT = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1))
MONITORING_SETTINGS = MonitoringSettings()

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Event)


def flat(source: ElementName, target: ElementName) -> Duration:
    """Every message travels for 1 ms."""
    del source, target
    return milliseconds(1)


@dataclass
class Row:
    """`hops + 1` key managers in a row; the session of this bench joins the two outer ones.

    With `spare` there is a second, parallel link beside each, called `.../spare`. Nothing is watched and nothing can
    be restarted when not `is_watched`: that is for measuring.
    """

    hops: int = 1
    seed: int = 1
    block: Bits = Bits(80_000)
    block_time: Duration = seconds(1)
    key_management: KeyManagementSettings = KEY_MANAGEMENT
    monitoring: MonitoringSettings = MONITORING_SETTINGS
    control: dict[str, Any] = field(default_factory=dict)
    names: tuple[str, ...] = ()
    spare: bool = False
    is_watched: bool = True
    recorded: int | None = None  # index of a key manager behind a recorder
    events: list[tuple[Instant, ElementName, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes = [NodeId(name) for name in self.names or [f"n{index}" for index in range(self.hops + 1)]]
        pairs = list(zip(self.nodes, self.nodes[1:], strict=False))
        self.links = [link_id(*pair) for pair in pairs]
        self.spares = [link_id(*pair, "spare") for pair in pairs] if self.spare else []
        self.simulation = Simulation(self.seed, flat, keep_records=self.is_watched)
        self.admission = OneRoute(route_along(self.nodes[0], self.links), **self.control)
        self.saes = {FIRST: Scripted(), SECOND: Scripted()}
        self.monitor = Scripted()
        self.pads = PadWatch()
        self._add_elements()
        self.simulation.subscribe(lambda at, element, event: self.events.append((at, element, event)))
        if self.is_watched:
            self.simulation.wires.tap(lambda *what: self.pads.see(what[-1]))
        self.simulation.start()

    # --- what is done -----------------------------------------------------------------------------------------------

    def run(self, until: Duration) -> None:
        self.simulation.run(Instant(until))

    def wait(self, span: Duration) -> None:
        self.simulation.run(Instant(self.simulation.now + span))

    def open(self, at: Duration = Duration(0)) -> None:
        """Both ends ask for the session, the first one a little earlier."""
        for sae, peer, late in ((FIRST, SECOND, 0), (SECOND, FIRST, 1)):
            wanted = OpenSession(f"open/{sae}", sae_element(sae), AppId("app"), sae, peer)
            self.simulation.inject(Instant(at + late * milliseconds(5)), self._km(sae), wanted)

    def close(self, sae: SaeId) -> None:
        """Close the session, now."""
        self.tell(self._km(sae), CloseSession(KSID, sae))

    def ask(
        self, sae: SaeId, name: str, number: int = 1, size: Bits | None = None, wait: Duration = seconds(5)
    ) -> None:
        """Ask as master, now."""
        self.tell(self._km(sae), GetKey(name, sae_element(sae), KSID, sae, number, size, wait))

    def fetch(self, sae: SaeId, name: str, key_ids: tuple[KeyId, ...]) -> None:
        """Ask as slave, now."""
        self.tell(self._km(sae), GetKeyById(name, sae_element(sae), sae, key_ids))

    def reroute(self, links: list[LinkId]) -> None:
        """Let the session use these links, now."""
        self.tell(ADMISSION, Reroute(route_along(self.nodes[0], links)))

    def tell(self, element: ElementName, message: Message) -> None:
        self.simulation.inject(self.simulation.now, element, message)

    def restart(self, index: int) -> None:
        self.simulation.restart(km_of(self.nodes[index]))

    def setup(self, node: NodeId) -> KmSetup:
        """Return what a key manager is made with."""
        ends = tuple(link for link in [*self.links, *self.spares] if node in link_ends(link))
        return KmSetup(node, ends, self.key_management, self.monitoring, ALGORITHMS)

    def fresh(self, index: int) -> KeyManager:
        """Return another key manager of the same making, with equal chance from its beginning."""
        node = self.nodes[index]
        return KeyManager(self.setup(node), SeededChance(self.seed).entropy(km_of(node)))

    # --- what is seen -----------------------------------------------------------------------------------------------

    def km(self, index: int) -> KeyManager:
        machine = self.simulation.machine(km_of(self.nodes[index]))
        assert isinstance(machine, KeyManager)
        return machine

    def kms(self) -> list[KeyManager]:
        return [self.km(index) for index in range(self.hops + 1)]

    def heard(self, sae: SaeId, kind: type[M]) -> list[M]:
        return [message for _, message in self.saes[sae].received if isinstance(message, kind)]

    def published(self, kind: type[E], index: int | None = None) -> list[E]:
        """Return the events of a kind, of all elements or of one key manager."""
        element = None if index is None else km_of(self.nodes[index])
        return [event for _, name, event in self.events if isinstance(event, kind) and element in (None, name)]

    def answer(self, sae: SaeId, name: str) -> KeyDelivered | KeyRefused | None:
        answers: list[KeyDelivered | KeyRefused] = [*self.heard(sae, KeyDelivered), *self.heard(sae, KeyRefused)]
        return next((answer for answer in answers if answer.request_id == name), None)

    def given(self, sae: SaeId, name: str) -> tuple[Key, ...]:
        """Return the keys of an answer that must have come."""
        answer = self.answer(sae, name)
        assert isinstance(answer, KeyDelivered), answer
        return answer.keys

    def pair(self, master: SaeId, name: str, number: int = 1, size: Bits | None = None) -> bool:
        """Let a master ask and its slave fetch; return whether both got the same octets."""
        self.ask(master, name, number, size)
        self.wait(seconds(2))
        given = self.given(master, name)
        slave = SECOND if master == FIRST else FIRST
        self.fetch(slave, f"{name}/slave", tuple(key.key_id for key in given))
        self.wait(seconds(1))
        return [octets_of(key) for key in given] == [octets_of(key) for key in self.given(slave, f"{name}/slave")]

    def is_open(self) -> bool:
        return all(self.heard(sae, SessionOpened) for sae in self.saes)

    def timers(self, index: int) -> set[str]:
        """Return the names of the timers that run at a key manager."""
        host = self.simulation.hosts[km_of(self.nodes[index])]
        return {name for name, timer in host.timers.items() if timer.message is not None}

    def assert_books_close(self) -> None:
        """P5: at every key manager."""
        assert_books_close(self.kms())

    def assert_drained(self) -> None:
        """S1: nothing of the session is left at any key manager but tombstones."""
        assert_nothing_is_left(self.kms())
        for index in range(self.hops + 1):
            ours = {name for name in self.timers(index) if not name.startswith(tuple(self.links + self.spares))}
            assert ours <= {f"{KSID}/tombstone", "expiry"}, ours

    def assert_unharmed(self) -> None:
        """P1 and P5, and nobody has broken the protocol."""
        self.pads.close()
        self.assert_books_close()
        assert not self.published(ViolationSeen)

    def _km(self, sae: SaeId) -> ElementName:
        return km_of(self.nodes[0] if sae == FIRST else self.nodes[-1])

    def _add_elements(self) -> None:
        add, links = self.simulation.add, [*self.links, *self.spares]
        add(ACCESS, AcceptingAccess)
        add(ADMISSION, lambda: self.admission)
        add(CONTROLLER, Scripted)
        add(MONITORING, lambda: self.monitor)
        add(XOR_POINT, XorPoint)
        for sae, machine in self.saes.items():
            add(sae_element(sae), partial(_same, machine))
        for node in self.nodes:
            chance = self.simulation.entropy(km_of(node))
            is_recorded = self.recorded is not None and self.nodes[self.recorded] == node
            make = partial(KeyManager, self.setup(node), chance)
            add(km_of(node), partial(_recorded, make) if is_recorded else make)
        for link in links:
            add(twin_of(link), self._twin(link))

    def _twin(self, link: LinkId) -> partial[Twin]:
        model = Empirical(self.block, 0.0, 0.02, self.block_time)
        name = twin_of(link)
        setup = TwinSetup(link, DeviceId("box"))
        return partial(Twin, setup, model, self.simulation.entropy(name), self.simulation.generator(name))


def octets_of(key: Key) -> bytes:
    """Return what only a test may look at."""
    with key.material.exposed() as octets:
        return bytes(octets)


def _same(machine: Scripted) -> Scripted:
    return machine


def _recorded(make: partial[KeyManager]) -> Recorder:
    return Recorder(make())
