"""A machine that does what a test tells it, and remembers what it received: the other end of a conversation."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from keytwin.vocabulary.machine import Effect, Message, Record
from keytwin.vocabulary.units import Instant

React = Callable[[Message, Instant], list[Effect]]


def say_nothing(message: Message, now: Instant) -> list[Effect]:
    del message, now
    return []


class Scripted:
    """Returns `first` at its start and `react(message, now)` to each message."""

    def __init__(self, react: React = say_nothing, first: Sequence[Effect] = ()) -> None:
        self._react = react
        self._first = first
        self.received: list[tuple[Instant, Message]] = []
        self.restored: list[Record] = []

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del now
        self.restored = list(records)
        return list(self._first)

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        self.received.append((now, message))
        return self._react(message, now)
