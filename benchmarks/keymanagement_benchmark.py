"""Keys a second of the key managers: made at one end, over trusted nodes or not, handed out at both ends."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import partial
from itertools import pairwise
from typing import Final

from benchmarks.table import Row, best_rate
from keytwin.keymanagement.algorithms import ALGORITHMS
from keytwin.keymanagement.manager import KeyManager, KmSetup
from keytwin.quantum.empirical import Empirical
from keytwin.quantum.twin import Twin, TwinSetup
from keytwin.runtime.simulation import Simulation
from keytwin.vocabulary.blueprint import KeyManagementSettings, MonitoringSettings
from keytwin.vocabulary.exchange_messages import GetKey, GetKeyById, KeyDelivered
from keytwin.vocabulary.identity import (
    ACCESS,
    ADMISSION,
    CONTROLLER,
    MONITORING,
    AppId,
    DeviceId,
    ElementName,
    KeyId,
    Ksid,
    NodeId,
    SaeId,
    UserId,
    km_of,
    link_ends,
    link_id,
    sae_element,
    twin_of,
)
from keytwin.vocabulary.machine import Effect, Message, Record, Send
from keytwin.vocabulary.session_messages import (
    AuthenticateUser,
    ConfigureHop,
    ConfigureSession,
    EndConfiguration,
    Neighbour,
    OpenSession,
    SessionAccepted,
    SessionOpened,
    UserAccepted,
)
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, hours, milliseconds, seconds

KSID: Final = Ksid("00000000-0000-4000-8000-000000000001")
MASTER, SLAVE = SaeId("master"), SaeId("slave")
TOGETHER = 64  # keys in a request, and in a message
UNDER_WAY = 16  # requests at a time
KEYS = 60_000
PLENTY = Bits(10**12)
PEERS = "QKD key managers state their rate in requests over HTTPS; one core, no wire and no disk here"


class Fetch(Message, frozen=True, gc=False):
    """From master to slave, outside the network: these keys are there."""

    key_ids: tuple[KeyId, ...]


class Silent:
    """Takes everything, says nothing."""

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Begin."""
        del records, now
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Take it."""
        del message, now
        return []


class Asking(Silent):
    """A master that asks anew as soon as it is answered, or the slave that fetches what the master got."""

    def __init__(self, sae: SaeId, peer: SaeId, km: ElementName) -> None:
        self.sae, self.peer, self.km = sae, peer, km
        self.asked = self.got = 0

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Open the session."""
        del records, now
        return [Send(self.km, OpenSession("open", sae_element(self.sae), AppId("app"), self.sae, self.peer))]

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Ask, or fetch, and wipe what comes."""
        del now
        match message:
            case SessionOpened() if self.sae == MASTER:
                return [self._ask() for _ in range(UNDER_WAY)]
            case KeyDelivered(keys=keys):
                self.got += len(keys)
                for key in keys:
                    key.material.wipe()
                if self.sae == MASTER:
                    return [Send(sae_element(SLAVE), Fetch(tuple(key.key_id for key in keys))), self._ask()]
            case Fetch(key_ids=key_ids):
                self.asked += 1
                return [Send(self.km, GetKeyById(f"{self.asked}", sae_element(self.sae), self.sae, key_ids))]
            case _:
                pass
        return []

    def _ask(self) -> Effect:
        self.asked += 1
        wanted = GetKey(f"{self.asked}", sae_element(self.sae), KSID, self.sae, TOGETHER, None, hours(1))
        return Send(self.km, wanted)


class Control(Silent):
    """Access and admission of one session along a row of nodes."""

    def __init__(self, nodes: list[NodeId]) -> None:
        self.nodes = nodes
        self.registered: dict[NodeId, ConfigureSession] = {}

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Accept; configure when both ends are there."""
        del now
        if isinstance(message, AuthenticateUser):
            return [Send(message.reply_to, UserAccepted(message.open_id, UserId("alice")))]
        if not isinstance(message, ConfigureSession):
            return []
        self.registered[message.node] = message
        accepted: list[Effect] = [Send(message.reply_to, SessionAccepted(message.open_id, KSID))]
        if len(self.registered) == 2:
            accepted += [Send(km_of(node), self._hop(place)) for place, node in enumerate(self.nodes)]
        return accepted

    def _hop(self, place: int) -> ConfigureHop:
        node, last = self.nodes[place], len(self.nodes) - 1
        return ConfigureHop(
            ksid=KSID,
            epoch=1,
            priority=0,
            lease=hours(1),
            batch=TOGETHER,
            previous=_neighbour(node, self.nodes[place - 1]) if place else None,
            next=_neighbour(node, self.nodes[place + 1]) if place < last else None,
            end=self._end(node, last) if node in self.registered else None,
        )

    def _end(self, node: NodeId, hops: int) -> EndConfiguration:
        asked = self.registered[node]
        return EndConfiguration(
            open_id=asked.open_id,
            is_first=node == self.nodes[0],
            app=asked.app,
            sae=asked.sae,
            peer=asked.peer,
            hops=hops,
            rate=BitsPerSecond(PLENTY),
            burst=PLENTY,
            key_size=Bits(256),
            algorithm="pool",
        )


