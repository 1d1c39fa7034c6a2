"""What befalls a network in a hunt: each seed turns families of fault on or off by itself ("swarm"), then all heals."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Final

from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.faults import Partition
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_edges import MANNERS, Edges
from keytwin.scenario.hunt_harm import Harm, instant
from keytwin.scenario.hunt_scope import ALL, CALM, FAMILIES, STORM, Scope
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, ROUTING, XOR_POINT, ElementName, LinkId, km_of
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.timeline import Action, AttackLink, CutLink, HealLink, MessageFaults
from keytwin.vocabulary.units import Instant, milliseconds, minutes, seconds

KINDS: Final = (
    *("dropped", "duplicated", "delayed", "overtaking", "flipped", "parted", "replayed"),
    *("partitions", "one-way partitions", "pauses", "kills", "kills before a write", "kills after a write"),
    *("torn writes", "EIO", "ENOSPC", "full disks", "nth writes", "kills at a hand-out"),
    *("clock offsets", "clock jumps", "lying disks", "lost syncs", "rotten records", "restarts", "cuts", "attacks"),
)
"""All kinds of fault that a hunt can inject; the first line counts messages."""

CLOCKS: Final = (0, seconds(1), minutes(10), minutes(60))
"""How far a clock may be ahead. None is behind: what counts is the difference from the others."""

FURTHEST_WRITE: Final = 200  # of one element in a storm that a failpoint may be at
FURTHEST_ANSWER: Final = 12


@dataclass(slots=True)
class Storm:
    """Draws what goes wrong and plans it; each family from dice of its own, before the run."""

    simulation: Simulation
    blueprint: Blueprint
    chance: SeededChance
    scope: Scope = ALL
    harm: Harm = field(init=False)
    edges: Edges = field(init=False)
    families: set[str] = field(default_factory=set)
    _flips: float = 0.0

    def __post_init__(self) -> None:
        self.harm = Harm(self.simulation, self.chance.dice("hunt: luck"), self.scope)
        self.edges = Edges(self.harm)

    def plan(self) -> None:
        """Decide which families of fault this run has, and plan them."""
        for family, share in FAMILIES.items():
            dice = self.chance.dice(f"hunt: {family}")
            # A family that somebody has named happens in any case.
            is_drawn = dice.random() < share
            if self.scope.has(family) and (is_drawn or self.scope.only is not None):
                self.begin(family, dice)

    def begin(self, family: str, dice: random.Random) -> None:
        """Plan one family."""
        self.families.add(family)
        _FAMILIES[family](self, dice)
        self.simulation.loop.save_fails = self.edges.save_fails
        self.simulation.wires.tamper(self._meddle)

    def counts(self) -> dict[str, int]:
        """Return how many faults of each kind there were."""
        seen = asdict(self.simulation.wires.counts)
        return {kind: int(seen.get(kind, self.harm.happened[kind])) for kind in KINDS}

    def elements(self) -> list[ElementName]:
        """Return what can be killed, paused and parted: key managers and control."""
        seat = self.blueprint.seat
        control = (name for element in (ADMISSION, ROUTING, CONTROLLER) for name in seat.everywhere(element))
        point = [XOR_POINT] if XOR_POINT in self.simulation.hosts else []
        return [*self.managers(), *control, *point]

    def managers(self) -> list[ElementName]:
        """Return the key managers."""
        return [km_of(node.id) for node in self.blueprint.topology.nodes]

    def do(self, at: float, action: Action) -> None:
        """Let something happen to the network; nothing begins after the end of the storm."""
        for to, message in orders(action, self.blueprint):
            self.simulation.inject(instant(at), to, message)

    def at(self, second: float, kind: str, action: Callable[[], None]) -> None:
        """Plan a fault, which is counted when it comes; none begins after the end of the storm."""
        if second <= self.scope.storm_ends:
            self.simulation.at(instant(second), self.harm.noted(kind, action) if kind else action)

    def flip(self, share: float) -> None:
        """Let bits be flipped."""
        self._flips = share

    def _meddle(self, at: Instant, source: ElementName, to: ElementName, message: Message) -> Message | None:
        if self._flips:
            message = self.harm.flip(self._flips, at, to, message)
        return self.edges.answer(at, source, message)


# --- families of fault ----------------------------------------------------------------------------------------------


def _lose_messages(storm: Storm, dice: random.Random) -> None:
    faults = MessageFaults(
        drop=dice.choice((0.0, 0.02, 0.1, 0.3)),
        duplicate=dice.choice((0.0, 0.05, 0.3)),
        delay=milliseconds(dice.choice((0, 5, 100, 1500))),
        lasting=seconds(storm.scope.storm_ends - STORM[0]),
    )
    storm.at(STORM[0], "", lambda: storm.simulation.disturb(faults))


def _darken_links(storm: Storm, dice: random.Random) -> None:
    for link in storm.blueprint.topology.links:
        if dice.random() < 0.3:
            begin, is_attack, error = dice.uniform(*STORM), dice.random() < 0.4, dice.choice((0.02, 0.08, 0.25))
            end = dice.uniform(begin, CALM)
            if begin > storm.scope.storm_ends:
                continue
            storm.do(begin, AttackLink(link.id, error) if is_attack else CutLink(link.id))
            storm.do(end, HealLink(LinkId(link.id)))
            storm.at(begin, "attacks" if is_attack else "cuts", lambda: None)


def _kill_some(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 4)):
        element = dice.choice(storm.elements())
        storm.at(dice.uniform(*STORM), "", partial(storm.harm.kill, element, "kills"))


def _flip_bits(storm: Storm, dice: random.Random) -> None:
    storm.flip(dice.choice((0.01, 0.05, 0.2)))


def _part_some(storm: Storm, dice: random.Random) -> None:
    wires = storm.simulation.wires
    for _ in range(dice.randint(1, 3)):
        elements = storm.elements()
        dice.shuffle(elements)
        border = dice.randint(1, len(elements) - 1)
        one_way = dice.random() < 0.5
        wall = Partition(frozenset(elements[:border]), frozenset(elements[border:]), one_way)
        begin = dice.uniform(*STORM)
        end = min(begin + dice.choice((0.5, 3.0, 12.0)), CALM)
        storm.at(begin, "one-way partitions" if one_way else "partitions", partial(wires.part, wall))
        storm.simulation.at(instant(end), partial(wires.join, wall))


def _pause_some(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 3)):
        element, begin = dice.choice(storm.elements()), dice.uniform(*STORM)
        until = instant(min(begin + dice.choice((0.2, 2.0, 12.0)), CALM))
        storm.at(begin, "pauses", partial(storm.simulation.loop.pause, storm.simulation.hosts[element], until))


def _fail_at_writes(storm: Storm, dice: random.Random) -> None:
    del dice  # strikes are drawn as the run goes on
    storm.edges.strikes_at_random = True


def _replay_old(storm: Storm, dice: random.Random) -> None:
    storm.simulation.wires.tap(partial(storm.harm.remember, dice.choice((0.003, 0.02))))


def _set_failpoints(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 3)):
        nth = round(FURTHEST_WRITE ** dice.random())  # the first ones as likely as all that come later
        storm.edges.nth_write[dice.choice(storm.elements()), nth] = dice.choice(MANNERS)
    for _ in range(dice.randint(1, 3)):
        nth = dice.randint(1, FURTHEST_ANSWER)
        storm.edges.nth_answer[dice.choice(storm.managers()), nth] = dice.random() < 0.5


def _fill_disks(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 2)):
        element, begin = dice.choice(storm.elements()), dice.uniform(*STORM)
        end = min(begin + dice.choice((0.5, 3.0, 8.0)), STORM[1])
        storm.at(begin, "full disks", partial(storm.edges.fill, element, instant(end)))


def _set_clocks(storm: Storm, dice: random.Random) -> None:
    """Set clocks wrong from the start, and set them anew later: who runs does not notice, who starts anew does."""
    hosts, harm = storm.simulation.hosts, storm.harm

    def jump(element: ElementName, ahead: int, *, is_noticed: bool) -> None:
        hosts[element].wall = ahead
        if is_noticed:
            harm.kill(element, "kills")

    for element in storm.elements():
        if dice.random() < 0.5:
            hosts[element].wall = dice.choice(CLOCKS)
            harm.happened["clock offsets"] += hosts[element].wall > 0
    for _ in range(dice.randint(0, 3)):
        element, ahead, is_noticed = dice.choice(storm.elements()), dice.choice(CLOCKS), dice.random() < 0.7
        storm.at(dice.uniform(*STORM), "clock jumps", partial(jump, element, ahead, is_noticed=is_noticed))


def _let_disks_lie(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 2)):
        element, begin = dice.choice(storm.managers()), dice.uniform(*STORM)
        until = begin + dice.choice((0.5, 3.0))
        storm.at(begin, "lying disks", partial(storm.edges.lie, element))
        if dice.random() < 0.7:
            storm.at(until, "", partial(storm.harm.kill, element, "kills"))
        storm.simulation.at(instant(min(until, STORM[1]) + 0.001), partial(storm.edges.come_clean, element))


def _let_records_rot(storm: Storm, dice: random.Random) -> None:
    for _ in range(dice.randint(1, 2)):
        element = dice.choice(storm.managers())
        storm.at(dice.uniform(*STORM), "", partial(storm.edges.rot, element))


_FAMILIES: Final[dict[str, Callable[[Storm, random.Random], None]]] = {
    "messages": _lose_messages,
    "links": _darken_links,
    "kills": _kill_some,
    "flips": _flip_bits,
    "partitions": _part_some,
    "pauses": _pause_some,
    "writes": _fail_at_writes,
    "replays": _replay_old,
    "failpoints": _set_failpoints,
    "full-disks": _fill_disks,
    "clocks": _set_clocks,
    "lying-disks": _let_disks_lie,
    "rot": _let_records_rot,
}
assert _FAMILIES.keys() == FAMILIES.keys()
