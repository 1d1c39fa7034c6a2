"""The central point of `relay: xor-central`: sums up what nodes announce, for whoever asks. ITU-T Y.3802 (recalled).

It is trusted with nothing. What it hears leaves every key as likely as any other; what it says is believed by nobody
before a tag is checked that never came here. It keeps announcements for as long as a maker waits for its batch, and
nothing durably: a restart costs the batches under way, which their makers void.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.identity import km_of
from keytwin.vocabulary.machine import Effect, Message, Record, Send, StartTimer
from keytwin.vocabulary.point_messages import AskSum, XorAnnounced, XorSummed
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import Duration, Instant

KEPT: Final = CARRY_TIMEOUT  # after that the maker has given the batch up
MOST_OCTETS: Final = 64 * 1024 * 1024  # of announcements; beyond it the oldest go, and their makers void the batches
MOST_ANNOUNCEMENTS: Final = 65_536
MOST_ASKS: Final = 16_384
TIMER: Final = "forget"


class ForgetDue(Message, frozen=True, gc=False):
    """To oneself: drop what nobody waits for any more."""


@dataclass(slots=True)
class Heard:
    """One announcement, and when it came."""

    told: XorAnnounced
    at: Instant


@dataclass(slots=True)
class Asking:
    """Somebody who waits for a sum: since when, and the first announcement on the way back that is not here."""

    ask: AskSum
    at: Instant
    lacks: bytes = b""


@dataclass(slots=True)
class XorPoint:
    """The element `xor-point`."""

    heard: dict[bytes, Heard] = field(default_factory=dict)  # by the tag of what went on, the oldest first
    asking: dict[bytes, Asking] = field(default_factory=dict)  # by the tag they ask for, the oldest first
    missing: dict[bytes, dict[bytes, None]] = field(default_factory=dict)  # what is lacked -> what they ask for who do
    octets: int = 0
    is_timed: bool = False

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Answer one message."""
        match message:
            case XorAnnounced():
                return [*self._on_announced(message, now), *self._forget_later()]
            case AskSum():
                return [*self._on_ask(message, now), *self._forget_later()]
            case ForgetDue():
                self.is_timed = False
                self._forget(now)
                return self._forget_later()
            case _:
                raise UnexpectedMessage(f"the central point does not take {type(message).__name__}")

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Begin with nothing: it saves nothing."""
        del records, now
        return []

    def _on_announced(self, told: XorAnnounced, now: Instant) -> list[Effect]:
        """Keep an announcement, and answer whoever waits for it; a second one of the same name changes nothing."""
        if told.went in self.heard:
            return []
        self.heard[told.went] = Heard(told, now)
        self.octets += len(told.xor)
        while self.octets > MOST_OCTETS or len(self.heard) > MOST_ANNOUNCEMENTS:
            self._drop_oldest()
        effects: list[Effect] = []
        for went in self.missing.pop(told.went, {}):
            effects += self._answer(self.asking[went])
        return effects

    def _on_ask(self, ask: AskSum, now: Instant) -> list[Effect]:
        """Answer at once or when the last announcement is in; to the same question the same answer."""
        if not 0 < ask.number < MOST_HOPS:
            return []
        if ask.went in self.asking:
            return []  # it will be answered
        if len(self.asking) >= MOST_ASKS:
            self._drop_oldest_ask()
        asking = self.asking[ask.went] = Asking(ask, now)
        return self._answer(asking)

    def _answer(self, asking: Asking) -> list[Effect]:
        """Walk back from what was asked for, as many announcements as there are nodes between."""
        ask, total = asking.ask, 0
        went = ask.went
        sizes = set()
        for _ in range(ask.number):
            heard = self.heard.get(went)
            if heard is None:
                asking.lacks = went
                self.missing.setdefault(went, {})[ask.went] = None
                return []
            total ^= int.from_bytes(heard.told.xor, "big")
            sizes.add(len(heard.told.xor))
            went = heard.told.came
        del self.asking[ask.went]
        if len(sizes) != 1:
            return []  # these are not of one batch: there is no sum
        summed = XorSummed(ask.went, total.to_bytes(sizes.pop(), "big"))
        return [Send(km_of(ask.node), summed)]

    def _forget(self, now: Instant) -> None:
        while self.heard and next(iter(self.heard.values())).at + KEPT <= now:
            self._drop_oldest()
        while self.asking and next(iter(self.asking.values())).at + KEPT <= now:
            self._drop_oldest_ask()

    def _drop_oldest(self) -> None:
        self.octets -= len(self.heard.pop(next(iter(self.heard))).told.xor)

    def _drop_oldest_ask(self) -> None:
        went = next(iter(self.asking))
        lacks = self.asking.pop(went).lacks
        others = self.missing[lacks]
        del others[went]
        if not others:
            del self.missing[lacks]

    def _forget_later(self) -> list[Effect]:
        if self.is_timed or not (self.heard or self.asking):
            return []
        self.is_timed = True
        return [StartTimer(TIMER, Duration(KEPT), ForgetDue())]
