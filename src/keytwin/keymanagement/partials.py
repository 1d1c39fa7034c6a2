"""Keys in shares, at the end that receives them: summed up as they come, and keys only when the last one is there.

Until then there is nothing to hand out and nothing durable: a restart loses the shares, and the maker, who hears
nothing, voids the batch.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.vocabulary.exchange_messages import AssignKeys, BatchId, RelayKeys
from keytwin.vocabulary.identity import KeyId, Ksid, LinkId
from keytwin.vocabulary.machine import Effect, Message, StartTimer, StopTimer
from keytwin.vocabulary.units import Duration

PATIENCE: Final = Duration(2 * CARRY_TIMEOUT)  # after the first share: its maker gives the batch up sooner
MOST_PARTIALS: Final = 4_096  # batches of which shares are missing; beyond it the oldest goes, and its maker voids it


class SharesOverdue(Message, frozen=True, gc=False):
    """To oneself: the other shares of a batch have not come."""

    batch_id: BatchId


@dataclass(slots=True)
class Partial:
    """What has come of one batch."""

    ksid: Ksid
    key_ids: tuple[KeyId, ...]
    total: bytearray = field(repr=False)
    came: set[LinkId]

    def wipe(self) -> None:
        """Wipe the sum."""
        self.total[:] = bytes(len(self.total))


@dataclass(slots=True)
class Partials:
    """All batches of one key manager of which shares are missing."""

    by_batch: dict[BatchId, Partial] = field(default_factory=dict)

    def add(self, message: RelayKeys | AssignKeys, share: bytearray, wanted: int) -> bytearray | None:
        """Add a share, which is wiped; return the keys when it was the last of `wanted`.

        A second share by the same link, or one that names other keys, changes nothing: the sum would be no key.
        """
        partial = self.by_batch.get(message.batch_id)
        if partial is None:
            self._make_room()
            partial = Partial(message.ksid, message.key_ids, bytearray(len(share)), set())
            self.by_batch[message.batch_id] = partial
        is_ours = (partial.ksid, partial.key_ids) == (message.ksid, message.key_ids)
        if not is_ours or len(share) != len(partial.total) or message.link in partial.came:
            share[:] = bytes(len(share))
            return None
        partial.came.add(message.link)
        add_to(partial.total, share)
        if len(partial.came) < wanted:
            return None
        del self.by_batch[message.batch_id]
        return partial.total

    def drop(self, batch_id: BatchId) -> None:
        """Wipe what is there of a batch."""
        partial = self.by_batch.pop(batch_id, None)
        if partial is not None:
            partial.wipe()

    def release(self, ksid: Ksid) -> None:
        """Wipe everything of a session."""
        for batch_id in [batch_id for batch_id, partial in self.by_batch.items() if partial.ksid == ksid]:
            self.drop(batch_id)

    def _make_room(self) -> None:
        if len(self.by_batch) >= MOST_PARTIALS:
            self.drop(next(iter(self.by_batch)))


def add_to(total: bytearray, share: bytearray) -> None:
    """Add a share to a sum, bit by bit without carry (XOR), and wipe it."""
    np.bitwise_xor(np.frombuffer(total, np.uint8), np.frombuffer(share, np.uint8), out=np.frombuffer(total, np.uint8))
    share[:] = bytes(len(share))


def shares_timer(batch_id: BatchId) -> Effect:
    """Wait for the other shares of a batch."""
    return StartTimer(f"{batch_id}/shares", PATIENCE, SharesOverdue(batch_id))


def shares_stop(batch_id: BatchId) -> Effect:
    """All shares are there."""
    return StopTimer(f"{batch_id}/shares")
