"""The contract of every moving part: messages in, effects out, transitions as data.

A machine is plain state with `receive(message, now) -> list[Effect]` and `restore(records, now) -> list[Effect]`.
It never awaits, sleeps, reads a clock, logs, opens anything or sends: a runtime performs the effects in order, and
releases an effect only when all earlier `Save`s of the same element are durable.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from enum import StrEnum
from typing import Final, Protocol, TypeVar

import msgspec

from keytwin.vocabulary.audit import AuditEntry
from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.identity import ElementName
from keytwin.vocabulary.units import Duration, Instant

NUMBERS_A_ROW: Final = 32  # bits: octets of key or numbers of blocks that one row of a journal stands for, at most
RequestId = str
"""Chosen by whoever asks, unique for that element; the answer carries it back."""


class Message(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What one element tells another, or itself by a timer. The tag on the wire is the class name."""


class Event(msgspec.Struct, frozen=True, gc=False, tag=True):
    """Something that happened, published for trace, metrics and figures. Never holds key material."""


class Record(msgspec.Struct, frozen=True, gc=False, tag=True):
    """What a machine must find again after a restart. May hold key: it goes to the element's own journal only."""

    def audited(self) -> AuditEntry | None:
        """Return what the audit is to keep of it, None = it is no decision about keys."""
        return None


class RecordsLost(Record, frozen=True, gc=False):
    """The first of the records that are left after damage: whatever was saved before it is gone, and nobody knows what.

    A machine that reads it begins anew with all that must never be used twice: keys, pads, numbers. A number from
    `beyond` on was not given before, as none counts as far as that within one row.
    """

    row: int  # of the journal: grows with each loss

    @property
    def beyond(self) -> int:
        """Where numbers and addresses begin."""
        return self.row << NUMBERS_A_ROW


class Effect(msgspec.Struct, frozen=True, gc=False):
    """Something a runtime does on behalf of a machine."""


class Send(Effect, frozen=True, gc=False):
    """Deliver `message` to the element `to`."""

    to: ElementName
    message: Message


class StartTimer(Effect, frozen=True, gc=False):
    """Deliver `message` to this element `after` from now; a timer of the same name is replaced."""

    name: str
    after: Duration
    message: Message


class StopTimer(Effect, frozen=True, gc=False):
    """Forget the timer; one that has gone off or never ran is no error."""

    name: str


class Save(Effect, frozen=True, gc=False):
    """Make `record` durable before any later effect of this element is released."""

    record: Record


class Publish(Effect, frozen=True, gc=False):
    """Tell trace, metrics and figures."""

    event: Event


class Request(msgspec.Struct, frozen=True, gc=False):
    """What a port is asked. No message: it may hold private keys, and goes to the runtime only."""

    request_id: RequestId


class Perform(Effect, frozen=True, gc=False):
    """Let the port of that name do what can't be seeded or is slow; its answer comes back as a message.

    One answer comes to the incarnation that asked, `PortFailed` where the port could not do it; none is made for one
    that has died meanwhile. What the request holds stays the asker's to wipe.
    """

    port: str
    request: Request


class PortFailed(Message, frozen=True, gc=False):
    """A port could not do what it was asked."""

    request_id: RequestId
    reason: str


Effects = list[Effect]


class Machine(Protocol):
    """Every moving part."""

    def receive(self, message: Message, now: Instant) -> list[Effect]:
        """Answer one message; Violation when the peer broke the protocol."""
        ...

    def restore(self, records: Iterable[Record], now: Instant) -> list[Effect]:
        """Take up what an earlier incarnation saved; called once, on a freshly made machine, before any message.

        Called with no records at the very first start. Re-arms timers and re-announces what is pending.
        """
        ...


# --- state tables ---------------------------------------------------------------------------------------------------

S = TypeVar("S", bound=StrEnum)
MessageType = type[Message]


class Reaction(msgspec.Struct, frozen=True):
    """What a state does with a message: go on to one of `following` (each with its guard), ignore it, or refuse it."""

    following: tuple[tuple[StrEnum, str], ...] = ()  # (state, guard in words; "" = the only way)
    refusal: str = ""

    @property
    def is_ignored(self) -> bool:
        """Whether stale and duplicate messages fall through here without effect."""
        return not self.following and not self.refusal


IGNORED: Final = Reaction()
Rows = dict[tuple[S, MessageType], Reaction]


