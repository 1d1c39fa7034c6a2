"""Traffic as studies of routing offer it: sessions come at random, hold for a random time, and are lost when refused.

Arrivals are Poisson, holding times exponential, the ends a random pair of nodes, each session reserves the same rate:
the model of Erlang (1917, recalled), with key rate in place of telephone lines. A session that is refused does not try
again. At the start there are already as many sessions as there would be, on average, if nothing were ever refused.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
from msgspec import structs

from keytwin.algorithms.graphs import Edge, Graph
from keytwin.network import Plugins, model_of
from keytwin.scenario.timeline import SETTLING_TIME, ready
from keytwin.vocabulary.blueprint import App, Blueprint, Endpoint, Sla, User
from keytwin.vocabulary.device import Device
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.identity import AppId, LinkId, NodeId, SaeId, SlaId, UserId
from keytwin.vocabulary.timeline import AskKeys, CloseApp, Expectations, OpenApp, Scenario, Step
from keytwin.vocabulary.units import (
    NANOSECONDS_PER_SECOND,
    Bits,
    BitsPerSecond,
    Duration,
    Instant,
    after,
    in_seconds,
    kilobits,
    minutes,
    produced,
    seconds,
    show_bits,
    show_duration,
    show_rate,
)

WAYS: Final = 2  # a session reserves its rate in both directions of each link
SHARE_OF_A_LINK: Final = 10  # sessions that the median link carries, when no rate is given
DIGITS: Final = 2  # of such a rate
BURST: Final = 2  # keys, or seconds of the rate: whichever is more
MOST_SESSIONS: Final = 20_000  # expected of one run: more would take hours
BLOCK_TIME: Final = seconds(10)  # of an eased network: what a run costs is events, and most are blocks of idle links
MONITORED: Final = minutes(1)  # between two probes or reports of an eased network
LEAST_STORE: Final = kilobits(1_000)  # of an eased network, for one batch of keys of each of many sessions
REFILLED: Final = 10  # blocks until a store that has been full is looked at again: the twin's longest pause, and one
NEVER_ASKED: Final = seconds(1)  # before its end a session asks no more: the answer would come too late
GATHERING: Final = SETTLING_TIME  # in which the sessions that are there from the start are opened
MOST_ASKED: Final = 1_000_000  # requests of one session


@dataclass(frozen=True, slots=True, kw_only=True)
class Habits:
    """What a researcher may set; None = chosen to suit the network."""

    duration: Duration = minutes(10)
    """How long sessions come and are counted, after those of the start have been opened."""
    holding: Duration = minutes(3)
    """How long a session lasts, on average."""
    rate: BitsPerSecond | None = None
    """What a session reserves."""
    every: Duration = seconds(30)
    """How often a session asks for a key while it lasts."""
    is_eased: bool = True
    """Whether what costs much and changes little is done more rarely: see `_eased` and `_slowed`."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """What all runs of a sweep have in common."""

    blueprint: Blueprint
    """The network, eased if so wanted, without apps."""
    ends: tuple[NodeId, ...]
    """The nodes between which sessions are wanted."""
    habits: Habits
    rate: BitsPerSecond
    capacity: BitsPerSecond
    """What all links make, both directions together."""
    hops: float
    """Of the shortest route, on average over all pairs of `ends`."""
    opened: Instant
    """When every link has had a block, or a pass."""

    @property
    def full(self) -> float:
        """Sessions at once that, each on a shortest route, reserve as much as all links make: Erlang at load 1."""
        return self.capacity / (WAYS * self.rate * self.hops)

    @property
    def counted_from(self) -> Instant:
        """When the sessions of the start are open and counting begins."""
        return after(self.opened, GATHERING)

    @property
    def ended(self) -> Instant:
        """When no more sessions come and all are closed."""
        return after(self.counted_from, self.habits.duration)

    def on(self, metric: str) -> Traffic:
        """Return the same with another routing metric."""
        control = self.blueprint.control
        routing = structs.replace(control.routing, metric=metric)
        changed = structs.replace(self.blueprint, control=structs.replace(control, routing=routing))
        return dataclasses.replace(self, blueprint=changed)


@dataclass(frozen=True, slots=True)
class Visit:
    """One session that is wanted: between whom, and when."""

    ends: tuple[NodeId, NodeId]
    opens: Instant
    closes: Instant
    is_counted: bool


def traffic_of(blueprint: Blueprint, habits: Habits, plugins: Plugins | None = None) -> Traffic:
    """Return what a sweep offers to a network; Mistake when there is nothing that could be offered."""
    _check(habits)
    ends = _ends(blueprint)
    hops = _mean_hops(blueprint, ends)
    # Without apps of its own, or their service levels would be in the way.
    network = structs.replace(_slowed(blueprint) if habits.is_eased else blueprint, apps=())
    models = [model_of(network, link, plugins) for link in network.topology.links]
    rates = [model.rate().secret for model in models]
    rate = habits.rate or _rounded(median(rates) / WAYS / SHARE_OF_A_LINK)
    size = network.key_management.key_size
    if size * NANOSECONDS_PER_SECOND > rate * habits.every:
        raise Mistake(
            f"a key of {show_bits(size)} every {show_duration(habits.every)} is more than a session's rate of "
            f"{show_rate(rate)}: raise --rate or --every"
        )
    if habits.is_eased:
        network = _eased(network, rate, habits.every, max(rates))
    begun = max(ready(network), *(model.block_time for model in models))
    capacity = BitsPerSecond(round(sum(rates)))
    return Traffic(network, ends, habits, rate, capacity, hops, after(Instant(begun), SETTLING_TIME))


def visits(traffic: Traffic, load: float, seed: int) -> list[Visit]:
    """Draw the sessions of a run, in the order in which they open; equal seeds bring the same ones to each metric."""
    offered = load * traffic.full
    # A stream for each purpose: with the same seed the n-th session is the same at every load, only sooner.
    gaps, lengths, pairs = (np.random.default_rng([seed, purpose]) for purpose in range(3))
    holding, span = in_seconds(traffic.habits.holding), in_seconds(traffic.habits.duration)
    there = int(gaps.poisson(offered))
    starts = sorted(gaps.uniform(-in_seconds(GATHERING), 0.0, there))
    at = 0.0
    while (at := at + gaps.exponential() * holding / offered) < span:
        starts.append(at)
    found = []
    for start in starts:
        stop = min(max(start, 0.0) + lengths.exponential() * holding, span)
        first, second = int(pairs.integers(len(traffic.ends))), int(pairs.integers(len(traffic.ends) - 1))
        second += second >= first  # every other node is as likely
        opens, closes = (after(traffic.counted_from, round(each * NANOSECONDS_PER_SECOND)) for each in (start, stop))
        found.append(Visit((traffic.ends[first], traffic.ends[second]), opens, closes, start >= 0))
    return found


def timeline(traffic: Traffic, wanted: list[Visit]) -> Scenario:
    """Return the scenario in which these sessions are wanted: the n-th one's app is `app_of(n)`."""
    size = traffic.blueprint.key_management.key_size
    burst = Bits(max(BURST * size, produced(traffic.rate, BURST * NANOSECONDS_PER_SECOND)))
    sla, user = Sla(SlaId("swept"), 0, traffic.rate, burst), User(UserId("sweep"), SlaId("swept"))
    apps = [_app(number, visit, user.id) for number, visit in enumerate(wanted)]
    blueprint = structs.replace(traffic.blueprint, slas=(sla,), users=(user,), apps=tuple(apps))
    steps = [
        step for number, visit in enumerate(wanted) for step in _steps(app_of(number), visit, traffic.habits.every)
    ]
    return Scenario(
        name=blueprint.name,
        blueprint=blueprint,
        duration=Duration(after(traffic.ended, SETTLING_TIME)),
        steps=tuple(sorted(steps, key=lambda step: step.at)),
        expect=Expectations(sessions_end=True),
    )


