"""State tables as Mermaid."""

from __future__ import annotations

from enum import StrEnum

from keytwin.report.state_diagram import mermaid, states_page
from keytwin.vocabulary.machine import Message, StateTable, ignored, refused, to


class State(StrEnum):
    IDLE = "idle"
    BUSY = "key exchanging"
    OVER = "over"


class Begin(Message, frozen=True):
    pass


class Answer(Message, frozen=True):
    pass


class Stop(Message, frozen=True):
    pass


TABLE = StateTable(
    "example",
    State,
    {
        (State.IDLE, Begin): to(State.BUSY),
        (State.BUSY, Begin): to(State.BUSY),
        (State.BUSY, Answer): to(State.BUSY, State.IDLE, BUSY="some wait; more", IDLE="none waits"),
        (State.BUSY, Stop): to(State.OVER),
        (State.IDLE, Stop): to(State.OVER),
        **ignored(State.OVER, (Stop, Answer)),
        **ignored(State.IDLE, (Answer,)),
        **refused(State.OVER, message=Begin, because="session unknown"),
    },
)

DIAGRAM = """\
stateDiagram-v2
    [*] --> idle
    key_exchanging : key exchanging
    idle --> key_exchanging : Begin
    key_exchanging --> key_exchanging : Begin<br>Answer [some wait, more]
    key_exchanging --> idle : Answer [none waits]
    key_exchanging --> over : Stop
    idle --> over : Stop
    over --> [*]"""


def test_draws_every_transition_once_with_its_guard() -> None:
    assert mermaid(TABLE.view()) == DIAGRAM


def test_the_page_lists_what_is_refused_and_what_is_ignored() -> None:
    page = states_page([TABLE.view()])
    assert f"## example\n\n```mermaid\n{DIAGRAM}\n```\n" in page
    assert "Refused:\n\n- Begin when over (session unknown)\n" in page
    assert "- Stop when over\n- Answer when over, idle\n" in page
