"""The chunks of a key stream at one of its ends: which have a number, which are here, which are gone.

ETSI GS QKD 004 V2.1.1 Table 2: chunk `index` is at index x Key_chunk_size of the stream. Each end has each chunk once,
in any order, until its time is over.
"""

from __future__ import annotations

from collections.abc import Container, Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import Final, NamedTuple

from keytwin.vocabulary.identity import KeyId
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.stream_messages import LARGEST
from keytwin.vocabulary.units import Duration, Instant

WINDOW: Final = 16_384  # how far an end may be beyond the lowest chunk that it has not had, and before the other end


class Held(NamedTuple):
    """A chunk that is here."""

    key: Key
    since: Instant  # when it got its number, or this end learnt of it


class Named(NamedTuple):
    """A chunk that the key manager has for this end."""

    key_id: KeyId
    since: Instant


@dataclass(slots=True)
class Chunks:
    """The second end learns numbers and has `named` chunks first; both ends deliver what is `held`."""

    next: int = 0  # the lowest number that is not given yet, or not known here
    held: dict[int, Held] = field(default_factory=dict)
    named: dict[int, Named] = field(default_factory=dict)
    untold: dict[int, KeyId] = field(default_factory=dict)  # at the first end: the other one has not heard of them
    floor: int = 0  # everything below is gone
    gone: set[int] = field(default_factory=set)  # above the floor

    def number(self, keys: Iterable[Key], now: Instant) -> None:
        """Give the next numbers to keys, at the first end."""
        for key in keys:
            self.held[self.next] = Held(key, now)
            self.untold[self.next] = key.key_id
            self.next += 1

    def learn(self, first: int, key_ids: Iterable[KeyId], now: Instant) -> None:
        """Take the numbers that the first end has given; what leaves a gap waits until it is told in full."""
        if first > self.next:
            return
        for index, key_id in enumerate(key_ids, first):
            if index == self.next and index < self.limit:
                self.named[index] = Named(key_id, now)
                self.next += 1

    def heard(self, number: int) -> None:
        """Tell no more of what the second end knows."""
        for index in [each for each in self.untold if each < number]:
            del self.untold[index]

    @property
    def limit(self) -> int:
        """All numbers are below."""
        return min(self.floor + WINDOW, LARGEST)

    def is_gone(self, index: int) -> bool:
        """Whether a chunk was delivered here, or its time is over."""
        return index < self.floor or index in self.gone

    def lowest(self, but: Container[int]) -> int:
        """Return the lowest number that is not gone and not among those `but`."""
        index = self.floor
        while index in self.gone or index in but:
            index += 1
        return index

    def lose(self, index: int) -> None:
        """Count a chunk as gone."""
        self.gone.add(index)
        while self.floor in self.gone:
            self.gone.remove(self.floor)
            self.floor += 1

    def take(self, index: int) -> Held:
        """Take a chunk out that is here."""
        held = self.held.pop(index)
        self.lose(index)
        return held

    def expire(self, until: Instant) -> list[KeyId]:
        """Wipe what is here from before `until`, and return what the key manager still has of that age."""
        for index, held in list(self.held.items()):
            if held.since <= until:
                held.key.material.wipe()
                self.take(index)
        left = []
        for index, named in list(self.named.items()):
            if named.since > until:
                break
            del self.named[index]
            self.lose(index)
            left.append(named.key_id)
        return left

    def expiry(self, ttl: Duration) -> Instant | None:
        """Return when the oldest chunk is over."""
        oldest = [held.since for held in islice(self.held.values(), 1)]
        oldest += [named.since for named in islice(self.named.values(), 1)]
        return Instant(min(oldest) + ttl) if oldest else None

    def wipe(self) -> None:
        """Wipe all that is here, and forget the rest."""
        for held in self.held.values():
            held.key.material.wipe()
        self.held.clear()
        self.named.clear()
