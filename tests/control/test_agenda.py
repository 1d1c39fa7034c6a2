"""Deadlines behind one timer: what is due comes in time, once, and a deadline that moves away is cheap."""

from __future__ import annotations

from typing import Final

from hypothesis import given
from hypothesis import strategies as st

from keytwin.control.admission import AdmissionSweep
from keytwin.control.agenda import TICK, Agenda
from keytwin.vocabulary.machine import Effect, StartTimer
from keytwin.vocabulary.units import START, Instant, after, milliseconds, seconds

TIMER: Final = "sweep"


def fresh() -> Agenda:
    return Agenda(TIMER, AdmissionSweep())


def wait(effects: list[Effect]) -> int:
    (effect,) = effects
    assert isinstance(effect, StartTimer)
    assert (effect.name, effect.message) == (TIMER, AdmissionSweep())
    return effect.after


def test_an_empty_agenda_needs_no_timer() -> None:
    assert fresh().arm(START) == []


def test_the_timer_runs_until_the_earliest_deadline() -> None:
    agenda = fresh()
    agenda.put("late", Instant(seconds(5)))
    agenda.put("soon", Instant(seconds(1)))
    assert wait(agenda.arm(START)) == seconds(1)
    assert agenda.arm(START) == []


def test_deadlines_close_together_share_a_wake_up() -> None:
    agenda = fresh()
    agenda.put("a", Instant(seconds(1) + 1))
    assert wait(agenda.arm(START)) == seconds(1) + TICK
    agenda.put("b", Instant(seconds(1) + 2))
    assert agenda.arm(START) == []
    assert agenda.take_due(Instant(seconds(1) + TICK)) == ["a", "b"]


def test_an_earlier_deadline_restarts_the_timer() -> None:
    agenda = fresh()
    agenda.put("a", Instant(seconds(9)))
    agenda.arm(START)
    agenda.put("b", Instant(seconds(2)))
    assert wait(agenda.arm(START)) == seconds(2)


def test_a_deadline_that_moves_away_is_found_when_the_earlier_one_comes() -> None:
    agenda = fresh()
    agenda.put("a", Instant(seconds(1)))
    agenda.arm(START)
    agenda.put("a", Instant(seconds(3)))
    assert agenda.arm(START) == []
    assert agenda.take_due(Instant(seconds(1))) == []
    assert wait(agenda.arm(Instant(seconds(1)))) == seconds(2)


def test_what_is_dropped_never_comes() -> None:
    agenda = fresh()
    agenda.put("a", Instant(seconds(1)))
    agenda.drop("a")
    agenda.drop("never there")
    assert agenda.take_due(Instant(seconds(2))) == []
    assert agenda.arm(Instant(seconds(2))) == []


def test_a_late_wake_up_does_not_wait_a_negative_time() -> None:
    agenda = fresh()
    agenda.put("a", Instant(seconds(1)))
    assert wait(agenda.arm(Instant(seconds(4)))) == 0


NAMES: Final = st.sampled_from("abc")
STEPS: Final = st.one_of(
    st.tuples(st.just("put"), NAMES, st.integers(0, 40)),
    st.tuples(st.just("drop"), NAMES, st.just(0)),
    st.tuples(st.just("take"), st.just(""), st.integers(1, 10)),
)


@given(st.lists(STEPS, max_size=30))
def test_it_does_what_a_plain_table_does(steps: list[tuple[str, str, int]]) -> None:
    agenda, table, now = fresh(), dict[str, Instant](), START
    for what, name, number in steps:
        if what == "put":
            due = after(now, milliseconds(number))
            agenda.put(name, due)
            table[name] = due
        elif what == "drop":
            agenda.drop(name)
            table.pop(name, None)
        else:
            now = after(now, milliseconds(number))
            due_now = {name for name, due in table.items() if due <= now}
            taken = agenda.take_due(now)
            assert sorted(taken) == sorted(due_now)
            table = {name: due for name, due in table.items() if name not in due_now}
        armed = agenda.arm(now)
        if armed and table:
            assert wait(armed) <= max(0, min(table.values()) - now) + TICK
