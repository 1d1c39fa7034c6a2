"""A sweep: every routing metric at every load with every seed on one network, for studies of routing.

What sessions come is drawn from the seed and the load, never from the metric: metrics are compared on equal traffic.
Rows come in the order of the plan and are the same however many processes run them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, fields
from functools import partial
from itertools import product
from multiprocessing import get_context
from multiprocessing.reduction import ForkingPickler
from types import MappingProxyType
from typing import Final

from keytwin.files.page import nearest
from keytwin.network import Plugins, simulate
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.ledger import percentile
from keytwin.scenario.load import known_with
from keytwin.scenario.run import play
from keytwin.scenario.sweep_traffic import Traffic, Visit, app_of, check_load, timeline, visits
from keytwin.vocabulary.blueprint import App
from keytwin.vocabulary.errors import Mistake
from keytwin.vocabulary.events import KeysAnswered, SessionAdmitted, SessionRejected
from keytwin.vocabulary.evidence import AppEvidence, Evidence
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, NodeId, sae_element
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.operator_messages import StopSession
from keytwin.vocabulary.units import BITS_PER_BYTE, Duration, Instant, in_seconds

MOST_RUNS: Final = 100_000
CHUNKS: Final = 16  # of each process: so that none is idle for long at the end
P99: Final = 99


@dataclass(frozen=True, slots=True)
class Cell:
    """One run of a sweep."""

    metric: str
    load: float
    seed: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What a sweep runs."""

    traffic: Traffic
    metrics: tuple[str, ...]
    loads: tuple[float, ...]
    seeds: tuple[int, ...]

    @property
    def cells(self) -> tuple[Cell, ...]:
        """All runs: metric by metric, load by load, seed by seed."""
        return tuple(Cell(*each) for each in product(self.metrics, self.loads, self.seeds))


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """What came of one run; None = there was nothing to measure. Sessions that were there at the start don't count."""

    metric: str
    load: float
    seed: int
    sessions: int
    blocked: int
    keys_asked: int
    keys_delivered: int
    blocking: float | None = field(metadata={"about": "share of sessions refused"})
    hops: float | None = field(metadata={"about": "mean hops of the sessions carried"})
    answered: float | None = field(metadata={"about": "share of the keys asked for that reached both ends"})
    wait_mean_s: float | None = field(metadata={"about": "mean wait for a key, in s"})
    wait_p99_s: float | None = field(metadata={"about": "99 % of waits for a key, in s"})
    spent: float | None = field(metadata={"about": "link key spent per end-to-end key"})
    fairness: float | None = field(metadata={"about": "Jain's index over nodes"})
    failures: tuple[str, ...] = ()
    """Rules that the run broke; none in a sound network."""


MEASURES: Final = {each.name: str(each.metadata["about"]) for each in fields(Row) if "about" in each.metadata}
"""The figures of a row that are averaged over seeds, and what each is."""


def plan_of(
    traffic: Traffic,
    metrics: Sequence[str],
    loads: Sequence[float],
    seeds: Sequence[int],
    plugins: Plugins | None = None,
) -> Plan:
    """Return the plan of a sweep; Mistake when a metric is not known, a load none, or it would never end."""
    known = known_with(plugins).metrics
    for what, given in (("metric", metrics), ("load", loads), ("seed", seeds)):
        if not given:
            raise Mistake(f"a sweep needs at least one {what}: give it with --{what}s")
        most_named, times = Counter(given).most_common(1)[0]
        if times > 1:
            raise Mistake(f"--{what}s: {what} {most_named} is named twice")
    for metric in metrics:
        if metric not in known:
            near = nearest(metric, known)
            hint = f"did you mean {near!r}?" if near else f"known: {', '.join(known)}"
            raise Mistake(f"--metrics: no routing metric is called {metric!r} ({hint})")
    for load in loads:
        if not 0 < load < float("inf"):
            raise Mistake(f"--loads: {load:g} is no load: write numbers above 0, such as 0.2,0.5")
        check_load(traffic, load)
    if (runs := len(metrics) * len(loads) * len(seeds)) > MOST_RUNS:
        raise Mistake(f"{runs:,} runs are more than {MOST_RUNS:,}: name fewer metrics, loads or seeds")
    return Plan(traffic, tuple(metrics), tuple(loads), tuple(seeds))


