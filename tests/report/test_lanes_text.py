"""The lanes in a terminal: exactly what a reader sees."""

from __future__ import annotations

import pytest

from keytwin.report.lanes import lanes_of
from keytwin.report.lanes_text import ASCII, NARROWEST, UNICODE, glyphs_for, lanes_as_text
from keytwin.vocabulary.events import KeysAnswered
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.units import Duration, Instant
from tests.marks import clause
from tests.report.happenings import experiment, session

GOLDEN = """\
--- app01  km0 - km1
=== app23  km2 - km3
... app45  km4 - km5
o request  a authenticated  c configured  K key ready  > relayed  * answered

km0   o--a-----c----//----K*
               c====//==================//==================//====>
km1   o--a-----c----//----K--------*
km2   o==a=====c====//==================//==================//========K*
km3   o==a=====c====//==================//==================//========K====*
km4   o..a.....c....//..................//....K*
km5   o..a.....c....//..................//....K........*
      0 s        (57.2 s) 57.203 s   (1.81 s) 59.011 s   (2.87 s) 61.880 s
      for 9.4 ms          for 1.9 ms          for 1.9 ms          for 3.5 ms
"""


@clause("paper B, IEEE Network 2025", "Fig. 4")
def test_draws_the_experiment() -> None:
    assert lanes_as_text(lanes_of(experiment()), 80, ASCII).plain.splitlines() == GOLDEN.splitlines()


@pytest.mark.parametrize("width", [NARROWEST, 70, 80, 100, 200])
def test_fits_the_terminal(width: int) -> None:
    legend = 4
    lines = lanes_as_text(lanes_of(experiment()), width).plain.splitlines()[legend:]
    assert max(len(line) for line in lines) <= width


def test_a_terminal_that_knows_ascii_only_gets_ascii() -> None:
    assert glyphs_for("utf-8") is UNICODE
    assert glyphs_for("ascii") is ASCII
    assert glyphs_for("no such encoding") is ASCII
    assert lanes_as_text(lanes_of(experiment()), 80, ASCII).plain.isascii()


def test_each_session_is_drawn_in_its_own_line() -> None:
    text = lanes_as_text(lanes_of(experiment()), 100, UNICODE)
    rows = [line for line in text.plain.splitlines() if line.startswith(("km", "   "))]
    assert [set(row) & set(UNICODE.lines) for row in rows[:7]] == [{"─"}, {"╌"}, {"─"}, {"╌"}, {"╌"}, {"┈"}, {"┈"}]
    assert len({str(span.style) for span in text.spans} & {"blue", "red", "green"}) == 3


def test_marks_of_a_row_stand_in_the_order_of_time() -> None:
    for line in lanes_as_text(lanes_of(experiment()), 100, ASCII).plain.splitlines():
        marks = [each for each in line[6:] if each in "oacK>*"]
        if line.startswith("km") and marks:
            assert "".join(marks) in {"oacK*", "oac*"}


def test_says_how_many_marks_it_left_out() -> None:
    published = session("app01", 60_000)
    for number in range(20):
        answered = KeysAnswered(
            NodeId("km0"), Ksid("ksid-of-app01"), SaeId("a"), (KeyId(str(number)),), is_master=True, waited=Duration(0)
        )
        published.append((Instant(61_000_000_000 + number * 10**9), ElementName("km/km0"), answered))
    assert "21x*" in lanes_as_text(lanes_of(published), 100, ASCII).plain


def test_rows_name_their_session_when_lines_are_too_few() -> None:
    published = [event for number in range(5) for event in session("app01", 60_000, f"app{number}")]
    text = lanes_as_text(lanes_of(published), 100, ASCII).plain
    assert "km0  app0  -" not in text.splitlines()[0]
    assert [line[:10] for line in text.splitlines() if "app" in line][:2] == ["km0  app0 ", "     app1 "]
    assert max(map(len, text.splitlines())) <= 100


def test_a_run_without_events_has_no_lanes() -> None:
    assert "km0" not in lanes_as_text(lanes_of([]), 80).plain
