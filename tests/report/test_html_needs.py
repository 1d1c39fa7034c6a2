"""Margins in words and bars, and the needs beside what they come to without QKD."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from keytwin.assessment.answer import FoundLine
from keytwin.report.html import report_of
from keytwin.report.html_needs import margin, margin_in_words, needs, without_qkd
from tests.report.answers import VERDICTS, answer, asked, line


@pytest.mark.parametrize(
    ("share", "outcome", "words"),
    [
        (0.0, "met", "exactly what is asked for"),
        (0.109, "met", "10.9 % to spare"),
        (0.99993, "met", "99.9 % to spare"),
        (1.0, "met", "2 times what is asked for"),
        (115.88, "met", "117 times what is asked for"),
        (12_345.0, "met", "12,346 times what is asked for"),
        (-0.36, "not met", "36 % short of what is asked for"),
        (-1.0, "not met", "100 % short of what is asked for"),
        (-25.0, "not met", "2,500 % short of what is asked for"),
        (-0.57, "open", "at worst 57 % short of what is asked for"),
        (0.1, "open", "within the range"),
    ],
)
def test_a_margin_in_words(share: float, outcome: str, words: str) -> None:
    assert margin_in_words(share, outcome) == words


@pytest.mark.parametrize(
    ("share", "left", "width", "has_tip"),
    [
        (0.5, 150, 69, False),
        (-0.5, 81, 69, False),
        (1.0, 150, 138, False),
        (3.0, 150, 138, True),
        (-3.0, 12, 138, True),
    ],
)
def test_a_bar_reaches_from_the_middle_to_the_side_of_its_margin(
    share: float, left: int, width: int, *, has_tip: bool
) -> None:
    bar = margin(line(asked("N1", "reach", "1 km"), "met" if share > 0 else "not met", "2 km", share))
    style = "good" if share > 0 else "bad"
    assert f'<rect class="{style}" x="{left}" y="7" width="{width}" height="12">' in bar
    assert ("<path" in bar) is has_tip
    assert f'aria-label="{margin_in_words(share, "met")}"' in bar


def test_what_has_no_margin_has_no_bar() -> None:
    assert margin(line(asked("N1", "security", "hybrid"), "met", "hybrid", None)) == ""


def test_only_what_lies_between_pairs_names_them() -> None:
    with_pairs = needs(answer(verdicts=VERDICTS[:1]))
    of_the_whole = needs(answer(verdicts=(line(asked("N3", "cost", "1 MEUR"), "met", "1 EUR", 0.5),)))
    assert "<dt>Between</dt>" in with_pairs
    assert "<dt>Between</dt>" not in of_the_whole


def test_many_pairs_are_folded() -> None:
    many = tuple(f"a -- b{number}" for number in range(45))
    need = msgspec.structs.replace(asked("N1", "reach", "1 km"), pairs=many)
    found = needs(answer(verdicts=(line(need, "met", "2 km", 1.0),)))
    assert "<summary>45 pairs</summary>" in found


def test_of_many_links_that_hold_a_value_down_some_are_named() -> None:
    many = tuple(f"l{number}" for number in range(25))
    found = FoundLine("analysis", "1 km", 1.0, "", many)
    measured = msgspec.structs.replace(found, method="test")
    reason = f"decided by {', '.join(many)}"
    given = line(asked("N1", "reach", "1 km"), "met", "1 km", 0.0, analysed=found, measured=measured, reason=reason)
    html = needs(answer(verdicts=(given,)))
    assert html.count("l0, l1, l2, l3 and 21 more") == 3
    assert "l4" not in html


def test_evidence_says_how_to_see_it_again() -> None:
    found = needs(answer())
    assert "keytwin run runs/attack-2-channels.yaml --seed 7 --trace t.jsonl" in found
    assert "events 1,200 to 3,400" in found


@pytest.mark.parametrize(
    ("missed", "conclusion"),
    [
        ((), "QKD is not needed for this"),
        (("N2",), "misses N2, which must be met"),
        (("N4",), "misses only N4, which nobody insists on"),
    ],
)
def test_what_software_alone_would_miss_decides(missed: tuple[str, ...], conclusion: str, tmp_path: Path) -> None:
    plain = answer()
    baseline = tuple(
        msgspec.structs.replace(
            plain.baseline[0], need=each.need.id, outcome="not met" if each.need.id in missed else "met"
        )
        for each in plain.verdicts
    )
    changed = answer(baseline=baseline)
    assert conclusion in without_qkd(changed)
    assert conclusion in report_of(changed, tmp_path)


def test_both_sides_stand_beside_one_another() -> None:
    rows = re.findall(r"<tr>.*?</tr>", without_qkd(answer()), re.DOTALL)
    row = next(each for each in rows if ">N2<" in each)
    cells = [" ".join(re.sub(r"<[^>]*>", "", cell).split()) for cell in re.findall(r"<t[hd].*?</t[hd]>", row)]
    asked_for = "restoration ≤ 5 s, while 2 channels are attacked, whichever hurts most"
    assert cells == ["N2", asked_for, "✗ not met never", "✗ not met 9 s", "for the sake of the test"]
