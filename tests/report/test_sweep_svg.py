"""The figure of a sweep: what is in it, with its intervals, and always the same bytes."""

from __future__ import annotations

from xml.etree import ElementTree as ET

import numpy as np
import pytest
from matplotlib.container import ErrorbarContainer

from keytwin.report.sweep_statistics import summarised
from keytwin.report.sweep_svg import FONT_SIZE, draw_sweep, sweep_as_svg
from tests.report.sweeps import LOADS, METRICS, plan, row, rows


def containers() -> list[ErrorbarContainer]:
    (axes,) = draw_sweep(plan(), summarised(plan(), rows()), "blocking").axes
    return [each for each in axes.containers if isinstance(each, ErrorbarContainer)]


def test_equal_sweeps_give_equal_bytes() -> None:
    drawn = sweep_as_svg(plan(), summarised(plan(), rows()), "blocking")
    assert drawn == sweep_as_svg(plan(), summarised(plan(), rows()), "blocking")
    assert b"<dc:date>" not in drawn
    assert ET.fromstring(drawn).tag.endswith("svg")  # noqa: S314  # our own


def test_there_is_a_line_for_each_metric_over_the_loads() -> None:
    assert [each.get_label() for each in containers()] == list(METRICS)
    for each in containers():
        assert np.asarray(each.lines[0].get_xdata()).tolist() == list(LOADS)
        assert np.asarray(each.lines[0].get_ydata()).tolist() == pytest.approx([0.3, 0.4])


def test_error_bars_are_the_intervals() -> None:
    for each in containers():
        assert each.has_yerr
        (bars,) = each.lines[2]
        spans = [np.asarray(segment)[:, 1].tolist() for segment in bars.get_segments()]
        assert [high - low for low, high in spans] == pytest.approx([2 * 0.657241] * 2, rel=1e-5)
        assert [(high + low) / 2 for low, high in spans] == pytest.approx([0.3, 0.4])


def test_lines_are_told_apart_without_colour() -> None:
    looks = {(str(each.lines[0].get_marker()), each.lines[0].get_linestyle()) for each in containers()}
    assert len(looks) == len(METRICS)


def test_axes_say_what_they_show() -> None:
    (axes,) = draw_sweep(plan(), summarised(plan(), rows()), "hops").axes
    assert axes.get_xlabel() == "offered load, as a share of what all links make"
    assert axes.get_ylabel() == "mean hops of the sessions carried"
    assert axes.get_title() == "ring5, 3 seeds, 95% intervals"
    assert axes.get_ylim()[0] == axes.get_xlim()[0] == 0.0


def test_letters_are_large_enough_for_half_the_size() -> None:
    (axes,) = draw_sweep(plan(), summarised(plan(), rows()), "hops").axes
    assert float(axes.yaxis.label.get_fontsize()) / 2 >= 6
    assert FONT_SIZE / 2 >= 6


def test_a_sweep_in_which_nothing_came_is_drawn_empty() -> None:
    empty = [row(cell.metric, cell.load, cell.seed, None) for cell in plan().cells]
    (axes,) = draw_sweep(plan(), summarised(plan(), empty), "blocking").axes
    assert axes.get_ylim() == (0.0, 1.0)
