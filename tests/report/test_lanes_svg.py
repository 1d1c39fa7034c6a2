"""The lanes as a figure for papers."""

from __future__ import annotations

from collections.abc import Callable
from xml.etree import ElementTree as ET

import pytest
from matplotlib.colors import to_hex

from keytwin.report.lanes import Mark, lanes_of
from keytwin.report.lanes_svg import COLOURS, DASHES, SHAPES, draw_lanes, lanes_as_svg
from keytwin.vocabulary.events import KeysAnswered
from keytwin.vocabulary.identity import ElementName, KeyId, Ksid, NodeId, SaeId
from keytwin.vocabulary.units import Duration, Instant
from tests.report.happenings import Published, experiment, session

SVG = "{http://www.w3.org/2000/svg}"


def test_equal_lanes_give_equal_bytes() -> None:
    assert lanes_as_svg(lanes_of(experiment())) == lanes_as_svg(lanes_of(experiment()))


def test_holds_no_date_and_its_title() -> None:
    root = ET.fromstring(lanes_as_svg(lanes_of(experiment()), "star6/fig4"))  # noqa: S314  # our own bytes
    text = ET.tostring(root, encoding="unicode")
    assert root.tag == f"{SVG}svg"
    assert "star6/fig4" in text
    assert ":date" not in text


def test_each_session_has_a_colour_and_a_dash_of_its_own() -> None:
    figure = draw_lanes(lanes_of(experiment()))
    (axes,) = figure.axes
    drawn = {(to_hex(line.get_color()).upper(), str(line.get_linestyle())) for line in axes.lines}
    assert {colour.upper() for colour in COLOURS[:3]} <= {colour for colour, _ in drawn}
    assert len(set(DASHES)) == len(DASHES)


def test_each_kind_of_mark_has_a_shape_of_its_own() -> None:
    assert set(SHAPES) == set(Mark)
    assert len(set(SHAPES.values())) == len(Mark)


def crowd() -> list[Published]:
    """Nine sessions with many answers each: more than a legend line holds."""
    published = [event for number in range(9) for event in session("app23", 60_000 + number, f"app{number}")]
    for number in range(20):
        for at in (70 * 10**9, 71 * 10**9):
            key = (KeyId(str(number)),)
            node, sae = (NodeId("km2"), SaeId("a")) if at < 71 * 10**9 else (NodeId("km3"), SaeId("b"))
            answered = KeysAnswered(node, Ksid("ksid-of-app1"), sae, key, is_master=True, waited=Duration(0))
            published.append((Instant(at + number * 10**8), ElementName(f"km/{node}"), answered))
    return sorted(published, key=lambda each: each[0])


@pytest.mark.parametrize("events", [experiment, crowd])
def test_no_two_texts_overlap(events: Callable[[], list[Published]]) -> None:
    figure = draw_lanes(lanes_of(events()))
    figure.draw_without_rendering()
    (axes,) = figure.axes
    texts = [*axes.texts, *(text for legend in figure.legends for text in legend.get_texts())]
    boxes = [text.get_window_extent() for text in texts if text.get_text()]
    assert len(boxes) > 20
    overlapping = [
        (texts[a].get_text(), texts[b].get_text())
        for a in range(len(boxes))
        for b in range(a)
        if boxes[a].overlaps(boxes[b])
    ]
    assert overlapping == []


def test_draws_one_session_and_none_at_all() -> None:
    assert lanes_as_svg(lanes_of(session("app23", 1_000))).startswith(b"<?xml")
    assert lanes_as_svg(lanes_of([])).startswith(b"<?xml")