def row_of(hops: int) -> tuple[Simulation, Asking]:
    """Set up key managers in a row, and the two SAEs at its ends; return the slave, where every key arrives last."""
    nodes = [NodeId(f"n{place}") for place in range(hops + 1)]
    links = [link_id(*pair) for pair in pairwise(nodes)]
    simulation = Simulation(1, _latency)
    control = Control(nodes)
    slave = Asking(SLAVE, MASTER, km_of(nodes[-1]))
    for name in (ACCESS, ADMISSION):
        simulation.add(name, lambda: control)
    for name in (CONTROLLER, MONITORING):
        simulation.add(name, Silent)
    settings = KeyManagementSettings(store=Bits(10**9))
    for node in nodes:
        ends = tuple(link for link in links if node in link_ends(link))
        setup = KmSetup(node, ends, settings, MonitoringSettings(probe_period=hours(1)), ALGORITHMS)
        simulation.add(km_of(node), partial(KeyManager, setup, simulation.entropy(km_of(node))))
    for link in links:
        name, model = twin_of(link), Empirical(6e6, 0.0, 0.02, milliseconds(20))
        twin = partial(Twin, TwinSetup(link, DeviceId("box")), model, simulation.entropy(name))
        simulation.add(name, partial(twin, simulation.generator(name)))
    simulation.add(sae_element(MASTER), partial(Asking, MASTER, SLAVE, km_of(nodes[0])))
    simulation.add(sae_element(SLAVE), lambda: slave)
    simulation.start()
    return simulation, slave


def carry(hops: int) -> float:
    """Let so many keys reach both ends; return how many that were."""
    simulation, slave = row_of(hops)
    while slave.got < KEYS:
        simulation.run(Instant(simulation.now + milliseconds(20)))
        assert simulation.now < seconds(600), "the keys do not flow"
    return slave.got


def rows() -> Iterable[Row]:
    """Measure."""
    figures: list[tuple[str, Callable[[], float], float | None, float | None]] = [
        ("1 hop, keys/s end to end, 64 keys per message", partial(carry, 1), None, None),
        ("2-hop relay, keys/s end to end, 64 keys per message", partial(carry, 2), 60_000, 250_000),
        ("4-hop relay, keys/s end to end, 64 keys per message", partial(carry, 4), None, None),
    ]
    for name, work, must, aim in figures:
        yield Row(name, best_rate(work), "keys/s", PEERS, must, aim)


def _latency(source: ElementName, target: ElementName) -> Duration:
    del source, target
    return milliseconds(1)


def _neighbour(own: NodeId, other: NodeId) -> Neighbour:
    return Neighbour(other, link_id(*sorted((own, other))))