def app_of(number: int) -> AppId:
    """Return the app of the n-th session."""
    return AppId(f"session{number}")


def _app(number: int, visit: Visit, user: UserId) -> App:
    first, second = (
        Endpoint(SaeId(f"{app_of(number)}-{end}"), node) for end, node in zip("ab", visit.ends, strict=True)
    )
    return App(app_of(number), user, (first, second))


def _steps(app: AppId, visit: Visit, every: Duration) -> Iterator[Step]:
    yield Step(visit.opens, OpenApp(app))
    times = 1 + (visit.closes - visit.opens - NEVER_ASKED) // every
    if times > 0:
        yield Step(visit.opens, AskKeys(app, times=times, every=every))
    yield Step(visit.closes, CloseApp(app))


def _check(habits: Habits) -> None:
    for name in ("duration", "holding", "every"):
        if getattr(habits, name) <= 0:
            raise Mistake(f"--{name} must be above 0: write a time such as '30 s'")
    if habits.rate is not None and habits.rate <= 0:
        raise Mistake("--rate must be above 0: write a rate such as '64 kbit/s'")
    if habits.duration // habits.every > MOST_ASKED:
        raise Mistake(f"--every: a session would ask more than {MOST_ASKED:,} times: write a longer time")


def check_load(traffic: Traffic, load: float) -> None:
    """Mistake when a run at this load would have more sessions than can be run."""
    expected = load * traffic.full * (1 + traffic.habits.duration / traffic.habits.holding)
    if expected > MOST_SESSIONS:
        raise Mistake(
            f"load {load:g} means some {expected:,.0f} sessions of {show_rate(traffic.rate)} in each run, more than "
            f"{MOST_SESSIONS:,}: raise --rate or --holding, or lower --loads"
        )


