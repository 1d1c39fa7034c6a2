"""A whole network under a hostile seed: chance decides shape, settings, load and what goes wrong; then it heals.

Every seed turns faults on or off by itself, so that some runs are calm and some lose a third of their messages. After
healing everything must drain: sessions end, nothing stays reserved, the books close.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from keytwin.control.admission import Admission
from keytwin.keymanagement.manager import KeyManager
from keytwin.network import simulate
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    App,
    Blueprint,
    ControlSettings,
    Endpoint,
    KeyManagementSettings,
    MonitoringSettings,
    RoutingSettings,
    Sla,
    User,
)
from keytwin.vocabulary.device import EmpiricalDevice
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import (
    ADMISSION,
    CONTROLLER,
    ROUTING,
    AppId,
    DeviceId,
    ElementName,
    NodeId,
    SaeId,
    SlaId,
    UserId,
    km_of,
    link_id,
)
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.placement import Placement
from keytwin.vocabulary.timeline import Action, AskKeys, CloseApp, CutLink, HealLink, MessageFaults, OpenApp
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import (
    Bits,
    BitsPerSecond,
    Instant,
    Kilometres,
    kilobits,
    milliseconds,
    seconds,
)
from tests.simulation.oracles import (
    Broken,
    BusWatch,
    PadWatch,
    SaeLedger,
    assert_books_close,
    assert_nothing_is_left,
    rates_of,
)

STORM = (2, 25)  # seconds in which things go wrong
CALM = 30  # from here on nothing does
CLOSE = 50
END = 400  # by then every lease and tombstone has run out


@dataclass
class World:
    """One run; `change` may plant a fault in the simulation before it starts."""

    seed: int
    change: Callable[[Simulation], None] | None = None
    routes: int = 1
    placement: Placement = Placement.CENTRAL
    flips: int = 0
    kills: int = 0
    dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self.dice = random.Random(f"world {self.seed}")
        self.blueprint = _blueprint(self.dice)
        if self.routes > 1:
            self.blueprint = _in_shares(self.blueprint, self.routes)
        if self.placement is Placement.PER_NODE:
            self.blueprint = _per_node(self.blueprint)
        self.simulation = simulate(self.blueprint, self.seed, keep_records=True)
        self.pads, self.bus = PadWatch(), BusWatch()
        self.ledger = SaeLedger(rates_of(self.blueprint))
        self.simulation.wires.tap(self._tap)
        self.simulation.subscribe(self.bus.hear)
        if self.change:
            self.change(self.simulation)
        self.simulation.start()
        self._plan()

    def run(self) -> World:
        """Run to the end, with every oracle at work; Broken, or any error of a machine, says the seed."""
        try:
            for second in range(1, END + 1, 1 if self.seed % 4 == 0 else 7):
                self.simulation.run(Instant(seconds(second)))
                assert_books_close(self._kms())
            self.pads.close()
            self.bus.close()
            assert_nothing_is_left(self._kms())
            self._assert_nothing_is_promised()
            self._assert_worked()
        except Broken as broken:
            raise Broken(f"seed {self.seed}: {broken}") from None
        return self

    # --- what is done to it -----------------------------------------------------------------------------------------

    def _plan(self) -> None:
        dice, simulation = self.dice, self.simulation
        for app in self.blueprint.apps:
            self._do(dice.uniform(0, 4), OpenApp(app.id))
            self._do(CALM, OpenApp(app.id))  # an end that has lost its session in the storm wants it back
            for begin in (dice.uniform(1, 8), CALM + dice.uniform(1, 3)):
                masters = dice.choice(("first", "second", "both"))
                size = dice.choice((None, None, None, Bits(128), Bits(512)))
                every = milliseconds(dice.choice((300, 1000, 2500)))
                self._do(begin, AskKeys(app.id, dice.choice((1, 1, 3, 9)), size, dice.randint(2, 8), every, masters))
            if dice.random() < 0.7:
                self._do(CLOSE + dice.uniform(0, 5), CloseApp(app.id))
        if dice.random() < 0.7:
            faults = MessageFaults(
                drop=dice.choice((0.0, 0.02, 0.1, 0.3)),
                duplicate=dice.choice((0.0, 0.05, 0.3)),
                delay=milliseconds(dice.choice((0, 5, 100, 1500))),
                lasting=seconds(STORM[1] - STORM[0]),
            )
            simulation.at(Instant(seconds(STORM[0])), lambda: simulation.disturb(faults))
        for link in self.blueprint.topology.links:
            if dice.random() < 0.3:
                begin = dice.uniform(*STORM)
                self._do(begin, CutLink(link.id))
                self._do(dice.uniform(begin, CALM), HealLink(link.id))
        if dice.random() < 0.4:
            for _ in range(dice.randint(1, 4)):
                self._kill(dice.choice(self._killable()), dice.uniform(*STORM), dice.uniform(0.01, 3))
        if dice.random() < 0.3:
            simulation.wires.tamper(self._flip)

    def _do(self, at: float, action: Action) -> None:
        for to, message in orders(action, self.blueprint):
            self.simulation.inject(Instant(seconds(at)), to, message)

    def _killable(self) -> list[ElementName]:
        kms = [km_of(node.id) for node in self.blueprint.topology.nodes]
        seat = self.blueprint.seat
        control = [name for element in (ADMISSION, ROUTING, CONTROLLER) for name in seat.everywhere(element)]
        return [*kms, *control]

    def _kill(self, element: ElementName, at: float, pause: float) -> None:
        def stop() -> None:
            self.kills += 1
            self.simulation.stop(element)

        self.simulation.at(Instant(seconds(at)), stop)
        self.simulation.at(Instant(seconds(at + pause)), lambda: self.simulation.restart(element))

    def _flip(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> Message:
        """Flip a bit of a relayed ciphertext now and then, as whoever sits on the classical wire can."""
        del source, to
        if not isinstance(message, RelayKeys) or at > seconds(CALM) or self.dice.random() > 0.05:
            return message
        self.flips += 1
        spoiled = bytes([message.ciphertext[0] ^ 1]) + message.ciphertext[1:]
        return msgspec.structs.replace(message, ciphertext=spoiled)

    # --- what is seen of it -----------------------------------------------------------------------------------------

    def _tap(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        del source
        self.pads.see(message)
        self.ledger.see(at, to, message)
        self.bus.see(to, message)

    def _kms(self) -> list[KeyManager]:
        machines = [self.simulation.machine(km_of(node.id)) for node in self.blueprint.topology.nodes]
        return [machine for machine in machines if isinstance(machine, KeyManager)]

    def _assert_nothing_is_promised(self) -> None:
        """S1: where each node keeps its own reservations, none of them is left at any."""
        for name in self.blueprint.seat.everywhere(ADMISSION):
            admission = self.simulation.machine(name)
            assert isinstance(admission, Admission)
            left = {link: admission._ledger.reserved(link) for link in admission._rates.links()}
            if any(left.values()) or admission._keeper.kept:
                raise Broken(f"S1: {name} still reserves {left}")

    def admission(self) -> Admission:
        """Return the machine of admission control."""
        machine = self.simulation.machine(ADMISSION)
        assert isinstance(machine, Admission)
        return machine

    def _assert_worked(self) -> None:
        """A run that did nothing proves nothing."""
        if self.ledger.pairs() < len(self.blueprint.apps):
            raise Broken(f"only {self.ledger.pairs()} keys reached both ends")


def _per_node(blueprint: Blueprint) -> Blueprint:
    """Let each node have its control; a quota over several admissions is what a file may not ask for."""
    control = msgspec.structs.replace(blueprint.control, placement=Placement.PER_NODE)
    users = tuple(msgspec.structs.replace(user, quota=None) for user in blueprint.users)
    return msgspec.structs.replace(blueprint, control=control, users=users)


def _in_shares(blueprint: Blueprint, routes: int) -> Blueprint:
    """Let every key go in shares, over a network that has as many ways: each node is joined to the next `routes`."""
    nodes = [node.id for node in blueprint.topology.nodes]
    names = {link.id: link for link in blueprint.topology.links}
    for index, node in enumerate(nodes):
        for step in range(1, routes):
            first, second = sorted((node, nodes[(index + step) % len(nodes)]))
            link = link_id(first, second)
            names.setdefault(link, QLink(link, next(iter(blueprint.devices)), length=Kilometres(10.0)))
    topology = msgspec.structs.replace(blueprint.topology, links=tuple(names.values()))
    slas = tuple(msgspec.structs.replace(sla, routes=routes) for sla in blueprint.slas)
    return msgspec.structs.replace(blueprint, topology=topology, slas=slas)


def _blueprint(dice: random.Random) -> Blueprint:
    names = [NodeId(f"n{index}") for index in range(dice.randint(3, 6))]
    pairs = {(names[dice.randrange(index)], names[index]) for index in range(1, len(names))}
    for _ in range(dice.randint(0, 4)):
        first, second = sorted(dice.sample(names, 2))
        pairs.add((NodeId(first), NodeId(second)))
    box = EmpiricalDevice(
        name=DeviceId("box"),
        about="a black box",
        protocol="empirical",
        sources={},
        rate=BitsPerSecond(dice.choice((60_000, 120_000, 300_000))),
        qber=0.02,
        block_time=milliseconds(dice.choice((400, 1000, 3000))),
        deviation=dice.choice((0.0, 0.1)),
    )
    links = tuple(QLink(link_id(*pair), box.name, length=Kilometres(dice.uniform(1, 80))) for pair in sorted(pairs))
    slas = (
        Sla(SlaId("gold"), 0, BitsPerSecond(8_000), kilobits(32)),
        Sla(SlaId("bronze"), 3, BitsPerSecond(2_000), kilobits(16)),
    )
    users = (User(UserId("alice"), SlaId("gold")), User(UserId("bob"), SlaId("bronze"), BitsPerSecond(4_000)))
    apps = []
    for index in range(dice.randint(1, 4)):
        first, second = dice.sample(names, 2)
        ends = (Endpoint(SaeId(f"a{index}-a"), first), Endpoint(SaeId(f"a{index}-b"), second))
        apps.append(App(AppId(f"a{index}"), dice.choice(users).id, ends))
    return Blueprint(
        name="world",
        topology=Topology(tuple(Node(name) for name in names), links),
        slas=slas,
        users=users,
        apps=tuple(apps),
        control=ControlSettings(
            RoutingSettings(dice.choice(("hops", "key-aware")), dice.randint(1, 3)),
            AdmissionSettings(peer_timeout=seconds(10), inactivity_timeout=seconds(dice.choice((20, 60)))),
            MonitoringSettings(probe_period=seconds(2)),
        ),
        key_management=KeyManagementSettings(
            algorithm=dice.choice(("pool", "pool", "on-demand")),
            pool_depth=seconds(dice.choice((1, 5))),
            batch=dice.choice((2, 16, 64)),
            key_lifetime=seconds(dice.choice((8, 60))),
            store=kilobits(dice.choice((200, 4_000))),
            split=dice.choice((0.5, 0.5, 0.4)),
        ),
        devices={box.name: box},
    )
