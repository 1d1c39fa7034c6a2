"""The events of a live network, kept for its operator: the newest ones, each with a number."""

from __future__ import annotations

from collections import deque
from itertools import islice
from typing import Final

import msgspec

from keytwin.runtime.trace import line
from keytwin.service.operator_values import EventPage, NumberedEvent
from keytwin.vocabulary.events import KeysAnswered
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.units import Instant

MOST_KEPT: Final = 10_000  # events: minutes of a busy network in some megabytes
MOST_KEY_IDS: Final = 50_000  # in those events: of big requests fewer are kept, or their names would be most of memory


class RecentEvents:
    """Keeps the newest events as a listener of the network, and gives them page by page."""

    def __init__(self, most: int = MOST_KEPT, most_key_ids: int = MOST_KEY_IDS) -> None:
        assert min(most, most_key_ids) > 0
        self._most, self._most_key_ids = most, most_key_ids
        # As they came: an event that nobody looks at is never written as text.
        self._kept: deque[tuple[Instant, ElementName, Event]] = deque()
        self._key_ids = 0
        self._last = 0

    def see(self, at: Instant, element: ElementName, event: Event) -> None:
        """Hear of an event, as a listener of the network."""
        kept = self._kept
        kept.append((at, element, event))
        self._last += 1
        if isinstance(event, KeysAnswered):
            self._key_ids += len(event.key_ids)
        while len(kept) > self._most or self._key_ids > self._most_key_ids:
            oldest = kept.popleft()[2]
            if isinstance(oldest, KeysAnswered):
                self._key_ids -= len(oldest.key_ids)

    @property
    def last(self) -> int:
        """The number of the newest event; 0 = there was none yet."""
        return self._last

    def page(self, after: int, limit: int) -> EventPage:
        """Return at most `limit` events with numbers above `after`, oldest first.

        An `after` beyond the newest is that of a listener who heard an earlier run of the network: it begins anew.
        """
        assert after >= 0
        assert limit > 0
        heard = after if after <= self._last else 0
        oldest = self._last - len(self._kept)  # the number of the newest event that is kept no longer
        start = max(heard, oldest)
        wanted = islice(self._kept, start - oldest, start - oldest + limit)
        events = tuple(
            NumberedEvent(number, msgspec.Raw(line(*happening))) for number, happening in enumerate(wanted, start + 1)
        )
        return EventPage(events, last=start + len(events), missed=start - heard)
