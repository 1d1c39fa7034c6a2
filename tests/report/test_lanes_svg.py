"""The lanes as a figure for papers."""

from __future__ import annotations

from xml.etree import ElementTree as ET

from matplotlib.colors import to_hex

from keytwin.report.lanes import Mark, lanes_of
from keytwin.report.lanes_svg import COLOURS, DASHES, SHAPES, draw_lanes, lanes_as_svg
from tests.report.happenings import experiment, session

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


def test_no_two_texts_overlap() -> None:
    figure = draw_lanes(lanes_of(experiment()))
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
