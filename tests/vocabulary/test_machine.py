"""State tables: the same data drives a machine, draws it and exports it."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

import pytest

from keytwin.vocabulary.errors import UnexpectedMessage
from keytwin.vocabulary.machine import (
    IGNORED,
    Effect,
    Message,
    StateTable,
    StopTimer,
    Transition,
    every_state_but,
    ignored,
    refused,
    snake_case,
    to,
)
from keytwin.vocabulary.units import START, Instant


class Door(StrEnum):
    """A door."""

    SHUT = "shut"
    OPEN = "open"
    GONE = "gone"


class Push(Message, frozen=True):
    """Somebody pushes."""

    hard: bool = False


class Burn(Message, frozen=True):
    """The house burns."""


class Knock(Message, frozen=True):
    """Somebody knocks."""


TABLE = StateTable(
    "door",
    Door,
    {
        (Door.SHUT, Push): to(Door.OPEN, Door.SHUT, OPEN="hard enough", SHUT="too soft"),
        (Door.OPEN, Push): to(Door.SHUT),
        **every_state_but(Door.GONE, (Burn,), to(Door.GONE)),
        **ignored(Door.OPEN, (Knock,)),
        **refused(Door.GONE, message=Push, because="there is no door"),
        **ignored(Door.GONE, (Burn, Knock)),
    },
)


@dataclass
class Machine:
    """A machine that is driven by the table."""

    state: StrEnum = Door.SHUT
    goes_wrong: bool = False
    refusals: list[str] = field(default_factory=list)

    def refuse(self, message: Message, because: str) -> list[Effect]:
        self.refusals.append(because)
        return [StopTimer(type(message).__name__)]

    def on_push(self, push: Push, now: Instant) -> list[Effect]:
        del now
        if self.goes_wrong:
            self.state = Door.GONE
        elif push.hard or self.state is Door.OPEN:
            self.state = Door.OPEN if self.state is Door.SHUT else Door.SHUT
        return [StopTimer("push")]

    def on_burn(self, burn: Burn, now: Instant) -> list[Effect]:
        del burn, now
        self.state = Door.GONE
        return []


def test_a_step_goes_where_the_table_says() -> None:
    machine = Machine()
    assert TABLE.step(machine, Push(), START) == [StopTimer("push")]
    assert machine.state.value == "shut"
    TABLE.step(machine, Push(hard=True), START)
    assert machine.state.value == "open"


def test_a_step_elsewhere_is_our_bug() -> None:
    with pytest.raises(AssertionError, match="Push led from shut to gone"):
        TABLE.step(Machine(goes_wrong=True), Push(), START)


def test_a_message_without_a_row_is_the_peers_fault() -> None:
    with pytest.raises(UnexpectedMessage, match="door does not take Knock when shut"):
        TABLE.step(Machine(), Knock(), START)


def test_ignored_messages_have_no_effect() -> None:
    machine = Machine(Door.OPEN)
    assert TABLE.step(machine, Knock(), START) == []
    assert machine.state is Door.OPEN


def test_refused_messages_are_answered_with_the_reason() -> None:
    machine = Machine(Door.GONE)
    assert TABLE.step(machine, Push(), START) == [StopTimer("Push")]
    assert machine.refusals == ["there is no door"]


def test_the_table_as_data_has_every_row() -> None:
    view = TABLE.view()
    assert (view.initial, view.final) == ("shut", ("gone",))
    assert set(view.transitions) == {
        Transition("shut", "Push", "open", "hard enough"),
        Transition("shut", "Push", "shut", "too soft"),
        Transition("open", "Push", "shut", ""),
        Transition("shut", "Burn", "gone", ""),
        Transition("open", "Burn", "gone", ""),
    }
    assert set(view.ignored) == {("open", "Knock"), ("gone", "Burn"), ("gone", "Knock")}
    assert view.refused == (("gone", "Push", "there is no door"),)


def test_each_of_several_following_states_needs_a_guard() -> None:
    with pytest.raises(AssertionError, match="guard"):
        to(Door.OPEN, Door.SHUT)


def test_ignoring_is_neither_going_on_nor_refusing() -> None:
    assert IGNORED.is_ignored
    assert not to(Door.OPEN).is_ignored


def test_handlers_are_named_after_messages() -> None:
    assert snake_case("GetKeyById") == "get_key_by_id"
