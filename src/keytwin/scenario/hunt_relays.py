"""Judges of keys on their way and of their life: nothing forged is taken, nothing is taken twice, nothing lives on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from keytwin.keymanagement.collection import EXPIRY_STEP
from keytwin.keymanagement.exchange import CARRY_TIMEOUT
from keytwin.keymanagement.kmlink import KmLink, is_doubted
from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pool import SLAVE_MARGIN, Batch
from keytwin.scenario.hunt_oracles import Broken, SaeLedger
from keytwin.vocabulary.exchange_messages import (
    AssignKeys,
    BatchId,
    GetKey,
    KeyDelivered,
    KeysReceived,
    NameKeys,
    RelayKeys,
)
from keytwin.vocabulary.identity import ElementName, KeyId, LinkId, NodeId
from keytwin.vocabulary.machine import Message
from keytwin.vocabulary.topology import other_end
from keytwin.vocabulary.units import Duration, Instant, in_seconds, seconds

SLACK: Final = seconds(2)  # for a disk, a wire and the sweep that comes each second

Place = tuple[LinkId, NodeId, int]  # link, who sends, offset


@dataclass
class RelayWatch:
    """R1: what was spoiled is never acknowledged. R2: a repeat is not passed on anew. K3: a key ID has one batch."""

    sound: dict[Place, int] = field(default_factory=lambda: defaultdict(int))  # copies that arrive as they were sealed
    passed_on: dict[tuple[NodeId, int, LinkId, BatchId, int], set[int]] = field(
        default_factory=lambda: defaultdict(set)
    )
    came: dict[tuple[NodeId, BatchId, int], set[Place]] = field(default_factory=lambda: defaultdict(set))
    batches: dict[KeyId, BatchId] = field(default_factory=dict)

    def see(self, incarnation: int, message: Message) -> None:
        """Note what is sent, by which incarnation of its sender, and hold acknowledgements against it."""
        if isinstance(message, RelayKeys | AssignKeys):
            self.sound[message.link, message.sender, message.offset] += 1
            self._check_way(incarnation, message)
            self._check_names(message)
        elif isinstance(message, NameKeys):
            self._check_names(message)
        elif isinstance(message, KeysReceived):
            place = message.link, message.owner, message.offset
            if self.sound[place] <= 0:
                raise Broken(f"R1: {message.sender} takes what nobody sealed: {place}")

    def spoil(self, to: ElementName, sent: Message, arrives: Message) -> None:
        """Note that a copy does not arrive as it was sealed."""
        del to, arrives
        if isinstance(sent, RelayKeys):
            self.sound[sent.link, sent.sender, sent.offset] -= 1

    def _check_names(self, message: RelayKeys | AssignKeys | NameKeys) -> None:
        for key_id in message.key_ids:
            if self.batches.setdefault(key_id, message.batch_id) != message.batch_id:
                raise Broken(f"K3: key ID {key_id} names keys of two batches")

    def _check_way(self, incarnation: int, message: RelayKeys | AssignKeys) -> None:
        # A node that was killed does not know any more what it has passed on: a repeat goes on under fresh key, and so
        # it does at all nodes behind it, to whom it comes under fresh key.
        batch = message.batch_id, message.epoch
        sent = self.passed_on[message.sender, incarnation, message.link, *batch]
        sent.add(message.offset)
        self.came[other_end(message.link, message.sender), *batch].add((message.link, message.sender, message.offset))
        if len(sent) > max(1, len(self.came[message.sender, *batch])):
            raise Broken(f"R2: {message.sender} sends batch {message.batch_id} a second time")


@dataclass
class LifeWatch:
    """K7: no key is handed out after its life. K5: what was handed out at an end is not there any more."""

    lifetime: Duration
    patience: Duration = Duration(0)  # an end that stands still answers later
    made: dict[KeyId, Instant] = field(default_factory=dict)  # when it was first on a wire
    masters: set[str] = field(default_factory=set)

    def see(self, at: Instant, message: Message) -> None:
        """Note when keys were made, and how old they are when they are handed out."""
        if isinstance(message, RelayKeys | AssignKeys | NameKeys):
            for key_id in message.key_ids:
                self.made.setdefault(key_id, at)
        elif isinstance(message, GetKey):
            self.masters.add(message.request_id)
        elif isinstance(message, KeyDelivered):
            longest = self.lifetime + CARRY_TIMEOUT + EXPIRY_STEP + SLACK + self.patience
            if message.request_id not in self.masters:
                longest += SLAVE_MARGIN
            for key in message.keys:
                age = at - self.made.get(key.key_id, at)
                if age > longest:
                    raise Broken(f"K7: key {key.key_id} is handed out {in_seconds(Duration(age))} s after it was made")

    def look(self, km: KeyManager, now: Instant, ledger: SaeLedger) -> None:
        """Look through what a key manager keeps, by its own clock."""
        for batch, most in _kept(km, self.lifetime):
            if batch.until < now - EXPIRY_STEP - SLACK:
                raise Broken(f"K7: {km.node} keeps batch {batch.batch_id} past its time")
            if batch.until > now + most:
                raise Broken(f"K7: {km.node} would keep batch {batch.batch_id} longer than keys live")
            for key_id in batch.keys:
                if ledger.has_had(key_id, km.node):
                    raise Broken(f"K5: {km.node} still has key {key_id}, which it has handed out")


def assert_floors_are_told(key_managers: Sequence[KeyManager], forgetful: Container[NodeId] = ()) -> None:
    """P3: no receiver gives up what its sender may still use: a floor is never above what the sender has allocated.

    But for a link of which one end is `forgetful`, whose disk has lost what it had called durable: that one begins
    beyond all that was used, and the other end follows with a block.
    """
    links = {(km.node, link): kmlink for km in key_managers for link, kmlink in km.links.kmlinks.items()}
    for (node, link), kmlink in links.items():
        sender = links.get((kmlink.neighbour, link))
        if sender is None or kmlink.incoming.floor <= sender.out.next:
            continue
        is_excused = node in forgetful or kmlink.neighbour in forgetful
        if not (is_excused and _begins_anew(kmlink, sender)):
            raise Broken(f"P3: {node} gives up {link} up to {kmlink.incoming.floor}, of {sender.out.next} allocated")


def _begins_anew(*ends: KmLink) -> bool:
    """Whether the two ends of a link have still to agree where it goes on."""
    if any(is_doubted(end) or end.ingest.is_anew or not end.lease.is_granted for end in ends):
        return True
    return len({end.ingest.placed for end in ends}) > 1


def _kept(km: KeyManager, lifetime: Duration) -> Iterable[tuple[Batch, int]]:
    """Give what is kept, and how long at most it may be kept from now on."""
    for _, desk in km.sessions.desks():
        yield from ((batch, lifetime) for batch in desk.pool.batches)
    yield from ((batch, lifetime + SLAVE_MARGIN) for batch in km.shelf.batches.values())
