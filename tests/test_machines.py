"""The generic assertions themselves, on a toy machine with planted faults: each of them can fail."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum

import pytest

from keytwin.runtime.entropy import SeededChance
from keytwin.vocabulary.identity import ElementName, Ksid
from keytwin.vocabulary.kem_messages import ML_KEM_768, AgreementId, Encapsulate
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import (
    Effect,
    Message,
    Perform,
    Reaction,
    Record,
    Save,
    Send,
    StartTimer,
    StateTable,
    StopTimer,
    ignored,
    refused,
    to,
)
from keytwin.vocabulary.ports import Entropy
from keytwin.vocabulary.units import START, Instant, seconds
from tests.machines import (
    Recorder,
    assert_bounded,
    assert_every_state_has_exits,
    assert_replayable,
    assert_restorable,
    assert_table_is_total,
)

DESK = ElementName("desk")


class Lock(Message, frozen=True, gc=False):
    """Lock the safe."""


class Unlock(Message, frozen=True, gc=False):
    """Unlock it."""


class TooLong(Message, frozen=True, gc=False):
    """The time-out."""


class Broken(Message, frozen=True, gc=False):
    """The error."""


class NewCode(Message, frozen=True, gc=False):
    """An answer that holds key material."""

    material: KeyMaterial


class Locked(Record, frozen=True, gc=False):
    """The safe is locked with this code."""

    material: KeyMaterial


class Gone(Record, frozen=True, gc=False):
    """The safe is broken for good."""


class SafeState(StrEnum):
    OPEN = "open"
    SHUT = "shut"
    BROKEN = "broken"


MESSAGES = (Lock, Unlock, TooLong, Broken)
Rows = dict[tuple[SafeState, type[Message]], Reaction]
ROWS: Rows = {
    (SafeState.OPEN, Lock): to(SafeState.SHUT),
    (SafeState.OPEN, TooLong): to(SafeState.SHUT),
    **refused(SafeState.OPEN, message=Unlock, because="it is open"),
    (SafeState.SHUT, Unlock): to(SafeState.OPEN),
    (SafeState.SHUT, TooLong): to(SafeState.OPEN),
    **ignored(SafeState.SHUT, (Lock,)),
    (SafeState.OPEN, Broken): to(SafeState.BROKEN),
    (SafeState.SHUT, Broken): to(SafeState.BROKEN),
    **ignored(SafeState.BROKEN, MESSAGES),
}


def table(rows: Rows) -> StateTable:
    return StateTable("safe", SafeState, rows)


def without(*left_out: tuple[SafeState, type[Message]]) -> StateTable:
    return table({key: row for key, row in ROWS.items() if key not in left_out})


class Safe:
    """A toy machine: draws a new code whenever it is locked."""

    def __init__(self, entropy: Entropy) -> None:
        self.state: StrEnum = SafeState.OPEN
        self._entropy = entropy

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        return table(ROWS).step(self, message, now)

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        del now
        for record in records:
            self.state = SafeState.BROKEN if isinstance(record, Gone) else SafeState.SHUT
        return [] if self.state is SafeState.BROKEN else [self._watch()]

    def refuse(self, message: Message, reason: str) -> list[Effect]:
        del message, reason
        return []

    def on_lock(self, message: Message, now: Instant) -> list[Effect]:
        del message, now
        self.state = SafeState.SHUT
        code = KeyMaterial(self._entropy.fill(4))
        return [Save(Locked(code)), Send(DESK, NewCode(code)), self._watch()]

    def on_too_long(self, message: Message, now: Instant) -> list[Effect]:
        return self.on_lock(message, now) if self.state is SafeState.OPEN else self.on_unlock(message, now)

    def on_unlock(self, message: Message, now: Instant) -> list[Effect]:
        del message, now
        self.state = SafeState.OPEN
        return [self._watch()]

    def on_broken(self, message: Message, now: Instant) -> list[Effect]:
        del message, now
        self.state = SafeState.BROKEN
        return [Save(Gone()), StopTimer("watch")]

    def _watch(self) -> Effect:
        return StartTimer("watch", seconds(1), TooLong())


def seeded() -> Safe:
    return Safe(SeededChance(1).entropy(ElementName("safe")))


def watches(safe: Safe) -> list[str]:
    return [] if safe.state is SafeState.BROKEN else ["watch"]


def test_a_total_table_passes() -> None:
    assert_table_is_total(table(ROWS), MESSAGES, Safe)


@pytest.mark.parametrize("hole", [(SafeState.SHUT, Lock), (SafeState.OPEN, Unlock), (SafeState.BROKEN, Broken)])
def test_a_hole_in_a_table_is_found(hole: tuple[SafeState, type[Message]]) -> None:
    with pytest.raises(AssertionError, match=rf"safe says nothing about \({hole[0]}, {hole[1].__name__}\)"):
        assert_table_is_total(without(hole), MESSAGES)


def test_a_row_for_a_message_that_nobody_sends_is_found() -> None:
    with pytest.raises(AssertionError, match="rows for TooLong"):
        assert_table_is_total(table(ROWS), [message for message in MESSAGES if message is not TooLong])


def test_a_method_that_the_table_calls_and_the_machine_lacks_is_found() -> None:
    class Unfinished:
        def on_lock(self) -> None: ...

    with pytest.raises(AssertionError, match="Unfinished lacks on_broken, on_too_long, on_unlock, refuse"):
        assert_table_is_total(table(ROWS), MESSAGES, Unfinished)


def test_a_table_with_all_exits_passes() -> None:
    assert_every_state_has_exits(table(ROWS), {TooLong}, {Broken})


@pytest.mark.parametrize(("missing", "kind"), [(TooLong, "time-out"), (Broken, "error")])
def test_a_missing_exit_is_found(missing: type[Message], kind: str) -> None:
    with pytest.raises(AssertionError, match=f"no {kind} exit from shut"):
        assert_every_state_has_exits(without((SafeState.SHUT, missing)), {TooLong}, {Broken})


def test_a_time_out_that_leaves_the_state_as_it_is_is_no_exit() -> None:
    circling = table({**ROWS, (SafeState.OPEN, TooLong): to(SafeState.OPEN)})
    with pytest.raises(AssertionError, match="no time-out exit from open"):
        assert_every_state_has_exits(circling, {TooLong}, {Broken})


INPUTS = [(Lock(), START), (Unlock(), Instant(1)), (TooLong(), Instant(2)), (NewCode(KeyMaterial(bytearray(1))), START)]


def test_a_machine_that_draws_from_its_ports_is_replayable_even_where_it_refuses() -> None:
    assert_replayable(seeded, INPUTS)


def test_chance_from_elsewhere_is_found() -> None:
    chance = SeededChance(1).entropy(DESK)
    with pytest.raises(AssertionError, match=r"Lock \(number 1\) gave Save, Send, StartTimer, then"):
        assert_replayable(lambda: Safe(chance), INPUTS)


def test_a_violation_that_comes_only_once_is_found() -> None:
    machines = iter([seeded(), Scrupulous(SeededChance(1).entropy(ElementName("safe")))])
    with pytest.raises(AssertionError, match="NewCode"):
        assert_replayable(lambda: next(machines), INPUTS)


class Scrupulous(Safe):
    def receive(self, message: Message, now: Instant) -> list[Effect]:
        return [] if isinstance(message, NewCode) else super().receive(message, now)


def test_a_recorded_conversation_replays_although_its_key_was_wiped() -> None:
    recorder = Recorder(seeded())
    recorder.restore([], START)
    for effect in recorder.receive(Lock(), START):
        if isinstance(effect, Send) and isinstance(effect.message, NewCode):
            effect.message.material.wipe()
    with pytest.raises(Exception, match="safe does not take NewCode"):
        recorder.receive(NewCode(KeyMaterial(bytearray(2))), START)
    assert_replayable(seeded, recorder.inputs, recorder.effects)


def test_a_recording_of_another_run_does_not_replay() -> None:
    recorder = Recorder(Safe(SeededChance(2).entropy(ElementName("safe"))))
    recorder.restore([], START)
    recorder.receive(Lock(), START)
    with pytest.raises(AssertionError, match="Lock"):
        assert_replayable(seeded, recorder.inputs, recorder.effects)


ANY = AgreementId(Ksid("k"), 1, onward=True)


class Asking(Safe):
    """Has a port encapsulate for a public key of its own draw."""

    def __init__(self, entropy: Entropy, public: Entropy) -> None:
        super().__init__(entropy)
        self._public = public

    def on_lock(self, message: Message, now: Instant) -> list[Effect]:
        return [
            *super().on_lock(message, now),
            Perform(ML_KEM_768, Encapsulate("code", ANY, self._public.bytes(4), b"", b"")),
        ]


def drawn(seed: int = 1) -> Entropy:
    return SeededChance(seed).entropy(DESK)


def test_what_a_machine_asks_of_a_port_is_replayed_with_its_content() -> None:
    assert_replayable(lambda: Asking(drawn(), drawn()), INPUTS)
    unseeded = drawn(2)
    with pytest.raises(AssertionError, match=r"Lock \(number 1\) gave Save, Send, StartTimer, Perform, then"):
        assert_replayable(lambda: Asking(drawn(), unseeded), INPUTS)


RECORDS = [Locked(KeyMaterial(bytearray(4))), Gone()]


def test_a_machine_whose_timers_run_again_is_restorable() -> None:
    assert_restorable(seeded, RECORDS, watches)


def test_a_timer_that_is_forgotten_after_some_prefix_is_found() -> None:
    class Sleepy(Safe):
        def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
            effects = super().restore(records, now)
            return [*effects, StopTimer("watch")] if self.state is SafeState.SHUT else effects

    with pytest.raises(AssertionError, match="after 1 of 2 records these do not run: watch"):
        assert_restorable(lambda: Sleepy(SeededChance(1).entropy(DESK)), RECORDS, watches)


def test_a_prefix_that_cannot_be_restored_is_found() -> None:
    class Rigid(Safe):
        def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
            known = list(records)
            assert len(known) != 1, "a lock without its end"
            return super().restore(known, now)

    with pytest.raises(AssertionError, match="a lock without its end"):
        assert_restorable(lambda: Rigid(SeededChance(1).entropy(DESK)), RECORDS, watches)


def test_each_prefix_is_restored_from_copies() -> None:
    class Wiping(Safe):
        def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
            known = list(records)
            for record in known:
                if isinstance(record, Locked):
                    record.material.wipe()
            return super().restore(known, now)

    assert_restorable(lambda: Wiping(SeededChance(1).entropy(DESK)), RECORDS, watches)


def test_collections_within_their_limit_pass_and_others_are_named() -> None:
    assert_bounded({"keys": [1, 2], "waiting": {}}, 2)
    with pytest.raises(AssertionError, match=r"larger than 1: \{'keys': 2\}"):
        assert_bounded({"keys": [1, 2], "waiting": {}}, 1)
