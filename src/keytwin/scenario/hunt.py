"""Hunting for faults: networks, loads and storms drawn by seeds, judged by oracles from outside.

After the storm a network heals and must drain: sessions end, nothing stays reserved, the books close. A run in which no
key got through proves nothing, and is a violation like any other. Equal seeds give equal outcomes, whatever runs beside
them. Method: FoundationDB's simulation and the swarm testing of Groce and others (2012), both recalled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import partial
from multiprocessing import get_context
from typing import Final

from keytwin.control.admission import Admission
from keytwin.keymanagement.manager import KeyManager
from keytwin.network import simulate
from keytwin.runtime.crash import contain
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_durable import DurableWatch
from keytwin.scenario.hunt_intruder import Intruder
from keytwin.scenario.hunt_network import Design, designed, drawn_design, drawn_network
from keytwin.scenario.hunt_oracles import (
    Broken,
    BusWatch,
    PadWatch,
    SaeLedger,
    assert_books_close,
    assert_nothing_is_left,
    rates_of,
)
from keytwin.scenario.hunt_relays import SLACK, LifeWatch, RelayWatch, assert_floors_are_told
from keytwin.scenario.hunt_scope import ALL, CALM, Scope, shrunk
from keytwin.scenario.hunt_sessions import SessionWatch
from keytwin.scenario.hunt_storm import Storm
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import App
from keytwin.vocabulary.identity import ADMISSION, ElementName, km_of
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.timeline import Action, AskKeys, CloseApp, OpenApp
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Bits, Instant, in_seconds, milliseconds, seconds

CLOSE: Final = 50  # seconds: those who close do it from here on
DRAINED: Final = 100  # from here on a run may end as soon as nothing is left
LONGEST_PAUSE: Final = 13  # seconds that an answer may be late because somebody stood still
PATIENCE: Final = 12  # seconds: longer than an end waits for its peer
END: Final = 400  # by then every lease and tombstone has run out
THOROUGH: Final = 4  # every fourth run goes on to END, with a look at the books each second
SELDOM: Final = 7  # seconds between looks in the others
CHUNKS: Final = 32  # of each process: so that none is idle for long at the end


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of one seed; `broken` is empty when all rules held."""

    seed: int
    broken: str
    faults: dict[str, int]
    keys: int
    """End-to-end keys that reached both ends."""
    sessions: int
    sealed: int
    """Different messages under one-time pad or tag."""
    messages: int
    families: frozenset[str]
    """Of faults that took part."""
    digest: str
    """Of all that was published: equal runs, equal digests."""


