"""Keys that wait for the sum of what the nodes between have announced, at the end that receives them.

What is here is the key of the last link, and nobody's before the sum has come and the maker's tag over the keys is
right. Until then there is nothing durable: a restart loses it, and the maker, who hears nothing, voids the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.exchange import ASK_AFTER, CARRY_TIMEOUT
from keytwin.vocabulary.exchange_messages import BatchId, RelayKeys
from keytwin.vocabulary.identity import XOR_POINT, Ksid, NodeId
from keytwin.vocabulary.machine import Effect, Message, Send, StartTimer, StopTimer
from keytwin.vocabulary.point_messages import AskSum
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import Instant

MOST_AWAITED: Final = 4_096  # messages whose sum is missing; beyond it the oldest goes, and its maker voids the batch


class SumOverdue(Message, frozen=True, gc=False):
    """To oneself: the sum for the message with this tag has not come."""

    went: bytes


@dataclass(slots=True)
class Awaited:
    """A message that has come, and what its link's key makes of it."""

    message: RelayKeys
    held: bytearray = field(repr=False)
    until: Instant

    def wipe(self) -> None:
        """Wipe the link's key."""
        self.held[:] = bytes(len(self.held))


@dataclass(slots=True)
class Sums:
    """All messages of one key manager whose sum is missing, by their tags."""

    by_tag: dict[bytes, Awaited] = field(default_factory=dict)

    def wait(self, node: NodeId, message: RelayKeys, held: bytearray, now: Instant) -> list[Effect]:
        """Ask for the sum; what waits is wiped when it has not come by the time the maker gives up."""
        if len(self.by_tag) >= MOST_AWAITED:
            self._drop(next(iter(self.by_tag)))
        until = Instant(now + min(message.remaining, CARRY_TIMEOUT))
        self.by_tag[message.tag] = Awaited(message, held, until)
        return _ask(node, message)

    def take(self, went: bytes) -> Awaited | None:
        """Take out what waits for this sum, for the caller to wipe."""
        return self.by_tag.pop(went, None)

    def on_overdue(self, node: NodeId, went: bytes, now: Instant) -> list[Effect]:
        """Ask again, or wipe what nobody waits for any more."""
        awaited = self.by_tag.get(went)
        if awaited is None:
            return []
        if now >= awaited.until:
            self._drop(went)
            return []
        return _ask(node, awaited.message)

    def drop(self, batch_id: BatchId) -> list[Effect]:
        """Wipe what is there of a batch."""
        tags = [went for went, awaited in self.by_tag.items() if awaited.message.batch_id == batch_id]
        for went in tags:
            self._drop(went)
        return [sum_stop(went) for went in tags]

    def release(self, ksid: Ksid) -> None:
        """Wipe everything of a session."""
        for went in [went for went, awaited in self.by_tag.items() if awaited.message.ksid == ksid]:
            self._drop(went)

    def _drop(self, went: bytes) -> None:
        self.by_tag.pop(went).wipe()


def sum_stop(went: bytes) -> Effect:
    """The sum is not waited for any more."""
    return StopTimer(_timer(went))


def _ask(node: NodeId, message: RelayKeys) -> list[Effect]:
    ask = AskSum(node, message.tag, MOST_HOPS - message.hops_left)
    return [Send(XOR_POINT, ask), StartTimer(_timer(message.tag), ASK_AFTER, SumOverdue(message.tag))]


def _timer(went: bytes) -> str:
    return f"sum/{went.hex()}"