def _ends(blueprint: Blueprint) -> tuple[NodeId, ...]:
    """Return the nodes at which the file has apps, or all where it has none: relay nodes between cities ask nobody."""
    served = {end.node for app in blueprint.apps for end in app.ends}
    nodes = [node.id for node in blueprint.topology.nodes]
    chosen = tuple(node for node in nodes if not served or node in served)
    if len(chosen) < 2:
        raise Mistake(
            f"network {blueprint.name!r}: sessions need two nodes, and its apps are all at {chosen[0]!r}: "
            "add apps at other nodes, or none at all for sessions between all nodes"
            if chosen
            else f"network {blueprint.name!r} has no nodes: name a network with two or more"
        )
    return chosen


def _mean_hops(blueprint: Blueprint, ends: tuple[NodeId, ...]) -> float:
    links = blueprint.topology.links
    graph: Graph[NodeId, LinkId] = Graph(
        [node.id for node in blueprint.topology.nodes], [Edge(link.id, *link.ends) for link in links]
    )
    total = 0.0
    for source in ends:
        distances = graph.distances(source)
        lost = next((target for target in ends if target not in distances), None)
        if lost is not None:
            raise Mistake(
                f"network {blueprint.name!r}: no links join {source} and {lost}: no metric could find a route"
            )
        total += sum(distances[target] for target in ends)
    return total / (len(ends) * (len(ends) - 1))


def _eased(blueprint: Blueprint, rate: BitsPerSecond, every: Duration, fastest: float) -> Blueprint:
    """Return the network with rarer probes and reports, one batch in each pool, and stores no larger than is used.

    A pool as deep as seconds of a reserved rate would be made for each session and thrown away with it, and so would
    the digests of blocks that fill large stores.
    """
    monitoring, keys = blueprint.control.monitoring, blueprint.key_management
    slow = structs.replace(
        monitoring,
        probe_period=max(monitoring.probe_period, MONITORED),
        report_period=max(monitoring.report_period, MONITORED),
    )
    # Were all of a link reserved, so much of it would be asked for until a full store is filled again.
    used = keys.key_size * NANOSECONDS_PER_SECOND / every / rate
    need = LEAST_STORE + round(REFILLED * in_seconds(BLOCK_TIME) * fastest / WAYS * used)
    return structs.replace(
        blueprint,
        control=structs.replace(blueprint.control, monitoring=slow),
        key_management=structs.replace(keys, pool_depth=Duration(1), store=Bits(min(keys.store, need))),
    )


def _slowed(blueprint: Blueprint) -> Blueprint:
    """Return the network with blocks of at least `BLOCK_TIME`."""
    return structs.replace(blueprint, devices={name: _longer(device) for name, device in blueprint.devices.items()})


def _longer(device: Device) -> Device:
    taken = getattr(device, "block_time", None)
    if taken is None or taken >= BLOCK_TIME:
        return device
    change: Callable[..., Device] = dataclasses.replace  # each class of devices has its own fields
    return change(device, block_time=BLOCK_TIME)


def _rounded(rate: float) -> BitsPerSecond:
    return BitsPerSecond(max(1, int(float(f"{rate:.{DIGITS - 1}e}"))))
