"""The control plane in a tiny loop: real elements, and key managers that do no more than hold what they are told.

Messages may be lost, doubled and overtaken by a seeded generator; timers never are. `stop` and `restart` kill an
element and bring it back with what it had saved.
"""

from __future__ import annotations

import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from heapq import heappop, heappush
from itertools import pairwise
from typing import Final, TypeVar

from keytwin.control.access import Access
from keytwin.control.admission import Admission
from keytwin.control.controller import Controller
from keytwin.control.metrics import hops
from keytwin.control.monitoring import Monitoring
from keytwin.control.profiles import AdmissionSetup
from keytwin.control.routing import Routing, RoutingMetric
from keytwin.runtime.entropy import SeededEntropy
from keytwin.runtime.journal_codec import fresh_copy
from keytwin.vocabulary.blueprint import (
    AdmissionSettings,
    App,
    Endpoint,
    KeyManagementSettings,
    MonitoringSettings,
    RoutingSettings,
    Sla,
    User,
)
from keytwin.vocabulary.identity import (
    ACCESS,
    ADMISSION,
    CONTROLLER,
    MONITORING,
    ROUTING,
    AppId,
    DeviceId,
    ElementName,
    Ksid,
    LinkId,
    NodeId,
    SaeId,
    SlaId,
    UserId,
    km_of,
    link_ends,
    link_id,
    twin_of,
)
from keytwin.vocabulary.link_messages import LinkMeasured
from keytwin.vocabulary.machine import (
    Effect,
    Event,
    Machine,
    Message,
    Publish,
    Record,
    Save,
    Send,
    StartTimer,
    StopTimer,
)
from keytwin.vocabulary.session_messages import (
    ConfigurationRefused,
    ConfigureHop,
    ConfigureSession,
    DeleteSession,
    HopConfigured,
    HopMissing,
    KeyRequested,
    Qos,
    Reason,
    RenewLease,
    SessionAccepted,
    SessionClosing,
    SessionDeleted,
)
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.topology_messages import (
    LinkStatus,
    RegisterLink,
    ReportLinkStatus,
)
from keytwin.vocabulary.units import (
    START,
    BitsPerSecond,
    Duration,
    Instant,
    kilobits,
    microseconds,
    milliseconds,
    seconds,
)

LATENCY: Final = microseconds(300)
NOT_ACCEPTED: Final = Ksid("not accepted")
RATE: Final = BitsPerSecond(100_000)
GOLD: Final = Sla(SlaId("gold"), 0, BitsPerSecond(10_000), kilobits(64))
BRONZE: Final = Sla(SlaId("bronze"), 3, BitsPerSecond(2_000), kilobits(16))
ALICE: Final = User(UserId("alice"), GOLD.id)
BOB: Final = User(UserId("bob"), BRONZE.id, BitsPerSecond(5_000))
STAR: Final = ("km0--km1", "km0--km2", "km0--km3", "km0--km4", "km0--km5", "km4--km5")

M = TypeVar("M", bound=Message)
E = TypeVar("E", bound=Event)


def app(name: str, first: str, second: str, user: User = ALICE) -> App:
    """Return an app whose SAEs are called after it."""
    ends = (Endpoint(SaeId(f"{name}-a"), NodeId(first)), Endpoint(SaeId(f"{name}-b"), NodeId(second)))
    return App(AppId(name), user.id, ends)


APPS: Final = (
    app("app01", "km0", "km1"),
    app("app23", "km2", "km3"),
    app("app45", "km4", "km5", BOB),
    app("app04", "km0", "km4"),
)


def route(*names: str) -> Route:
    """Return the route over these nodes, by links that are called after them in alphabetical order."""
    nodes = tuple(NodeId(name) for name in names)
    return Route(nodes, tuple(link_id(*sorted(pair)) for pair in pairwise(nodes)))


def entropy(seed: int = 1) -> SeededEntropy:
    """Return admission's source of session identifiers."""
    return SeededEntropy(seed.to_bytes(32, "big"))


def setup_of(
    apps: Iterable[App] = APPS,
    settings: AdmissionSettings | None = None,
    key_management: KeyManagementSettings | None = None,
    users: tuple[User, ...] = (ALICE, BOB),
) -> AdmissionSetup:
    """Return what admission is made with."""
    return AdmissionSetup(
        slas=(GOLD, BRONZE),
        users=users,
        apps=tuple(apps),
        settings=settings or AdmissionSettings(),
        key_management=key_management or KeyManagementSettings(),
    )


