"""Key managers in a row on the simulation, with twins between them and a control plane that accepts everything."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import Any

from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.quantum.empirical import Empirical
from keytwin.quantum.twin import Twin, TwinSetup
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered, KeyRefused
from keytwin.vocabulary.identity import (
    ACCESS,
    ADMISSION,
    CONTROLLER,
    MONITORING,
    AppId,
    DeviceId,
    ElementName,
    KeyId,
    LinkId,
    NodeId,
    SaeId,
    km_of,
    link_id,
    sae_element,
    twin_of,
)
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Event, Message
from keytwin.vocabulary.session_messages import OpenSession, SessionOpened
from keytwin.vocabulary.topology import route_along
from keytwin.vocabulary.units import Bits, Duration, Instant, milliseconds, seconds
from tests.fakes.control import KSID, AcceptingAccess, OneRoute
from tests.fakes.scripted import Scripted

FIRST, SECOND = SaeId("first"), SaeId("second")


def flat(source: ElementName, target: ElementName) -> Duration:
    """Every message travels for 1 ms."""
    del source, target
    return milliseconds(1)


@dataclass
class Row:
    """`hops + 1` key managers in a row; the session of this bench joins the two outer ones."""

    hops: int = 1
    seed: int = 1
    block: Bits = Bits(80_000)
    block_time: Duration = seconds(1)
    key_management: KeyManagementSettings = KeyManagementSettings(store=Bits(10_000_000), pool_depth=seconds(1))
    monitoring: MonitoringSettings = MonitoringSettings()
    control: dict[str, Any] = field(default_factory=dict)
    events: list[tuple[Instant, ElementName, Event]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.nodes = [NodeId(f"n{index}") for index in range(self.hops + 1)]
        self.links = [link_id(*pair) for pair in zip(self.nodes, self.nodes[1:], strict=False)]
        self.simulation = Simulation(self.seed, flat, keep_records=True)
        self.admission = OneRoute(route_along(self.nodes[0], self.links), **self.control)
        self.saes = {FIRST: Scripted(), SECOND: Scripted()}
        add = self.simulation.add
        add(ACCESS, AcceptingAccess)
        add(ADMISSION, lambda: self.admission)
        add(CONTROLLER, Scripted)
        self.monitor = Scripted()
        add(MONITORING, lambda: self.monitor)
        for sae, machine in self.saes.items():
            add(sae_element(sae), partial(_same, machine))
        for node in self.nodes:
            ends = tuple(link for link in self.links if node in link.split("--"))
            setup = KmSetup(node, ends, self.key_management, self.monitoring, ALGORITHMS)
            add(km_of(node), partial(KeyManager, setup, self.simulation.entropy(km_of(node))))
        for link in self.links:
            add(twin_of(link), self._twin(link))
        self.simulation.subscribe(lambda at, element, event: self.events.append((at, element, event)))
        self.simulation.start()

    def km(self, index: int) -> KeyManager:
        machine = self.simulation.machine(km_of(self.nodes[index]))
        assert isinstance(machine, KeyManager)
        return machine

    def run(self, until: Duration) -> None:
        self.simulation.run(Instant(until))

    def open(self, at: Duration = Duration(0)) -> None:
        """Both ends ask for the session, the first one a little earlier."""
        for sae, peer, node, late in ((FIRST, SECOND, self.nodes[0], 0), (SECOND, FIRST, self.nodes[-1], 1)):
            wanted = OpenSession(f"open/{sae}", sae_element(sae), AppId("app"), sae, peer)
            self.simulation.inject(Instant(at + late * milliseconds(5)), km_of(node), wanted)

    def ask(self, sae: SaeId, request_id: str, number: int = 1, size: Bits | None = None, wait: Duration = seconds(5)) -> None:
        """Ask as master, now."""
        node = self.nodes[0] if sae == FIRST else self.nodes[-1]
        wanted = GetKey(request_id, sae_element(sae), KSID, sae, number, size, wait)
        self.simulation.inject(self.simulation.now, km_of(node), wanted)

    def fetch(self, sae: SaeId, request_id: str, key_ids: tuple[KeyId, ...]) -> None:
        """Ask as slave, now."""
        node = self.nodes[0] if sae == FIRST else self.nodes[-1]
        self.simulation.inject(self.simulation.now, km_of(node), GetKeyById(request_id, sae_element(sae), sae, key_ids))

    def heard(self, sae: SaeId, kind: type[Message]) -> list[Any]:
        return [message for _, message in self.saes[sae].received if isinstance(message, kind)]

    def answer(self, sae: SaeId, request_id: str) -> KeyDelivered | KeyRefused | None:
        answers = self.heard(sae, KeyDelivered) + self.heard(sae, KeyRefused)
        return next((answer for answer in answers if answer.request_id == request_id), None)

    def pair(self, master: SaeId, request_id: str, number: int = 1, size: Bits | None = None) -> bool:
        """Let a master ask and its slave fetch; return whether both got the same octets."""
        self.ask(master, request_id, number, size)
        self.run(Duration(self.simulation.now + seconds(2)))
        given = self.answer(master, request_id)
        assert isinstance(given, KeyDelivered), given
        slave = SECOND if master == FIRST else FIRST
        self.fetch(slave, f"{request_id}/slave", tuple(key.key_id for key in given.keys))
        self.run(Duration(self.simulation.now + seconds(1)))
        fetched = self.answer(slave, f"{request_id}/slave")
        assert isinstance(fetched, KeyDelivered), fetched
        return [octets_of(key) for key in given.keys] == [octets_of(key) for key in fetched.keys]

    def is_open(self) -> bool:
        return all(self.heard(sae, SessionOpened) for sae in self.saes)

    def assert_books_close(self) -> None:
        for index in range(self.hops + 1):
            for account in self.km(index).link_accounts():
                assert account.balance == 0, account
                assert account.stored >= 0, account
            assert self.km(index).key_account().balance == 0, self.km(index).key_account()

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
