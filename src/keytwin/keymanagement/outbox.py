"""What a neighbour has not acknowledged yet: repeated octet for octet at the same offset, until it is or is of no use.

The floor told with each message is the oldest offset here: below it every octet is acknowledged or given up, so the
neighbour need remember no more than this window.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from keytwin.vocabulary.exchange_messages import AssignKeys, RelayKeys
from keytwin.vocabulary.identity import Ksid
from keytwin.vocabulary.units import Duration, Instant, milliseconds

WINDOW: Final = 512  # messages from the oldest unacknowledged one on; the receiver remembers twice as many ranges
RESEND_AFTER: Final = milliseconds(150)  # above a round trip over 1,000 km (10 ms) with a durable write at the far end
LONGEST_RESEND: Final = milliseconds(2_400)

KeyMessage = RelayKeys | AssignKeys


@dataclass(slots=True)
class Sent:
    """A message that was sent, and when it is to be sent again."""

    message: KeyMessage
    until: Instant
    due: Instant
    pause: Duration
    is_over: bool = False  # acknowledged or given up, behind one that is not


@dataclass(slots=True)
class Outbox:
    """Messages by offset, in ascending order: the first one is never over, so it is the floor."""

    sent: dict[int, Sent] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.sent)

    def values(self) -> Iterable[Sent]:
        """Return what is kept, in ascending order of offset."""
        return self.sent.values()

    @property
    def is_full(self) -> bool:
        """Whether the neighbour might lose its overview."""
        return len(self.sent) >= WINDOW

    def floor(self, offset: int) -> int:
        """Return the floor to be told with a message at `offset`."""
        return next(iter(self.sent), offset)

    def add(self, message: KeyMessage, until: Instant, now: Instant) -> None:
        """Keep a message that is being sent, to repeat it until it is acknowledged or `until` has come."""
        self.sent[message.offset] = Sent(message, until, Instant(now + RESEND_AFTER), RESEND_AFTER)

    def acknowledge(self, offset: int) -> None:
        """Stop repeating what has arrived."""
        sent = self.sent.get(offset)
        if sent is not None:
            sent.is_over = True
            self._advance()

    def drop(self, ksid: Ksid, epoch: int) -> None:
        """Give up what belongs to a session's routes up to `epoch`."""
        for sent in self.sent.values():
            if sent.message.ksid == ksid and sent.message.epoch <= epoch:
                sent.is_over = True
        self._advance()

    def due(self, now: Instant) -> list[KeyMessage]:
        """Return what is to be repeated now; what is of no use any more is given up, and its range abandoned."""
        for sent in self.sent.values():
            sent.is_over = sent.is_over or sent.until <= now
        self._advance()
        late = [sent for sent in self.sent.values() if sent.due <= now and not sent.is_over]
        for sent in late:
            sent.pause = Duration(min(2 * sent.pause, LONGEST_RESEND))
            sent.due = Instant(now + sent.pause)
        return [sent.message for sent in late]

    def next_due(self) -> Instant | None:
        """Return when something is to be repeated or given up; None when all is acknowledged."""
        return min((min(sent.due, sent.until) for sent in self.sent.values() if not sent.is_over), default=None)

    def _advance(self) -> None:
        while self.sent:
            oldest = next(iter(self.sent))
            if not self.sent[oldest].is_over:
                return
            del self.sent[oldest]
