"""Virtual seconds a second of whole networks: the six-node star, and a thousand nodes with a thousand sessions."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable
from typing import Final

import msgspec

from benchmarks.table import REPETITIONS, Row
from keytwin.files.network import read_network
from keytwin.network import simulate
from keytwin.scenario.run import play
from keytwin.vocabulary.blueprint import (
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
from keytwin.vocabulary.evidence import Evidence
from keytwin.vocabulary.identity import AppId, DeviceId, NodeId, SaeId, SlaId, UserId, link_id
from keytwin.vocabulary.timeline import AskKeys, OpenApp, Scenario, Step
from keytwin.vocabulary.topology import Node, QLink, Topology
from keytwin.vocabulary.units import (
    START,
    BitsPerSecond,
    Duration,
    Instant,
    Kilometres,
    hours,
    in_seconds,
    kilobits,
    minutes,
    seconds,
)

STAR_TIME: Final = minutes(10)
NODES: Final = 1_000
SESSIONS: Final = 1_000
ASK_EVERY: Final = seconds(10)
EASIEST: Final = "Quditto v2: below 1 virtual second a second"


def rows() -> Iterable[Row]:
    """Measure both networks."""
    star = star6()
    best = max(_run(star) for _ in range(REPETITIONS))
    yield Row("star6, 3 sessions at 1 kbit/s", best[0], "virtual s/s", EASIEST, must=1_000, aim=10_000)
    yield Row("messages/s in that run", best[1], "messages/s")
    speed, messages, taken = _run(thousand())
    yield Row("1,000 nodes, 1,000 sessions, 1 h", taken, "s", "not possible elsewhere", 600, 60, is_cost=True)
    yield Row("virtual seconds a second in that run", speed, "virtual s/s")
    yield Row("messages/s in that run, 1,000 nodes", messages, "messages/s")


def star6() -> Scenario:
    """Return the star in which each app asks for four keys of 256 bit once a second, about 1 kbit/s."""
    blueprint = read_network("star6")
    slow = tuple(msgspec.structs.replace(sla, rate=BitsPerSecond(1_024)) for sla in blueprint.slas)
    blueprint = msgspec.structs.replace(blueprint, slas=slow)
    times = STAR_TIME // seconds(1)
    asks = [AskKeys(app.id, number=4, times=times, every=seconds(1)) for app in blueprint.apps]
    opens = [OpenApp(app.id) for app in blueprint.apps]
    steps = tuple(Step(START, action) for action in (*opens, *asks))
    return Scenario("star6 at 1 kbit/s", blueprint, STAR_TIME, steps=steps)


def thousand() -> Scenario:
    """Return a ring of a thousand nodes with five hundred chords; a session reaches up to forty nodes along it."""
    dice = random.Random("a thousand nodes")  # noqa: S311  # a shape, not a secret
    names = [NodeId(f"n{index}") for index in range(NODES)]
    near = [(names[index], names[(index + 1) % NODES]) for index in range(NODES)]
    chords = [(names[index], names[(index + dice.randint(5, 60)) % NODES]) for index in range(0, NODES, 2)]
    box = EmpiricalDevice(
        name=DeviceId("box"),
        about="black box",
        protocol="empirical",
        sources={},
        rate=BitsPerSecond(10_000),
        qber=0.02,
        block_time=seconds(10),
    )
    ties = dict.fromkeys(frozenset(pair) for pair in (*near, *chords))
    links = tuple(QLink(link_id(*sorted(pair)), box.name, length=Kilometres(20.0)) for pair in ties)
    apps = []
    for index in range(SESSIONS):
        start = dice.randrange(NODES)
        stop = (start + dice.randint(1, 40)) % NODES
        ends = (Endpoint(SaeId(f"s{index}-a"), names[start]), Endpoint(SaeId(f"s{index}-b"), names[stop]))
        apps.append(App(AppId(f"s{index}"), UserId("all"), ends))
    blueprint = Blueprint(
        name="thousand",
        topology=Topology(tuple(Node(name) for name in names), links),
        slas=(Sla(SlaId("slow"), 0, BitsPerSecond(26), kilobits(16)),),
        users=(User(UserId("all"), SlaId("slow")),),
        apps=tuple(apps),
        control=ControlSettings(RoutingSettings("hops", 1), monitoring=_relaxed()),
        key_management=KeyManagementSettings(pool_depth=minutes(5), store=kilobits(512)),
        devices={box.name: box},
    )
    steps: list[Step] = []
    for app in apps:
        at = Instant(dice.randrange(seconds(30)))
        steps += [Step(at, OpenApp(app.id)), Step(at, AskKeys(app.id, times=360, every=ASK_EVERY))]
    return Scenario("thousand", blueprint, hours(1), steps=tuple(steps))


def _relaxed() -> MonitoringSettings:
    """Return watching at the pace of the blocks: a stock that changes once in 10 s is not reported more often."""
    return MonitoringSettings(probe_period=minutes(1), report_period=minutes(1))


def _run(scenario: Scenario) -> tuple[float, float, float]:
    """Return virtual seconds a second, messages a second, and the seconds it took."""
    simulation = simulate(scenario.blueprint, seed=1)
    began = time.perf_counter()
    evidence = play(scenario, simulation)
    taken = time.perf_counter() - began
    _check(evidence, scenario.duration)
    return in_seconds(scenario.duration) / taken, evidence.messages / taken, taken


def _check(evidence: Evidence, duration: Duration) -> None:
    """A network that hands out few keys, or wrong ones, is fast for nothing."""
    assert not evidence.failures, evidence.failures
    assert evidence.equal == evidence.pairs > 0.9 * sum(app.asked for app in evidence.apps), (
        duration,
        evidence.notices[:5],
    )
