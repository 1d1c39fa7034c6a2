"""Short words of an answer, for people."""

from __future__ import annotations

import pytest

from keytwin.design.verdict import Outcome
from keytwin.report.html_wording import SIGNS, anchor, asked_for, asked_short, badge, condition
from tests.report.answers import asked


@pytest.mark.parametrize(
    ("under", "said"),
    [
        ("cut(1 link)", "while 1 link is cut, whichever hurts most"),
        ("attack(2 channels)", "while 2 channels are attacked, whichever hurts most"),
        ("kill(1 node)", "while 1 relay is down, whichever hurts most"),
        ("flood(3 rooms)", "flood(3 rooms)"),
        ("", ""),
    ],
)
def test_a_condition_as_a_clause(under: str, said: str) -> None:
    assert condition(under) == said


def test_what_is_asked_for_has_its_sense() -> None:
    assert asked_short(asked("N1", "reach", "700 km")) == "reach ≥ 700 km"
    assert asked_short(asked("N1", "cost", "1 MEUR")) == "cost ≤ 1 MEUR"
    assert "at least 2 kbit/s, while 1 link is cut" in asked_for(
        asked("N1", "key-rate", "2 kbit/s", under="cut(1 link)")
    )


def test_a_need_without_a_measure_says_so() -> None:
    assert asked_short(asked("N5", "", "")) == "no measure"
    assert asked_for(asked("N5", "", "")) == "nobody has said how it would be measured"


def test_a_measure_of_a_newer_version_keeps_its_name() -> None:
    assert asked_short(asked("N1", "beauty", "much")) == "beauty"


def test_each_outcome_has_its_word_and_its_sign() -> None:
    assert all(each in badge(each) for each in Outcome)
    assert len({sign for _, sign in SIGNS.values()}) == len(SIGNS)


def test_an_anchor_holds_nothing_that_an_identifier_may_not() -> None:
    assert anchor(asked("N 1<", "", "")) == "need-N-1-"
