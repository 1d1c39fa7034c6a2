"""The report of a run: every number in it is counted from the events of its trace."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from keytwin.report.html import report_of_run
from keytwin.report.html_run import MOST_ROWS
from keytwin.runtime.trace import Happening, Header, Trace
from keytwin.vocabulary.events import (
    AlarmRaised,
    BlockDistilled,
    ElementRestarted,
    ElementStopped,
    KeyDenied,
    LinkStatusChanged,
    SessionAdmitted,
    SessionOver,
    SessionRejected,
    ViolationSeen,
)
from keytwin.vocabulary.identity import AppId, ElementName, Ksid, LinkId, NodeId, SaeId
from keytwin.vocabulary.machine import Event
from keytwin.vocabulary.topology import Route
from keytwin.vocabulary.units import Bits, BitsPerSecond, Duration, Instant, seconds
from tests.report.happenings import experiment, session
from tests.report.pages import Page, read_page

DIGEST = "12" * 32


def page_of(happenings: Sequence[tuple[Instant, ElementName, Event]], name: str = "a run") -> Page:
    trace = Trace(Header(1, "keytwin trace", name, 42, "0.0.1"), tuple(Happening(*each) for each in happenings))
    html = report_of_run(trace, DIGEST)
    page = read_page(html)
    assert page.faults == []
    assert html == report_of_run(trace, DIGEST)
    return page


def at(when: float, event: Event) -> tuple[Instant, ElementName, Event]:
    return Instant(seconds(when)), ElementName("somebody"), event


def test_the_published_experiment() -> None:
    text = page_of(experiment()).text
    assert "3 sessions got 6 keys handed out." in text
    assert "Nothing went wrong" in text
    assert "app23" in text
    assert "km2 - km0 - km3" in text
    for said in ("app01-a", "42", DIGEST, "keytwin 0.0.1", "2.00%"):
        assert said in text


def test_the_lanes_are_drawn() -> None:
    page = page_of(experiment())
    assert [name for name in page.drawn if name.startswith("Event lanes of a run")]
    assert page.counts["svg"] == 1


def test_more_sessions_than_a_figure_holds_are_not_drawn() -> None:
    events = sorted(
        (each for n in range(60) for each in session("app01", 60_000.0, f"app{n}")), key=lambda each: each[0]
    )
    page = page_of(events)
    assert page.counts["svg"] == 0
    assert "There are 60 sessions, too many for this page" in page.text


@pytest.mark.parametrize(
    ("event", "told"),
    [
        (AlarmRaised(LinkId("a--b"), "no key", is_on=True), "alarm link a--b: no key"),
        (AlarmRaised(LinkId("a--b"), "no key", is_on=False), "alarm over link a--b: no key"),
        (LinkStatusChanged(LinkId("a--b"), "DOWN", "cut"), "link a--b is DOWN: cut"),
        (
            SessionRejected(AppId("app"), SaeId("sae"), "no", "there is no route"),
            "a session of app for sae: there is no route",
        ),
        (KeyDenied(NodeId("a"), SaeId("sae"), "too much"), "keys for sae at a: too much"),
        (ViolationSeen("replay", "a message twice"), "violation replay: a message twice"),
        (ElementStopped(ElementName("km/a"), "killed"), "stopped km/a: killed"),
        (ElementRestarted(ElementName("km/a")), "started km/a"),
    ],
)
def test_what_an_operator_would_be_told(event: Event, told: str) -> None:
    text = page_of([at(1.5, event)]).text
    words = re.sub(r"(1\.500 s)(alarm over|alarm|link|refused|violation|stopped|started)", r"\1 \2 ", text)
    assert told in words


def test_warnings_are_counted() -> None:
    events = [
        at(1, ViolationSeen("a", "b")),
        at(2, AlarmRaised(LinkId("l"), "c", is_on=True)),
        at(3, ElementRestarted(ElementName("x"))),
    ]
    assert "There were 2 warnings" in page_of(events).text


def test_a_session_that_moves_and_ends() -> None:
    ksid, app = Ksid("k"), AppId("app")

    def admitted(epoch: int, *nodes: str) -> Event:
        return SessionAdmitted(ksid, app, epoch, Route(tuple(map(NodeId, nodes)), ()), BitsPerSecond(1_000))

    over = SessionOver(NodeId("a"), ksid, "closed")
    later = SessionOver(NodeId("b"), ksid, "closed later")
    text = page_of([at(1, admitted(1, "a", "b")), at(2, admitted(2, "a", "c", "b")), at(9, over), at(10, later)]).text
    assert "a - c - b (moved 1 time)" in text
    assert "the session of app goes by a - c - b now" in text
    assert "9.000 s: closed" in text
    assert "closed later" not in text


def test_links_by_what_they_made() -> None:
    def block(size: int, qber: float) -> Event:
        return BlockDistilled(LinkId("a--b"), 1, Bits(size), qber, Duration(1))

    page = page_of([at(1, block(1_000, 0.02)), at(2, block(0, 0.25)), at(3, block(500, 0.03))])
    assert "a--b311,500 bit25.00%" in page.text


def test_a_long_run_is_told_in_part() -> None:
    events = [at(number, ViolationSeen("x", f"number {number}")) for number in range(MOST_ROWS + 7)]
    text = page_of(events).text
    assert f"number {MOST_ROWS - 1}" in text
    assert f"number {MOST_ROWS} " not in text
    assert "... and 7 more" in text
    assert f"There were {MOST_ROWS + 7} warnings" in text


def test_words_that_mean_harm_are_text() -> None:
    harm = "<script>alert(1)</script>"
    text = page_of([at(1, ViolationSeen(harm, harm)), *experiment()[:0]], harm).text
    assert text.count(harm) >= 4
