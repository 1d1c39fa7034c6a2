"""Faults planted in the product: a hunt must find each within a few seeds, and say which rule breaks.

A fault that no oracle sees would not be seen either when it comes by accident.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Final

import msgspec
import pytest

from keytwin.algorithms.combiners import Transcript
from keytwin.control.capacity import Ledger
from keytwin.keymanagement import carriage, exchange, summing
from keytwin.keymanagement.bucket import TokenBucket
from keytwin.keymanagement.carriage import Carriage
from keytwin.keymanagement.collection import Collection
from keytwin.keymanagement.exchange import BatchMaking
from keytwin.keymanagement.forwarding import Forwarding, Hop
from keytwin.keymanagement.hybrid import Generation, Purpose
from keytwin.keymanagement.kmlink import KmLink
from keytwin.keymanagement.manager import KeyManager
from keytwin.keymanagement.pads import Incoming, Outgoing
from keytwin.keymanagement.pool import Batch, KeysHandedOut, KeysKept, Pool, Shelf
from keytwin.scenario.hunt import rule_of, run_seed
from keytwin.scenario.hunt_scope import Scope
from keytwin.vocabulary.exchange_messages import GetKeyById, KeysStored, RelayKeys, SessionSignal, VoidKeys
from keytwin.vocabulary.identity import KeyId, Ksid
from keytwin.vocabulary.key import Key
from keytwin.vocabulary.machine import Effect, Message, Save, Send
from keytwin.vocabulary.session_messages import ConfigureHop
from keytwin.vocabulary.units import Bits, Instant

Patch = pytest.MonkeyPatch
Plant = Callable[[Patch], None]


@dataclass(frozen=True)
class Planted:
    """A fault, the rule that it breaks, and where a hunt finds it."""

    fault: str
    rules: tuple[str, ...]
    plant: Plant = field(repr=False)
    only: frozenset[str] | None = None  # families of fault, None = as the seed draws
    seeds: range = range(1, 21)


def saved_late(kind: type[object]) -> Plant:
    """Let what follows a Save of this kind leave before it."""

    def plant(patch: Patch) -> None:
        honest = KeyManager.receive

        def hasty(self: KeyManager, message: Message, now: Instant) -> list[Effect]:
            effects = honest(self, message, now)
            return sorted(effects, key=lambda effect: isinstance(effect, Save) and isinstance(effect.record, kind))

        patch.setattr(KeyManager, "receive", hasty)

    return plant


def no_tombstone(patch: Patch) -> None:
    def forget(self: Forwarding, ksid: Ksid, epoch: int) -> list[Effect]:
        del self.hops[ksid], epoch
        return []

    patch.setattr(Forwarding, "forget", forget)
    patch.setattr(Forwarding, "_bury", lambda *_: [])


def late_configuration(patch: Patch) -> None:
    honest = Forwarding.on_configure_hop

    def forgetful(self: Forwarding, wanted: ConfigureHop, now: Instant) -> tuple[bool, list[Effect]]:
        self.tombstones.clear()
        return honest(self, wanted, now)

    patch.setattr(Forwarding, "on_configure_hop", forgetful)


def tag_unchecked(patch: Patch) -> None:
    def unseal(sealed: RelayKeys, key: bytearray, **_: object) -> bytearray:
        plain = bytearray(left ^ right for left, right in zip(sealed.ciphertext, key[32:], strict=False))
        return plain + key[64:] if sealed.is_central else plain

    patch.setattr(carriage, "unseal", unseal)


def retry_anew(patch: Patch) -> None:
    honest = KmLink.on_resend_due

    def careless(self: KmLink, now: Instant) -> list[Effect]:
        for entry in self.outbox.values():
            if isinstance(entry.message, RelayKeys):
                other = bytes(octet ^ 0x55 for octet in entry.message.ciphertext)
                entry.message = msgspec.structs.replace(entry.message, ciphertext=other)
        return honest(self, now)

    patch.setattr(KmLink, "on_resend_due", careless)


def partial_answer(patch: Patch) -> None:
    honest = Collection.on_get_key_by_id

    def obliging(self: Collection, ask: GetKeyById, now: Instant) -> list[Effect]:
        here = tuple(key_id for key_id in ask.key_ids if key_id in self.shelf.by_key)
        return honest(self, msgspec.structs.replace(ask, key_ids=here or ask.key_ids), now)

    patch.setattr(Collection, "on_get_key_by_id", obliging)


def short_answer(patch: Patch) -> None:
    honest = Pool.take

    def fewer(self: Pool, number: int) -> list[Key]:
        return honest(self, max(1, number - 1))

    patch.setattr(Pool, "take", fewer)


def foreign_served(patch: Patch) -> None:
    honest = Collection.on_get_key_by_id

    def trusting(self: Collection, ask: GetKeyById, now: Instant) -> list[Effect]:
        found = [batch for batch in self.shelf.find(ask.key_ids) if batch is not None]
        return honest(self, msgspec.structs.replace(ask, sae=found[0].sae) if found else ask, now)

    patch.setattr(Collection, "on_get_key_by_id", trusting)


def taken_twice(patch: Patch) -> None:
    passes_on, takes = Carriage._pass_on, Carriage.on_relay_keys
    kept: dict[tuple[str, str, int], tuple[RelayKeys, bytes, Hop]] = {}

    def pass_on(self: Carriage, message: RelayKeys, plain: bytearray, hop: Hop, now: Instant) -> list[Effect]:
        kept[self.node, message.link, message.offset] = message, bytes(plain), hop
        return passes_on(self, message, plain, hop, now)

    def take(self: Carriage, message: RelayKeys, now: Instant) -> list[Effect]:
        """Pass a repeat on once more."""
        known = kept.get((self.node, message.link, message.offset))
        effects = takes(self, message, now)
        return effects if known is None else [*effects, *passes_on(self, known[0], bytearray(known[1]), known[2], now)]

    patch.setattr(Carriage, "_pass_on", pass_on)
    patch.setattr(Carriage, "on_relay_keys", take)


def names_again(patch: Patch) -> None:
    honest = exchange.depart
    begun: dict[int, tuple[KmLink, Iterator[int]]] = {}  # by link, which is another object in each incarnation

    def depart(making: BatchMaking, now: Instant) -> None:
        """Name keys by a number that begins anew with each incarnation."""
        honest(making, now)
        _, numbers = begun.setdefault(id(making.link), (making.link, count()))
        prefix = f"{making.node}/{making.link.link}"
        making.key_ids = tuple(KeyId(f"{prefix}/{next(numbers)}") for _ in range(making.number))

    patch.setattr(exchange, "depart", depart)


def never_expires(patch: Patch) -> None:
    patch.setattr(Pool, "expire", lambda *_: (0, []))


def never_expires_at_the_slave(patch: Patch) -> None:
    patch.setattr(Shelf, "overdue", lambda *_: [])


def void_kept_back(patch: Patch) -> None:
    honest = Carriage.on_signal

    def forgetful(self: Carriage, signal: SessionSignal) -> list[Effect] | None:
        passed_on = honest(self, signal)
        return [] if isinstance(signal, VoidKeys) and passed_on is not None else passed_on

    patch.setattr(Carriage, "on_signal", forgetful)


def never_released(patch: Patch) -> None:
    patch.setattr(Ledger, "free", lambda *_: None)


def epoch_ignored(patch: Patch) -> None:
    honest = Forwarding.on_configure_hop

    def any_epoch(self: Forwarding, wanted: ConfigureHop, now: Instant) -> tuple[bool, list[Effect]]:
        """Take an older configuration in the place of a newer one."""
        known = self.hops.get(wanted.ksid)
        if known is not None and wanted.epoch < known.configuration.epoch:
            self.hops.pop(wanted.ksid)
        return honest(self, wanted, now)

    patch.setattr(Forwarding, "on_configure_hop", any_epoch)


def floor_believed(patch: Patch) -> None:
    honest = Carriage.on_relay_keys

    def hasty(self: Carriage, message: RelayKeys, now: Instant) -> list[Effect]:
        self.links[message.link].incoming.raise_floor(message.floor)  # before its tag is looked at
        return honest(self, message, now)

    patch.setattr(Carriage, "on_relay_keys", hasty)


def floor_beyond(patch: Patch) -> None:
    honest = Incoming.raise_floor

    def gullible(self: Incoming, floor: int) -> None:
        honest(self, floor)
        self.floor = max(self.floor, floor)

    patch.setattr(Incoming, "raise_floor", gullible)
    floor_believed(patch)


def kept_after_hand_out(patch: Patch) -> None:
    honest = Shelf.take

    def copying(self: Shelf, key_ids: Sequence[KeyId], found: Sequence[Batch | None]) -> list[Key]:
        batches = {key_id: self.by_key[key_id] for key_id in key_ids}
        taken = honest(self, key_ids, found)
        for key in taken:
            batch = batches[key.key_id]
            self.batches[batch.batch_id] = batch
            self.by_session.setdefault(batch.ksid, {})[batch.batch_id] = None
            self.by_key[key.key_id] = batch
            batch.keys[key.key_id] = key.material
        return taken

    patch.setattr(Shelf, "take", copying)


def always_full(patch: Patch) -> None:
    def refilled(self: TokenBucket, wanted: Bits, now: Instant) -> bool:
        del wanted
        self.level, self.filled_at = self.size, now
        return True

    patch.setattr(TokenBucket, "take", refilled)


def told_before_stored(patch: Patch) -> None:
    honest = Carriage.on_relay_keys

    def hasty(self: Carriage, message: RelayKeys, now: Instant) -> list[Effect]:
        effects = honest(self, message, now)
        told = [each for each in effects if isinstance(each, Send) and isinstance(each.message, KeysStored)]
        return [*told, *(each for each in effects if each not in told)]

    patch.setattr(Carriage, "on_relay_keys", hasty)


def lease_used_again(patch: Patch) -> None:
    patch.setattr(Outgoing, "resume", lambda *_: None)


def secret_unproven(patch: Patch) -> None:
    patch.setattr(Generation, "proves", lambda *_: True)


def secret_kept_by_name(patch: Patch) -> None:
    honest = Generation._transcript

    def nameless(self: Generation, purpose: Purpose, key_id: KeyId) -> Transcript:
        """Derive every key as if it had the same name."""
        del key_id
        return honest(self, purpose, KeyId("a key"))

    patch.setattr(Generation, "_transcript", nameless)


def sum_believed(patch: Patch) -> None:
    def conclude(message: RelayKeys, held: bytearray, total: bytes) -> bytearray:
        del message
        return bytearray(left ^ right for left, right in zip(held[32:], total, strict=True))

    patch.setattr(summing, "conclude", conclude)


FLIPS: Final = frozenset({"flips"})
KILLS: Final = frozenset({"kills", "writes", "failpoints"})

PLANTED: Final = (
    Planted("no tombstone", ("S3",), no_tombstone, frozenset({"messages", "replays"})),
    Planted("late configuration honoured", ("S3",), late_configuration, frozenset({"messages", "replays"})),
    Planted("tag not checked", ("R1", "K2"), tag_unchecked, FLIPS),
    Planted("sum believed without its tag", ("K2",), sum_believed, FLIPS, range(1, 61)),
    Planted("retry encrypts something else", ("P1",), retry_anew, frozenset({"messages"})),
    Planted("rest of a lease used after a crash", ("P1",), lease_used_again, KILLS),
    Planted("hand-out saved after the answer", ("K6",), saved_late(KeysHandedOut)),
    Planted("stored before it is durable", ("R4",), saved_late(KeysKept)),
    Planted("told before it is stored", ("R4",), told_before_stored),
    Planted("some keys of a request by ID", ("K8",), partial_answer),
    Planted("fewer keys than asked for", ("K8", "P5"), short_answer),
    Planted("keys for an SAE of another app", ("K4",), foreign_served),
    Planted("replay taken twice", ("R2",), taken_twice, frozenset({"messages"})),
    Planted("key IDs begin anew after a restart", ("K3",), names_again, KILLS),
    Planted("expired keys stay in the pool", ("K7",), never_expires, frozenset(), range(9, 30)),
    Planted("expired keys stay on the shelf", ("K7",), never_expires_at_the_slave, frozenset(), range(9, 30)),
    Planted("void not passed on", ("R5",), void_kept_back, frozenset({"messages", "kills", "links"}), range(97, 117)),
    Planted("reservation not released", ("S1",), never_released, frozenset()),
    Planted("epoch ignored", ("S3", "S6"), epoch_ignored, frozenset({"links", "replays"}), range(6, 61)),
    Planted("floor believed before the tag", ("P3",), floor_believed, FLIPS, range(1, 41)),
    Planted("floor believed beyond what is there", ("P3", "P5"), floor_beyond, FLIPS, range(1, 41)),
    Planted("key kept after its hand-out", ("K1", "K5"), kept_after_hand_out),
    Planted("secret not proven", ("K2",), secret_unproven, FLIPS, range(12, 32)),
    Planted("one derivation for all keys of a secret", ("K1",), secret_kept_by_name, frozenset(), range(8, 28)),
    Planted("bucket that is always full", ("A3",), always_full, frozenset(), range(6, 26)),
)


@pytest.mark.slow
@pytest.mark.parametrize("planted", PLANTED, ids=lambda planted: planted.fault.replace(" ", "-"))
def test_a_planted_fault_is_found(planted: Planted, monkeypatch: Patch) -> None:
    planted.plant(monkeypatch)
    for seed in planted.seeds:
        broken = run_seed(None, seed, Scope(planted.only)).broken
        if broken:
            assert rule_of(broken) in planted.rules, broken
            return
    pytest.fail(f"nobody noticed in seeds {planted.seeds.start} to {planted.seeds.stop - 1}")


def test_there_are_many_faults_and_each_names_its_rule() -> None:
    assert len({planted.fault for planted in PLANTED}) == len(PLANTED) >= 15
    assert len({rule for planted in PLANTED for rule in planted.rules}) >= 10
