"""What befalls a network in a hunt: each seed turns kinds of fault on or off by itself ("swarm"), then all of it heals.

Kills at random hours alone hardly ever meet the moment that matters, so some aim at it: at a Save, just before it is
durable or just after, before anything that waited for it is done.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from functools import partial
from typing import Final

import msgspec

from keytwin.runtime.faults import Partition
from keytwin.runtime.simulation import SLOWEST_DISK, Simulation
from keytwin.scenario.timeline import orders
from keytwin.vocabulary.blueprint import Blueprint
from keytwin.vocabulary.exchange_messages import RelayKeys
from keytwin.vocabulary.identity import ADMISSION, CONTROLLER, ROUTING, ElementName, LinkId, km_of
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.machine import Message, Record
from keytwin.vocabulary.timeline import Action, AttackLink, CutLink, HealLink, MessageFaults
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Duration, Instant, milliseconds, seconds

STORM: Final = (2, 25)  # seconds in which things go wrong
CALM: Final = 30  # from here on nothing does
LONGEST_DOWN: Final = 3.0  # seconds, so that everything is back before CALM
AIMS: Final = (0.0, 0.0, 0.02, 0.2)
MOST_STRIKES: Final = 12  # in one run, so that something is left to look at
HEADER_BITS: Final = 16  # of a number that may be flipped: enough to change it, not to make it absurd

TAGGED: Final = (RelayKeys, ProbeLink, ProbeAnswered)
"""Messages between key managers that answer for themselves by a one-time tag, whatever carries them."""

KINDS: Final = (
    *("dropped", "duplicated", "delayed", "overtaking", "flipped", "parted"),
    *("partitions", "one-way partitions", "pauses", "kills", "kills before a write", "kills after a write"),
    *("failed writes", "restarts", "cuts", "attacks"),
)
"""All kinds of fault that a hunt can inject; the first line counts messages."""


@dataclass(slots=True)
class Harm:
    """Does harm while the run goes on, and counts it; `luck` is drawn from as it goes."""

    simulation: Simulation
    luck: random.Random
    happened: Counter[str] = field(default_factory=Counter)
    aims: dict[str, float] = field(default_factory=dict)  # kind of record -> how many of its Saves are struck
    strikes: int = 0

    def flip(self, share: float, at: Instant, source: ElementName, to: ElementName, message: Message) -> Message:
        """Flip a bit now and then in what key managers send each other, as whoever sits on the wire can."""
        del source, to
        if not isinstance(message, TAGGED) or not _in_storm(at) or self.luck.random() > share:
            return message
        spoiled = flipped(message, self.luck)
        self.happened["flipped"] += spoiled is not message
        return spoiled

    def strike(self, at: Instant, element: ElementName, record: Record) -> bool:
        """Kill an element at a Save, before or after it is durable, or let the disk refuse it (EIO, ENOSPC).

        Each run aims at some kinds of record only: blocks are saved so often that all strikes would fall on them.
        """
        kind = type(record).__name__
        if kind not in self.aims:
            self.aims[kind] = self.luck.choice(AIMS)
        if not _in_storm(at) or self.strikes >= MOST_STRIKES or self.luck.random() >= self.aims[kind]:
            return False
        self.strikes += 1
        match self.luck.choice(("before", "after", "refused")):
            case "before":
                self.kill(element, "kills before a write")
            case "after":
                # Not at once: the element is still saying what it wants to save together.
                self.simulation.at(at, partial(self.kill, element, "kills after a write", saved=True))
            case _:
                self.note("failed writes")
                self.restart_later(element, SLOWEST_DISK)
                return True
        return False

    def kill(self, element: ElementName, kind: str, *, saved: bool = False) -> None:
        """Kill an element that is not down already, and bring it back later."""
        if self.simulation.machine(element) is None:
            return
        self.note(kind)
        self.simulation.stop(element, saved=saved)
        self.restart_later(element)

    def restart_later(self, element: ElementName, least: Duration = Duration(0)) -> None:
        """Bring an element back with what it had saved, before the calm."""
        down = _instant(self.luck.uniform(0.01, LONGEST_DOWN))
        restart = partial(self.simulation.restart, element)
        self.simulation.at(Instant(self.simulation.now + least + down), self.noted("restarts", restart))

    def noted(self, kind: str, action: Callable[[], None]) -> Callable[[], None]:
        """Return the action, counted when it is done."""

        def noted() -> None:
            self.note(kind)
            action()

        return noted

    def note(self, kind: str) -> None:
        """Count something that happened."""
        self.happened[kind] += 1


@dataclass(slots=True)
class Storm:
    """Draws what goes wrong and plans it.

    `dice` is drawn from before the run.
    """

    simulation: Simulation
    blueprint: Blueprint
    dice: random.Random
    harm: Harm

    def plan(self) -> None:
        """Decide which kinds of fault this run has, and plan them."""
        dice = self.dice
        for chance, begin in (
            (0.7, self._lose_messages),
            (0.9, self._darken_links),
            (0.4, self._kill_some),
            (0.3, self._flip_bits),
            (0.35, self._part_some),
            (0.35, self._pause_some),
            (0.35, self._fail_at_writes),
        ):
            if dice.random() < chance:
                begin()

    def counts(self) -> dict[str, int]:
        """Return how many faults of each kind there were."""
        seen = asdict(self.simulation.wires.counts)
        return {kind: int(seen.get(kind, self.harm.happened[kind])) for kind in KINDS}

    # --- kinds of fault ---------------------------------------------------------------------------------------------

    def _lose_messages(self) -> None:
        dice = self.dice
        faults = MessageFaults(
            drop=dice.choice((0.0, 0.02, 0.1, 0.3)),
            duplicate=dice.choice((0.0, 0.05, 0.3)),
            delay=milliseconds(dice.choice((0, 5, 100, 1500))),
            lasting=seconds(STORM[1] - STORM[0]),
        )
        self.simulation.at(_instant(STORM[0]), lambda: self.simulation.disturb(faults))

    def _darken_links(self) -> None:
        dice = self.dice
        for link in self.blueprint.topology.links:
            if dice.random() < 0.3:
                begin = dice.uniform(*STORM)
                if dice.random() < 0.4:
                    self._hurt(begin, "attacks", AttackLink(link.id, dice.choice((0.02, 0.08, 0.25))), link.id)
                else:
                    self._hurt(begin, "cuts", CutLink(link.id), link.id)

    def _hurt(self, begin: float, kind: str, action: Action, link: LinkId) -> None:
        self._do(begin, action)
        self._do(self.dice.uniform(begin, CALM), HealLink(link))
        self.simulation.at(_instant(begin), partial(self.harm.note, kind))

    def _kill_some(self) -> None:
        for _ in range(self.dice.randint(1, 4)):
            element, begin = self.dice.choice(self._elements()), self.dice.uniform(*STORM)
            self.simulation.at(_instant(begin), partial(self.harm.kill, element, "kills"))

    def _part_some(self) -> None:
        dice, wires = self.dice, self.simulation.wires
        for _ in range(dice.randint(1, 3)):
            elements = self._elements()
            dice.shuffle(elements)
            border = dice.randint(1, len(elements) - 1)
            one_way = dice.random() < 0.5
            wall = Partition(frozenset(elements[:border]), frozenset(elements[border:]), one_way)
            begin = dice.uniform(*STORM)
            end = min(begin + dice.choice((0.5, 3.0, 12.0)), CALM)
            kind = "one-way partitions" if one_way else "partitions"
            self.simulation.at(_instant(begin), self.harm.noted(kind, partial(wires.part, wall)))
            self.simulation.at(_instant(end), partial(wires.join, wall))

    def _pause_some(self) -> None:
        dice = self.dice
        for _ in range(dice.randint(1, 3)):
            element, begin = dice.choice(self._elements()), dice.uniform(*STORM)
            until = _instant(min(begin + dice.choice((0.2, 2.0, 12.0)), CALM))
            pause = partial(self.simulation.loop.pause, self.simulation.hosts[element], until)
            self.simulation.at(_instant(begin), self.harm.noted("pauses", pause))

    def _flip_bits(self) -> None:
        self.simulation.wires.tamper(partial(self.harm.flip, self.dice.choice((0.01, 0.05, 0.2))))

    def _fail_at_writes(self) -> None:
        self.simulation.loop.save_fails = self.harm.strike

    def _do(self, at: float, action: Action) -> None:
        for to, message in orders(action, self.blueprint):
            self.simulation.inject(_instant(at), to, message)

    def _elements(self) -> list[ElementName]:
        """Return what can be killed, paused and parted: key managers and control."""
        managers = [km_of(node.id) for node in self.blueprint.topology.nodes]
        seat = self.blueprint.seat
        return [*managers, *(name for element in (ADMISSION, ROUTING, CONTROLLER) for name in seat.everywhere(element))]


def flipped(message: Message, dice: random.Random) -> Message:
    """Return the message with one bit of one of its octet strings or numbers flipped."""
    values = {name: getattr(message, name) for name in message.__struct_fields__}
    fitting = [name for name, value in values.items() if value and type(value) in {bytes, int}]
    if not fitting:
        return message
    name = dice.choice(fitting)
    value = values[name]
    if isinstance(value, bytes):
        octets = bytearray(value)
        octets[dice.randrange(len(octets))] ^= 1 << dice.randrange(8)
        return msgspec.structs.replace(message, **{name: bytes(octets)})
    return msgspec.structs.replace(message, **{name: value ^ 1 << dice.randrange(HEADER_BITS)})


def _in_storm(at: Instant) -> bool:
    return seconds(STORM[0]) <= at <= seconds(STORM[1])


def _instant(second: float) -> Instant:
    return Instant(round(second * NANOSECONDS_PER_SECOND))
