"""One batch of end-to-end keys at the end that makes it: paper B, 3.3 and Fig. 3b, with the exits they lack.

Adjacent ends: the keys are cut from the maker's own direction of the Q-link and only named to the neighbour. Otherwise
the maker draws them and sends them off under one-time pad. They become available here when the far end says that it
has them durably; when that does not come in time the batch is voided, and its identifiers are never used again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast

from keytwin.algorithms.identifiers import uuids
from keytwin.keymanagement.forwarding import Forwarding
from keytwin.keymanagement.hybrid import Mix, mixed, numbered
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.pads import FIRST_EPOCH, Use
from keytwin.keymanagement.relay import begin, begin_central, keys_of, relay_octets, seal, tag_octets
from keytwin.vocabulary.blueprint import Relay
from keytwin.vocabulary.exchange_messages import (
    AskStored,
    AssignKeys,
    BatchId,
    KeysFailed,
    KeysStored,
    KeysVoided,
    RelayKeys,
    VoidKeys,
)
from keytwin.vocabulary.identity import KeyId, Ksid, NodeId, km_of
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import (
    IGNORED,
    Effect,
    Message,
    RequestId,
    Send,
    StartTimer,
    StateTable,
    StopTimer,
    every_state_but,
    ignored,
    to,
)
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.topology import MOST_HOPS
from keytwin.vocabulary.units import START, Bits, Duration, Instant, minutes, octets, seconds

QUEUE_PATIENCE: Final = minutes(10)  # a batch that gets no key for so long is dropped and made anew when still wanted
CARRY_TIMEOUT: Final = seconds(10)  # from the first hop to the far end's answer, waiting for key on the way included
ASK_AFTER: Final = seconds(1)  # the far end's answer may be lost: ask for it again
MOST_VOID_SIGNALS: Final = 600  # ten minutes: a far end that is silent for longer is left to its own time to live


class Making(StrEnum):
    """Where a batch is, seen from its maker."""

    QUEUED = "queued"
    CARRIED = "carried"
    RESERVED = "reserved"
    READY = "ready"
    VOIDING = "voiding"
    VOIDED = "voided"


UNDER_WAY: Final = (Making.QUEUED, Making.CARRIED)  # its keys may still become available


class DispatchBatch(Message, frozen=True, gc=False):
    """There is key on the first link: off it goes; of a batch in shares, the one that takes this lane."""

    batch_id: BatchId
    lane: int = 0


class GiveUpBatch(Message, frozen=True, gc=False):
    """Its session has ended, or its route is gone."""

    batch_id: BatchId


class ConfirmBatch(Message, frozen=True, gc=False):
    """The master is answered with these keys: what the far end has of them stands."""

    batch_id: BatchId


class BatchOverdue(Message, frozen=True, gc=False):
    """To oneself: nothing has been heard of the batch for a while."""

    batch_id: BatchId


EXCHANGE_TABLE: Final = StateTable(
    "key exchange",
    Making,
    {
        (Making.QUEUED, DispatchBatch): to(Making.CARRIED),
        (Making.QUEUED, BatchOverdue): to(Making.VOIDED),
        (Making.QUEUED, GiveUpBatch): to(Making.VOIDED),
        **ignored(Making.QUEUED, (KeysStored, KeysFailed, KeysVoided)),
        (Making.CARRIED, KeysStored): to(
            Making.READY, Making.RESERVED, READY="for the pool", RESERVED="its request waits for more"
        ),
        (Making.CARRIED, KeysFailed): to(
            Making.VOIDING, Making.VOIDED, VOIDING="a route is left", VOIDED="no route is left"
        ),
        (Making.CARRIED, GiveUpBatch): to(
            Making.VOIDING, Making.VOIDED, VOIDING="a route is left", VOIDED="no route is left"
        ),
        (Making.CARRIED, BatchOverdue): to(
            Making.CARRIED,
            Making.VOIDING,
            Making.VOIDED,
            CARRIED="asked again",
            VOIDING="too late",
            VOIDED="no route is left",
        ),
        (Making.CARRIED, DispatchBatch): to(Making.CARRIED),  # another share of it
        **ignored(Making.CARRIED, (KeysVoided,)),
        (Making.RESERVED, ConfirmBatch): to(Making.READY),
        (Making.RESERVED, GiveUpBatch): to(
            Making.VOIDING, Making.VOIDED, VOIDING="a route is left", VOIDED="no route is left"
        ),
        (Making.RESERVED, BatchOverdue): to(
            Making.RESERVED,
            Making.VOIDING,
            Making.VOIDED,
            RESERVED="its request still waits",
            VOIDING="a copy, too late",
            VOIDED="no route is left",
        ),
        **ignored(Making.RESERVED, (DispatchBatch, KeysStored, KeysFailed, KeysVoided)),
        **every_state_but(Making.RESERVED, (ConfirmBatch,), IGNORED),
        (Making.VOIDING, KeysVoided): to(Making.VOIDED),
        (Making.VOIDING, BatchOverdue): to(
            Making.VOIDING, Making.VOIDED, VOIDING="told again", VOIDED="told often enough, or no route is left"
        ),
        **ignored(Making.VOIDING, (DispatchBatch, KeysStored, KeysFailed, GiveUpBatch)),
        **ignored(Making.READY, (DispatchBatch, KeysStored, KeysFailed, KeysVoided, BatchOverdue, GiveUpBatch)),
        **ignored(Making.VOIDED, (DispatchBatch, KeysStored, KeysFailed, KeysVoided, BatchOverdue, GiveUpBatch)),
    },
)


@dataclass(slots=True)
class BatchMaking:
    """A batch that is being made here; it waits in the first link's queue until there is key for it.

    What is made for one request is reserved at the far end until all of its keys are there, and voided when they do
    not come. A copy carries keys that were drawn and named before, for one slave of several: whatever the way, they go
    under one-time pad.
    """

    batch_id: BatchId
    ksid: Ksid
    epoch: int
    node: NodeId
    number: int
    key_size: Bits
    hops: int
    onward: bool  # the far end is the second end of the session
    link: KmLink
    forwarding: Forwarding
    entropy: Entropy
    request_id: RequestId = ""  # the request it is made for, "" = for the pool
    state: StrEnum = Making.QUEUED
    key_ids: tuple[KeyId, ...] = ()
    keys: dict[KeyId, KeyMaterial] = field(default_factory=dict)
    relay: Relay = Relay.ONE_TIME_PAD  # over several links; by announcement its keys are those of the first one
    is_copy: bool = False
    given: bytearray = field(default_factory=bytearray, repr=False)  # of a copy: the keys, until they have left
    mix: Mix | None = None  # what the keys are combined with before they are anybody's
    until: Instant = START
    signals: int = 0

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Make the batch's next step."""
        return EXCHANGE_TABLE.step(self, message, now)

    # --- what waits in a link's queue -------------------------------------------------------------------------------

    @property
    def waits_until(self) -> Instant | None:
        """Its own timer decides how long it waits for key."""
        return None

    def need(self) -> int:
        """Return the octets it takes of the first link's direction; 0 when it is not wanted any more."""
        return octets_over(self, self.hops) if self.state is Making.QUEUED else 0

    def carry(self, link: KmLink, now: Instant) -> list[Effect]:
        """Send it off: there is key."""
        assert link is self.link
        return self.receive(DispatchBatch(self.batch_id), now)

    def give_up(self) -> list[Effect]:
        """Nothing to wipe: the keys are made when there is key to carry them."""
        return []

    def drop(self) -> None:
        """Nothing to wipe either."""

    # --- transitions ------------------------------------------------------------------------------------------------

    def on_dispatch_batch(self, message: DispatchBatch, now: Instant) -> list[Effect]:
        """Make the keys and send them off."""
        del message
        if self.state is Making.CARRIED:
            return []
        depart(self, now)
        effects, outgoing, plain = part_of(self, self.link, self.hops)
        self.keys = mixed(self.mix, keys_of(plain, self.key_size, self.key_ids))
        return [*effects, *self.link.send(outgoing, self.until, now), overdue_timer(self, ASK_AFTER)]

    def on_keys_stored(self, message: KeysStored, now: Instant) -> list[Effect]:
        """The far end has them: they are available here, too; of a copy nothing is kept here."""
        del message, now
        if self.is_copy:
            self.wipe()
        if self.is_copy or self.request_id:
            self.state = Making.RESERVED
            return [overdue_timer(self, QUEUE_PATIENCE)]
        self.state = Making.READY
        return [StopTimer(self.batch_id)]

    def on_keys_failed(self, message: KeysFailed, now: Instant) -> list[Effect]:
        """Somebody on the way could not carry them."""
        del message, now
        return void(self)

    def on_confirm_batch(self, message: ConfirmBatch, now: Instant) -> list[Effect]:
        """The master is answered: nobody may void these keys any more."""
        del message, now
        self.state = Making.READY
        return [StopTimer(self.batch_id)]

    def on_give_up_batch(self, message: GiveUpBatch, now: Instant) -> list[Effect]:
        """The session or its route is gone."""
        del message, now
        if self.state is Making.QUEUED:
            self.wipe()
            self.state = Making.VOIDED
            return [StopTimer(self.batch_id)]
        return void(self)

    def on_batch_overdue(self, message: BatchOverdue, now: Instant) -> list[Effect]:
        """Ask again, give up, or repeat that it was given up."""
        del message
        if self.state is Making.QUEUED:
            self.wipe()
            self.state = Making.VOIDED
            return []
        if self.state is Making.RESERVED and not self.is_copy:
            return [overdue_timer(self, QUEUE_PATIENCE)]  # a request has its own patience, and its end is this one's
        ask = way_of(self)
        if self.state is not Making.CARRIED or now >= self.until or ask is None:
            return void(self)
        node, epoch = ask
        asked = Send(km_of(node), AskStored(self.node, self.ksid, epoch, self.onward, self.batch_id))
        return [asked, overdue_timer(self, ASK_AFTER)]

    def on_keys_voided(self, message: KeysVoided, now: Instant) -> list[Effect]:
        """The far end holds nothing of it."""
        del message, now
        self.state = Making.VOIDED
        return [StopTimer(self.batch_id)]

    # --- how --------------------------------------------------------------------------------------------------------

    def plain(self) -> bytearray:
        """Return what leaves next, in plain: fresh keys, or the given ones."""
        if not self.is_copy:
            return self.entropy.fill(self.number * octets(self.key_size))
        leaving, self.given = self.given, bytearray()
        return leaving

    def wipe(self) -> None:
        """Wipe the keys, of which nothing has left this end in plain."""
        self.given[:] = bytes(len(self.given))
        if self.mix is not None:
            self.mix.wipe()
        for material in self.keys.values():
            material.wipe()
        self.keys.clear()


