"""When a key of a pool counts as handed out to its master: one at a time, or some ahead of a master that asks often.

Durable first, then the answer (invariant K6). For a master that has just been served, one record says so of the next
keys of its session together: a lease. It stands for the hand-out of each, so that those which follow wait for no disk;
the audit tells afterwards which of them the master has had. A crash gives up the rest of the lease: what a moment of
the granted rate is, less than the crash itself takes. At a slave every hand-out has a record of its own.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keytwin.keymanagement.pool import KeysHandedOut, Pool
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, Save, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import EndConfiguration
from keytwin.vocabulary.units import NANOSECONDS_PER_SECOND, Instant, milliseconds, seconds

MOMENT: Final = milliseconds(100)  # a master that comes again within it asks often; a lease is what it may ask in it
MOST_AHEAD: Final = 64  # keys: more would hardly make the share of the record smaller
FEWEST_REQUESTS: Final = 4  # that a lease is to serve: a larger request has its own record, which names each key once
TELL_WITHIN: Final = seconds(1)  # the audit, of what was handed out from a lease


class HandOutsDue(Message, frozen=True, gc=False):
    """To oneself: tell the audit what was handed out from a lease."""

    ksid: Ksid


class Claim(NamedTuple):
    """Keys for a request, what is to be durable before it is answered, and what is to be done afterwards."""

    first: list[Effect]
    keys: list[Key]
    then: list[Effect]


@dataclass(slots=True)
class HandOuts:
    """The hand-outs of one session's master."""

    ksid: Ksid
    served_at: Instant | None = None
    untold: list[KeyId] = field(default_factory=list)  # handed out from a lease, and not told of one by one
    is_timed: bool = False  # `HandOutsDue` will come

    def claim(self, pool: Pool, number: int, end: EndConfiguration, now: Instant) -> Claim:
        """Take so many keys, which must be there, out of the pool."""
        ahead = self._ahead(number, end, now)
        self.served_at = now
        first: list[Effect] = []
        told = 0
        if number > pool.leased:
            fresh = pool.lease(max(number, ahead))
            is_lease = pool.leased > number
            told = 0 if is_lease else len(fresh)
            first = [self._record(fresh, end, is_lease=is_lease)]
        keys = pool.take(number)
        self.untold += [key.key_id for key in keys[: number - told]]
        then = self._renew(pool, ahead, end) + self._tell_later()
        return Claim(first, keys, then)

    def tell(self, end: EndConfiguration) -> list[Effect]:
        """Tell the audit what has not been told yet."""
        untold, self.untold = self.untold, []
        return [self._record(untold, end, is_lease=False)] if untold else []

    def on_due(self, end: EndConfiguration) -> list[Effect]:
        """Tell it now, or whenever there is something again."""
        self.is_timed = False
        return self.tell(end)

    def free(self, end: EndConfiguration) -> list[Effect]:
        """Tell the last of it: the session is over."""
        return [*self.tell(end), StopTimer(self._timer)] if self.is_timed else []

    def _ahead(self, number: int, end: EndConfiguration, now: Instant) -> int:
        """Return how many keys to lease: none ahead for a master that comes now and then, or asks for much."""
        if self.served_at is None or now - self.served_at > MOMENT:
            return 0
        ahead = min(MOST_AHEAD, end.rate * MOMENT // (NANOSECONDS_PER_SECOND * end.key_size))
        return ahead if number * FEWEST_REQUESTS <= ahead else 0

    def _renew(self, pool: Pool, ahead: int, end: EndConfiguration) -> list[Effect]:
        """Lease more in time, behind an answer, so that none has to wait for it."""
        if 2 * pool.leased >= ahead or pool.leased >= pool.ready:
            return []
        return [*self.tell(end), self._record(pool.lease(ahead), end, is_lease=True)]

    def _tell_later(self) -> list[Effect]:
        if self.is_timed or not self.untold:
            return []
        self.is_timed = True
        return [StartTimer(self._timer, TELL_WITHIN, HandOutsDue(self.ksid))]

    def _record(self, key_ids: Sequence[KeyId], end: EndConfiguration, *, is_lease: bool) -> Effect:
        return Save(
            KeysHandedOut(
                self.ksid, is_master=True, key_ids=tuple(key_ids), sae=end.sae, key_size=end.key_size, is_lease=is_lease
            )
        )

    @property
    def _timer(self) -> str:
        return f"{self.ksid}/hand-outs"
