"""What a session's master end wants made, and how: the orders that a key manager's workshop works by. Paper B, 3.3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from keytwin.keymanagement.algorithms import KeyManagementAlgorithm
from keytwin.keymanagement.blocks import SMALLEST_ROOM
from keytwin.keymanagement.exchange import BatchMaking
from keytwin.keymanagement.hybrid import LARGEST
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pool import depth_of
from keytwin.keymanagement.relay import keys_together, tag_octets
from keytwin.keymanagement.shares import Exit, exits_of
from keytwin.vocabulary.blueprint import KeyManagementSettings, Relay
from keytwin.vocabulary.exchange_messages import BatchId
from keytwin.vocabulary.identity import AppId, Ksid, LinkId, SaeId
from keytwin.vocabulary.key import Fallback, KeyMode, is_secret_agreed
from keytwin.vocabulary.machine import Effect, Message, RequestId, StartTimer, StopTimer
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import START, Bits, Duration, Instant, bits, milliseconds, octets, seconds

FIRST_PAUSE: Final = milliseconds(500)  # after a batch that failed; doubled each time, so a dead route costs little key
LONGEST_PAUSE: Final = seconds(30)
FOR_POOL: Final[RequestId] = ""
LARGEST_SUM: Final = 256 * 1024  # octets of one announcement: what the bus takes for sure


class ReplenishDue(Message, frozen=True, gc=False):
    """To oneself: the pause after a failure is over."""

    ksid: Ksid


class Wish(NamedTuple):
    """Keys that something at this end has not got yet: a request for a size of its own, or the pool."""

    request_id: RequestId
    number: int
    size: Bits


class Demand(NamedTuple):
    """What a session's master wants now: keys ready in its pool, keys waited for, wishes of other sizes."""

    ready: int
    waiting: int
    wishes: tuple[Wish, ...]


@dataclass(slots=True)
class Pace:
    """Makes nothing for a while after a failure; many batches that fail together count as one."""

    pause: Duration = FIRST_PAUSE
    until: Instant = START

    def fail(self, now: Instant) -> Duration | None:
        """Return how long to make nothing from now on; None when that is so already."""
        if now < self.until:
            return None
        pause, self.pause = self.pause, Duration(min(2 * self.pause, LONGEST_PAUSE))
        self.until = Instant(now + pause)
        return pause

    def succeed(self) -> None:
        """Begin with a short pause the next time."""
        self.pause = FIRST_PAUSE


@dataclass(slots=True)
class Order:
    """How keys are made for one session at this end, and how many are under way.

    Keys that are only named take no quantum key: all keys of `pqc-only`, and of a session that has fallen back.
    """

    ksid: Ksid
    epoch: int
    app: AppId
    sae: SaeId
    onward: bool
    hops: int
    key_size: Bits
    batch: int
    depth: int
    priority: int
    exits: tuple[Exit, ...]  # more than one: keys leave in shares, one by each
    algorithm: KeyManagementAlgorithm
    mode: KeyMode = KeyMode.QKD_ONLY
    fallback: Fallback = Fallback.NONE
    relay: Relay = Relay.ONE_TIME_PAD
    announced: int = 1  # announcements of each key that arrive at the far end
    coming: Counter[RequestId] = field(default_factory=Counter)  # keys by the request they are for
    pace: Pace = field(default_factory=Pace)  # of what takes quantum key
    named_pace: Pace = field(default_factory=Pace)  # of what does not
    batches: dict[BatchId, None] = field(default_factory=dict)  # the names of all that are under way or being voided
    is_barred: bool = False
    is_fallen: bool = False
    waits_since: Instant | None = None  # for quantum key; None = for nothing
    probes: dict[BatchId, None] = field(default_factory=dict)  # batches that nobody counts on, but for the way back
    room: int = field(init=False)  # octets of key that travel together at most
    largest: Bits = field(init=False)  # the largest key that can be made: as far as link or derivation go

    def __post_init__(self) -> None:
        # Looked at for each request, and the same as long as the order holds.
        self.room = _room(self.exits, self.hops, is_central=self.relay is Relay.XOR_CENTRAL)
        self.largest = LARGEST if self.mode is KeyMode.PQC_ONLY else bits(self.room)
        if is_secret_agreed(self.mode, self.fallback):
            self.largest = min(self.largest, LARGEST)

    @property
    def is_full(self) -> bool:
        """Whether nothing more may wait for key."""
        return any(exit_.link.queue.is_full for exit_ in self.exits)

    @property
    def names(self) -> bool:
        """Whether the keys that are made now are only named."""
        return self.mode is KeyMode.PQC_ONLY or self.is_fallen

    def most_together(self, size: Bits) -> int:
        """Return how many keys of this size travel together; 0 = there is never room for one."""
        if size > self.largest:
            return 0
        together = keys_together(size, self.announced)
        return together if self.mode is KeyMode.PQC_ONLY else min(together, self.room // octets(size))

    def is_due(self, now: Instant, *, named: bool) -> bool:
        """Whether no pause is on."""
        return now >= (self.named_pace if named else self.pace).until

    def expect(self, making: BatchMaking) -> None:
        """Count on a batch."""
        self.batches[making.batch_id] = None
        self.coming[making.request_id] += making.number

    def expect_no_more(self, making: BatchMaking) -> None:
        """Count no more on a batch: it has come, or failed, or takes too long."""
        if making.batch_id in self.probes:
            del self.probes[making.batch_id]
            return
        self.coming[making.request_id] -= making.number
        if not self.coming[making.request_id]:
            del self.coming[making.request_id]

    def pause(self, now: Instant, *, named: bool) -> list[Effect]:
        """Make nothing of this kind for a while."""
        wait = (self.named_pace if named else self.pace).fail(now)
        name = f"{self.ksid}/name again" if named else f"{self.ksid}/replenish"
        return [] if wait is None else [StartTimer(name, wait, ReplenishDue(self.ksid))]

    def stop(self) -> list[Effect]:
        """Stop the timers of pauses."""
        return [StopTimer(f"{self.ksid}/{name}") for name in ("replenish", "name again", "fallback")]


def _room(exits: tuple[Exit, ...], hops: int, *, is_central: bool) -> int:
    """Return how many octets of key travel together at most.

    A batch that needs more than the first link's store can hold would wait for ever, and everything else behind it.
    """
    room = min(exit_.link.capacity for exit_ in exits) - SMALLEST_ROOM - tag_octets(is_central=is_central)
    return max(0, min(room, LARGEST_SUM) if is_central and hops > 1 else room)


def order_of(
    wanted: ConfigureHop,
    links: Mapping[LinkId, KmLink],
    settings: KeyManagementSettings,
    algorithms: Mapping[str, KeyManagementAlgorithm],
) -> Order:
    """Return how keys are made along a route that ends here."""
    end, relay = wanted.end, settings.relay
    assert end
    order = Order(
        ksid=wanted.ksid,
        epoch=wanted.epoch,
        app=end.app,
        sae=end.sae,
        onward=end.is_first,
        hops=end.hops,
        key_size=end.key_size,
        batch=1,
        depth=0,
        priority=wanted.priority,
        exits=exits_of(wanted, links),
        algorithm=algorithms[end.algorithm],
        mode=end.mode,
        fallback=end.fallback,
        is_barred=end.is_barred and end.fallback is not Fallback.NONE,
        relay=relay,
        announced=max(1, end.hops - 1) if relay is Relay.XOR_ANNOUNCED else 1,
    )
    order.batch = max(1, min(wanted.batch, order.most_together(end.key_size)))
    order.depth = depth_of(end.rate, settings.pool_depth, end.key_size, order.batch)
    return order