@dataclass
class Km:
    """A key manager as control sees it: the configuration of each session, tombstones, and what it was answered."""

    node: NodeId
    hops: dict[Ksid, ConfigureHop] = field(default_factory=dict)
    buried: dict[Ksid, int] = field(default_factory=dict)
    accepted: dict[str, Ksid] = field(default_factory=dict)
    refused: dict[str, ConfigurationRefused] = field(default_factory=dict)
    deleted: dict[Ksid, Reason] = field(default_factory=dict)
    renewals: int = 0

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case SessionAccepted():
                self.accepted[message.open_id] = message.ksid
                return []
            case ConfigurationRefused():
                self.refused[message.open_id] = message
                return []
            case ConfigureHop():
                return [Send(ADMISSION, self._configure(message))]
            case RenewLease():
                self.renewals += 1
                return [] if message.ksid in self.hops else [Send(ADMISSION, HopMissing(message.ksid, self.node))]
            case DeleteSession():
                self._delete(message)
                return [Send(ADMISSION, SessionDeleted(message.ksid, message.epoch, self.node))]
            case _:
                raise AssertionError(message)

    def _configure(self, wanted: ConfigureHop) -> Message:
        buried = self.buried.get(wanted.ksid, 0)
        if wanted.epoch <= buried:
            return SessionDeleted(wanted.ksid, buried, self.node)
        known = self.hops.get(wanted.ksid)
        if known is None or known.epoch < wanted.epoch:
            self.hops[wanted.ksid] = wanted
        return HopConfigured(wanted.ksid, wanted.epoch, self.node)

    def _delete(self, deletion: DeleteSession) -> None:
        self.buried[deletion.ksid] = max(deletion.epoch, self.buried.get(deletion.ksid, 0))
        known = self.hops.get(deletion.ksid)
        if known is not None and known.epoch <= deletion.epoch:
            del self.hops[deletion.ksid]
        self.deleted[deletion.ksid] = deletion.reason


class Silent:
    """An element outside the control plane that only listens."""

    def __init__(self) -> None:
        self.heard: list[Message] = []

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return []

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        self.heard.append(message)
        return []


@dataclass(order=True)
class Delivery:
    """A message under way, or a timer's."""

    at: Instant
    number: int
    to: ElementName = field(compare=False)
    message: Message = field(compare=False)
    timer: str = field(compare=False, default="")
    source: ElementName | None = field(compare=False, default=None)


