"""Keys in shares, at the end that makes them: each key is the XOR of as many shares as there are disjoint ways.

m of m: each share is drawn by itself, so whoever lacks one of them knows nothing of the key. A single trusted node
between the ends, even one that copies all it carries, learns nothing; only nodes on every one of the ways do together
(Salvail et al., J. Comput. Secur. 18 61, recalled).
Which ways they are, admission says; how one share travels is as with a whole key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from keytwin.keymanagement.exchange import (
    ASK_AFTER,
    UNDER_WAY,
    BatchMaking,
    DispatchBatch,
    Making,
    depart,
    octets_over,
    overdue_timer,
    part_of,
)
from keytwin.keymanagement.hybrid import mixed
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.partials import add_to
from keytwin.keymanagement.relay import keys_of
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.exchange_messages import KeysStored
from keytwin.vocabulary.identity import Ksid, LinkId
from keytwin.vocabulary.machine import Effect
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Instant, octets


class Exit(NamedTuple):
    """Where keys, or a share of each, leave this node, and how many Q-links that way crosses."""

    link: KmLink
    hops: int


def exits_of(wanted: ConfigureHop, links: Mapping[LinkId, KmLink]) -> tuple[Exit, ...]:
    """Return the exits of a session that ends here, one for each of its ways."""
    end = wanted.end
    assert end
    if end.lanes:
        return tuple(Exit(links[lane.link], lane.hops) for lane in end.lanes)
    towards = wanted.next if end.is_first else wanted.previous
    assert towards
    return (Exit(links[towards.link], end.hops),)


@dataclass(slots=True)
class Share:
    """One share of a batch, waiting in the queue of the first link of its way."""

    making: SharedMaking
    lane: int
    ksid: Ksid = field(init=False)
    epoch: int = field(init=False)

    def __post_init__(self) -> None:
        self.ksid, self.epoch = self.making.ksid, self.making.epoch

    @property
    def waits_until(self) -> Instant | None:
        """The batch's own timer decides how long it waits for key."""
        return None

    def need(self) -> int:
        """Return the octets it takes of its link; 0 when the batch is not wanted any more."""
        making = self.making
        return octets_over(making, making.exits[self.lane].hops) if making.state in UNDER_WAY else 0

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Send it off: there is key."""
        assert link is self.making.exits[self.lane].link
        return self.making.receive(DispatchBatch(self.making.batch_id, self.lane), now)

    def give_up(self) -> list[Effect]:
        """Nothing to wipe: a share is drawn when there is key to carry it."""
        return []

    def drop(self) -> None:
        """Nothing to wipe either."""


@dataclass(slots=True)
class SharedMaking(BatchMaking):
    """A batch of keys in shares; they leave as each way has key, and what is made of them is known after the last."""

    exits: tuple[Exit, ...] = ()
    unsent: dict[int, None] = field(init=False)  # the lanes whose share has not left
    total: bytearray = field(default_factory=bytearray, repr=False)  # XOR of the shares that have

    def __post_init__(self) -> None:
        self.unsent = dict.fromkeys(range(len(self.exits)))

    def on_dispatch_batch(self, message: DispatchBatch, now: Instant) -> list[Effect]:
        """Draw one share and send it off."""
        if message.lane not in self.unsent:
            return []
        timer: list[Effect] = []
        if self.state is Making.QUEUED:
            depart(self, now)
            self.total = bytearray(self.number * octets(self.key_size))
            timer = [overdue_timer(self, ASK_AFTER)]
        del self.unsent[message.lane]
        link, hops = self.exits[message.lane]
        effects, outgoing, share = part_of(self, link, hops)
        add_to(self.total, share)
        if not self.unsent:
            self.keys = mixed(self.mix, keys_of(self.total, self.key_size, self.key_ids))
        return [*effects, *link.send(outgoing, self.until, now), *timer]

    def on_keys_stored(self, message: KeysStored, now: Instant) -> list[Effect]:
        """The far end has them; it cannot before all shares have left."""
        if self.unsent:
            raise Violation(f"keys of session {self.ksid} are said to have arrived before they had left")
        return BatchMaking.on_keys_stored(self, message, now)

    def plain(self) -> bytearray:
        """Return one share: drawn by itself, but the last one of given keys makes up their sum."""
        share = self.entropy.fill(self.number * octets(self.key_size))
        if self.is_copy and not self.unsent:
            share[:] = self.total
            add_to(share, self.given)
        return share

    def wipe(self) -> None:
        """Wipe the keys, and what is there of their sum."""
        self.total[:] = bytes(len(self.total))
        BatchMaking.wipe(self)


def enqueue(making: BatchMaking, rank: int, now: Instant) -> list[Effect]:
    """Let a batch, or each of its shares, wait its turn for key of its first link."""
    if not isinstance(making, SharedMaking):
        return making.link.enqueue(making, rank, now)
    effects: list[Effect] = []
    for lane, exit_ in enumerate(making.exits):
        effects += exit_.link.enqueue(Share(making, lane), rank, now)
    return effects