def overdue_timer(making: BatchMaking, wait: Duration) -> Effect:
    """Return the one timer of a batch, set anew at each step."""
    return StartTimer(making.batch_id, wait, BatchOverdue(making.batch_id))


def void(making: BatchMaking) -> list[Effect]:
    """Wipe the keys and tell the far end, again and again until it has confirmed or has surely forgotten them."""
    making.wipe()
    told = way_of(making)
    making.signals += 1
    if told is None or making.signals > MOST_VOID_SIGNALS:
        making.state = Making.VOIDED
        return [StopTimer(making.batch_id)]
    making.state = Making.VOIDING
    node, epoch = told
    void = VoidKeys(making.node, making.ksid, epoch, making.onward, making.batch_id, making.key_ids)
    return [Send(km_of(node), void), overdue_timer(making, ASK_AFTER)]


def way_of(making: BatchMaking) -> tuple[NodeId, int] | None:
    """Return the next hop towards the far end on the session's present route, and its epoch."""
    hop = making.forwarding.hops.get(making.ksid)
    towards = hop.towards(onward=making.onward) if hop else None
    return (towards.node, hop.configuration.epoch) if hop and towards else None


def octets_over(making: BatchMaking, hops: int) -> int:
    """Return the octets that a batch takes at its first link when it crosses so many."""
    if _is_assigned(making, hops):
        return making.number * octets(making.key_size)
    return relay_octets(making.number, making.key_size, is_central=_method(making) is Relay.XOR_CENTRAL)