class Transition(msgspec.Struct, frozen=True):
    """One row of a state table as data, for diagrams and for SysML v2 `state def`."""

    source: str
    message: str
    target: str
    guard: str


class TableView(msgspec.Struct, frozen=True):
    """A state table as data, without classes: what the design plane and the documentation read."""

    name: str
    initial: str
    final: tuple[str, ...]
    states: tuple[str, ...]
    transitions: tuple[Transition, ...]
    ignored: tuple[tuple[str, str], ...]
    refused: tuple[tuple[str, str, str], ...]


class HasState(Protocol):
    """A machine that is driven by a state table: its present state, and one `on_<message>` method a message type."""

    state: StrEnum


class StateTable:
    """Transitions as data: `(state, message type) -> Reaction`. The same table drives, draws and exports a machine."""

    def __init__(self, name: str, states: type[StrEnum], rows: Mapping[tuple[S, MessageType], Reaction]) -> None:
        members = list(states)
        self.name = name
        self.states = members
        self.initial = members[0]
        self.rows: dict[tuple[StrEnum, MessageType], Reaction] = dict(rows.items())
        self.messages = tuple(dict.fromkeys(message for _, message in self.rows))
        self.final = tuple(state for state in members if self._is_final(state))
        self._handlers = {message: f"on_{snake_case(message.__name__)}" for message in self.messages}
        self._allowed = {key: frozenset(s for s, _ in row.following) for key, row in self.rows.items()}

    def step(self, machine: HasState, message: Message, now: Instant) -> list[Effect]:
        """Let `machine` react and check the state that follows; UnexpectedMessage when the table has no row."""
        key = (machine.state, type(message))
        allowed = self._allowed.get(key)
        if allowed is None:
            raise UnexpectedMessage(f"{self.name} does not take {type(message).__name__} when {machine.state.value}")
        if not allowed:
            refusal = self.rows[key].refusal
            refused: list[Effect] = getattr(machine, "refuse")(message, refusal) if refusal else []  # noqa: B009  # a machine without refusals has no such method
            return refused
        effects: list[Effect] = getattr(machine, self._handlers[key[1]])(message, now)
        assert machine.state in allowed, f"{self.name}: {key[1].__name__} led from {key[0]} to {machine.state}"
        return effects

    def view(self) -> TableView:
        """Return the table as data."""
        named = [(state.value, message.__name__, row) for (state, message), row in self.rows.items()]
        return TableView(
            name=self.name,
            initial=self.initial.value,
            final=tuple(state.value for state in self.final),
            states=tuple(state.value for state in self.states),
            transitions=tuple(
                Transition(source, message, target.value, guard)
                for source, message, row in named
                for target, guard in row.following
            ),
            ignored=tuple((source, message) for source, message, row in named if row.is_ignored),
            refused=tuple((source, message, row.refusal) for source, message, row in named if row.refusal),
        )

    def _is_final(self, state: StrEnum) -> bool:
        leaving = [row for (source, _), row in self.rows.items() if source is state]
        return all(target is state for row in leaving for target, _ in row.following)


def to(*targets: StrEnum, **guarded: str) -> Reaction:
    """Go on to a state; with several, each names its guard: `to(State.A, State.B, A="granted", B="refused")`."""
    assert targets
    guards = {target: guarded.get(target.name, "") for target in targets}
    assert len(targets) == 1 or all(guards.values()), "each of several following states names its guard"
    return Reaction(following=tuple(guards.items()))


def every_state_but(excepted: S, messages: Iterable[MessageType], reaction: Reaction) -> Rows[S]:
    """Return the same reaction for each other state of the machine."""
    states = [state for state in type(excepted) if state is not excepted]
    return {(state, message): reaction for state in states for message in messages}


def ignored(state: S, messages: Iterable[MessageType]) -> Rows[S]:
    """Return rows in which stale and duplicate messages have no effect."""
    return {(state, message): IGNORED for message in messages}


def refused(*states: S, message: MessageType, because: str) -> Rows[S]:
    """Return rows in which the machine's `refuse(message, reason)` answers."""
    return {(state, message): Reaction(refusal=because) for state in states}


def snake_case(name: str) -> str:
    """Turn a class name into the words of a method name."""
    return re.sub(r"(?<!^)(?=[A-Z])", "_", name).lower()
