"""What the operator sees of a live network's events: the newest ones, what they add up to, and how links stand."""

from __future__ import annotations

from typing import Final

from keytwin.operation.events import RecentEvents
from keytwin.operation.metrics import Metrics
from keytwin.operation.picture import Picture
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant

MOST_WAITING: Final = 64  # events: looked at in a fraction of a millisecond


class Seen:
    """A listener of a network. It looks at events a little later: many in a row cost less than one at a time."""

    def __init__(self, counts: Metrics) -> None:
        self.kept, self.counts, self.picture = RecentEvents(), counts, Picture()
        self._waiting: list[tuple[Instant, ElementName, Event]] = []

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Hear of an event."""
        waiting = self._waiting
        waiting.append((at, element, event))
        if len(waiting) >= MOST_WAITING:
            self.now()

    def now(self) -> Seen:
        """Return itself, with all that has happened looked at."""
        waiting, self._waiting = self._waiting, []
        for see in (self.kept.see, self.counts.see, self.picture.see):
            for at, element, event in waiting:
                see(at, element, event)
        return self
