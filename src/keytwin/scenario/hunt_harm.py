"""The hand that does harm in a hunt: kills and brings back, flips bits, sends old messages again, and counts it all."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from keytwin.runtime.journal_codec import fresh_copy
from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_scope import ALL, CALM, Scope
from keytwin.vocabulary.exchange_messages import AnswerCiphertext, NameKeys, RelayKeys
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.link_messages import ProbeAnswered, ProbeLink
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.point_messages import AskSum, XorAnnounced, XorSummed
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Duration, Instant

LONGEST_DOWN: Final = 3.0  # seconds, so that everything is back before CALM
HEADER_BITS: Final = 16  # of a number that may be flipped: enough to change it, not to make it absurd
MOST_REPLAYS: Final = 100
FIRST_ONES: Final = 3  # of each kind of message, which are kept in any case
SOON: Final = (CALM, CALM + 8)  # seconds at which old messages come again: while sessions are opened anew,
LATE: Final = (60, 95)  # and when those are over

TAGGED: Final = (RelayKeys, ProbeLink, ProbeAnswered)
"""Messages between key managers that answer for themselves by a one-time tag, whatever carries them."""

SUMMED: Final = (XorAnnounced, AskSum, XorSummed)
"""What goes to the central point and comes from it: one that is spoiled leads to no key whose tag is right."""

PROVEN: Final = (AnswerCiphertext, NameKeys)
"""Signals between the ends of a session: a post-quantum secret that they spoil is one that no end can prove."""

Spoiled = Callable[[ElementName, Message, Message], None]


@dataclass(slots=True)
class Harm:
    """Does harm while the run goes on, and counts it; `luck` is drawn from as it goes."""

    simulation: Simulation
    luck: random.Random
    scope: Scope = ALL
    happened: Counter[str] = field(default_factory=Counter)
    spoiled: list[Spoiled] = field(default_factory=list)  # who is told what a message was, and has become
    expected: set[ElementName] = field(default_factory=set)  # those that are on their way back
    replays: int = 0
    seen: Counter[str] = field(default_factory=Counter)  # messages by kind

    def flip(self, share: float, at: Instant, to: ElementName, message: Message) -> Message:
        """Flip a bit now and then in what key managers send each other, as whoever sits on the wire can."""
        if (
            not isinstance(message, (*TAGGED, *PROVEN, *SUMMED))
            or not self.scope.is_stormy(at)
            or self.luck.random() > share
        ):
            return message
        spoiled = flipped(message, self.luck)
        if spoiled is not message:
            self.note("flipped")
            for tell in self.spoiled:
                tell(to, message, spoiled)
        return spoiled

    def remember(self, share: float, at: Instant, source: ElementName, to: ElementName, message: Message) -> None:
        """Keep a message now and then, and deliver it again when all is well, or much later."""
        if source.startswith("sae/") or to.startswith("sae/") or source == to or self.replays >= MOST_REPLAYS:
            return
        if not self.scope.is_stormy(at):
            return
        kind = type(message).__name__
        self.seen[kind] += 1
        # Of each kind the first ones: what is rare is what a late copy does most harm with.
        if self.seen[kind] > FIRST_ONES and self.luck.random() > share:
            return
        self.replays += 1
        again = fresh_copy(message)  # now: what its owner wipes later is in it
        replay = partial(self._replay, to, again)
        self.simulation.at(instant(self.luck.uniform(*self.luck.choice((SOON, LATE)))), replay)

    def kill(self, element: ElementName, kind: str, *, saved: bool = False, torn: int = 0) -> None:
        """Kill an element that is not down already, and bring it back later."""
        if self.simulation.machine(element) is None:
            return
        self.note(kind)
        lost = len(self.simulation.hosts[element].disk.lost)
        self.simulation.stop(element, saved=saved, torn=torn)
        self.happened["lost syncs"] += len(self.simulation.hosts[element].disk.lost) - lost
        self.restart_later(element)

    def tear(self, element: ElementName) -> None:
        """Kill an element while the disk is at its records: some of them are durable, the others gone."""
        under_way = self.simulation.loop.unwritten(self.simulation.hosts[element])
        if under_way > 1:
            self.kill(element, "torn writes", torn=self.luck.randrange(1, under_way))
        else:
            self.kill(element, "kills before a write")

    def restart_later(self, element: ElementName, least: Duration = Duration(0)) -> None:
        """Bring an element back with what it had saved, before the calm."""
        if element in self.expected:
            return
        self.expected.add(element)
        down = instant(self.luck.uniform(0.01, LONGEST_DOWN))
        self.simulation.at(Instant(self.simulation.now + least + down), partial(self._restart, element))

    def noted(self, kind: str, action: Callable[[], None]) -> Callable[[], None]:
        """Return the action, counted when it is done."""

        def noted() -> None:
            self.note(kind)
            action()

        return noted

    def note(self, kind: str) -> None:
        """Count something that happened."""
        self.happened[kind] += 1

    def _restart(self, element: ElementName) -> None:
        self.expected.discard(element)
        self.note("restarts")
        self.simulation.restart(element)

    def _replay(self, to: ElementName, message: Message) -> None:
        self.note("replayed")
        self.simulation.inject(self.simulation.now, to, message)


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


def instant(second: float) -> Instant:
    """Return the instant so many seconds after the start of a run."""
    return Instant(round(second * NANOSECONDS_PER_SECOND))
