"""Two copies of one key manager at work with one identity: whoever is heard when, no octet of a pad serves twice (P2).

A copied data directory is started beside the original; or the original is stopped, replaced, and goes on later. Both
copies count with the same disk as it was when it was copied, and each has its own from then on. The network is at its
worst for them: whatever is sent to the one identity reaches every copy that is awake.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import cast

import msgspec
import pytest

from keytwin.keymanagement.manager import KeyManager
from keytwin.runtime.entropy import SeededChance
from keytwin.runtime.host import Receive
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.events import PadsDoubted
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.link_messages import LinkKeyBlock
from keytwin.vocabulary.machine import Effect, Message, Record, StartTimer, StopTimer
from keytwin.vocabulary.units import Instant, seconds
from tests.keymanagement.bench import FIRST, SECOND, Row
from tests.marks import invariant


class ForCopy(Message, frozen=True):
    """A timer's message, and whose timer it was."""

    index: int
    message: Message


class StartCopy(Message, frozen=True):
    """From outside: begin on the copied disk."""


class Wake(Message, frozen=True):
    """From outside: go on where it was stopped."""


@dataclass
class Copies:
    """Stands where one key manager stood: the original, and a copy once it is started."""

    copies: list[KeyManager]
    fresh: KeyManager
    disk: list[Record]
    awake: set[int] = field(default_factory=lambda: {0})
    missed: list[ForCopy] = field(default_factory=list)  # timers of a copy that is stopped

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        match message:
            case StartCopy():
                self.copies.append(self.fresh)
                self.awake.add(1)
                return self._named(1, self.fresh.restore(self.disk, now))
            case Wake():
                self.awake.add(0)
                missed, self.missed = self.missed, []
                return [effect for each in missed for effect in self._to(each.index, each.message, now)]
            case ForCopy(index=index) if index not in self.awake:
                self.missed.append(message)
                return []
            case ForCopy():
                return self._to(message.index, message.message, now)
            case _:
                return [effect for index in sorted(self.awake) for effect in self._to(index, message, now)]

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        return self.copies[0].restore(records, now)

    def _to(self, index: int, message: Message, now: Instant) -> list[Effect]:
        if isinstance(message, LinkKeyBlock):  # which its receiver owns
            with message.material.inspected() as octets:
                message = msgspec.structs.replace(message, material=KeyMaterial(bytearray(octets)))
        try:
            return self._named(index, self.copies[index].receive(message, now))
        except Violation:  # what a neighbour says to the one breaks the protocol for the other
            return []

    def _named(self, index: int, effects: list[Effect]) -> list[Effect]:
        """Give each copy timers of its own."""
        named: list[Effect] = []
        for effect in effects:
            match effect:
                case StartTimer():
                    named.append(StartTimer(f"{index}/{effect.name}", effect.after, ForCopy(index, effect.message)))
                case StopTimer():
                    named.append(StopTimer(f"{index}/{effect.name}"))
                case _:
                    named.append(effect)
        return named


def doubled(row: Row, index: int) -> Copies:
    """Put the key manager that runs under the eyes of the copy that is to come; timers that run are its own."""
    host = row.simulation.hosts[km_of(row.nodes[index])]
    chance = SeededChance(row.seed + 1).entropy(km_of(row.nodes[index]))
    copies = Copies([row.km(index)], KeyManager(row.setup(row.nodes[index]), chance), host.disk.records())
    for timer in host.timers.values():
        if timer.message is not None:
            timer.message = ForCopy(0, timer.message)
    host.machine, host.receive = copies, cast("Receive", copies.receive)
    return copies


def talk(row: Row, until: int, name: str) -> None:
    for second in range(row.simulation.now // 10**9 + 1, until):
        for sae in (FIRST, SECOND):
            row.ask(sae, f"{name} {sae} {second}", 50)
        row.run(seconds(second))


@invariant("P1")
@invariant("P2")
@pytest.mark.parametrize("hops", [1, 2])
@pytest.mark.parametrize("index", [0, 1])
@pytest.mark.parametrize("is_stopped", [False, True], ids=["beside the original", "the original stopped meanwhile"])
def test_no_octet_serves_twice_though_two_copies_are_at_work(hops: int, index: int, *, is_stopped: bool) -> None:
    row = Row(hops=hops)
    row.run(seconds(2))
    row.open(seconds(2))
    row.run(seconds(4))
    copies = doubled(row, index)
    talk(row, 12, "before")  # the original goes on from here by itself: the copied disk is an old one
    if is_stopped:
        copies.awake.discard(0)
    row.tell(km_of(row.nodes[index]), StartCopy())
    talk(row, 20, "beside")
    if is_stopped:
        row.tell(km_of(row.nodes[index]), Wake())
    talk(row, 32, "both")
    row.pads.close()
    doubts = row.published(PadsDoubted)
    assert {event.node for event in doubts} == {row.nodes[index]}
    # The copy knows that its disk is old, and the original that it is left behind.
    assert len({event.what for event in doubts}) == 2
    original, copy = copies.copies
    assert any(kmlink.lease.is_fenced for kmlink in original.links.kmlinks.values())
    assert original.restored.is_withheld  # and hands out nothing any more
    assert not any(kmlink.lease.is_fenced for kmlink in copy.links.kmlinks.values())
