"""The answer in a word and a sentence."""

from __future__ import annotations

import pytest

from keytwin.assessment.answer import VerdictLine
from keytwin.report.html_answer import counts, head, outcome_of, overview, sentence
from tests.report.answers import VERDICTS, answer, asked, line

MET, MISSED, OPEN, UNRUN, UNVERIFIABLE = VERDICTS


@pytest.mark.parametrize(
    ("verdicts", "is_met", "word", "said"),
    [
        ((MET,), True, "met", "Yes: the design meets everything"),
        ((MET, MISSED), False, "not met", "No: N2 must be met, and is not."),
        ((MISSED, line(asked("N9", "reach", "1 km"), "not met", "0 km", -1.0)), False, "not met", "N2 and N9 must be"),
        ((MET, OPEN), False, "open", "nothing that must be met is missed, but N3 cannot be told"),
        ((), False, "not met", "there is no design that gives keys here"),
    ],
)
def test_the_answer_in_a_word_and_a_sentence(
    verdicts: tuple[VerdictLine, ...], word: str, said: str, *, is_met: bool
) -> None:
    given = answer(verdicts=verdicts, is_met=is_met)
    assert outcome_of(given) == word
    assert said in sentence(given)
    assert f"</span>{word}</span>" in head(given)


def test_the_needs_are_counted_by_outcome() -> None:
    assert counts(answer()) == "Of 5 needs: 1 met, 1 not met, 1 open, 1 needs a run, 1 unverifiable."


def test_the_summary_is_kept_as_it_is() -> None:
    assert '<p dir="auto">It costs too much.</p>' in head(answer())


def test_each_outcome_in_the_table_is_explained() -> None:
    table = overview(answer())
    for word in ("Met:", "Not met:", "Open:", "Needs a run:", "Unverifiable:"):
        assert word in table
    assert "Open:" not in overview(answer(verdicts=(MET,)))


def test_the_table_leads_to_each_need() -> None:
    for each in VERDICTS:
        assert f'href="#need-{each.need.id}"' in overview(answer())
