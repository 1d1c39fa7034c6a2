"""Asking monitoring for the whole picture, again and again: changes are told anyway, but a message may be lost."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from keytwin.vocabulary.identity import MONITORING, ElementName
from keytwin.vocabulary.link_messages import SubscribePerformance
from keytwin.vocabulary.machine import Effect, Send
from keytwin.vocabulary.units import START, Duration, Instant, after, minutes, seconds

FIRST_PERIOD: Final = seconds(5)  # doubled each time: the first question may come before anything is measured
LONGEST_PERIOD: Final = minutes(5)  # all links of a large network at once: rarely


@dataclass(slots=True)
class Subscription:
    """When `owner` asks next."""

    owner: ElementName
    sources: tuple[ElementName, ...] = (MONITORING,)
    request_at: Instant = START
    _period: Duration = FIRST_PERIOD

    def request(self, now: Instant) -> list[Effect]:
        """Ask, when it is time."""
        if now < self.request_at:
            return []
        self.request_at = after(now, self._period)
        self._period = min(Duration(self._period * 2), LONGEST_PERIOD)
        return [Send(source, SubscribePerformance(self.owner)) for source in self.sources]
