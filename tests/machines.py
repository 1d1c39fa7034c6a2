"""What the tests of every machine assert: total, with exits, replayable, restorable, bounded."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence, Sized
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from keytwin.runtime.journal_codec import fresh_copy
from keytwin.vocabulary.errors import Violation
from keytwin.vocabulary.key import KeyMaterial
from keytwin.vocabulary.machine import (
    Effect,
    Machine,
    Message,
    MessageType,
    Reaction,
    Record,
    StartTimer,
    StateTable,
    StopTimer,
    snake_case,
)
from keytwin.vocabulary.units import START, Instant

Input = tuple[Message, Instant]
Written = list[tuple[str, bytes]]
"""Effects by kind and content: key material is compared by its octets, at the moment it was handed out."""

M = TypeVar("M", bound=Machine)
BACK: Final = Instant(10**15)  # some later instant at which a restarted machine comes back


def assert_table_is_total(
    table: StateTable, messages: Iterable[MessageType], machine: type[object] | None = None
) -> None:
    """Every state says what it does with each of these messages; the machine, when given, has what the table calls."""
    wanted = {(state, message) for state in table.states for message in messages}
    missing = sorted(f"({state}, {message.__name__})" for state, message in wanted - table.rows.keys())
    assert not missing, f"{table.name} says nothing about {', '.join(missing)}"
    foreign = sorted({message.__name__ for _, message in table.rows.keys() - wanted})
    assert not foreign, f"{table.name} has rows for {', '.join(foreign)}, which nobody sends it"
    if machine is not None:
        lacking = sorted(_called(table) - set(dir(machine)))
        assert not lacking, f"{machine.__name__} lacks {', '.join(lacking)}"


def assert_every_state_has_exits(
    table: StateTable, timeouts: Collection[MessageType], errors: Collection[MessageType]
) -> None:
    """Every state but the final ones is left by a time-out and by an error (invariant S4)."""
    for kind, messages in (("time-out", timeouts), ("error", errors)):
        left = {state for (state, message), row in table.rows.items() if message in messages and _leaves(state, row)}
        stuck = [state.value for state in table.states if state not in left and state not in table.final]
        assert not stuck, f"{table.name} has no {kind} exit from {', '.join(stuck)}"


def assert_replayable(
    make: Callable[[], Machine], inputs: Sequence[Input], recorded: Sequence[Written] | None = None
) -> None:
    """The same inputs and draws give the same effects; `make` hands over equally seeded ports each time.

    `recorded` is what an earlier run gave, such as `Recorder.effects`.
    """
    first = recorded if recorded is not None else _replay(make, inputs)
    for number, (then, again) in enumerate(zip(first, _replay(make, inputs), strict=True)):
        about = "restore" if number == 0 else type(inputs[number - 1][0]).__name__
        assert then == again, f"{about} (number {number}) gave {_kinds(then)}, then {_kinds(again)} of other content"


def assert_restorable(
    make: Callable[[], M], records: Sequence[Record], timers: Callable[[M], Iterable[str]], now: Instant = BACK
) -> None:
    """Each prefix of the records gives a machine that lives: `timers` names those that its states need to go on."""
    for length in range(len(records) + 1):
        machine = make()
        running = _running(machine.restore([fresh_copy(record) for record in records[:length]], now))
        silent = sorted(set(timers(machine)) - running)
        assert not silent, f"after {length} of {len(records)} records these do not run: {', '.join(silent)}"


def assert_bounded(collections: Mapping[str, Sized], limit: int) -> None:
    """None of the collections, each with its name, is larger than the limit."""
    large = {name: len(collection) for name, collection in collections.items() if len(collection) > limit}
    assert not large, f"larger than {limit}: {large}"


class Recorder:
    """Stands before a machine in a simulation and keeps what it received and returned: food for `assert_replayable`."""

    def __init__(self, machine: Machine) -> None:
        self.machine = machine
        self.inputs: list[Input] = []
        self.effects: list[Written] = []

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        effects = self.machine.restore(records, now)
        self.effects.append(_written(effects))
        return effects

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        self.inputs.append((fresh_copy(message), now))
        try:
            effects = self.machine.receive(message, now)
        except Violation as violation:
            self.effects.append(_refused(violation))
            raise
        self.effects.append(_written(effects))
        return effects


def _called(table: StateTable) -> set[str]:
    handlers = {f"on_{snake_case(message.__name__)}" for (_, message), row in table.rows.items() if row.following}
    refuses = any(row.refusal for row in table.rows.values())
    return handlers | ({"refuse"} if refuses else set())


def _leaves(state: StrEnum, row: Reaction) -> bool:
    return any(target is not state for target, _ in row.following)


def _replay(make: Callable[[], Machine], inputs: Sequence[Input]) -> list[Written]:
    machine = make()
    effects = [_written(machine.restore([], START))]
    for message, now in inputs:
        try:
            effects.append(_written(machine.receive(fresh_copy(message), now)))
        except Violation as violation:
            effects.append(_refused(violation))
    return effects


def _written(effects: Iterable[Effect]) -> Written:
    return [(type(effect).__name__, _ENCODER.encode(effect)) for effect in effects]


def _refused(violation: Violation) -> Written:
    return [(type(violation).__name__, str(violation).encode())]


def _kinds(written: Written) -> str:
    return ", ".join(kind for kind, _ in written) or "nothing"


def _running(effects: Iterable[Effect]) -> set[str]:
    running: set[str] = set()
    for effect in effects:
        if isinstance(effect, StartTimer):
            running.add(effect.name)
        elif isinstance(effect, StopTimer):
            running.discard(effect.name)
    return running


def _octets(part: object) -> bytes:
    assert isinstance(part, KeyMaterial)
    with part.exposed() as octets:
        return bytes(octets)


_ENCODER: Final = msgspec.msgpack.Encoder(enc_hook=_octets)
