"""Harm at the edges of durability: at Saves and hand-outs, and by disks that are full, lie or rot.

Kills at random hours alone hardly ever meet the moment that matters (measured on a prototype: a mark that was saved
after its use was found in none of 300 seeds), so these aim at it.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from keytwin.runtime.simulation import SLOWEST_DISK
from keytwin.scenario.hunt_harm import Harm
from keytwin.vocabulary.exchange_messages import KeyDelivered
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Message, Record
from keytwin.vocabulary.units import Instant

AIMS: Final = (0.0, 0.0, 0.02, 0.2)
MOST_STRIKES: Final = 12  # in one run, so that something is left to look at
MANNERS: Final = ("before", "after", "torn", "refused")


@dataclass(slots=True)
class Edges:
    """What befalls writes and answers. `save_fails` and `answer` are the simulation's hooks."""

    harm: Harm
    strikes_at_random: bool = False
    aims: dict[str, float] = field(default_factory=dict)  # kind of record -> how many of its Saves are struck
    strikes: int = 0
    full_until: dict[ElementName, Instant] = field(default_factory=dict)
    nth_write: dict[tuple[ElementName, int], str] = field(default_factory=dict)  # -> how it is struck
    nth_answer: dict[tuple[ElementName, int], bool] = field(default_factory=dict)  # -> whether the answer leaves
    writes: Counter[ElementName] = field(default_factory=Counter)
    answers: Counter[ElementName] = field(default_factory=Counter)

    def save_fails(self, at: Instant, element: ElementName, record: Record) -> bool:
        """Tell whether the disk refuses a record, or kill its element before, while or after it is durable."""
        if not self.harm.scope.is_stormy(at):
            return False
        if at < self.full_until.get(element, 0):
            self.harm.note("ENOSPC")
            self.harm.restart_later(element, SLOWEST_DISK)
            return True
        self.writes[element] += 1
        manner = self.nth_write.pop((element, self.writes[element]), None)
        if manner is not None:
            self.harm.note("nth writes")
        elif self._is_struck(type(record).__name__):
            self.strikes += 1
            manner = self.harm.luck.choice(MANNERS)
        return manner is not None and self._strike(at, element, manner)

    def answer(self, at: Instant, source: ElementName, message: Message) -> Message | None:
        """Kill who hands out keys, at the answer it was to be: just before it has left, or just after."""
        if not self.nth_answer or not isinstance(message, KeyDelivered) or not self.harm.scope.is_stormy(at):
            return message
        self.answers[source] += 1
        leaves = self.nth_answer.pop((source, self.answers[source]), None)
        if leaves is None:
            return message
        self.harm.kill(source, "kills at a hand-out")
        return message if leaves else None

    def fill(self, element: ElementName, until: Instant) -> None:
        """Let an element's disk be full for a while."""
        self.full_until[element] = until

    def lie(self, element: ElementName) -> None:
        """Let an element's disk call durable what is not."""
        self.harm.simulation.hosts[element].disk.lie()

    def come_clean(self, element: ElementName) -> None:
        """Let it be durable after all."""
        self.harm.simulation.hosts[element].disk.come_clean()

    def rot(self, element: ElementName) -> None:
        """Let a record go bad, and the element begin anew without all that it had saved."""
        disk = self.harm.simulation.hosts[element].disk
        if disk.durable:
            self.harm.note("rotten records")
            disk.rot()
            self.harm.kill(element, "kills")

    def _is_struck(self, kind: str) -> bool:
        """Each run aims at some kinds of record only: blocks are saved so often that all strikes would fall on them."""
        if not self.strikes_at_random or self.strikes >= MOST_STRIKES:
            return False
        luck = self.harm.luck
        if kind not in self.aims:
            self.aims[kind] = luck.choice(AIMS)
        return luck.random() < self.aims[kind]

    def _strike(self, at: Instant, element: ElementName, manner: str) -> bool:
        harm = self.harm
        match manner:
            case "before":
                harm.kill(element, "kills before a write")
            case "after":
                # Not at once: the element is still saying what it wants to save together.
                harm.simulation.at(at, partial(harm.kill, element, "kills after a write", saved=True))
            case "torn":
                harm.simulation.at(at, partial(harm.tear, element))
            case _:
                harm.note("EIO")
                harm.restart_later(element, SLOWEST_DISK)
                return True
        return False