class Plane:
    """All five elements, a key manager per node, a listener per link."""

    def __init__(
        self,
        links: Iterable[str] = STAR,
        setup: AdmissionSetup | None = None,
        metric: RoutingMetric = hops,
        seed: int = 1,
        routing: RoutingSettings | None = None,
    ) -> None:
        self.links: Final = tuple(LinkId(link) for link in links)
        nodes = tuple(dict.fromkeys(node for link in self.links for node in link_ends(link)))
        chosen = setup or setup_of()
        self.now = START
        self.dice: Final = random.Random(seed)
        self.loss, self.doubling, self.delay = 0.0, 0.0, Duration(0)
        self.events: Final[list[tuple[Instant, Event]]] = []
        self.sent: Final[list[tuple[Instant, ElementName, Message]]] = []
        self.kms: Final = {node: Km(node) for node in nodes}
        self.saved: Final[dict[ElementName, list[Record]]] = defaultdict(list)
        self._timers: Final[dict[tuple[ElementName, str], int]] = {}
        self._queue: Final[list[Delivery]] = []
        self._count = 0
        self._opened = 0
        self.crash_at: int | None = None  # number of records of admission after which it is killed, its effects unheard
        chance = entropy(seed)  # goes on after a restart, as a real one does
        self._makers: Final[dict[ElementName, Callable[[], Machine]]] = {
            CONTROLLER: lambda: Controller(nodes),
            MONITORING: lambda: Monitoring(MonitoringSettings()),
            ROUTING: lambda: Routing(routing or RoutingSettings(), metric),
            ACCESS: lambda: Access(chosen.users, chosen.apps),
            ADMISSION: lambda: Admission(chosen, chance),
        }
        self.machines: Final[dict[ElementName, Machine]] = {km_of(node): km for node, km in self.kms.items()}
        self.machines.update({twin_of(link): Silent() for link in self.links})
        for name in self._makers:
            self.restart(name)

    # --- the world outside ------------------------------------------------------------------------------------------

    def register(self, rates: dict[str, int] | None = None) -> None:
        """Register every link, and let its first block come."""
        for link in self.links:
            rate = BitsPerSecond((rates or {}).get(link, RATE))
            self.tell(CONTROLLER, RegisterLink(link, twin_of(link), rate, 0.02, DeviceId("box")))
        self.run(milliseconds(100))
        for link in self.links:
            self.status(link, LinkStatus.ACTIVE)
        self.run(milliseconds(100))

    def status(self, link: str, status: LinkStatus, cause: str = "told by a test") -> None:
        """Let a link's device report its status."""
        self._count += 1
        name = LinkId(link)
        self.tell(CONTROLLER, ReportLinkStatus(name, twin_of(name), self._count, status, cause))

    def measure(self, link: str, rate: int, times: int = 40) -> None:
        """Let a link make key at this rate, long enough for the smoothed figure."""
        for _ in range(times):
            self._count += 1
            self.tell(MONITORING, LinkMeasured(LinkId(link), self._count, BitsPerSecond(rate), 0.02))
            self.run(seconds(2))

    def request(self, of: App, end: int, ksid: Ksid | None = None, qos: Qos | None = None) -> ConfigureSession:
        """Return the request of one end's key manager."""
        self._opened += 1
        own, other = of.ends[end], of.ends[1 - end]
        return ConfigureSession(
            open_id=f"{own.node}/{self._opened}",
            node=own.node,
            reply_to=km_of(own.node),
            user=of.user,
            app=of.id,
            sae=own.sae,
            peer=other.sae,
            ksid=ksid,
            qos=qos or Qos(),
        )

    def open(self, of: App, qos: Qos | None = None) -> Ksid:
        """Register both ends, the first one first, and let everything settle."""
        first, second = self.request(of, 0, qos=qos), self.request(of, 1)
        self.tell(ADMISSION, first)
        self.run(milliseconds(2))
        self.tell(ADMISSION, second)
        self.run(milliseconds(20))
        return self.kms[first.node].accepted.get(first.open_id, NOT_ACCEPTED)

    def close(self, of: App, ksid: Ksid) -> None:
        """Let the first end be through with it."""
        node = of.ends[0].node
        self.tell(ADMISSION, SessionClosing(ksid, node, Reason.CLOSED))

    def use(self, of: App, ksid: Ksid) -> None:
        """Let the first end tell that keys are asked for."""
        self.tell(ADMISSION, KeyRequested(ksid, of.ends[0].node))

    # --- the loop ---------------------------------------------------------------------------------------------------

    def tell(self, to: ElementName, message: Message) -> None:
        """Deliver a message from outside, without faults."""
        self._put(Instant(self.now + LATENCY), to, message)

    def run(self, span: int) -> None:
        """Let virtual time pass."""
        until = Instant(self.now + span)
        while self._queue and self._queue[0].at <= until:
            delivery = heappop(self._queue)
            self.now = delivery.at
            if delivery.timer:
                if self._timers.get((delivery.to, delivery.timer)) != delivery.number:
                    continue
                del self._timers[delivery.to, delivery.timer]
            machine = self.machines.get(delivery.to)
            if machine is not None:
                self.perform(delivery.to, machine.receive(fresh_copy(delivery.message), self.now))
        self.now = until

    def perform(self, element: ElementName, effects: Iterable[Effect]) -> None:
        """Perform what a machine returned."""
        for effect in effects:
            match effect:
                case Send():
                    self.sent.append((self.now, effect.to, effect.message))
                    self._travel(effect.to, effect.message)
                case StartTimer():
                    self._count += 1
                    self._timers[element, effect.name] = self._count
                    due = Delivery(Instant(self.now + effect.after), self._count, element, effect.message, effect.name)
                    heappush(self._queue, due)
                case StopTimer():
                    self._timers.pop((element, effect.name), None)
                case Save():
                    self.saved[element].append(fresh_copy(effect.record))
                    if element == ADMISSION and len(self.saved[element]) == self.crash_at:
                        self.stop(element)
                        return
                case Publish():
                    self.events.append((self.now, effect.event))
                case _:
                    raise AssertionError(effect)

    def stop(self, element: ElementName) -> None:
        """Kill an element: its timers are gone, messages to it are lost."""
        self.machines.pop(element, None)
        for owner, name in [key for key in self._timers if key[0] == element]:
            del self._timers[owner, name]

    def restart(self, element: ElementName, records: list[Record] | None = None) -> None:
        """Start an element with what it had saved."""
        self.stop(element)
        saved = self.saved[element] if records is None else records
        machine = self._makers[element]()
        self.machines[element] = machine
        self.perform(element, machine.restore([fresh_copy(record) for record in saved], self.now))

    # --- what is seen of it -----------------------------------------------------------------------------------------

    def heard(self, kind: type[E]) -> list[E]:
        """Return the published events of one kind."""
        return [event for _, event in self.events if isinstance(event, kind)]

    def messages(self, kind: type[M]) -> Iterator[M]:
        """Give the messages of one kind that elements sent."""
        return (message for _, _, message in self.sent if isinstance(message, kind))

    def holders(self, ksid: Ksid) -> set[str]:
        """Return the nodes whose key manager is configured for a session."""
        return {node for node, km in self.kms.items() if ksid in km.hops}

    @property
    def admission(self) -> Admission:
        """The machine of admission."""
        machine = self.machines[ADMISSION]
        assert isinstance(machine, Admission)
        return machine

    def _travel(self, to: ElementName, message: Message) -> None:
        copies = 1 + (self.dice.random() < self.doubling)
        for _ in range(copies):
            if self.dice.random() >= self.loss:
                late = self.dice.randrange(self.delay + 1)
                self._put(Instant(self.now + LATENCY + late), to, message)

    def _put(self, at: Instant, to: ElementName, message: Message) -> None:
        self._count += 1
        heappush(self._queue, Delivery(at, self._count, to, message))