class Hunt:
    """One run. `change` may plant a fault in the simulation before it starts; `design` None = the seed's."""

    def __init__(
        self,
        seed: int,
        nodes: int | None = None,
        design: Design | None = None,
        change: Callable[[Simulation], None] | None = None,
        scope: Scope = ALL,
    ) -> None:
        self.seed, self.scope = seed, scope
        chance = SeededChance(seed)
        network = drawn_network(chance.dice("hunt: network"), nodes)
        # Of each app by itself: what one does changes nothing of what the others do.
        self._chance = chance
        drawn = drawn_design(chance.dice("hunt: design"), len(network.topology.nodes))
        self.blueprint = designed(network, design or drawn)
        self.simulation = simulate(self.blueprint, seed, keep_records=True)
        self._has_asked_again = False
        self.pads, self.bus = PadWatch(), BusWatch()
        self.ledger = SaeLedger(rates_of(self.blueprint), self._was_lost)
        self.durable, self.relays = DurableWatch(self.simulation), RelayWatch()
        self.sessions = SessionWatch(self._was_lost)
        self.intruder = Intruder(self.simulation, self.blueprint, chance.dice("hunt: intruder"))
        self.lives = LifeWatch(self.blueprint.key_management.key_lifetime)
        self.storm = Storm(self.simulation, self.blueprint, chance, scope)
        self.storm.harm.spoiled.append(self.relays.spoil)
        self.simulation.wires.tap(self._tap)
        self.simulation.subscribe(self.bus.hear)
        if change:
            change(self.simulation)

    def run(self) -> None:
        """Run to the end, with every oracle at work; Broken, or whatever a machine raises, is a finding."""
        self.storm.plan()  # before the start, for clocks that are wrong from the beginning
        if self.storm.families & {"pauses", "clocks"}:
            self.lives.patience = seconds(LONGEST_PAUSE)
        self.simulation.start()
        self._ask()
        is_thorough = self.seed % THOROUGH == 0
        for second in range(1, END + 1, 1 if is_thorough else SELDOM):
            self.simulation.run(Instant(seconds(second)))
            self._look()
            self._ask_again()
            # A run in which nothing got through so far has its second chance first.
            if second > DRAINED and not is_thorough and self._has_worked and self._left() is None:
                break
        if (left := self._left()) is not None:
            raise left
        self.pads.close()
        self.bus.close()
        self._assert_worked()

    def outcome(self, broken: str = "") -> Outcome:
        """Return what has come of it so far."""
        return Outcome(
            seed=self.seed,
            broken=broken,
            faults=self.storm.counts(),
            keys=self.ledger.pairs(),
            sessions=self.bus.sessions,
            sealed=self.pads.messages,
            messages=self.simulation.messages,
            families=frozenset(self.storm.families),
            digest=self.bus.digest(),
        )

    def _look(self) -> None:
        key_managers = self._key_managers()
        assert_books_close(key_managers)
        hosts = self.simulation.hosts
        assert_floors_are_told(key_managers, [km.node for km in key_managers if hosts[km_of(km.node)].disk.lost])
        for km in key_managers:
            host = hosts[km_of(km.node)]
            # Who has just come back, or stands still, has not had the time to sweep.
            if host.paused_until <= self.simulation.now and host.booted_at + SLACK < self.simulation.now:
                self.lives.look(km, Instant(self.simulation.now + host.ahead), self.ledger)

    def _was_lost(self, name: str) -> bool:
        """Whether a disk has forgotten, or cannot read, a record about this that it had called durable."""
        sought = name.encode()
        return any(sought in record for host in self.simulation.hosts.values() for record in host.disk.lost)

    def apps(self) -> list[App]:
        """Return the apps that take part."""
        return [app for app in self.blueprint.apps if self.scope.apps is None or app.id in self.scope.apps]

    def _ask(self) -> None:
        for app in self.apps():
            dice = self._chance.dice(f"hunt: asks of {app.id}")
            self._do(dice.uniform(0, 4), OpenApp(app.id))
            self._do(CALM, OpenApp(app.id))  # an end that has lost its session in the storm wants it back
            for begin in (dice.uniform(1, 8), CALM + dice.uniform(1, 3)):
                masters = dice.choice(("first", "second", "both"))
                size = dice.choice((None, None, None, Bits(128), Bits(512)))
                every = milliseconds(dice.choice((300, 1000, 2500)))
                self._do(begin, AskKeys(app.id, dice.choice((1, 1, 3, 9)), size, dice.randint(2, 8), every, masters))
            if dice.random() < 0.7:
                self._do(CLOSE + dice.uniform(0, 5), CloseApp(app.id))

    def _ask_again(self) -> None:
        """Open once more where nothing got through, when the last session of the storm has run into its time limit.

        An end that still held one did not open at CALM, so its peer, which had lost its own, waited for it in vain.
        """
        over = in_seconds(self.blueprint.control.admission.inactivity_timeout) + CALM + PATIENCE
        now = in_seconds(self.simulation.now)
        if self._has_asked_again or now < over or self._has_worked:
            return
        self._has_asked_again = True
        for app in self.apps():
            self._do(now, OpenApp(app.id))
            self._do(now + 1, AskKeys(app.id, times=4, every=seconds(1), masters="both"))

    def _do(self, at: float, action: Action) -> None:
        for to, message in orders(action, self.blueprint):
            self.simulation.inject(Instant(round(at * NANOSECONDS_PER_SECOND)), to, message)

    def _tap(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        self.pads.see(message)
        self.ledger.see(at, to, message)
        self.durable.see(source, to, message)
        self.relays.see(self.simulation.hosts[source].incarnation, message)
        self.sessions.see(at, source, message)
        self.intruder.see(to, message)
        self.lives.see(at, message)
        self.bus.see(to, message)

    def _key_managers(self) -> list[KeyManager]:
        machines = [self.simulation.machine(km_of(node.id)) for node in self.blueprint.topology.nodes]
        return [machine for machine in machines if isinstance(machine, KeyManager)]

    def _left(self) -> Broken | None:
        """Return what is left of sessions, None when nothing is."""
        try:
            assert_nothing_is_left(self._key_managers())
            self._assert_nothing_is_promised()
        except Broken as broken:
            return broken
        return None

    def _assert_nothing_is_promised(self) -> None:
        """S1: where each node keeps its own reservations, none of them is left at any."""
        for name in self.blueprint.seat.everywhere(ADMISSION):
            admission = self.simulation.machine(name)
            if not isinstance(admission, Admission):
                raise Broken(f"S1: {name} is down")
            if admission.keeper.kept or not admission.ledger.is_empty:
                raise Broken(f"S1: {name} still reserves something of a link")

    @property
    def _has_worked(self) -> bool:
        return self.ledger.pairs() >= max(1, len(self.apps()))

    def _assert_worked(self) -> None:
        """A run that did nothing proves nothing.

        But for one whose disks have forgotten a session: no SAE is told that its key manager does not know it any more.
        """
        if not self._has_worked and not any(host.disk.lost for host in self.simulation.hosts.values()):
            raise Broken(f"work: only {self.ledger.pairs()} keys reached both ends")


def run_seed(nodes: int | None, seed: int, scope: Scope = ALL) -> Outcome:
    """Run one seed; whatever breaks, an error of a machine included, is in its outcome."""
    hunt = Hunt(seed, nodes, scope=scope)
    found = contain(hunt.run)
    return hunt.outcome(_told(found) if isinstance(found, Exception) else "")


def hunt(seeds: range, nodes: int | None = None, jobs: int = 1, scope: Scope = ALL) -> Iterator[Outcome]:
    """Run seeds on so many processes and give their outcomes in order, each as soon as those before it are there."""
    run, workers = partial(run_seed, nodes, scope=scope), min(jobs, len(seeds))
    if workers <= 1:
        yield from map(run, seeds)
        return
    # Started anew and never forked: a fork would share locks of threads that it doesn't have.
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            yield from pool.map(run, seeds, chunksize=max(1, len(seeds) // (workers * CHUNKS)))
        finally:
            pool.shutdown(cancel_futures=True)


def smaller(outcome: Outcome, nodes: int | None, scope: Scope = ALL) -> Scope:
    """Return the smallest part of a violated run in which the same rule still breaks; it takes up to MOST_TRIES runs.

    The network stays as it is: with other nodes the seed would draw another one.
    """
    apps = frozenset(app.id for app in Hunt(outcome.seed, nodes, scope=scope).apps())
    rule = rule_of(outcome.broken)
    return shrunk(
        scope, outcome.families, apps, lambda part: rule_of(run_seed(nodes, outcome.seed, part).broken) == rule
    )


def rule_of(broken: str) -> str:
    """Return which rule a violation breaks, such as K1, "work" or, of an error, its type."""
    rule, _, rest = broken.partition(": ")
    return f"{rule}: {rest.partition(':')[0]}" if rule == "error" else rule


def _told(error: Exception) -> str:
    """Say in one line what broke; an error that is no broken rule says where it came from."""
    if isinstance(error, Broken):
        return str(error)
    notes = getattr(error, "__notes__", ())
    return "; ".join((f"error: {type(error).__name__}: {error}", *notes)).replace("\n", " ")
