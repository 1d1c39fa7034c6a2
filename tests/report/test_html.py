"""Reports as pages: whole, without harm, needing nothing from elsewhere, with all that is in the answer."""

from __future__ import annotations

from pathlib import Path

import pytest

from keytwin.report.html import report_of, report_of_run
from keytwin.runtime.trace import Header, Trace
from tests.report.answers import HARM, LONG, answer, harmful
from tests.report.pages import read_page

EMPTY = Trace(Header(1, "keytwin trace", "empty", 3, "0.0.1"), ())


def nothing() -> dict[str, object]:
    """Return what an answer without any design lacks."""
    lists = ("verdicts", "baseline", "wishes", "clash", "conflicts", "relaxations", "proposals", "runs", "places")
    return dict.fromkeys((*lists, "channels", "variants", "assumptions", "summary", "not_runnable"), ())


@pytest.fixture
def drawn(tmp_path: Path) -> Path:
    """Return a design's folder with drawings whose identifiers are the same in each."""
    svg = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><defs><clipPath id="p"><path d="M0 0"/></clipPath>'
    svg += '</defs><title id="t">a drawing</title><g clip-path="url(#p)"/></svg>'
    for name in ("schematic", "ovm", "after/structure", "after/protocol.decoy-bb84", "after/medium.satellite"):
        path = tmp_path / "views" / f"{name}.svg"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(svg, encoding="utf-8")
    return tmp_path


def test_a_report_has_no_fault(drawn: Path) -> None:
    assert read_page(report_of(answer(), drawn)).faults == []


def test_a_report_of_harmful_words_has_no_fault_and_shows_them(drawn: Path) -> None:
    html = report_of(harmful(), drawn)
    page = read_page(html)
    assert page.faults == []
    assert "<script" not in html.lower()
    assert page.text.count("<script>alert('x')</script> & \"quotes\"") > 20
    assert LONG in page.text
    assert "\x00" not in html
    assert HARM not in html


def test_a_report_of_no_design_has_no_fault_and_says_so(tmp_path: Path) -> None:
    page = read_page(report_of(answer(**nothing()), tmp_path))
    assert page.faults == []
    assert "there is no design that gives keys here" in page.text


def test_equal_answers_give_equal_reports(drawn: Path) -> None:
    assert report_of(answer(), drawn) == report_of(answer(), drawn)


def test_a_report_names_no_folder_of_the_machine(drawn: Path) -> None:
    assert str(drawn) not in report_of(answer(), drawn)


def test_every_need_is_told_in_its_own_words_with_its_verdict(tmp_path: Path) -> None:
    given = answer()
    text = read_page(report_of(given, tmp_path)).text
    for each in given.verdicts:
        assert text.count(each.need.text) == 2, "once in the table, once by itself"
        assert f"{each.need.id}, a {each.need.priority}" in text
        assert each.outcome in text


def test_everything_of_the_answer_is_somewhere(tmp_path: Path) -> None:
    given = answer()
    text = read_page(report_of(given, tmp_path)).text.replace("\u00a0", " ")
    run, change = given.runs[0], given.relaxations[0][1]
    figures = (
        run.throughput,
        run.response_delay,
        run.delay_variation,
        run.error_ratio,
        run.loss_ratio,
        run.availability,
    )
    for words in (
        *(given.stakeholder, given.about, given.keytwin, given.assumptions[0], *given.summary, *given.hashes.values()),
        *(run.id, run.trace, *figures, *(each.remark for each in given.baseline)),
        *(each.reason[1:] for each in given.wishes),
        *(each.id for each in given.places),
        *(each.id for each in given.channels),
        *(change.was, change.becomes, *given.clash[0][0][1:].split(), given.left_out["c--d"]),
        *(
            "keytwin run runs/attack-2-channels.yaml --seed 7",
            "keytwin eval --replay verdict.json",
            "events 1,200 to 3,400",
        ),
    ):
        assert words in text


def test_the_parts_of_a_report_come_in_the_order_of_its_questions(drawn: Path) -> None:
    html = report_of(answer(), drawn)
    order = ("overview", "needs", "without", "network", "choices", "proposals", "ways-out", "architecture", "runs")
    places = [html.index(f'<h2 id="{name}">') for name in (*order, "assumptions", "versions", "words")]
    assert places == sorted(places)


def test_drawings_of_choices_are_folded_and_the_main_ones_are_not(drawn: Path) -> None:
    page = read_page(report_of(answer(), drawn))
    assert len([name for name in page.drawn if name.startswith("Drawing of")]) == 2
    assert "Drawing of QKD protocol: Decoy-state BB84" in page.drawn
    assert "2 drawings of single choices are folded" in page.text


def test_a_report_without_drawings_has_the_map_still(tmp_path: Path) -> None:
    page = read_page(report_of(answer(), tmp_path))
    assert [name for name in page.drawn if name.startswith("Map of the network small")]
    assert "architecture" not in page.ids


def test_a_run_in_which_nothing_happened_has_a_report() -> None:
    page = read_page(report_of_run(EMPTY, "ab" * 32))
    assert page.faults == []
    assert "Nothing went wrong" in page.text
    assert "ab" * 32 in page.text
