"""Judges of the edges of durability: what has been said must have been durable when it was said, and where it counts.

They look at the octets on the simulated disks, not at what the code believes to have saved, so that they need no kill
at the right moment to see that something was said too early.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import Final

from keytwin.runtime.simulation import Simulation
from keytwin.scenario.hunt_oracles import Broken
from keytwin.vocabulary.exchange_messages import (
    AssignKeys,
    BatchId,
    GetKey,
    KeyDelivered,
    KeysStored,
    NameKeys,
    RelayKeys,
)
from keytwin.vocabulary.identity import ElementName, KeyId
from keytwin.vocabulary.machine import Message

HANDED_OUT: Final = b"KeysHandedOut"
KEPT: Final = b"KeysKept"


@dataclass
class DurableWatch:
    """K6: no answer with keys before its hand-out is durable. R4: no key at one end before the other has it durably."""

    simulation: Simulation
    key_ids: dict[BatchId, tuple[KeyId, ...]] = field(default_factory=dict)
    heard: dict[BatchId, set[ElementName]] = field(default_factory=lambda: defaultdict(set))
    stored: set[KeyId] = field(default_factory=set)
    masters: set[str] = field(default_factory=set)  # requests

    def see(self, source: ElementName, to: ElementName, message: Message) -> None:
        """Hold what is said against the disk of who says it."""
        match message:
            case GetKey():
                self.masters.add(message.request_id)
            case RelayKeys() | AssignKeys() | NameKeys():
                self.key_ids[message.batch_id] = message.key_ids
            case KeysStored():
                self._check_stored(source, to, message)
            case KeyDelivered():
                self._check_answer(source, message)
            case _:
                pass

    def _check_stored(self, source: ElementName, to: ElementName, message: KeysStored) -> None:
        """Whoever has not heard it from another is the end that has stored the batch."""
        if source not in self.heard[message.batch_id]:
            if not self._has(source, KEPT, message.batch_id):
                raise Broken(f"R4: {source} says that it has batch {message.batch_id}, which is not durable there")
            self.stored.update(self.key_ids.get(message.batch_id, ()))
        self.heard[message.batch_id].add(to)

    def _check_answer(self, source: ElementName, message: KeyDelivered) -> None:
        for key in message.keys:
            if not self._has(source, HANDED_OUT, key.key_id):
                raise Broken(f"K6: {source} answers with key {key.key_id} before that is durable")
            if message.request_id in self.masters and key.key_id not in self.stored:
                raise Broken(f"R4: {source} hands key {key.key_id} to its master, and no other end has it durably")

    def _has(self, element: ElementName, kind: bytes, name: str) -> bool:
        """Whether a durable record of a kind holds a name; the latest ones first, where it nearly always is."""
        wanted = name.encode()
        return any(
            wanted in record and kind in record for record in reversed(self.simulation.hosts[element].disk.durable)
        )