def run_sweep(plan: Plan, jobs: int = 1, plugins: Plugins | None = None) -> Iterator[Row]:
    """Run a plan on so many processes and give its rows in order, each as soon as those before it are there.

    Fresh processes are started, so with several of them plug-ins must be functions that a module can be asked for.
    """
    run, cells = partial(run_cell, plan.traffic, plugins), plan.cells
    workers = min(jobs, len(cells))
    if workers == 1:
        yield from map(run, cells)
        return
    # Started anew and never forked: a fork would share locks of threads that it doesn't have.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(run, cells, chunksize=max(1, len(cells) // (workers * CHUNKS)))
        finally:
            pool.shutdown(cancel_futures=True)


def run_cell(traffic: Traffic, plugins: Plugins | None, cell: Cell) -> Row:
    """Run one cell; equal cells give equal rows."""
    wanted = visits(traffic, cell.load, cell.seed)
    scenario = timeline(traffic.on(cell.metric), wanted)
    simulation = simulate(scenario.blueprint, cell.seed, plugins)
    watch = _Watch(simulation, {app.id: app for app in scenario.blueprint.apps})
    evidence = play(scenario, simulation, [watch.see])
    return _row(cell, wanted, evidence, watch)


@dataclass(slots=True)
class _Watch:
    """Sends away who is refused, as a loss system wants it, and takes down how long masters wait."""

    simulation: Simulation
    apps: dict[AppId, App]
    app_of: dict[Ksid, AppId] = field(default_factory=dict)
    waits: dict[AppId, list[Duration]] = field(default_factory=dict)

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        del element
        match event:
            case SessionAdmitted():
                self.app_of[event.ksid] = event.app
            case SessionRejected():
                for end in self.apps[event.app].ends:
                    self.simulation.inject(at, sae_element(end.sae), StopSession(event.app))
            case KeysAnswered(is_master=True):
                self.waits.setdefault(self.app_of[event.ksid], []).append(event.waited)
            case _:
                return


def _row(cell: Cell, wanted: Sequence[Visit], evidence: Evidence, watch: _Watch) -> Row:
    apps = {each.app: each for each in evidence.apps}
    seen = [(visit, apps[app_of(number)]) for number, visit in enumerate(wanted) if visit.is_counted]
    carried = [app for _, app in seen if _is_carried(app)]
    waits = sorted(wait for app in carried for wait in watch.waits.get(app.app, ()))
    asked, delivered = sum(app.asked for app in carried), sum(app.equal for app in carried)
    slowest = percentile(waits, P99)
    return Row(
        metric=cell.metric,
        load=cell.load,
        seed=cell.seed,
        sessions=len(seen),
        blocked=len(seen) - len(carried),
        keys_asked=asked,
        keys_delivered=delivered,
        blocking=_ratio(len(seen) - len(carried), len(seen)),
        hops=_ratio(sum(app.hops for app in carried), len(carried)),
        answered=_ratio(delivered, asked),
        wait_mean_s=_ratio(in_seconds(sum(waits)), len(waits)),
        wait_p99_s=None if slowest is None else in_seconds(slowest),
        spent=_spent(evidence),
        fairness=jain(_accepted(seen)),
        failures=evidence.failures,
    )


def jain(shares: Sequence[float]) -> float | None:
    """Return the index of fairness: 1 when all are alike, 1/n when one of n has all.

    Jain, Chiu and Hawe, DEC-TR-301 (1984), recalled. None of nothing, and when nobody has anything.
    """
    squares = sum(share * share for share in shares)
    return sum(shares) ** 2 / (len(shares) * squares) if squares else None


def _accepted(seen: Sequence[tuple[Visit, AppEvidence]]) -> list[float]:
    """Return the share of its sessions that were carried, for each node at which any was wanted."""
    wanted: dict[NodeId, int] = {}
    carried: dict[NodeId, int] = {}
    for visit, app in seen:
        for node in visit.ends:
            wanted[node] = wanted.get(node, 0) + 1
            carried[node] = carried.get(node, 0) + _is_carried(app)
    return [carried[node] / wanted[node] for node in sorted(wanted)]


def _spent(evidence: Evidence) -> float | None:
    """Return link key used as pad or cut as key, per end-to-end key made: the hops that a key costs.

    Per key made and not per key delivered: what lies in a pool when its session ends was made by the same routes.
    """
    used = sum(each.pad + each.delivered for each in evidence.links if each.node == each.sender)
    made = sum(each.made for each in evidence.keys)
    size = max((app.key_size for app in evidence.apps), default=0)
    return _ratio(used * BITS_PER_BYTE, made * size)


def _proxied(held: dict[object, object]) -> MappingProxyType[object, object]:
    return MappingProxyType(held)


# Devices hold read-only mappings, which can't travel between processes by themselves.
ForkingPickler.register(MappingProxyType, lambda proxy: (_proxied, (dict(proxy),)))


def _is_carried(app: AppEvidence) -> bool:
    return app.opened_after is not None


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None