def depart(making: BatchMaking, now: Instant) -> None:
    """Name the keys: from now on the far end may hold something of them."""
    making.state = Making.CARRIED
    making.until = Instant(now + CARRY_TIMEOUT)
    if not making.key_ids:
        drawn = uuids(making.entropy.bytes(16 * making.number))
        making.key_ids = cast("tuple[KeyId, ...]", tuple(drawn))  # no call for each: a KeyId is a `str` by another name


Part = tuple[list[Effect], AssignKeys | RelayKeys, bytearray]
"""What takes the octets, what is sent, and the keys (or a share of each) in plain."""


def part_of(making: BatchMaking, link: KmLink, hops: int) -> Part:
    """Return a batch's keys, or a share of each, as they leave over a link on a way of so many hops."""
    return _assigned(making, link) if _is_assigned(making, hops) else _relayed(making, link)


def _is_assigned(making: BatchMaking, hops: int) -> bool:
    # What several slaves share is no link's own key, even where the far end is a neighbour.
    return hops == 1 and not making.is_copy


def _method(making: BatchMaking) -> Relay:
    # What was drawn before is no link's key.
    return Relay.ONE_TIME_PAD if making.is_copy else making.relay


def _assigned(making: BatchMaking, link: KmLink) -> Part:
    offset, key, effects = link.take(making.number * octets(making.key_size), Use.DELIVERED)
    assigned = AssignKeys(
        sender=making.node,
        link=link.link,
        link_epoch=FIRST_EPOCH,
        offset=offset,
        floor=link.outbox.floor(offset),
        ksid=making.ksid,
        epoch=making.epoch,
        onward=making.onward,
        batch_id=making.batch_id,
        key_size=making.key_size,
        key_ids=making.key_ids,
    )
    return effects, numbered(making.mix, assigned), key


def _relayed(making: BatchMaking, link: KmLink) -> Part:
    method = _method(making)
    is_central = method is Relay.XOR_CENTRAL
    count = relay_octets(making.number, making.key_size, is_central=is_central)
    offset, key, effects = link.take(count, Use.PAD, tag_octets(is_central=is_central))
    unsealed = RelayKeys(
        sender=making.node,
        link=link.link,
        link_epoch=FIRST_EPOCH,
        offset=offset,
        floor=link.outbox.floor(offset),
        ksid=making.ksid,
        epoch=making.epoch,
        onward=making.onward,
        batch_id=making.batch_id,
        key_size=making.key_size,
        key_ids=making.key_ids,
        hops_left=MOST_HOPS,
        remaining=CARRY_TIMEOUT,
        ciphertext=b"",
        tag=b"",
        is_copy=making.is_copy,
        is_announced=method is Relay.XOR_ANNOUNCED,
    )
    unsealed = numbered(making.mix, unsealed)
    if is_central:
        return effects, *begin_central(unsealed, key)
    if unsealed.is_announced:
        return effects, *begin(unsealed, key)
    plain = making.plain()
    return effects, seal(unsealed, plain, key), plain
